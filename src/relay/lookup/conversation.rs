//! Where a conversation stands.
//!
//! ```text
//! version u8 (1) ‖ thread[16] ‖ last_leaf[32] ‖ last_seq u32 ‖ customers
//! customers = count u8 ‖ (length u16 ‖ id)*                              integers big-endian
//! ```

use crate::log::Forgotten;
use crate::model::{Chain, ConversationKey, Kind, Record, Role, Seq};

/// Customers remembered as taking part in one conversation.
pub(in crate::relay) const CUSTOMERS_MAX: usize = 32;
const VERSION: u8 = 1;

/// Where a conversation stands. The default is one without records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conversation {
    pub chain: Chain,
    /// Ids of the customers who take part, in order of appearance.
    pub customers: Vec<String>,
}

impl Conversation {
    /// Moves past `record`. A record it has moved past already changes nothing: after a crash the
    /// log is read again from a cursor that may be older.
    pub fn add(&mut self, record: &Record) {
        if record.seq <= self.chain.last_seq {
            return;
        }
        self.chain.add(record.leaf);
        let event = &record.event;
        if event.sender.role == Role::Customer {
            self.let_take_part(&event.sender.id);
        }
        if let (Kind::Open | Kind::Join, Some(customer)) = (event.kind, &event.customer) {
            self.let_take_part(customer);
        }
    }

    fn let_take_part(&mut self, customer: &str) {
        let is_new = !self.customers.iter().any(|known| known == customer);
        if is_new && self.customers.len() < CUSTOMERS_MAX {
            self.customers.push(customer.to_string());
        }
    }

    /// The state without the ids of customers that were erased; `None` where it has none of them.
    pub(super) fn forgetting(
        &self,
        key: &ConversationKey,
        forgotten: &Forgotten,
    ) -> Option<Conversation> {
        let now = |id: &String| forgotten.instead_of(key, id);
        if !self.customers.iter().any(|id| now(id).is_some()) {
            return None;
        }
        let customers = self.customers.iter().map(|id| now(id).unwrap_or_else(|| id.clone()));
        Some(Conversation { customers: customers.collect(), ..self.clone() })
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.chain.thread);
        bytes.extend_from_slice(&self.chain.last_leaf);
        bytes.extend_from_slice(&self.chain.last_seq.0.to_be_bytes());
        bytes.push(self.customers.len() as u8);
        for customer in &self.customers {
            // An id has at most 128 characters, so at most 512 bytes.
            bytes.extend_from_slice(&(customer.len() as u16).to_be_bytes());
            bytes.extend_from_slice(customer.as_bytes());
        }
        bytes
    }

    /// What [`Conversation::encode`] wrote; `None` for anything else.
    pub(super) fn decode(bytes: &[u8]) -> Option<Conversation> {
        let (version, rest) = bytes.split_first()?;
        if *version != VERSION {
            return None;
        }
        let (thread, rest) = rest.split_first_chunk()?;
        let (last_leaf, rest) = rest.split_first_chunk()?;
        let (last_seq, rest) = rest.split_first_chunk()?;
        let last_seq = Seq(u32::from_be_bytes(*last_seq));
        let chain = Chain { thread: *thread, last_leaf: *last_leaf, last_seq };
        let (count, mut rest) = rest.split_first()?;
        let mut customers = Vec::with_capacity(usize::from(*count));
        for _ in 0..*count {
            let (length, after_length) = rest.split_first_chunk()?;
            let (id, after_id) =
                after_length.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            customers.push(String::from_utf8(id.to_vec()).ok()?);
            rest = after_id;
        }
        rest.is_empty().then_some(Conversation { chain, customers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::record;

    fn conversation() -> Conversation {
        let mut state = Conversation::default();
        for (offset, rest) in [
            (0, r#""kind":"open","customer":"carl","sender":{"id":"anna","role":"human"}"#),
            (1, r#""kind":"message","text":"x","sender":{"id":"林晓","role":"customer"}"#),
            (2, r#""kind":"message","text":"y","sender":{"id":"anna","role":"human"}"#),
        ] {
            state
                .add(&record(offset, format!(r#"{{"id":"m{offset}","conversation":"c",{rest}}}"#)));
        }
        state
    }

    #[test]
    fn it_knows_who_takes_part_and_comes_back_as_it_was() {
        let state = conversation();
        assert_eq!(state.customers, ["carl", "林晓"]);
        assert_eq!(state.chain.last_seq, Seq(3));
        let bytes = state.encode();
        assert_eq!(Conversation::decode(&bytes), Some(state));
        for cut in 0..bytes.len() {
            assert_eq!(Conversation::decode(&bytes[..cut]), None, "{cut} of {}", bytes.len());
        }
        assert_eq!(Conversation::decode(&[bytes.as_slice(), &[0]].concat()), None);
    }

    #[test]
    fn records_it_has_moved_past_change_nothing() {
        let state = conversation();
        let mut again = state.clone();
        let text = r#"{"id":"m1","conversation":"c","kind":"message","text":"x","sender":{"id":"eve","role":"customer"}}"#;
        again.add(&record(1, text));
        assert_eq!(again, state);
    }
}
