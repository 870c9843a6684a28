//! One figure, however it is asked for: as a report over HTTP and by command, as the SQL that its page shows, over
//! HTTP and over the Postgres wire, as the file and the table of the page, as the rows behind it, and from what
//! is exported. Every named query goes all of these ways.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tokio_postgres::{Client, SimpleColumn, SimpleQueryMessage, SimpleQueryRow};
use verbatim::access::TokenRole::{Admin, Analyst};
use verbatim::sql::Counted;

use super::postgres::{Wire, told};
use super::support::{Data, Http, between, csv, unescaped};

const FROM: &str = "2026-01-01";
const TO: &str = "2026-01-15";
/// The same range as pages say it: its last day is in it.
const LAST_DAY: &str = "2026-01-14";
const ZONE: &str = "Asia/Shanghai";
/// Figures of what goes on while it is asked, in seconds, and by how much they may have grown.
const GOES_ON: [&str; 3] = ["oldest_wait_s", "waited_s", "overdue_s"];
const GOES_ON_MAX_S: f64 = 300.0;
/// Of rounding.
const DIFFERENCE_MAX: f64 = 1e-6;
/// Rows of a table on a page.
const PAGE_ROWS_MAX: usize = 100;

const HOURS: &str = r#"hours={"zone":"Asia/Shanghai","week":{"mon":["09:00-23:00"],"tue":["09:00-23:00"],"wed":["09:00-23:00"],"thu":["09:00-23:00"],"fri":["09:00-23:00"],"sat":["10:00-18:00"]}}"#;
const SLA: &str =
    r#"sla={"first_reply_s":120,"next_reply_s":300,"resolution_s":86400,"clock":"business"}"#;

type Row = Map<String, Value>;

/// A shop that has decided everything a figure may ask, and whose chats lie in the range.
async fn shop() -> (Wire, Http) {
    let data = Data::new();
    data.set(&format!("zone = \"{ZONE}\"\n"));
    let wire = Wire::start_on(data);
    wire.data.succeeds(["rules", "set", HOURS, SLA]);
    wire.server.http_as(&wire.data, "boss", &[Admin]).import_history().await;
    let anna = wire.server.http_as(&wire.data, "anna", &[Analyst]);
    (wire, anna)
}

/// The arguments that a query takes, with the last day of the range as it is said here.
fn arguments(query: &Value, to: &str) -> Vec<(&'static str, String)> {
    let has = |name: &str| {
        let parameters = query["parameters"].as_array().unwrap();
        parameters.iter().any(|parameter| parameter["name"] == name)
    };
    let given = [("from", FROM), ("to", to), ("zone", ZONE)];
    let taken = given.into_iter().filter(|(name, _)| *name == "zone" || has(name));
    taken.map(|(name, value)| (name, value.to_string())).collect()
}

