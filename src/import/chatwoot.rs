//! Chatwoot conversations with their messages, as its API gives them.
//!
//! Formats: <https://developers.chatwoot.com/api-reference/>, and the views that write them,
//! <https://github.com/chatwoot/chatwoot/blob/develop/app/views/api/v1/models/_message.json.jbuilder>.
//! `message_type` says on which side a message stands. What happened between (assigned, resolved) is
//! told in sentences of the language of the installation: they are kept as notes and not read.

use serde_json::{Value, json};

use super::files::Files;
use super::json::Node;
use super::objects::Converter;
use super::out::{Out, event, retraction};
use crate::model::{Event, FieldError, Kind, Role, Sender, Visibility};

const SYSTEM: &str = "chatwoot";

/// Whether an object with these fields is a conversation, a message, or a page of them.
pub(super) fn has_fields(names: &[String]) -> bool {
    let has = |name: &str| names.iter().any(|field| field == name);
    let is_page = has("payload") && (has("meta") || names.len() == 1);
    let is_message = has("message_type") && (has("conversation_id") || has("content"));
    let of_account = ["inbox_id", "account_id", "labels", "meta", "uuid"];
    is_page
        || is_message
        || names == ["data"]
        || (has("messages") && of_account.iter().any(|name| has(name)))
}

pub(super) struct Chatwoot;

impl Converter for Chatwoot {
    fn wrappers(&self) -> &'static [&'static str] {
        &["payload", "conversations"]
    }

    fn convert(
        &mut self,
        item: &Node<'_>,
        _files: &Files,
        out: &mut Out<'_>,
    ) -> Result<(), FieldError> {
        if item.has("message_type") {
            let conversation = format!("chatwoot-{}", item.id_needed("conversation_id")?);
            return Thread { conversation, private: Vec::new() }.message(item, out);
        }
        if let Some(page) = item.get("data")
            && page.has("payload")
        {
            for conversation in page.list("payload")? {
                if let Err(error) = read(&conversation, out) {
                    out.refuse(error);
                }
            }
            return Ok(());
        }
        read(item, out)
    }
}

/// The events of one conversation.
fn read(item: &Node<'_>, out: &mut Out<'_>) -> Result<(), FieldError> {
    let mut messages = item.list("messages")?;
    let created = |message: &Node<'_>| message.value["created_at"].as_i64();
    let id = |message: &Node<'_>| message.value["id"].as_i64();
    messages.sort_by_key(|message| (created(message), id(message)));
    let mut private = Vec::new();
    for message in messages.iter().filter(|message| message.value["private"] == true) {
        private.extend(message.id("id")?);
    }
    let conversation = format!("chatwoot-{}", item.id_needed("id")?);
    let thread = Thread { conversation, private };
    thread.open(item, out)?;
    for message in &messages {
        if let Err(error) = thread.message(message, out) {
            out.refuse(error);
        }
    }
    thread.state(item, out)
}

struct Thread {
    conversation: String,
    /// Ids of its notes.
    private: Vec<String>,
}

impl Thread {
    fn open(&self, item: &Node<'_>, out: &mut Out<'_>) -> Result<(), FieldError> {
        let customer = match item.at(&["meta", "sender"]) {
            Some(sender) => sender.id("id")?,
            None => None,
        };
        let channel = match item.get("meta") {
            Some(meta) => meta.words("channel")?.map(str::to_string),
            None => None,
        };
        let sender = out.sender(SYSTEM, Role::System, None);
        let at = item.time("created_at", out.settings)?;
        let open = event(&self.conversation, "open", Kind::Open, &sender, at);
        out.send(Event { customer, channel, ..open });
        Ok(())
    }

