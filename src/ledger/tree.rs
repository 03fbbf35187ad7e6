//! The Merkle tree of RFC 6962 section 2.1: hashes, frontier, inclusion and consistency proofs.
//!
//! Proofs are checked by the iterative algorithms of RFC 9162 (2.1.3.2 and 2.1.4.2) and made by
//! the recursive definitions, so that the two sides share no code that could be wrong twice.

use std::io;

use crate::kernel::bytes::{Digest, sha256, sha256_of};

/// Hash of a leaf: `SHA-256(0x00 ‖ entry)`.
pub fn leaf_hash(entry: &[u8]) -> Digest {
    sha256_of(&[&[0], entry])
}

/// Hash of an inner node: `SHA-256(0x01 ‖ left ‖ right)`.
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    sha256_of(&[&[1], left, right])
}

/// Root of the tree without entries: `SHA-256("")`.
pub fn empty_root() -> Digest {
    sha256(b"")
}

/// Root over a row of hashes whose length is a power of two.
pub(super) fn perfect_root(hashes: &[Digest]) -> Digest {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => node_hash(left, right),
                rest => rest.first().copied().unwrap_or_default(),
            })
            .collect();
    }
    row.first().copied().unwrap_or_else(empty_root)
}

/// Where the hashes of complete subtrees come from.
pub trait HashSource {
    /// Hash of the subtree of 2^`level` leaves that starts at leaf `index · 2^level`. Asked only
    /// for subtrees that lie wholly inside the tree.
    ///
    /// # Errors
    /// When the hash cannot be had; the message names what is missing.
    fn hash(&self, level: u32, index: u64) -> io::Result<Digest>;
}

/// The frontier of the tree over entries `0..size`: roots of its complete subtrees, largest
/// first. It is all that is needed to append, and 32 bytes for each bit set in the size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompactRange {
    size: u64,
    nodes: Vec<Digest>,
}

impl CompactRange {
    /// The frontier of the empty tree.
    pub fn new() -> CompactRange {
        CompactRange::default()
    }

    /// A frontier from its subtree roots, largest first; `None` when their number cannot be that
    /// of a tree of `size` entries.
    pub fn from_nodes(size: u64, nodes: Vec<Digest>) -> Option<CompactRange> {
        (nodes.len() == size.count_ones() as usize).then_some(CompactRange { size, nodes })
    }

    /// The frontier of the tree over the first `size` entries of `source`.
    ///
    /// # Errors
    /// When `source` cannot give one of its hashes.
    pub fn load(source: &dyn HashSource, size: u64) -> io::Result<CompactRange> {
        let levels = (0..u64::BITS).rev().filter(|level| size >> level & 1 == 1);
        // The subtree at a bit of the size starts where all higher bits end.
        let nodes = levels.map(|level| source.hash(level, (size >> level) - 1));
        Ok(CompactRange { size, nodes: nodes.collect::<io::Result<_>>()? })
    }

    /// Adds the next leaf.
    pub fn append(&mut self, leaf_hash: Digest) {
        let mut merges = self.size.trailing_ones();
        let mut node = leaf_hash;
        while merges > 0 {
            if let Some(left) = self.nodes.pop() {
                node = node_hash(&left, &node);
            }
            merges -= 1;
        }
        self.nodes.push(node);
        self.size += 1;
    }

    /// How many entries the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the complete subtrees, largest first.
    pub fn nodes(&self) -> &[Digest] {
        &self.nodes
    }

    /// Root hash of the tree.
    pub fn root(&self) -> Digest {
        let joined = self.nodes.iter().rev().copied();
        joined.reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
    }

    /// The size as eight bytes, big-endian, then the subtree roots, largest first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.size.to_be_bytes().to_vec();
        out.extend(self.nodes.iter().flatten());
        out
    }

    /// Reads [`CompactRange::to_bytes`]; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<CompactRange> {
        let (size, nodes) = bytes.split_first_chunk::<8>()?;
        let (nodes, rest) = nodes.as_chunks::<32>();
        if !rest.is_empty() {
            return None;
        }
        CompactRange::from_nodes(u64::from_be_bytes(*size), nodes.to_vec())
    }
}

/// The largest power of two below `n`, for `n` of at least 2 (RFC 6962's `k`).
fn split(n: u64) -> u64 {
    1 << (u64::BITS - 1 - (n - 1).leading_zeros())
}

