//! Statements about the connection itself: answered from what it keeps, and nothing is asked.

use pgwire::messages::response::CommandComplete;
use pgwire::messages::startup::ParameterStatus;

use super::extended::columns_of_show;
use super::failure::{Failure, warning};
use super::portal::Portal;
use super::send::put_texts;
use super::session::Session;
use super::values::Values;
use crate::sql::{Columns, Setting, Statement};

impl Session {
    /// Does what is said, with values bound to it where it is a query to be kept. Where it answers with
    /// rows, their columns are told first if they are to be.
    pub(super) fn command(
        &mut self,
        statement: Statement,
        values: Values,
        is_described: bool,
    ) -> Result<(), Failure> {
        let tag = match statement {
            Statement::Show(name) => return self.show(&name, is_described),
            // Whatever is said of transactions changes nothing in one.
            Statement::Set(Setting { name, is_local: true, .. })
                if name != "transaction" && !self.transaction.is_open() =>
            {
                self.wire.put(warning("SET LOCAL can only be used in transaction blocks"));
                "SET"
            }
            Statement::Set(setting) => {
                let heard = self.settings.set(&setting)?;
                if let Some(said) = heard.warning {
                    self.wire.put(warning(said));
                }
                if let Some((name, value)) = heard.reported {
                    self.wire.put(ParameterStatus::new(name.to_string(), value));
                }
                if setting.value.is_some() { "SET" } else { "RESET" }
            }
            Statement::Begin => {
                if self.transaction.begin() {
                    self.settings.begin_transaction();
                } else {
                    self.wire.put(warning("a transaction is open already"));
                }
                "BEGIN"
            }
            Statement::Commit => {
                let (was_open, is_well) = self.end_transaction();
                if was_open && !is_well { "ROLLBACK" } else { "COMMIT" }
            }
            Statement::Rollback => {
                self.end_transaction();
                "ROLLBACK"
            }
            Statement::Savepoint(name) => {
                self.transaction.save(name)?;
                "SAVEPOINT"
            }
            Statement::RollbackTo(name) => {
                self.transaction.roll_back_to(&name)?;
                "ROLLBACK"
            }
            Statement::Release(name) => {
                self.transaction.release(&name)?;
                "RELEASE"
            }
            Statement::ResetAll => {
                self.settings.reset();
                "RESET"
            }
            Statement::Discard { all: true } => {
                self.discard_all()?;
                "DISCARD ALL"
            }
            // There is nothing of the others.
            Statement::Discard { all: false } => "DISCARD",
            Statement::Deallocate(None) => {
                self.prepared.close_all();
                "DEALLOCATE ALL"
            }
            Statement::Deallocate(Some(name)) => {
                self.prepared.get(&name)?;
                self.prepared.close(&name);
                "DEALLOCATE"
            }
            Statement::Declare { cursor, query, outlives_transaction } => {
                self.declare(cursor, query, outlives_transaction, values)?;
                "DECLARE CURSOR"
            }
            Statement::Close(None) => {
                self.portals.close_all();
                "CLOSE CURSOR ALL"
            }
            Statement::Close(Some(name)) => {
                drop(self.portals.take(&name)?);
                "CLOSE CURSOR"
            }
            Statement::Query(said) | Statement::Other(said) => return Err(refused(&said)),
            Statement::Fetch(_) | Statement::CopyOut { .. } => return Err(refused("FETCH")),
        };
        self.wire.put(CommandComplete::new(tag.to_string()));
        Ok(())
    }

    fn show(&mut self, name: &str, is_described: bool) -> Result<(), Failure> {
        let columns = Columns::of_texts(&columns_of_show(name));
        let rows: Vec<(&str, String)> = if name == "all" {
            self.settings.all().collect()
        } else {
            vec![(name, self.settings.show(name)?)]
        };
        if is_described {
            self.wire.put(columns.description());
        }
        for (name, value) in &rows {
            let row: &[&str] = if columns.count() > 1 { &[name, value, ""] } else { &[value] };
            put_texts(&mut self.wire, &columns, row)?;
        }
        self.wire.put(CommandComplete::new("SHOW".to_string()));
        Ok(())
    }

    /// Ends the transaction, if there is one; tells whether there was, and all went well in it.
    fn end_transaction(&mut self) -> (bool, bool) {
        let (was_open, is_well) = self.transaction.end();
        if was_open {
            self.settings.end_transaction(is_well);
        } else {
            self.wire.put(warning("no transaction is open"));
        }
        self.portals.end_transaction();
        (was_open, is_well)
    }

    /// Forgets what the session has been told.
    fn discard_all(&mut self) -> Result<(), Failure> {
        if self.transaction.is_open() {
            return Err(Failure::new("25001", "DISCARD ALL cannot be said in a transaction"));
        }
        self.prepared.close_all();
        self.portals.close_all();
        self.settings.reset();
        Ok(())
    }

    fn declare(
        &mut self,
        cursor: String,
        query: String,
        outlives_transaction: bool,
        values: Values,
    ) -> Result<(), Failure> {
        if !outlives_transaction {
            self.transaction.require_open("DECLARE … CURSOR without WITH HOLD")?;
        }
        let portal = Portal { values, outlives_transaction, ..Portal::of(Statement::Query(query)) };
        self.portals.add(cursor, portal)
    }
}

/// What would change something.
const CHANGES: &[&str] = &[
    "INSERT", "UPDATE", "DELETE", "MERGE", "CREATE", "DROP", "ALTER", "TRUNCATE", "GRANT",
    "REVOKE", "COMMENT", "REINDEX", "VACUUM", "REFRESH", "COPY", "IMPORT", "CLUSTER", "REASSIGN",
];
/// What else Postgres has.
const OTHERS: &[&str] = &[
    "PREPARE",
    "EXECUTE",
    "LISTEN",
    "NOTIFY",
    "UNLISTEN",
    "DO",
    "LOCK",
    "CALL",
    "LOAD",
    "ANALYZE",
    "CHECKPOINT",
    "SECURITY",
    "SET",
    "RESET",
    "SHOW",
    "START",
    "SAVEPOINT",
    "DECLARE",
    "FETCH",
    "MOVE",
    "TABLE",
];

/// What is said of a statement that is none of those that are answered.
fn refused(said: &str) -> Failure {
    let is_one_of = |words: &[&str]| words.iter().any(|word| said.starts_with(word));
    let sqlstate = if is_one_of(CHANGES) {
        "25006"
    } else if is_one_of(OTHERS) {
        "0A000"
    } else {
        "42601"
    };
    let message = format!(
        "`{said}` is not answered here: one reads, by SELECT, WITH, VALUES, SHOW and COPY (…) TO STDOUT, sets what is of the session alone, and has transactions and cursors in name"
    );
    Failure::new(sqlstate, message)
}
