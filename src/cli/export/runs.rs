//! The ways in which rows become files.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use chrono::NaiveDate;
use futures::TryStreamExt;
use indicatif::ProgressBar;
use serde::Deserialize;

use super::files::{FetchedFiles, NamedFiles};
use super::manifest::{FileEntry, Manifest, beside};
use super::output::{Form, Output, Sealed, Written};
use super::state::{SeenLog, State};
use crate::cli::destination::{Destination, Out};
use crate::cli::target::Target;
use crate::durable::{self, Mode, Naming, Staged};
use crate::export::{
    BoxedError, CHANGED, ExportFormat, Incoming, PartitionBy, Partitions, RecordBatch, SchemaRef,
};
use crate::facts::METRIC_VERSION;
use crate::model::Offset;
use crate::server::ExportParameters;

/// Bytes that are gathered for one write.
const BUFFER_BYTES: usize = 1 << 20;

/// What is exported, and how.
#[derive(Clone)]
pub(super) struct Exporting<'a> {
    pub(super) target: &'a Target,
    pub(super) table: &'a str,
    pub(super) parameters: ExportParameters,
    pub(super) form: Form,
    pub(super) bar: &'a ProgressBar,
    /// What takes the files that rows name.
    pub(super) files: Option<&'a NamedFiles>,
}

