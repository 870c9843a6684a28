//! `verbatim import FILE…`

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use indicatif::ProgressBar;

use super::destination::{Destination, Out};
use super::feed::{self, Counts, Known};
use super::intake::Intake;
use super::target::TargetArgs;
use super::{Exit, label, progress, write};
use crate::cli::logging::tell;
use crate::import::{self, Agents, DateOrder, Format, Notes, Piece, Refused, Settings, Source};
use crate::model::{Event, Origin};

const EXAMPLES: &str = "\
Examples:
  verbatim import chats.jsonl --data DATA                 old chat with its own times; a second time adds nothing
  verbatim import export.zip --agent @shop.example        what another system exported; docs/import.md
  verbatim import 2025/ 2026.jsonl.gz --shop eu --rejected refused.jsonl
                                                          into one shop; what is refused to be mended
  verbatim import - --from whatsapp --zone Asia/Shanghai --dates dmy --agent Lin

Exit codes: 0 all was taken; 1 some was refused, or there was nothing; 2 failure";

/// Events appended with one sync.
const BATCH_EVENTS: usize = 1_000;
/// Sources that stay open from the look at all of them to their turn, each with up to 64 MiB of text; others
/// are opened again.
const OPEN_MAX: usize = 8;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Import {
    /// Files, folders, zip archives, or `-` for standard input; what gzip or zstd packed is unpacked
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What they are (docs/import.md), where their content is not to tell it
    #[arg(long, value_name = "FORMAT", value_parser = label::<Format>)]
    from: Option<Format>,
    /// Who is of the shop where a source does not say: an id, a name, an address, or @DOMAIN for all of a mail
    /// domain; may be repeated. One that is nobody there is an error
    #[arg(long = "agent", value_name = "NAME")]
    agents: Vec<String>,
    /// How dates such as 3/4/2026 are read
    #[arg(long, value_name = "ORDER", value_parser = label::<DateOrder>)]
    dates: Option<DateOrder>,
    /// Write what is refused to this file, to be mended and imported again
    #[arg(long, value_name = "FILE")]
    rejected: Option<PathBuf>,
    #[command(flatten)]
    target: TargetArgs,
}

/// A source that was looked at before anything was imported.
struct Looked {
    path: PathBuf,
    length: u64,
    /// It cannot be opened again.
    is_pipe: bool,
    source: Option<Source>,
}

impl Import {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let settings = self.settings();
        // All are opened first: a mistyped third name must not leave two files imported.
        let sources = self.look(&settings)?;
        refuse_unmet(&sources, &settings)?;
        let Some(path) = &self.rejected else {
            return self.import(sources, &settings, None).await;
        };
        if path == Path::new("-") {
            bail!("--rejected names a file: standard output has the counts");
        }
        let (this, settings) = (&self, &settings);
        let destination = Destination::of(Some(path));
        destination.fill(async move |out| this.import(sources, settings, Some(out)).await).await
    }

    fn settings(&self) -> Settings {
        Settings {
            from: self.from,
            zone: self.target.zone,
            agents: Agents::new(&self.agents),
            dates: self.dates,
            keep_originals: self.rejected.is_some(),
        }
    }

    fn look(&self, settings: &Settings) -> anyhow::Result<Vec<Looked>> {
        let mut looked = Vec::new();
        for file in &self.files {
            for path in import::sources(file)? {
                let source = Source::open(&path, settings)?;
                let (length, is_pipe) = (source.length(), source.is_pipe());
                let stays = looked.len() < OPEN_MAX || is_pipe;
                looked.push(Looked { path, length, is_pipe, source: stays.then_some(source) });
            }
        }
        Ok(looked)
    }

    async fn import(
        &self,
        sources: Vec<Looked>,
        settings: &Settings,
        rejected: Option<Out>,
    ) -> anyhow::Result<Exit> {
        let bar = progress::bytes(sources.iter().map(|source| source.length).sum(), "importing");
        let mut intake = Importing::into(Intake::open(&self.target).await?, rejected);
        let mut begin = 0;
        for Looked { path, length, source, .. } in sources {
            let before = intake.counts.events;
            let source = match source {
                Some(source) => source,
                None => Source::open(&path, settings)?,
            };
            intake.take(source, &bar, begin).await?;
            if intake.counts.events == before {
                tell!("warning: `{}` holds no events", path.display());
            }
            begin += length;
            bar.set_position(begin);
        }
        bar.finish_and_clear();
        let exit = intake.end().await?;
        // Of a pipe that is known now alone.
        let unmet = unmet(&settings.agents);
        if unmet.is_empty() {
            return Ok(exit);
        }
        tell!(
            "nobody was called as --agent says: {unmet}; whose side the source does not say is a customer now"
        );
        Ok(Exit::No)
    }
}

/// Refuses an `--agent` who is nobody in any source: what that person wrote would be a customer's for good. In some
/// formats who is there is known once all was read, so that they are read twice where a name is not met before.
fn refuse_unmet(sources: &[Looked], settings: &Settings) -> anyhow::Result<()> {
    for Looked { path, .. } in sources.iter().filter(|source| !source.is_pipe) {
        if settings.agents.unmet().next().is_none() {
            return Ok(());
        }
        let mut source = Source::open(path, settings)?;
        while settings.agents.unmet().next().is_some() && source.next_piece()?.is_some() {}
    }
    let unmet = unmet(&settings.agents);
    if !unmet.is_empty() && !sources.iter().any(|source| source.is_pipe) {
        bail!(
            "nobody is called as --agent says: {unmet}; it takes an id, a name or an address as the source has it, of \
             somebody whose side the source leaves open. Nothing is imported"
        );
    }
    Ok(())
}

