//! How long to wait before the next try.

use std::time::Duration;

/// The wait after the first failure. Docks reopen a file after up to 4 s, so an earlier try is wasted.
pub const FIRST: Duration = Duration::from_secs(5);

/// The longest wait. Whoever mends a cause (a full disk, a pulled cable) should see it work soon.
pub const LONGEST: Duration = Duration::from_secs(15 * 60);

/// The wait after so many failed attempts in a row: none after none, then 5 s, doubled each time up
/// to 15 minutes. Without jitter: one node tries its own files, there is no crowd to spread.
/// It never ends, since no file is given up on.
#[must_use]
pub fn backoff(attempts: u32) -> Duration {
    match attempts {
        0 => Duration::ZERO,
        failed => {
            let doubled = 2_u32.checked_pow(failed - 1).unwrap_or(u32::MAX);
            FIRST.saturating_mul(doubled).min(LONGEST)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_stay_bounded() {
        let waits: Vec<u64> = (0..10).map(|attempts| backoff(attempts).as_secs()).collect();
        assert_eq!(waits, [0, 5, 10, 20, 40, 80, 160, 320, 640, 900]);
        assert_eq!(backoff(u32::MAX), LONGEST);
    }

    proptest::proptest! {
        #[test]
        fn one_more_failure_never_shortens_the_wait(attempts in 0..u32::MAX) {
            proptest::prop_assert!(backoff(attempts) <= backoff(attempts + 1));
        }
    }
}
