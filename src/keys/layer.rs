//! One layer of a key file: HPKE (RFC 9180, base mode) with the KEM X-Wing, HKDF-SHA-256 and AES-256-GCM.

use std::convert::Infallible;

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _};
use zeroize::Zeroizing;

use super::secret::Seed;
use crate::model::{ArchiveId, Domain, ItemId, KeyId};
use crate::sys::Entropy;

/// What it is, in HPKE's `info`: another version or another use of the same key is another label.
const LABEL: &[u8] = b"sealdock key layer 1\0";
/// Bytes of an X-Wing encapsulation.
const ENCAPSULATED: usize = 1120;

/// A public key that item keys are sealed to.
pub(super) type Recipient = <XWing as Kem>::PublicKey;

/// The public key in these bytes (1216), or none.
pub(super) fn recipient(bytes: &[u8]) -> Option<Recipient> {
    Recipient::from_bytes(bytes).ok()
}

/// The bytes of the public key that belongs to a private one.
pub(super) fn public_of(private: &Seed) -> Vec<u8> {
    XWing::sk_to_pk(&private_of(private)).to_bytes().to_vec()
}

fn private_of(seed: &Seed) -> <XWing as Kem>::PrivateKey {
    <XWing as Kem>::PrivateKey::from_bytes(seed.expose()).expect("any 32 bytes are an X-Wing private key")
}

/// Where a layer belongs. A layer opens only with the very same binding.
#[derive(Clone, Copy)]
pub(super) struct Binding<'a> {
    pub(super) archive: ArchiveId,
    pub(super) item: ItemId,
    /// The key commitment of the sealed file.
    pub(super) commitment: &'a [u8; 32],
    /// The key that opens it.
    pub(super) key: KeyId,
    pub(super) place: Place,
}

/// The place of a layer in its key file.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// In the onion; 0 is innermost.
    Onion { domain: Domain, depth: u8 },
    /// Beside it.
    Escrow,
}

impl Binding<'_> {
    fn info(&self) -> Vec<u8> {
        [LABEL, self.archive.as_bytes().as_slice(), self.key.0.as_slice()].concat()
    }

    fn associated(&self) -> Vec<u8> {
        let place = match self.place {
            Place::Onion { domain, depth } => [domain.number(), depth],
            // No domain has number 0.
            Place::Escrow => [0, 0],
        };
        [self.item.as_bytes().as_slice(), self.commitment.as_slice(), place.as_slice()].concat()
    }
}

/// Seals content to a key: the encapsulation (1120 bytes), then the content encrypted with its tag.
pub(super) fn wrap(to: &Recipient, binding: Binding<'_>, content: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
    seal(to, (&binding.info(), &binding.associated()), content, entropy)
}

/// One message to a key, bound to `info` and associated data: the encapsulation, then the content encrypted.
pub(super) fn seal(
    to: &Recipient,
    (info, associated): (&[u8], &[u8]),
    content: &[u8],
    entropy: &dyn Entropy,
) -> Vec<u8> {
    let (encapsulated, sealed) = hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, XWing>(
        &OpModeS::Base,
        to,
        info,
        content,
        associated,
        &mut Dice(entropy),
    )
    .expect("sealing a few KiB to a key that parsed meets no limit of HPKE");
    [encapsulated.to_bytes().as_slice(), sealed.as_slice()].concat()
}

/// Opens what [`wrap`] made, with the same binding; `None` for anything else.
pub(super) fn unwrap(with: &Seed, binding: Binding<'_>, layer: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    open(with, (&binding.info(), &binding.associated()), layer)
}

/// Opens what [`seal`] made; `None` for anything else.
pub(super) fn open(
    with: &Seed,
    (info, associated): (&[u8], &[u8]),
    message: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let (encapsulated, sealed) = message.split_at_checked(ENCAPSULATED)?;
    let encapsulated = <XWing as Kem>::EncappedKey::from_bytes(encapsulated).ok()?;
    hpke::single_shot_open::<AesGcm256, HkdfSha256, XWing>(
        &OpModeR::Base,
        &private_of(with),
        &encapsulated,
        info,
        sealed,
        associated,
    )
    .ok()
    .map(Zeroizing::new)
}

/// The given entropy, in the form that the libraries ask for.
pub(super) struct Dice<'a>(pub(super) &'a dyn Entropy);

impl TryRng for Dice<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.0.bytes()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.0.bytes()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Dice<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Moment;
    use crate::sys::OsEntropy;

    const COMMITMENT: [u8; 32] = [3; 32];

    fn binding() -> Binding<'static> {
        Binding {
            archive: ArchiveId::from_bytes([1; 16]),
            item: ItemId::new(Moment::UNIX_EPOCH, [2; 10]),
            commitment: &COMMITMENT,
            key: KeyId([4; 8]),
            place: Place::Onion { domain: Domain::General, depth: 0 },
        }
    }

    #[test]
    fn a_layer_opens_with_its_own_key_and_binding_only() {
        let seed = Seed::fresh(&OsEntropy);
        let to = recipient(&public_of(&seed)).expect("a public key");
        let layer = wrap(&to, binding(), &[7; 32], &OsEntropy);
        assert_eq!(layer.len(), ENCAPSULATED + 32 + 16);
        assert_eq!(unwrap(&seed, binding(), &layer).as_deref(), Some(&vec![7; 32]));
        assert!(unwrap(&Seed::fresh(&OsEntropy), binding(), &layer).is_none());
        for other in [
            Binding { archive: ArchiveId::from_bytes([9; 16]), ..binding() },
            Binding { item: ItemId::from_bytes([9; 16]), ..binding() },
            Binding { commitment: &[9; 32], ..binding() },
            Binding { key: KeyId([9; 8]), ..binding() },
            Binding { place: Place::Onion { domain: Domain::State, depth: 0 }, ..binding() },
            Binding { place: Place::Onion { domain: Domain::General, depth: 1 }, ..binding() },
            Binding { place: Place::Escrow, ..binding() },
        ] {
            assert!(unwrap(&seed, other, &layer).is_none());
        }
    }

    #[test]
    fn no_flipped_or_missing_byte_opens() {
        let seed = Seed::fresh(&OsEntropy);
        let to = recipient(&public_of(&seed)).expect("a public key");
        let layer = wrap(&to, binding(), &[7; 32], &OsEntropy);
        for place in (0..layer.len()).step_by(37).chain(ENCAPSULATED - 1..layer.len()) {
            let mut bad = layer.clone();
            bad[place] ^= 1;
            assert!(unwrap(&seed, binding(), &bad).is_none(), "byte {place}");
            assert!(unwrap(&seed, binding(), &layer[..place]).is_none(), "{place} bytes");
        }
    }

    #[test]
    fn what_is_no_public_key_is_refused() {
        assert!(recipient(&[0; 1215]).is_none());
        assert!(recipient(&[0xff; 1216]).is_none(), "coefficients beyond the modulus");
    }
}
