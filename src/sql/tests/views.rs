//! The views are made of facts. Whatever people do, they show what aggregates over all events show:
//! those are kept here.

use std::path::Path;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use arrow::util::pretty::pretty_format_batches;
use chrono_tz::Tz;
use serde_json::{Value, json};
use strum::VariantNames;
use tokio::sync::watch;

use crate::archive::{Archive, ArchiveReader};
use crate::facts::{FactStore, FactsReader};
use crate::log::{self, Followed, LogReader, LogWriter, State, Store};
use crate::model::testing::{Dice, Position, fitted, record_at};
use crate::model::{Kind, Micros, Offset, Origin, Record, Role, Seq};
use crate::sql::Sql;

pub(super) const SHOPS: [&str; 2] = ["anna", "bert"];
const CONVERSATIONS: usize = 12;
const RECORDS: u64 = 1_500;

/// Only edits and retractions that name the message itself are known here.
const MESSAGES_OVER_EVENTS: &str = r#"
SELECT
    m.shop, m.conversation, m.id, m."offset", m.seq, m.occurred_at, m.received_at, m.origin,
    CASE WHEN m.origin = 'live' THEN true ELSE m.sent_at IS NOT NULL END AS timed,
    m.sender_id, m.sender_role, m.sender_name,
    CASE WHEN e.edits IS NULL THEN m.text ELSE e.text END AS text,
    m.text AS original_text,
    coalesce(e.edits, 0) AS edits,
    e.edited_at,
    r.retracted_at IS NOT NULL AS retracted,
    r.retracted_at,
    r.retracted_by,
    m.attachments, m.reply_to, m.visibility, m.automatic, m.leaf, m.erased_at
FROM events m
LEFT JOIN (
    SELECT conversation, target, count(*) AS edits,
        last_value(text ORDER BY "offset") AS text, max(occurred_at) AS edited_at
    FROM events WHERE kind = 'edit' GROUP BY conversation, target
) e ON e.conversation = m.conversation AND e.target = m.id
LEFT JOIN (
    SELECT conversation, target, min(occurred_at) AS retracted_at,
        first_value(sender_id ORDER BY "offset") AS retracted_by
    FROM events WHERE kind = 'retract' GROUP BY conversation, target
) r ON r.conversation = m.conversation AND r.target = m.id
WHERE m.kind = 'message'
"#;

const CATEGORIES_OVER_EVENTS: &str = r#"
WITH tagged AS (
    SELECT conversation, category,
        max("offset") FILTER (WHERE kind = 'tag' AND NOT automatic) AS by_person,
        max("offset") FILTER (WHERE kind = 'untag' AND NOT automatic) AS off_by_person,
        max("offset") FILTER (WHERE kind = 'tag' AND automatic) AS by_model,
        max("offset") FILTER (WHERE kind = 'untag') AS off
    FROM events
    WHERE kind IN ('tag', 'untag')
    GROUP BY conversation, category
),
of_people AS (
    SELECT conversation, category, by_person AS at FROM tagged WHERE by_person > coalesce(off_by_person, -1)
),
standing AS (
    SELECT conversation, category, at FROM of_people
    UNION ALL
    SELECT conversation, category, by_model AS at FROM tagged
    WHERE by_model > coalesce(off, -1) AND conversation NOT IN (SELECT conversation FROM of_people)
)
SELECT s.conversation, s.category, e.occurred_at AS tagged_at, e.sender_id AS tagged_by, e.automatic,
    CAST(NULL AS VARCHAR) AS model, CAST(NULL AS DOUBLE) AS probability
FROM standing s JOIN events e ON e.conversation = s.conversation AND e."offset" = s.at
"#;

const CONVERSATIONS_OVER_EVENTS: &str = r#"
SELECT
    c.*,
    coalesce(e.episodes, 0) AS episodes,
    CASE WHEN e.ended_at IS NULL THEN 'open' ELSE e.ended_by END AS status,
    coalesce(e.reopenings, 0) AS reopenings,
    coalesce(e.handoffs, 0) AS handoffs