    fn message(&self, message: &Node<'_>, out: &mut Out<'_>) -> Result<(), FieldError> {
        let id = message.id_needed("id")?;
        let at = message.time("created_at", out.settings)?;
        let kind = kind_of(message)?;
        let sender = sender(message, &kind, out)?;
        let is_private = message.flag("private")? || matches!(kind, Side::Activity);
        let visibility = if is_private { Visibility::Private } else { Visibility::Public };
        let attributes = message.get("content_attributes");
        let attribute = |name: &str| attributes.as_ref().and_then(|node| node.get(name));
        let mut files = Vec::new();
        for file in message.list("attachments")? {
            files.push(json!({
                "name": file.text("fallback_title")?, "url": file.text("data_url")?,
                "type": file.text("file_type")?, "bytes": file.get("file_size").map(|size| size.value),
            }));
        }
        let is_deleted =
            attribute("deleted").is_some_and(|deleted| deleted.value == &Value::Bool(true));
        let said = event(&self.conversation, message_id(&id), Kind::Message, &sender, at.clone());
        // What was said is gone, and a sentence about that stands in its place.
        let text = if is_deleted { "" } else { message.text("content")?.unwrap_or_default() };
        let reply_to = match &attributes {
            Some(attributes) => attributes.id("in_reply_to")?,
            None => None,
        };
        let reply_to = reply_to.filter(|answered| {
            let is_told = is_private || !self.private.contains(answered);
            if !is_told {
                out.left("answers to notes");
            }
            is_told
        });
        let said = Event {
            text: Some(text.to_string()),
            data: out.files_elsewhere(files),
            visibility,
            automatic: !matches!(kind, Side::Incoming) && sender.role != Role::Human,
            reply_to: reply_to.map(|id| message_id(&id)),
            ..said
        };
        let retract = is_deleted.then(|| {
            out.left("words of messages that were deleted before the export");
            retraction(&said, format!("{}-retract", said.id), None, None)
        });
        let is_survey = message.text("content_type")? == Some("input_csat");
        out.send(said);
        retract.into_iter().for_each(|retract| out.send(retract));
        if is_survey {
            self.survey(message, &id, at, out)?;
        }
        Ok(())
    }

    /// A survey is what asks for a rating, and has the answer in it.
    fn survey(
        &self,
        message: &Node<'_>,
        id: &str,
        at: Option<String>,
        out: &mut Out<'_>,
    ) -> Result<(), FieldError> {
        let system = out.sender(SYSTEM, Role::System, None);
        let asked = format!("{}-rate-request", message_id(id));
        out.send(event(&self.conversation, asked, Kind::RateRequest, &system, at));
        let answer = ["content_attributes", "submitted_values", "csat_survey_response"];
        let Some(answer) = message.at(&answer) else { return Ok(()) };
        let Some(stars) = answer.get("rating") else { return Ok(()) };
        let rating = stars.value.as_u64().and_then(|stars| u8::try_from(stars).ok());
        let rating = rating.ok_or_else(|| stars.must("be a whole number from 1 to 5"))?;
        let contact = message.at(&["conversation", "contact_inbox"]);
        let id_of_contact = match &contact {
            Some(contact) => contact.id("contact_id")?,
            None => answer.id("contact_id")?,
        };
        let customer =
            out.sender(id_of_contact.as_deref().unwrap_or("customer"), Role::Customer, None);
        let rate_id = format!("{}-rate", message_id(id));
        let rate = event(&self.conversation, rate_id, Kind::Rate, &customer, None);
        let text = answer.words("feedback_message")?.map(str::to_string);
        out.send(Event { rating: Some(rating), text, ..rate });
        Ok(())
    }

    /// The state on the day of the export, which says no times.
    fn state(&self, item: &Node<'_>, out: &mut Out<'_>) -> Result<(), FieldError> {
        let system = out.sender(SYSTEM, Role::System, None);
        if let Some(assignee) = item.at(&["meta", "assignee"]) {
            let id = assignee.id_needed("id")?;
            let assign =
                event(&self.conversation, format!("assign-{id}"), Kind::Assign, &system, None);
            out.send(Event { assignee: Some(id), ..assign });
        }
        for label in item.list("labels")? {
            let Some(name) = label.value.as_str() else { return Err(label.must("be a string")) };
            let put_on = event(&self.conversation, format!("tag-{name}"), Kind::Tag, &system, None);
            out.send(Event { category: Some(name.to_string()), ..put_on });
        }
        if item.has("status") {
            out.left("states of conversations (when they were resolved is not known)");
        }
        for name in ["custom_attributes", "additional_attributes"] {
            let is_filled =
                |node: &Node<'_>| node.value.as_object().is_some_and(|map| !map.is_empty());
            if item.get(name).as_ref().is_some_and(is_filled) {
                out.left(format!("fields `{name}` of conversations"));
            }
        }
        Ok(())
    }
}

