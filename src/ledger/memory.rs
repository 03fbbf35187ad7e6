//! A published log in memory that can fail on demand, for the tests of this stage.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::rc::Rc;

use crate::kernel::Time;
use crate::kernel::bytes::sha256;

use super::checkpoint::Checkpoint;
use super::leaf::{Leaf, PublicKind};
use super::note::NoteSigner;
use super::publish::{Publisher, TileStore};
use super::tile::{CHECKPOINT, TilePath, TileSource};
use super::tree::CompactRange;

/// The origin of all test logs.
pub(super) const ORIGIN: &str = "bureau.example/log";

/// The key of all test logs.
pub(super) fn key() -> NoteSigner {
    NoteSigner::from_seed(ORIGIN, &[7; 32]).expect("a key")
}

/// The leaf of entry `n`.
pub(super) fn leaf(n: u64) -> Vec<u8> {
    let time = Time::from_micros(1_790_000_000_000_000).plus_seconds(n as i64 / 3);
    let kind = PublicKind::ALL[n as usize % 8];
    Leaf::new(kind, time, sha256(b"packs"), sha256(&n.to_be_bytes())).to_bytes()
}

/// The signed checkpoint of a tree.
pub(super) fn sign(tree: &CompactRange) -> String {
    let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size: tree.size(), root: tree.root() };
    checkpoint.sign(&[&key()]).expect("a checkpoint")
}

/// How a write fails.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// Nothing was written.
    BeforeWriting,
    /// It was written, but the writer was told otherwise.
    AfterWriting,
}

#[derive(Default)]
struct Inner {
    files: RefCell<BTreeMap<String, Vec<u8>>>,
    fault: Cell<Option<(u32, Fault)>>,
}

/// Files in memory; clones share them.
#[derive(Clone, Default)]
pub(super) struct MemoryStore(Rc<Inner>);

impl MemoryStore {
    /// All files.
    pub(super) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.0.files.borrow().clone()
    }

    /// Puts a file, or removes it.
    pub(super) fn set(&self, path: &str, bytes: Option<Vec<u8>>) {
        let mut files = self.0.files.borrow_mut();
        match bytes {
            Some(bytes) => files.insert(path.to_owned(), bytes),
            None => files.remove(path),
        };
    }

    /// Lets `survives` changes pass and fails all that follow.
    pub(super) fn fail_after(&self, survives: u32, fault: Fault) {
        self.0.fault.set(Some((survives, fault)));
    }

    /// Ends all failing.
    pub(super) fn heal(&self) {
        self.0.fault.set(None);
    }

    fn change(&self, act: impl FnOnce(&mut BTreeMap<String, Vec<u8>>)) -> io::Result<()> {
        let fault = self.0.fault.get();
        match fault {
            Some((0, Fault::BeforeWriting)) => return Err(io::Error::other("failed")),
            Some((left, fault)) => {
                self.0.fault.set(Some((left.saturating_sub(1), fault)));
            }
            None => {}
        }
        act(&mut self.0.files.borrow_mut());
        match fault {
            Some((0, Fault::AfterWriting)) => {
                // A process that was told of a failure stops, so what follows must fail too.
                self.0.fault.set(Some((0, Fault::BeforeWriting)));
                Err(io::Error::other("failed, but persisted"))
            }
            _ => Ok(()),
        }
    }
}

impl TileSource for MemoryStore {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.files.borrow().get(path).cloned())
    }

    fn list(&self) -> io::Result<Option<Vec<String>>> {
        let files = self.0.files.borrow();
        Ok(Some(files.keys().filter(|path| *path != CHECKPOINT).cloned().collect()))
    }
}

impl TileStore for MemoryStore {
    fn has(&self, path: &str) -> io::Result<bool> {
        Ok(self.0.files.borrow().contains_key(path))
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.change(|files| {
            files.insert(path.to_owned(), bytes.to_vec());
        })
    }

    fn remove_partials(&self, full: &TilePath) -> io::Result<()> {
        let prefix = format!("{full}.p/");
        self.change(|files| files.retain(|path, _| !path.starts_with(&prefix)))
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self) -> io::Result<Option<File>> {
        Ok(None)
    }
}

/// A published log.
pub(super) struct TestLog {
    /// Its files.
    pub(super) store: MemoryStore,
    /// Its leaves.
    pub(super) leaves: Vec<Vec<u8>>,
}

impl TestLog {
    /// A log published in steps of these sizes, with a checkpoint after each.
    pub(super) fn published(steps: &[usize]) -> TestLog {
        let size: usize = steps.iter().sum();
        TestLog::of((0..size as u64).map(leaf).collect(), steps)
    }

    /// A log of these leaves.
    pub(super) fn of(leaves: Vec<Vec<u8>>, steps: &[usize]) -> TestLog {
        let store = MemoryStore::default();
        let mut publisher = Publisher::open(store.clone()).expect("a publisher");
        let mut from = 0;
        for size in steps {
            let tree = publisher.publish(from as u64, &leaves[from..from + size]).expect("a tree");
            publisher.write_checkpoint(&sign(&tree)).expect("a checkpoint");
            from += size;
        }
        TestLog { store, leaves }
    }

    /// The published checkpoint.
    pub(super) fn checkpoint(&self) -> String {
        let bytes = self.store.read(CHECKPOINT).expect("memory").expect("a checkpoint");
        String::from_utf8(bytes).expect("text")
    }
}
