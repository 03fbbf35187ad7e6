//! The regulator's pack, from the database's side: what the bureau counts itself, and the entries
//! that say so.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Bureau;
use super::admission::Admission;
use super::authority::pack_of;
use super::command::refold::day_number;
use super::command::reporting::{CountForReport, ReportMade};
use super::extract::ExtractFailure;
use crate::collect::observation::Dimension;
use crate::consent::rows as consent_rows;
use crate::kernel::Time;
use crate::ledger::body::{SealedRecord, open_part};
use crate::ledger::commitment::Opening;
use crate::ledger::note::NoteSigner;
use crate::ledger::proof::Proof;
use crate::ledger::rows as ledger_rows;
use crate::ledger::source::DirSource;
use crate::ledger::tile::TiledHashes;
use crate::report::certificate::CertificateView;
use crate::report::extract::{ExtractKeys, Period};
use crate::report::pack::manifest::Counted;
use crate::rights::rows as rights_rows;
use crate::score::explain::rows as explained;
use crate::score::{Assessment, Value as Read, rows as score_rows};
use crate::store::StoreError;
use crate::subject::rows as subject_rows;

/// Counts by the rule pack under which the persons stand, and by name.
pub type Counts = BTreeMap<String, BTreeMap<&'static str, i64>>;

/// What is counted, so that a count of none stands there as 0.
const MEASURES: [&str; 7] = [
    "persons_enrolled",
    "persons_with_file",
    "persons_scorable",
    "persons_of_all_dimensions",
    "consents_expired",
    "disputes_overdue",
    "files_overdue",
];

impl Bureau {
    /// The keys that sign what leaves.
    pub fn with_report_keys<T>(&self, work: impl FnOnce(ExtractKeys<'_>) -> T) -> T {
        let keys = &self.engine.keys;
        let signers = keys.log_signers();
        let log: Vec<&NoteSigner> = signers.iter().map(|signer| &**signer).collect();
        work(ExtractKeys { manifest: &keys.manifest(), log: &log })
    }

    /// The bureau's home as a rule pack's id.
    pub fn home_pack(&self) -> &str {
        pack_of(&self.engine.home).unwrap_or(&self.engine.home)
    }

    /// Counts the persons on file under each rule pack, as the bureau knows them now: a record
    /// does not tell whether two entries are of one person.
    ///
    /// # Errors
    /// The database's, or something that does not open.
    pub fn count_for_report(&self, period: &Period) -> Result<Counts, StoreError> {
        let mut counts = Counts::new();
        let as_of = period.until.min(self.engine.env.now());
        let mut after = String::new();
        loop {
            let page = self.persons_after(&after)?;
            let Some(last) = page.last() else { break };
            after.clone_from(last);
            self.count_page(&page, period, as_of, &mut counts)?;
        }
        self.count_overdue(period, &mut counts)?;
        let home = self.home_pack().to_owned();
        counts.entry(home).or_default();
        for of_pack in counts.values_mut() {
            for measure in MEASURES {
                of_pack.entry(measure).or_default();
            }
        }
        Ok(counts)
    }

    fn pack_by_person(&self, persons: &[&str]) -> Result<BTreeMap<String, String>, StoreError> {
        let rows = self.store.read(|conn| subject_rows::persons(conn, persons))?;
        let home = self.home_pack();
        let named = rows.into_iter().map(|row| {
            let pack = pack_of(&row.residence).unwrap_or(home).to_owned();
            (row.id, pack)
        });
        Ok(named.collect())
    }

    fn count_page(
        &self,
        page: &[String],
        period: &Period,
        as_of: Time,
        counts: &mut Counts,
    ) -> Result<(), StoreError> {
        let ids: Vec<&str> = page.iter().map(String::as_str).collect();
        let packs = self.pack_by_person(&ids)?;
        let mut add = |person: &str, measure: &'static str| {
            if let Some(pack) = packs.get(person) {
                *counts.entry(pack.clone()).or_default().entry(measure).or_default() += 1;
            }
        };
        for seen in self.look(page, as_of, None)? {
            add(&seen.person, "persons_enrolled");
            if seen.observations > 0 {
                add(&seen.person, "persons_with_file");
            }
            let Some(assessment) = &seen.assessment else { continue };
            if assessment.score().is_some() {
                add(&seen.person, "persons_scorable");
                if packs.get(&seen.person).is_some_and(|pack| self.knows_all(pack, assessment)) {
                    add(&seen.person, "persons_of_all_dimensions");
                }
            }
        }
        let consents = self.store.read(|conn| consent_rows::by_person(conn, &ids))?;
        let (from, until) = (period.from.micros(), as_of.micros());
        for row in consents {
            let stood = row.revoked_us.is_none_or(|at| at > row.expires_us);
            if stood && (from..until).contains(&row.expires_us) {
                add(&row.person, "consents_expired");
            }
        }
        Ok(())
    }

    /// Whether something is known in every dimension that the scorecard reads and the pack allows.
    fn knows_all(&self, pack: &str, assessment: &Assessment) -> bool {
        let allowed = self.engine.rules.pack(pack).map(|pack| pack.dimensions.as_slice());
        let card = allowed.map_or(self.engine.champion(), |on| self.engine.scorecard_for(on));
        let rows = explained(card, assessment);
        let of = |dimension: Dimension| rows.iter().filter(move |r| r.dimension == Some(dimension));
        Dimension::ALL.into_iter().all(|dimension| {
            let on = allowed.is_none_or(|names| names.iter().any(|n| n == dimension.name()));
            !on || of(dimension).next().is_none()
                || of(dimension).any(|row| matches!(row.value, Read::Known(_)))
        })
    }

