//! Answers in this process, over a data directory that it owns. Each method stands for one of the
//! client's. One that asks the stores first waits until they have applied what is acknowledged: with
//! no server running, nobody else would have them read it.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use futures::StreamExt;
use indicatif::ProgressBar;

use super::client::Appended;
use crate::access::operator;
use crate::app::{App, Status};
use crate::export::ExportQuery;
use crate::model::{ErrorKind, Event, Kinded, Micros, Offset, Origin, Record, RulesHistory};
use crate::relay::prepare_event;
use crate::search::SearchAnswer;
use crate::server::{ExportParameters, Problem, SearchParameters};
use crate::sql::{Answer, NamedQuery};

/// A running verbatim, asked for one shop.
pub(super) struct Local {
    pub(super) app: App,
    pub(super) shop: String,
}

impl Local {
    pub(super) async fn append(
        &self,
        origin: Origin,
        events: Vec<Event>,
    ) -> anyhow::Result<Appended> {
        let identity = Arc::new(operator(&self.shop));
        let prepared = events
            .into_iter()
            .map(|event| prepare_event(&identity, origin, event))
            .collect::<Result<_, _>>()?;
        let mut appended = Appended::default();
        for outcome in self.app.relay.append(identity, prepared).await? {
            appended.duplicates += u64::from(outcome.as_ref().is_ok_and(|kept| kept.duplicate));
            let answer = outcome.map(|kept| kept.ack);
            appended.answers.push(answer.map_err(|error| Box::new(Problem::from(error))));
        }
        Ok(appended)
    }

    pub(super) async fn sql(&self, query: &str) -> anyhow::Result<Answer> {
        self.app.catch_up().await?;
        Ok(self.app.sql.query(&self.shop, query).await?)
    }

    pub(super) async fn report(
        &self,
        name: &str,
        arguments: &BTreeMap<String, String>,
    ) -> anyhow::Result<Answer> {
        self.app.catch_up().await?;
        Ok(self.app.sql.run_named(&self.shop, name, arguments).await?)
    }

    pub(super) fn reports(&self) -> anyhow::Result<Vec<NamedQuery>> {
        Ok(self.app.sql.named()?)
    }

    pub(super) async fn search(
        &self,
        parameters: &SearchParameters,
    ) -> anyhow::Result<SearchAnswer> {
        let zone = self.app.config.zone;
        let query = parameters.clone().query(&self.shop, zone, Micros::now())?;
        self.app.catch_up().await?;
        Ok(self.app.search.run(query).await?)
    }

    pub(super) fn conversation(&self, conversation: &str) -> anyhow::Result<Option<Vec<Record>>> {
        match self.app.records.conversation(&self.shop, conversation) {
            Ok(records) => Ok(Some(records)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn rules(&self) -> anyhow::Result<RulesHistory> {
        Ok(self.app.records.rules(&self.shop)?)
    }

    /// The status once every store has caught up, or stands still: it then says why.
    pub(super) async fn status(&self) -> Status {
        // What went wrong is in the status.
        let _ = self.app.catch_up().await;
        self.app.status()
    }

    pub(super) async fn export(
        &self,
        table: &str,
        parameters: &ExportParameters,
        out: Box<dyn Write + Send>,
        bar: &ProgressBar,
    ) -> anyhow::Result<Offset> {
        let ExportParameters { format, from, to } = parameters;
        let zone = self.app.config.zone;
        let query = ExportQuery::new(table, from.as_deref(), to.as_deref(), zone, Micros::now())?;
        self.app.catch_up().await?;
        let mut answer = self.app.sql.stream(&self.shop, &query.sql, query.values).await?;
        let mut writer = format.writer(answer.schema, out)?;
        while let Some(rows) = answer.rows.next().await {
            let rows = rows?;
            writer.write(&rows)?;
            bar.inc(rows.num_rows() as u64);
        }
        writer.finish()?;
        Ok(answer.complete_to)
    }
}
