//! Bundles of a running verbatim: finds the conversations, waits until the ledger has signed their
//! records, reads, proves and seals.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono_tz::Tz;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::bundle::{Bundle, Growth, RecordSource, Sealer};
use super::interchange::{Form, InterchangeError, files_of_bundle};
use super::json::{self, Json};
use super::leases::Leases;
use super::pack::{PackError, PackRequest, pack_with_bundle};
use super::spec::{BundleSpec, Custody};
use super::{EvidenceError, EvidenceRequest, Zipped};
use crate::ledger::{Checkpoint, LedgerReader, PROVED_LEAVES_MAX, VerifierKey};
use crate::log::LogReader;
use crate::model::{Ack, Micros, Offset, Record, Seq};
use crate::records::{Listing, Page, PageSize, Records};
use crate::relay::{AttachmentStore, DiskSpace};
use crate::sql::{Sql, Value};

/// What is in memory of the records of one bundle.
const PAGE: PageSize = PageSize { count_max: 512, bytes_max: 1024 * 1024 };
/// How long the ledger has to sign what was acknowledged: it does every few seconds, and at commits.
const SIGN_TIME_MAX: Duration = Duration::from_secs(60);
const SIGN_POLL: Duration = Duration::from_millis(50);
/// Bundles that are made at once: each reads and hashes as fast as one core does.
const BUNDLES_AT_ONCE: usize = 2;
/// Packs, and files in other forms, that are made at once: each as fast as one core does, with all of it in memory.
const PACKS_AT_ONCE: usize = 1;
/// How long one waits for its turn: most bundles take a second.
const TURN_TIME_MAX: Duration = Duration::from_secs(20);
/// Conversations of one bundle: what a customer of ten years has.
const CONVERSATIONS_MAX: usize = 10_000;

/// Makes bundles.
#[derive(Clone)]
pub struct BundleMaker {
    material: Material,
    /// A permit for each bundle that is made now.
    turns: Arc<Semaphore>,
    /// As for bundles.
    pack_turns: Arc<Semaphore>,
}

/// What bundles are made of.
#[derive(Clone)]
pub struct Material {
    pub log: LogReader,
    pub records: Records,
    pub attachments: AttachmentStore,
    pub sql: Sql,
    pub ledger: LedgerReader,
    pub zone: Tz,
    /// Where files lie while they grow.
    pub spool: DiskSpace,
    pub leases: Leases,
}

/// Who wants a bundle, and where it is written down that they do.
#[derive(Clone, Debug)]
pub struct Asker {
    pub shop: String,
    pub subject: String,
    /// The record of this export in the shop's trail.
    pub entry: Option<Ack>,
}

impl BundleMaker {
    pub fn of(material: Material) -> BundleMaker {
        let turns = |count| Arc::new(Semaphore::new(count));
        let (turns, pack_turns) = (turns(BUNDLES_AT_ONCE), turns(PACKS_AT_ONCE));
        BundleMaker { material, turns, pack_turns }
    }

    /// The conversations of a request, which asks for something that can be disclosed. What is another
    /// shop's is not there.
    ///
    /// # Errors
    /// [`EvidenceError::Nothing`] for names without any.
    pub async fn find(
        &self,
        shop: &str,
        request: &EvidenceRequest,
    ) -> Result<BTreeSet<String>, EvidenceError> {
        request.range(self.material.zone, Micros::now())?;
        let (mut found, mut missing) = (BTreeSet::new(), Vec::new());
        for conversation in &request.conversations {
            let (records, shop, name) =
                (self.material.records.clone(), shop.to_string(), conversation.clone());
            let count = move || records.count(&shop, &name);
            if tokio::task::spawn_blocking(count).await?? == 0 {
                missing.push(("conversation", conversation.as_str()));
            }
            found.insert(conversation.clone());
        }
        let by_order = "\"order\" = $name";
        let by_customer = "(sender_role = 'customer' AND sender_id = $name) OR customer = $name";
        for (what, condition, names) in
            [("order", by_order, &request.orders), ("customer", by_customer, &request.customers)]
        {
            for name in names {
                let conversations = self.conversations_with(shop, condition, name).await?;
                if conversations.is_empty() {
                    missing.push((what, name.as_str()));
                }
                found.extend(conversations);
            }
        }
        if !missing.is_empty() {
            return Err(EvidenceError::nothing_of(&missing));
        }
        if found.len() > CONVERSATIONS_MAX {
            return Err(EvidenceError::TooMany { conversations: found.len() });
        }
        let (records, shop) = (self.material.records.clone(), shop.to_string());
        let count = move || {
            let counts = found.iter().map(|conversation| records.count(&shop, conversation));
            let count = counts.sum::<Result<u64, _>>()?;
            if count > PROVED_LEAVES_MAX as u64 {
                let max = PROVED_LEAVES_MAX;
                return Err(EvidenceError::TooManyRecords { records: count, max });
            }
            Ok(found)
        };
        tokio::task::spawn_blocking(count).await?
    }