/// Who was met in no source, in words.
fn unmet(agents: &Agents) -> String {
    let names: Vec<String> = agents.unmet().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// Takes pieces of sources in.
struct Importing {
    intake: Intake,
    rejected: Option<Out>,
    counts: Counts,
    notes: Notes,
    /// Events that were kept before with another body.
    differing: u64,
    /// Refusals of which nothing could be written to be mended.
    unwritten: u64,
    /// Read, and not yet appended: each with the place of its piece among those.
    batch: Vec<(usize, Event)>,
    pieces: Vec<Begun>,
}

/// What is known of a piece whose events wait.
struct Begun {
    place: String,
    original: Vec<u8>,
    made_ids: HashSet<String>,
    /// Whether it was written to be mended.
    is_written: bool,
}

impl Importing {
    fn into(intake: Intake, rejected: Option<Out>) -> Importing {
        Importing {
            intake,
            rejected,
            counts: Counts::default(),
            notes: Notes::default(),
            differing: 0,
            unwritten: 0,
            batch: Vec::new(),
            pieces: Vec::new(),
        }
    }

    async fn take(
        &mut self,
        mut source: Source,
        bar: &ProgressBar,
        begin: u64,
    ) -> anyhow::Result<()> {
        // What is ours says what it means; others show what they know now.
        let is_ours = source.format() == Format::Verbatim;
        let known = if is_ours { Known::Refused } else { Known::Kept };
        while let Some(piece) = source.next_piece()? {
            bar.set_position(begin + source.bytes_read());
            for file in &piece.files {
                let kept = self.intake.keep_file(&file.sha256, source.bytes_of(file)?).await;
                kept.with_context(|| format!("cannot keep a file of {}", piece.place))?;
            }
            self.add(piece)?;
            if self.batch.len() >= BATCH_EVENTS {
                self.append(known).await?;
            }
        }
        self.append(known).await?;
        self.notes.merge(source.notes());
        Ok(())
    }

    fn add(&mut self, piece: Piece) -> anyhow::Result<()> {
        let Piece { place, events, original, made_ids, files: _ } = piece;
        let index = self.pieces.len();
        self.pieces.push(Begun { place, original, made_ids, is_written: false });
        for event in events {
            match event {
                Ok(event) => self.batch.push((index, event)),
                Err(Refused { error, event }) => {
                    self.counts.reject(&self.pieces[index].place, &error.to_string());
                    self.write_refused(index, event.as_deref())?;
                }
            }
        }
        Ok(())
    }

    /// Appends what waits.
    async fn append(&mut self, known: Known) -> anyhow::Result<()> {
        let batch = std::mem::take(&mut self.batch);
        // A long transcript is many events: never more than a batch at once.
        for part in batch.chunks(BATCH_EVENTS) {
            let events = part.iter().map(|(_, event)| event.clone()).collect();
            let pieces = &self.pieces;
            let source_of = |index: usize| pieces[part[index].0].place.clone();
            let known_of = |index: usize| {
                let (piece, event): &(usize, Event) = &part[index];
                let is_made = pieces[*piece].made_ids.contains(&event.id);
                if known == Known::Kept && is_made { Known::Other } else { known }
            };
            let fed = feed::append(
                &self.intake,
                Origin::Imported,
                events,
                known_of,
                source_of,
                &mut self.counts,
            );
            let fed = fed.await?;
            self.differing += fed.differing;
            for refused in fed.refused {
                let (piece, event) = &part[refused];
                self.write_refused(*piece, Some(event))?;
            }
        }
        self.pieces.clear();
        Ok(())
    }

    /// Writes what can be mended: the piece as its source has it, once, or the event that was refused.
    fn write_refused(&mut self, piece: usize, event: Option<&Event>) -> anyhow::Result<()> {
        let Some(out) = &mut self.rejected else { return Ok(()) };
        let begun = &mut self.pieces[piece];
        let line = match event {
            _ if begun.is_written => return Ok(()),
            _ if !begun.original.is_empty() => {
                begun.is_written = true;
                std::mem::take(&mut begun.original)
            }
            Some(event) => serde_json::to_vec(event)?,
            None => {
                self.unwritten += 1;
                return Ok(());
            }
        };
        out.write_all(&line)
            .and_then(|()| out.write_all(b"\n"))
            .context("cannot write what was refused")
    }

    /// Says what became of it all.
    async fn end(mut self) -> anyhow::Result<Exit> {
        if let Some(out) = &mut self.rejected {
            out.flush().context("cannot write what was refused")?;
        }
        if !self.notes.is_empty() {
            tell!("left behind (docs/import.md says why):");
            for (kind, count) in self.notes.iter() {
                tell!("{count:>8} {kind}");
            }
        }
        if self.differing > 0 {
            tell!(
                "kept before with another body, or erased since; what was kept first stands: {}",
                self.differing
            );
        }
        if self.unwritten > 0 {
            tell!(
                "refused without a line in the file of --rejected, to be mended in the source: {}",
                self.unwritten
            );
        }
        // First: the counts are true whatever becomes of the stores.
        write::json_line(&self.counts)?;
        let counts = self.counts;
        self.intake.catch_up_and_close().await?;
        Ok(Exit::found(counts.rejected == 0 && counts.events > 0))
    }
}
