//! Search: one form, first what is called as was typed, then results grouped by conversation, each hit
//! with what became of it and leading to its place in the transcript.
//!
//! Invariant: the marks on a hit are the spans that `search` found in the stored text, nothing
//! recomputed here; whatever is not shown is counted where it would stand, with a link to it.

use std::time::Instant;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono_tz::Tz;

use strum::VariantNames;

use super::search_form::{Problems, SearchForm};
use super::{Notice, PageLayout, failure_text, page};
use crate::model::{
    Access, AccessAction, ErrorKind, Kinded, Micros, Offset, Origin, Role, Via, Visibility,
};
use crate::search::{
    ConversationHits, Hit, KnownKind, LaterVersion, Match, Mode, Negative, SearchAnswer,
    SearchError, shown_time,
};
use crate::server::{For, Service};
use crate::transcript::role_name;
use crate::web::days::full_utc;
use crate::web::figures::thousands;
use crate::web::form::Typed;
use crate::web::links::{address, page_of};
use crate::web::shown::Shown;
use crate::web::visitor::Visitor;

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
    pub roles: Vec<Choice>,
    pub modes: Vec<Choice>,
    pub problems: Problems,
    pub results: Option<Results>,
}

/// One of several values a field may have.
pub(in crate::web) struct Choice {
    pub value: &'static str,
    /// As readers call it.
    pub name: &'static str,
    pub chosen: bool,
}

pub(in crate::web) struct Results {
    pub total: String,
    pub is_one: bool,
    pub complete_to: Offset,
    pub took_ms: u128,
    pub ignores: &'static str,
    pub matches: Vec<MatchView>,
    pub more_matches: u64,
    pub conversations: Vec<Group>,
    /// Where nothing was found.
    pub negative: Option<Negative>,
    /// Where a filter chooses nothing, in the place of that.
    pub unknown: Option<String>,
    /// What looks like a field and was taken as text.
    pub no_fields: Option<String>,
    /// Address of the same in the looser mode that finds something; empty where none does.
    pub looser: String,
    /// Address of the next page; empty when there is none.
    pub next: String,
}

/// An order, a customer or an agent that is called what was typed.
pub(in crate::web) struct MatchView {
    pub kind: &'static str,
    pub id: Shown,
    pub name: Shown,
    /// `2 conversations`
    pub conversations: String,
    pub newest: String,
    /// What is said in its conversations.
    pub address: String,
}

pub(in crate::web) struct Group {
    pub conversation: Shown,
    pub address: String,
    pub hits: Vec<HitView>,
    pub more: u64,
    pub more_address: String,
}

pub(in crate::web) struct HitView {
    pub address: String,
    pub time: String,
    /// For programs.
    pub instant: String,
    pub utc: String,
    pub sender: Shown,
    pub role: String,
    /// The role as readers call it.
    pub role_name: String,
    pub kind: String,
    /// The message around the first place found.
    pub text: Shown,
    pub order: String,
    pub attachments: usize,
    pub private: bool,
    pub automatic: bool,
    pub imported: bool,
    /// When it was retracted; empty where it was not.
    pub retracted: String,
    /// When it was edited last, and what it says now.
    pub now: Option<(String, Shown)>,
}

