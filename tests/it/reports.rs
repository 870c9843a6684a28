//! Named queries from outside: filters, the range before, the rows behind a figure, and what is broken in a
//! shop's own; the same in place and through a server.

use std::fs;
use std::time::Instant;

use serde_json::{Map, Value};
use verbatim::access::TokenRole::{Admin, Analyst};
use verbatim::sql::ANSWER_ROWS_MAX;

use super::command::{command, ran};
use super::support::{Data, PATIENCE, SHOP, Server, sample};

/// The sample chats lie in it.
const RANGE: [&str; 4] = ["--from", "2026-01-01", "--to", "2026-01-15"];

/// What goes on now, whatever the range.
const OF_NOW: [&str; 4] = ["backlog_at", "longest_waits", "sla_open", "waiting_now"];

type Row = Map<String, Value>;

fn with_chats() -> Data {
    let data = Data::new();
    data.succeeds(["import", sample("history.ndjson").to_str().unwrap()]);
    data
}

fn report(data: &Data, arguments: &[&str]) -> Vec<Value> {
    let arguments = [&["report"], arguments, &RANGE[..], &["--format", "json"]].concat();
    serde_json::from_str(&data.succeeds(arguments)).unwrap()
}

fn sum(rows: &[Value], column: &str) -> f64 {
    rows.iter().filter_map(|row| row[column].as_f64()).sum()
}

/// Where a figure comes from was found only by whoever could write SQL.
#[test]
fn a_figure_leads_to_the_rows_behind_it() {
    let data = with_chats();
    let days = report(&data, &["waiting_by_day"]);
    let day = days.iter().find(|day| day["n"].as_i64() > Some(3)).unwrap();
    let date = day["day"].as_str().unwrap();
    let at = format!("day={date}");
    let rows = report(&data, &["waiting_by_day", "--explain", "p90_s", "--at", &at]);
    let explain = ["report", "waiting_by_day", "--explain", "p90_s", "--at", &at];
    let told = data.run([&explain[..], &RANGE].concat());
    let number = day["n"].as_u64().unwrap();
    let left_out = rows.iter().any(|row| !row["left_out"].is_null());
    let counts =
        if left_out { format!("{number} rows; left out: ") } else { format!("all {number} rows") };
    told.assert_stderr_has(&format!("`p90_s` counts {counts}"));
    told.assert_stderr_has("`value` is in milliseconds");
    let counted: Vec<&Value> = rows.iter().filter(|row| row["left_out"].is_null()).collect();
    assert_eq!(day["n"], counted.len(), "{rows:?}");
    let waits: Vec<f64> = counted.iter().map(|row| row["value"].as_f64().unwrap()).collect();
    assert!(waits.is_sorted_by(|a, b| a >= b), "the longest first: {waits:?}");
    // The smallest that 90 % do not exceed.
    let place = counted.len() - (counted.len() * 9).div_ceil(10);
    assert_eq!(day["p90_s"].as_f64().unwrap(), waits[place] / 1_000.0);
    // Each leads to a record of its conversation.
    for row in &rows {
        let query = format!(
            "select count(*) from events where \"offset\" = {} and conversation = '{}'",
            row["at_offset"],
            row["conversation"].as_str().unwrap()
        );
        assert_eq!(data.number(&query), 1, "{row}");
    }
}

