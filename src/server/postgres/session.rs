//! One connection that is logged in: a message is answered before the next is read.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use pgwire::messages::response::ReadyForQuery;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::cancel::Cancel;
use super::failure::Failure;
use super::login::{Login, refused};
use super::message::Message;
use super::places::Place;
use super::portal::Asker;
use super::portals::Portals;
use super::prepared::PreparedStatements;
use super::settings::Settings;
use super::transaction::Transaction;
use super::wire::Wire;
use crate::access::Identity;
use crate::server::Service;
use crate::server::auth::TokenWatch;

/// Longest message: a query of 64 KiB, and values for it.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// Longest that a statement may run, until its rows are taken; of a portal, what is fetched of it at once.
const STATEMENT_TIME_MAX: Duration = Duration::from_secs(60);
/// Longest pause of a client: pools keep connections for that long and longer, and open new ones.
const IDLE_TIME_MAX: Duration = Duration::from_hours(1);
/// Longest pause between two parts of one answer, whatever else is said meanwhile: it holds a process, and files.
const IDLE_AMID_ANSWER_MAX: Duration = Duration::from_mins(5);

pub(super) struct Session {
    pub(super) service: Service,
    pub(super) identity: Arc<Identity>,
    token: TokenWatch,
    pub(super) wire: Wire,
    pub(super) settings: Settings,
    pub(super) transaction: Transaction,
    pub(super) prepared: PreparedStatements,
    pub(super) portals: Portals,
    cancel: Cancel,
    _place: Place,
    /// An error has everything up to the next Sync passed over.
    passes_over: bool,
}

/// When a statement is to stop.
pub(super) struct Stop {
    pub(super) cancelled: CancellationToken,
    pub(super) deadline: Instant,
    after: Duration,
}

impl Stop {
    /// What is told when the time is over.
    pub(super) fn too_long(&self) -> Failure {
        let after = self.after.as_millis();
        Failure::new("57014", format!("the statement took longer than it may, {after} ms"))
    }

    pub(super) fn was_cancelled() -> Failure {
        Failure::new("57014", "the statement was cancelled, as was asked for")
    }
}

impl Session {
    pub(super) fn new(
        service: Service,
        login: Login,
        wire: Wire,
        cancel: Cancel,
        place: Place,
    ) -> Session {
        let Login { identity, token, settings } = login;
        Session {
            service,
            identity,
            token,
            wire,
            settings,
            transaction: Transaction::default(),
            prepared: PreparedStatements::default(),
            portals: Portals::default(),
            cancel,
            _place: place,
            passes_over: false,
        }
    }

    /// Answers until the client leaves, or is told why it ends: it is late, the service stops, or its token counts no
    /// longer, also amid an answer.
    pub(super) async fn run(mut self) {
        let token = self.token.clone();
        let ended = tokio::select! {
            ended = self.hear_all() => ended,
            error = token.ended() => Err(refused(&self.service, &token, &error)),
        };
        if let Err(failure) = ended {
            if !failure.is_gone() {
                self.wire.put(failure.response());
            }
            // What is told last may find nobody.
            let _ = self.wire.close().await;
        }
    }

    /// Answers until the client says that it leaves. What fails is to be told, and ends the connection.
    async fn hear_all(&mut self) -> Result<(), Failure> {
        let drain = self.service.drain.clone();
        let mut heard_at = Instant::now();
        loop {
            let left_at = self.portals.taken_at().map(|taken_at| taken_at + IDLE_AMID_ANSWER_MAX);
            // Also while it says other things.
            if left_at.is_some_and(|left_at| left_at <= Instant::now()) {
                self.portals.end_left(Instant::now() - IDLE_AMID_ANSWER_MAX);
                continue;
            }
            let idle_at = heard_at + IDLE_TIME_MAX;
            let (kind, bytes) = tokio::select! {
                message = self.wire.message(MESSAGE_BYTES_MAX) => message?,
                () = drain.cancelled() => {
                    return Err(Failure::fatal("57P01", "the service is stopping"));
                }
                () = tokio::time::sleep_until(left_at.unwrap_or(idle_at).min(idle_at)) => {
                    if Instant::now() < idle_at {
                        continue;
                    }
                    let said = format!("nothing was said for {} s", IDLE_TIME_MAX.as_secs());
                    return Err(Failure::fatal("57P05", said));
                }
            };
            let length = bytes.len();
            match Message::read(kind, bytes) {
                Some(Message::Terminate) => return Ok(()),
                Some(message) => self.hear(kind, message, length).await?,
                None => {
                    return Err(Failure::fatal("08P01", "a message that is none, or not whole"));
                }
            }
            heard_at = Instant::now();
        }
    }

