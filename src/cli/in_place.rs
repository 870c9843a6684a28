//! Answers in this process, over a data directory that nobody serves. Each method stands for one of
//! the client's, and opens what it needs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use tokio::sync::OnceCell;

use super::fetched::Fetched;
use super::pictures;
use super::wanted::Wanted;
use crate::app::{InPlace, Status};
use crate::export::{ExportQuery, Incoming, NamedFile};
use crate::model::{ErrorKind, Kinded, Micros, Record, RulesHistory, parse_zone};
use crate::records::AccessPage;
use crate::search::{Conversations, SearchAnswer};
use crate::server::{AccessParameters, ExportParameters, SearchParameters, WhoseParameters};
use crate::sql::Sql;

/// A data directory, asked for one shop.
pub(super) struct Asked {
    pub(super) data: InPlace,
    pub(super) shop: String,
    sql: OnceCell<Sql>,
}

impl Asked {
    pub(super) fn new(data: InPlace, shop: String) -> Asked {
        Asked { data, shop, sql: OnceCell::new() }
    }

    /// The tables are opened once: nobody changes them while the directory is owned.
    async fn tables(&self) -> anyhow::Result<&Sql> {
        self.sql.get_or_try_init(|| self.data.sql()).await
    }

    pub(super) async fn sql(&self, query: &str) -> anyhow::Result<Incoming> {
        Ok(self.tables().await?.stream(&self.shop, query, Vec::new()).await?.into())
    }

    pub(super) async fn report(
        &self,
        name: &str,
        arguments: &BTreeMap<String, String>,
        wanted: &Wanted,
    ) -> anyhow::Result<Incoming> {
        let (sql, shop) = (self.tables().await?, &self.shop);
        Ok(match wanted {
            Wanted::Answer => sql.run_named(shop, name, arguments).await?.into(),
            Wanted::Compared => sql.compare(shop, name, arguments).await?.into(),
            Wanted::Rows(explained) => {
                sql.rows_behind(shop, name, arguments, explained).await?.into()
            }
        })
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

    pub(super) async fn file(
        &self,
        file: &NamedFile,
        out: &mut impl Write,
    ) -> anyhow::Result<Fetched> {
        let NamedFile { conversation, id, sha256 } = file;
        let record = self.data.records().await?.event(&self.shop, conversation, id)?;
        let (Some(record), Some(store)) = (record, self.data.attachments()?) else {
            return Ok(Fetched::Missing);
        };
        match store.open_compared(&record, sha256) {
            Ok(Some(mut bytes)) => {
                io::copy(&mut bytes, out)?;
                Ok(Fetched::Whole)
            }
            Ok(None) => Ok(Fetched::Missing),
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok(Fetched::Damaged),
            Err(error) => Err(error.into()),
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
    ) -> anyhow::Result<Incoming> {
        let zone = parameters.zone.as_deref().map_or(Ok(self.data.config.zone), parse_zone)?;
        let query = ExportQuery::new(table, parameters.bounds(), zone, Micros::now())?;
        Ok(self.tables().await?.export(&self.shop, &query.sql, query.values).await?.into())
    }
}
