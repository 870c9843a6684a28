//! What a question is asked of: a data directory in this process, or a server. No other file asks
//! which of the two it is, but for [`super::intake`], which is where events go.
//!
//! A directory that a server owns is never opened by a second process: whoever may read its keys
//! may also ask the server, so the command makes itself a token and does.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, bail};
use chrono_tz::Tz;
use clap::Args;
use serde::de::DeserializeOwned;

use super::client::Client;
use super::fetched::Fetched;
use super::in_place::Asked;
use super::pictures;
use super::purpose::PurposeArgs;
use super::shown::shown;
use super::wanted::Wanted;
use crate::access::{Tokens, operator};
use crate::app::{Config, DataDir, DataDirError, InPlace, Owner, Status};
use crate::cli::logging::tell;
use crate::export::{Incoming, NamedFile};
use crate::index::{self, FullText};
use crate::log::Store;
use crate::model::{Record, RulesHistory};
use crate::records::AccessPage;
use crate::search::{self, Conversations, SearchAnswer};
use crate::server::{AccessParameters, ExportParameters, SearchParameters, WhoseParameters};

/// Life of the token a command makes for itself: longer than any command should take.
const OWN_TOKEN_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// Where the data is, for what works on a directory itself.
#[derive(Clone, Debug, Args)]
pub(super) struct DataArgs {
    /// Data directory
    #[arg(
        long,
        value_name = "DIR",
        default_value = "verbatim-data",
        env = "VERBATIM_DATA",
        global = true
    )]
    data: PathBuf,
}

impl DataArgs {
    pub(super) fn data_dir(&self) -> DataDir {
        DataDir::new(&self.data)
    }

    /// The file over the defaults.
    pub(super) fn config(&self) -> anyhow::Result<Config> {
        Ok(Config::read(&self.data_dir().config_file())?)
    }
}

/// The shop where none is named and no other is the only one.
const SHOP_USUAL: &str = "main";
/// Most shops that an error lists.
const SHOPS_LISTED: usize = 20;

/// Where the data is: a directory read in place, or a running server. A directory that a server owns
/// is asked through that server.
#[derive(Clone, Debug, Args)]
pub(super) struct TargetArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Ask the server at this address instead
    #[arg(long, value_name = "URL", env = "VERBATIM_URL", requires = "token")]
    pub(super) url: Option<reqwest::Url>,
    /// Token for --url
    #[arg(long, value_name = "TOKEN", env = "VERBATIM_TOKEN", hide_env_values = true)]
    pub(super) token: Option<String>,
    /// Shop to work in; without it the only one that there is, or else `main`
    #[arg(long, value_name = "SHOP", env = "VERBATIM_SHOP")]
    shop: Option<String>,
    /// The one that is meant, once that was asked.
    #[arg(skip)]
    known_shop: OnceLock<String>,
    /// Zone in which days and hours are counted and times are shown, such as Asia/Shanghai
    #[arg(long, value_name = "ZONE", env = "VERBATIM_ZONE")]
    pub(super) zone: Option<Tz>,
}

impl TargetArgs {
    pub(super) fn data_dir(&self) -> DataDir {
        self.data.data_dir()
    }

    /// Refuses a shop that is named beside a token of another: the answer would be that other's.
    pub(super) fn refuse_other_shop(&self, token: &str) -> anyhow::Result<()> {
        match (&self.shop, Tokens::shop_said_by(token)) {
            (Some(named), Some(of_token)) if *named != of_token => {
                bail!("the token is of shop `{of_token}`, not of `{named}`")
            }
            _ => Ok(()),
        }
    }

    /// The shop that is meant: the one that is named, or the token's. Where neither is, the only one of which the
    /// directory has anything: of another there is nothing to ask, and who brings more brings it there. Where there
    /// are several, the usual one, which is said. The first answer stands: shops may begin meanwhile.
    pub(super) fn known_shop(&self) -> anyhow::Result<String> {
        if let Some(known) = self.known_shop.get() {
            return Ok(known.clone());
        }
        let shop = self.meant_shop()?;
        Ok(self.known_shop.get_or_init(|| shop).clone())
    }

