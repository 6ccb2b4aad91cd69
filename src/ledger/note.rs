//! Signed notes (C2SP signed-note): a text, an empty line, and one line for each signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};

use super::Error;

/// The longest note a reader takes. The specification asks for at least 16 signatures; those of
/// post-quantum witnesses have up to 5 kB.
const MAX_NOTE_BYTES: usize = 128 * 1024;

/// The signature type of plain Ed25519 (C2SP signed-note, "Signature types").
const ED25519: u8 = 0x01;

const LINE_START: &str = "\u{2014} ";

/// A note, taken apart. Nothing in it is believed before a signature was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note<'a> {
    /// With its final newline.
    pub(super) text: &'a str,
    signatures: Vec<NoteSignature<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct NoteSignature<'a> {
    name: &'a str,
    key: [u8; 4],
    signature: Vec<u8>,
}

impl<'a> Note<'a> {
    /// Takes a note apart.
    ///
    /// # Errors
    /// [`Error::NotANote`] with what is missing.
    pub(super) fn parse(note: &'a str) -> Result<Self, Error> {
        if note.len() > MAX_NOTE_BYTES {
            return Err(Error::NotANote("it is too long"));
        }
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(Error::NotANote("it holds a control character"));
        }
        let gap = note.rfind("\n\n").ok_or(Error::NotANote("no empty line"))?;
        let (text, signatures) = (&note[..=gap], &note[gap + 2..]);
        let lines = signatures.strip_suffix('\n').ok_or(Error::NotANote("no newline at its end"))?;
        let signatures = lines.split('\n').map(NoteSignature::parse).collect::<Result<_, _>>()?;
        Ok(Self { text, signatures })
    }

    /// Whether this key, under this name, signed the text. Signatures by other keys are ignored; where the
    /// key stands twice, both must be right.
    pub(super) fn is_signed_by(&self, name: &str, public: &[u8; 32]) -> bool {
        let id = key_id(name, public);
        let mut ours = self.signatures.iter().filter(|one| one.name == name && one.key == id).peekable();
        ours.peek().is_some() && ours.all(|one| one.is_by(public, self.text))
    }

    /// Whether there is one signature line, under this name.
    pub(super) fn is_signed_in_one_name(&self, name: &str) -> bool {
        matches!(self.signatures.as_slice(), [only] if only.name == name)
    }
}

impl<'a> NoteSignature<'a> {
    fn parse(line: &'a str) -> Result<Self, Error> {
        let line = line.strip_prefix(LINE_START).ok_or(Error::NotANote("a signature line has no dash"))?;
        let (name, encoded) =
            line.split_once(' ').ok_or(Error::NotANote("a signature line has no signature"))?;
        if !is_key_name(name) {
            return Err(Error::NotANote("a key name is empty or holds a space or plus"));
        }
        let bytes = BASE64.decode(encoded).map_err(|_| Error::NotANote("a signature is not base64"))?;
        match bytes.split_first_chunk() {
            Some((key, signature)) if !signature.is_empty() => {
                Ok(Self { name, key: *key, signature: signature.to_vec() })
            }
            _ => Err(Error::NotANote("a signature is too short")),
        }
    }

    fn is_by(&self, public: &[u8; 32], text: &str) -> bool {
        let Ok(signature) = Signature::from_slice(&self.signature) else { return false };
        VerifyingKey::from_bytes(public)
            .is_ok_and(|key| key.verify_strict(text.as_bytes(), &signature).is_ok())
    }
}

/// Signs a text that ends in a newline: the whole note, with one signature line.
pub(super) fn sign(text: &str, signer: (&str, &[u8; 32]), sign: &dyn Fn(&[u8]) -> [u8; 64]) -> String {
    let (name, public) = signer;
    let mut bytes = key_id(name, public).to_vec();
    bytes.extend_from_slice(&sign(text.as_bytes()));
    format!("{text}\n{LINE_START}{name} {}\n", BASE64.encode(bytes))
}

/// The first four bytes of SHA-256(name ‖ LF ‖ type ‖ public key).
pub(super) fn key_id(name: &str, public: &[u8; 32]) -> [u8; 4] {
    let hasher = Sha256::new().chain_update(name).chain_update([b'\n', ED25519]).chain_update(public);
    let digest: [u8; 32] = hasher.finalize().into();
    [digest[0], digest[1], digest[2], digest[3]]
}

fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c == '+')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A published note and its key, `example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k`,
    /// from the documentation of the Elixir package `signed_note`, which is none of ours.
    const PUBLISHED: &str = "This is an example message.\n\n\u{2014} example.com/foo \
        Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    const PUBLISHED_KEY: &str = "AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    fn published_key() -> [u8; 32] {
        let bytes = BASE64.decode(PUBLISHED_KEY).expect("base64");
        bytes[1..].try_into().expect("32 bytes after the type")
    }

    #[test]
    fn a_published_note_is_read_and_verified() {
        assert_eq!(key_id("example.com/foo", &published_key()), [0x53, 0x0d, 0x90, 0x3a]);
        let note = Note::parse(PUBLISHED).expect("a note");
        assert_eq!(note.text, "This is an example message.\n");
        assert!(note.is_signed_by("example.com/foo", &published_key()));
        assert!(!note.is_signed_by("example.com/bar", &published_key()));
        assert!(!note.is_signed_by("example.com/foo", &[0; 32]));
    }

    #[test]
    fn strangers_signatures_are_ignored_and_a_false_one_of_ours_is_not() {
        let (text, line) = PUBLISHED.split_once("\n\n").expect("a gap");
        let stranger = "\u{2014} witness.example AAAAAAAA\n";
        let cosigned = format!("{text}\n\n{stranger}{line}");
        let note = Note::parse(&cosigned).expect("a note");
        assert!(note.is_signed_by("example.com/foo", &published_key()));
        let false_line = line.replace("Uw2QOkn8", "Uw2QOkn9");
        let doubled = format!("{text}\n\n{line}{false_line}");
        let note = Note::parse(&doubled).expect("a note");
        assert!(!note.is_signed_by("example.com/foo", &published_key()));
    }

    #[test]
    fn only_the_last_empty_line_parts_text_and_signatures() {
        let note = Note::parse("a\n\nb\n\n\u{2014} n AAAAAAAA\n").expect("a note");
        assert_eq!(note.text, "a\n\nb\n");
    }

    #[test]
    fn what_is_no_note_says_why() {
        for (note, why) in [
            ("a\n", "no empty line"),
            ("a\n\n\u{2014} n AAAAAAAA", "no newline at its end"),
            ("a\n\n- n AAAAAAAA\n", "a signature line has no dash"),
            ("a\n\n\u{2014} n\n", "a signature line has no signature"),
            ("a\n\n\u{2014} n+m AAAAAAAA\n", "a key name is empty or holds a space or plus"),
            ("a\n\n\u{2014}  AAAAAAAA\n", "a key name is empty or holds a space or plus"),
            ("a\n\n\u{2014} n AAAA AAA\n", "a signature is not base64"),
            ("a\n\n\u{2014} n AAAAAA==\n", "a signature is too short"),
            ("a\t\n\n\u{2014} n AAAAAAAA\n", "it holds a control character"),
        ] {
            let error = Note::parse(note).expect_err(note);
            assert_eq!(error.to_string(), format!("not a signed note: {why}"), "{note:?}");
        }
        let long = format!("{}\n\n\u{2014} n AAAAAAAA\n", "a".repeat(MAX_NOTE_BYTES));
        assert!(Note::parse(&long).is_err());
    }
}
