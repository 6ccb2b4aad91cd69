//! Thirty-two secret bytes, and the files they rest in.

use std::io::Read as _;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use zeroize::{Zeroize as _, Zeroizing};

use super::Error;
use super::error::io_at;
use crate::sys::Entropy;

/// A private key or key seed. On the heap, so that a move leaves no copy behind; zeroed when dropped;
/// cannot be printed.
pub(super) struct Seed(Box<Zeroizing<[u8; Self::LENGTH]>>);

impl Seed {
    pub(super) const LENGTH: usize = 32;

    pub(super) fn fresh(entropy: &dyn Entropy) -> Self {
        let mut seed = Self(Box::default());
        entropy.fill(seed.0.as_mut_slice());
        seed
    }

    /// The seed in exactly these bytes, or none when they are not 32.
    pub(super) fn copied(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != Self::LENGTH {
            return None;
        }
        let mut seed = Self(Box::default());
        seed.0.copy_from_slice(bytes);
        Some(seed)
    }

    pub(super) fn expose(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

/// Reads a secret file: a regular file at this very name (no link), not longer than `limit`, that only
/// its owner may read. `None` where there is none.
pub(super) fn read_secret(path: &Path, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = match rustix::fs::openat(CWD, path, flags, Mode::empty()) {
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        opened => std::fs::File::from(opened.map_err(|error| io_at("open", path)(error.into()))?),
    };
    check_private(&file, path)?;
    // One allocation of the whole size: a growing buffer would leave copies behind.
    let mut bytes = Zeroizing::new(vec![0; limit + 1]);
    let length = read_up_to(&file, &mut bytes).map_err(io_at("read", path))?;
    if length > limit {
        return Err(Error::damaged(path, "it is longer than such a file can be"));
    }
    bytes[length..].zeroize();
    bytes.truncate(length);
    Ok(Some(bytes))
}

fn check_private(file: &std::fs::File, path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::MetadataExt as _;
    let meta = file.metadata().map_err(io_at("look at", path))?;
    if !meta.is_file() {
        return Err(Error::damaged(path, "it is not a regular file"));
    }
    let mode = meta.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(Error::Exposed { path: path.to_owned(), mode });
    }
    Ok(())
}

fn read_up_to(mut file: &std::fs::File, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::sys::Disk;

    #[test]
    fn secrets_that_others_may_read_are_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("secret");
        assert!(read_secret(&path, 32).expect("no file is no error").is_none());
        Disk::default().write_new(&path, &[7; 32], 0o600).expect("written");
        assert_eq!(**read_secret(&path, 32).expect("read").expect("there"), [7; 32]);
        for mode in [0o640, 0o604, 0o620, 0o601] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
            assert!(matches!(read_secret(&path, 32), Err(Error::Exposed { .. })), "mode {mode:o}");
        }
    }

    #[test]
    fn secrets_are_bounded_regular_files() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("secret");
        Disk::default().write_new(&path, &[7; 33], 0o600).expect("written");
        assert!(matches!(read_secret(&path, 32), Err(Error::Damaged { .. })));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).expect("linked");
        assert!(matches!(read_secret(&link, 64), Err(Error::Io { .. })));
        assert!(matches!(read_secret(folder.path(), 64), Err(Error::Damaged { .. })));
    }
}
