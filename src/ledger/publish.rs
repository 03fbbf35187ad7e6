//! Publishes the log as files: bundles and tiles first, the checkpoint last.
//!
//! Every step can be repeated. Files are written whole under another name, made durable and then
//! renamed, so a crash leaves a file either absent or complete. A crash before the checkpoint
//! leaves tiles ahead of it, which nobody is sent to; publishing again finds them equal and goes
//! on. A file that is there with other bytes is never overwritten: it means that the log and its
//! database disagree about the past, which an operator must see.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::builder::TreeBuilder;
use super::checkpoint::{Checkpoint, CheckpointError};
use super::source::DirSource;
use super::tile::{CHECKPOINT, Layer, TILE_WIDTH, TileError, TilePath, TileSource};
use super::tree::CompactRange;
use crate::store::faults;

/// How many leaves a rebuild asks for at once.
const REBUILD_SLICE: u64 = 16 * TILE_WIDTH;

/// Where the files of a log are written.
pub trait TileStore: TileSource {
    /// Whether there is such a file.
    ///
    /// # Errors
    /// When it cannot be told.
    fn has(&self, path: &str) -> io::Result<bool>;

    /// Writes a file so that it is seen either not at all (or as it was) or whole.
    ///
    /// # Errors
    /// When it may not have been written.
    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()>;

    /// Removes all partial versions of a full tile or bundle, if there are any.
    ///
    /// # Errors
    /// When some may be left.
    fn remove_partials(&self, full: &TilePath) -> io::Result<()>;

    /// Returns when all that was written is durable.
    ///
    /// # Errors
    /// When it may not be.
    fn sync(&self) -> io::Result<()>;

    /// Keeps other writers out until the file is dropped; `None` where there can be none.
    ///
    /// # Errors
    /// When the lock cannot be taken.
    fn lock(&self) -> io::Result<Option<File>>;
}

/// The files of a log in a directory.
#[derive(Debug)]
pub struct DirStore {
    files: DirSource,
    /// Directories whose entries changed since the last sync.
    dirty: Mutex<BTreeSet<PathBuf>>,
}

impl DirStore {
    /// The log in `dir`, which is made when it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(dir: &Path) -> io::Result<DirStore> {
        let store = DirStore { files: DirSource::new(dir), dirty: Mutex::default() };
        if !dir.is_dir() {
            fs::create_dir_all(dir)?;
            dir.parent().into_iter().for_each(|parent| store.changed(parent));
        }
        Ok(store)
    }

    fn changed(&self, dir: &Path) {
        let mut dirty = self.dirty.lock().unwrap_or_else(PoisonError::into_inner);
        dirty.insert(dir.to_owned());
    }

    /// Makes `dir` and the directories above it up to the log's own.
    fn make_dirs(&self, dir: &Path) -> io::Result<()> {
        if !dir.is_dir() {
            fs::create_dir_all(dir)?;
            let root = self.files.dir();
            dir.ancestors().skip(1).take_while(|d| d.starts_with(root)).for_each(|d| {
                self.changed(d);
            });
        }
        Ok(())
    }
}

impl TileSource for DirStore {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        self.files.read(path)
    }

    fn list(&self) -> io::Result<Option<Vec<String>>> {
        self.files.list()
    }
}

impl TileStore for DirStore {
    fn has(&self, path: &str) -> io::Result<bool> {
        self.files.dir().join(path).try_exists()
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        // One name for all: the lock keeps writers apart, and a crash leaves at most this file.
        let root = self.files.dir();
        let writing = root.join(".writing");
        let mut file = File::create(&writing)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        let target = root.join(path);
        let dir = target.parent().unwrap_or(root);
        self.make_dirs(dir)?;
        faults::reach("tile.written");
        fs::rename(&writing, &target)?;
        faults::reach("tile.renamed");
        self.changed(dir);
        self.changed(root);
        Ok(())
    }

