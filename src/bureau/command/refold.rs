//! Folding a person's profile anew from the live entries: after a correction, a withdrawal, a
//! merge or a split, and for replaying a past score (data-model.md, "The profile must be able to
//! forget").

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::Fault;
use crate::bureau::Engine;
use crate::bureau::authority::pack_of;
use crate::bureau::work::Work;
use crate::collect::{Observation, Operation};
use crate::consent::rows as consent_rows;
use crate::kernel::seal::SealKey;
use crate::kernel::{Currency, Time};
use crate::ledger::body::{PersonalPart, open_part, person_key_name};
use crate::ledger::rows::{self as ledger_rows, BodyRow};
use crate::partner::Partner;
use crate::policy::Retention;
use crate::rights::rows::{self as rights_rows, ContestedRow};
use crate::score::{FoldContext, Profile, forget, live, versions};
use crate::store::{AnyConn, KeyStore, StoreError};
use crate::subject::rows::{self as subject_rows, By, ResolutionRow};

/// Observations of one person at most: refolding must stay bounded.
pub const OBSERVATIONS_MAX: u64 = 20_000;

/// One observation as the log has it.
pub struct Logged {
    /// Index of its entry.
    pub index: u64,
    /// When it was recorded.
    pub recorded: Time,
    /// The partner that sent it.
    pub furnisher: String,
    /// What was said.
    pub observation: Observation,
    /// Whether its furnisher signed it: only then is it folded.
    pub scored: bool,
}

impl Logged {
    /// The observation with what stands beside it in its entry; the offset from UTC, in hours, is
    /// the pack's.
    pub fn in_context(&self, utc_offset_hours: i8) -> (FoldContext<'_>, &Observation) {
        let context = FoldContext {
            index: self.index,
            recorded: self.recorded,
            furnisher: &self.furnisher,
            utc_offset_hours,
            rates: &[],
        };
        (context, &self.observation)
    }
}

#[derive(serde::Deserialize)]
struct Personal {
    furnisher: String,
    observation: Observation,
    #[serde(default = "signed")]
    scored: bool,
}

fn signed() -> bool {
    true
}

/// Opens an observation's body.
///
/// # Errors
/// It does not open, or does not read.
pub fn open(row: &BodyRow, key: &SealKey) -> Result<Logged, StoreError> {
    let index = row.idx as u64;
    let part: PersonalPart = open_part(key, "personal", index, &row.personal)
        .map_err(|e| StoreError::inconsistent(e.to_string()))?;
    let personal: Personal = serde_json::from_str(&part.text)
        .map_err(|e| StoreError::inconsistent(format!("observation {index}: {e}")))?;
    Ok(Logged {
        index,
        recorded: Time::from_micros(row.at_us),
        furnisher: personal.furnisher,
        observation: personal.observation,
        scored: personal.scored,
    })
}

/// Which persons were ever held to be one with `person`, by resolutions before index `before`.
pub fn relatives(resolutions: &[ResolutionRow], person: &str, before: u64) -> BTreeSet<String> {
    let mut group = BTreeSet::from([person.to_string()]);
    loop {
        let size = group.len();
        for row in resolutions.iter().filter(|r| (r.idx as u64) < before && r.kind != "no_merge") {
            if group.contains(&row.person) || group.contains(&row.other) {
                group.insert(row.person.clone());
                group.insert(row.other.clone());
            }
        }
        if group.len() == size {
            return group;
        }
    }
}

/// Who stands for whom after the resolutions before index `before`.
pub fn merged_at(resolutions: &[ResolutionRow], before: u64) -> BTreeMap<String, String> {
    let mut into = BTreeMap::new();
    for row in resolutions.iter().filter(|r| (r.idx as u64) < before) {
        match row.kind.as_str() {
            "subject_merge" => {
                into.insert(row.other.clone(), row.person.clone());
            }
            "subject_split" => {
                into.remove(&row.other);
            }
            _ => {}
        }
    }
    into
}

/// The end of a chain of merges.
pub fn stands_for<'a>(into: &'a BTreeMap<String, String>, person: &'a str) -> &'a str {
    let mut at = person;
    for _ in 0..=into.len() {
        match into.get(at) {
            Some(next) => at = next,
            None => break,
        }
    }
    at
}

