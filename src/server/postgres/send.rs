//! Rows, sent as they come. What waits to be taken is a batch at most, however many rows there are.

use bytes::BytesMut;
use pgwire::messages::copy::{CopyDone, CopyOutResponse};
use pgwire::messages::extendedquery::PortalSuspended;
use pgwire::messages::response::CommandComplete;
use tokio::time::Instant;

use super::failure::Failure;
use super::portal::{Open, Portal, Stands};
use super::session::{Session, Stop};
use super::wire::Wire;
use crate::sql::{RowForm, Statement};

/// What is to be sent of an answer.
pub(super) struct Wanted {
    /// Rows at most; none: all that are left.
    pub(super) rows: Option<u64>,
    /// Whether the columns are told first.
    pub(super) is_described: bool,
    /// What is said of so many rows.
    pub(super) tag: &'static str,
    /// Whether it is said that more are left, instead.
    pub(super) may_suspend: bool,
    /// Whether they are passed over.
    pub(super) is_skipped: bool,
}

impl Session {
    /// Sends of the answer of `portal` what is wanted, beginning it where it has not begun.
    pub(super) async fn send(
        &mut self,
        portal: &mut Portal,
        query: &str,
        wanted: Wanted,
        stop: &Stop,
    ) -> Result<(), Failure> {
        if matches!((&portal.statement, &portal.stands), (Statement::CopyOut { .. }, Stands::Ended))
        {
            return Err(Failure::new("55000", "this copy was made: bind it again to make another"));
        }
        self.begin(portal, query, stop).await?;
        let form = match portal.statement {
            Statement::CopyOut { is_csv, .. } => RowForm::Line { is_csv },
            _ => RowForm::Row,
        };
        let mut sent = 0;
        let mut is_done = true;
        if let Stands::Open(open) = &mut portal.stands {
            match portal.statement {
                Statement::CopyOut { has_header, .. } => {
                    let count = i16::try_from(open.columns.count()).unwrap_or(i16::MAX);
                    let formats = vec![0; usize::try_from(count).unwrap_or(0)];
                    self.wire.put(CopyOutResponse::new(0, count, formats));
                    if has_header {
                        open.columns.write_head(&mut self.wire.out)?;
                    }
                }
                _ if wanted.is_described => self.wire.put(open.columns.description()),
                _ => {}
            }
            (sent, is_done) = rows(&mut self.wire, open, form, &wanted, stop).await?;
            open.taken_at = Instant::now();
        }
        if is_done && let Stands::Open(open) = std::mem::replace(&mut portal.stands, Stands::Ended)
        {
            open.finish();
        }
        if matches!(form, RowForm::Line { .. }) {
            self.wire.put(CopyDone::new());
        }
        if !is_done && wanted.may_suspend {
            self.wire.put(PortalSuspended::new());
        } else {
            self.wire.put(CommandComplete::new(format!("{} {sent}", wanted.tag)));
        }
        Ok(())
    }

    /// Begins to answer, unless it is to stop before.
    pub(super) async fn begin(
        &mut self,
        portal: &mut Portal,
        query: &str,
        stop: &Stop,
    ) -> Result<(), Failure> {
        let asker = self.asker();
        unless_stopped(&mut self.wire, stop, portal.begin(&asker, query)).await
    }
}

/// Sends rows; tells how many, and whether they were the last.
async fn rows(
    wire: &mut Wire,
    open: &mut Open,
    form: RowForm,
    wanted: &Wanted,
    stop: &Stop,
) -> Result<(u64, bool), Failure> {
    let mut sent = 0;
    loop {
        let left = wanted.rows.map_or(u64::MAX, |rows| rows - sent);
        if left == 0 {
            return Ok((sent, false));
        }
        let more = async { Ok(open.answer.wait().await?) };
        if !unless_stopped(wire, stop, more).await? {
            return Ok((sent, true));
        }
        let written = if wanted.is_skipped {
            open.answer.skip(left)
        } else {
            let written = tokio::task::block_in_place(|| {
                open.answer.write(&open.columns, form, left, &mut wire.out)
            })?;
            open.count(written);
            written
        };
        sent += written;
        if wire.is_full() {
            flush(wire, stop).await?;
        }
    }
}

/// Sends what is gathered, unless the statement is to stop before: what is left then goes with the error.
async fn flush(wire: &mut Wire, stop: &Stop) -> Result<(), Failure> {
    tokio::select! {
        flushed = wire.flush() => Ok(flushed?),
        () = stop.cancelled.cancelled() => Err(Stop::was_cancelled()),
        () = tokio::time::sleep_until(stop.deadline) => Err(stop.too_long()),
    }
}

/// What `done` gives, unless the statement is to stop before, or the client is gone.
pub(super) async fn unless_stopped<T>(
    wire: &mut Wire,
    stop: &Stop,
    done: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        done = done => done,
        () = stop.cancelled.cancelled() => Err(Stop::was_cancelled()),
        () = tokio::time::sleep_until(stop.deadline) => Err(stop.too_long()),
        () = wire.gone() => Err(Failure::gone()),
    }
}

/// One row of texts, as SHOW answers.
pub(super) fn put_texts(
    wire: &mut Wire,
    columns: &crate::sql::Columns,
    texts: &[&str],
) -> Result<(), Failure> {
    let out: &mut BytesMut = &mut wire.out;
    Ok(columns.write_texts(texts, out)?)
}
