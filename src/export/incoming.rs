//! An answer on its way to a file or to a person, from this process or from a server.

use std::error::Error;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use serde::de::DeserializeOwned;

use super::{ExportFormat, render};
use crate::model::Offset;
use crate::sql::{Answer, AnswerStream};

/// Rows as they come. Whatever ends them before the last is an error, the last of them.
pub struct Incoming {
    /// Every record below this offset is in them.
    pub complete_to: Offset,
    pub schema: SchemaRef,
    pub rows: BoxStream<'static, Result<RecordBatch, BoxedError>>,
}

/// Rows that are made values at once: × 32 KiB of text = 32 MiB.
const VALUES_AT_ONCE: usize = 1_024;

pub type BoxedError = Box<dyn Error + Send + Sync>;

impl Incoming {
    /// All of it, in memory: for answers that are known to be small.
    pub async fn whole(self) -> Result<Answer, BoxedError> {
        let Incoming { complete_to, schema, rows } = self;
        Ok(Answer { complete_to, schema, batches: rows.try_collect().await? })
    }

    /// Takes the rows one after another, each as a value made of its JSON: for answers of any size.
    pub async fn fold<T: DeserializeOwned, A: Default>(
        self,
        mut take: impl FnMut(&mut A, T),
    ) -> Result<A, BoxedError> {
        let Incoming { complete_to, schema, mut rows } = self;
        let mut all = A::default();
        while let Some(batch) = rows.try_next().await? {
            for first in (0..batch.num_rows()).step_by(VALUES_AT_ONCE) {
                let some = batch.slice(first, VALUES_AT_ONCE.min(batch.num_rows() - first));
                let some = Answer { complete_to, schema: schema.clone(), batches: vec![some] };
                let json = render::file(&some, ExportFormat::Json)?;
                for value in serde_json::from_slice::<Vec<T>>(&json)? {
                    take(&mut all, value);
                }
            }
        }
        Ok(all)
    }
}

impl From<AnswerStream> for Incoming {
    fn from(answer: AnswerStream) -> Incoming {
        let AnswerStream { complete_to, schema, rows, .. } = answer;
        Incoming { complete_to, schema, rows: rows.map_err(BoxedError::from).boxed() }
    }
}

impl From<Answer> for Incoming {
    fn from(answer: Answer) -> Incoming {
        let Answer { complete_to, schema, batches } = answer;
        Incoming { complete_to, schema, rows: stream::iter(batches.into_iter().map(Ok)).boxed() }
    }
}
