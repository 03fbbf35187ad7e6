//! A person's whole file, gathered for the person: raw facts in, the view of a report out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Engine;
use super::authority::pack_of;
use super::command::refold::Logged;
use super::demands::Demands;
use crate::collect::observation::{
    Account, AccountMonth, AccountStatus, Fact, Promise, PublicRecord,
};
use crate::consent::rows::ConsentRow as ConsentRecord;
use crate::inquiry::rows::InquiryRow as InquiryRecord;
use crate::kernel::bytes::{base64, hex};
use crate::kernel::{Amount, Month, Time};
use crate::ledger::checkpoint::Checkpoint;
use crate::partner::Registry;
use crate::policy::Pack;
use crate::policy::remedies::RightText;
use crate::report::consumer::view::{
    BandMark, Channel, ConsentRow, ConsumerView, DimensionPoints, HISTORY_MONTHS, InquiryRow,
    LogPart, ObligationRow, Person, PublicRecordRow, ReasonLine, Right, Scale, Score, ScorePart,
    Tradeline, Weighing, WorkingRow,
};
use crate::score::reasons::Language;
use crate::score::{
    Assessment, FoldContext, Outcome, Scorecard, Value as Read, characteristic, explain, live,
};
use crate::subject::Identity;

/// An inquiry with its answer opened.
pub struct Opened {
    /// The row.
    pub row: InquiryRecord,
    /// Whether it counts.
    pub hard: bool,
    /// The answer as it was given.
    pub answer: Value,
}

/// Everything on file about a person, in clear.
pub struct Dossier {
    /// The person's internal id; shown to staff only.
    pub person: String,
    /// The report's number.
    pub number: String,
    /// Index of the entry that records this look.
    pub index: u64,
    /// When.
    pub now: Time,
    /// Residence.
    pub residence: String,
    /// The vault.
    pub identity: Identity,
    /// The bureau's own identity level.
    pub level: u8,
    /// The score, explained.
    pub assessment: Assessment,
    /// Whether a score may be given here.
    pub scored: bool,
    /// Every observation, in order of the log.
    pub logged: Vec<Logged>,
    /// Every consent.
    pub consents: Vec<ConsentRecord>,
    /// Every inquiry.
    pub inquiries: Vec<Opened>,
    /// Which of the year's reports this is, where the law counts them.
    pub quota: Option<String>,
    /// What the person demanded.
    pub demands: Demands,
    /// Index of the first entry about the person.
    pub first_index: Option<u64>,
    /// How many entries there are.
    pub entries: usize,
    /// The newest checkpoint.
    pub checkpoint: Option<String>,
    /// Partners, for their names.
    pub partners: Registry,
}

fn shown(amount: Option<&Amount>) -> String {
    amount.map_or_else(|| "-".to_string(), ToString::to_string)
}

fn words(text: &str) -> String {
    let spaced = text.replace('_', " ");
    let mut letters = spaced.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => spaced,
    }
}

fn masked(key: &str) -> String {
    let count = key.chars().count();
    let tail: String = key.chars().skip(count.saturating_sub(4)).collect();
    format!("····{tail}")
}

/// The history's character for a month (the view's own alphabet).
fn month_mark(month: &AccountMonth) -> char {
    match (month.status, month.dpd) {
        (AccountStatus::Collection | AccountStatus::ChargedOff, _) => 'C',
        (_, 0) => '0',
        (_, 1..=29) => '1',
        (_, 30..=59) => '2',
        (_, 60..=89) => '3',
        (_, 90..=119) => '4',
        _ => '5',
    }
}

#[derive(Default)]
struct Line<'a> {
    indexes: Vec<u64>,
    account: Option<&'a Account>,
    months: BTreeMap<Month, &'a AccountMonth>,
}

#[derive(Default)]
struct Promises {
    furnishers: BTreeSet<String>,
    due: BTreeSet<jiff::civil::Date>,
    kept: u32,
    late: u32,
    broken: u32,
}

