//! What a client of the Postgres wire says: questions as they are written, and what is about the
//! connection itself, read.

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// What asks for rows: SELECT, WITH, VALUES, and what the guard may let through beside
    /// them.
    Query(String),
    /// `SHOW NAME`, in lower case; `all` is all of them.
    Show(String),
    Set(Setting),
    Begin,
    Commit,
    Rollback,
    Savepoint(String),
    RollbackTo(String),
    Release(String),
    /// All that is set, as it was at the login.
    ResetAll,
    /// Of all there is, or of plans, sequences or temporary tables alone.
    Discard {
        all: bool,
    },
    /// One prepared statement, or all of them.
    Deallocate(Option<String>),
    Declare {
        cursor: String,
        query: String,
        outlives_transaction: bool,
    },
    Fetch(Fetch),
    /// One cursor, or all of them.
    Close(Option<String>),
    /// `COPY (query) TO STDOUT`.
    CopyOut {
        query: String,
        is_csv: bool,
        has_header: bool,
    },
    /// Everything else, by what it is called.
    Other(String),
}

/// `SET NAME = VALUE`; without a value, what it was at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// In lower case.
    pub name: String,
    pub value: Option<String>,
    /// Until the transaction ends.
    pub is_local: bool,
}

/// `FETCH`, or `MOVE`, which shows nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    pub cursor: String,
    /// Rows at most; none: all that are left.
    pub rows: Option<u64>,
    pub shows: bool,
}

impl Statement {
    /// Whether it only ends or leaves a transaction: all that a failed one takes.
    pub fn ends_transaction(&self) -> bool {
        matches!(self, Statement::Commit | Statement::Rollback | Statement::RollbackTo(_))
    }
}
