//! The prepared statements of one session. A text is kept, and no plan: it is planned again each time it is
//! executed, since a plan would answer from what there was when it was made.

use std::collections::HashMap;
use std::sync::Arc;

use super::failure::Failure;
use crate::sql::{Description, SqlError, Statement};

/// Statements of one session. Drivers keep 256 by default.
const STATEMENTS_MAX: usize = 1_000;
/// Their texts together.
const BYTES_MAX: usize = 1024 * 1024;
/// What is kept together of what they take and give. More is asked again when it is wanted.
const DESCRIBED_BYTES_MAX: usize = 1024 * 1024;

pub(super) struct Prepared {
    /// None where it says nothing.
    pub(super) statement: Option<Statement>,
    /// Numbers of the types that the client gave; 0 where it gave none.
    pub(super) types: Vec<u32>,
    /// What it takes and gives, once that was asked.
    pub(super) described: Option<Arc<Description>>,
    bytes: usize,
    described_bytes: usize,
}

#[derive(Default)]
pub(super) struct PreparedStatements {
    named: HashMap<String, Prepared>,
    bytes: usize,
    described_bytes: usize,
}

impl PreparedStatements {
    /// Takes one up; the one without a name takes the place of the last.
    pub(super) fn add(&mut self, name: String, text: &str, types: Vec<u32>) -> Result<(), Failure> {
        let mut statements = statements_in(text)?;
        if statements.len() > 1 {
            let said = format!("a prepared statement is one, and these are {}", statements.len());
            return Err(Failure::new("42601", said));
        }
        if name.is_empty() {
            self.close("");
        } else if self.named.contains_key(&name) {
            return Err(Failure::new("42P05", format!("there is a statement `{name}` already")));
        }
        let bytes = name.len() + text.len() + size_of_val(types.as_slice());
        if self.named.len() >= STATEMENTS_MAX || self.bytes + bytes > BYTES_MAX {
            let said = format!(
                "{STATEMENTS_MAX} prepared statements of {} KiB together are the most: close some",
                BYTES_MAX >> 10
            );
            return Err(Failure::new("53400", said));
        }
        self.bytes += bytes;
        let (statement, described, described_bytes) = (statements.pop(), None, 0);
        self.named.insert(name, Prepared { statement, types, described, bytes, described_bytes });
        Ok(())
    }

    /// Keeps what one takes and gives, where there is room for it.
    pub(super) fn keep(&mut self, name: &str, described: &Arc<Description>) {
        let bytes = described.bytes();
        if let Some(prepared) = self.named.get_mut(name)
            && prepared.described.is_none()
            && self.described_bytes + bytes <= DESCRIBED_BYTES_MAX
        {
            prepared.described = Some(described.clone());
            prepared.described_bytes = bytes;
            self.described_bytes += bytes;
        }
    }

    pub(super) fn get(&mut self, name: &str) -> Result<&mut Prepared, Failure> {
        let prepared = self.named.get_mut(name);
        prepared.ok_or_else(|| {
            Failure::new("26000", format!("there is no prepared statement `{name}`"))
        })
    }

    pub(super) fn close(&mut self, name: &str) -> bool {
        let closed = self.named.remove(name);
        self.bytes -= closed.as_ref().map_or(0, |prepared| prepared.bytes);
        self.described_bytes -= closed.as_ref().map_or(0, |prepared| prepared.described_bytes);
        closed.is_some()
    }

    pub(super) fn close_all(&mut self) {
        *self = PreparedStatements::default();
    }
}

impl Prepared {
    /// The query that asks for its rows, where there is one.
    pub(super) fn query(&self) -> Option<&str> {
        query_of(self.statement.as_ref()?)
    }
}

/// A text up to it is read where it came: to make room for others meanwhile takes as long.
const READ_AT_ONCE_BYTES: usize = 2 * 1024;

/// The statements of a text. One of 64 KiB takes milliseconds, in which whoever else waits for this
/// thread goes on elsewhere.
pub(super) fn statements_in(text: &str) -> Result<Vec<Statement>, SqlError> {
    if text.len() <= READ_AT_ONCE_BYTES {
        return Statement::parse(text);
    }
    tokio::task::block_in_place(|| Statement::parse(text))
}

/// The query that a statement asks or holds.
pub(super) fn query_of(statement: &Statement) -> Option<&str> {
    match statement {
        Statement::Query(query)
        | Statement::Declare { query, .. }
        | Statement::CopyOut { query, .. } => Some(query),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Columns;

    #[test]
    fn they_are_counted_and_their_texts_measured() {
        let mut all = PreparedStatements::default();
        let mut add = |number: usize, text: &str| all.add(format!("s{number}"), text, vec![0]);
        for number in 0..STATEMENTS_MAX {
            add(number, "select 1").unwrap();
        }
        assert_eq!(add(STATEMENTS_MAX, "select 1").unwrap_err().sqlstate, "53400");
        assert_eq!(add(3, "select 1").unwrap_err().sqlstate, "42P05");
        assert!(all.close("s3") && !all.close("s3"));
        all.add("s3".to_string(), "select 1", Vec::new()).unwrap();
        all.close_all();
        let long = format!("select '{}'", "x".repeat(60_000));
        let taken =
            (0..100).take_while(|number| all.add(number.to_string(), &long, Vec::new()).is_ok());
        assert_eq!(taken.count(), BYTES_MAX / (long.len() + 2));
        for _ in 0..100 {
            assert!(all.close("0") || all.named.len() < 18);
            all.add(String::new(), "select 1; select 2", Vec::new()).unwrap_err();
            all.add(String::new(), "select 1", Vec::new()).unwrap();
        }
    }

    /// What was told of them was kept and not measured.
    #[test]
    fn what_they_take_and_give_is_kept_up_to_a_bound() {
        let mut all = PreparedStatements::default();
        let names: Vec<String> = (0..200).map(|number| "n".repeat(100 + number)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let columns = Columns::of_texts(&names);
        let described = Arc::new(Description { parameters: vec![25], columns });
        for number in 0..STATEMENTS_MAX {
            all.add(number.to_string(), "select 1", Vec::new()).unwrap();
            all.keep(&number.to_string(), &described);
            all.keep(&number.to_string(), &described);
        }
        let kept = |all: &PreparedStatements| {
            all.named.values().filter(|prepared| prepared.described.is_some()).count()
        };
        assert!((1..=DESCRIBED_BYTES_MAX / (200 * 200)).contains(&kept(&all)), "{}", kept(&all));
        for number in 0..STATEMENTS_MAX {
            assert!(all.close(&number.to_string()));
        }
        assert_eq!((all.bytes, all.described_bytes), (0, 0));
    }
}