FROM (
    SELECT
        shop, conversation,
        min(occurred_at) FILTER (WHERE kind NOT IN ('hold', 'release', 'erase')
            AND NOT (automatic AND kind IN ('tag', 'untag'))) AS started_at,
        max(occurred_at) FILTER (WHERE kind NOT IN ('hold', 'release', 'erase')
            AND NOT (automatic AND kind IN ('tag', 'untag'))) AS last_at,
        count(*) AS events,
        count(*) FILTER (WHERE kind = 'message') AS messages,
        first_value(sender_id ORDER BY "offset") FILTER (WHERE sender_role = 'customer') AS customer,
        last_value("order" ORDER BY "offset") FILTER (WHERE "order" IS NOT NULL) AS "order",
        last_value(channel ORDER BY "offset") FILTER (WHERE channel IS NOT NULL) AS channel,
        last_value(language ORDER BY "offset") FILTER (WHERE language IS NOT NULL) AS language,
        last_value(rating ORDER BY "offset") FILTER (WHERE kind = 'rate') AS rating
    FROM events
    WHERE conversation NOT LIKE '@%'
    GROUP BY shop, conversation
) c
LEFT JOIN (
    SELECT conversation, count(*) AS episodes,
        last_value(ended_at ORDER BY episode) AS ended_at,
        last_value(ended_by ORDER BY episode) AS ended_by,
        count(*) FILTER (WHERE reopened) AS reopenings,
        sum(handoffs) AS handoffs
    FROM episodes GROUP BY conversation
) e ON e.conversation = c.conversation
"#;

/// A log of two shops in which many conversations go on at once, for some weeks.
pub(super) struct RandomLog {
    dice: Dice,
    now: Micros,
    /// Of each conversation: how many records it has, and the ids of its messages.
    conversations: Vec<(u32, Vec<String>)>,
    pub(super) records: Vec<Record>,
}

impl RandomLog {
    pub(super) fn new(seed: u64) -> RandomLog {
        let conversations = vec![(0, Vec::new()); SHOPS.len() * CONVERSATIONS];
        let now = Micros(1_767_225_600_000_000);
        let mut log = RandomLog { dice: Dice::new(seed), now, conversations, records: Vec::new() };
        for offset in 0..RECORDS {
            let record = log.record(Offset(offset));
            log.records.push(record);
        }
        log
    }

    fn record(&mut self, offset: Offset) -> Record {
        let dice = &mut self.dice;
        // Mostly minutes; now and then so long that whatever is open goes idle.
        let pause_s = if dice.roll(80) == 0 { 90_000 } else { [0, 7, 60, 600][dice.roll(4)] };
        self.now.0 += 1_000_000 * pause_s;
        if dice.roll(60) == 0 {
            return self.rules(offset);
        }
        let place = dice.roll(self.conversations.len());
        let (count, messages) = &mut self.conversations[place];
        *count += 1;
        let kinds: Vec<Kind> = Kind::VARIANTS.iter().map(|name| name.parse().unwrap()).collect();
        let in_chats: Vec<Kind> =
            kinds.into_iter().filter(|kind| kind.reserved_conversation().is_none()).collect();
        let kind = if dice.roll(3) == 0 { Kind::Message } else { *dice.pick(&in_chats) };
        let id = format!("e{offset}");
        let target = match messages.len() {
            0 => "nothing".to_string(),
            _ => dice.pick(messages).clone(),
        };
        let role = *dice.pick(Role::VARIANTS);
        let mut event = fitted(json!({
            "id": id, "conversation": format!("c{}", place % CONVERSATIONS), "kind": kind.as_str(),
            "sender": {"id": format!("{role}{}", dice.roll(3)), "role": role},
            "text": format!("words {offset}"), "target": target, "assignee": "max",
            "category": *dice.pick(&["late", "broken", "refund"]), "rating": dice.roll(5) + 1,
            "visibility": *dice.pick(&["public", "public", "private"]),
            "automatic": dice.roll(8) == 0,
        }));
        for (field, value) in [("order", "A"), ("channel", "web"), ("language", "zh")] {
            if dice.roll(6) == 0 {
                event[field] = json!(format!("{value}{}", dice.roll(4)));
            }
        }
        let origin = if dice.roll(4) == 0 { Origin::Imported } else { Origin::Live };
        if origin == Origin::Imported && dice.roll(4) > 0 {
            let ago = 1_000_000 * dice.roll(9_000_000) as i64;
            event["sent_at"] = json!(Micros(self.now.0 - ago).to_string());
        }
        if kind == Kind::Message {
            messages.push(id);
        }
        let received_at = self.now;
        let position = Position { offset, seq: Seq(*count), received_at };
        record_at(position, SHOPS[place / CONVERSATIONS], origin, event)
    }