    fn meant_shop(&self) -> anyhow::Result<String> {
        if let Some(named) = &self.shop {
            return Ok(named.clone());
        }
        if self.url.is_some() {
            let of_token = self.token.as_deref().and_then(Tokens::shop_said_by);
            return Ok(of_token.unwrap_or_else(|| SHOP_USUAL.to_string()));
        }
        // Where the index cannot be read, whatever needs it says so.
        let shops = committed_shops(&self.data_dir()).unwrap_or_default();
        match shops.first() {
            Some(only) if shops.len() == 1 => Ok(only.clone()),
            Some(_) if !shops.contains(SHOP_USUAL) => bail!("{}", names_one(&shops)),
            Some(_) => {
                tell!("shop `{SHOP_USUAL}`; {}", names_one(&shops));
                Ok(SHOP_USUAL.to_string())
            }
            None => Ok(SHOP_USUAL.to_string()),
        }
    }

    /// Says of a shop that begins that there are others: it may be a slip in the name of one.
    pub(super) fn tell_of_new_shop(&self, shop: &str) {
        let shops = committed_shops(&self.data_dir()).unwrap_or_default();
        if !shops.is_empty() && !shops.contains(shop) {
            tell!("there is nothing of shop `{}` yet; {}", shown(shop, " "), names_one(&shops));
        }
    }

    /// The zone in which times are shown: the one that is asked for, the server's, or the directory's.
    pub(super) async fn shown_zone(&self, server: Option<&Client>) -> anyhow::Result<Tz> {
        match (self.zone, server) {
            (Some(zone), _) => Ok(zone),
            (None, Some(server)) => Ok(server.zone().await.unwrap_or(self.config()?.zone)),
            (None, None) => Ok(self.config()?.zone),
        }
    }

    /// Flags and environment over the file over the defaults.
    pub(super) fn config(&self) -> anyhow::Result<Config> {
        let file = self.data.config()?;
        Ok(Config { zone: self.zone.unwrap_or(file.zone), ..file })
    }
}

pub(super) enum Target {
    InPlace(Box<Asked>),
    Remote { client: Box<Client>, args: Box<TargetArgs>, shop: String },
}

impl Target {
    /// Opens what the arguments name, and reads the settings once. A mistyped path is an error: it
    /// must not become an empty archive.
    pub(super) async fn open(args: &TargetArgs) -> anyhow::Result<Target> {
        Target::open_for(args, args.known_shop()?).await
    }

    /// The same, for what is about no shop.
    pub(super) async fn open_for_all(args: &TargetArgs) -> anyhow::Result<Target> {
        let named = args.shop.as_deref().unwrap_or(SHOP_USUAL);
        Target::open_for(args, named.to_string()).await
    }

    async fn open_for(args: &TargetArgs, shop: String) -> anyhow::Result<Target> {
        if let (Some(url), Some(token)) = (&args.url, &args.token) {
            args.refuse_other_shop(token)?;
            return Ok(Target::remote(args, Client::new(url.clone(), token)?, shop));
        }
        args.data_dir().must_exist()?;
        let config = args.config()?;
        match InPlace::open(args.data_dir(), config).await {
            Ok(data) => Ok(Target::InPlace(Box::new(Asked::new(data, shop)))),
            Err(error) => {
                let client = owner_client(args, &owner_of(error)?, &shop)?;
                Ok(Target::remote(args, client, shop))
            }
        }
    }

    fn remote(args: &TargetArgs, client: Client, shop: String) -> Target {
        Target::Remote { client: Box::new(client), args: Box::new(args.clone()), shop }
    }

    /// The same, saying with each question for what it is. In place nothing is recorded: who may open a
    /// data directory may read its files with any program.
    pub(super) fn on(self, purpose: &PurposeArgs) -> anyhow::Result<Target> {
        let purpose = purpose.purpose()?;
        match self {
            Target::InPlace(asked) => Ok(Target::InPlace(asked)),
            Target::Remote { client, args, shop } => {
                Ok(Target::Remote { client: Box::new(client.on(&purpose)?), args, shop })
            }
        }
    }

