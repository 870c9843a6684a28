//! Who takes part in a conversation, as far as the bundle says.

use std::collections::BTreeMap;

use crate::evidence::json::{Json, Object};
use crate::evidence::row::{ParsedRow, Part};
use crate::transcript::shown::Shown;

/// Somebody who sent a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Person {
    /// Unique in the conversation: ROLE/ID, or ROLE? of whoever is hidden.
    pub(super) key: String,
    /// What people read: the newest name, or else the id.
    pub(super) name: String,
    pub(super) role: String,
    /// `None` of whoever is hidden: there may be several of them.
    pub(super) id: Option<String>,
}

/// The people of a conversation, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(super) struct People {
    pub(super) list: Vec<Person>,
    places: BTreeMap<String, usize>,
}

impl People {
    /// Where in the list the sender of this row stands, who is added where need be; `None` where nothing is said of them.
    pub(super) fn add(&mut self, row: &ParsedRow) -> Option<usize> {
        let person = Person::of(row)?;
        let place = *self.places.entry(person.key.clone()).or_insert(self.list.len());
        match self.list.get_mut(place) {
            None => self.list.push(person),
            Some(known) if row.sender.contains_key("name") => known.name = person.name,
            Some(_) => {}
        }
        Some(place)
    }
}

impl Person {
    fn of(row: &ParsedRow) -> Option<Person> {
        if let Part::Withheld { role, .. } = &row.row.parts.sender {
            let role = role.clone()?;
            let (key, name) = (format!("{role}?"), format!("{role}? (withheld)"));
            return Some(Person { key, name, role, id: None });
        }
        let said = |name: &str| text_of(&row.sender, name);
        let (id, role) = (said("id")?, said("role")?);
        let name = Shown::plain(said("name").unwrap_or(id)).text();
        let key = format!("{role}/{id}");
        Some(Person { key, name, role: role.to_string(), id: Some(id.to_string()) })
    }

    /// As a line names them.
    pub(super) fn in_full(&self) -> String {
        match self.id {
            Some(_) => format!("{} ({})", self.name, self.role),
            None => self.name.clone(),
        }
    }
}

/// The text that an object has by this name.
pub(super) fn text_of<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Json::text)
}
