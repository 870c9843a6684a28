//! Every route of the server, a line each: the right that is asked before anything of a request is
//! read, the class of slow ones that it is in, and what is recorded of whoever is refused there.
//!
//! Invariants: the routers of the API, of the WebSocket and of the pages have these routes and no
//! others, which a test compares; what has no line here is answered to nobody who needs a token
//! ([`super::Token`]); wherever chat, holds, erasures, evidence or the trail may be seen, a refusal is
//! recorded.
//! What depends on what is asked for (one's own conversation, the sender of an event) is asked by the
//! route itself.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{self, MethodRouter};

use super::Service;
use crate::access::Action;
use crate::model::{AccessAction, Via};

/// What a route asks of a token before it reads anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Nothing: it is for anybody.
    Nothing,
    /// That it counts. What it may do here depends on what is asked for.
    Token,
    Right(Action),
    /// The right, unless whoever runs the service has made the ledger public.
    RightUnlessPublic(Action),
}

/// What takes long enough that one subject must not have all of it. How many of each run at once stands
/// in `admission`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum Slow {
    Searches,
    Bundles,
    Questions,
    Exports,
    Streams,
    #[strum(serialize = "reads of records")]
    Records,
    #[strum(serialize = "reads of attachments")]
    Attachments,
    Uploads,
    #[strum(serialize = "requests of events")]
    Events,
    #[strum(serialize = "lists of holds and erasures")]
    Keeping,
}

/// One line of the table.
pub struct Route {
    pub method: Method,
    /// With names in braces for what varies.
    pub path: &'static str,
    pub asks: Asks,
    pub slow: Option<Slow>,
    /// As what a refused attempt is recorded, where one is.
    pub recorded: Option<(AccessAction, Via)>,
}

const fn route(
    method: Method,
    path: &'static str,
    asks: Asks,
    slow: Option<Slow>,
    recorded: Option<(AccessAction, Via)>,
) -> Route {
    Route { method, path, asks, slow, recorded }
}

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;

/// Refusals of a program.
const fn api(action: AccessAction) -> Option<(AccessAction, Via)> {
    Some((action, Via::Api))
}

/// Refusals of somebody in a browser.
const fn page(action: AccessAction) -> Option<(AccessAction, Via)> {
    Some((action, Via::Page))
}

