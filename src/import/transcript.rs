//! Old transcripts: JSONL, one conversation a line, turned into events with ids derived from
//! conversation and position, so that a file imported twice adds nothing.

use serde::Deserialize;

use crate::model::{Event, FieldError, Kind, Role, Sender};

/// One conversation of a transcript file. Keys beyond these are the source's own and are left
/// behind.
#[derive(Clone, Debug, Deserialize)]
pub struct Transcript {
    pub conversation_id: String,
    #[serde(default)]
    pub customer_id: Option<String>,
    #[serde(default)]
    pub agent_id: Option<String>,
    #[serde(default)]
    pub order_id: Option<String>,
    #[serde(default, alias = "language")]
    pub lang: Option<String>,
    pub messages: Vec<TranscriptMessage>,
}

/// One message of a transcript.
#[derive(Clone, Debug, Deserialize)]
pub struct TranscriptMessage {
    /// RFC 3339. Without it the message has an order but no time, and enters no waiting time.
    #[serde(default)]
    pub ts: Option<String>,
    pub role: String,
    pub text: String,
}

impl Transcript {
    /// Reads one line of a transcript file.
    pub fn parse(json: &[u8]) -> Result<Transcript, FieldError> {
        serde_json::from_slice(json).map_err(|error| {
            let rule = format!(
                "be a conversation {{conversation_id, messages: [{{ts?, role, text}}]}}: {error}"
            );
            FieldError::new("", String::from_utf8_lossy(json), rule)
        })
    }

    /// Whether a JSON line is a transcript rather than an event: only transcripts have `messages`.
    pub fn is_one(line: &serde_json::Map<String, serde_json::Value>) -> bool {
        line.contains_key("messages")
    }

    /// The messages as checked events, in order; an error stands where a message breaks a rule.
    pub fn events(&self) -> impl Iterator<Item = Result<Event, FieldError>> + '_ {
        self.messages.iter().enumerate().map(|(index, message)| {
            let mut event = self.event(index, message)?;
            if index == 0 {
                event.order.clone_from(&self.order_id);
                event.language.clone_from(&self.lang);
            }
            event.check().map_err(|error| FieldError {
                field: format!("messages[{index}].{}", error.field),
                ..error
            })?;
            Ok(event)
        })
    }

    fn event(&self, index: usize, message: &TranscriptMessage) -> Result<Event, FieldError> {
        let Some(role) = role_of(&message.role) else {
            let rule = "be one of customer, agent, bot, system, action";
            return Err(FieldError::new(format!("messages[{index}].role"), &message.role, rule));
        };
        let id = match role {
            Role::Customer => self.customer_id.as_deref().unwrap_or("customer"),
            Role::Human => self.agent_id.as_deref().unwrap_or("agent"),
            Role::Bot => "bot",
            Role::System => "system",
        };
        let sender = Sender { id: id.to_string(), role, name: None };
        let (id, conversation) = (format!("m-{:06}", index + 1), self.conversation_id.clone());
        Ok(Event {
            sent_at: message.ts.clone(),
            text: Some(message.text.clone()),
            ..Event::new(id, conversation, Kind::Message, sender)
        })
    }
}

/// Transcripts say `agent` for a human and `action` for a line the shop's system wrote.
fn role_of(word: &str) -> Option<Role> {
    match word {
        "agent" => Some(Role::Human),
        "action" => Some(Role::System),
        _ => word.parse().ok(),
    }
}
