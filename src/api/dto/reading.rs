//! Reading.

use serde::{Deserialize, Serialize};

/// Someone wishes to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadingRequest {
    /// What for; entered in the ledger before the first byte leaves.
    pub purpose: String,
    /// First byte.
    #[serde(default)]
    pub from: u64,
    /// Byte after the last; the end where it is left out or lies beyond.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
}

/// Header of the answer: SHA-256 of the whole original, in hex.
pub const READING_SHA256: &str = "sealdock-sha256";

/// Header of the answer: size of the whole original in bytes.
pub const READING_SIZE: &str = "sealdock-size";
