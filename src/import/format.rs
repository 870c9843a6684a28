//! Which formats there are, and how one is told from another.

use strum::{EnumString, IntoStaticStr, VariantNames};

use super::files::{Files, is_json_name};
use super::items::field_names;
use super::{
    InputError, chatwoot, intercom, mattermost, own, rsmf, slack, whatsapp, zendesk, zendesk_chat,
};

/// Lines of a file that are looked at: the first may be damaged.
const LINES_TRIED: usize = 16;

/// A format of chat.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumString, IntoStaticStr, VariantNames,
)]
#[strum(serialize_all = "kebab-case", const_into_str)]
pub enum Format {
    /// Our own two: events and transcripts.
    Verbatim,
    Zendesk,
    ZendeskChat,
    Intercom,
    Chatwoot,
    Slack,
    Mattermost,
    Whatsapp,
    Rsmf,
}

/// Whether names, of files or of fields, are of a format.
type NamesFit = fn(&[String]) -> bool;
/// Whether a file that begins so is of a format.
type HeadFits = fn(&[u8]) -> bool;

/// Formats of several files, by their names.
const BY_FILES: &[(Format, NamesFit)] = &[
    (Format::Slack, slack::has_names),
    (Format::Rsmf, rsmf::has_names),
    (Format::Whatsapp, whatsapp::has_names),
];

/// Formats of a file that holds no objects, by how it begins.
const BY_HEAD: &[(Format, HeadFits)] =
    &[(Format::Rsmf, rsmf::is_message), (Format::Whatsapp, whatsapp::is_chat)];

/// Formats of JSON objects, by the names of an object's fields. The first that fits is it: ours last,
/// since any `id` could be ours.
const BY_FIELDS: &[(Format, NamesFit)] = &[
    (Format::Mattermost, mattermost::has_fields),
    (Format::Intercom, intercom::has_fields),
    (Format::ZendeskChat, zendesk_chat::has_fields),
    (Format::Zendesk, zendesk::has_fields),
    (Format::Chatwoot, chatwoot::has_fields),
    (Format::Verbatim, own::has_fields),
];

impl Format {
    /// As `--from` names it.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    /// All of them, as a sentence names them.
    pub fn listed() -> String {
        Format::VARIANTS.join(", ")
    }

    /// What lies there, by the names of its files, or by how they begin.
    pub(super) fn told(files: &Files) -> Result<Format, InputError> {
        let names = files.names();
        let by_files = BY_FILES.iter().find(|(_, fits)| !files.is_one() && fits(&names));
        if let Some((format, _)) = by_files {
            return Ok(*format);
        }
        let mut is_empty = true;
        for name in names.iter().filter(|name| files.is_one() || is_json_name(name)) {
            let head = files.head(name)?;
            is_empty &= head.is_empty();
            if let Some(format) = by_head(&head) {
                return Ok(format);
            }
        }
        // In other formats such a file is one that somebody sent.
        if !files.is_one() && names.iter().any(|name| rsmf::is_mail(name)) {
            return Ok(Format::Rsmf);
        }
        // Nothing is nothing in every format.
        if is_empty && files.is_one() {
            return Ok(Format::Verbatim);
        }
        let (path, known) = (files.path().to_path_buf(), Format::listed());
        Err(InputError::UnknownFormat { path, known })
    }
}

/// What begins so.
fn by_head(head: &[u8]) -> Option<Format> {
    if let Some((format, _)) = BY_HEAD.iter().find(|(_, fits)| fits(head)) {
        return Some(*format);
    }
    let lines = head.split_inclusive(|byte| *byte == b'\n').take(LINES_TRIED);
    let mut begin = 0;
    for line in lines {
        let names = field_names(&head[begin..]);
        let fits = BY_FIELDS.iter().find(|(_, fits)| fits(&names));
        if let Some((format, _)) = fits {
            return Some(*format);
        }
        begin += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::files::folder_of;
    use super::*;

    #[test]
    fn each_format_is_told_by_how_it_begins() {
        let cases: &[(&str, Option<Format>)] = &[
            (r#"{"id":"m1","conversation":"c1","kind":"message""#, Some(Format::Verbatim)),
            (r#"{"conversation_id":"t1","messages":[]}"#, Some(Format::Verbatim)),
            (r#"{"customer_id":"u","messages":[{"role":"cu"#, Some(Format::Verbatim)),
            ("{\"id\":\"\u{fffd}\"}", Some(Format::Verbatim)),
            ("\nnonsense\n{\"conversation_id\":\"t\",\"messages\":[]}", Some(Format::Verbatim)),
            (r#"{"url":"x","id":7,"requester_id":1,"comments":[]}"#, Some(Format::Zendesk)),
            (r#"{"tickets":[{"id":7"#, Some(Format::Zendesk)),
            (r#"[{"id":"7","visitor":{},"history":[]}]"#, Some(Format::ZendeskChat)),
            (r#"{"type":"conversation","id":"7","conversation_parts":{}"#, Some(Format::Intercom)),
            (r#"{"id":7,"inbox_id":1,"messages":[]}"#, Some(Format::Chatwoot)),
            (r#"{"meta":{},"payload":[]}"#, Some(Format::Chatwoot)),
            (r#"{"type":"version","version":1}"#, Some(Format::Mattermost)),
            ("[03/01/2026, 02:13:05] Ann: hi", Some(Format::Whatsapp)),
            ("From: x\r\nX-RSMF-Version: 2.0.0\r\n", Some(Format::Rsmf)),
            (r#"{"colour":1}"#, None),
            ("name,text\n1,2\n", None),
            ("", None),
        ];
        for (head, expected) in cases {
            assert_eq!(by_head(head.as_bytes()), *expected, "{head}");
        }
    }

    #[test]
    fn the_highest_folder_is_the_exports() {
        let names = ["a/users.json", "a/b/users.json", "xusers.json"].map(str::to_string);
        assert_eq!(folder_of(&names, "users.json").as_deref(), Some("a/"));
        assert_eq!(folder_of(&names, "dms.json"), None);
    }
}
