//! Where CPU and file work runs: off the async threads.

use super::error::TableError;

/// Runs `work` where it may block.
pub(crate) async fn on_blocking<T: Send + 'static, E: From<TableError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    tokio::task::spawn_blocking(work).await.map_err(|source| TableError::Task { source })?
}
