//! `verbatim categories list`

use clap::Args;
use serde_json::json;

use super::shelf;
use crate::categories::{About, Listed};
use crate::cli::logging::tell;
use crate::cli::shown::shown;
use crate::cli::target::{Target, TargetArgs};
use crate::cli::text_or_json::TextOrJson;
use crate::cli::{Exit, write};
use crate::model::Rules;

const EXAMPLES: &str = "\
Examples:
  verbatim categories list --data DATA

Exit codes: 0 listed; 1 there is none that can be read; 2 failure";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct List {
    /// How the answer is written
    #[arg(long, value_enum, default_value_t)]
    format: TextOrJson,
    #[command(flatten)]
    target: TargetArgs,
}

impl List {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let listed = shelf(&self.target)?.all()?;
        let target = Target::open(&self.target).await?;
        let (rules, zone) = (target.rules().await?.rules, target.zone().await?);
        if self.format == TextOrJson::Json {
            let model = |(name, saved): &Listed| match saved {
                Ok(saved) => json!(saved.about),
                Err(error) => json!({"name": name, "damaged": error.to_string()}),
            };
            let models: Vec<serde_json::Value> = listed.iter().map(model).collect();
            write::json_line(&models)?;
        } else {
            for (name, saved) in &listed {
                match saved {
                    Ok(saved) => {
                        let at = saved.about.trained_at.datetime().with_timezone(&zone);
                        let at = at.format("%Y-%m-%d %H:%M").to_string();
                        write::to_stdout(text(&saved.about, &at, &rules).as_bytes())?;
                    }
                    Err(error) => tell!("{name}: {error}"),
                }
            }
        }
        Ok(if listed.iter().any(|(_, saved)| saved.is_ok()) { Exit::Yes } else { Exit::No })
    }
}

fn text(about: &About, at: &str, rules: &Rules) -> String {
    let is_used = rules.classifier.as_ref() == Some(&about.name);
    let mut text = format!(
        "{}@{}{}  trained {at} on {} ({} examples); held out: accuracy {:.1} %, macro-F1 {:.1} %, not known {:.1} %\n",
        about.name,
        about.version,
        if is_used { ", which tags" } else { "" },
        shown(&about.trained_on, " "),
        about.examples,
        about.held_out.accuracy * 100.0,
        about.held_out.macro_f1 * 100.0,
        about.held_out.unknown * 100.0,
    );
    for category in &about.categories {
        let labels = rules.category_labels.get(category).into_iter().flatten();
        let labels: Vec<String> =
            labels.map(|(language, label)| format!("{language}: {}", shown(label, " "))).collect();
        text.push_str(&format!("    {}  {}\n", shown(category, " "), labels.join(", ")));
    }
    text
}
