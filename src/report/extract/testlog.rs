//! A small log in memory, with entries of every kind, for the tests of extract and verification.

use std::convert::Infallible;
use std::io;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::kernel::bytes::{Digest, sha256};
use crate::kernel::{Env, Time};
use crate::ledger::body::{Body, Draft};
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::commitment::part_hash;
use crate::ledger::leaf::{Leaf, PublicKind};
use crate::ledger::note::{NoteSigner, Verifier};
use crate::ledger::tree::{HashSource, empty_root, leaf_hash, node_hash};
use crate::partner::signature::SigningKey;

use super::{
    Bounds, ExtractEntry, ExtractError, ExtractInput, ExtractKeys, ExtractReport, Period, extract,
};

pub(crate) const ORIGIN: &str = "bureau.example/log";

pub(crate) fn log_key() -> NoteSigner {
    NoteSigner::from_seed(ORIGIN, &[7; 32]).expect("a key")
}

pub(crate) fn log_keys() -> Vec<Verifier> {
    vec![log_key().verifier().clone()]
}

pub(crate) fn manifest_key() -> SigningKey {
    SigningKey::from_seed(&[9; 32]).expect("a key")
}

fn mth(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&mth(left), &mth(right))
        }
    }
}

/// Entries and their tree.
pub(crate) struct TestLog {
    pub(crate) entries: Vec<ExtractEntry>,
    hashes: Vec<Digest>,
}

impl HashSource for TestLog {
    fn hash(&self, level: u32, index: u64) -> io::Result<Digest> {
        let (start, width) = ((index << level) as usize, 1_usize << level);
        Ok(mth(&self.hashes[start..start + width]))
    }
}

fn new(kind: &'static str, public: PublicKind, record: Value, detail: Value) -> Draft {
    let object = |value: Value| value.as_object().cloned().unwrap_or_else(Map::new);
    Draft { record: object(record), detail: object(detail), ..Draft::new(kind, public) }
}

fn partner(n: u64) -> String {
    format!("par_{}", n % 3)
}

fn governed(n: u64) -> Draft {
    let mut record = json!({"by": "staff:ann", "keyid": format!("kid{n}"), "partner": partner(n)});
    if n % 14 == 1 {
        return new("partner_key_added", PublicKind::Governance, record, Value::Null);
    }
    record["partner"] =
        json!({"id": partner(n), "name": "甲银行", "sector": "bank", "roles": ["asker"]});
    new("partner_added", PublicKind::Governance, record, Value::Null)
}

fn enrolled(n: u64) -> Draft {
    let record = json!({
        "partner": partner(n), "sector": "bank", "residence": "cn", "identity_level": n % 4,
        "channels": ["document", "phone"], "synthetic": true,
    });
    new("subject_enrolled", PublicKind::Subject, record, json!({"mismatch": n % 28 == 2}))
}

fn consented(n: u64) -> Draft {
    if n % 14 == 4 {
        let record = json!({"by": "person", "recipient": "par_1", "purpose": "inquire"});
        return new("consent_revoked", PublicKind::Consent, record, Value::Null);
    }
    let record = json!({
        "holder": partner(n), "sector": "bank", "recipient": "par_1", "purpose": "inquire",
        "scenario": null, "fetch": "ONETIME", "categories": [], "dimensions": ["identity"],
        "method": "person_signed", "valid_from": "2026-10-01T00:00:00Z",
        "expires_at": "2027-10-01T00:00:00Z", "notice_version": "3", "synthetic": false,
    });
    new("consent_given", PublicKind::Consent, record, Value::Null)
}

fn furnished(n: u64) -> Draft {
    if n % 28 == 6 {
        let record = json!({
            "by": "staff:ann", "furnisher": partner(n), "request": format!("drq_{n:026}"),
            "months": 2, "reason": "complaint", "tells": 1,
        });
        return new("data_requested", PublicKind::Observation, record, Value::Null);
    }
    if n % 14 == 7 {
        let record = json!({
            "furnisher": partner(n), "sector": "bank", "accepted": n, "duplicates": 1,
            "rejected": 3, "errors": {"invalid_date": 2, "unknown_value": 1},
            "range": {"first_index": n - 2, "last_index": n - 1},
            "file": format!("sha-256:{n:064x}"), "period": "2026-09",
            "filled": {"account_month": n, "account_month.due": n / 2},
            "late": {"lines": n % 3, "days_max": n % 5}, "missing": null,
        });
        return new("observation_batch", PublicKind::Observation, record, Value::Null);
    }
    let record = json!({
        "furnisher": partner(n), "sector": "bank", "type": "account_month", "op": "report",
        "dimension": "credit_history", "basis": "consent", "adverse": n % 28 == 5,
        "status": "current", "days_past_due": "1-29", "synthetic": true, "lag_days": n % 40,
        "days_after_due": n % 9,
    });
    new("observation", PublicKind::Observation, record, Value::Null)
}

