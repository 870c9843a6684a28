//! What a bundle is to have, and how it becomes a file: of a data directory or from a server. `evidence export` makes
//! a bundle, `evidence pack` one and a document of it.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;

use crate::access::operator;
use crate::app::App;
use crate::cli::client::{Bundled, Client, Made};
use crate::cli::logging::tell;
use crate::cli::shown::shown;
use crate::cli::target::{TargetArgs, owner_client, owner_of};
use crate::cli::{Exit, progress};
use crate::durable::{Mode, Naming, Staged};
use crate::evidence::{EvidenceRequest, Redaction};
use crate::model::{ErrorKind, Via};
use crate::server::{Service, status_of};

/// What goes into a bundle, and what is withheld.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// A conversation; may be given again, as may orders and customers
    #[arg(long, value_name = "ID")]
    conversation: Vec<String>,
    /// Every conversation of an order
    #[arg(long, value_name = "ORDER")]
    order: Vec<String>,
    /// Every conversation of a customer
    #[arg(long, value_name = "ID")]
    customer: Vec<String>,
    /// Withhold what was said before then: 2026-11-19, "2026-11-19 10:00", RFC 3339, yesterday, -14d, -2w
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Withhold what was said from then on
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    /// Withhold parts, each as a whole: sender, body or meta, with commas, of all or of
    /// @role:ROLE, @sender:ID, @message:ID or @message:CONVERSATION/ID. `sender@role:customer` hides who
    /// customers are; `body@message:m7` hides one text. A single word in a text cannot be hidden
    #[arg(long, value_name = "RULE")]
    redact: Vec<Redaction>,
    /// Disclose the shop's notes to itself
    #[arg(long)]
    with_private: bool,
    /// A checkpoint that the other side holds: the bundle shows that the log goes on from it
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
    /// Exit with 0 also where files are missing or damaged
    #[arg(long)]
    allow_missing: bool,
    /// Overwrite files that are there; the SHA-256 of one that was sent will be that of no file any more
    #[arg(long)]
    force: bool,
}

impl Wanted {
    /// What is asked for, checked.
    pub(super) fn request(&self, case: &str, reason: &str) -> anyhow::Result<EvidenceRequest> {
        let read = |path: &Path| {
            fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
        };
        let request = EvidenceRequest {
            conversations: self.conversation.clone(),
            orders: self.order.clone(),
            customers: self.customer.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            redact: self.redact.clone(),
            with_private: self.with_private,
            case: case.to_string(),
            reason: reason.to_string(),
            since: self.since.as_deref().map(read).transpose()?,
            // Files in other forms are made here, where the key is that signs them.
            format: None,
        };
        request.check()?;
        Ok(request)
    }

    /// Makes the bundle as the file `path`, whole or not at all; `None` where there is nothing of what was
    /// asked for.
    pub(super) async fn make(
        &self,
        request: &EvidenceRequest,
        path: &Path,
        target: &TargetArgs,
    ) -> anyhow::Result<Option<Made>> {
        self.refuse_taken(path)?;
        let bar = progress::working("making the bundle");
        let cannot_create = || format!("cannot create `{}`", path.display());
        let staged = Staged::alone(path, Mode::Private).with_context(cannot_create)?;
        let mut out =
            BufWriter::with_capacity(1 << 20, staged.writer().with_context(cannot_create)?);
        let made = write(request, &mut out, target).await;
        bar.finish_and_clear();
        let made = match made? {
            Bundled::Made(made) => made,
            Bundled::Nothing(said) => {
                tell!("{}", shown(&said, " "));
                return Ok(None);
            }
        };
        out.flush().with_context(cannot_create)?;
        drop(out);
        // Somebody else may have been quicker.
        self.refuse_taken(path)?;
        let cannot_name = || format!("cannot name the bundle `{}`", path.display());
        staged.publish(Naming::Overwrite).with_context(cannot_name)?;
        Ok(Some(made))
    }

    /// Tells whoever asks of the bundle at `path`, or of the file that is made of it; returns what it means to them.
    pub(super) fn told(&self, made: &Made, path: &Path) -> Exit {
        tell!("wrote {} records to {}", made.records, path.display());
        if !made.redacted.is_empty() {
            tell!("redacted: {}", made.redacted);
        }
        if !made.holes.is_empty() {
            tell!("warning: the bundle has holes, and says so: {}", made.holes);
        }
        if made.holes.is_empty() || self.allow_missing { Exit::Yes } else { Exit::No }
    }

    /// Refuses a name that a file has already, unless it may go.
    pub(super) fn refuse_taken(&self, path: &Path) -> anyhow::Result<()> {
        match fs::metadata(path) {
            Ok(there) if !there.is_file() => bail!("`{}` is there, and is no file", path.display()),
            Ok(_) if !self.force => bail!("`{}` exists; --force overwrites it", path.display()),
            _ => Ok(()),
        }
    }
}

/// Writes the bundle.
async fn write(
    request: &EvidenceRequest,
    out: &mut (impl Write + Send),
    target: &TargetArgs,
) -> anyhow::Result<Bundled> {
    if let (Some(url), Some(token)) = (&target.url, &target.token) {
        target.refuse_other_shop(token)?;
        return Client::new(url.clone(), token)?.evidence(request, out).await;
    }
    target.data_dir().must_exist()?;
    let shop = target.known_shop()?;
    match App::start(target.data_dir(), target.config()?, None).await {
        Ok(app) => {
            let made = in_place(&app, request, out, &shop).await;
            let stopped = app.stop();
            let made = made?;
            stopped.map(|()| made)
        }
        Err(error) => owner_client(target, &owner_of(error)?, &shop)?.evidence(request, out).await,
    }
}

/// In this process, which records the export like any other.
async fn in_place(
    app: &App,
    request: &EvidenceRequest,
    out: &mut (impl Write + Send),
    shop: &str,
) -> anyhow::Result<Bundled> {
    app.catch_up().await?;
    let (service, identity) = (Service::of(app)?, Arc::new(operator(shop)));
    let bundle = match service.bundle(&identity, request.clone(), Via::Command).await {
        Ok(bundle) => bundle,
        Err(problem) if problem.status == status_of(ErrorKind::NotFound) => {
            return Ok(Bundled::Nothing(problem.detail));
        }
        Err(problem) => bail!("{}", problem.detail),
    };
    tokio::task::block_in_place(|| bundle.zip.write(out)).context("cannot write the bundle")?;
    let redacted = bundle.redacted.map_or(String::new(), |redacted| redacted.to_string());
    Ok(Bundled::Made(Made { records: bundle.records, holes: bundle.holes.join(", "), redacted }))
}
