//! Pages, as a browser gets them from a real server.

use verbatim::access::TokenRole::{Admin, Analyst};

use super::support::{Data, Server, message};

/// The page for unknown addresses stood outside the layer that adds the headers, and went out
/// without any of them.
#[tokio::test(flavor = "multi_thread")]
async fn every_page_carries_the_policy_and_keeps_to_it() {
    let data = Data::new();
    let server = Server::start(&data);
    let sent = message("c-1", "m-1", "customer", "carl", "the cup arrived broken");
    server.http_as(&data, "importer", &[Admin]).event(&sent).await;
    let anna = server.http_as(&data, "anna", &[Analyst]);
    anna.caught_up(false).await;
    let pages = [
        ("/", 200),
        ("/dashboards/waits", 200),
        ("/dashboards/nothing", 404),
        ("/explain/waiting_by_hour?figure=n&at.hour=3", 200),
        ("/explain/nothing", 404),
        ("/questions/volume_by_day", 200),
        ("/questions/nothing", 404),
        ("/search", 200),
        ("/conversations/c-1", 200),
        ("/conversations/nothing", 404),
        ("/conversations/c-1?print=1", 200),
        ("/conversations/c-1?print=internal", 200),
        ("/customers/carl", 200),
        ("/customers/carl?view=chronology", 200),
        ("/orders/nothing", 404),
        ("/agents/nothing", 404),
        ("/login", 200),
        ("/nowhere", 404),
    ];
    for (address, status) in pages {
        let page = anna.get(address).await;
        assert_eq!(page.status, status, "{address}: {}", page.text());
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'self';"), "{address}: {policy}");
        for weakness in ["unsafe", "data:", "sha256", "script-src", "style-src"] {
            assert!(!policy.contains(weakness), "{address}: {policy}");
        }
        assert_eq!(page.header("cache-control"), "no-store", "{address}");
        let html = page.text();
        assert!(!html.contains("<style") && !html.contains(" style="), "{address}: {html}");
        assert_eq!(html.matches("<script").count(), html.matches("<script defer src=").count());
    }
    let dashboard = anna.get("/").await.text();
    assert!(dashboard.contains(r#"<svg class="chart""#), "{dashboard}");
    assert!(dashboard.contains("<title>customer, "), "{dashboard}");
}
