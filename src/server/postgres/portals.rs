//! The portals of one session, which SQL calls cursors.

use std::collections::HashMap;

use tokio::time::Instant;

use super::failure::Failure;
use super::portal::{Portal, Stands};
use crate::sql::Statement;

/// Portals of one session.
const PORTALS_MAX: usize = 64;
/// What they keep together: names, texts, and values as they came.
const BYTES_MAX: usize = 1024 * 1024;
/// Answers of them that are open: half of those that a subject may have.
const OPEN_MAX: usize = 4;

#[derive(Default)]
pub(super) struct Portals {
    named: HashMap<String, Portal>,
}

impl Portals {
    /// Takes one up; the one without a name takes the place of the last.
    pub(super) fn add(&mut self, name: String, portal: Portal) -> Result<(), Failure> {
        if name.is_empty() {
            self.named.remove("");
        } else if self.named.contains_key(&name) {
            return Err(Failure::new("42P03", format!("there is a cursor `{name}` already")));
        }
        if self.named.len() >= PORTALS_MAX {
            let said = format!("{PORTALS_MAX} cursors and portals are open: close some");
            return Err(Failure::new("53400", said));
        }
        let bytes = |(name, portal): (&String, &Portal)| name.len() + portal.bytes();
        let kept: usize = self.named.iter().map(bytes).sum();
        if kept + bytes((&name, &portal)) > BYTES_MAX {
            let said = format!(
                "cursors and portals, with the values bound to them, take {} KiB at most: close some",
                BYTES_MAX >> 10
            );
            return Err(Failure::new("53400", said));
        }
        self.named.insert(name, portal);
        Ok(())
    }

    pub(super) fn get(&self, name: &str) -> Result<&Portal, Failure> {
        self.named.get(name).ok_or_else(|| unknown(name))
    }

    /// Takes one out, to be put back where it goes on.
    pub(super) fn take(&mut self, name: &str) -> Result<Portal, Failure> {
        self.named.remove(name).ok_or_else(|| unknown(name))
    }

    /// Takes out one that asks for rows: of what else was bound to a name, such as a FETCH, nothing is
    /// fetched.
    pub(super) fn take_cursor(&mut self, name: &str) -> Result<Portal, Failure> {
        let portal = self.get(name)?;
        if !matches!(portal.statement, Statement::Query(_)) {
            let said = format!("`{name}` is no cursor: what is bound to it asks for no rows");
            return Err(Failure::new("34000", said));
        }
        self.take(name)
    }

    /// Puts one back that was taken out.
    pub(super) fn put_back(&mut self, name: String, portal: Portal) -> Result<(), Failure> {
        let is_open = matches!(portal.stands, Stands::Open(_));
        if is_open
            && self.named.values().filter(|one| matches!(one.stands, Stands::Open(_))).count()
                >= OPEN_MAX
        {
            let said = format!("{OPEN_MAX} answers are half taken: take or close some");
            return Err(Failure::new("53400", said));
        }
        self.named.insert(name, portal);
        Ok(())
    }

    pub(super) fn close(&mut self, name: &str) -> bool {
        self.named.remove(name).is_some()
    }

    pub(super) fn close_all(&mut self) {
        self.named.clear();
    }

    /// Those that do not outlive a transaction end with it.
    pub(super) fn end_transaction(&mut self) {
        self.named.retain(|_, portal| portal.outlives_transaction);
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.named.keys().filter(|name| !name.is_empty()).cloned().collect()
    }

    /// When rows were taken last of the open answer of which that is longest ago; none where none is open.
    pub(super) fn taken_at(&self) -> Option<Instant> {
        let open = self.named.values().filter_map(|portal| match &portal.stands {
            Stands::Open(open) => Some(open.taken_at),
            _ => None,
        });
        open.min()
    }

    /// Ends the answers of which nothing was taken since.
    pub(super) fn end_left(&mut self, since: Instant) {
        for portal in self.named.values_mut() {
            if matches!(&portal.stands, Stands::Open(open) if open.taken_at <= since) {
                portal.stands = Stands::Late;
            }
        }
    }
}

fn unknown(name: &str) -> Failure {
    Failure::new("34000", format!("there is no cursor or portal `{name}`"))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::server::postgres::message::Bind;
    use crate::server::postgres::values::Values;
    use crate::sql::Format;

    /// A portal to which a text of so many bytes is bound, beside others that are NULL.
    fn bound(length: usize, nulls: usize) -> Portal {
        let text = Some(Bytes::from(vec![b'x'; length]));
        let values: Vec<Option<Bytes>> =
            std::iter::once(text).chain(std::iter::repeat_n(None, nulls)).collect();
        let (count, texts) = (values.len(), String::new);
        let (formats, result_formats) = (Vec::new(), Vec::new());
        let bind = Bind { portal: texts(), statement: texts(), formats, values, result_formats };
        let values = Values::of(&bind, vec![Format::Text; count], &vec![25; count]);
        Portal { values, ..Portal::of(Statement::Query("select $1".to_string())) }
    }

    /// Sixty-four portals, each with the values of a whole message, took a gigabyte.
    #[test]
    fn what_all_keep_is_bounded_together() {
        let mut portals = Portals::default();
        for number in 0..3 {
            portals.add(number.to_string(), bound(300_000, 0)).unwrap();
        }
        for (name, portal) in [
            ("3".to_string(), bound(300_000, 0)),
            ("n".to_string(), bound(1, 20_000)),
            ("x".repeat(300_000), Portal::of(Statement::Begin)),
            ("q".to_string(), Portal::of(Statement::Query("x".repeat(300_000)))),
        ] {
            assert_eq!(portals.add(name, portal).unwrap_err().sqlstate, "53400");
        }
        assert!(portals.close("1"));
        portals.add(String::new(), bound(300_000, 0)).unwrap();
        // The one without a name makes room for the next of its kind.
        portals.add(String::new(), bound(300_000, 0)).unwrap();
        for number in portals.named.len()..PORTALS_MAX {
            portals.add(format!("small {number}"), bound(10, 0)).unwrap();
        }
        assert_eq!(portals.add("last".to_string(), bound(1, 0)).unwrap_err().sqlstate, "53400");
    }
}
