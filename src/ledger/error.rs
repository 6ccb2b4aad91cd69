//! What can be wrong with a ledger.

use crate::model::{Epoch, KeyId};

use super::Hash;

/// What is wrong with a line, a head, a proof, a receipt or a whole ledger.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading a ledger file failed; the bytes may be whole.
    #[error("reading ledger file {file} failed")]
    Unreadable {
        /// The file's name.
        file: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A line of a ledger file is not what it must be.
    #[error("ledger file {file} is damaged at line {line}")]
    Damaged {
        /// The file's name.
        file: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong there.
        #[source]
        cause: Box<Error>,
    },
    /// A content that would not come back as it was written: a number that is not finite, or beyond 2^53.
    #[error("a content cannot be written as canonical JSON and read back unchanged")]
    Unwritable,
    /// A content whose line would be longer than a reader takes.
    #[error("an entry of {bytes} bytes is longer than the limit of {limit}")]
    ContentTooLong {
        /// The length of its line.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A line or receipt longer than a reader takes.
    #[error("{bytes} bytes are longer than the limit of {limit}")]
    TooLong {
        /// Its length, as far as it was read.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Not the JSON that stands there in any version this program knows.
    #[error("not the JSON that belongs there")]
    NotJson(#[source] serde_json::Error),
    /// The right JSON, but not in its one canonical form (RFC 8785).
    #[error("not in canonical form")]
    NotCanonical,
    /// Written by a later version of the format.
    #[error("format version {0} is not known to this program; use a newer one")]
    UnknownVersion(u64),
    /// An entry's `kind` is not its content's.
    #[error("the entry says it is {said:?}, its content is {is:?}")]
    WrongKind {
        /// In the entry.
        said: String,
        /// In the content.
        is: String,
    },
    /// Neither salt and content, nor the content's hash alone.
    #[error("an entry needs either salt and content, or the hash of a dropped content")]
    HalfContent,
    /// A content was dropped where that is not allowed.
    #[error("the content of an entry of kind {0:?} is missing")]
    ContentMissing(String),
    /// Entries do not follow one another.
    #[error("entry {found} stands where entry {wanted} belongs")]
    WrongIndex {
        /// What belongs there.
        wanted: u64,
        /// What stands there.
        found: u64,
    },
    /// A text that is not a signed note (C2SP signed-note).
    #[error("not a signed note: {0}")]
    NotANote(&'static str),
    /// A note that is not a head (C2SP tlog-checkpoint).
    #[error("not a tree head: {0}")]
    NotAHead(&'static str),
    /// A head names another log or epoch.
    #[error("the head belongs to {found:?}, not to {wanted:?}")]
    WrongOrigin {
        /// The origin that belongs there.
        wanted: String,
        /// The origin that stands there.
        found: String,
    },
    /// A head that no trusted head key signed.
    #[error("no trusted key signed the head of size {size}")]
    BadHeadSignature {
        /// The head's size.
        size: u64,
    },
    /// A head counts other entries than stand before it.
    #[error("the head says {said} entries, {counted} stand before it")]
    WrongHeadSize {
        /// In the head.
        said: u64,
        /// In the files.
        counted: u64,
    },
    /// The entries before a head do not give its root.
    #[error("the entries before the head of size {size} give another root")]
    WrongRoot {
        /// The head's size.
        size: u64,
    },
    /// A head follows another than the last one that was read.
    #[error("the head follows one of size {after}, but the last one before it has size {last}")]
    HeadMissing {
        /// In the line.
        after: u64,
        /// The last head's.
        last: u64,
    },
    /// A head that covers no new entry.
    #[error("a head of size {size} follows a head of the same size")]
    IdleHead {
        /// The size of both.
        size: u64,
    },
    /// The first entry is neither the making of the archive nor the beginning of an epoch.
    #[error("a ledger begins with archive_made or epoch_begun, not with {0:?}")]
    WrongBeginning(String),
    /// An archive can be made once only.
    #[error("archive_made stands after the beginning")]
    MadeTwice,
    /// The entry names another archive than the ledger's.
    #[error("the entry names another archive")]
    WrongArchive,
    /// Epochs only rise.
    #[error("epoch {found} begins after epoch {current}")]
    WrongEpoch {
        /// The epoch so far.
        current: Epoch,
        /// The one that would begin.
        found: Epoch,
    },
    /// A restored ledger goes on from the head that stands before it, and says so.
    #[error("the beginning of this epoch does not name the head before it")]
    WrongOldHead,
    /// A file whose name is not the index of its first entry, or that is missing before this one.
    #[error("a file named for entry {named} stands where one for entry {wanted} belongs")]
    WrongFile {
        /// By the entries so far.
        wanted: u64,
        /// By its name.
        named: u64,
    },
    /// A file ends without a head although another file follows it.
    #[error("ledger file {file} ends without a head, and another file follows it")]
    OpenEnd {
        /// The file's name.
        file: String,
    },
    /// Bytes after the last line that no interrupted write leaves.
    #[error("the bytes after the last whole line are not the beginning of a line")]
    StrangeTail,
    /// The ledger ends before something that is known to have been acknowledged.
    #[error("the ledger ends at {size} entries; {acknowledged} were acknowledged")]
    RolledBack {
        /// Entries under the last head.
        size: u64,
        /// Entries known from elsewhere.
        acknowledged: u64,
    },
    /// A proof was asked for something that this tree does not have.
    #[error("the tree has {size} entries, which is too few for a proof about {index}")]
    NotInTree {
        /// The entry, or the smaller tree's size.
        index: u64,
        /// The tree.
        size: u64,
    },
    /// A proof was given for something that its tree cannot have.
    #[error("the proof is about {index}, its tree has {size} entries")]
    OutOfTree {
        /// The entry, or the smaller tree's size.
        index: u64,
        /// The tree.
        size: u64,
    },
    /// A stored hash that must be there is not.
    #[error("the hash at level {level}, index {index} of the tree is missing")]
    MissingNode {
        /// 0 for leaves.
        level: u8,
        /// From the left, within the level.
        index: u64,
    },
    /// A proof does not lead from what it starts with to the root.
    #[error("the proof leads to {found}, not to the root {wanted}")]
    WrongProof {
        /// The root to reach.
        wanted: Hash,
        /// What was reached.
        found: Hash,
    },
    /// A proof has too few or too many hashes.
    #[error("the proof has the wrong length for this tree")]
    WrongProofLength,
    /// A receipt that says what its other fields rule out.
    #[error("the receipt contradicts itself: {0}")]
    Contradiction(&'static str),
    /// A receipt that no certified node key signed.
    #[error("the signature is not one of key {0} over these bytes, or that key is not certified")]
    BadReceiptSignature(KeyId),
}

impl Error {
    /// A stable word for what is wrong; that of the cause where a place was added to it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Damaged { cause, .. } => cause.code(),
            Self::Unreadable { .. } => "unreadable",
            Self::Unwritable => "unwritable",
            Self::ContentTooLong { .. } => "content_too_long",
            Self::TooLong { .. } => "too_long",
            Self::NotJson(_) => "not_json",
            Self::NotCanonical => "not_canonical",
            Self::UnknownVersion(_) => "unknown_version",
            Self::WrongKind { .. } => "wrong_kind",
            Self::HalfContent => "half_content",
            Self::ContentMissing(_) => "content_missing",
            Self::WrongIndex { .. } => "wrong_index",
            Self::NotANote(_) => "not_a_note",
            Self::NotAHead(_) => "not_a_head",
            Self::WrongOrigin { .. } => "wrong_origin",
            Self::BadHeadSignature { .. } => "bad_head_signature",
            Self::WrongHeadSize { .. } => "wrong_head_size",
            Self::WrongRoot { .. } => "wrong_root",
            Self::HeadMissing { .. } => "head_missing",
            Self::IdleHead { .. } => "idle_head",
            Self::WrongBeginning(_) => "wrong_beginning",
            Self::MadeTwice => "made_twice",
            Self::WrongArchive => "wrong_archive",
            Self::WrongEpoch { .. } => "wrong_epoch",
            Self::WrongOldHead => "wrong_old_head",
            Self::WrongFile { .. } => "wrong_file",
            Self::OpenEnd { .. } => "open_end",
            Self::StrangeTail => "strange_tail",
            Self::RolledBack { .. } => "rolled_back",
            Self::NotInTree { .. } => "not_in_tree",
            Self::OutOfTree { .. } => "out_of_tree",
            Self::MissingNode { .. } => "missing_node",
            Self::WrongProof { .. } => "wrong_proof",
            Self::WrongProofLength => "wrong_proof_length",
            Self::Contradiction(_) => "contradiction",
            Self::BadReceiptSignature(_) => "bad_receipt_signature",
        }
    }

    /// Whether something that was once right is now wrong (P10), as against a failed read, a content that
    /// was never written, or a question about what is not there. An unknown version counts: from inside it looks like a flipped bit.
    #[must_use]
    pub fn is_integrity(&self) -> bool {
        match self {
            Self::Unreadable { .. }
            | Self::Unwritable
            | Self::ContentTooLong { .. }
            | Self::NotInTree { .. } => false,
            Self::Damaged { cause, .. } => cause.is_integrity(),
            _ => true,
        }
    }
}
