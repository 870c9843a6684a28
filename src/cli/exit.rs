//! How a command ended, and the one place where that becomes an exit code.

use std::process::ExitCode;

use super::logging::complain;
use super::write::ReaderLeft;

/// The ways a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done; found.
    Yes,
    /// Nothing found, or some of the input refused.
    No,
    /// Wrong usage or failure; stderr has the reason.
    Failed,
    /// This step of several does not hold.
    Step(u8),
}

impl Exit {
    /// Prints an error with its causes on stderr, unless the reader of an answer has had enough of
    /// it.
    pub(super) fn failure(error: &anyhow::Error) -> Exit {
        if error.is::<ReaderLeft>() {
            return Exit::Yes;
        }
        let mut complaint = error.to_string();
        // Many errors hold the text of their source, which is then not printed again.
        let text = error.to_string();
        for cause in
            error.chain().skip(1).map(ToString::to_string).filter(|cause| !text.contains(cause))
        {
            complaint.push_str(&format!("\n  because: {cause}"));
        }
        complain(&complaint);
        Exit::Failed
    }

    /// `Yes` when something was found.
    pub(super) fn found(found: bool) -> Exit {
        if found { Exit::Yes } else { Exit::No }
    }

    pub(super) fn code(self) -> u8 {
        match self {
            Exit::Yes => 0,
            Exit::No => 1,
            Exit::Failed => 2,
            Exit::Step(step) => 10 + step,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}
