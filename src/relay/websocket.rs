//! The relay's WebSocket: send, subscribe with resume, acks, events. A bad frame is answered, not punished; a reader
//! that does not read is cut off with a code that tells it to come back and resume.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesOrdered;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::http::{Relay, prepare, token_in};
use super::hub::Subscriber;
use super::limits::{
    FRAME_BYTES_MAX, IDLE_MAX, PING_EVERY, SEND_TIME_MAX, SUBSCRIPTIONS_MAX, WEBSOCKETS_MAX, WEBSOCKETS_PER_ADDRESS_MAX,
};
use super::protocol::{ClientFrame, ServerFrame};
use super::{Identity, Outcome, Problem, RelayError};
use crate::model::{ErrorKind, FieldError, Offset, Origin, Record, Seq, Visibility};

/// Close codes (RFC 6455): 1001 going away, 1013 try again later. Both mean: connect again and resume.
const GOING_AWAY: u16 = 1001;
const TRY_AGAIN: u16 = 1013;
/// Acks one connection may wait for; a client that sends faster is not read until the oldest comes.
const ACKS_WAITING_MAX: usize = 256;
/// Records read at once when a subscription begins behind.
const CATCH_UP_RECORDS: usize = 256;

/// Counts open WebSockets, in all and per address. Cheap to clone.
#[derive(Clone, Default)]
pub struct OpenSockets {
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One place among the open WebSockets, given back when dropped.
struct OpenSocket {
    sockets: OpenSockets,
    address: IpAddr,
}

impl OpenSockets {
    fn take(&self, address: IpAddr) -> Result<OpenSocket, RelayError> {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if by_address.values().sum::<usize>() >= WEBSOCKETS_MAX {
            return Err(RelayError::Busy(format!("{WEBSOCKETS_MAX} WebSockets are open")));
        }
        let count = by_address.entry(address).or_default();
        if *count >= WEBSOCKETS_PER_ADDRESS_MAX {
            return Err(RelayError::Busy(format!("{WEBSOCKETS_PER_ADDRESS_MAX} WebSockets are open from {address}")));
        }
        *count += 1;
        Ok(OpenSocket { sockets: self.clone(), address })
    }
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        let mut by_address = self.sockets.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

/// Browsers cannot set headers on a WebSocket, so a token may come in the address.
#[derive(Deserialize)]
pub struct UpgradeQuery {
    token: Option<String>,
}

pub async fn upgrade(
    State(relay): State<Relay>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Query(query): Query<UpgradeQuery>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    let identity = authenticate(&relay, &query, &headers).map_err(|error| Problem::from(&error))?;
    let place = relay.sockets.take(peer.ip()).map_err(|error| Problem::from(&error))?;
    let upgrade = upgrade.max_message_size(FRAME_BYTES_MAX).max_frame_size(FRAME_BYTES_MAX);
    // The library's write buffer has no bound of its own: this is one frame beyond the largest.
    let upgrade = upgrade.max_write_buffer_size(4 * FRAME_BYTES_MAX);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let (subscriber, fresh) = relay.hub.connect();
        let connection = Connection {
            relay,
            identity: Arc::new(identity),
            socket,
            subscriber,
            subscriptions: HashMap::new(),
            acks: FuturesOrdered::new(),
            heard_at: Instant::now(),
        };
        connection.run(fresh).await;
        drop(place);
    }))
}

fn authenticate(relay: &Relay, query: &UpgradeQuery, headers: &HeaderMap) -> Result<Identity, RelayError> {
    refuse_other_sites(headers)?;
    let token = query.token.as_deref().or_else(|| token_in(headers));
    relay.tokens.check(token.ok_or_else(|| RelayError::Unauthenticated("send a token".to_string()))?)
}

/// A page of another site must not use a visitor's cookie: when a browser names its page's origin, it is ours.
fn refuse_other_sites(headers: &HeaderMap) -> Result<(), RelayError> {
    let Some(origin) = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok()) else { return Ok(()) };
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or("");
    let origin_host = origin.split_once("://").map_or(origin, |(_, host)| host);
    match origin_host == host {
        true => Ok(()),
        false => Err(RelayError::Denied(format!("a page of `{origin}` may not connect here"))),
    }
}

/// An answer on its way: the conversation and id it is about, and the ack or what was wrong.
type PendingAck = BoxFuture<'static, (String, String, Result<Outcome, RelayError>)>;

struct Connection {
    relay: Relay,
    identity: Arc<Identity>,
    socket: WebSocket,
    subscriber: Subscriber,
    /// Last seq passed on, by conversation.
    subscriptions: HashMap<String, Seq>,
    acks: FuturesOrdered<PendingAck>,
    heard_at: Instant,
}

