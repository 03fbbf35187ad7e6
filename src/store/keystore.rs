//! Wrapped keys, in a store of their own (decisions.md 6): never in `backup`, wiped when deleted.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use diesel::prelude::*;

use super::schema::keys;
use super::{Store, StoreError, Target, Writer, insert_all, load_by, on_backend};
use crate::kernel::Env;
use crate::kernel::seal::{Place, SealKey};

/// The keys of persons and of periods, each wrapped under the bureau's wrapping key.
pub struct KeyStore {
    store: Store,
    writer: Mutex<Writer>,
    wrapping: SealKey,
}

#[derive(Insertable, Queryable)]
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
    pub fn open(target: Target, wrapping: SealKey) -> Result<KeyStore, StoreError> {
        let store = Store::open(target)?;
        let writer = Mutex::new(store.writer());
        Ok(KeyStore { store, writer, wrapping })
    }

    /// Another handle on the same key store, for another thread.
    pub fn another(&self) -> KeyStore {
        KeyStore {
            store: self.store.clone(),
            writer: Mutex::new(self.store.writer()),
            wrapping: self.wrapping.clone(),
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
        Ok(found)
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
        let bytes = self.wrapping.open(place(&row.name), &row.wrapped).map_err(|_| broken())?;
        SealKey::from_slice(&bytes).ok_or_else(broken)
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
        let rows: Vec<KeyRow> = fresh
            .iter()
            .map(|(name, key)| KeyRow {
                name: name.clone(),
                wrapped: self.wrapping.seal(env, place(name), key.expose()),
            })
            .collect();
        self.writer().write(
            "keys.put",
            |conn| {
                insert_all!(conn, keys, rows);
                Ok(())
            },
            |_, ()| Ok(false),
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

    /// Leaves no copy of a deleted key behind in the database's own journal.
    fn wipe(&self) -> Result<(), StoreError> {
        self.store.read(|conn| {
            let sql = match conn.is_postgres() {
                true => "VACUUM keys",
                false => "PRAGMA wal_checkpoint(TRUNCATE)",
            };
            conn.batch(sql)
        })
    }
}
