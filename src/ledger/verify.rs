//! The auditor: believes a public key and nothing else, and recomputes the whole log.
//!
//! It reads every entry, parses every leaf, rebuilds every tile and compares, down to the root in
//! the signed checkpoint. It needs no database and no secret.

use std::collections::{BTreeMap, HashMap};

use crate::kernel::Time;

use super::builder::TreeBuilder;
use super::checkpoint::{Checkpoint, CheckpointError, Cosigned, OpenedCheckpoint};
use super::leaf::{Leaf, LeafError, PublicKind};
use super::note::Verifier;
use super::tile::{CHECKPOINT, Layer, TILE_WIDTH, TileError, TilePath, TileSource};
use super::tile::{decode_bundle, read_tile};

/// What was found in a log that verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogReport {
    /// The checkpoint that all was checked against.
    pub checkpoint: Checkpoint,
    /// The demanded witnesses' cosignatures.
    pub cosigned: Vec<Cosigned>,
    /// The trusted checkpoint that the log was shown to extend.
    pub trusted: Option<Checkpoint>,
    /// Bundles and tiles that were compared.
    pub files: u64,
    /// How many entries there are of each kind.
    pub kinds: BTreeMap<PublicKind, u64>,
    /// Time of the first entry.
    pub first: Option<Time>,
    /// Time of the last entry.
    pub last: Option<Time>,
}

/// What is wrong with a log.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The log has no checkpoint.
    #[error("there is no checkpoint")]
    NoCheckpoint,
    /// The log's checkpoint is refused.
    #[error("the log's checkpoint is refused: {0}")]
    Checkpoint(CheckpointError),
    /// The trusted checkpoint is refused.
    #[error("the trusted checkpoint is refused: {0}")]
    Trusted(CheckpointError),
    /// The trusted checkpoint is of another log.
    #[error("the trusted checkpoint is of {trusted}, the log is {log}")]
    OtherOrigin {
        /// Origin of the trusted checkpoint.
        trusted: String,
        /// Origin of the log.
        log: String,
    },
    /// The log has fewer entries than the trusted checkpoint: it was rolled back.
    #[error("the log has {size} entries, the trusted checkpoint {trusted}: entries were removed")]
    Shrunk {
        /// Entries that the log has.
        size: u64,
        /// Entries that it had.
        trusted: u64,
    },
    /// The log's first entries are not those of the trusted checkpoint: history was rewritten.
    #[error("the first {0} entries are not those of the trusted checkpoint: history was rewritten")]
    Forked(u64),
    /// A file is missing, malformed or not readable.
    #[error(transparent)]
    Tile(#[from] TileError),
    /// The files cannot be listed.
    #[error("the log's files cannot be listed: {0}")]
    List(std::io::Error),
    /// A file under `tile/` is none of a log.
    #[error("{0} is not a file of a log")]
    Unexpected(String),
    /// An entry is not a leaf.
    #[error("entry {index} in {path} is {error}")]
    Leaf {
        /// The entry.
        index: u64,
        /// The bundle it is in.
        path: String,
        /// What is wrong with it.
        error: LeafError,
    },
    /// An entry is earlier than the one before it.
    #[error("entry {index} in {path} has the time {time}, before that of the entry before it")]
    TimeBackwards {
        /// The entry.
        index: u64,
        /// The bundle it is in.
        path: String,
        /// Its time.
        time: Time,
    },
    /// A tile is not what the entries give.
    #[error("{path}: hash {hash} is not that of entries {start}..{end}")]
    WrongHash {
        /// The tile.
        path: String,
        /// The first wrong hash, from 0.
        hash: u64,
        /// First entry below that hash.
        start: u64,
        /// One past the last.
        end: u64,
    },
    /// Another version of a tile or bundle disagrees with the verified one.
    #[error("{path} disagrees with {verified}")]
    Disagrees {
        /// The other version.
        path: String,
        /// The one that was verified.
        verified: String,
    },
    /// The entries do not give the checkpoint's root.
    #[error("the {0} entries do not give the checkpoint's root")]
    WrongRoot(u64),
}

impl VerifyError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            VerifyError::NoCheckpoint => "log_no_checkpoint",
            VerifyError::Checkpoint(error) => error.code(),
            VerifyError::Trusted(_) => "log_trusted_checkpoint",
            VerifyError::OtherOrigin { .. } => "log_other_origin",
            VerifyError::Shrunk { .. } => "log_shrunk",
            VerifyError::Forked(_) => "log_forked",
            VerifyError::Tile(TileError::Io { .. }) | VerifyError::List(_) => "log_unreadable",
            VerifyError::Tile(TileError::Missing(_)) => "log_file_missing",
            VerifyError::Tile(_) => "log_file_malformed",
            VerifyError::Unexpected(_) => "log_file_unexpected",
            VerifyError::Leaf { .. } => "log_leaf",
            VerifyError::TimeBackwards { .. } => "log_time_backwards",
            VerifyError::WrongHash { .. } => "log_wrong_hash",
            VerifyError::Disagrees { .. } => "log_file_disagrees",
            VerifyError::WrongRoot(_) => "log_wrong_root",
        }
    }
}

