//! Wrapped keys, in a store of their own (decisions.md 6): never in `backup`, wiped when deleted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use diesel::prelude::*;
use zeroize::Zeroizing;

use super::schema::keys;
use super::{
    AnyConn, Store, StoreError, Target, Writer, insert_all, load_by, on_backend, page_after,
};
use crate::kernel::Env;
use crate::kernel::seal::{Place, SealKey};

/// Reads the wrapping key again, if it can be read.
pub type Again = Arc<dyn Fn() -> Option<SealKey> + Send + Sync>;

/// The keys of persons and of periods, each wrapped under the bureau's wrapping key.
pub struct KeyStore {
    store: Store,
    writer: Mutex<Writer>,
    wrapping: Arc<RwLock<SealKey>>,
    /// Reads the wrapping key again: another process may have rotated it.
    again: Again,
    /// Whether some key is being replaced: then a second name is looked up with each.
    replacing: Arc<AtomicBool>,
}

/// Begins the name under which the key that takes another's place waits for the commit.
/// How often a journal that a reader holds is tried to be emptied at once.
const WIPES_MAX: usize = 100;
const NEXT: &str = "next:";

#[derive(Clone, Insertable, Queryable)]
#[diesel(table_name = keys)]
#[diesel(treat_none_as_default_value = false)]
struct KeyRow {
    name: String,
    wrapped: Vec<u8>,
}

fn place(name: &str) -> Place<'_> {
    Place { table: "keys", column: "wrapped", row: name, index: 0 }
}

