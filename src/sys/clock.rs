//! What time it is.

use std::sync::Mutex;
use std::time::Duration;

use crate::model::Moment;

/// What time it is, and how long the machine has been up.
pub trait Clock: Send + Sync {
    /// The wall clock, in UTC.
    fn now(&self) -> Moment;

    /// Time since boot, sleep included; never goes back.
    fn since_boot(&self) -> Duration;
}

/// The clocks of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
    fn now(&self) -> Moment {
        Moment::from(jiff::Timestamp::now()).to_micros()
    }

    fn since_boot(&self) -> Duration {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
    }
}

/// A clock that stands still until it is told to move; for tests.
#[derive(Debug)]
pub struct SteeredClock(Mutex<(Moment, Duration)>);

impl SteeredClock {
    /// Starts at this moment.
    #[must_use]
    pub fn at(now: Moment) -> Self {
        Self(Mutex::new((now, Duration::ZERO)))
    }

    /// Lets time pass on both clocks.
    pub fn pass(&self, span: Duration) {
        let mut held = self.0.lock().expect("no test panics while it holds the clock");
        *held = (held.0.plus(span), held.1 + span);
    }

    /// Sets the wall clock, as an administrator would, without time passing.
    pub fn set(&self, now: Moment) {
        self.0.lock().expect("no test panics while it holds the clock").0 = now;
    }
}

impl Clock for SteeredClock {
    fn now(&self) -> Moment {
        self.0.lock().expect("no test panics while it holds the clock").0
    }

    fn since_boot(&self) -> Duration {
        self.0.lock().expect("no test panics while it holds the clock").1
    }
}
