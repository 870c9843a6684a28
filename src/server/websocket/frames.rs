//! The frames of `GET /v1/ws`: JSON text, one object each, distinguished by `type`.

use axum::extract::ws::Utf8Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::access::{Action, Identity};
use crate::model::{Ack, CustomerAck, CustomerRecord, FieldError, PublicRecord, Record, Seq};
use crate::relay::Published;
use crate::server::Problem;

/// A frame from a client.
#[derive(Debug)]
pub enum ClientFrame {
    /// Append one event.
    Send {
        event: Box<RawValue>,
    },
    /// Everything of a conversation after `after_seq` (0: from the beginning), then as it comes.
    Subscribe {
        conversation: String,
        after_seq: Seq,
    },
    Unsubscribe {
        conversation: String,
    },
    Ping,
}

/// A frame as written. `event` stays raw: its bytes are the event's, `data` included.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFrame {
    r#type: String,
    event: Option<Box<RawValue>>,
    conversation: Option<String>,
    after_seq: Option<Seq>,
}

/// A frame from the server.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ServerFrame<'a> {
    Ack {
        conversation: &'a str,
        #[serde(flatten)]
        ack: ShownAck<'a>,
    },
    Event {
        record: ShownRecord<'a>,
    },
    Error {
        /// Where the event was to go: ids are unique within a conversation.
        #[serde(skip_serializing_if = "Option::is_none")]
        conversation: Option<&'a str>,
        problem: &'a Problem,
    },
    Pong,
}

/// An ack, as its sender may see it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum ShownAck<'a> {
    Whole(&'a Ack),
    Customer(CustomerAck<'a>),
}

/// A record, as its listener may see it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum ShownRecord<'a> {
    Whole(PublicRecord<'a>),
    Customer(CustomerRecord<'a>),
}

impl ShownAck<'_> {
    pub fn to<'a>(identity: &Identity, ack: &'a Ack) -> ShownAck<'a> {
        if identity.may(Action::SeeOffsets) {
            ShownAck::Whole(ack)
        } else {
            ShownAck::Customer(ack.for_customer())
        }
    }
}

impl ShownRecord<'_> {
    pub fn to<'a>(identity: &Identity, record: &'a Record) -> ShownRecord<'a> {
        if identity.may(Action::SeeOffsets) {
            ShownRecord::Whole(record.public())
        } else {
            ShownRecord::Customer(record.for_customer())
        }
    }
}

impl ClientFrame {
    /// Reads a frame; the error says what a frame must be.
    pub fn parse(text: &str) -> Result<ClientFrame, Problem> {
        let bad = |detail: String| {
            let rule = format!("be a frame of type send, subscribe, unsubscribe or ping: {detail}");
            Problem::from(FieldError::new("", text, rule))
        };
        let frame: WrittenFrame =
            serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
        match (frame.r#type.as_str(), frame.event, frame.conversation) {
            ("send", Some(event), None) => Ok(ClientFrame::Send { event }),
            ("send", ..) => Err(bad("`send` takes `event` alone".to_string())),
            ("subscribe", None, Some(conversation)) => Ok(ClientFrame::Subscribe {
                conversation,
                after_seq: frame.after_seq.unwrap_or_default(),
            }),
            ("subscribe", ..) => {
                Err(bad("`subscribe` takes `conversation` and `after_seq`".to_string()))
            }
            ("unsubscribe", None, Some(conversation)) => {
                Ok(ClientFrame::Unsubscribe { conversation })
            }
            ("unsubscribe", ..) => Err(bad("`unsubscribe` takes `conversation`".to_string())),
            ("ping", None, None) => Ok(ClientFrame::Ping),
            (other, ..) => Err(bad(format!("unknown type `{other}`"))),
        }
    }
}

impl<'a> ServerFrame<'a> {
    /// An error that is about no event.
    pub fn error(problem: &'a Problem) -> ServerFrame<'a> {
        ServerFrame::Error { conversation: None, problem }
    }

    /// The frame as text.
    pub fn to_text(&self) -> String {
        // Into memory, from types whose serialization cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The frame of a record that was published: made once for all who see the same of it.
pub fn event_text(identity: &Identity, published: &Published) -> Utf8Bytes {
    let seen =
        if identity.may(Action::SeeOffsets) { &published.whole } else { &published.for_customers };
    let text = seen.get_or_init(|| {
        let record = ShownRecord::to(identity, &published.record);
        ServerFrame::Event { record }.to_text().into()
    });
    // Bytes of a text.
    Utf8Bytes::try_from(text.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::access::TokenRole;
    use crate::model::testing::record;

    #[test]
    fn frames_are_read_and_bad_ones_say_what_is_wrong() {
        let send = ClientFrame::parse(r#"{"type":"send","event":{"id":"m1","data": {"a" : 1.0}}}"#)
            .unwrap();
        assert!(matches!(send, ClientFrame::Send { event } if event.get().contains("\"a\" : 1.0")));
        let subscribe =
            ClientFrame::parse(r#"{"type":"subscribe","conversation":"c","after_seq":7}"#).unwrap();
        assert!(matches!(subscribe, ClientFrame::Subscribe { after_seq: Seq(7), .. }));
        for bad in [
            "",
            "null",
            "{}",
            r#"{"type":"shout"}"#,
            r#"{"type":"subscribe"}"#,
            r#"{"type":"send"}"#,
        ] {
            let problem = ClientFrame::parse(bad).unwrap_err();
            assert_eq!(problem.status, 400, "{bad}");
            assert!(problem.detail.contains("must be a frame"), "{problem:?}");
        }
    }

    #[test]
    fn a_published_record_is_written_once_for_all_who_see_the_same_of_it() {
        let text = r#"{"id":"m","conversation":"c","kind":"message","text":"x","sender":{"id":"u","role":"customer"}}"#;
        let published = Published::of(&Arc::new(record(7, text)));
        let heard = |role: TokenRole| {
            let (subject, shop) = ("u".to_string(), "s".to_string());
            event_text(&Identity { subject, shop, roles: vec![role] }, &published)
        };
        let (human, bot) = (heard(TokenRole::Human), heard(TokenRole::Bot));
        assert!(human.contains(r#""offset":7"#), "{human}");
        assert_eq!(human.as_str().as_ptr(), bot.as_str().as_ptr());
        let (customer, other) = (heard(TokenRole::Customer), heard(TokenRole::Customer));
        assert!(!customer.contains("offset"), "{customer}");
        assert_eq!(customer.as_str().as_ptr(), other.as_str().as_ptr());
        let expected = ServerFrame::Event { record: ShownRecord::Whole(published.record.public()) };
        assert_eq!(human.as_str(), expected.to_text());
    }
}
