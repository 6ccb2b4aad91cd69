//! Passphrases, and the file that holds one for a machine nobody watches.

use std::path::Path;

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::base32;
use super::secret::read_secret;
use super::{Error, error::io_at};
use crate::sys::{Disk, Entropy};

/// The file in the folder of keys that holds a passphrase for unattended unlocking. Whoever can read it
/// can open evidence; taking it away leaves a node that only seals.
pub const UNLOCK_FILE: &str = "unlock";

/// The longest passphrase, in bytes. Generous for a sentence, small enough to hand over in one pipe write.
const LIMIT: usize = 1024;

/// What a custodian knows. Text in Unicode NFC, so that the same keys typed on another system give the
/// same bytes; zeroed when dropped; cannot be printed.
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes what was typed or read, without the line ends that follow it.
    ///
    /// # Errors
    /// [`Error::BadPassphrase`] when nothing is left or it is longer than 1024 bytes.
    pub fn new(typed: &str) -> Result<Self, Error> {
        let typed = typed.trim_end_matches(['\r', '\n']);
        if typed.is_empty() || typed.len() > LIMIT {
            return Err(Error::BadPassphrase { limit: LIMIT });
        }
        // Room for the longest that NFC makes of it (a factor of 3, Unicode annex 15), so that nothing moves.
        let mut text = Zeroizing::new(String::with_capacity(3 * typed.len()));
        text.extend(typed.nfc());
        if text.len() > LIMIT { Err(Error::BadPassphrase { limit: LIMIT }) } else { Ok(Self(text)) }
    }

    /// One that no person chose: 160 random bits in letters and digits.
    #[must_use]
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut bits = Zeroizing::new([0; 20]);
        entropy.fill(bits.as_mut_slice());
        Self(base32::encode(bits.as_slice()))
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

/// The passphrase that lies in [`UNLOCK_FILE`], where there is one.
///
/// # Errors
/// [`Error::Exposed`] where others may read the file, [`Error::Io`], [`Error::Damaged`] where it is no
/// text, [`Error::BadPassphrase`].
pub fn read_unlock(folder: &Path) -> Result<Option<Passphrase>, Error> {
    let path = folder.join(UNLOCK_FILE);
    let Some(bytes) = read_secret(&path, LIMIT + 2)? else { return Ok(None) };
    let text = std::str::from_utf8(&bytes).map_err(|_| Error::damaged(&path, "it is not UTF-8 text"))?;
    Passphrase::new(text).map(Some)
}

/// Leaves the passphrase in [`UNLOCK_FILE`], readable by its owner alone.
///
/// # Errors
/// [`Error::Io`], also where the file exists.
pub fn write_unlock(folder: &Path, disk: &Disk, passphrase: &Passphrase) -> Result<(), Error> {
    let path = folder.join(UNLOCK_FILE);
    let mut line = Zeroizing::new(Vec::with_capacity(passphrase.expose().len() + 1));
    line.extend_from_slice(passphrase.expose().as_bytes());
    line.push(b'\n');
    disk.write_new(&path, &line, 0o600).map_err(io_at("write", &path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::OsEntropy;

    #[test]
    fn the_same_text_gives_the_same_bytes() {
        let composed = Passphrase::new("caf\u{e9} 钥匙\r\n").expect("taken");
        let decomposed = Passphrase::new("cafe\u{301} 钥匙").expect("taken");
        assert_eq!(composed.expose(), decomposed.expose());
        assert_eq!(Passphrase::new(" a ").expect("taken").expose(), " a ", "spaces are the person's own");
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        for text in ["", "\n", &"x".repeat(LIMIT + 1)] {
            assert!(matches!(Passphrase::new(text), Err(Error::BadPassphrase { .. })));
        }
        assert!(Passphrase::new(&"x".repeat(LIMIT)).is_ok());
    }

    #[test]
    fn the_unlock_file_holds_it_and_is_never_replaced() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let disk = Disk::default();
        assert!(read_unlock(folder.path()).expect("no file is no error").is_none());
        let first = Passphrase::random(&OsEntropy);
        write_unlock(folder.path(), &disk, &first).expect("written");
        let read = read_unlock(folder.path()).expect("read").expect("there");
        assert_eq!(read.expose(), first.expose());
        assert_eq!(first.expose().len(), 32);
        let other = Passphrase::random(&OsEntropy);
        assert_ne!(other.expose(), first.expose());
        assert!(matches!(write_unlock(folder.path(), &disk, &other), Err(Error::Io { .. })));
    }
}
