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
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
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
use super::job::Job;
use super::memory::SharedMemory;
use super::postgres::{Postgres, Wanted};
use super::shared_ranks::SharedRanks;
use super::source::{NoRows, Source};
use super::stored::Stored;
use super::tables::ShopTable;
use super::{SqlError, column_names, functions, guard, hints, postgres, shown, views};

/// What sorts, joins and groups hold in memory, or half as much again; what is larger goes to disk.
pub(super) const MEMORY_BYTES_MAX: usize = 512 * 1024 * 1024;
/// Disk for what finds no room in memory: × 32 processes = 16 GiB at most.
pub(super) const SPILL_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// What every session begins with.
pub(super) struct Engine {
    base: SessionState,
    /// Planned when the first question comes.
    views: OnceCell<views::Planned>,
    /// What those of the Postgres wire have beside it: made when the first of them comes.
    postgres: OnceCell<Postgres>,
}

impl Engine {
    /// Spills into `spill`, or where the system puts what is temporary.
    pub(super) fn new(spill: Option<&Path>) -> Result<Engine, SqlError> {
        let mut runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(SharedMemory::new(MEMORY_BYTES_MAX)))
            .with_max_temp_directory_size(SPILL_BYTES_MAX);
        if let Some(spill) = spill {
            runtime = runtime.with_temp_file_path(spill);
        }
        let mut base = SessionStateBuilder::new()
            .with_config(SessionConfig::new().with_information_schema(true))
            .with_runtime_env(runtime.build_arc()?)
            .with_default_features()
            .with_optimizer_rule(Arc::new(SharedRanks))
            .build();
        base.register_function_rewrite(Arc::new(Corrected))?;
        Ok(Engine { base, views: OnceCell::new(), postgres: OnceCell::new() })
    }

    /// One whose errors say in which line of a query they are.
    pub(super) fn telling_where() -> Result<Engine, SqlError> {
        let mut engine = Engine::new(None)?;
        engine.base.config_mut().options_mut().sql_parser.collect_spans = true;
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
            return Ok(column_names::told_apart(rows));
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
        self.postgres.get_or_try_init(|| Postgres::new(&self.base, context)).await
    }

    pub(super) async fn session(
        &self,
        job: &Job,
        source: Arc<dyn Source>,
    ) -> Result<SessionContext, SqlError> {
        let state = SessionStateBuilder::new_from_existing(self.base.clone())
            .with_catalog_list(empty_catalogs()?)
            .build();
        let context = SessionContext::new_with_state(state);
        functions::register(&context, job.schedules.clone());
        let tables = register_tables(&context, job, source)?;
        self.views().await?.register(&context, &tables)?;
        Ok(context)
    }

    async fn views(&self) -> Result<&views::Planned, SqlError> {
        let plan = async || {
            let state = SessionStateBuilder::new_from_existing(self.base.clone())
                .with_catalog_list(empty_catalogs()?);
            let context = SessionContext::new_with_state(state.build());
            let nobody = Job::new("", "", Vec::new());
            functions::register(&context, nobody.schedules.clone());
            register_tables(&context, &nobody, Arc::new(NoRows))?;
            Ok(views::Planned::new(&context).await?)
        };
        self.views.get_or_try_init(plan).await
    }
}

/// Makes the tables of a job known, and returns them by name.
fn register_tables(
    context: &SessionContext,
    job: &Job,
    source: Arc<dyn Source>,
) -> Result<HashMap<&'static str, Arc<dyn TableSource>>, SqlError> {
    let mut tables = HashMap::new();
    for stored in Stored::ALL {
        let table = ShopTable::new(&job.shop, stored, source.clone());
        let table = Arc::new(match stored {
            Stored::Events => table.below(job.complete_to),
            _ => table,
        });
        context.register_table(stored.name(), table.clone())?;
        tables.insert(stored.name(), provider_as_source(table));
    }
    Ok(tables)
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
