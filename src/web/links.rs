//! Addresses of the pages about somebody or something: a conversation, an order, a customer, an agent.
//!
//! Invariant: an address leads to its page whatever the name is made of.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::selection::{Fields, Selection};
use super::shown::Shown;
use crate::model::{Offset, Role};
use crate::sql::{Explained, NamedQuery};
use crate::transcript::Person;

/// What is encoded in a step of a path. A dot too: `.` and `..` alone would be taken for steps up.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');

/// Words that lead somewhere; `links.html` writes it.
#[derive(Clone, Debug, Default)]
pub(super) struct Link {
    pub words: Shown,
    /// Empty where there is nothing to lead to.
    pub address: String,
}

impl Link {
    /// An order's number, leading to its conversations.
    pub(super) fn order(order: &str) -> Link {
        Link { words: Shown::plain(order), address: page_of("orders", order) }
    }

    /// Somebody, leading to their conversations; bots and systems have no page.
    pub(super) fn person(role: Role, person: &Person) -> Link {
        let address = match role {
            Role::Customer => page_of("customers", &person.id),
            Role::Human => page_of("agents", &person.id),
            Role::Bot | Role::System => String::new(),
        };
        Link { words: Shown::plain(&person.in_full()), address }
    }

    /// A conversation by its name.
    pub(super) fn conversation(conversation: &str) -> Link {
        Link { words: Shown::plain(conversation), address: address(conversation, None) }
    }
}

/// A conversation's address, or that of one record in it.
pub(super) fn address(conversation: &str, offset: Option<Offset>) -> String {
    let address = page_of("conversations", conversation);
    match offset {
        Some(offset) => format!("{address}?at={offset}#m-{offset}"),
        None => address,
    }
}

/// The page about `id` among `pages`: `/orders/FL1`.
pub(super) fn page_of(pages: &str, id: &str) -> String {
    format!("/{pages}/{}", step(id))
}

/// The chart of a named query as a file.
pub(super) fn chart_of(query: &str) -> String {
    format!("{}.svg", page_of("charts", query))
}

/// A named query's answer to what is asked, as a file for spreadsheets.
pub(super) fn report_of(query: &NamedQuery, selection: &Selection) -> String {
    let mut arguments = selection.arguments(query);
    if selection.compares && query.has_range() {
        arguments.insert("compare".to_string(), "previous".to_string());
    }
    csv_of(&page_of("v1/reports", &query.name), arguments)
}

/// The rows behind a figure of it, as such a file.
pub(super) fn rows_of(query: &NamedQuery, selection: &Selection, explained: &Explained) -> String {
    let mut arguments = selection.arguments(query);
    arguments.extend(explained.figure.iter().map(|figure| ("figure".to_string(), figure.clone())));
    let at = explained.at.iter();
    arguments.extend(at.map(|(key, value)| (format!("at.{key}"), value.clone())));
    csv_of(&format!("{}/rows", page_of("v1/reports", &query.name)), arguments)
}

fn csv_of(path: &str, mut arguments: Fields) -> String {
    arguments.insert("format".to_string(), "csv".to_string());
    let query =
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(arguments).finish();
    format!("{path}?{query}")
}

/// The form for a bundle, filled in with `id` as what is `asked` for: `/evidence?order=FL1`.
pub(super) fn evidence_of(asked: &str, id: &str) -> String {
    format!("/evidence?{asked}={}", step(id))
}

/// A file's address, as named by an event.
pub(super) fn file_address(conversation: &str, event: &str, sha256: &str) -> String {
    let (conversation, event) = (step(conversation), step(event));
    // A SHA-256 in hex, checked when the event was taken in.
    format!("/v1/conversations/{conversation}/events/{event}/attachments/{sha256}")
}

fn step(name: &str) -> String {
    utf8_percent_encode(name, IN_PATH).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_to_its_page_whatever_the_name() {
        let cases = [
            ("c-1_a~Z", "/conversations/c-1_a~Z"),
            ("..", "/conversations/%2E%2E"),
            ("a/b?\"c", "/conversations/a%2Fb%3F%22c"),
            ("退 款%", "/conversations/%E9%80%80%20%E6%AC%BE%25"),
        ];
        for (conversation, expected) in cases {
            assert_eq!(address(conversation, None), expected);
        }
        assert_eq!(address("c", Some(Offset(7))), "/conversations/c?at=7#m-7");
        assert_eq!(Link::order("FL/1").address, "/orders/FL%2F1");
        let person = Person { id: "a b".to_string(), name: None };
        let of = |role| Link::person(role, &person).address;
        assert_eq!(
            (of(Role::Customer), of(Role::Human)),
            ("/customers/a%20b".into(), "/agents/a%20b".into())
        );
        assert_eq!(of(Role::Bot), "");
        assert_eq!(evidence_of("order", "FL 1&case=x"), "/evidence?order=FL%201%26case%3Dx");
    }
}
