//! How many files are in hand at once. A large file keeps a processor busy; the time of a small one goes into
//! waiting for the disk, so several of them take the place of a large one.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A file of one segment is small: it is sealed in one piece, without threads of its own.
const SMALL: u64 = 256 * 1024;

/// So many small files take the place of a large one. Their waits for the disk overlap, and what waits together is
/// made durable together; more of them gained nothing on two processors. Each holds a few segments in memory.
pub(super) const PARTS: usize = 6;

/// How much of a place a file takes, of [`PARTS`].
pub(super) fn parts_of(size: u64) -> usize {
    if size <= SMALL { 1 } else { PARTS }
}

/// Places for files in hand.
pub(super) struct Hands(Arc<Semaphore>);

impl Hands {
    /// So many places.
    pub(super) fn new(places: usize) -> Self {
        Self(Arc::new(Semaphore::new(places.max(1) * PARTS)))
    }

    /// Waits for room for a file of this size. `None` where nothing is taken any more.
    pub(super) async fn take(&self, size: u64) -> Option<OwnedSemaphorePermit> {
        let parts = u32::try_from(parts_of(size)).unwrap_or(1);
        self.0.clone().acquire_many_owned(parts).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn several_small_files_take_the_place_of_a_large_one() {
        let hands = Hands::new(1);
        let small: Vec<_> = futures::future::join_all((0..PARTS).map(|_| hands.take(SMALL))).await;
        assert!(small.iter().all(Option::is_some));
        assert!(hands.0.try_acquire().is_err(), "the place is taken");
        drop(small);
        let large = hands.take(SMALL + 1).await;
        assert!(large.is_some() && hands.0.try_acquire().is_err(), "alone in its place");
    }
}
