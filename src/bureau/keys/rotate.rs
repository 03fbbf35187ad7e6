//! Rotation: a fresh key takes the place of another while the bureau serves.
//!
//! Two steps, so that every process and node can follow before anything depends on it:
//! [`Bureau::rotate_key`] makes the new key, puts it on record and in use, and leaves the old one
//! beside it where it is still needed; [`Bureau::finish_rotation`] ends that. A crash between
//! leaves files that the same command goes on from.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    BureauKeys, Held, KeyError, ROTATABLE, Retired, before, file, fresh, next, read_secret, sync,
    write_retired,
};
use crate::bureau::Bureau;
use crate::bureau::admission::Admission;
use crate::bureau::command::keeping::Keeping;
use crate::error::Problem;
use crate::kernel::{Env, Time};
use crate::ledger::leaf::PublicKind;
use crate::ledger::note::NoteSigner;
use crate::partner::signature::SigningKey;
use crate::store::StoreError;

/// Why a key was not rotated.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// The files.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The entry was refused.
    #[error(transparent)]
    Refused(#[from] Problem),
    /// It cannot be rotated.
    #[error(
        "{0} cannot be rotated while the bureau serves: marks of persons who were forgotten are \
         made with it, and nothing is left to make them anew from"
    )]
    Fixed(String),
    /// There is no such key.
    #[error("there is no key {0}: `fivefold keys list` shows them")]
    Unknown(String),
    /// The rotation before is not finished.
    #[error("the rotation of {0} before this one is not finished: `fivefold keys finish {0}`")]
    Unfinished(String),
    /// It stopped before the new key was in place.
    #[error("the rotation of {0} stopped half-way: run `fivefold keys rotate {0}` again first")]
    HalfWay(String),
    /// There is nothing to finish.
    #[error("no rotation of {0} is under way")]
    Nothing(String),
}

fn known(name: &str) -> Result<(), RotateError> {
    match name {
        name if ROTATABLE.contains(&name) => Ok(()),
        "index" => Err(RotateError::Fixed(name.to_string())),
        name => Err(RotateError::Unknown(name.to_string())),
    }
}

/// Whether the old key is needed beside the new one for a while.
fn overlaps(name: &str) -> bool {
    matches!(name, "log" | "wrapping")
}

fn rename(from: &Path, to: &Path) -> Result<(), KeyError> {
    fs::rename(from, to).map_err(|e| KeyError::Io(from.to_path_buf(), e))
}

/// Overwrites a key that is not needed any more, then removes it. On a disk that writes elsewhere
/// this is no promise; what it wrapped or signed is not wrapped by it any more either way.
///
/// It loses its name first: half overwritten it is no key, and nobody must take it for one.
fn destroy(path: &Path) -> Result<(), KeyError> {
    let gone = path.with_extension("gone");
    rename(path, &gone)?;
    if let Some(dir) = gone.parent() {
        sync(dir)?;
    }
    blank(&gone)
}

/// Nothing to do is no error: another process may have done it.
fn blank(gone: &Path) -> Result<(), KeyError> {
    let blanked = || {
        let length = fs::metadata(gone)?.len();
        let blank = vec![b' '; usize::try_from(length).unwrap_or_default()];
        let mut file = fs::OpenOptions::new().write(true).open(gone)?;
        file.write_all(&blank)?;
        file.sync_all()?;
        fs::remove_file(gone)
    };
    match blanked() {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(KeyError::Io(gone.to_path_buf(), e)),
        _ => Ok(()),
    }
}

/// Ends what a crash has left of [`destroy`].
pub(super) fn sweep(dir: &Path) -> Result<(), KeyError> {
    for name in ROTATABLE {
        let gone = before(dir, name).with_extension("gone");
        if gone.exists() {
            blank(&gone)?;
        }
    }
    Ok(())
}

impl BureauKeys {
    /// The public half of a key in a file; nothing for one that signs nothing.
    fn public_half(&self, name: &str, path: &Path) -> Result<Option<Value>, KeyError> {
        let malformed = |_| KeyError::Malformed(path.to_path_buf());
        let seed = read_secret(path)?;
        match name {
            "log" => {
                let signer = NoteSigner::from_seed(&self.origin, &seed);
                Ok(Some(json!(signer.map_err(malformed)?.vkey())))
            }
            "response" | "manifest" => {
                let key = SigningKey::from_seed(&seed);
                let malformed = |_| KeyError::Malformed(path.to_path_buf());
                Ok(Some(key.map_err(malformed)?.public().to_jwk()))
            }
            _ => Ok(None),
        }
    }

    /// Makes the key that is to take the place of `name`; one that waits already is kept.
    fn prepare(&self, env: &Env, name: &str) -> Result<Option<Value>, KeyError> {
        let path = next(&self.dir, name);
        if !path.exists() {
            fresh(env, &path)?;
            sync(&self.dir)?;
        }
        self.public_half(name, &path)
    }

