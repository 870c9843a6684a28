//! Zendesk Chat: chats with their history, and messages left while nobody was there.
//!
//! Format: <https://developer.zendesk.com/api-reference/live-chat/chat-api/chats/>. A line of the
//! history says by `sender_type` or `nick` who wrote it: the visitor, an agent, a trigger. One without
//! `msg_id` has the place in its history as its id: a history only grows.

use serde_json::json;

use super::files::Files;
use super::json::Node;
use super::objects::Converter;
use super::out::{Out, event};
use super::zendesk::rating_of;
use crate::model::{Event, FieldError, Kind, Role, Sender};

const SYSTEM: &str = "zendesk-chat";

/// Whether an object with these fields is a chat.
pub(super) fn has_fields(names: &[String]) -> bool {
    let has = |name: &str| names.iter().any(|field| field == name);
    has("chats") || (has("visitor") && (has("history") || has("message")))
}

pub(super) struct ZendeskChat;

impl Converter for ZendeskChat {
    fn wrappers(&self) -> &'static [&'static str] {
        &["chats"]
    }

    fn convert(
        &mut self,
        item: &Node<'_>,
        _files: &Files,
        out: &mut Out<'_>,
    ) -> Result<(), FieldError> {
        let chat = Chat::read(item, out)?;
        let at = item.time("timestamp", out.settings)?;
        let system = out.sender(SYSTEM, Role::System, None);
        let open = event(&chat.conversation, "open", Kind::Open, &system, at.clone());
        let customer = Some(chat.visitor.id.clone());
        out.send(Event { customer, channel: Some("chat".to_string()), ..open });
        if let Some(text) = item.text("message")? {
            let left = event(&chat.conversation, "message", Kind::Message, &chat.visitor, at);
            out.send(Event { text: Some(text.to_string()), ..left });
        }
        let mut is_rated = false;
        for (index, line) in item.list("history")?.iter().enumerate() {
            match chat.line(line, index, out) {
                Ok(Some(event)) => {
                    is_rated |= event.kind == Kind::Rate;
                    let is_made = event.kind == Kind::Message && !line.has("msg_id");
                    let send = if is_made { Out::send_made } else { Out::send };
                    send(&mut *out, event);
                }
                Ok(None) => {}
                Err(error) => out.refuse(error),
            }
        }
        for tag in item.list("tags")? {
            let Some(tag) = tag.value.as_str() else { return Err(tag.must("be a string")) };
            let put_on = event(&chat.conversation, format!("tag-{tag}"), Kind::Tag, &system, None);
            out.send(Event { category: Some(tag.to_string()), ..put_on });
        }
        if let Some(rating) = item.text("rating")?.and_then(rating_of)
            && !is_rated
        {
            let rate = event(&chat.conversation, "rate", Kind::Rate, &chat.visitor, None);
            let text = item.words("comment")?.map(str::to_string);
            out.send(Event { rating: Some(rating), text, ..rate });
        }
        for name in ["webpath", "conversions", "session", "department_name"] {
            if item
                .get(name)
                .is_some_and(|field| field.value.as_array().is_none_or(|list| !list.is_empty()))
            {
                out.left(format!("fields `{name}` of chats"));
            }
        }
        Ok(())
    }
}

struct Chat {
    conversation: String,
    visitor: Sender,
}

impl Chat {
    fn read(chat: &Node<'_>, out: &mut Out<'_>) -> Result<Chat, FieldError> {
        let conversation = format!("zendesk-chat-{}", chat.id_needed("id")?);
        let Some(visitor) = chat.get("visitor") else {
            return Err(chat.field_must("visitor", "be present"));
        };
        let visitor = out.sender(&visitor.id_needed("id")?, Role::Customer, visitor.words("name")?);
        Ok(Chat { conversation, visitor })
    }

