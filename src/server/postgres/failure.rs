//! Errors as clients of the wire see them.

use pgwire::error::ErrorInfo;
use pgwire::messages::response::{ErrorResponse, NoticeResponse};

use super::wire::Unreadable;
use crate::access::AccessError;
use crate::model::FieldError;
use crate::server::Problem;
use crate::sql::{SqlError, sqlstate_of};

/// What went wrong, by SQLSTATE and in words.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) sqlstate: &'static str,
    pub(super) said: String,
    /// The connection ends with it.
    pub(super) is_fatal: bool,
}

/// The state of a client that is gone.
const GONE: &str = "08006";

impl Failure {
    pub(super) fn new(sqlstate: &'static str, said: impl Into<String>) -> Failure {
        Failure { sqlstate, said: said.into(), is_fatal: false }
    }

    pub(super) fn fatal(sqlstate: &'static str, said: impl Into<String>) -> Failure {
        Failure { is_fatal: true, ..Failure::new(sqlstate, said) }
    }

    /// The client left, or takes nothing: it is told nothing.
    pub(super) fn gone() -> Failure {
        Failure::fatal(GONE, "the client is gone")
    }

    pub(super) fn is_gone(&self) -> bool {
        self.sqlstate == GONE
    }

    pub(super) fn response(&self) -> ErrorResponse {
        let severity = if self.is_fatal { "FATAL" } else { "ERROR" };
        info(severity, self.sqlstate, &self.said).into()
    }
}

/// Something to know, beside an answer.
pub(super) fn warning(said: &str) -> NoticeResponse {
    info("WARNING", "01000", said).into()
}

fn info(severity: &str, sqlstate: &str, said: &str) -> ErrorInfo {
    // A zero byte would end the text.
    let said = said.replace('\0', "␀");
    let mut info = ErrorInfo::new(severity.to_string(), sqlstate.to_string(), said);
    info.severity_nonlocalized = Some(severity.to_string());
    info
}

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Failure {
        let sqlstate = sqlstate_of(&error);
        // Of what is our own fault no more is said than over HTTP.
        Failure::new(sqlstate, Problem::from(error).detail)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Failure {
        let sqlstate = match problem.status {
            401 => "28000",
            403 => "42501",
            429 | 503 => "53300",
            400..500 => "22023",
            _ => "XX000",
        };
        Failure::new(sqlstate, problem.detail)
    }
}

impl From<AccessError> for Failure {
    fn from(error: AccessError) -> Failure {
        Problem::from(error).into()
    }
}

impl From<FieldError> for Failure {
    fn from(error: FieldError) -> Failure {
        Failure::new("22023", error.to_string())
    }
}

impl From<Unreadable> for Failure {
    fn from(why: Unreadable) -> Failure {
        match why {
            Unreadable::Gone => Failure::gone(),
            Unreadable::Length { said, max } => {
                let said = format!("a message of {said} bytes: at most {max} are read");
                Failure::fatal("08P01", said)
            }
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(_: std::io::Error) -> Failure {
        Failure::gone()
    }
}
