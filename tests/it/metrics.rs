//! What operators draw and are woken by.

use serde_json::Value;
use verbatim::access::TokenRole::{Admin, Analyst, Customer};

use super::socket::Socket;
use super::support::{Data, Server, message};

fn event(number: usize) -> Value {
    message("c1", &format!("m{number}"), "customer", "cust-1", "hello")
}

/// The value of one line of what `/metrics` answers.
#[track_caller]
fn metric(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no `{name}` in {text}")).parse().unwrap()
}

/// What an operator draws and is woken by: every figure moves with what happened, nobody but an admin
/// sees them, and nothing names a shop.
#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_happened_and_name_no_shop() {
    let data = Data::committing_often();
    let server = Server::start(&data);
    let admin = server.http(&data.token("secretshop", "boss", &[Admin]));
    admin.events(&(0..9).map(event).collect::<Vec<_>>()).await;
    assert_eq!(admin.event(&event(3)).await.status, 200);
    let other = message("c1", "m3", "customer", "cust-1", "something else");
    admin.event(&other).await.problem(409);
    let customer = server.http(&data.token("secretshop", "cust-1", &[Customer]));
    customer.event(&message("c1", "m99", "human", "anna", "as another")).await.problem(403);
    let mut socket = Socket::open(&server, &data.token("secretshop", "boss", &[Admin])).await;
    socket.send_event(event(9)).await;
    socket.expect("ack").await;
    let status = admin.caught_up(true).await;

    let answer = admin.get("/metrics").await;
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"));
    let text = answer.text();
    for (name, wanted) in [
        ("verbatim_events_acknowledged_total", 10.0),
        ("verbatim_events_repeated_total", 1.0),
        ("verbatim_events_refused_total{kind=\"conflict\"}", 1.0),
        ("verbatim_events_refused_total{kind=\"denied\"}", 1.0),
        ("verbatim_sync_events_sum", 10.0),
        ("verbatim_sync_events_count", 2.0),
        ("verbatim_sync_seconds_count", 2.0),
        ("verbatim_log_head", 10.0),
        ("verbatim_held", 0.0),
        ("verbatim_ready", 1.0),
        ("verbatim_websockets", 1.0),
        ("verbatim_queries_running", 0.0),
        ("verbatim_exports_running", 0.0),
        ("verbatim_searches_running", 0.0),
    ] {
        assert_eq!(metric(&text, name), wanted, "{name}: {text}");
    }
    for store in status["stores"].as_array().unwrap() {
        let of = |name: &str| {
            metric(&text, &format!("verbatim_store_{name}{{store={}}}", store["name"]))
        };
        assert_eq!(
            (of("committed"), of("applied"), of("lag"), of("failed")),
            (10.0, 10.0, 0.0, 0.0)
        );
        assert!(of("bytes") > 0.0, "{store}");
    }
    for name in [
        "verbatim_sync_seconds_sum",
        "verbatim_disk_free_bytes",
        "verbatim_connections",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_max_fds",
        "process_cpu_seconds_total",
    ] {
        assert!(metric(&text, name) > 0.0, "{name}: {text}");
    }
    assert!(text.ends_with("# EOF\n") && text.matches("# EOF").count() == 1, "{text}");
    for secret in ["secretshop", "boss", "cust-1", "c1\""] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    let analyst = server.http(&data.token("secretshop", "ana", &[Analyst]));
    analyst.get("/metrics").await.problem(403);
    admin.without_token().get("/metrics").await.problem(401);
    assert_eq!(server.stop(), 0);
}
