//! For what a command asks: what a clerk who works on a case says with it.

use clap::Args;

use crate::model::{FieldError, Purpose};

#[derive(Clone, Debug, Default, Args)]
pub(super) struct PurposeArgs {
    /// Number of the case this is for; recorded with the access
    #[arg(long, value_name = "ID", env = "VERBATIM_CASE")]
    case: Option<String>,
    /// Why this is asked; recorded with the access
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl PurposeArgs {
    pub(super) fn purpose(&self) -> Result<Purpose, FieldError> {
        Purpose::new(self.case.clone(), self.reason.clone())
    }
}