    /// Who did what a line of the history says.
    fn sender(&self, line: &Node<'_>, out: &mut Out<'_>) -> Result<Sender, FieldError> {
        let nick = line.text("nick")?.unwrap_or_default();
        let kind = line.text("sender_type")?.unwrap_or_default().to_lowercase();
        let name = line.words("name")?.or(line.words("display_name")?);
        let begins = |word: &str| kind == word || (kind.is_empty() && nick.starts_with(word));
        if begins("visitor") {
            return Ok(self.visitor.clone());
        }
        if begins("agent") {
            let id = line.id("agent_id")?;
            let id = id.or_else(|| nick.strip_prefix("agent:").map(str::to_string));
            let id = id.or_else(|| name.map(str::to_string));
            let id = id.ok_or_else(|| line.field_must("agent_id", "be present"))?;
            return Ok(out.sender(&id, Role::Human, name));
        }
        if begins("trigger") {
            return Ok(out.sender(name.unwrap_or("trigger"), Role::Bot, None));
        }
        if begins("system") {
            return Ok(out.sender(SYSTEM, Role::System, None));
        }
        let field = if line.has("sender_type") { "sender_type" } else { "nick" };
        Err(line.field_must(field, "say visitor, agent, trigger or system"))
    }

    fn line(
        &self,
        line: &Node<'_>,
        index: usize,
        out: &mut Out<'_>,
    ) -> Result<Option<Event>, FieldError> {
        let kind = match line.text("type")?.unwrap_or_default() {
            "chat.msg" | "chat.file" => Kind::Message,
            "chat.memberjoin" => Kind::Join,
            "chat.memberleave" => Kind::Leave,
            "chat.request.rating" => Kind::RateRequest,
            "chat.rating" => Kind::Rate,
            other => {
                out.left(format!("lines of type `{other}`"));
                return Ok(None);
            }
        };
        let sender = self.sender(line, out)?;
        let id = line.id("msg_id")?.unwrap_or_else(|| format!("line-{:04}", index + 1));
        let at = line.time("timestamp", out.settings)?;
        let happened = event(&self.conversation, id, kind, &sender, at);
        Ok(Some(match kind {
            Kind::Message => {
                let data = match line.get("attachment") {
                    Some(file) => out.files_elsewhere(vec![json!({
                        "name": file.text("name")?, "url": file.text("url")?,
                        "media_type": file.text("mime_type")?, "bytes": file.get("size").map(|size| size.value),
                    })]),
                    None => None,
                };
                let text = Some(line.text("msg")?.unwrap_or_default().to_string());
                Event {
                    text,
                    data,
                    automatic: sender.role != Role::Customer && sender.role != Role::Human,
                    ..happened
                }
            }
            Kind::Rate => {
                let score = line.text("new_rating")?.or(line.text("rating")?).unwrap_or_default();
                let Some(rating) = rating_of(score) else {
                    out.left("ratings taken back");
                    return Ok(None);
                };
                Event { rating: Some(rating), ..happened }
            }
            _ => happened,
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::Settings;
    use super::super::testing::read;
    use super::*;

    fn chat() -> Value {
        json!({
            "id": "2601.7", "type": "chat", "timestamp": "2026-01-03T02:13:00Z",
            "visitor": {"id": "v-1", "name": "Visitor 1", "email": ""},
            "history": [
                {"type": "chat.memberjoin", "nick": "visitor", "timestamp": "2026-01-03T02:13:00Z"},
                {"type": "chat.msg", "sender_type": "Visitor", "name": "Visitor 1", "msg": "杯子碎了", "msg_id": "a1", "timestamp": "2026-01-03T02:13:05Z"},
                {"type": "chat.msg", "sender_type": "Trigger", "name": "Greeting", "msg": "Hello", "timestamp": "2026-01-03T02:13:06Z"},
                {"type": "chat.msg", "nick": "agent:42", "name": "Lin", "msg": "A picture?", "timestamp": "2026-01-03T02:14:00Z"},
                {"type": "chat.file", "nick": "visitor", "timestamp": "2026-01-03T02:14:30Z",
                 "attachment": {"name": "cup.png", "url": "https://x.example/c", "mime_type": "image/png", "size": 9}},
                {"type": "chat.transfer", "nick": "agent:42", "timestamp": "2026-01-03T02:15:00Z"},
                {"type": "chat.request.rating", "nick": "agent:42", "timestamp": "2026-01-03T02:16:00Z"},
                {"type": "chat.rating", "nick": "visitor", "new_rating": "good", "timestamp": "2026-01-03T02:17:00Z"},
            ],
            "tags": ["refund"], "rating": "good", "comment": null, "webpath": [{"to": "x"}], "conversions": [],
        })
    }

    #[test]
    fn a_chat_becomes_what_was_said_and_done() {
        let read = read("chats.json", chat().to_string().as_bytes(), &Settings::default()).unwrap();
        assert_eq!(
            read.lines(),
            [
                "open open system:zendesk-chat customer=v-1 channel=chat at=2026-01-03T02:13:00Z",
                "join line-0001 customer:v-1 at=2026-01-03T02:13:00Z",
                "message a1 customer:v-1 at=2026-01-03T02:13:05Z text=杯子碎了",
                "message line-0003 bot:Greeting at=2026-01-03T02:13:06Z text=Hello",
                "message line-0004 human:42 at=2026-01-03T02:14:00Z text=A picture?",
                "message line-0005 customer:v-1 at=2026-01-03T02:14:30Z text=",
                "rate_request line-0007 human:42 at=2026-01-03T02:16:00Z",
                "rate line-0008 customer:v-1 rating=5 at=2026-01-03T02:17:00Z",
                "tag tag-refund system:zendesk-chat category=refund",
            ]
        );
        assert!(read.events[3].automatic && !read.events[4].automatic);
        assert!(read.events[5].data.as_ref().unwrap().get().contains("cup.png"));
        let left: Vec<_> = read.left().into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(
            left,
            [
                "fields `webpath` of chats",
                "files that the source names and does not hold",
                "lines of type `chat.transfer`",
            ]
        );
    }

    #[test]
    fn what_was_left_while_nobody_was_there_is_a_message() {
        let offline = json!({"id": 9, "type": "offline_msg", "message": "Anybody?", "timestamp": 1_767_377_585,
            "visitor": {"id": "v-2"}});
        let page = json!({"chats": [offline, chat()], "count": 2});
        let read = read("x.json", page.to_string().as_bytes(), &Settings::default()).unwrap();
        assert_eq!(
            read.lines()[1],
            "message message customer:v-2 at=2026-01-02T18:13:05Z text=Anybody?"
        );
        assert_eq!(read.events[0].conversation, "zendesk-chat-9");
        assert_eq!(read.events.len(), 11);
    }

    #[test]
    fn the_same_twice_is_the_same_and_what_is_new_comes_after() {
        let of = |chat: &Value| {
            read("x.json", chat.to_string().as_bytes(), &Settings::default()).unwrap().bodies()
        };
        let before = of(&chat());
        assert_eq!(before, of(&chat()));
        let mut newer = chat();
        newer["history"]
            .as_array_mut()
            .unwrap()
            .push(json!({"type": "chat.msg", "nick": "visitor",
            "msg": "Thanks", "timestamp": "2026-01-03T02:18:00Z"}));
        let after = of(&newer);
        assert_eq!(after.iter().filter(|body| !before.contains(body)).count(), 1);
    }

    #[test]
    fn a_line_of_nobody_is_refused_and_the_others_kept() {
        let mut bad = chat();
        bad["history"][1]["sender_type"] = json!("Robot");
        bad["history"][3]["timestamp"] = json!([]);
        bad["history"][3]["msg"] = json!("x");
        let read = read("x.json", bad.to_string().as_bytes(), &Settings::default()).unwrap();
        assert_eq!(read.refused.len(), 2, "{:?}", read.refused);
        assert!(read.refused[0].contains("history[1].sender_type `Robot` must say visitor"));
        assert!(read.refused[1].contains("history[3].timestamp"));
        assert_eq!(read.events.len(), 7);
        let lost = json!({"id": 1, "visitor": 5, "history": []});
        let lost = super::super::testing::read(
            "x.json",
            lost.to_string().as_bytes(),
            &Settings::default(),
        );
        assert!(lost.unwrap().refused[0].contains("visitor.id"));
    }
}
