//! Asks a running server. Each method is one of its routes.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use chrono_tz::Tz;
use futures::StreamExt;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, TE};
use reqwest::{Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::fetched::Fetched;
use super::streamed::number_of;
use super::wanted::Wanted;
use super::{pictures, pinned, streamed};
use crate::app::Status;
use crate::evidence::EvidenceRequest;
use crate::export::{Incoming, NamedFile, render};
use crate::model::{Ack, Event, Offset, Origin, Purpose, Record, RulesHistory};
use crate::records::AccessPage;
use crate::relay::DAMAGED_TOLD;
use crate::search::{Conversations, SearchAnswer};
use crate::server::{
    AT_PREFIX, AccessParameters, BATCH_BYTES_MAX, CASE_HEADER, COMPARE, COMPLETE_TO_HEADER,
    DUPLICATES_HEADER, ExportParameters, FIGURE, HOLES_HEADER, PREVIOUS, Problem, REASON_HEADER,
    RECORDS_HEADER, REDACTED_HEADER, SearchParameters, WhoseParameters, ZONE_HEADER,
};
use crate::sql::{Answer, Explained, NamedQuery};

const ARROW_STREAM: &str = "application/vnd.apache.arrow.stream";

/// How long a server has to say how it is.
const STATUS_TIME_MAX: Duration = Duration::from_secs(10);

/// How long a file that is refused for now is sent again: a minute.
const UPLOAD_TRIES_MAX: u32 = 60;
const UPLOAD_AGAIN: Duration = Duration::from_secs(1);

/// A server, and the token it is asked with.
#[derive(Clone)]
pub(super) struct Client {
    base: Url,
    http: reqwest::Client,
    /// For what it asks.
    purpose: HeaderMap,
}

/// What became of a batch.
#[derive(Default)]
pub(super) struct Appended {
    /// One for each event, in order.
    pub(super) answers: Vec<Result<Ack, Box<Problem>>>,
    /// How many of the acknowledged events were kept before.
    pub(super) duplicates: u64,
}

/// What became of a request for a bundle.
pub(super) enum Bundled {
    Made(Made),
    /// There is nothing of what was asked for, in words.
    Nothing(String),
}

/// What a bundle was, once it is whole.
pub(super) struct Made {
    pub(super) records: u64,
    /// In words; empty where there are none.
    pub(super) holes: String,
    pub(super) redacted: String,
}

impl Client {
    pub(super) fn new(base: Url, token: &str) -> anyhow::Result<Client> {
        Client::over(reqwest::Client::builder(), base, token)
    }

    /// One that trusts the certificate with this SHA-256 and no other.
    pub(super) fn pinned(base: Url, token: &str, certificate: String) -> anyhow::Result<Client> {
        let tls = pinned::config(certificate)?;
        Client::over(reqwest::Client::builder().tls_backend_preconfigured(tls), base, token)
    }

    fn over(builder: reqwest::ClientBuilder, base: Url, token: &str) -> anyhow::Result<Client> {
        let mut headers = HeaderMap::new();
        let mut authorization = HeaderValue::from_str(&format!("Bearer {token}"))
            .context("the token has characters no header takes")?;
        authorization.set_sensitive(true);
        headers.insert(AUTHORIZATION, authorization);
        let http = builder.default_headers(headers).no_proxy().build()?;
        Ok(Client { base, http, purpose: HeaderMap::new() })
    }

    /// The same, saying with each question for what it is.
    pub(super) fn on(mut self, purpose: &Purpose) -> anyhow::Result<Client> {
        for (name, said) in [(CASE_HEADER, &purpose.case), (REASON_HEADER, &purpose.reason)] {
            if let Some(said) = said {
                let encoded = utf8_percent_encode(said, NON_ALPHANUMERIC).to_string();
                self.purpose.insert(name, HeaderValue::from_str(&encoded)?);
            }
        }
        Ok(self)
    }

    fn get(&self, url: Url) -> reqwest::RequestBuilder {
        self.http.get(url).headers(self.purpose.clone())
    }

    /// The zone in which the server shows times; `None` where it does not say, or does not answer.
    pub(super) async fn zone(&self) -> Option<Tz> {
        let response = self.http.get(self.url("healthz").ok()?).send().await.ok()?;
        response.headers().get(ZONE_HEADER)?.to_str().ok()?.parse().ok()
    }

    /// Sends as many requests as the bytes of the events need.
    pub(super) async fn append(
        &self,
        origin: Origin,
        events: &[Event],
    ) -> anyhow::Result<Appended> {
        let mut appended = Appended::default();
        let mut body = Vec::new();
        for event in events {
            let begin = body.len();
            serde_json::to_writer(&mut body, event)?;
            body.push(b'\n');
            if body.len() > BATCH_BYTES_MAX && begin > 0 {
                let beyond = body.split_off(begin);
                self.append_lines(origin, body, &mut appended).await?;
                body = beyond;
            }
        }
        if !body.is_empty() {
            self.append_lines(origin, body, &mut appended).await?;
        }
        if appended.answers.len() != events.len() {
            bail!("the server answered {} of {} events", appended.answers.len(), events.len());
        }
        Ok(appended)
    }

    /// Keeps a file under its hash. What is refused for now is tried again for a minute.
    pub(super) async fn keep_file(&self, sha256: &str, bytes: Vec<u8>) -> anyhow::Result<()> {
        let url = self.url_of("v1/attachments", &[sha256])?;
        let bytes = bytes::Bytes::from(bytes);
        let mut tries = 0;
        loop {
            let request = self.http.put(url.clone()).body(bytes.clone());
            let Err(error) = checked(request.send().await?).await else { return Ok(()) };
            let status = error.downcast_ref::<Refused>().map(|refused| refused.status);
            let is_for_now = matches!(
                status,
                Some(StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
            );
            tries += 1;
            if !is_for_now || tries > UPLOAD_TRIES_MAX {
                return Err(error.context(format!("the server did not keep the file `{sha256}`")));
            }
            tokio::time::sleep(UPLOAD_AGAIN).await;
        }
    }

    /// Sends one body of events and adds what became of them.
    async fn append_lines(
        &self,
        origin: Origin,
        body: Vec<u8>,
        appended: &mut Appended,
    ) -> anyhow::Result<()> {
        let request = self.http.post(self.url("v1/events")?).query(&[("origin", origin.as_str())]);
        let lines = body.iter().filter(|byte| **byte == b'\n').count();
        let response =
            request.header(CONTENT_TYPE, "application/x-ndjson").body(body).send().await?;
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            // Nothing was taken for now: said once for all.
            let problem: Problem = response.json().await?;
            appended.answers.extend((0..lines).map(|_| Err(Box::new(problem.clone()))));
            return Ok(());
        }
        let response = checked(response).await?;
        appended.duplicates += number_in(&response, DUPLICATES_HEADER)?;
        for line in response.text().await?.lines() {
            appended.answers.push(ack_or_problem(line)?);
        }
        Ok(())
    }

    pub(super) async fn sql(&self, query: &str) -> anyhow::Result<Incoming> {
        let request =
            self.http.post(self.url("v1/sql")?).header(CONTENT_TYPE, "text/plain; charset=utf-8");
        streamed_answer(request.headers(self.purpose.clone()).body(query.to_string())).await
    }

    pub(super) async fn report(
        &self,
        name: &str,
        arguments: &BTreeMap<String, String>,
        wanted: &Wanted,
    ) -> anyhow::Result<Incoming> {
        let mut fields = arguments.clone();
        match wanted {
            Wanted::Answer => {}
            Wanted::Compared => {
                fields.insert(COMPARE.to_string(), PREVIOUS.to_string());
            }
            Wanted::Rows(Explained { figure, at }) => {
                fields.extend(figure.iter().map(|figure| (FIGURE.to_string(), figure.clone())));
                let at = at.iter().map(|(key, value)| (format!("{AT_PREFIX}{key}"), value.clone()));
                fields.extend(at);
                let url = self.url_of("v1/reports", &[name, "rows"])?;
                return streamed_answer(self.get(url).query(&fields)).await;
            }
        }
        let url = self.url_of("v1/reports", &[name])?;
        Ok(answer(self.get(url).query(&fields)).await?.into())
    }

    pub(super) async fn reports(&self) -> anyhow::Result<Vec<NamedQuery>> {
        self.json(self.url("v1/reports")?, &()).await
    }

    pub(super) async fn search(
        &self,
        parameters: &SearchParameters,
    ) -> anyhow::Result<SearchAnswer> {
        self.json(self.url("v1/search")?, parameters).await
    }

    /// A conversation's records; `None` where it does not exist.
    pub(super) async fn conversation(
        &self,
        conversation: &str,
    ) -> anyhow::Result<Option<Vec<Record>>> {
        let url = self.url_of("v1/conversations", &[conversation])?;
        let response = self.get(url).send().await?;
        if response.status() == reqwest::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Ok(Some(checked(response).await?.json().await?))
    }

    /// A file's bytes are compared with its hash by the server, and here.
    pub(super) async fn picture(
        &self,
        record: &Record,
        sha256: &str,
        bytes_max: u64,
    ) -> anyhow::Result<pictures::Asked> {
        let Event { conversation, id, .. } = &record.event;
        let response = match self.attachment(conversation, id, sha256).await? {
            Ok(response) => response,
            Err(Fetched::Damaged) => return Ok(pictures::Asked::Damaged),
            Err(_) => return Ok(pictures::Asked::Missing),
        };
        let media_type = response.headers().get(CONTENT_TYPE).and_then(|said| said.to_str().ok());
        if !media_type.is_some_and(pictures::is_picture) {
            return Ok(pictures::Asked::NoPicture);
        }
        let bytes = response.content_length().context("the server did not say how long it is")?;
        if bytes > bytes_max {
            return Ok(pictures::Asked::Larger { bytes });
        }
        let picture = response.bytes().await.context("the server broke off a picture")?;
        if hex::encode(Sha256::digest(&picture)) != sha256 {
            return Ok(pictures::Asked::Damaged);
        }
        Ok(pictures::Asked::Picture(picture.into()))
    }

    /// The bytes of a file, compared with its hash here too.
    pub(super) async fn file(
        &self,
        file: &NamedFile,
        out: &mut impl Write,
    ) -> anyhow::Result<Fetched> {
        let NamedFile { conversation, id, sha256 } = file;
        let response = match self.attachment(conversation, id, sha256).await? {
            Ok(response) => response,
            Err(not_there) => return Ok(not_there),
        };
        let (mut hash, mut bytes) = (Sha256::new(), response.bytes_stream());
        while let Some(piece) = bytes.next().await {
            let piece = piece.context("the server broke off a file")?;
            hash.update(&piece);
            out.write_all(&piece)?;
        }
        let is_whole = hex::encode(hash.finalize()) == *sha256;
        Ok(if is_whole { Fetched::Whole } else { Fetched::Damaged })
    }

    /// The answer that has a file's bytes; else what became of it.
    async fn attachment(
        &self,
        conversation: &str,
        id: &str,
        sha256: &str,
    ) -> anyhow::Result<Result<Response, Fetched>> {
        let steps = [conversation, "events", id, "attachments", sha256];
        let url = self.url_of("v1/conversations", &steps)?;
        let error = match checked(self.get(url).send().await?).await {
            Ok(response) => return Ok(Ok(response)),
            Err(error) => error,
        };
        match error.downcast_ref::<Refused>() {
            Some(refused) if refused.status == StatusCode::NOT_FOUND => Ok(Err(Fetched::Missing)),
            Some(refused) if refused.detail == DAMAGED_TOLD => Ok(Err(Fetched::Damaged)),
            _ => Err(error),
        }
    }

    pub(super) async fn accesses(
        &self,
        parameters: &AccessParameters,
    ) -> anyhow::Result<AccessPage> {
        self.json(self.url("v1/access")?, parameters).await
    }

    pub(super) async fn conversations(
        &self,
        whose: &WhoseParameters,
    ) -> anyhow::Result<Conversations> {
        self.json(self.url("v1/conversations")?, whose).await
    }

    pub(super) async fn rules(&self) -> anyhow::Result<RulesHistory> {
        self.json(self.url("v1/rules")?, &()).await
    }

    pub(super) async fn status(&self) -> anyhow::Result<Status> {
        let status = self.json(self.url("v1/status")?, &());
        let status = tokio::time::timeout(STATUS_TIME_MAX, status).await;
        status.with_context(|| {
            format!("the server did not answer within {} s", STATUS_TIME_MAX.as_secs())
        })?
    }

    /// The rows of a table as they come. They must be as many as the server says at the end.
    pub(super) async fn export(
        &self,
        table: &str,
        parameters: &ExportParameters,
    ) -> anyhow::Result<Incoming> {
        let request = self.get(self.url(&format!("v1/export/{table}"))?);
        let request = request.query(parameters).header(TE, "trailers");
        let response = checked(request.send().await?).await?;
        let complete_to = Offset(number_in(&response, COMPLETE_TO_HEADER)?);
        streamed::incoming(complete_to, response).await
    }

    /// Writes a bundle's bytes to `out` as they come. They must be as many as the server said before.
    pub(super) async fn evidence(
        &self,
        request: &EvidenceRequest,
        out: &mut (impl Write + Send),
    ) -> anyhow::Result<Bundled> {
        let response = self.http.post(self.url("v1/evidence")?).json(request).send().await?;
        let response = match checked(response).await {
            Ok(response) => response,
            Err(error) => {
                return match error.downcast::<Refused>()? {
                    Refused { status: StatusCode::NOT_FOUND, detail } => {
                        Ok(Bundled::Nothing(detail))
                    }
                    refused => Err(refused.into()),
                };
            }
        };
        let records = number_in(&response, RECORDS_HEADER)?;
        let words = |header: &str| {
            let words = response.headers().get(header).and_then(|words| words.to_str().ok());
            words.unwrap_or_default().to_string()
        };
        let (holes, redacted) = (words(HOLES_HEADER), words(REDACTED_HEADER));
        let said = response.content_length().context("the server did not say how long it is")?;
        let (mut body, mut bytes) = (response.bytes_stream(), 0);
        while let Some(piece) = body.next().await {
            let piece = piece.context("the server broke off the bundle")?;
            out.write_all(&piece)?;
            bytes += piece.len() as u64;
        }
        if bytes != said {
            bail!("the server sent a bundle of {said} bytes, of which {bytes} came");
        }
        Ok(Bundled::Made(Made { records, holes, redacted }))
    }

    /// What a route answers that takes no parameters.
    pub(super) async fn answer_of<T: DeserializeOwned>(
        &self,
        path: &str,
        parameters: &impl Serialize,
    ) -> anyhow::Result<T> {
        self.json(self.url(path)?, parameters).await
    }

    /// What a route answers about one thing.
    pub(super) async fn answer_about<T: DeserializeOwned>(
        &self,
        path: &str,
        name: &str,
        parameters: &impl Serialize,
    ) -> anyhow::Result<T> {
        self.json(self.url_of(path, &[name])?, parameters).await
    }

    /// Posts a request.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        request: &impl Serialize,
    ) -> anyhow::Result<T> {
        let body = serde_json::to_vec(request)?;
        let posted = self.http.post(self.url(path)?).header(CONTENT_TYPE, "application/json");
        Ok(checked(posted.body(body).send().await?).await?.json().await?)
    }

    async fn json<T: DeserializeOwned>(
        &self,
        url: Url,
        parameters: &impl Serialize,
    ) -> anyhow::Result<T> {
        let response = checked(self.get(url).query(parameters).send().await?).await?;
        Ok(response.json().await?)
    }

    fn url(&self, path: &str) -> anyhow::Result<Url> {
        Ok(self.base.join(&format!("/{path}"))?)
    }

    /// The address of a thing below a route, whatever its names are made of.
    fn url_of(&self, path: &str, steps: &[&str]) -> anyhow::Result<Url> {
        let mut url = self.url(path)?;
        url.path_segments_mut()
            .map_err(|()| anyhow!("`{}` cannot be asked", self.base))?
            .extend(steps);
        Ok(url)
    }
}

