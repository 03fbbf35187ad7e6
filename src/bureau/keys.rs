//! The bureau's own keys: five of them, each with one use (decisions.md 5), in files only the
//! service can read. A hardware module would take the place of this file.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ring::hmac;
use zeroize::Zeroizing;

use crate::kernel::bytes::{base64, from_base64};
use crate::kernel::seal::SealKey;
use crate::kernel::{Env, Time};
use crate::ledger::note::{NoteSigner, Verifier};
use crate::partner::signature::SigningKey;

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

const NAMES: [&str; 5] = ["log", "response", "manifest", "wrapping", "index"];

/// The five keys, in use.
pub struct BureauKeys {
    /// Signs checkpoints.
    pub log: NoteSigner,
    /// Signs responses.
    pub response: SigningKey,
    /// Signs manifests of exports.
    pub manifest: SigningKey,
    /// Wraps the keys of persons and periods.
    pub wrapping: SealKey,
    /// Digests documents for look-ups.
    pub index: hmac::Key,
}

fn file(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.key"))
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
                let seed = Zeroizing::new(env.random::<32>());
                write_secret(&path, &format!("fivefold-key/v1 {}\n", base64(&seed[..])))?;
            }
        }
        Ok(())
    }

    /// Reads the keys; `origin` names the log key.
    ///
    /// # Errors
    /// A key that is missing, exposed or not a key.
    pub fn load(dir: &Path, origin: &str) -> Result<BureauKeys, KeyError> {
        let seed = |name: &str| read_secret(&file(dir, name));
        let malformed = |name: &str| KeyError::Malformed(file(dir, name));
        let log = NoteSigner::from_seed(origin, &*seed("log")?).map_err(|_| malformed("log"))?;
        let wrapping = SealKey::from_slice(&seed("wrapping")?[..]);
        Ok(BureauKeys {
            log,
            response: SigningKey::from_seed(&*seed("response")?)
                .map_err(|_| malformed("response"))?,
            manifest: SigningKey::from_seed(&*seed("manifest")?)
                .map_err(|_| malformed("manifest"))?,
            wrapping: wrapping.ok_or_else(|| malformed("wrapping"))?,
            index: hmac::Key::new(hmac::HMAC_SHA256, &seed("index")?[..]),
        })
    }
}

impl BureauKeys {
    /// The public keys that checkpoints of this log are believed by.
    pub fn log_verifiers(&self) -> Vec<Verifier> {
        vec![self.log.verifier().clone()]
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
