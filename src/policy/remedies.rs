//! What the person can demand, and by when, in one pack: read from `policies/ID/remedies.toml`.

use jiff::civil::Weekday;
use serde::Deserialize;

use super::pack::Mark;
use super::source::{Fault, Files, REMEDIES, toml_fault};
use super::words::words;
use crate::kernel::Time;

words! {
    /// What has a deadline.
    Deadlined {
        /// The bureau answers an objection.
        DisputeAnswer = "dispute_answer",
        /// So much longer, where the law allows it.
        DisputeExtension = "dispute_extension",
        /// The furnisher is told of it.
        DisputeForward = "dispute_forward",
        /// The furnisher answers.
        FurnisherAnswer = "furnisher_answer",
        /// The person is told the result.
        ResultsNotice = "results_notice",
        /// The person is told that an item came back.
        ReinsertionNotice = "reinsertion_notice",
        /// A freeze is placed.
        FreezePlace = "freeze_place",
        /// A freeze is lifted.
        FreezeLift = "freeze_lift",
        /// How long a fraud alert stands.
        FraudAlert = "fraud_alert",
        /// What a thief did is blocked.
        IdentityTheftBlock = "identity_theft_block",
        /// A complaint is acknowledged.
        ComplaintAcknowledge = "complaint_acknowledge",
        /// A complaint is answered.
        ComplaintAnswer = "complaint_answer",
        /// A human review is answered.
        ReviewAnswer = "review_answer",
    }
}

/// What every pack must have a deadline for.
const REQUIRED: [Deadlined; 8] = [
    Deadlined::DisputeAnswer,
    Deadlined::DisputeForward,
    Deadlined::FurnisherAnswer,
    Deadlined::FreezePlace,
    Deadlined::FreezeLift,
    Deadlined::FraudAlert,
    Deadlined::ComplaintAnswer,
    Deadlined::ReviewAnswer,
];

words! {
    /// What happens to an item while it is contested.
    Contested {
        /// It is shown and scored, with a mark.
        Mark = "mark",
        /// It is neither shown nor scored.
        Withhold = "withhold",
    }
}

words! {
    /// What happens to an item that can neither be confirmed nor refuted.
    Unverifiable {
        /// It is deleted, and comes back only when certified.
        Delete = "delete",
        /// That it could not be settled is recorded beside it.
        Record = "record",
    }
}

/// How objections are treated.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisputeRule {
    /// While it is contested.
    pub contested: Contested,
    /// When it cannot be settled.
    pub unverifiable: Unverifiable,
    /// Whether the bureau has longer, once, when the person adds information.
    #[serde(default)]
    pub information_extends: bool,
    /// The longest statement that the person may attach, in words (in Chinese: characters).
    pub statement_words_max: usize,
    /// Days back for which askers are told that what they were answered was corrected.
    pub askers_told_days: i64,
    /// Days before a furnisher's answer is due on which it is reminded, once.
    pub reminder_days: i64,
    /// The rule in words.
    pub text: String,
    /// The provision.
    pub source: String,
    /// How certain.
    pub mark: Mark,
}

/// How many reports are free.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportsRule {
    /// So many in a calendar year; without a number, all of them.
    #[serde(default)]
    pub free_a_year: Option<u32>,
    /// Days after an adverse decision in which a further one is free, where that must be told.
    #[serde(default)]
    pub free_after_adverse_days: Option<i64>,
    /// The rule in words.
    pub text: String,
    /// The provision.
    pub source: String,
    /// How certain.
    pub mark: Mark,
}

/// One deadline; exactly one unit is given.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deadline {
    /// The rule's id.
    pub id: String,
    /// For what.
    pub what: Deadlined,
    /// In hours.
    #[serde(default)]
    pub hours: Option<i64>,
    /// In days of 24 hours.
    #[serde(default)]
    pub days: Option<i64>,
    /// In days from Monday to Friday.
    #[serde(default)]
    pub business_days: Option<i64>,
    /// The rule in words.
    pub text: String,
    /// The provision.
    pub source: String,
    /// How certain.
    pub mark: Mark,
}

