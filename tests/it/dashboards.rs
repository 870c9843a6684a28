//! Dashboards, as a browser gets them from a real server that holds two weeks of a shop's chat: what they show, what
//! they lead to, and how large they are.

use std::collections::BTreeSet;

use verbatim::access::TokenRole::{Admin, Analyst};

use super::support::{Answer, Data, Http, SHOP, Server, between};

/// All of the sample's history.
const RANGE: &str = "from=2026-01-01&to=2026-01-14&zone=Asia%2FShanghai";
/// A page of figures, before compression.
const PAGE_BYTES_MAX: usize = 100_000;

/// A shop with the sample's history, and somebody who reads reports.
async fn shop() -> (Data, Server, Http) {
    let data = Data::new();
    data.set("zone = \"Asia/Shanghai\"\n");
    let server = Server::start(&data);
    server.http_as(&data, "importer", &[Admin]).import_history().await;
    let anna = server.http_as(&data, "anna", &[Analyst]);
    (data, server, anna)
}

/// The addresses that a page leads to.
fn links(html: &str) -> BTreeSet<String> {
    let rest = html.split("href=\"").skip(1);
    let addresses = rest.filter_map(|rest| rest.split('"').next());
    addresses.map(|address| address.replace("&#38;", "&").replace("&amp;", "&")).collect()
}

fn links_to(html: &str, page: &str) -> Vec<String> {
    links(html).into_iter().filter(|address| address.starts_with(page)).collect()
}

fn value_of(address: &str, name: &str) -> String {
    let query = address.split_once('?').map_or("", |(_, query)| query);
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(own, _)| own == name).map_or_else(String::new, |(_, value)| value.into_owned())
}

async fn page(http: &Http, address: &str) -> String {
    let page: Answer = http.get(address).await;
    assert_eq!(page.status, 200, "{address}: {}", page.text());
    page.text()
}

