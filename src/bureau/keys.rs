//! The bureau's own keys: five of them, each with one use (decisions.md 5), in files only the
//! service can read. A hardware module would take the place of this file.
//!
//! ```text
//! DIR/keys/NAME.key         in use
//! DIR/keys/NAME.next.key    takes its place once the entry that says so is recorded
//! DIR/keys/NAME.before.key  still needed: co-signs checkpoints, opens what it wrapped
//! DIR/keys/retired.json     public halves of those that signed once
//! ```

mod rotate;

pub use rotate::RotateError;

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use ring::hmac;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::kernel::bytes::{base64, from_base64};
use crate::kernel::seal::SealKey;
use crate::kernel::{Env, Time};
use crate::ledger::note::{NoteSigner, Verifier};
use crate::partner::signature::{PublicKey, SigningKey};

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is none where one should be.
    #[error("{0} is missing: run `fivefold init`, or put the key back from its safe place")]
    Missing(PathBuf),
    /// Somebody else could have read it.
    #[error("{0} can be read by others: set its mode to 0600, and rotate it if in doubt")]
    Exposed(PathBuf),
    /// It is not one of our keys.
    #[error("{0} is not a Fivefold key file")]
    Malformed(PathBuf),
    /// The file system refused.
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
}

/// The five keys, by name.
pub const NAMES: [&str; 5] = ["log", "response", "manifest", "wrapping", "index"];
/// Those that can be rotated while the bureau serves. The index key cannot: marks of persons who
/// were forgotten are made with it, and nothing is left to make them anew from.
pub const ROTATABLE: [&str; 4] = ["log", "response", "manifest", "wrapping"];
/// Public halves of keys that signed until they were replaced.
const RETIRED: &str = "retired.json";

/// A key that signed until another took its place: what it signed stays verifiable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retired {
    /// `log`, `response` or `manifest`.
    pub name: String,
    /// Its public half: a vkey for `log`, else a JWK.
    pub key: Value,
    /// Since when it signs nothing new.
    pub since: Time,
}

/// What the files hold at one moment.
struct Held {
    log: Arc<NoteSigner>,
    /// Signs checkpoints too, until its rotation is finished.
    log_before: Option<Arc<NoteSigner>>,
    response: Arc<SigningKey>,
    manifest: Arc<SigningKey>,
    wrapping: SealKey,
    retired: Vec<Retired>,
    /// When each file was written, by which a change is noticed.
    written: Vec<Option<SystemTime>>,
}

/// The bureau's keys, in use. A rotation by another process is noticed by [`BureauKeys::refresh`].
pub struct BureauKeys {
    dir: PathBuf,
    origin: String,
    /// Digests documents for look-ups.
    pub index: hmac::Key,
    held: RwLock<Arc<Held>>,
}

fn file(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.key"))
}

/// The key that another takes the place of, while both are needed.
fn before(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.before.key"))
}

/// The key that takes another's place, until the rotation is on record.
fn next(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.next.key"))
}

fn write_secret(path: &Path, text: &str) -> Result<(), KeyError> {
    let io = |e| KeyError::Io(path.to_path_buf(), e);
    let mut out =
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
    out.write_all(text.as_bytes()).map_err(io)?;
    out.sync_all().map_err(io)
}

fn read_secret(path: &Path) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let meta = fs::metadata(path).map_err(|_| KeyError::Missing(path.to_path_buf()))?;
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(KeyError::Exposed(path.to_path_buf()));
    }
    let text =
        Zeroizing::new(fs::read_to_string(path).map_err(|e| KeyError::Io(path.to_path_buf(), e))?);
    let bytes = text
        .trim_end()
        .strip_prefix("fivefold-key/v1 ")
        .and_then(from_base64)
        .map(Zeroizing::new)
        .ok_or_else(|| KeyError::Malformed(path.to_path_buf()))?;
    let seed: [u8; 32] =
        bytes.as_slice().try_into().map_err(|_| KeyError::Malformed(path.to_path_buf()))?;
    Ok(Zeroizing::new(seed))
}

