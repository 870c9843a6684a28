//! What the engine would answer wrongly without a word, answered rightly or refused: people who know Postgres write it.
//!
//! - `to_char(instant, 'YYYY-MM')`: the engine knows the formats of strftime alone, and gives others back as they are.
//! - `extract(epoch FROM until - since)`: the engine cuts the fraction of the seconds off.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, plan_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Expr, ExprSchemable, cast, lit};
use datafusion::scalar::ScalarValue;

const SECOND_MICROS: f64 = 1e6;

/// Postgres' patterns, the longer of two before the shorter, and what strftime has for each.
const PATTERNS: &[(&str, &str)] = &[
    ("IYYY", "%G"),
    ("YYYY", "%Y"),
    ("Month", "%B"),
    ("HH24", "%H"),
    ("HH12", "%I"),
    ("DDD", "%j"),
    ("Mon", "%b"),
    ("Day", "%A"),
    ("YY", "%y"),
    ("MM", "%m"),
    ("DD", "%d"),
    ("Dy", "%a"),
    ("HH", "%I"),
    ("MI", "%M"),
    ("SS", "%S"),
    ("MS", "%3f"),
    ("US", "%6f"),
    ("AM", "%p"),
    ("PM", "%p"),
    ("IW", "%V"),
    ("ID", "%u"),
];

#[derive(Debug)]
pub(super) struct Corrected;

impl FunctionRewrite for Corrected {
    fn name(&self) -> &str {
        "corrected"
    }

    fn rewrite(
        &self,
        expression: Expr,
        schema: &DFSchema,
        _config: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        let Expr::ScalarFunction(function) = &expression else {
            return Ok(Transformed::no(expression));
        };
        let corrected = match (function.name(), function.args.as_slice()) {
            ("to_char" | "date_format", [instant, format]) => to_char(function, instant, format)?,
            ("date_part" | "datepart", [part, span]) => epoch_of_span(part, span, schema)?,
            _ => None,
        };
        Ok(match corrected {
            Some(corrected) => Transformed::yes(corrected),
            None => Transformed::no(expression),
        })
    }
}

/// The same with a format of strftime.
fn to_char(function: &ScalarFunction, instant: &Expr, format: &Expr) -> Result<Option<Expr>> {
    let Some(format) = text_of(format).filter(|format| !format.contains('%')) else {
        return Ok(None);
    };
    let args = vec![instant.clone(), lit(strftime(format)?)];
    Ok(Some(Expr::ScalarFunction(ScalarFunction::new_udf(function.func.clone(), args))))
}

/// A pattern of Postgres as one of strftime.
fn strftime(pattern: &str) -> Result<String> {
    let (mut rest, mut made) = (pattern, String::new());
    while let Some(first) = rest.chars().next() {
        let known = PATTERNS.iter().find(|(pattern, _)| rest.starts_with(pattern));
        if let Some((pattern, strftime)) = known {
            made.push_str(strftime);
            rest = &rest[pattern.len()..];
        } else if let Some((quoted, behind)) =
            rest.strip_prefix('"').and_then(|rest| rest.split_once('"'))
        {
            made.push_str(quoted);
            rest = behind;
        } else if first.is_alphabetic() && first.is_ascii() {
            return plan_err!(
                "to_char: `{pattern}` holds `{first}`, which is none of the patterns known here ({}); \
                 those of strftime, such as '%Y-%m', do as well",
                PATTERNS.iter().map(|(pattern, _)| *pattern).collect::<Vec<_>>().join(" ")
            );
        } else {
            made.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    Ok(made)
}

/// The seconds of a span, with their fraction.
fn epoch_of_span(part: &Expr, span: &Expr, schema: &DFSchema) -> Result<Option<Expr>> {
    let is_epoch = text_of(part).is_some_and(|part| part.trim().eq_ignore_ascii_case("epoch"));
    if !is_epoch || !matches!(span.get_type(schema)?, DataType::Duration(_)) {
        return Ok(None);
    }
    let micros = cast(span.clone(), DataType::Duration(TimeUnit::Microsecond));
    let micros = cast(cast(micros, DataType::Int64), DataType::Float64);
    Ok(Some(micros / lit(SECOND_MICROS)))
}

fn text_of(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Literal(
            ScalarValue::Utf8(Some(text))
            | ScalarValue::LargeUtf8(Some(text))
            | ScalarValue::Utf8View(Some(text)),
            _,
        ) => Some(text),
        Expr::Cast(cast) => text_of(&cast.expr),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_postgres_are_understood_or_refused() {
        for (pattern, expected) in [
            ("YYYY-MM", "%Y-%m"),
            ("DD.MM.YYYY HH24:MI:SS", "%d.%m.%Y %H:%M:%S"),
            ("Dy, Mon DD", "%a, %b %d"),
            ("IYYY-\"W\"IW", "%G-W%V"),
            ("HH12:MI AM", "%I:%M %p"),
            ("YYYY年MM月", "%Y年%m月"),
        ] {
            assert_eq!(strftime(pattern).unwrap(), expected, "{pattern}");
        }
        for pattern in ["Q", "YYYY-Q", "TZ", "FMDD"] {
            let error = strftime(pattern).unwrap_err().to_string();
            assert!(error.contains(pattern) && error.contains("%Y-%m"), "{error}");
        }
    }
}
