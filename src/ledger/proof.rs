//! Proofs: that an entry is in a tree, and that a tree is the beginning of another (RFC 9162, sections
//! 2.1.3 and 2.1.4; the hashes are those of RFC 6962).

use super::tree::{fold_edge, kept, perfect_parts};
use super::{Error, Hash, Nodes, TreeRoot};

/// The path from entry `index` to the root of a tree of `size` entries, from the bottom up. At most 64
/// hashes.
///
/// # Errors
/// [`Error::NotInTree`] unless `index < size`; [`Error::MissingNode`].
pub fn prove_inclusion(index: u64, size: u64, nodes: &dyn Nodes) -> Result<Vec<Hash>, Error> {
    if index >= size {
        return Err(Error::NotInTree { index, size });
    }
    let mut path = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(root_of(middle, end, nodes)?);
            end = middle;
        } else {
            path.push(root_of(start, middle, nodes)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// Checks that `leaf` is entry `index` of the tree with this root (RFC 9162, section 2.1.3.2).
///
/// # Errors
/// [`Error::OutOfTree`], [`Error::WrongProofLength`], [`Error::WrongProof`].
pub fn verify_inclusion(leaf: Hash, index: u64, proof: &[Hash], root: TreeRoot) -> Result<(), Error> {
    if index >= root.size {
        return Err(Error::OutOfTree { index, size: root.size });
    }
    let mut place = Place { node: index, last: root.size - 1 };
    let mut reached = leaf;
    for hash in proof {
        reached = match place.climb()? {
            Side::Left => Hash::of_children(hash, &reached),
            Side::Right => Hash::of_children(&reached, hash),
        };
    }
    place.at_top()?;
    same(reached, root.hash)
}

/// The hashes that lead from the tree of `old` entries to the tree of `new` entries; none where they are
/// equal or the old one is empty.
///
/// # Errors
/// [`Error::NotInTree`] unless `old <= new`; [`Error::MissingNode`].
pub fn prove_consistency(old: u64, new: u64, nodes: &dyn Nodes) -> Result<Vec<Hash>, Error> {
    if old > new {
        return Err(Error::NotInTree { index: old, size: new });
    }
    let mut path = Vec::new();
    if old == 0 || old == new {
        return Ok(path);
    }
    let (mut start, mut end) = (0, new);
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            path.push(root_of(middle, end, nodes)?);
            end = middle;
        } else {
            path.push(root_of(start, middle, nodes)?);
            start = middle;
        }
    }
    // Where the old tree is a perfect subtree of the new one, the verifier has its root already.
    if start != 0 {
        path.push(root_of(start, end, nodes)?);
    }
    path.reverse();
    Ok(path)
}

/// Checks that the old tree is the beginning of the new one (RFC 9162, section 2.1.4.2). Nothing is the
/// beginning of everything.
///
/// # Errors
/// [`Error::OutOfTree`], [`Error::WrongProofLength`], [`Error::WrongProof`].
pub fn verify_consistency(old: TreeRoot, new: TreeRoot, proof: &[Hash]) -> Result<(), Error> {
    if old.size > new.size {
        return Err(Error::OutOfTree { index: old.size, size: new.size });
    }
    if old.size == 0 || old.size == new.size {
        let expected = if old.size == 0 { Hash::of_nothing() } else { new.hash };
        same(old.hash, expected)?;
        return if proof.is_empty() { Ok(()) } else { Err(Error::WrongProofLength) };
    }
    let mut place = Place { node: old.size - 1, last: new.size - 1 };
    place.skip_complete();
    let (first, rest) = if old.size.is_power_of_two() {
        (old.hash, proof)
    } else {
        let (first, rest) = proof.split_first().ok_or(Error::WrongProofLength)?;
        (*first, rest)
    };
    let (mut old_reached, mut new_reached) = (first, first);
    for hash in rest {
        match place.climb()? {
            Side::Left => {
                old_reached = Hash::of_children(hash, &old_reached);
                new_reached = Hash::of_children(hash, &new_reached);
            }
            Side::Right => new_reached = Hash::of_children(&new_reached, hash),
        }
    }
    place.at_top()?;
    same(old_reached, old.hash)?;
    same(new_reached, new.hash)
}

