//! Questions that end when nobody waits for them, joins too: one may compare a batch with millions of
//! rows, or emit as many batches from it, without a moment at which its task could be stopped.

use std::fmt::{self, Display, Formatter};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::datatypes::{DataType, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::common::config::ConfigOptions;
use datafusion::common::exec_err;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{
    HashJoinExec, NestedLoopJoinExec, NestedLoopJoinExecBuilder,
};

/// Who waits for an answer: gone once dropped.
pub(super) struct Asker {
    gone: Arc<AtomicBool>,
}

/// What a question asks now and then: whether its asker is gone.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    gone: Arc<AtomicBool>,
}

impl Asker {
    pub(super) fn new() -> (Asker, Waiting) {
        let gone = Arc::<AtomicBool>::default();
        (Asker { gone: gone.clone() }, Waiting { gone })
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
    }
}

/// The last rule of a plan. Whatever emits more batches than it takes lets others have their turn,
/// and what a join compares fails once the asker is gone.
impl PhysicalOptimizerRule for Waiting {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let ending = |node: Arc<dyn ExecutionPlan>| {
            if !multiplies(node.as_ref()) {
                return Ok(Transformed::no(node));
            }
            let node = self.ending(node)?;
            Ok(Transformed::yes(Arc::new(CooperativeExec::new(node)) as Arc<dyn ExecutionPlan>))
        };
        Ok(plan.transform_up(ending)?.data)
    }

    fn name(&self) -> &str {
        "ends_with_its_asker"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn multiplies(node: &dyn ExecutionPlan) -> bool {
    let name = node.name();
    name.ends_with("JoinExec") || matches!(name, "UnnestExec" | "RecursiveQueryExec")
}

impl Waiting {
    fn ending(&self, node: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        if let Some(join) = node.downcast_ref::<NestedLoopJoinExec>() {
            let filter = join.filter().map(|filter| self.asking(filter));
            return Ok(Arc::new(
                NestedLoopJoinExecBuilder::from(join).with_filter(filter).build()?,
            ));
        }
        if let Some(join) = node.downcast_ref::<HashJoinExec>() {
            let filter = join.filter().map(|filter| self.asking(filter));
            return join.builder().with_filter(filter).build_exec();
        }
        Ok(node)
    }

    fn asking(&self, filter: &JoinFilter) -> JoinFilter {
        let inner = filter.expression().clone();
        let asking = Asking { inner, waiting: self.clone() };
        let columns = filter.column_indices().to_vec();
        JoinFilter::new(Arc::new(asking), columns, filter.schema().clone())
    }
}

/// A condition that fails once the asker is gone.
#[derive(Clone, Debug)]
struct Asking {
    inner: Arc<dyn PhysicalExpr>,
    waiting: Waiting,
}

impl PhysicalExpr for Asking {
    fn data_type(&self, schema: &Schema) -> Result<DataType> {
        self.inner.data_type(schema)
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        self.inner.nullable(schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        if self.waiting.gone.load(Ordering::Relaxed) {
            return exec_err!("nobody waits for the answer any longer");
        }
        self.inner.evaluate(batch)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.inner]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let inner = children.into_iter().next().unwrap_or_else(|| self.inner.clone());
        Ok(Arc::new(Asking { inner, waiting: self.waiting.clone() }))
    }

    fn fmt_sql(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.inner.fmt_sql(formatter)
    }
}

impl Display for Asking {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.inner.fmt(formatter)
    }
}

impl PartialEq for Asking {
    fn eq(&self, other: &Asking) -> bool {
        self.inner.eq(&other.inner)
    }
}

impl Eq for Asking {}

impl Hash for Asking {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}
