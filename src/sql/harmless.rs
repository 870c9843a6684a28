//! Which filters may be evaluated on rows of other shops: those that cannot fail, whatever the
//! values.
//!
//! An expression that fails quotes the value it failed on, and a whole expression is evaluated on
//! whole batches. So only comparisons of a column with literals of its own type, of two columns of numbers or times, and what joins
//! such, go down to the files, where the shop is applied. Everything else stays above, where only
//! the asker's own rows come.

use arrow::datatypes::{DataType, Schema};
use datafusion::common::Column;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Like, Operator};

/// Whether `filter` can be evaluated on any row of a table with this `schema` without an error.
pub(super) fn is_harmless(filter: &Expr, schema: &Schema) -> bool {
    let type_of =
        |column: &Column| schema.field_with_name(column.name()).map(|field| field.data_type()).ok();
    let is_like = |literal: &Expr, column: &Column| match literal {
        Expr::Literal(value, _) => Some(&value.data_type()) == type_of(column),
        _ => false,
    };
    match filter {
        Expr::Column(column) => type_of(column) == Some(&DataType::Boolean),
        Expr::IsNull(inner) | Expr::IsNotNull(inner) => matches!(&**inner, Expr::Column(_)),
        Expr::Not(inner) => is_harmless(inner, schema),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And | Operator::Or, right }) => {
            is_harmless(left, schema) && is_harmless(right, schema)
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (&**left, &**right) {
            (Expr::Column(one), Expr::Column(other)) => {
                let (one, other) = (type_of(one), type_of(other));
                is_comparison(*op) && one == other && one.is_some_and(|one| one.is_primitive())
            }
            (Expr::Column(column), literal) | (literal, Expr::Column(column)) => {
                is_comparison(*op) && is_like(literal, column)
            }
            _ => false,
        },
        Expr::Between(Between { expr, low, high, .. }) => match &**expr {
            Expr::Column(column) => is_like(low, column) && is_like(high, column),
            _ => false,
        },
        Expr::InList(InList { expr, list, .. }) => match &**expr {
            Expr::Column(column) => list.iter().all(|literal| is_like(literal, column)),
            _ => false,
        },
        Expr::Like(Like { expr, pattern, escape_char: None, .. }) => match &**expr {
            Expr::Column(column) => {
                matches!(type_of(column), Some(DataType::Utf8 | DataType::Utf8View))
                    && is_like(pattern, column)
            }
            _ => false,
        },
        _ => false,
    }
}

fn is_comparison(op: Operator) -> bool {
    matches!(
        op,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Field;
    use datafusion::prelude::{cast, col, lit};

    use super::*;

    #[test]
    fn only_what_cannot_fail_is_harmless() {
        let schema = Schema::new(vec![
            Field::new("text", DataType::Utf8, true),
            Field::new("offset", DataType::Int64, false),
            Field::new("seq", DataType::Int64, true),
            Field::new("short", DataType::Int32, true),
            Field::new("automatic", DataType::Boolean, false),
        ]);
        let harmless = [
            col("text").eq(lit("a")),
            lit(3_i64).lt(col("offset")),
            col("text").like(lit("%a%")),
            col("text").is_null(),
            col("offset").between(lit(1_i64), lit(2_i64)),
            col("offset").in_list(vec![lit(1_i64)], true),
            col("offset").lt_eq(col("seq")),
            col("automatic"),
            col("automatic").and(col("text").is_not_null().or(col("offset").not_eq(lit(1_i64)))),
        ];
        let harmful = [
            cast(col("text"), DataType::Int64).eq(lit(1_i64)),
            (lit(1_i64) / col("offset")).eq(lit(1_i64)),
            // A comparison of two types would be a cast.
            col("text").eq(lit(1_i64)),
            col("text").eq(col("text")),
            col("offset").eq(col("short")),
            col("offset").eq(col("absent")),
            col("text").like(col("text")),
            col("offset").in_list(vec![lit(1_i64) / col("offset")], false),
            col("automatic").and((lit(1_i64) / col("offset")).eq(lit(1_i64))),
            (lit(1_i64) / col("offset")).is_null(),
            col("absent").eq(lit(1_i64)),
        ];
        for filter in harmless {
            assert!(is_harmless(&filter, &schema), "{filter}");
        }
        for filter in harmful {
            assert!(!is_harmless(&filter, &schema), "{filter}");
        }
    }
}
