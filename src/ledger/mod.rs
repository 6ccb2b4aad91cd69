//! The bytes of an entry, the Merkle tree, signed heads, proofs and receipts; `FORMAT.md` beside the code
//! is their specification.
//!
//! Knows nothing of files on a disk, of databases or of private keys: bytes come in, signatures are made by
//! whoever calls. Promises that any changed, missing or added byte is found (P6, P10), that a receipt says
//! what it may be used for (P2), and that a content can go without changing the tree.
//! `catalog` writes and replays ledgers with it, `intake` and `audit` make and check receipts.

mod canonical;
mod entry;
mod error;
mod hash;
mod head;
mod note;
mod proof;
mod receipt;
mod replay;
#[cfg(test)]
mod samples;
mod sheet;
mod tree;

pub use entry::{Content, Entry, Line};
pub use error::Error;
pub use hash::{Hash, NotAHash};
pub use head::{Head, SignedHead, origin};
pub use proof::{prove_consistency, prove_inclusion, verify_consistency, verify_inclusion};
pub use receipt::{Judge, NodeVerify, Receipt, may_erase};
pub use replay::{Contents, End, Replay, Resume, Step, Torn, Trust};
pub use sheet::{sheet_first, sheet_name};
pub use tree::{Node, Nodes, Tree, TreeRoot};

/// The format text.
pub const FORMAT: &str = include_str!("FORMAT.md");

/// The version of entries and receipts that this program writes.
pub const VERSION: u32 = 1;

/// The longest line a reader takes, in bytes, without its newline. Facts about media are the longest
/// content; a probe's answer is bounded to less.
pub const MAX_LINE_BYTES: usize = 4 * 1024 * 1024;

/// The largest tree: above it, an index would not be the same number in every JSON reader (RFC 8785).
pub const MAX_SIZE: u64 = (1 << 53) - 1;
