//! One row of a transcript: a message with its versions, something that happened, or a change at its own time.
//!
//! Invariant: who spoke, whether the customer saw it and whether it still stands are said in words, not by colour alone.

use chrono::NaiveDate;

use super::labels::Label;
use super::shown::Shown;
use super::stamp::Stamp;

/// One row.
#[derive(Clone, Debug)]
pub enum Row {
    /// A new day begins.
    Day(NaiveDate),
    /// What follows is of this conversation, where several stand together: its name and address.
    Conversation(Shown, String),
    Message(Box<Bubble>),
    Line(Box<LineView>),
    Change(Box<ChangeView>),
}

/// A message with everything that was later done to it.
#[derive(Clone, Debug)]
pub struct Bubble {
    pub sender: SenderView,
    pub language: String,
    pub private: bool,
    pub automatic: bool,
    pub reply: Option<Reply>,
    /// The message as sent and each edit, oldest first; the last one stands.
    pub versions: Vec<Version>,
    /// Retractions and reads, oldest first.
    pub acts: Vec<Act>,
    pub retracted: bool,
    pub data: Shown,
}

/// Anything that is not a message.
#[derive(Clone, Debug)]
pub struct LineView {
    pub stamp: Stamp,
    pub sender: SenderView,
    pub label: Label,
    /// What happened, in a few words.
    pub summary: Shown,
    pub private: bool,
    /// For the shop's side only, whatever its visibility.
    pub internal: bool,
    /// Text and files that came with it.
    pub text: Shown,
    pub files: Vec<FileView>,
    pub data: Shown,
}

/// An edit, a retraction or a read at its own time. What it is about stands where that was said.
#[derive(Clone, Debug)]
pub struct ChangeView {
    pub stamp: Stamp,
    pub sender: SenderView,
    pub label: Label,
    /// Its receipt stands here, not with the message.
    pub has_receipt: bool,
    pub private: bool,
    /// When what it changes was said, by whom, and where it stands.
    pub of_time: String,
    pub of_sender: Shown,
    pub of_address: String,
    /// What an edit changed: as it was, as it is.
    pub places: Vec<(Shown, Shown)>,
}

#[derive(Clone, Debug)]
pub struct SenderView {
    pub id: String,
    pub name: Shown,
    pub role: &'static str,
    /// The role as readers call it; empty where the sender's name says it already.
    pub role_name: &'static str,
    pub role_label: Label,
    /// Who really sent it, where that is somebody else.
    pub by: Shown,
}

/// A message as sent, or as edited.
#[derive(Clone, Debug)]
pub struct Version {
    pub text: Shown,
    pub files: Vec<FileView>,
    pub stamp: Stamp,
    /// Who edited; `None` on the message as sent.
    pub edited_by: Option<Shown>,
}

/// Something done to a message besides editing it.
#[derive(Clone, Debug)]
pub struct Act {
    pub label: Label,
    pub retracts: bool,
    pub stamp: Stamp,
    pub by: Shown,
    /// What was written with it; often nothing.
    pub reason: Shown,
}

#[derive(Clone, Debug)]
pub struct Reply {
    pub sender: Shown,
    pub excerpt: Shown,
    pub id: Shown,
    /// Empty when the answered message is not here.
    pub address: String,
    /// It quotes a private note.
    pub private: bool,
}

/// A file that came with a message.
#[derive(Clone, Debug)]
pub struct FileView {
    pub name: Shown,
    pub state: FileState,
    /// Empty where it cannot be had from here.
    pub address: String,
    pub media_type: Shown,
    pub bytes: u64,
    pub sha256: String,
}

/// What is known of a file's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    Picture,
    Audio,
    Video,
    Download,
    /// Only its name and hash are known.
    Missing,
    /// Its bytes are not what was sent.
    Damaged,
    /// A picture that is too large to be shown here.
    TooLarge,
    /// A picture for which those before it leave no room.
    NoRoom,
    /// Nobody looked.
    NotAsked,
}

impl FileState {
    /// Why it is not to be had, or a picture not shown.
    pub fn why_not(self) -> Option<Label> {
        match self {
            FileState::Missing => Some(Label::new("文件不在此处", "the file is not here")),
            FileState::Damaged => Some(Label::new(
                "文件已损坏",
                "the file is damaged: its bytes are not what was sent",
            )),
            FileState::TooLarge => Some(Label::new(
                "图片过大，未在此显示",
                "the picture is too large to be shown here",
            )),
            FileState::NoRoom => Some(Label::new(
                "图片未显示，前面的图片已占满此页",
                "the picture is not shown: those before it fill this page",
            )),
            FileState::Picture
            | FileState::Audio
            | FileState::Video
            | FileState::Download
            | FileState::NotAsked => None,
        }
    }
}

/// A place where what was searched for stands, among all of them.
#[derive(Clone, Debug, Default)]
pub struct Hit {
    /// From 1.
    pub number: usize,
    pub count: usize,
    /// Addresses of the neighbours; empty at the ends.
    pub previous: String,
    pub next: String,
}

impl Row {
    /// The stamps in it, in the order in which they are read: each stands for a record with its receipt.
    pub fn stamps_mut(&mut self) -> Vec<&mut Stamp> {
        match self {
            Row::Day(_) | Row::Conversation(..) => Vec::new(),
            Row::Line(line) => vec![&mut line.stamp],
            Row::Change(change) if change.has_receipt => vec![&mut change.stamp],
            Row::Change(_) => Vec::new(),
            Row::Message(bubble) => {
                let versions = bubble.versions.iter_mut().map(|version| &mut version.stamp);
                let retractions = bubble.acts.iter_mut().filter(|act| act.retracts);
                versions.chain(retractions.map(|act| &mut act.stamp)).collect()
            }
        }
    }
}
