//! Errors as RFC 9457 problem documents, and the one place where an error's kind becomes an HTTP
//! status.

use std::time::{Duration, Instant};

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::{ErrorKind, FieldError, Kinded};

/// An error as clients see it. `field`, `value` and `rule` are there when one field is to blame,
/// `position` when it is known from which character of it on (from 1);
/// `line` (from 1) and `id` when the error is about one event of many; `retry_after`, in seconds, when
/// the same may be answered later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    pub r#type: String,
    pub title: String,
    pub status: u16,
    pub detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

/// When to try again what could not be answered for now.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Different errors that are logged in a second.
const TEXTS_A_SECOND: usize = 16;

/// The HTTP status of an error's kind.
pub fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Retry | ErrorKind::Closed => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::BadInput => StatusCode::BAD_REQUEST,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Gone => StatusCode::GONE,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Denied => StatusCode::FORBIDDEN,
        ErrorKind::Corrupt | ErrorKind::Bug => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What a client is told of an error that is not its own fault; `None` where it is.
fn text_of_our_fault(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::Retry => Some(
            "the server is busy, or a store stands still: try again in a moment; `verbatim status` says more",
        ),
        ErrorKind::Closed => Some("the server is stopping or takes no more events: try again"),
        ErrorKind::Corrupt | ErrorKind::Bug => {
            Some("the server could not answer; its log says why")
        }
        ErrorKind::BadInput
        | ErrorKind::NotFound
        | ErrorKind::Conflict
        | ErrorKind::Gone
        | ErrorKind::Unauthenticated
        | ErrorKind::Denied => None,
    }
}

/// A batch meets what holds the relay up line by line: fifty thousand lines of the same, perhaps on a
/// disk that is full. So each text is logged once a second, and a few texts at most.
fn log_once_a_second(error: String) {
    static LAST: Mutex<Vec<(String, Instant)>> = Mutex::new(Vec::new());
    let mut last = LAST.lock();
    last.retain(|(_, at)| at.elapsed() < Duration::from_secs(1));
    if last.len() < TEXTS_A_SECOND && last.iter().all(|(said, _)| *said != error) {
        tracing::error!(error, "a request failed");
        last.push((error, Instant::now()));
    }
}

impl Problem {
    /// A problem of one kind; `detail` is for people.
    pub fn new(kind: ErrorKind, detail: impl Into<String>) -> Problem {
        let problem = Problem::with_status(status_of(kind), detail);
        match kind {
            ErrorKind::Retry | ErrorKind::Closed => problem.again_in(RETRY_AFTER),
            _ => problem,
        }
    }

    /// One subject asks or sends too much; `wait` is when it may go on.
    pub fn too_many(detail: impl Into<String>, wait: Duration) -> Problem {
        Problem::with_status(StatusCode::TOO_MANY_REQUESTS, detail).again_in(wait)
    }

    /// The same problem, which may be none after `wait`.
    fn again_in(self, wait: Duration) -> Problem {
        // Not a moment too early.
        Problem { retry_after: Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)), ..self }
    }

    /// A problem with a status that no kind stands for, such as 413.
    pub fn with_status(status: StatusCode, detail: impl Into<String>) -> Problem {
        Problem {
            r#type: "about:blank".to_string(),
            title: status.canonical_reason().unwrap_or("Error").to_string(),
            status: status.as_u16(),
            detail: detail.into(),
            ..Problem::default()
        }
    }

    /// The same problem, with `field` to blame.
    pub fn blaming(self, field: &FieldError) -> Problem {
        let FieldError { field, value, rule } = field.clone();
        Problem {
            field: Some(field).filter(|field| !field.is_empty()),
            value: Some(value),
            rule: Some(rule),
            ..self
        }
    }

    /// The same problem, about one line of a batch.
    pub fn at_line(self, line: usize) -> Problem {
        Problem { line: Some(line), ..self }
    }

    /// The same problem, about the event with this id.
    pub fn about(self, id: Option<String>) -> Problem {
        Problem { id, ..self }
    }
}

/// The one conversion from an error to its answer.
impl<E: Kinded> From<E> for Problem {
    fn from(error: E) -> Problem {
        let kind = error.kind();
        let detail = match text_of_our_fault(kind).map(|usual| (usual, error.told())) {
            Some((_, Some(told))) => told.to_string(),
            // Texts of our own faults name paths and reasons: they are for the operator's log.
            Some((text, None)) => {
                log_once_a_second(error.to_string());
                text.to_string()
            }
            None => error.to_string(),
        };
        let problem = Problem { position: error.position(), ..Problem::new(kind, detail) };
        match error.field() {
            Some(field) => problem.blaming(field),
            None => problem,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after;
        let mut response = (status, Json(self)).into_response();
        let media_type = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, media_type);
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
