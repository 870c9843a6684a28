//! The extended protocol: a statement is prepared, values are bound to it, and rows taken, as many at a
//! time as a client wants.

use std::sync::Arc;

use pgwire::messages::data::{NoData, ParameterDescription};
use pgwire::messages::extendedquery::{BindComplete, CloseComplete, ParseComplete};
use pgwire::messages::response::EmptyQueryResponse;

use super::failure::Failure;
use super::message::{Bind, Named};
use super::portal::{Portal, Stands};
use super::prepared::query_of;
use super::send::{Wanted, unless_stopped};
use super::session::{Session, Stop};
use super::simple::all_of;
use super::values::Values;
use crate::sql::{Columns, Description, Format, Statement};

/// The type that a client gives where it leaves it to the server: none, or `unknown`.
const TYPES_OPEN: [u32; 2] = [0, 705];
/// `text`, where neither knows better.
const TYPE_TEXT: u32 = 25;

impl Session {
    pub(super) fn parse(
        &mut self,
        name: String,
        query: &str,
        types: Vec<u32>,
    ) -> Result<(), Failure> {
        self.prepared.add(name, query, types)?;
        self.wire.put(ParseComplete::new());
        Ok(())
    }

    pub(super) async fn bind(&mut self, message: Bind) -> Result<(), Failure> {
        let prepared = self.prepared.get(&message.statement)?;
        let Some(statement) = prepared.statement.clone() else {
            self.portals.add(message.portal, Portal::of(nothing()))?;
            self.wire.put(BindComplete::new());
            return Ok(());
        };
        self.transaction.admit(&statement)?;
        let values = self.values(&message).await?;
        let formats = message.result_formats.iter().map(|code| format_of(*code));
        let formats = formats.collect::<Result<_, _>>()?;
        let portal = Portal { values, formats, ..Portal::of(statement) };
        self.portals.add(message.portal, portal)?;
        self.wire.put(BindComplete::new());
        Ok(())
    }

    /// The values of a message: of the types that the client gave, or else of those that the query takes.
    /// What is wrong with one is told now.
    async fn values(&mut self, message: &Bind) -> Result<Values, Failure> {
        let prepared = self.prepared.get(&message.statement)?;
        let mut types = prepared.types.clone();
        types.resize(message.values.len().max(types.len()), 0);
        let is_open = |oid: &u32| TYPES_OPEN.contains(oid);
        if types.iter().any(is_open) && prepared.query().is_some() {
            let described = self.described(&message.statement).await?;
            for (oid, taken) in types.iter_mut().zip(&described.parameters) {
                if is_open(oid) {
                    *oid = *taken;
                }
            }
        }
        let formats = formats_of(&message.formats, message.values.len())?;
        for oid in types.iter_mut().filter(|oid| is_open(oid)) {
            *oid = TYPE_TEXT;
        }
        let values = Values::of(message, formats, &types);
        let _as_they_are_read = values.read()?;
        Ok(values)
    }

    /// What a prepared statement takes and gives; it is asked once.
    async fn described(&mut self, name: &str) -> Result<Arc<Description>, Failure> {
        let prepared = self.prepared.get(name)?;
        if let Some(described) = &prepared.described {
            return Ok(described.clone());
        }
        let query = prepared.query().unwrap_or_default().to_string();
        let given = |oid: &u32| if TYPES_OPEN.contains(oid) { 0 } else { *oid };
        let types: Vec<u32> = prepared.types.iter().map(given).collect();
        let stop = self.begin_statement()?;
        let described = Arc::new(self.description(&query, &types, &stop).await?);
        self.prepared.keep(name, &described);
        Ok(described)
    }

    /// What a query takes and gives.
    pub(super) async fn description(
        &mut self,
        query: &str,
        types: &[u32],
        stop: &Stop,
    ) -> Result<Description, Failure> {
        let asker = self.asker();
        unless_stopped(&mut self.wire, stop, asker.describe(query, types)).await
    }

    pub(super) async fn describe(&mut self, what: Named, name: &str) -> Result<(), Failure> {
        match what {
            Named::Statement => self.describe_statement(name).await,
            Named::Portal => self.describe_portal(name).await,
        }
    }

