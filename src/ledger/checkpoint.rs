//! Checkpoints (C2SP `tlog-checkpoint`): the signed statement of what the tree was at a size.

use crate::kernel::bytes::{Digest, base64};

use super::note::{self, NoteError, NoteSigner, SignatureType, Verifier};
use super::text;
use super::tree::empty_root;

/// What a checkpoint says: this log, at this size, has this root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name: a URL prefix without scheme and without trailing slash.
    pub origin: String,
    /// How many entries the tree has.
    pub size: u64,
    /// The tree's root hash.
    pub root: Digest,
}

/// Why a checkpoint is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It is not a note, or not signed as it should be.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Its text is not that of a checkpoint.
    #[error("not a checkpoint: {0}")]
    Malformed(&'static str),
    /// None of the log's keys that were given has signed it under its origin's name.
    #[error("the checkpoint of {0} is not signed by that log's key")]
    NotTheLog(String),
    /// A witness that is demanded has not cosigned it.
    #[error("the checkpoint is not cosigned by the witness {0}")]
    NotWitnessed(String),
    /// A key was given in the wrong role.
    #[error("the key of {0} has the wrong signature type: a log signs with 0x01, a witness 0x04")]
    KeyRole(String),
}

impl CheckpointError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            CheckpointError::Note(error) => error.code(),
            CheckpointError::Malformed(_) => "checkpoint_malformed",
            CheckpointError::NotTheLog(_) => "checkpoint_not_the_log",
            CheckpointError::NotWitnessed(_) => "checkpoint_not_witnessed",
            CheckpointError::KeyRole(_) => "checkpoint_key_role",
        }
    }
}

/// That a witness has cosigned a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// The witness's key name.
    pub witness: String,
    /// When it signed, Unix seconds.
    pub time: u64,
}

/// A checkpoint whose signatures were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedCheckpoint {
    /// What it says.
    pub checkpoint: Checkpoint,
    /// The witnesses that were asked for, all of which have signed.
    pub cosigned: Vec<Cosigned>,
}

