//! The keys before the one that sealed a bundle: whoever holds one of them can go on to it, since each signed
//! that the next one goes on with its log. The other way does not hold: anybody can make a key up and let it name
//! this one.

use super::files::Files;
use crate::evidence::json::{self, Json};
use crate::evidence::names::KEYS;
use crate::evidence::note::Key;

/// The key, and those before it, the newest first, as far back as each named the next.
pub(super) fn succession(key: &Key, files: &Files) -> Vec<Key> {
    let mut keys = vec![key.clone()];
    let said = files.only_line(KEYS).ok().and_then(|line| json::read_object(&line));
    let previous = said.as_ref().and_then(|said| said.get("previous")?.list());
    for said in previous.unwrap_or_default().iter().rev() {
        match before(&keys[keys.len() - 1], said) {
            Some(old) => keys.push(old),
            None => break,
        }
    }
    keys
}

/// The key that named `new`.
fn before(new: &Key, said: &Json) -> Option<Key> {
    let text = |name: &str| said.object()?.get(name)?.text();
    let old = Key::parse(&format!("{}\n", text("vkey")?))?;
    old.named(new, text("statement")?).then_some(old)
}