/// On which side of the path the next hash of a proof stands.
enum Side {
    Left,
    Right,
}

/// A place on the way up: the node, and the last node of its level (`fn` and `sn` in RFC 9162).
struct Place {
    node: u64,
    last: u64,
}

impl Place {
    /// One hash up; levels on which the node has no sibling are passed over.
    fn climb(&mut self) -> Result<Side, Error> {
        if self.last == 0 {
            return Err(Error::WrongProofLength);
        }
        let side = if self.node % 2 == 1 || self.node == self.last {
            while self.node.is_multiple_of(2) && self.node != 0 {
                self.halve();
            }
            Side::Left
        } else {
            Side::Right
        };
        self.halve();
        Ok(side)
    }

    /// Up through the levels on which the old tree's last node closes a subtree.
    fn skip_complete(&mut self) {
        while self.node % 2 == 1 {
            self.halve();
        }
    }

    fn halve(&mut self) {
        self.node /= 2;
        self.last /= 2;
    }

    fn at_top(&self) -> Result<(), Error> {
        if self.last == 0 { Ok(()) } else { Err(Error::WrongProofLength) }
    }
}

/// The largest power of two below `count`, which must be at least 2.
fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

/// The root over the leaves `start..end`, as the recursion of RFC 6962 cuts them.
fn root_of(start: u64, end: u64, nodes: &dyn Nodes) -> Result<Hash, Error> {
    let parts = perfect_parts(start, end).map(|(level, index)| kept(nodes, level, index));
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    Ok(fold_edge(&parts).unwrap_or_else(Hash::of_nothing))
}

