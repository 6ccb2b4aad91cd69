//! The key file beside a sealed file: its item key, sealed to the key domains and to the escrow key.

use super::Error;
use super::bytes::Fields;
use super::header::known;
use crate::model::{ArchiveId, Domain, Generation, ItemId, KeyId};

/// The most a key file may take. Four layers and the escrow copy take 6 KiB with today's KEM.
pub const MAX_KEY_FILE: usize = 64 << 10;

const MAGIC: &[u8; 8] = b"SEALKEYS";
const VERSION: u16 = 1;
/// X-Wing (X25519 and ML-KEM-768) in the HPKE registry of IANA.
const X_WING: u16 = 0x647a;

/// One layer of the onion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layer {
    /// The key domain.
    pub domain: Domain,
    /// The domain's public key that the layer is sealed to.
    pub key: KeyId,
}

/// One generation of an item's key file. This room knows its bytes; opening it is up to `keys`.
///
/// Not every value is a key file: [`KeyFile::parse`] takes only the bytes of those that keep the rules
/// of `FORMAT.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile {
    /// The archive.
    pub archive: ArchiveId,
    /// The item.
    pub item: ItemId,
    /// From 1; only the newest is read.
    pub generation: Generation,
    /// The commitment of the item key, as in the header of the sealed file.
    pub commitment: [u8; 32],
    /// The layers, innermost first: 1 to 4 different domains.
    pub layers: Vec<Layer>,
    /// The item key, sealed once for each layer.
    pub onion: Vec<u8>,
    /// The escrow key.
    pub escrow_key: KeyId,
    /// The item key, sealed to the escrow key.
    pub escrow: Vec<u8>,
    /// The node key that signed.
    pub signer: KeyId,
    /// Its Ed25519 signature over [`KeyFile::signed_bytes`].
    pub signature: [u8; 64],
}

impl KeyFile {
    /// Reads a whole key file. The signature is the caller's to verify.
    ///
    /// # Errors
    /// In this order: [`Error::KeyFileTooLarge`]; [`Error::Ends`] where a field is cut;
    /// [`Error::Magic`]; [`Error::UnknownVersion`]; [`Error::UnknownKem`]; [`Error::Field`] for the
    /// generation, the layers, the onion and the escrow copy; [`Error::Surplus`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_KEY_FILE {
            return Err(Error::KeyFileTooLarge(bytes.len() as u64));
        }
        let mut fields = Fields::new(bytes);
        if fields.slice(MAGIC.len())? != MAGIC {
            return Err(Error::Magic("key file"));
        }
        known(fields.u16()?, VERSION, Error::UnknownVersion)?;
        known(fields.u16()?, X_WING, Error::UnknownKem)?;
        let file = Self {
            archive: ArchiveId::from_bytes(fields.array()?),
            item: ItemId::from_bytes(fields.array()?),
            generation: generation(&mut fields)?,
            commitment: fields.array()?,
            layers: layers(&mut fields)?,
            onion: sealed(&mut fields, "onion")?,
            escrow_key: KeyId(fields.array()?),
            escrow: sealed(&mut fields, "escrow copy")?,
            signer: KeyId(fields.array()?),
            signature: fields.array()?,
        };
        if fields.is_empty() { Ok(file) } else { Err(Error::Surplus { at: fields.at() as u64 }) }
    }

    /// The bytes of the file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.signed_bytes();
        bytes.extend_from_slice(&self.signature);
        bytes
    }

    /// What the signature is over: everything before it. The magic number keeps it apart from all else
    /// that a node signs.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256 + self.onion.len() + self.escrow.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&X_WING.to_be_bytes());
        bytes.extend_from_slice(self.archive.as_bytes());
        bytes.extend_from_slice(self.item.as_bytes());
        bytes.extend_from_slice(&self.generation.0.to_be_bytes());
        bytes.extend_from_slice(&self.commitment);
        // A number that does not fit becomes one that no rule allows.
        bytes.push(u8::try_from(self.layers.len()).unwrap_or(u8::MAX));
        for layer in &self.layers {
            bytes.push(layer.domain.number());
            bytes.extend_from_slice(&layer.key.0);
        }
        extend_with_length(&mut bytes, &self.onion);
        bytes.extend_from_slice(&self.escrow_key.0);
        extend_with_length(&mut bytes, &self.escrow);
        bytes.extend_from_slice(&self.signer.0);
        bytes
    }
}

fn extend_with_length(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(part);
}

fn generation(fields: &mut Fields<'_>) -> Result<Generation, Error> {
    let at = fields.at() as u64;
    match fields.u32()? {
        0 => Err(Error::Field { what: "generation", at }),
        number => Ok(Generation(number)),
    }
}

