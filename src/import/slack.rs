//! Slack exports: `users.json`, lists of channels, and a folder of days for each channel, zipped or not.
//!
//! Formats: <https://slack.com/help/articles/220556107-How-to-read-Slack-data-exports>,
//! <https://api.slack.com/events/message>. A channel is a conversation, a thread answers to its first
//! message. An export does not say who is the shop: `--agent` does. It has the last version of a
//! message, and earlier ones only where the workspace keeps them. Files are links; tools that fetch
//! them put them into the export, and there they are found.

use std::collections::{HashMap, VecDeque};

use serde_json::{Value, json};

use super::files::{Files, folder_of};
use super::items::ITEM_BYTES_MAX;
use super::json::Node;
use super::out::{Out, Piece, Reader, conversation_name, edit, event, retraction};
use super::{InputError, Notes, Settings};
use crate::model::{Attachment, Event, FieldError, Kind, Role, Sender};

/// Changes that are remembered until their message is read, at some 300 bytes and a text each.
const CHANGES_MAX: usize = 1_000_000;
const USERS: [&str; 2] = ["users.json", "org_users.json"];
const CHANNELS: [&str; 4] = ["channels.json", "groups.json", "mpims.json", "dms.json"];

/// Whether files of these names are an export.
pub(super) fn has_names(names: &[String]) -> bool {
    let has = |list: &[&str]| list.iter().any(|file| folder_of(names, file).is_some());
    has(&USERS) && has(&CHANNELS)
}

#[derive(Default)]
pub(super) struct Slack {
    users: HashMap<String, User>,
    /// Id by the name of the folder.
    channels: HashMap<String, String>,
    /// Folder and file of each day.
    days: VecDeque<(String, String)>,
    /// What became of messages, by channel and `ts`.
    changes: HashMap<(String, String), Vec<Change>>,
    root: String,
}

struct User {
    name: Option<String>,
    is_agent: bool,
    is_bot: bool,
}

/// A version of a message that the export has kept beside it.
struct Change {
    before: Option<String>,
    after: Option<String>,
    by: Option<String>,
    at: Option<String>,
    ts: String,
}

impl Reader for Slack {
    fn begin(&mut self, files: &Files, settings: &Settings) -> Result<(), InputError> {
        let names = files.names();
        let found = USERS.iter().find_map(|users| Some((folder_of(&names, users)?, *users)));
        let Some((root, users)) = found else {
            return Err(not_one(files, "there is no users.json"));
        };
        let list = list_of(files, &format!("{root}{users}"))?;
        let mut there = Vec::new();
        for user in Node::new(&list).items().map_err(|error| damaged(files, &error))? {
            let read = self.remember(&user, settings, &mut there);
            read.map_err(|error| damaged(files, &error))?;
        }
        if !self.users.values().any(|user| user.is_agent) {
            return Err(InputError::who_is_the_shop(files.path(), &there));
        }
        for file in CHANNELS {
            let name = format!("{root}{file}");
            if !files.has(&name) {
                continue;
            }
            let list = list_of(files, &name)?;
            for channel in Node::new(&list).items().map_err(|error| damaged(files, &error))? {
                let read = (|| {
                    let id = channel.id_needed("id")?;
                    // The folder of a direct message has no name but its id.
                    let folder = channel.id("name")?.unwrap_or_else(|| id.clone());
                    Ok((folder, id))
                })();
                let (folder, id) = read.map_err(|error: FieldError| damaged(files, &error))?;
                self.channels.insert(folder, id);
            }
        }
        for name in &names {
            let Some((folder, file)) =
                name.strip_prefix(&root).and_then(|within| within.rsplit_once('/'))
            else {
                continue;
            };
            if is_day(file) && !folder.contains('/') {
                self.days.push_back((folder.to_string(), name.clone()));
            }
        }
        self.root = root;
        self.read_changes(files, settings)
    }

