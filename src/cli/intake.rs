//! Where a command's events go: into a data directory in this process, or to a server.

use chrono_tz::Tz;
use serde::de::DeserializeOwned;

use super::client::{Appended, Client};
use super::local::Local;
use super::target::{TargetArgs, owner_client, owner_of};
use crate::app::{
    App, AskedErasure, Concerned, EraseRequest, ErasuresRequest, HoldRequest, Page, PageRequest,
};
use crate::cli::logging::tell;
use crate::erasure::{Asked, Held};
use crate::model::{Event, Origin, RulesHistory};
use crate::server::{Erasures, Holds, Kept};

/// Entries of a list asked for at once.
const PAGE: usize = 1_000;

pub(super) enum Intake {
    Local(Box<Local>),
    Remote(Client),
}

impl Intake {
    /// Opens what the arguments name; a data directory is made where there is none, and a shop begins with what
    /// comes.
    pub(super) async fn open(args: &TargetArgs) -> anyhow::Result<Intake> {
        Intake::open_for(args, args.known_shop()?).await
    }

    async fn open_for(args: &TargetArgs, shop: String) -> anyhow::Result<Intake> {
        if let (Some(url), Some(token)) = (&args.url, &args.token) {
            args.refuse_other_shop(token)?;
            return Ok(Intake::Remote(Client::new(url.clone(), token)?));
        }
        match App::start(args.data_dir(), args.config()?, None).await {
            Ok(app) => Ok(Intake::Local(Box::new(Local { app, shop }))),
            Err(error) => Ok(Intake::Remote(owner_client(args, &owner_of(error)?, &shop)?)),
        }
    }

    /// Opens what is there: a mistyped directory holds nothing to keep or erase, and so does a mistyped shop.
    pub(super) async fn open_existing(args: &TargetArgs) -> anyhow::Result<Intake> {
        if args.url.is_none() {
            args.data_dir().must_exist()?;
        }
        let intake = Intake::open_for(args, args.known_shop()?).await?;
        if let Intake::Local(local) = &intake {
            // What is asked of stores that are opening would find none; of one that stands still, it says
            // so itself.
            let _ = local.app.catch_up().await;
        }
        Ok(intake)
    }

    /// The zone in which the command shows times.
    pub(super) async fn zone(&self, args: &TargetArgs) -> anyhow::Result<Tz> {
        match self {
            Intake::Local(_) => args.shown_zone(None).await,
            Intake::Remote(client) => args.shown_zone(Some(client)).await,
        }
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

    /// What is held, so many of them at most.
    pub(super) async fn holds(&self, count_max: u64) -> anyhow::Result<Vec<Held>> {
        all_pages(count_max, async |request| match self {
            Intake::Local(local) => Ok(local.app.keeper.holds(&local.identity(), &request).await?),
            Intake::Remote(client) => {
                let Holds { holds, next } = client.answer_of("v1/holds", &request).await?;
                Ok(Page { items: holds, next })
            }
        })
        .await
    }

    /// Asks to erase.
    pub(super) async fn erase(&self, request: &EraseRequest) -> anyhow::Result<AskedErasure> {
        match self {
            Intake::Local(local) => Ok(local.app.keeper.erase(&local.identity(), request).await?),
            Intake::Remote(client) => client.post("v1/erasures", request).await,
        }
    }

    /// What was asked to be erased, so many of them at most.
    pub(super) async fn erasures(&self, count_max: u64) -> anyhow::Result<Vec<Asked>> {
        all_pages(count_max, async |page| {
            let request = ErasuresRequest::of(page, false);
            match self {
                Intake::Local(local) => {
                    Ok(local.app.keeper.erasures(&local.identity(), &request).await?)
                }
                Intake::Remote(client) => {
                    let Erasures { erasures, next } =
                        client.answer_of("v1/erasures", &request).await?;
                    Ok(Page { items: erasures, next })
                }
            }
        })
        .await
    }

    /// One erasure, by conversation, so many of them at most; with `waiting`, where it is not done.
    pub(super) async fn erasure(
        &self,
        id: &str,
        waiting: bool,
        count_max: u64,
    ) -> anyhow::Result<Vec<Asked>> {
        all_pages(count_max, async |page| {
            let request = ErasuresRequest::of(page, waiting);
            match self {
                Intake::Local(local) => {
                    Ok(local.app.keeper.erasure(&local.identity(), id, &request).await?)
                }
                Intake::Remote(client) => {
                    let Erasures { erasures, next } =
                        client.answer_about("v1/erasures", id, &request).await?;
                    Ok(Page { items: erasures, next })
                }
            }
        })
        .await
    }

    /// Turns to the server that owns the data directory now: restarted, it may listen elsewhere. An
    /// address that was given stays.
    pub(super) fn find_owner_again(&mut self, args: &TargetArgs) {
        let Intake::Remote(client) = self else { return };
        let owner = args.data_dir().owner().filter(|owner| owner.url.is_some());
        let owner = owner.filter(|_| args.url.is_none());
        let found = owner.map(|owner| owner_client(args, &owner, &args.known_shop()?));
        match found.transpose() {
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

    /// Keeps a file under its hash, before a message names it.
    pub(super) async fn keep_file(&self, sha256: &str, bytes: Vec<u8>) -> anyhow::Result<()> {
        match self {
            Intake::Local(local) => local.keep_file(sha256, bytes).await,
            Intake::Remote(client) => client.keep_file(sha256, bytes).await,
        }
    }

    /// Takes the rows of an answer one after another, each as a value.
    pub(super) async fn fold<T: DeserializeOwned, A: Default>(
        &self,
        query: &str,
        take: impl FnMut(&mut A, T),
    ) -> anyhow::Result<A> {
        let answer = match self {
            Intake::Local(local) => local.app.sql.read(&local.shop, query).await?.into(),
            Intake::Remote(client) => client.sql(query).await?,
        };
        answer.fold(take).await.map_err(anyhow::Error::from_boxed)
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
            tell!("warning: the events are kept, but {behind}");
        }
        local.app.stop()
    }
}

/// The entries of a list, page after page, so many of them at most.
async fn all_pages<T>(
    count_max: u64,
    ask: impl AsyncFn(PageRequest) -> anyhow::Result<Page<T>>,
) -> anyhow::Result<Vec<T>> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let left = usize::try_from(count_max).unwrap_or(usize::MAX) - all.len();
        let Page { items, next } = ask(PageRequest { after, limit: Some(left.min(PAGE)) }).await?;
        after = next.filter(|_| items.len() < left);
        all.extend(items);
        if after.is_none() {
            return Ok(all);
        }
    }
}