impl Checkpoint {
    /// The note text: origin, size and base64 root, one a line.
    pub fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, base64(&self.root))
    }

    /// Reads the note text. Extension lines are refused: this log writes none.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`].
    pub fn parse(text: &str) -> Result<Checkpoint, CheckpointError> {
        let malformed = CheckpointError::Malformed;
        let body = text.strip_suffix('\n').ok_or(malformed("it does not end with a newline"))?;
        let lines: Vec<&str> = body.split('\n').collect();
        let &[origin, size, root] = lines.as_slice() else {
            return Err(malformed("it has not three lines"));
        };
        if !note::is_key_name(origin) {
            return Err(malformed("its origin is empty or has spaces or +"));
        }
        let size = text::decimal(size).ok_or(malformed("its size is not a plain decimal"))?;
        let root = text::hash(root).ok_or(malformed("its root is not 32 bytes in base64"))?;
        if size == 0 && root != empty_root() {
            return Err(malformed("its root is not that of the empty tree"));
        }
        Ok(Checkpoint { origin: origin.to_owned(), size, root })
    }

    /// What a note says, without looking at its signatures: for those who wrote it themselves.
    ///
    /// # Errors
    /// [`CheckpointError::Note`], [`CheckpointError::Malformed`].
    pub fn read_unverified(note: &str) -> Result<Checkpoint, CheckpointError> {
        Checkpoint::parse(note::split(note)?.0)
    }

    /// Signs with every signer: old and new log key while they overlap.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`] when the origin cannot stand in a checkpoint,
    /// [`CheckpointError::NotTheLog`] when a signer's name is not the origin,
    /// [`CheckpointError::Note`] without signers.
    pub fn sign(&self, signers: &[&NoteSigner]) -> Result<String, CheckpointError> {
        let text = self.to_text();
        Checkpoint::parse(&text)?;
        if signers.iter().any(|signer| signer.verifier().name() != self.origin) {
            return Err(CheckpointError::NotTheLog(self.origin.clone()));
        }
        Ok(note::sign(&text, signers)?)
    }

    /// Opens a signed checkpoint. One of `log_keys` (the log's present and retired keys) must have
    /// signed it under the origin's name, and every one of `witnesses` must have cosigned it.
    ///
    /// # Errors
    /// [`CheckpointError`] says what is missing or wrong.
    pub fn open(
        note: &str,
        log_keys: &[Verifier],
        witnesses: &[Verifier],
    ) -> Result<OpenedCheckpoint, CheckpointError> {
        let wrong_log = log_keys.iter().find(|key| key.kind() != SignatureType::Ed25519);
        let wrong_witness = witnesses.iter().find(|key| key.kind() != SignatureType::Cosignature);
        if let Some(key) = wrong_log.or(wrong_witness) {
            return Err(CheckpointError::KeyRole(key.name().to_owned()));
        }
        let opened = note::open(note, &[log_keys, witnesses].concat())?;
        let checkpoint = Checkpoint::parse(&opened.text)?;
        let by_log = |key: &Verifier| log_keys.contains(key) && key.name() == checkpoint.origin;
        if !opened.signed.iter().any(|signed| by_log(&signed.key)) {
            return Err(CheckpointError::NotTheLog(checkpoint.origin));
        }
        let cosigned = witnesses.iter().map(|witness| {
            let signed = opened.signed.iter().find(|signed| signed.key == *witness);
            let name = witness.name().to_owned();
            match signed.and_then(|signed| signed.time) {
                Some(time) => Ok(Cosigned { witness: name, time }),
                None => Err(CheckpointError::NotWitnessed(name)),
            }
        });
        let cosigned = cosigned.collect::<Result<_, _>>()?;
        Ok(OpenedCheckpoint { checkpoint, cosigned })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        Checkpoint { origin: "bureau.example/log".to_owned(), size: 7, root: [7; 32] }
    }

    fn key(seed: u8) -> NoteSigner {
        NoteSigner::from_seed("bureau.example/log", &[seed; 32]).expect("a key")
    }

    #[test]
    fn a_checkpoint_has_one_spelling() {
        let text = checkpoint().to_text();
        assert_eq!(Checkpoint::parse(&text), Ok(checkpoint()));
        for (from, to) in [
            ("\n7\n", "\n07\n"),
            ("\n7\n", "\n+7\n"),
            ("\n7\n", "\n0\n"),
            ("bureau", "bu reau"),
            ("bureau", "bu+reau"),
            ("=\n", "=\nextension\n"),
            ("=\n", "="),
            ("=\n", "\n"),
            ("Bwc=", "BwcH"),
        ] {
            let wrong = text.replace(from, to);
            assert_ne!(wrong, text);
            assert!(Checkpoint::parse(&wrong).is_err(), "{to:?}");
        }
    }

    #[test]
    fn old_and_new_key_open_a_checkpoint_while_they_overlap() {
        let (old, new, later) = (key(1), key(2), key(3));
        let note = checkpoint().sign(&[&old, &new]).expect("a checkpoint");
        for signer in [&old, &new] {
            let opened = Checkpoint::open(&note, &[signer.verifier().clone()], &[]);
            assert_eq!(opened.map(|o| o.checkpoint), Ok(checkpoint()));
        }
        let keys = [later.verifier().clone()];
        assert_eq!(
            Checkpoint::open(&note, &keys, &[]),
            Err(CheckpointError::Note(NoteError::Unsigned))
        );
    }

    #[test]
    fn a_key_of_another_name_does_not_speak_for_the_log() {
        let other = NoteSigner::from_seed("other.example/log", &[1; 32]).expect("a key");
        assert!(checkpoint().sign(&[&other]).is_err());
        let note = note::sign(&checkpoint().to_text(), &[&other]).expect("a note");
        let opened = Checkpoint::open(&note, &[other.verifier().clone()], &[]);
        assert_eq!(opened, Err(CheckpointError::NotTheLog("bureau.example/log".to_owned())));
    }

    #[test]
    fn every_demanded_witness_must_have_cosigned() {
        let log = key(1);
        let witness = |n: u8| {
            NoteSigner::witness_from_seed(&format!("w{n}.example"), &[n; 32]).expect("a key")
        };
        let (one, two) = (witness(1), witness(2));
        let text = checkpoint().to_text();
        let note = checkpoint().sign(&[&log]).expect("a checkpoint") + &one.line(&text, 99);
        let logs = [log.verifier().clone()];
        let opened = Checkpoint::open(&note, &logs, &[one.verifier().clone()]).expect("opens");
        assert_eq!(opened.cosigned, [Cosigned { witness: "w1.example".to_owned(), time: 99 }]);
        let both = [one.verifier().clone(), two.verifier().clone()];
        let missing = CheckpointError::NotWitnessed("w2.example".to_owned());
        assert_eq!(Checkpoint::open(&note, &logs, &both), Err(missing));
        let role = CheckpointError::KeyRole("bureau.example/log".to_owned());
        assert_eq!(Checkpoint::open(&note, &logs, &logs), Err(role));
    }
}
