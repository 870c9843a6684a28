//! Search: one form, results grouped by conversation, each hit leading to its place in the
//! transcript.
//!
//! Invariant: the marks on a hit are the spans that `search` found in the stored text, nothing
//! recomputed here.

use std::collections::HashMap;
use std::time::Instant;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono_tz::Tz;

use strum::VariantNames;

use super::bubble::{address, role_name};
use super::search_form::{CONVERSATIONS_MAX, Problems, SearchForm};
use super::{Notice, PageLayout, failure_text, page};
use crate::access::Identity;
use crate::model::{
    Access, AccessAction, ConversationKey, ErrorKind, Kinded, Offset, Record, Role, Via, Visibility,
};
use crate::search::{ConversationHits, Hit, SearchAnswer};
use crate::server::{For, Service};
use crate::web::area::Area;
use crate::web::days::{full_utc, local};
use crate::web::figures::thousands;
use crate::web::form::Typed;
use crate::web::shown::Shown;
use crate::web::visitor::{Visitor, admit};

/// Text of a hit shown before and after the first place found: enough to judge it, whole for most
/// messages.
const BEFORE_CHARS: usize = 160;
const AFTER_CHARS: usize = 640;

#[derive(Template)]
#[template(path = "search.html")]
pub(in crate::web) struct SearchPage {
    pub layout: PageLayout,
    pub form: SearchForm,
    pub zone: String,
    pub roles: Vec<RoleChoice>,
    pub problems: Problems,
    pub results: Option<Results>,
}

/// One choice of who said it.
pub(in crate::web) struct RoleChoice {
    pub value: &'static str,
    /// The role as readers call it.
    pub name: &'static str,
    pub chosen: bool,
}

pub(in crate::web) struct Results {
    pub total: String,
    pub complete_to: Offset,
    pub took_ms: u128,
    pub conversations: Vec<Group>,
    /// Address of the same search with more conversations; empty when all are shown.
    pub more: String,
}

pub(in crate::web) struct Group {
    pub conversation: Shown,
    pub address: String,
    pub hits: Vec<HitView>,
}

pub(in crate::web) struct HitView {
    pub address: String,
    pub time: String,
    pub utc: String,
    pub sender: Shown,
    pub role: String,
    /// The role as readers call it.
    pub role_name: String,
    pub kind: String,
    /// The message around the first place found.
    pub text: Shown,
    pub language: String,
    pub private: bool,
    pub automatic: bool,
}

pub(in crate::web) async fn show(
    State(service): State<Service>,
    Visitor(identity): Visitor,
    For(purpose): For,
    Typed(form): Typed<SearchForm>,
) -> Response {
    if let Err(refusal) = admit(&identity, Area::Conversations) {
        return *refusal;
    }
    let mut view = SearchPage {
        layout: PageLayout::of(&identity, "search").on(&purpose),
        zone: service.zone.name().to_string(),
        roles: role_choices(&form),
        problems: Problems::default(),
        results: None,
        form,
    };
    if view.form.is_empty() {
        return page(&view);
    }
    let query = match view.form.query(&identity.shop, service.zone) {
        Ok(query) => query,
        Err(problems) => {
            view.problems = problems;
            return (StatusCode::BAD_REQUEST, page(&view)).into_response();
        }
    };
    let limit = query.limit_conversations;
    let started = Instant::now();
    match service.search.run(query).await {
        Ok(answer) => {
            let took_ms = started.elapsed().as_millis();
            let access = Access {
                query: asked(&view.form),
                rows: Some(answer.total),
                ..Access::new(AccessAction::Search, Via::Page, purpose)
            };
            service.trail().record(&identity, access);
            let records = records_of(&service, &identity, &answer).await;
            view.results =
                Some(results(&view.form, &answer, &records, limit, took_ms, service.zone));
            page(&view)
        }
        Err(error) if error.kind() == ErrorKind::BadInput => {
            view.problems.form = error.to_string();
            (StatusCode::BAD_REQUEST, page(&view)).into_response()
        }
        Err(error) => {
            tracing::warn!(%error, "a search failed");
            match error.kind() {
                kind @ (ErrorKind::Retry | ErrorKind::Closed) => {
                    view.problems.form = failure_text(kind).to_string();
                    (StatusCode::SERVICE_UNAVAILABLE, page(&view)).into_response()
                }
                kind => Notice::failure(&identity, kind),
            }
        }
    }
}

