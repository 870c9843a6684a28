//! From a question of the Postgres wire to its rows. They come as they are taken, as an export's do: no
//! answer is held in memory, and whoever reads one slowly holds up no question of others.

use arrow::datatypes::Schema;
use futures::TryStreamExt;

use super::columns::{Columns, Format, type_of_parameter};
use super::rows::WireAnswer;
use super::session::{Client, Wanted, described};
use crate::sql::{Sql, SqlError, Value};

/// One question.
#[derive(Clone, Copy, Debug)]
pub struct WireQuestion<'a> {
    pub shop: &'a str,
    /// Who asks, by the name that the session shows.
    pub user: &'a str,
    /// The cursors of its session, which it may ask for.
    pub cursors: &'a [String],
    pub sql: &'a str,
}

/// What a question takes and what its answer will be.
#[derive(Clone, Debug)]
pub struct Description {
    /// Numbers of the types that its parameters are taken as.
    pub parameters: Vec<u32>,
    pub columns: Columns,
}

impl Sql {
    /// Answers a question as it comes, with a value for each of its parameters.
    pub async fn wire_rows(
        &self,
        question: WireQuestion<'_>,
        values: Vec<(u32, Value)>,
    ) -> Result<WireAnswer, SqlError> {
        let WireQuestion { shop, user, cursors, sql } = question;
        let (user, cursors) = (user.to_string(), cursors.to_vec());
        let client = Client { user, cursors, values, wanted: Wanted::Rows };
        Ok(WireAnswer::of(self.stream_to(shop, sql, client).await?))
    }

    /// Plans a question, and does not answer it. `types` are the numbers of those that its parameters are
    /// given as; 0 where that is left open.
    pub async fn describe(
        &self,
        question: WireQuestion<'_>,
        types: &[u32],
    ) -> Result<Description, SqlError> {
        let WireQuestion { shop, user, cursors, sql } = question;
        let values = types.iter().map(|oid| (*oid, Value::Null)).collect();
        let (user, cursors) = (user.to_string(), cursors.to_vec());
        let client = Client { user, cursors, values, wanted: Wanted::Description };
        let answer = self.stream_to(shop, sql, client).await?;
        // To its end: whoever computed it may then be asked again.
        let _no_rows: Vec<_> = answer.rows.try_collect().await?;
        Description::of(&answer.schema)
    }
}

impl Description {
    /// What it takes in memory.
    pub fn bytes(&self) -> usize {
        size_of_val(self.parameters.as_slice()) + self.columns.bytes()
    }

    fn of(schema: &Schema) -> Result<Description, SqlError> {
        let unknown = || SqlError::Session("a description is of another shape".to_string());
        let (parameters, columns) = described(schema).ok_or_else(unknown)?;
        let parameters = parameters.iter().map(|field| type_of_parameter(field)).collect();
        Ok(Description { parameters, columns: Columns::of_fields(columns, |_| Format::Text) })
    }
}
