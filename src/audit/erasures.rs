//! What is held and what is to be erased, against the records that say so: folded anew, it must come
//! out the same.

use super::{Check, Opened};
use crate::erasure::{ErasureReader, ErasureState};
use crate::model::{Offset, Record};

pub(super) struct ErasuresCheck {
    check: Check,
    /// `None` where it cannot be read.
    kept: Option<ErasureState>,
    again: ErasureState,
}

impl ErasuresCheck {
    pub(super) fn new(erasures: Opened<ErasureReader>, head: Offset) -> ErasuresCheck {
        let kept = erasures.and_then(|reader| reader.now().map_err(|error| error.to_string()));
        let again = ErasureState::default();
        match kept {
            Ok(kept) => {
                let check = Check::new("erasures", Offset(0)..kept.cursor);
                ErasuresCheck { check, kept: Some(kept), again }
            }
            Err(error) => {
                let mut check = Check::new("erasures", Offset(0)..head);
                check.find_all(error);
                ErasuresCheck { check, kept: None, again }
            }
        }
    }

    pub(super) fn see(&mut self, record: &Record) {
        if record.offset < self.check.to {
            self.check.checked += 1;
            self.again.add(record);
        }
    }

    pub(super) fn finish(mut self) -> Check {
        let Some(kept) = self.kept else { return self.check };
        let differ = |what: &str| format!("{what} are not those that the records say");
        if kept.holds != self.again.holds {
            self.check.find_all(differ("holds"));
        }
        if kept.pending != self.again.pending {
            self.check.find_all(differ("erasures"));
        }
        if kept.listed != self.again.listed {
            self.check.find_all(differ("listed erasures"));
        }
        self.check
    }
}
