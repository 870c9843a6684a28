//! What a shop decides about its figures is a record like any other.

use serde_json::{Value, json};
use verbatim::access::TokenRole::{Admin, Analyst, Human};

use super::support::{Data, SHOP, Server, lines};

fn shown(data: &Data) -> Value {
    serde_json::from_str(&data.succeeds(["rules", "show", "--format", "json"])).unwrap()
}

/// `idle_hours` once was a setting: changed, and rebuilt, yesterday's figures came out otherwise.
#[test]
fn rules_are_versions_and_what_is_in_force_is_not_added_again() {
    let data = Data::new();
    let ran = data.run(["rules", "set", "idle_hours=48"]);
    ran.assert_code(2);
    ran.assert_stderr_has("there is no data directory");
    assert!(!data.path().exists(), "a mistyped path is not made");
    assert_eq!(Server::start(&data).stop(), 0);
    data.run(["rules", "set", "idle_hours=24"]).assert_stderr_has("nothing was added");
    assert_eq!(shown(&data)["versions"], json!([]));
    for (hours, said) in [
        ("idle_hours=48", "version 1 stands at offset 0"),
        ("idle_hours=48", "version 1 already says so; nothing was added"),
        ("idle_hours=12", "version 2 stands at offset 1"),
    ] {
        let ran = data.run(["rules", "set", hours]);
        ran.assert_code(0);
        ran.assert_stderr_has(said);
    }
    let rules = shown(&data);
    assert_eq!(rules["rules"], json!({"version": 2, "idle_hours": 12}));
    assert_eq!(rules["versions"][0]["change"], json!({"idle_hours": 48}));
    assert_eq!(rules["versions"][1]["by"], "operator");
    let text = data.succeeds(["rules", "show"]);
    assert!(text.contains("in force: version 2, idle_hours=12"), "{text}");
    for (wrong, named) in [
        ("idle_hours=0", "data.idle_hours"),
        ("idle_hour=3", "data.idle_hour"),
        ("idle_hours", "NAME=VALUE"),
        ("idle_hours=soon", "soon"),
    ] {
        let ran = data.run(["rules", "set", wrong]);
        ran.assert_code(2);
        ran.assert_stderr_has(named);
    }
    assert_eq!(data.number("select count(*) from conversations"), 0, "rules are about no chat");
}

/// Analysts see them, administrators set them, and the command asks the server that owns the
/// directory.
#[tokio::test(flavor = "multi_thread")]
async fn rules_are_set_and_seen_through_a_server() {
    let data = Data::new();
    let server = Server::start(&data);
    let admin = server.http(&data.token(SHOP, "boss", &[Admin]));
    let rules = |id: &str, rules: Value| {
        json!({"id": id, "conversation": "@rules", "kind": "rules", "data": rules,
            "sender": {"id": "boss", "role": "human"}})
    };
    let sent = lines(&[
        rules("r1", json!({"idle_hours": 6})),
        rules("r2", json!({"idle_hours": 9_000})),
        rules("r3", json!({"idle_minutes": 6})),
    ]);
    let answers = admin.post("/v1/events", "application/x-ndjson", sent).await.lines();
    assert_eq!(answers[0]["offset"], 0, "{answers:?}");
    assert_eq!(answers[1]["field"], "data.idle_hours", "{answers:?}");
    assert_eq!(answers[2]["field"], "data.idle_minutes", "{answers:?}");
    tokio::task::block_in_place(|| {
        let ran = data.run(["rules", "set", "idle_hours=7"]);
        ran.assert_code(0);
        ran.assert_stderr_has("version 2 stands at offset 1");
    });
    let analyst = server.http(&data.token(SHOP, "ana", &[Analyst]));
    let seen = analyst.get("/v1/rules").await.json();
    assert_eq!(seen["rules"], json!({"version": 2, "idle_hours": 7}));
    assert_eq!(seen["versions"][0]["by"], "boss");
    let human = server.http(&data.token(SHOP, "max", &[Human]));
    human.get("/v1/rules").await.problem(403);
    let other = server.http(&data.token("other", "ana", &[Analyst]));
    assert_eq!(other.get("/v1/rules").await.json()["versions"], json!([]));
}

/// Opening hours, of the shop and of a team, until they are taken back: through a server and in place.
#[test]
fn hours_are_set_from_a_file_and_count_in_sql() {
    let data = Data::new();
    let server = Server::start(&data);
    let file = |name: &str, value: Value| data.file(name, value.to_string()).display().to_string();
    let shop = json!({"zone": "Asia/Shanghai", "week": {"thu": ["09:00-12:00", "13:00-18:00"]}});
    let night = json!({"night": {"zone": "Asia/Shanghai", "week": {"thu": ["21:00-02:00"]}}});
    let hours = format!("hours=@{}", file("hours.json", shop.clone()));
    let teams = format!("team_hours=@{}", file("teams.json", night.clone()));
    data.succeeds(["rules", "set", &hours, &teams]);
    data.run(["rules", "set", &hours]).assert_stderr_has("nothing was added");
    assert_eq!(
        shown(&data)["rules"]["schedules"],
        json!({"version": 1, "hours": shop, "team_hours": night})
    );
    let text = data.succeeds(["rules", "show"]);
    assert!(text.contains("hours of night: {"), "{text}");
    // 2026-02-19 is a Thursday.
    let business = |team: &str| {
        let query = format!(
            "select coalesce(cast(business_ms(timestamp '2026-02-18T16:00:00Z', timestamp '2026-02-19T16:00:00Z'{team})
             as text), 'none') as ms"
        );
        let rows = data.succeeds(["sql", &query, "--format", "csv"]);
        rows.lines().nth(1).unwrap().to_string()
    };
    let hour = 3_600_000;
    let counted = || {
        assert_eq!(business(""), (8 * hour).to_string());
        assert_eq!(business(", 'night'"), (3 * hour).to_string());
        assert_eq!(business(", null"), (8 * hour).to_string());
        assert_eq!(business(", 'nobody'"), "none");
    };
    counted();
    assert_eq!(server.stop(), 0);
    counted();
    data.succeeds(["rules", "set", "hours=null"]);
    assert_eq!(business(""), "none");
    assert_eq!(business(", 'night'"), (3 * hour).to_string());
    for (wrong, named) in [
        (json!({"zone": "Asia/Shanghay", "week": {}}), "Asia/Shanghay"),
        (json!({"zone": "UTC", "week": {"thu": ["9-18"]}}), "data.hours.week.thu[0] `\"9-18\"`"),
    ] {
        let ran = data.run(["rules", "set", &format!("hours=@{}", file("wrong.json", wrong))]);
        ran.assert_code(2);
        ran.assert_stderr_has(named);
    }
    let ran = data.run(["rules", "set", "hours=@no-such-file"]);
    ran.assert_code(2);
    ran.assert_stderr_has("no-such-file");
}
