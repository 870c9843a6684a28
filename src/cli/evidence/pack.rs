//! `verbatim evidence pack`

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use chrono_tz::Tz;
use clap::Args;

use super::wanted::Wanted;
use crate::cli::found::found;
use crate::cli::logging::tell;
use crate::cli::search::{SearchMode, at_its_spot};
use crate::cli::shown::shown;
use crate::cli::target::TargetArgs;
use crate::cli::text_or_json::TextOrJson;
use crate::cli::{Exit, write};
use crate::durable::{Mode, Naming, Staged, sync_parent};
use crate::evidence::EvidenceRequest;
use crate::evidence::pack::{
    CONTEXT_USUAL, Fonts, PackRequest, Packed, Profile, Report, pack, read_bundle,
};
use crate::model::Micros;
use crate::search::language::parse;

const EXAMPLES: &str = "\
Examples:
  verbatim evidence pack 7.zip --case 7 --profile print --out 7.pdf
  verbatim evidence pack --order FL-1001 --case 7 --reason chargeback --profile shopify --out 7/

Exit codes: 0 made; 1 there is nothing of what was asked for or no message with the words, or files that messages name are
missing; 2 failure";

/// Bytes of the evidence copy, and of all that is read of a bundle beside it.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// A PDF for a bank or a platform, with the bundle it is made from
///
/// It shows what the bundle discloses, and names the bundle's hash on every page: an excerpt around the
/// messages chosen, or all of it. Where no bundle is named, one is made of --order, --conversation or
/// --customer first, and kept beside the document. Times are shown in the bundle's zone. Fonts are looked
/// for where systems have them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Pack {
    /// The bundle that `evidence export` made; without it one is made
    #[arg(
        value_name = "CASE.zip",
        required_unless_present_any = ["conversation", "order", "customer"],
        conflicts_with_all = ["conversation", "order", "customer", "from", "to", "redact", "with_private",
            "since", "allow_missing", "reason"]
    )]
    bundle: Option<PathBuf>,
    #[command(flatten)]
    wanted: Wanted,
    /// Why a bundle is made; recorded with the export
    #[arg(long, value_name = "TEXT", required_unless_present = "bundle")]
    reason: Option<String>,
    /// The messages that matter, by their ids, or CONVERSATION/ID where two have the same
    #[arg(long, value_name = "ID,…", value_delimiter = ',')]
    messages: Vec<String>,
    /// The messages that matter: those that `search` would find by these words, with the fields role:, kind:,
    /// from:, to:, has:, is: and conversation:
    #[arg(long, value_name = "QUERY", allow_hyphen_values = true)]
    words: Option<String>,
    /// How closely texts must follow the words
    #[arg(long, value_enum, default_value_t)]
    mode: SearchMode,
    /// Messages shown before and after each of them
    #[arg(long, value_name = "N", default_value_t = CONTEXT_USUAL)]
    context: usize,
    /// For whom: whose limits are kept
    #[arg(long, value_enum, default_value_t)]
    profile: Profile,
    /// Number of the case, as it stands on every page; that of the bundle, where one is named
    #[arg(long, value_name = "ID", env = "VERBATIM_CASE", required_unless_present = "bundle")]
    case: Option<String>,
    /// Folder for the files, or a name ending in .pdf for the document alone
    #[arg(long, short, value_name = "DIR|FILE")]
    out: PathBuf,
    /// Fonts to set it with, in this order, in place of those found
    #[arg(long, value_name = "FILE")]
    font: Vec<PathBuf>,
    /// How it is said what was made
    #[arg(long, value_enum, default_value_t)]
    format: TextOrJson,
    #[command(flatten)]
    target: TargetArgs,
}

