//! What can be wrong with a sealed file or a key file, and what callers can get wrong.

use std::io;

use crate::model::KeyId;

/// Everything this room refuses.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The source of bytes failed, which says nothing about the bytes.
    #[error("reading the sealed file failed at byte {at}")]
    Read {
        /// Bytes that were read before.
        at: u64,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The bytes end where a structure needs more.
    #[error("the bytes end at {at}, within a structure")]
    Ends {
        /// How many there were.
        at: u64,
    },
    /// There are more bytes than there should be.
    #[error("there are bytes after the end at {at}")]
    Surplus {
        /// Where the end should be.
        at: u64,
    },
    /// No magic number where one must stand.
    #[error("this is no {0}")]
    Magic(&'static str),
    /// Written by a newer sealdock, or damaged.
    #[error("format version {0} is not known here")]
    UnknownVersion(u16),
    /// Sealed with primitives this sealdock does not have, or damaged.
    #[error("suite {0} is not known here")]
    UnknownSuite(u16),
    /// A key file made with another KEM, or damaged.
    #[error("KEM {0:#06x} is not known here")]
    UnknownKem(u16),
    /// A segment size outside the rule.
    #[error("a segment size of {0} bytes is not a power of two from 4 KiB to 16 MiB")]
    SegmentSize(u32),
    /// A field with a value that the format does not allow.
    #[error("{what} at byte {at} has no allowed value")]
    Field {
        /// Which field.
        what: &'static str,
        /// Where.
        at: u64,
    },
    /// Header, body, facts and footer do not add up to the file.
    #[error("{what} cannot be right in a file of {length} bytes")]
    Layout {
        /// Which length.
        what: &'static str,
        /// Length of the file.
        length: u64,
    },
    /// The digest of header, body and facts is not the one in the footer.
    #[error("the bytes of header, body and facts are not those that were signed")]
    Digest,
    /// The footer's or key file's signature is false, or its signer is not certified.
    #[error("the signature by key {signer} is not one of this archive's")]
    Signature {
        /// Who is said to have signed.
        signer: KeyId,
    },
    /// The key does not belong to this file: the commitment differs.
    #[error("the item key is not the one this file was sealed with")]
    WrongKey,
    /// A segment is not what was sealed in its place.
    #[error("segment {index} at byte {at} is not what was sealed there")]
    Segment {
        /// Which, from 0.
        index: u32,
        /// Where it begins in the file.
        at: u64,
    },
    /// The facts section names another facts key.
    #[error("the facts are sealed under facts key {wanted}")]
    WrongFactsKey {
        /// The key that is needed.
        wanted: KeyId,
    },
    /// The facts section is not what was sealed.
    #[error("the facts section is not what was sealed there")]
    Facts,
    /// The facts are sealed truly, but are not in the one form that the format allows.
    #[error("the facts are not in the one form that the format allows")]
    FactsForm(#[source] Option<serde_json::Error>),
    /// The facts speak of another file.
    #[error("the facts name another {0} than the file")]
    FactsDisagree(&'static str),
    /// More facts than a section can hold.
    #[error("facts of {0} bytes are more than a sealed file can hold")]
    FactsTooLarge(u64),
    /// A key file with a length outside the rule.
    #[error("a key file of {0} bytes is longer than any can be")]
    KeyFileTooLarge(u64),
    /// A segment of the wrong length was given to the sealer.
    #[error("segment {index} was given with {length} bytes")]
    SegmentLength {
        /// Which, from 0.
        index: u64,
        /// How long it was.
        length: usize,
    },
    /// The sealer had sealed its last segment, or as many as one file can hold.
    #[error("no segment can follow segment {0}")]
    NoMoreSegments(u64),
    /// The body was to be closed before its last segment.
    #[error("the last segment was not sealed")]
    Unfinished,
}

impl Error {
    /// A stable code, for answers to programs and for the test vectors.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "read_error",
            Self::Ends { .. } => "cut",
            Self::Surplus { .. } => "surplus",
            Self::Magic(_) => "magic",
            Self::UnknownVersion(_) => "unknown_version",
            Self::UnknownSuite(_) => "unknown_suite",
            Self::UnknownKem(_) => "unknown_kem",
            Self::SegmentSize(_) => "segment_size",
            Self::Field { .. } => "field",
            Self::Layout { .. } => "layout",
            Self::Digest => "digest",
            Self::Signature { .. } => "signature",
            Self::WrongKey => "wrong_key",
            Self::Segment { .. } => "segment",
            Self::WrongFactsKey { .. } => "wrong_facts_key",
            Self::Facts => "facts",
            Self::FactsForm(_) => "facts_form",
            Self::FactsDisagree(_) => "facts_disagree",
            Self::FactsTooLarge(_) => "facts_too_large",
            Self::KeyFileTooLarge(_) => "key_file_too_large",
            Self::SegmentLength { .. } => "segment_length",
            Self::NoMoreSegments(_) => "no_more_segments",
            Self::Unfinished => "unfinished",
        }
    }

    /// Whether the bytes themselves are at fault: never retried, always an entry. What is left is the
    /// reader's trouble, a key that is not at hand, and mistakes of the caller.
    #[must_use]
    pub fn is_integrity(&self) -> bool {
        match self {
            Self::Ends { .. }
            | Self::Surplus { .. }
            | Self::Magic(_)
            | Self::UnknownVersion(_)
            | Self::UnknownSuite(_)
            | Self::UnknownKem(_)
            | Self::SegmentSize(_)
            | Self::Field { .. }
            | Self::Layout { .. }
            | Self::Digest
            | Self::Signature { .. }
            | Self::WrongKey
            | Self::Segment { .. }
            | Self::Facts
            | Self::FactsForm(_)
            | Self::FactsDisagree(_)
            | Self::KeyFileTooLarge(_) => true,
            Self::Read { .. }
            | Self::WrongFactsKey { .. }
            | Self::FactsTooLarge(_)
            | Self::SegmentLength { .. }
            | Self::NoMoreSegments(_)
            | Self::Unfinished => false,
        }
    }
}