    fn remove_partials(&self, full: &TilePath) -> io::Result<()> {
        let dir = self.files.dir().join(format!("{full}.p"));
        match fs::remove_dir_all(&dir) {
            Ok(()) => {
                dir.parent().into_iter().for_each(|parent| self.changed(parent));
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn sync(&self) -> io::Result<()> {
        let mut dirty = self.dirty.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(dir) = dirty.first().cloned() {
            match File::open(&dir) {
                Ok(dir) => dir.sync_all()?,
                // Removed with the partial tiles that it held.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            dirty.remove(&dir);
        }
        Ok(())
    }

    fn lock(&self) -> io::Result<Option<File>> {
        let path = self.files.dir().join(".lock");
        let file = File::options().create(true).write(true).truncate(false).open(path)?;
        file.lock()?;
        Ok(Some(file))
    }
}

/// Why something was not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A file cannot be written or locked.
    #[error("the published log cannot be written: {0}")]
    Io(#[from] io::Error),
    /// A tile that is needed to go on is missing or malformed; a rebuild brings it back.
    #[error("the published log cannot be continued: {0}")]
    Tile(#[from] TileError),
    /// A published file has other bytes than the entries give. Published files never change.
    #[error("{0} is published with other bytes; published files are never rewritten")]
    Differs(String),
    /// The published or the offered checkpoint is not one.
    #[error("checkpoint refused: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The offered checkpoint's root is not that of the published tiles.
    #[error("the published tiles do not give the checkpoint's root at size {0}")]
    WrongRoot(u64),
    /// A later checkpoint is published already.
    #[error("a checkpoint of size {published} is published already; {offered} would go back")]
    Behind {
        /// Size of the published checkpoint.
        published: u64,
        /// Size of the one that was offered.
        offered: u64,
    },
    /// The published checkpoint does not belong to the tree that is being published.
    #[error("the checkpoint published at size {0} is of another tree")]
    Forked(u64),
    /// The published checkpoint has another origin.
    #[error("the published log is {0}")]
    OtherOrigin(String),
    /// The entries that a rebuild asked for were not all given.
    #[error("{given} entries were given for the range {start}..{end}")]
    EntriesMissing {
        /// First entry asked for.
        start: u64,
        /// One past the last.
        end: u64,
        /// How many came.
        given: usize,
    },
}

impl PublishError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            PublishError::Io(_) => "publish_io",
            PublishError::Tile(_) => "publish_tile",
            PublishError::Differs(_) => "publish_differs",
            PublishError::Checkpoint(error) => error.code(),
            PublishError::WrongRoot(_) => "publish_wrong_root",
            PublishError::Behind { .. } => "publish_behind",
            PublishError::Forked(_) => "publish_forked",
            PublishError::OtherOrigin(_) => "publish_other_origin",
            PublishError::EntriesMissing { .. } => "publish_entries_missing",
        }
    }
}

/// Writes one file of the tree, unless it is there already, or the full one that took its place.
fn put(store: &dyn TileStore, tile: &TilePath, bytes: &[u8]) -> Result<(), PublishError> {
    let path = tile.to_string();
    if let Some(published) = store.read(&path)? {
        return if published == bytes { Ok(()) } else { Err(PublishError::Differs(path)) };
    }
    if !tile.is_full() {
        let full = TilePath::full(tile.layer, tile.index).to_string();
        if let Some(published) = store.read(&full)? {
            let same = published.starts_with(bytes);
            return if same { Ok(()) } else { Err(PublishError::Differs(full)) };
        }
    }
    Ok(store.write(&path, bytes)?)
}

/// Writes a log's files.
#[derive(Debug)]
pub struct Publisher<S> {
    store: S,
    /// The right edge as it was left, so that going on reads nothing back.
    edge: Option<TreeBuilder>,
}

impl<S: TileStore> Publisher<S> {
    /// A publisher into `store`, where what a crash may have left is tidied up.
    ///
    /// # Errors
    /// [`PublishError::Io`], [`PublishError::Checkpoint`] when the published one is not readable.
    pub fn open(store: S) -> Result<Publisher<S>, PublishError> {
        let publisher = Publisher { store, edge: None };
        let lock = publisher.store.lock()?;
        publisher.prune(0)?;
        drop(lock);
        Ok(publisher)
    }

    /// The store that is published into.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The checkpoint that is published, its signatures not looked at; `None` before the first.
    ///
    /// # Errors
    /// [`PublishError::Io`], [`PublishError::Checkpoint`] when the file is not a checkpoint.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, PublishError> {
        let Some(bytes) = self.store.read(CHECKPOINT)? else { return Ok(None) };
        let note =
            str::from_utf8(&bytes).map_err(|_| CheckpointError::Malformed("it is not UTF-8"))?;
        Ok(Some(Checkpoint::read_unverified(note)?))
    }

    /// Publishes bundles and tiles for the entries that follow the first `from`, and returns the
    /// frontier of the whole tree. The checkpoint is not touched. `from` may lie anywhere in what
    /// is published: entries published before must be the same.
    ///
    /// # Errors
    /// [`PublishError::Tile`] when the tree of `from` entries is not all there (rebuild then),
    /// [`PublishError::Differs`], [`PublishError::Io`].
    pub fn publish<L: AsRef<[u8]>>(
        &mut self,
        from: u64,
        leaves: &[L],
    ) -> Result<CompactRange, PublishError> {
        let _lock = self.store.lock()?;
        let edge = self.edge.take().filter(|edge| edge.size() == from);
        let mut edge = match edge {
            Some(edge) => edge,
            None => TreeBuilder::load(&self.store, from)?,
        };
        let store = &self.store;
        for leaf in leaves {
            edge.append(leaf.as_ref(), &mut |tile, bytes| put(store, tile, bytes))?;
        }
        self.finish(edge)
    }

    /// Publishes the whole tree of `size` entries from the entries alone: for a new or damaged
    /// directory. What is there already must be the same. `leaves` gives the entries of a range.
    ///
    /// # Errors
    /// [`PublishError::Differs`], [`PublishError::EntriesMissing`], [`PublishError::Io`], also
    /// with what `leaves` says.
    pub fn rebuild(
        &mut self,
        size: u64,
        leaves: &mut dyn FnMut(Range<u64>) -> io::Result<Vec<Vec<u8>>>,
    ) -> Result<CompactRange, PublishError> {
        let _lock = self.store.lock()?;
        self.edge = None;
        let mut edge = TreeBuilder::new();
        let store = &self.store;
        while edge.size() < size {
            let (start, end) = (edge.size(), size.min(edge.size() + REBUILD_SLICE));
            let slice = leaves(start..end)?;
            if slice.len() as u64 != end - start {
                let given = slice.len();
                return Err(PublishError::EntriesMissing { start, end, given });
            }
            for leaf in slice {
                edge.append(&leaf, &mut |tile, bytes| put(store, tile, bytes))?;
            }
        }
        self.finish(edge)
    }

    fn finish(&mut self, edge: TreeBuilder) -> Result<CompactRange, PublishError> {
        let store = &self.store;
        edge.partials(&mut |tile, bytes| put(store, tile, bytes))?;
        store.sync()?;
        let frontier = edge.frontier();
        self.edge = Some(edge);
        Ok(frontier)
    }

    /// Publishes a signed checkpoint, after a look at the right edge of the tree: the tiles that
    /// are published must give its root, and that of the checkpoint it takes the place of.
    /// Partial tiles that no checkpoint needs any more are removed after it.
    ///
    /// # Errors
    /// [`PublishError::WrongRoot`], [`PublishError::Behind`], [`PublishError::Forked`],
    /// [`PublishError::OtherOrigin`], [`PublishError::Tile`], [`PublishError::Io`].
    pub fn write_checkpoint(&mut self, note: &str) -> Result<(), PublishError> {
        let _lock = self.store.lock()?;
        let offered = Checkpoint::read_unverified(note)?;
        if self.root_at(offered.size)? != offered.root {
            return Err(PublishError::WrongRoot(offered.size));
        }
        let mut previous = 0;
        if let Some(published) = self.checkpoint()? {
            if published.origin != offered.origin {
                return Err(PublishError::OtherOrigin(published.origin));
            }
            if published.size > offered.size {
                let (published, offered) = (published.size, offered.size);
                return Err(PublishError::Behind { published, offered });
            }
            if self.root_at(published.size)? != published.root {
                return Err(PublishError::Forked(published.size));
            }
            previous = published.size;
        }
        self.store.write(CHECKPOINT, note.as_bytes())?;
        // A crash from here on leaves partial tiles that nobody needs; `open` removes them.
        self.store.sync()?;
        self.prune(previous)
    }

    fn root_at(&self, size: u64) -> Result<[u8; 32], PublishError> {
        Ok(TreeBuilder::load(&self.store, size)?.frontier().root())
    }

    /// Removes partial versions of tiles that became full after size `from` and are full at the
    /// published checkpoint. Who holds an older checkpoint reads the full tile in their place.
    fn prune(&self, from: u64) -> Result<(), PublishError> {
        let size = self.checkpoint()?.map_or(0, |checkpoint| checkpoint.size);
        let layers = [Layer::Entries].into_iter().chain((0..8).map(Layer::Hashes));
        for layer in layers {
            for index in layer.items(from) / TILE_WIDTH..layer.items(size) / TILE_WIDTH {
                let full = TilePath::full(layer, index);
                if self.store.has(&full.to_string())? {
                    self.store.remove_partials(&full)?;
                }
            }
        }
        Ok(self.store.sync()?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ledger::memory::{Fault, MemoryStore, TestLog, key, leaf, sign};
    use crate::ledger::verify::verify_log;

    fn audit(store: &MemoryStore) -> u64 {
        let keys = [key().verifier().clone()];
        let report = verify_log(store, &keys, None, &[], &mut |_, _| {});
        report.expect("a log that verifies").checkpoint.size
    }

    /// One step of a bureau: publish what is new, then the checkpoint.
    fn step(store: MemoryStore, from: u64, leaves: &[Vec<u8>]) -> Result<(), PublishError> {
        let mut publisher = Publisher::open(store)?;
        let tree = publisher.publish(from, leaves)?;
        publisher.write_checkpoint(&sign(&tree))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_crash_at_any_write_leaves_a_log_that_goes_on_to_the_same_files(
            steps in prop::collection::vec((1..400_usize, 0..14_u32, any::<bool>()), 1..6),
        ) {
            let sizes: Vec<usize> = steps.iter().map(|(size, _, _)| *size).collect();
            let calm = TestLog::published(&sizes);
            let store = MemoryStore::default();
            let mut from = 0;
            for (size, survives, persisted) in steps {
                let leaves = &calm.leaves[from..from + size];
                let fault = if persisted { Fault::AfterWriting } else { Fault::BeforeWriting };
                store.fail_after(survives, fault);
                let crashed = step(store.clone(), from as u64, leaves).is_err();
                store.heal();
                if crashed {
                    if store.read(CHECKPOINT).expect("memory").is_some() {
                        prop_assert!(audit(&store) >= from as u64);
                    }
                    step(store.clone(), from as u64, leaves).expect("the second time");
                }
                from += size;
                prop_assert_eq!(audit(&store), from as u64);
            }
            prop_assert_eq!(store.files(), calm.store.files());
        }
    }

    #[test]
    fn publishing_in_steps_and_rebuilding_give_the_same_tree() {
        let steps = TestLog::published(&[1, 254, 1, 1, 300, 512]);
        let store = MemoryStore::default();
        let mut publisher = Publisher::open(store.clone()).expect("a publisher");
        let size = steps.leaves.len() as u64;
        let mut asked = 0;
        let mut leaves = |range: Range<u64>| {
            assert_eq!(range.start, asked);
            asked = range.end;
            Ok(steps.leaves[range.start as usize..range.end as usize].to_vec())
        };
        let tree = publisher.rebuild(size, &mut leaves).expect("a tree");
        publisher.write_checkpoint(&sign(&tree)).expect("a checkpoint");
        let rebuilt = store.files();
        let mut stepped = steps.store.files();
        for tile in TilePath::all(size) {
            assert_eq!(rebuilt.get(&tile.to_string()), stepped.get(&tile.to_string()));
        }
        // What the steps left besides: partial tiles of earlier checkpoints.
        stepped.retain(|path, _| !rebuilt.contains_key(path));
        assert!(!stepped.is_empty());
        assert!(stepped.keys().all(|path| path.contains(".p/")), "{:?}", stepped.keys());

        let mut short = |_: Range<u64>| Ok(Vec::new());
        let refused = publisher.rebuild(size, &mut short);
        assert!(matches!(refused, Err(PublishError::EntriesMissing { start: 0, given: 0, .. })));
    }

    #[test]
    fn partial_tiles_go_when_a_checkpoint_has_the_full_one_and_not_before() {
        let log = TestLog::published(&[200]);
        let mut publisher = Publisher::open(log.store.clone()).expect("a publisher");
        let more: Vec<Vec<u8>> = (200..300).map(leaf).collect();
        let tree = publisher.publish(200, &more).expect("a tree");
        assert!(log.store.files().contains_key("tile/entries/000.p/200"));
        assert_eq!(audit(&log.store), 200);
        publisher.write_checkpoint(&sign(&tree)).expect("a checkpoint");
        assert!(!log.store.files().keys().any(|path| path.contains("/000.p/200")));
        assert_eq!(audit(&log.store), 300);
        // Publishing the past again, from anywhere in it, changes nothing.
        let before = log.store.files();
        for range in [0..300, 100..200, 256..300, 300..300] {
            let past: Vec<Vec<u8>> = range.clone().map(leaf).collect();
            publisher.publish(range.start, &past).expect("the same entries");
        }
        assert_eq!(log.store.files(), before);
    }

    #[test]
    fn what_is_published_is_never_rewritten() {
        let log = TestLog::published(&[256, 10]);
        let before = log.store.files();
        let mut publisher = Publisher::open(log.store.clone()).expect("a publisher");
        let mut other = log.leaves.clone();
        other[3] = leaf(7_000);
        let differs = publisher.publish(0, &other).expect_err("another past");
        assert!(matches!(&differs, PublishError::Differs(path) if path == "tile/entries/000"));
        let mut other = log.leaves[256..].to_vec();
        other[3] = leaf(7_000);
        let differs = publisher.publish(256, &other).expect_err("another past");
        assert!(matches!(&differs, PublishError::Differs(path) if path == "tile/entries/001.p/10"));
        assert_eq!(log.store.files(), before);
    }

    #[test]
    fn a_checkpoint_must_fit_the_tiles_and_the_one_before() {
        let log = TestLog::published(&[20, 30]);
        let before = log.store.files();
        let mut publisher = Publisher::open(log.store.clone()).expect("a publisher");
        let mut behind = CompactRange::new();
        log.leaves.iter().take(20).for_each(|l| behind.append(super::super::tree::leaf_hash(l)));
        let refused = publisher.write_checkpoint(&sign(&behind));
        assert!(matches!(refused, Err(PublishError::Behind { published: 50, offered: 20 })));
        behind.append([9; 32]);
        let refused = publisher.write_checkpoint(&sign(&behind));
        assert!(matches!(refused, Err(PublishError::Tile(TileError::Missing(_)))));
        let wrong = CompactRange::from_nodes(50, vec![[1; 32]; 3]).expect("three nodes");
        let refused = publisher.write_checkpoint(&sign(&wrong));
        assert!(matches!(refused, Err(PublishError::WrongRoot(50))));
        assert_eq!(log.store.files(), before);

        // A checkpoint on disk that is of another tree.
        log.store.write(CHECKPOINT, sign(&wrong).as_bytes()).expect("memory");
        let tree = publisher.publish(50, &[leaf(50)]).expect("a tree");
        let refused = publisher.write_checkpoint(&sign(&tree));
        assert!(matches!(refused, Err(PublishError::Forked(50))));
    }

    #[test]
    fn a_directory_holds_the_same_files_as_memory() {
        let steps = [3, 300, 1];
        let log = TestLog::published(&steps);
        let dir = tempfile::tempdir().expect("a directory");
        let mut from = 0;
        for size in steps {
            let store = DirStore::open(dir.path()).expect("a store");
            let mut publisher = Publisher::open(store).expect("a publisher");
            let leaves = &log.leaves[from..from + size];
            let tree = publisher.publish(from as u64, leaves).expect("a tree");
            publisher.write_checkpoint(&sign(&tree)).expect("a checkpoint");
            from += size;
        }
        let store = DirStore::open(dir.path()).expect("a store");
        let mut paths = store.list().expect("a list").expect("directories can be listed");
        paths.push(CHECKPOINT.to_owned());
        paths.sort();
        let expected = log.store.files();
        assert_eq!(paths, expected.keys().cloned().collect::<Vec<_>>());
        for (path, bytes) in expected {
            assert_eq!(store.read(&path).expect("a file"), Some(bytes), "{path}");
        }
        assert!(!dir.path().join(".writing").exists());
    }
}
