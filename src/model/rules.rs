//! What a shop decides about its figures: data of records of kind `rules`, in the shop's
//! conversation [`super::RULES_CONVERSATION`], folded in offset order.
//!
//! Invariants: a change names only rules that exist, with values that make sense, so whoever takes
//! one may apply it without looking; versions count the changes of a shop from 1, and 0 is what
//! holds before the first.
//! It does not say who may set rules, nor what a figure does with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::category_labels::{CategoryLabels, category_labels, classifier};
use super::number::whole_number;
use super::schedules::parse_team_hours;
use super::{FieldError, Hours, Kind, Micros, Offset, Record, Schedules, Sla, Teams};

/// Idle time before a shop decides otherwise.
const IDLE_HOURS: u32 = 24;
/// A year: whoever is silent for longer has left.
const IDLE_HOURS_MAX: u32 = 8_760;
/// A century: longer is never.
const KEEP_DAYS_MAX: u32 = 36_525;

/// The rules of a shop at one moment. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rules {
    /// How many changes the shop has made.
    pub version: u32,
    /// After so many hours without activity an episode ends.
    pub idle_hours: u32,
    /// So many days after its last record a conversation is erased; 0: never.
    #[serde(default, skip_serializing_if = "is_never")]
    pub keep_days: u32,
    #[serde(default, skip_serializing_if = "are_none")]
    #[schema(value_type = Schedules)]
    pub schedules: Arc<Schedules>,
    /// What is promised to customers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sla: Option<Sla>,
    /// The model that tags what people did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classifier: Option<String>,
    /// How categories are called.
    #[serde(default, skip_serializing_if = "are_none")]
    #[schema(value_type = CategoryLabels)]
    pub category_labels: Arc<CategoryLabels>,
}

fn are_none<T: Default + PartialEq>(decided: &Arc<T>) -> bool {
    **decided == T::default()
}

fn is_never(days: &u32) -> bool {
    *days == 0
}

/// What one record of kind `rules` decides; what it does not name stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct RulesChange {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_hours: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_days: Option<u32>,
    /// `None` inside: there are none any more.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "even_null")]
    #[schema(value_type = Option<Object>)]
    pub hours: Option<Option<Hours>>,
    /// Those of all teams that have their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, Object>>)]
    pub team_hours: Option<BTreeMap<String, Hours>>,
    /// Who is of which team, of all teams.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, Vec<String>>>)]
    pub teams: Option<Teams>,
    /// `None` inside: nothing is promised any more.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "even_null")]
    #[schema(value_type = Option<Sla>)]
    pub sla: Option<Option<Sla>>,
    /// `None` inside: nothing is tagged but by people.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "even_null")]
    #[schema(value_type = Option<String>)]
    pub classifier: Option<Option<String>>,
    /// Those of all categories that have any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category_labels: Option<CategoryLabels>,
}

/// Tells what is null from what is not there.
fn even_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    value: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// One version of a shop's rules: who made it, when, and what it decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RulesVersion {
    pub offset: Offset,
    pub received_at: Micros,
    /// Who decided it: the subject of the token, where that is not the sender that was named.
    pub by: String,
    /// What this version changed.
    pub change: RulesChange,
    /// What holds since.
    pub rules: Rules,
}

/// A shop's rules, and how they came to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RulesHistory {
    /// What holds now.
    pub rules: Rules,
    /// Oldest first. Nothing of it holds from before its own offset.
    pub versions: Vec<RulesVersion>,
}

impl RulesHistory {
    /// From the records of the shop's rules conversation, in order.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> RulesHistory {
        let mut history = RulesHistory::default();
        for record in records {
            let Some(change) = RulesChange::of(record) else { continue };
            history.rules = history.rules.with(&change);
            let Record { offset, received_at, by, event, .. } = record;
            let by = by.as_ref().map_or(&event.sender.id, |by| &by.sub).clone();
            let (offset, received_at, rules) = (*offset, *received_at, history.rules.clone());
            history.versions.push(RulesVersion { offset, received_at, by, change, rules });
        }
        history
    }
}

impl Default for Rules {
    fn default() -> Rules {
        let schedules = Arc::default();
        let (classifier, category_labels) = (None, Arc::default());
        Rules {
            version: 0,
            idle_hours: IDLE_HOURS,
            keep_days: 0,
            schedules,
            sla: None,
            classifier,
            category_labels,
        }
    }
}

impl Rules {
    /// The next version: these rules, with what `change` decides.
    pub fn with(&self, change: &RulesChange) -> Rules {
        let version = self.version.saturating_add(1);
        Rules {
            version,
            idle_hours: change.idle_hours.unwrap_or(self.idle_hours),
            keep_days: change.keep_days.unwrap_or(self.keep_days),
            schedules: self.schedules_with(change, version),
            sla: change.sla.unwrap_or(self.sla),
            classifier: change.classifier.clone().unwrap_or_else(|| self.classifier.clone()),
            category_labels: match &change.category_labels {
                Some(labels) => Arc::new(labels.clone()),
                None => self.category_labels.clone(),
            },
        }
    }