    async fn conversations_with(
        &self,
        shop: &str,
        condition: &str,
        name: &str,
    ) -> Result<BTreeSet<String>, EvidenceError> {
        let query = format!("SELECT DISTINCT conversation FROM events WHERE {condition}");
        let values = vec![("name".to_string(), Value::Text(name.to_string()))];
        Ok(self.material.sql.texts(shop, &query, values).await?)
    }

    /// First offset that is not acknowledged yet.
    pub fn head(&self) -> Offset {
        self.material.log.head()
    }

    /// A checkpoint over every record below `head`: at once, where nothing was said for a few seconds.
    ///
    /// # Errors
    /// [`EvidenceError::NotSignedYet`] where the ledger does not come so far in a minute.
    pub async fn signed(&self, head: Offset) -> Result<Checkpoint, EvidenceError> {
        let since = Instant::now();
        loop {
            let checkpoint = self.material.ledger.checkpoint();
            match checkpoint {
                Ok(checkpoint) if Offset(checkpoint.size) >= head => return Ok(checkpoint),
                Ok(checkpoint) if since.elapsed() > SIGN_TIME_MAX => {
                    let last = Offset(head.0.saturating_sub(1));
                    return Err(EvidenceError::NotSignedYet { signed: checkpoint.size, last });
                }
                Err(error) if since.elapsed() > SIGN_TIME_MAX => return Err(error.into()),
                _ => tokio::time::sleep(SIGN_POLL).await,
            }
        }
    }

    /// The bundle of `conversations`, as `checkpoint` signed them, when it is its turn.
    pub async fn bundle(
        &self,
        asker: Asker,
        request: EvidenceRequest,
        conversations: BTreeSet<String>,
        checkpoint: Checkpoint,
    ) -> Result<Bundle, EvidenceError> {
        let maker = self.clone();
        let make = move |is_wanted: &dyn Fn() -> bool| {
            let lease = maker.material.leases.take(&asker.shop, &conversations);
            let bundle = maker.make(&asker, &request, &conversations, &checkpoint, is_wanted)?;
            Ok(Bundle { zip: bundle.zip.under(Some(lease)), ..bundle })
        };
        in_turn(&self.turns, TURN_TIME_MAX, make).await
    }

    /// The document of a bundle, with it, when it is its turn.
    pub async fn pack(
        &self,
        mut bundle: Bundle,
        request: PackRequest,
    ) -> Result<Zipped, PackError> {
        let spool = self.material.spool.clone();
        let make = move |is_wanted: &dyn Fn() -> bool| {
            let packed = pack_with_bundle(&bundle, &request, &spool, is_wanted)?;
            Ok(packed.under(bundle.zip.take_lease()))
        };
        in_turn(&self.pack_turns, TURN_TIME_MAX, make).await
    }

    /// The files of a bundle in another form, when it is its turn: as for packs.
    pub async fn interchange(
        &self,
        mut bundle: Bundle,
        form: Form,
    ) -> Result<Zipped, InterchangeError> {
        let spool = self.material.spool.clone();
        let make = move |is_wanted: &dyn Fn() -> bool| {
            let files = files_of_bundle(&bundle, form, &spool, is_wanted)?;
            Ok(files.under(bundle.zip.take_lease()))
        };
        in_turn(&self.pack_turns, TURN_TIME_MAX, make).await
    }

    /// Blocks while it reads, and `is_wanted`.
    fn make(
        &self,
        asker: &Asker,
        request: &EvidenceRequest,
        conversations: &BTreeSet<String>,
        checkpoint: &Checkpoint,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Bundle, EvidenceError> {
        let custody = Custody { who: asker.subject.clone(), entry: asker.entry.clone() };
        let spec = BundleSpec {
            shop: &asker.shop,
            request,
            conversations,
            checkpoint,
            custody: &custody,
            zone: self.material.zone,
            now: Micros::now(),
            spool: &self.material.spool,
        };
        let source = OfShop { maker: self, shop: &asker.shop, is_wanted, listed: None };
        Bundle::make(&spec, source, &self.material.ledger, |_| {})
    }
}

/// Makes something where it may block, when it is its turn. What makes it is told whether somebody waits for it
/// still: whoever asked may be gone.
async fn in_turn<T, E>(
    turns: &Arc<Semaphore>,
    wait_max: Duration,
    make: impl FnOnce(&dyn Fn() -> bool) -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<EvidenceError> + Send + 'static,
{
    let turn = tokio::time::timeout(wait_max, turns.clone().acquire_owned()).await;
    // Never closed.
    let turn = turn.map_err(|_| EvidenceError::NoTurn)?.ok();
    let gone = CancellationToken::new();
    let _until_dropped = gone.clone().drop_guard();
    let make = move || {
        let made = make(&|| !gone.is_cancelled());
        drop(turn);
        made
    };
    tokio::task::spawn_blocking(make).await.map_err(EvidenceError::from)?
}

/// The records and files of one shop.
struct OfShop<'a> {
    maker: &'a BundleMaker,
    shop: &'a str,
    is_wanted: &'a dyn Fn() -> bool,
    /// Where the records of the conversation are that is read now: asked for once, however many pages it has.
    listed: Option<(String, Listing)>,
}

impl OfShop<'_> {
    fn require_wanted(&self) -> Result<(), EvidenceError> {
        if (self.is_wanted)() { Ok(()) } else { Err(EvidenceError::NobodyWaits) }
    }
}

