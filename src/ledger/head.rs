//! Heads: how large the tree is, its root, and the signature over both (C2SP tlog-checkpoint).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::model::{ArchiveId, Epoch};

use super::note::{self, Note};
use super::{Error, Hash, Tree, TreeRoot};

/// The name of the log in one epoch; also the name of the key in its heads' signature lines.
#[must_use]
pub fn origin(archive: ArchiveId, epoch: Epoch) -> String {
    format!("sealdock/{archive}/{epoch}")
}

/// A tree head. What it says is believed only once it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Which log, in which epoch; made by [`origin`].
    pub origin: String,
    /// Number of entries, at most 2^53 - 1.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

impl Head {
    /// The head of a tree.
    #[must_use]
    pub fn of(origin: String, tree: &Tree) -> Self {
        Self { origin, size: tree.size(), root: tree.root() }
    }

    /// Size and root, for proofs.
    #[must_use]
    pub fn tree(&self) -> TreeRoot {
        TreeRoot { size: self.size, hash: self.root }
    }

    /// The text that is signed: three lines.
    fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(self.root.0))
    }

    fn parse(text: &str) -> Result<Self, Error> {
        let lines = text.strip_suffix('\n').ok_or(Error::NotAHead("no newline at its end"))?;
        let mut lines = lines.split('\n');
        let mut next = || lines.next().ok_or(Error::NotAHead("fewer than three lines"));
        let (origin, size, root) = (next()?, next()?, next()?);
        if lines.next().is_some() {
            return Err(Error::NotAHead("more than three lines"));
        }
        if origin.is_empty() {
            return Err(Error::NotAHead("no origin"));
        }
        Ok(Self { origin: origin.to_owned(), size: parse_size(size)?, root: parse_root(root)? })
    }
}

/// Decimal, without sign or leading zeros, below 2^53 so that it is the same number in every JSON reader.
fn parse_size(text: &str) -> Result<u64, Error> {
    let size: u64 = text.parse().map_err(|_| Error::NotAHead("its size is no number"))?;
    if size.to_string() != text || size > super::MAX_SIZE {
        return Err(Error::NotAHead("its size is out of range or not in its shortest form"));
    }
    Ok(size)
}

fn parse_root(text: &str) -> Result<Hash, Error> {
    let bytes = BASE64.decode(text).map_err(|_| Error::NotAHead("its root is not base64"))?;
    bytes.try_into().map(Hash).map_err(|_| Error::NotAHead("its root has not 32 bytes"))
}

/// A head as a signed note. Holding one proves its form, not its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHead {
    head: Head,
    note: String,
}

impl SignedHead {
    /// Signs a head with the Ed25519 key whose public half is given.
    #[must_use]
    pub fn sign(head: Head, public: &[u8; 32], sign: &dyn Fn(&[u8]) -> [u8; 64]) -> Self {
        let note = note::sign(&head.text(), (&head.origin, public), sign);
        Self { head, note }
    }

    /// Reads a note. Signatures of others, for instance of witnesses, are kept in it and ignored.
    ///
    /// # Errors
    /// [`Error::NotANote`], [`Error::NotAHead`].
    pub fn parse(note: &str) -> Result<Self, Error> {
        let head = Head::parse(Note::parse(note)?.text)?;
        Ok(Self { head, note: note.to_owned() })
    }

    /// Checks that one of these keys signed it.
    ///
    /// # Errors
    /// [`Error::BadHeadSignature`].
    pub fn verify(&self, publics: &[[u8; 32]]) -> Result<(), Error> {
        let note = Note::parse(&self.note)?;
        let known = publics.iter().any(|public| note.is_signed_by(&self.head.origin, public));
        if known { Ok(()) } else { Err(Error::BadHeadSignature { size: self.head.size }) }
    }

    /// Refuses every signature but one in the log's own name: in a ledger file nothing may stand that no
    /// check covers.
    pub(super) fn alone(self) -> Result<Self, Error> {
        if Note::parse(&self.note)?.is_signed_in_one_name(&self.head.origin) {
            Ok(self)
        } else {
            Err(Error::NotAHead("a ledger holds heads with the log's own signature alone"))
        }
    }

    /// What it says.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The whole note.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::samples::{ARCHIVE, grown, head_key, public_of, signs};

    fn signed() -> SignedHead {
        let (tree, _) = grown(&crate::ledger::samples::ct_leaves());
        let origin = origin(ARCHIVE.parse().expect("an id"), Epoch(1));
        SignedHead::sign(Head::of(origin, &tree), &public_of(&head_key()), &signs(&head_key()))
    }

    #[test]
    fn a_signed_head_reads_back_and_verifies() {
        let signed = signed();
        assert_eq!(SignedHead::parse(signed.note()).expect("a head"), signed);
        signed.verify(&[[0; 32], public_of(&head_key())]).expect("signed by the second key");
        assert!(matches!(signed.verify(&[[0; 32]]), Err(Error::BadHeadSignature { size: 8 })));
    }

    #[test]
    fn every_flipped_bit_of_a_note_is_found() {
        let signed = signed();
        for place in 0..signed.note().len() * 8 {
            let mut bytes = signed.note().as_bytes().to_vec();
            bytes[place / 8] ^= 1 << (place % 8);
            let Ok(text) = String::from_utf8(bytes) else { continue };
            let outcome = SignedHead::parse(&text).and_then(|head| head.verify(&[public_of(&head_key())]));
            assert!(outcome.is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_head_says_why() {
        let root = BASE64.encode([7; 32]);
        for (text, why) in [
            (format!("o\n1\n{root}\nmore\n"), "more than three lines"),
            ("o\n1\n".to_owned(), "fewer than three lines"),
            (format!("\n1\n{root}\n"), "no origin"),
            (format!("o\n-1\n{root}\n"), "its size is no number"),
            (format!("o\n01\n{root}\n"), "its size is out of range or not in its shortest form"),
            (format!("o\n+1\n{root}\n"), "its size is out of range or not in its shortest form"),
            (
                format!("o\n9007199254740992\n{root}\n"),
                "its size is out of range or not in its shortest form",
            ),
            ("o\n1\nx\n".to_owned(), "its root is not base64"),
            ("o\n1\nAAAA\n".to_owned(), "its root has not 32 bytes"),
        ] {
            let note = format!("{text}\n\u{2014} o AAAAAAAA\n");
            let error = SignedHead::parse(&note).expect_err(&note);
            assert_eq!(error.to_string(), format!("not a tree head: {why}"), "{note:?}");
        }
    }
}
