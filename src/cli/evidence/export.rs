//! `verbatim evidence export --out CASE.zip …`

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use super::signing::RsaSigner;
use super::wanted::Wanted;
use crate::cli::Exit;
use crate::cli::logging::tell;
use crate::cli::target::TargetArgs;
use crate::durable::{Mode, Naming, Staged};
use crate::evidence::interchange::{Bounds, Form, Signer, interchange};
use crate::relay::DiskSpace;

/// Bytes of records, and of the attachments of one file, that are read at once: as many as a pack reads. The 100,000 records
/// of the largest bundle are about 90 MiB, × twenty = 1.8 GiB as a vCon.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

const EXAMPLES: &str = "\
Examples:
  verbatim evidence export --order FL-1001 --case 7 --reason chargeback --out 7.zip
  verbatim evidence export --customer cust-7 --from -4w --case 7 --reason chargeback --redact sender@role:human --out 7.zip
  verbatim evidence export --format rsmf --bundle 7.zip --out 7-rsmf.zip         for others' programs; docs/interchange.md
  verbatim evidence export --format vcon --bundle 7.zip --certificate shop.pem --key shop.key --out 7-vcon.zip

Exit codes: 0 the bundle is whole; 1 there is nothing of what was asked for, or files that messages name are missing or
damaged (the bundle is there and says so); 2 failure, without a file";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Export {
    /// File to write
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// What others check, or what their programs read of it (docs/interchange.md)
    #[arg(long, value_enum, default_value_t)]
    format: ExportFormat,
    /// With --format: make the files of a bundle that is there, instead of a new one
    #[arg(
        long,
        value_name = "CASE.zip",
        conflicts_with_all = ["conversation", "order", "customer", "from", "to", "redact", "with_private",
            "since", "allow_missing", "reason"]
    )]
    bundle: Option<PathBuf>,
    #[command(flatten)]
    wanted: Wanted,
    /// Number of the case this is for
    #[arg(long, value_name = "ID", env = "VERBATIM_CASE", required_unless_present = "bundle")]
    case: Option<String>,
    /// Why it is made; recorded with the export
    #[arg(long, value_name = "TEXT", required_unless_present = "bundle")]
    reason: Option<String>,
    /// With --format vcon: the certificate of the shop, and those above it (PEM), with which vCons are signed too
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// Its RSA key (PEM)
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum ExportFormat {
    /// What proves what was said, offline
    #[default]
    Bundle,
    /// For review platforms (Relativity Short Message Format 2.0.0): a file a day of each conversation
    Rsmf,
    /// For conversation tools (vCon of the IETF): a file a conversation, and one that is signed where there is a key
    Vcon,
    /// For mail archives: a message a conversation
    Eml,
}

impl ExportFormat {
    fn form(self) -> Option<Form> {
        match self {
            ExportFormat::Bundle => None,
            ExportFormat::Rsmf => Some(Form::Rsmf),
            ExportFormat::Vcon => Some(Form::Vcon),
            ExportFormat::Eml => Some(Form::Eml),
        }
    }
}

impl Export {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let form = self.format.form();
        if self.certificate.is_some() && form != Some(Form::Vcon) {
            bail!("--certificate is for --format vcon: nothing else is signed with it");
        }
        match (form, &self.bundle) {
            (None, Some(_)) => bail!("--bundle is for --format rsmf, vcon or eml"),
            (None, None) => self.make(&self.out, &self.out).await,
            (Some(form), Some(bundle)) => {
                let signer = self.signer(form)?;
                self.convert(bundle, form, signer.as_ref())?;
                Ok(Exit::Yes)
            }
            (Some(form), None) => {
                // Before a bundle is made and recorded for what cannot be signed or named.
                let signer = self.signer(form)?;
                self.wanted.refuse_taken(&self.out)?;
                let folder = self.folder()?;
                let bundle = folder.path().join("bundle.zip");
                let exit = self.make(&bundle, &self.out).await?;
                if bundle.is_file() {
                    self.convert(&bundle, form, signer.as_ref())?;
                }
                Ok(exit)
            }
        }
    }

    /// The bundle as the file `path`, of which what is asked for at `named` is made.
    async fn make(&self, path: &Path, named: &Path) -> anyhow::Result<Exit> {
        let [case, reason] =
            [&self.case, &self.reason].map(|words| words.as_deref().unwrap_or_default());
        let request = self.wanted.request(case, reason)?;
        let made = self.wanted.make(&request, path, &self.target).await?;
        Ok(made.map_or(Exit::No, |made| self.wanted.told(&made, named)))
    }

    /// What signs; that nothing does is said, since whoever gets a vCon may ask for it.
    fn signer(&self, form: Form) -> anyhow::Result<Option<RsaSigner>> {
        let signer = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => Some(RsaSigner::open(certificate, key)?),
            _ => None,
        };
        if form == Form::Vcon && signer.is_none() {
            tell!("the vCons are not signed: --certificate and --key sign them too");
        }
        Ok(signer)
    }

    /// Writes the files of a bundle, whole or not at all.
    fn convert(&self, bundle: &Path, form: Form, signer: Option<&RsaSigner>) -> anyhow::Result<()> {
        self.wanted.refuse_taken(&self.out)?;
        let cannot_open = || format!("cannot open `{}`", bundle.display());
        let file = File::open(bundle).with_context(cannot_open)?;
        let folder = self.folder()?;
        // What is free is for whoever serves to keep, who may be elsewhere.
        let spool = DiskSpace::of(folder.path().to_path_buf(), 0);
        let bounds = Bounds {
            records_bytes_max: BYTES_MAX,
            files_bytes_max: BYTES_MAX,
            is_wanted: &|| true,
        };
        let signer = signer.map(|signer| signer as &dyn Signer);
        let zip = interchange(file, form, signer, bounds, &spool)?;
        let cannot_create = || format!("cannot create `{}`", self.out.display());
        let staged = Staged::alone(&self.out, Mode::Private).with_context(cannot_create)?;
        let mut out =
            BufWriter::with_capacity(1 << 20, staged.writer().with_context(cannot_create)?);
        zip.write(&mut out).with_context(cannot_create)?;
        out.flush().with_context(cannot_create)?;
        drop(out);
        self.wanted.refuse_taken(&self.out)?;
        staged.publish(Naming::Overwrite).with_context(cannot_create)?;
        Ok(())
    }

    /// A folder of its own beside the file, for what is there until the file is.
    fn folder(&self) -> anyhow::Result<tempfile::TempDir> {
        let beside = self.out.parent().filter(|parent| !parent.as_os_str().is_empty());
        let beside = beside.unwrap_or(Path::new("."));
        tempfile::tempdir_in(beside)
            .with_context(|| format!("cannot write in `{}`", beside.display()))
    }
}
