//! What a consumer report says: everything already computed, nothing looked up while drawing.
//!
//! The same value is attached to the document as `report.json`, so that a person can take the data
//! to another program. Dates are texts in the time zone of the rule pack (`2026-11-01`); amounts
//! are texts with their currency (`CNY 12,000.00`).

use serde::{Deserialize, Serialize};

use crate::kernel::Time;

/// The whole report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsumerView {
    /// Who issues it, as it names itself.
    pub bureau: String,
    /// The number under which the report is logged.
    pub report_number: String,
    /// When it was made.
    pub generated_at: Time,
    /// The rule pack it is made under: `cn`, `us`, …
    pub jurisdiction: String,
    /// The language of the texts, BCP 47.
    pub language: String,
    /// The person is made up. Said on every page.
    pub synthetic: bool,
    /// How many of the free reports of this year are used, as a sentence (CN-14).
    pub quota: Option<String>,
    /// Whom it is about.
    pub person: Person,
    /// The score, or why there is none.
    pub score: ScorePart,
    /// Accounts with lenders.
    pub tradelines: Vec<Tradeline>,
    /// Other promises (rent, bills, bookings, returns), summed by kind.
    pub obligations: Vec<ObligationRow>,
    /// Judgments, enforcements, penalties.
    pub public_records: Vec<PublicRecordRow>,
    /// Objections and how they stand (CN-15).
    pub disputes: Vec<DisputeRow>,
    /// Statements of the person that belong to no single item (CN-13).
    pub statements: Vec<String>,
    /// Consents given, in force or not (CN-05).
    pub consents: Vec<ConsentRow>,
    /// Who asked, newest first, hard and soft.
    pub inquiries: Vec<InquiryRow>,
    /// Which of the bureau's own staff looked, and why (CN-17).
    pub staff_look_ups: Vec<StaffRow>,
    /// What the person can do.
    pub rights: Vec<Right>,
    /// Where this stands in the log.
    pub log: LogPart,
    /// Notices that must be on the document: for reference (CN-18), purpose (CN-07), licence.
    pub notices: Vec<String>,
}

/// Whom the report is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The name as recorded.
    pub display_name: String,
    /// The kind of identity document and its number, masked: `ID card ··············2841`.
    pub document: String,
    /// Year of birth, where known.
    pub birth_year: Option<i16>,
    /// Real-name level, 0 to [`IDENTITY_LEVELS`].
    pub identity_level: u8,
    /// What the level rests on.
    pub channels: Vec<Channel>,
}

/// The highest real-name level.
pub const IDENTITY_LEVELS: u8 = 4;

/// One verified channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// What was verified.
    pub name: String,
    /// By whom.
    pub source: String,
    /// When.
    pub date: String,
}

/// The score, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScorePart {
    /// There is a score.
    Assessed(Score),
    /// There is none, and that is not a low score.
    NotAssessable {
        /// The stable code.
        code: String,
        /// Why, for the person.
        text: String,
        /// The scale it would stand on.
        scale: Scale,
    },
}

/// The scale of a score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale {
    /// The lowest score.
    pub min: i32,
    /// The highest score.
    pub max: i32,
    /// The bands, lowest first; each begins at its first score and ends before the next one's.
    pub bands: Vec<BandMark>,
}

/// A band.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BandMark {
    /// Its name.
    pub name: String,
    /// Its first score.
    pub from: i32,
}

/// A score and what made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// The score.
    pub value: i32,
    /// The name of its band.
    pub band: String,
    /// The scale.
    pub scale: Scale,
    /// The scorecard's id.
    pub model: String,
    /// The scorecard's version.
    pub model_version: String,
    /// The scorecard's digest, hex.
    pub model_digest: String,
    /// The instant it was computed for.
    pub as_of: String,
    /// Points by dimension.
    pub dimensions: Vec<DimensionPoints>,
    /// What cost most, most first.
    pub reasons: Vec<ReasonLine>,
    /// What the score leaves out or flags: disputed items, a thin file, a clamp.
    pub remarks: Vec<String>,
    /// Points that everybody begins with.
    pub base_points: i32,
    /// Everything that was looked at, in the order of the scorecard: with `base_points` these
    /// points are the score (CJEU C-203/22, PIPL 48).
    pub working: Vec<WorkingRow>,
}

/// One characteristic as it was applied to the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkingRow {
    /// What was looked at, in a sentence.
    pub what: String,
    /// The name in the scorecard.
    pub name: String,
    /// The value with its unit, or why there is none.
    pub value: String,
    /// The values that give the same points; empty where there is no value.
    pub same_for: String,
    /// Points given.
    pub points: i32,
    /// Points that the population has on average.
    pub average: i32,
}

