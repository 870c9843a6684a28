//! `verbatim schema [TABLE]`: what there is to ask in SQL. It needs no data: it is the same for every
//! directory of this version.

use anyhow::bail;
use clap::Args;

use super::{Exit, write};
use crate::export::{schema_page, schema_text, table_page, table_text};
use crate::sql::{TableSchema, schema};

const EXAMPLES: &str = "\
Examples:
  verbatim schema                     tables, functions and notes
  verbatim schema turns               its columns, and what they mean
  verbatim schema --format json       all of it, for programs

Exit codes: 0 shown; 2 there is no such table";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SchemaCommand {
    /// Table or view; without it all are listed
    table: Option<String>,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t)]
    format: SchemaFormat,
}

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum SchemaFormat {
    /// For people
    #[default]
    Text,
    /// A page, with every column of every table
    Markdown,
    /// For programs, with every column of every table
    Json,
}

impl SchemaCommand {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let schema = schema().await?;
        let Some(name) = &self.table else {
            match self.format {
                SchemaFormat::Text => write::to_stdout(schema_text(schema).as_bytes())?,
                SchemaFormat::Markdown => write::to_stdout(schema_page(schema).as_bytes())?,
                SchemaFormat::Json => write::json_line(schema)?,
            }
            return Ok(Exit::Yes);
        };
        let Some(table) = schema.tables.iter().find(|table| table.name == name) else {
            let names: Vec<&str> = schema.tables.iter().map(|table| table.name).collect();
            bail!("there is no table `{name}`; there are {}", names.join(", "));
        };
        self.show(table)?;
        Ok(Exit::Yes)
    }

    fn show(&self, table: &TableSchema) -> anyhow::Result<()> {
        match self.format {
            SchemaFormat::Text => write::to_stdout(table_text(table).as_bytes()),
            SchemaFormat::Markdown => write::to_stdout(table_page(table).trim_start().as_bytes()),
            SchemaFormat::Json => write::json_line(table),
        }
    }
}
