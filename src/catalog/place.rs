//! Where the home may lie.

use std::path::Path;

use super::Error;
use crate::sys::FileSystem;

/// Refuses a folder on a network or FUSE file system: SQLite's write-ahead log and `fsync` do not do there
/// what they promise. One in memory is taken; `doctor` warns of it.
pub(super) fn refuse_foreign(folder: &Path) -> Result<(), Error> {
    match FileSystem::of(folder).map_err(Error::io("ask for the file system of", folder))? {
        FileSystem::Foreign(kind) => Err(Error::ForeignFileSystem { path: folder.to_owned(), kind }),
        FileSystem::Local | FileSystem::Memory => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_disks_and_memory_pass() {
        let here = tempfile::tempdir().expect("a temporary folder");
        refuse_foreign(here.path()).expect("a temporary folder is local");
        refuse_foreign(Path::new("/dev/shm")).expect("memory is taken");
    }
}
