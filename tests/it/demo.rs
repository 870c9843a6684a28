//! `verbatim demo`, as somebody meets it first: it starts, and what it says to try can be done.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use super::command::command;
use super::support::{Data, Http, between, message};

const README: &str = include_str!("../../README.md");

/// A demo that runs.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What is in a log stays in it: the demo in a shop's own would be there for good.
#[test]
fn it_leaves_a_shops_own_data_alone_and_reads_its_settings() {
    let data = Data::new();
    let line = message("c-1", "m-1", "human", "lin", "We refund");
    let file = data.file("chat.jsonl", line.to_string());
    data.succeeds([Path::new("import"), &file]);
    let ran = data.run(["demo", "--listen", "127.0.0.1:0"]);
    ran.assert_code(2);
    ran.assert_stderr_has("holds chat that is not the demo's");
    assert!(!data.path().join("demo.json").exists());
    assert_eq!(data.number("select count(*) from events where kind <> 'access'"), 1);

    let new = Data::new();
    new.set("nonsense = 1\n");
    let ran = new.run(["demo"]);
    ran.assert_code(2);
    ran.assert_stderr_has("nonsense");
    assert!(!new.path().join("log").exists());
}

/// It once did not start at all, and nothing noticed.
#[tokio::test(flavor = "multi_thread")]
async fn it_starts_and_what_it_says_to_try_can_be_done() {
    let data = Data::new();
    let mut demo = command();
    demo.args(["demo", "--listen", "127.0.0.1:0", "--data"]).arg(data.path());
    let mut demo = Demo(demo.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let lines = BufReader::new(demo.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut said = Vec::new();
    for line in lines {
        let is_last = line.starts_with("Ctrl-C");
        said.push(line);
        if is_last {
            break;
        }
    }
    let opened = said.iter().find_map(|line| line.strip_prefix("Open    "));
    let opened = opened.unwrap_or_else(|| panic!("it ended: {said:?}"));
    let (url, token) = opened.split_once("/login?token=").unwrap();

    let tried: Vec<&String> = said.iter().filter(|line| line.contains(" --shop demo ")).collect();
    assert!(tried.len() >= 6, "{said:?}");
    for line in tried {
        // As a shell would take it; the program's own path comes first, and exports go nowhere.
        let words = line.split('"').enumerate().flat_map(|(part, text)| match part % 2 {
            0 => text.split_whitespace().map(str::to_string).collect(),
            _ => vec![text.to_string()],
        });
        let words: Vec<String> = words.skip(1).collect();
        let words = words.iter().map(|word| if word == "messages.csv" { "-" } else { word });
        let mut tried = command();
        let output = tried.args(words).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !output.stdout.is_empty(), "{line}: {told}");
    }

    // The first example of the README, as it stands there.
    let customer = said.iter().find_map(|line| line.strip_prefix("customer  ")).unwrap();
    let sent = between(README, "/v1/events -d '", "'");
    let customer = Http::new(url, customer);
    let answer = customer.post("/v1/events", "application/json", sent.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());

    let http = Http::new(url, token);
    for page in ["/", "/dashboards/waits", "/dashboards/sla"] {
        let page = http.get(page).await;
        assert_eq!(page.status, 200, "{}", page.text());
        assert!(!page.text().contains("class=\"problem\""), "{}", page.text());
    }
    let row = "SELECT count(nrt_business_ms) AS b, count(due_at) AS d FROM turns";
    let row = &http.sql(row).await.json()[0];
    assert!(row["b"].as_i64() > Some(20) && row["d"].as_i64() > Some(20), "{row}");
}
