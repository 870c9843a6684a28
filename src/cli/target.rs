//! Where a command's answers come from: this process over a data directory, or a server.
//!
//! A directory that a server owns is never read beneath its hands: whoever may read its keys may also ask the server,
//! so the command makes itself a token and does.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use chrono_tz::Tz;
use clap::Args;

use super::client::Client;
use crate::access::{Tokens, operator};
use crate::app::{App, Config, DataDir, DataDirError};

/// Life of the token a command makes for itself: longer than any command should take.
const OWN_TOKEN_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// Where the data is: a directory read in place, or a running server.
#[derive(Clone, Debug, Args)]
pub(super) struct TargetArgs {
    /// Data directory. A directory that a server owns is asked through that server
    #[arg(
        long,
        value_name = "DIR",
        default_value = "verbatim-data",
        env = "VERBATIM_DATA",
        global = true
    )]
    pub(super) data: PathBuf,
    /// Ask the server at this address instead
    #[arg(long, value_name = "URL", env = "VERBATIM_URL", requires = "token")]
    pub(super) url: Option<reqwest::Url>,
    /// Token for --url
    #[arg(long, value_name = "TOKEN", env = "VERBATIM_TOKEN", hide_env_values = true)]
    pub(super) token: Option<String>,
    /// Shop to work in
    #[arg(long, value_name = "SHOP", default_value = "main", env = "VERBATIM_SHOP")]
    pub(super) shop: String,
    /// Zone in which days and hours are counted and times are shown, such as Asia/Shanghai
    #[arg(long, value_name = "ZONE", env = "VERBATIM_ZONE")]
    pub(super) zone: Option<Tz>,
}

impl TargetArgs {
    pub(super) fn data_dir(&self) -> DataDir {
        DataDir::new(&self.data)
    }

    /// Flags and environment over the file over the defaults.
    pub(super) fn config(&self) -> anyhow::Result<Config> {
        let file = Config::read(&self.data_dir().config_file())?;
        Ok(Config { zone: self.zone.unwrap_or(file.zone), ..file })
    }
}

pub(super) enum Target {
    Local(Box<App>),
    Remote(Client),
}

impl Target {
    /// For questions: a directory that does not exist is an error.
    pub(super) async fn for_reading(args: &TargetArgs) -> anyhow::Result<Target> {
        if args.url.is_none() {
            args.data_dir().must_exist()?;
        }
        let target = Target::for_writing(args).await?;
        if let Target::Local(app) = &target {
            app.catch_up().await?;
        }
        Ok(target)
    }

    /// For imports: a directory that does not exist is made.
    pub(super) async fn for_writing(args: &TargetArgs) -> anyhow::Result<Target> {
        if let (Some(url), Some(token)) = (&args.url, &args.token) {
            return Ok(Target::Remote(Client::new(url.clone(), token)?));
        }
        let error = match App::start(args.data_dir(), args.config()?).await {
            Ok(app) => return Ok(Target::Local(Box::new(app))),
            Err(error) => error,
        };
        match error.downcast_ref::<DataDirError>() {
            Some(DataDirError::Owned { owner: Some(owner), .. }) => match &owner.url {
                Some(url) => Ok(Target::Remote(owner_client(args, url)?)),
                None => bail!(
                    "{error}; it works in place and cannot be asked, try again when it has ended"
                ),
            },
            _ => Err(error),
        }
    }

    /// The server that owns the data directory now, if one does.
    pub(super) fn for_server(args: &TargetArgs) -> anyhow::Result<Option<Target>> {
        match args.data_dir().owner_url() {
            Some(url) => Ok(Some(Target::Remote(owner_client(args, &url)?))),
            None => Ok(None),
        }
    }

    /// Stops what was started.
    pub(super) fn close(self) -> anyhow::Result<()> {
        match self {
            Target::Local(app) => app.stop(),
            Target::Remote(_) => Ok(()),
        }
    }
}

/// A client for the server that owns the data directory.
fn owner_client(args: &TargetArgs, url: &str) -> anyhow::Result<Client> {
    let keys = args.data_dir().keys();
    let tokens = Tokens::open_or_create(&keys)
        .with_context(|| format!("cannot read the keys in `{}`", keys.display()))?;
    let token = tokens.issue(&operator(&args.shop), OWN_TOKEN_LIFE)?;
    let url = url
        .parse()
        .with_context(|| format!("the owner of the data directory says it listens on `{url}`"))?;
    Client::new(url, &token)
}
