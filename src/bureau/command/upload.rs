//! Uploads: admitted before any of it is applied, closed by one entry, and in between, when one is
//! too large for a request, on record with how far it has come.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::observe::SliceOutcome;
use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::authority;
use crate::bureau::metro2::{by_record, records_done};
use crate::bureau::needs::Needs;
use crate::bureau::upload::{Format, add_slice};
use crate::bureau::work::Work;
use crate::collect::Receipt;
use crate::collect::rows::{self as fact_rows, UploadRow};
use crate::error::Problem;
use crate::kernel::bytes::Digest;
use crate::kernel::seal::{Place, SealKey};
use crate::kernel::{Time, id};
use crate::ledger::body::{Draft, period_key_name};
use crate::ledger::leaf::PublicKind;
use crate::partner::Role;
use crate::store::StoreError;

/// What is known of an upload that outlives its request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UploadOutcome {
    /// Nothing was read yet.
    Nothing,
    /// The receipt so far.
    Receipt(Receipt),
    /// The receipt, as an upload within one request gets it.
    Done(Value),
    /// The file as a whole was refused.
    Problem(Problem),
}

fn outcome_place(id: &str, index: u64) -> Place<'_> {
    Place { table: "uploads", column: "outcome", row: id, index }
}

/// Where the key of a spooled file lies sealed.
fn spool_key_place(id: &str) -> Place<'_> {
    Place { table: "uploads", column: "spool_key", row: id, index: 0 }
}

/// The names of the keys that seal a row's two sealed columns: the spool key's, the outcome's.
pub fn key_names(row: &UploadRow) -> [String; 2] {
    [row.created_us, row.updated_us].map(|at| period_key_name(Time::from_micros(at)))
}

/// Opens what is known of an upload.
///
/// # Errors
/// It does not open.
pub fn opened(row: &UploadRow, key: &SealKey) -> Result<UploadOutcome, StoreError> {
    let text = key
        .open(outcome_place(&row.id, row.idx as u64), &row.outcome)
        .map_err(|e| StoreError::inconsistent(e.to_string()))?;
    serde_json::from_slice(&text).map_err(|e| StoreError::inconsistent(e.to_string()))
}

/// The key of a spooled file.
///
/// # Errors
/// It does not open: the file is done with.
pub fn spool_key(row: &UploadRow, key: &SealKey) -> Result<SealKey, StoreError> {
    let bytes = key
        .open(spool_key_place(&row.id), &row.spool_key)
        .map_err(|e| StoreError::inconsistent(e.to_string()))?;
    SealKey::from_slice(&bytes).ok_or_else(|| StoreError::inconsistent("a spool key is cut"))
}

fn put(work: &mut Work<'_>, mut row: UploadRow, outcome: &UploadOutcome) -> Result<(), StoreError> {
    let text = serde_json::to_vec(outcome).map_err(|e| StoreError::inconsistent(e.to_string()))?;
    let key = work.key_for(None)?;
    row.updated_us = work.now.micros();
    row.idx = work.size() as i64;
    let place = outcome_place(&row.id, work.size());
    row.outcome = key.seal(&work.engine.env, place, &text);
    work.put_upload(row);
    Ok(())
}

fn end(
    work: &mut Work<'_>,
    mut row: UploadRow,
    state: &str,
    outcome: &UploadOutcome,
) -> Result<(), StoreError> {
    row.state = state.to_string();
    // Without its key the file cannot be read any more, whatever becomes of its bytes.
    row.spool_key = Vec::new();
    put(work, row, outcome)
}

/// The row of an upload that this batch goes on with.
fn in_hand(work: &Work<'_>, id: &str) -> Result<UploadRow, StoreError> {
    let row = work.loaded.uploads.get(id).filter(|row| row.is_open()).cloned();
    row.ok_or_else(|| StoreError::inconsistent(format!("the upload {id} is not open")))
}

/// How far an upload has come.
pub struct Progress {
    /// The upload.
    pub upload: String,
    /// Its receipt before this slice.
    pub receipt: Receipt,
}

