//! Where custodian keys are held while somebody vouches for them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::keys::Custody;

/// Brings the keys when they are first needed; `None` where they cannot be had.
type Bring = Box<dyn FnOnce() -> Option<Custody> + Send>;

/// Whether the private keys still lie in this home, under their passphrase.
type StillHere = Box<dyn Fn() -> bool + Send + Sync>;

/// The custodian's chair: empty, waiting for somebody who comes when called, or taken. Keys that were taken
/// away from the home leave the chair as well (P5).
pub struct Chair {
    seat: Mutex<Seat>,
    still_here: StillHere,
}

enum Seat {
    Empty,
    Waiting(Bring),
    Taken(Arc<Custody>),
}

/// Whether a custodian sat in the chair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occupied {
    /// Somebody did.
    Yes,
    /// Nobody did.
    No,
}

impl Chair {
    /// An empty chair: this node seals and opens nothing.
    #[must_use]
    pub fn empty(still_here: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { seat: Mutex::new(Seat::Empty), still_here: Box::new(still_here) }
    }

    /// The custodian of an empty chair comes when first called: a passphrase lies beside the keys, and
    /// stretching it costs more than most commands do.
    pub fn call(&self, bring: impl FnOnce() -> Option<Custody> + Send + 'static) {
        *self.seat_now() = Seat::Waiting(Box::new(bring));
    }

    fn seat_now(&self) -> MutexGuard<'_, Seat> {
        self.seat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A custodian sits down.
    pub fn seat(&self, custody: Custody) {
        *self.seat_now() = Seat::Taken(Arc::new(custody));
    }

    /// The custodian leaves, and comes back only when seated again. The keys are wiped once nobody is using
    /// them.
    pub fn vacate(&self) -> Occupied {
        match std::mem::replace(&mut *self.seat_now(), Seat::Empty) {
            Seat::Empty => Occupied::No,
            Seat::Waiting(_) | Seat::Taken(_) => Occupied::Yes,
        }
    }

    /// The keys, where they are at hand. May block for as long as stretching a passphrase takes.
    #[must_use]
    pub fn custody(&self) -> Option<Arc<Custody>> {
        let here = (self.still_here)();
        let mut seat = self.seat_now();
        // Those who brought the shares need no keys in this home.
        let by_shares = matches!(&*seat, Seat::Taken(custody) if custody.is_of_shares());
        if !here && !by_shares {
            *seat = Seat::Empty;
            return None;
        }
        let custody = match std::mem::replace(&mut *seat, Seat::Empty) {
            Seat::Empty => None,
            Seat::Waiting(bring) => bring().map(Arc::new),
            Seat::Taken(custody) => Some(custody),
        };
        if let Some(custody) = &custody {
            *seat = Seat::Taken(Arc::clone(custody));
        }
        custody
    }
}