/// Rows as they come.
async fn streamed_answer(request: reqwest::RequestBuilder) -> anyhow::Result<Incoming> {
    let request = request.header(ACCEPT, ARROW_STREAM).header(TE, "trailers");
    let response = checked(request.send().await?).await?;
    let complete_to = Offset(number_in(&response, COMPLETE_TO_HEADER)?);
    streamed::incoming(complete_to, response).await
}

async fn answer(request: reqwest::RequestBuilder) -> anyhow::Result<Answer> {
    let response = checked(request.header(ACCEPT, ARROW_STREAM).send().await?).await?;
    let complete_to = Offset(number_in(&response, COMPLETE_TO_HEADER)?);
    let (schema, batches) = render::read_arrow_stream(&response.bytes().await?)?;
    Ok(Answer { complete_to, schema, batches })
}

fn number_in(response: &Response, header: &str) -> anyhow::Result<u64> {
    number_of(response.headers(), header)
}

/// A line of the answer to a batch is an ack, or a problem, which has a `status`.
fn ack_or_problem(line: &str) -> anyhow::Result<Result<Ack, Box<Problem>>> {
    if let Ok(ack) = serde_json::from_str(line) {
        return Ok(Ok(ack));
    }
    let problem: Problem =
        serde_json::from_str(line).with_context(|| format!("the server answered `{line}`"))?;
    Ok(Err(Box::new(problem)))
}

/// A server's answer that is a problem.
#[derive(Debug, thiserror::Error)]
#[error("the server answered {status}: {detail}")]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    detail: String,
}

impl Refused {
    /// What the server says where there is nothing of what was asked for.
    pub(super) fn nothing(&self) -> Option<&str> {
        (self.status == StatusCode::NOT_FOUND).then_some(&*self.detail)
    }
}

/// The response, or the problem it carries as an error.
async fn checked(response: Response) -> anyhow::Result<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let text = response.text().await.unwrap_or_default();
    match serde_json::from_str::<Problem>(&text) {
        Ok(problem) => Err(Refused { status, detail: problem.detail }.into()),
        Err(_) => bail!("the server answered {status}"),
    }
}
