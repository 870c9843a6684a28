//! Functions of a session of the Postgres wire: the library's, which clients' catalogue queries use,
//! and [`super::builtins`], which it lacks or answers otherwise than is true here.

use std::sync::Arc;

use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::SessionContext;
use datafusion_pg_catalog::pg_catalog as library;
use datafusion_pg_catalog::pg_catalog::PgCatalogStaticTables;
use datafusion_pg_catalog::pg_catalog::generate_series_arg_coercion::CoerceIntArgsToBigInt;
use datafusion_pg_catalog::pg_catalog::oid_type_planner::PgOidTypePlanner;
use datafusion_pg_catalog::pg_catalog::{
    array_bounds_udf, format_type, pg_get_expr_udf, quote_ident_udf,
};

use super::builtins;

/// Makes known what every session has: as the library's `setup_pg_catalog`, which would decode the
/// catalogue's tables anew for each.
pub(super) fn register(context: &SessionContext, statics: &Arc<PgCatalogStaticTables>) {
    let planner = Arc::new(PgOidTypePlanner);
    let state = SessionStateBuilder::new_from_existing(context.state());
    *context.state_ref().write() = state.with_type_planner(planner).build();
    context.register_udtf("pg_get_keywords", statics.pg_get_keywords.clone());
    for function in [
        library::create_current_schema_udf(),
        library::create_current_schemas_udf(),
        library::create_pg_get_partkeydef_udf(),
        library::create_pg_relation_is_publishable_udf(),
        library::create_pg_get_statisticsobjdef_columns_udf(),
        library::create_pg_encoding_to_char_udf(),
        library::create_pg_relation_size_udf(),
        library::create_pg_total_relation_size_udf(),
        library::create_pg_stat_get_numscans(),
        library::create_pg_get_partition_ancestors_udf(),
        format_type::create_format_type_udf(),
        pg_get_expr_udf::create_pg_get_expr_udf(),
        quote_ident_udf::create_quote_ident_udf(),
        quote_ident_udf::create_parse_ident_udf(),
        array_bounds_udf::create_array_upper_udf(),
        array_bounds_udf::create_array_lower_udf(),
    ] {
        context.register_udf(function);
    }
    CoerceIntArgsToBigInt::widen(context);
    for function in builtins::all() {
        context.register_udf(function);
    }
}

/// Makes known what says who asks.
pub(super) fn register_user(context: &SessionContext, user: &str) {
    for function in builtins::of_user(user) {
        context.register_udf(function);
    }
}

/// Makes known what the shop's own session has beyond the engine's.
pub(super) fn take_over(context: &SessionContext, own: &SessionContext) {
    let own = own.state();
    let state = context.state_ref();
    let known = state.read().clone();
    let is_new = |name: &String| !known.scalar_functions().contains_key(name);
    for (_, function) in own.scalar_functions().iter().filter(|(name, _)| is_new(name)) {
        context.register_udf(function.as_ref().clone());
    }
    let is_new = |name: &String| !known.aggregate_functions().contains_key(name);
    for (_, function) in own.aggregate_functions().iter().filter(|(name, _)| is_new(name)) {
        context.register_udaf(function.as_ref().clone());
    }
    let is_new = |name: &String| !known.table_functions().contains_key(name);
    for (name, function) in own.table_functions().iter().filter(|(name, _)| is_new(name)) {
        context.register_udtf(name, function.function().clone());
    }
}