fn asked(n: u64) -> Draft {
    if n % 28 == 8 {
        let record = json!({
            "asker": partner(n), "scenario": "account_review", "inquiry": format!("inq_{n:026}"),
            "band_crossed": true, "adverse_appeared": false, "tells": 1,
        });
        return new("monitor_alert", PublicKind::Inquiry, record, Value::Null);
    }
    let model = json!({"id": "cn-base", "version": "1", "digest": "ab12"});
    let mut record = json!({
        "inquiry": format!("inq_{n:026}"), "asker": partner(n), "sector": "bank",
        "scenario": "credit_application", "form": "score", "as_of": "2026-10-02T03:04:05.678901Z",
        "basis": "consent", "pull": "hard",
        "rule_pack": {"id": "cn", "version": "2026.1", "digest": "cd34"},
    });
    let mut detail = json!({"score": 700 - n % 90, "band": "B", "model": model});
    match n % 14 {
        10 => {
            record["form"] = "threshold".into();
            record["outcome"] = "yes".into();
        }
        11 => {
            record["form"] = "not_assessable".into();
            detail = json!({"code": "thin_file", "model": model});
        }
        _ => {
            record["score"] = 712.into();
            record["band"] = "B".into();
            record["model"] = model;
            record["dimensions"] = json!({"identity": {"points": 40, "of": 60}});
            record["reasons"] = json!([
                {"code": "R01", "points_lost": 30}, {"code": "R07", "points_lost": 12},
            ]);
        }
    }
    new("inquiry", PublicKind::Inquiry, record, detail)
}

fn refused(n: u64) -> Draft {
    let record = json!({
        "act": if n % 28 == 12 { "inquire" } else { "furnish" }, "actor": partner(n),
        "sector": "hotel", "code": "refused", "policies": ["common.consent"],
    });
    let policies = ["common.consent", "cn.inquire"];
    let detail = json!({"codes": ["consent_revoked"], "policies": policies});
    new("refused", PublicKind::Inquiry, record, detail)
}

/// Drafts of every kind that has a table, and of one that has none.
fn draft(n: u64) -> Draft {
    match n % 14 {
        0 | 1 => governed(n),
        2 => enrolled(n),
        3 | 4 => consented(n),
        5..=7 => furnished(n),
        8..=11 => asked(n),
        12 => refused(n),
        _ => other(n),
    }
}

/// Rights, decisions, rules in force, exports and what staff recorded, in turn.
fn other(n: u64) -> Draft {
    let turn = n / 14;
    match turn % 5 {
        0 => right(n),
        1 => {
            let record = json!({
                "inquiry": format!("inq_{n:026}"), "asker": partner(n), "sector": "bank",
                "scenario": "credit_application", "decision": "declined",
                "weight_of_score": "decisive", "result": null,
            });
            new("inquiry_outcome", PublicKind::Inquiry, record, Value::Null)
        }
        2 => {
            let digest = format!("{n:064x}");
            let record =
                json!({"by": "staff:ann", "what": "packs", "name": "cn", "digest": digest});
            new("in_force", PublicKind::Governance, record, Value::Null)
        }
        3 => {
            let record = json!({"by": "staff:ann", "period": "2026-09", "reason": "filing"});
            new("exported", PublicKind::Export, record, Value::Null)
        }
        _ => {
            let record = json!({
                "by": "staff:ann", "class": "adult_population", "value": 1_100_000_000_i64,
                "source": "census", "date": "2025-12-31",
            });
            new("recorded_reference", PublicKind::Governance, record, Value::Null)
        }
    }
}