    fn decision(&mut self) -> Value {
        let from = *self.dice.pick(&["08:00", "20:00"]);
        let hours = json!({"zone": "Asia/Shanghai", "week": {"thu": [format!("{from}-04:00")], "sat": ["00:00-24:00"]}});
        match self.dice.roll(5) {
            0 => json!({"hours": hours}),
            1 => json!({"team_hours": {"night": hours}, "teams": {"night": ["max", "human1"]}}),
            2 => json!({"teams": {"day": ["max"], "night": ["human2"]}}),
            3 => json!({"sla": {"first_reply_s": 60, "next_reply_s": 600, "clock": "business"}}),
            _ => json!({"idle_hours": *self.dice.pick(&[1, 2, 12])}),
        }
    }

    fn rules(&mut self, offset: Offset) -> Record {
        let event = json!({
            "id": format!("r{offset}"), "conversation": "@rules", "kind": "rules",
            "sender": {"id": "boss", "role": "human"},
            "data": self.decision(),
        });
        let position = Position { offset, seq: Seq(1), received_at: self.now };
        record_at(position, SHOPS[self.dice.roll(SHOPS.len())], Origin::Live, event)
    }
}

/// Both stores after all of `records`, with commits in between and at last a tail.
pub(super) async fn sql_over(dir: &Path, records: &[Record]) -> Sql {
    let (_head, reader) = LogReader::at_head(dir, Offset(records.len() as u64));
    let (archive_reader, facts_reader) = Default::default();
    let mut archive = Archive::open(dir, &reader, &(), &archive_reader).await.unwrap();
    let mut facts = FactStore::open(dir, &reader, &(), &facts_reader).await.unwrap();
    for (index, records) in records.chunks(350).enumerate() {
        let batch = log::batch(records.to_vec());
        archive.apply(batch.clone()).await.unwrap();
        facts.apply(batch).await.unwrap();
        if index % 2 == 1 {
            archive.commit().await.unwrap();
            facts.commit().await.unwrap();
        }
    }
    sql(dir, archive_reader, facts_reader, reader)
}

fn sql(dir: &Path, archive: ArchiveReader, facts: FactsReader, log: LogReader) -> Sql {
    // Nothing more comes, so nothing is waited for.
    let state = State { is_open: true, applied: log.head(), ..State::default() };
    let (_report, state) = watch::channel(state);
    let archive = Followed::new(archive, log.clone(), state.clone());
    let facts = Followed::new(facts, log, state);
    Sql::new(archive, facts, dir.join("queries"), Tz::UTC, None, 0).unwrap()
}