impl Progress {
    /// Writes that all lines before `next_line` are dealt with.
    ///
    /// # Errors
    /// The upload is not open.
    pub fn advance(
        &self,
        work: &mut Work<'_>,
        next_line: u64,
        outcome: &SliceOutcome,
    ) -> Result<(), StoreError> {
        let mut receipt = self.receipt.clone();
        add_slice(&mut receipt, outcome);
        let mut row = in_hand(work, &self.upload)?;
        row.state = "applying".to_string();
        row.next_line = row.next_line.max(next_line as i64);
        put(work, row, &UploadOutcome::Receipt(receipt))
    }
}

/// Uploads of one partner that wait at the same time at most.
pub const OPEN_UPLOADS_MAX: i64 = 16;

/// Takes a spooled upload: from here on it will be applied, whatever happens to this process.
pub struct AcceptUpload {
    /// Who sent it, with nonce and idempotency key.
    pub admission: Admission,
    /// The id under which it was spooled.
    pub id: String,
    /// `ndjson`, `parquet` or `metro2`.
    pub format: String,
    /// Bytes, in clear.
    pub bytes: u64,
    /// SHA-256 of the file.
    pub digest: Digest,
    /// Check everything, apply nothing.
    pub dry_run: bool,
    /// The spooled file's key.
    pub key: SealKey,
}

impl AcceptUpload {
    /// A fresh id for an upload.
    pub fn mint(env: &crate::kernel::Env) -> String {
        id::mint(env, "upl")
    }
}

impl Command for AcceptUpload {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let partner = self.admission.principal.key();
        let furnishes = work.registry.partners.get(&partner);
        if !furnishes.is_some_and(|p| p.roles.contains(&Role::Furnisher)) {
            let text = "Only a partner in the role of a furnisher sends observations.";
            return Err(Problem::new("role_missing", text).into());
        }
        if fact_rows::count_open_uploads(work.conn, &partner)? >= OPEN_UPLOADS_MAX {
            let text = "So many uploads of yours still wait. Send the next when one is done.";
            return Err(Problem::new("overloaded", text).retry_after(30).into());
        }
        let seal = work.key_for(None)?;
        let place = spool_key_place(&self.id);
        let now = work.now.micros();
        let row = UploadRow {
            id: self.id.clone(),
            partner: self.admission.principal.key(),
            keyid: self.admission.keyid.clone(),
            format: self.format.clone(),
            bytes: self.bytes as i64,
            digest: self.digest.to_vec(),
            dry_run: self.dry_run,
            state: "waiting".to_string(),
            next_line: 0,
            outcome: Vec::new(),
            spool_key: seal.seal(&work.engine.env, place, self.key.expose()),
            created_us: now,
            updated_us: now,
            idx: 0,
        };
        let body = shown(&row, &UploadOutcome::Nothing);
        put(work, row, &UploadOutcome::Nothing)?;
        Ok(Answer::created(&body, None))
    }
}

/// How an upload stands, as its sender sees it.
fn shown(row: &UploadRow, outcome: &UploadOutcome) -> Value {
    let metro2 = row.format == Format::Metro2.name();
    let lines_done = match row.next_line.unsigned_abs() {
        next if metro2 => records_done(next),
        next => next.saturating_sub(1),
    };
    let mut body = json!({
        "upload": row.id,
        "state": row.state,
        "dry_run": row.dry_run,
        "bytes": row.bytes,
        "lines_done": lines_done,
        "created": Time::from_micros(row.created_us),
        "url": format!("/v1/observations/{}", row.id),
    });
    match outcome {
        UploadOutcome::Nothing => {}
        UploadOutcome::Receipt(receipt) => {
            let mut receipt = receipt.clone();
            if metro2 {
                by_record(&mut receipt);
            }
            body["so_far"] = json!(receipt);
        }
        UploadOutcome::Done(receipt) => body["receipt"] = receipt.clone(),
        UploadOutcome::Problem(problem) => body["problem"] = json!(problem),
    }
    body
}

/// `GET /v1/observations/{id}`: how an upload stands.
pub struct ReadUpload {
    /// Who reads: whoever sent it.
    pub admission: Admission,
    /// Which.
    pub upload: String,
}