/// The points of one dimension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DimensionPoints {
    /// Its name for a reader.
    pub name: String,
    /// Points reached.
    pub points: i32,
    /// Points that can be reached; 0 where the dimension is not used.
    pub of: i32,
}

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonLine {
    /// The stable code.
    pub code: String,
    /// What it means.
    pub text: String,
    /// Points lost against the baseline.
    pub points_lost: i32,
}

/// One account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tradeline {
    /// Who reports it.
    pub furnisher: String,
    /// Kind of account.
    pub kind: String,
    /// The account's number, masked.
    pub account: String,
    /// When it was opened.
    pub opened: String,
    /// Limit or original amount.
    pub limit: String,
    /// Balance.
    pub balance: String,
    /// State, such as `Current`.
    pub status: String,
    /// The worst it was late, such as `30–59 days, 2025-03`; empty if never.
    pub worst: String,
    /// One character a month, oldest first, at most [`HISTORY_MONTHS`]: `0` as agreed, `1` 1–29
    /// days late, `2` 30–59, `3` 60–89, `4` 90–119, `5` 120 and more, `C` collection or written
    /// off, `-` not reported.
    pub history: String,
    /// The first month of the history.
    pub history_from: String,
    /// The last month of the history.
    pub history_to: String,
    /// How an objection stands, if there is one (CN-15).
    pub dispute: Option<String>,
    /// What the person says to it (CN-13).
    pub statement: Option<String>,
}

/// The months of a payment history that are shown.
pub const HISTORY_MONTHS: usize = 24;

/// Promises of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObligationRow {
    /// Kind of promise.
    pub kind: String,
    /// Who reported them.
    pub furnishers: String,
    /// Fulfilled in time.
    pub kept: u32,
    /// Fulfilled late.
    pub late: u32,
    /// Not fulfilled.
    pub broken: u32,
    /// Due dates of the first and the last.
    pub period: String,
    /// What the person says to it (CN-13).
    pub statement: Option<String>,
}

/// One public record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicRecordRow {
    /// Kind of record.
    pub kind: String,
    /// Who published it, and under which number.
    pub authority: String,
    /// When.
    pub date: String,
    /// The amount, where there is one.
    pub amount: String,
    /// State, and when it will be deleted (CN-11).
    pub status: String,
    /// How an objection stands, if there is one.
    pub dispute: Option<String>,
    /// What the person says to it (CN-13).
    pub statement: Option<String>,
}

/// One objection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputeRow {
    /// Its id.
    pub id: String,
    /// Against what.
    pub item: String,
    /// Received on.
    pub received: String,
    /// Answered on, or to be answered by.
    pub answer: String,
    /// State or outcome.
    pub state: String,
}

/// One consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentRow {
    /// Its id.
    pub id: String,
    /// Who may use it.
    pub recipient: String,
    /// What for: furnish, inquire, restricted; with the notice's version.
    pub purpose: String,
    /// In which scenario.
    pub scenario: String,
    /// Given on.
    pub given: String,
    /// Ends on.
    pub expires: String,
    /// In force, used, revoked, expired.
    pub state: String,
}

/// Whether an inquiry can count against the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weighing {
    /// An application for credit: counted for a while.
    Hard,
    /// Anything else: never counted.
    Soft,
}

/// One inquiry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InquiryRow {
    /// When.
    pub date: String,
    /// Its id.
    pub id: String,
    /// Who asked.
    pub asker: String,
    /// For which purpose.
    pub scenario: String,
    /// In which form the answer was given.
    pub form: String,
    /// What was answered.
    pub answer: String,
    /// Whether it counts.
    pub weighing: Weighing,
}

/// One look-up by staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffRow {
    /// When.
    pub date: String,
    /// Who, by role or number.
    pub staff: String,
    /// What was looked at.
    pub content: String,
    /// Why.
    pub reason: String,
}

/// One right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Right {
    /// In a few words.
    pub title: String,
    /// What it means and how it is used.
    pub text: String,
}

/// Where the file stands in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPart {
    /// Which entries concern the person, such as `118–9,402 (214 entries)`.
    pub entries: String,
    /// Origin of the checkpoint.
    pub origin: String,
    /// Size of the tree.
    pub size: u64,
    /// Root hash, base64.
    pub root: String,
    /// The key that signs checkpoints, as a vkey.
    pub vkey: String,
    /// How to check, one paragraph each.
    pub how: Vec<String>,
}
