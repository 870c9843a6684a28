//! Of several shares of the same values, the values are kept once: `nearest_rank(v, 0.5), nearest_rank(v, 0.9)` become one
//! `nearest_ranks(v, 0.5, 0.9)`, whose parts have the names of before. Most queries of waits ask for three shares, and
//! the values are most of what they keep.

use std::sync::{Arc, LazyLock};

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, Result};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion::logical_expr::{Aggregate, AggregateUDF, Expr, LogicalPlan, Projection};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::nearest_rank::{NearestRank, Shares, rank_name};

#[derive(Debug)]
pub(super) struct SharedRanks;

/// One `nearest_rank`.
struct Rank<'a> {
    value: &'a Expr,
    share: &'a Expr,
    filter: Option<&'a Expr>,
}

/// Those of the same values, and where each stands among the aggregates.
struct Shared<'a> {
    value: &'a Expr,
    filter: Option<&'a Expr>,
    shares: Vec<(usize, &'a Expr)>,
}

impl OptimizerRule for SharedRanks {
    fn name(&self) -> &str {
        "shared_ranks"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Aggregate(aggregate) = &plan else { return Ok(Transformed::no(plan)) };
        let shared = shared(&aggregate.aggr_expr);
        let has_sets = aggregate.group_expr.iter().any(|by| matches!(by, Expr::GroupingSet(_)));
        if shared.is_empty() || has_sets {
            return Ok(Transformed::no(plan));
        }
        Ok(Transformed::yes(rewritten(aggregate, &shared)?))
    }
}

/// What can be shared.
fn shared(aggregates: &[Expr]) -> Vec<Shared<'_>> {
    let mut all: Vec<Shared<'_>> = Vec::new();
    for (place, aggregate) in aggregates.iter().enumerate() {
        let Some(Rank { value, share, filter }) = rank(aggregate) else { continue };
        let same = all.iter_mut().find(|of| of.value == value && of.filter == filter);
        match same {
            Some(same) => same.shares.push((place, share)),
            None => all.push(Shared { value, filter, shares: vec![(place, share)] }),
        }
    }
    all.retain(|of| of.shares.len() > 1);
    all
}

fn rank(aggregate: &Expr) -> Option<Rank<'_>> {
    // The engine gives it a name where its filter stands elsewhere too.
    let aggregate = match aggregate {
        Expr::Alias(alias) => &alias.expr,
        bare => bare,
    };
    let Expr::AggregateFunction(AggregateFunction { func, params }) = aggregate else {
        return None;
    };
    let AggregateFunctionParams { args, distinct: false, filter, order_by, null_treatment: None } =
        params
    else {
        return None;
    };
    let function = func.inner().downcast_ref::<NearestRank>()?;
    match (function.shares, args.as_slice(), order_by.as_slice()) {
        (Shares::One, [value, share], []) => Some(Rank { value, share, filter: filter.as_deref() }),
        _ => None,
    }
}

