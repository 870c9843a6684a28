//! The threads that questions run on. Planning and reading rows take no turn of those that answer
//! requests and wait for syncs, however long they compute.

use std::future::Future;
use std::io;
use std::sync::Arc;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt, stream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::SqlError;
use super::ending::Asker;

/// Plans are gone through by recursion; see `size`.
const STACK_BYTES: usize = 16 * 1024 * 1024;
/// Answers that are ready before somebody takes them.
const READY_MAX: usize = 2;

#[derive(Clone)]
pub(super) struct Threads {
    running: Arc<Running>,
}

struct Running {
    /// Taken by the drop alone.
    runtime: Option<Runtime>,
}

impl Threads {
    /// As many as there are cores.
    pub(super) fn start() -> io::Result<Threads> {
        let cores = std::thread::available_parallelism()?.get();
        let mut runtime = Builder::new_multi_thread();
        let runtime =
            runtime.worker_threads(cores).thread_name("sql").thread_stack_size(STACK_BYTES);
        let runtime = runtime.enable_all().build()?;
        Ok(Threads { running: Arc::new(Running { runtime: Some(runtime) }) })
    }

    /// Does `work`, which ends when nobody waits for it any longer.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, SqlError>> + Send + 'static,
    ) -> Result<T, SqlError> {
        let task = self.spawn(work).ok_or_else(stopping)?;
        task.await.map_err(|error| SqlError::Session(error.to_string()))?
    }

    /// Takes the items of `stream`, which ends when nobody takes them any longer.
    pub(super) fn flow<T: Send + 'static>(
        &self,
        mut stream: impl Stream<Item = Result<T, SqlError>> + Send + Unpin + 'static,
        asker: Asker,
    ) -> BoxStream<'static, Result<T, SqlError>> {
        let (sender, ready) = mpsc::channel(READY_MAX);
        let task = self.spawn(async move {
            while let Some(item) = stream.next().await {
                if sender.send(item).await.is_err() {
                    return;
                }
            }
        });
        let Some(task) = task else { return stream::iter([Err(stopping())]).boxed() };
        Flow { ready, task: Some(task), _asker: asker, _threads: self.clone() }.into_stream()
    }

    fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<AbortOnDropHandle<T>> {
        let runtime = self.running.runtime.as_ref()?;
        Some(AbortOnDropHandle::new(runtime.spawn(work)))
    }
}

fn stopping() -> SqlError {
    SqlError::Session("no more questions are taken".to_string())
}

/// What a task hands out. That it ended well is asked of the task: one that panicked must not look
/// like the end of the rows.
struct Flow<T> {
    ready: mpsc::Receiver<Result<T, SqlError>>,
    task: Option<AbortOnDropHandle<()>>,
    _asker: Asker,
    /// They go on while it is read, whoever started them.
    _threads: Threads,
}

impl<T: Send + 'static> Flow<T> {
    fn into_stream(self) -> BoxStream<'static, Result<T, SqlError>> {
        let next = async |mut flow: Flow<T>| {
            if let Some(item) = flow.ready.recv().await {
                return Some((item, flow));
            }
            match flow.task.take()?.await {
                Ok(()) => None,
                Err(error) => Some((Err(SqlError::Session(error.to_string())), flow)),
            }
        };
        stream::unfold(self, next).boxed()
    }
}

/// A runtime must not be waited for where it is dropped, on a thread of another.
impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
