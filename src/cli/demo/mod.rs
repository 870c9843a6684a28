//! `verbatim demo`: two weeks of a shop's chat as history, then more of it live, and a page to
//! open.

mod dates;

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use clap::Args;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use self::dates::Dates;
use super::serve::Server;
use super::{Exit, write};
use crate::access::{Identity, TokenRole, operator};
use crate::app::{App, Config, DataDir};
use crate::categories::{MODEL_USUAL, Saved, Shelf, read_labels, train};
use crate::durable::{self, Mode};
use crate::model::{Event, Micros, Origin};
use crate::relay::{Relay, prepare_event};

const EXAMPLES: &str = "\
Examples:
  verbatim demo                               two weeks of a shop's chat, more of it live, and a page to open
  verbatim demo --listen 127.0.0.1:9090       on another port
  verbatim demo --speed 4                     the live part four times faster, and its waits four times shorter

Exit codes: 0 stopped by Ctrl-C; 2 it cannot run, such as when the port is taken";

const HISTORY: &str = include_str!("../../../sample_data/history.ndjson");
const LIVE: &str = include_str!("../../../sample_data/live.ndjson");
/// What the sample shop's model is made of, in less than a second at each start.
const LABELS: &str = include_str!("../../../sample_data/labels.csv");
/// The day that history is moved to yesterday.
const HISTORY_LAST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 1, 14).unwrap();
/// The day of the live part, which is always today.
const LIVE_DAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 1, 15).unwrap();
/// The sample shop.
const SHOP: &str = "demo";
/// The zone the sample shop lives in.
const SHOP_ZONE: chrono_tz::Tz = chrono_tz::Tz::Asia__Shanghai;
const TOKEN_LIFE: Duration = Duration::from_secs(7 * 24 * 3_600);

macro_rules! attachments {
    ($($name:literal),+ $(,)?) => {
        &[$(include_bytes!(concat!("../../../sample_data/attachments/", $name))),+]
    };
}

const ATTACHMENTS: &[&[u8]] = attachments![
    "boots-40-42.png",
    "bowl-base.png",
    "bowl-shattered.png",
    "coupon-error.png",
    "invoice-screenshot.png",
    "jacket-label-xl-m.png",
    "kettle-no-heat.png",
    "mug-cracked.png",
    "parcel-dented.png",
    "voice-kettle-zh.ogg",
    "voice-teapot-en.ogg",
    "zip-broken.png",
];

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Demo {
    /// Data directory of its own; started again, the demo goes on with it
    #[arg(long, value_name = "DIR", default_value = "verbatim-demo")]
    data: PathBuf,
    /// Where to listen; without it as the directory's verbatim.toml says, or on 127.0.0.1:8080
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<std::net::SocketAddr>,
    /// How many times faster than life the live part is played; waits become as much shorter
    #[arg(long, default_value_t = 1.0, value_parser = pace)]
    speed: f64,
}

fn pace(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.1..=1_000.0).contains(&speed) => Ok(speed),
        _ => Err("must be a number from 0.1 to 1000".to_string()),
    }
}

/// What the shop has decided before anything happened: when its people are there, what it promises, the model that
/// tags what people did not, and how categories are called.
const RULES: &str = r#"{
    "hours": {"zone": "Asia/Shanghai", "week": {
        "mon": ["09:00-22:00"], "tue": ["09:00-22:00"], "wed": ["09:00-22:00"], "thu": ["09:00-22:00"],
        "fri": ["09:00-23:00"], "sat": ["09:00-23:00"], "sun": ["09:00-22:00"]}},
    "sla": {"first_reply_s": 180, "next_reply_s": 300, "resolution_s": 86400, "clock": "business"},
    "classifier": "issues",
    "category_labels": {
        "broken_on_arrival": {"zh": "到货破损", "en": "Broken on arrival"}, "complaint": {"zh": "投诉", "en": "Complaint"},
        "coupon": {"zh": "优惠券", "en": "Coupon"}, "delivery_time": {"zh": "发货时间", "en": "Delivery time"},
        "exchange": {"zh": "换货", "en": "Exchange"}, "invoice": {"zh": "发票", "en": "Invoice"},
        "parcel_lost": {"zh": "丢件", "en": "Parcel lost"}, "refund": {"zh": "退款", "en": "Refund"},
        "warranty": {"zh": "保修", "en": "Warranty"}, "wrong_size": {"zh": "尺码不对", "en": "Wrong size"}}}"#;

