//! Where a command's answers come from: this process over a data directory, or a server.
//!
//! A directory that a server owns is never read beneath its hands: whoever may read its keys may also ask the server,
//! so the command makes itself a token and does.

use std::time::Duration;

use anyhow::{Context, bail};

use super::Where;
use super::client::Client;
use crate::access::{Tokens, operator};
use crate::app::{App, DataDirError};

/// Life of the token a command makes for itself: longer than any command should take.
const OWN_TOKEN_LIFE: Duration = Duration::from_secs(24 * 3_600);

pub(super) enum Target {
    Here(Box<App>),
    There(Client),
}

impl Target {
    /// For questions: a directory that does not exist is an error.
    pub(super) async fn for_reading(place: &Where) -> anyhow::Result<Target> {
        if place.url.is_none() {
            place.data_dir().must_exist()?;
        }
        let target = Target::for_writing(place).await?;
        if let Target::Here(app) = &target {
            app.catch_up().await?;
        }
        Ok(target)
    }

    /// For imports: a directory that does not exist is made.
    pub(super) async fn for_writing(place: &Where) -> anyhow::Result<Target> {
        if let (Some(url), Some(token)) = (&place.url, &place.token) {
            return Ok(Target::There(Client::new(url.clone(), token)?));
        }
        let error = match App::start(place.data_dir(), place.config()?).await {
            Ok(app) => return Ok(Target::Here(Box::new(app))),
            Err(error) => error,
        };
        match error.downcast_ref::<DataDirError>() {
            Some(DataDirError::Owned { owner: Some(owner), .. }) => match &owner.url {
                Some(url) => Ok(Target::There(owner_client(place, url)?)),
                None => bail!(
                    "{error}; it works in place and cannot be asked, try again when it has ended"
                ),
            },
            _ => Err(error),
        }
    }

    /// The server that owns the data directory now, if one does.
    pub(super) fn for_server(place: &Where) -> anyhow::Result<Option<Target>> {
        match place.data_dir().owner_url() {
            Some(url) => Ok(Some(Target::There(owner_client(place, &url)?))),
            None => Ok(None),
        }
    }

    /// Stops what was started.
    pub(super) fn close(self) -> anyhow::Result<()> {
        match self {
            Target::Here(app) => app.stop(),
            Target::There(_) => Ok(()),
        }
    }
}

/// A client for the server that owns the data directory.
fn owner_client(place: &Where, url: &str) -> anyhow::Result<Client> {
    let keys = place.data_dir().keys();
    let tokens = Tokens::open_or_create(&keys)
        .with_context(|| format!("cannot read the keys in `{}`", keys.display()))?;
    let token = tokens.issue(&operator(&place.shop), OWN_TOKEN_LIFE)?;
    let url = url
        .parse()
        .with_context(|| format!("the owner of the data directory says it listens on `{url}`"))?;
    Client::new(url, &token)
}
