//! The bytes of an entry, the Merkle tree, signed heads, proofs and receipts; FORMAT.md beside the code says them.
