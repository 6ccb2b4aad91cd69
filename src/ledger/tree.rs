//! A growing Merkle tree (RFC 6962, section 2.1), of which only the right edge is held in memory.

use std::collections::HashMap;

use super::{Error, Hash};

/// A perfect subtree that just became complete, or a leaf (level 0). Stored once, never changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Height; 0 for leaves. At most 63.
    pub level: u8,
    /// From the left, within the level: it covers the leaves from `index << level`.
    pub index: u64,
    /// Its hash.
    pub hash: Hash,
}

/// Where the hashes of perfect subtrees are kept.
pub trait Nodes {
    /// The hash at this level and index, or nothing where it is not kept.
    fn node(&self, level: u8, index: u64) -> Option<Hash>;
}

impl Nodes for HashMap<(u8, u64), Hash> {
    fn node(&self, level: u8, index: u64) -> Option<Hash> {
        self.get(&(level, index)).copied()
    }
}

/// How many entries a tree has, and the hash over all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeRoot {
    /// Number of leaves.
    pub size: u64,
    /// The root hash.
    pub hash: Hash,
}

/// A tree that can only grow. Memory is one hash for each set bit of its size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    size: u64,
    /// Roots of the perfect subtrees that make up the tree, from the largest, on the left, to the smallest.
    edge: Vec<Hash>,
}

impl Tree {
    /// The tree without leaves.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree of this size, its right edge taken from the kept hashes.
    ///
    /// # Errors
    /// [`Error::MissingNode`].
    pub fn restore(size: u64, nodes: &dyn Nodes) -> Result<Self, Error> {
        let edge = perfect_parts(0, size).map(|(level, index)| kept(nodes, level, index));
        Ok(Self { size, edge: edge.collect::<Result<_, _>>()? })
    }

    /// Adds a leaf and returns what became complete with it: the leaf, then every subtree it closes, from
    /// the bottom up.
    pub fn append(&mut self, leaf: Hash) -> Vec<Node> {
        let mut node = Node { level: 0, index: self.size, hash: leaf };
        let mut complete = vec![node];
        while node.index % 2 == 1 {
            let left = self.edge.pop().expect("an odd index has a left neighbour on the edge");
            let hash = Hash::of_children(&left, &node.hash);
            node = Node { level: node.level + 1, index: node.index / 2, hash };
            complete.push(node);
        }
        self.edge.push(node.hash);
        self.size += 1;
        complete
    }

    /// How many leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hash over all leaves.
    #[must_use]
    pub fn root(&self) -> Hash {
        fold_edge(&self.edge).unwrap_or_else(Hash::of_nothing)
    }

    /// Size and root together.
    #[must_use]
    pub fn summit(&self) -> TreeRoot {
        TreeRoot { size: self.size, hash: self.root() }
    }
}

/// The perfect subtrees that make up the leaves `start..end`, from the left, where `start` is 0 or a
/// multiple of the largest of them: (level, index) of each.
pub(super) fn perfect_parts(start: u64, end: u64) -> impl Iterator<Item = (u8, u64)> {
    let mut at = start;
    std::iter::from_fn(move || {
        let level = u8::try_from((end - at).checked_ilog2()?).expect("at most 63");
        let index = at >> level;
        at += 1 << level;
        Some((level, index))
    })
}

/// The root over subtrees that stand side by side, the largest on the left.
pub(super) fn fold_edge(edge: &[Hash]) -> Option<Hash> {
    edge.iter().rev().copied().reduce(|right, left| Hash::of_children(&left, &right))
}

pub(super) fn kept(nodes: &dyn Nodes, level: u8, index: u64) -> Result<Hash, Error> {
    nodes.node(level, index).ok_or(Error::MissingNode { level, index })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::samples::{ct_leaves, grown, naive_root};

    /// Roots over the first 1 to 8 of the test leaves that come with Certificate Transparency (RFC 6962).
    const CT_ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn roots_are_those_of_certificate_transparency() {
        let mut tree = Tree::new();
        let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(tree.root().to_string(), nothing);
        for (leaf, root) in ct_leaves().into_iter().zip(CT_ROOTS) {
            tree.append(leaf);
            assert_eq!(tree.root().to_string(), root, "{} leaves", tree.size());
        }
    }

    #[test]
    fn every_size_has_the_root_of_the_definition_and_restores() {
        let leaves: Vec<Hash> = (0..70_u8).map(|leaf| Hash::of_leaf(&[leaf])).collect();
        for size in 0..=leaves.len() {
            let (tree, nodes) = grown(&leaves[..size]);
            assert_eq!(tree.root(), naive_root(&leaves[..size]), "{size}");
            assert_eq!(Tree::restore(tree.size(), &nodes).expect("all are kept"), tree);
        }
    }

    #[test]
    fn a_missing_hash_is_named() {
        let (tree, mut nodes) = grown(&ct_leaves()[..7]);
        nodes.remove(&(1, 2));
        let error = Tree::restore(tree.size(), &nodes).expect_err("one is missing");
        assert_eq!(error.to_string(), "the hash at level 1, index 2 of the tree is missing");
    }

    #[test]
    fn the_largest_tree_has_an_edge() {
        let parts: Vec<_> = perfect_parts(0, crate::ledger::MAX_SIZE).collect();
        assert_eq!((parts.len(), parts[0], parts[1]), (53, (52, 0), (51, 2)));
    }
}
