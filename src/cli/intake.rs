//! Where a command's events go: into a data directory in this process, or to a server.

use super::client::{Appended, Client};
use super::local::Local;
use super::target::{TargetArgs, owner_client, owner_of};
use crate::app::App;
use crate::model::{Event, Origin, RulesHistory};

pub(super) enum Intake {
    Local(Box<Local>),
    Remote(Client),
}

impl Intake {
    /// Opens what the arguments name; a data directory is made where there is none.
    pub(super) async fn open(args: &TargetArgs) -> anyhow::Result<Intake> {
        if let (Some(url), Some(token)) = (&args.url, &args.token) {
            args.refuse_other_shop(token)?;
            return Ok(Intake::Remote(Client::new(url.clone(), token)?));
        }
        match App::start(args.data_dir(), args.config()?, None).await {
            Ok(app) => Ok(Intake::Local(Box::new(Local { app, shop: args.shop.clone() }))),
            Err(error) => Ok(Intake::Remote(owner_client(args, &owner_of(error)?)?)),
        }
    }

    /// Turns to the server that owns the data directory now: restarted, it may listen elsewhere. An
    /// address that was given stays.
    pub(super) fn find_owner_again(&mut self, args: &TargetArgs) {
        let Intake::Remote(client) = self else { return };
        let owner = args.data_dir().owner().filter(|owner| owner.url.is_some());
        let owner = owner.filter(|_| args.url.is_none());
        match owner.map(|owner| owner_client(args, &owner)).transpose() {
            Ok(Some(owner)) => *client = owner,
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "no server owns the data directory yet"),
        }
    }

    /// Appends events in order, each answered for itself.
    pub(super) async fn append(
        &self,
        origin: Origin,
        events: Vec<Event>,
    ) -> anyhow::Result<Appended> {
        match self {
            Intake::Local(local) => local.append(origin, events).await,
            Intake::Remote(client) => client.append(origin, &events).await,
        }
    }

    /// What the shop has decided about its figures.
    pub(super) async fn rules(&self) -> anyhow::Result<RulesHistory> {
        match self {
            Intake::Local(local) => local.rules(),
            Intake::Remote(client) => client.rules().await,
        }
    }

    /// Waits until every store of this process has applied what is acknowledged, then closes. A
    /// server's stores go on by themselves. A store that stands still is a warning: the log has the
    /// events, and the store reads them when it is mended.
    pub(super) async fn catch_up_and_close(self) -> anyhow::Result<()> {
        let Intake::Local(local) = self else { return Ok(()) };
        if let Err(behind) = local.app.catch_up().await {
            eprintln!("warning: the events are kept, but {behind}");
        }
        local.app.stop()
    }
}
