//! The examples of `docs/protocol.md`, run as they stand there, in their order, against a service that has nothing
//! yet: commands by a shell, frames by two sockets. What they print and hear must be what the page says.

use std::path::Path;
use std::process::Command;

use verbatim::access::TokenRole::{Admin, Customer, Human};
use verbatim::server::ROUTES;

use super::socket::Socket;
use super::support::{Data, SHOP, Server};

/// One fenced block of the page.
struct Block<'a> {
    language: &'a str,
    /// Of its first line within, from 1.
    line: usize,
    lines: Vec<&'a str>,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut is_within = false;
    for (number, line) in (1..).zip(page.lines()) {
        match line.strip_prefix("```") {
            Some(language) if !is_within => {
                blocks.push(Block { language, line: number + 1, lines: Vec::new() });
                is_within = true;
            }
            Some(_) => is_within = false,
            None if is_within => blocks.last_mut().unwrap().lines.push(line),
            None => {}
        }
    }
    blocks
}

/// Whether `said` is what the page tells, where `…` stands for anything, and one time is as good as another.
fn is_as_told(told: &str, said: &str) -> bool {
    let (told, said) = (without_times(told), without_times(said));
    let mut parts = told.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = said.strip_prefix(first) else { return false };
    let mut parts = parts.collect::<Vec<_>>();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Each time as `received_at` is written becomes a word.
fn without_times(text: &str) -> String {
    const FORM: &[u8] = b"dddd-dd-ddTdd:dd:dd.ddddddZ";
    let is_time = |bytes: &[u8]| {
        bytes.len() >= FORM.len()
            && FORM.iter().zip(bytes).all(|(form, byte)| match form {
                b'd' => byte.is_ascii_digit(),
                other => other == byte,
            })
    };
    let mut out = String::new();
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let length = if is_time(rest.as_bytes()) { FORM.len() } else { char.len_utf8() };
        out.push_str(if length == FORM.len() { "TIME" } else { &rest[..length] });
        rest = &rest[length..];
    }
    out
}

#[test]
fn what_is_left_out_is_anything_and_the_rest_is_not() {
    assert!(is_as_told("{\"a\":…,\"b\":2}", "{\"a\":[1],\"b\":2}"));
    assert!(is_as_told("\"2026-01-03T02:13:05.120311Z\"", "\"2026-11-30T17:00:00.000000Z\""));
    assert!(is_as_told("…", "") && is_as_told("退款…", "退款 2"));
    for (told, said) in [("a…b", "ab c"), ("a", "ab"), ("…b…", "ac"), ("TIMES", "TIME")] {
        assert!(!is_as_told(told, said), "{told} {said}");
    }
}

/// Whoever speaks in a block of frames.
struct Sides {
    customer: Socket,
    agent: Socket,
}

impl Sides {
    /// `>` is sent and `<` heard by the customer; with `agent` before it, by the agent.
    async fn follow(&mut self, line: &str) {
        let (socket, line) = match line.strip_prefix("agent") {
            Some(line) => (&mut self.agent, line),
            None => (&mut self.customer, line),
        };
        if let Some(frame) = line.strip_prefix("> ") {
            socket.send_text(frame).await;
        } else if let Some(told) = line.strip_prefix("< ") {
            let heard = socket.text().await.unwrap();
            assert!(is_as_told(told, &heard), "told:  {told}\nheard: {heard}");
        } else {
            panic!("neither sent nor heard: {line}");
        }
    }
}

/// What a block of commands prints.
fn printed(block: &Block<'_>, folder: &Path, variables: &[(&str, &str)]) -> String {
    let script = block.lines.join("\n");
    let mut shell = Command::new("bash");
    shell.args(["-euo", "pipefail", "-c", &script]).current_dir(folder);
    let ran = shell.envs(variables.iter().copied()).output().expect("bash, which examples are for");
    let (out, said) =
        (String::from_utf8(ran.stdout).unwrap(), String::from_utf8(ran.stderr).unwrap());
    assert!(ran.status.success(), "line {}: {script}\n{out}{said}", block.line);
    out
}

/// Line by line; a `…` at the end is whatever else comes.
fn assert_as_told(told: &[&str], said: &str, line: usize) {
    let (told, is_cut) = match told {
        [told @ .., "…"] => (told, true),
        told => (told, false),
    };
    let said = said.lines().collect::<Vec<_>>();
    let is_so = told.iter().zip(&said).all(|(told, said)| is_as_told(told, said));
    let is_whole = if is_cut { said.len() >= told.len() } else { said.len() == told.len() };
    assert!(
        is_so && is_whole,
        "line {line}\ntold:\n{}\nsaid:\n{}",
        told.join("\n"),
        said.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_the_protocol_are_true() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/protocol.md");
    let page = std::fs::read_to_string(page).unwrap();
    let data = Data::new();
    data.set("[evidence]\norigin = \"archive.shop.example\"\n");
    let server = Server::ready(&data).await;
    let tokens = [
        ("TOKEN", data.token(SHOP, "cust-7", &[Customer])),
        ("AGENT", data.token(SHOP, "lin", &[Human])),
        ("ADMIN", data.token(SHOP, "anna", &[Admin])),
    ];
    let mut variables = vec![("URL", server.url.as_str())];
    variables.extend(tokens.iter().map(|(name, token)| (*name, token.as_str())));
    let mut sides = Sides {
        customer: Socket::open(&server, &tokens[0].1).await,
        agent: Socket::open(&server, &tokens[1].1).await,
    };
    let folder = tempfile::tempdir().unwrap();
    let (mut said, mut shown) = (String::new(), String::new());
    for block in blocks(&page) {
        match block.language {
            "frames" => {
                for line in block.lines.iter().filter(|line| !line.is_empty()) {
                    sides.follow(line).await;
                }
            }
            "sh" => {
                said = tokio::task::block_in_place(|| printed(&block, folder.path(), &variables));
                shown += &(block.lines.join("\n") + "\n");
            }
            "answer" => assert_as_told(&block.lines, &said, block.line),
            other => panic!("line {}: nothing runs a block of `{other}`", block.line),
        }
    }
    // Every route for programs has its example.
    let shown = shown.replace('"', "");
    for route in
        ROUTES.iter().filter(|route| route.path.starts_with("/v1/") && route.path != "/v1/ws")
    {
        let fixed = route.path.split(['{', '}']).step_by(2).collect::<Vec<_>>();
        let is_shown = shown.split_whitespace().any(|word| {
            let Some(path) = word.strip_prefix("$URL") else { return false };
            let path = path.split('?').next().unwrap_or_default();
            is_as_told(&fixed.join("…"), path)
                && path.matches('/').count() >= route.path.matches('/').count()
        });
        assert!(is_shown, "`{} {}` has no example", route.method, route.path);
    }
}
