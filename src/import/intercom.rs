//! Intercom conversations with their parts.
//!
//! Formats: <https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations/>,
//! <https://developers.intercom.com/docs/references/2.15/rest-api/api.intercom.io/models/conversation_part>.
//! Every author has a type, so nobody is asked who is of the shop. Bodies are HTML: the text is what
//! is read of them, and they stay beside it where they are not too long.

use serde_json::{Value, json};

use super::files::Files;
use super::json::Node;
use super::objects::Converter;
use super::out::{Out, event, retraction};
use crate::model::{Event, FieldError, Kind, Role, Sender, Visibility};

const SYSTEM: &str = "intercom";

/// Whether an object with these fields is a conversation.
pub(super) fn has_fields(names: &[String]) -> bool {
    let has = |name: &str| names.iter().any(|field| field == name);
    has("conversation_parts")
        || has("conversations")
        || (has("source") && (has("contacts") || has("statistics") || has("admin_assignee_id")))
}

pub(super) struct Intercom;

impl Converter for Intercom {
    fn wrappers(&self) -> &'static [&'static str] {
        &["conversations", "data"]
    }

    fn convert(
        &mut self,
        item: &Node<'_>,
        _files: &Files,
        out: &mut Out<'_>,
    ) -> Result<(), FieldError> {
        let conversation = format!("intercom-{}", item.id_needed("id")?);
        let thread = Thread { conversation };
        let mut events = vec![thread.open(item, out)?];
        // Before version 2 of the format it was called `conversation_message`.
        if let Some(source) = item.get("source").or(item.get("conversation_message")) {
            let at = item.time("created_at", out.settings)?;
            thread.first(&source, at, &mut events, out)?;
        }
        let parts = item.get("conversation_parts");
        let parts = match &parts {
            Some(parts) if parts.value.is_array() => parts.items()?,
            Some(parts) => parts.list("conversation_parts")?,
            None => {
                out.left("conversations that came without their parts");
                Vec::new()
            }
        };
        for part in &parts {
            if let Err(error) = thread.part(part, &mut events, out) {
                out.refuse(error);
            }
        }
        thread.tags(item, &mut events, out)?;
        thread.rating(item, &mut events, out)?;
        for name in ["custom_attributes", "linked_objects", "ai_agent", "sla_applied"] {
            let is_filled =
                |node: &Node<'_>| node.value.as_object().is_some_and(|map| !map.is_empty());
            if item.get(name).as_ref().is_some_and(is_filled) {
                out.left(format!("fields `{name}` of conversations"));
            }
        }
        out.send_by_time(events);
        Ok(())
    }
}

struct Thread {
    conversation: String,
}

impl Thread {
    fn open(&self, item: &Node<'_>, out: &mut Out<'_>) -> Result<Event, FieldError> {
        let contacts = match item.get("contacts") {
            Some(contacts) if contacts.value.is_array() => contacts.items()?,
            Some(contacts) => contacts.list("contacts")?,
            None => item.list("customers")?,
        };
        let customer = match (contacts.first(), item.get("user")) {
            (Some(contact), _) => contact.id("id")?,
            (None, Some(user)) => user.id("id")?,
            (None, None) => None,
        };
        contacts.iter().skip(1).for_each(|_| out.left("further contacts of a conversation"));
        let source = item.get("source").or(item.get("conversation_message"));
        let (mut channel, mut subject) = (None, item.words("title")?.unwrap_or_default());
        if let Some(source) = &source {
            channel = source.words("type")?.map(str::to_string);
            // In HTML too.
            subject = source.words("subject")?.unwrap_or(subject);
        }
        let subject = text_of(subject);
        let data = (!subject.is_empty()).then(|| out.details(&json!({ "subject": subject })));
        let sender = out.sender(SYSTEM, Role::System, None);
        let at = item.time("created_at", out.settings)?;
        let open = event(&self.conversation, "open", Kind::Open, &sender, at);
        Ok(Event { customer, channel, data: data.flatten(), ..open })
    }

    /// The message that began it, which is no part.
    fn first(
        &self,
        source: &Node<'_>,
        at: Option<String>,
        events: &mut Vec<Event>,
        out: &mut Out<'_>,
    ) -> Result<(), FieldError> {
        let says = source.words("body")?.is_some() || !source.list("attachments")?.is_empty();
        if !says && !source.flag("redacted")? {
            return Ok(());
        }
        let sender = author(source, out)?;
        let message = event(&self.conversation, "source", Kind::Message, &sender, at);
        self.said(source, message, events, out)
    }