    /// Answers one message of so many bytes. What goes wrong is told, unless it ends the connection.
    async fn hear(&mut self, kind: u8, message: Message, length: usize) -> Result<(), Failure> {
        if self.passes_over && !matches!(message, Message::Sync) {
            return Ok(());
        }
        let heard = match self.count(&message, length) {
            Ok(()) => self.answer(message).await,
            Err(too_fast) => Err(too_fast),
        };
        let heard = match heard {
            Err(failure) => self.tell(kind, failure).await,
            Ok(()) => Ok(()),
        };
        // Whoever takes no answers is read no further: what a client sends ahead without an end of it
        // would gather what is told of it here.
        if heard.is_ok() && self.wire.is_full() {
            self.wire.flush().await?;
        }
        heard
    }

    /// Counts what makes work as requests: one, and one more for each KiB, which is to be read.
    fn count(&self, message: &Message, length: usize) -> Result<(), Failure> {
        if matches!(message, Message::Sync | Message::Flush | Message::Terminate) {
            return Ok(());
        }
        let kib = u32::try_from(length >> 10).unwrap_or(u32::MAX);
        let requests = NonZeroU32::MIN.saturating_add(kib);
        Ok(self.service.admission.rates.requests(&self.identity, requests)?)
    }

    async fn answer(&mut self, message: Message) -> Result<(), Failure> {
        match message {
            Message::Query(text) => self.query(&text).await,
            Message::Parse { name, query, types } => self.parse(name, &query, types),
            Message::Bind(bind) => self.bind(bind).await,
            Message::Describe { what, name } => self.describe(what, &name).await,
            Message::Execute { portal, rows_max } => self.execute(&portal, rows_max).await,
            Message::Close { what, name } => self.close(what, &name),
            Message::Flush => Ok(self.wire.flush().await?),
            Message::Sync => {
                self.passes_over = false;
                self.ready().await
            }
            Message::Copy | Message::Terminate => Ok(()),
        }
    }

    /// Tells what went wrong with a message of this kind.
    async fn tell(&mut self, kind: u8, failure: Failure) -> Result<(), Failure> {
        if failure.is_fatal {
            return Err(failure);
        }
        self.transaction.fail();
        self.wire.put(failure.response());
        if Message::is_extended(kind) {
            self.passes_over = true;
            return Ok(());
        }
        self.ready().await
    }

    /// What was asked is answered. Outside of a transaction its portals end with it.
    pub(super) async fn ready(&mut self) -> Result<(), Failure> {
        if !self.transaction.is_open() {
            self.portals.end_transaction();
        }
        self.wire.put(ReadyForQuery::new(self.transaction.status()));
        Ok(self.wire.flush().await?)
    }

    /// Begins a statement: with a token that still counts, and a time by which it is to end.
    pub(super) fn begin_statement(&mut self) -> Result<Stop, Failure> {
        if let Err(error) = self.token.check() {
            return Err(refused(&self.service, &self.token, &error));
        }
        let after = self.settings.statement_timeout().unwrap_or(STATEMENT_TIME_MAX);
        let after = after.min(STATEMENT_TIME_MAX);
        let (cancelled, deadline) = (self.cancel.begin(), Instant::now() + after);
        Ok(Stop { cancelled, deadline, after })
    }

    /// Who asks, and for what.
    pub(super) fn asker(&self) -> Asker {
        let (service, identity) = (self.service.clone(), self.identity.clone());
        let (purpose, cursors) = (self.settings.purpose(), self.portals.names());
        Asker { service, identity, purpose, cursors }
    }
}