impl Dossier {
    pub(super) fn date(&self, engine: &Engine, at: Time) -> String {
        let pack = pack_of(&self.residence).and_then(|id| engine.rules.pack(id));
        at.date_at(pack.map_or(0, |p| p.utc_offset_hours)).to_string()
    }

    fn name(&self, partner: &str) -> String {
        self.partners.partners.get(partner).map_or(partner, |p| p.name.as_str()).to_string()
    }

    /// Entries whose line in the report says what is demanded about them.
    pub(super) fn lined(&self) -> BTreeSet<u64> {
        let has_line = |fact: &Fact| {
            matches!(fact, Fact::Account(_) | Fact::AccountMonth(_) | Fact::PublicRecord(_))
        };
        let lined = self.logged.iter().filter(|one| has_line(&one.observation.fact));
        lined.map(|one| one.index).collect()
    }

    fn living(&self) -> Vec<&Logged> {
        let entries = self.logged.iter().map(|one| {
            let context = FoldContext {
                index: one.index,
                recorded: one.recorded,
                furnisher: &one.furnisher,
                utc_offset_hours: 0,
                rates: &[],
            };
            (context, &one.observation)
        });
        let kept: BTreeSet<u64> = live(entries).iter().map(|(context, _)| context.index).collect();
        self.logged.iter().filter(|one| kept.contains(&one.index)).collect()
    }

    /// The observations themselves, as data.
    pub fn observations(&self) -> Value {
        let kept: BTreeSet<u64> = self.living().iter().map(|one| one.index).collect();
        self.logged
            .iter()
            .map(|one| {
                json!({
                    "index": one.index, "recorded_at": one.recorded,
                    "furnisher": self.name(&one.furnisher), "live": kept.contains(&one.index),
                    "observation": one.observation,
                })
            })
            .collect()
    }

    /// The report's view.
    pub fn view(&self, engine: &Engine) -> ConsumerView {
        let pack = pack_of(&self.residence).unwrap_or("none");
        let synthetic =
            self.identity.synthetic || self.logged.iter().any(|one| one.observation.synthetic);
        ConsumerView {
            bureau: "Fivefold".to_string(),
            report_number: self.number.clone(),
            generated_at: self.now,
            jurisdiction: pack.to_string(),
            language: "en".to_string(),
            synthetic,
            quota: self.quota.clone(),
            person: self.person_part(),
            score: self.score_part(engine),
            tradelines: self.tradelines(),
            obligations: self.obligations(),
            public_records: self.public_records(),
            disputes: self.demands.dispute_rows(engine, self),
            statements: self.demands.statement_rows(self),
            consents: self.consent_rows(engine),
            inquiries: self.inquiry_rows(engine),
            staff_look_ups: Vec::new(),
            rights: rights(engine.rules.pack(pack)),
            log: self.log_part(engine),
            notices: vec![
                "This report was made for the person it is about. It is for reference; whoever \
                 decides answers for the decision."
                    .to_string(),
                "Who receives it from you may use it for the purpose you gave it for, and may \
                 not pass it on."
                    .to_string(),
            ],
        }
    }

    fn person_part(&self) -> Person {
        let document = self.identity.documents.first().map(String::as_str).unwrap_or("-");
        let (kind, number) = document.split_once(':').unwrap_or(("document", document));
        let channels = self.identity.verifications.iter().map(|v| Channel {
            name: words(&v.channel),
            source: v.source.clone(),
            date: v.verified.to_string(),
        });
        Person {
            display_name: self.identity.name.clone(),
            document: format!("{} {}", words(kind), masked(number)),
            birth_year: self.identity.birth_date.map(|d| d.year()),
            identity_level: self.level,
            channels: channels.collect(),
        }
    }