    fn count_overdue(&self, period: &Period, counts: &mut Counts) -> Result<(), StoreError> {
        let until = period.until.min(self.engine.env.now());
        let today = day_number(until.date_at(-12));
        let mut late = Vec::new();
        let mut after = String::new();
        loop {
            let page = self.store.read(|conn| rights_rows::matters_page(conn, &after))?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.id);
            let over = page.into_iter().filter(|row| {
                row.kind == "dispute"
                    && row.closed_us.is_none()
                    && row.due_us.is_some_and(|due| due < until.micros())
            });
            late.extend(over.map(|row| row.person));
        }
        let due = self.store.read(|conn| score_rows::overdue_by(conn, today))?;
        for (persons, measure) in [(late, "disputes_overdue"), (due, "files_overdue")] {
            for chunk in persons.chunks(super::look::PAGE_PERSONS) {
                let ids: Vec<&str> = chunk.iter().map(String::as_str).collect();
                let packs = self.pack_by_person(&ids)?;
                for pack in chunk.iter().filter_map(|person| packs.get(person)) {
                    *counts.entry(pack.clone()).or_default().entry(measure).or_default() += 1;
                }
            }
        }
        Ok(())
    }

    /// Records what was counted under one rule pack, and proves that it is on record.
    ///
    /// # Errors
    /// [`ExtractFailure`].
    pub fn record_counts(
        &self,
        period: &Period,
        jurisdiction: &str,
        counts: &BTreeMap<&'static str, i64>,
        by: Admission,
    ) -> Result<Counted, ExtractFailure> {
        let measures: Map<String, Value> =
            counts.iter().map(|(name, n)| ((*name).to_owned(), Value::from(*n))).collect();
        let command = CountForReport {
            admission: by,
            period: period.name.clone(),
            jurisdiction: jurisdiction.to_owned(),
            size: self.published(),
            measures,
        };
        let log = self.run(command).value()?["log"].clone();
        let index = log["index"].as_u64().unwrap_or_default();
        Ok(Counted {
            index,
            leaf: log["leaf"].as_str().unwrap_or_default().to_owned(),
            opening: log["opening"].clone(),
            proof: self.proof_of(index)?,
        })
    }

    /// The proof that an entry is in the log, under the newest checkpoint.
    ///
    /// # Errors
    /// The log cannot be published or read.
    pub fn proof_of(&self, index: u64) -> Result<String, ExtractFailure> {
        self.publish().map_err(|e| ExtractFailure::Log(std::io::Error::other(e)))?;
        let newest = self.store.read(ledger_rows::newest_checkpoint)?;
        let (size, note) = newest
            .ok_or_else(|| ExtractFailure::Log(std::io::Error::other("nothing is published")))?;
        let source = DirSource::new(self.log_dir());
        let proof = Proof::make(&TiledHashes::new(&source, size), index, &note)
            .map_err(ExtractFailure::Log)?;
        Ok(proof.to_text())
    }

    /// The certificate of an erasure or a purge, with its proof; `None` when the entry is neither.
    /// It names nobody: who sees it has looked at no file.
    ///
    /// # Errors
    /// The database's, or an entry that does not open.
    pub fn certificate(&self, index: u64) -> Result<Option<CertificateView>, ExtractFailure> {
        let (leaves, bodies) = self.store.read(|conn| {
            let leaves = ledger_rows::leaves(conn, index, index + 1)?;
            Ok((leaves, ledger_rows::bodies(conn, index, index + 1)?))
        })?;
        let (Some(leaf), Some(body)) = (leaves.first(), bodies.first()) else { return Ok(None) };
        if !matches!(body.kind.as_str(), "erased" | "purged") {
            return Ok(None);
        }
        let broken = |what: &str| StoreError::inconsistent(what.to_owned());
        let key = self.keystore().get([body.period.as_str()])?.remove(&body.period);
        let key = key.ok_or_else(|| broken("the key of a period is gone"))?;
        let sealed: SealedRecord =
            open_part(&key, "record", index, &body.record).map_err(|e| broken(&e.to_string()))?;
        let record: Value =
            serde_json::from_str(&sealed.part.text).map_err(|e| broken(&e.to_string()))?;
        let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        let opening = Opening {
            salt: sealed.part.salt,
            record: sealed.part.text.clone(),
            personal_hash: sealed.personal_hash,
        };
        Ok(Some(CertificateView {
            origin: self.engine.origin.clone(),
            index,
            at: Time::from_micros(body.at_us),
            certificate_text: text("certificate"),
            signature: text("signature"),
            key: self.engine.keys.manifest_of(&text("keyid")).unwrap_or_default(),
            leaf: String::from_utf8_lossy(&leaf.leaf).into_owned(),
            opening: serde_json::to_value(opening).map_err(|e| broken(&e.to_string()))?,
            proof: self.proof_of(index)?,
        }))
    }

    /// Records that a report was made. Gives the entry's index.
    ///
    /// # Errors
    /// [`ExtractFailure::Refused`].
    pub fn record_report(&self, made: ReportMade) -> Result<u64, ExtractFailure> {
        let body = self.run(made).value()?;
        Ok(body["log"]["index"].as_u64().unwrap_or_default())
    }
}
