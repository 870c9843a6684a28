//! `verbatim report [NAME]`

use std::collections::BTreeMap;

use clap::Args;

use super::Exit;
use super::purpose::PurposeArgs;
use super::target::{Target, TargetArgs};
use super::write::{self, RowFormat};
use crate::sql::NamedQuery;

#[derive(Debug, Args)]
pub(super) struct Report {
    /// Which report; without it, all are listed
    name: Option<String>,
    /// From this instant or local date on; -14d is fourteen days ago
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Before this instant or local date
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    /// Any parameter of the report; may be given more than once
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = name_and_value)]
    set: Vec<(String, String)>,
    #[arg(long, value_enum, default_value_t)]
    format: RowFormat,
    #[command(flatten)]
    purpose: PurposeArgs,
    #[command(flatten)]
    target: TargetArgs,
}

impl Report {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let target = Target::open(&self.target).await?.on(&self.purpose)?;
        let Some(name) = &self.name else {
            let queries = target.reports().await;
            write::to_stdout(listing(&queries?).as_bytes())?;
            return Ok(Exit::Yes);
        };
        let answer = target.report(name, &self.arguments()).await;
        write::rows(&answer?, self.format)?;
        Ok(Exit::Yes)
    }

    fn arguments(&self) -> BTreeMap<String, String> {
        let zone = self.target.zone.map(|zone| zone.name().to_string());
        let flags = [("from", self.from.clone()), ("to", self.to.clone()), ("zone", zone)];
        let flags = flags.into_iter().filter_map(|(name, value)| Some((name.to_string(), value?)));
        flags.chain(self.set.iter().cloned()).collect()
    }
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) =
        text.split_once('=').ok_or_else(|| format!("`{text}` must be NAME=VALUE"))?;
    Ok((name.to_string(), value.to_string()))
}

fn listing(queries: &[NamedQuery]) -> String {
    let mut text = String::new();
    for query in queries {
        text.push_str(&format!("{}\n    {}\n", query.name, query.answers));
        for parameter in &query.parameters {
            text.push_str(&format!(
                "    {} = {}: {}\n",
                parameter.name, parameter.default, parameter.meaning
            ));
        }
    }
    text
}