impl Command for ReadUpload {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.uploads.insert(self.upload.clone());
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let partner = self.admission.principal.key();
        let row = work.loaded.uploads.get(&self.upload).filter(|row| row.partner == partner);
        let row = row.cloned().ok_or_else(|| {
            Problem::new("upload_not_found", "There is no such upload of yours. Check its id.")
        })?;
        let [_, name] = key_names(&row);
        let outcome = opened(&row, work.key(&name)?)?;
        Ok(Answer::ok(&shown(&row, &outcome), None))
    }
}

/// The file as a whole cannot be taken: nothing of it was applied.
pub struct RefuseUpload {
    /// Who sent it.
    pub admission: Admission,
    /// Which.
    pub upload: String,
    /// Why.
    pub problem: Problem,
}

impl Command for RefuseUpload {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs.uploads.insert(self.upload.clone());
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let row = in_hand(work, &self.upload)?;
        end(work, row, "refused", &UploadOutcome::Problem(self.problem.clone()))?;
        Ok(Answer::ok(&Value::Null, None))
    }
}

/// Closes an upload: one entry with index range, totals and file digest (decisions.md 1).
pub struct CloseUpload {
    /// Who sent it, with the request's nonce and idempotency key.
    pub admission: Admission,
    /// The receipt.
    pub receipt: Receipt,
    /// Whether nothing was applied.
    pub dry_run: bool,
    /// The upload, when it outlives a request.
    pub upload: Option<String>,
}

impl Command for CloseUpload {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        needs.uploads.extend(self.upload.iter().cloned());
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let body = self.body(work)?;
        if let Some(id) = &self.upload {
            let row = in_hand(work, id)?;
            end(work, row, "done", &UploadOutcome::Done(body.clone()))?;
        }
        Ok(Answer::ok(&body, None))
    }
}

impl CloseUpload {
    fn body(&self, work: &mut Work<'_>) -> Result<Value, Fault> {
        let mut body = serde_json::to_value(&self.receipt)
            .map_err(|e| StoreError::inconsistent(e.to_string()))?;
        if self.dry_run {
            body["dry_run"] = Value::Bool(true);
            return Ok(body);
        }
        let (furnisher, sector) = authority::actor(work, &self.admission);
        let mut codes: std::collections::BTreeMap<&str, u64> = Default::default();
        for error in &self.receipt.errors {
            *codes.entry(error.code.as_str()).or_default() += 1;
        }
        let mut draft = Draft::new("observation_batch", PublicKind::Observation)
            .says("furnisher", furnisher)
            .says("sector", sector)
            .says("accepted", self.receipt.accepted)
            .says("duplicates", self.receipt.duplicates)
            .says("rejected", self.receipt.rejected)
            .says("errors", json!(codes))
            .says("control_totals", json!(self.receipt.control_totals))
            .says("range", json!(self.receipt.log))
            .says("file", self.receipt.file_digest.clone())
            .says("period", json!(self.receipt.period))
            .says("filled", json!(self.receipt.filled))
            .says("late", json!(self.receipt.late))
            .says("missing", json!(self.receipt.missing));
        if self.admission.is_console() {
            draft = draft.says("loaded_by", "operator");
            body["loaded_by"] = json!("operator");
        }
        let recorded = work.append(draft)?;
        body["batch"] = recorded.receipt();
        Ok(body)
    }
}

/// Admits an upload before any of it is applied: nonce, standing, and whether the same request was
/// answered before. Its own answer is empty.
pub struct OpenUpload {
    /// The request's nonce, without its idempotency key, which [`CloseUpload`] spends.
    pub admission: Admission,
    /// Principal and idempotency key to look for.
    pub idempotency: Option<(String, Digest)>,
}

impl Command for OpenUpload {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
        if let Some((key, _)) = &self.idempotency {
            needs.idempotency.insert((self.admission.principal.key(), key.clone()));
        }
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        if let Some((key, digest)) = &self.idempotency {
            let pair = (self.admission.principal.key(), key.clone());
            if let Some(row) = work.loaded.idempotency.get(&pair).cloned() {
                return match super::repeated(work, &row, digest)? {
                    super::Reply::Done(answer) => Ok(Answer { created: true, ..answer }),
                    super::Reply::Refused(problem) => Err(problem.into()),
                };
            }
        }
        Ok(Answer::ok(&Value::Null, None))
    }
}
