//! The simple protocol: a text with one statement or several, answered one after the other.

use pgwire::messages::response::EmptyQueryResponse;

use super::failure::Failure;
use super::portal::{Portal, Stands};
use super::prepared::{query_of, statements_in};
use super::send::Wanted;
use super::session::{Session, Stop};
use super::values::Values;
use crate::sql::{Fetch, Statement};

impl Session {
    /// Answers all statements of a text up to the first that fails.
    pub(super) async fn query(&mut self, text: &str) -> Result<(), Failure> {
        let statements = statements_in(text)?;
        if statements.is_empty() {
            self.wire.put(EmptyQueryResponse::new());
        }
        for statement in statements {
            let stop = self.begin_statement()?;
            self.transaction.admit(&statement)?;
            self.statement(statement, &stop).await?;
        }
        self.ready().await
    }

    async fn statement(&mut self, statement: Statement, stop: &Stop) -> Result<(), Failure> {
        match statement {
            Statement::Query(_) | Statement::CopyOut { .. } => {
                let query = query_of(&statement).unwrap_or_default().to_string();
                let mut portal = Portal::of(statement);
                let wanted = all_of(&portal, true);
                self.send(&mut portal, &query, wanted, stop).await
            }
            Statement::Fetch(fetch) => self.fetch(&fetch, true, stop).await,
            other => self.command(other, Values::default(), true),
        }
    }

    /// Sends rows of a cursor, or passes over them. What goes wrong closes it.
    pub(super) async fn fetch(
        &mut self,
        fetch: &Fetch,
        is_described: bool,
        stop: &Stop,
    ) -> Result<(), Failure> {
        let Fetch { cursor, rows, shows } = fetch;
        let mut portal = self.portals.take_cursor(cursor)?;
        let query = query_of(&portal.statement).unwrap_or_default().to_string();
        let wanted = Wanted {
            rows: *rows,
            is_described: is_described && *shows,
            tag: if *shows { "FETCH" } else { "MOVE" },
            may_suspend: false,
            is_skipped: !*shows,
        };
        if matches!(portal.stands, Stands::Ended) && wanted.is_described {
            // Its columns are not known any more: an answer without rows is described by its query.
            let description = self.description(&query, &[], stop).await?;
            self.wire.put(description.columns.description());
        }
        self.send(&mut portal, &query, wanted, stop).await?;
        self.portals.put_back(cursor.clone(), portal)
    }
}

/// All rows of a statement.
pub(super) fn all_of(portal: &Portal, is_described: bool) -> Wanted {
    let tag = match portal.statement {
        Statement::CopyOut { .. } => "COPY",
        _ => "SELECT",
    };
    Wanted { rows: None, is_described, tag, may_suspend: false, is_skipped: false }
}