    fn next(
        &mut self,
        files: &Files,
        settings: &Settings,
        notes: &mut Notes,
    ) -> Result<Option<Piece>, InputError> {
        let Some((folder, name)) = self.days.pop_front() else { return Ok(None) };
        let mut out = Out::new(settings, notes);
        let bytes = files.whole(&name, ITEM_BYTES_MAX)?;
        match serde_json::from_slice::<Value>(&bytes) {
            Ok(list) => match Node::new(&list).items() {
                Ok(messages) => {
                    for message in messages {
                        if let Err(error) = self.message(&message, &folder, files, &mut out) {
                            out.refuse(error);
                        }
                    }
                }
                Err(error) => out.refuse(error),
            },
            Err(error) => {
                let shown = String::from_utf8_lossy(&bytes).into_owned();
                out.refuse(FieldError::new("", shown, format!("be a JSON list: {error}")));
            }
        }
        Ok(Some(out.into_piece(files.place(&name, 1))))
    }
}

impl Slack {
    fn remember(
        &mut self,
        user: &Node<'_>,
        settings: &Settings,
        there: &mut Vec<String>,
    ) -> Result<(), FieldError> {
        let id = user.id_needed("id")?;
        let profile = user.get("profile");
        let of_profile = |name: &str| match &profile {
            Some(profile) => profile.words(name),
            None => Ok(None),
        };
        let real_name = of_profile("real_name")?.or(user.words("real_name")?);
        let display_name = of_profile("display_name")?.or(user.words("name")?);
        let called = [
            Some(id.as_str()),
            user.words("name")?,
            real_name,
            of_profile("display_name")?,
            of_profile("email")?,
        ];
        let called: Vec<&str> = called.into_iter().flatten().collect();
        let is_agent = settings.agents.has(&called);
        let is_bot = user.flag("is_bot")?;
        let name = real_name.or(display_name).map(str::to_string);
        if !is_bot {
            there.push(display_name.or(real_name).unwrap_or(&id).to_string());
        }
        self.users.insert(id, User { name, is_agent, is_bot });
        Ok(())
    }

    /// Looks through all days for earlier versions and deletions: they stand on later days than what
    /// they are about.
    fn read_changes(&mut self, files: &Files, settings: &Settings) -> Result<(), InputError> {
        let mut count = 0;
        for (folder, name) in self.days.clone() {
            let bytes = files.whole(&name, ITEM_BYTES_MAX)?;
            let text = String::from_utf8_lossy(&bytes);
            if !text.contains("message_changed") && !text.contains("message_deleted") {
                continue;
            }
            // What is damaged is said where the day is read.
            let Ok(list) = serde_json::from_slice::<Value>(&bytes) else { continue };
            let Ok(messages) = Node::new(&list).items() else { continue };
            for message in messages {
                let Ok(Some((of, change))) = change_of(&message, settings) else { continue };
                count += 1;
                if count > CHANGES_MAX {
                    let reason = format!("must have at most {CHANGES_MAX} changes of messages");
                    return Err(InputError::Archive { path: files.path().to_path_buf(), reason });
                }
                self.changes.entry((folder.clone(), of)).or_default().push(change);
            }
        }
        Ok(())
    }

    fn sender(&self, id: &str, out: &mut Out<'_>) -> Sender {
        match self.users.get(id) {
            Some(user) if user.is_bot => out.sender(id, Role::Bot, user.name.as_deref()),
            Some(user) if user.is_agent => out.sender(id, Role::Human, user.name.as_deref()),
            Some(user) => out.sender(id, Role::Customer, user.name.as_deref()),
            None if id == "USLACKBOT" => out.sender(id, Role::System, None),
            None if out.settings.agents.has(&[id]) => out.sender(id, Role::Human, None),
            None => out.sender(id, Role::Customer, None),
        }
    }

    fn conversation(&self, folder: &str) -> String {
        conversation_name("slack", &[self.channels.get(folder).map_or(folder, String::as_str)])
    }

