//! A bundle of a conversation or an order, for whoever works on a case, and the document of it for a bank
//! or a platform: a form, and the zip.

use askama::Template;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error;
use strum::VariantNames;

use super::{PageLayout, page};
use crate::evidence::pack::{PackRequest, Profile};
use crate::evidence::{EvidenceRequest, Redaction};
use crate::model::{FieldError, Purpose, Via};
use crate::search::Mode;
use crate::server::{For, Service, evidence_zip};
use crate::web::days::parse_days;
use crate::web::form::Typed;
use crate::web::visitor::Visitor;

#[derive(Template)]
#[template(path = "evidence.html")]
struct EvidencePage {
    layout: PageLayout,
    form: EvidenceForm,
    zone: String,
    profiles: &'static [(Profile, &'static str)],
    modes: &'static [(Mode, &'static str)],
    /// Why the last attempt failed; empty at first.
    problem: String,
}

/// For whom a document is made, in words.
const PROFILES: &[(Profile, &str)] = &[
    (Profile::Print, "to print, for a court or the customer"),
    (Profile::Shopify, "Shopify"),
    (Profile::Stripe, "Stripe"),
    (Profile::Wave, "Wave"),
];

/// How closely texts follow the words, as on the page of the search.
const MODES: &[(Mode, &str)] = &[
    (Mode::Folded, "Capitals and widths do not count"),
    (Mode::Variants, "Nor do accents, 繁/简, punctuation between 汉字"),
    (Mode::Exact, "Exactly as written"),
];

/// What was typed. Boxes that are not ticked are not sent.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(in crate::web) struct EvidenceForm {
    conversation: String,
    order: String,
    customer: String,
    from: String,
    to: String,
    case: String,
    reason: String,
    with_private: Option<String>,
    without_customer: Option<String>,
    /// Ids of the messages that matter, between spaces or commas.
    messages: String,
    words: String,
    mode: String,
    profile: String,
    /// The button of the document.
    pack: Option<String>,
}

pub(in crate::web) async fn show(
    State(service): State<Service>,
    Visitor(identity): Visitor,
    For(purpose): For,
    Typed(mut form): Typed<EvidenceForm>,
) -> Response {
    let layout = PageLayout::of(&identity, "evidence").on(&purpose);
    let Purpose { case, reason } = purpose;
    form.case = case.unwrap_or_default();
    form.reason = reason.unwrap_or_default();
    page(&EvidencePage::of(layout, form, &service, String::new()))
}

pub(in crate::web) async fn make(
    State(service): State<Service>,
    Visitor(identity): Visitor,
    Form(form): Form<EvidenceForm>,
) -> Response {
    let failed = |form, status, problem| {
        let layout = PageLayout::of(&identity, "evidence");
        (status, page(&EvidencePage::of(layout, form, &service, problem))).into_response()
    };
    let (request, pack) = match form.asked() {
        Ok(asked) => asked,
        Err(problem) => return failed(form, StatusCode::BAD_REQUEST, problem),
    };
    match evidence_zip(&service, &identity, request, pack, Via::Page).await {
        Ok(response) => response,
        Err(problem) => {
            let status = StatusCode::from_u16(problem.status);
            failed(form, status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), problem.detail)
        }
    }
}

impl EvidencePage {
    fn of(
        layout: PageLayout,
        form: EvidenceForm,
        service: &Service,
        problem: String,
    ) -> EvidencePage {
        let zone = service.zone.name().to_string();
        EvidencePage { layout, form, zone, profiles: PROFILES, modes: MODES, problem }
    }
}

impl EvidenceForm {
    /// The bundle and the document, or what to mend. Days are as on the page of the search: the last one is
    /// within.
    fn asked(&self) -> Result<(EvidenceRequest, Option<PackRequest>), String> {
        let days = parse_days(&self.from, &self.to)?;
        let request = self.request(days).map_err(|error| error.to_string())?;
        Ok((request, self.pack().map_err(|error| error.to_string())?))
    }

    fn request(
        &self,
        (from, to): (Option<NaiveDate>, Option<NaiveDate>),
    ) -> Result<EvidenceRequest, FieldError> {
        let named = |text: &str| {
            let text = text.trim();
            if text.is_empty() { Vec::new() } else { vec![text.to_string()] }
        };
        let without_customer = self.without_customer.as_ref();
        let rule =
            without_customer.map(|_| Redaction::parse("sender@role:customer")).transpose()?;
        let request = EvidenceRequest {
            conversations: named(&self.conversation),
            orders: named(&self.order),
            customers: named(&self.customer),
            from: from.map(|day| day.to_string()),
            to: to.map(|day| day.to_string()),
            redact: rule.into_iter().collect(),
            with_private: self.with_private.is_some(),
            case: self.case.trim().to_string(),
            reason: self.reason.trim().to_string(),
            ..EvidenceRequest::default()
        };
        request.check()?;
        Ok(request)
    }

    /// The document, where its button was pressed.
    fn pack(&self) -> Result<Option<PackRequest>, FieldError> {
        if self.pack.is_none() {
            return Ok(None);
        }
        let profile = match self.profile.as_str() {
            "" => Profile::default(),
            name => {
                let read = Profile::deserialize(name.into_deserializer());
                read.map_err(|error: Error| FieldError::new("profile", name, error.to_string()))?
            }
        };
        let messages = self.messages.split([',', ' ', '\n']).map(str::trim);
        let messages = messages.filter(|id| !id.is_empty()).map(str::to_string).collect();
        let words = Some(self.words.trim().to_string()).filter(|words| !words.is_empty());
        let mode = match self.mode.as_str() {
            "" => Mode::default(),
            name => name.parse().map_err(|_| {
                let rule = format!("be one of {}", Mode::VARIANTS.join(", "));
                FieldError::new("mode", name, rule)
            })?,
        };
        Ok(Some(PackRequest { messages, words, mode, profile, ..PackRequest::default() }))
    }
}