    fn part(
        &self,
        part: &Node<'_>,
        events: &mut Vec<Event>,
        out: &mut Out<'_>,
    ) -> Result<(), FieldError> {
        let kind = part.text("part_type")?.unwrap_or_default();
        let id = format!("part-{}", part.id_needed("id")?);
        let at = part.time("created_at", out.settings)?;
        let (happens, says) = match kind {
            "comment" | "quick_reply" => (None, Some(Visibility::Public)),
            "note" => (None, Some(Visibility::Private)),
            "close" => (Some(Kind::Resolve), Some(Visibility::Public)),
            "open" => (Some(Kind::Reopen), Some(Visibility::Public)),
            "note_and_reopen" => (Some(Kind::Reopen), Some(Visibility::Private)),
            // Words that go with an assignment are for whoever takes over.
            _ if kind.contains("assign") => (Some(Kind::Assign), Some(Visibility::Private)),
            "snoozed" => (Some(Kind::Pause), Some(Visibility::Private)),
            "unsnoozed" | "timer_unsnooze" => (Some(Kind::Resume), Some(Visibility::Private)),
            other => {
                out.left(format!("parts of type `{other}`"));
                (None, None)
            }
        };
        let sender = if happens.is_some() || says.is_some() {
            author(part, out)?
        } else {
            return Ok(());
        };
        let has_words = part.words("body")?.is_some()
            || !part.list("attachments")?.is_empty()
            || part.flag("redacted")?;
        if let Some(visibility) = says.filter(|_| has_words) {
            let message = event(&self.conversation, &id, Kind::Message, &sender, at.clone());
            self.said(part, Event { visibility, ..message }, events, out)?;
        }
        if let Some(kind) = happens {
            let happened =
                event(&self.conversation, format!("{id}-{}", kind.as_str()), kind, &sender, at);
            if kind != Kind::Assign {
                events.push(happened);
            } else if let Some(assignee) = assignee(part)? {
                events.push(Event { assignee: Some(assignee), ..happened });
            } else {
                out.left("assignments to nobody");
            }
        }
        Ok(())
    }

    /// A message, and that it was taken back where it was: its words are gone then.
    fn said(
        &self,
        of: &Node<'_>,
        message: Event,
        events: &mut Vec<Event>,
        out: &mut Out<'_>,
    ) -> Result<(), FieldError> {
        let body = of.text("body")?.unwrap_or_default();
        let text = text_of(body);
        let mut files = Vec::new();
        for file in of.list("attachments")? {
            files.push(json!({
                "name": file.text("name")?, "url": file.text("url")?,
                "media_type": file.text("content_type")?, "bytes": file.get("filesize").map(|size| size.value),
            }));
        }
        let mut details = serde_json::Map::new();
        if text != body {
            details.insert("html".to_string(), body.into());
        }
        if !files.is_empty() {
            files.iter().for_each(|_| out.left("files that the source names and does not hold"));
            details.insert("files".to_string(), Value::Array(files));
        }
        let has_details = !details.is_empty();
        let data = has_details.then(|| out.details(&Value::Object(details))).flatten();
        let automatic = message.sender.role == Role::Bot;
        let is_redacted = of.flag("redacted")?;
        let text = Some(if is_redacted { String::new() } else { text });
        let data = data.filter(|_| !is_redacted);
        let message = Event { text, data, automatic, ..message };
        let retract = is_redacted.then(|| {
            out.left("words redacted before the export");
            retraction(&message, format!("{}-retract", message.id), None, None)
        });
        events.push(message);
        events.extend(retract);
        Ok(())
    }

    fn tags(
        &self,
        item: &Node<'_>,
        events: &mut Vec<Event>,
        out: &mut Out<'_>,
    ) -> Result<(), FieldError> {
        let tags = match item.get("tags") {
            Some(tags) if tags.value.is_array() => tags.items()?,
            Some(tags) => tags.list("tags")?,
            None => Vec::new(),
        };
        for tag in tags {
            let name = tag.words("name")?.ok_or_else(|| tag.field_must("name", "be present"))?;
            let sender = match tag.get("applied_by") {
                Some(by) if by.has("id") => person(&by, out)?,
                _ => out.sender(SYSTEM, Role::System, None),
            };
            let id = format!("tag-{}", tag.id("id")?.unwrap_or_else(|| name.to_string()));
            let at = tag.time("applied_at", out.settings)?;
            let put_on = event(&self.conversation, id, Kind::Tag, &sender, at);
            events.push(Event { category: Some(name.to_string()), ..put_on });
        }
        Ok(())
    }

