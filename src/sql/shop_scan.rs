//! The wall between a question and the files: above it only rows of the asker's shop are seen,
//! below it only what [`super::harmless`] let through is evaluated.
//!
//! The engine moves work down a plan wherever a node says that it may: filters, filters that it
//! makes while it runs, projections with expressions in them, orders, limits. This node never says
//! so, by what it leaves out. It also holds the source that is read, so that its files stay until the
//! last row was taken.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::Statistics;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, SendableRecordBatchStream,
};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::OnceCell;

use super::source::Source;
use super::stored::Stored;

/// The rows of one shop in one table.
#[derive(Debug)]
pub(super) struct ShopScan {
    /// Its rows are those of the shop.
    input: Arc<dyn ExecutionPlan>,
    files: Arc<ScannedFiles>,
}

/// The files that a scan reads: compared with what was written before the first row is.
#[derive(Debug)]
pub(super) struct ScannedFiles {
    pub(super) source: Arc<dyn Source>,
    pub(super) table: Stored,
    pub(super) paths: Vec<Arc<str>>,
    pub(super) are_whole: OnceCell<()>,
}

impl ScannedFiles {
    async fn require_whole(&self) -> Result<()> {
        let compared = async || self.source.require_whole(self.table, &self.paths).await;
        self.are_whole.get_or_try_init(compared).await?;
        Ok(())
    }
}

impl ShopScan {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>, files: ScannedFiles) -> ShopScan {
        ShopScan { input, files: Arc::new(files) }
    }
}

impl DisplayAs for ShopScan {
    fn fmt_as(&self, _: DisplayFormatType, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ShopScan")
    }
}

impl ExecutionPlan for ShopScan {
    fn name(&self) -> &str {
        "ShopScan"
    }

    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.pop().unwrap_or_else(|| self.input.clone());
        Ok(Arc::new(ShopScan { input, files: self.files.clone() }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let (input, files) = (self.input.clone(), self.files.clone());
        let of_whole_files = {
            let files = files.clone();
            async move {
                files.require_whole().await?;
                input.execute(partition, context)
            }
        };
        let held = stream::once(of_whole_files).try_flatten().inspect(move |_| {
            // Moved in here: it lives as long as the stream does, and the files with it.
            let _ = &files;
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), held)))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        Ok(inputs[0].clone())
    }
}