/// The connection is over: its close frame, where one should be sent.
struct Over(Option<(u16, &'static str)>);

enum Step {
    Heard(Option<Result<Message, axum::Error>>),
    Fresh(Option<Arc<Record>>),
    Acked((String, String, Result<Outcome, RelayError>)),
    Tick,
    Stopping,
}

impl Connection {
    async fn run(mut self, mut fresh: mpsc::Receiver<Arc<Record>>) {
        let mut ticks = tokio::time::interval(PING_EVERY);
        loop {
            let reads_more = self.acks.len() < ACKS_WAITING_MAX;
            // Each branch is safe to drop: the socket and the queue keep what was not taken.
            let step = tokio::select! {
                heard = self.socket.recv(), if reads_more => Step::Heard(heard),
                record = fresh.recv() => Step::Fresh(record),
                Some(acked) = self.acks.next(), if !self.acks.is_empty() => Step::Acked(acked),
                _ = ticks.tick() => Step::Tick,
                () = self.relay.stop.cancelled() => Step::Stopping,
            };
            if let Err(Over(close)) = self.take(step).await {
                if let Some((code, reason)) = close {
                    let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
                    let _ = tokio::time::timeout(SEND_TIME_MAX, self.socket.send(Message::Close(Some(frame)))).await;
                }
                return;
            }
        }
    }

    async fn take(&mut self, step: Step) -> Result<(), Over> {
        match step {
            Step::Heard(Some(Ok(message))) => self.hear(message).await,
            Step::Heard(Some(Err(_)) | None) => Err(Over(None)),
            Step::Fresh(Some(record)) => {
                self.pass_on(record).await?;
                self.catch_up_if_left_behind().await
            }
            Step::Fresh(None) => Err(Over(Some((GOING_AWAY, "the service is stopping; resume from your last seq")))),
            Step::Acked((conversation, id, outcome)) => self.answer(&conversation, id, outcome).await,
            Step::Tick if self.heard_at.elapsed() > IDLE_MAX => Err(Over(Some((TRY_AGAIN, "no sign of life")))),
            Step::Tick => self.send(Message::Ping(Default::default())).await,
            Step::Stopping => Err(Over(Some((GOING_AWAY, "the service is stopping; resume from your last seq")))),
        }
    }

    async fn hear(&mut self, message: Message) -> Result<(), Over> {
        self.heard_at = Instant::now();
        match message {
            Message::Text(text) => match ClientFrame::parse(&text) {
                Ok(frame) => self.obey(frame).await,
                Err(problem) => self.say(&ServerFrame::Error { problem: &problem }).await,
            },
            Message::Binary(bytes) => {
                let problem =
                    Problem::new(ErrorKind::BadInput, format!("{} bytes of binary must be text frames", bytes.len()));
                self.say(&ServerFrame::Error { problem: &problem }).await
            }
            Message::Ping(_) | Message::Pong(_) => Ok(()),
            Message::Close(_) => Err(Over(None)),
        }
    }

    async fn obey(&mut self, frame: ClientFrame) -> Result<(), Over> {
        let done = match frame {
            ClientFrame::Ping => return self.say(&ServerFrame::Pong).await,
            ClientFrame::Send { event } => return self.append(event.get()).await,
            ClientFrame::Unsubscribe { conversation } => {
                self.subscriber.unwant(&self.identity.shop, &conversation);
                self.subscriptions.remove(&conversation);
                Ok(())
            }
            ClientFrame::Subscribe { conversation, after_seq } => match self.may_subscribe(&conversation) {
                Ok(()) => {
                    // Wanted first, read second: what arrives in between is in the queue and in the log, and the seq
                    // tells that it is the same.
                    self.subscriber.want(&self.identity.shop, &conversation);
                    self.subscriptions.insert(conversation.clone(), after_seq);
                    return self.catch_up(&conversation).await;
                }
                Err(error) => Err(error),
            },
        };
        match done {
            Ok(()) => Ok(()),
            Err(error) => self.say(&ServerFrame::Error { problem: &Problem::from(&error) }).await,
        }
    }

    async fn append(&mut self, json: &str) -> Result<(), Over> {
        let prepared = prepare(&self.identity, Origin::Live, json.as_bytes());
        let (conversation, id) = named_in(json);
        let submitted = match prepared {
            Ok(event) => self.relay.append.submit(self.identity.clone(), Origin::Live, vec![event]).await,
            Err(error) => Err(error),
        };
        self.acks.push_back(Box::pin(async move {
            let outcome = match submitted {
                Ok(submitted) => submitted.answers().await.and_then(|mut answers| {
                    answers.pop().unwrap_or_else(|| Err(RelayError::Closed("no answer".to_string())))
                }),
                Err(error) => Err(error),
            };
            (conversation, id, outcome)
        }));
        Ok(())
    }

    async fn answer(
        &mut self,
        conversation: &str,
        id: String,
        outcome: Result<Outcome, RelayError>,
    ) -> Result<(), Over> {
        match outcome {
            Ok(outcome) => self.say(&ServerFrame::Ack { conversation, ack: &outcome.ack }).await,
            Err(error) => {
                let problem = Problem::from(&error).about((!id.is_empty()).then_some(id));
                self.say(&ServerFrame::Error { problem: &problem }).await
            }
        }
    }

    fn may_subscribe(&self, conversation: &str) -> Result<(), RelayError> {
        if self.subscriptions.len() >= SUBSCRIPTIONS_MAX {
            let rule = format!("be one of at most {SUBSCRIPTIONS_MAX} on one connection");
            return Err(FieldError::new("conversation", conversation, rule).into());
        }
        if !self.identity.is_customer_only() {
            return Ok(());
        }
        let state = self.relay.lookup.conversation(&self.identity.shop, conversation)?;
        match state.is_some_and(|state| state.customers.contains(&self.identity.subject)) {
            true => Ok(()),
            // The same answer whether it exists or not: a stranger learns nothing.
            false => Err(RelayError::Denied(format!(
                "`{}` takes no part in conversation `{conversation}`",
                self.identity.subject
            ))),
        }
    }

    /// Passes on everything after the last seq passed on, from the log.
    async fn catch_up(&mut self, conversation: &str) -> Result<(), Over> {
        loop {
            let Some(passed) = self.subscriptions.get(conversation).copied() else { return Ok(()) };
            let records = match self.records_after(conversation, passed) {
                Ok(records) if records.is_empty() => return Ok(()),
                Ok(records) => records,
                Err(error) => return self.say(&ServerFrame::Error { problem: &Problem::from(&error) }).await,
            };
            for record in &records {
                self.say_record(record).await?;
            }
        }
    }

    fn records_after(&self, conversation: &str, passed: Seq) -> Result<Vec<Record>, RelayError> {
        let offsets = self.relay.lookup.thread(&self.identity.shop, conversation, passed, CATCH_UP_RECORDS)?;
        let mut records = Vec::with_capacity(offsets.len());
        for offset in offsets {
            records.extend(self.relay.log.range(offset, Offset(offset.0 + 1))?);
        }
        Ok(records)
    }

    async fn pass_on(&mut self, record: Arc<Record>) -> Result<(), Over> {
        let conversation = &record.event.conversation;
        let Some(passed) = self.subscriptions.get(conversation).copied() else { return Ok(()) };
        if record.seq <= passed {
            return Ok(());
        }
        if record.seq.0 == passed.0 + 1 {
            return self.say_record(&record).await;
        }
        let conversation = conversation.clone();
        self.catch_up(&conversation).await
    }

    /// Records that found no room in the queue come from the log instead.
    async fn catch_up_if_left_behind(&mut self) -> Result<(), Over> {
        if self.subscriber.was_left_behind() {
            let conversations: Vec<String> = self.subscriptions.keys().cloned().collect();
            for conversation in conversations {
                self.catch_up(&conversation).await?;
            }
        }
        Ok(())
    }

    async fn say_record(&mut self, record: &Record) -> Result<(), Over> {
        self.subscriptions.insert(record.event.conversation.clone(), record.seq);
        if record.event.visibility == Visibility::Private && self.identity.is_customer_only() {
            return Ok(());
        }
        self.say(&ServerFrame::Event { record: record.public() }).await
    }

    async fn say(&mut self, frame: &ServerFrame<'_>) -> Result<(), Over> {
        self.send(Message::Text(frame.to_text().into())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Over> {
        match tokio::time::timeout(SEND_TIME_MAX, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Over(None)),
            Err(_) => Err(Over(Some((TRY_AGAIN, "too slow; resume from your last seq")))),
        }
    }
}

/// The conversation and id an event names, to say in its answer; empty where it names none.
fn named_in(json: &str) -> (String, String) {
    #[derive(Deserialize)]
    struct Named {
        #[serde(default)]
        conversation: String,
        #[serde(default)]
        id: String,
    }
    serde_json::from_str::<Named>(json).map_or_else(|_| Default::default(), |named| (named.conversation, named.id))
}