    fn rating(
        &self,
        item: &Node<'_>,
        events: &mut Vec<Event>,
        out: &mut Out<'_>,
    ) -> Result<(), FieldError> {
        let Some(rating) = item.get("conversation_rating") else { return Ok(()) };
        if let Some(asked_at) = rating.time("created_at", out.settings)? {
            let bot = out.sender(SYSTEM, Role::System, None);
            let at = Some(asked_at);
            events.push(event(&self.conversation, "rate-request", Kind::RateRequest, &bot, at));
        }
        let Some(stars) = rating.get("rating") else { return Ok(()) };
        let stars = stars
            .value
            .as_u64()
            .and_then(|stars| u8::try_from(stars).ok())
            .ok_or_else(|| stars.must("be a whole number from 1 to 5"))?;
        let contact = rating.get("contact").or(rating.get("customer"));
        let id = match &contact {
            Some(contact) => contact.id("id")?,
            None => None,
        };
        let customer = out.sender(id.as_deref().unwrap_or("customer"), Role::Customer, None);
        // When it was given nobody says: only when it was asked for.
        let rate = event(&self.conversation, "rate", Kind::Rate, &customer, None);
        let text = rating.words("remark")?.map(str::to_string);
        events.push(Event { rating: Some(stars), text, ..rate });
        Ok(())
    }
}

/// Who wrote a part.
fn author(part: &Node<'_>, out: &mut Out<'_>) -> Result<Sender, FieldError> {
    match part.get("author") {
        Some(author) => person(&author, out),
        None => Err(part.field_must("author", "be present")),
    }
}

fn person(node: &Node<'_>, out: &mut Out<'_>) -> Result<Sender, FieldError> {
    let role = match node.text("type")?.unwrap_or_default() {
        "user" | "lead" | "contact" | "visitor" => Role::Customer,
        "admin" | "teammate" => Role::Human,
        "bot" | "ai_agent" => Role::Bot,
        "team" | "system" | "workflow" | "campaign" => Role::System,
        _ => return Err(node.field_must("type", "be one of user, lead, contact, admin, bot, team")),
    };
    let id = match (node.id("id")?, role) {
        (Some(id), _) => id,
        (None, Role::Customer | Role::Human) => return Err(node.field_must("id", "be present")),
        (None, role) => role.as_str().to_string(),
    };
    let name = node.words("name")?;
    Ok(out.sender(&id, role, name))
}

/// Whom a part gives the conversation to.
fn assignee(part: &Node<'_>) -> Result<Option<String>, FieldError> {
    match part.get("assigned_to") {
        Some(to) if to.text("type")? == Some("nobody_admin") => Ok(None),
        Some(to) => to.id("id"),
        None => Ok(None),
    }
}

