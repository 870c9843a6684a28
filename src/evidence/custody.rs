//! Who had the records, who made the bundle, on what machine, and what the bundle holds of what was
//! asked for.

use std::collections::BTreeMap;

use super::json::{self, Json, Object, object};
use super::spec::{BundleSpec, Counts, Custody};

/// How times of receipt come about; `relay::held` sees to it.
const CLOCK: &str = "the server's wall clock at receipt, which never runs backwards; a clock that went ahead by more than an hour while the service ran dates nothing until it is set right or has gone on evenly for ten minutes, and where it went ahead by 30 days or more not even then; a start believes the clock that it finds";

impl Custody {
    /// What happened to the records, a line each.
    pub(super) fn lines(&self, spec: &BundleSpec<'_>, counts: &Counts) -> String {
        let mut lines = Vec::new();
        for counted in &counts.conversations {
            lines.push(object([
                ("conversation", counted.name.as_deref().map_or(Json::Null, Json::from)),
                ("from", counted.first_received_at.to_string().into()),
                ("records", u64::from(counted.chain.last_seq.0).into()),
                ("to", counted.last_received_at.to_string().into()),
                ("what", "received".into()),
                ("who", format!("the service of {}", spec.shop).into()),
            ]));
        }
        lines.push(object([
            ("origin", spec.checkpoint.origin.as_str().into()),
            ("size", spec.checkpoint.size.into()),
            ("what", "signed".into()),
            ("who", spec.checkpoint.key.to_string().into()),
        ]));
        lines.push(self.export(spec));
        lines.iter().map(|line| json::written(line) + "\n").collect()
    }

    fn export(&self, spec: &BundleSpec<'_>) -> Object {
        let mut export = object([
            ("case", spec.request.case.as_str().into()),
            ("from", spec.now.to_string().into()),
            ("reason", spec.request.reason.as_str().into()),
            ("version", env!("CARGO_PKG_VERSION").into()),
            ("what", "exported".into()),
            ("who", self.who.as_str().into()),
        ]);
        if let Some(entry) = &self.entry {
            let entry = object([
                ("leaf", entry.leaf.to_string().into()),
                ("offset", entry.offset.0.into()),
                ("seq", u64::from(entry.seq.0).into()),
            ]);
            export.insert("entry".to_string(), Json::Object(entry));
        }
        export
    }

    /// The program and its promises: nothing by which a stranger could find a way into the machine.
    pub(super) fn environment(&self, spec: &BundleSpec<'_>) -> String {
        let environment = object([
            ("clock", CLOCK.into()),
            ("exported_at", spec.now.to_string().into()),
            ("os", std::env::consts::OS.into()),
            ("software", "verbatim".into()),
            ("sync", "each record was on stable storage before its sender was told so".into()),
            ("version", env!("CARGO_PKG_VERSION").into()),
        ]);
        json::written(&environment) + "\n"
    }
}

/// What was asked for, and what of it the bundle holds.
pub(super) fn completeness(spec: &BundleSpec<'_>, counts: &Counts, holes: &[String]) -> String {
    let conversations = counts.conversations.iter().map(|counted| {
        Json::Object(object([
            ("conversation", counted.name.as_deref().map_or(Json::Null, Json::from)),
            ("last_leaf", hex::encode(counted.chain.last_leaf).into()),
            ("records", u64::from(counted.chain.last_seq.0).into()),
            ("thread", hex::encode(counted.chain.thread).into()),
        ]))
    });
    let counted = |counts: &BTreeMap<String, u64>| {
        Json::Object(counts.iter().map(|(word, count)| (word.clone(), (*count).into())).collect())
    };
    let checkpoint = object([
        ("origin", spec.checkpoint.origin.as_str().into()),
        ("size", spec.checkpoint.size.into()),
    ]);
    let erased = counts.erased.iter().map(|(leaf, erased)| {
        let mut said = object([("leaf", leaf.to_string().into())]);
        if let Some(erased) = erased {
            said.insert("at".to_string(), erased.at.to_string().into());
            // Why may speak of others.
            if spec.request.with_private {
                said.insert("ground".to_string(), erased.ground.as_str().into());
            }
        }
        Json::Object(said)
    });
    let completeness = object([
        ("asked", Json::Object(spec.request.asked())),
        ("case", spec.request.case.as_str().into()),
        ("checkpoint", Json::Object(checkpoint)),
        ("conversations", Json::List(conversations.collect())),
        ("erased", Json::List(erased.collect())),
        ("files", counted(&counts.files)),
        ("holes", Json::List(holes.iter().map(|hole| hole.as_str().into()).collect())),
        ("shop", spec.shop.into()),
        ("withheld", counted(&counts.withheld)),
        ("zone", spec.zone.name().into()),
    ]);
    json::written(&completeness) + "\n"
}
