//! What a key is for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::Domain;

/// What a key is certified for. Written as one word, in files, names and answers alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Role {
    /// Certifies all others; Ed25519.
    Root,
    /// Signs sealed files, key files and receipts; Ed25519.
    Node,
    /// Signs the heads of the ledger; Ed25519.
    Head,
    /// Encrypts the facts of items; a symmetric key, certified by its fingerprint.
    Facts,
    /// Item keys are sealed to it, one layer for each domain; X-Wing.
    Domain(Domain),
    /// Item keys are sealed to it once more, for when custodians are gone; X-Wing.
    Escrow,
}

impl Role {
    /// What kind of key serves this role.
    #[must_use]
    pub fn algorithm(self) -> Algorithm {
        match self {
            Self::Root | Self::Node | Self::Head => Algorithm::Ed25519,
            Self::Facts => Algorithm::Aes256Gcm,
            Self::Domain(_) | Self::Escrow => Algorithm::XWing,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Node => "node",
            Self::Head => "head",
            Self::Facts => "facts",
            Self::Domain(Domain::General) => "domain-general",
            Self::Domain(Domain::Commercial) => "domain-commercial",
            Self::Domain(Domain::Personal) => "domain-personal",
            Self::Domain(Domain::State) => "domain-state",
            Self::Escrow => "escrow",
        }
    }

    /// Every role there is.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        [Self::Root, Self::Node, Self::Head, Self::Facts, Self::Escrow]
            .into_iter()
            .chain(Domain::ALL.into_iter().map(Self::Domain))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A word that names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the role of a key")]
pub struct NotARole(String);

impl FromStr for Role {
    type Err = NotARole;

    fn from_str(word: &str) -> Result<Self, NotARole> {
        Self::all().find(|role| role.word() == word).ok_or_else(|| NotARole(word.to_owned()))
    }
}

impl TryFrom<String> for Role {
    type Error = NotARole;

    fn try_from(word: String) -> Result<Self, NotARole> {
        word.parse()
    }
}

impl From<Role> for String {
    fn from(role: Role) -> Self {
        role.word().to_owned()
    }
}

/// The kinds of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// Signatures, RFC 8032.
    #[serde(rename = "ed25519")]
    Ed25519,
    /// The KEM X-Wing (X25519 + ML-KEM-768), number 0x647a of the HPKE registry.
    #[serde(rename = "x-wing")]
    XWing,
    /// A symmetric key.
    #[serde(rename = "aes-256-gcm")]
    Aes256Gcm,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_roles_are_one_to_one() {
        let mut count = 0;
        for role in Role::all() {
            assert_eq!(role.to_string().parse(), Ok(role));
            count += 1;
        }
        assert_eq!(count, 5 + Domain::ALL.len());
        assert!("domain".parse::<Role>().is_err());
    }
}