/// What was filled in.
fn asked(form: &SearchForm) -> Option<String> {
    let mut fields = serde_json::to_value(form).ok()?;
    fields.as_object_mut()?.retain(|_, value| value != "");
    Some(fields.to_string())
}

fn role_choices(form: &SearchForm) -> Vec<RoleChoice> {
    let roles = Role::VARIANTS.iter().filter_map(|value| Some((*value, value.parse().ok()?)));
    let choice =
        |(value, role)| RoleChoice { value, name: role_name(role), chosen: form.role == value };
    roles.map(choice).collect()
}

/// The hits' records, for what an answer of `search` does not carry: names, languages, what nobody
/// typed. A page without them still shows every hit.
async fn records_of(
    service: &Service,
    identity: &Identity,
    answer: &SearchAnswer,
) -> HashMap<Offset, Record> {
    let wanted: Vec<(ConversationKey, Offset)> = answer
        .conversations
        .iter()
        .flat_map(|found| {
            let key = ConversationKey::new(&identity.shop, &found.conversation);
            found.hits.iter().map(move |hit| (key.clone(), hit.offset))
        })
        .collect();
    let records = service.records.clone();
    match service.read(identity, move || records.at(&wanted)).await {
        Ok(records) => records.into_iter().map(|record| (record.offset, record)).collect(),
        Err(problem) => {
            tracing::warn!(problem.detail, "the hits' records could not be read");
            HashMap::new()
        }
    }
}

fn results(
    form: &SearchForm,
    answer: &SearchAnswer,
    records: &HashMap<Offset, Record>,
    limit: usize,
    took_ms: u128,
    zone: Tz,
) -> Results {
    let group = |found: &ConversationHits| Group {
        conversation: Shown::plain(&found.conversation),
        address: address(&found.conversation, None),
        hits: found
            .hits
            .iter()
            .map(|hit| hit_view(&found.conversation, hit, records.get(&hit.offset), zone))
            .collect(),
    };
    let conversations: Vec<Group> = answer.conversations.iter().map(group).collect();
    let may_be_more = conversations.len() >= limit && limit < CONVERSATIONS_MAX;
    Results {
        total: thousands(i64::try_from(answer.total).unwrap_or(i64::MAX)),
        complete_to: answer.complete_to,
        took_ms,
        more: if may_be_more {
            form.address_of_more((limit * 2).min(CONVERSATIONS_MAX))
        } else {
            String::new()
        },
        conversations,
    }
}

fn hit_view(conversation: &str, hit: &Hit, record: Option<&Record>, zone: Tz) -> HitView {
    let event = record.map(|record| &record.event);
    let (text, spans) = around(&hit.text, &hit.spans);
    let name = event.and_then(|event| event.sender.name.as_ref()).unwrap_or(&hit.sender_id);
    HitView {
        address: address(conversation, Some(hit.offset)),
        time: local(hit.occurred_at, zone).format("%Y-%m-%d %H:%M:%S").to_string(),
        utc: full_utc(hit.occurred_at),
        sender: Shown::plain(name),
        role: hit.sender_role.as_str().to_string(),
        role_name: role_name(hit.sender_role).to_string(),
        kind: hit.kind.as_str().to_string(),
        text: Shown::marked(&text, &spans),
        language: event.and_then(|event| event.language.clone()).unwrap_or_default(),
        private: hit.visibility == Visibility::Private,
        automatic: event.is_some_and(|event| event.automatic),
    }
}