/// What is folded when a profile is folded anew.
pub struct Question<'a> {
    /// The person, as they stand at `before`.
    pub person: &'a str,
    /// The currency of sums.
    pub base: Currency,
    /// The pack's offset from UTC, hours.
    pub utc_offset_hours: i8,
    /// Only entries before this index are known; a consent revoked by one of them takes what was
    /// sent under it out.
    pub before: u64,
    /// The clocks that say what no longer counts; `None` without a pack.
    pub retention: Option<&'a Retention>,
    /// On which day: what is over then is left out.
    pub day: Date,
}

/// Everybody who was ever held to be one with a person, and which of their partners' ids are the
/// person's as things stand. After a split, what was recorded while two were one goes back to
/// whom it was sent about.
pub struct Circle {
    /// The persons, by id.
    pub persons: BTreeSet<String>,
    person: String,
    origin: BTreeMap<String, String>,
    into: BTreeMap<String, String>,
}

impl Circle {
    /// The circle of `person` by the resolutions before index `before`.
    ///
    /// # Errors
    /// The database's.
    pub fn of(conn: &mut AnyConn, person: &str, before: u64) -> Result<Circle, StoreError> {
        let resolutions = subject_rows::resolutions(conn)?;
        let persons = relatives(&resolutions, person, before);
        let into = merged_at(&resolutions, before);
        let ids: Vec<&str> = persons.iter().map(String::as_str).collect();
        let pairwise = subject_rows::pairwise(conn, By::Person, &ids)?;
        let origin = pairwise.into_iter().map(|row| (row.id, row.person)).collect();
        Ok(Circle { persons, person: person.to_string(), origin, into })
    }

    /// The persons' ids, for a query.
    pub fn ids(&self) -> Vec<&str> {
        self.persons.iter().map(String::as_str).collect()
    }

    /// The persons who are the same one as things stand.
    pub fn members(&self) -> Vec<&str> {
        let same = |id: &&String| stands_for(&self.into, id) == self.person;
        self.persons.iter().filter(same).map(String::as_str).collect()
    }

    /// Whether what was recorded under `owner` about `subject` is the person's.
    pub fn holds(&self, subject: &str, owner: &str) -> bool {
        let holder = self.origin.get(subject).map_or(owner, String::as_str);
        stands_for(&self.into, holder) == self.person
    }
}

/// The person's observations, in order of the log.
///
/// # Errors
/// The database's, a body that does not open, or a destroyed key (`inconsistent`).
pub fn gather(
    conn: &mut AnyConn,
    keys: &mut dyn FnMut(&str) -> Result<SealKey, StoreError>,
    circle: &Circle,
    before: u64,
    fresh: &dyn Fn(&[&str]) -> Vec<BodyRow>,
) -> Result<Vec<Logged>, StoreError> {
    let mut rows = ledger_rows::bodies_about(conn, &circle.ids(), "observation", before)?;
    rows.extend(fresh(&circle.ids()));
    let mut logged = Vec::new();
    // What was forgotten has no content left.
    for row in rows.iter().filter(|row| !row.personal.is_empty()) {
        let Some(owner) = &row.person else { continue };
        let one = open(row, &keys(owner)?)?;
        if circle.holds(&one.observation.subject, owner) {
            logged.push(one);
        }
    }
    Ok(logged)
}

/// What a batch has changed, and not written yet, of what decides which entries count.
#[derive(Debug, Default)]
pub struct Overrides {
    /// Consent → the index of the entry that revoked it.
    pub consents: BTreeMap<String, Option<i64>>,
    /// Contested items by id.
    pub contested: BTreeMap<String, ContestedRow>,
    /// Entries that the batch purges.
    pub purged: BTreeSet<u64>,
}

/// Entries that are contested and stay out meanwhile.
fn withheld(
    conn: &mut AnyConn,
    circle: &Circle,
    before: u64,
    overrides: &Overrides,
) -> Result<BTreeSet<u64>, StoreError> {
    let mut rows: BTreeMap<String, ContestedRow> = BTreeMap::new();
    for row in rights_rows::contested_of(conn, &circle.ids())? {
        rows.insert(row.id.clone(), row);
    }
    rows.extend(overrides.contested.iter().map(|(id, row)| (id.clone(), row.clone())));
    let out = rows.values().filter(|row| row.withholds_before(before));
    Ok(out.map(|row| row.observation.unsigned_abs()).collect())
}

/// What folding gives.
pub struct Folding {
    /// The profile.
    pub profile: Profile,
    /// Observations read.
    pub observations: u64,
    /// The first day on which the profile changes without a new entry.
    pub until_day: i64,
    /// The first day on which something must be purged: it may lie in the past, and stays there
    /// until the purge.
    pub purge_day: i64,
}