    fn message(
        &self,
        message: &Node<'_>,
        folder: &str,
        files: &Files,
        out: &mut Out<'_>,
    ) -> Result<(), FieldError> {
        let subtype = message.text("subtype")?.unwrap_or_default();
        let kind = match subtype {
            "" | "thread_broadcast" | "me_message" | "file_share" | "bot_message" | "tombstone"
            | "file_comment" => Kind::Message,
            "channel_join" | "group_join" => Kind::Join,
            "channel_leave" | "group_leave" => Kind::Leave,
            // Read before, with what they are about.
            "message_changed" | "message_deleted" => return Ok(()),
            other => {
                out.left(format!("messages of subtype `{other}`"));
                return Ok(());
            }
        };
        let ts = message.id_needed("ts")?;
        let at = message.time("ts", out.settings)?;
        let conversation = self.conversation(folder);
        let sender = self.sender_of(message, subtype, out)?;
        let happened = event(&conversation, &ts, kind, &sender, at);
        if kind != Kind::Message {
            out.send(happened);
            return Ok(());
        }
        for name in ["reactions", "attachments", "pinned_to"] {
            message.list(name)?.iter().for_each(|_| match name {
                "attachments" => out.left("previews and attachments of apps"),
                "reactions" => out.left("reactions"),
                _ => out.left("pins"),
            });
        }
        let (attachments, data) = self.files(message, folder, files, out)?;
        let none = Vec::new();
        let changes = self.changes.get(&(folder.to_string(), ts.clone())).unwrap_or(&none);
        let is_gone = subtype == "tombstone";
        let last = if is_gone { "" } else { message.text("text")?.unwrap_or_default() };
        let first = changes.first().and_then(|change| change.before.as_deref());
        let reply_to = message.id("thread_ts")?.filter(|thread| *thread != ts);
        let said = Event {
            text: Some(first.unwrap_or(last).to_string()),
            attachments,
            data,
            reply_to,
            automatic: sender.role == Role::Bot,
            ..happened
        };
        let mut after: Vec<Event> =
            changes.iter().map(|change| self.changed(change, &said, out)).collect();
        if let Some(edited) = message.get("edited").filter(|_| !is_gone) {
            let id = edit_id(&ts, &edited.id_needed("ts")?);
            if !after.iter().any(|event| event.id == id) {
                if first.is_none() {
                    out.left("first words of messages that were edited");
                }
                let by = edited.id("user")?;
                let by = by.map_or_else(|| sender.clone(), |by| self.sender(&by, out));
                after.push(edit(&said, id, &by, edited.time("ts", out.settings)?, last));
            }
        }
        if is_gone && !after.iter().any(|event| event.kind == Kind::Retract) {
            if first.is_none() {
                out.left("words of messages that were deleted before the export");
            }
            after.push(retraction(&said, format!("{ts}.deleted"), Some(sender), None));
        }
        out.send(said);
        after.into_iter().for_each(|event| out.send(event));
        Ok(())
    }

    /// What became of a message, as the export kept it.
    fn changed(&self, change: &Change, of: &Event, out: &mut Out<'_>) -> Event {
        let by = change.by.as_deref().map(|by| self.sender(by, out));
        let by = by.unwrap_or_else(|| of.sender.clone());
        match &change.after {
            Some(text) => edit(of, edit_id(&of.id, &change.ts), &by, change.at.clone(), text),
            None => {
                let id = format!("{}.deleted-{}", of.id, change.ts);
                retraction(of, id, Some(by), change.at.clone())
            }
        }
    }

    /// Who wrote a message: a bot may be a user too.
    fn sender_of(
        &self,
        message: &Node<'_>,
        subtype: &str,
        out: &mut Out<'_>,
    ) -> Result<Sender, FieldError> {
        let name = message.words("username")?;
        match (message.id("user")?, message.id("bot_id")?, name) {
            (_, Some(bot), _) if subtype == "bot_message" => Ok(out.sender(&bot, Role::Bot, name)),
            (Some(user), _, _) => Ok(self.sender(&user, out)),
            (None, Some(bot), _) => Ok(out.sender(&bot, Role::Bot, name)),
            (None, None, _) if subtype == "tombstone" => {
                Ok(out.sender("slack", Role::System, None))
            }
            (None, None, Some(name)) => Ok(out.sender(name, Role::Bot, None)),
            (None, None, None) => Err(message.field_must("user", "be present")),
        }
    }