/// A long text cut to what stands around its first span, with the spans moved along. Cuts are shown
/// as `…`.
fn around(text: &str, spans: &[(usize, usize)]) -> (String, Vec<(usize, usize)>) {
    let found = spans
        .iter()
        .map(|span| span.0)
        .min()
        .filter(|found| text.is_char_boundary(*found))
        .unwrap_or(0);
    let before =
        text[..found].char_indices().rev().nth(BEFORE_CHARS).map(|(at, char)| at + char.len_utf8());
    let after = text[found..].char_indices().nth(AFTER_CHARS).map(|(at, _)| found + at);
    let (from, to) = (before.unwrap_or(0), after.unwrap_or(text.len()));
    let lead = if from > 0 { "…" } else { "" };
    let trail = if to < text.len() { "…" } else { "" };
    let inside = spans.iter().filter(|span| span.0 >= from && span.0 < to);
    let moved = inside
        .map(|span| (span.0 - from + lead.len(), span.1.min(to).saturating_sub(from) + lead.len()))
        .collect();
    (format!("{lead}{}{trail}", &text[from..to]), moved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::record;
    use crate::model::{Kind, Micros};

    const ZONE: Tz = chrono_tz::Asia::Shanghai;

    fn form_with(words: &str) -> SearchForm {
        SearchForm { words: words.to_string(), ..SearchForm::default() }
    }

    fn answer(text: &str) -> SearchAnswer {
        let hit = Hit {
            offset: Offset(7),
            id: "m-1".to_string(),
            occurred_at: Micros(1_767_463_985_000_000),
            sender_id: "agent-lin".to_string(),
            sender_role: Role::Human,
            kind: Kind::Message,
            visibility: Visibility::Public,
            text: text.to_string(),
            spans: vec![(0, 6)],
        };
        let conversations =
            vec![ConversationHits { conversation: "a/b?\"c".to_string(), hits: vec![hit] }];
        SearchAnswer { complete_to: Offset(9), total: 1_234, conversations }
    }

    fn rendered(form: SearchForm, results: Option<Results>) -> String {
        let layout = PageLayout::default();
        let problems = Problems::default();
        let roles = role_choices(&form);
        let page = SearchPage { layout, form, zone: ZONE.to_string(), roles, problems, results };
        page.render().unwrap()
    }

    #[test]
    fn hits_are_marked_escaped_and_lead_to_their_place() {
        let note = r#"{"id":"m-1","conversation":"c","kind":"message","text":"x","visibility":"private","language":"zh",
            "sender":{"id":"agent-lin","role":"human","name":"林晓"}}"#;
        let note = HashMap::from([(Offset(7), record(7, note))]);
        let form = form_with("\"><script>");
        let mut answer = answer("退款<script>");
        answer.conversations[0].hits[0].visibility = Visibility::Private;
        let results = results(&form, &answer, &note, 20, 3, ZONE);
        let html = rendered(form, Some(results));
        assert!(html.contains("<mark>退款</mark>&#60;script&#62;"), "{html}");
        assert!(html.contains(r#"value="&#34;&#62;&#60;script&#62;""#), "{html}");
        assert!(html.contains(r##"href="/conversations/a%2Fb%3F%22c?at=7#m-7""##), "{html}");
        assert!(
            html.contains("林晓") && html.contains("rivate note") && html.contains("1,234"),
            "{html}"
        );
        assert!(html.contains("2026-01-04 02:13:05") && html.contains(r#"lang="zh""#), "{html}");
    }

    #[test]
    fn no_results_help_and_more_keeps_the_question() {
        let empty = SearchAnswer { complete_to: Offset(9), total: 0, conversations: Vec::new() };
        let form = form_with("退");
        let html =
            rendered(form.clone(), Some(results(&form, &empty, &HashMap::new(), 20, 1, ZONE)));
        assert!(html.contains("Nothing found"), "{html}");
        let shown = results(&form, &answer("退款x"), &HashMap::new(), 1, 1, ZONE);
        assert_eq!(shown.more, "/search?words=%E9%80%80&limit=2");
        assert!(!shown.conversations[0].hits[0].private);
    }

    #[test]
    fn a_long_text_is_shown_around_what_was_found() {
        let text = format!("{}退款{}", "前".repeat(5_000), "后".repeat(5_000));
        let (cut, spans) = around(&text, &[(15_000, 15_006), (29_000, 29_003)]);
        assert!(cut.starts_with("…前") && cut.ends_with("后…") && cut.len() < 3_000, "{cut}");
        assert_eq!(spans.len(), 1);
        assert_eq!(&cut[spans[0].0..spans[0].1], "退款");
        assert_eq!(around("短 text", &[(4, 8)]), ("短 text".to_string(), vec![(4, 8)]));
        assert_eq!(around("", &[]), (String::new(), vec![]));
    }
}
