//! What a service says of itself.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use verbatim::access::TokenRole::Admin;

use super::command::command;
use super::socket::Socket;
use super::support::{Data, SHOP, Server, message, signal};

/// What is sent and what lets in must not lie in a log that many people read, whatever goes wrong.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_for_programs_is_json_and_holds_no_words_and_no_token() {
    const CANARY: &str = "canary-4711-words";
    let data = Data::new();
    let server = Server::start_as(&data, |command| {
        command.args(["--log-format", "json"]).env("VERBATIM_LOG", "trace");
    });
    let token = data.token(SHOP, "boss", &[Admin]);
    let admin = server.http(&token);
    let said = |id: &str, text: &str| message("c1", id, "customer", "cust-1", text);
    assert_eq!(admin.event(&said("m1", CANARY)).await.status, 200);
    admin.event(&said("m1", &format!("other {CANARY}"))).await.problem(409);
    admin
        .post("/v1/events", "application/json", format!("{{\"text\": \"{CANARY}\""))
        .await
        .problem(400);
    assert_eq!(admin.found(CANARY).await, 1);
    admin.sql(&format!("select count(*) from messages where text = '{CANARY}'")).await;
    admin.sql(&format!("select cast('{CANARY}' as int)")).await;
    admin.sql(&format!("select '{CANARY}' from nowhere")).await;
    let mut socket = Socket::open(&server, &token).await;
    socket.send_event(said("m2", CANARY)).await;
    socket.expect("ack").await;
    socket.send_text(&format!("{{\"type\": \"shout {CANARY}\"}}")).await;
    socket.expect("error").await;
    let in_address = format!("/login?token={token}");
    admin.without_token().get(&in_address).await;
    let export = admin.get("/v1/export/messages?format=jsonl").await;
    assert!(export.text().contains(CANARY));
    server.terminate();
    let (code, log) = server.ended();
    assert_eq!(code, 0);
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
        for name in ["time", "level", "target", "message"] {
            assert!(line[name].is_string(), "no {name}: {line}");
        }
    }
    assert!(log.contains("listening on http"), "{log}");
    assert!(log.contains("\"target\":\"buoyant_kernel"), "what libraries say is asked for: {log}");
    assert!(!log.contains(CANARY), "{}", log.lines().find(|line| line.contains(CANARY)).unwrap());
    let signature = token.rsplit('.').next().unwrap();
    assert!(!log.contains(signature), "a token is in the log");
}

/// A log collector that ends takes the other end of stderr along. The service stood there for good: the line
/// `stopping` ended the task that was to stop it.
#[test]
fn a_service_whose_log_nobody_reads_any_more_still_stops_in_order() {
    for format in ["text", "json"] {
        let data = Data::new();
        let mut command = command();
        command.args(["serve", "--listen", "127.0.0.1:0", "--log-format", format, "--data"]);
        command.arg(data.path()).env("VERBATIM_LOG", "debug").stderr(Stdio::piped());
        let mut service = command.spawn().unwrap();
        let mut lines = BufReader::new(service.stderr.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("listening on")));
        drop(lines);
        signal(&service, "TERM");
        let ended = (0..1_000).find_map(|_| {
            std::thread::sleep(Duration::from_millis(20));
            service.try_wait().unwrap()
        });
        if ended.is_none() {
            service.kill().unwrap();
        }
        assert_eq!(ended.and_then(|ended| ended.code()), Some(0), "{format}");
    }
}
