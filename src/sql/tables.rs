//! A table of one shop as questions see it: the files a store has committed, and the tail it holds
//! beyond them, as one.
//!
//! Files hold rows of every shop. What the asker wrote is evaluated above [`ShopScan`], below which
//! this module applies the shop: so an error or a plan of the asker's cannot show a row of another.
//! The tail has only rows of the shop. In the same way it leaves out who looked at what: the trail is
//! asked for elsewhere, by whoever may. Files that cannot have a row that is asked for are left out
//! by what the table knows of them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::DFSchema;
use datafusion::datasource::TableType;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::filter::FilterExecBuilder;
use datafusion::physical_plan::union::UnionExec;
use datafusion::prelude::{col, lit};
use tokio::sync::OnceCell;

use super::file_stats;
use super::harmless::is_harmless;
use super::shop_scan::{ScannedFiles, ShopScan};
use super::source::{Files, Source};
use super::stored::{RowFilter, Stored};
use super::text_views::{rows_as, with_views};
use crate::model::{ACCESS_CONVERSATION, Offset};
use crate::table::{Bounds, DataFile};

/// The column that says whose a row is.
pub(super) const SHOP: &str = "shop";
/// The column of `events` that says which conversation a row is of.
const CONVERSATION: &str = "conversation";
/// The column that says which record a row is.
const OFFSET: &str = "offset";

/// One shop's rows of one table at one moment.
#[derive(Debug)]
pub(super) struct ShopTable {
    shop: String,
    table: Stored,
    schema: SchemaRef,
    file_schema: SchemaRef,
    source: Arc<dyn Source>,
    /// Rows of records at or above this offset are not seen, where it is given.
    below: Option<Offset>,
}

impl ShopTable {
    /// The rows of `shop` that `source` has of `table`.
    pub(super) fn new(shop: &str, table: Stored, source: Arc<dyn Source>) -> ShopTable {
        let (schema, file_schema) = (table.schema(), table.file_schema());
        ShopTable { shop: shop.to_string(), table, schema, file_schema, source, below: None }
    }

    /// The same without the rows of records at or above `end`. The tail has none of them.
    pub(super) fn below(self, end: Offset) -> ShopTable {
        ShopTable { below: Some(end), ..self }
    }

    /// The same with texts as views.
    pub(super) fn with_text_views(self) -> ShopTable {
        let (schema, file_schema) = (with_views(&self.schema), with_views(&self.file_schema));
        ShopTable { schema, file_schema, ..self }
    }

    /// The rows of files that `filters` let through, those columns of them named in `wanted`; `paths` gets
    /// the files that are read.
    async fn scan_files(
        &self,
        state: &dyn Session,
        wanted: &[&str],
        filters: &[Expr],
        paths: &mut Vec<Arc<str>>,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let of_shop = col(SHOP).eq(lit(&self.shop));
        let stored = &self.file_schema;
        let Files { root, files } = self.source.files(self.table).await?;
        let all_filters = filters.iter().cloned().chain([of_shop.clone()]);
        let files = match conjunction(all_filters) {
            Some(predicate) => {
                let names = DFSchema::try_from(stored.as_ref().clone())?;
                let predicate = state.create_physical_expr(predicate, &names)?;
                file_stats::pruned(files.iter().collect(), stored, predicate)?
            }
            None => files.iter().collect(),
        };
        if files.is_empty() {
            return Ok(None);
        }
        paths.extend(files.iter().map(|file| file.path.clone()));
        let mut filters = filters.to_vec();
        if !files.iter().all(|file| self.is_all_ours(file)) {
            filters.push(of_shop);
        }
        if self.table == Stored::Events && files.iter().any(|file| may_have_trail(file)) {
            filters.push(col(CONVERSATION).not_eq(lit(ACCESS_CONVERSATION)));
        }
        if let Some(end) = self.below
            && !files.iter().all(|file| file.offsets().is_some_and(|held| held.end <= end))
        {
            filters.push(col(OFFSET).lt(lit(end.signed())));
        }
        let columns = columns_of(stored, wanted, &filters);
        let mut options = state.table_options().parquet.clone();
        options.global.pushdown_filters = self.table.row_filter() == RowFilter::Pushed;
        options.global.reorder_filters = options.global.pushdown_filters;
        let format = ParquetFormat::default().with_options(options);
        let source = format.file_source(TableSchema::from(stored.clone()));
        let groups = file_groups(&root, &files, state.config().target_partitions());
        let scan = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), source)
            .with_file_groups(groups)
            .with_statistics(file_stats::total(&files, stored, &columns))
            .with_projection_indices(Some(columns))?
            .build();
        let scan = format.create_physical_plan(state, scan).await?;
        Ok(Some(filtered(state, scan, &filters, wanted)?))
    }

    /// The rows of the tail that `filters` let through.
    async fn scan_tail(
        &self,
        state: &dyn Session,
        wanted: &[&str],
        filters: &[Expr],
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let columns = columns_of(&self.schema, wanted, filters);
        let rows = self.source.tail(self.table, &columns).await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let schema = Arc::new(self.schema.project(&columns)?);
        let rows = rows.iter().map(|rows| rows_as(rows, &schema)).collect::<Result<Vec<_>>>()?;
        let scan = MemorySourceConfig::try_new_exec(&[rows], schema, None)?;
        Ok(Some(filtered(state, scan, filters, wanted)?))
    }

    /// Whether a file has rows of this shop alone.
    fn is_all_ours(&self, file: &DataFile) -> bool {
        matches!(file.column(SHOP), Some(stats) if stats.nulls == 0
            && matches!(&stats.bounds, Some(Bounds::Texts(min, max)) if *min == self.shop && *max == self.shop))
    }
}

