//! What the operator promises, as the configuration says it: the service's terms.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::kernel::Time;

/// The licence under which a bureau trades.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Licensed {
    /// Who granted it.
    pub authority: String,
    /// Its number.
    pub number: String,
    /// The rule packs it covers; all of them when empty.
    pub packs: Vec<String>,
}

/// What is promised, so that a partner can plan: measured over a month, for whole answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objectives {
    /// Of a thousand requests, how many are answered with something other than a 5xx.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_permille: Option<u32>,
    /// Milliseconds in which half of the inquiries are answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inquiry_p50_ms: Option<u32>,
    /// Milliseconds in which 99 of 100 inquiries are answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inquiry_p99_ms: Option<u32>,
    /// Seconds after which an entry is covered by a checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_seconds: Option<u32>,
}

/// Planned work, during which answers may fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// When it begins.
    pub from: Time,
    /// When it is over.
    pub until: Time,
    /// What is done.
    pub what: String,
}

/// Something that will go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deprecation {
    /// What: a path, a field, a scenario, a rule pack's version.
    pub what: String,
    /// Since when it is announced.
    pub announced: Time,
    /// When it goes.
    pub ends: Time,
    /// What to use in its place.
    pub instead: String,
}

/// Everything a partner must know of the service beside its interface.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// The licence.
    pub licence: Option<Licensed>,
    /// Where to ask.
    pub support: Option<String>,
    /// What is promised.
    pub objectives: Objectives,
    /// Planned work.
    pub maintenance: Vec<Maintenance>,
    /// What will go.
    pub deprecations: Vec<Deprecation>,
}

impl Terms {
    /// Whether planned work is going on.
    pub fn under_maintenance(&self, now: Time) -> bool {
        self.maintenance.iter().any(|work| work.from <= now && now < work.until)
    }

    /// How the service stands: trouble is worse than planned work.
    pub fn status(&self, now: Time, trouble: bool) -> &'static str {
        match (trouble, self.under_maintenance(now)) {
            (true, _) => "degraded",
            (false, true) => "maintenance",
            (false, false) => "ok",
        }
    }

    /// The licence as it is published; `packs` are those in force.
    pub fn licence(&self, packs: &[&str]) -> Value {
        let Some(licence) = &self.licence else { return Value::Null };
        let covered = match licence.packs.is_empty() {
            true => packs.iter().map(|pack| pack.to_string()).collect(),
            false => licence.packs.clone(),
        };
        json!({ "authority": licence.authority, "number": licence.number, "packs": covered })
    }

    /// Planned work that is not over.
    pub fn planned(&self, now: Time) -> Vec<&Maintenance> {
        self.maintenance.iter().filter(|work| now < work.until).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planned_work_is_told_before_and_while_it_goes_on() {
        let at = |seconds: i64| Time::from_micros(seconds * 1_000_000);
        let work = Maintenance { from: at(10), until: at(20), what: "a new disk".to_string() };
        let terms = Terms { maintenance: vec![work], ..Terms::default() };
        for (now, status, planned) in
            [(5, "ok", 1), (10, "maintenance", 1), (19, "maintenance", 1), (20, "ok", 0)]
        {
            assert_eq!(
                (terms.status(at(now), false), terms.planned(at(now)).len()),
                (status, planned)
            );
            assert_eq!(terms.status(at(now), true), "degraded");
        }
        assert_eq!(terms.licence(&["cn"]), Value::Null);
    }
}
