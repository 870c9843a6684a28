//! What a transaction is here: a word. Nothing is written, and each statement sees the moment at which it
//! begins; but clients count on its rules, so they are kept.

use pgwire::messages::response::TransactionStatus;

use super::failure::Failure;
use crate::sql::Statement;

/// Savepoints of one transaction: × 64 bytes, the length of a name, = 64 KiB.
const SAVEPOINTS_MAX: usize = 1_024;
/// As long as Postgres takes a name.
const NAME_BYTES_MAX: usize = 63;

#[derive(Default)]
pub(super) struct Transaction {
    stands: Stands,
    savepoints: Vec<String>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stands {
    #[default]
    None,
    Open,
    /// A statement failed in it.
    Failed,
}

impl Transaction {
    pub(super) fn is_open(&self) -> bool {
        self.stands != Stands::None
    }

    pub(super) fn status(&self) -> TransactionStatus {
        match self.stands {
            Stands::None => TransactionStatus::Idle,
            Stands::Open => TransactionStatus::Transaction,
            Stands::Failed => TransactionStatus::Error,
        }
    }

    /// Refuses what a failed transaction does not take.
    pub(super) fn admit(&self, statement: &Statement) -> Result<(), Failure> {
        if self.stands != Stands::Failed || statement.ends_transaction() {
            return Ok(());
        }
        let said = "a statement of this transaction failed: it takes ROLLBACK alone";
        Err(Failure::new("25P02", said))
    }

    pub(super) fn fail(&mut self) {
        if self.stands == Stands::Open {
            self.stands = Stands::Failed;
        }
    }

    /// Whether it begins, and none was open.
    pub(super) fn begin(&mut self) -> bool {
        let begins = self.stands == Stands::None;
        if begins {
            self.stands = Stands::Open;
        }
        begins
    }

    /// Ends it; tells whether there was one, and all went well in it.
    pub(super) fn end(&mut self) -> (bool, bool) {
        let stood = std::mem::take(&mut self.stands);
        self.savepoints.clear();
        (stood != Stands::None, stood == Stands::Open)
    }

    pub(super) fn save(&mut self, name: String) -> Result<(), Failure> {
        self.require_open("SAVEPOINT")?;
        if name.len() > NAME_BYTES_MAX {
            let said = format!("the name of a savepoint has at most {NAME_BYTES_MAX} bytes");
            return Err(Failure::new("42622", said));
        }
        if self.savepoints.len() >= SAVEPOINTS_MAX {
            let said = format!("{SAVEPOINTS_MAX} savepoints are the most");
            return Err(Failure::new("54000", said));
        }
        self.savepoints.push(name);
        Ok(())
    }

    pub(super) fn roll_back_to(&mut self, name: &str) -> Result<(), Failure> {
        self.require_open("ROLLBACK TO SAVEPOINT")?;
        let place = self.place_of(name)?;
        self.savepoints.truncate(place + 1);
        self.stands = Stands::Open;
        Ok(())
    }

    pub(super) fn release(&mut self, name: &str) -> Result<(), Failure> {
        self.require_open("RELEASE SAVEPOINT")?;
        let place = self.place_of(name)?;
        self.savepoints.truncate(place);
        Ok(())
    }

    /// Refuses what has a meaning in a transaction alone.
    pub(super) fn require_open(&self, what: &str) -> Result<(), Failure> {
        if self.is_open() {
            return Ok(());
        }
        Err(Failure::new("25P01", format!("{what} can be said in a transaction alone: BEGIN it")))
    }

    fn place_of(&self, name: &str) -> Result<usize, Failure> {
        let place = self.savepoints.iter().rposition(|known| known == name);
        place.ok_or_else(|| Failure::new("3B001", format!("there is no savepoint `{name}`")))
    }
}