#[test]
fn filters_narrow_every_report_and_a_range_has_one_before_it() {
    let data = Data::new();
    // In force from the first of the chats on.
    data.succeeds(["import", sample("live.ndjson").to_str().unwrap()]);
    data.succeeds(["rules", "set", r#"sla={"first_reply_s":120,"resolution_s":86400}"#]);
    data.succeeds(["import", sample("history.ndjson").to_str().unwrap()]);
    let agents = report(&data, &["waiting_by_agent"]);
    let named: Vec<&Value> = agents.iter().filter(|agent| !agent["agent"].is_null()).collect();
    assert!(named.len() > 1 && sum(&agents, "n") > 100.0, "{agents:?}");
    for agent in named {
        let name = agent["agent"].as_str().unwrap();
        let days = report(&data, &["waiting_by_day", "--agent", name]);
        assert_eq!(sum(&days, "n"), agent["n"].as_f64().unwrap(), "{name}");
        let summary = report(&data, &["summary", "--agent", name]);
        assert_eq!(summary[0]["replies"], agent["n"], "{name}");
    }
    let figures = |name: &str, filter: &[&str]| -> f64 {
        let range = if OF_NOW.contains(&name) { &[][..] } else { &RANGE[..] };
        let arguments = [&["report", name], filter, range, &["--format", "json"]].concat();
        let rows: Vec<Row> = serde_json::from_str(&data.run(arguments).stdout).unwrap();
        rows.iter().flat_map(Row::values).filter_map(Value::as_f64).map(f64::abs).sum()
    };
    let listed = data.succeeds(["report"]);
    let names: Vec<&str> = listed.lines().filter(|line| !line.starts_with(' ')).collect();
    assert!(names.len() > 20, "{listed}");
    for name in names {
        for filter in
            [["--team", "night"], ["--category", "x"], ["--channel", "x"], ["--language", "x"]]
        {
            assert_eq!(figures(name, &filter), 0.0, "{name} {filter:?}");
        }
        assert!(figures(name, &[]) > 0.0, "{name} has nothing to be narrowed");
    }
    let both = data.succeeds([
        "report",
        "summary",
        "--from",
        "2026-01-08",
        "--to",
        "2026-01-15",
        "--compare",
        "previous",
        "--format",
        "json",
    ]);
    let both: Vec<Value> = serde_json::from_str(&both).unwrap();
    let before = data.succeeds([
        "report",
        "summary",
        "--from",
        "2026-01-01",
        "--to",
        "2026-01-08",
        "--format",
        "json",
    ]);
    let before: Vec<Value> = serde_json::from_str(&before).unwrap();
    assert_eq!(both[0]["previous_replies"], before[0]["replies"]);
    let change = both[0]["replies"].as_i64().unwrap() - before[0]["replies"].as_i64().unwrap();
    assert_eq!(both[0]["change_replies"], change);
}

#[test]
fn what_makes_no_sense_is_named() {
    let data = with_chats();
    for (arguments, told) in [
        (&["waiting_by_day", "--from", "2026-01-03", "--to", "2026-01-03"][..], "half-open"),
        (&["waiting_by_day", "--from", "2026-01-03", "--to", "2026-01-02"], "2026-01-02"),
        (&["waiting_by_day", "--set", "agents=lin"], "agents"),
        (&["waiting_by_day", "--explain", "medain_s", "--at", "day=2026-01-03"], "medain_s"),
        (&["waiting_by_day", "--explain", "median_s"], "at.day"),
        (&["waiting_by_day", "--explain", "median_s", "--at", "week=1"], "at.week"),
        (&["resolution_by_day", "--set", "by=middle"], "middle"),
        (&["longest_waits", "--compare", "previous"], "longest_waits"),
        (&["longest_waits", "--explain", "waited_s"], "longest_waits"),
        (&["summary", "--shop", "Demo"], "Demo"),
    ] {
        let ran = data.run([&["report"], arguments].concat());
        ran.assert_code(2);
        ran.assert_stderr_has(told);
        assert!(ran.stdout.is_empty(), "{ran}");
    }
    let nothing =
        data.run(["report", "waiting_by_day", "--from", "2020-01-01", "--to", "2020-01-02"]);
    nothing.assert_code(0);
    nothing.assert_stderr_has("no rows");
}

/// A name that nobody has passed for one of whom there was nothing to count.
#[test]
fn a_filter_by_what_the_shop_has_none_of_is_told() {
    let data = with_chats();
    let agents = report(&data, &["waiting_by_agent"]);
    let agent = agents.iter().find_map(|agent| agent["agent"].as_str()).unwrap();
    let asked = |filter: &[&str]| {
        // It has a row, also where there is nothing to count.
        data.run([&["report", "summary"], filter, &RANGE[..], &["--format", "json"]].concat())
    };
    let narrowed = || {
        for filter in [&["--agent", agent][..], &["--category", "untagged"]] {
            data.succeeds([&["report", "summary"], filter, &RANGE[..]].concat());
        }
        for (flag, value) in [
            ("agent", "lin' OR ''='"),
            ("team", "night"),
            ("category", "lost"),
            ("channel", "webb"),
            ("language", "xx"),
        ] {
            let nobody = asked(&[&format!("--{flag}"), value]);
            nobody.assert_code(1);
            nobody.assert_stderr_has(&format!("this shop has no {flag} `{value}`"));
            assert!(nobody.stdout.starts_with('['), "{nobody}");
        }
    };
    narrowed();
    let _server = Server::start(&data);
    narrowed();
}

/// Which reports there are is asked before there is anything to report.
#[test]
fn reports_are_listed_where_there_is_no_data() {
    let data = Data::new();
    let listed = data.succeeds(["report"]);
    assert!(listed.contains("waiting_by_day\n") && listed.contains("longest_waits\n"), "{listed}");
    assert_eq!(data.succeeds(["report", "--list"]), listed);
    data.run(["report"]).assert_stderr_has("--set seconds=60");
    // Programs had to read what is for people.
    let reports: Value =
        serde_json::from_str(&data.succeeds(["report", "--format", "json"])).unwrap();
    let reports = reports.as_array().unwrap();
    let within = reports.iter().find(|one| one["name"] == "within_seconds_by_day").unwrap();
    assert!(within["title"].is_string() && within["answers"].is_string(), "{within}");
    let parameters = within["parameters"].as_array().unwrap();
    assert!(parameters.iter().any(|one| one["name"] == "seconds"), "{within}");
    data.run(["report", "--format", "csv"]).assert_code(2);
    assert!(!data.path().exists(), "asking makes nothing");
}

/// One bad file of a shop's own was found by whoever read the server's log.
#[test]
fn what_is_broken_in_a_query_file_is_told_with_its_line() {
    let data = with_chats();
    let folder = data.path().join("queries");
    fs::create_dir_all(folder.join(SHOP)).unwrap();
    let good = "-- title: good\n-- answers: what?\nSELECT count(*) AS n FROM waits";
    fs::write(folder.join("good.sql"), good).unwrap();
    data.succeeds(["report", "--check"]);
    fs::write(folder.join(SHOP).join("bad.sql"), good.replace("waits", "wait")).unwrap();
    fs::write(folder.join("worse.sql"), "-- titel: x\n").unwrap();
    let all = data.run(["report", "--check"]);
    all.assert_code(1);
    all.assert_stderr_has("3 query files checked, 2 broken");
    assert!(all.stdout.contains("bad.sql:3: ") && all.stdout.contains("worse.sql:1: "), "{all}");
    data.run(["report", "--check", "bad"]).assert_code(1);
    data.run(["report", "--check", "good"]).assert_code(0);
    data.run(["report", "--check", "nothing"]).assert_code(2);
    // A file that is nowhere yet.
    let file = data.file("new.sql", good);
    let mut check = command();
    check.args(["report", "--check"]).arg(&file).args(["--data", "/nonexistent"]);
    ran(check).assert_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_narrows_compares_and_explains_the_same() {
    let data = with_chats();
    let (range, day) = ("from=2026-01-01&to=2026-01-15", "day=2026-01-05");
    let here = report(&data, &["waiting_by_day", "--explain", "n", "--at", day]);
    let compared = report(&data, &["volume_by_day", "--compare", "previous"]);
    let server = Server::start(&data);
    let analyst = server.http_as(&data, "ann", &[Analyst]);
    let path = format!("/v1/reports/waiting_by_day/rows?{range}&figure=n&at.{day}");
    assert_eq!(analyst.get(&path).await.json(), Value::from(here.clone()));
    let path = format!("/v1/reports/volume_by_day?{range}&compare=previous");
    assert_eq!(analyst.get(&path).await.json(), Value::from(compared));
    // The command asks the server that owns the directory.
    assert_eq!(report(&data, &["waiting_by_day", "--explain", "n", "--at", day]), here);
    let evil = "/v1/reports/waiting_by_day?channel=x'%20OR%20''='";
    assert_eq!(analyst.get(evil).await.json(), Value::Array(Vec::new()));
    for path in [
        "/v1/reports/waiting_by_day?compare=next",
        "/v1/reports/waiting_by_day?chanel=web",
        "/v1/reports/waiting_by_day/rows?figure=n",
        "/v1/reports/waiting_by_day/rows?figure=m&at.day=x",
        "/v1/reports/summary?from=2026-01-03&to=2026-01-03",
    ] {
        analyst.get(path).await.problem(400);
    }
    analyst.get("/v1/reports/nothing/rows").await.problem(404);
    // Which conversations are behind a figure is chat; what the figures are is not.
    let admin = server.http_as(&data, "boss", &[Admin]);
    let deadline = Instant::now() + PATIENCE;
    let trail = loop {
        let trail = admin.get("/v1/access?person=ann").await.json();
        if trail["accesses"].as_array().is_some_and(|accesses| !accesses.is_empty()) {
            break trail;
        }
        assert!(Instant::now() < deadline, "{trail}");
    };
    let actions: Vec<&Value> = trail["accesses"].as_array().unwrap().iter().collect();
    assert_eq!(actions.len(), 1, "{trail}");
    assert!(actions[0]["query"].as_str().unwrap().contains("at.day"), "{trail}");
}

/// An answer that is held in memory has a bound on its rows. Beyond it nothing is shown, since a part would pass for
/// the whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_too_many_rows_is_refused_and_one_less_is_not() {
    let data = with_chats();
    let many = format!(
        "-- title: Many\n-- answers: Which numbers?\n-- parameter: rows integer = 1  Up to which\n\
         SELECT value FROM generate_series(1, {}) AS t(value) WHERE value <= $rows",
        ANSWER_ROWS_MAX + 10
    );
    fs::create_dir_all(data.path().join("queries")).unwrap();
    fs::write(data.path().join("queries/many.sql"), many).unwrap();
    let (most, more) = (ANSWER_ROWS_MAX, ANSWER_ROWS_MAX + 1);
    let in_place = |rows: usize| {
        let set = format!("rows={rows}");
        data.run(["report", "many", "--set", &set, "--format", "csv"])
    };
    assert_eq!(in_place(most).stdout.lines().count(), most + 1);
    let refused = in_place(more);
    refused.assert_code(2);
    refused.assert_stderr_has(&format!("more than {most} rows"));
    assert_eq!(refused.stdout, "");
    let server = Server::start(&data);
    let analyst = server.http_as(&data, "ann", &[Analyst]);
    let answer = analyst.get(&format!("/v1/reports/many?rows={most}")).await;
    assert_eq!((answer.status, answer.json().as_array().map(Vec::len)), (200, Some(most)));
    let problem = analyst.get(&format!("/v1/reports/many?rows={more}")).await.problem(400);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(&format!("more than {most} rows")), "{detail}");
}