fn fresh(env: &Env, path: &Path) -> Result<(), KeyError> {
    let seed = Zeroizing::new(env.random::<32>());
    let text = Zeroizing::new(format!("fivefold-key/v1 {}\n", base64(&seed[..])));
    write_secret(path, &text)
}

fn sync(dir: &Path) -> Result<(), KeyError> {
    let io = |e| KeyError::Io(dir.to_path_buf(), e);
    fs::File::open(dir).map_err(io)?.sync_all().map_err(io)
}

fn read_retired(dir: &Path) -> Result<Vec<Retired>, KeyError> {
    let path = dir.join(RETIRED);
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| KeyError::Malformed(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(KeyError::Io(path, error)),
    }
}

/// Puts the list in place whole or not at all.
fn write_retired(dir: &Path, list: &[Retired]) -> Result<(), KeyError> {
    let (path, writing) = (dir.join(RETIRED), dir.join(format!("{RETIRED}.writing")));
    let io = |e| KeyError::Io(path.clone(), e);
    let text = serde_json::to_vec_pretty(list).map_err(|e| io(e.into()))?;
    let _ = fs::remove_file(&writing);
    let mut out = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&writing)
        .map_err(io)?;
    out.write_all(&text).and_then(|()| out.sync_all()).map_err(io)?;
    fs::rename(&writing, &path).map_err(io)?;
    sync(dir)
}

impl Held {
    fn read(dir: &Path, origin: &str) -> Result<Held, KeyError> {
        // First the times: a file that changes while it is read is read again.
        let written = Held::written(dir);
        let seed = |name: &str| read_secret(&file(dir, name));
        let malformed = |name: &str| KeyError::Malformed(file(dir, name));
        let signing = |name: &str| {
            SigningKey::from_seed(&*seed(name)?).map(Arc::new).map_err(|_| malformed(name))
        };
        let note = |path: &Path| {
            NoteSigner::from_seed(origin, &*read_secret(path)?)
                .map(Arc::new)
                .map_err(|_| KeyError::Malformed(path.to_path_buf()))
        };
        let seal = |path: &Path| {
            SealKey::from_slice(&read_secret(path)?[..])
                .ok_or_else(|| KeyError::Malformed(path.to_path_buf()))
        };
        let old_log = before(dir, "log");
        let log_before = if old_log.exists() { Some(note(&old_log)?) } else { None };
        let mut wrapping = seal(&file(dir, "wrapping"))?;
        let old_wrapping = before(dir, "wrapping");
        if old_wrapping.exists() {
            wrapping = wrapping.or(seal(&old_wrapping)?);
        }
        Ok(Held {
            log: note(&file(dir, "log"))?,
            log_before,
            response: signing("response")?,
            manifest: signing("manifest")?,
            wrapping,
            retired: read_retired(dir)?,
            written,
        })
    }

    fn written(dir: &Path) -> Vec<Option<SystemTime>> {
        let files = ROTATABLE.iter().flat_map(|name| [file(dir, name), before(dir, name)]);
        files
            .chain([dir.join(RETIRED)])
            .map(|path| fs::metadata(path).and_then(|meta| meta.modified()).ok())
            .collect()
    }
}

impl BureauKeys {
    /// Makes the keys that are not there yet.
    ///
    /// # Errors
    /// The file system's.
    pub fn create(env: &Env, dir: &Path) -> Result<(), KeyError> {
        fs::create_dir_all(dir).map_err(|e| KeyError::Io(dir.to_path_buf(), e))?;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
            .map_err(|e| KeyError::Io(dir.to_path_buf(), e))?;
        for name in NAMES {
            let path = file(dir, name);
            if !path.exists() {
                fresh(env, &path)?;
            }
        }
        sync(dir)
    }

    /// Reads the keys; `origin` names the log key.
    ///
    /// # Errors
    /// A key that is missing, exposed or not a key.
    pub fn load(dir: &Path, origin: &str) -> Result<BureauKeys, KeyError> {
        rotate::sweep(dir)?;
        let index = read_secret(&file(dir, "index"))?;
        Ok(BureauKeys {
            dir: dir.to_path_buf(),
            origin: origin.to_string(),
            index: hmac::Key::new(hmac::HMAC_SHA256, &index[..]),
            held: RwLock::new(Arc::new(Held::read(dir, origin)?)),
        })
    }