/// Verifies a published log from its first entry to its checkpoint.
///
/// One of `log_keys` must have signed the checkpoint, all `witnesses` must have cosigned it, and
/// the log must extend the `trusted` checkpoint (a signed note) if there is one. `progress` is
/// told after each bundle how many entries of how many are done.
///
/// Where the source can list its files, partial tiles of earlier checkpoints are checked too. Tiles
/// beyond the checkpoint are left alone: the log has not vouched for them yet.
///
/// # Errors
/// [`VerifyError`] names the first file or entry that is wrong.
pub fn verify_log(
    source: &dyn TileSource,
    log_keys: &[Verifier],
    trusted: Option<&str>,
    witnesses: &[Verifier],
    progress: &mut dyn FnMut(u64, u64),
) -> Result<LogReport, VerifyError> {
    let opened = open_checkpoint(source, log_keys, witnesses)?;
    let trusted = trusted.map(|note| open_trusted(note, log_keys, &opened.checkpoint));
    let trusted = trusted.transpose()?;
    let size = opened.checkpoint.size;
    let mut audit = Audit::new(source, opened)?;
    let mut builder = TreeBuilder::new();
    for index in 0..size.div_ceil(TILE_WIDTH) {
        let Some(tile) = TilePath::at(Layer::Entries, index, size) else { break };
        let bundle = read_tile(source, &tile)?;
        let malformed = |what| TileError::Malformed { path: tile.to_string(), what };
        for entry in decode_bundle(&bundle).map_err(malformed)? {
            audit.entry(builder.size(), &tile, entry)?;
            builder.append(entry, &mut |tile, bytes| audit.compare(tile, bytes))?;
            let known = trusted.as_ref().filter(|trusted| trusted.size == builder.size());
            if known.is_some_and(|trusted| trusted.root != builder.frontier().root()) {
                return Err(VerifyError::Forked(builder.size()));
            }
        }
        progress(builder.size(), size);
    }
    builder.partials(&mut |tile, bytes| audit.compare(tile, bytes))?;
    let mut report = audit.report;
    if builder.frontier().root() != report.checkpoint.root {
        return Err(VerifyError::WrongRoot(size));
    }
    report.trusted = trusted;
    Ok(report)
}

fn open_checkpoint(
    source: &dyn TileSource,
    log_keys: &[Verifier],
    witnesses: &[Verifier],
) -> Result<OpenedCheckpoint, VerifyError> {
    let io = |source| TileError::Io { path: CHECKPOINT.to_owned(), source };
    let bytes = source.read(CHECKPOINT).map_err(io)?.ok_or(VerifyError::NoCheckpoint)?;
    let note = str::from_utf8(&bytes)
        .map_err(|_| VerifyError::Checkpoint(CheckpointError::Malformed("it is not UTF-8")))?;
    Checkpoint::open(note, log_keys, witnesses).map_err(VerifyError::Checkpoint)
}

fn open_trusted(
    note: &str,
    log_keys: &[Verifier],
    log: &Checkpoint,
) -> Result<Checkpoint, VerifyError> {
    let opened = Checkpoint::open(note, log_keys, &[]).map_err(VerifyError::Trusted)?;
    let trusted = opened.checkpoint;
    if trusted.origin != log.origin {
        let log = log.origin.clone();
        return Err(VerifyError::OtherOrigin { trusted: trusted.origin, log });
    }
    if trusted.size > log.size {
        return Err(VerifyError::Shrunk { size: log.size, trusted: trusted.size });
    }
    Ok(trusted)
}

/// What is known half-way.
struct Audit<'a> {
    source: &'a dyn TileSource,
    /// Every listed version of each tile and bundle.
    versions: HashMap<(Layer, u64), Vec<TilePath>>,
    report: LogReport,
}