fn right(n: u64) -> Draft {
    match n / 70 % 4 {
        0 => new("freeze_placed", PublicKind::Right, json!({"by": "person"}), Value::Null),
        1 => {
            let record = json!({
                "by": "person", "ground": "not_mine", "items": 2, "withheld": false,
                "due": "2026-10-30T00:00:00Z", "furnishers": [partner(n)], "tells": 1,
            });
            new("dispute_opened", PublicKind::Right, record, Value::Null)
        }
        2 => {
            let record = json!({
                "by": partner(n), "outcomes": {"corrected": 1, "upheld": 2}, "state": "closed",
                "days": n % 30, "in_time": n % 30 <= 20, "bars": 0, "tells": 1,
            });
            new("dispute_answered", PublicKind::Right, record, Value::Null)
        }
        _ => new("looked_up", PublicKind::Right, json!({"by": "staff:ann"}), Value::Null),
    }
}

/// The instant of record of entry `n`: one every ten minutes from the end of September on.
fn time(n: u64) -> Time {
    "2026-09-29T12:00:00Z".parse::<Time>().expect("a time").plus_seconds(600 * n as i64)
}

impl TestLog {
    pub(crate) fn new(size: u64) -> TestLog {
        let (env, _) = Env::fixed(Time::default(), 5);
        let mut log = TestLog { entries: Vec::new(), hashes: Vec::new() };
        for n in 0..size {
            let mut draft = draft(n).holds(json!({"person": n}));
            let body = Body::write(&env, &mut draft);
            log.add(n, draft.public, &body);
        }
        log
    }

    pub(crate) fn add(&mut self, n: u64, kind: PublicKind, body: &Body) {
        let leaf = Leaf::new(kind, time(n), sha256(b"packs"), body.commitment()).to_bytes();
        self.hashes.push(leaf_hash(&leaf));
        let personal_hash = part_hash(&body.personal.salt, body.personal.text.as_bytes());
        let record = body.record.clone();
        self.entries.push(ExtractEntry { index: n, leaf, record, personal_hash });
    }

    pub(crate) fn checkpoint(&self, size: u64) -> String {
        let root = mth(&self.hashes[..size as usize]);
        let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size, root };
        checkpoint.sign(&[&log_key()]).expect("a checkpoint")
    }

    /// October (UTC+8) of this log, its checkpoints at these sizes.
    pub(crate) fn october(&self, first: Option<u64>, last: u64) -> ExtractInput {
        self.period(Period::month("2026-10".parse().expect("a month"), 8), first, last)
    }

    pub(crate) fn period(&self, period: Period, first: Option<u64>, last: u64) -> ExtractInput {
        let below = |at: Time| (0..last).take_while(|n| time(*n) < at).count() as u64;
        let indices = below(period.from)..below(period.until);
        let bounds = Bounds::gather(
            self,
            &mut |index| Ok(self.entries[index as usize].leaf.clone()),
            indices,
            first.map(|size| self.checkpoint(size)),
            self.checkpoint(last),
        );
        let bounds = bounds.expect("bounds");
        ExtractInput { origin: ORIGIN.to_owned(), period, bounds, log_keys: log_keys() }
    }

    pub(crate) fn extract(
        &self,
        input: &ExtractInput,
        out: &Path,
    ) -> Result<ExtractReport, ExtractError> {
        let range = input.bounds.start as usize..input.bounds.end as usize;
        self.write(input, self.entries[range].to_vec(), out)
    }

    pub(crate) fn write(
        &self,
        input: &ExtractInput,
        entries: Vec<ExtractEntry>,
        out: &Path,
    ) -> Result<ExtractReport, ExtractError> {
        let (log, manifest) = (log_key(), manifest_key());
        let keys = ExtractKeys { manifest: &manifest, log: &[&log] };
        let entries = entries.into_iter().map(Ok::<_, Infallible>);
        extract(input, entries, keys, out, &mut |_, _| {})
    }
}

/// The bytes, note and JWS of a manifest that may say anything.
pub(crate) fn resign(
    manifest: &Value,
    log: &NoteSigner,
    key: &SigningKey,
) -> (Vec<u8>, String, String) {
    let bytes = serde_json::to_vec_pretty(manifest).expect("JSON");
    let origin = manifest["origin"].as_str().expect("an origin");
    let note =
        super::manifest::sign_note(super::MANIFEST_FORMAT, origin, &bytes, &[log]).expect("a note");
    let jws = super::manifest::sign_jws(&bytes, key).expect("a JWS");
    (bytes, note, jws)
}
