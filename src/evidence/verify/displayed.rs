//! Step 7: the copies for people say what the evidence says. They are made again, line by line.

use std::io::{BufRead, Read};

use super::committed::Committed;
use super::files::Files;
use super::{Failure, refuse};
use crate::evidence::copies::{Cells, PAGE_END, PAGE_HEAD, files_of, table_head};
use crate::evidence::names;
use crate::evidence::row::ParsedRow;

pub(super) fn check(files: &Files, committed: &Committed) -> Result<(), Failure> {
    let mut table = Copy::of(files, names::TABLE)?;
    let mut page = Copy::of(files, names::PAGE)?;
    table.expect(&table_head())?;
    page.expect(PAGE_HEAD.as_bytes())?;
    let mut places = committed.files.as_slice();
    let mut lines = files.lines(names::MESSAGES)?;
    while let Some(line) = lines.next()? {
        let row = ParsedRow::parse(&line).or_else(refuse)?;
        let (of_row, later) = places.split_at(places.len().min(files_of(&row).len()));
        places = later;
        let Some(cells) = Cells::of(&row) else {
            return refuse(format!("line {} says nothing that can be shown", lines.number));
        };
        table.expect(&cells.table_line())?;
        page.expect(cells.page_line(&row, of_row).as_bytes())?;
    }
    page.expect(PAGE_END.as_bytes())?;
    table.expect_end()?;
    page.expect_end()
}

/// A file that is compared as it is read.
struct Copy<R> {
    name: &'static str,
    reader: R,
}

impl Copy<()> {
    fn of(files: &Files, name: &'static str) -> Result<Copy<impl BufRead + use<>>, Failure> {
        Ok(Copy { name, reader: files.reader(name)? })
    }
}

impl<R: BufRead> Copy<R> {
    fn expect(&mut self, wanted: &[u8]) -> Result<(), Failure> {
        let mut found = Vec::with_capacity(wanted.len());
        (&mut self.reader).take(wanted.len() as u64).read_to_end(&mut found)?;
        self.must_hold(found == wanted)
    }

    fn expect_end(&mut self) -> Result<(), Failure> {
        let is_end = self.reader.fill_buf()?.is_empty();
        self.must_hold(is_end)
    }

    fn must_hold(&self, holds: bool) -> Result<(), Failure> {
        if holds {
            return Ok(());
        }
        refuse(format!("{} says something else than data/messages.jsonl", self.name))
    }
}
