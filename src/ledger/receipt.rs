//! An answer as a receipt (decisions.md 7): what was answered is what stands in the log.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::checkpoint::{Checkpoint, Cosigned};
use super::commitment::Opening;
use super::leaf::{Leaf, LeafError, PublicKind};
use super::note::Verifier;
use super::proof::{Proof, ProofError};

/// Members of an answer that its record repeats, where the answer has them at all.
pub const REPEATED: [&str; 12] = [
    "inquiry",
    "scenario",
    "form",
    "as_of",
    "score",
    "band",
    "outcome",
    "level",
    "model",
    "rule_pack",
    "reasons",
    "dimensions",
];

/// What a receipt shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Index of the inquiry's entry.
    pub index: u64,
    /// Its leaf.
    pub leaf: Leaf,
    /// The checkpoint that covers it.
    pub checkpoint: Checkpoint,
    /// The demanded witnesses' cosignatures.
    pub cosigned: Vec<Cosigned>,
    /// Members of the answer that the logged record confirms.
    pub confirmed: Vec<&'static str>,
}

/// Why an answer is not a receipt.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// The answer has no usable `log` member.
    #[error("the answer's log member is not a receipt: {0}")]
    NoReceipt(serde_json::Error),
    /// `log.leaf` is not a leaf.
    #[error("the answer's log.leaf is {0}")]
    Leaf(#[from] LeafError),
    /// The leaf is of another kind than an inquiry.
    #[error("the entry is of kind {0}, not an inquiry")]
    NotAnInquiry(PublicKind),
    /// The opened record is not what the leaf commits to.
    #[error("the opened record is not the one that the log's entry commits to")]
    WrongOpening,
    /// The proof is of another entry.
    #[error("the proof is of entry {proof}, the answer of entry {answer}")]
    OtherEntry {
        /// Index in the proof.
        proof: u64,
        /// Index in the answer.
        answer: u64,
    },
    /// The proof is refused.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The record is not a JSON object.
    #[error("the opened record is not a JSON object")]
    NotARecord,
    /// The answer says something else than the record.
    #[error("the answer's {0} is not what was recorded")]
    Differs(&'static str),
    /// The record has no member in common with the answer, so it confirms nothing.
    #[error("the opened record confirms nothing of the answer")]
    ConfirmsNothing,
}

impl ReceiptError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            ReceiptError::NoReceipt(_) => "receipt_absent",
            ReceiptError::Leaf(_) => "receipt_leaf",
            ReceiptError::NotAnInquiry(_) => "receipt_not_an_inquiry",
            ReceiptError::WrongOpening => "receipt_wrong_opening",
            ReceiptError::OtherEntry { .. } => "receipt_other_entry",
            ReceiptError::Proof(error) => error.code(),
            ReceiptError::NotARecord => "receipt_not_a_record",
            ReceiptError::Differs(_) => "receipt_differs",
            ReceiptError::ConfirmsNothing => "receipt_confirms_nothing",
        }
    }
}

#[derive(Deserialize)]
struct LogMember {
    index: u64,
    leaf: String,
    opening: Opening,
}