/// `MTH(D[start:end])` for the ranges that RFC 6962's recursion reaches, and no others.
fn range_hash(source: &dyn HashSource, start: u64, end: u64) -> io::Result<Digest> {
    let n = end - start;
    if n.is_power_of_two() {
        return source.hash(n.trailing_zeros(), start >> n.trailing_zeros());
    }
    let middle = start + split(n);
    let left = range_hash(source, start, middle)?;
    Ok(node_hash(&left, &range_hash(source, middle, end)?))
}

fn range_hashes(source: &dyn HashSource, ranges: &[(u64, u64)]) -> io::Result<Vec<Digest>> {
    ranges.iter().rev().map(|&(start, end)| range_hash(source, start, end)).collect()
}

/// Root of the tree over the first `size` entries of `source`.
///
/// # Errors
/// When `source` cannot give one of its hashes.
pub fn tree_root(source: &dyn HashSource, size: u64) -> io::Result<Digest> {
    if size == 0 { Ok(empty_root()) } else { range_hash(source, 0, size) }
}

/// Inclusion proof of entry `index` in the tree of `size` entries, leaf to root
/// (RFC 6962 section 2.1.1).
///
/// # Errors
/// `InvalidInput` when the entry is not in that tree; else what `source` says.
pub fn inclusion_proof(source: &dyn HashSource, index: u64, size: u64) -> io::Result<Vec<Digest>> {
    if index >= size {
        let message = format!("entry {index} is not in a tree of {size} entries");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let (mut start, mut end) = (0, size);
    let mut siblings = Vec::new();
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            siblings.push((middle, end));
            end = middle;
        } else {
            siblings.push((start, middle));
            start = middle;
        }
    }
    range_hashes(source, &siblings)
}

