//! Reading what is on the disk, and not what the page cache remembers of it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::{Advice, OFlags};

use crate::model::ReadBack;
use crate::sys::FileSystem;

/// What O_DIRECT asks of memory and offsets on any disk made so far.
const ALIGNMENT: usize = 4096;

/// One read: large enough to keep a disk busy, small enough to hold several.
const CHUNK: usize = 1024 * 1024;

/// A file read past the page cache where the file system can do so.
#[derive(Debug)]
pub struct ColdFile {
    file: File,
    way: ReadBack,
    buffer: Vec<u8>,
    start: usize,
    filled: std::ops::Range<usize>,
}

impl ColdFile {
    /// Opens a file that was synced.
    ///
    /// # Errors
    /// As `open(2)`.
    pub fn open(path: &Path) -> io::Result<Self> {
        let plain = File::open(path)?;
        let (file, way) = match FileSystem::of_open(&plain)? {
            FileSystem::Memory => (plain, ReadBack::Memory),
            FileSystem::Local | FileSystem::Foreign(_) => (cold(path, plain)?, ReadBack::Disk),
        };
        let size = usize::try_from(file.metadata()?.len()).unwrap_or(CHUNK);
        let room = size.next_multiple_of(ALIGNMENT).clamp(ALIGNMENT, CHUNK);
        let buffer = vec![0; room + ALIGNMENT];
        let start = buffer.as_ptr().align_offset(ALIGNMENT);
        Ok(Self { file, way, buffer, start, filled: 0..0 })
    }

    /// From where the bytes come.
    #[must_use]
    pub fn way(&self) -> ReadBack {
        self.way
    }

    fn refill(&mut self) -> io::Result<()> {
        let room = self.buffer.len() - ALIGNMENT;
        let read = self.file.read(&mut self.buffer[self.start..self.start + room])?;
        self.filled = self.start..self.start + read;
        Ok(())
    }
}

/// Past the cache by O_DIRECT; where a file system refuses that, the cached pages are dropped first.
fn cold(path: &Path, plain: File) -> io::Result<File> {
    let direct = i32::try_from(OFlags::DIRECT.bits()).unwrap_or(0);
    match OpenOptions::new().read(true).custom_flags(direct).open(path) {
        Ok(file) => Ok(file),
        Err(_) => {
            rustix::fs::fadvise(&plain, 0, None, Advice::DontNeed)?;
            Ok(plain)
        }
    }
}

impl Read for ColdFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.filled.is_empty() {
            if self.way == ReadBack::Memory {
                // Nothing asks for aligned buffers here.
                return self.file.read(into);
            }
            self.refill()?;
        }
        let count = self.filled.len().min(into.len());
        into[..count].copy_from_slice(&self.buffer[self.filled.start..self.filled.start + count]);
        self.filled.start += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_length_whole() {
        for home in [tempfile::tempdir(), tempfile::tempdir_in("/dev/shm")].into_iter().flatten() {
            reads_every_length_in(home.path());
        }
    }

    fn reads_every_length_in(home: &Path) {
        let path = home.join("x");
        for length in [0, 1, 4095, 4096, 4097, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 77] {
            let bytes: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).expect("small")).collect();
            std::fs::write(&path, &bytes).expect("written");
            File::open(&path).expect("opened").sync_all().expect("synced");
            let mut read = Vec::new();
            ColdFile::open(&path).expect("opened").read_to_end(&mut read).expect("read");
            assert!(read == bytes, "length {length}");
        }
    }
}