async fn rows(sql: &Sql, shop: &str, query: &str) -> String {
    let answer = sql.query(shop, query).await.unwrap();
    pretty_format_batches(&answer.batches).unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn views_over_facts_show_what_aggregates_over_all_events_show() {
    for seed in 0..2 {
        let dir = tempfile::tempdir().unwrap();
        let log = RandomLog::new(seed);
        let sql = sql_over(dir.path(), &log.records).await;
        for shop in SHOPS {
            for (view, over_events, order) in [
                ("messages", MESSAGES_OVER_EVENTS, "\"offset\""),
                ("categories", CATEGORIES_OVER_EVENTS, "conversation, category"),
                ("conversations", CONVERSATIONS_OVER_EVENTS, "conversation"),
            ] {
                let order = format!("ORDER BY {order}");
                let shown = rows(&sql, shop, &format!("SELECT * FROM {view} {order}")).await;
                let expected = format!("SELECT * FROM ({over_events}) {order}");
                let expected = rows(&sql, shop, &expected).await;
                assert!(shown.lines().count() > 10, "{view} says little:\n{shown}");
                for (shown, expected) in shown.lines().zip(expected.lines()) {
                    assert_eq!(shown, expected, "{view} of {shop}, seed {seed}");
                }
                assert_eq!(shown.len(), expected.len(), "{view} of {shop}, seed {seed}");
            }
            let counted = rows(&sql, shop, "SELECT sum(events) AS n FROM conversations").await;
            let events =
                rows(&sql, shop, "SELECT count(*) AS n FROM events WHERE kind <> 'rules'").await;
            assert_eq!(counted, events, "{shop}: every record is in one place");
        }
    }
}

/// An edit of an edit was taken, and then changed nothing that anybody was shown.
#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_an_edit_is_one_of_the_message() {
    let dir = tempfile::tempdir().unwrap();
    let event = |offset: u64, id: &str, kind: &str, target: &str, text: &str| {
        let event = json!({"id": id, "conversation": "c", "kind": kind, "target": target,
            "text": text, "sender": {"id": "max", "role": "human"}});
        let position = Position {
            offset: Offset(offset),
            seq: Seq(u32::try_from(offset + 1).unwrap()),
            received_at: Micros(1_000_000),
        };
        record_at(position, "anna", Origin::Live, fitted(event))
    };
    let records = [
        event(0, "a", "message", "", "refund 236"),
        event(1, "b", "edit", "a", "refund 263"),
        event(2, "c", "edit", "b", "refund 326"),
        event(3, "d", "retract", "c", ""),
    ];
    let sql = sql_over(dir.path(), &records).await;
    let shown = rows(&sql, "anna", "SELECT text, edits, retracted FROM messages").await;
    assert!(shown.contains("| refund 326 | 2     | true      |"), "{shown}");
    let query = r#"SELECT message, kind, version FROM changes ORDER BY "offset""#;
    let shown = rows(&sql, "anna", query).await;
    let lines: Vec<&str> = shown.lines().skip(3).collect();
    assert!(lines[0].contains("| a       | edit    | 2"), "{shown}");
    assert!(lines[1].contains("| a       | edit    | 3"), "{shown}");
    assert!(lines[2].contains("| a       | retract | 3"), "{shown}");
}

/// The store ahead used to show rows beyond what the answer said it was complete to: the same offset
/// then gave two answers.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_complete_to_its_offset_and_holds_nothing_beyond() {
    let dir = tempfile::tempdir().unwrap();
    let records = RandomLog::new(3).records;
    let (mut writer, log, _) = log::open(&dir.path().join("log")).unwrap();
    write_log(&mut writer, &records);
    let (archive_reader, facts_reader): (ArchiveReader, FactsReader) = Default::default();
    let mut archive = Archive::open(dir.path(), &log, &(), &archive_reader).await.unwrap();
    let mut facts = FactStore::open(dir.path(), &log, &(), &facts_reader).await.unwrap();
    let sql = sql(dir.path(), archive_reader, facts_reader, log);
    let batch = |from: usize, to: usize| log::batch(records[from..to].to_vec());
    let count = async |complete_to: u64| {
        let query = "SELECT count(*) AS n, max(\"offset\") AS last FROM events";
        let (mut n, mut last) = (0, 0);
        for shop in SHOPS {
            let answer = sql.query(shop, query).await.unwrap();
            assert_eq!(answer.complete_to, Offset(complete_to));
            let number = |column: usize| {
                answer.batches[0].column(column).as_primitive::<Int64Type>().value(0)
            };
            n += number(0);
            last = last.max(number(1));
        }
        assert_eq!((n, last), (complete_to as i64, complete_to as i64 - 1));
    };
    archive.apply(batch(0, 400)).await.unwrap();
    facts.apply(batch(0, 300)).await.unwrap();
    count(300).await;
    // Also where the files have more.
    archive.commit().await.unwrap();
    count(300).await;
    facts.apply(batch(300, 700)).await.unwrap();
    count(700).await;
    archive.apply(batch(400, 900)).await.unwrap();
    archive.commit().await.unwrap();
    facts.commit().await.unwrap();
    count(700).await;
}