/// The day on which the first of these entries must go, used in a score or not, standing or not.
fn purge_day(logged: &[Logged], question: &Question<'_>) -> i64 {
    let Some(retention) = question.retention else { return NEVER };
    let entries: Vec<_> =
        logged.iter().map(|one| one.in_context(question.utc_offset_hours)).collect();
    let due = versions::purges(&entries, retention).into_iter().map(|end| end.from).min();
    due.map_or(NEVER, day_number)
}

/// The observations of a person that count at a moment.
pub struct Counted {
    /// In order of the log.
    pub logged: Vec<Logged>,
    /// How many were read.
    pub read: u64,
    /// Entries that are contested and stay out meanwhile.
    pub withheld: BTreeSet<u64>,
    /// The first day on which something of the file must be purged.
    pub purge_day: i64,
}

/// What the log holds about the person, without what is purged or was sent under a consent that
/// was taken back.
///
/// # Errors
/// As [`gather`].
pub fn counted(
    conn: &mut AnyConn,
    keys: &mut dyn FnMut(&str) -> Result<SealKey, StoreError>,
    question: &Question<'_>,
    fresh: &dyn Fn(&[&str]) -> Vec<BodyRow>,
    overrides: &Overrides,
) -> Result<Counted, StoreError> {
    let circle = Circle::of(conn, question.person, question.before)?;
    let mut logged = gather(conn, keys, &circle, question.before, fresh)?;
    logged.retain(|one| !overrides.purged.contains(&one.index));
    let purge_day = purge_day(&logged, question);
    let mut revoked = BTreeMap::new();
    for row in consent_rows::by_person(conn, &circle.ids())? {
        revoked.insert(row.id, row.revoked_idx);
    }
    revoked.extend(overrides.consents.iter().map(|(id, at)| (id.clone(), *at)));
    let withheld = withheld(conn, &circle, question.before, overrides)?;
    let mut read = 0;
    logged.retain_mut(|one| {
        let ended = revoked.get(&one.observation.basis.reference).copied().flatten();
        if ended.is_none_or(|idx| (idx as u64) >= question.before) {
            read += 1;
            return one.scored;
        }
        // What was said under a consent taken back is no longer used; what it took back stays
        // taken back.
        let said = one.observation.op == Operation::Report;
        one.observation.op = Operation::Delete;
        one.scored && !said
    });
    Ok(Counted { logged, read, withheld, purge_day })
}

/// Folds what the log holds about the person: the one way from entries to a profile.
///
/// # Errors
/// As [`gather`].
pub fn fold(
    conn: &mut AnyConn,
    keys: &mut dyn FnMut(&str) -> Result<SealKey, StoreError>,
    question: &Question<'_>,
    fresh: &dyn Fn(&[&str]) -> Vec<BodyRow>,
    overrides: &Overrides,
) -> Result<Folding, StoreError> {
    let counted = counted(conn, keys, question, fresh, overrides)?;
    let (profile, until_day) = fold_counted(&counted, question);
    Ok(Folding { profile, observations: counted.read, until_day, purge_day: counted.purge_day })
}

/// The profile of what counts, and the day on which something's time is over next.
pub fn fold_counted(counted: &Counted, question: &Question<'_>) -> (Profile, i64) {
    let standing = live(counted.logged.iter().map(|one| one.in_context(question.utc_offset_hours)));
    let (over, next) = match question.retention {
        Some(retention) => forget::over(&standing, retention, question.day),
        None => (BTreeSet::new(), None),
    };
    let mut profile = Profile::new(question.base);
    for (context, observation) in standing {
        if !(over.contains(&context.index) || counted.withheld.contains(&context.index)) {
            profile.fold(observation, &context);
        }
    }
    (profile, next.map_or(NEVER, day_number))
}

/// Stands for a day that never comes.
pub const NEVER: i64 = 99_991_231;

/// A day as YYYYMMDD: rises with the calendar, and reads in a database.
pub fn day_number(day: Date) -> i64 {
    i64::from(day.year()) * 10_000 + i64::from(day.month()) * 100 + i64::from(day.day())
}

/// The day before a day number; the day itself when it is none.
pub fn day_before(number: i64) -> Date {
    let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
    let read = Date::new(
        i16::try_from(year).unwrap_or(9_999),
        i8::try_from(month).unwrap_or(12),
        i8::try_from(day).unwrap_or(31),
    );
    read.and_then(|date| date.yesterday()).unwrap_or(Date::MAX)
}