impl Deadline {
    /// When it is due, counted from `from`; `utc_offset_hours` says where a business day ends.
    pub fn due(&self, from: Time, utc_offset_hours: i8) -> Time {
        let mut due = from
            .plus_seconds(self.hours.unwrap_or(0).saturating_mul(3600))
            .plus_days(self.days.unwrap_or(0));
        let mut left = self.business_days.unwrap_or(0);
        while left > 0 {
            due = due.plus_days(1);
            let day = due.date_at(utc_offset_hours).weekday();
            if !matches!(day, Weekday::Saturday | Weekday::Sunday) {
                left -= 1;
            }
        }
        due
    }

    /// The period in words: `20 days`.
    pub fn period(&self) -> String {
        let units =
            [(self.hours, "hour"), (self.days, "day"), (self.business_days, "business day")];
        let mut parts = units.iter().filter_map(|(n, unit)| n.map(|n| (n, unit)));
        parts.next().map_or_else(String::new, |(n, unit)| match n {
            1 => format!("1 {unit}"),
            n => format!("{n} {unit}s"),
        })
    }
}

/// A text in both languages.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwoTexts {
    /// English.
    pub en: String,
    /// Simplified Chinese.
    pub zh: String,
}

/// Where a right comes from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Law {
    /// The provision.
    pub source: String,
    /// How certain.
    pub mark: Mark,
}

/// One right, as the person reads it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RightText {
    /// The rule's id.
    pub id: String,
    /// Two or three words.
    pub title: TwoTexts,
    /// One or two sentences.
    pub text: TwoTexts,
    /// Where it comes from.
    pub law: Law,
}

/// What the person can demand in one pack.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remedies {
    /// How objections are treated.
    pub dispute: DisputeRule,
    /// How many reports are free.
    pub reports: ReportsRule,
    /// The deadlines.
    #[serde(rename = "deadline")]
    pub deadlines: Vec<Deadline>,
    /// The rights, as a report lists them.
    #[serde(rename = "right")]
    pub rights: Vec<RightText>,
}

impl Remedies {
    /// The deadline for `what`, where the pack has one.
    pub fn deadline(&self, what: Deadlined) -> Option<&Deadline> {
        self.deadlines.iter().find(|deadline| deadline.what == what)
    }
}

/// Reads and checks the remedies of one pack.
pub(super) fn read(files: &Files, pack: &str, faults: &mut Vec<Fault>) -> Option<Remedies> {
    let path = format!("{pack}/{REMEDIES}");
    let Some(text) = files.text(&path) else {
        faults.push(Fault { file: path, line: 1, message: "the file is missing".to_string() });
        return None;
    };
    let remedies: Remedies = match toml::from_str(text) {
        Ok(remedies) => remedies,
        Err(error) => {
            faults.push(toml_fault(&path, text, &error));
            return None;
        }
    };
    let mut wrong = |needle: &str, message: String| {
        let line = files.line_with(&path, needle);
        faults.push(Fault { file: path.clone(), line, message });
    };
    for what in REQUIRED.iter().filter(|what| remedies.deadline(**what).is_none()) {
        wrong("", format!("there is no deadline for `{}`", what.name()));
    }
    for deadline in &remedies.deadlines {
        let needle = format!("id = \"{}\"", deadline.id);
        let units = [deadline.hours, deadline.days, deadline.business_days];
        let given: Vec<i64> = units.into_iter().flatten().collect();
        if !matches!(given.as_slice(), [1..=4000]) {
            wrong(&needle, "a deadline has one unit, and is between 1 and 4000 of it".to_string());
        }
        let same = remedies.deadlines.iter().filter(|other| other.what == deadline.what).count();
        if same > 1 {
            wrong(&needle, format!("`{}` has two deadlines", deadline.what.name()));
        }
    }
    let ids = remedies.deadlines.iter().map(|d| &d.id).chain(remedies.rights.iter().map(|r| &r.id));
    for id in ids.filter(|id| !id.starts_with(&format!("{pack}/"))) {
        let message = format!("the id `{id}` does not begin with `{pack}/`");
        wrong(&format!("id = \"{id}\""), message);
    }
    for right in &remedies.rights {
        let texts = [&right.title.en, &right.title.zh, &right.text.en, &right.text.zh];
        if texts.iter().any(|text| text.trim().is_empty()) {
            wrong(&format!("id = \"{}\"", right.id), "a text is empty".to_string());
        }
    }
    if remedies.dispute.askers_told_days < 1 {
        wrong("askers_told_days", "askers are told of a day at least".to_string());
    }
    if remedies.dispute.statement_words_max == 0 {
        wrong("statement_words_max", "a statement has room for a word at least".to_string());
    }
    Some(remedies)
}