/// Whether a figure counts the rows behind it, by the name that all queries give such a column.
fn is_count(figure: &str) -> bool {
    !figure.ends_with("_s") && !figure.ends_with("_ms") && !figure.ends_with("_rate")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_point_leads_to_as_many_rows_as_its_figure_says() {
    let (_data, server, anna) = shop().await;
    let overview = page(&anna, &format!("/?{RANGE}&compare=none")).await;
    let dashboards = links_to(&overview, "/dashboards/");
    assert!(dashboards.len() >= 5, "{dashboards:?}");
    let mut figures = BTreeSet::new();
    for address in dashboards.into_iter().chain([format!("/?{RANGE}&compare=none")]) {
        let html = page(&anna, &address).await;
        assert!(
            !html.contains("class=\"problem\""),
            "{address}: {}",
            between(&html, "class=\"problem\"", "</p>")
        );
        let explained = links_to(&html, "/explain/");
        assert!(!explained.is_empty(), "{address} leads to no rows");
        figures.extend(explained);
    }
    // Each query's figures once, and all of one day's: thousands would say no more.
    let mut seen = BTreeSet::new();
    let mut counts = 0;
    for address in figures {
        let (name, figure) = (
            address.split(['/', '?']).nth(2).unwrap_or_default().to_string(),
            value_of(&address, "figure"),
        );
        let day = value_of(&address, "at.day");
        if !seen.insert((name, figure.clone())) && day != "2026-01-12" {
            continue;
        }
        let html = page(&anna, &address).await;
        let heading = between(&html, "<h1>", "</h1>");
        assert!(!heading.is_empty(), "{address}");
        // What leads to all rows of a place names no figure of them.
        if figure.is_empty() || !is_count(&figure) {
            continue;
        }
        let number = |text: &str| -> i64 {
            let number = text.replace(',', "").parse();
            number.unwrap_or_else(|_| panic!("{address}: `{text}` is no number: {heading}"))
        };
        let value = number(heading.rsplit_once(": ").map_or("", |(_, value)| value));
        let counted = number(between(&html, "Counted: ", " "));
        // A count of conversations, and not of what they are counted by, may be less.
        if !figure.starts_with("conversations") {
            assert_eq!(value, counted, "{address}: {heading}");
            counts += 1;
        }
    }
    assert!(counts > 20, "{counts} counts were compared with their rows");
    assert!(!server.stderr().contains("panicked at"), "{}", server.stderr());
}

/// The p90 of a day is high, and why is answered without SQL.
#[tokio::test(flavor = "multi_thread")]
async fn why_a_figure_is_high_is_told_on_its_page() {
    let (_data, _server, anna) = shop().await;
    let waits = page(&anna, &format!("/dashboards/waits?{RANGE}")).await;
    let points = links_to(&waits, "/explain/waiting_by_day?figure=p90_s&at.day=");
    assert!(points.len() >= 10, "{points:?}");
    let html = page(&anna, &points[points.len() - 1]).await;
    assert!(
        html.contains("<h1>90 % within on ") || html.contains("<h1>p90 on "),
        "{}",
        between(&html, "<h1>", "</h1>")
    );
    assert!(html.contains("Counted: ") && html.contains("= the figure"), "{html}");
    // Each row leads to the transcript at that very record.
    let transcripts = links_to(&html, "/conversations/");
    assert!(!transcripts.is_empty() && transcripts.iter().all(|address| address.contains("?at=")));
    let transcript = anna.get(&transcripts[0]).await;
    assert_eq!(transcript.status, 200);
    let at = transcripts[0].rsplit_once("#m-").unwrap().1;
    assert!(transcript.text().contains(&format!("id=\"m-{at}\"")), "{}", transcripts[0]);
    // The same rows as a file, and the SQL to copy.
    let csv = links_to(&html, "/v1/reports/waiting_by_day/rows?");
    let csv = anna.get(&csv[0]).await;
    assert_eq!((csv.status, csv.header("content-type")), (200, "text/csv; charset=utf-8"));
    let counted: usize = between(&html, "Counted: ", " ").parse().unwrap();
    assert!(csv.text().lines().count() > counted, "{}", csv.text());
    assert!(html.contains("WITH ") && html.contains("2026-01-"), "the values are written in");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_told_and_what_fails_leaves_the_others() {
    let (data, _server, anna) = shop().await;
    let own = data.path().join("queries").join(SHOP);
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(own.join("unread.sql"), "SELECT 1").unwrap();
    let text = "-- title: Failing\n-- answers: nothing\n-- dashboard: overview 0\n-- dashboard: night_shift 1\nSELECT nope FROM turns";
    std::fs::write(own.join("failing.sql"), text).unwrap();
    let told = [
        ("/?from=2026-01-09&to=2026-01-01", "The last day, 2026-01-01, lies before the first"),
        ("/?zone=Mars", "`Mars` is no time zone"),
        ("/?last_days=0", "`0` is no number of days"),
        ("/?agent=nobody-at-all", "This shop has no agent `nobody-at-all`"),
        ("/?agnet=x", "`agnet` in this address means nothing here"),
        ("/", "The query file <bdi>unread</bdi> cannot be asked"),
        ("/", "Failing"),
        ("/dashboards/night_shift", "nope"),
    ];
    for (address, words) in told {
        let html = page(&anna, address).await;
        assert!(html.contains(words), "{address}: {html}");
        assert!(!html.contains(data.path().to_str().unwrap()), "{address} names a path");
    }
    let overview = page(&anna, &format!("/?{RANGE}")).await;
    assert!(overview.contains("<svg class=\"chart"), "the others stand");
    assert_eq!(anna.get("/dashboards/nothing").await.status, 404);
    for address in ["/explain/nothing", "/charts/nothing.svg", "/charts/waiting_by_day"] {
        assert_eq!(anna.get(address).await.status, 404, "{address}");
    }
    for address in ["/explain/waiting_by_day?figure=nope", "/explain/waiting_by_day?at.agent=x"] {
        let answer = anna.get(address).await;
        assert_eq!(answer.status, 400, "{address}: {}", answer.text());
        assert!(answer.text().contains("role=\"alert\""), "{address}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_small_and_say_what_they_show() {
    let (_data, _server, anna) = shop().await;
    let overview = page(&anna, &format!("/?{RANGE}")).await;
    let mut addresses = links_to(&overview, "/dashboards/");
    addresses.push(format!("/?{RANGE}"));
    for address in &addresses {
        let html = page(&anna, address).await;
        assert!(html.len() < PAGE_BYTES_MAX, "{address} has {} bytes", html.len());
        assert!(!html.contains("<style") && !html.contains(" style="), "{address}");
        assert!(html.contains("both days included, in Asia/Shanghai"), "{address}");
        // Ids are what labels and fresh figures find their places by.
        let ids: Vec<&str> =
            html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let distinct: BTreeSet<&&str> = ids.iter().collect();
        assert_eq!(ids.len(), distinct.len(), "{address}: {ids:?}");
        // Headings go down one step at a time.
        assert_eq!(html.matches("<h1").count(), 1, "{address}");
        assert!(!html.contains("<h3"), "{address}");
    }
    let pictures = links_to(&overview, "/charts/");
    assert!(!pictures.is_empty());
    let picture = anna.get(&pictures[0]).await;
    assert_eq!((picture.status, picture.header("content-type")), (200, "image/svg+xml"));
    assert!(picture.header("content-disposition").starts_with("attachment; filename="));
    let text = picture.text();
    assert!(
        text.contains("complete to offset")
            && !text.contains("<a ")
            && text.ends_with("</svg>\n") | text.ends_with("</svg>")
    );
}
