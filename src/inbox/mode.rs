//! Whether a file system tells what happens on it.

use std::os::fd::AsFd;

use crate::sys::FileSystem;

/// How an inbox is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// Events wake it; rescans find what events miss.
    Events,
    /// Rescans only.
    Poll {
        /// Why, in words for a status line, for instance `nfs gives no events`.
        because: String,
    },
}

/// The mode of an open folder. Where the file system will not say what it is, it is polled: that is
/// always right, only slower.
pub(super) fn of(folder: impl AsFd) -> Mode {
    match FileSystem::of_open(folder) {
        Ok(FileSystem::Foreign(name)) => Mode::Poll { because: format!("{name} gives no events") },
        Ok(FileSystem::Local | FileSystem::Memory) => Mode::Events,
        Err(error) => Mode::Poll { because: format!("its file system is unknown ({error})") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_file_systems_are_watched() {
        for folder in ["/dev/shm", "/"] {
            let folder = std::fs::File::open(folder).expect("it is there");
            if FileSystem::of_open(&folder).is_ok_and(|found| found == FileSystem::Memory) {
                assert_eq!(of(&folder), Mode::Events);
            }
        }
    }
}