/// Every route.
#[rustfmt::skip]
pub const ROUTES: &[Route] = &[
    route(POST, "/v1/events", Asks::Token, Some(Slow::Events), None),
    route(GET, "/v1/events", Asks::Right(Action::StreamRecords), Some(Slow::Streams), api(AccessAction::Stream)),
    route(GET, "/v1/ws", Asks::Token, None, Some((AccessAction::View, Via::Socket))),
    route(PUT, "/v1/attachments/{sha256}", Asks::Right(Action::SendAttachments), Some(Slow::Uploads), None),
    route(GET, "/v1/conversations/{conversation}/events/{id}/attachments/{sha256}", Asks::Token, Some(Slow::Attachments), api(AccessAction::Attachment)),
    route(GET, "/v1/conversations", Asks::Right(Action::ReadConversations), Some(Slow::Searches), api(AccessAction::Search)),
    route(GET, "/v1/conversations/{conversation}", Asks::Right(Action::ReadConversations), Some(Slow::Records), api(AccessAction::View)),
    route(GET, "/v1/search", Asks::Right(Action::Search), Some(Slow::Searches), api(AccessAction::Search)),
    route(POST, "/v1/sql", Asks::Right(Action::AskSql), Some(Slow::Exports), api(AccessAction::Sql)),
    route(GET, "/v1/schema", Asks::Right(Action::AskSql), None, None),
    route(GET, "/v1/reports", Asks::Right(Action::ReadReports), None, None),
    route(GET, "/v1/reports/{name}", Asks::Right(Action::ReadReports), Some(Slow::Questions), api(AccessAction::Report)),
    route(GET, "/v1/reports/{name}/rows", Asks::Right(Action::ReadReports), Some(Slow::Exports), api(AccessAction::Report)),
    route(GET, "/v1/export/{table}", Asks::Right(Action::Export), Some(Slow::Exports), api(AccessAction::Export)),
    route(POST, "/v1/evidence", Asks::Right(Action::ExportEvidence), Some(Slow::Bundles), api(AccessAction::Evidence)),
    route(POST, "/v1/evidence/pack", Asks::Right(Action::ExportEvidence), Some(Slow::Bundles), api(AccessAction::Evidence)),
    route(GET, "/v1/holds", Asks::Right(Action::Hold), Some(Slow::Keeping), api(AccessAction::Keeping)),
    route(POST, "/v1/holds", Asks::Right(Action::Hold), None, api(AccessAction::Hold)),
    route(POST, "/v1/holds/release", Asks::Right(Action::Hold), None, api(AccessAction::Release)),
    route(GET, "/v1/erasures", Asks::Right(Action::Hold), Some(Slow::Keeping), api(AccessAction::Keeping)),
    route(POST, "/v1/erasures", Asks::Right(Action::Administer), None, api(AccessAction::Erase)),
    route(GET, "/v1/erasures/{id}", Asks::Right(Action::Hold), Some(Slow::Keeping), api(AccessAction::Keeping)),
    route(GET, "/v1/access", Asks::Right(Action::ReadTrail), Some(Slow::Records), api(AccessAction::Trail)),
    route(GET, "/v1/rules", Asks::Right(Action::ReadRules), None, None),
    route(GET, "/v1/checkpoint", Asks::RightUnlessPublic(Action::ReadLedger), None, None),
    route(GET, "/v1/ledger", Asks::RightUnlessPublic(Action::ReadLedger), None, None),
    route(GET, "/v1/tile/{*path}", Asks::RightUnlessPublic(Action::ReadLedger), None, None),
    route(GET, "/v1/consistency", Asks::RightUnlessPublic(Action::ReadLedger), None, None),
    route(GET, "/v1/proof", Asks::RightUnlessPublic(Action::ReadLedger), None, None),
    route(GET, "/v1/status", Asks::Right(Action::ReadStatus), None, None),
    route(GET, "/v1/openapi.json", Asks::Nothing, None, None),
    route(GET, "/metrics", Asks::Right(Action::ReadMetrics), None, None),
    route(GET, "/healthz", Asks::Nothing, None, None),
    route(GET, "/readyz", Asks::Nothing, None, None),
    route(GET, "/", Asks::Right(Action::ReadReports), Some(Slow::Questions), None),
    route(GET, "/dashboards/{page}", Asks::Right(Action::ReadReports), Some(Slow::Questions), page(AccessAction::Report)),
    route(GET, "/explain/{name}", Asks::Right(Action::ReadReports), Some(Slow::Questions), page(AccessAction::Report)),
    route(GET, "/charts/{file}", Asks::Right(Action::ReadReports), Some(Slow::Questions), page(AccessAction::Report)),
    route(GET, "/questions/{name}", Asks::Right(Action::ReadReports), Some(Slow::Questions), page(AccessAction::Report)),
    route(GET, "/search", Asks::Right(Action::ReadConversations), Some(Slow::Searches), page(AccessAction::Search)),
    route(GET, "/conversations/{id}", Asks::Right(Action::ReadConversations), Some(Slow::Records), page(AccessAction::View)),
    route(GET, "/orders/{id}", Asks::Right(Action::ReadConversations), Some(Slow::Searches), page(AccessAction::View)),
    route(GET, "/customers/{id}", Asks::Right(Action::ReadConversations), Some(Slow::Searches), page(AccessAction::View)),
    route(GET, "/agents/{id}", Asks::Right(Action::ReadConversations), Some(Slow::Searches), page(AccessAction::View)),
    route(GET, "/evidence", Asks::Right(Action::ExportEvidence), None, page(AccessAction::Evidence)),
    route(POST, "/evidence", Asks::Right(Action::ExportEvidence), Some(Slow::Bundles), page(AccessAction::Evidence)),
    route(GET, "/case", Asks::Right(Action::ReadConversations), None, None),
    route(POST, "/case", Asks::Right(Action::ReadConversations), None, None),
    route(GET, "/login", Asks::Nothing, None, None),
    route(POST, "/login", Asks::Nothing, None, None),
    route(GET, "/logout", Asks::Nothing, None, None),
    route(POST, "/logout", Asks::Nothing, None, None),
    route(GET, "/assets/{name}", Asks::Nothing, None, None),
];

