//! What a source does not say, and whoever imports it does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono_tz::Tz;
use strum::{EnumString, IntoStaticStr, VariantNames};

use super::Format;

/// The same for every format; one that says it all itself asks for none of them.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `None`: told from the content.
    pub from: Option<Format>,
    /// Of clocks that name none.
    pub zone: Option<Tz>,
    pub agents: Agents,
    /// `None`: told from the dates, where they can be read in one way only.
    pub dates: Option<DateOrder>,
    /// Whether pieces carry what they were read from, to be mended.
    pub keep_originals: bool,
}

/// Which number of a date is the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum DateOrder {
    Dmy,
    Mdy,
    Ymd,
}

/// Who is of the shop: everybody else who is no bot is a customer. Copies know together whom they have met.
#[derive(Clone, Debug, Default)]
pub struct Agents(Arc<[Agent]>);

#[derive(Debug)]
struct Agent {
    /// As it was given, and as it is compared.
    given: String,
    name: String,
    /// Whether anybody was called so.
    is_met: AtomicBool,
}

impl Agents {
    /// By id, user name, name or address; `@shop.example` names all addresses of that domain.
    pub fn new(names: &[String]) -> Agents {
        let agent = |given: &String| Agent {
            given: given.clone(),
            name: given.trim().to_lowercase(),
            is_met: AtomicBool::new(false),
        };
        Agents(names.iter().map(agent).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether somebody who is called all of this is named. Case does not matter.
    pub(super) fn has(&self, called: &[&str]) -> bool {
        let mut is_named = false;
        for name in called.iter().filter(|name| !name.is_empty()) {
            let name = name.trim().to_lowercase();
            for agent in self.0.iter() {
                let is_meant = match agent.name.strip_prefix('@') {
                    Some(domain) => name.rsplit_once('@').is_some_and(|(_, of)| of == domain),
                    None => agent.name == name,
                };
                if is_meant {
                    agent.is_met.store(true, Ordering::Relaxed);
                    is_named = true;
                }
            }
        }
        is_named
    }

    /// Those of whom nobody was called so, in what was read until now.
    pub fn unmet(&self) -> impl Iterator<Item = &str> {
        let unmet = self.0.iter().filter(|agent| !agent.is_met.load(Ordering::Relaxed));
        unmet.map(|agent| agent.given.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_are_named_one_by_one_or_by_their_domain() {
        let agents = Agents::new(&["U7".to_string(), "@shop.example".to_string()]);
        assert!(agents.has(&["u7", ""]));
        assert!(agents.has(&["u8", "Desk@Shop.example"]));
        assert!(!agents.has(&["u8", "desk@other.example", "shop.example"]));
        assert!(!agents.has(&["", "@"]) && !Agents::default().has(&["u7"]));
    }

    #[test]
    fn who_was_met_is_known_of_all_names_and_copies() {
        let names = ["Lin ", "@shop.example", "Chen"].map(str::to_string);
        let agents = Agents::new(&names);
        assert_eq!(agents.unmet().collect::<Vec<_>>(), names);
        // One person may be named twice.
        assert!(agents.clone().has(&["lin", "lin@shop.example"]));
        assert!(!agents.has(&["Visitor 1"]));
        assert_eq!(agents.unmet().collect::<Vec<_>>(), ["Chen"]);
    }
}