impl Exporting<'_> {
    /// All rows in one file, or on standard output.
    pub(super) async fn as_one(
        &self,
        destination: &Destination,
        has_manifest: bool,
    ) -> anyhow::Result<Written> {
        let mut incoming = self.target.export(self.table, &self.parameters).await?;
        let complete_to = incoming.complete_to;
        let mut manifest = self.manifest(&self.parameters, complete_to);
        let (schema, about) = (incoming.schema.clone(), manifest.about());
        let is_compressed = matches!(destination, Destination::Path(path) if is_zst(path));
        let write = async |out: Out| -> anyhow::Result<Sealed> {
            let mut output = Output::new(self.form, &schema, out, is_compressed, &about)?;
            while let Some(rows) = next(&mut incoming).await? {
                output.write(&rows)?;
                self.passed(&rows)?;
            }
            output.finish()
        };
        let sealed = destination.fill(write).await?;
        let rows = sealed.rows;
        let fetched = self.fetched().await?;
        if let (Destination::Path(path), true) = (destination, has_manifest) {
            manifest.add(FileEntry::of(name_of(path)?, &sealed));
            manifest.write(&beside(path))?;
        }
        Ok(Written { rows, files: 1, complete_to, fetched })
    }

    /// A file for each part. Rows come sorted by their part.
    pub(super) async fn in_parts(&self, by: PartitionBy, folder: &Path) -> anyhow::Result<Written> {
        let mut incoming = self.target.export(self.table, &self.parameters).await?;
        let complete_to = incoming.complete_to;
        let mut manifest = self.manifest(&self.parameters, complete_to);
        let about = manifest.about();
        let partitions = Partitions::of(&incoming.schema)?;
        let mut open: Option<(Option<NaiveDate>, Part)> = None;
        while let Some(rows) = next(&mut incoming).await? {
            for (day, rows) in partitions.split(&rows)? {
                let mut part = match open.take() {
                    Some((of, part)) if of == day => part,
                    before => {
                        if let Some((_, done)) = before {
                            manifest.add(done.finish()?);
                        }
                        let name = self.name_of_part(by, day);
                        Part::begin(self.form, partitions.schema(), folder, name, &about)?
                    }
                };
                part.file.output.write(&rows)?;
                self.passed(&rows)?;
                open = Some((day, part));
            }
        }
        if let Some((_, done)) = open.take() {
            manifest.add(done.finish()?);
        }
        let fetched = self.fetched().await?;
        durable::make_directory(folder)
            .with_context(|| format!("cannot make `{}`", folder.display()))?;
        manifest.write(&folder.join(format!("{}.manifest.json", self.table)))?;
        let files = manifest.files.len() as u64;
        Ok(Written { rows: manifest.rows, files, complete_to, fetched })
    }

    /// What has changed since the run before; in the first, all of it.
    pub(super) async fn go_on(&self, state: &Path, folder: &Path) -> anyhow::Result<Written> {
        ensure!(self.table != CHANGED, "`{CHANGED}` is no table: each run lists what it replaces");
        durable::make_directory(folder)
            .with_context(|| format!("cannot make `{}`", folder.display()))?;
        let shop = self.target.shop();
        match State::read(state, self.table, shop)? {
            None => self.run(state, folder, None, &self.parameters).await,
            Some(before) => {
                let after = before.complete_to;
                before.require_log(state, &self.log_below(after).await?)?;
                // First what is to be replaced, which says up to where; then their rows as they are now, which may have
                // more: the next run has those again.
                let asked = ExportParameters { after: Some(after), ..self.parameters.clone() };
                let changed = self.target.export(CHANGED, &asked).await?;
                let until = changed.complete_to;
                let name = format!("{}.replaced.csv", self.name_of_run(Some(after), until));
                let form = Form { format: ExportFormat::Csv, excel: false };
                // It names conversations, and no files.
                let list = Exporting { files: None, ..self.clone() };
                let replaced = list.written(changed, form, &folder.join(&name), &[]).await?;
                let replaced = (FileEntry::of(name, &replaced), until);
                let asked = ExportParameters { until: Some(until), ..asked };
                self.run(state, folder, Some(replaced), &asked).await
            }
        }
    }

    async fn run(
        &self,
        state: &Path,
        folder: &Path,
        replaced: Option<(FileEntry, Offset)>,
        asked: &ExportParameters,
    ) -> anyhow::Result<Written> {
        let incoming = self.target.export(self.table, asked).await?;
        let complete_to = replaced.as_ref().map_or(incoming.complete_to, |(_, until)| *until);
        let mut manifest = self.manifest(asked, complete_to);
        let run = self.name_of_run(asked.after, complete_to);
        let name = format!("{run}.{}", ending(self.form.format));
        let about = manifest.about();
        let sealed = self.written(incoming, self.form, &folder.join(&name), &about).await?;
        manifest.add(FileEntry::of(name, &sealed));
        let fetched = self.fetched().await?;
        let SeenLog { last_leaf, .. } = self.log_below(complete_to).await?;
        manifest.replaced = replaced.map(|(entry, _)| entry);
        manifest.write(&folder.join(format!("{run}.manifest.json")))?;
        State::new(self.table, self.target.shop(), complete_to, last_leaf).write(state)?;
        Ok(Written { rows: sealed.rows, files: 1, complete_to, fetched })
    }

    /// The log, by the last record of the shop below `end`. It is asked for in two steps: the leaves of all would
    /// be much to read, the files that may have an offset are few.
    async fn log_below(&self, end: Offset) -> anyhow::Result<SeenLog> {
        #[derive(Deserialize)]
        struct Last<T> {
            last: T,
        }
        let asked = format!("SELECT max(\"offset\") AS last FROM events WHERE \"offset\" < {end}");
        let answer = self.target.sql(&asked).await?;
        let complete_to = answer.complete_to;
        let take = |last: &mut Option<u64>, row: Last<Option<u64>>| *last = row.last;
        let last = answer.fold(take).await.map_err(anyhow::Error::from_boxed)?;
        let last_leaf = match last {
            Some(last) => {
                let asked = format!("SELECT leaf AS last FROM events WHERE \"offset\" = {last}");
                let take = |leaf: &mut String, row: Last<String>| *leaf = row.last;
                self.target.fold(&asked, take).await?
            }
            None => String::new(),
        };
        Ok(SeenLog { complete_to, last_leaf })
    }

    /// All rows of an answer in a file of this name.
    async fn written(
        &self,
        mut incoming: Incoming,
        form: Form,
        path: &Path,
        about: &[(String, String)],
    ) -> anyhow::Result<Sealed> {
        let mut file = StagedOutput::begin(form, &incoming.schema, path, about)?;
        while let Some(rows) = next(&mut incoming).await? {
            file.output.write(&rows)?;
            self.passed(&rows)?;
        }
        file.finish()
    }

    /// Fetches what the rows name: before the manifest and the state, so that what fails is done again.
    async fn fetched(&self) -> anyhow::Result<Option<FetchedFiles>> {
        match self.files {
            Some(files) => Ok(Some(files.fetch(self.target, self.bar).await?)),
            None => Ok(None),
        }
    }

    /// Rows that are written.
    fn passed(&self, rows: &RecordBatch) -> anyhow::Result<()> {
        self.bar.inc(rows.num_rows() as u64);
        self.files.map_or(Ok(()), |files| files.note(rows))
    }

    fn manifest(&self, asked: &ExportParameters, complete_to: Offset) -> Manifest {
        Manifest::new(self.table, self.target.shop(), self.form.format, asked, complete_to)
    }

    /// `messages-v001-00000000000000000000-00000000000000001234`: in order of names as in order of time, also where
    /// figures mean something else since, and all was written anew.
    fn name_of_run(&self, after: Option<Offset>, until: Offset) -> String {
        let after = after.unwrap_or_default();
        format!("{}-v{METRIC_VERSION:03}-{:020}-{:020}", self.table, after.0, until.0)
    }

    fn name_of_part(&self, by: PartitionBy, part: Option<NaiveDate>) -> String {
        let by_name = by.as_str();
        let part = match (by, part) {
            (_, None) => "none".to_string(),
            (PartitionBy::Day, Some(day)) => day.to_string(),
            (PartitionBy::Month, Some(day)) => day.format("%Y-%m").to_string(),
        };
        format!("{by_name}={part}/{}.{}", self.table, ending(self.form.format))
    }
}

