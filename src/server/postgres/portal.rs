//! One statement with its values, and how far its answer has been taken: what is executed, fetched or
//! sent at once.

use std::sync::Arc;

use tokio::time::Instant;

use crate::access::Identity;
use crate::model::{Access, AccessAction, Purpose, Via};
use crate::server::Service;
use crate::server::routes::Slow;
use crate::server::shares::Share;
use crate::sql::{Columns, Description, Format, Statement, Value, WireAnswer, WireQuestion};
use crate::trail::UnderWay;

use super::failure::Failure;
use super::values::Values;

/// Who asks, and for what.
pub(super) struct Asker {
    pub(super) service: Service,
    pub(super) identity: Arc<Identity>,
    pub(super) purpose: Purpose,
    /// The cursors of its session.
    pub(super) cursors: Vec<String>,
}

pub(super) struct Portal {
    pub(super) statement: Statement,
    /// Until it is begun.
    pub(super) values: Values,
    pub(super) formats: Vec<Format>,
    /// It stays when the transaction ends.
    pub(super) outlives_transaction: bool,
    pub(super) stands: Stands,
}

/// How far a question's answer has been taken.
pub(super) enum Stands {
    NotBegun,
    Open(Box<Open>),
    /// It was left half taken for too long.
    Late,
    Ended,
}

/// An answer under way.
pub(super) struct Open {
    pub(super) answer: WireAnswer,
    /// As this client takes them.
    pub(super) columns: Columns,
    access: Option<UnderWay>,
    /// When it was begun, or rows of it were taken last.
    pub(super) taken_at: Instant,
    _share: Option<Share>,
}

impl Portal {
    pub(super) fn of(statement: Statement) -> Portal {
        Portal {
            statement,
            values: Values::default(),
            formats: Vec::new(),
            outlives_transaction: false,
            stands: Stands::NotBegun,
        }
    }

    /// Begins to answer `query`, where that was not done yet: to be waited for by whoever may give up.
    pub(super) async fn begin(&mut self, asker: &Asker, query: &str) -> Result<(), Failure> {
        match self.stands {
            Stands::NotBegun => {
                let values = std::mem::take(&mut self.values).read()?;
                let open = asker.begin(query, values, &self.formats).await?;
                self.stands = Stands::Open(Box::new(open));
                Ok(())
            }
            Stands::Late => {
                let said = "its answer was left half taken for too long, and ended";
                Err(Failure::new("57P05", said))
            }
            Stands::Open(_) | Stands::Ended => Ok(()),
        }
    }

    /// What it keeps, beside an answer that is open.
    pub(super) fn bytes(&self) -> usize {
        let said = match &self.statement {
            Statement::Declare { cursor, query, .. } => cursor.len() + query.len(),
            Statement::Set(setting) => {
                setting.name.len() + setting.value.as_ref().map_or(0, String::len)
            }
            Statement::Fetch(fetch) => fetch.cursor.len(),
            Statement::Query(said)
            | Statement::CopyOut { query: said, .. }
            | Statement::Show(said)
            | Statement::Savepoint(said)
            | Statement::RollbackTo(said)
            | Statement::Release(said)
            | Statement::Deallocate(Some(said))
            | Statement::Close(Some(said))
            | Statement::Other(said) => said.len(),
            _ => 0,
        };
        size_of::<Portal>() + said + self.values.bytes() + size_of_val(self.formats.as_slice())
    }
}

impl Asker {
    fn question<'a>(&'a self, sql: &'a str) -> WireQuestion<'a> {
        let Identity { subject, shop, .. } = &*self.identity;
        WireQuestion { shop, user: subject, cursors: &self.cursors, sql }
    }

    async fn begin(
        &self,
        sql: &str,
        values: Vec<(u32, Value)>,
        formats: &[Format],
    ) -> Result<Open, Failure> {
        let share = self.share(Slow::Exports)?;
        let access = Access {
            query: Some(sql.to_string()),
            ..Access::new(AccessAction::Sql, Via::Postgres, self.purpose.clone())
        };
        let answer = self.service.sql.wire_rows(self.question(sql), values).await?;
        check_count(answer.columns())?;
        let columns = answer.columns().in_formats(formats);
        let access = Some(self.service.trail().begin(self.identity.clone(), access));
        let taken_at = Instant::now();
        Ok(Open { answer, columns, access, taken_at, _share: share })
    }

    /// What a query takes, where its parameters are given as these types, and gives.
    pub(super) async fn describe(&self, sql: &str, types: &[u32]) -> Result<Description, Failure> {
        let _share = self.share(Slow::Questions)?;
        let described = self.service.sql.describe(self.question(sql), types).await?;
        check_count(&described.columns)?;
        Ok(described)
    }

    /// A part of what a subject may have running; of how much it asks, this is counted too.
    fn share(&self, slow: Slow) -> Result<Option<Share>, Failure> {
        let admission = &self.service.admission;
        admission.rates.request(&self.identity)?;
        Ok(admission.share_of(&self.identity, slow)?)
    }
}

/// Columns of one answer, as many as Postgres has at most: × 400 bytes and its name, what is kept of one, and
/// told of it, = 650 KiB and the names.
const COLUMNS_MAX: usize = 1_664;

fn check_count(columns: &Columns) -> Result<(), Failure> {
    if columns.count() <= COLUMNS_MAX {
        return Ok(());
    }
    let said = format!("{} columns: an answer has at most {COLUMNS_MAX}", columns.count());
    Err(Failure::new("54011", said))
}

impl Open {
    /// So many more rows were handed out.
    pub(super) fn count(&mut self, rows: u64) {
        if let Some(access) = &mut self.access {
            access.add(rows);
        }
    }

    /// The last row was handed out.
    pub(super) fn finish(mut self) {
        if let Some(access) = self.access.take_if(|_| self.answer.has_read()) {
            access.finish();
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // Of what is about the catalogue alone nothing is recorded; what else is dropped broke off.
        if let Some(access) = self.access.take_if(|_| !self.answer.has_read()) {
            access.forget();
        }
    }
}
