//! `POST /v1/events`: one event as JSON, or many as lines of JSON; one answer each, in order.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{NDJSON, parsed};
use crate::access::{Action, Identity};
use crate::model::{Ack, CanonicalEvent, ErrorKind, Kinded, Origin};
use crate::relay::{Answers, Outcome, RelayError, prepare};
use crate::server::{Problem, Service, Token};

/// Most events in one HTTP body: more than fit at a realistic 300 bytes each, so that bytes are the
/// bound that is reached first.
const BATCH_EVENTS_MAX: usize = 50_000;
/// How many of a batch's events were kept before.
pub const DUPLICATES_HEADER: &str = "verbatim-duplicates";
/// Bytes of a short event, about: room is made for as many as a body can hold of these.
const LINE_BYTES_MIN: usize = 160;
/// Bytes of one ack, about.
const ACK_BYTES: usize = 200;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct AppendQuery {
    #[serde(default = "live")]
    origin: Origin,
}

fn live() -> Origin {
    Origin::Live
}

/// Takes in one event or many, and answers with their receipts.
#[utoipa::path(
    post, path = "/v1/events", tag = "chat",
    params(AppendQuery),
    request_body(description = "One event as `application/json`, or one a line as `application/x-ndjson`",
        content((ref("#/components/schemas/Event") = "application/json"), (String = "application/x-ndjson"))),
    responses((status = 200, description = "The receipt; of many, a line for each, a receipt or a problem",
        content((Ack = "application/json"), (String = "application/x-ndjson")),
        headers(("verbatim-duplicates" = u64, description = "How many of the events were kept before")))),
)]
pub(super) async fn append(
    State(service): State<Service>,
    Token(identity): Token,
    query: Result<Query<AppendQuery>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let AppendQuery { origin } = parsed(query)?;
    let body = service.admission.bodies.read(&identity, &headers, body).await?;
    let media_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    match media_type.split(';').next().unwrap_or("").trim() {
        "application/json" => append_one(&service, identity, origin, &body.bytes).await,
        NDJSON | "application/jsonl" => append_lines(&service, identity, origin, &body.bytes).await,
        other => Err(Problem::with_status(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!(
                "content-type `{other}` must be application/json (one event) or {NDJSON} (one a line)"
            ),
        )),
    }
}

async fn append_one(
    service: &Service,
    identity: Arc<Identity>,
    origin: Origin,
    body: &[u8],
) -> Result<Response, Problem> {
    let slowed = service.admission.rates.events(&identity, 1);
    slowed.inspect_err(|_| service.counts.count_too_fast(1))?;
    let sees_offsets = identity.may(Action::SeeOffsets);
    let outcome = match prepare(&identity, origin, body) {
        Ok(event) => service.relay.append_one(identity, event).await,
        Err(error) => Err(error),
    };
    service.counts.count(&outcome);
    let Outcome { ack, duplicate } = outcome?;
    let mut response = if sees_offsets {
        axum::Json(ack).into_response()
    } else {
        axum::Json(ack.for_customer()).into_response()
    };
    response.headers_mut().insert(DUPLICATES_HEADER, HeaderValue::from(u16::from(duplicate)));
    Ok(response)
}

/// Each event is kept or refused for itself, whatever its neighbours are.
async fn append_lines(
    service: &Service,
    identity: Arc<Identity>,
    origin: Origin,
    body: &[u8],
) -> Result<Response, Problem> {
    // Counted before they are read, which is most of the work of refusing them.
    let count = lines_of(body).count();
    let slowed = service.admission.rates.events(&identity, count);
    slowed.inspect_err(|_| service.counts.count_too_fast(count))?;
    let (lines, events) = read_lines(&identity, origin, body)?;
    let sees_offsets = identity.may(Action::SeeOffsets);
    for error in lines.iter().filter_map(|line| line.refused.as_ref()) {
        service.counts.count_refusal(error.kind());
    }
    let outcomes = service.relay.append(identity, events).await?;
    service.counts.count_all(&outcomes);
    let outcomes = undecided(&lines, outcomes)?;
    let duplicates = outcomes.iter().flatten().filter(|outcome| outcome.duplicate).count();
    let mut response =
        ([(header::CONTENT_TYPE, NDJSON)], answer_lines(lines, outcomes, sees_offsets))
            .into_response();
    response.headers_mut().insert(DUPLICATES_HEADER, HeaderValue::from(duplicates));
    Ok(response)
}

/// Where every event was refused for now: the same refusal of the whole, by which a client that looks at
/// the status alone tries again.
fn undecided(lines: &[Line], outcomes: Answers) -> Result<Answers, Problem> {
    let is_held_up = |outcome: &Result<Outcome, RelayError>| {
        outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::Retry)
    };
    let all = lines.iter().all(|line| line.refused.is_none()) && outcomes.iter().all(is_held_up);
    if !all {
        return Ok(outcomes);
    }
    match outcomes.into_iter().next() {
        Some(Err(first)) => Err(first.into()),
        first => Ok(first.into_iter().collect()),
    }
}

/// One line of a body that is not empty.
struct Line {
    /// From 1, empty lines counted.
    number: usize,
    /// Why it never reached the appender.
    refused: Option<RelayError>,
}

/// The lines of a body that are not empty, with their numbers from 1.
fn lines_of(body: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    (1..).zip(body.split(|byte| *byte == b'\n')).filter(|(_, line)| !line.trim_ascii().is_empty())
}

/// Every line, and the events of those that were not refused, in order.
fn read_lines(
    identity: &Identity,
    origin: Origin,
    body: &[u8],
) -> Result<(Vec<Line>, Vec<CanonicalEvent>), Problem> {
    // Half a kilobyte each: growing would copy them again and again.
    let count = (body.len() / LINE_BYTES_MIN + 1).min(BATCH_EVENTS_MAX);
    let (mut read, mut events) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for (number, line) in lines_of(body) {
        if read.len() == BATCH_EVENTS_MAX {
            let detail = format!("a batch is at most {BATCH_EVENTS_MAX} events");
            return Err(Problem::with_status(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
        let refused = prepare(identity, origin, line).map(|event| events.push(event)).err();
        read.push(Line { number, refused });
    }
    if read.is_empty() {
        return Err(Problem::new(ErrorKind::BadInput, "the body is empty: send one event a line"));
    }
    Ok((read, events))
}

/// A line of JSON for each line read: the refusal, or what became of its event.
fn answer_lines(lines: Vec<Line>, outcomes: Answers, sees_offsets: bool) -> Vec<u8> {
    let mut outcomes = outcomes.into_iter();
    let mut body = Vec::with_capacity(lines.len() * ACK_BYTES);
    for Line { number, refused } in lines {
        let outcome = match refused {
            Some(error) => Err(error),
            // The appender answers every event it is handed.
            None => outcomes
                .next()
                .unwrap_or(Err(RelayError::Closed { reason: "no answer".to_string() })),
        };
        // Into memory, from types whose serialization cannot fail.
        let _ = match outcome {
            Ok(outcome) if sees_offsets => serde_json::to_writer(&mut body, &outcome.ack),
            Ok(outcome) => serde_json::to_writer(&mut body, &outcome.ack.for_customer()),
            Err(error) => serde_json::to_writer(&mut body, &Problem::from(error).at_line(number)),
        };
        body.push(b'\n');
    }
    body
}