fn same(found: Hash, wanted: Hash) -> Result<(), Error> {
    if found == wanted { Ok(()) } else { Err(Error::WrongProof { wanted, found }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ledger::Tree;
    use crate::ledger::samples::{ct_leaves, grown};

    fn hex(hashes: &[Hash]) -> Vec<String> {
        hashes.iter().map(Hash::to_string).collect()
    }

    /// The path of the sixth of eight test leaves of Certificate Transparency, and the way from six to
    /// eight.
    #[test]
    fn proofs_are_those_of_certificate_transparency() {
        let (_, nodes) = grown(&ct_leaves());
        let right = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
        let left = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7";
        let sibling = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
        let proof = prove_inclusion(5, 8, &nodes).expect("provable");
        assert_eq!(hex(&proof), [sibling, right, left]);
        let pair = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";
        let proof = prove_consistency(6, 8, &nodes).expect("provable");
        assert_eq!(hex(&proof), [pair, right, left]);
    }

    #[test]
    fn every_entry_and_every_beginning_of_small_trees_is_proved() {
        let leaves: Vec<Hash> = (0..36_u8).map(|leaf| Hash::of_leaf(&[leaf])).collect();
        for size in 1..=leaves.len() {
            let (tree, nodes) = grown(&leaves[..size]);
            let root = tree.summit();
            for index in 0..root.size {
                let proof = prove_inclusion(index, root.size, &nodes).expect("provable");
                let leaf = nodes.node(0, index).expect("kept");
                verify_inclusion(leaf, index, &proof, root).expect("proved");
            }
            for old in 0..=root.size {
                let before = Tree::restore(old, &nodes).expect("kept").summit();
                let proof = prove_consistency(old, root.size, &nodes).expect("provable");
                verify_consistency(before, root, &proof).expect("proved");
            }
        }
    }

    #[test]
    fn what_is_not_in_a_tree_cannot_be_proved() {
        let (tree, nodes) = grown(&ct_leaves());
        assert!(matches!(prove_inclusion(8, 8, &nodes), Err(Error::NotInTree { .. })));
        assert!(matches!(prove_inclusion(0, 0, &nodes), Err(Error::NotInTree { .. })));
        assert!(matches!(prove_consistency(9, 8, &nodes), Err(Error::NotInTree { .. })));
        let root = tree.summit();
        assert!(matches!(verify_inclusion(root.hash, 8, &[], root), Err(Error::OutOfTree { .. })));
        let larger = TreeRoot { size: 9, ..root };
        assert!(matches!(verify_consistency(larger, root, &[]), Err(Error::OutOfTree { .. })));
    }

    #[test]
    fn equal_and_empty_trees_need_no_hashes_and_take_none() {
        let (tree, _) = grown(&ct_leaves());
        let (root, nothing) = (tree.summit(), Tree::new().summit());
        let other = TreeRoot { hash: Hash::of_nothing(), ..root };
        verify_consistency(root, root, &[]).expect("equal");
        verify_consistency(nothing, root, &[]).expect("nothing begins everything");
        assert!(verify_consistency(other, root, &[]).is_err());
        assert!(verify_consistency(root, root, &[root.hash]).is_err());
        assert!(verify_consistency(TreeRoot { hash: root.hash, ..nothing }, root, &[]).is_err());
    }

    /// A tree of up to 300 leaves, two sizes and a place for damage.
    fn trees() -> impl Strategy<Value = (Vec<Hash>, u64, usize, u8)> {
        (2..300_u64).prop_flat_map(|size| {
            let leaves = (0..size).map(|leaf| Hash::of_leaf(&leaf.to_be_bytes())).collect::<Vec<_>>();
            (Just(leaves), 1..size, any::<usize>(), 0..=255_u8)
        })
    }

    proptest! {
        #[test]
        fn a_changed_inclusion_proof_proves_nothing((leaves, index, at, bit) in trees()) {
            let (tree, nodes) = grown(&leaves);
            let (root, leaf) = (tree.summit(), leaves[usize::try_from(index).expect("small")]);
            let proof = prove_inclusion(index, root.size, &nodes).expect("provable");
            verify_inclusion(leaf, index, &proof, root).expect("proved");
            for wrong in damaged(&proof, at, bit) {
                prop_assert!(verify_inclusion(leaf, index, &wrong, root).is_err());
            }
            prop_assert!(verify_inclusion(flipped(leaf, bit), index, &proof, root).is_err());
            prop_assert!(verify_inclusion(leaf, index - 1, &proof, root).is_err());
        }

        #[test]
        fn a_changed_consistency_proof_proves_nothing((leaves, old, at, bit) in trees()) {
            let (tree, nodes) = grown(&leaves);
            let (root, before) = (tree.summit(), Tree::restore(old, &nodes).expect("kept").summit());
            let proof = prove_consistency(old, root.size, &nodes).expect("provable");
            verify_consistency(before, root, &proof).expect("proved");
            for wrong in damaged(&proof, at, bit) {
                prop_assert!(verify_consistency(before, root, &wrong).is_err());
            }
            let other = TreeRoot { hash: flipped(before.hash, bit), ..before };
            prop_assert!(verify_consistency(other, root, &proof).is_err());
        }
    }

    /// The proof with one bit flipped, cut, and lengthened.
    fn damaged(proof: &[Hash], at: usize, bit: u8) -> Vec<Vec<Hash>> {
        let mut bent = proof.to_vec();
        let place = at % bent.len();
        bent[place] = flipped(bent[place], bit);
        let longer = [proof, &proof[..1]].concat();
        vec![bent, proof[1..].to_vec(), proof[..proof.len() - 1].to_vec(), longer]
    }

    fn flipped(mut hash: Hash, bit: u8) -> Hash {
        hash.0[usize::from(bit / 8)] ^= 1 << (bit % 8);
        hash
    }
}
