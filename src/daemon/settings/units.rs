//! Sizes and spans of time as people write them: `64GiB`, `10s`. A unit is always named, so that nobody
//! has to guess it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// The longest span that settings may name: a hundred years, so that no sum of moments overflows.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);

/// A number of bytes, written with its unit: `B`, `KiB`, `MiB`, `GiB` or `TiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct ByteSize(u64);

impl ByteSize {
    /// This many bytes.
    #[must_use]
    pub const fn of(bytes: u64) -> Self {
        Self(bytes)
    }

    /// This many times 2^20 bytes.
    #[must_use]
    pub const fn mebibytes(count: u64) -> Self {
        Self(count << 20)
    }

    /// This many times 2^30 bytes.
    #[must_use]
    pub const fn gibibytes(count: u64) -> Self {
        Self(count << 30)
    }

    /// The number of bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

/// A text that is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a size: write a whole number and B, KiB, MiB, GiB or TiB, for instance \"64GiB\"")]
pub struct NotASize(String);

impl FromStr for ByteSize {
    type Err = NotASize;

    fn from_str(text: &str) -> Result<Self, NotASize> {
        let wrong = || NotASize(text.to_owned());
        let (number, unit) = split(text).ok_or_else(wrong)?;
        let unit: u64 = match unit {
            "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1 << 40,
            _ => return Err(wrong()),
        };
        number.checked_mul(unit).map(Self).ok_or_else(wrong)
    }
}

impl TryFrom<String> for ByteSize {
    type Error = NotASize;

    fn try_from(text: String) -> Result<Self, NotASize> {
        text.parse()
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
        match units.into_iter().find(|(shift, _)| self.0 != 0 && self.0.is_multiple_of(1 << shift)) {
            Some((shift, unit)) => write!(f, "{}{unit}", self.0 >> shift),
            None => write!(f, "{}B", self.0),
        }
    }
}

/// A text that is no span of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a span of time: write a whole number and ms, s, m, h or d, for instance \"10s\", at most a hundred years"
)]
pub struct NotASpan(String);

/// Reads a span of time: a whole number and `ms`, `s`, `m`, `h` or `d`; at most a hundred years.
///
/// # Errors
/// When the text is anything else.
pub fn parse_span(text: &str) -> Result<Duration, NotASpan> {
    let wrong = || NotASpan(text.to_owned());
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    let span = number.checked_mul(millis).map(Duration::from_millis).ok_or_else(wrong)?;
    if span <= LONGEST { Ok(span) } else { Err(wrong()) }
}

/// [`parse_span`] for serde.
pub(super) fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_span(&text).map_err(serde::de::Error::custom)
}

/// [`parse_span`] for keys that may be left out.
pub(super) fn some_span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    span(deserializer).map(Some)
}

fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    Some((text[..end].parse().ok()?, text[end..].trim_start_matches(' ')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written_back() {
        for (text, bytes) in
            [("64GiB", 64 << 30), ("1KiB", 1024), ("0B", 0), ("1000B", 1000), ("2TiB", 2 << 40)]
        {
            let size: ByteSize = text.parse().expect("a size");
            assert_eq!((size.bytes(), size.to_string().as_str()), (bytes, text));
        }
        assert_eq!("512 MiB".parse(), Ok(ByteSize::mebibytes(512)));
    }

    #[test]
    fn a_size_without_unit_sense_or_bound_is_refused() {
        for bad in ["", "64", "GiB", "-1GiB", "1.5GiB", "1GB", "99999999999TiB", "1gib", "1GiB "] {
            assert!(bad.parse::<ByteSize>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn spans_are_read() {
        for (text, millis) in
            [("10s", 10_000), ("500ms", 500), ("5m", 300_000), ("2h", 7_200_000), ("30d", 2_592_000_000)]
        {
            assert_eq!(parse_span(text), Ok(Duration::from_millis(millis)));
        }
        for bad in ["", "10", "s", "10 years", "-1s", "99999999999d", "40000d"] {
            assert!(parse_span(bad).is_err(), "{bad:?}");
        }
    }
}
