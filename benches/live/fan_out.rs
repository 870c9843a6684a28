//! One conversation that thousands hear: from sending a message until the last of them has it.

use std::time::{Duration, Instant};

use futures::SinkExt;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Times;
use super::peers::Peer;
use super::report::{Report, round};
use super::server::Server;
use super::socket::{Host, Socket, message, next_text, subscribe};

const SUBSCRIBERS: [usize; 2] = [1_000, 10_000];

pub fn measure(
    runtime: &Runtime,
    server: &Server,
    (sender, listeners): (&Host, &Host),
    ws: Option<&Peer>,
    messages: usize,
    report: &mut Report,
) {
    for subscribers in SUBSCRIBERS {
        let name = format!("{subscribers} subscribers");
        // Of one delivery, in microseconds.
        let share = |cpu_seconds: f64| cpu_seconds * 1e6 / (subscribers * messages) as f64;
        server.settle();
        let hearers = runtime.block_on(Hearers::gather(listeners, subscribers, messages));
        let before = server.cpu_seconds();
        let heard = runtime.block_on(hearers.hear(sender));
        let cpu = share(server.cpu_seconds() - before);
        heard.add_to(report, format!("{name}: the last one hears"));
        report.add(format!("{name}: CPU of a delivery"), round(cpu, 1), "µs");
        let Some(ws) = ws else { continue };
        let hearers = runtime.block_on(Hearers::gather(&ws.host(), subscribers, messages));
        let before = ws.cpu_seconds();
        let by_ws = runtime.block_on(hearers.hear(&ws.host()));
        let cpu_of_ws = share(ws.cpu_seconds() - before);
        by_ws.add_to(report, format!("{name}: the last one hears, by ws"));
        report.add(format!("{name}: CPU of a delivery by ws"), round(cpu_of_ws, 1), "µs");
        report.add_ratio(format!("{name}: p50 beside ws"), heard.p50(), by_ws.p50());
    }
}

/// Sockets that listen to one conversation.
struct Hearers {
    conversation: String,
    messages: usize,
    hearing: mpsc::UnboundedReceiver<Instant>,
    tasks: Vec<JoinHandle<()>>,
}

impl Hearers {
    async fn gather(host: &Host, subscribers: usize, messages: usize) -> Hearers {
        let conversation = format!("fan-out-{subscribers}");
        let (heard, hearing) = mpsc::unbounded_channel();
        let mut tasks = Vec::with_capacity(subscribers);
        for mut socket in host.connect_many(subscribers).await {
            subscribe(&mut socket, &conversation).await;
            tasks.push(tokio::spawn(listen(socket, messages, heard.clone())));
        }
        Hearers { conversation, messages, hearing, tasks }
    }

    /// Sends one message after the other, each when all have the one before; how long until the last
    /// had it.
    async fn hear(mut self, sender: &Host) -> Times {
        let mut sender = sender.connect().await;
        let mut times: Vec<Duration> = Vec::with_capacity(self.messages);
        for number in 0..self.messages {
            let sent = Instant::now();
            sender.send(message(&self.conversation, &format!("m{number}"))).await.unwrap();
            let mut last = sent;
            for _ in 0..self.tasks.len() {
                last = self.hearing.recv().await.expect("they all listen");
            }
            times.push(last - sent);
            next_text(&mut sender).await;
        }
        for task in self.tasks {
            task.await.unwrap();
        }
        Times::of(times)
    }
}

async fn listen(mut socket: Socket, messages: usize, heard: mpsc::UnboundedSender<Instant>) {
    for _ in 0..messages {
        let text = next_text(&mut socket).await;
        let now = Instant::now();
        assert!(text.contains(r#""type":"event""#), "{text}");
        heard.send(now).expect("somebody counts");
    }
}