/// What a shop sees of facts alone.
async fn facts_of(dir: &Path, facts: &FactsReader, log: &LogReader, shop: &str) -> Vec<String> {
    let archive = ArchiveReader::default();
    let mut store = Archive::open(&dir.join("no-events"), log, &(), &archive).await.unwrap();
    store.commit().await.unwrap();
    let sql = sql(dir, archive, facts.clone(), log.clone());
    let mut seen = Vec::new();
    for (table, order) in [
        ("turns", "conversation, turn"),
        ("episodes", "conversation, episode"),
        ("changes", "\"offset\""),
        ("tags", "\"offset\""),
        ("strays", "\"offset\""),
        ("stints", "conversation, stint"),
        ("ratings", "\"offset\""),
    ] {
        seen.push(rows(&sql, shop, &format!("SELECT * FROM {table} ORDER BY {order}")).await);
    }
    seen
}

fn write_log(writer: &mut LogWriter, records: &[Record]) {
    for record in records {
        writer.append(Arc::new(record.clone())).unwrap();
    }
    writer.commit().unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &name);
        } else {
            std::fs::copy(&path, &name).unwrap();
        }
    }
}

/// A row that another conversation's record closed is as final as any: killed between the commits of
/// tables and states, the store folds the same records again, and every row is there once, as in a
/// run that nothing disturbed.
#[tokio::test(flavor = "multi_thread")]
async fn facts_are_the_same_whatever_was_committed_and_whatever_was_lost() {
    let dir = tempfile::tempdir().unwrap();
    let records = RandomLog::new(7).records;
    let (mut writer, log, _) = log::open(&dir.path().join("log")).unwrap();
    write_log(&mut writer, &records);
    let straight = FactsReader::default();
    let undisturbed = dir.path().join("undisturbed");
    let mut store = FactStore::open(&undisturbed, &log, &(), &straight).await.unwrap();
    store.apply(log::batch(records.clone())).await.unwrap();

    let root = dir.path().join("disturbed");
    let disturbed = FactsReader::default();
    let mut dice = Dice::new(8);
    let mut applied = 0;
    while applied < records.len() {
        let mut store = FactStore::open(&root, &log, &(), &disturbed).await.unwrap();
        applied = usize::try_from(store.applied().0).unwrap();
        let end = records.len().min(applied + 50 + dice.roll(250));
        store.apply(log::batch(records[applied..end].to_vec())).await.unwrap();
        let (states, before) = (root.join("facts"), root.join("before"));
        copy(&states, &before);
        match dice.roll(3) {
            0 => drop(store),
            1 => drop(store.commit().await.unwrap()),
            _ => {
                // The tables have committed, and the states have not.
                store.commit().await.unwrap();
                drop(store);
                std::fs::remove_dir_all(&states).unwrap();
                copy(&before, &states);
            }
        }
        std::fs::remove_dir_all(&before).unwrap();
        applied = end;
    }
    let mut store = FactStore::open(&root, &log, &(), &disturbed).await.unwrap();
    let applied = usize::try_from(store.applied().0).unwrap();
    if applied < records.len() {
        store.apply(log::batch(records[applied..].to_vec())).await.unwrap();
    }
    for shop in SHOPS {
        let expected = facts_of(&dir.path().join("a"), &straight, &log, shop).await;
        let got = facts_of(&dir.path().join("b"), &disturbed, &log, shop).await;
        for (expected, got) in expected.iter().zip(&got) {
            assert!(expected.lines().count() > 20, "it says little:\n{expected}");
            for (expected, got) in expected.lines().zip(got.lines()) {
                assert_eq!(got, expected, "{shop}");
            }
            assert_eq!(got.len(), expected.len(), "{shop}");
        }
    }
}