/// Kept in the data directory, so that a second start imports the same history, which adds nothing.
#[derive(Serialize, Deserialize)]
struct Moved {
    history_days: u64,
}

impl Demo {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let data = DataDir::new(&self.data);
        let file = Config::read(&data.config_file())?;
        let listen = self.listen.unwrap_or(file.listen);
        let moved = moved_by(&data)?;
        let config = Config { listen, zone: SHOP_ZONE, ..file };
        let server = Server::start(data, config).await?;
        let identity = Arc::new(operator(SHOP));
        make_model(&server.app)?;
        // Before the history, so that they hold for it.
        set_rules(&server.app, &identity).await?;
        import_history(&server.app, &identity, &moved).await?;
        server.app.catch_up().await?;
        self.greet(&server)?;
        let live = tokio::spawn(play(
            server.app.relay.clone(),
            identity,
            self.speed,
            server.drain_token(),
        ));
        let ended = server.run().await;
        live.abort();
        ended
    }

    fn greet(&self, server: &Server) -> anyhow::Result<()> {
        let token = |subject: &str, role: TokenRole| {
            let identity = Identity {
                subject: subject.to_string(),
                shop: SHOP.to_string(),
                roles: vec![role],
            };
            server.app.tokens.issue(&identity, TOKEN_LIFE)
        };
        let admin = token("demo-admin", TokenRole::Admin)?;
        let (url, data, verbatim) = (&server.url, self.data.display(), own_name());
        let text = format!(
            "verbatim demo: two weeks of a shop's chat, and more of it live\n\n\
             Open    {url}/login?token={admin}\n\n\
             Tokens  (for `Authorization: Bearer …`, valid for a week)\n\
             analyst   {analyst}\n\
             dispute   {dispute}\n\
             customer  {customer}\n\
             admin     {admin}\n\n\
             Try, in another terminal:\n\
             {verbatim} search 退款 --shop {SHOP} --data {data} --zone {SHOP_ZONE}\n\
             {verbatim} search \"broken\" --shop {SHOP} --data {data} --context 2\n\
             {verbatim} show c-20260103-0001 --shop {SHOP} --data {data} --zone {SHOP_ZONE}\n\
             {verbatim} report waiting_by_hour --shop {SHOP} --data {data} --zone {SHOP_ZONE}\n\
             {verbatim} sql \"select outcome, count(*) from turns group by 1\" --shop {SHOP} --data {data}\n\
             {verbatim} categories list --shop {SHOP} --data {data}\n\
             {verbatim} export messages --format csv --shop {SHOP} --data {data} --out messages.csv\n\n\
             Ctrl-C stops it; started again, it goes on where it was.\n",
            analyst = token("demo-analyst", TokenRole::Analyst)?,
            dispute = token("demo-clerk", TokenRole::Dispute)?,
            customer = token("cust-1042", TokenRole::Customer)?,
        );
        write::to_stdout(text.as_bytes())
    }
}

async fn import_history(app: &App, identity: &Arc<Identity>, moved: &Moved) -> anyhow::Result<()> {
    for bytes in ATTACHMENTS {
        let sha256 = hex::encode(Sha256::digest(bytes));
        let body = futures::stream::iter([Ok::<_, std::convert::Infallible>(*bytes)]);
        app.attachments.put(identity, &sha256, body).await?;
    }
    let dates = Dates::read()?;
    let mut events = Vec::new();
    for line in HISTORY.lines() {
        let mut event = Event::parse(line.as_bytes())?;
        let sent = event.sent_time().with_context(|| format!("`{}` has no time", event.id))?;
        let later = sent
            .datetime()
            .checked_add_days(Days::new(moved.history_days))
            .context("the calendar ends")?;
        event.text = dates.moved(&event, i64::try_from(moved.history_days)?)?;
        event.sent_at = Some(rfc_3339(later));
        events.push(prepare_event(identity, Origin::Imported, event)?);
    }
    for outcome in app.relay.append(identity.clone(), events).await? {
        outcome?;
    }
    Ok(())
}

