//! The settings of one session: kept with it, and nowhere else.

use std::collections::BTreeMap;
use std::time::Duration;

use super::failure::Failure;
use super::known_settings::{KNOWN, Known, Takes, time};
use crate::model::Purpose;
use crate::sql::Setting;

pub(super) struct Settings {
    /// Those that are not as they are by default.
    values: BTreeMap<&'static str, String>,
    /// As they were at the login.
    first: BTreeMap<&'static str, String>,
    /// As they were when the transaction began, where one has begun.
    before: Option<BTreeMap<&'static str, String>>,
    /// Of those, what is taken back at its end even if that is well.
    local: BTreeMap<&'static str, Option<String>>,
}

/// What a client is to hear of a setting.
#[derive(Default)]
pub(super) struct Heard {
    /// Name and value.
    pub(super) reported: Option<(&'static str, String)>,
    pub(super) warning: Option<&'static str>,
}

impl Settings {
    pub(super) fn of(user: &str) -> Settings {
        let first = BTreeMap::from([("session_authorization", user.to_string())]);
        Settings { values: first.clone(), first, before: None, local: BTreeMap::new() }
    }

    /// Sets one at the login. Nobody is warned there: drivers set a time zone always.
    pub(super) fn begin_with(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        let (value, is_local) = (Some(value.to_string()), false);
        self.set(&Setting { name: name.to_string(), value, is_local })?;
        self.first = self.values.clone();
        Ok(())
    }

    pub(super) fn set(&mut self, setting: &Setting) -> Result<Heard, Failure> {
        let Setting { name, value, is_local } = setting;
        let known = Known::of(name).ok_or_else(|| unknown(name))?;
        let old = self.values.get(known.name).cloned();
        let new = match value {
            Some(value) => match known.taken(value)? {
                Some(new) => Some(new),
                None => old.clone(),
            },
            None => self.first.get(known.name).cloned(),
        };
        self.put(known.name, new.clone());
        if matches!(known.takes, Takes::Case | Takes::Reason)
            && let Err(error) = self.said_purpose()
        {
            self.put(known.name, old);
            return Err(error);
        }
        if *is_local {
            self.local.entry(known.name).or_insert(old);
        } else {
            self.local.remove(known.name);
        }
        let is_utc = value.as_deref().is_none_or(|value| {
            ["utc", "etc/utc", "gmt", "z", "0", "+00", "+00:00"]
                .contains(&value.to_lowercase().as_str())
        });
        let warning = match known.takes {
            Takes::Warned(said) if !is_utc => Some(said),
            _ => None,
        };
        let reported = known.reported.map(|shown| (shown, self.value_of(known)));
        Ok(Heard { reported, warning })
    }

    fn put(&mut self, name: &'static str, value: Option<String>) {
        match value {
            Some(value) => drop(self.values.insert(name, value)),
            None => drop(self.values.remove(name)),
        }
    }

    fn value_of(&self, known: &Known) -> String {
        self.values.get(known.name).map_or(known.default(), String::as_str).to_string()
    }

    pub(super) fn show(&self, name: &str) -> Result<String, Failure> {
        Known::of(name).map(|known| self.value_of(known)).ok_or_else(|| unknown(name))
    }

    /// All of them, by name.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, String)> {
        KNOWN.iter().map(|known| (known.name, self.value_of(known)))
    }

    /// Those that a client is told of at its login.
    pub(super) fn reported(&self) -> impl Iterator<Item = (&'static str, String)> {
        let told = KNOWN.iter().filter_map(|known| Some((known.reported?, known)));
        told.map(|(shown, known)| (shown, self.value_of(known)))
    }

    /// As they were at the login.
    pub(super) fn reset(&mut self) {
        self.values = self.first.clone();
        self.local.clear();
    }

    pub(super) fn begin_transaction(&mut self) {
        self.before.get_or_insert_with(|| self.values.clone());
    }

    /// What was set for the transaction is taken back; where it failed, what was set in it.
    pub(super) fn end_transaction(&mut self, is_kept: bool) {
        match self.before.take() {
            Some(before) if !is_kept => self.values = before,
            _ => {
                for (name, value) in std::mem::take(&mut self.local) {
                    self.put(name, value);
                }
            }
        }
        self.local.clear();
    }