impl<'a> Audit<'a> {
    fn new(source: &'a dyn TileSource, opened: OpenedCheckpoint) -> Result<Audit<'a>, VerifyError> {
        let mut versions: HashMap<_, Vec<TilePath>> = HashMap::new();
        for path in source.list().map_err(VerifyError::List)?.unwrap_or_default() {
            let tile: TilePath = path.parse().map_err(|_| VerifyError::Unexpected(path.clone()))?;
            versions.entry((tile.layer, tile.index)).or_default().push(tile);
        }
        let report = LogReport {
            checkpoint: opened.checkpoint,
            cosigned: opened.cosigned,
            trusted: None,
            files: 0,
            kinds: BTreeMap::new(),
            first: None,
            last: None,
        };
        Ok(Audit { source, versions, report })
    }

    fn entry(&mut self, index: u64, tile: &TilePath, entry: &[u8]) -> Result<(), VerifyError> {
        let leaf = Leaf::parse(entry).map_err(|error| VerifyError::Leaf {
            index,
            path: tile.to_string(),
            error,
        })?;
        if self.report.last.is_some_and(|last| leaf.time < last) {
            let (path, time) = (tile.to_string(), leaf.time);
            return Err(VerifyError::TimeBackwards { index, path, time });
        }
        self.report.first.get_or_insert(leaf.time);
        self.report.last = Some(leaf.time);
        *self.report.kinds.entry(leaf.kind).or_default() += 1;
        Ok(())
    }

    /// Compares a published tile, in all its versions, with what the entries give. A bundle's own
    /// bytes need no comparing: the entries were read from it, and it has one encoding.
    fn compare(&mut self, tile: &TilePath, expected: &[u8]) -> Result<(), VerifyError> {
        if tile.layer != Layer::Entries {
            let published = read_tile(self.source, tile)?;
            let mut pairs = published.chunks(32).zip(expected.chunks(32));
            if let Some(hash) = pairs.position(|(published, expected)| published != expected) {
                let hash = hash as u64;
                let (start, end) = tile.entries_below(hash);
                return Err(VerifyError::WrongHash { path: tile.to_string(), hash, start, end });
            }
        }
        self.report.files += 1;
        for version in self.versions.remove(&(tile.layer, tile.index)).unwrap_or_default() {
            if version == *tile {
                continue;
            }
            // A longer version lies beyond the checkpoint: only its beginning is vouched for.
            let bytes = read_tile(self.source, &version)?;
            let common = bytes.len().min(expected.len());
            if bytes.get(..common) != expected.get(..common) {
                let (path, verified) = (version.to_string(), tile.to_string());
                return Err(VerifyError::Disagrees { path, verified });
            }
            self.report.files += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ledger::memory::{ORIGIN, TestLog, key, leaf};
    use crate::ledger::note::NoteSigner;
    use crate::ledger::tree::CompactRange;

    fn verify(log: &TestLog, trusted: Option<&str>) -> Result<LogReport, VerifyError> {
        let keys = [key().verifier().clone()];
        verify_log(&log.store, &keys, trusted, &[], &mut |_, _| {})
    }

    #[test]
    fn a_log_that_holds_is_reported() {
        let log = TestLog::published(&[100, 180, 300]);
        let keys = [key().verifier().clone()];
        let mut seen = Vec::new();
        let report = verify_log(&log.store, &keys, None, &[], &mut |done, of| {
            seen.push((done, of));
        })
        .expect("it holds");
        assert_eq!(seen, [(256, 580), (512, 580), (580, 580)]);
        assert_eq!(report.checkpoint.size, 580);
        assert_eq!(report.kinds.len(), 8);
        assert_eq!(report.kinds.values().sum::<u64>(), 580);
        // Three bundles, three tiles, one tile of level 1 in two widths.
        assert_eq!(report.files, 3 + 3 + 2);
        assert!(report.first < report.last);
        assert_eq!(verify(&TestLog::published(&[0]), None).expect("it holds").files, 0);
    }

    #[test]
    fn an_altered_byte_in_any_file_is_found() {
        let log = TestLog::published(&[5, 100, 180, 20]);
        for (path, bytes) in log.store.files() {
            for at in [0, bytes.len() / 2, bytes.len() - 1] {
                let mut altered = bytes.clone();
                altered[at] ^= 0x20;
                log.store.set(&path, Some(altered));
                assert!(verify(&log, None).is_err(), "byte {at} of {path}");
            }
            log.store.set(&path, Some(bytes));
        }
        verify(&log, None).expect("it holds again");
    }

    #[test]
    fn a_missing_file_is_named() {
        let log = TestLog::published(&[600]);
        for (path, bytes) in log.store.files() {
            log.store.set(&path, None);
            let error = verify(&log, None).expect_err("a file is missing");
            let named = error.to_string().contains(&path);
            assert!(named || matches!(error, VerifyError::NoCheckpoint), "{path}: {error}");
            log.store.set(&path, Some(bytes));
        }
        log.store.set("tile/0/notes.txt", Some(b"?".to_vec()));
        assert!(matches!(verify(&log, None), Err(VerifyError::Unexpected(_))));
    }

    #[test]
    fn entries_must_be_leaves_in_order_of_time() {
        let mut leaves: Vec<Vec<u8>> = (0..40).map(leaf).collect();
        leaves.swap(10, 20);
        let error = verify(&TestLog::of(leaves.clone(), &[40]), None);
        assert!(matches!(error, Err(VerifyError::TimeBackwards { index: 11, .. })));
        leaves[7] = b"anything".to_vec();
        let error = verify(&TestLog::of(leaves, &[40]), None);
        assert!(matches!(error, Err(VerifyError::Leaf { index: 7, .. })));
    }

    #[test]
    fn a_wrong_hash_names_the_entries_below_it() {
        let log = TestLog::published(&[600]);
        for (path, hash, range) in
            [("tile/0/001", 3, (259, 260)), ("tile/1/000.p/2", 1, (256, 512))]
        {
            let bytes = log.store.files()[path].clone();
            let mut altered = bytes.clone();
            altered[hash * 32] ^= 1;
            log.store.set(path, Some(altered));
            let error = verify(&log, None).expect_err("a wrong hash");
            let VerifyError::WrongHash { start, end, .. } = error else { panic!("{error}") };
            assert_eq!((start, end), range);
            log.store.set(path, Some(bytes));
        }
    }

    #[test]
    fn a_trusted_checkpoint_finds_rollback_and_rewriting() {
        let old = TestLog::published(&[300]);
        let held = old.checkpoint();
        let grown = TestLog::published(&[300, 300]);
        let report = verify(&grown, Some(&held)).expect("it extends");
        assert_eq!(report.trusted.map(|trusted| trusted.size), Some(300));

        let shrunk = TestLog::published(&[299]);
        let error = verify(&shrunk, Some(&held));
        assert!(matches!(error, Err(VerifyError::Shrunk { size: 299, trusted: 300 })));

        let mut leaves = grown.leaves.clone();
        leaves[11] = leaf(9);
        let rewritten = TestLog::of(leaves, &[600]);
        verify(&rewritten, None).expect("it is consistent in itself");
        let error = verify(&rewritten, Some(&held));
        assert!(matches!(error, Err(VerifyError::Forked(300))));
        assert!(matches!(verify(&grown, Some("?")), Err(VerifyError::Trusted(_))));
    }

    #[test]
    fn demanded_witnesses_must_have_cosigned() {
        let log = TestLog::published(&[9]);
        let witness = NoteSigner::witness_from_seed("w.example", &[3; 32]).expect("a key");
        let (keys, demanded) = ([key().verifier().clone()], [witness.verifier().clone()]);
        let verify = || verify_log(&log.store, &keys, None, &demanded, &mut |_, _| {});
        assert_eq!(verify().expect_err("no cosignature").code(), "checkpoint_not_witnessed");
        let note = log.checkpoint();
        let text = note.split_once("\n\n").map(|(text, _)| format!("{text}\n")).expect("a note");
        let cosigned = note + &witness.line(&text, 1_790_000_000);
        log.store.set(CHECKPOINT, Some(cosigned.into_bytes()));
        assert_eq!(verify().expect("cosigned").cosigned[0].time, 1_790_000_000);
    }

    #[test]
    fn a_checkpoint_over_other_entries_is_refused() {
        let log = TestLog::published(&[40]);
        let nodes = vec![[1; 32]; 2];
        let tree = CompactRange::from_nodes(40, nodes).expect("two nodes");
        let forged = Checkpoint { origin: ORIGIN.to_owned(), size: 40, root: tree.root() };
        let note = forged.sign(&[&key()]).expect("a checkpoint");
        log.store.set(CHECKPOINT, Some(note.into_bytes()));
        assert!(matches!(verify(&log, None), Err(VerifyError::WrongRoot(40))));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn any_altered_or_cut_file_fails(
            file: prop::sample::Index,
            at: prop::sample::Index,
            flip in 1..=255_u8,
            cut: bool,
        ) {
            let log = TestLog::published(&[90, 200]);
            let files: Vec<_> = log.store.files().into_iter().collect();
            let (path, mut bytes) = files[file.index(files.len())].clone();
            let at = at.index(bytes.len());
            if cut {
                bytes.truncate(at);
            } else {
                bytes[at] ^= flip;
            }
            log.store.set(&path, Some(bytes));
            prop_assert!(verify(&log, None).is_err(), "byte {} of {}", at, path);
        }
    }
}
