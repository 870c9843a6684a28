//! What pages load besides themselves, built into the binary: style sheet, script, icon.
//!
//! Invariant: an address with the right hash (as [`address`] makes it) may be kept for ever; others
//! are asked again.

use std::sync::LazyLock;

use axum::extract::{Path, RawQuery};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::transcript::DOCUMENT_SHEET;

struct Asset {
    name: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
    /// First 12 hex digits of the bytes' SHA-256.
    hash: String,
}

/// Pages have one sheet: what charts need comes first.
const SHEET: &str = concat!(include_str!("assets/charts.css"), include_str!("assets/style.css"));

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    vec![
        asset("style.css", "text/css; charset=utf-8", SHEET.as_bytes()),
        asset("live.js", "text/javascript; charset=utf-8", include_bytes!("assets/live.js")),
        asset("search.js", "text/javascript; charset=utf-8", include_bytes!("assets/search.js")),
        asset(
            "transcript.js",
            "text/javascript; charset=utf-8",
            include_bytes!("assets/transcript.js"),
        ),
        asset("document.css", "text/css; charset=utf-8", DOCUMENT_SHEET.as_bytes()),
        asset("icon.svg", "image/svg+xml", include_bytes!("assets/icon.svg")),
    ]
});

fn asset(name: &'static str, media_type: &'static str, bytes: &'static [u8]) -> Asset {
    let hash = hex::encode(&Sha256::digest(bytes)[..6]);
    Asset { name, media_type, bytes, hash }
}

/// An asset's address, which changes with its content.
pub(super) fn address(name: &str) -> String {
    let hash =
        ASSETS.iter().find(|asset| asset.name == name).map_or("", |asset| asset.hash.as_str());
    format!("/assets/{name}?v={hash}")
}

pub(super) async fn serve(Path(name): Path<String>, RawQuery(query): RawQuery) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let current =
        query.as_deref().and_then(|query| query.strip_prefix("v=")) == Some(asset.hash.as_str());
    let keep = if current { "public, max-age=31536000, immutable" } else { "no-cache" };
    ([(header::CONTENT_TYPE, asset.media_type), (header::CACHE_CONTROL, keep)], asset.bytes)
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_right_hash_is_kept_for_ever_and_unknown_names_are_not_found() {
        let cache = |response: &Response| {
            response.headers()[header::CACHE_CONTROL].to_str().unwrap().to_string()
        };
        let hash = address("style.css").split_once('?').unwrap().1.to_string();
        let current = serve(Path("style.css".to_string()), RawQuery(Some(hash))).await;
        assert!(cache(&current).contains("immutable"));
        let old =
            serve(Path("style.css".to_string()), RawQuery(Some("v=000000000000".to_string())))
                .await;
        assert_eq!(cache(&old), "no-cache");
        for name in ["", "nothing.js", "../mod.rs"] {
            let status = serve(Path(name.to_string()), RawQuery(None)).await.status();
            assert_eq!(status, StatusCode::NOT_FOUND, "{name}");
        }
    }
}
