//! The tables that many entries together make, against what the entries say; and every profile,
//! folded anew.

use std::collections::BTreeMap;

use serde_json::json;

use super::expected::{Expected, Person};
use super::{AuditReport, Progress};
use crate::bureau::Bureau;
use crate::bureau::command::models::standings;
use crate::bureau::command::observe;
use crate::bureau::command::refold::{self, Question, merged_at};
use crate::bureau::folded::open_profile;
use crate::bureau::work::open_identity;
use crate::collect::rows::{self as fact_rows, FactRow};
use crate::consent::rows::{self as consent_rows, ConsentRow};
use crate::inquiry::rows as inquiry_rows;
use crate::kernel::Time;
use crate::kernel::bytes::hex;
use crate::kernel::seal::SealKey;
use crate::ledger::body::person_key_name;
use crate::ledger::rows::{self as ledger_rows, Head};
use crate::model::rows as model_rows;
use crate::partner::rows::{self as partner_rows, AlertRow};
use crate::policy::Rules;
use crate::score::Scorecard;
use crate::score::rows::{self as score_rows, ProfileRow, UNKNOWN_DAY};
use crate::store::{AnyConn, KeyStore, StoreError};
use crate::subject::rows::{self as subject_rows, By, PersonRow};

const MISSING: &str = "the row is missing";
const UNKNOWN: &str = "no entry says so";
const DIFFERS: &str = "it is not what the entries say";

/// Compares everything.
pub(super) fn compare(
    bureau: &Bureau,
    conn: &mut AnyConn,
    head: &Head,
    expected: &Expected,
    report: &mut AuditReport,
    progress: Progress<'_>,
) -> Result<(), StoreError> {
    let mut tables = Tables { bureau, head, expected, report };
    tables.governance(conn)?;
    tables.merchants(conn)?;
    tables.persons(conn)?;
    tables.forgotten();
    tables.belongings(conn)?;
    tables.consents(conn)?;
    tables.facts(conn)?;
    expected.rights.compare(bureau, conn, tables.report)?;
    expected.watch.compare(conn, tables.report)?;
    expected.supply.compare(&bureau.engine, &expected.pairwise, conn, tables.report)?;
    tables.profiles(conn, progress)
}

struct Tables<'a> {
    bureau: &'a Bureau,
    head: &'a Head,
    expected: &'a Expected,
    report: &'a mut AuditReport,
}

/// Compares two maps by key: rows missing, rows too many, rows that differ.
fn match_rows<'m, W: 'm, R: 'm>(
    report: &mut AuditReport,
    what: &'static str,
    wanted: &'m BTreeMap<String, W>,
    rows: &'m BTreeMap<String, R>,
    same: impl Fn(&W, &R) -> bool,
) {
    for (key, wanted) in wanted {
        match rows.get(key) {
            None => report.add(what, key, MISSING),
            Some(row) => report.hold(same(wanted, row), what, key, DIFFERS),
        }
    }
    for key in rows.keys().filter(|key| !wanted.contains_key(*key)) {
        report.add(what, key, UNKNOWN);
    }
}

/// Every row of a table, a page at a time.
fn all<R>(
    conn: &mut AnyConn,
    page: impl Fn(&mut AnyConn, &str) -> Result<Vec<R>, StoreError>,
    key: impl Fn(&R) -> String,
) -> Result<BTreeMap<String, R>, StoreError> {
    let mut rows = BTreeMap::new();
    let mut after = String::new();
    loop {
        let next = page(conn, &after)?;
        let Some(last) = next.last() else { return Ok(rows) };
        after = key(last);
        rows.extend(next.into_iter().map(|row| (key(&row), row)));
    }
}

fn key_of(keystore: &KeyStore, person: &str) -> Result<Option<SealKey>, StoreError> {
    let name = person_key_name(person);
    Ok(keystore.get([name.as_str()])?.remove(&name))
}

