//! Where a command's events go: into a data directory in this process, or to a server.

use super::client::{Appended, Client};
use super::local::Local;
use super::target::{TargetArgs, owner_client, owner_of};
use crate::app::{App, AskedErasure, Concerned, EraseRequest, HoldRequest};
use crate::erasure::{Asked, Held};
use crate::model::{Event, Origin, RulesHistory};
use crate::server::{Erasures, Holds, Kept};

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

    /// [`Intake::open`] of what is there: a mistyped directory holds nothing to keep or erase.
    pub(super) async fn open_existing(args: &TargetArgs) -> anyhow::Result<Intake> {
        if args.url.is_none() {
            args.data_dir().must_exist()?;
        }
        let intake = Intake::open(args).await?;
        if let Intake::Local(local) = &intake {
            // What is asked of stores that are opening would find none; of one that stands still, it says
            // so itself.
            let _ = local.app.catch_up().await;
        }
        Ok(intake)
    }

    /// Puts conversations on hold.
    pub(super) async fn hold(&self, request: &HoldRequest) -> anyhow::Result<Vec<Concerned>> {
        match self {
            Intake::Local(local) => Ok(local.app.keeper.hold(&local.identity(), request).await?),
            Intake::Remote(client) => {
                Ok(client.post::<Kept>("v1/holds", request).await?.conversations)
            }
        }
    }

    /// Releases what a case holds.
    pub(super) async fn release(&self, request: &HoldRequest) -> anyhow::Result<Vec<Concerned>> {
        match self {
            Intake::Local(local) => {
                Ok(local.app.keeper.release(&local.identity(), request).await?)
            }
            Intake::Remote(client) => {
                Ok(client.post::<Kept>("v1/holds/release", request).await?.conversations)
            }
        }
    }

    /// What is held.
    pub(super) async fn holds(&self) -> anyhow::Result<Vec<Held>> {
        match self {
            Intake::Local(local) => Ok(local.app.keeper.holds(&local.identity()).await?),
            Intake::Remote(client) => Ok(client.answer_of::<Holds>("v1/holds").await?.holds),
        }
    }

    /// Asks to erase.
    pub(super) async fn erase(&self, request: &EraseRequest) -> anyhow::Result<AskedErasure> {
        match self {
            Intake::Local(local) => Ok(local.app.keeper.erase(&local.identity(), request).await?),
            Intake::Remote(client) => client.post("v1/erasures", request).await,
        }
    }

    /// What was asked to be erased.
    pub(super) async fn erasures(&self) -> anyhow::Result<Vec<Asked>> {
        match self {
            Intake::Local(local) => Ok(local.app.keeper.erasures(&local.identity()).await?),
            Intake::Remote(client) => {
                Ok(client.answer_of::<Erasures>("v1/erasures").await?.erasures)
            }
        }
    }

    /// One erasure, by conversation.
    pub(super) async fn erasure(&self, id: &str) -> anyhow::Result<Vec<Asked>> {
        match self {
            Intake::Local(local) => Ok(local.app.keeper.erasure(&local.identity(), id).await?),
            Intake::Remote(client) => {
                Ok(client.answer_about::<Erasures>("v1/erasures", id).await?.erasures)
            }
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
