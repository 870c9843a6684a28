//! What a service says of itself.

use serde_json::Value;
use verbatim::access::TokenRole::Admin;

use super::socket::Socket;
use super::support::{Data, SHOP, Server, message};

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
