//! `GET /v1/conversations/ID`: every record of a conversation, in order, as a JSON array.

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::{READERS, require};
use crate::model::{ErrorKind, PublicRecord, Record};
use crate::relay::{Problem, Token};
use crate::web::Web;

pub async fn show(
    State(web): State<Web>,
    Token(identity): Token,
    Path(conversation): Path<String>,
) -> Result<Response, Problem> {
    require(&identity, READERS, "read conversations")?;
    let records = web.relay.thread(&identity.shop, &conversation).map_err(|error| Problem::from(&error))?;
    let public: Vec<PublicRecord<'_>> = records.iter().map(Record::public).collect();
    let json = serde_json::to_vec(&public).map_err(|error| Problem::new(ErrorKind::Bug, error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}
