//! The tables of one shop, and the views over them: a file a view, its SQL and what its columns mean.

mod messages;
mod categories;
mod conversations;
mod waits;
mod open_waits;
mod first_replies;
mod resolutions;
mod queue_waits;
mod assignments;
mod targets;
mod bot_episodes;
mod contacts;
mod reopenings;
mod rated_requests;
mod beginnings;

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::plan_err;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::datasource::ViewTable;
use datafusion::error::Result;
use datafusion::logical_expr::{LogicalPlan, TableSource};
use datafusion::prelude::SessionContext;

/// A table that is made when it is asked.
pub(super) struct View {
    pub(super) name: &'static str,
    pub(super) sql: &'static str,
    /// What its columns mean, in its order: a test compares them with what the SQL makes.
    pub(super) columns: &'static [(&'static str, Meaning)],
}

/// What a column of a view means.
pub(super) enum Meaning {
    /// The same as the column of this name of a table.
    Of(&'static str),
    Own(&'static str),
}

/// The views, each after those that it is made of.
pub(super) const VIEWS: &[View] = &[
    messages::VIEW,
    categories::VIEW,
    conversations::VIEW,
    waits::VIEW,
    open_waits::VIEW,
    first_replies::VIEW,
    resolutions::VIEW,
    queue_waits::VIEW,
    assignments::VIEW,
    targets::VIEW,
    bot_episodes::VIEW,
    contacts::VIEW,
    reopenings::VIEW,
    rated_requests::VIEW,
    beginnings::VIEW,
];

/// The tables, each with one line on what a row is. Their order is the order of registration: views
/// come after what they are made of.
pub const TABLES: &[(&str, &str)] = &[
    ("events", "one row per record, as received"),
    ("turns", "one row per wait of a customer"),
    ("episodes", "one row per stretch from open or reopen to resolve"),
    ("changes", "one row per edit or retraction of a message"),
    ("tags", "one row per tag put on a conversation or taken off"),
    ("strays", "one row per record outside every episode"),
    ("stints", "one row per stretch of an episode in one place: nobody, bot, queue, agent, paused"),
    ("ratings", "one row per rating, and per question for one"),
    ("messages", "one row per message, as last edited, retractions marked"),
    ("categories", "one row per category that stands on a conversation"),
    ("conversations", "one row per conversation"),
    (
        "waits",
        "one row per wait of a customer: how long until a human's reply, or why there is no figure",
    ),
    ("open_waits", "one row per wait that goes on now"),
    ("first_replies", "one row per episode: how long until the first human reply"),
    ("resolutions", "one row per episode: how long until it was resolved"),
    ("queue_waits", "one row per stay in the queue"),
    ("assignments", "one row per stretch in which an agent had a conversation"),
    (
        "targets",
        "one row per wait or episode with a time by which it was due: met, breached, cancelled",
    ),
    ("bot_episodes", "one row per episode that a bot took part in, and what became of it"),
    ("contacts", "one row per episode of a known customer, whatever else is asked for"),
    ("reopenings", "one row per reopening, whatever else is asked for"),
    ("rated_requests", "one row per request that a rating answered, whatever else is asked for"),
    ("beginnings", "one row per conversation with an episode, whatever else is asked for"),
];

/// The views as plans, over tables without rows: to read their SQL for each question would take longer than many questions.
#[derive(Debug)]
pub(super) struct Planned(Vec<(&'static str, LogicalPlan)>);

impl Planned {
    /// Plans them, in a session that knows the tables they are made of.
    pub(super) async fn new(context: &SessionContext) -> Result<Planned> {
        let mut planned = Vec::new();
        for View { name, sql, .. } in VIEWS {
            let view = context.sql(sql).await?;
            planned.push((*name, view.logical_plan().clone()));
            context.register_table(*name, view.into_view())?;
        }
        Ok(Planned(planned))
    }

    /// Makes them known to a session, over these tables.
    pub(super) fn register(
        &self,
        context: &SessionContext,
        tables: &HashMap<&str, Arc<dyn TableSource>>,
    ) -> Result<()> {
        for (name, plan) in &self.0 {
            let view = over(plan.clone(), tables)?;
            context.register_table(*name, Arc::new(ViewTable::new(view, None)))?;
        }
        Ok(())
    }
}

/// The same plan, in which rows come from these tables: views are made of nothing else, other views are part of the plan.
fn over(plan: LogicalPlan, tables: &HashMap<&str, Arc<dyn TableSource>>) -> Result<LogicalPlan> {
    let over_these = |node| match node {
        LogicalPlan::TableScan(mut scan) => match tables.get(scan.table_name.table()) {
            Some(table) => {
                scan.source = table.clone();
                Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
            }
            None => plan_err!("a view is made of `{}`, which is no table", scan.table_name),
        },
        other => Ok(Transformed::no(other)),
    };
    plan.transform_up_with_subqueries(over_these).data()
}
