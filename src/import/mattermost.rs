//! Mattermost bulk exports: JSON lines, alone or zipped with the files that were sent.
//!
//! Format: <https://docs.mattermost.com/administration-guide/onboard/bulk-loading-data.html>. A channel
//! is a conversation, replies answer to their post. Posts have no ids there, and are told apart by when
//! and by whom they were written. An export does not say who is the shop: `--agent` does.

use std::collections::{HashMap, VecDeque};

use super::files::Files;
use super::json::Node;
use super::objects::Converter;
use super::out::{Out, conversation_name, edit, event, retraction};
use super::{InputError, Settings};
use crate::model::{Event, FieldError, Kind, Role, Sender};

const SYSTEM: &str = "mattermost";
/// Users that are remembered, at some 150 bytes each: 300 MB.
const USERS_MAX: usize = 2_000_000;
/// Ids among which one that comes again is told: posts of one instant stand near each other.
const RECENT_IDS: usize = 4_096;
/// What a line of an export may be.
const TYPES: &[&str] = &[
    "scheme",
    "role",
    "emoji",
    "team",
    "channel",
    "user",
    "bot",
    "post",
    "direct_channel",
    "direct_post",
];

/// Whether an object with these fields is a line of an export.
pub(super) fn has_fields(names: &[String]) -> bool {
    let is = |name: &String, of: &[&str]| of.contains(&name.as_str());
    let has_type = names.iter().any(|name| name == "type");
    has_type
        && names.len() > 1
        && names.iter().all(|name| is(name, &["type", "version", "info"]) || is(name, TYPES))
}

#[derive(Default)]
pub(super) struct Mattermost {
    users: HashMap<String, User>,
    recent: Recent,
}

struct User {
    name: Option<String>,
    email: Option<String>,
    is_bot: bool,
}

impl Converter for Mattermost {
    fn reads(&self, name: &str) -> bool {
        // Files that were sent may hold objects, and are none of it.
        name.to_lowercase().ends_with(".jsonl") && !self.has_sent(name)
    }

    fn has_sent(&self, name: &str) -> bool {
        name.starts_with("data/") || name.contains("/data/")
    }

    /// A line without its users does not say who spoke.
    fn stands_alone(&self) -> bool {
        false
    }

    /// Replies come with their post, before what was written between them.
    fn is_unordered(&self) -> bool {
        true
    }

    fn begin(&mut self, files: &Files, settings: &Settings) -> Result<(), InputError> {
        if settings.agents.is_empty() {
            return Err(InputError::who_is_the_shop(files.path(), &[]));
        }
        Ok(())
    }

    fn convert(
        &mut self,
        item: &Node<'_>,
        files: &Files,
        out: &mut Out<'_>,
    ) -> Result<(), FieldError> {
        let kind = item.text("type")?.unwrap_or_default();
        let body = |name: &str| item.get(name).ok_or_else(|| item.field_must(name, "be present"));
        match kind {
            "user" | "bot" => self.remember(&body(kind)?, kind == "bot"),
            "post" => {
                let post = body("post")?;
                let (team, channel) = (post.id_needed("team")?, post.id_needed("channel")?);
                self.post(&post, &conversation_name(SYSTEM, &[&team, &channel]), files, out)
            }
            "direct_post" => {
                let post = body("direct_post")?;
                // What no team is called: who talks directly may be called as a team and its channel.
                let mut members = vec![""];
                for member in post.list("channel_members")? {
                    let name = member.value.as_str();
                    members.push(name.ok_or_else(|| member.must("be a string"))?);
                }
                // In whatever order they are listed, it is the same conversation.
                members.sort_unstable();
                self.post(&post, &conversation_name(SYSTEM, &members), files, out)
            }
            "version" | "team" | "channel" | "direct_channel" => Ok(()),
            known if TYPES.contains(&known) => {
                out.left(format!("lines of type `{known}`"));
                Ok(())
            }
            _ => Err(item.field_must("type", format!("be one of version, {}", TYPES.join(", ")))),
        }
    }
}

