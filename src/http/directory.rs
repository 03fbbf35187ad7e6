//! Which key belongs to whom: a copy of the registry for checking signatures, read again when a
//! key is not in it. The sequencer asks the registry itself once more before anything is done.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::bureau::admission::Principal;
use crate::partner::rows as partner_rows;
use crate::partner::signature::PublicKey;
use crate::store::{Store, StoreError};
use crate::subject::rows::{self as subject_rows, By};

/// Characters of an RFC 7638 thumbprint (SHA-256, base64url).
const THUMBPRINT_CHARS: usize = 43;
/// Keys remembered at most; beyond it the copy starts anew.
const KEYS_MAX: usize = 200_000;

/// A key, whose it is, and whether it may be used.
#[derive(Clone)]
pub struct Known {
    /// The key.
    pub key: Arc<PublicKey>,
    /// Whose.
    pub principal: Principal,
    /// Its partner is suspended, or the key was retired.
    pub suspended: bool,
}

/// The copy.
pub struct Directory {
    store: Store,
    known: RwLock<BTreeMap<String, Known>>,
}

impl Directory {
    /// An empty copy of the registry in `store`.
    pub fn new(store: Store) -> Directory {
        Directory { store, known: RwLock::default() }
    }

    /// The key with this thumbprint, if it is registered.
    ///
    /// # Errors
    /// The database's.
    pub fn find(&self, keyid: &str) -> Result<Option<Known>, StoreError> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(keyid).cloned();
        // A suspension may have been lifted since: only good news is remembered.
        if let Some(known) = known.filter(|k| !k.suspended) {
            return Ok(Some(known));
        }
        // A look-up blocks: the other connections of this worker go on elsewhere meanwhile.
        let found = tokio::task::block_in_place(|| self.look_up(keyid))?;
        let mut map = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if map.len() >= KEYS_MAX {
            map.clear();
        }
        match &found {
            Some(known) => {
                map.insert(keyid.to_string(), known.clone());
            }
            None => {
                map.remove(keyid);
            }
        }
        Ok(found)
    }

    fn look_up(&self, keyid: &str) -> Result<Option<Known>, StoreError> {
        // What cannot be a thumbprint is nobody's: the database is not asked.
        if keyid.len() != THUMBPRINT_CHARS {
            return Ok(None);
        }
        if let Some((key, suspended)) =
            self.store.read(|conn| partner_rows::find_key(conn, keyid))?
        {
            return Ok(Some(Known {
                key: Arc::new(key.key),
                principal: Principal::Partner(key.partner),
                suspended: suspended || key.retired.is_some(),
            }));
        }
        let rows = self.store.read(|conn| subject_rows::person_keys(conn, By::Key, &[keyid]))?;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        let key = PublicKey::from_json(&row.jwk)
            .map_err(|_| StoreError::inconsistent("a person's key does not read"))?;
        Ok(Some(Known {
            key: Arc::new(key),
            principal: Principal::Person(row.person),
            suspended: row.retired_us.is_some(),
        }))
    }
}
