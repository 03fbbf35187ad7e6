//! Tiles and entry bundles (C2SP `tlog-tiles`): their names, their bytes, and how hashes are read
//! from them.
//!
//! A tile holds up to 256 hashes of one level, a bundle up to 256 entries. Only full tiles feed
//! the level above. A partial one has its width in its name and never changes either.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::str::FromStr;

use crate::kernel::bytes::Digest;

use super::text;
use super::tree::{HashSource, perfect_root};

/// Hashes or entries in a full tile.
pub const TILE_WIDTH: u64 = 256;

/// Bytes that one entry may have.
pub const ENTRY_BYTES_MAX: usize = 65_535;

/// Bytes that the largest file of a log may have: a full bundle of the largest entries.
pub const FILE_BYTES_MAX: u64 = TILE_WIDTH * (ENTRY_BYTES_MAX as u64 + 2);

/// Name of the checkpoint beside the `tile` folder.
pub const CHECKPOINT: &str = "checkpoint";

/// Tile levels that a tree of up to 2^64 entries can have.
const LEVELS: u8 = 8;

/// Tiles that [`TiledHashes`] keeps before it starts afresh (8 KiB each).
const CACHED_TILES_MAX: usize = 512;

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// The entries themselves.
    Entries,
    /// Hashes of subtrees of 256^level entries.
    Hashes(u8),
}

impl Layer {
    fn level(self) -> u8 {
        match self {
            Layer::Entries => 0,
            Layer::Hashes(level) => level,
        }
    }

    /// How many items (entries or hashes) this layer has in a tree of `size` entries.
    pub fn items(self, size: u64) -> u64 {
        size.checked_shr(u32::from(self.level()) * 8).unwrap_or(0)
    }
}

/// Name of a tile or bundle: `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TilePath {
    /// What it holds.
    pub layer: Layer,
    /// Its number within the layer.
    pub index: u64,
    /// How many hashes or entries it holds, 1 to 256; 256 is a full one.
    pub width: u16,
}

/// A text is not the name of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the path of a tile")]
pub struct NotATile;

impl TilePath {
    /// The full tile `index` of a layer.
    pub const fn full(layer: Layer, index: u64) -> TilePath {
        TilePath { layer, index, width: TILE_WIDTH as u16 }
    }

    /// Tile `index` of a layer as it is in a tree of `size` entries; `None` when it is empty.
    pub fn at(layer: Layer, index: u64, size: u64) -> Option<TilePath> {
        let items = layer.items(size).checked_sub(index.checked_mul(TILE_WIDTH)?)?;
        let width = items.min(TILE_WIDTH) as u16;
        (width > 0).then_some(TilePath { layer, index, width })
    }

    /// All bundles and tiles of a tree of `size` entries, the bundles first.
    pub fn all(size: u64) -> impl Iterator<Item = TilePath> {
        let layers = [Layer::Entries].into_iter().chain((0..LEVELS).map(Layer::Hashes));
        layers.flat_map(move |layer| {
            let count = layer.items(size).div_ceil(TILE_WIDTH);
            (0..count).filter_map(move |index| TilePath::at(layer, index, size))
        })
    }

    /// Whether it holds 256 items.
    pub fn is_full(&self) -> bool {
        u64::from(self.width) == TILE_WIDTH
    }

    /// The entries below one item of this tile: first, and one past the last.
    pub fn entries_below(&self, item: u64) -> (u64, u64) {
        let span = 1_u64.checked_shl(u32::from(self.layer.level()) * 8).unwrap_or(u64::MAX);
        let first = self.index.saturating_mul(TILE_WIDTH).saturating_add(item);
        (first.saturating_mul(span), first.saturating_add(1).saturating_mul(span))
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.layer {
            Layer::Entries => f.write_str("tile/entries/")?,
            Layer::Hashes(level) => write!(f, "tile/{level}/")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for (place, group) in groups.iter().enumerate().rev() {
            if place > 0 {
                write!(f, "x{group:03}/")?;
            } else {
                write!(f, "{group:03}")?;
            }
        }
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

impl FromStr for TilePath {
    type Err = NotATile;

    /// Reads a path; only the one spelling that [`fmt::Display`] writes.
    fn from_str(path: &str) -> Result<TilePath, NotATile> {
        let (layer, rest) =
            path.strip_prefix("tile/").and_then(|rest| rest.split_once('/')).ok_or(NotATile)?;
        let layer = match layer {
            "entries" => Layer::Entries,
            level => {
                let level = text::decimal(level).filter(|level| *level < 64).ok_or(NotATile)?;
                Layer::Hashes(level as u8)
            }
        };
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, text::decimal(width).ok_or(NotATile)?),
            None => (rest, TILE_WIDTH),
        };
        let mut index = 0_u64;
        for group in number.split('/') {
            let digits = group.strip_prefix('x').unwrap_or(group);
            let group: u64 = digits.parse().map_err(|_| NotATile)?;
            index = index.checked_mul(1000).and_then(|n| n.checked_add(group)).ok_or(NotATile)?;
        }
        let width = u16::try_from(width).map_err(|_| NotATile)?;
        let tile = TilePath { layer, index, width };
        let canonical = (1..=TILE_WIDTH as u16).contains(&width) && tile.to_string() == path;
        if canonical { Ok(tile) } else { Err(NotATile) }
    }
}

/// Where the files of a published log are read from. Paths are relative to the log's prefix.
pub trait TileSource {
    /// The file's bytes; `None` when there is no such file.
    ///
    /// # Errors
    /// When it cannot be told whether there is one, or it is larger than [`FILE_BYTES_MAX`].
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>>;

