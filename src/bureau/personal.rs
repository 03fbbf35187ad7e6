//! Personal parts of a period, opened and sealed anew for one examiner.

use std::collections::BTreeMap;
use std::path::Path;

use super::Bureau;
use super::admission::Admission;
use super::approval::Approval;
use super::command::personal::{IntendPersonal, PersonalMade};
use super::extract::ExtractFailure;
use crate::kernel::age::Recipient;
use crate::kernel::bytes::{hex, keyed};
use crate::kernel::id;
use crate::kernel::seal::SealKey;
use crate::ledger::body::{PersonalPart, SealedRecord, open_part, person_key_name};
use crate::ledger::rows::{self as ledger_rows, BodyRow};
use crate::report::extract::Period;
use crate::report::personal::{
    PERSONAL_FORMAT, PersonalError, PersonalManifest, PersonalRow, PersonalWriter,
};
use crate::store::StoreError;

/// Entries read at a time.
const CHUNK: u64 = 1_000;

/// Who wants an export of personal parts, and for whom.
pub struct PersonalOrder {
    /// Which member of staff, and why.
    pub by: Admission,
    /// That another member of staff agrees.
    pub approval: Approval,
    /// The examiner.
    pub recipient: Recipient,
}

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonalReport {
    /// SHA-256 of the manifest, hexadecimal.
    pub manifest: String,
    /// Index of the entry that announced it.
    pub intent: u64,
    /// Personal parts in it.
    pub rows: u64,
    /// Personal parts that are gone.
    pub gone: u64,
}

impl Bureau {
    /// Writes the personal parts of the period's entries into `out`, sealed to the examiner's key
    /// and under pseudonyms. That it is to be done is on record, with both names, before a file
    /// is made.
    ///
    /// # Errors
    /// [`ExtractFailure`]; refused without two different members of staff.
    pub fn extract_personal(
        &self,
        period: &Period,
        order: &PersonalOrder,
        out: &Path,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<PersonalReport, ExtractFailure> {
        let (start, end) = self.store.read(|conn| {
            let start = ledger_rows::first_at(conn, period.from)?;
            Ok((start, ledger_rows::first_at(conn, period.until)?))
        })?;
        let recipient = hex(&order.recipient.digest());
        let body = self.run(IntendPersonal {
            admission: order.by.clone(),
            period: period.name.clone(),
            from: start,
            until: end,
            recipient: recipient.clone(),
            approval: order.approval.clone(),
        });
        let intent = body.value()?["log"]["index"].as_u64().unwrap_or_default();
        let mut writer = PersonalWriter::begin(&self.engine.env, &order.recipient, out)?;
        let pseudonym = |text: &str| self.pseudonym(&order.recipient, text);
        let mut gone = 0;
        let mut at = start;
        while at < end {
            let to = end.min(at + CHUNK);
            let bodies = self.store.read(|conn| ledger_rows::bodies(conn, at, to))?;
            let keys = self.keys_of(&bodies)?;
            for body in bodies.iter().filter(|body| body.person.is_some()) {
                match open(body, &keys)? {
                    Some(row) => writer.push(row, &pseudonym)?,
                    None => gone += 1,
                }
            }
            at = to;
            progress(at - start, end - start);
        }
        let manifest = PersonalManifest {
            format: PERSONAL_FORMAT.to_owned(),
            origin: self.engine.origin.clone(),
            period: period.clone(),
            start,
            end,
            recipient: order.recipient.to_string(),
            intent,
            gone,
            manifest_key: self.engine.keys.manifest().public().to_jwk(),
            files: Vec::new(),
        };
        let (digest, rows) = self.with_report_keys(|keys| writer.finish(manifest, keys))?;
        let made = PersonalMade {
            admission: order.by.clone(),
            intent,
            period: period.name.clone(),
            recipient,
            manifest: hex(&digest),
            rows,
        };
        self.run(made).value()?;
        Ok(PersonalReport { manifest: hex(&digest), intent, rows, gone })
    }

    /// The name of somebody, or of something of theirs, for one examiner: the same each time, and
    /// another for another examiner.
    fn pseudonym(&self, recipient: &Recipient, text: &str) -> String {
        let parts = [b"fivefold-pseudonym/v1".as_slice(), &recipient.digest(), text.as_bytes()];
        let digest = keyed(&self.engine.keys.index, &parts);
        let mut bits = [0; 16];
        bits.copy_from_slice(&digest[..16]);
        id::encode("psn", u128::from_be_bytes(bits))
    }

    /// The keys that open these bodies, by name: of their periods and of whom they concern.
    fn keys_of(&self, bodies: &[BodyRow]) -> Result<BTreeMap<String, SealKey>, StoreError> {
        let mut names: Vec<String> = bodies.iter().map(|body| body.period.clone()).collect();
        names.extend(bodies.iter().filter_map(|body| body.person.as_deref().map(person_key_name)));
        names.sort_unstable();
        names.dedup();
        self.keystore().get(names.iter().map(String::as_str))
    }
}

/// Opens a body's personal part; `None` when its key was destroyed.
fn open(
    body: &BodyRow,
    keys: &BTreeMap<String, SealKey>,
) -> Result<Option<PersonalRow>, StoreError> {
    let index = body.idx as u64;
    let person = body.person.clone().unwrap_or_default();
    let Some(key) = keys.get(&person_key_name(&person)) else { return Ok(None) };
    // Purged items stand sealed under a key that was replaced.
    let Ok(part) = open_part::<PersonalPart>(key, "personal", index, &body.personal) else {
        return Ok(None);
    };
    let of_period = keys.get(&body.period);
    let of_period = of_period
        .ok_or_else(|| StoreError::inconsistent(format!("the key {} is gone", body.period)))?;
    let sealed: SealedRecord = open_part(of_period, "record", index, &body.record)
        .map_err(|e| StoreError::inconsistent(e.to_string()))?;
    let personal =
        serde_json::from_str(&part.text).map_err(|e| StoreError::inconsistent(e.to_string()))?;
    let (kind, personal_hash) = (body.kind.clone(), sealed.personal_hash);
    Ok(Some(PersonalRow { index, kind, personal_hash, person, personal }))
}

impl From<PersonalError> for ExtractFailure {
    fn from(error: PersonalError) -> ExtractFailure {
        ExtractFailure::Personal(error)
    }
}