enum Side {
    Incoming,
    Outgoing,
    Activity,
    Template,
}

/// By number or by word.
fn kind_of(message: &Node<'_>) -> Result<Side, FieldError> {
    Ok(match message.id("message_type")?.as_deref() {
        Some("0" | "incoming") => Side::Incoming,
        Some("1" | "outgoing") => Side::Outgoing,
        Some("2" | "activity") => Side::Activity,
        Some("3" | "template") => Side::Template,
        _ => {
            let rule = "be one of incoming (0), outgoing (1), activity (2), template (3)";
            return Err(message.field_must("message_type", rule));
        }
    })
}

fn sender(message: &Node<'_>, side: &Side, out: &mut Out<'_>) -> Result<Sender, FieldError> {
    let sender = message.get("sender");
    let (id, name, kind) = match &sender {
        Some(sender) => (sender.id("id")?, sender.words("name")?, sender.words("type")?),
        None => (message.id("sender_id")?, None, message.words("sender_type")?),
    };
    let kind = kind.unwrap_or_default().to_lowercase();
    let role = match side {
        Side::Incoming => Role::Customer,
        Side::Activity => Role::System,
        Side::Outgoing | Side::Template if kind.contains("bot") || kind.contains("captain") => {
            Role::Bot
        }
        Side::Outgoing if id.is_some() => Role::Human,
        // Nobody typed it: a greeting, a survey, a campaign.
        Side::Outgoing | Side::Template => Role::Bot,
    };
    let id = match (id, role) {
        (Some(id), Role::Customer | Role::Human | Role::Bot) => id,
        (None, Role::Customer) => "customer".to_string(),
        _ => SYSTEM.to_string(),
    };
    Ok(out.sender(&id, role, name.filter(|_| role != Role::System)))
}

