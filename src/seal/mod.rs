//! The bytes of a sealed file and of a key file; `FORMAT.md` beside the code is the specification.
//!
//! Knows no disk, no clock and no private key of a node: callers bring bytes, salts and a way to sign.
//! Promises that sealing needs no power to open anything else (P5), that no changed, moved, cut or
//! added byte is taken for evidence (P3, P10), and that all of it is written down (P11).
//! Called by `keys` (key files) and `evidence` (everything else).

mod bytes;
mod check;
mod error;
mod facts;
mod footer;
mod header;
mod key_file;
mod layout;
mod secret;
mod segments;
mod suite;
#[cfg(test)]
mod tests;

pub use check::{Checked, Checker, check};
pub use error::Error;
pub use facts::{MAX_FACTS, read_facts};
pub use footer::{Ending, Footer, Tail, tail};
pub use header::{Header, Plan, Role, SegmentSize};
pub use key_file::{KeyFile, Layer, MAX_KEY_FILE};
pub use layout::Layout;
pub use secret::{FactsKey, ItemKey};
pub use segments::{Place, SealedBody, SegmentOpener, SegmentSealer, begin, unlock};
pub use suite::{Aes256GcmSha256, Forged, Suite, TAG};

/// The specification, as it is laid beside the files of every archive (P11).
pub const FORMAT: &str = include_str!("FORMAT.md");
