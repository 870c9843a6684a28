//! A session of a client of the Postgres wire: one shop's tables, beside them the catalogue, and the
//! parser that makes of what clients are known to ask what the engine understands.
//!
//! Everything but the tables is made once in a process, when the first such question comes: to decode
//! the catalogue's tables takes longer than to answer from them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema};
use datafusion::catalog::{CatalogProvider, MemoryCatalogProviderList};
use datafusion::catalog::{CatalogProviderList, MemoryCatalogProvider, SchemaProvider};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::prelude::{DataFrame, SQLOptions, SessionConfig, SessionContext};
use datafusion::scalar::ScalarValue;
use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::sqlparser::ast::Statement;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use serde::{Deserialize, Serialize};

use super::catalog::{self, PgCatalog};
use super::kind::Kind;
use super::listed::{DATABASE, Listed, PUBLIC};
use super::{builtins, functions, information, nothing, own_tables, rewrite};
use crate::model::FieldError;
use crate::sql::{SqlError, Value, guard, size};

/// A description has its columns as two fields of this shape.
const PARAMETERS: &str = "parameters";
const COLUMNS: &str = "columns";

/// Who asks over the Postgres wire, and what for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sql) struct Client {
    pub(in crate::sql) user: String,
    /// Those that it has, by name.
    pub(in crate::sql) cursors: Vec<String>,
    /// Of its parameters, each with the number of its type, which is 0 where that is left open.
    pub(in crate::sql) values: Vec<(u32, Value)>,
    pub(in crate::sql) wanted: Wanted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sql) enum Wanted {
    Rows,
    /// Which types parameters and columns have.
    Description,
}

/// What all sessions share.
pub(in crate::sql) struct Postgres {
    base: SessionState,
    parser: PostgresCompatibilityParser,
    pg_catalog: PgCatalog,
    information: Arc<dyn SchemaProvider>,
}

impl Postgres {
    /// Made of the tables that the session `own` of a shop has: every shop has the same.
    pub(in crate::sql) async fn new(
        base: &SessionState,
        own: &SessionContext,
    ) -> Result<Postgres, SqlError> {
        let config = SessionConfig::new().with_default_catalog_and_schema(DATABASE, PUBLIC);
        let state = SessionStateBuilder::new_from_existing(base.clone()).with_config(config);
        let context = SessionContext::new_with_state(state.build());
        let statics = catalog::static_tables()?;
        functions::register(&context, &statics);
        let mut listed = Listed::default();
        listed.add_all_of(PUBLIC, public_of(own)?.as_ref()).await?;
        let information = information::schema(&listed)?;
        listed.add_all_of(information::NAME, information.as_ref()).await?;
        let pg_catalog = catalog::schema(listed, statics).await?;
        context.register_udf(builtins::table_is_visible(own_tables::hidden(&pg_catalog).await?));
        let base = context.state();
        let parser = PostgresCompatibilityParser::new();
        Ok(Postgres { base, parser, pg_catalog, information })
    }

    /// A session of one user, whose tables `public` has.
    fn context(
        &self,
        client: &Client,
        public: Arc<dyn SchemaProvider>,
    ) -> Result<SessionContext, SqlError> {
        let ours = MemoryCatalogProvider::new();
        ours.register_schema(PUBLIC, public)?;
        let pg_catalog = self.pg_catalog.with_cursors(&client.cursors)?;
        ours.register_schema(catalog::NAME, Arc::new(pg_catalog))?;
        ours.register_schema(information::NAME, self.information.clone())?;
        let catalogs = MemoryCatalogProviderList::new();
        catalogs.register_catalog(DATABASE.to_string(), Arc::new(ours));
        let state = SessionStateBuilder::new_from_existing(self.base.clone())
            .with_catalog_list(Arc::new(catalogs))
            .build();
        let context = SessionContext::new_with_state(state);
        functions::register_user(&context, &client.user);
        Ok(context)
    }

    /// A query, planned and not begun, over the tables of `public` with the functions of the shop's own
    /// session `own`.
    pub(in crate::sql) async fn plan(
        &self,
        client: &Client,
        sql: &str,
        own: &SessionContext,
    ) -> Result<DataFrame, SqlError> {
        size::check_steps(sql, &PostgreSqlDialect {})?;
        let statement = self.parse(sql)?;
        let context = self.context(client, public_of(own)?)?;
        functions::take_over(&context, own);
        let plan = if rewrite::is_of_catalogue(&statement) {
            self.plan_of_catalogue(&context, sql, statement).await?
        } else {
            plan_of(&context, statement).await?
        };
        // The guard has seen the text; this sees what became of it.
        let only_reads = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        only_reads.verify_plan(&plan)?;
        Ok(context.execute_logical_plan(plan).await?)
    }

    /// The one statement of a text, if it only reads, in words that the engine understands.
    fn parse(&self, sql: &str) -> Result<Statement, SqlError> {
        let parsed = self.parser.parse(sql);
        let mut parsed = parsed.map_err(|error| DataFusionError::SQL(Box::new(error), None))?;
        let (1, Some(statement)) = (parsed.len(), parsed.pop()) else {
            return Err(FieldError::new("query", sql, "be one statement").into());
        };
        guard::check_statement(&statement)?;
        Ok(statement)
    }

