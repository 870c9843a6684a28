//! Answers in this process, over a data directory that nobody serves. Each method stands for one of
//! the client's, and opens what it needs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use futures::StreamExt;
use indicatif::ProgressBar;

use super::pictures;
use crate::app::{InPlace, Status};
use crate::export::{ExportQuery, Exported};
use crate::model::{ErrorKind, Kinded, Micros, Record, RulesHistory};
use crate::records::AccessPage;
use crate::search::{Conversations, SearchAnswer};
use crate::server::{AccessParameters, ExportParameters, SearchParameters, WhoseParameters};
use crate::sql::{Answer, NamedQuery};

/// A data directory, asked for one shop.
pub(super) struct Asked {
    pub(super) data: InPlace,
    pub(super) shop: String,
}

impl Asked {
    pub(super) async fn sql(&self, query: &str) -> anyhow::Result<Answer> {
        Ok(self.data.sql().await?.query(&self.shop, query).await?)
    }

    pub(super) async fn report(
        &self,
        name: &str,
        arguments: &BTreeMap<String, String>,
    ) -> anyhow::Result<Answer> {
        Ok(self.data.sql().await?.run_named(&self.shop, name, arguments).await?)
    }

    pub(super) fn reports(&self) -> anyhow::Result<Vec<NamedQuery>> {
        self.data.named_queries(&self.shop)
    }

    pub(super) async fn search(
        &self,
        parameters: &SearchParameters,
    ) -> anyhow::Result<SearchAnswer> {
        let zone = self.data.config.zone;
        let query = parameters.clone().query(&self.shop, zone, Micros::now())?;
        Ok(self.data.search()?.run(query).await?)
    }

    /// The shops of which there is anything.
    pub(super) async fn shops(&self) -> anyhow::Result<BTreeSet<String>> {
        Ok(self.data.search()?.shops().await?)
    }

    pub(super) async fn conversation(
        &self,
        conversation: &str,
    ) -> anyhow::Result<Option<Vec<Record>>> {
        match self.data.records().await?.conversation(&self.shop, conversation) {
            Ok(records) => Ok(Some(records)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn picture(
        &self,
        record: &Record,
        sha256: &str,
        bytes_max: u64,
    ) -> anyhow::Result<pictures::Asked> {
        match self.data.attachments()? {
            Some(store) => pictures::picture_in(&store, record, sha256, bytes_max),
            None => Ok(pictures::Asked::Missing),
        }
    }

    pub(super) async fn accesses(
        &self,
        parameters: &AccessParameters,
    ) -> anyhow::Result<AccessPage> {
        let (filter, limit) = parameters.filter(self.data.config.zone, Micros::now())?;
        let records = self.data.records().await?;
        Ok(records.accesses(&self.shop, &filter, parameters.before.as_deref(), limit)?)
    }

    pub(super) async fn conversations(
        &self,
        whose: &WhoseParameters,
    ) -> anyhow::Result<Conversations> {
        let (whose, id) = whose.clone().one()?;
        Ok(self.data.search()?.conversations(&self.shop, whose, &id).await?)
    }

    pub(super) async fn rules(&self) -> anyhow::Result<RulesHistory> {
        Ok(self.data.records().await?.rules(&self.shop)?)
    }

    pub(super) async fn status(&self) -> anyhow::Result<Status> {
        self.data.status().await
    }

    pub(super) async fn export(
        &self,
        table: &str,
        parameters: &ExportParameters,
        out: Box<dyn Write + Send>,
        bar: &ProgressBar,
    ) -> anyhow::Result<Exported> {
        let ExportParameters { format, from, to } = parameters;
        let zone = self.data.config.zone;
        let query = ExportQuery::new(table, from.as_deref(), to.as_deref(), zone, Micros::now())?;
        let mut answer =
            self.data.sql().await?.stream(&self.shop, &query.sql, query.values).await?;
        let mut writer = format.writer(answer.schema, out)?;
        let mut count = 0;
        while let Some(rows) = answer.rows.next().await {
            let rows = rows?;
            writer.write(&rows)?;
            count += rows.num_rows() as u64;
            bar.inc(rows.num_rows() as u64);
        }
        writer.finish()?;
        Ok(Exported { complete_to: answer.complete_to, rows: count })
    }
}