impl Route {
    /// The line of what a request asks for. What is asked for its head alone is computed all the same.
    pub(super) fn of(method: &Method, path: &str) -> Option<&'static Route> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        ROUTES.iter().find(|route| route.method == *method && route.path == path)
    }

    /// What it asks of a token first, for people; `None` of what is for anybody.
    pub(super) fn asks_in_words(&self) -> Option<String> {
        match self.asks {
            Asks::Nothing => None,
            Asks::Token => Some("a token".to_string()),
            Asks::Right(action) => Some(action.phrase().to_string()),
            Asks::RightUnlessPublic(action) => {
                Some(format!("{}, unless it is public", action.phrase()))
            }
        }
    }

    /// The right that is asked first.
    pub(super) fn right(&self, ledger_is_public: bool) -> Option<Action> {
        match self.asks {
            Asks::Right(action) => Some(action),
            Asks::RightUnlessPublic(action) => (!ledger_is_public).then_some(action),
            Asks::Nothing | Asks::Token => None,
        }
    }
}

/// The table as Markdown, for `docs/protocol.md`.
pub fn routes_table() -> String {
    let head = "| route | asks first | slow | a refusal is recorded as |\n|---|---|---|---|\n";
    let line = |route: &Route| {
        let Route { method, path, slow, recorded, .. } = route;
        let asks = route.asks_in_words().unwrap_or_default();
        let slow = slow.map_or("", Slow::as_str);
        let recorded = recorded.map_or(String::new(), |(action, via)| {
            format!("{}, {}", action.as_str(), via.as_str())
        });
        format!("| `{method} {path}` | {asks} | {slow} | {recorded} |\n")
    };
    ROUTES.iter().fold(head.to_string(), |table, route| table + &line(route))
}

impl Slow {
    /// The class in words.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

/// A route and what answers it: what routers are built of, and can be compared with the table.
pub struct Served {
    method: Method,
    path: &'static str,
    answers: MethodRouter<Service>,
}

impl Served {
    pub fn get<H: Handler<T, Service>, T: 'static>(path: &'static str, handler: H) -> Served {
        Served { method: GET, path, answers: routing::get(handler) }
    }

    pub fn post<H: Handler<T, Service>, T: 'static>(path: &'static str, handler: H) -> Served {
        Served { method: POST, path, answers: routing::post(handler) }
    }

    pub fn put<H: Handler<T, Service>, T: 'static>(path: &'static str, handler: H) -> Served {
        Served { method: PUT, path, answers: routing::put(handler) }
    }

    /// One whose body has another bound than the library's 2 MB.
    pub fn with(self, limit: DefaultBodyLimit) -> Served {
        Served { answers: self.answers.layer(limit), ..self }
    }

    /// The method and path it is listed by.
    pub fn listed(&self) -> (&str, &'static str) {
        (self.method.as_str(), self.path)
    }
}

/// A router of these routes.
pub fn router(served: impl IntoIterator<Item = Served>) -> Router<Service> {
    served
        .into_iter()
        .fold(Router::new(), |router, Served { path, answers, .. }| router.route(path, answers))
}
