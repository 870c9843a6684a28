//! Questions in SQL, on threads of their own that let others go first.

use serde::de::DeserializeOwned;
use tokio::runtime::{Builder, Runtime};
use tokio_util::task::AbortOnDropHandle;

use crate::app::give_way;
use crate::export::Incoming;
use crate::model::Offset;
use crate::sql::Sql;

/// Asks.
pub(super) struct Asking {
    sql: Sql,
    /// Reading files blocks, which the runtime of one thread that background work has does not allow. `None` when
    /// this goes.
    runtime: Option<Runtime>,
}

impl Asking {
    pub(super) fn new(sql: Sql) -> std::io::Result<Asking> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("categories")
            .on_thread_start(give_way)
            .enable_all()
            .build()?;
        Ok(Asking { sql, runtime: Some(runtime) })
    }

    /// Takes the rows of an answer one after another, however many they are. Every record below the offset is in
    /// them.
    pub(super) async fn fold<T: DeserializeOwned, A: Default + Send + 'static>(
        &self,
        shop: &str,
        query: String,
        take: impl FnMut(&mut A, T) + Send + 'static,
    ) -> anyhow::Result<(Offset, A)> {
        let (sql, shop) = (self.sql.clone(), shop.to_string());
        let asked = async move {
            let answer = Incoming::from(sql.read(&shop, &query).await?);
            let complete_to = answer.complete_to;
            let all = answer.fold(take).await.map_err(anyhow::Error::from_boxed)?;
            Ok((complete_to, all))
        };
        let runtime = self.runtime.as_ref().ok_or_else(|| anyhow::Error::msg("it ends"))?;
        AbortOnDropHandle::new(runtime.spawn(asked)).await?
    }
}

/// A runtime may not be waited for on a thread of another.
impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
