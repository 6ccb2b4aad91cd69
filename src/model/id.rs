//! Identifiers. An item, a deposit and an archive are UUIDs of version 7 (RFC 9562), made of a moment
//! and 74 random bits that the caller brings.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Moment;

/// A text that should have been an identifier and is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {wanted}")]
pub struct NotAnId {
    text: String,
    wanted: &'static str,
}

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident, $wanted:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id (UUID version 7) for this moment; `random` must be fresh.
            #[must_use]
            pub fn new(now: Moment, random: [u8; 10]) -> Self {
                let millis = u64::try_from(now.as_millis()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
            }

            /// The 16 bytes, most significant first, as they stand in files.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// Reads the 16 bytes of a file; any value is taken.
            #[must_use]
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                Uuid::try_parse(text)
                    .map(Self)
                    .map_err(|_| NotAnId { text: text.to_owned(), wanted: $wanted })
            }
        }
    )*};
}

uuid_ids! {
    /// One archived thing: an original with its facts, keys and derivatives (件).
    ItemId, "an item id";
    /// One arrival of bytes.
    DepositId, "a deposit id";
    /// One archive, for its whole life.
    ArchiveId, "an archive id";
}

impl ItemId {
    /// The folder an item lies in: the last byte in hex. The first bytes of a version 7 UUID are
    /// time and would put every item of a decade into one folder.
    #[must_use]
    pub fn shard(&self) -> String {
        format!("{:02x}", self.as_bytes()[15])
    }
}

/// The first eight bytes of the SHA-256 of a public key: names a key in files and certificates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl FromStr for KeyId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let mut bytes = [0; 8];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|_| NotAnId { text: text.to_owned(), wanted: "a key id (16 hex digits)" })?;
        Ok(Self(bytes))
    }
}

impl Serialize for KeyId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident($inner:ty);)*) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl $name {
            /// The one after this.
            #[must_use]
            pub fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }
    )*};
}

impl Generation {
    /// All that came before this one, the first in front.
    pub fn before(self) -> impl Iterator<Item = Self> {
        (1..self.0).map(Self)
    }
}

numbers! {
    /// The place of an entry in the ledger, from 0.
    LedgerIndex(u64);
    /// The generation of a key file, from 1; only the newest is read.
    Generation(u32);
    /// The epoch of the ledger, from 1; a restore or a recovery from the vault begins a new one.
    Epoch(u32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn item_ids_are_ordered_by_time_and_read_back() {
        let early = ItemId::new(Moment::from_millis(1_000).expect("in range"), [0xff; 10]);
        let late = ItemId::new(Moment::from_millis(2_000).expect("in range"), [0; 10]);
        assert!(early < late);
        assert_eq!(early.to_string().parse::<ItemId>(), Ok(early));
        assert_eq!(ItemId::from_bytes(*late.as_bytes()), late);
        assert_eq!(early.shard(), "ff");
    }

    #[test]
    fn what_is_not_an_id_is_named() {
        let error = "case-7".parse::<ItemId>().expect_err("not an id");
        assert_eq!(error.to_string(), "\"case-7\" is not an item id");
    }
}
