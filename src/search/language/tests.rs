use chrono_tz::Tz;

use super::*;
use crate::model::testing::Dice;
use crate::model::{Micros, parse_time};

const ZONE: Tz = chrono_tz::Asia::Shanghai;

fn now() -> Micros {
    parse_time("2026-01-15T20:00:00Z").unwrap()
}

fn read(query: &str) -> Result<Option<Node>, LanguageError> {
    parse(query, ZONE, now())
}

/// A tree in one line.
fn shown(node: &Node) -> String {
    let list = |nodes: &[Node]| nodes.iter().map(shown).collect::<Vec<String>>().join(" ");
    match node {
        Node::Words(words) => format!("«{}»", words.text),
        Node::Field(Condition::From(at)) => format!("from {at}"),
        Node::Field(Condition::To(at)) => format!("to {at}"),
        Node::Field(Condition::Order(name)) => {
            format!("order {}{}", name.text, if name.is_start { "…" } else { "" })
        }
        Node::Field(condition) => format!("{condition:?}"),
        Node::All(nodes) => format!("all({})", list(nodes)),
        Node::Any(nodes) => format!("any({})", list(nodes)),
        Node::Not(node) => format!("not({})", shown(node)),
    }
}

fn check(query: &str, expected: &str) {
    let root = read(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    assert_eq!(root.as_ref().map(shown).unwrap_or_default(), expected, "{query}");
}

#[test]
fn queries_become_trees() {
    check("", "");
    check(" \t\u{3000}", "");
    check("退", "«退»");
    check("🙂", "«🙂»");
    check("428 1月9日", "all(«428» «1月9日»)");
    check("428　1月9日", "all(«428» «1月9日»)");
    check("\"428 全额\"", "«428 全额»");
    check("“428 全额” 退", "all(«428 全额» «退»)");
    check("\" a\"", "« a»");
    check(r#""say \"no\" to C:\\x\y""#, r#"«say "no" to C:\x\y»"#);
    check("a OR b c", "any(«a» all(«b» «c»))");
    check("a or b", "all(«a» «or» «b»)");
    check("(a OR b) c", "all(any(«a» «b») «c»)");
    check("a AND b", "all(«a» «b»)");
    check("a -b NOT c", "all(«a» not(«b») not(«c»))");
    check("-(a b)", "not(all(«a» «b»))");
    check("- -- a-b 5\" :) f(x)", "all(«-» «--» «a-b» «5\"» «:)» «f(x)»)");
    check("(f(x) OR y)", "any(«f(x)» «y»)");
    check("order:FL1 退款", "all(order FL1 «退款»)");
    check("ORDER：FL*", "order FL…");
    check("order:\"FL 1*\"", "order FL 1*");
    check(
        "from:2026-01-01 to:-1d",
        "all(from 2025-12-31T16:00:00.000000Z to 2026-01-14T16:00:00.000000Z)",
    );
    check("role:human kind:edit", "all(Role(Human) Kind(Edit))");
    check("-is:private has:attachment", "all(not(IsPrivate) HasAttachment)");
    check("12:30 https://x note:urgent", "all(«12:30» «https://x» «note:urgent»)");
    check("\"order:FL1\"", "«order:FL1»");
}

/// The spot is marked by `^` under it.
fn refused(query: &str, spot: &str, rule: &str) {
    let error = read(query).expect_err(query);
    let chars = error.chars(query);
    let marked: String = (0..query.chars().count())
        .map(|char| if chars.contains(&char) { '^' } else { ' ' })
        .collect();
    assert_eq!(marked.trim_end(), spot, "{query}: {error}");
    assert!(error.to_string().contains(rule), "{query}: {error}");
}

#[test]
fn mistakes_are_shown_at_their_spot() {
    refused("退款 \"428", "   ^", "phrase ends");
    refused("a OR", "  ^^", "followed by something");
    refused("OR a", "^^", "after something");
    refused("a AND OR b", "      ^^", "after something");
    refused("(a b", "^", "closed by");
    refused("a ()", "  ^", "hold something");
    refused("a NOT", "  ^^^", "followed by something");
    refused("a \"\"", "  ^^", "visible");
    refused("a \"\u{200b}\"", "  ^^^", "visible");
    refused("退款 from:noon", "        ^^^^", "be a date");
    refused("role:boss", "     ^^^^", "one of customer");
    refused("is:gone", "   ^^^^", "one of edited");
    refused("order: FL1", "^^^^^^", "without a space");
    refused("order:", "^^^^^^", "without a space");
    refused("order:*", "      ^", "before the `*`");
    refused("costumer:88", "^^^^^^^^^^^", "did you mean `customer:`");
}

#[test]
fn what_is_asked_is_bounded() {
    let words = |count: usize| vec!["x"; count].join(" ");
    assert!(read(&words(TERMS_MAX)).is_ok());
    assert!(read(&words(TERMS_MAX + 1)).unwrap_err().rule.contains("at most 32"));
    let nested = |depth: usize| format!("{}x{}", "(".repeat(depth), ")".repeat(depth));
    assert!(read(&nested(DEPTH_MAX)).is_ok());
    assert!(read(&nested(DEPTH_MAX + 1)).unwrap_err().rule.contains("16 deep"));
    assert!(read(&format!("{}x", "NOT ".repeat(500))).is_err());
    assert!(read(&"长".repeat(QUERY_CHARS_MAX)).is_ok());
    assert!(read(&"长".repeat(QUERY_CHARS_MAX + 1)).unwrap_err().rule.contains("1024"));
}

/// Whatever is typed is read or refused at a spot that lies in it; and what is read holds all of it.
#[test]
fn nothing_typed_is_lost() {
    let pieces = [
        "退", "款", "a", " ", "  ", "\"", "“", "”", "(", ")", "-", "OR", "NOT", "AND", "order:",
        "is:", "：", "*", "\\", "🙂", "\u{200b}", "\u{3000}", "edited",
    ];
    let dice = &mut Dice::new(5);
    let (mut good, mut bad) = (0, 0);
    for _ in 0..50_000 {
        let query: String = (0..1 + dice.roll(9)).map(|_| *dice.pick(&pieces)).collect();
        match read(&query) {
            Err(error) => {
                bad += 1;
                assert!(query.get(error.at.clone()).is_some_and(|at| !at.is_empty()), "{query:?}");
            }
            Ok(root) => {
                good += 1;
                for words in root.iter().flat_map(Node::sought) {
                    let typed = &query[words.at.clone()];
                    assert!(typed == words.text || typed.contains(['"', '“']), "{query:?}");
                }
                assert_eq!(root.is_none(), query.trim().is_empty(), "{query:?}");
            }
        }
    }
    assert!(good > 5_000 && bad > 5_000, "{good} {bad}");
}