    /// Files whose bytes are in the export, and what it says of the others.
    fn files(
        &self,
        message: &Node<'_>,
        folder: &str,
        files: &Files,
        out: &mut Out<'_>,
    ) -> Result<(Vec<Attachment>, Option<Box<serde_json::value::RawValue>>), FieldError> {
        let (mut attachments, mut elsewhere) = (Vec::new(), Vec::new());
        for file in message.list("files")? {
            let id = file.id("id")?.unwrap_or_default();
            let name = file.words("name")?.or(file.words("title")?).unwrap_or("file");
            let root = &self.root;
            let places = [
                format!("{root}{folder}/attachments/{id}-{name}"),
                format!("{root}attachments/{id}-{name}"),
                format!("{root}__uploads/{id}/{name}"),
            ];
            match places.iter().find(|place| files.has(place)) {
                Some(place) => attachments.push(out.attach(files, place, name)?),
                None => elsewhere.push(json!({
                    "id": id, "name": name, "url": file.text("url_private")?,
                    "media_type": file.text("mimetype")?, "bytes": file.get("size").map(|size| size.value),
                })),
            }
        }
        let data = out.files_elsewhere(elsewhere);
        Ok((attachments, data))
    }
}

/// What a line says that became of an earlier message: which, and how.
fn change_of(line: &Node<'_>, settings: &Settings) -> Result<Option<(String, Change)>, FieldError> {
    let before = line.get("previous_message").or(line.get("original"));
    let text = |node: &Option<Node<'_>>| match node {
        Some(node) => node.text("text").map(|text| text.map(str::to_string)),
        None => Ok(None),
    };
    let (of, after, edited) = match line.text("subtype")? {
        Some("message_changed") => {
            let Some(message) = line.get("message") else { return Ok(None) };
            let edited = message.get("edited");
            (message.id_needed("ts")?, Some(message), edited)
        }
        Some("message_deleted") => {
            let of = match (line.id("deleted_ts")?, &before) {
                (Some(of), _) => of,
                (None, Some(before)) => before.id_needed("ts")?,
                (None, None) => return Ok(None),
            };
            (of, None, None)
        }
        _ => return Ok(None),
    };
    let said = edited.as_ref().unwrap_or(line);
    let (at, ts) = (said.time("ts", settings)?, said.id_needed("ts")?);
    let by = said.id("user")?;
    let before = text(&before)?;
    // A deletion shows as a version that is a tombstone, too.
    let is_gone = after.as_ref().is_some_and(|after| after.value["subtype"] == "tombstone");
    let after = if is_gone { None } else { text(&after)? };
    Ok(Some((of, Change { before, after, by, at, ts })))
}

fn edit_id(message: &str, ts: &str) -> String {
    format!("{message}.edited-{ts}")
}

/// `2026-01-03.json`
fn is_day(file: &str) -> bool {
    let Some(day) = file.strip_suffix(".json") else { return false };
    day.len() == 10 && day.parse::<chrono::NaiveDate>().is_ok()
}

fn list_of(files: &Files, name: &str) -> Result<Value, InputError> {
    let bytes = files.whole(name, ITEM_BYTES_MAX)?;
    serde_json::from_slice(&bytes).map_err(|error| InputError::Archive {
        path: files.path_of(name),
        reason: format!("must be a JSON list: {error}"),
    })
}

fn not_one(files: &Files, reason: &str) -> InputError {
    let path = files.path().to_path_buf();
    InputError::NotOfFormat { path, format: "slack", reason: reason.to_string() }
}

fn damaged(files: &Files, error: &FieldError) -> InputError {
    InputError::Archive { path: files.path().to_path_buf(), reason: format!("is damaged: {error}") }
}

#[cfg(test)]
mod tests {
    use super::super::Agents;
    use super::super::testing::{Read, read, read_path, zip_of};
    use super::*;

    const PICTURE: &[u8] = b"\x89PNG picture";