    /// Puts the waiting key in place. At no moment is there none: the old key gets a second name
    /// first, and a crash after that leaves it in use until the rotation is repeated.
    fn replace(&self, name: &str, now: Time) -> Result<(), KeyError> {
        let (old, new) = (file(&self.dir, name), next(&self.dir, name));
        let kept = before(&self.dir, name);
        if !overlaps(name) {
            self.retire(name, &old, now)?;
        } else if !kept.exists() {
            fs::hard_link(&old, &kept).map_err(|e| KeyError::Io(kept, e))?;
            sync(&self.dir)?;
        }
        rename(&new, &old)?;
        sync(&self.dir)?;
        self.refresh().map(|_| ())
    }

    /// Publishes the public half of a key as one that signed once.
    fn retire(&self, name: &str, path: &Path, since: Time) -> Result<(), KeyError> {
        let Some(key) = self.public_half(name, path)? else { return Ok(()) };
        let mut list = super::read_retired(&self.dir)?;
        if !list.iter().any(|one| one.name == name && one.key == key) {
            list.push(Retired { name: name.to_string(), key, since });
            write_retired(&self.dir, &list)?;
        }
        Ok(())
    }

    /// Whether a rotation of `name` is under way.
    pub fn is_rotating(&self, name: &str) -> bool {
        before(&self.dir, name).exists()
    }

    /// Whether a key waits to take the place of `name`: a rotation stopped half-way.
    fn is_waiting(&self, name: &str) -> bool {
        next(&self.dir, name).exists()
    }

    fn reread(&self) -> Result<(), KeyError> {
        let held = Arc::new(Held::read(&self.dir, &self.origin)?);
        *self.held.write().unwrap_or_else(std::sync::PoisonError::into_inner) = held;
        Ok(())
    }
}

impl Bureau {
    /// Puts a fresh key in the place of `name`. What the old one signed stays verifiable, and what
    /// it wrapped opens. Answers the public half, where there is one.
    ///
    /// # Errors
    /// [`RotateError`].
    pub fn rotate_key(&self, by: Admission, name: &str) -> Result<Option<Value>, RotateError> {
        known(name)?;
        let keys = &self.engine.keys;
        if keys.is_rotating(name) && !keys.is_waiting(name) {
            return Err(RotateError::Unfinished(name.to_string()));
        }
        let public = keys.prepare(&self.engine.env, name)?;
        let says = vec![("key", json!(name)), ("public", json!(public))];
        self.keyed(by, "key_rotated", says)?;
        keys.replace(name, self.engine.env.now())?;
        self.use_keys()?;
        Ok(public)
    }

    /// Ends the time in which both keys are needed: the old log key signs no checkpoint any more,
    /// and what the old wrapping key wrapped is wrapped anew. The old private key is destroyed.
    /// Answers how many keys were wrapped anew.
    ///
    /// # Errors
    /// [`RotateError`].
    pub fn finish_rotation(&self, by: Admission, name: &str) -> Result<u64, RotateError> {
        known(name)?;
        let keys = &self.engine.keys;
        if keys.is_waiting(name) {
            return Err(RotateError::HalfWay(name.to_string()));
        }
        if !keys.is_rotating(name) {
            return Err(RotateError::Nothing(name.to_string()));
        }
        let wrapped = match name {
            "wrapping" => self.keystore.rewrap(&self.engine.env)?,
            _ => 0,
        };
        self.keyed(by, "key_retired", vec![("key", json!(name)), ("wrapped", json!(wrapped))])?;
        let old = before(&keys.dir, name);
        keys.retire(name, &old, self.engine.env.now())?;
        destroy(&old)?;
        sync(&keys.dir)?;
        keys.reread()?;
        self.use_keys()?;
        Ok(wrapped)
    }

    fn keyed(
        &self,
        admission: Admission,
        kind: &'static str,
        says: Vec<(&'static str, Value)>,
    ) -> Result<(), Problem> {
        let public = PublicKind::Key;
        self.run(Keeping { admission, kind, public, says }).value().map(|_| ())
    }

    /// Takes up what another process changed about the keys.
    ///
    /// # Errors
    /// A key that is missing, exposed or not a key: those in use stay in use.
    pub fn refresh_keys(&self) -> Result<bool, KeyError> {
        let changed = self.engine.keys.refresh()?;
        if changed {
            self.use_keys()?;
        }
        Ok(changed)
    }

    fn use_keys(&self) -> Result<(), KeyError> {
        self.keystore.rewrapping(self.engine.keys.wrapping());
        self.tell_vkey()
    }

    /// Writes the log's public key beside the published log.
    pub(in crate::bureau) fn tell_vkey(&self) -> Result<(), KeyError> {
        let path = self.log_dir().join("vkey");
        let text = format!("{}\n", self.engine.keys.log().vkey());
        fs::write(&path, text).map_err(|e| KeyError::Io(path, e))
    }
}
