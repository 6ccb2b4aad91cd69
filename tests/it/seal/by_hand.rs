//! A second writer of sealed files, made from `FORMAT.md` alone and sharing no code with the first. It
//! also writes what the first refuses to.

use aes_gcm::aead::AeadInOut as _;
use aes_gcm::{Aes256Gcm, KeyInit as _};
use ed25519_dalek::{Signer as _, SigningKey};
use hkdf::Hkdf;
use sha2::{Digest as _, Sha256};

/// Every field of a file, free to be wrong.
#[derive(Clone)]
pub(super) struct ByHand {
    pub(super) magic: [u8; 8],
    pub(super) version: u16,
    pub(super) suite: u16,
    pub(super) segment: u32,
    pub(super) role: u8,
    pub(super) reserved: [u8; 7],
    pub(super) archive: [u8; 16],
    pub(super) item: [u8; 16],
    pub(super) salt: [u8; 32],
    pub(super) item_key: [u8; 32],
    pub(super) facts_key: [u8; 32],
    pub(super) node: [u8; 32],
    pub(super) clear: Vec<u8>,
    pub(super) facts: Vec<u8>,
}

fn derive(secret: &[u8; 32], salt: &[u8; 32], info: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    Hkdf::<Sha256>::new(Some(salt), secret).expand(info, &mut out).expect("32 bytes");
    out
}

/// AES-256-GCM without associated data; the tag follows.
fn encrypt(key: &[u8; 32], nonce: [u8; 12], text: &[u8]) -> Vec<u8> {
    let mut out = text.to_vec();
    let tag =
        Aes256Gcm::new(key.into()).encrypt_inout_detached(&nonce.into(), b"", out.as_mut_slice().into());
    out.extend_from_slice(&tag.expect("short"));
    out
}

impl ByHand {
    /// The header's fields before the commitment.
    pub(super) fn bound(&self) -> Vec<u8> {
        let mut out = self.magic.to_vec();
        out.extend(self.version.to_be_bytes());
        out.extend(self.suite.to_be_bytes());
        out.extend(self.segment.to_be_bytes());
        out.push(self.role);
        out.extend(self.reserved);
        out.extend(self.archive);
        out.extend(self.item);
        out.extend(self.salt);
        out
    }

    /// HKDF `info` for a key from the item key.
    pub(super) fn item_info(&self, label: &str) -> Vec<u8> {
        [label.as_bytes(), &[0], &self.bound()].concat()
    }

    fn of_item_key(&self, label: &str) -> [u8; 32] {
        derive(&self.item_key, &self.salt, &self.item_info(label))
    }

    pub(super) fn file_key(&self) -> [u8; 32] {
        self.of_item_key("sealdock seal v1 file key")
    }

    pub(super) fn prefix(&self) -> [u8; 7] {
        self.of_item_key("sealdock seal v1 nonce prefix")[..7].try_into().expect("7 bytes")
    }

    pub(super) fn commitment(&self) -> [u8; 32] {
        self.of_item_key("sealdock seal v1 key commitment")
    }

    pub(super) fn header(&self) -> Vec<u8> {
        [self.bound(), self.commitment().to_vec()].concat()
    }

    pub(super) fn nonce(&self, index: u32, last: u8) -> [u8; 12] {
        let nonce = [&self.prefix()[..], &index.to_be_bytes(), &[last]].concat();
        nonce.try_into().expect("12 bytes")
    }

    /// One segment with its tag.
    pub(super) fn seal(&self, index: u32, last: u8, text: &[u8]) -> Vec<u8> {
        encrypt(&self.file_key(), self.nonce(index, last), text)
    }

    /// The sealed segments.
    pub(super) fn segments(&self) -> Vec<Vec<u8>> {
        let mut texts: Vec<&[u8]> = self.clear.chunks(self.segment as usize).collect();
        if texts.is_empty() {
            texts.push(b"");
        }
        let end = texts.len() - 1;
        let numbered = (0_u32..).zip(texts).enumerate();
        numbered.map(|(at, (index, text))| self.seal(index, u8::from(at == end), text)).collect()
    }

    /// HKDF `info` for the key of the facts section.
    pub(super) fn facts_info(header: &[u8]) -> Vec<u8> {
        [b"sealdock seal v1 facts section\0", header].concat()
    }

    pub(super) fn facts_section_key(&self, header: &[u8]) -> [u8; 32] {
        derive(&self.facts_key, &self.salt, &Self::facts_info(header))
    }

    pub(super) fn facts_key_id(&self) -> Vec<u8> {
        derive(&self.facts_key, &[0; 32], b"sealdock seal v1 facts key id\0")[..8].to_vec()
    }

    pub(super) fn facts_section(&self) -> Vec<u8> {
        self.facts_section_for(&self.header())
    }

    /// The facts, sealed for any header.
    pub(super) fn facts_section_for(&self, header: &[u8]) -> Vec<u8> {
        [self.facts_key_id(), encrypt(&self.facts_section_key(header), [0; 12], &self.facts)].concat()
    }

    pub(super) fn signing_key(&self) -> SigningKey {
        SigningKey::from_bytes(&self.node)
    }

    /// The first 8 bytes of the SHA-256 of the node's public key.
    pub(super) fn signer(&self) -> [u8; 8] {
        let digest = Sha256::digest(self.signing_key().verifying_key().as_bytes());
        digest[..8].try_into().expect("8 bytes")
    }

    /// What the footer's signature is over.
    pub(super) fn message(&self, before: &[u8], lengths: [u64; 2]) -> Vec<u8> {
        let mut out = b"sealdock seal v1 footer\0".to_vec();
        out.extend(lengths.iter().flat_map(|length| length.to_be_bytes()));
        out.extend(Sha256::digest(before));
        out.extend(self.signer());
        out
    }

    /// Puts a footer behind header, body and facts, with these lengths in it.
    pub(super) fn signed(&self, before: &[u8], lengths: [u64; 2]) -> Vec<u8> {
        let message = self.message(before, lengths);
        let signature = self.signing_key().sign(&message).to_bytes();
        [before, &message[24..], &signature, b"SEALDEND"].concat()
    }

    /// A file of this header, these segments and this facts section, truly signed.
    pub(super) fn join(&self, header: &[u8], segments: &[Vec<u8>], facts: &[u8]) -> Vec<u8> {
        let body = segments.concat();
        let before = [header, &body, facts].concat();
        self.signed(&before, [body.len() as u64, facts.len() as u64])
    }

    /// The whole file.
    pub(super) fn sealed(&self) -> Vec<u8> {
        self.join(&self.header(), &self.segments(), &self.facts_section())
    }
}