/// Whether `proof` shows that the leaf with hash `leaf` is entry `index` of the tree of `size`
/// entries with this root (RFC 9162 section 2.1.3.2).
pub fn verify_inclusion(
    leaf: &Digest,
    index: u64,
    size: u64,
    proof: &[Digest],
    root: &Digest,
) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Proof that the tree of `new` entries only added to the tree of `old` entries
/// (RFC 6962 section 2.1.2). Empty when the sizes are equal or `old` is 0.
///
/// # Errors
/// `InvalidInput` when `old` is larger than `new`; else what `source` says.
pub fn consistency_proof(source: &dyn HashSource, old: u64, new: u64) -> io::Result<Vec<Digest>> {
    if old > new {
        let message = format!("a tree of {new} entries cannot extend one of {old}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    if old == 0 {
        return Ok(Vec::new());
    }
    let (mut start, mut end) = (0, new);
    let mut parts = Vec::new();
    while old != end {
        let middle = start + split(end - start);
        if old <= middle {
            parts.push((middle, end));
            end = middle;
        } else {
            parts.push((start, middle));
            start = middle;
        }
    }
    // The verifier has the old root already; it needs this part only when it is not that root.
    if start > 0 {
        parts.push((start, end));
    }
    range_hashes(source, &parts)
}

/// Whether `proof` shows that the tree (`new`, `new_root`) only added entries to the tree
/// (`old`, `old_root`) (RFC 9162 section 2.1.4.2).
pub fn verify_consistency(
    old: u64,
    new: u64,
    proof: &[Digest],
    old_root: &Digest,
    new_root: &Digest,
) -> bool {
    if old == 0 || old >= new {
        let trivial = if old == 0 { *old_root == empty_root() } else { old_root == new_root };
        return old <= new && proof.is_empty() && trivial;
    }
    let mut path = proof.iter();
    let first = if old.is_power_of_two() { Some(old_root) } else { path.next() };
    let Some(first) = first else { return false };
    let (mut node, mut last) = (old - 1, new - 1);
    let shift = node.trailing_ones();
    node >>= shift;
    last >>= shift;
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == *old_root && new_hash == *new_root
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::bytes::{base64, hex};

    /// RFC 6962 section 2.1, word for word.
    fn mth(leaves: &[Digest]) -> Digest {
        match leaves {
            [] => empty_root(),
            [leaf] => *leaf,
            _ => {
                let mut k = 1;
                while k * 2 < leaves.len() {
                    k *= 2;
                }
                node_hash(&mth(&leaves[..k]), &mth(&leaves[k..]))
            }
        }
    }

    struct Row(Vec<Digest>);

    impl HashSource for Row {
        fn hash(&self, level: u32, index: u64) -> io::Result<Digest> {
            let (start, width) = ((index << level) as usize, 1_usize << level);
            Ok(mth(&self.0[start..start + width]))
        }
    }

    fn row(size: u64) -> Row {
        Row((0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect())
    }

    fn reference_leaves() -> Vec<Vec<u8>> {
        let spelled = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        spelled.iter().map(|text| ::hex::decode(text).expect("hex")).collect()
    }

    #[test]
    fn the_empty_tree_has_its_root() {
        assert_eq!(base64(&empty_root()), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
        assert_eq!(CompactRange::new().root(), empty_root());
    }

    #[test]
    fn the_reference_trees_have_their_roots() {
        let roots = [
            "6e340b9c",
            "fac54203",
            "aeb6bcfe",
            "d37ee418",
            "4e3bbb1f",
            "76e67dad",
            "ddb89be4",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut range = CompactRange::new();
        for (leaf, root) in reference_leaves().iter().zip(roots) {
            range.append(leaf_hash(leaf));
            assert!(hex(&range.root()).starts_with(root), "size {}", range.size());
        }
    }

    #[test]
    fn consistency_with_itself_and_with_nothing_is_trivial() {
        let (a, b) = (mth(&row(5).0), mth(&row(6).0));
        assert!(verify_consistency(5, 5, &[], &a, &a));
        assert!(!verify_consistency(5, 5, &[], &a, &b));
        assert!(!verify_consistency(5, 5, &[a], &a, &a));
        assert!(verify_consistency(0, 5, &[], &empty_root(), &a));
        assert!(!verify_consistency(0, 5, &[], &a, &a));
        assert!(!verify_consistency(6, 5, &[], &b, &a));
        assert!(!verify_consistency(6, 5, &[], &a, &a));
        assert!(!verify_consistency(5, 6, &[], &a, &b));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_frontier_is_the_tree(size in 0..2000_u64) {
            let source = row(size);
            let mut range = CompactRange::new();
            source.0.iter().for_each(|hash| range.append(*hash));
            prop_assert_eq!(range.root(), mth(&source.0));
            prop_assert_eq!(tree_root(&source, size).expect("root"), range.root());
            prop_assert_eq!(&CompactRange::load(&source, size).expect("frontier"), &range);
            let bytes = range.to_bytes();
            prop_assert_eq!(CompactRange::from_bytes(&bytes), Some(range));
            prop_assert_eq!(CompactRange::from_bytes(&bytes[..bytes.len() - 1]), None);
        }

        #[test]
        fn inclusion_holds_for_the_entry_and_for_no_other(
            size in 1..2000_u64,
            at: prop::sample::Index,
            other: prop::sample::Index,
        ) {
            let source = row(size);
            let root = mth(&source.0);
            let (at, other) = (at.index(size as usize) as u64, other.index(size as usize) as u64);
            let proof = inclusion_proof(&source, at, size).expect("a proof");
            let leaf = source.0[at as usize];
            prop_assert!(verify_inclusion(&leaf, at, size, &proof, &root));
            prop_assert_eq!(verify_inclusion(&leaf, other, size, &proof, &root), other == at);
            let stranger = leaf_hash(b"stranger");
            prop_assert!(!verify_inclusion(&stranger, at, size, &proof, &root));
            for n in 0..proof.len() {
                let mut altered = proof.clone();
                altered[n][0] ^= 1;
                prop_assert!(!verify_inclusion(&leaf, at, size, &altered, &root));
                prop_assert!(!verify_inclusion(&leaf, at, size, &proof[..n], &root));
            }
            let longer: Vec<Digest> = proof.iter().copied().chain([root]).collect();
            prop_assert!(!verify_inclusion(&leaf, at, size, &longer, &root));
            prop_assert!(inclusion_proof(&source, size, size).is_err());
        }

        #[test]
        fn consistency_holds_for_a_prefix_and_for_nothing_else(
            new in 1..2000_u64,
            old: prop::sample::Index,
        ) {
            let source = row(new);
            let old = old.index(new as usize) as u64 + 1;
            let (a, b) = (mth(&source.0[..old as usize]), mth(&source.0));
            let proof = consistency_proof(&source, old, new).expect("a proof");
            prop_assert!(verify_consistency(old, new, &proof, &a, &b));
            let forged = leaf_hash(b"forged");
            prop_assert!(!verify_consistency(old, new, &proof, &forged, &b));
            prop_assert!(!verify_consistency(old, new, &proof, &a, &forged));
            for n in 0..proof.len() {
                let mut altered = proof.clone();
                altered[n][31] ^= 1;
                prop_assert!(!verify_consistency(old, new, &altered, &a, &b));
                prop_assert!(!verify_consistency(old, new, &proof[..n], &a, &b));
            }
        }
    }
}
