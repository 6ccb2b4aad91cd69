//! Reading that ends when the process is stopping: a pass over a large file takes minutes.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};

/// A reader that fails once a flag is set. Whoever set it knows why.
#[derive(Debug)]
pub struct Heeding<'a, R> {
    /// What is read.
    pub from: R,
    /// Set when the process is stopping.
    pub stop: &'a AtomicBool,
}

impl<R: Read> Read for Heeding<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("stopping"));
        }
        self.from.read(buffer)
    }
}