fn address(path: &str, given: &[(&str, String)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(given);
    format!("{path}?{}", query.finish())
}

fn rows(value: Value) -> Vec<Row> {
    let Value::Array(rows) = value else { panic!("rows are an array: {value}") };
    rows.into_iter().map(|row| row.as_object().unwrap().clone()).collect()
}

/// Whether a text, which was asked for later, is of our value.
fn same(name: &str, ours: &Value, theirs: Option<&str>) -> bool {
    let Some(theirs) = theirs else { return ours.is_null() };
    match ours {
        Value::Null => false,
        Value::Bool(truth) => {
            theirs == if *truth { "t" } else { "f" } || theirs == truth.to_string()
        }
        Value::String(text) => is_same_text(text, theirs),
        other => {
            let more = theirs.parse::<f64>().unwrap() - other.as_f64().unwrap();
            let more_max = if GOES_ON.contains(&name) { GOES_ON_MAX_S } else { DIFFERENCE_MAX };
            (-DIFFERENCE_MAX..=more_max).contains(&more)
        }
    }
}

/// Postgres writes instants another way.
fn is_same_text(ours: &str, theirs: &str) -> bool {
    let as_ours = theirs.strip_suffix("+00").map(|at| format!("{}Z", at.replacen(' ', "T", 1)));
    let instant = verbatim::model::parse_time;
    ours == theirs
        || as_ours.and_then(|at| instant(&at)).is_some_and(|at| instant(ours) == Some(at))
}

/// A row as the texts of its columns.
type Texts = BTreeMap<String, Option<String>>;

/// Compares rows with the same ones as texts, in the order in which both came.
fn require_same(way: &str, name: &str, ours: &[Row], theirs: &[Texts]) {
    assert_eq!(ours.len(), theirs.len(), "{name} {way}: rows");
    for (place, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        let names: Vec<&String> = ours.keys().collect();
        assert!(names.iter().all(|name| theirs.contains_key(*name)), "{name} {way}: {theirs:?}");
        assert_eq!(ours.len(), theirs.len(), "{name} {way}: columns");
        for (column, ours) in ours {
            let theirs = theirs[column].as_deref();
            assert!(
                same(column, ours, theirs),
                "{name} {way}: `{column}` of row {place} is {ours} and {theirs:?}"
            );
        }
    }
}

fn as_texts(rows: &[Row]) -> Vec<Texts> {
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let texts = |row: &Row| row.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    rows.iter().map(texts).collect()
}

fn of_csv(text: &str) -> Vec<Texts> {
    let mut rows = csv(text).into_iter();
    let names = rows.next().unwrap();
    // What is not there has no text.
    let value = |text: String| (!text.is_empty()).then_some(text);
    rows.map(|row| names.iter().cloned().zip(row.into_iter().map(value)).collect()).collect()
}

async fn of_the_wire(client: &Client, sql: &str) -> Vec<Texts> {
    let messages = client.simple_query(sql).await;
    let messages = messages.unwrap_or_else(|error| panic!("{sql}: {:?}", told(&error)));
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let texts = |row: &SimpleQueryRow| {
        let columns = row.columns().iter().enumerate();
        let text = |(place, column): (usize, &SimpleColumn)| {
            (column.name().to_string(), row.get(place).map(str::to_string))
        };
        columns.map(text).collect()
    };
    rows.map(texts).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_figure_is_the_same_however_it_is_asked_for() {
    let (wire, anna) = shop().await;
    let client = wire.connect().await;
    let queries: Vec<Value> = anna.get("/v1/reports").await.json().as_array().unwrap().clone();
    assert!(queries.len() > 20, "{} queries", queries.len());
    let (mut without_rows, mut explained) = (Vec::new(), 0);
    for query in &queries {
        let name = query["name"].as_str().unwrap();
        let given = arguments(query, TO);
        let report = anna.get(&address(&format!("/v1/reports/{name}"), &given)).await;
        assert_eq!(report.status, 200, "{name}: {}", report.text());
        let ours = rows(report.json());
        if ours.is_empty() {
            without_rows.push(name);
        }
        by_command(&wire.data, name, &given, &ours);
        by_page(&anna, &client, query, &ours).await;
        explained += by_the_rows_behind(&anna, query, &given, &ours).await;
    }
    assert_eq!(without_rows, [] as [&str; 0], "of which nothing was compared");
    assert!(explained > 150, "{explained} figures were compared with the rows behind them");
}

fn by_command(data: &Data, name: &str, given: &[(&str, String)], ours: &[Row]) {
    let mut command = vec!["report".to_string(), name.to_string()];
    command.extend(given.iter().flat_map(|(name, value)| [format!("--{name}"), value.clone()]));
    command.extend(["--format", "json"].map(str::to_string));
    let theirs: Value = serde_json::from_str(&data.succeeds(command)).unwrap();
    require_same("by command", name, ours, &as_texts(&rows(theirs)));
}

/// What the page shows, the file it offers, and its SQL by two doors.
async fn by_page(anna: &Http, client: &Client, query: &Value, ours: &[Row]) {
    let name = query["name"].as_str().unwrap();
    let mut given = arguments(query, LAST_DAY);
    given.push(("compare", "none".to_string()));
    let page = anna.get(&address(&format!("/questions/{name}"), &given)).await;
    assert_eq!(page.status, 200, "{name}: {}", page.text());
    let html = page.text();

    let sql = unescaped(between(&html, "<pre class=\"sql\" tabindex=\"0\"><code>", "</code>"));
    let answer = anna.sql(&sql).await;
    assert_eq!(answer.status, 200, "{name}: {sql}\n{}", answer.text());
    require_same("as SQL", name, ours, &as_texts(&rows(answer.json())));
    require_same("over the Postgres wire", name, ours, &of_the_wire(client, &sql).await);
    if ours.is_empty() {
        return;
    }

    let links = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let file = links.map(unescaped).find(|link| link.contains("format=csv"));
    let file = anna.get(&file.unwrap_or_else(|| panic!("{name}: its page offers no file"))).await;
    assert_eq!(file.status, 200, "{name}: {}", file.text());
    require_same("as the page's file", name, ours, &of_csv(&file.text()));
    let shown = between(&html, "<tbody>", "</tbody>").matches("<tr>").count();
    // What is one row of figures stands there as headlines.
    let expected = if html.contains("<dl class=\"headlines\">") { 0 } else { ours.len() };
    assert_eq!(shown, expected.min(PAGE_ROWS_MAX), "{name}: rows of the table on its page");
}

/// Each count that is explained is that of its rows. Returns how many there were.
async fn by_the_rows_behind(
    anna: &Http,
    query: &Value,
    given: &[(&str, String)],
    ours: &[Row],
) -> usize {
    let name = query["name"].as_str().unwrap();
    let explanations = query["explanations"].as_array().cloned().unwrap_or_default();
    let texts = |explanation: &Value, list: &str| -> Vec<String> {
        serde_json::from_value(explanation[list].clone()).unwrap_or_default()
    };
    let named: Vec<String> = explanations.iter().flat_map(|one| texts(one, "figures")).collect();
    let has_n = ours.iter().any(|row| row.contains_key("n"));
    assert!(!has_n || !explanations.is_empty(), "{name}: `n` is not explained");
    let mut compared = 0;
    for explanation in &explanations {
        let (keys, figures) = (texts(explanation, "by"), texts(explanation, "figures"));
        // One that names none is about all that no other names.
        let is_of = |figure: &String| {
            let is_left = !named.contains(figure) && !keys.contains(figure);
            figures.contains(figure) || (figures.is_empty() && is_left)
        };
        for row in ours.iter().take(3) {
            let counts = row.iter().filter(|(figure, _)| is_of(figure));
            for (figure, counted) in
                counts.filter_map(|(name, value)| Some((name, value.as_u64()?)))
            {
                let mut asked = given.to_vec();
                asked.push(("figure", figure.clone()));
                let at: Vec<String> = keys.iter().map(|key| format!("at.{key}")).collect();
                asked.extend(keys.iter().zip(&at).map(|(key, at)| {
                    let value = &row[key];
                    (at.as_str(), value.as_str().map_or(value.to_string(), str::to_string))
                }));
                let address = address(&format!("/v1/reports/{name}/rows"), &asked);
                let behind = anna.get(&address).await;
                assert_eq!(behind.status, 200, "{address}: {}", behind.text());
                let counts = Counted::of(Some(figure), |_| false);
                let rows = rows(behind.json());
                let rows =
                    rows.iter().filter(|row| counts.counts(row["left_out"].as_str())).count();
                assert_eq!(counted, rows as u64, "{address}");
                compared += 1;
            }
        }
    }
    compared
}

/// The parts of a whole add up to it, and an export has what they are made of.
#[tokio::test(flavor = "multi_thread")]
async fn series_add_up_to_the_summary_and_to_what_is_exported() {
    let (wire, anna) = shop().await;
    let report = async |name: &str, to: &str| {
        let given =
            [("from", FROM.to_string()), ("to", to.to_string()), ("zone", ZONE.to_string())];
        rows(anna.get(&address(&format!("/v1/reports/{name}"), &given)).await.json())
    };
    let sum = |rows: &[Row], column: &str| -> f64 {
        rows.iter().map(|row| row[column].as_f64().unwrap_or(0.0)).sum()
    };
    let summary = &report("summary", TO).await[0];
    for (series, column, figure) in [
        ("waiting_by_day", "n", "replies"),
        ("waiting_by_hour", "n", "replies"),
        ("waiting_by_weekday", "n", "replies"),
        ("waiting_by_agent", "n", "replies"),
        ("waits_histogram", "n", "replies"),
        ("first_response_by_day", "n", "first_responses"),
        ("volume_by_day", "messages", "messages"),
    ] {
        let total = sum(&report(series, TO).await, column);
        assert_eq!(summary[figure].as_f64(), Some(total), "{series}.{column} and summary.{figure}");
    }

    let exported = wire.data.succeeds(["export", "turns", "--format", "jsonl", "--out", "-"]);
    let turns: Vec<Row> =
        exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let day_of = |turn: &Row| {
        let at = verbatim::model::parse_time(turn["waiting_since"].as_str().unwrap()).unwrap();
        verbatim::model::Micros(at.0 + 8 * 3_600_000_000).to_string()[..10].to_string()
    };
    let mut waits: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for turn in &turns {
        if let Some(nrt) = turn.get("nrt_ms").and_then(Value::as_i64) {
            waits.entry(day_of(turn)).or_default().push(nrt);
        }
    }
    let by_day = report("waiting_by_day", TO).await;
    assert!(by_day.len() > 5);
    for day in &by_day {
        let mut waits = waits.remove(day["day"].as_str().unwrap()).unwrap_or_default();
        waits.sort_unstable();
        assert_eq!(day["n"].as_u64(), Some(waits.len() as u64), "{day:?}");
        // The smallest wait that half, and nine tenths, of all do not exceed.
        for (figure, percent) in [("median_s", 50), ("p90_s", 90)] {
            let rank = (waits.len() * percent).div_ceil(100);
            let expected = rank.checked_sub(1).map(|place| waits[place] as f64 / 1_000.0);
            assert_eq!(day[figure].as_f64(), expected, "{figure} of {day:?}");
        }
    }
    assert!(waits.is_empty(), "these days are not in the series: {:?}", waits.keys());
}
