//! What every page of figures begins with: who asks, about which days and whom, and which words the shop has for its
//! codes.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use axum::response::Response;

use super::Notice;
use crate::access::Identity;
use crate::model::{Access, AccessAction, Kinded, Micros, Purpose, Via};
use crate::server::Service;
use crate::sql::{Answer, Figures, NamedQuery, SqlError};
use crate::web::days::local;
use crate::web::selection::{Fields, Selection};
use crate::web::wording::Wording;

/// One request for a page of figures.
pub(in crate::web) struct Asked {
    pub service: Service,
    pub identity: Arc<Identity>,
    pub purpose: Purpose,
    pub fields: Fields,
    pub now: Micros,
    /// Which languages the visitor reads, as browsers say it.
    languages: String,
}

impl Asked {
    pub(in crate::web) fn new(
        service: Service,
        identity: Arc<Identity>,
        purpose: Purpose,
        fields: Fields,
        headers: &HeaderMap,
    ) -> Asked {
        let languages = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let (languages, now) = (languages.unwrap_or_default().to_string(), Micros::now());
        Asked { service, identity, purpose, fields, now, languages }
    }

    /// The queries of the shop; a page where they cannot be read.
    pub(in crate::web) fn queries(&self) -> Result<Vec<NamedQuery>, Box<Response>> {
        self.service.sql.named(&self.identity.shop).map_err(|error| {
            tracing::warn!(%error, "the named queries cannot be read");
            Box::new(Notice::failure(&self.identity, error.kind()))
        })
    }

    /// The shop's query files that cannot be asked: name and reason.
    pub(in crate::web) fn broken(&self) -> Vec<(String, String)> {
        self.service.sql.left_out(&self.identity.shop).unwrap_or_default()
    }

    /// What the address asks of these queries.
    pub(in crate::web) fn selection<'a>(
        &self,
        queries: impl IntoIterator<Item = &'a NamedQuery>,
    ) -> Selection {
        let selection = Selection::read(&self.fields, self.service.zone, self.now);
        selection.with_parameters(&self.fields, queries)
    }

    /// The answer to a query, beside the period before where that is asked for and the query has a range.
    pub(in crate::web) async fn answer(
        &self,
        query: &NamedQuery,
        selection: &Selection,
    ) -> Result<Figures, SqlError> {
        let (sql, shop, arguments) =
            (&self.service.sql, &self.identity.shop, selection.arguments(query));
        let compares = selection.compares && query.has_range();
        let figures = sql.figures(shop, &query.name, &arguments, compares).await;
        if let Err(error) = &figures {
            tracing::warn!(query = query.name, %error, "a question of a page could not be answered");
        }
        // Figures are nobody's; a shop's own query may show rows of chat.
        if let Ok(Figures { answer, .. }) = &figures
            && (answer.names_conversations() || !query.is_built_in())
        {
            // The page asks again and again.
            self.service.trail().record_look(&self.identity, self.shown(query, answer));
        }
        figures
    }

    /// Records that an answer was shown.
    pub(in crate::web) fn record(&self, query: &NamedQuery, answer: &Answer) {
        self.service.trail().record(&self.identity, self.shown(query, answer));
    }

    fn shown(&self, query: &NamedQuery, answer: &Answer) -> Access {
        let asked = serde_json::json!({"name": query.name, "arguments": self.fields});
        let access = Access::new(AccessAction::Report, Via::Page, self.purpose.clone());
        let (query, rows) = (Some(asked.to_string()), Some(answer.rows()));
        Access { query, rows, ..access }
    }

    /// The shop's words; none of its own where they cannot be read, since figures can be read without them.
    pub(in crate::web) async fn wording(&self) -> Wording {
        let (records, shop) = (self.service.records.clone(), self.identity.shop.clone());
        let read = self.service.read(&self.identity, move || records.rules(&shop)).await;
        match read {
            Ok(history) => Wording::of(&history.rules.category_labels, &self.languages),
            Err(problem) => {
                tracing::warn!(problem.detail, "the shop's rules cannot be read");
                Wording::default()
            }
        }
    }

    /// The SQL of a query as it runs, or as its file says it where that cannot be written.
    pub(in crate::web) fn composed(&self, query: &NamedQuery, selection: &Selection) -> String {
        let (sql, shop, arguments) =
            (&self.service.sql, &self.identity.shop, selection.arguments(query));
        let composed = sql.composed(shop, &query.name, &arguments);
        composed.unwrap_or_else(|_| query.sql.clone()).trim().to_string()
    }

    /// `02:13:05 Asia/Shanghai`: now, or when the oldest of these figures were asked for.
    pub(in crate::web) fn clock(
        &self,
        selection: &Selection,
        figures: impl IntoIterator<Item = Micros>,
    ) -> String {
        let oldest = figures.into_iter().fold(self.now, Micros::min);
        format!("{} {}", local(oldest, selection.zone).format("%H:%M:%S"), selection.zone)
    }
}