    fn settings() -> Settings {
        Settings { agents: Agents::new(&["@shop.example".to_string()]), ..Settings::default() }
    }

    fn users() -> Value {
        json!([
            {"id": "U1", "name": "lin", "profile": {"real_name": "Lin", "email": "lin@shop.example"}},
            {"id": "U2", "name": "visitor", "profile": {"real_name": "Visitor 1", "email": "v@other.example"}},
            {"id": "U3", "name": "helper", "is_bot": true, "profile": {"real_name": "Helper"}},
        ])
    }

    fn first_day() -> Value {
        json!([
            {"type": "message", "subtype": "channel_join", "user": "U2", "ts": "1767377580.000100"},
            {"type": "message", "user": "U2", "text": "It broke", "ts": "1767377585.000200", "thread_ts": "1767377585.000200",
             "reactions": [{"name": "eyes", "count": 1}],
             "files": [{"id": "F1", "name": "cup.png", "mimetype": "image/png"}, {"id": "F2", "name": "far.png", "url_private": "https://x.example/far"}]},
            {"type": "message", "user": "U1", "text": "We refund 20", "ts": "1767377590.000300", "thread_ts": "1767377585.000200",
             "edited": {"user": "U1", "ts": "1767377600.000000"}},
            {"type": "message", "subtype": "bot_message", "bot_id": "B7", "username": "Shipping", "text": "Sent", "ts": "1767377595.000400"},
            {"type": "message", "subtype": "channel_topic", "user": "U1", "topic": "cups", "ts": "1767377596.000400"},
        ])
    }

    fn second_day() -> Value {
        json!([
            {"type": "message", "subtype": "tombstone", "user": "USLACKBOT", "text": "This message was deleted.", "ts": "1767463985.000100"},
            {"type": "message", "user": "U2", "text": "Thanks!!", "ts": "1767463990.000200", "edited": {"user": "U2", "ts": "1767464002.000000"}},
            {"type": "message", "subtype": "message_changed", "hidden": true, "ts": "1767464001.000000",
             "message": {"user": "U2", "text": "Thanks!", "ts": "1767463990.000200", "edited": {"user": "U2", "ts": "1767464001.000000"}},
             "previous_message": {"user": "U2", "text": "Thank", "ts": "1767463990.000200"}},
            {"type": "message", "subtype": "message_deleted", "hidden": true, "ts": "1767464010.000000", "deleted_ts": "1767377595.000400",
             "user": "U1", "previous_message": {"text": "Sent", "ts": "1767377595.000400"}},
        ])
    }

    fn export(second: &Value) -> Vec<u8> {
        let files = [
            ("export/users.json", users().to_string().into_bytes()),
            (
                "export/channels.json",
                json!([{"id": "C9", "name": "help"}]).to_string().into_bytes(),
            ),
            ("export/help/2026-01-02.json", first_day().to_string().into_bytes()),
            ("export/help/2026-01-03.json", second.to_string().into_bytes()),
            ("export/help/attachments/F1-cup.png", PICTURE.to_vec()),
            ("export/integration_logs.json", b"[]".to_vec()),
        ];
        let files: Vec<(&str, &[u8])> =
            files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
        zip_of(&files)
    }

    fn of(second: &Value) -> Read {
        read("export.zip", &export(second), &settings()).unwrap()
    }

