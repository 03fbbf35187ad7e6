//! Builds bundles and tiles from entries in order. The publisher writes what it builds, the
//! auditor compares it with what was published: one code, so the two cannot disagree.
//!
//! An entry is hashed once, and every inner node once on its way up through full tiles.

use std::mem;

use crate::kernel::bytes::Digest;

use super::tile::{Layer, TILE_WIDTH, TileError, TilePath, TileSource};
use super::tile::{hashes, push_entry, read_tile};
use super::tree::{CompactRange, leaf_hash, perfect_root};

/// What receives the bundles and tiles that are built.
pub type TileSink<'a, E> = dyn FnMut(&TilePath, &[u8]) -> Result<(), E> + 'a;

/// The right edge of the tree: the bundle and the tiles that are not full yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeBuilder {
    size: u64,
    bundle: Vec<u8>,
    levels: Vec<Vec<Digest>>,
}

impl TreeBuilder {
    /// The edge of the empty tree.
    pub fn new() -> TreeBuilder {
        TreeBuilder::default()
    }

    /// The edge of the tree of `size` entries, from its published tiles.
    ///
    /// # Errors
    /// [`TileError`] names the tile that is missing or malformed.
    pub fn load(source: &dyn TileSource, size: u64) -> Result<TreeBuilder, TileError> {
        let edge = |layer: Layer| {
            let tile = TilePath::at(layer, layer.items(size) / TILE_WIDTH, size);
            tile.map_or(Ok(Vec::new()), |tile| read_tile(source, &tile))
        };
        let mut builder = TreeBuilder { size, bundle: edge(Layer::Entries)?, levels: Vec::new() };
        let mut level = 0;
        while Layer::Hashes(level).items(size) > 0 {
            builder.levels.push(hashes(&edge(Layer::Hashes(level))?));
            level += 1;
        }
        Ok(builder)
    }

    /// How many entries the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The frontier of the tree, whose root is the tree's.
    pub fn frontier(&self) -> CompactRange {
        let mut nodes = Vec::new();
        for level in self.levels.iter().rev() {
            let mut rest = level.as_slice();
            while !rest.is_empty() {
                // The largest power of two that fits comes first.
                let (subtree, tail) = rest.split_at(1 << rest.len().ilog2());
                nodes.push(perfect_root(subtree));
                rest = tail;
            }
        }
        CompactRange::from_nodes(self.size, nodes).unwrap_or_default()
    }

    /// Appends an entry; each bundle and tile that becomes full goes to `full`.
    ///
    /// # Errors
    /// [`TileError::EntryTooLarge`], or what `full` says. The builder is spent then.
    pub fn append<E: From<TileError>>(
        &mut self,
        entry: &[u8],
        full: &mut TileSink<'_, E>,
    ) -> Result<(), E> {
        push_entry(&mut self.bundle, entry)?;
        self.size += 1;
        if self.size.is_multiple_of(TILE_WIDTH) {
            let bundle = mem::take(&mut self.bundle);
            full(&TilePath::full(Layer::Entries, self.size / TILE_WIDTH - 1), &bundle)?;
        }
        let mut carry = leaf_hash(entry);
        for level in 0.. {
            let layer = Layer::Hashes(level);
            if self.levels.len() <= usize::from(level) {
                self.levels.push(Vec::with_capacity(TILE_WIDTH as usize));
            }
            let Some(row) = self.levels.get_mut(usize::from(level)) else { break };
            row.push(carry);
            if row.len() < TILE_WIDTH as usize {
                break;
            }
            let tile = TilePath::full(layer, layer.items(self.size) / TILE_WIDTH - 1);
            full(&tile, row.as_flattened())?;
            carry = perfect_root(row);
            row.clear();
        }
        Ok(())
    }

    /// Hands out the partial bundle and tiles of the tree as it is now.
    ///
    /// # Errors
    /// What `partial` says.
    pub fn partials<E>(&self, partial: &mut TileSink<'_, E>) -> Result<(), E> {
        let edge =
            |layer: Layer| TilePath::at(layer, layer.items(self.size) / TILE_WIDTH, self.size);
        if let Some(tile) = edge(Layer::Entries) {
            partial(&tile, &self.bundle)?;
        }
        for (level, row) in (0..).zip(&self.levels) {
            if let Some(tile) = edge(Layer::Hashes(level)) {
                partial(&tile, row.as_flattened())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_is_built_is_the_layout_and_the_tree() {
        let mut builder = TreeBuilder::new();
        let mut range = CompactRange::new();
        let mut full = BTreeSet::new();
        for n in 0..70_000_u32 {
            let entry = n.to_be_bytes();
            range.append(leaf_hash(&entry));
            let mut sink = |tile: &TilePath, _: &[u8]| -> Result<(), TileError> {
                full.insert(*tile);
                Ok(())
            };
            builder.append(&entry, &mut sink).expect("a small entry");
            if n % 1_777 == 0 {
                assert_eq!(builder.frontier(), range);
            }
        }
        assert_eq!(builder.frontier(), range);
        let mut all = full;
        let mut sink = |tile: &TilePath, _: &[u8]| -> Result<(), TileError> {
            all.insert(*tile);
            Ok(())
        };
        builder.partials(&mut sink).expect("no failure");
        assert_eq!(all, TilePath::all(70_000).collect());
    }
}
