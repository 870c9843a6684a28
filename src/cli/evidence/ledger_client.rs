//! Asks a server for what its ledger shows. Whatever it answers may be a lie of any length.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use reqwest::header::AUTHORIZATION;
use reqwest::{Response, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::ledger::PublicKeys;
use crate::model::LeafHash;

/// How long a server has for one answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
/// Of one answer at most: room for a thousand keys.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

pub(super) struct LedgerClient {
    base: Url,
    token: Option<String>,
    http: reqwest::Client,
}

/// A proof of either kind.
#[derive(Deserialize)]
struct Proof {
    hashes: Vec<LeafHash>,
}

impl LedgerClient {
    pub(super) fn new(mut base: Url, token: Option<String>) -> anyhow::Result<LedgerClient> {
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let http = reqwest::Client::builder().timeout(ANSWER_TIME_MAX).no_proxy().build()?;
        Ok(LedgerClient { base, token, http })
    }

    pub(super) async fn keys(&self) -> anyhow::Result<PublicKeys> {
        self.json("v1/ledger", &[]).await
    }

    pub(super) async fn checkpoint(&self) -> anyhow::Result<String> {
        let body = self.get("v1/checkpoint", &[]).await?;
        String::from_utf8(body).context("the checkpoint is no text")
    }

    pub(super) async fn consistency(&self, from: u64, to: u64) -> anyhow::Result<Vec<[u8; 32]>> {
        self.proof_of("v1/consistency", &[("from", from), ("to", to)]).await
    }

    /// The way from the leaf at `offset` to the root of the tree of `size` leaves.
    pub(super) async fn inclusion(&self, offset: u64, size: u64) -> anyhow::Result<Vec<[u8; 32]>> {
        self.proof_of("v1/proof", &[("offset", offset), ("size", size)]).await
    }

    async fn proof_of(&self, path: &str, query: &[(&str, u64)]) -> anyhow::Result<Vec<[u8; 32]>> {
        let proof: Proof = self.json(path, query).await?;
        Ok(proof.hashes.into_iter().map(|hash| hash.0).collect())
    }

    async fn json<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, u64)],
    ) -> anyhow::Result<T> {
        let body = self.get(path, query).await?;
        serde_json::from_slice(&body).with_context(|| format!("`{path}` was answered otherwise"))
    }

    async fn get(&self, path: &str, query: &[(&str, u64)]) -> anyhow::Result<Vec<u8>> {
        let mut request = self.http.get(self.base.join(path)?).query(query);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let response = request.send().await?;
        let status = response.status();
        let body = bounded(response).await?;
        if !status.is_success() {
            let said: String = String::from_utf8_lossy(&body).chars().take(300).collect();
            bail!("`{path}` was answered with {status}: {said}");
        }
        Ok(body)
    }
}

async fn bounded(mut response: Response) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        ensure!(body.len() + chunk.len() <= ANSWER_BYTES_MAX, "the answer has no end");
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
