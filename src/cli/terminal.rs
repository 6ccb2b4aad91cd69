//! Secrets that people type, and secrets in files. Nothing is asked where nobody sits.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::api::{Code, Problem};

/// A passphrase is a line; a file with more than this holds something else.
const LONGEST: u64 = 4096;

/// Where secrets are typed.
pub trait Terminal {
    /// Whether somebody sits there.
    fn is_there(&self) -> bool;

    /// Asks for a secret without showing it.
    ///
    /// # Errors
    /// As the terminal's.
    fn ask(&self, prompt: &str) -> io::Result<Zeroizing<String>>;
}

/// The terminal of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct OwnTerminal;

impl Terminal for OwnTerminal {
    fn is_there(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    fn ask(&self, prompt: &str) -> io::Result<Zeroizing<String>> {
        rpassword::prompt_password(prompt).map(Zeroizing::new)
    }
}

/// The first line of a file.
///
/// # Errors
/// Where it cannot be read, or is no text of one line.
pub(super) fn passphrase_in(path: &Path) -> Result<Zeroizing<String>, Problem> {
    let unreadable = |why: &dyn std::fmt::Display| {
        Problem::new(
            Code::UnreadableFile,
            format!("cannot read a passphrase from {}: {why}", path.display()),
        )
    };
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let mut text = Zeroizing::new(String::new());
    file.take(LONGEST + 1).read_to_string(&mut text).map_err(|error| unreadable(&error))?;
    let line = text.lines().next().unwrap_or("");
    if line.is_empty() || line.len() as u64 > LONGEST {
        return Err(unreadable(&"its first line must hold 1 to 4096 bytes"));
    }
    Ok(Zeroizing::new(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passphrase_file_is_its_first_line() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("p");
        for (content, wanted) in
            [("open sesame\n", Some("open sesame")), ("a\r\nb", Some("a")), ("", None), ("\n", None)]
        {
            std::fs::write(&path, content).expect("written");
            assert_eq!(passphrase_in(&path).ok().as_ref().map(|line| line.as_str()), wanted, "{content:?}");
        }
        std::fs::write(&path, "x".repeat(5000)).expect("written");
        assert_eq!(passphrase_in(&path).expect_err("too long").code, Code::UnreadableFile);
        assert!(passphrase_in(&folder.path().join("none")).is_err());
    }
}
