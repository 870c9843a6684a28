//! What the log no longer holds is answered as before, from the archive.

use std::collections::BTreeMap;
use std::path::Path;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use verbatim::access::TokenRole::{Admin, Customer};

use super::command::{command, ran};
use super::shims::STEPS;
use super::socket::Socket;
use super::support::{Data, Server, counts, lines, message};

const CONVERSATIONS: usize = 300;
const ROUNDS: usize = 100;

/// Messages that no compression shortens much: some segments of 4 MiB.
fn events() -> Vec<Value> {
    let mut random = StdRng::seed_from_u64(7);
    let mut events = Vec::with_capacity(CONVERSATIONS * ROUNDS);
    for round in 0..ROUNDS {
        for conversation in 0..CONVERSATIONS {
            let noise: String =
                (0..60).map(|_| format!("{:04x}", random.random::<u16>())).collect();
            let customer = format!("cust-{conversation}");
            let text = format!("round {round} refund 退款 {noise}");
            let (name, id) = (format!("c{conversation:03}"), format!("m{round:03}"));
            let mut event = message(&name, &id, "customer", &customer, &text);
            event["order"] = json!(format!("O-{conversation}"));
            event["data"] = json!({"round": round, "n": null});
            events.push(event);
        }
    }
    events
}

/// Everything that a question can be answered with.
async fn answers(data: &Data, server: &Server) -> BTreeMap<String, String> {
    let admin = server.http_as(data, "boss", &[Admin]);
    let mut answers = BTreeMap::new();
    for name in ["c000", "c017", "c299"] {
        let path = format!("/v1/conversations/{name}");
        answers.insert(path.clone(), admin.get(&path).await.text());
    }
    for query in [
        "select count(*), count(distinct \"offset\"), sum(seq), min(received_at) from events",
        "select * from events where conversation = 'c017' order by \"offset\"",
        "select count(*), max(nrt_ms) from turns",
        "select * from conversations order by conversation limit 20",
    ] {
        answers.insert(query.to_string(), admin.sql(query).await.text());
    }
    for words in ["round 3 refund", "退款", "c0ffee"] {
        let path = format!("/v1/search?words={words}");
        let mut answer = admin.get(&path).await.json();
        // It moves on with the records of who looked at what, and cursors of pages begin with it.
        answer["complete_to"].take();
        answer["next"].take();
        for conversation in answer["conversations"].as_array_mut().unwrap() {
            conversation["next"].take();
        }
        answers.insert(path.clone(), answer.to_string());
    }
    let stream = admin.get("/v1/events?from=0").await.text();
    answers.insert("stream".to_string(), stream);
    let customer = data.token("main", "cust-17", &[Customer]);
    let mut socket = Socket::open(server, &customer).await;
    socket.subscribe("c017", 40).await;
    for seq in 41..=ROUNDS {
        let frame = socket.expect("event").await;
        answers.insert(format!("resume {seq}"), frame.to_string());
    }
    answers
}

fn serve(data: &Data, settings: &str) -> Server {
    set(data, settings);
    Server::start(data)
}

fn set(data: &Data, settings: &str) {
    std::fs::create_dir_all(data.path()).unwrap();
    let settings = format!("commit_interval_ms = 50\nlog_segment_mib = 4\n{settings}\n");
    std::fs::write(data.path().join("verbatim.toml"), settings).unwrap();
}

async fn until_trimmed(data: &Data, server: &Server) -> u64 {
    let admin = server.http_as(data, "boss", &[Admin]);
    let oldest = |status: &Value| status["log"]["oldest"].as_u64().unwrap();
    oldest(&admin.status_once(|status| oldest(status) > 0).await)
}