/// The clocks of the pack of a residence.
pub fn retention<'e>(engine: &'e Engine, residence: &str) -> Option<&'e Retention> {
    pack_of(residence).and_then(|id| engine.rules.pack(id)).map(|pack| &pack.retention)
}

/// Refolds a profile in which something's time has come since it was folded.
///
/// # Errors
/// As [`refold`].
pub fn freshen(work: &mut Work<'_>, person: &str) -> Result<(), Fault> {
    let (_, offset) = terms(work.engine, &super::consent::residence(work, person));
    let today = day_number(work.now.date_at(offset));
    if work.folded(person)?.until_day <= today {
        refold(work, person)?;
    }
    Ok(())
}

/// Refolds the profile of `person` as this batch leaves it.
///
/// # Errors
/// The database's, or a body that does not open.
pub fn refold(work: &mut Work<'_>, person: &str) -> Result<(), Fault> {
    let (base, offset) = terms(work.engine, &super::consent::residence(work, person));
    let overrides = overrides(work);
    let residence = super::consent::residence(work, person);
    let question = Question {
        person,
        base,
        utc_offset_hours: offset,
        before: work.size(),
        retention: retention(work.engine, &residence),
        day: work.now.date_at(offset),
    };
    let folding = work.with_bodies(|conn, loaded, fresh, keystore| {
        let mut key = |owner: &str| key_of(loaded, keystore, owner);
        fold(conn, &mut key, &question, fresh, &overrides)
    })?;
    work.put_folded(person, folding);
    Ok(())
}

/// What counts of a person as this batch leaves it.
///
/// # Errors
/// As [`gather`].
pub fn counted_of(work: &mut Work<'_>, person: &str) -> Result<Counted, Fault> {
    let residence = super::consent::residence(work, person);
    let (base, offset) = terms(work.engine, &residence);
    let question = Question {
        person,
        base,
        utc_offset_hours: offset,
        before: work.size(),
        retention: retention(work.engine, &residence),
        day: work.now.date_at(offset),
    };
    let overrides = overrides(work);
    Ok(work.with_bodies(|conn, loaded, fresh, keystore| {
        let mut key = |owner: &str| key_of(loaded, keystore, owner);
        counted(conn, &mut key, &question, fresh, &overrides)
    })?)
}

/// Entries among what counts whose time is over today, or that a policy hides: no score reads them.
pub fn over_today(work: &Work<'_>, person: &str, counted: &Counted) -> BTreeSet<u64> {
    let residence = super::consent::residence(work, person);
    let (_, offset) = terms(work.engine, &residence);
    let Some(clocks) = retention(work.engine, &residence) else { return BTreeSet::new() };
    let standing = live(counted.logged.iter().map(|one| one.in_context(offset)));
    forget::over(&standing, clocks, work.now.date_at(offset)).0
}

/// What the batch has changed of which entries count.
fn overrides(work: &Work<'_>) -> Overrides {
    let consents = work.loaded.consents.values().map(|c| (c.id.clone(), c.revoked_idx));
    Overrides {
        consents: consents.collect(),
        contested: work.loaded.contested.clone(),
        purged: work.purged(),
    }
}

/// A person's key: read already, or from the key store.
///
/// # Errors
/// There is none.
pub fn key_of(
    loaded: &BTreeMap<String, SealKey>,
    keystore: &KeyStore,
    person: &str,
) -> Result<SealKey, StoreError> {
    let name = person_key_name(person);
    if let Some(key) = loaded.get(&name) {
        return Ok(key.clone());
    }
    let found = keystore.get([name.as_str()])?.remove(&name);
    found.ok_or_else(|| StoreError::inconsistent(format!("the key {name} is gone")))
}

/// The offset from UTC, in hours, of the pack under which a partner sits: its contract's time.
pub fn offset_of(engine: &Engine, partner: &Partner) -> i8 {
    let seat = match partner.country.as_str() {
        "" => engine.home.as_str(),
        country => country,
    };
    let seat = if pack_of(seat).is_some() { seat } else { engine.home.as_str() };
    terms(engine, seat).1
}

/// Currency and offset of the pack of a residence; the first pack's when there is none.
pub fn terms(engine: &Engine, residence: &str) -> (Currency, i8) {
    let pack = pack_of(residence).and_then(|id| engine.rules.pack(id));
    pack.map_or((Currency::CNY, 8), |pack| (pack.currency, pack.utc_offset_hours))
}
