//! The two secrets this room works with.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::suite::{Aes256GcmSha256, Suite};
use crate::model::KeyId;

macro_rules! secrets {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Zeroize, ZeroizeOnDrop)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Takes 32 bytes that nobody can guess.
            #[must_use]
            pub fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The bytes; whoever copies them wipes the copy.
            #[must_use]
            pub fn expose(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(secret)"))
            }
        }
    )*};
}

secrets! {
    /// What opens one item: fresh for every attempt, used for one file, wiped when dropped.
    ItemKey;
    /// What reads the facts sections of a whole archive, and no footage at all (P5). Wiped when dropped.
    FactsKey;
}

impl FactsKey {
    /// The id that facts sections name their key by (`FORMAT.md`, section 5). It tells nothing about the key.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let derived = Aes256GcmSha256::derive(&self.0, &[0; 32], &[b"sealdock seal v1 facts key id\0"]);
        let mut id = [0; 8];
        id.copy_from_slice(&derived[..8]);
        KeyId(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_never_printed() {
        assert_eq!(format!("{:?}", ItemKey::from_bytes([0x41; 32])), "ItemKey(secret)");
        assert_eq!(format!("{:?}", FactsKey::from_bytes([0x41; 32])), "FactsKey(secret)");
    }

    #[test]
    fn facts_keys_have_ids_of_their_own() {
        let one = FactsKey::from_bytes([1; 32]);
        assert_eq!(one.id(), FactsKey::from_bytes([1; 32]).id());
        assert_ne!(one.id(), FactsKey::from_bytes([2; 32]).id());
    }
}
