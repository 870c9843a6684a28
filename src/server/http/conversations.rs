//! `GET /v1/conversations/ID`: every record of a conversation, in order, as a JSON array.

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::access::Action;
use crate::model::{ErrorKind, PublicRecord, Record};
use crate::server::{Problem, Service, Token};

pub(super) async fn show(
    State(service): State<Service>,
    Token(identity): Token,
    Path(conversation): Path<String>,
) -> Result<Response, Problem> {
    identity.require(Action::ReadConversations)?;
    let (records, shop) = (service.records.clone(), identity.shop.clone());
    let records =
        service.read(&identity, move || records.conversation(&shop, &conversation)).await?;
    let public: Vec<PublicRecord<'_>> = records.iter().map(Record::public).collect();
    let json = serde_json::to_vec(&public)
        .map_err(|error| Problem::new(ErrorKind::Bug, error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}
