//! Named queries over random logs: each figure is what the rows behind it come to, the parts are the whole, and
//! filters, comparisons and what is shown of a query agree with it.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{AsArray, StringArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::util::pretty::pretty_format_batches;
use futures::TryStreamExt;

use super::views::{RandomLog, SHOPS, sql_over};
use crate::sql::{ANSWER_ROWS_MAX, Answer, Explained, Explanation, NamedQuery, REASONS, Sql};

type Arguments = BTreeMap<String, String>;

/// Rows of an answer that are explained, evenly chosen: each is asked about again.
const ROWS_EXPLAINED_MAX: usize = 8;

fn arguments(given: &[(&str, &str)]) -> Arguments {
    given.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

/// All that happened.
fn always() -> Arguments {
    arguments(&[("from", "2025-08-01"), ("to", "2026-06-01")])
}

/// `given`, as far as the query takes it.
fn fitting(query: &NamedQuery, given: Arguments) -> Arguments {
    let takes = |name: &String| query.parameters.iter().any(|parameter| parameter.name == *name);
    given.into_iter().filter(|(name, _)| takes(name)).collect()
}

async fn over(seed: u64) -> (tempfile::TempDir, Sql) {
    let dir = tempfile::tempdir().unwrap();
    let sql = sql_over(dir.path(), &RandomLog::new(seed).records).await;
    (dir, sql)
}

/// The texts of one column; NULL is `None`.
fn texts(answer: &Answer, column: &str) -> Vec<Option<String>> {
    let batch = concat_batches(&answer.schema, &answer.batches).unwrap();
    let texts = cast(batch.column_by_name(column).expect(column), &DataType::Utf8).unwrap();
    let texts: &StringArray = texts.as_string();
    texts.iter().map(|text| text.map(str::to_string)).collect()
}

fn numbers(answer: &Answer, column: &str) -> Vec<Option<f64>> {
    let batch = concat_batches(&answer.schema, &answer.batches).unwrap();
    let numbers = cast(batch.column_by_name(column).expect(column), &DataType::Float64).unwrap();
    numbers.as_primitive::<Float64Type>().iter().collect()
}

fn total(answer: &Answer, column: &str) -> f64 {
    numbers(answer, column).into_iter().flatten().sum()
}

fn shown(answer: &Answer) -> String {
    pretty_format_batches(&answer.batches).unwrap().to_string()
}

/// What a figure of this name comes to, of the values of rows and why they are left out.
fn figure_of(name: &str, rows: &[(Option<i64>, Option<String>)]) -> Option<f64> {
    let counted = rows.iter().filter(|(_, left_out)| left_out.is_none());
    let mut values: Vec<i64> = counted.clone().filter_map(|(value, _)| *value).collect();
    values.sort_unstable();
    let ranked = |percent: usize| {
        let rank = (values.len() * percent).div_ceil(100);
        rank.checked_sub(1).map(|place| values[place] as f64 / 1_000.0)
    };
    let of_reason = |reason: &str| {
        let has_it = |left_out: &Option<String>| left_out.as_deref() == Some(reason);
        rows.iter().filter(|(_, left_out)| has_it(left_out)).count() as f64
    };
    let bare = name.strip_prefix("n_").unwrap_or(name);
    match name {
        _ if name.ends_with("_rate") => {
            (!rows.is_empty()).then(|| counted.count() as f64 / rows.len() as f64)
        }
        _ if name.contains("median") => ranked(50),
        _ if name.contains("p90") => ranked(90),
        _ if name.contains("p95") => ranked(95),
        "mean_s" => (!values.is_empty())
            .then(|| values.iter().sum::<i64>() as f64 / values.len() as f64 / 1_000.0),
        "handling_s" => (!values.is_empty()).then(|| values.iter().sum::<i64>() as f64 / 1_000.0),
        "oldest_wait_s" => values.last().map(|value| *value as f64 / 1_000.0),
        "n_excluded" => {
            let is_other = |left_out: &Option<String>| {
                left_out.as_deref().is_some_and(|reason| !REASONS.contains(&reason))
            };
            Some(rows.iter().filter(|(_, left_out)| is_other(left_out)).count() as f64)
        }
        _ if REASONS.contains(&bare) => Some(of_reason(bare)),
        _ => Some(counted.count() as f64),
    }
}

/// Which of an answer's columns an explanation is about.
fn figures_of<'a>(
    query: &NamedQuery,
    answer: &'a Answer,
    explanation: &Explanation,
) -> Vec<&'a str> {
    let named_elsewhere: BTreeSet<&String> =
        query.explanations.iter().flat_map(|one| &one.figures).collect();
    let names = answer.schema.fields().iter().map(|field| field.name());
    let is_of_all =
        |name: &String| !named_elsewhere.contains(name) && !explanation.by.contains(name);
    let is_its = |name: &&String| {
        explanation.figures.contains(name) || explanation.figures.is_empty() && is_of_all(name)
    };
    names.filter(is_its).map(String::as_str).collect()
}