/// A week later the log has let go of what was said: transcript, search, SQL, stream, resume and
/// duplicates must not change by a byte, and each store comes back from archive and log.
#[tokio::test(flavor = "multi_thread")]
async fn after_trimming_every_answer_is_as_before() {
    let data = Data::new();
    let events = events();
    let server = serve(&data, "");
    let admin = server.http_as(&data, "boss", &[Admin]);
    let mut acks = Vec::new();
    for some in events.chunks(3_000) {
        acks.extend(admin.events(some).await);
    }
    admin.caught_up(true).await;
    let before = answers(&data, &server).await;
    assert_eq!(server.stop(), 0);

    let server = serve(&data, "log_keep_hours = 0");
    let oldest = until_trimmed(&data, &server).await;
    assert!(oldest as usize > CONVERSATIONS * 10, "some rounds are gone: {oldest}");
    let after = answers(&data, &server).await;
    for (question, answer) in &before {
        assert!(after[question] == *answer, "{question}:\n{answer}\n{}", after[question]);
    }
    // A repetition has the ack of the first time, and another body under its id is refused.
    let admin = server.http_as(&data, "boss", &[Admin]);
    let again = admin.events(&events[..300]).await;
    assert_eq!(again, acks[..300]);
    let mut other = events[5].clone();
    other["text"] = json!("something else");
    admin.event(&other).await.problem(409);
    // An edit is judged by a message that the archive alone has.
    let edit = json!({"id": "e1", "conversation": "c017", "kind": "edit", "target": "m000",
        "text": "edited", "sender": {"id": "cust-17", "role": "customer"}});
    let eve = json!({"id": "e2", "conversation": "c017", "kind": "edit", "target": "m000",
        "text": "edited", "sender": {"id": "cust-18", "role": "customer"}});
    assert_eq!(admin.event(&edit).await.status, 200);
    assert_eq!(admin.event(&eve).await.status, 403);
    admin.caught_up(true).await;
    assert_eq!(server.stop(), 0);

    tokio::task::block_in_place(|| {
        let count = events.len() as i64 + 1;
        assert_eq!(data.number("select count(*) as n from events"), count);
        data.succeeds(["audit"]);
        for store in ["lookup", "index", "facts"] {
            data.succeeds(["rebuild", store]);
        }
        data.succeeds(["audit"]);
        let refused = data.run(["rebuild", "archive"]);
        refused.assert_code(2);
        refused.assert_stderr_has("the archive alone holds the records below");
        let file = data.file("again.ndjson", lines(&events[..600]));
        // Live is not imported: another body under the same ids.
        let ran = data.run([Path::new("import"), &file]);
        ran.assert_code(1);
        let counted = counts(&ran.stdout);
        assert_eq!((&counted["acked"], &counted["rejected"]), (&json!(0), &json!(600)));
    });
}

/// One bit of the archive flips before the log lets go: receipt and salt are still right, the words
/// are not, and the log has the only good copy. It must keep it.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_keeps_what_the_archive_holds_damaged() {
    let data = Data::new();
    data.is_left_damaged();
    let server = serve(&data, "");
    let admin = server.http_as(&data, "boss", &[Admin]);
    for some in events().chunks(3_000) {
        admin.events(some).await;
    }
    admin.caught_up(true).await;
    assert_eq!(server.stop(), 0);
    for file in parquet_files(&data.path().join("archive/events")) {
        let mut bytes = std::fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&file, bytes).unwrap();
    }
    let server = serve(&data, "log_keep_hours = 0");
    let admin = server.http_as(&data, "boss", &[Admin]);
    server.until_says("the log stays as long as it is");
    assert_eq!(admin.get("/v1/status").await.json()["log"]["oldest"], 0);
}

/// Where any store fails, a rebuild puts the old archive back. What its log had let go of meanwhile
/// was then nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_lets_nothing_go() {
    let data = Data::new();
    let server = serve(&data, "");
    let admin = server.http_as(&data, "boss", &[Admin]);
    for some in events().chunks(3_000) {
        admin.events(some).await;
    }
    admin.caught_up(true).await;
    assert_eq!(server.stop(), 0);
    set(&data, "log_keep_hours = 0");
    tokio::task::block_in_place(|| {
        // The other stores are done long before the index: meanwhile it is looked again and again what
        // all of them have, and the log could let go of.
        let mut rebuild = command();
        rebuild.args(["rebuild", "all", "--data"]).arg(data.path());
        rebuild.env("LD_PRELOAD", STEPS.as_os_str());
        rebuild.env("VERBATIM_TEST_DISK", data.path()).env("VERBATIM_TEST_SLOW", "/index/");
        ran(rebuild).assert_code(0);
        let status = data.succeeds(["status", "--format", "json"]);
        let status: Value = serde_json::from_str(&status).unwrap();
        assert_eq!(status["log"]["oldest"], 0, "{status}");
    });
}

fn parquet_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| {
        let is_table = path.is_dir() && !path.ends_with("_delta_log");
        if is_table { parquet_files(&path) } else { vec![path] }
    });
    files.filter(|path| path.extension().is_some_and(|extension| extension == "parquet")).collect()
}
