//! The facts section: what a catalog node may know of an item without any power to watch it (P5).

use zeroize::Zeroizing;

use super::bytes::Fields;
use super::suite::{Aes256GcmSha256, NONCE, Suite, TAG};
use super::{Error, FactsKey, Header, Role};
use crate::model::{KeyId, Provenance, SealedFacts};

/// The most a facts section may take, key id and tag included. A path has at most 4096 bytes, 24 KiB in
/// the worst JSON; this leaves room for forty of them, and a check still holds the section in memory.
pub const MAX_FACTS: usize = 1 << 20;

/// What a section has besides its text: the id of the facts key, and the tag.
pub(super) const FACTS_OVERHEAD: usize = 8 + TAG;

/// The nonce is constant: the key serves for this one section.
const ONLY_NONCE: [u8; NONCE] = [0; NONCE];

/// Seals facts into a section.
pub(super) fn seal_facts(header: &Header, facts: &SealedFacts, key: &FactsKey) -> Result<Vec<u8>, Error> {
    agree(header, facts)?;
    let text = serde_json_canonicalizer::to_vec(facts).map_err(|source| Error::FactsForm(Some(source)))?;
    let length = text.len() + FACTS_OVERHEAD;
    if length > MAX_FACTS {
        return Err(Error::FactsTooLarge(length as u64));
    }
    let mut section = Vec::with_capacity(length);
    section.extend_from_slice(&key.id().0);
    section.extend_from_slice(&text);
    let tag = cipher(header, key).seal(&ONLY_NONCE, &mut section[8..]);
    section.extend_from_slice(&tag);
    Ok(section)
}

/// Reads a facts section; nobody needs an item key for this.
///
/// The size in the facts is compared with the file by [`Checked::facts`](super::Checked::facts); whoever
/// has only header and section compares it with [`Layout::size`](super::Layout::size).
///
/// # Errors
/// In this order: [`Error::Ends`], [`Error::WrongFactsKey`], [`Error::Facts`], [`Error::FactsForm`],
/// [`Error::FactsDisagree`].
pub fn read_facts(header: &Header, section: &[u8], key: &FactsKey) -> Result<SealedFacts, Error> {
    let mut fields = Fields::new(section);
    let wanted = KeyId(fields.array()?);
    if wanted != key.id() {
        return Err(Error::WrongFactsKey { wanted });
    }
    let (sealed, tag) =
        section[fields.at()..].split_last_chunk::<TAG>().ok_or(Error::Ends { at: section.len() as u64 })?;
    let mut text = Zeroizing::new(sealed.to_vec());
    cipher(header, key).open(&ONLY_NONCE, &mut text, tag).map_err(|_| Error::Facts)?;
    let facts: SealedFacts =
        serde_json::from_slice(&text).map_err(|source| Error::FactsForm(Some(source)))?;
    // One content has one form, so that what is read here and written again is the same bytes.
    let again =
        serde_json_canonicalizer::to_vec(&facts).map_err(|source| Error::FactsForm(Some(source)))?;
    if again != *text {
        return Err(Error::FactsForm(None));
    }
    agree(header, &facts)?;
    Ok(facts)
}

/// The cipher for the facts of one file. The header stands in the derivation whole, commitment included.
fn cipher(header: &Header, key: &FactsKey) -> Aes256GcmSha256 {
    let info: [&[u8]; 2] = [b"sealdock seal v1 facts section\0", &header.to_bytes()];
    Aes256GcmSha256::keyed(&Aes256GcmSha256::derive(key.expose(), header.salt(), &info))
}

/// Facts must speak of the file they stand in.
fn agree(header: &Header, facts: &SealedFacts) -> Result<(), Error> {
    let role = match facts.provenance {
        Provenance::Deposited(_) => Role::Original,
        Provenance::Derived(_) => Role::Derivative,
    };
    if facts.archive != header.archive() {
        Err(Error::FactsDisagree("archive"))
    } else if facts.item != header.item() {
        Err(Error::FactsDisagree("item"))
    } else if role != header.role() {
        Err(Error::FactsDisagree("role"))
    } else {
        Ok(())
    }
}
