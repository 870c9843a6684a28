//! Functions that Postgres has and clients call: those that say what serves them, and those about what
//! is not here (comments, defaults, keys), which answer NULL or nothing for every argument.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{BooleanArray, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::cast::{as_int32_array, as_string_array};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

use super::listed::{DATABASE, OWNER};

/// The version that clients go by: what they may then ask is what is answered here.
pub const SERVER_VERSION: &str = "16.6";
const SERVER_VERSION_NUMBER: &str = "160006";

/// Those that are the same for whoever asks.
pub(super) fn all() -> Vec<ScalarUDF> {
    let version = format!("PostgreSQL {SERVER_VERSION} (verbatim {})", env!("CARGO_PKG_VERSION"));
    let text = |name, text: &str| constant(name, ScalarValue::from(text));
    let null_text = |name| constant(name, ScalarValue::Utf8(None));
    let truth = |name, truth: bool| constant(name, ScalarValue::from(truth));
    let mut functions = vec![
        text("version", &version),
        text("current_database", DATABASE),
        text("current_catalog", DATABASE),
        text("pg_get_userbyid", OWNER),
        text("pg_client_encoding", "UTF8"),
        constant("pg_backend_pid", ScalarValue::Int32(Some(0))),
        constant("pg_my_temp_schema", ScalarValue::Int32(Some(0))),
        constant("inet_server_port", ScalarValue::Int32(None)),
        constant("to_regtype", ScalarValue::Int32(None)),
        constant("txid_current", ScalarValue::Int64(Some(0))),
        constant("pg_indexes_size", ScalarValue::Int64(Some(0))),
        constant("pg_table_size", ScalarValue::Int64(Some(0))),
        constant("pg_database_size", ScalarValue::Int64(Some(0))),
        truth("pg_is_in_recovery", false),
        truth("pg_is_other_temp_schema", false),
        truth("pg_type_is_visible", true),
        truth("pg_function_is_visible", true),
        truth("pg_opclass_is_visible", true),
        truth("pg_collation_is_visible", true),
        truth("has_function_privilege", true),
        truth("has_sequence_privilege", true),
        truth("has_type_privilege", true),
        truth("pg_has_role", true),
        truth("row_security_active", false),
        ScalarUDF::from(CurrentSetting(Signature::variadic_any(Volatility::Stable))),
    ];
    functions.extend(
        [
            "obj_description",
            "col_description",
            "shobj_description",
            "pg_get_constraintdef",
            "pg_get_viewdef",
            "pg_get_indexdef",
            "pg_get_triggerdef",
            "pg_get_ruledef",
            "pg_get_functiondef",
            "pg_get_function_arguments",
            "pg_get_function_identity_arguments",
            "pg_get_function_result",
            "pg_get_serial_sequence",
            "pg_tablespace_location",
            "pg_describe_object",
            "pg_get_partition_constraintdef",
            "pg_get_statisticsobjdef",
            "json_build_object",
            "inet_server_addr",
            "inet_client_addr",
        ]
        .map(null_text),
    );
    let privileges = [
        "has_table_privilege",
        "has_column_privilege",
        "has_any_column_privilege",
        "has_schema_privilege",
        "has_database_privilege",
    ];
    functions.extend(privileges.map(|name| {
        ScalarUDF::from(HasPrivilege {
            name,
            signature: Signature::variadic_any(Volatility::Stable),
        })
    }));
    functions
}

/// Those that say who asks.
pub(super) fn of_user(user: &str) -> [ScalarUDF; 4] {
    ["session_user", "current_user", "current_role", "user"]
        .map(|name| constant(name, ScalarValue::from(user)))
}

/// A function that answers the same whatever it is given.
fn constant(name: &'static str, value: ScalarValue) -> ScalarUDF {
    let signature = Signature::one_of(
        vec![
            datafusion::logical_expr::TypeSignature::Nullary,
            datafusion::logical_expr::TypeSignature::VariadicAny,
        ],
        Volatility::Stable,
    );
    ScalarUDF::from(Constant { name, value, signature })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Constant {
    name: &'static str,
    value: ScalarValue,
    signature: Signature,
}

impl ScalarUDFImpl for Constant {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.value.data_type())
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.value.clone()))
    }
}