impl RecordSource for OfShop<'_> {
    fn page(&mut self, conversation: &str, after: Seq) -> Result<Page, EvidenceError> {
        self.require_wanted()?;
        let records = &self.maker.material.records;
        let listing = match self.listed.take() {
            Some((of, listing)) if of == conversation => listing,
            _ => records.listing(self.shop, conversation)?,
        };
        let page = records.page(&listing, after, PAGE);
        self.listed = Some((conversation.to_string(), listing));
        Ok(page?)
    }

    fn attachment(
        &mut self,
        record: &Record,
        sha256: &str,
    ) -> Result<Option<PathBuf>, EvidenceError> {
        self.require_wanted()?;
        Ok(self.maker.material.attachments.find(record, sha256)?)
    }
}

impl Sealer for LedgerReader {
    fn prove(
        &self,
        checkpoint: &Checkpoint,
        leaves: &BTreeSet<u64>,
    ) -> Result<Vec<[u8; 32]>, EvidenceError> {
        Ok(LedgerReader::prove(self, checkpoint.size, leaves)?)
    }

    fn consistency(&self, since: &str, checkpoint: &Checkpoint) -> Result<Growth, EvidenceError> {
        let public = self.public_keys()?;
        let previous = public.previous.iter().map(|key| key.vkey.as_str());
        let keys: Result<Vec<VerifierKey>, _> =
            previous.chain([public.vkey.as_str()]).map(VerifierKey::parse).collect();
        let keys = keys?;
        let old = Checkpoint::open(since.as_bytes(), &keys)
            .map_err(|_| EvidenceError::NotOurCheckpoint)?;
        let proof = LedgerReader::consistency(self, old.size, checkpoint.size)?;
        Ok(Growth { size: old.size, root: old.root, hashes: proof })
    }

    fn sign(&self, text: &str) -> Result<String, EvidenceError> {
        Ok(LedgerReader::sign(self, text)?)
    }

    fn succession(&self) -> Result<Option<String>, EvidenceError> {
        let public = self.public_keys()?;
        // In the form in which a verifier reads it: names in order.
        let canonical: Option<Json> = serde_json::from_str(&json::written(&public)).ok();
        let canonical = canonical.filter(|_| !public.previous.is_empty());
        Ok(canonical.map(|keys| json::written(&keys) + "\n"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A client that went away left its pack behind, which was made for hours, and nobody else's was.
    #[tokio::test]
    async fn what_nobody_waits_for_any_more_stops_and_gives_its_turn_back() {
        let turns = Arc::new(Semaphore::new(1));
        let (begun, begins) = tokio::sync::oneshot::channel();
        let (stopped, stops) = mpsc::channel();
        let endless = move |is_wanted: &dyn Fn() -> bool| {
            begun.send(()).unwrap();
            while is_wanted() {
                std::thread::yield_now();
            }
            stopped.send(()).unwrap();
            Err::<(), _>(EvidenceError::NobodyWaits)
        };
        tokio::select! {
            _ = in_turn(&turns, TURN_TIME_MAX, endless) => panic!("it ends for nobody"),
            began = begins => began.unwrap(),
        }
        tokio::task::spawn_blocking(move || stops.recv()).await.unwrap().unwrap();
        let next = in_turn(&turns, TURN_TIME_MAX, |_| Ok::<_, EvidenceError>(7));
        assert_eq!(next.await.unwrap(), 7);
    }

    #[tokio::test]
    async fn whoever_gets_no_turn_is_told_so() {
        let turns = Arc::new(Semaphore::new(0));
        let refused = in_turn(&turns, Duration::ZERO, |_| Ok::<_, EvidenceError>(())).await;
        assert!(matches!(refused, Err(EvidenceError::NoTurn)), "{refused:?}");
    }
}
