//! The footer: where the parts end, and who vouches for them.

use sha2::Digest as _;

use super::bytes::Fields;
use super::facts::seal_facts;
use super::{Error, FactsKey, Header, SealedBody};
use crate::model::{KeyId, SealedFacts, Sha256};

const MAGIC: &[u8; 8] = b"SEALDEND";
const CONTEXT: &[u8] = b"sealdock seal v1 footer\0";
/// Length of the fields before the signature: what is signed, after the context.
const SIGNED: usize = 56;

/// The last [`Footer::LENGTH`] bytes of a sealed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footer {
    body_length: u64,
    facts_length: u64,
    digest: Sha256,
    signer: KeyId,
    signature: [u8; 64],
}

impl Footer {
    /// Length in bytes.
    pub const LENGTH: usize = SIGNED + 64 + MAGIC.len();

    /// Reads the footer at the end of `bytes`; what stands before it is not looked at.
    ///
    /// # Errors
    /// In this order: [`Error::Ends`], [`Error::Magic`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let ends = Error::Ends { at: bytes.len() as u64 };
        let (fields, magic) = bytes
            .last_chunk::<{ Self::LENGTH }>()
            .and_then(|footer| footer.split_last_chunk::<{ MAGIC.len() }>())
            .ok_or(ends)?;
        if magic != MAGIC {
            return Err(Error::Magic("end of a sealed file"));
        }
        let mut fields = Fields::new(fields);
        Ok(Self {
            body_length: fields.u64()?,
            facts_length: fields.u64()?,
            digest: Sha256(fields.array()?),
            signer: KeyId(fields.array()?),
            signature: fields.array()?,
        })
    }

    /// The bytes as they stand in the file.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[..SIGNED].copy_from_slice(&self.signed_fields());
        bytes[SIGNED..SIGNED + 64].copy_from_slice(&self.signature);
        bytes[SIGNED + 64..].copy_from_slice(MAGIC);
        bytes
    }

    fn signed_fields(&self) -> [u8; SIGNED] {
        let mut bytes = [0; SIGNED];
        bytes[..8].copy_from_slice(&self.body_length.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.facts_length.to_be_bytes());
        bytes[16..48].copy_from_slice(&self.digest.0);
        bytes[48..].copy_from_slice(&self.signer.0);
        bytes
    }

    /// The message that the node signs: a context string and the fields before the signature.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        [CONTEXT, &self.signed_fields()].concat()
    }

    /// Length of all sealed segments.
    #[must_use]
    pub fn body_length(&self) -> u64 {
        self.body_length
    }

    /// Length of the facts section.
    #[must_use]
    pub fn facts_length(&self) -> u64 {
        self.facts_length
    }

    /// SHA-256 of header, body and facts section.
    #[must_use]
    pub fn digest(&self) -> Sha256 {
        self.digest
    }

    /// Who signed.
    #[must_use]
    pub fn signer(&self) -> KeyId {
        self.signer
    }

    /// The Ed25519 signature over [`Footer::message`].
    #[must_use]
    pub fn signature(&self) -> &[u8; 64] {
        &self.signature
    }
}

/// What the end of a file is made of.
pub struct Tail<'a> {
    /// The body, sealed to its end.
    pub body: SealedBody,
    /// The hash over header and body, as they were written.
    pub so_far: sha2::Sha256,
    /// What the facts section will say.
    pub facts: &'a SealedFacts,
    /// The archive's facts key.
    pub facts_key: &'a FactsKey,
    /// The node key that signs.
    pub signer: KeyId,
    /// Signs with it (Ed25519, RFC 8032).
    pub sign: &'a dyn Fn(&[u8]) -> [u8; 64],
}

/// The end of a file, to be written after its body.
#[derive(Debug)]
pub struct Ending {
    /// Facts section and footer.
    pub bytes: Vec<u8>,
    /// Length of the whole file.
    pub length: u64,
    /// SHA-256 of the whole file.
    pub sealed_sha256: Sha256,
}

/// Makes the facts section and the signed footer.
///
/// # Errors
/// [`Error::FactsDisagree`] when the facts name another archive, item, role or size than the body,
/// [`Error::FactsTooLarge`].
pub fn tail(tail: Tail<'_>) -> Result<Ending, Error> {
    let Tail { body, mut so_far, facts, facts_key, signer, sign } = tail;
    if facts.size != body.size() {
        return Err(Error::FactsDisagree("size"));
    }
    let mut bytes = seal_facts(body.header(), facts, facts_key)?;
    so_far.update(&bytes);
    let mut footer = Footer {
        body_length: body.length(),
        facts_length: bytes.len() as u64,
        digest: Sha256(so_far.clone().finalize().into()),
        signer,
        signature: [0; 64],
    };
    footer.signature = sign(&footer.message());
    so_far.update(footer.to_bytes());
    bytes.extend_from_slice(&footer.to_bytes());
    let length = Header::LENGTH as u64 + body.length() + bytes.len() as u64;
    Ok(Ending { bytes, length, sealed_sha256: Sha256(so_far.finalize().into()) })
}
