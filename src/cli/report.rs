//! `verbatim report [NAME]`

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::bail;
use clap::Args;

use super::client::Client;
use super::counted::Reasons;
use super::destination::{Destination, interruptible};
use super::out_args::OutArgs;
use super::purpose::PurposeArgs;
use super::rows_out::{RowFormat, write_incoming};
use super::shown::shown;
use super::table::Layout;
use super::target::{Target, TargetArgs};
use super::wanted::Wanted;
use super::{Exit, report_check, write};
use crate::cli::logging::tell;
use crate::export::RecordBatch;
use crate::sql::{self, Explained, Filter, NamedQuery};

const EXAMPLES: &str = "\
Examples:
  verbatim report                                         what there is
  verbatim report --format json                           the same for programs
  verbatim report waiting_by_day --from -4w --team night --compare previous
  verbatim report within_seconds_by_day --set seconds=60
  verbatim report waiting_by_day --explain p90_s --at day=2026-11-19   the waits behind a figure
  verbatim report summary --from yesterday --to today --format json

Exit codes: 0 answered, also without rows; 1 the shop has no such agent, team, category, channel or language, or --check
found something broken; 2 the question is wrong, or failure";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Report {
    /// Which report; without it, all are listed
    name: Option<String>,
    /// From then on: 2026-11-19, "2026-11-19 10:00", RFC 3339, yesterday, -14d, -2w
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Before then: 2026-11-20 ends with the 19th
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    #[command(flatten)]
    filters: FilterArgs,
    /// Any parameter of the report, such as seconds=60; may be given more than once
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = name_and_value)]
    set: Vec<(String, String)>,
    /// Beside each figure what it was in the range before
    #[arg(long, value_enum, conflicts_with = "explain")]
    compare: Option<Compare>,
    /// The rows that this figure counts, and those that it leaves out and why
    #[arg(long, value_name = "FIGURE")]
    explain: Option<String>,
    /// In which row of the report the figure stands: its value in a column that tells rows apart
    #[arg(long, value_name = "COLUMN=VALUE", value_parser = name_and_value, requires = "explain")]
    at: Vec<(String, String)>,
    /// List the reports
    #[arg(long, conflicts_with_all = ["name", "check"])]
    list: bool,
    /// Say what is broken in the shop's own reports, in that of this name, or in this file
    #[arg(long, conflicts_with_all = ["compare", "explain"])]
    check: bool,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    purpose: PurposeArgs,
    #[command(flatten)]
    target: TargetArgs,
}

/// What narrows every report.
#[derive(Debug, Args)]
struct FilterArgs {
    /// Only what this agent answered or was to answer
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// Only what agents of this team answered or were to answer
    #[arg(long)]
    team: Option<String>,
    /// Only conversations of this category; `untagged`: of none
    #[arg(long)]
    category: Option<String>,
    /// Only conversations of this channel, such as `web`
    #[arg(long)]
    channel: Option<String>,
    /// Only conversations in this language, such as `zh-CN`
    #[arg(long)]
    language: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Compare {
    Previous,
}

impl Report {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        if self.check {
            return report_check::run(&self.target, self.name.as_deref()).await;
        }
        let (format, destination) = (self.out.format()?, self.out.destination());
        let Some(name) = &self.name else {
            if destination != Destination::Stdout {
                bail!("--out takes the answer of one report: name it");
            }
            let reports = self.reports().await?;
            match format {
                RowFormat::Json => write::json_line(&reports)?,
                RowFormat::Table => {
                    write::to_stdout(listing(&reports).as_bytes())?;
                    tell!("--set gives a report's parameter a value: --set seconds=60");
                }
                _ => bail!("the list of reports is a table or json"),
            }
            return Ok(Exit::Yes);
        };
        let target = Target::open(&self.target).await?.on(&self.purpose)?;
        let answer = target.report(name, &self.arguments(), &self.wanted()).await?;
        target.refuse_unknown_shop(&self.target).await?;
        let complete_to = answer.complete_to;
        let mut reasons = Reasons::default();
        let each = |rows: &RecordBatch| reasons.add(rows);
        let write = async |out| write_incoming(answer, format, Layout::default(), out, each).await;
        let rows = interruptible(destination.fill(write)).await?;
        if let Some(figure) = self.explain.as_deref().filter(|_| rows > 0) {
            tell!("{}; `value` is in milliseconds", reasons.told(figure));
        }
        if format == RowFormat::Table || destination != Destination::Stdout {
            tell!("complete to offset {complete_to}");
        }
        let nobodies = self.nobodies(&target).await?;
        for (filter, value) in &nobodies {
            let (filter, value) = (filter.as_str(), shown(value, " "));
            tell!("this shop has no {filter} `{value}`: nothing is counted");
        }
        if rows == 0 && nobodies.is_empty() {
            tell!("no rows: there is nothing in this range and with these filters");
        }
        Ok(Exit::found(nobodies.is_empty()))
    }

    /// Filters by what the shop has none of. Asked whatever the answer is: many reports have rows of zeros.
    async fn nobodies(&self, target: &Target) -> anyhow::Result<Vec<(Filter, String)>> {
        let mut nobodies = Vec::new();
        for (name, value) in self.arguments() {
            let Ok(filter) = name.parse::<Filter>() else { continue };
            if filter.is_untagged(&value) {
                continue;
            }
            let named = target.sql(&filter.naming(&value)).await?.whole().await;
            if named.map_err(anyhow::Error::from_boxed)?.rows() == 0 {
                nobodies.push((filter, value));
            }
        }
        Ok(nobodies)
    }

    fn wanted(&self) -> Wanted {
        match (&self.explain, self.compare) {
            (Some(figure), _) => Wanted::Rows(Explained {
                figure: Some(figure.clone()),
                at: self.at.iter().cloned().collect(),
            }),
            (None, Some(Compare::Previous)) => Wanted::Compared,
            (None, None) => Wanted::Answer,
        }
    }

    fn arguments(&self) -> BTreeMap<String, String> {
        let zone = self.target.zone.map(|zone| zone.name().to_string());
        let FilterArgs { agent, team, category, channel, language } = &self.filters;
        let flags = [
            ("from", &self.from),
            ("to", &self.to),
            ("zone", &zone),
            ("agent", agent),
            ("team", team),
            ("category", category),
            ("channel", channel),
            ("language", language),
        ];
        let flags = flags.into_iter();
        let flags = flags.filter_map(|(name, value)| Some((name.to_string(), value.clone()?)));
        flags.chain(self.set.iter().cloned()).collect()
    }

    /// The named queries. Those that come with verbatim are listed also where there is no data yet.
    async fn reports(&self) -> anyhow::Result<Vec<NamedQuery>> {
        if let (Some(url), Some(token)) = (&self.target.url, &self.target.token) {
            self.target.refuse_other_shop(token)?;
            return Client::new(url.clone(), token)?.reports().await;
        }
        let data = self.target.data_dir();
        if data.must_exist().is_err() {
            return Ok(sql::named_queries(Path::new(""), "")?);
        }
        Ok(sql::named_queries(&data.queries(), &self.target.known_shop()?)?)
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
        text.push_str(&format!("{}\n    {}\n", query.name, shown(&query.answers, " ")));
        for parameter in &query.parameters {
            text.push_str(&format!(
                "    {} = {}: {}\n",
                parameter.name, parameter.default, parameter.meaning
            ));
        }
    }
    text
}
