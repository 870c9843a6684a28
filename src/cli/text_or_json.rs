//! How what a command has to say is written: for people, or for programs.

use serde::Serialize;

use super::write;
use crate::cli::logging::tell;

/// Of a command with no form of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum TextOrJson {
    /// For people
    #[default]
    Text,
    /// For programs: one value on one line
    Json,
}

impl TextOrJson {
    /// Writes all that is listed, where it is for people each as `text_of` says it.
    pub(super) fn write_list<T: Serialize>(
        self,
        listed: &[T],
        text_of: impl Fn(&T) -> String,
    ) -> anyhow::Result<()> {
        match self {
            TextOrJson::Json => write::json_line(&listed),
            TextOrJson::Text => {
                write::to_stdout(listed.iter().map(text_of).collect::<String>().as_bytes())
            }
        }
    }

    /// Says what was done: for people beside the data, for programs as data.
    pub(super) fn say(self, done: &impl Serialize, text: &str) -> anyhow::Result<()> {
        match self {
            TextOrJson::Json => write::json_line(done),
            TextOrJson::Text => {
                tell!("{text}");
                Ok(())
            }
        }
    }
}