/// Learns what the sample shop's conversations are about. Labels and build being the same, so is the model.
fn make_model(app: &App) -> anyhow::Result<()> {
    let shelf = Shelf::of(&app.data.models(), SHOP);
    if shelf.get(MODEL_USUAL).is_err() {
        let trained = train(&read_labels(LABELS.as_bytes())?)?;
        shelf.put(&Saved::new(MODEL_USUAL, Micros::now(), "labels.csv", trained))?;
    }
    Ok(())
}

/// The shop decides; a second start says the same, which adds nothing.
async fn set_rules(app: &App, identity: &Arc<Identity>) -> anyhow::Result<()> {
    // An event's data is one line.
    let rules: serde_json::Value = serde_json::from_str(RULES)?;
    let event = serde_json::json!({
        "id": "rules", "conversation": "@rules", "kind": "rules",
        "sender": {"id": "operator", "role": "system"}, "data": rules,
    });
    let event = Event::parse(event.to_string().as_bytes())?;
    let event = prepare_event(identity, Origin::Live, event)?;
    for outcome in app.relay.append(identity.clone(), vec![event]).await? {
        outcome?;
    }
    Ok(())
}

/// How to call this program from the current directory: after `cargo run` it is not in the PATH.
fn own_name() -> String {
    let Ok(path) = std::env::current_exe() else { return "verbatim".to_string() };
    let directory = std::env::current_dir().unwrap_or_default();
    match path.strip_prefix(&directory) {
        Ok(below) => format!("./{}", below.display()),
        Err(_) => path.display().to_string(),
    }
}

/// By how many days the history is moved: decided before the first record is there, kept from then on. What is
/// in a log stays in it: one that is not the demo's is refused.
fn moved_by(data: &DataDir) -> anyhow::Result<Moved> {
    let path = data.root().join("demo.json");
    if data.has_log() {
        let is_demo = path.exists();
        let root = data.root().display();
        ensure!(
            is_demo,
            "`{root}` holds chat that is not the demo's: --data names a new directory"
        );
        let text = fs::read_to_string(&path)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        return serde_json::from_str(&text)
            .with_context(|| format!("`{}` is not the demo's", path.display()));
    }
    let today = Utc::now().with_timezone(&SHOP_ZONE).date_naive();
    let days = today.signed_duration_since(HISTORY_LAST_DAY).num_days() - 1;
    let moved = Moved { history_days: u64::try_from(days).unwrap_or(0) };
    let json = serde_json::to_vec(&moved)?;
    durable::make_directory(data.root())
        .and_then(|()| durable::write(&path, Mode::Usual, &json))
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(moved)
}

/// Plays the live part over and over, each round as conversations of its own, until the service
/// stops.
async fn play(
    relay: Relay,
    identity: Arc<Identity>,
    speed: f64,
    stop: tokio_util::sync::CancellationToken,
) -> anyhow::Result<()> {
    let events: Vec<Event> =
        LIVE.lines().map(|line| Event::parse(line.as_bytes())).collect::<Result<_, _>>()?;
    let Some(first) = events.first().and_then(Event::sent_time) else { return Ok(()) };
    let dates = Dates::read()?;
    loop {
        let begun = tokio::time::Instant::now();
        let now = Micros::now().datetime().with_timezone(&SHOP_ZONE);
        let round = now.format("%Y%m%d-%H%M%S").to_string();
        let days = now.date_naive().signed_duration_since(LIVE_DAY).num_days();
        let mut names: HashMap<String, String> = HashMap::new();
        for event in &events {
            let after_ms = event.sent_time().map_or(0, |sent| sent.ms_since(first));
            let after =
                TimeDelta::milliseconds(after_ms).to_std().unwrap_or_default().div_f64(speed);
            tokio::select! {
                () = tokio::time::sleep_until(begun + after) => {}
                () = stop.cancelled() => return Ok(()),
            }
            let number = names.len() + 1;
            let name = names
                .entry(event.conversation.clone())
                .or_insert_with(|| format!("live-{round}-{number:02}"));
            let event = Event {
                conversation: name.clone(),
                text: dates.moved(event, days)?,
                sent_at: Some(rfc_3339(Utc::now())),
                ..event.clone()
            };
            let prepared = prepare_event(&identity, Origin::Live, event)?;
            if let Err(error) = relay.append_one(identity.clone(), prepared).await {
                tracing::warn!(%error, "a live sample event was refused");
            }
        }
    }
}

fn rfc_3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