    fn held(&self) -> Arc<Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the keys again if any file changed; says whether one did.
    ///
    /// # Errors
    /// A key that is missing, exposed or not a key: those in use stay in use.
    pub fn refresh(&self) -> Result<bool, KeyError> {
        if Held::written(&self.dir) == self.held().written {
            return Ok(false);
        }
        let held = Arc::new(Held::read(&self.dir, &self.origin)?);
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = held;
        Ok(true)
    }

    /// Signs checkpoints.
    pub fn log(&self) -> Arc<NoteSigner> {
        self.held().log.clone()
    }

    /// All that sign checkpoints: while a rotation is under way the old key does too.
    pub fn log_signers(&self) -> Vec<Arc<NoteSigner>> {
        let held = self.held();
        [Some(held.log.clone()), held.log_before.clone()].into_iter().flatten().collect()
    }

    /// Signs responses.
    pub fn response(&self) -> Arc<SigningKey> {
        self.held().response.clone()
    }

    /// Signs manifests of exports, and certificates.
    pub fn manifest(&self) -> Arc<SigningKey> {
        self.held().manifest.clone()
    }

    /// Wraps the keys of persons and periods; also opens what the one before wrapped.
    pub fn wrapping(&self) -> SealKey {
        self.held().wrapping.clone()
    }

    /// Keys that signed once.
    pub fn retired(&self) -> Vec<Retired> {
        self.held().retired.clone()
    }

    /// The public keys by which new checkpoints are believed.
    pub fn log_verifiers(&self) -> Vec<Verifier> {
        self.log_signers().iter().map(|signer| signer.verifier().clone()).collect()
    }

    /// Those, and the ones that signed checkpoints in the past.
    pub fn log_verifiers_ever(&self) -> Vec<Verifier> {
        let mut all = self.log_verifiers();
        let retired = self.retired();
        let past = retired.iter().filter(|one| one.name == "log");
        let past = past.filter_map(|one| Verifier::parse(one.key.as_str()?).ok());
        all.extend(past.filter(|key| key.name() == self.origin).collect::<Vec<_>>());
        all
    }

    /// Public halves of `response` or `manifest`, as JWKs, the one in use first.
    pub fn published(&self, name: &str) -> Vec<Value> {
        let held = self.held();
        let own = if name == "response" { &held.response } else { &held.manifest };
        let past = held.retired.iter().rev().filter(|one| one.name == name);
        [own.public().to_jwk()].into_iter().chain(past.map(|one| one.key.clone())).collect()
    }

    /// The public half, of now or of then, of the manifest key with this id.
    pub fn manifest_of(&self, keyid: &str) -> Option<Value> {
        let all = self.published("manifest");
        all.into_iter().find(|jwk| PublicKey::from_jwk(jwk).is_ok_and(|key| key.keyid() == keyid))
    }
}

/// The latest time the service's clock may lie before the log's last entry, in seconds; beyond it
/// the clock is wrong and nothing is written (decisions.md 25).
pub const CLOCK_BEHIND_SECONDS_MAX: i64 = 300;

/// The latest time the service's clock may lie after the log's last entry, in days. No bureau is
/// idle for ten years; a clock that lost its battery wakes in another decade, and one entry with
/// its time would keep the right time out.
pub const CLOCK_AHEAD_DAYS_MAX: i64 = 3_660;

/// Whether the clock can be trusted beside a log that ends at `head`.
pub fn clock_is_plausible(now: Time, head: Time) -> bool {
    now.plus_seconds(CLOCK_BEHIND_SECONDS_MAX) >= head
        && now <= head.plus_days(CLOCK_AHEAD_DAYS_MAX)
}

/// What is to be done with keys once a batch is committed.
#[derive(Default)]
pub struct KeysAfter {
    /// To be destroyed.
    pub doomed: Vec<String>,
    /// To be replaced by the one that waits.
    pub replaced: Vec<String>,
}