/// Verifies that an answer was recorded in the log as it was given: its opening leads to its leaf,
/// the proof shows that leaf at its index under a checkpoint signed by one of `log_keys` (and
/// cosigned by all `witnesses`), and all that record and answer both can say is equal.
///
/// # Errors
/// [`ReceiptError`] says which link is broken.
pub fn verify_receipt(
    answer: &Value,
    proof: &str,
    log_keys: &[Verifier],
    witnesses: &[Verifier],
) -> Result<Receipt, ReceiptError> {
    let log = LogMember::deserialize(answer.get("log").unwrap_or(&Value::Null))
        .map_err(ReceiptError::NoReceipt)?;
    let leaf = Leaf::parse(log.leaf.as_bytes())?;
    if leaf.kind != PublicKind::Inquiry {
        return Err(ReceiptError::NotAnInquiry(leaf.kind));
    }
    if log.opening.commitment() != leaf.commitment {
        return Err(ReceiptError::WrongOpening);
    }
    let proof = Proof::parse(proof)?;
    if proof.index != log.index {
        return Err(ReceiptError::OtherEntry { proof: proof.index, answer: log.index });
    }
    let opened = proof.verify(log.leaf.as_bytes(), log_keys, witnesses)?;
    let record: Map<String, Value> =
        serde_json::from_str(&log.opening.record).map_err(|_| ReceiptError::NotARecord)?;
    let confirmed: Vec<&str> =
        REPEATED.into_iter().filter(|name| record.contains_key(*name)).collect();
    if let Some(name) = confirmed.iter().find(|name| record.get(**name) != answer.get(**name)) {
        return Err(ReceiptError::Differs(name));
    }
    if confirmed.is_empty() {
        return Err(ReceiptError::ConfirmsNothing);
    }
    let (checkpoint, cosigned) = (opened.checkpoint, opened.cosigned);
    Ok(Receipt { index: log.index, leaf, checkpoint, cosigned, confirmed })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kernel::Time;
    use crate::ledger::commitment::part_hash;
    use crate::ledger::memory::{TestLog, key, leaf};
    use crate::ledger::tile::TiledHashes;

    /// An answer that was logged as entry 300 of 400, and its proof.
    fn recorded() -> (Value, String) {
        let record = r#"{"kind":"answer","inquiry":"inq_1","form":"score","score":712}"#;
        let opening = Opening {
            salt: [1; 32],
            record: record.to_owned(),
            personal_hash: part_hash(&[2; 32], b"who"),
        };
        let time: Time = "2026-09-21T13:35:00Z".parse().expect("a time");
        let leaf_of = |kind| Leaf::new(kind, time, [5; 32], opening.commitment()).to_bytes();
        let mut leaves: Vec<Vec<u8>> = (0..400).map(leaf).collect();
        leaves[300] = leaf_of(PublicKind::Inquiry);
        let log = TestLog::of(leaves, &[400]);
        let hashes = TiledHashes::new(&log.store, 400);
        let proof = Proof::make(&hashes, 300, &log.checkpoint()).expect("a proof").to_text();
        let leaf = String::from_utf8(log.leaves[300].clone()).expect("text");
        let answer = json!({
            "inquiry": "inq_1", "form": "score", "score": 712, "use": {"onward": false},
            "log": {"index": 300, "leaf": leaf, "opening": opening, "proof_url": "…"},
        });
        (answer, proof)
    }

    fn refusal(answer: &Value, proof: &str) -> &'static str {
        let keys = [key().verifier().clone()];
        match verify_receipt(answer, proof, &keys, &[]) {
            Ok(_) => "verified",
            Err(error) => error.code(),
        }
    }

    #[test]
    fn a_recorded_answer_is_a_receipt() {
        let (answer, proof) = recorded();
        let keys = [key().verifier().clone()];
        let receipt = verify_receipt(&answer, &proof, &keys, &[]).expect("a receipt");
        assert_eq!((receipt.index, receipt.checkpoint.size), (300, 400));
        assert_eq!(receipt.confirmed, ["inquiry", "form", "score"]);
    }

    #[test]
    fn every_altered_link_has_its_own_refusal() {
        let (answer, proof) = recorded();
        let cases: [(&str, Value, &str); 9] = [
            ("/score", json!(713), "receipt_differs"),
            ("/form", json!(null), "receipt_differs"),
            ("/inquiry", json!("inq_2"), "receipt_differs"),
            ("/log", json!({}), "receipt_absent"),
            ("/log/index", json!(299), "receipt_other_entry"),
            ("/log/leaf", json!("leaf"), "receipt_leaf"),
            ("/log/opening/record", json!("{}"), "receipt_wrong_opening"),
            ("/log/opening/personal", json!(""), "receipt_absent"),
            ("/use/onward", json!(true), "verified"),
        ];
        for (pointer, value, code) in cases {
            let mut altered = answer.clone();
            *altered.pointer_mut(pointer).expect("a member") = value;
            assert_eq!(refusal(&altered, &proof), code, "{pointer}");
        }
        assert_eq!(
            refusal(&answer, &proof.replace("index 300", "index 301")),
            "receipt_other_entry"
        );
        let mut moved = answer.clone();
        moved["log"]["index"] = json!(301);
        let moved_proof = proof.replace("index 300", "index 301");
        assert_eq!(refusal(&moved, &moved_proof), "proof_not_included");
        let mut relabelled = answer;
        let leaf = relabelled["log"]["leaf"].as_str().expect("text").replace("inquiry", "consent");
        relabelled["log"]["leaf"] = json!(leaf);
        assert_eq!(refusal(&relabelled, &proof), "receipt_not_an_inquiry");
    }
}
