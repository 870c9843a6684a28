//! `verbatim serve`

use std::net::SocketAddr;

use anyhow::Context;
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::target::TargetArgs;
use super::{Exit, write};
use crate::app::{App, Config, DataDir};
use crate::server::{self, Service};
use crate::web;

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Where to listen. Beyond loopback, put a TLS proxy in front
    #[arg(long, value_name = "ADDR:PORT", env = "VERBATIM_LISTEN")]
    listen: Option<SocketAddr>,
    /// Print the settings in force, and stop
    #[arg(long)]
    print_config: bool,
    #[command(flatten)]
    target: TargetArgs,
}

impl Serve {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let config = self.config()?;
        if self.print_config {
            write::to_stdout(toml::to_string(&config)?.as_bytes())?;
            return Ok(Exit::Yes);
        }
        let server = Server::start(self.target.data_dir(), config).await?;
        eprintln!("listening on {}", server.url);
        server.run().await
    }

    fn config(&self) -> anyhow::Result<Config> {
        let config = self.target.config()?;
        Ok(Config { listen: self.listen.unwrap_or(config.listen), ..config })
    }
}

/// A running verbatim, and the socket it listens on.
pub(super) struct Server {
    pub(super) app: App,
    pub(super) url: String,
    listener: TcpListener,
    signals: Signals,
}

/// What asks a service to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Signals> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Signals { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

impl Server {
    pub(super) async fn start(data: DataDir, config: Config) -> anyhow::Result<Server> {
        // The address first: when it is taken, nothing has been started.
        let listen = config.listen;
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("cannot listen on `{listen}`"))?;
        let url = format!("http://{}", listener.local_addr()?);
        // Before anybody is told that it listens: a stop may follow at once.
        let signals = Signals::listen()?;
        let mut app = App::start(data, config).await?;
        app.announce(url.clone())?;
        Ok(Server { app, url, listener, signals })
    }

    /// Cancelled when the service begins to stop.
    pub(super) fn drain_token(&self) -> CancellationToken {
        self.app.drain_token()
    }

    /// Serves until Ctrl-C or SIGTERM, then stops in order: nobody is let in any more, whoever was
    /// promised an answer gets it, the stores commit. A second signal ends the process at once.
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let Server { app, listener, mut signals, .. } = self;
        let service = Service::of(&app);
        let drain = app.drain_token();
        tokio::spawn(async move {
            tokio::select! {
                () = signals.next() => {}
                () = drain.cancelled() => {}
            }
            eprintln!("stopping");
            drain.cancel();
            signals.next().await;
            eprintln!("stopped at once; what was acknowledged is kept");
            std::process::exit(Exit::Failed.code().into());
        });
        server::serve(listener, service, web::routes()).await?;
        tokio::task::block_in_place(|| app.stop())?;
        Ok(Exit::Yes)
    }
}