    fn score_part(&self, engine: &Engine) -> ScorePart {
        let card = engine.scorecard_of(&self.residence);
        let bands = card.bands.iter().map(|b| BandMark { name: words(&b.name), from: b.from });
        let scale = Scale { min: card.scale.min, max: card.scale.max, bands: bands.collect() };
        let text = |code: &str| {
            engine
                .texts
                .text(code, Language::English)
                .unwrap_or("No text for this code.")
                .to_string()
        };
        if !self.scored {
            let code = "scorecard_not_in_force".to_string();
            let text = "No approved scorecard is in force here, so nobody is scored.".to_string();
            return ScorePart::NotAssessable { code, text, scale };
        }
        let (score, band) = match &self.assessment.outcome {
            Outcome::Scored { score, band, .. } => (*score, band.clone()),
            Outcome::NotAssessable(why) => {
                let (code, text) = (why.code().to_string(), text(why.reason_code()));
                return ScorePart::NotAssessable { code, text, scale };
            }
        };
        let dimensions = self.assessment.dimensions.iter().map(|d| DimensionPoints {
            name: words(d.dimension.name()),
            points: d.points,
            of: d.of,
        });
        let reasons = self.assessment.reasons.iter().map(|r| ReasonLine {
            code: r.code.clone(),
            text: text(&r.code),
            points_lost: r.lost,
        });
        let mut remarks = Vec::new();
        if self.assessment.flags.thin_file {
            remarks.push("The file is short; a short file is judged with more caution.".into());
        }
        if let Some(way) = explain::recourse(card, &self.assessment) {
            let steps = way.moves.iter().map(|step| {
                let name = step.name.replace('_', " ");
                format!("{name} from {} to {} (+{} points)", step.value, step.to, step.gained)
            });
            let steps = steps.collect::<Vec<_>>().join("; ");
            remarks.push(format!("The shortest way to {} ({}): {steps}.", way.band, way.score));
        }
        ScorePart::Assessed(Score {
            value: score,
            band: words(&band),
            scale,
            model: card.id.clone(),
            model_version: card.version.clone(),
            model_digest: hex(&card.digest),
            as_of: self.date(engine, self.now),
            dimensions: dimensions.collect(),
            reasons: reasons.collect(),
            remarks,
            base_points: card.scale.base_points,
            working: self.working(card),
        })
    }

    /// Everything that was looked at, as a reader reads it.
    fn working(&self, card: &Scorecard) -> Vec<WorkingRow> {
        let line = |row: explain::Row| {
            let (value, same_for) = match row.value {
                Read::Known(value) => (format!("{value} {}", row.unit), row.interval),
                _ => (row.interval, String::new()),
            };
            let what = characteristic::find(&row.name).map_or(row.name.as_str(), |c| c.what);
            WorkingRow {
                what: what.to_string(),
                name: row.name,
                value: value.trim_end().to_string(),
                same_for,
                points: row.points,
                average: row.baseline,
            }
        };
        explain::rows(card, &self.assessment).into_iter().map(line).collect()
    }

    /// What was applied to this person: each characteristic with its value, the interval of values
    /// that gives the same points, and the points; and the fewest changes that reach the next band
    /// (C-203/22, PIPL 48).
    pub fn explanation(&self, engine: &Engine) -> Value {
        if !self.scored {
            return Value::Null;
        }
        let card = engine.scorecard_of(&self.residence);
        let rows: Vec<Value> = explain::rows(card, &self.assessment)
            .into_iter()
            .map(|row| {
                let dimension = row.dimension.map(|dimension| dimension.name());
                json!({
                    "characteristic": row.name, "dimension": dimension,
                    "unit": row.unit, "value": row.value, "interval": row.interval,
                    "points": row.points, "baseline": row.baseline, "points_lost": row.lost,
                    "reason": row.reason,
                    "en": engine.texts.text(&row.reason, Language::English),
                    "zh": engine.texts.text(&row.reason, Language::Chinese),
                })
            })
            .collect();
        let way = explain::recourse(card, &self.assessment).map(|way| {
            let moves: Vec<Value> = way
                .moves
                .iter()
                .map(|step| {
                    json!({
                        "characteristic": step.name, "value": step.value, "from": step.from,
                        "to": step.to, "reach": step.reach, "gained": step.gained,
                    })
                })
                .collect();
            json!({ "band": way.band, "score": way.score, "changes": moves })
        });
        json!({
            "base_points": card.scale.base_points, "characteristics": rows, "next_band": way,
            "review": "POST /v1/reviews asks a person of the bureau to look again",
        })
    }