    /// Paths of all files under `tile/`, in any order; `None` where they cannot be listed.
    ///
    /// # Errors
    /// When listing fails half-way.
    fn list(&self) -> io::Result<Option<Vec<String>>> {
        Ok(None)
    }
}

/// Why a tile or bundle cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TileError {
    /// Reading failed.
    #[error("{path} cannot be read: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// There is no such file, and no full one in its place.
    #[error("{0} is missing")]
    Missing(String),
    /// The file is not a tile or bundle of its width.
    #[error("{path} is malformed: {what}")]
    Malformed {
        /// The file.
        path: String,
        /// What is wrong.
        what: &'static str,
    },
    /// An entry is larger than a bundle can hold.
    #[error("an entry of {0} bytes is larger than 65535")]
    EntryTooLarge(usize),
}

impl From<TileError> for io::Error {
    fn from(error: TileError) -> io::Error {
        let kind = match &error {
            TileError::Io { source, .. } => source.kind(),
            TileError::Missing(_) => io::ErrorKind::NotFound,
            TileError::Malformed { .. } | TileError::EntryTooLarge(_) => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}

/// Adds an entry to a bundle: its length as two bytes, big-endian, then its bytes.
///
/// # Errors
/// [`TileError::EntryTooLarge`]; the bundle is unchanged then.
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), TileError> {
    let length = u16::try_from(entry.len()).map_err(|_| TileError::EntryTooLarge(entry.len()))?;
    bundle.extend(length.to_be_bytes());
    bundle.extend(entry);
    Ok(())
}

/// The bundle of some entries.
///
/// # Errors
/// [`TileError::EntryTooLarge`].
pub fn encode_bundle<E: AsRef<[u8]>>(entries: &[E]) -> Result<Vec<u8>, TileError> {
    let mut bundle = Vec::new();
    for entry in entries {
        push_entry(&mut bundle, entry.as_ref())?;
    }
    Ok(bundle)
}

/// The entries of a bundle, in order.
///
/// # Errors
/// Says in words why these bytes are not a bundle.
pub fn decode_bundle(bundle: &[u8]) -> Result<Vec<&[u8]>, &'static str> {
    let mut entries = Vec::new();
    let mut rest = bundle;
    while !rest.is_empty() {
        let (length, tail) = rest.split_first_chunk::<2>().ok_or("it ends within a length")?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, tail) = tail.split_at_checked(length).ok_or("it ends within an entry")?;
        entries.push(entry);
        rest = tail;
    }
    Ok(entries)
}

/// The first `width` items of a tile or bundle that should hold `held`.
fn cut(layer: Layer, held: u16, width: u16, bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
    let (held, width) = (usize::from(held), usize::from(width));
    let end = match layer {
        Layer::Hashes(_) if bytes.len() != held * 32 => {
            return Err("its length is not 32 bytes for each hash");
        }
        Layer::Hashes(_) => width * 32,
        Layer::Entries => {
            let entries = decode_bundle(bytes)?;
            if entries.len() != held {
                return Err("it does not hold as many entries as its name says");
            }
            entries.iter().take(width).map(|entry| entry.len() + 2).sum()
        }
    };
    bytes.get(..end).map(<[u8]>::to_vec).ok_or("it is too short")
}

/// Reads a tile or bundle and checks that it is one of its width. Where a partial one is gone,
/// the first items of the full one that took its place are given.
///
/// # Errors
/// [`TileError`] names the file.
pub fn read_tile(source: &dyn TileSource, tile: &TilePath) -> Result<Vec<u8>, TileError> {
    for found in [*tile, TilePath::full(tile.layer, tile.index)] {
        let path = found.to_string();
        match source.read(&path) {
            Ok(Some(bytes)) => {
                return cut(tile.layer, found.width, tile.width, &bytes)
                    .map_err(|what| TileError::Malformed { path, what });
            }
            Ok(None) => {}
            Err(source) => return Err(TileError::Io { path, source }),
        }
    }
    Err(TileError::Missing(tile.to_string()))
}

/// The hashes in the bytes of a hash tile.
pub(super) fn hashes(tile: &[u8]) -> Vec<Digest> {
    tile.as_chunks::<32>().0.to_vec()
}

/// The hashes of a tree of `size` entries, from the tiles published for it. Tiles that were read
/// are kept for the next question.
pub struct TiledHashes<'a> {
    source: &'a dyn TileSource,
    size: u64,
    cache: RefCell<HashMap<TilePath, Vec<Digest>>>,
}