impl Mattermost {
    fn remember(&mut self, user: &Node<'_>, is_bot: bool) -> Result<(), FieldError> {
        let id = user.id_needed("username")?;
        if self.users.len() >= USERS_MAX && !self.users.contains_key(&id) {
            return Err(user.field_must("username", format!("be one of at most {USERS_MAX}")));
        }
        let names = [user.words("first_name")?, user.words("last_name")?];
        let full: Vec<&str> = names.into_iter().flatten().collect();
        let nickname = user.words("nickname")?.or(user.words("display_name")?);
        let name =
            if full.is_empty() { nickname.map(str::to_string) } else { Some(full.join(" ")) };
        let email = user.words("email")?.map(str::to_string);
        let is_bot = is_bot || user.flag("is_bot")?;
        self.users.insert(id, User { name, email, is_bot });
        Ok(())
    }

    fn sender(&self, id: &str, out: &mut Out<'_>) -> Sender {
        let user = self.users.get(id);
        let text = |text: Option<&String>| text.map(String::as_str).unwrap_or_default().to_string();
        let name = text(user.and_then(|user| user.name.as_ref()));
        let email = text(user.and_then(|user| user.email.as_ref()));
        let role = if user.is_some_and(|user| user.is_bot) {
            Role::Bot
        } else if out.settings.agents.has(&[id, &name, &email]) {
            Role::Human
        } else {
            Role::Customer
        };
        out.sender(id, role, Some(&name))
    }

    /// A post and its replies.
    fn post(
        &mut self,
        post: &Node<'_>,
        conversation: &str,
        files: &Files,
        out: &mut Out<'_>,
    ) -> Result<(), FieldError> {
        let root = self.one(post, conversation, None, files, out)?;
        let mut replies = Vec::new();
        for reply in post.list("replies")? {
            match self.one(&reply, conversation, root.as_deref(), files, out) {
                Ok(_) => {}
                Err(error) => replies.push(error),
            }
        }
        replies.into_iter().for_each(|error| out.refuse(error));
        Ok(())
    }

    /// One post; gives its id.
    fn one(
        &mut self,
        post: &Node<'_>,
        conversation: &str,
        reply_to: Option<&str>,
        files: &Files,
        out: &mut Out<'_>,
    ) -> Result<Option<String>, FieldError> {
        let kind = match post.text("type")?.unwrap_or_default() {
            "system_join_channel" | "system_join_team" => Kind::Join,
            "system_leave_channel" | "system_leave_team" => Kind::Leave,
            system if system.starts_with("system_") => {
                out.left(format!("posts of type `{system}`"));
                return Ok(None);
            }
            _ => Kind::Message,
        };
        let user = post.id_needed("user")?;
        let created = post.id_needed("create_at")?;
        let at = post.time("create_at", out.settings)?;
        let sender = self.sender(&user, out);
        let (id, is_numbered) = self.recent.unique(conversation, format!("{created}-{user}"));
        let happened = event(conversation, &id, kind, &sender, at);
        if kind != Kind::Message {
            out.send(happened);
            return Ok(None);
        }
        for (name, kind) in [("reactions", "reactions"), ("flagged_by", "posts saved by somebody")]
        {
            post.list(name)?.iter().for_each(|_| out.left(kind));
        }
        if post.flag("is_pinned")? {
            out.left("pins");
        }
        let (mut attachments, mut elsewhere) = (Vec::new(), Vec::new());
        for file in post.list("attachments")? {
            let path = file.id_needed("path")?;
            let name = path.rsplit('/').next().unwrap_or(&path);
            let places = [path.clone(), format!("data/{path}")];
            match places.iter().find(|place| files.has(place)) {
                Some(place) => attachments.push(out.attach(files, place, name)?),
                None => elsewhere.push(serde_json::json!({ "name": name, "path": path })),
            }
        }
        let text = post.text("message")?.unwrap_or_default();
        let said = Event {
            text: Some(text.to_string()),
            data: out.files_elsewhere(elsewhere),
            attachments,
            reply_to: reply_to.map(str::to_string),
            automatic: sender.role == Role::Bot,
            ..happened
        };
        let mut after = Vec::new();
        if let Some(at) = post.time("edit_at", out.settings)? {
            out.left("first words of posts that were edited");
            let id = format!("{id}.edited-{}", post.id_needed("edit_at")?);
            after.push(edit(&said, id, &sender, Some(at), text));
        }
        if let Some(at) = post.time("delete_at", out.settings)? {
            let id = format!("{id}.deleted");
            after.push(retraction(&said, id, Some(sender.clone()), Some(at)));
        }
        let send = if is_numbered && after.is_empty() { Out::send_made } else { Out::send };
        send(&mut *out, said);
        after.into_iter().for_each(|event| out.send(event));
        Ok(Some(id))
    }
}

