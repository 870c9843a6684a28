//! From a question to its rows, in this process: a session for each, that knows one shop's tables and
//! nothing else.
//!
//! It does not bound what a question takes: memory that the engine counts is spilled to disk, and what
//! it does not count, and time, are bounded where the process is (see [`super::workers`]).

use std::path::Path;
use std::sync::Arc;

use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList,
    MemorySchemaProvider,
};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::scalar::ScalarValue;

use super::job::Job;
use super::source::Source;
use super::stored::Stored;
use super::tables::ShopTable;
use super::{SqlError, functions, guard, views};

/// What sorts, joins and groups hold in memory; what is larger goes to disk.
pub(super) const MEMORY_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Disk for what finds no room in memory: × 32 processes = 16 GiB at most.
pub(super) const SPILL_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// What every session begins with.
pub(super) struct Engine {
    base: SessionState,
}

impl Engine {
    /// Spills into `spill`, or where the system puts what is temporary.
    pub(super) fn new(spill: Option<&Path>) -> Result<Engine, SqlError> {
        let mut runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(MEMORY_BYTES_MAX)))
            .with_max_temp_directory_size(SPILL_BYTES_MAX);
        if let Some(spill) = spill {
            runtime = runtime.with_temp_file_path(spill);
        }
        let base = SessionStateBuilder::new()
            .with_config(SessionConfig::new().with_information_schema(true))
            .with_runtime_env(runtime.build_arc()?)
            .with_default_features()
            .build();
        Ok(Engine { base })
    }

    /// The rows of an answer, as they come.
    pub(super) async fn answer(
        &self,
        job: Job,
        source: Arc<dyn Source>,
    ) -> Result<SendableRecordBatchStream, SqlError> {
        guard::check(&job.sql)?;
        let context = self.session(&job, source).await?;
        let mut question = context.sql(&job.sql).await?;
        if !job.values.is_empty() {
            let values = job.values.into_iter().map(|(name, value)| (name, value.into()));
            question =
                question.with_param_values(values.collect::<Vec<(String, ScalarValue)>>())?;
        }
        Ok(question.execute_stream().await?)
    }

    async fn session(
        &self,
        job: &Job,
        source: Arc<dyn Source>,
    ) -> Result<SessionContext, SqlError> {
        let state = SessionStateBuilder::new_from_existing(self.base.clone())
            .with_catalog_list(empty_catalogs()?)
            .build();
        let context = SessionContext::new_with_state(state);
        functions::register(&context, job.schedules.clone());
        for stored in Stored::ALL {
            let table = ShopTable::new(&job.shop, stored, source.clone());
            let table = match stored {
                Stored::Events => table.below(job.complete_to),
                _ => table,
            };
            context.register_table(stored.name(), Arc::new(table))?;
        }
        views::register(&context).await?;
        Ok(context)
    }
}

/// A catalog of this session's own: sessions that share one would see each other's shops.
fn empty_catalogs() -> Result<Arc<MemoryCatalogProviderList>, SqlError> {
    let catalog = MemoryCatalogProvider::new();
    catalog.register_schema("public", Arc::new(MemorySchemaProvider::new()))?;
    let catalogs = MemoryCatalogProviderList::new();
    catalogs.register_catalog("datafusion".to_string(), Arc::new(catalog));
    Ok(Arc::new(catalogs))
}