/// `pg_table_is_visible(oid)`: whether a table is found by its name alone.
pub(super) fn table_is_visible(hidden: BTreeSet<i32>) -> ScalarUDF {
    let signature = Signature::exact(vec![DataType::Int32], Volatility::Stable);
    ScalarUDF::from(TableIsVisible { hidden, signature })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TableIsVisible {
    hidden: BTreeSet<i32>,
    signature: Signature,
}

impl ScalarUDFImpl for TableIsVisible {
    fn name(&self) -> &str {
        "pg_table_is_visible"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let oids = ColumnarValue::values_to_arrays(&arguments.args)?;
        let visible = oids.first().map(|oids| as_int32_array(oids)).transpose()?;
        let visible = visible.into_iter().flatten().map(|oid| Some(!self.hidden.contains(&oid?)));
        Ok(ColumnarValue::Array(Arc::new(visible.collect::<BooleanArray>())))
    }
}

/// `current_setting(name)`, `current_setting(name, missing_ok)`: what every session has. What a client has set
/// itself it reads by SHOW.
#[derive(Debug, PartialEq, Eq, Hash)]
struct CurrentSetting(Signature);

impl ScalarUDFImpl for CurrentSetting {
    fn name(&self) -> &str {
        "current_setting"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let Some(names) = arguments.args.first() else {
            return Ok(ColumnarValue::Scalar(ScalarValue::Utf8(None)));
        };
        let names = arrow::compute::cast(&names.to_array(rows)?, &DataType::Utf8)?;
        let settings: StringArray =
            as_string_array(&names)?.iter().map(|name| default_setting(name?)).collect();
        Ok(ColumnarValue::Array(Arc::new(settings)))
    }
}

/// What everybody may do who is let in: to read.
const PRIVILEGES: &[&str] = &["SELECT", "USAGE", "CONNECT"];

/// `has_table_privilege([user,] table, privilege)` and its like: whether one may do what the last argument
/// says, or one of several.
#[derive(Debug, PartialEq, Eq, Hash)]
struct HasPrivilege {
    name: &'static str,
    signature: Signature,
}

impl ScalarUDFImpl for HasPrivilege {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(privileges) = arguments.args.last() else {
            return Ok(ColumnarValue::Scalar(ScalarValue::Boolean(None)));
        };
        let privileges = privileges.to_array(arguments.number_rows)?;
        let privileges = arrow::compute::cast(&privileges, &DataType::Utf8)?;
        let has: BooleanArray =
            as_string_array(&privileges)?.iter().map(|said| said.map(is_privilege)).collect();
        Ok(ColumnarValue::Array(Arc::new(has)))
    }
}

fn is_privilege(said: &str) -> bool {
    said.split(',').any(|one| PRIVILEGES.contains(&one.trim().to_uppercase().as_str()))
}

/// What a setting is as a session begins; `None` for one that there is not.
pub fn default_setting(name: &str) -> Option<&'static str> {
    let known = SETTINGS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    known.map(|(_, value)| *value)
}

/// Settings as every session begins: those that `SHOW`, `current_setting` and `pg_settings` know.
pub(super) const SETTINGS: &[(&str, &str)] = &[
    ("application_name", ""),
    ("block_size", "8192"),
    ("bytea_output", "hex"),
    ("client_encoding", "UTF8"),
    ("client_min_messages", "notice"),
    ("DateStyle", "ISO, MDY"),
    ("default_table_access_method", "heap"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_read_only", "on"),
    ("extra_float_digits", "1"),
    ("idle_in_transaction_session_timeout", "0"),
    ("idle_session_timeout", "0"),
    ("in_hot_standby", "off"),
    ("integer_datetimes", "on"),
    ("IntervalStyle", "postgres"),
    ("is_superuser", "off"),
    ("jit", "off"),
    ("lc_collate", "C"),
    ("lc_ctype", "C.UTF-8"),
    ("lc_messages", "C"),
    ("lc_monetary", "C"),
    ("lc_numeric", "C"),
    ("lc_time", "C"),
    ("lock_timeout", "0"),
    ("max_identifier_length", "63"),
    ("max_index_keys", "32"),
    ("row_security", "on"),
    ("search_path", "public"),
    ("server_encoding", "UTF8"),
    ("server_version", SERVER_VERSION),
    ("server_version_num", SERVER_VERSION_NUMBER),
    ("session_authorization", ""),
    ("ssl", "on"),
    ("standard_conforming_strings", "on"),
    ("statement_timeout", "0"),
    ("TimeZone", "UTC"),
    ("transaction_isolation", "read committed"),
    ("transaction_read_only", "on"),
    ("verbatim.case", ""),
    ("verbatim.reason", ""),
    ("xmloption", "content"),
];

#[cfg(test)]
mod tests {
    use super::is_privilege;

    #[test]
    fn one_may_read_and_nothing_else() {
        for said in ["SELECT", "usage", " Connect ", "insert, select"] {
            assert!(is_privilege(said), "{said}");
        }
        for said in ["UPDATE", "insert,delete", "SELECT WITH GRANT OPTION", "create", ""] {
            assert!(!is_privilege(said), "{said}");
        }
    }
}