    /// The shop that is asked about.
    pub(super) fn shop(&self) -> &str {
        match self {
            Target::InPlace(asked) => &asked.shop,
            Target::Remote { shop, .. } => shop,
        }
    }

    /// The zone in which the command shows times: a server is asked for its own.
    pub(super) async fn zone(&self) -> anyhow::Result<Tz> {
        match self {
            Target::InPlace(asked) => Ok(asked.data.config.zone),
            Target::Remote { client, args, .. } => args.shown_zone(Some(client)).await,
        }
    }

    /// The answer to a question, as it comes.
    pub(super) async fn sql(&self, query: &str) -> anyhow::Result<Incoming> {
        match self {
            Target::InPlace(asked) => asked.sql(query).await,
            Target::Remote { client, .. } => client.sql(query).await,
        }
    }

    /// Takes the rows of an answer one after another, each as a value.
    pub(super) async fn fold<T: DeserializeOwned, A: Default>(
        &self,
        query: &str,
        take: impl FnMut(&mut A, T),
    ) -> anyhow::Result<A> {
        self.sql(query).await?.fold(take).await.map_err(anyhow::Error::from_boxed)
    }

    /// The answer of one named query, or what else is wanted of it.
    pub(super) async fn report(
        &self,
        name: &str,
        arguments: &BTreeMap<String, String>,
        wanted: &Wanted,
    ) -> anyhow::Result<Incoming> {
        match self {
            Target::InPlace(asked) => asked.report(name, arguments, wanted).await,
            Target::Remote { client, .. } => client.report(name, arguments, wanted).await,
        }
    }

    pub(super) async fn search(
        &self,
        parameters: &SearchParameters,
    ) -> anyhow::Result<SearchAnswer> {
        match self {
            Target::InPlace(asked) => asked.search(parameters).await,
            Target::Remote { client, .. } => client.search(parameters).await,
        }
    }

    /// The shops of which there is anything, where whoever asks may know of all: on their own data.
    pub(super) async fn shops(&self, args: &TargetArgs) -> anyhow::Result<BTreeSet<String>> {
        match self {
            Target::InPlace(asked) => asked.shops().await,
            Target::Remote { .. } if args.url.is_some() => Ok(BTreeSet::new()),
            // What another process has committed may be read beside it.
            Target::Remote { .. } => Ok(committed_shops(&args.data_dir())?),
        }
    }

    /// Refuses a shop of which there is nothing, where whoever asks may know of all: it would seem that
    /// nothing had happened there.
    pub(super) async fn refuse_unknown_shop(&self, args: &TargetArgs) -> anyhow::Result<()> {
        if args.url.is_some() {
            return Ok(());
        }
        let shops = committed_shops(&args.data_dir()).unwrap_or_default();
        if shops.is_empty() || shops.contains(self.shop()) {
            return Ok(());
        }
        // It may be too new to be listed.
        let some = self.sql("SELECT 1 FROM events LIMIT 1").await?.whole().await;
        if some.map_err(anyhow::Error::from_boxed)?.rows() > 0 {
            return Ok(());
        }
        bail!("there is nothing of shop `{}`; {}", shown(self.shop(), " "), names_one(&shops))
    }

    /// A conversation's records in order; `None` where it does not exist.
    pub(super) async fn conversation(&self, id: &str) -> anyhow::Result<Option<Vec<Record>>> {
        match self {
            Target::InPlace(asked) => asked.conversation(id).await,
            Target::Remote { client, .. } => client.conversation(id).await,
        }
    }

    /// The picture of at most `bytes_max` bytes that `record` names by this hash.
    pub(super) async fn picture(
        &self,
        record: &Record,
        sha256: &str,
        bytes_max: u64,
    ) -> anyhow::Result<pictures::Asked> {
        match self {
            Target::InPlace(asked) => asked.picture(record, sha256, bytes_max),
            Target::Remote { client, .. } => client.picture(record, sha256, bytes_max).await,
        }
    }

