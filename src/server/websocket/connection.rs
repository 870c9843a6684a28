//! One open WebSocket: send, subscribe with resume, acks, events. A bad frame gets an error frame
//! and the connection stays open; a client that does not read is cut off with a code that means:
//! connect again and resume.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures::future::BoxFuture;
use futures::stream::FuturesOrdered;
use futures::{FutureExt, SinkExt, StreamExt};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::{Interval, Sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::answers::leave_out_answers;
use super::frames::{ClientFrame, ServerFrame, ShownAck, ShownRecord, event_text};
use crate::access::{Action, Identity, hears};
use crate::model::{
    Access, AccessAction, AccessOutcome, ErrorKind, FieldError, Kinded, Micros, Origin, Purpose,
    Record, Seq, Via, check_id,
};
use crate::records::{PageSize, RecordsError};
use crate::relay::{Line, Outcome, Published, RelayError, Subscriber, prepare};
use crate::server::{Problem, Service};

/// Close codes (RFC 6455): 1001 going away, 1008 policy, 1013 try again later. All mean: connect
/// again and resume, after 1008 with a new token.
const GOING_AWAY: u16 = 1001;
const POLICY: u16 = 1008;
const TRY_AGAIN: u16 = 1013;
const COUNTS_NO_LONGER: &str = "the token counts no longer";
const STOPPING: &str = "the service is stopping; resume from your last seq";
/// Acks one connection may wait for; a client that sends faster is not read until the oldest comes.
const ACKS_WAITING_MAX: usize = 256;
/// Records, or acks, of which the frames are written at once: most often those of one sync.
const GATHERED_MAX: usize = 64;
/// What is read at once when a subscription begins behind: a slow reader holds it for minutes.
const CATCH_UP: PageSize = PageSize { count_max: 256, bytes_max: 256 * 1024 };
/// What was said longer ago than this is no live chat any more.
const LIVE_MICROS: i64 = 3_600_000_000;
/// Conversations one connection may subscribe to.
const SUBSCRIPTIONS_MAX: usize = 1_000;
/// The server pings this often.
const PING_EVERY: Duration = Duration::from_secs(30);
/// How often a connection asks whether its token still counts, where anything comes or goes.
const CHECK_EVERY: Duration = Duration::from_secs(1);
/// A connection that has sent nothing (not even a pong) for this long is closed.
const IDLE_MAX: Duration = Duration::from_secs(90);
/// How long a client has to answer the close frame of a service that stops. What it sends meanwhile
/// is thrown away: to close upon unread bytes would take back what was sent last, acks perhaps.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(1);
/// A connection that does not take a frame within this time is cut off.
pub const SEND_TIME_MAX: Duration = Duration::from_secs(10);

/// The conversation and id an answer is about, and the ack or what was wrong.
type Acked = (String, String, Result<Outcome, RelayError>);
/// An answer on its way.
type PendingAck = BoxFuture<'static, Acked>;

/// A record that a subscription goes past.
struct Passing {
    seq: Seq,
    /// `None` where it is not heard.
    frame: Option<Utf8Bytes>,
}

impl Passing {
    fn of(identity: &Identity, record: &Record) -> Passing {
        let heard = hears(identity, &record.event).then(|| ShownRecord::to(identity, record));
        let frame = heard.map(|record| ServerFrame::Event { record }.to_text().into());
        Passing { seq: record.seq, frame }
    }
}

pub(super) struct Connection {
    service: Service,
    /// Asked about again now and then: it may be revoked.
    token: String,
    identity: Arc<Identity>,
    socket: WebSocket,
    subscriber: Subscriber,
    /// Last seq passed on, by conversation.
    subscriptions: HashMap<String, Seq>,
    acks: FuturesOrdered<PendingAck>,
    line: Line,
    last_seen: Instant,
    /// When the token was asked about.
    checked_at: Instant,
    /// The service stops: nothing more is read, and what was taken is answered.
    is_draining: bool,
}

/// The connection ends: with this close frame, where one should be sent.
struct Closed(Option<(u16, &'static str)>);

/// What a connection waits for beside its client.
struct Waits {
    published: mpsc::Receiver<Arc<Published>>,
    ticks: Interval,
    expired: Pin<Box<Sleep>>,
    /// Kept, since ten thousand of them stand in one list, from which each would be taken and put
    /// back with every record.
    stopping: Pin<Box<WaitForCancellationFutureOwned>>,
}

/// What a connection reacts to.
enum Step {
    Received(Option<Result<Message, axum::Error>>),
    Published(Option<Arc<Published>>),
    Acked(Acked),
    Tick,
    Expired,
    Stopping,
}

impl Connection {
    /// Serves one client until it leaves, is cut off, its token's `life` is over, or the service
    /// stops.
    pub(super) async fn run(
        service: Service,
        token: String,
        identity: Identity,
        life: Duration,
        socket: WebSocket,
    ) {
        let (subscriber, published) = service.relay.connect();
        let connection = Connection {
            service,
            token,
            identity: Arc::new(identity),
            socket,
            subscriber,
            subscriptions: HashMap::new(),
            acks: FuturesOrdered::new(),
            line: Line::default(),
            last_seen: Instant::now(),
            checked_at: Instant::now(),
            is_draining: false,
        };
        let ticks = tokio::time::interval(PING_EVERY);
        let expired = Box::pin(tokio::time::sleep(life));
        let stopping = Box::pin(connection.service.drain.clone().cancelled_owned());
        connection.serve(Waits { published, ticks, expired, stopping }).await;
    }

    async fn serve(mut self, mut waits: Waits) {
        let Closed(close) = loop {
            if let Err(closed) = self.turn(&mut waits).await {
                break closed;
            }
        };
        if let Some((code, reason)) = close {
            self.close(code, reason).await;
        }
    }

    /// Takes one step, then writes what it had to say at once. Once the service stops, the last step is
    /// that of the last ack.
    async fn turn(&mut self, waits: &mut Waits) -> Result<(), Closed> {
        let step = self.next(waits).await;
        self.step(step, waits).await?;
        in_time(self.socket.flush()).await?;
        if self.is_draining && self.acks.is_empty() {
            return Err(Closed(Some((GOING_AWAY, STOPPING))));
        }
        Ok(())
    }

    /// What comes next. Safe to drop, as each branch is: the socket and the queues keep what was not
    /// taken.
    async fn next(&mut self, waits: &mut Waits) -> Step {
        let reads_more = !self.is_draining && self.acks.len() < ACKS_WAITING_MAX;
        tokio::select! {
            received = self.socket.recv(), if reads_more => Step::Received(received),
            published = waits.published.recv() => Step::Published(published),
            Some(acked) = self.acks.next(), if !self.acks.is_empty() => Step::Acked(acked),
            _ = waits.ticks.tick() => Step::Tick,
            () = &mut waits.expired => Step::Expired,
            () = &mut waits.stopping, if !self.is_draining => Step::Stopping,
        }
    }

    /// Says why this ends; a client that is told to come back may answer first.
    async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
        let sent = self.socket.send(Message::Close(Some(frame)));
        let is_sent = tokio::time::timeout(SEND_TIME_MAX, sent).await.is_ok();
        if is_sent && code == GOING_AWAY {
            let until_closed = async { while let Some(Ok(_)) = self.socket.recv().await {} };
            let _ = tokio::time::timeout(CLOSE_TIME_MAX, until_closed).await;
        }
    }

    async fn step(&mut self, step: Step, waits: &mut Waits) -> Result<(), Closed> {
        match step {
            Step::Received(Some(Ok(Message::Close(_)))) => {
                // The answer lies in the socket, as do frames of before: without it a client takes the end for a
                // broken line.
                in_time(self.socket.flush()).await?;
                Err(Closed(None))
            }
            Step::Received(Some(Ok(message))) => self.on_message(message).await,
            Step::Received(Some(Err(_)) | None) => Err(Closed(None)),
            Step::Published(Some(published)) => {
                self.pass_on(&published).await?;
                for _ in 1..GATHERED_MAX {
                    let Ok(published) = waits.published.try_recv() else { break };
                    self.pass_on(&published).await?;
                }
                self.catch_up_if_left_behind().await
            }
            Step::Published(None) => Err(Closed(Some((GOING_AWAY, STOPPING)))),
            Step::Acked(acked) => {
                self.answer(acked).await?;
                for _ in 1..GATHERED_MAX {
                    let Some(Some(acked)) = self.acks.next().now_or_never() else { break };
                    self.answer(acked).await?;
                }
                Ok(())
            }
            Step::Tick if self.last_seen.elapsed() > IDLE_MAX => {
                Err(Closed(Some((TRY_AGAIN, "no sign of life"))))
            }
            Step::Tick => {
                self.check_token()?;
                self.send(Message::Ping(Default::default())).await
            }
            Step::Expired => Err(Closed(Some((POLICY, "the token has expired")))),
            Step::Stopping => {
                self.is_draining = true;
                Ok(())
            }
        }
    }

    async fn on_message(&mut self, message: Message) -> Result<(), Closed> {
        self.check_token()?;
        self.last_seen = Instant::now();
        match message {
            Message::Text(text) => match ClientFrame::parse(&text) {
                Ok(frame) => self.handle(frame).await,
                Err(problem) => self.send_frame(&ServerFrame::error(&problem)).await,
            },
            Message::Binary(bytes) => {
                let problem = Problem::new(
                    ErrorKind::BadInput,
                    format!("{} bytes of binary must be text frames", bytes.len()),
                );
                self.send_frame(&ServerFrame::error(&problem)).await
            }
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => Ok(()),
        }
    }

    async fn handle(&mut self, frame: ClientFrame) -> Result<(), Closed> {
        let done = match frame {
            ClientFrame::Ping => return self.send_frame(&ServerFrame::Pong).await,
            ClientFrame::Send { event } => return self.append(event.get()).await,
            ClientFrame::Unsubscribe { conversation } => {
                self.subscriber.unsubscribe(&self.identity.shop, &conversation);
                self.subscriptions.remove(&conversation);
                Ok(())
            }
            ClientFrame::Subscribe { conversation, after_seq } => {
                match self.may_subscribe(&conversation) {
                    Ok(()) => {
                        // Subscribed first, read second: what arrives in between is in the queue
                        // and in the log, and its seq shows that it was sent already.
                        self.subscriber.subscribe(&self.identity.shop, &conversation);
                        self.subscriptions.insert(conversation.clone(), after_seq);
                        if self.identity.may(Action::ReadConversations) {
                            self.record_view(&conversation, AccessOutcome::Allowed);
                        }
                        return self.catch_up(&conversation).await;
                    }
                    Err(error) => {
                        if error.kind() == ErrorKind::Denied {
                            self.record_view(&conversation, AccessOutcome::Refused);
                        }
                        Err(error)
                    }
                }
            }
        };
        match done {
            Ok(()) => Ok(()),
            Err(error) => self.send_frame(&ServerFrame::error(&Problem::from(error))).await,
        }
    }

    /// Refuses to go on where the token counts no longer: asked about again once it is a second ago.
    fn check_token(&mut self) -> Result<(), Closed> {
        if self.checked_at.elapsed() < CHECK_EVERY {
            return Ok(());
        }
        self.checked_at = Instant::now();
        let counts = self.service.tokens.check(&self.token);
        counts.map(drop).map_err(|_| Closed(Some((POLICY, COUNTS_NO_LONGER))))
    }

    async fn append(&mut self, json: &str) -> Result<(), Closed> {
        self.service.admission.rates.event_in_time(&self.identity).await;
        let ((conversation, id), submitted) =
            match prepare(&self.identity, Origin::Live, json.as_bytes()) {
                Ok(event) => {
                    let said = event.event();
                    let named = (said.conversation.clone(), said.id.clone());
                    let (relay, identity) = (&self.service.relay, self.identity.clone());
                    (named, relay.submit_in(&self.line, identity, vec![event]).await)
                }
                Err(error) => (named_in(json), Err(error)),
            };
        self.acks.push_back(Box::pin(async move {
            let outcome = match submitted {
                Ok(submitted) => submitted.answer().await,
                Err(error) => Err(error),
            };
            (conversation, id, outcome)
        }));
        Ok(())
    }

    async fn answer(&mut self, (conversation, id, outcome): Acked) -> Result<(), Closed> {
        self.service.counts.count(&outcome);
        match outcome {
            Ok(outcome) => {
                let ack = ShownAck::to(&self.identity, &outcome.ack);
                self.send_frame(&ServerFrame::Ack { conversation: &conversation, ack }).await
            }
            Err(error) => {
                let problem = Problem::from(error).about((!id.is_empty()).then_some(id));
                let conversation = Some(conversation.as_str()).filter(|name| !name.is_empty());
                self.send_frame(&ServerFrame::Error { conversation, problem: &problem }).await
            }
        }
    }

    /// A subscription is an access of whoever may read any conversation: they look at this one. Whoever
    /// serves customers listens to them all day, which is none, unless they read what is no live chat any more.
    fn record_view(&self, conversation: &str, outcome: AccessOutcome) {
        let access = Access {
            outcome,
            conversation: Some(conversation.to_string()),
            ..Access::new(AccessAction::View, Via::Socket, Purpose::default())
        };
        self.service.trail().record(&self.identity, access);
    }

    fn may_subscribe(&self, conversation: &str) -> Result<(), RelayError> {
        check_id("conversation", conversation)?;
        let is_new = !self.subscriptions.contains_key(conversation);
        if is_new && self.subscriptions.len() >= SUBSCRIPTIONS_MAX {
            let rule = format!("be one of at most {SUBSCRIPTIONS_MAX} on one connection");
            return Err(FieldError::new("conversation", conversation, rule).into());
        }
        self.service.relay.require_participant(&self.identity, conversation)
    }

    /// Sends what the log has after the last seq that was sent.
    async fn catch_up(&mut self, conversation: &str) -> Result<(), Closed> {
        // A customer reads what is theirs; whoever may read any conversation was recorded when they subscribed.
        let mut is_recorded =
            self.identity.is_customer() || self.identity.may(Action::ReadConversations);
        loop {
            let Some(passed) = self.subscriptions.get(conversation).copied() else { return Ok(()) };
            // A slow reader of a long conversation is in here for minutes.
            if self.service.drain.is_cancelled() {
                return Ok(());
            }
            self.check_token()?;
            let (kept, identity) = (self.service.records.clone(), self.identity.clone());
            let of = conversation.to_string();
            let live_from = Micros(Micros::now().0 - LIVE_MICROS);
            let read = move || -> Result<(Vec<Passing>, bool), RecordsError> {
                let mut page = kept.after(&identity.shop, &of, passed, CATCH_UP)?;
                if identity.is_customer() {
                    leave_out_answers(&kept, &mut page.records);
                }
                let passing = page.records.iter().map(|record| Passing::of(&identity, record));
                let has_old = page.records.iter().any(|record| record.occurred_at() < live_from);
                Ok((passing.collect(), has_old))
            };
            let (passing, has_old) = match self.service.read(&self.identity, read).await {
                Ok((passing, _)) if passing.is_empty() => return Ok(()),
                Ok(read) => read,
                Err(problem) => {
                    tracing::warn!(problem.detail, "a subscription could not be caught up");
                    return Err(Closed(Some((TRY_AGAIN, "resume from your last seq"))));
                }
            };
            if has_old && !is_recorded {
                is_recorded = true;
                self.record_view(conversation, AccessOutcome::Allowed);
            }
            for Passing { seq, frame } in passing {
                self.subscriptions.insert(conversation.to_string(), seq);
                if let Some(frame) = frame {
                    self.send(Message::Text(frame)).await?;
                }
            }
            in_time(self.socket.flush()).await?;
            // It takes what it is sent.
            self.last_seen = Instant::now();
        }
    }

    async fn pass_on(&mut self, published: &Published) -> Result<(), Closed> {
        self.check_token()?;
        let record = &published.record;
        let conversation = &record.event.conversation;
        let Some(passed) = self.subscriptions.get_mut(conversation) else { return Ok(()) };
        if record.seq <= *passed {
            return Ok(());
        }
        if record.seq.0 > passed.0 + 1 {
            return self.catch_up(conversation).await;
        }
        *passed = record.seq;
        if !hears(&self.identity, &record.event) {
            return Ok(());
        }
        self.send(Message::Text(event_text(&self.identity, published))).await
    }

    /// Sends from the log what found no room in the queue.
    async fn catch_up_if_left_behind(&mut self) -> Result<(), Closed> {
        if self.subscriber.was_left_behind() {
            let conversations: Vec<String> = self.subscriptions.keys().cloned().collect();
            for conversation in conversations {
                self.catch_up(&conversation).await?;
            }
        }
        Ok(())
    }

    async fn send_frame(&mut self, frame: &ServerFrame<'_>) -> Result<(), Closed> {
        self.send(Message::Text(frame.to_text().into())).await
    }

    /// Hands over a frame, which is written with its neighbours.
    async fn send(&mut self, message: Message) -> Result<(), Closed> {
        in_time(self.socket.feed(message)).await
    }
}

/// Waits for a client to take what it is sent.
async fn in_time(sent: impl Future<Output = Result<(), axum::Error>>) -> Result<(), Closed> {
    match tokio::time::timeout(SEND_TIME_MAX, sent).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Closed(None)),
        Err(_) => Err(Closed(Some((TRY_AGAIN, "too slow; resume from your last seq")))),
    }
}

/// The conversation and id that a refused event names, for its answer; empty where it names none.
fn named_in(json: &str) -> (String, String) {
    #[derive(Deserialize)]
    struct Named {
        #[serde(default)]
        conversation: String,
        #[serde(default)]
        id: String,
    }
    serde_json::from_str::<Named>(json)
        .map_or_else(|_| Default::default(), |named| (named.conversation, named.id))
}