fn message_id(id: &str) -> String {
    format!("message-{id}")
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::super::testing::{Read, read};
    use super::*;

    fn conversation() -> Value {
        let agent = json!({"id": 21, "name": "Lin", "type": "user"});
        let contact = json!({"id": 11, "name": "Visitor 1", "type": "contact"});
        json!({
            "id": 7, "uuid": "x", "account_id": 1, "inbox_id": 3, "created_at": 1_767_377_585, "status": "resolved",
            "meta": {"sender": {"id": 11, "name": "Visitor 1"}, "channel": "Channel::WebWidget", "assignee": {"id": 21, "name": "Lin"}},
            "labels": ["refund"], "custom_attributes": {"order": "x"}, "additional_attributes": {},
            "messages": [
                {"id": 102, "content": "我们退款", "message_type": 1, "created_at": 1_767_377_600, "private": false, "sender": agent,
                 "content_attributes": {"in_reply_to": 101}},
                {"id": 101, "content": "It broke", "message_type": 0, "created_at": 1_767_377_590, "private": false, "sender": contact,
                 "attachments": [{"file_type": "image", "data_url": "https://x.example/cup.png", "file_size": 9}]},
                {"id": 103, "content": "ask the store", "message_type": "outgoing", "created_at": 1_767_377_610, "private": true, "sender": agent},
                {"id": 104, "content": "This message was deleted", "message_type": 0, "created_at": 1_767_377_620, "private": false,
                 "sender": contact, "content_attributes": {"deleted": true}},
                {"id": 105, "content": "Assigned to Lin", "message_type": 2, "created_at": 1_767_377_630, "private": false},
                {"id": 106, "content": "See the note", "message_type": 1, "created_at": 1_767_377_640, "private": false, "sender": agent,
                 "content_attributes": {"in_reply_to": 103}},
                {"id": 107, "content": "Please rate", "message_type": 3, "content_type": "input_csat", "created_at": 1_767_377_650, "private": false,
                 "content_attributes": {"submitted_values": {"csat_survey_response": {"rating": 5, "feedback_message": "quick"}}}},
            ],
        })
    }

    fn of(value: &Value) -> Read {
        read("chatwoot.json", value.to_string().as_bytes(), &Settings::default()).unwrap()
    }

    #[test]
    fn messages_become_what_was_said_and_done() {
        let read = of(&conversation());
        assert_eq!(read.refused, Vec::<String>::new());
        assert_eq!(
            read.lines(),
            [
                "open open system:chatwoot customer=11 channel=Channel::WebWidget at=2026-01-02T18:13:05Z",
                "message message-101 customer:11 at=2026-01-02T18:13:10Z text=It broke",
                "message message-102 human:21 reply_to=message-101 at=2026-01-02T18:13:20Z text=我们退款",
                "message message-103 human:21 private at=2026-01-02T18:13:30Z text=ask the store",
                "message message-104 customer:11 at=2026-01-02T18:13:40Z text=",
                "retract message-104-retract human:agent target=message-104",
                "message message-105 system:chatwoot private at=2026-01-02T18:13:50Z text=Assigned to Lin",
                "message message-106 human:21 at=2026-01-02T18:14:00Z text=See the note",
                "message message-107 bot:chatwoot at=2026-01-02T18:14:10Z text=Please rate",
                "rate_request message-107-rate-request system:chatwoot at=2026-01-02T18:14:10Z",
                "rate message-107-rate customer:customer rating=5 text=quick",
                "assign assign-21 system:chatwoot assignee=21",
                "tag tag-refund system:chatwoot category=refund",
            ]
        );
        assert!(read.events[1].data.as_ref().unwrap().get().contains("cup.png"));
        assert!(read.events[8].automatic && !read.events[2].automatic);
        let expected = [
            ("answers to notes", 1),
            ("fields `custom_attributes` of conversations", 1),
            ("files that the source names and does not hold", 1),
            ("states of conversations (when they were resolved is not known)", 1),
            ("words of messages that were deleted before the export", 1),
        ];
        assert_eq!(read.left(), expected.map(|(kind, count)| (kind.to_string(), count)));
    }

    #[test]
    fn pages_of_conversations_and_of_messages_are_read_too() {
        let whole = of(&conversation());
        let page = of(&json!({"data": {"meta": {}, "payload": [conversation()]}}));
        let settings =
            Settings { from: Some(super::super::Format::Chatwoot), ..Settings::default() };
        assert_eq!(page.bodies(), whole.bodies());
        let mut message = conversation()["messages"][1].clone();
        message["conversation_id"] = json!(7);
        let page = json!({"meta": {"labels": []}, "payload": [message]}).to_string();
        let page = read("x.json", page.as_bytes(), &settings).unwrap();
        assert_eq!(page.bodies(), [whole.bodies()[1].clone()]);
        let told = read("x.json", page_of(&message).as_bytes(), &Settings::default()).unwrap();
        assert_eq!(told.bodies(), page.bodies());
    }

    fn page_of(message: &Value) -> String {
        json!({"payload": [message], "meta": {}}).to_string()
    }

    /// A message that was deleted after the first import is taken back by the second.
    #[test]
    fn the_same_twice_is_the_same_and_a_deletion_is_added() {
        let before = of(&conversation());
        assert_eq!(before.bodies(), of(&conversation()).bodies());
        let mut newer = conversation();
        newer["messages"][0]["content_attributes"] = json!({"deleted": true});
        let after = of(&newer);
        let ids =
            |read: &Read| read.events.iter().map(|event| event.id.clone()).collect::<Vec<_>>();
        let is_new: Vec<_> =
            ids(&after).into_iter().filter(|id| !ids(&before).contains(id)).collect();
        assert_eq!(is_new, ["message-102-retract"]);
    }

    #[test]
    fn what_is_damaged_is_named_and_the_rest_kept() {
        let mut bad = conversation();
        bad["messages"][0]["message_type"] = json!(9);
        bad["messages"][2]["private"] = json!("yes");
        bad["labels"] = json!([7]);
        let read = of(&bad);
        let expected = [
            "messages[0].message_type `9` must be one of incoming",
            "messages[2].private `yes` must be true or false",
            "labels[0] `7` must be a string",
        ];
        assert_eq!(read.refused.len(), expected.len(), "{:?}", read.refused);
        for (said, wanted) in read.refused.iter().zip(expected) {
            assert!(said.contains(wanted), "{said}");
        }
        assert_eq!(read.events.len(), 10);
    }
}