    /// Writes the bytes of a file to `out`, once or while they are compared with its hash.
    pub(super) async fn file(
        &self,
        file: &NamedFile,
        out: &mut (impl Write + Send),
    ) -> anyhow::Result<Fetched> {
        match self {
            Target::InPlace(asked) => asked.file(file, out).await,
            Target::Remote { client, .. } => client.file(file, out).await,
        }
    }

    /// Who looked at what, a page of it.
    pub(super) async fn accesses(
        &self,
        parameters: &AccessParameters,
    ) -> anyhow::Result<AccessPage> {
        match self {
            Target::InPlace(asked) => asked.accesses(parameters).await,
            Target::Remote { client, .. } => client.accesses(parameters).await,
        }
    }

    /// The conversations that an order, a customer or an agent is in, the newest first.
    pub(super) async fn conversations(
        &self,
        whose: &WhoseParameters,
    ) -> anyhow::Result<Conversations> {
        match self {
            Target::InPlace(asked) => asked.conversations(whose).await,
            Target::Remote { client, .. } => client.conversations(whose).await,
        }
    }

    /// What the shop has decided about its figures.
    pub(super) async fn rules(&self) -> anyhow::Result<RulesHistory> {
        match self {
            Target::InPlace(asked) => asked.rules().await,
            Target::Remote { client, .. } => client.rules().await,
        }
    }

    /// How far each store is.
    pub(super) async fn status(&self) -> anyhow::Result<Status> {
        match self {
            Target::InPlace(asked) => asked.status().await,
            Target::Remote { client, .. } => client.status().await,
        }
    }

    /// The rows of a table as they come; the server's are an Arrow stream.
    pub(super) async fn export(
        &self,
        table: &str,
        parameters: &ExportParameters,
    ) -> anyhow::Result<Incoming> {
        match self {
            Target::InPlace(asked) => asked.export(table, parameters).await,
            Target::Remote { client, .. } => client.export(table, parameters).await,
        }
    }
}

/// How a shop is named, and which there are.
pub(super) fn names_one(shops: &BTreeSet<String>) -> String {
    let listed = shops.iter().take(SHOPS_LISTED).map(|shop| format!("`{}`", shown(shop, " ")));
    let listed: Vec<String> = listed.collect();
    format!("--shop names one: there are {}", listed.join(", "))
}

fn committed_shops(data: &DataDir) -> anyhow::Result<BTreeSet<String>> {
    Ok(search::shops(&index::open_read_only(&data.root().join(FullText::FOLDERS[0]))?)?)
}

/// The directory's owner, when an owner that can be asked is why it could not be opened.
pub(super) fn owner_of(error: anyhow::Error) -> anyhow::Result<Owner> {
    match error.downcast_ref::<DataDirError>() {
        Some(DataDirError::Owned { owner: Some(owner), .. }) if owner.url.is_some() => {
            Ok(owner.clone())
        }
        Some(DataDirError::Owned { owner: Some(_), .. }) => {
            bail!("{error}; it works in place and cannot be asked, try again when it has ended")
        }
        _ => Err(error),
    }
}

/// A client for the server that owns the data directory, of one shop.
pub(super) fn owner_client(args: &TargetArgs, owner: &Owner, shop: &str) -> anyhow::Result<Client> {
    let url = owner.url.as_deref().context("the owner of the data directory does not listen")?;
    let keys = args.data_dir().keys();
    let tokens = Tokens::open_or_create(&keys)
        .with_context(|| format!("cannot read the keys in `{}`", keys.display()))?;
    let token = tokens.issue(&operator(shop), OWN_TOKEN_LIFE)?;
    let base = url
        .parse()
        .with_context(|| format!("the owner of the data directory says it listens on `{url}`"))?;
    match &owner.certificate {
        Some(certificate) => Client::pinned(base, &token, certificate.clone()),
        None => Client::new(base, &token),
    }
}