fn rewritten(aggregate: &Aggregate, shared: &[Shared<'_>]) -> Result<LogicalPlan> {
    static RANKS: LazyLock<Arc<AggregateUDF>> =
        LazyLock::new(|| Arc::new(AggregateUDF::from(NearestRank::of(Shares::Some))));
    let is_shared =
        |place: usize| shared.iter().any(|of| of.shares.iter().any(|(at, _)| *at == place));
    let alone = aggregate.aggr_expr.iter().enumerate().filter(|(place, _)| !is_shared(*place));
    let mut aggregates: Vec<Expr> = alone.map(|(_, aggregate)| aggregate.clone()).collect();
    let (groups, first) = (aggregate.group_expr.len(), aggregates.len());
    for Shared { value, filter, shares } in shared {
        let shares = shares.iter().map(|(_, share)| (*share).clone());
        let arguments = std::iter::once((*value).clone()).chain(shares).collect();
        let filter = filter.map(|filter| Box::new(filter.clone()));
        let ranks =
            AggregateFunction::new_udf(RANKS.clone(), arguments, false, filter, vec![], None);
        aggregates.push(Expr::AggregateFunction(ranks));
    }
    let input =
        Aggregate::try_new(aggregate.input.clone(), aggregate.group_expr.clone(), aggregates)?;
    let column = |place| Expr::Column(Column::from(input.schema.qualified_field(place)));
    let mut columns: Vec<Expr> = (0..groups).map(column).collect();
    let mut kept = groups;
    for place in 0..aggregate.aggr_expr.len() {
        let found = shared.iter().enumerate().find_map(|(set, of)| {
            let part = of.shares.iter().position(|(at, _)| *at == place)?;
            Some((groups + first + set, part))
        });
        columns.push(match found {
            Some((ranks, part)) => {
                let (qualifier, field) = aggregate.schema.qualified_field(groups + place);
                let rank = get_field(column(ranks), rank_name(part));
                rank.alias_qualified(qualifier.cloned(), field.name())
            }
            None => {
                kept += 1;
                column(kept - 1)
            }
        });
    }
    let input = Arc::new(LogicalPlan::Aggregate(input));
    Ok(LogicalPlan::Projection(Projection::try_new(columns, input)?))
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array, RecordBatch};
    use arrow::util::pretty::pretty_format_batches;
    use datafusion::execution::session_state::SessionStateBuilder;
    use datafusion::prelude::SessionContext;

    use super::*;
    use crate::model::testing::Dice;

    fn context(is_shared: bool) -> SessionContext {
        let mut state = SessionStateBuilder::new().with_default_features();
        if is_shared {
            state = state.with_optimizer_rule(Arc::new(SharedRanks));
        }
        let context = SessionContext::new_with_state(state.build());
        context.register_udaf(AggregateUDF::from(NearestRank::of(Shares::One)));
        let mut dice = Dice::new(7);
        let mut column = |sides: usize| -> ArrayRef {
            let value = |_| (dice.roll(9) > 0).then(|| dice.roll(sides) as i64);
            Arc::new((0..5_000).map(value).collect::<Int64Array>())
        };
        let columns = [("k", column(5)), ("v", column(1_000)), ("w", column(1_000))];
        context.register_batch("t", RecordBatch::try_from_iter(columns).unwrap()).unwrap();
        context
    }

    async fn told(context: &SessionContext, sql: &str) -> (String, String) {
        let question = context.sql(sql).await.unwrap();
        let plan = question.clone().into_optimized_plan().unwrap().to_string();
        (pretty_format_batches(&question.collect().await.unwrap()).unwrap().to_string(), plan)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn values_are_kept_once_and_the_answer_is_the_same() {
        for (sql, sets) in [
            (
                "SELECT k, nearest_rank(v, 0.5), count(*), nearest_rank(v, 0.9) AS p90 FROM t GROUP BY k ORDER BY k",
                1,
            ),
            (
                "SELECT nearest_rank(v, 0.5) + nearest_rank(v, 0.9), nearest_rank(v, 1) / 10.0 FROM t",
                1,
            ),
            (
                "SELECT nearest_rank(v, 0.5), nearest_rank(w, 0.5), nearest_rank(v, 0.1), nearest_rank(w, 0.1) FROM t",
                2,
            ),
            (
                "SELECT k, nearest_rank(v, 0.5) FILTER (WHERE w > 3), nearest_rank(v, 0.9) FILTER (WHERE w > 3), nearest_rank(v, 0.9) FROM t GROUP BY k HAVING nearest_rank(v, 0.2) > 1 ORDER BY k",
                2,
            ),
            // Nothing to share.
            (
                "SELECT nearest_rank(v, 0.5), nearest_rank(w, 0.5), nearest_rank(v, 0.5) FILTER (WHERE w > 3) FROM t",
                0,
            ),
            (
                "SELECT k, nearest_rank(v, 0.5), nearest_rank(v, 0.9) FROM t GROUP BY ROLLUP (k) ORDER BY k",
                0,
            ),
        ] {
            let (plain, _) = told(&context(false), sql).await;
            let (shared, plan) = told(&context(true), sql).await;
            assert_eq!(plain, shared, "{sql}");
            let line = plan.lines().find(|line| line.contains("Aggregate")).unwrap();
            assert_eq!(line.matches("nearest_ranks(").count(), sets, "{plan}");
        }
    }
}
