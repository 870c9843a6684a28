//! `GET /v1/conversations/ID`: every record of a conversation, in order, as a JSON array that is written
//! as it is read.

use std::io;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use hyper::body::Frame;

use super::{Passed, streamed};
use crate::access::{Identity, right_to_read};
use crate::model::{Access, AccessAction, Seq, Via};
use crate::records::{Listing, Page, PageSize, RecordsError};
use crate::server::{For, Problem, Service, Token};
use crate::trail::UnderWay;

/// What is in memory of one answer.
const PAGE: PageSize = PageSize { count_max: 512, bytes_max: 512 * 1024 };

/// All records of a conversation.
#[utoipa::path(
    get, path = "/v1/conversations/{conversation}", tag = "chat",
    params(("conversation" = String, Path)),
    responses((status = 200, description = "A list of records (`Record`), streamed", content_type = "application/json", body = serde_json::Value)),
)]
pub(super) async fn show(
    State(service): State<Service>,
    Token(identity): Token,
    For(purpose): For,
    Path(conversation): Path<String>,
) -> Result<Response, Problem> {
    identity.require(right_to_read(&conversation))?;
    let access = Access {
        conversation: Some(conversation.clone()),
        ..Access::new(AccessAction::View, Via::Api, purpose)
    };
    let access = service.trail().begin(identity.clone(), access);
    let mut reading = Reading {
        service,
        identity,
        conversation,
        listing: None,
        next: Next::Records { after: Seq(0) },
        passed: Passed::default(),
        access: Some(access),
    };
    // The first page decides whether there is anything.
    let first = reading.page(Seq(0)).await?;
    if first.is_none() {
        reading.finish();
        return Err(RecordsError::NoConversation { conversation: reading.conversation }.into());
    }
    let rest = futures::stream::unfold((reading, first), next_frame);
    Ok(streamed("application/json", rest))
}

/// An answer on its way.
struct Reading {
    service: Service,
    identity: Arc<Identity>,
    conversation: String,
    /// Where its records are, for as long as there are more of them.
    listing: Option<Listing>,
    next: Next,
    passed: Passed,
    /// Gone once it is recorded.
    access: Option<UnderWay>,
}

/// What of an answer comes next.
#[derive(Clone, Copy)]
enum Next {
    Records { after: Seq },
    Trailers,
    Nothing,
}

type Ready = Option<Vec<u8>>;

async fn next_frame(
    (mut reading, ready): (Reading, Ready),
) -> Option<(io::Result<Frame<Bytes>>, (Reading, Ready))> {
    let bytes = match (ready, reading.next) {
        (Some(bytes), _) => Ok(bytes),
        (None, Next::Records { after }) => {
            let page = reading.page(after).await;
            page.map(Option::unwrap_or_default).map_err(|problem| io::Error::other(problem.detail))
        }
        (None, Next::Trailers) => {
            reading.next = Next::Nothing;
            reading.finish();
            return Some((Ok(reading.passed.trailers()), (reading, None)));
        }
        (None, Next::Nothing) => return None,
    };
    if let Err(error) = &bytes {
        tracing::error!(%error, "an answer broke off");
        reading.next = Next::Nothing;
    }
    let frame = bytes.map(|bytes| {
        reading.passed.bytes += bytes.len() as u64;
        Frame::data(bytes.into())
    });
    Some((frame, (reading, None)))
}

impl Reading {
    /// The answer is whole.
    fn finish(&mut self) {
        if let Some(access) = self.access.take() {
            access.finish();
        }
    }

    /// The next part of the array; `None` where the conversation has nothing at all.
    async fn page(&mut self, after: Seq) -> Result<Option<Vec<u8>>, Problem> {
        let (records, identity) = (self.service.records.clone(), self.identity.clone());
        let (conversation, listing) = (self.conversation.clone(), self.listing.take());
        let read = move || -> Result<_, RecordsError> {
            let listing = match listing {
                Some(listing) => listing,
                None => records.listing(&identity.shop, &conversation)?,
            };
            let page = records.page(&listing, after, PAGE)?;
            let last = page.records.last().map_or(after, |record| record.seq);
            let rows = page.records.len() as u64;
            Ok((array_part(&page, after == Seq(0)), last, rows, page.has_more, listing))
        };
        let (json, last, rows, has_more, listing) = self.service.read(&self.identity, read).await?;
        self.listing = has_more.then_some(listing);
        self.passed.rows += rows;
        if let Some(access) = &mut self.access {
            access.add(rows);
        }
        self.next = if has_more { Next::Records { after: last } } else { Next::Trailers };
        Ok((after > Seq(0) || rows > 0).then_some(json))
    }
}

/// The records of a page as part of one array.
fn array_part(page: &Page, is_first: bool) -> Vec<u8> {
    let mut json = Vec::new();
    for (index, record) in page.records.iter().enumerate() {
        json.push(if is_first && index == 0 { b'[' } else { b',' });
        // Into memory, from types whose serialization cannot fail.
        let _ = serde_json::to_writer(&mut json, &record.public());
    }
    if !page.has_more {
        json.push(b']');
    }
    json
}