    #[test]
    fn channels_become_conversations() {
        let read = of(&second_day());
        assert_eq!(read.refused, Vec::<String>::new());
        assert_eq!(
            read.lines(),
            [
                "join 1767377580.000100 customer:U2 at=2026-01-02T18:13:00.000100Z",
                "message 1767377585.000200 customer:U2 at=2026-01-02T18:13:05.000200Z files=cup.png text=It broke",
                "message 1767377590.000300 human:U1 reply_to=1767377585.000200 at=2026-01-02T18:13:10.000300Z text=We refund 20",
                "edit 1767377590.000300.edited-1767377600.000000 human:U1 target=1767377590.000300 at=2026-01-02T18:13:20Z text=We refund 20",
                "message 1767377595.000400 bot:B7 at=2026-01-02T18:13:15.000400Z text=Sent",
                "retract 1767377595.000400.deleted-1767464010.000000 human:U1 target=1767377595.000400 at=2026-01-03T18:13:30Z",
                "message 1767463985.000100 system:USLACKBOT at=2026-01-03T18:13:05.000100Z text=",
                "retract 1767463985.000100.deleted system:USLACKBOT target=1767463985.000100",
                "message 1767463990.000200 customer:U2 at=2026-01-03T18:13:10.000200Z text=Thank",
                "edit 1767463990.000200.edited-1767464001.000000 customer:U2 target=1767463990.000200 at=2026-01-03T18:13:21Z text=Thanks!",
                "edit 1767463990.000200.edited-1767464002.000000 customer:U2 target=1767463990.000200 at=2026-01-03T18:13:22Z text=Thanks!!",
            ]
        );
        assert!(read.events.iter().all(|event| event.conversation == "slack-C9"));
        assert_eq!(read.events[1].sender.name.as_deref(), Some("Visitor 1"));
        assert_eq!(read.carried.len(), 1);
        let file = &read.events[1].attachments[0];
        assert_eq!((file.bytes, file.media_type.as_str()), (PICTURE.len() as u64, "image/png"));
        assert!(read.events[1].data.as_ref().unwrap().get().contains("far.png"));
        let expected = [
            ("files that the source names and does not hold", 1),
            ("first words of messages that were edited", 1),
            ("messages of subtype `channel_topic`", 1),
            ("reactions", 1),
            ("words of messages that were deleted before the export", 1),
        ];
        assert_eq!(read.left(), expected.map(|(kind, count)| (kind.to_string(), count)));
    }

    #[test]
    fn a_folder_is_the_same_as_its_zip_and_a_later_export_adds_what_is_new() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("help/attachments")).unwrap();
        let write =
            |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        write("users.json", users().to_string().as_bytes());
        write("channels.json", br#"[{"id":"C9","name":"help"}]"#);
        write("help/2026-01-02.json", first_day().to_string().as_bytes());
        write("help/2026-01-03.json", second_day().to_string().as_bytes());
        write("help/attachments/F1-cup.png", PICTURE);
        let unpacked = read_path(folder.path(), &settings()).unwrap();
        let zipped = of(&second_day());
        assert_eq!(unpacked.bodies(), zipped.bodies());
        let mut newer = second_day();
        newer.as_array_mut().unwrap().push(
            json!({"type": "message", "user": "U2", "text": "One more", "ts": "1767464100.000000"}),
        );
        let newer = of(&newer).bodies();
        let before = zipped.bodies();
        assert_eq!(newer.iter().filter(|body| !before.contains(body)).count(), 1);
    }

    #[test]
    fn who_is_the_shop_must_be_said_and_must_be_there() {
        for agents in [Agents::default(), Agents::new(&["nobody".to_string()])] {
            let settings = Settings { agents, ..Settings::default() };
            let error = read("export.zip", &export(&second_day()), &settings).unwrap_err();
            assert!(error.contains("--agent") && error.contains("lin, visitor"), "{error}");
        }
    }

    #[test]
    fn what_is_damaged_is_named_and_the_rest_kept() {
        let bad = json!([
            {"type": "message", "user": "U2", "text": "no time", "ts": "soon"},
            {"type": "message", "text": "nobody", "ts": "1767463990.000200"},
            {"type": "message", "user": "U2", "text": "kept", "ts": "1767463991.000200"},
        ]);
        let read = of(&bad);
        assert_eq!(read.refused.len(), 2, "{:?}", read.refused);
        assert!(read.refused[0].contains("2026-01-03.json:1: [0].ts `soon` must be a time"));
        assert!(read.refused[1].contains("[1].user"), "{:?}", read.refused);
        assert!(read.lines().last().unwrap().ends_with("text=kept"));
        let cut = of(&json!("not a list"));
        assert!(cut.refused[0].contains("must be a list"), "{:?}", cut.refused);
        assert_eq!(cut.events.len(), 5);
    }
}