impl KeyStore {
    /// Opens the key store.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open(target: Target, wrapping: SealKey, again: Again) -> Result<KeyStore, StoreError> {
        let store = Store::open(target)?;
        let writer = Mutex::new(store.writer());
        let wrapping = Arc::new(RwLock::new(wrapping));
        let keystore = KeyStore { store, writer, wrapping, again, replacing: Arc::default() };
        let waiting = !keystore.waiting()?.is_empty();
        keystore.replacing.store(waiting, Ordering::SeqCst);
        Ok(keystore)
    }

    /// Another handle on the same key store, for another thread.
    pub fn another(&self) -> KeyStore {
        KeyStore {
            store: self.store.clone(),
            writer: Mutex::new(self.store.writer()),
            wrapping: self.wrapping.clone(),
            again: self.again.clone(),
            replacing: self.replacing.clone(),
        }
    }

    /// The keys of these names; a name without a key is absent from the answer.
    ///
    /// # Errors
    /// The database's, or a wrapped key that does not open.
    pub fn get<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<BTreeMap<String, SealKey>, StoreError> {
        let names: Vec<&str> = names.into_iter().collect();
        let rows = self.store.read(|conn| Ok(load_by!(conn, keys, name, names, KeyRow)))?;
        let mut found = BTreeMap::new();
        for row in rows {
            let key = self.opened(&row)?;
            found.insert(row.name, key);
        }
        if self.replacing.load(Ordering::SeqCst) {
            self.add_next(&mut found)?;
        }
        Ok(found)
    }

    /// While a key is being replaced, rows are sealed under either.
    fn add_next(&self, found: &mut BTreeMap<String, SealKey>) -> Result<(), StoreError> {
        let names: Vec<String> = found.keys().map(|name| format!("{NEXT}{name}")).collect();
        for row in self.store.read(|conn| Ok(load_by!(conn, keys, name, names, KeyRow)))? {
            let next = self.opened(&row)?;
            let name = row.name.trim_start_matches(NEXT);
            if let Some(key) = found.remove(name) {
                found.insert(name.to_string(), key.or(next));
            }
        }
        Ok(())
    }

    /// The names of keys that are being replaced.
    ///
    /// # Errors
    /// The database's.
    pub fn waiting(&self) -> Result<Vec<String>, StoreError> {
        let names: Vec<String> = self.store.read(|conn| {
            let all = keys::table.select(keys::name);
            Ok(match conn {
                AnyConn::Pg(c) => all.filter(keys::name.like(format!("{NEXT}%"))).load(c)?,
                // SQLite takes no index for LIKE, and every start asks: bytes compare as bytes.
                AnyConn::Sqlite(c) => {
                    all.filter(keys::name.ge(NEXT)).filter(keys::name.lt("next;")).load(c)?
                }
            })
        })?;
        Ok(names.iter().map(|name| name.trim_start_matches(NEXT).to_string()).collect())
    }

    /// The names under which something is kept of persons who were forgotten.
    ///
    /// # Errors
    /// The database's.
    pub fn kept_as_evidence(&self) -> Result<Vec<String>, StoreError> {
        let names: Vec<String> = self.store.read(|conn| {
            Ok(on_backend!(conn, |c| keys::table
                .filter(keys::name.like("person:%#evidence-%"))
                .select(keys::name)
                .order(keys::name)
                .load(c))?)
        })?;
        Ok(names
            .iter()
            .filter_map(|name| name.strip_prefix("person:"))
            .map(str::to_string)
            .collect())
    }

    /// The key that waits to take the place of `name`.
    ///
    /// # Errors
    /// The database's.
    pub fn next(&self, name: &str) -> Result<Option<SealKey>, StoreError> {
        let next = format!("{NEXT}{name}");
        Ok(self.get([next.as_str()])?.remove(&next))
    }

    /// Durably keeps the key that will take the place of `name`, before anything is sealed anew.
    ///
    /// # Errors
    /// The database's.
    pub fn prepare(&self, env: &Env, name: &str, key: &SealKey) -> Result<(), StoreError> {
        self.replacing.store(true, Ordering::SeqCst);
        let next = format!("{NEXT}{name}");
        let wrapped = self.current().seal(env, place(&next), key.expose());
        self.exchange(&[&next], Some(KeyRow { name: next.clone(), wrapped }))
    }

    /// Puts the waiting key in the place of `name`; the old one is destroyed. Where none waits,
    /// another process has done it already.
    ///
    /// # Errors
    /// The database's.
    pub fn promote(&self, env: &Env, name: &str) -> Result<(), StoreError> {
        let Some(key) = self.next(name)? else { return self.settled() };
        let wrapped = self.current().seal(env, place(name), key.expose());
        let row = KeyRow { name: name.to_string(), wrapped };
        self.exchange(&[name, &format!("{NEXT}{name}")], Some(row))?;
        self.settled()
    }

    /// Drops a waiting key: what it was for was not committed.
    ///
    /// # Errors
    /// The database's.
    pub fn discard(&self, name: &str) -> Result<(), StoreError> {
        self.exchange(&[&format!("{NEXT}{name}")], None)?;
        self.settled()
    }

    fn exchange(&self, out: &[&str], row: Option<KeyRow>) -> Result<(), StoreError> {
        self.writer().write(
            "keys.exchange",
            |conn| {
                on_backend!(conn, |c| diesel::delete(keys::table.filter(keys::name.eq_any(out)))
                    .execute(c))?;
                let rows: Vec<KeyRow> = row.iter().cloned().collect();
                insert_all!(conn, keys, rows);
                Ok(())
            },
            |_, ()| Ok(false),
        )
    }

    fn settled(&self) -> Result<(), StoreError> {
        self.wipe()?;
        let waiting = !self.waiting()?.is_empty();
        self.replacing.store(waiting, Ordering::SeqCst);
        Ok(())
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // A writer whose holder stopped in the middle reconnects by itself.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn opened(&self, row: &KeyRow) -> Result<SealKey, StoreError> {
        let broken = || {
            StoreError::inconsistent(format!(
                "the key {} does not open with this wrapping key",
                row.name
            ))
        };
        let open = |wrapping: SealKey| wrapping.open(place(&row.name), &row.wrapped);
        let opened = open(self.wrapping()).or_else(|error| match (self.again)() {
            Some(wrapping) => {
                self.rewrapping(wrapping.clone());
                open(wrapping)
            }
            None => Err(error),
        });
        let bytes = Zeroizing::new(opened.map_err(|_| broken())?);
        SealKey::from_slice(&bytes).ok_or_else(broken)
    }

    fn wrapping(&self) -> SealKey {
        self.wrapping.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Wraps with another key from now on; it must open what is wrapped already.
    pub fn rewrapping(&self, wrapping: SealKey) {
        *self.wrapping.write().unwrap_or_else(PoisonError::into_inner) = wrapping;
    }

    /// The wrapping key as its file is now: whoever wraps must not do it with one that was
    /// replaced.
    fn current(&self) -> SealKey {
        if let Some(wrapping) = (self.again)() {
            self.rewrapping(wrapping);
        }
        self.wrapping()
    }

    /// Wraps every key anew that the wrapping key before wrapped, until none is left. Keys that
    /// are destroyed meanwhile stay destroyed. Answers how many there were.
    ///
    /// # Errors
    /// The database's, or a wrapped key that does not open.
    pub fn rewrap(&self, env: &Env) -> Result<u64, StoreError> {
        let mut wrapped = 0;
        loop {
            match self.rewrap_once(env)? {
                0 => break,
                more => wrapped += more,
            }
        }
        self.wipe()?;
        Ok(wrapped)
    }

    fn rewrap_once(&self, env: &Env) -> Result<u64, StoreError> {
        let (mut after, mut wrapped) = (String::new(), 0);
        loop {
            let rows: Vec<KeyRow> =
                self.store.read(|conn| Ok(page_after!(conn, keys, name, &after, KeyRow)))?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.name);
            let wrapping = self.current();
            let own = wrapping.alone();
            let mut fresh = Vec::new();
            for row in rows.iter().filter(|row| own.open(place(&row.name), &row.wrapped).is_err()) {
                let key = self.opened(row)?;
                fresh.push((row, wrapping.seal(env, place(&row.name), key.expose())));
            }
            wrapped += self.writer().write(
                "keys.rewrap",
                |conn| {
                    let mut done = 0;
                    for (row, anew) in &fresh {
                        // The row as it was read: one that was replaced since is wrapped anew
                        // already, and one that is gone must not come back.
                        done += on_backend!(conn, |c| diesel::update(
                            keys::table
                                .filter(keys::name.eq(&row.name))
                                .filter(keys::wrapped.eq(&row.wrapped))
                        )
                        .set(keys::wrapped.eq(anew))
                        .execute(c))? as u64;
                    }
                    Ok(done)
                },
                |_, _| Ok(false),
            )?;
        }
        Ok(wrapped)
    }

    /// Durably keeps fresh keys. It is done before the data that they seal is written: a key too
    /// many harms nobody, a key too few would lose a person.
    ///
    /// # Errors
    /// The database's.
    pub fn put(&self, env: &Env, fresh: &[(String, SealKey)]) -> Result<(), StoreError> {
        if fresh.is_empty() {
            return Ok(());
        }
        let wrapping = self.current();
        let rows: Vec<KeyRow> = fresh
            .iter()
            .map(|(name, key)| KeyRow {
                name: name.clone(),
                wrapped: wrapping.seal(env, place(name), key.expose()),
            })
            .collect();
        self.writer().write(
            "keys.put",
            |conn| {
                insert_all!(conn, keys, rows);
                Ok(())
            },
            // Inserted twice they would be refused, and so would everything that needs them.
            |conn, ()| {
                let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
                let there: Vec<KeyRow> = load_by!(conn, keys, name, names, KeyRow);
                Ok(rows.iter().all(|row| there.iter().any(|one| one.wrapped == row.wrapped)))
            },
        )
    }

    /// Destroys a key. What it sealed can never be read again, by anyone.
    ///
    /// # Errors
    /// The database's.
    pub fn destroy(&self, name: &str) -> Result<bool, StoreError> {
        let destroyed = self.writer().write(
            "keys.destroy",
            |conn| {
                let rows =
                    on_backend!(conn, |c| diesel::delete(keys::table.filter(keys::name.eq(name)))
                        .execute(c))?;
                Ok(rows == 1)
            },
            |_, _| Ok(false),
        )?;
        self.wipe()?;
        Ok(destroyed)
    }

    /// Leaves no copy of a deleted key behind in the database's own journal. Answers whether
    /// nothing is left.
    ///
    /// # Errors
    /// The database's.
    pub fn wipe(&self) -> Result<bool, StoreError> {
        for _ in 0..WIPES_MAX {
            if self.store.read(AnyConn::wipe)? {
                return Ok(true);
            }
            std::thread::yield_now();
        }
        tracing::warn!("a reader kept the key store's journal: the next sweep empties it");
        Ok(false)
    }
}