pub(in crate::web) async fn show(
    State(service): State<Service>,
    Visitor(identity): Visitor,
    For(purpose): For,
    Typed(form): Typed<SearchForm>,
) -> Response {
    let form = form.renamed();
    let mut view = SearchPage {
        layout: PageLayout::of(&identity, "search").on(&purpose),
        zone: service.zone.name().to_string(),
        roles: role_choices(&form),
        modes: mode_choices(&form),
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
            view.results = Some(results(&view.form, &answer, took_ms, service.zone));
            page(&view)
        }
        Err(error @ SearchError::NoShop { .. }) => {
            view.problems.form = format!("{error}: nothing was said here yet.");
            (StatusCode::NOT_FOUND, page(&view)).into_response()
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

fn role_choices(form: &SearchForm) -> Vec<Choice> {
    let roles = Role::VARIANTS.iter().filter_map(|value| Some((*value, value.parse().ok()?)));
    let choice =
        |(value, role)| Choice { value, name: role_name(role), chosen: form.role == value };
    roles.map(choice).collect()
}

fn mode_choices(form: &SearchForm) -> Vec<Choice> {
    let modes = [
        (Mode::Folded, "Capitals and widths do not count"),
        (Mode::Exact, "Exactly as written"),
        (Mode::Variants, "Nor do accents, 繁/简, punctuation between 汉字"),
    ];
    let choice = |(mode, name): (Mode, &'static str)| Choice {
        value: mode.into(),
        name,
        chosen: form.mode() == mode,
    };
    modes.map(choice).into_iter().collect()
}

fn results(form: &SearchForm, answer: &SearchAnswer, took_ms: u128, zone: Tz) -> Results {
    let group = |found: &ConversationHits| Group {
        conversation: Shown::plain(&found.conversation),
        address: address(&found.conversation, None),
        hits: found.hits.iter().map(|hit| hit_view(form, &found.conversation, hit, zone)).collect(),
        more: found.more,
        more_address: found
            .next
            .map(|next| form.address_within(&found.conversation, next))
            .unwrap_or_default(),
    };
    Results {
        total: thousands(i64::try_from(answer.total).unwrap_or(i64::MAX)),
        is_one: answer.total == 1,
        complete_to: answer.complete_to,
        took_ms,
        ignores: answer.mode.ignores(),
        matches: answer.matches.iter().map(|found| match_view(found, zone)).collect(),
        more_matches: answer.more_matches,
        conversations: answer.conversations.iter().map(group).collect(),
        negative: answer.negative(zone),
        unknown: answer.unknown_filters(),
        no_fields: answer.no_fields(),
        looser: match answer.looser {
            Some(looser) if looser.messages > 0 => form.address_in(looser.mode),
            _ => String::new(),
        },
        next: answer.next.map(|next| form.address_after(next)).unwrap_or_default(),
    }
}

fn match_view(found: &Match, zone: Tz) -> MatchView {
    let (kind, pages) = match found.kind {
        KnownKind::Order => ("Order", "orders"),
        KnownKind::Customer => ("Customer", "customers"),
        KnownKind::Agent => ("Agent", "agents"),
    };
    let least = if found.is_more { "at least " } else { "" };
    let count = thousands(i64::try_from(found.conversations).unwrap_or(i64::MAX));
    let plural = if found.conversations == 1 { "" } else { "s" };
    MatchView {
        kind,
        id: Shown::plain(&found.id),
        name: Shown::plain(found.name.as_deref().unwrap_or_default()),
        conversations: format!("{least}{count} conversation{plural}"),
        newest: shown_time(found.newest, zone),
        address: page_of(pages, &found.id),
    }
}

/// Where a hit stands in its transcript, with the words to be marked there.
fn place(form: &SearchForm, conversation: &str, offset: Offset) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("at", &offset.to_string());
    for (name, value) in [("words", &form.words), ("mode", &form.mode)] {
        if !value.trim().is_empty() {
            query.append_pair(name, value);
        }
    }
    format!("{}?{}#m-{offset}", address(conversation, None), query.finish())
}

fn hit_view(form: &SearchForm, conversation: &str, hit: &Hit, zone: Tz) -> HitView {
    let (text, spans) = around(&hit.text, &hit.spans);
    let name = hit.sender_name.as_ref().unwrap_or(&hit.sender_id);
    let shown = |at: Micros| shown_time(at, zone);
    let now = |later: &LaterVersion| (shown(later.at), Shown::plain(&later.text));
    HitView {
        address: place(form, conversation, hit.offset),
        time: shown(hit.occurred_at),
        instant: hit.occurred_at.to_string(),
        utc: full_utc(hit.occurred_at),
        sender: Shown::plain(name),
        role: hit.sender_role.as_str().to_string(),
        role_name: role_name(hit.sender_role).to_string(),
        kind: hit.kind.as_str().to_string(),
        text: Shown::marked(&text, &spans),
        order: hit.order.clone().unwrap_or_default(),
        attachments: hit.attachments,
        // Holds, releases and erasures are the shop's own, too.
        private: hit.visibility == Visibility::Private || hit.kind.is_administrative(),
        automatic: hit.automatic,
        imported: hit.origin == Origin::Imported,
        retracted: hit.retracted_at.map(shown).unwrap_or_default(),
        now: hit.superseded_by.as_ref().map(now),
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
    use crate::model::{Kind, Seq};
    use crate::search::language::FieldName;
    use crate::search::{LookedAt, Looser, UnknownFilter};

    const ZONE: Tz = chrono_tz::Asia::Shanghai;

    fn form_with(words: &str) -> SearchForm {
        SearchForm { words: words.to_string(), ..SearchForm::default() }
    }

    fn hit(text: &str) -> Hit {
        Hit {
            offset: Offset(7),
            seq: Seq(3),
            id: "m-1".to_string(),
            occurred_at: Micros(1_767_463_985_000_000),
            received_at: Micros(1_767_463_985_000_000),
            origin: Origin::Live,
            sender_id: "agent-lin".to_string(),
            sender_name: Some("林晓".to_string()),
            sender_role: Role::Human,
            kind: Kind::Message,
            visibility: Visibility::Private,
            automatic: false,
            order: None,
            attachments: 0,
            text: text.to_string(),
            spans: vec![(0, 6)],
            retracted_at: None,
            superseded_by: None,
        }
    }

    fn answer(hits: Vec<Hit>) -> SearchAnswer {
        let found = ConversationHits {
            conversation: "a/b?\"c".to_string(),
            next: Some("9.h1.7".parse().unwrap()),
            more: 3,
            hits,
        };
        SearchAnswer {
            shop: "s".to_string(),
            query: "退款".to_string(),
            filters: Vec::new(),
            mode: Mode::Folded,
            zone: ZONE,
            complete_to: Offset(9),
            total: 1_234,
            matches: Vec::new(),
            more_matches: 0,
            conversations: vec![found],
            next: Some("9.c1.7".parse().unwrap()),
            looked_at: None,
            words: Vec::new(),
            looser: None,
            unknown: Vec::new(),
            taken_as_text: Vec::new(),
        }
    }

    fn rendered(form: SearchForm, answer: &SearchAnswer) -> String {
        let layout = PageLayout::default();
        let problems = Problems::default();
        let (roles, modes) = (role_choices(&form), mode_choices(&form));
        let results = Some(results(&form, answer, 3, ZONE));
        let zone = ZONE.to_string();
        SearchPage { layout, form, zone, roles, modes, problems, results }.render().unwrap()
    }

    #[test]
    fn hits_are_marked_escaped_and_lead_to_their_place() {
        let html = rendered(form_with("\"><script>"), &answer(vec![hit("退款<script>")]));
        assert!(html.contains("<mark>退款</mark>&#60;script&#62;"), "{html}");
        assert!(html.contains(r#"value="&#34;&#62;&#60;script&#62;""#), "{html}");
        let place = "/conversations/a%2Fb%3F%22c?at=7&#38;words=%22%3E%3Cscript%3E#m-7";
        assert!(html.contains(place), "{html}");
        assert!(html.contains("林晓") && html.contains("rivate note"), "{html}");
        assert!(html.contains("1,234") && html.contains("2026-01-04 02:13:05 +08:00"), "{html}");
    }

    /// A sentence that was taken back or corrected must not look as if it stood.
    #[test]
    fn what_became_of_a_hit_stands_beside_it() {
        let later = LaterVersion {
            id: "e".to_string(),
            offset: Offset(8),
            at: Micros(1_767_464_018_000_000),
            text: "263 <元>".to_string(),
        };
        let mut hit = hit("退款236元");
        hit.retracted_at = Some(Micros(1_767_464_000_000_000));
        hit.superseded_by = Some(later);
        let html = rendered(form_with("退款"), &answer(vec![hit]));
        assert!(html.contains("retracted 2026-01-04 02:13:20 +08:00"), "{html}");
        assert!(html.contains("263 &#60;元&#62;"), "{html}");
    }

    /// The sixth hit of a conversation was the promise, and five were shown.
    #[test]
    fn what_is_not_shown_is_counted_and_linked() {
        let html = rendered(form_with("退款"), &answer(vec![hit("退款")]));
        assert!(html.contains("3 more here"), "{html}");
        let within = "words=%E9%80%80%E6%AC%BE&#38;conversation=a%2Fb%3F%22c&#38;after=9.h1.7";
        assert!(html.contains(within), "{html}");
        assert!(html.contains("after=9.c1.7"), "{html}");
    }

    #[test]
    fn nothing_found_is_said_to_be_quoted() {
        let looked = LookedAt {
            messages: 5,
            without_text: 1,
            erased: 3,
            conversations: 2,
            received_until: None,
        };
        let nothing = SearchAnswer {
            total: 0,
            conversations: Vec::new(),
            next: None,
            looked_at: Some(looked),
            looser: Some(Looser { mode: Mode::Variants, messages: 2 }),
            ..answer(Vec::new())
        };
        let html = rendered(form_with("退"), &nothing);
        assert!(html.contains("None of 5 messages in 2 conversations of shop s"), "{html}");
        assert!(html.contains("3 more were erased and cannot be searched"), "{html}");
        assert!(html.contains("2 messages do, whatever the case"), "{html}");
        assert!(html.contains("pictures") && html.contains("mode=variants"), "{html}");
        let looser = Some(Looser { mode: Mode::Variants, messages: 0 });
        let html = rendered(form_with("退"), &SearchAnswer { looser, ..nothing });
        assert!(html.contains("Nor does any") && !html.contains("mode=variants"), "{html}");
    }

    /// An order number that nobody had written stood small above "None of …", and clerks went on searching.
    #[test]
    fn what_is_found_by_name_comes_before_what_no_text_has() {
        let order = Match {
            kind: KnownKind::Order,
            id: "FL1".to_string(),
            name: None,
            conversations: 2,
            is_more: false,
            newest: Micros(1_767_463_985_000_000),
        };
        let looked = LookedAt { messages: 5, conversations: 2, ..LookedAt::default() };
        let nothing = SearchAnswer {
            total: 0,
            conversations: Vec::new(),
            next: None,
            matches: vec![order],
            looked_at: Some(looked),
            ..answer(Vec::new())
        };
        let html = rendered(form_with("FL1"), &nothing);
        let found = html.find("Found by name.").unwrap();
        assert!(found < html.find("None of 5 messages").unwrap(), "{html}");
        assert!(html.contains("/orders/FL1") && html.contains("2 conversations"), "{html}");
        assert!(!html.contains("<b>None of") && !html.contains("Try fewer"), "{html}");
        let unnamed = SearchAnswer { matches: Vec::new(), ..nothing };
        let html = rendered(form_with("FL1"), &unnamed);
        assert!(html.contains("<b>None of") && html.contains("Try fewer"), "{html}");
    }

    #[test]
    fn a_number_that_is_nowhere_is_no_negative() {
        let unknown = vec![UnknownFilter { filter: FieldName::Order, value: "FL999".to_string() }];
        let nothing = SearchAnswer {
            total: 0,
            conversations: Vec::new(),
            next: None,
            unknown,
            taken_as_text: vec!["foo:".to_string()],
            ..answer(Vec::new())
        };
        let html = rendered(form_with("foo:x"), &nothing);
        assert!(html.contains("No conversation of shop s names order FL999."), "{html}");
        assert!(html.contains("`foo:` is no field; taken as text."), "{html}");
        assert!(!html.contains("None of") && !html.contains("messages found"), "{html}");
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
