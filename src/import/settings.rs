//! What a source does not say, and whoever imports it does.

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

/// Who is of the shop: everybody else who is no bot is a customer.
#[derive(Clone, Debug, Default)]
pub struct Agents(Vec<String>);

impl Agents {
    /// By id, user name, name or address; `@shop.example` names all addresses of that domain.
    pub fn new(names: &[String]) -> Agents {
        Agents(names.iter().map(|name| name.trim().to_lowercase()).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether somebody who is called all of this is named. Case does not matter.
    pub(super) fn has(&self, called: &[&str]) -> bool {
        called.iter().filter(|name| !name.is_empty()).any(|name| {
            let name = name.trim().to_lowercase();
            self.0.iter().any(|agent| match agent.strip_prefix('@') {
                Some(domain) => name.rsplit_once('@').is_some_and(|(_, of)| of == domain),
                None => *agent == name,
            })
        })
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
}