/// 1 to 4 layers, no domain twice.
fn layers(fields: &mut Fields<'_>) -> Result<Vec<Layer>, Error> {
    let wrong = |at: usize| Error::Field { what: "layer", at: at as u64 };
    let at = fields.at();
    let count = usize::from(fields.u8()?);
    if !(1..=Domain::ALL.len()).contains(&count) {
        return Err(wrong(at));
    }
    let mut layers: Vec<Layer> = Vec::with_capacity(count);
    for _ in 0..count {
        let at = fields.at();
        let domain = Domain::from_number(fields.u8()?).ok_or_else(|| wrong(at))?;
        if layers.iter().any(|layer| layer.domain == domain) {
            return Err(wrong(at));
        }
        layers.push(Layer { domain, key: KeyId(fields.array()?) });
    }
    Ok(layers)
}

/// A length and as many bytes, at least one.
fn sealed(fields: &mut Fields<'_>, what: &'static str) -> Result<Vec<u8>, Error> {
    let at = fields.at() as u64;
    match fields.u32()? {
        0 => Err(Error::Field { what, at }),
        length => Ok(fields.slice(length as usize)?.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key_file() -> impl Strategy<Value = KeyFile> {
        let domains = Just(Domain::ALL.to_vec()).prop_shuffle();
        let sealed = || prop::collection::vec(any::<u8>(), 1..40);
        (any::<[u8; 32]>(), domains, 1..=4_usize, sealed(), sealed()).prop_map(
            |(commitment, domains, count, onion, escrow)| KeyFile {
                archive: ArchiveId::from_bytes([1; 16]),
                item: ItemId::from_bytes([2; 16]),
                generation: Generation(1),
                commitment,
                layers: domains[..count]
                    .iter()
                    .map(|domain| Layer { domain: *domain, key: KeyId([domain.number(); 8]) })
                    .collect(),
                onion,
                escrow_key: KeyId([5; 8]),
                escrow,
                signer: KeyId([6; 8]),
                signature: [7; 64],
            },
        )
    }

    proptest! {
        #[test]
        fn key_files_read_back(file in key_file()) {
            prop_assert_eq!(KeyFile::parse(&file.to_bytes()).expect("just made"), file);
        }

        /// A changed byte is refused here, or it changes what the signature is over, or the signature.
        #[test]
        fn any_flipped_bit_shows(file in key_file(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let mut bytes = file.to_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            if let Ok(changed) = KeyFile::parse(&bytes) {
                let same_text = changed.signed_bytes() == file.signed_bytes();
                prop_assert!(!same_text || changed.signature != file.signature);
                prop_assert_eq!(changed.to_bytes(), bytes, "one value has one form");
            }
        }

        #[test]
        fn cut_and_longer_files_are_refused(file in key_file(), at in any::<prop::sample::Index>()) {
            let mut bytes = file.to_bytes();
            let cut = at.index(bytes.len());
            assert!(matches!(KeyFile::parse(&bytes[..cut]), Err(Error::Ends { .. })));
            bytes.push(0);
            let end = bytes.len() as u64 - 1;
            assert!(matches!(KeyFile::parse(&bytes), Err(Error::Surplus { at }) if at == end));
        }

        #[test]
        fn no_bytes_break_the_reader(mut bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = KeyFile::parse(&bytes);
            for (place, byte) in bytes.iter_mut().zip(b"SEALKEYS\x00\x01\x64\x7a") {
                *place = *byte;
            }
            let _ = KeyFile::parse(&bytes);
        }
    }

    #[test]
    fn values_that_break_a_rule_give_no_key_file() {
        let layer = Layer { domain: Domain::General, key: KeyId([1; 8]) };
        let good = KeyFile {
            archive: ArchiveId::from_bytes([1; 16]),
            item: ItemId::from_bytes([2; 16]),
            generation: Generation(1),
            commitment: [3; 32],
            layers: vec![layer],
            onion: vec![4; 10],
            escrow_key: KeyId([5; 8]),
            escrow: vec![6; 10],
            signer: KeyId([7; 8]),
            signature: [8; 64],
        };
        assert!(KeyFile::parse(&good.to_bytes()).is_ok());
        let what = |file: KeyFile| match KeyFile::parse(&file.to_bytes()) {
            Err(Error::Field { what, .. }) => what,
            other => panic!("not refused: {other:?}"),
        };
        assert_eq!(what(KeyFile { generation: Generation(0), ..good.clone() }), "generation");
        assert_eq!(what(KeyFile { layers: Vec::new(), ..good.clone() }), "layer");
        assert_eq!(what(KeyFile { layers: vec![layer; 2], ..good.clone() }), "layer");
        assert_eq!(what(KeyFile { layers: vec![layer; 300], ..good.clone() }), "layer");
        assert_eq!(what(KeyFile { onion: Vec::new(), ..good.clone() }), "onion");
        assert_eq!(what(KeyFile { escrow: Vec::new(), ..good.clone() }), "escrow copy");
        let large = KeyFile { onion: vec![4; MAX_KEY_FILE], ..good };
        assert!(matches!(KeyFile::parse(&large.to_bytes()), Err(Error::KeyFileTooLarge(_))));
    }
}
