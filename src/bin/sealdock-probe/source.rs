//! The one file that a child may read.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sealdock::probe::structure::ReadAt;

/// A file of the length it had at first, read at offsets of its own: the descriptor's position is shared with
/// whoever opened it and is left alone. Clones share what is left of the read budget.
#[derive(Clone)]
pub(crate) struct Source {
    file: Arc<File>,
    length: u64,
    position: u64,
    left: Arc<AtomicU64>,
}

impl Source {
    /// Takes a regular file.
    ///
    /// # Errors
    /// As `fstat(2)`; `InvalidInput` for what is no regular file and might never answer a read.
    pub(crate) fn new(file: File, budget_bytes: u64) -> io::Result<Self> {
        let met = file.metadata()?;
        if !met.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let left = Arc::new(AtomicU64::new(budget_bytes));
        Ok(Self { file: Arc::new(file), length: met.len(), position: 0, left })
    }

    /// Bytes that may still be read.
    pub(crate) fn left(&self) -> u64 {
        self.left.load(Ordering::Relaxed)
    }

    /// The same file, from its start.
    pub(crate) fn rewound(&self) -> Self {
        Self { position: 0, ..self.clone() }
    }
}

impl ReadAt for Source {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = rest.min(buffer.len());
        let left = usize::try_from(self.left()).unwrap_or(usize::MAX);
        if wanted > 0 && left == 0 {
            return Err(io::Error::other("the read budget is used up"));
        }
        let read = self.file.read_at(&mut buffer[..wanted.min(left)], offset)?;
        self.left.fetch_sub(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.read_at(self.position, buffer)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Source {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        let position = match target {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn source(budget: u64) -> Source {
        let mut file = tempfile::tempfile().expect("a temporary file");
        file.write_all(b"0123456789").expect("written");
        Source::new(file, budget).expect("a regular file")
    }

    #[test]
    fn clones_share_the_budget_and_not_the_position() {
        let mut first = source(12);
        let mut bytes = [0; 8];
        assert_eq!(first.read(&mut bytes).expect("read"), 8);
        let mut second = first.rewound();
        assert_eq!(second.read(&mut bytes).expect("read"), 4, "what was left");
        assert_eq!(&bytes[..4], b"0123");
        assert!(first.read(&mut bytes).is_err());
    }

    #[test]
    fn the_end_needs_no_budget_and_growth_is_not_seen() {
        let mut source = source(10);
        let mut all = Vec::new();
        source.read_to_end(&mut all).expect("read");
        (&*source.file).write_all(b"more").expect("written");
        assert_eq!(source.read(&mut [0; 4]).expect("the end"), 0);
        assert_eq!(source.seek(SeekFrom::End(-1)).expect("sought"), 9);
        assert!(source.seek(SeekFrom::Current(-20)).is_err());
    }

    #[test]
    fn only_regular_files_are_read() {
        let folder = File::open("/").expect("opened");
        assert!(Source::new(folder, 1).is_err());
    }
}
