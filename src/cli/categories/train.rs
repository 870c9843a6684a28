//! `verbatim categories train`

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::Args;

use super::{labels, shelf, shown};
use crate::categories::{
    After, CONVERSATIONS_AT_ONCE, Case, Cases, EPISODES_AT_ONCE, Ended, Example, MODEL_USUAL,
    Saved, said_in, tagged_by_people, train,
};
use crate::cli::logging::tell;
use crate::cli::target::{Target, TargetArgs};
use crate::cli::text_or_json::TextOrJson;
use crate::cli::{Exit, progress, write};
use crate::model::{Micros, check_model_name};

const EXAMPLES: &str = "\
Examples:
  verbatim categories train --from-tags --data DATA
  verbatim categories train --labels labels.csv --name issues

Exit codes: 0 trained; 2 there are too few examples, or failure";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Train {
    #[command(flatten)]
    source: Source,
    /// How the model is called; an earlier one of this name is replaced
    #[arg(long, default_value = MODEL_USUAL)]
    name: String,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t)]
    format: TextOrJson,
    #[command(flatten)]
    target: TargetArgs,
}

/// What is learnt from.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Source {
    /// From conversations that people of the shop tagged
    #[arg(long)]
    from_tags: bool,
    /// From a CSV file with the columns text and category
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
}

impl Train {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        check_model_name("--name", &self.name)?;
        let shelf = shelf(&self.target)?;
        let (examples, source) = match &self.source.labels {
            Some(path) => {
                let name = path.file_name().unwrap_or(path.as_os_str());
                (labels(path)?, name.to_string_lossy().into_owned())
            }
            None => (tagged(&Target::open(&self.target).await?).await?, "tags".to_string()),
        };
        let bar = progress::working(&format!("learning from {} examples", examples.len()));
        let trained = tokio::task::spawn_blocking(move || train(&examples)).await?;
        bar.finish_and_clear();
        let trained = trained?;
        for (category, count) in &trained.left_out {
            tell!("left out: `{category}` has {count} examples, too few to learn and judge");
        }
        let saved = Saved::new(&self.name, Micros::now(), &source, trained);
        shelf.put(&saved)?;
        match self.format {
            TextOrJson::Json => write::json_line(&saved.about)?,
            TextOrJson::Text => write::to_stdout(shown::trained(&saved.about).as_bytes())?,
        }
        tell!("`verbatim rules set classifier={}` lets it tag what ends from now on", self.name);
        Ok(Exit::Yes)
    }
}

/// What people of the shop said that episodes were about, with what the customers said in them.
async fn tagged(target: &Target) -> anyhow::Result<Vec<Example>> {
    let bar = progress::working("reading what people tagged");
    let mut examples = Vec::new();
    let mut after: After = None;
    loop {
        let page: Vec<Ended> = target.fold(&tagged_by_people(&after), Vec::push).await?;
        let mut by_conversation: BTreeMap<&str, Vec<&Ended>> = BTreeMap::new();
        for ended in &page {
            by_conversation.entry(&ended.conversation).or_default().push(ended);
        }
        let names: BTreeSet<&str> = by_conversation.keys().copied().collect();
        let names: Vec<&str> = names.into_iter().collect();
        for some in names.chunks(CONVERSATIONS_AT_ONCE) {
            let ended = || some.iter().filter_map(|name| by_conversation.get(name)).flatten();
            let from = ended().map(|ended| ended.started_offset).min().unwrap_or_default();
            let cases = target.fold(&said_in(some.iter().copied(), from), Cases::add).await?;
            examples
                .extend(ended().filter_map(|ended| example(cases.of(&ended.conversation), ended)));
        }
        if page.len() < EPISODES_AT_ONCE {
            bar.finish_and_clear();
            return Ok(examples);
        }
        after = page.last().cloned();
    }
}

/// What a person said of this episode: until some time after its end, when the tag may still come.
fn example(case: &Case, ended: &Ended) -> Option<Example> {
    let text = case.learnable_text(ended)?;
    let category = case.category_of(ended)?.to_string();
    Some(Example { text, category })
}