    fn tradelines(&self) -> Vec<Tradeline> {
        let mut lines: BTreeMap<(&str, &str), Line<'_>> = BTreeMap::new();
        for one in self.living() {
            match &one.observation.fact {
                Fact::Account(f) => {
                    let line = lines.entry((&one.furnisher, &f.account_key)).or_default();
                    line.indexes.push(one.index);
                    line.account = Some(f);
                }
                Fact::AccountMonth(f) => {
                    let line = lines.entry((&one.furnisher, &f.account_key)).or_default();
                    line.indexes.push(one.index);
                    line.months.insert(f.month, f);
                }
                _ => {}
            }
        }
        lines.iter().map(|((who, key), line)| self.tradeline(who, key, line)).collect()
    }

    fn tradeline(&self, furnisher: &str, key: &str, line: &Line<'_>) -> Tradeline {
        let newest = line.months.values().next_back();
        let last = line.months.keys().next_back().copied();
        let (mut history, mut from, mut to) = (String::new(), String::new(), String::new());
        if let (Some(first), Some(last)) = (line.months.keys().next(), last) {
            let span = last.since(*first).min(HISTORY_MONTHS as i32 - 1);
            let start = last.plus(-span);
            for step in 0..=span {
                let month = line.months.get(&start.plus(step));
                history.push(month.map_or('-', |m| month_mark(m)));
            }
            (from, to) = (start.to_string(), last.to_string());
        }
        let worst = line.months.values().max_by_key(|m| m.dpd).filter(|m| m.dpd > 0);
        let account = line.account;
        let limit = account.and_then(|a| a.limit.as_ref().or(a.original_amount.as_ref()));
        let status = match account.and_then(|a| a.closed) {
            Some(date) => format!("Closed {date}"),
            None => newest.map_or_else(|| "-".to_string(), |m| words(m.status.name())),
        };
        Tradeline {
            furnisher: self.name(furnisher),
            kind: account.map_or_else(|| "-".to_string(), |a| words(a.portfolio.name())),
            account: masked(key),
            opened: account.map_or_else(|| "-".to_string(), |a| a.opened.to_string()),
            limit: shown(limit),
            balance: shown(newest.map(|m| &m.balance)),
            status,
            worst: worst.map_or_else(String::new, |m| format!("{} days, {}", m.dpd, m.month)),
            history,
            history_from: from,
            history_to: to,
            dispute: self.demands.dispute_of(&line.indexes),
            statement: self.demands.statement_of(&line.indexes),
        }
    }

    fn obligations(&self) -> Vec<ObligationRow> {
        let mut kinds: BTreeMap<&str, Promises> = BTreeMap::new();
        for one in self.living() {
            let Fact::Obligation(f) = &one.observation.fact else { continue };
            let promises = kinds.entry(f.kind.name()).or_default();
            promises.furnishers.insert(self.name(&one.furnisher));
            promises.due.insert(f.due);
            match f.outcome {
                Promise::Kept => promises.kept += 1,
                Promise::Late => promises.late += 1,
                Promise::Broken => promises.broken += 1,
                Promise::Open => {}
            }
        }
        let row = |(kind, promises): (&str, Promises)| {
            let ends = promises.due.first().zip(promises.due.last());
            ObligationRow {
                kind: words(kind),
                furnishers: promises.furnishers.into_iter().collect::<Vec<_>>().join(", "),
                kept: promises.kept,
                late: promises.late,
                broken: promises.broken,
                period: ends.map_or_else(String::new, |(a, b)| format!("{a} to {b}")),
                statement: None,
            }
        };
        kinds.into_iter().map(row).collect()
    }

