//! The primitives behind a suite number.

use aes_gcm::aead::AeadInOut as _;
use aes_gcm::{Aes256Gcm, KeyInit as _};
use hkdf::Hkdf;
use zeroize::Zeroizing;

/// Length of an authentication tag in bytes, in every suite.
pub const TAG: usize = 16;

/// Length of a nonce in bytes, in every suite.
pub(super) const NONCE: usize = 12;

/// The tag does not belong to these bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Forged;

/// One choice of cipher and hash. A value is a cipher under one key; it wipes that key when dropped.
pub trait Suite: Sized {
    /// The number in the header.
    const NUMBER: u16;

    /// HKDF (RFC 5869) with the suite's hash: extract `secret` with `salt`, expand with the pieces of
    /// `info` in a row, to 32 bytes.
    fn derive(secret: &[u8; 32], salt: &[u8; 32], info: &[&[u8]]) -> Zeroizing<[u8; 32]>;

    /// The cipher under a derived key.
    fn keyed(key: &[u8; 32]) -> Self;

    /// Encrypts in place and gives the tag. `text` is at most 16 MiB; a nonce serves once.
    fn seal(&self, nonce: &[u8; NONCE], text: &mut [u8]) -> [u8; TAG];

    /// Decrypts in place.
    ///
    /// # Errors
    /// When the tag is false; `text` is then untouched.
    fn open(&self, nonce: &[u8; NONCE], text: &mut [u8], tag: &[u8; TAG]) -> Result<(), Forged>;
}

/// Suite 1: AES-256-GCM (NIST SP 800-38D) and HKDF with SHA-256.
pub struct Aes256GcmSha256(Aes256Gcm);

impl Suite for Aes256GcmSha256 {
    const NUMBER: u16 = 1;

    fn derive(secret: &[u8; 32], salt: &[u8; 32], info: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        Hkdf::<sha2::Sha256>::new(Some(salt), secret)
            .expand_multi_info(info, &mut *key)
            .expect("32 bytes are within what HKDF can give");
        key
    }

    fn keyed(key: &[u8; 32]) -> Self {
        Self(Aes256Gcm::new(key.into()))
    }

    fn seal(&self, nonce: &[u8; NONCE], text: &mut [u8]) -> [u8; TAG] {
        self.0
            .encrypt_inout_detached(nonce.into(), b"", text.into())
            .expect("16 MiB are within what GCM can take")
            .into()
    }

    fn open(&self, nonce: &[u8; NONCE], text: &mut [u8], tag: &[u8; TAG]) -> Result<(), Forged> {
        self.0.decrypt_inout_detached(nonce.into(), b"", text.into(), tag.into()).map_err(|_| Forged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test case 15 of the GCM specification (McGrew and Viega, 2005).
    #[test]
    fn is_the_gcm_of_the_published_vector() {
        let key = hex::decode("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
        let key: [u8; 32] = key.expect("hex").try_into().expect("32 bytes");
        let nonce: [u8; NONCE] =
            hex::decode("cafebabefacedbaddecaf888").expect("hex").try_into().expect("12 bytes");
        let clear = hex::decode(concat!(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72",
            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
        ))
        .expect("hex");
        let mut text = clear.clone();
        let cipher = Aes256GcmSha256::keyed(&key);
        let tag = cipher.seal(&nonce, &mut text);
        assert_eq!(hex::encode(&text[..16]), "522dc1f099567d07f47f37a32a84427d");
        assert_eq!(hex::encode(tag), "b094dac5d93471bdec1a502270e3cc6c");
        assert_eq!(cipher.open(&nonce, &mut text, &tag), Ok(()));
        assert_eq!(text, clear);
    }

    #[test]
    fn a_false_tag_leaves_the_text_alone() {
        let cipher = Aes256GcmSha256::keyed(&[7; 32]);
        let mut text = *b"sixteen bytes ok";
        let mut tag = cipher.seal(&[0; NONCE], &mut text);
        let sealed = text;
        tag[15] ^= 1;
        assert_eq!(cipher.open(&[0; NONCE], &mut text, &tag), Err(Forged));
        assert_eq!(text, sealed);
    }
}