    /// A plan of what looks at the catalogue alone: as it is said, or else said otherwise, or else
    /// without a row, where there can be none.
    async fn plan_of_catalogue(
        &self,
        context: &SessionContext,
        sql: &str,
        statement: Statement,
    ) -> Result<LogicalPlan, SqlError> {
        let none = nothing::plan(&statement);
        let first = plan_of(context, statement).await;
        if !rewrite::is_needed(sql)
            && let Ok(plan) = &first
            && context.state().optimize(plan).is_ok()
        {
            return Ok(plan.clone());
        }
        if let Some(other) = rewrite::rewritten(sql)
            && let Ok(statement) = self.parse(&other)
            && let Ok(plan) = plan_of(context, statement).await
            && context.state().optimize(&plan).is_ok()
        {
            return Ok(plan);
        }
        match none {
            Some(none) => Ok(none?),
            None => first,
        }
    }
}

async fn plan_of(context: &SessionContext, statement: Statement) -> Result<LogicalPlan, SqlError> {
    let parsed = Parsed::Statement(Box::new(statement));
    Ok(context.state().statement_to_plan(parsed).await?)
}

/// The schema that has the shop's tables.
fn public_of(own: &SessionContext) -> Result<Arc<dyn SchemaProvider>, SqlError> {
    let catalogs = own.catalog_names().into_iter().filter_map(|name| own.catalog(&name));
    let mut schemas = catalogs.filter_map(|catalog| catalog.schema(PUBLIC));
    schemas.next().ok_or_else(|| SqlError::Session("no tables".to_string()))
}

/// The types of a query's parameters and columns, as the schema of two structs. What types its parameters
/// are given as counts more than what is inferred.
pub(in crate::sql) fn description(query: &DataFrame, client: &Client) -> Result<Schema, SqlError> {
    let plan = query.logical_plan();
    let mut types = plan.get_parameter_types()?;
    let mut cast_types = HashMap::new();
    note_casts(plan, &mut cast_types)?;
    let count = types.keys().filter_map(|name| number_of(name)).max().unwrap_or(0);
    let parameter = |number: usize| {
        let name = format!("${number}");
        let given = client.values.get(number - 1).and_then(|(oid, _)| Kind::of_oid(*oid));
        let known = given.map(Kind::data_type);
        let known = known.or_else(|| types.remove(&name).flatten());
        let known = known.or_else(|| cast_types.remove(&name));
        Field::new(name, known.unwrap_or(DataType::Utf8), true)
    };
    let parameters: Fields = (1..=count).map(parameter).collect();
    let structs = [(PARAMETERS, parameters.clone()), (COLUMNS, columns_of(query, &parameters)?)];
    let fields = structs.map(|(name, fields)| Field::new(name, DataType::Struct(fields), false));
    Ok(Schema::new(fields.to_vec()))
}

/// The columns of a query whose parameters have these types: what a parameter is decides what is made of
/// it.
fn columns_of(query: &DataFrame, parameters: &Fields) -> Result<Fields, SqlError> {
    if parameters.is_empty() {
        return Ok(query.schema().as_arrow().fields().clone());
    }
    let nulls = parameters.iter().map(|field| ScalarValue::try_from(field.data_type()));
    let nulls = nulls.collect::<Result<Vec<_>, _>>()?;
    let typed = query.clone().with_param_values(nulls)?;
    Ok(typed.schema().as_arrow().fields().clone())
}

impl Client {
    /// The values, each of its type.
    pub(in crate::sql) fn scalars(&self) -> Result<Vec<ScalarValue>, SqlError> {
        let scalars = self.values.iter().map(|(oid, value)| {
            let scalar = ScalarValue::from(value.clone());
            match Kind::of_oid(*oid) {
                Some(kind) => scalar.cast_to(&kind.data_type()),
                None => Ok(scalar),
            }
        });
        Ok(scalars.collect::<Result<_, _>>()?)
    }
}

/// Parameters and columns of a description.
pub(super) fn described(schema: &Schema) -> Option<(Fields, Fields)> {
    let of = |name: &str| match schema.field_with_name(name).ok()?.data_type() {
        DataType::Struct(fields) => Some(fields.clone()),
        _ => None,
    };
    Some((of(PARAMETERS)?, of(COLUMNS)?))
}

/// Parameters in one query, of which each has a field in its description.
const PARAMETERS_MAX: usize = 1_024;

fn number_of(name: &str) -> Option<usize> {
    let number = name.strip_prefix('$')?.parse().ok()?;
    (number <= PARAMETERS_MAX).then_some(number)
}

/// The parameter that is a list in which something is looked for, as `= ANY($1)` says, and of which type
/// it is.
fn list_of(node: &LogicalPlan, expression: &Expr) -> Option<(String, DataType)> {
    let Expr::ScalarFunction(function) = expression else { return None };
    let [Expr::Placeholder(list), item] = function.args.as_slice() else { return None };
    if function.name() != "array_has" {
        return None;
    }
    let item = node.inputs().into_iter().find_map(|input| item.get_type(input.schema()).ok())?;
    let field = Field::new_list_field(item, true);
    Some((list.id.clone(), DataType::List(Arc::new(field))))
}

/// What parameters are cast to, and that a limit is a number: the engine infers the types of those alone
/// that are compared.
fn note_casts(
    plan: &LogicalPlan,
    types: &mut HashMap<String, DataType>,
) -> Result<(), DataFusionError> {
    plan.apply(|node| {
        if let LogicalPlan::Limit(limit) = node {
            for rows in [&limit.skip, &limit.fetch].into_iter().flatten() {
                if let Expr::Placeholder(parameter) = &**rows {
                    types.insert(parameter.id.clone(), DataType::Int64);
                }
            }
        }
        node.apply_expressions(|expression| {
            expression.apply(|expression| {
                if let Some((parameter, list)) = list_of(node, expression) {
                    types.insert(parameter, list);
                }
                if let Expr::Cast(cast) = expression
                    && let Expr::Placeholder(parameter) = &*cast.expr
                {
                    types.insert(parameter.id.clone(), cast.field.data_type().clone());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(())
}