    /// The schedules with what `change` decides, which are those of `version` where they are others.
    fn schedules_with(&self, change: &RulesChange, version: u32) -> Arc<Schedules> {
        let RulesChange { hours, team_hours, teams, .. } = change;
        let before = &self.schedules;
        let after = Schedules {
            version: before.version,
            hours: hours.as_ref().unwrap_or(&before.hours).clone(),
            team_hours: team_hours.as_ref().unwrap_or(&before.team_hours).clone(),
            teams: teams.as_ref().unwrap_or(&before.teams).clone(),
        };
        if after == **before { before.clone() } else { Arc::new(Schedules { version, ..after }) }
    }

    /// Whether `change` would leave everything as it is.
    pub fn have(&self, change: &RulesChange) -> bool {
        Rules { version: self.version, ..self.with(change) } == *self
    }
}

impl RulesChange {
    /// What a record decides: `None` for one of another kind, or one that was taken before its rules
    /// were checked at the door.
    pub fn of(record: &Record) -> Option<RulesChange> {
        let event = &record.event;
        let data = event.data.as_deref().filter(|_| event.kind == Kind::Rules)?;
        RulesChange::parse(data.get()).ok()
    }

    /// Reads `data` of a record of kind `rules`: a JSON object that names at least one rule.
    ///
    /// # Errors
    /// The first rule that does not exist, or whose value makes no sense.
    pub fn parse(data: &str) -> Result<RulesChange, FieldError> {
        let rules: Map<String, Value> = serde_json::from_str(data)
            .map_err(|_| FieldError::new("data", data, "be a JSON object of rules"))?;
        if rules.is_empty() {
            return Err(FieldError::new("data", data, "name at least one rule"));
        }
        let mut change = RulesChange::default();
        for (name, value) in &rules {
            let field = format!("data.{name}");
            match name.as_str() {
                "idle_hours" => {
                    change.idle_hours = Some(whole_number(&field, value, 1..=IDLE_HOURS_MAX)?);
                }
                "keep_days" => {
                    change.keep_days = Some(whole_number(&field, value, 0..=KEEP_DAYS_MAX)?);
                }
                "hours" if value.is_null() => change.hours = Some(None),
                "hours" => change.hours = Some(Some(Hours::parse(&field, value)?)),
                "team_hours" => change.team_hours = Some(parse_team_hours(&field, value)?),
                "teams" => change.teams = Some(Teams::parse(&field, value)?),
                "sla" if value.is_null() => change.sla = Some(None),
                "sla" => change.sla = Some(Some(Sla::parse(&field, value)?)),
                "classifier" => change.classifier = Some(classifier(&field, value)?),
                "category_labels" => change.category_labels = Some(category_labels(&field, value)?),
                _ => {
                    let rule = "be a rule: `idle_hours`, `keep_days`, `hours`, `team_hours`, `teams`, `sla`, `classifier`, `category_labels`";
                    return Err(FieldError::new(field, value, rule));
                }
            }
        }
        Ok(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_sense_is_taken_and_counted() {
        let change = RulesChange::parse(r#"{"idle_hours": 48}"#).unwrap();
        let rules = Rules::default().with(&change);
        assert_eq!(rules, Rules { version: 1, idle_hours: 48, ..Rules::default() });
        assert!(rules.have(&change) && !Rules::default().have(&change));
        assert_eq!(serde_json::to_string(&change).unwrap(), r#"{"idle_hours":48}"#);
    }

    #[test]
    fn hours_hold_until_they_are_taken_back() {
        let weekdays = r#"{"week":{"mon":["09:00-18:00"]},"zone":"Asia/Shanghai"}"#;
        let nights = r#"{"week":{"mon":["21:00-02:00"]},"zone":"Asia/Shanghai"}"#;
        let parse = |data: String| RulesChange::parse(&data).unwrap();
        let set = parse(format!(r#"{{"hours":{weekdays},"team_hours":{{"night":{nights}}}}}"#));
        let rules = Rules::default().with(&set).with(&parse(r#"{"idle_hours":48}"#.to_string()));
        assert!(rules.have(&set) && !Rules::default().have(&set));
        let shown =
            |team| rules.schedules.of(team).map(|hours| serde_json::to_string(hours).unwrap());
        assert_eq!(shown(None).as_deref(), Some(weekdays));
        assert_eq!(shown(Some("night")).as_deref(), Some(nights));
        assert_eq!(shown(Some("day")), None);
        let stored = serde_json::to_string(&rules).unwrap();
        assert_eq!(serde_json::from_str::<Rules>(&stored).unwrap(), rules);
        let gone = parse(r#"{"hours":null,"team_hours":{}}"#.to_string());
        let sent = serde_json::to_string(&gone).unwrap();
        assert_eq!(serde_json::from_str::<RulesChange>(&sent).unwrap(), gone);
        let none = Schedules { version: 3, ..Schedules::default() };
        assert_eq!(*rules.with(&gone).schedules, none);
    }

    /// A version that changes neither hours nor teams has the schedules of the one before.
    #[test]
    fn teams_and_promises_hold_until_they_are_taken_back() {
        let parse = |data: &str| RulesChange::parse(data).unwrap();
        let set =
            parse(r#"{"teams":{"night":["lin"]},"sla":{"next_reply_s":600,"clock":"calendar"}}"#);
        let rules = Rules::default().with(&set);
        assert_eq!((rules.schedules.version, rules.sla.unwrap().next_reply_s), (1, Some(600)));
        let later = rules
            .with(&parse(r#"{"idle_hours":48}"#))
            .with(&parse(r#"{"teams":{"night":["lin"]}}"#));
        assert_eq!((later.version, later.schedules.version), (3, 1));
        assert!(later.have(&set));
        let sent = serde_json::to_string(&set).unwrap();
        assert_eq!(serde_json::from_str::<RulesChange>(&sent).unwrap(), set);
        let stored = serde_json::to_string(&later).unwrap();
        assert_eq!(serde_json::from_str::<Rules>(&stored).unwrap(), later);
        let gone = parse(r#"{"teams":{},"sla":null}"#);
        let sent = serde_json::to_string(&gone).unwrap();
        assert_eq!(serde_json::from_str::<RulesChange>(&sent).unwrap(), gone);
        let none = later.with(&gone);
        assert_eq!(
            (none.sla, none.schedules.version, none.schedules.teams.are_none()),
            (None, 4, true)
        );
    }

    #[test]
    fn mistakes_are_named() {
        for (data, named) in [
            ("[]", "data"),
            ("{}", "at least one"),
            (r#"{"idle_hour": 2}"#, "data.idle_hour `2`"),
            (r#"{"idle_hours": 0}"#, "from 1 to 8760"),
            (r#"{"idle_hours": 8761}"#, "8761"),
            (r#"{"idle_hours": 1.5}"#, "1.5"),
            (r#"{"idle_hours": "24"}"#, "data.idle_hours"),
            (r#"{"idle_hours": null}"#, "null"),
            (r#"{"keep_days": -1}"#, "from 0 to 36525"),
            (r#"{"hours": {"zone": "UTC", "week": {"mon": ["9-18"]}}}"#, "data.hours.week.mon[0]"),
            (r#"{"team_hours": {"night": {"zone": "Mars"}}}"#, "data.team_hours.night.zone"),
            (r#"{"team_hours": {"night": null}}"#, "data.team_hours.night"),
            (r#"{"teams": {"night": ["lin", "lin"]}}"#, "data.teams.night[1]"),
            (r#"{"sla": {"first_reply_s": 0}}"#, "data.sla.first_reply_s"),
            (r#"{"classifier": "../x"}"#, "data.classifier `../x`"),
            (r#"{"category_labels": {"refund": "退款"}}"#, "data.category_labels.refund"),
        ] {
            let error = RulesChange::parse(data).unwrap_err().to_string();
            assert!(error.contains(named), "{data}: {error}");
        }
    }

    #[test]
    fn versions_follow_offsets_and_what_was_never_checked_makes_none() {
        let rules = |offset: u64, by: &str, data: &str| {
            let event = serde_json::json!({
                "id": format!("r{offset}"), "conversation": "@rules", "kind": "rules",
                "sender": {"id": by, "role": "human"}, "data": {"idle_hours": 1},
            });
            let mut record = crate::model::testing::record(offset, event);
            record.event.data = Some(serde_json::from_str(data).unwrap());
            record
        };
        let records = [
            rules(3, "eve", r#"{"idle_hours":48}"#),
            rules(5, "eve", r#"{"idle_minutes":3}"#),
            rules(9, "max", r#"{"idle_hours":12}"#),
        ];
        let history = RulesHistory::of(&records);
        assert_eq!(history.rules, Rules { version: 2, idle_hours: 12, ..Rules::default() });
        let versions: Vec<_> = history
            .versions
            .iter()
            .map(|version| (version.offset.0, version.by.as_str(), version.rules.idle_hours))
            .collect();
        assert_eq!(versions, [(3, "eve", 48), (9, "max", 12)]);
        assert_eq!(RulesHistory::of([]).rules, Rules::default());
    }
}
