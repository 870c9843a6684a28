//! From a question to its rows, in this process: a session for each, that knows one shop's tables and
//! nothing else.
//!
//! It does not bound what a question takes: memory that the engine counts is spilled to disk, and what
//! it does not count, and time, are bounded where the process is (see [`super::workers`]).

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList,
    MemorySchemaProvider,
};
use datafusion::datasource::provider_as_source;
use datafusion::error::DataFusionError;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::TableSource;
use datafusion::logical_expr::registry::FunctionRegistry;
use datafusion::physical_plan::{EmptyRecordBatchStream, SendableRecordBatchStream};
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use datafusion::scalar::ScalarValue;
use datafusion::sql::parser::Statement as Parsed;
use tokio::sync::OnceCell;

use super::corrected::Corrected;
use super::guard::Statement;
use super::job::{Job, JobKind};
use super::memory::SharedMemory;
use super::postgres::{Postgres, Wanted};
use super::shared_ranks::SharedRanks;
use super::source::{NoRows, Source};
use super::stored::Stored;
use super::tables::ShopTable;
use super::{SqlError, column_names, functions, guard, hints, postgres, shown, text_views, views};

/// What sorts, joins and groups hold in memory, or half as much again; what is larger goes to disk.
pub(super) const MEMORY_BYTES_MAX: usize = 512 * 1024 * 1024;
/// Disk for what finds no room in memory: × 32 processes = 16 GiB at most.
pub(super) const SPILL_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// The same for an export, whose rows are wide: a sort copies the batches that it holds.
pub(super) const EXPORT_MEMORY_BYTES_MAX: usize = 192 * 1024 * 1024;
/// A hundred million rows of events are some 40 GiB.
pub(super) const EXPORT_SPILL_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;

/// Parts of an export that are read, or sorted, side by side: to write the rows takes longer, and a few can end a sort in
/// that memory.
const EXPORT_PARTITIONS_MAX: usize = 2;

/// Computes questions.
pub(super) struct Engine {
    questions: Setup,
    exports: Setup,
    /// What those of the Postgres wire have beside it: made when the first of them comes.
    postgres: OnceCell<Postgres>,
}

/// What every session of one kind begins with.
struct Setup {
    state: SessionState,
    texts: Texts,
    /// Planned when the first comes.
    views: OnceCell<views::Planned>,
}

/// What texts are while they are computed with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Texts {
    /// Where they are joined, grouped and compared.
    Views,
    /// Where all of them are written out: views would hold each page of a file until its last row has gone.
    Whole,
}

impl Engine {
    /// Spills into `spill`, or where the system puts what is temporary.
    pub(super) fn new(spill: Option<&Path>) -> Result<Engine, SqlError> {
        Engine::running_in(
            runtime(spill, MEMORY_BYTES_MAX, SPILL_BYTES_MAX)?,
            runtime(spill, EXPORT_MEMORY_BYTES_MAX, EXPORT_SPILL_BYTES_MAX)?,
        )
    }

    fn running_in(
        for_questions: Arc<RuntimeEnv>,
        for_exports: Arc<RuntimeEnv>,
    ) -> Result<Engine, SqlError> {
        let setup = |config: SessionConfig, runtime, texts| -> Result<Setup, SqlError> {
            let mut state = SessionStateBuilder::new()
                .with_config(config.with_information_schema(true))
                .with_runtime_env(runtime)
                .with_default_features()
                .with_optimizer_rule(Arc::new(SharedRanks))
                .build();
            state.register_function_rewrite(Arc::new(Corrected))?;
            Ok(Setup { state, texts, views: OnceCell::new() })
        };
        let config = SessionConfig::new();
        let partitions = config.target_partitions().min(EXPORT_PARTITIONS_MAX);
        let for_wide_rows = config.clone().with_target_partitions(partitions);
        let questions = setup(config, for_questions, Texts::Views)?;
        let exports = setup(for_wide_rows, for_exports, Texts::Whole)?;
        Ok(Engine { questions, exports, postgres: OnceCell::new() })
    }

    /// One whose errors say in which line of a query they are.
    pub(super) fn telling_where() -> Result<Engine, SqlError> {
        let mut engine = Engine::new(None)?;
        engine.questions.state.config_mut().options_mut().sql_parser.collect_spans = true;
        Ok(engine)
    }

    /// The rows of an answer, as they come.
    pub(super) async fn answer(
        &self,
        job: Job,
        source: Arc<dyn Source>,
    ) -> Result<SendableRecordBatchStream, SqlError> {
        let explained = |error| hints::explained(error, &job.sql);
        let Some(client) = &job.client else {
            let statement = guard::statement(&job.sql)?;
            let values =
                job.values.iter().map(|(name, value)| (name.clone(), value.clone().into()));
            let values = values.collect();
            let context = self.session(&job, source).await?;
            let answer = answered(&context, statement, values).await.map_err(explained)?;
            let rows = answer.execute_stream().await.map_err(explained)?;
            return Ok(text_views::without_views(column_names::told_apart(rows)));
        };
        let context = self.session(&job, source).await?;
        // What shows tables and plans is said as everywhere.
        let question = if guard::shows(&job.sql) {
            let statement = guard::statement(&job.sql)?;
            answered(&context, statement, Vec::new()).await.map_err(explained)?
        } else {
            self.postgres(&context).await?.plan(client, &job.sql, &context).await?
        };
        if client.wanted == Wanted::Description {
            let described = Arc::new(postgres::description(&question, client)?);
            return Ok(Box::pin(EmptyRecordBatchStream::new(described)));
        }
        let values = client.scalars()?;
        let question =
            if values.is_empty() { question } else { question.with_param_values(values)? };
        Ok(question.execute_stream().await?)
    }

