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
    terminate: Signal,
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
        let terminate = signal(SignalKind::terminate())?;
        let mut app = App::start(data, config).await?;
        app.announce(url.clone())?;
        Ok(Server { app, url, listener, terminate })
    }

    /// Cancelled when the service stops.
    pub(super) fn stop_token(&self) -> CancellationToken {
        self.app.stop_token()
    }

    /// Serves until Ctrl-C or SIGTERM, then stops in order.
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let Server { app, listener, mut terminate, .. } = self;
        let service = Service::of(&app);
        let stop = app.stop_token();
        let asked_to_stop = async {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
                () = stop.cancelled() => {}
            }
            eprintln!("stopping");
            stop.cancel();
        };
        let (served, ()) =
            tokio::join!(server::serve(listener, service, web::routes()), asked_to_stop);
        served?;
        tokio::task::block_in_place(|| app.stop())?;
        Ok(Exit::Yes)
    }
}