/// Compares the figures of a query with the rows behind them; returns how many there were.
async fn compare_with_rows(sql: &Sql, shop: &str, query: &NamedQuery, given: &Arguments) -> usize {
    let name = &query.name;
    let answer = sql.run_named(shop, name, given).await.unwrap();
    let rows = usize::try_from(answer.rows()).unwrap();
    let mut compared = 0;
    for explanation in &query.explanations {
        for row in (0..rows).step_by(rows.div_ceil(ROWS_EXPLAINED_MAX).max(1)) {
            let key = |key: &String| texts(&answer, key)[row].clone().unwrap_or_default();
            let at: Arguments = explanation.by.iter().map(|by| (by.clone(), key(by))).collect();
            for figure in figures_of(query, &answer, explanation) {
                let explained = Explained { figure: Some(figure.to_string()), at: at.clone() };
                let behind = sql.first_behind(shop, name, given, &explained).await.unwrap();
                let batch = concat_batches(&behind.schema, &behind.batches).unwrap();
                let values = batch.column_by_name("value").unwrap();
                let values = values.as_primitive::<Int64Type>().iter();
                let found: Vec<_> = values.zip(texts(&behind, "left_out")).collect();
                let (expected, got) = (figure_of(figure, &found), numbers(&answer, figure)[row]);
                // A rate is rounded to four places; what goes on grows while it is asked about.
                let tolerance = match figure {
                    "oldest_wait_s" => 60.0,
                    _ => 0.000_51,
                };
                let agree = match (expected, got) {
                    (Some(expected), Some(got)) => (expected - got).abs() <= tolerance,
                    // Where nothing was there on this side of a join.
                    (Some(expected), None) => expected == 0.0,
                    (expected, got) => expected == got,
                };
                assert!(
                    agree,
                    "{name}.{figure} of {shop} at {at:?} is {got:?}, its rows say {expected:?}:\n{}",
                    shown(&behind)
                );
                compared += 1;
            }
        }
    }
    compared
}