    async fn postgres(&self, context: &SessionContext) -> Result<&Postgres, SqlError> {
        self.postgres.get_or_try_init(|| Postgres::new(&self.questions.state, context)).await
    }

    pub(super) async fn session(
        &self,
        job: &Job,
        source: Arc<dyn Source>,
    ) -> Result<SessionContext, SqlError> {
        let setup = match job.kind {
            JobKind::Question => &self.questions,
            JobKind::Export => &self.exports,
        };
        let (context, tables) = setup.session(job, source)?;
        setup.views().await?.register(&context, &tables)?;
        Ok(context)
    }
}

/// Tables by their names.
type Tables = HashMap<&'static str, Arc<dyn TableSource>>;

impl Setup {
    /// A session that knows the tables of a job, and no views.
    fn session(
        &self,
        job: &Job,
        source: Arc<dyn Source>,
    ) -> Result<(SessionContext, Tables), SqlError> {
        let state = SessionStateBuilder::new_from_existing(self.state.clone())
            .with_catalog_list(empty_catalogs()?)
            .build();
        let context = SessionContext::new_with_state(state);
        functions::register(&context, job.schedules.clone());
        let mut tables = HashMap::new();
        for stored in Stored::ALL {
            let mut table = ShopTable::new(&job.shop, stored, source.clone());
            if stored == Stored::Events {
                table = table.below(job.complete_to);
            }
            if self.texts == Texts::Views {
                table = table.with_text_views();
            }
            let table = Arc::new(table);
            context.register_table(stored.name(), table.clone())?;
            tables.insert(stored.name(), provider_as_source(table));
        }
        Ok((context, tables))
    }

    async fn views(&self) -> Result<&views::Planned, SqlError> {
        let plan = async || {
            let (context, _) = self.session(&Job::new("", "", Vec::new()), Arc::new(NoRows))?;
            Ok(views::Planned::new(&context).await?)
        };
        self.views.get_or_try_init(plan).await
    }
}

fn runtime(
    spill: Option<&Path>,
    memory_bytes_max: usize,
    spill_bytes_max: u64,
) -> Result<Arc<RuntimeEnv>, DataFusionError> {
    let mut runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(SharedMemory::new(memory_bytes_max)))
        .with_max_temp_directory_size(spill_bytes_max);
    if let Some(spill) = spill {
        runtime = runtime.with_temp_file_path(spill);
    }
    runtime.build_arc()
}

/// What a statement asks for, not computed yet.
async fn answered(
    context: &SessionContext,
    statement: Statement,
    values: Vec<(String, ScalarValue)>,
) -> Result<DataFrame, DataFusionError> {
    match statement {
        Statement::Query(query) => planned(context, *query, values).await,
        Statement::Explain { query, verbose } => {
            shown::plan(context, planned(context, *query, values).await?, verbose)
        }
        Statement::DescribeQuery(query) => {
            let query = planned(context, *query, values).await?;
            shown::columns_of_answer(context, query.schema().inner())
        }
        Statement::Columns { table, like } => shown::columns(context, table, like.as_deref()).await,
        Statement::Tables { like } => shown::tables(context, like.as_deref()),
        Statement::Functions { like } => shown::functions(context, like.as_deref()),
    }
}

async fn planned(
    context: &SessionContext,
    query: Parsed,
    values: Vec<(String, ScalarValue)>,
) -> Result<DataFrame, DataFusionError> {
    let plan = context.state().statement_to_plan(query).await?;
    let question = context.execute_logical_plan(plan).await?;
    if values.is_empty() { Ok(question) } else { question.with_param_values(values) }
}

/// A catalog of this session's own: sessions that share one would see each other's shops.
fn empty_catalogs() -> Result<Arc<MemoryCatalogProviderList>, SqlError> {
    let catalog = MemoryCatalogProvider::new();
    catalog.register_schema("public", Arc::new(MemorySchemaProvider::new()))?;
    let catalogs = MemoryCatalogProviderList::new();
    catalogs.register_catalog("datafusion".to_string(), Arc::new(catalog));
    Ok(Arc::new(catalogs))
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::Int64Type;
    use futures::TryStreamExt;

    use super::*;

    /// A year of a large shop was refused, in whatever parts it was to be written.
    #[tokio::test(flavor = "multi_thread")]
    async fn an_export_sorts_what_a_question_may_not() {
        const ROWS: i64 = 1_000_000;
        let runtime = |disk| runtime(None, 96 << 20, disk).unwrap();
        let engine = Engine::running_in(runtime(1 << 20), runtime(1 << 30)).unwrap();
        let sql = format!(
            "SELECT n, repeat('x', 200) AS filler FROM (SELECT value * 7919 % {ROWS} AS n \
             FROM generate_series(1, {ROWS})) ORDER BY n"
        );
        let asked = async |kind| {
            let job = Job { kind, ..Job::new("s", &sql, Vec::new()) };
            let rows = engine.answer(job, Arc::new(NoRows)).await?;
            rows.map_err(SqlError::from).try_collect::<Vec<_>>().await
        };
        let refused = asked(JobKind::Question).await;
        assert!(matches!(refused, Err(SqlError::Exhausted)), "{refused:?}");
        let rows = asked(JobKind::Export).await.unwrap();
        let numbers =
            rows.iter().flat_map(|rows| rows.column(0).as_primitive::<Int64Type>().iter());
        assert!(numbers.map(Option::unwrap).eq(0..ROWS));
    }
}