/// What is read of HTML; words without any are themselves.
fn text_of(body: &str) -> String {
    if !body.contains(['<', '&']) {
        return body.to_string();
    }
    mail_parser::decoders::html::html_to_text(body).trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::super::testing::read;
    use super::*;

    fn conversation() -> Value {
        let admin = json!({"type": "admin", "id": "21", "name": "Lin"});
        let user = json!({"type": "user", "id": "u-1", "name": "Visitor 1"});
        json!({
            "type": "conversation", "id": "700", "created_at": 1_767_377_585, "updated_at": 1_767_378_000,
            "title": null, "state": "closed",
            "source": {"type": "conversation", "id": "9", "subject": "<p>Broken &amp; wet</p>", "body": "<p>It <b>broke</b></p>",
                "author": user, "attachments": [{"name": "cup.png", "url": "https://x.example/c", "content_type": "image/png", "filesize": 9}]},
            "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": "u-1"}, {"type": "contact", "id": "u-2"}]},
            "custom_attributes": {"plan": "x"},
            "conversation_parts": {"type": "conversation_part.list", "conversation_parts": [
                {"id": 1, "part_type": "comment", "body": "Hello", "created_at": 1_767_377_590, "author": {"type": "bot", "id": "b", "name": "Helper"}},
                {"id": 2, "part_type": "assignment", "body": "<p>yours</p>", "created_at": 1_767_377_600, "author": admin, "assigned_to": {"type": "admin", "id": "22"}},
                {"id": 3, "part_type": "note", "body": "ask the store", "created_at": 1_767_377_610, "author": admin},
                {"id": 4, "part_type": "comment", "body": null, "redacted": true, "created_at": 1_767_377_620, "author": user},
                {"id": 5, "part_type": "snoozed", "body": null, "created_at": 1_767_377_630, "author": admin},
                {"id": 6, "part_type": "participant_added", "body": null, "created_at": 1_767_377_640, "author": admin},
                {"id": 7, "part_type": "close", "body": "Done", "created_at": 1_767_377_650, "author": admin},
                {"id": 8, "part_type": "open", "body": null, "created_at": 1_767_377_660, "author": user},
                {"id": 9, "part_type": "assignment", "created_at": 1_767_377_670, "author": admin, "assigned_to": {"type": "nobody_admin", "id": null}},
            ]},
            "tags": {"type": "tag.list", "tags": [{"id": "5", "name": "refund", "applied_at": 1_767_377_605, "applied_by": admin}]},
            "conversation_rating": {"rating": 4, "remark": "fine", "created_at": 1_767_377_655, "contact": {"type": "contact", "id": "u-1"}},
        })
    }

    fn of(value: &Value) -> super::super::testing::Read {
        read("conversations.jsonl", value.to_string().as_bytes(), &Settings::default()).unwrap()
    }

    #[test]
    fn parts_become_what_was_said_and_done() {
        let read = of(&conversation());
        assert_eq!(read.refused, Vec::<String>::new());
        assert_eq!(
            read.lines(),
            [
                "open open system:intercom customer=u-1 channel=conversation at=2026-01-02T18:13:05Z",
                "message source customer:u-1 at=2026-01-02T18:13:05Z text=It broke",
                "message part-1 bot:b at=2026-01-02T18:13:10Z text=Hello",
                "message part-2 human:21 private at=2026-01-02T18:13:20Z text=yours",
                "assign part-2-assign human:21 assignee=22 at=2026-01-02T18:13:20Z",
                "tag tag-5 human:21 category=refund at=2026-01-02T18:13:25Z",
                "message part-3 human:21 private at=2026-01-02T18:13:30Z text=ask the store",
                "message part-4 customer:u-1 at=2026-01-02T18:13:40Z text=",
                "retract part-4-retract human:agent target=part-4",
                "pause part-5-pause human:21 at=2026-01-02T18:13:50Z",
                "message part-7 human:21 at=2026-01-02T18:14:10Z text=Done",
                "resolve part-7-resolve human:21 at=2026-01-02T18:14:10Z",
                "rate_request rate-request system:intercom at=2026-01-02T18:14:15Z",
                "rate rate customer:u-1 rating=4 text=fine",
                "reopen part-8-reopen customer:u-1 at=2026-01-02T18:14:20Z",
            ]
        );
        let data = |index: usize| read.events[index].data.as_ref().map_or("", |data| data.get());
        assert!(data(0).contains("Broken & wet"), "{}", data(0));
        assert!(data(1).contains("<b>broke</b>") && data(1).contains("cup.png"), "{}", data(1));
        assert_eq!(data(6), "");
        assert!(read.events[2].automatic && !read.events[6].automatic);
        let left: Vec<_> = read.left();
        let expected = [
            ("assignments to nobody", 1),
            ("fields `custom_attributes` of conversations", 1),
            ("files that the source names and does not hold", 1),
            ("further contacts of a conversation", 1),
            ("parts of type `participant_added`", 1),
            ("words redacted before the export", 1),
        ];
        assert_eq!(left, expected.map(|(kind, count)| (kind.to_string(), count)));
    }

    #[test]
    fn the_same_twice_is_the_same_and_what_is_new_is_added() {
        let before = of(&conversation()).bodies();
        let page =
            json!({"type": "conversation.list", "conversations": [conversation()], "pages": {}});
        assert_eq!(before, of(&page).bodies());
        let mut newer = conversation();
        newer["updated_at"] = json!(1_767_400_000);
        newer["conversation_parts"]["conversation_parts"].as_array_mut().unwrap().push(json!(
            {"id": 10, "part_type": "comment", "body": "Thanks", "created_at": 1_767_377_700,
             "author": {"type": "user", "id": "u-1", "name": "Visitor 1"}}));
        let after = of(&newer).bodies();
        assert_eq!(after.iter().filter(|body| !before.contains(body)).count(), 1);
        assert_eq!(after.len(), before.len() + 1);
    }

    #[test]
    fn what_is_damaged_is_named_and_the_rest_kept() {
        let mut bad = conversation();
        let parts = &mut bad["conversation_parts"]["conversation_parts"];
        parts[0]["author"]["type"] = json!("alien");
        parts[2]["created_at"] = json!("soon");
        bad["conversation_rating"]["rating"] = json!(9);
        let read = of(&bad);
        let expected = [
            "conversation_parts.conversation_parts[0].author.type `alien` must be one of user",
            "conversation_parts.conversation_parts[2].created_at `soon` must be a time",
            "rate.rating `9` must lie between 1 and 5",
        ];
        assert_eq!(read.refused.len(), expected.len(), "{:?}", read.refused);
        for (said, wanted) in read.refused.iter().zip(expected) {
            assert!(said.contains(wanted), "{said}");
        }
        assert_eq!(read.events.len(), 12);
        let cut = conversation().to_string();
        let cut =
            super::super::testing::read("x.json", &cut.as_bytes()[..200], &Settings::default());
        assert!(cut.is_err() || cut.unwrap().refused.len() == 1);
    }
}