#[tokio::test(flavor = "multi_thread")]
async fn every_figure_is_that_of_the_rows_behind_it() {
    let (_dir, sql) = over(21).await;
    let mut never = Vec::new();
    for query in sql.named(SHOPS[0]).unwrap() {
        let given = fitting(&query, always());
        let mut compared = compare_with_rows(&sql, SHOPS[0], &query, &given).await;
        for parameter in &query.parameters {
            for choice in parameter.choices.iter().filter(|choice| **choice != parameter.default) {
                let mut given = given.clone();
                given.insert(parameter.name.clone(), choice.clone());
                compared += compare_with_rows(&sql, SHOPS[0], &query, &given).await;
            }
        }
        let mut narrowed = given;
        narrowed.insert("agent".to_string(), "human0".to_string());
        compared += compare_with_rows(&sql, SHOPS[0], &query, &narrowed).await;
        if compared == 0 && !query.explanations.is_empty() {
            never.push(query.name);
        }
    }
    assert!(never.is_empty(), "the log has nothing of {never:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_parts_are_the_whole_however_it_is_parted() {
    let (_dir, sql) = over(22).await;
    let parts = ["n", "n_pending", "n_abandoned", "answered_by_bot", "n_excluded"];
    for shop in SHOPS {
        let run = async |name: &str| {
            let query = sql.named(shop).unwrap().into_iter().find(|query| query.name == name);
            sql.run_named(shop, name, &fitting(&query.unwrap(), always())).await.unwrap()
        };
        let sums = |answer: &Answer| parts.map(|part| total(answer, part));
        let by_day = run("waiting_by_day").await;
        let whole = sql
            .query(
                shop,
                "SELECT count(*) AS n FROM turns WHERE waiting_since >= '2025-08-01T00:00:00Z'",
            )
            .await
            .unwrap();
        assert_eq!(
            sums(&by_day).iter().sum::<f64>(),
            total(&whole, "n"),
            "every wait is in one part"
        );
        for other in ["waiting_by_hour", "waiting_by_agent"] {
            assert_eq!(sums(&run(other).await), sums(&by_day), "{other} of {shop}");
        }
        let summary = run("summary").await;
        assert_eq!(total(&summary, "replies"), total(&by_day, "n"));
        assert_eq!(
            total(&run("agents").await, "replies"),
            total(&by_day, "n"),
            "each has a sender"
        );
        assert_eq!(total(&run("waits_histogram").await, "n"), total(&by_day, "n"));
        let open = sql.query(
            shop,
            "SELECT count(*) AS n FROM turns WHERE outcome = 'open' AND excluded IS NULL",
        );
        let open = total(&open.await.unwrap(), "n");
        assert_eq!(total(&summary, "waiting_now"), open);
        assert_eq!(total(&run("waiting_now").await, "waiting"), open);
        assert_eq!(run("longest_waits").await.rows() as f64, open.min(20.0));
        let first = run("first_response_by_day").await;
        let episodes = sql.query(
            shop,
            "SELECT count(*) AS n FROM episodes WHERE started_at >= '2025-08-01T00:00:00Z'",
        );
        assert_eq!(sums(&first).iter().sum::<f64>(), total(&episodes.await.unwrap(), "n"));
        let bot = run("bot_handoffs").await;
        let fates =
            ["handed_off_answered", "handed_off_unanswered", "joined", "contained", "n_pending"];
        assert_eq!(fates.map(|fate| total(&bot, fate)).iter().sum::<f64>(), total(&bot, "n"));
        // What a filter shows of each agent is what the table says of them.
        let agents = run("waiting_by_agent").await;
        for (agent, n) in texts(&agents, "agent").into_iter().zip(numbers(&agents, "n")) {
            let Some(agent) = agent else { continue };
            let mut given = always();
            given.insert("agent".to_string(), agent);
            let narrowed = sql.run_named(shop, "waiting_by_day", &given).await.unwrap();
            assert_eq!(Some(total(&narrowed, "n")), n);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_of_a_query_is_what_runs() {
    let (_dir, sql) = over(23).await;
    let shop = SHOPS[1];
    for query in sql.named(shop).unwrap() {
        // What goes on now differs from moment to moment.
        if ["summary", "longest_waits", "waiting_now", "sla_open", "backlog_at"]
            .contains(&query.name.as_str())
        {
            continue;
        }
        let mut given = fitting(&query, always());
        for filters in
            [&[][..], &[("agent", "human1"), ("category", "late")], &[("channel", "x' OR ''='")]]
        {
            given.extend(arguments(filters));
            let run = sql.run_named(shop, &query.name, &given).await.unwrap();
            let text = sql.composed(shop, &query.name, &given).unwrap();
            assert!(!text.contains("$from") && !text.contains("$channel"), "{text}");
            let pasted =
                sql.query(shop, &text).await.unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!(shown(&pasted), shown(&run), "{text}");
        }
    }
}

/// Each of these, as text in a query, would have shown all rows, or another shop's, or none of anything.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_never_becomes_sql() {
    let (_dir, sql) = over(24).await;
    let evil =
        ["x' OR ''='", "\\' OR 1 = 1 --", "' UNION SELECT * FROM turns --", "$from", "\0", "''"];
    for evil in evil {
        for filter in ["agent", "team", "category", "channel", "language"] {
            let mut given = always();
            given.insert(filter.to_string(), evil.to_string());
            for name in ["waiting_by_day", "volume_by_day", "categories_by_day", "csat_by_day"] {
                let answer = sql.run_named(SHOPS[0], name, &given).await.unwrap();
                assert_eq!(answer.rows(), 0, "{name} {filter} {evil}");
            }
        }
        let at = arguments(&[("day", evil)]);
        let explained = Explained { figure: None, at };
        let behind =
            sql.first_behind(SHOPS[0], "waiting_by_day", &always(), &explained).await.unwrap();
        assert_eq!(behind.rows(), 0, "{evil}");
        let at = arguments(&[(evil, "2026-01-01")]);
        let explained = Explained { figure: Some(evil.to_string()), at };
        assert!(sql.first_behind(SHOPS[0], "waiting_by_day", &always(), &explained).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_range_before_stands_beside_each_figure() {
    let (_dir, sql) = over(25).await;
    let (now, before) = (
        arguments(&[("from", "2026-01-11"), ("to", "2026-01-21")]),
        arguments(&[("from", "2026-01-01"), ("to", "2026-01-11")]),
    );
    let shop = SHOPS[0];
    for name in
        ["summary", "waiting_by_day", "waiting_by_hour", "waiting_by_agent", "volume_by_day"]
    {
        let both = sql.compare(shop, name, &now).await.unwrap();
        let (now, before) = (
            sql.run_named(shop, name, &now).await.unwrap(),
            sql.run_named(shop, name, &before).await.unwrap(),
        );
        assert!(both.rows() >= now.rows().max(before.rows()), "{name}");
        for field in now
            .schema
            .fields()
            .iter()
            .filter(|field| both.schema.index_of(&format!("previous_{}", field.name())).is_ok())
        {
            let figure = field.name();
            let close = |a: f64, b: f64| (a - b).abs() < 0.001;
            assert!(close(total(&both, figure), total(&now, figure)), "{name} {figure}");
            let previous = total(&both, &format!("previous_{figure}"));
            assert!(close(previous, total(&before, figure)), "{name} {figure}");
        }
    }
    // What goes on now went on then as much.
    let summary = sql.compare(shop, "summary", &now).await.unwrap();
    assert!(summary.schema.index_of("waiting_now").is_ok());
    assert!(summary.schema.index_of("previous_waiting_now").is_err());
    let days = sql.compare(shop, "waiting_by_day", &now).await.unwrap();
    assert!(
        texts(&days, "day").iter().flatten().all(|day| day.as_str() >= "2026-01-11"),
        "{}",
        shown(&days)
    );
    let error =
        sql.compare(shop, "longest_waits", &Arguments::new()).await.unwrap_err().to_string();
    assert!(error.contains("`longest_waits` has no range"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_by_what_was_given() {
    let (dir, sql) = over(26).await;
    let explain = async |name: &str, figure: &str, at: &[(&str, &str)]| {
        let figure = Some(figure.to_string()).filter(|figure| !figure.is_empty());
        let explained = Explained { figure, at: arguments(at) };
        sql.first_behind(SHOPS[0], name, &always(), &explained).await.unwrap_err().to_string()
    };
    for (error, told) in [
        (explain("waiting_by_day", "medain_s", &[("day", "2026-01-01")]).await, "medain_s"),
        (explain("waiting_by_day", "day", &[("day", "2026-01-01")]).await, "median_s, p90_s"),
        (explain("waiting_by_day", "n", &[]).await, "at.day"),
        (explain("waiting_by_day", "n", &[("day", "x"), ("hour", "9")]).await, "at.hour `9`"),
        (explain("summary", "messages", &[]).await, "messages"),
        (explain("nothing", "n", &[]).await, "nothing"),
    ] {
        assert!(error.contains(told), "{error}");
    }
    let folder = dir.path().join("queries");
    std::fs::create_dir_all(&folder).unwrap();
    let header = "-- title: own\n-- answers: what?\n";
    let own = format!(
        "{header}-- explain: mine by agent\n\
         WITH mine AS (SELECT *, agent AS who FROM waits) SELECT agent, count(*) AS n FROM mine GROUP BY agent"
    );
    std::fs::write(folder.join("own.sql"), own).unwrap();
    std::fs::write(folder.join("plain.sql"), format!("{header}SELECT count(*) AS n FROM turns"))
        .unwrap();
    let of_all = Explained { figure: Some("n".to_string()), at: Arguments::new() };
    let plain = sql.first_behind(SHOPS[0], "plain", &Arguments::new(), &of_all).await.unwrap_err();
    assert!(plain.to_string().contains("does not say which rows"), "{plain}");
    // A shop's own query is narrowed and explained as any other.
    let explained =
        Explained { figure: Some("n".to_string()), at: arguments(&[("agent", "human0")]) };
    let filters = arguments(&[("channel", "web0")]);
    let behind = sql.first_behind(SHOPS[0], "own", &filters, &explained).await.unwrap();
    let counted = sql.query(
        SHOPS[0],
        "SELECT count(*) AS n FROM turns WHERE agent = 'human0' AND channel = 'web0'",
    );
    assert_eq!(behind.rows() as f64, total(&counted.await.unwrap(), "n"));
}

/// It counted waits that a bot had answered, which have no reason in `excluded`, as answered by a human.
#[tokio::test(flavor = "multi_thread")]
async fn the_panel_in_the_docs_is_explained_by_its_rows() {
    let page = include_str!("../../../docs/dashboards.md");
    let (_, panel) = page.split_once("```sql\n").unwrap();
    let (panel, _) = panel.split_once("```").unwrap();
    let (dir, sql) = over(28).await;
    let folder = dir.path().join("queries");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("panel.sql"), panel).unwrap();
    let queries = sql.named(SHOPS[0]).unwrap();
    let query = queries.iter().find(|query| query.name == "panel").unwrap();
    assert!(compare_with_rows(&sql, SHOPS[0], query, &always()).await > 0);
}

/// The first hundred thousand passed for all.
#[tokio::test(flavor = "multi_thread")]
async fn rows_behind_a_figure_are_all_there() {
    let (dir, sql) = over(27).await;
    let folder = dir.path().join("queries");
    std::fs::create_dir_all(&folder).unwrap();
    let many = "-- title: many\n-- answers: what?\n-- explain: mine by k\n\
        WITH mine AS (SELECT 1 AS k, 'c' AS conversation, TIMESTAMP '2026-01-01T00:00:00Z' AS at, 0 AS at_offset, \
        'a' AS agent, value, CAST(NULL AS VARCHAR) AS left_out FROM \
        (SELECT unnest(generate_series(1, 100001)) AS value)) SELECT k, count(*) AS n FROM mine GROUP BY k";
    std::fs::write(folder.join("many.sql"), many).unwrap();
    let explained = Explained { figure: Some("n".to_string()), at: arguments(&[("k", "1")]) };
    let none = Arguments::new();
    let mut behind = sql.rows_behind(SHOPS[0], "many", &none, &explained).await.unwrap();
    let mut rows = 0;
    while let Some(batch) = behind.rows.try_next().await.unwrap() {
        rows += batch.num_rows();
    }
    assert_eq!(rows, 100_001);
    let first = sql.first_behind(SHOPS[0], "many", &none, &explained).await.unwrap();
    assert_eq!(first.rows(), ANSWER_ROWS_MAX as u64);
    assert_eq!(numbers(&first, "value")[0], Some(100_001.0), "the longest are the first");
}
