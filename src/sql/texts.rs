//! Questions whose answer is a list of names, for whoever knows no tables.

use std::collections::BTreeSet;

use arrow::array::{Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::error::DataFusionError;
use futures::StreamExt;

use super::{Sql, SqlError, Value};

impl Sql {
    /// The distinct texts in the first column of a query's rows, however many.
    pub async fn texts(
        &self,
        shop: &str,
        sql: &str,
        values: Vec<(String, Value)>,
    ) -> Result<BTreeSet<String>, SqlError> {
        let mut answer = self.stream(shop, sql, values).await?;
        let mut texts = BTreeSet::new();
        while let Some(rows) = answer.rows.next().await {
            // Names may come as a dictionary.
            let column = cast(rows?.column(0), &DataType::Utf8).map_err(DataFusionError::from)?;
            let column = column.as_any().downcast_ref::<StringArray>();
            texts.extend(column.into_iter().flatten().flatten().map(str::to_string));
        }
        Ok(texts)
    }
}