    fn public_records(&self) -> Vec<PublicRecordRow> {
        let row = |furnisher: &str, index: u64, f: &PublicRecord| PublicRecordRow {
            kind: words(f.kind.name()),
            authority: format!("{} {}", self.name(furnisher), f.record_key),
            date: f.filed.to_string(),
            amount: shown(f.amount.as_ref()),
            status: f.ended.map_or_else(|| "Open".to_string(), |d| format!("Ended {d}")),
            dispute: self.demands.dispute_of(&[index]),
            statement: self.demands.statement_of(&[index]),
        };
        let living = self.living();
        let records = living.iter().filter_map(|one| match &one.observation.fact {
            Fact::PublicRecord(f) => Some(row(&one.furnisher, one.index, f)),
            _ => None,
        });
        records.collect()
    }

    fn consent_rows(&self, engine: &Engine) -> Vec<ConsentRow> {
        let rows = self.consents.iter().map(|c| ConsentRow {
            id: c.id.clone(),
            recipient: self.name(&c.recipient),
            purpose: words(&c.purpose),
            scenario: c.scenario.as_deref().map_or_else(|| "-".to_string(), words),
            given: self.date(engine, Time::from_micros(c.valid_from_us)),
            expires: self.date(engine, Time::from_micros(c.expires_us)),
            state: c.standing().map_or("unreadable", |s| s.state(self.now)).to_string(),
        });
        rows.collect()
    }

    fn inquiry_rows(&self, engine: &Engine) -> Vec<InquiryRow> {
        let newest_first = self.inquiries.iter().rev();
        let rows = newest_first.map(|one| {
            let member = |name: &str| {
                let value = &one.answer[name];
                value.as_str().map(str::to_string).or_else(|| value.as_i64().map(|n| n.to_string()))
            };
            let form = member("form").unwrap_or_default();
            let answer = ["score", "band", "outcome", "level", "code"]
                .iter()
                .find_map(|name| member(name))
                .unwrap_or_else(|| "can't say".to_string());
            InquiryRow {
                date: self.date(engine, Time::from_micros(one.row.at_us)),
                id: one.row.id.clone(),
                asker: self.name(&one.row.asker),
                scenario: words(&one.row.scenario),
                form: words(&form),
                answer,
                weighing: if one.hard { Weighing::Hard } else { Weighing::Soft },
            }
        });
        rows.collect()
    }

    fn log_part(&self, engine: &Engine) -> LogPart {
        let checkpoint =
            self.checkpoint.as_deref().and_then(|n| Checkpoint::read_unverified(n).ok());
        let (size, root) = checkpoint.map_or((0, String::new()), |c| (c.size, base64(&c.root)));
        let entries = match self.first_index {
            Some(first) => format!("{first} to {} ({} entries)", self.index, self.entries),
            None => "none".to_string(),
        };
        LogPart {
            entries,
            origin: engine.origin.clone(),
            size,
            root,
            vkey: engine.keys.log().vkey(),
            how: vec![
                "Everything printed here is attached to this file as report.json.".to_string(),
                "Each entry can be shown to stand in the bureau's public log: ask for its proof \
                 at /v1/log/proofs/INDEX and check it with any C2SP tlog verifier and the key \
                 above."
                    .to_string(),
            ],
        }
    }
}

/// The rights of a pack, each with its provision where that was verified: nothing else is cited to
/// a person.
fn rights(pack: Option<&Pack>) -> Vec<Right> {
    let rights = pack.and_then(Pack::remedies).map(|remedies| remedies.rights.as_slice());
    let right = |right: &RightText| {
        let law = &right.law;
        let source = match law.mark.is_citable() {
            true => format!(" ({})", law.source),
            false => String::new(),
        };
        Right { title: right.title.en.clone(), text: format!("{}{source}", right.text.en) }
    };
    rights.unwrap_or_default().iter().map(right).collect()
}
