//! temporary: pages to come
mod api;
mod server;
use crate::app::StatusReader;
use crate::relay::Relay;
use crate::search::Search;
use crate::sql::Sql;
pub use api::{COMPLETE_TO_HEADER, ExportParameters, SearchParameters};
use axum::extract::FromRef;
pub use server::serve;
#[derive(Clone)]
pub struct Web {
    pub relay: Relay,
    pub sql: Sql,
    pub search: Search,
    pub status: StatusReader,
    pub zone: chrono_tz::Tz,
}
impl FromRef<Web> for Relay {
    fn from_ref(web: &Web) -> Relay {
        web.relay.clone()
    }
}
pub fn routes() -> axum::Router<Web> {
    axum::Router::new()
}
pub async fn not_found() -> axum::http::StatusCode {
    axum::http::StatusCode::NOT_FOUND
}
