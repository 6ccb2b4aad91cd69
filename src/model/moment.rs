//! A point in time, in UTC.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A point in time in UTC with nanoseconds, from year -9999 to 9999. Written as RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(Timestamp);

/// A text or number that is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a moment in RFC 3339")]
pub struct NotAMoment(String);

impl Moment {
    /// The epoch of Unix time; stands for "never" nowhere.
    pub const UNIX_EPOCH: Self = Self(Timestamp::UNIX_EPOCH);

    /// From seconds and nanoseconds of Unix time. Hostile file systems hold any number, so what lies
    /// outside the range is moved to its edge.
    #[must_use]
    pub fn from_unix(seconds: i64, nanoseconds: u32) -> Self {
        let nanoseconds = i32::try_from(nanoseconds.min(999_999_999)).unwrap_or(0);
        Self(Timestamp::new(seconds, nanoseconds).unwrap_or(if seconds < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        }))
    }

    /// From milliseconds of Unix time.
    ///
    /// # Errors
    /// When the number lies outside the range of years.
    pub fn from_millis(millis: i64) -> Result<Self, NotAMoment> {
        Timestamp::from_millisecond(millis).map(Self).map_err(|_| NotAMoment(millis.to_string()))
    }

    /// Milliseconds of Unix time, rounded down.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.0.as_millisecond()
    }

    /// The same moment without the digits below a microsecond, which no reader of ours needs.
    #[must_use]
    pub fn to_micros(self) -> Self {
        Timestamp::from_microsecond(self.0.as_microsecond()).map_or(self, Self)
    }

    /// The time from `earlier` to this; zero where `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> std::time::Duration {
        std::time::Duration::try_from(self.0.duration_since(earlier.0)).unwrap_or_default()
    }

    /// This moment plus a span; the last moment there is where that would be later.
    #[must_use]
    pub fn plus(self, span: std::time::Duration) -> Self {
        Self(self.0.checked_add(span).unwrap_or(Timestamp::MAX))
    }

    /// The moment as jiff's type, for calendars.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        self.0
    }
}

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Moment {
    type Err = NotAMoment;

    fn from_str(text: &str) -> Result<Self, NotAMoment> {
        text.parse().map(Self).map_err(|_| NotAMoment(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_rfc_3339_and_read_back() {
        let moment = Moment::from_unix(1_700_000_000, 5);
        assert_eq!(moment.to_string(), "2023-11-14T22:13:20.000000005Z");
        assert_eq!(moment.to_string().parse::<Moment>(), Ok(moment));
    }

    #[test]
    fn hostile_times_are_moved_to_the_edge() {
        assert_eq!(Moment::from_unix(i64::MAX, 0), Moment(Timestamp::MAX));
        assert_eq!(Moment::from_unix(i64::MIN, u32::MAX), Moment(Timestamp::MIN));
    }

    #[test]
    fn spans_never_go_below_zero() {
        let early = Moment::from_unix(10, 0);
        let late = Moment::from_unix(12, 0);
        assert_eq!(late.since(early).as_secs(), 2);
        assert_eq!(early.since(late).as_secs(), 0);
        assert_eq!(early.plus(std::time::Duration::from_secs(2)), late);
    }
}
