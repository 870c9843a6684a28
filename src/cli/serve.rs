//! `verbatim serve`

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::logging::say;
use super::target::TargetArgs;
use super::{Exit, answer_sql, write};
use crate::app::{App, Config, DataDir, LogFormat};
use crate::server::{self, Service, Tls};
use crate::web;

const EXAMPLES: &str = "\
Examples:
  verbatim serve --data DATA                              on 127.0.0.1:8080
  verbatim serve --data DATA --postgres 127.0.0.1:5433    for psql and dashboards as well
  verbatim serve --data DATA --print-config               the settings in force

Exit codes: 0 stopped in order; 2 it cannot start, or had to end";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Serve {
    /// Where to listen. Beyond loopback, set `tls_certificate` and `tls_key` in verbatim.toml, or put
    /// a TLS proxy in front
    #[arg(long, value_name = "ADDR:PORT", env = "VERBATIM_LISTEN")]
    listen: Option<SocketAddr>,
    /// Where to listen for psql, BI tools and drivers of Postgres, which read by SQL; a token is the
    /// password. Beyond loopback it asks for `tls_certificate` and `tls_key`
    #[arg(long, value_name = "ADDR:PORT", env = "VERBATIM_POSTGRES")]
    postgres: Option<SocketAddr>,
    /// How the log is written to stderr
    #[arg(long, value_enum, value_name = "FORMAT", env = "VERBATIM_LOG_FORMAT")]
    log_format: Option<LogFormat>,
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
        // Before the other: whoever waits for that one knows both.
        if let Some(postgres) = &server.postgres {
            say(&format!("listening for Postgres on {}", postgres.local_addr()?));
        }
        say(&format!("listening on {}", server.url));
        server.run().await
    }

    /// How the log is to be written, before anything is. What is wrong with the settings is said
    /// when they are used.
    pub(super) fn log_format(&self) -> LogFormat {
        self.config().map(|config| config.log_format).unwrap_or(self.log_format.unwrap_or_default())
    }

    fn config(&self) -> anyhow::Result<Config> {
        let config = self.target.config()?;
        Ok(Config {
            listen: self.listen.unwrap_or(config.listen),
            postgres: self.postgres.or(config.postgres),
            log_format: self.log_format.unwrap_or(config.log_format),
            ..config
        })
    }
}

/// A running verbatim, and the sockets it listens on.
pub(super) struct Server {
    pub(super) app: App,
    pub(super) url: String,
    listener: TcpListener,
    postgres: Option<TcpListener>,
    tls: Option<Arc<Tls>>,
    signals: Signals,
    hangup: Signal,
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

    /// Waits for the first.
    async fn listen_once() {
        match Signals::listen() {
            Ok(mut signals) => signals.next().await,
            Err(_) => std::future::pending().await,
        }
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
        let listener = bind(config.listen).await?;
        let postgres = match config.postgres {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let tls = tls_of(&data, &config)?.map(Arc::new);
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.local_addr()?);
        // Before anybody is told that it listens: a stop may follow at once.
        let signals = Signals::listen()?;
        let worker = answer_sql::program(config.log_format);
        let mut app = tokio::select! {
            app = App::start(data, config, Some(worker)) => app?,
            // A lookup may have hours to catch up. A start that is broken off is gone on with.
            () = Signals::listen_once() => anyhow::bail!("stopped while it started"),
        };
        app.announce(url.clone(), tls.as_deref().map(Tls::fingerprint))?;
        let hangup = signal(SignalKind::hangup())?;
        Ok(Server { app, url, listener, postgres, tls, signals, hangup })
    }

    /// Cancelled when the service begins to stop.
    pub(super) fn drain_token(&self) -> CancellationToken {
        self.app.drain_token()
    }

    /// Serves until Ctrl-C or SIGTERM, then stops in order: nobody is let in any more, whoever was
    /// promised an answer gets it, the stores commit. A second signal ends the process at once.
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let Server { mut app, url, listener, postgres, tls, mut signals, mut hangup } = self;
        let service = Service::of(&app)?;
        let drain = app.drain_token();
        tokio::spawn(async move {
            tokio::select! {
                () = signals.next() => {}
                () = drain.cancelled() => {}
            }
            say("stopping");
            drain.cancel();
            signals.next().await;
            say("stopped at once; what was acknowledged is kept");
            std::process::exit(Exit::Failed.code().into());
        });
        let wire = serve_postgres(postgres, tls.clone(), service.clone());
        let http = server::serve(listener, tls.clone(), service, web::routes());
        let mut served = std::pin::pin!(async { tokio::join!(http, wire) });
        loop {
            tokio::select! {
                _ = &mut served => break,
                _ = hangup.recv() => match &tls {
                    Some(tls) => reload(&mut app, tls, &url),
                    None => tracing::info!("there is no certificate to be read again"),
                }
            }
        }
        tokio::task::block_in_place(|| app.stop())?;
        Ok(Exit::Yes)
    }
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on `{address}`"))
}

/// Serves the Postgres wire, where it is wanted.
async fn serve_postgres(listener: Option<TcpListener>, tls: Option<Arc<Tls>>, service: Service) {
    if let Some(listener) = listener {
        server::postgres::serve(listener, tls, service).await;
    }
}

/// What encrypts connections, where the settings say so.
fn tls_of(data: &DataDir, config: &Config) -> anyhow::Result<Option<Tls>> {
    let (Some(certificate), Some(key)) = (&config.tls_certificate, &config.tls_key) else {
        return Ok(None);
    };
    let at = |path: &Path| data.root().join(path);
    Ok(Some(Tls::open(at(certificate), at(key))?))
}

/// Shows the certificate that lies there now. One that cannot be used changes nothing.
fn reload(app: &mut App, tls: &Tls, url: &str) {
    let reloaded = tls.reload().map_err(anyhow::Error::from).and_then(|()| {
        app.announce(url.to_string(), Some(tls.fingerprint()))?;
        Ok(())
    });
    match reloaded {
        Ok(()) => tracing::info!(sha256 = tls.fingerprint(), "the certificate was read again"),
        Err(error) => {
            tracing::error!(error = %format!("{error:#}"), "the certificate stays as it was")
        }
    }
}