    /// How long a statement may take, where the session says so.
    pub(super) fn statement_timeout(&self) -> Option<Duration> {
        let time = self.values.get("statement_timeout").and_then(|value| time(value));
        time.filter(|time| !time.is_zero())
    }

    /// For what the session asks.
    pub(super) fn purpose(&self) -> Purpose {
        // It was checked when it was set.
        self.said_purpose().unwrap_or_default()
    }

    fn said_purpose(&self) -> Result<Purpose, Failure> {
        let said = |name: &str| self.values.get(name).cloned();
        Ok(Purpose::new(said("verbatim.case"), said("verbatim.reason"))?)
    }
}

fn unknown(name: &str) -> Failure {
    Failure::new("42704", format!("there is no setting `{name}` here"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(
        settings: &mut Settings,
        name: &str,
        value: Option<&str>,
        is_local: bool,
    ) -> Result<Heard, String> {
        let value = value.map(str::to_string);
        let setting = Setting { name: name.to_string(), value, is_local };
        settings.set(&setting).map_err(|failure| format!("{} {}", failure.sqlstate, failure.said))
    }

    #[test]
    fn what_is_true_is_taken_and_what_is_not_is_refused_or_warned_of() {
        let mut settings = Settings::of("ann");
        for (name, value) in [
            ("client_encoding", "utf-8"),
            ("DateStyle", "iso"),
            ("extra_float_digits", "3"),
            ("statement_timeout", "5s"),
            ("application_name", "Metabase 退款"),
            ("search_path", "\"$user\", public"),
        ] {
            assert!(set(&mut settings, name, Some(value), false).is_ok(), "{name}");
        }
        assert_eq!(settings.show("client_encoding").unwrap(), "UTF8");
        assert_eq!(settings.show("datestyle").unwrap(), "ISO, MDY");
        assert_eq!(settings.statement_timeout(), Some(Duration::from_secs(5)));
        for (name, value, named) in [
            ("client_encoding", "GBK", "GBK"),
            ("datestyle", "German", "German"),
            ("standard_conforming_strings", "off", "off"),
            ("extra_float_digits", "9", "9"),
            ("statement_timeout", "soon", "soon"),
            ("server_version", "9.4", "9.4"),
            ("datafusion.execution.memory_limit", "1", "datafusion.execution.memory_limit"),
            ("verbatim.case", &"x".repeat(200), "case"),
        ] {
            let error = set(&mut settings, name, Some(value), false).err().unwrap();
            assert!(error.contains(named), "{error}");
        }
        assert_eq!(settings.purpose().case, None);
        let heard = set(&mut settings, "TimeZone", Some("Asia/Shanghai"), false).unwrap();
        assert!(heard.warning.is_some());
        assert_eq!(heard.reported, Some(("TimeZone", "UTC".to_string())));
        assert!(set(&mut settings, "timezone", Some("Etc/UTC"), false).unwrap().warning.is_none());
    }

    #[test]
    fn a_transaction_takes_back_what_was_set_for_it_alone_and_all_where_it_failed() {
        let mut settings = Settings::of("ann");
        let name = |settings: &Settings| settings.show("application_name").unwrap();
        set(&mut settings, "application_name", Some("a"), false).unwrap();
        settings.begin_transaction();
        set(&mut settings, "application_name", Some("b"), true).unwrap();
        assert_eq!(name(&settings), "b");
        settings.end_transaction(true);
        assert_eq!(name(&settings), "a");
        settings.begin_transaction();
        set(&mut settings, "application_name", Some("c"), false).unwrap();
        settings.end_transaction(true);
        assert_eq!(name(&settings), "c");
        settings.begin_transaction();
        set(&mut settings, "application_name", Some("d"), false).unwrap();
        settings.end_transaction(false);
        assert_eq!(name(&settings), "c");
        set(&mut settings, "application_name", None, false).unwrap();
        assert_eq!(name(&settings), "");
    }
}