impl Pack {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        // Before a bundle is made and recorded for what cannot be answered.
        if let Some(words) = &self.words
            && let Err(error) = parse(words, Tz::UTC, Micros::now())
        {
            bail!("{}", at_its_spot(words, &error));
        }
        self.request().check()?;
        match &self.bundle {
            Some(bundle) => {
                let Some(packed) = found(self.packed(bundle))? else { return Ok(Exit::No) };
                self.keep(&packed)?;
                Ok(Exit::Yes)
            }
            None => self.make_both().await,
        }
    }

    /// The bundle, and the document of it: both or neither.
    async fn make_both(&self) -> anyhow::Result<Exit> {
        let reason = self.reason.as_deref().unwrap_or_default();
        let request = self.wanted.request(self.case.as_deref().unwrap_or_default(), reason)?;
        let bundle = if self.is_document() {
            self.wanted.refuse_taken(&self.out)?;
            self.out.with_extension("zip")
        } else {
            self.out.join(format!("{}.zip", request.file_name()))
        };
        // Before one is made and recorded that cannot be named.
        self.wanted.refuse_taken(&bundle)?;
        let folder = bundle.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let is_new = !folder.exists();
        let exit = self.make_both_in(folder, &bundle, &request).await;
        if is_new {
            // It is empty where nothing was made, and stays where it is not.
            let _ = fs::remove_dir(folder);
        }
        exit
    }

    async fn make_both_in(
        &self,
        folder: &Path,
        bundle: &Path,
        request: &EvidenceRequest,
    ) -> anyhow::Result<Exit> {
        let cannot_make = || format!("cannot write in `{}`", folder.display());
        fs::create_dir_all(folder).with_context(cannot_make)?;
        let stage = tempfile::tempdir_in(folder).with_context(cannot_make)?;
        let staged = stage.path().join("bundle.zip");
        let Some(made) = self.wanted.make(request, &staged, &self.target).await? else {
            return Ok(Exit::No);
        };
        let Some(packed) = found(self.packed(&staged))? else { return Ok(Exit::No) };
        // Somebody else may have been quicker.
        self.wanted.refuse_taken(bundle)?;
        let cannot_name = || format!("cannot name the bundle `{}`", bundle.display());
        fs::rename(&staged, bundle).and_then(|()| sync_parent(bundle)).with_context(cannot_name)?;
        let exit = self.wanted.told(&made, bundle);
        self.keep(&packed)?;
        Ok(exit)
    }

    fn request(&self) -> PackRequest {
        PackRequest {
            messages: self.messages.clone(),
            words: self.words.clone(),
            mode: self.mode.of_search(),
            context: self.context,
            profile: self.profile,
        }
    }

    /// Whether the document alone is asked for, by its name.
    fn is_document(&self) -> bool {
        self.out.extension().is_some_and(|extension| extension == "pdf")
    }

    /// The document of a bundle, for which there is room at its name.
    fn packed(&self, bundle: &Path) -> anyhow::Result<Packed> {
        let cannot_open = || format!("cannot open `{}`", bundle.display());
        let mut read = read_bundle(File::open(bundle).with_context(cannot_open)?, BYTES_MAX)?;
        read.case = self.case.clone().or(read.case);
        let request = self.request();
        let source = read.source(&request, self.target.zone)?;
        let packed = pack(&source, request.profile, &mut Fonts::find(&self.font)?)?;
        // All of them or none.
        self.files_of(&packed).iter().try_for_each(|(path, _)| self.wanted.refuse_taken(path))?;
        Ok(packed)
    }

    /// Where the files of a document go.
    fn files_of<'a>(&self, packed: &'a Packed) -> Vec<(PathBuf, &'a [u8])> {
        if self.is_document() {
            let document = packed.files.first();
            document.map(|file| (self.out.clone(), &file.bytes[..])).into_iter().collect()
        } else {
            let named = packed.files.iter();
            named.map(|file| (self.out.join(&file.name), &file.bytes[..])).collect()
        }
    }

    /// Writes a document, and says what it has.
    fn keep(&self, packed: &Packed) -> anyhow::Result<()> {
        if !self.is_document() {
            let cannot_make = || format!("cannot make `{}`", self.out.display());
            fs::create_dir_all(&self.out).with_context(cannot_make)?;
        }
        for (path, bytes) in self.files_of(packed) {
            write_file(&path, bytes)?;
        }
        match self.format {
            TextOrJson::Json => write::json_line(&packed.report)?,
            TextOrJson::Text => tell!("{}", text(&packed.report).trim_end()),
        }
        Ok(())
    }
}

/// A file that has its name only when it is whole and durable.
fn write_file(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let cannot_create = || format!("cannot create `{}`", path.display());
    let staged = Staged::alone(path, Mode::Usual).with_context(cannot_create)?;
    let mut writer = staged.writer().with_context(cannot_create)?;
    writer.write_all(bytes).with_context(cannot_create)?;
    drop(writer);
    staged.publish(Naming::Overwrite).with_context(cannot_create)?;
    Ok(())
}

fn text(report: &Report) -> String {
    let mut text = format!(
        "{} of {} messages on {} pages, {} bytes, for {}\n",
        report.messages_shown,
        report.messages,
        report.pages,
        report.bytes,
        report.profile.as_str()
    );
    for (why, count) in &report.withheld {
        text.push_str(&format!("not disclosed by the bundle: {count} messages, {why}\n"));
    }
    for chosen in &report.chosen {
        text.push_str(&format!("chosen: {}\n", shown(chosen, " ")));
    }
    for left in &report.left_out {
        let hash = left.sha256.as_ref().map(|hash| format!(", SHA-256 {hash}"));
        let line = format!("left out: {}: {}{}", left.what, left.why, hash.unwrap_or_default());
        text.push_str(&format!("{}\n", shown(&line, " ")));
    }
    text
}