    async fn describe_statement(&mut self, name: &str) -> Result<(), Failure> {
        let prepared = self.prepared.get(name)?;
        if let Some(statement) = &prepared.statement {
            self.transaction.admit(statement)?;
        }
        let mut types = prepared.types.clone();
        let statement = prepared.statement.clone();
        if prepared.query().is_none() {
            self.wire.put(ParameterDescription::new(types));
            return self.tell_columns_of(statement.as_ref()).await;
        }
        let described = self.described(name).await?;
        types.resize(types.len().max(described.parameters.len()), 0);
        for (oid, taken) in types.iter_mut().zip(&described.parameters) {
            if TYPES_OPEN.contains(oid) {
                *oid = *taken;
            }
        }
        self.wire.put(ParameterDescription::new(types));
        if matches!(statement, Some(Statement::Query(_))) {
            self.wire.put(described.columns.description());
        } else {
            self.wire.put(NoData::new());
        }
        Ok(())
    }

    async fn describe_portal(&mut self, name: &str) -> Result<(), Failure> {
        let statement = self.portals.get(name)?.statement.clone();
        match statement {
            Statement::Query(_) => self.tell_columns_of_cursor(name).await,
            other => self.tell_columns_of(Some(&other)).await,
        }
    }

    /// A question is begun: what its columns are, its answer says.
    async fn tell_columns_of_cursor(&mut self, name: &str) -> Result<(), Failure> {
        let mut portal = self.portals.take_cursor(name)?;
        let query = query_of(&portal.statement).unwrap_or_default().to_string();
        let stop = self.begin_statement()?;
        self.begin(&mut portal, &query, &stop).await?;
        let described = match &portal.stands {
            Stands::Open(open) => open.columns.description(),
            _ => self.description(&query, &[], &stop).await?.columns.description(),
        };
        self.portals.put_back(name.to_string(), portal)?;
        self.wire.put(described);
        Ok(())
    }

    /// The columns of what is no question.
    async fn tell_columns_of(&mut self, statement: Option<&Statement>) -> Result<(), Failure> {
        match statement {
            Some(Statement::Show(name)) => {
                self.wire.put(Columns::of_texts(&columns_of_show(name)).description());
            }
            Some(Statement::Fetch(fetch)) if fetch.shows => {
                return self.tell_columns_of_cursor(&fetch.cursor).await;
            }
            _ => self.wire.put(NoData::new()),
        }
        Ok(())
    }

    pub(super) async fn execute(&mut self, name: &str, rows_max: u64) -> Result<(), Failure> {
        let stop = self.begin_statement()?;
        let mut portal = self.portals.take(name)?;
        self.transaction.admit(&portal.statement)?;
        match &portal.statement {
            Statement::Other(said) if said.is_empty() => {
                self.wire.put(EmptyQueryResponse::new());
                self.portals.put_back(name.to_string(), portal)
            }
            Statement::Query(query) | Statement::CopyOut { query, .. } => {
                let query = query.clone();
                let may_suspend = matches!(portal.statement, Statement::Query(_));
                // A copy has no rest that could be asked for: it is whole.
                let rows = Some(rows_max).filter(|rows| *rows > 0 && may_suspend);
                let wanted = Wanted { rows, may_suspend, ..all_of(&portal, false) };
                self.send(&mut portal, &query, wanted, &stop).await?;
                self.portals.put_back(name.to_string(), portal)
            }
            Statement::Fetch(fetch) => {
                let fetch = fetch.clone();
                self.fetch(&fetch, false, &stop).await
            }
            other => self.command(other.clone(), portal.values, false),
        }
    }

    pub(super) fn close(&mut self, what: Named, name: &str) -> Result<(), Failure> {
        // Whether there was one: to close what is closed is no error.
        let _was_there = match what {
            Named::Statement => self.prepared.close(name),
            Named::Portal => self.portals.close(name),
        };
        self.wire.put(CloseComplete::new());
        Ok(())
    }
}

/// What a statement is that says nothing.
fn nothing() -> Statement {
    Statement::Other(String::new())
}

/// The columns of `SHOW name`.
pub(super) fn columns_of_show(name: &str) -> Vec<&str> {
    if name == "all" { vec!["name", "setting", "description"] } else { vec![name] }
}

fn format_of(code: u16) -> Result<Format, Failure> {
    match code {
        0 => Ok(Format::Text),
        1 => Ok(Format::Binary),
        other => Err(Failure::new(
            "08P01",
            format!("there is no format {other}: 0 is text, 1 is binary"),
        )),
    }
}

/// A format for each of `count` values: one for each was sent, one for all, or none, which is text.
fn formats_of(codes: &[u16], count: usize) -> Result<Vec<Format>, Failure> {
    let codes: Vec<u16> = match codes {
        [] => vec![0; count],
        [all] => vec![*all; count],
        each if each.len() == count => each.to_vec(),
        each => {
            let said = format!("{} formats were sent for {count} values", each.len());
            return Err(Failure::new("08P01", said));
        }
    };
    codes.into_iter().map(format_of).collect()
}