impl Tables<'_> {
    fn governance(&mut self, conn: &mut AnyConn) -> Result<(), StoreError> {
        let registry = partner_rows::load(conn)?;
        let expected = self.expected;
        let report = &mut *self.report;
        match_rows(report, "partners", &expected.partners, &registry.partners, |a, b| a == b);
        match_rows(report, "partner_keys", &expected.partner_keys, &registry.keys, |key, row| {
            key.0 == row.partner && key.1 == row.retired.map(Time::micros)
        });
        for (thumbprint, row) in &registry.keys {
            let why = "the key has another thumbprint";
            report.hold(row.key.keyid() == thumbprint, "partner_keys", thumbprint, why);
        }
        let rows = partner_rows::webhooks(conn)?.into_iter();
        let hooks = rows.map(|row| (row.partner, (row.url, row.idx))).collect();
        match_rows(report, "webhooks", &expected.webhooks, &hooks, |a, b| a == b);
        match_rows(report, "staff", &expected.staff, &registry.staff, |(roles, key, left), row| {
            *roles == json!(row.roles)
                && *key == json!(row.key.as_ref().map(|key| key.to_jwk()))
                && *left == row.left.map(Time::micros)
        });
        let told = |(idx, (kind, partner, at_us)): (&i64, &(String, String, i64))| AlertRow {
            idx: *idx,
            kind: kind.clone(),
            partner: partner.clone(),
            at_us: *at_us,
        };
        let mut alerts: Vec<AlertRow> = expected.alerts.iter().map(told).collect();
        alerts.reverse();
        let holds = alerts == partner_rows::alerts(conn, i64::MAX)?;
        report.hold(holds, "alerts", "all", DIFFERS);
        let kept = ledger_rows::artefacts(conn)?;
        for row in &kept {
            let holds = expected.artefacts.get(&row.digest).is_some_and(|artefact| {
                artefact.idx == row.idx as u64
                    && artefact.kind == row.kind
                    && artefact.name == row.name
                    && artefact.since_us == row.since_us
            });
            report.hold(holds, "artefacts", &row.digest, DIFFERS);
            let digest = match row.kind.as_str() {
                "scorecard" => Scorecard::read(row.content.as_bytes()).ok().map(|s| s.digest),
                _ => Rules::archive_digest(&row.content),
            };
            let why = "its text has another digest";
            report.hold(digest.is_some_and(|d| hex(&d) == row.digest), "artefacts", &row.name, why);
        }
        for digest in expected.artefacts.keys() {
            let there = kept.iter().any(|row| row.digest == *digest);
            report.hold(there, "artefacts", digest, MISSING);
        }
        let rows = model_rows::all(conn)?;
        let stand = standings(&rows)?;
        match_rows(report, "models", &expected.models, &stand, |a, b| a == b);
        for row in &rows {
            let role = stand.get(&row.digest).map(|standing| standing.role.name());
            report.hold(role == Some(row.role.as_str()), "models", &row.digest, DIFFERS);
        }
        let resolutions = subject_rows::resolutions(conn)?;
        let by_index = |rows: &[subject_rows::ResolutionRow]| -> BTreeMap<String, _> {
            let text = |row: &subject_rows::ResolutionRow| {
                (row.kind.clone(), row.person.clone(), row.other.clone())
            };
            rows.iter().map(|row| (row.idx.to_string(), text(row))).collect()
        };
        let (wanted, rows) = (by_index(&expected.resolutions), by_index(&resolutions));
        match_rows(report, "resolutions", &wanted, &rows, |a, b| a == b);
        Ok(())
    }

    fn merchants(&mut self, conn: &mut AnyConn) -> Result<(), StoreError> {
        let (expected, report) = (self.expected, &mut *self.report);
        let rows = partner_rows::applications(conn)?.into_iter();
        let rows = rows.map(|row| (row.id.clone(), row)).collect();
        match_rows(report, "applications", &expected.applications, &rows, |a, b| a == b);
        let rows = partner_rows::conduct_of(conn, None, Time::from_micros(i64::MIN))?.into_iter();
        let rows = rows.map(|row| (row.idx.to_string(), row)).collect();
        match_rows(report, "conduct", &expected.conduct, &rows, |a, b| a == b);
        Ok(())
    }

    fn persons(&mut self, conn: &mut AnyConn) -> Result<(), StoreError> {
        let merged = merged_at(&self.expected.resolutions, self.head.size);
        let mut after = String::new();
        let mut seen = 0;
        loop {
            let rows = subject_rows::persons_page(conn, &after)?;
            let Some(last) = rows.last() else { break };
            after = last.id.clone();
            let names: Vec<String> = rows.iter().map(|row| person_key_name(&row.id)).collect();
            let keys = self.bureau.keystore.get(names.iter().map(String::as_str))?;
            for row in &rows {
                let held = self.expected.held.get(&row.id).copied();
                let why = "whether a legal hold stands is not what the entries say";
                let erased = row.erased_idx.is_some();
                self.report.hold(erased || row.held_idx == held, "persons", &row.id, why);
                if erased {
                    self.erased(row, keys.contains_key(&person_key_name(&row.id)));
                    continue;
                }
                let Some(person) = self.expected.persons.get(&row.id) else {
                    self.report.add("persons", &row.id, UNKNOWN);
                    continue;
                };
                seen += 1;
                let into = merged.get(&row.id);
                self.person(row, person, into, keys.get(&person_key_name(&row.id)));
            }
        }
        if seen < self.expected.persons.len() {
            let rows = all(conn, subject_rows::persons_page, |row| row.id.clone())?;
            for id in self.expected.persons.keys().filter(|id| !rows.contains_key(*id)) {
                self.report.add("persons", id, MISSING);
            }
        }
        Ok(())
    }

    /// Somebody forgotten: a certificate says so, the vault is empty, and the key is destroyed.
    fn erased(&mut self, row: &PersonRow, has_key: bool) {
        let by = row.erased_idx;
        let certified = self.expected.erased.values().any(|index| Some(*index) == by);
        let why = "no certificate says that this person was forgotten";
        self.report.hold(certified, "persons", &row.id, why);
        let why = "something is left of a forgotten person";
        self.report.hold(row.vault.is_empty() && !has_key, "persons", &row.id, why);
    }

    /// What is gone is named by certificates, and what they name is gone.
    fn forgotten(&mut self) {
        let (gone, certified) = (&self.expected.gone, &self.expected.certified);
        for index in gone.difference(certified) {
            let why = "its personal part is gone, and no certificate names it";
            self.report.add("bodies", index, why);
        }
        for index in certified.difference(gone) {
            let why = "a certificate says that it is gone, and it is not";
            self.report.add("bodies", index, why);
        }
        let (moved, handed) = (&self.expected.moved, &self.expected.handed);
        for index in moved.difference(handed) {
            let why = "its row names another person than its body, and no split handed it over";
            self.report.add("bodies", index, why);
        }
        for index in handed.difference(moved).filter(|index| !gone.contains(index)) {
            let why = "a split says that it was handed over, and it was not";
            self.report.add("bodies", index, why);
        }
    }

    fn person(
        &mut self,
        row: &PersonRow,
        person: &Person,
        into: Option<&String>,
        key: Option<&SealKey>,
    ) {
        let holds = row.residence == person.residence
            && row.created_us == person.created_us
            && row.idx as u64 == person.vault
            && row.merged_into.as_ref() == into;
        self.report.hold(holds, "persons", &row.id, DIFFERS);
        let opens = key.is_some_and(|key| open_identity(row, key).is_ok());
        self.report.hold(opens, "persons", &row.id, "its vault does not open");
    }

    fn belongings(&mut self, conn: &mut AnyConn) -> Result<(), StoreError> {
        let expected = self.expected;
        let report = &mut *self.report;
        let rows = all(conn, subject_rows::pairwise_page, |row| row.id.clone())?;
        match_rows(report, "pairwise", &expected.pairwise, &rows, |a, b| a == b);
        let rows = all(conn, subject_rows::freezes_page, |row| row.id.clone())?;
        match_rows(report, "freezes", &expected.freezes, &rows, |a, b| a == b);
        let rows = all(conn, subject_rows::mandates_page, |row| row.id.clone())?;
        match_rows(report, "mandates", &expected.mandates, &rows, |a, b| a == b);
        let rows = all(conn, subject_rows::person_keys_page, |row| row.thumbprint.clone())?;
        match_rows(report, "person_keys", &expected.person_keys, &rows, |a, b| {
            let own = crate::partner::signature::PublicKey::from_json(&b.jwk);
            a.person == b.person
                && a.added_us == b.added_us
                && a.retired_us == b.retired_us
                && own.is_ok_and(|key| key.keyid() == b.thumbprint)
        });
        Ok(())
    }

    fn consents(&mut self, conn: &mut AnyConn) -> Result<(), StoreError> {
        let mut after = String::new();
        loop {
            let rows = consent_rows::page(conn, &after)?;
            let Some(last) = rows.last() else { break };
            after = last.id.clone();
            for row in &rows {
                self.consent(row);
            }
        }
        let rows = inquiry_rows::outcome_count(conn)?;
        let why = "there are more rows than entries";
        self.report.hold(rows <= self.expected.outcomes, "inquiry_outcomes", rows, why);
        Ok(())
    }

    fn consent(&mut self, row: &ConsentRow) {
        let Some(consent) = self.expected.consents.get(&row.id) else {
            self.report.add("consents", &row.id, UNKNOWN);
            return;
        };
        let revoked = row.revoked_us.zip(row.revoked_idx.map(|idx| idx as u64));
        let whole = row.revoked_us.is_some() == row.revoked_idx.is_some();
        let why = "whether it is revoked is not what the entries say";
        self.report.hold(whole && revoked == consent.revoked, "consents", &row.id, why);
        let why = "whether it was used is not what the entries say";
        let used = (row.used_us, row.uses) == (consent.used, consent.uses);
        self.report.hold(used, "consents", &row.id, why);
        self.report.hold(row.idx as u64 == consent.idx, "consents", &row.id, DIFFERS);
    }

    /// Names the facts that no entry vouches for, if there are any.
    fn facts(&mut self, conn: &mut AnyConn) -> Result<(), StoreError> {
        if fact_rows::count(conn)? == self.expected.facts {
            return Ok(());
        }
        let mut after = Vec::new();
        loop {
            let rows = fact_rows::page(conn, &after)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after.clone_from(&last.identity);
            for row in &rows {
                let vouched = self.vouched(conn, row)?;
                let why = format!("entry {} is not about this record", row.idx);
                self.report.hold(vouched, "facts", hex(&row.identity), &why);
            }
        }
    }

    fn vouched(&self, conn: &mut AnyConn, row: &FactRow) -> Result<bool, StoreError> {
        let index = row.idx as u64;
        let bodies = ledger_rows::bodies(conn, index, index + 1)?;
        let body = bodies.first().filter(|body| body.kind == "observation");
        let Some((body, owner)) = body.and_then(|b| Some((b, b.person.as_deref()?))) else {
            return Ok(false);
        };
        let key = key_of(&self.bureau.keystore, owner)?;
        let Some(logged) = key.and_then(|key| refold::open(body, &key).ok()) else {
            return Ok(false);
        };
        let subject = logged.observation.subject.as_str();
        let names = subject_rows::pairwise(conn, By::Key, &[subject])?;
        let (engine, observation) = (&self.bureau.engine, &logged.observation);
        Ok(names.first().is_some_and(|name| {
            let identity = observe::identity(engine, &name.person, &logged.furnisher, observation);
            identity.as_slice() == row.identity
        }))
    }

    fn profiles(&mut self, conn: &mut AnyConn, progress: Progress<'_>) -> Result<(), StoreError> {
        let mut missing = self.expected.observed.clone();
        let total = missing.len() as u64;
        let mut after = String::new();
        loop {
            let rows = score_rows::page(conn, &after)?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.person);
            for row in &rows {
                missing.remove(&row.person);
                self.report.profiles += 1;
                self.profile(conn, row)?;
            }
            progress("profiles", self.report.profiles.min(total), total);
        }
        for person in missing {
            self.report.add("profiles", person, MISSING);
        }
        Ok(())
    }

    fn profile(&mut self, conn: &mut AnyConn, row: &ProfileRow) -> Result<(), StoreError> {
        let keystore = &self.bureau.keystore;
        let Some(key) = key_of(keystore, &row.person)? else {
            let why = format!("it is missing; the profile of {} needs it", row.person);
            self.report.add("keys", person_key_name(&row.person), why);
            return Ok(());
        };
        let stored = match open_profile(row, &key) {
            Ok(stored) => stored,
            Err(error) => {
                self.report.add("profiles", &row.person, error.to_string());
                return Ok(());
            }
        };
        if row.until_day == UNKNOWN_DAY {
            // It is folded anew before it is used: what it says now counts for nothing.
            return Ok(());
        }
        let residence = self.expected.persons.get(&row.person).map(|p| p.residence.as_str());
        let (base, utc_offset_hours) =
            refold::terms(&self.bureau.engine, residence.unwrap_or_default());
        let before = self.head.size;
        let retention = refold::retention(&self.bureau.engine, residence.unwrap_or_default());
        // It holds from its last entry until the day on which something's time is over.
        let today = self.head.at.date_at(utc_offset_hours);
        let day = today.min(refold::day_before(row.until_day));
        let person = row.person.as_str();
        let question = Question { person, base, utc_offset_hours, before, retention, day };
        let mut key = |owner: &str| {
            key_of(keystore, owner)?
                .ok_or_else(|| StoreError::inconsistent(format!("the key of {owner} is missing")))
        };
        match refold::fold(conn, &mut key, &question, &|_| Vec::new(), &Default::default()) {
            Ok(folding) => {
                let why = "its day of change lies behind the first clock that ends";
                self.report.hold(row.until_day <= folding.until_day, "profiles", &row.person, why);
                let why = "its day of purge lies behind the first clock that ends";
                self.report.hold(row.purge_day <= folding.purge_day, "profiles", &row.person, why);
                let holds = folding.profile == stored.profile
                    && folding.observations == stored.observations;
                let why = "folding its entries gives another profile";
                self.report.hold(holds, "profiles", &row.person, why);
            }
            Err(StoreError::Inconsistent(why)) => self.report.add("profiles", &row.person, why),
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