impl<'a> TiledHashes<'a> {
    /// Hashes of the tree over the first `size` entries.
    pub fn new(source: &'a dyn TileSource, size: u64) -> TiledHashes<'a> {
        TiledHashes { source, size, cache: RefCell::default() }
    }
}

impl HashSource for TiledHashes<'_> {
    fn hash(&self, level: u32, index: u64) -> io::Result<Digest> {
        let outside = || {
            let message = format!("subtree {index} of height {level} is not in the tree");
            io::Error::new(io::ErrorKind::InvalidInput, message)
        };
        let layer = Layer::Hashes(u8::try_from(level / 8).map_err(|_| outside())?);
        let span = 1_u64 << (level % 8);
        let first = index.checked_mul(span).ok_or_else(outside)?;
        let tile = TilePath::at(layer, first / TILE_WIDTH, self.size).ok_or_else(outside)?;
        let start = (first % TILE_WIDTH) as usize;
        let range = start..start + span as usize;

        let mut cache = self.cache.borrow_mut();
        if let Some(hashes) = cache.get(&tile) {
            return hashes.get(range).map(perfect_root).ok_or_else(outside);
        }
        if cache.len() >= CACHED_TILES_MAX {
            cache.clear();
        }
        let hashes = hashes(&read_tile(self.source, &tile)?);
        let root = hashes.get(range).map(perfect_root).ok_or_else(outside);
        cache.insert(tile, hashes);
        root
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tile_numbers_are_cut_into_threes() {
        let path = |index| TilePath::full(Layer::Hashes(0), index).to_string();
        assert_eq!(path(0), "tile/0/000");
        assert_eq!(path(999), "tile/0/999");
        assert_eq!(path(1000), "tile/0/x001/000");
        assert_eq!(path(1_234_067), "tile/0/x001/x234/067");
        let partial = TilePath { layer: Layer::Entries, index: 1_234_067, width: 8 };
        assert_eq!(partial.to_string(), "tile/entries/x001/x234/067.p/8");
    }

    #[test]
    fn a_tree_of_70000_has_its_layout() {
        let all: Vec<TilePath> = TilePath::all(70_000).collect();
        let count =
            |layer, full| all.iter().filter(|t| t.layer == layer && t.is_full() == full).count();
        for (layer, full, partial) in
            [(Layer::Entries, 273, 1), (Layer::Hashes(0), 273, 1), (Layer::Hashes(1), 1, 1)]
        {
            assert_eq!((count(layer, true), count(layer, false)), (full, partial), "{layer:?}");
        }
        assert_eq!(all.len(), 274 + 274 + 2 + 1);
        let names: Vec<String> = all.iter().map(TilePath::to_string).collect();
        for name in
            ["tile/entries/273.p/112", "tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]
        {
            assert!(names.iter().any(|n| n == name), "{name}");
        }
        let small: Vec<String> = TilePath::all(256).map(|tile| tile.to_string()).collect();
        assert_eq!(small, ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
        assert_eq!(TilePath::all(0).count(), 0);
    }

    #[test]
    fn only_the_one_spelling_of_a_path_is_read() {
        for wrong in [
            "",
            "checkpoint",
            "tile/0/0",
            "tile/0/00",
            "tile/0/0000",
            "tile/0/x000/001",
            "tile/0/001/002",
            "tile/0/x001",
            "tile/0/+01",
            "tile/00/001",
            "tile/64/001",
            "tile/-1/001",
            "tile/data/001",
            "tile/0/001.p/0",
            "tile/0/001.p/256",
            "tile/0/001.p/01",
            "tile/0/001.p/1/",
            "tile/0/../001",
            "/tile/0/001",
            "tile/8/0/001",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(wrong.parse::<TilePath>(), Err(NotATile), "{wrong:?}");
        }
    }

    #[test]
    fn a_bundle_that_is_cut_short_is_refused() {
        let bundle = encode_bundle(&[b"ab".to_vec(), b"".to_vec(), b"c".to_vec()]).expect("fits");
        assert_eq!(bundle, [0, 2, b'a', b'b', 0, 0, 0, 1, b'c']);
        assert_eq!(decode_bundle(&bundle), Ok(vec![&b"ab"[..], b"", b"c"]));
        assert!(decode_bundle(&bundle[..8]).is_err());
        assert!(decode_bundle(&bundle[..7]).is_err());
        assert!(encode_bundle(&[vec![0; ENTRY_BYTES_MAX]]).is_ok());
        assert!(encode_bundle(&[vec![0; ENTRY_BYTES_MAX + 1]]).is_err());
    }

    proptest! {
        #[test]
        fn every_path_round_trips(level in 0..9_u8, index: u64, width in 1..257_u16) {
            let layer = if level == 8 { Layer::Entries } else { Layer::Hashes(level) };
            let tile = TilePath { layer, index, width };
            prop_assert_eq!(tile.to_string().parse(), Ok(tile));
        }

        #[test]
        fn every_bundle_round_trips(entries: Vec<Vec<u8>>) {
            let bundle = encode_bundle(&entries).expect("small entries");
            prop_assert_eq!(decode_bundle(&bundle).expect("a bundle"), entries);
        }
    }
}