/// Ids that came lately, and how often.
#[derive(Default)]
struct Recent {
    order: VecDeque<String>,
    counts: HashMap<String, u32>,
}

impl Recent {
    /// The id, with a number where it came before, and whether it has one: its place alone says which it is.
    fn unique(&mut self, conversation: &str, id: String) -> (String, bool) {
        let key = format!("{conversation}\0{id}");
        let count = self.counts.entry(key.clone()).or_default();
        *count += 1;
        let number = *count;
        if number == 1 {
            self.order.push_back(key);
            if self.order.len() > RECENT_IDS
                && let Some(oldest) = self.order.pop_front()
            {
                self.counts.remove(&oldest);
            }
        }
        if number == 1 { (id, false) } else { (format!("{id}-{number}"), true) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::Agents;
    use super::super::testing::{Read, read, zip_of};
    use super::*;

    fn settings() -> Settings {
        Settings { agents: Agents::new(&["lin".to_string()]), ..Settings::default() }
    }

    fn export() -> Vec<Value> {
        vec![
            json!({"type": "version", "version": 1, "info": {"generator": "x"}}),
            json!({"type": "emoji", "emoji": {"name": "cup"}}),
            json!({"type": "team", "team": {"name": "shop"}}),
            json!({"type": "user", "user": {"username": "lin", "email": "lin@shop.example", "first_name": "Lin", "last_name": ""}}),
            json!({"type": "user", "user": {"username": "visitor", "email": "v@other.example", "nickname": "Visitor 1"}}),
            json!({"type": "bot", "bot": {"username": "helper", "display_name": "Helper"}}),
            json!({"type": "post", "post": {"team": "shop", "channel": "help", "user": "visitor", "message": "It broke",
                "create_at": 1_767_377_585_120_u64, "attachments": [{"path": "20260102/cup.png"}, {"path": "far.png"}],
                "reactions": [{"user": "lin", "emoji_name": "eyes", "create_at": 1}],
                "replies": [{"user": "lin", "message": "We refund", "create_at": 1_767_377_590_000_u64, "edit_at": 1_767_377_600_000_u64},
                    {"user": "helper", "message": "Sent", "create_at": 1_767_377_591_000_u64, "delete_at": 1_767_377_700_000_u64}]}}),
            json!({"type": "post", "post": {"team": "shop", "channel": "help", "user": "visitor", "type": "system_join_channel",
                "message": "visitor joined", "create_at": 1_767_377_580_000_u64}}),
            json!({"type": "post", "post": {"team": "shop", "channel": "help", "user": "lin", "type": "system_header_change",
                "message": "x", "create_at": 1_767_377_580_000_u64}}),
            json!({"type": "direct_channel", "direct_channel": {"members": ["visitor", "lin"]}}),
            json!({"type": "direct_post", "direct_post": {"channel_members": ["visitor", "lin"], "user": "visitor", "message": "Hi",
                "create_at": 1_767_377_610_000_u64}}),
            json!({"type": "direct_post", "direct_post": {"channel_members": ["lin", "visitor"], "user": "visitor", "message": "Hi again",
                "create_at": 1_767_377_610_000_u64}}),
        ]
    }

    fn lines_of(lines: &[Value]) -> Vec<u8> {
        lines.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes()
    }

    fn of(lines: &[Value]) -> Read {
        let zip = zip_of(&[
            ("import.jsonl", &lines_of(lines)),
            ("data/20260102/cup.png", b"picture"),
            ("data/x.json", b"[]"),
        ]);
        read("export.zip", &zip, &settings()).unwrap()
    }

    #[test]
    fn channels_become_conversations() {
        let read = of(&export());
        assert_eq!(read.refused, Vec::<String>::new());
        assert_eq!(
            read.lines(),
            [
                "join 1767377580000-visitor customer:visitor at=2026-01-02T18:13:00Z",
                "message 1767377585120-visitor customer:visitor at=2026-01-02T18:13:05.120Z files=cup.png text=It broke",
                "message 1767377590000-lin human:lin reply_to=1767377585120-visitor at=2026-01-02T18:13:10Z text=We refund",
                "message 1767377591000-helper bot:helper reply_to=1767377585120-visitor at=2026-01-02T18:13:11Z text=Sent",
                "edit 1767377590000-lin.edited-1767377600000 human:lin target=1767377590000-lin at=2026-01-02T18:13:20Z text=We refund",
                "message 1767377610000-visitor customer:visitor at=2026-01-02T18:13:30Z text=Hi",
                "message 1767377610000-visitor-2 customer:visitor at=2026-01-02T18:13:30Z text=Hi again",
                "retract 1767377591000-helper.deleted bot:helper target=1767377591000-helper at=2026-01-02T18:15:00Z",
            ]
        );
        let conversations: Vec<_> = read.events.iter().map(|event| &event.conversation).collect();
        assert_eq!(*conversations[0], "mattermost-shop~help");
        assert_eq!(*conversations[5], "mattermost-~lin~visitor");
        assert_eq!(conversations[5], conversations[6]);
        assert_eq!(read.events[2].sender.name.as_deref(), Some("Lin"));
        assert_eq!(read.carried.len(), 1);
        let expected = [
            ("files that the source names and does not hold", 1),
            ("first words of posts that were edited", 1),
            ("lines of type `emoji`", 1),
            ("posts of type `system_header_change`", 1),
            ("reactions", 1),
        ];
        assert_eq!(read.left(), expected.map(|(kind, count)| (kind.to_string(), count)));
    }

    /// `anna` and `li-wei` were once taken for `anna-li` and `wei`, and a channel for another team's.
    #[test]
    fn different_conversations_have_different_names() {
        let direct = |members: [&str; 2]| {
            json!({"type": "direct_post", "direct_post": {"channel_members": members, "user": members[0],
                "message": "Hi", "create_at": 1_767_377_610_000_u64}})
        };
        let posted = |team: &str, channel: &str| {
            json!({"type": "post", "post": {"team": team, "channel": channel, "user": "anna",
                "message": "Hi", "create_at": 1_767_377_610_000_u64}})
        };
        let lines = [
            direct(["anna", "li-wei"]),
            direct(["anna-li", "wei"]),
            direct(["anna", "wei"]),
            posted("anna", "wei"),
            posted("shop", "eu-returns"),
            posted("shop-eu", "returns"),
        ];
        let read = read("x.jsonl", &lines_of(&lines), &settings()).unwrap();
        let names: std::collections::BTreeSet<_> =
            read.events.iter().map(|event| &event.conversation).collect();
        assert_eq!(names.len(), lines.len(), "{names:?}");
    }

    #[test]
    fn the_same_twice_is_the_same_and_what_is_new_is_added() {
        let before = of(&export()).bodies();
        assert_eq!(before, of(&export()).bodies());
        let mut newer = export();
        newer[6]["post"]["replies"].as_array_mut().unwrap().push(
            json!({"user": "visitor", "message": "Thanks", "create_at": 1_767_377_800_000_u64}),
        );
        let after = of(&newer).bodies();
        assert_eq!(after.iter().filter(|body| !before.contains(body)).count(), 1);
        // Without its zip the lines are the same, but for the bytes.
        let alone = read("x.jsonl", &lines_of(&export()), &settings()).unwrap();
        assert_eq!((alone.events.len(), alone.carried.len()), (before.len(), 0));
    }

    #[test]
    fn who_is_the_shop_must_be_said() {
        let error = read("x.jsonl", &lines_of(&export()), &Settings::default()).unwrap_err();
        assert!(error.contains("--agent"), "{error}");
    }

    #[test]
    fn what_is_damaged_is_named_and_the_rest_kept() {
        let mut bad = export();
        bad[6]["post"]["replies"][0]["create_at"] = json!("soon");
        bad[10]["direct_post"]["channel_members"] = json!([5]);
        bad.push(json!({"type": "surprise", "post": {}}));
        let mut bytes = lines_of(&bad);
        bytes.extend_from_slice(b"{\"type\":\"post\",\"po");
        let read = read("x.jsonl", &bytes, &settings()).unwrap();
        let expected = [
            ":7: post.replies[0].create_at `soon` must be a time",
            ":11: direct_post.channel_members[0] `5` must be a string",
            ":13: type `surprise` must be one of version",
            ":14: `{\"type\":\"post\",\"po` must be a JSON object",
        ];
        assert_eq!(read.refused.len(), expected.len(), "{:?}", read.refused);
        for (said, wanted) in read.refused.iter().zip(expected) {
            assert!(said.contains(wanted), "{said}");
        }
        assert_eq!(read.events.len(), 5);
    }
}
