//! Receipts: what was done, as one more record of each conversation.

use std::collections::BTreeSet;
use std::sync::Arc;

use rand::random;
use serde_json::json;
use serde_json::value::RawValue;

use super::begun::{Begun, NamedFile};
use super::planned::Planned;
use super::{Erasing, own_event};
use crate::access::operator;
use crate::erasure::erased_by;
use crate::model::{CanonicalEvent, Kind, Micros, Offset, Origin};

/// Files and segments that a receipt names; it counts the others. × about 100 bytes is far below what
/// `data` of an event may have.
const NAMED_MAX: usize = 64;

impl Erasing {
    /// Writes the receipts of a conversation.
    pub(super) async fn write_receipts(&self, of: &Planned, begun: &Begun) -> anyhow::Result<()> {
        let records = self.records.conversation(&of.key.shop, &of.key.id)?;
        for asked in &of.erasures {
            let erased = erased_by(&records, &asked.erasure);
            let receipt = self.receipt(of, &erased, begun);
            // Nobody can know it beforehand, and use it.
            let id = format!("done-{:032x}", random::<u128>());
            let mut event = own_event(id, &of.key, Kind::Erase);
            event.target = Some(asked.id.clone());
            event.text = Some(asked.erasure.ground.clone());
            event.data = Some(RawValue::from_string(receipt.to_string())?);
            let event = CanonicalEvent::new(&of.key.shop, Origin::Live, None, event);
            self.relay.append_one(Arc::new(operator(&of.key.shop)), event).await?;
        }
        Ok(())
    }

    fn receipt(&self, of: &Planned, erased: &BTreeSet<Offset>, begun: &Begun) -> serde_json::Value {
        let rewritten = begun.rewritten();
        let begun = begun.of(&of.key);
        let files = begun.map_or(&[][..], |begun| &begun.files).iter();
        let is_of_it = |file: &&NamedFile| erased.contains(&file.offset);
        let removed = files.filter(is_of_it).filter(|file| file.was_there && file.is_removed);
        json!({"receipt": {
            "began_at": begun.map_or_else(Micros::now, |begun| begun.at),
            "done_at": Micros::now(),
            "log_begins_at": self.log.oldest(),
            "records": erased.len(),
            "attachments": removed.count(),
            "rewritten": rewritten.len(),
            "places": &rewritten[..rewritten.len().min(NAMED_MAX)],
        }})
    }
}