/// A file of one part.
struct Part {
    name: String,
    file: StagedOutput,
}

impl Part {
    fn begin(
        form: Form,
        schema: &SchemaRef,
        folder: &Path,
        name: String,
        about: &[(String, String)],
    ) -> anyhow::Result<Part> {
        let path = folder.join(&name);
        if let Some(parent) = path.parent() {
            durable::make_directory(parent)
                .with_context(|| format!("cannot make `{}`", parent.display()))?;
        }
        Ok(Part { file: StagedOutput::begin(form, schema, &path, about)?, name })
    }

    fn finish(self) -> anyhow::Result<FileEntry> {
        Ok(FileEntry::of(self.name, &self.file.finish()?))
    }
}

/// A file that has its name once it is whole.
struct StagedOutput {
    staged: Staged,
    output: Output,
    path: PathBuf,
}

impl StagedOutput {
    fn begin(
        form: Form,
        schema: &SchemaRef,
        path: &Path,
        about: &[(String, String)],
    ) -> anyhow::Result<StagedOutput> {
        let cannot_create = || format!("cannot create `{}`", path.display());
        let staged = Staged::alone(path, Mode::Usual).with_context(cannot_create)?;
        let writer = staged.writer().with_context(cannot_create)?;
        let out = Box::new(std::io::BufWriter::with_capacity(BUFFER_BYTES, writer));
        let output = Output::new(form, schema, out, is_zst(path), about)?;
        Ok(StagedOutput { staged, output, path: path.to_path_buf() })
    }

    fn finish(self) -> anyhow::Result<Sealed> {
        let sealed = self.output.finish()?;
        let named = self.staged.publish(Naming::Overwrite);
        named.with_context(|| format!("cannot name `{}`", self.path.display()))?;
        Ok(sealed)
    }
}

async fn next(incoming: &mut Incoming) -> anyhow::Result<Option<RecordBatch>> {
    let rows: Result<_, BoxedError> = incoming.rows.try_next().await;
    rows.map_err(anyhow::Error::from_boxed)
}

fn is_zst(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zst"))
}

fn ending(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Parquet => "parquet",
        ExportFormat::Csv => "csv",
        ExportFormat::Jsonl => "jsonl",
        ExportFormat::Json => "json",
        ExportFormat::Arrow => "arrow",
    }
}

fn name_of(path: &Path) -> anyhow::Result<String> {
    let name = path.file_name().context("the path names no file")?;
    Ok(name.to_string_lossy().into_owned())
}