/// Whether a file may have rows of who looked at what.
fn may_have_trail(file: &DataFile) -> bool {
    match file.bounds(CONVERSATION) {
        Some(Bounds::Texts(min, max)) => {
            min.as_str() <= ACCESS_CONVERSATION && ACCESS_CONVERSATION <= max.as_str()
        }
        _ => true,
    }
}

/// The files as scans that can run side by side: dealt out by size, largest first, to the
/// emptiest.
fn file_groups(root: &Path, files: &[&DataFile], count: usize) -> Vec<FileGroup> {
    let mut files = files.to_vec();
    files.sort_by_key(|file| std::cmp::Reverse(file.bytes));
    let mut groups: Vec<(u64, Vec<PartitionedFile>)> = vec![(0, Vec::new()); count.max(1)];
    for file in files {
        if let Some((bytes, group)) = groups.iter_mut().min_by_key(|(bytes, _)| *bytes) {
            *bytes += file.bytes;
            let path = root.join(&*file.path).to_string_lossy().into_owned();
            group.push(PartitionedFile::new(path, file.bytes));
        }
    }
    groups
        .into_iter()
        .filter(|(_, group)| !group.is_empty())
        .map(|(_, group)| FileGroup::new(group))
        .collect()
}

/// `wanted` and what `filters` name, as places in `schema`, in its order.
fn columns_of(schema: &Schema, wanted: &[&str], filters: &[Expr]) -> Vec<usize> {
    let named = filters.iter().flat_map(|filter| filter.column_refs());
    let named = named.map(|column| column.name.as_str());
    let places = wanted.iter().copied().chain(named).filter_map(|name| schema.index_of(name).ok());
    places.collect::<BTreeSet<usize>>().into_iter().collect()
}

/// The rows of `input` for which all `filters` hold, and of them the columns `wanted`.
fn filtered(
    state: &dyn Session,
    input: Arc<dyn ExecutionPlan>,
    filters: &[Expr],
    wanted: &[&str],
) -> Result<Arc<dyn ExecutionPlan>> {
    let Some(predicate) = conjunction(filters.iter().cloned()) else { return Ok(input) };
    let schema = input.schema();
    let predicate =
        state.create_physical_expr(predicate, &DFSchema::try_from(schema.as_ref().clone())?)?;
    let wanted = wanted.iter().map(|name| schema.index_of(name)).collect::<Result<_, _>>()?;
    let filter = FilterExecBuilder::new(predicate, input).apply_projection(Some(wanted))?;
    Ok(Arc::new(filter.build()?))
}

#[async_trait]
impl TableProvider for ShopTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| {
            if is_harmless(filter, &self.schema) {
                TableProviderFilterPushDown::Exact
            } else {
                TableProviderFilterPushDown::Unsupported
            }
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let name = |column: usize| self.schema.field(column).name().as_str();
        let wanted: Vec<&str> = match projection {
            Some(columns) => columns.iter().map(|column| name(*column)).collect(),
            None => (0..self.schema.fields().len()).map(name).collect(),
        };
        let mut paths = Vec::new();
        let files = self.scan_files(state, &wanted, filters, &mut paths).await?;
        let tail = self.scan_tail(state, &wanted, filters).await?;
        let rows = match (files, tail) {
            (Some(files), Some(tail)) => UnionExec::try_new(vec![files, tail])?,
            (Some(rows), None) | (None, Some(rows)) => rows,
            (None, None) => {
                let columns = columns_of(&self.schema, &wanted, &[]);
                Arc::new(EmptyExec::new(Arc::new(self.schema.project(&columns)?)))
            }
        };
        let (source, table) = (self.source.clone(), self.table);
        let files = ScannedFiles { source, table, paths, are_whole: OnceCell::new() };
        Ok(Arc::new(ShopScan::new(rows, files)))
    }
}
