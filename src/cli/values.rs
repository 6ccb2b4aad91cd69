//! Values of the command line that have a form of their own.

use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::de::value::{Error as NotAWord, StrDeserializer};

use crate::model::{LedgerIndex, Moment, Protection};

/// A range of bytes as people and HTTP write it: `A-B` with both ends included, or `A-` to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ByteRange {
    /// First byte.
    pub from: u64,
    /// Byte after the last.
    pub to: Option<u64>,
}

/// A text that is no range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "write the first and the last byte, both included and counted from 0, for instance 0-1023, or 1024- to the end"
)]
pub(super) struct NotARange;

impl FromStr for ByteRange {
    type Err = NotARange;

    fn from_str(text: &str) -> Result<Self, NotARange> {
        let (from, last) = text.split_once('-').ok_or(NotARange)?;
        let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => text.parse::<u64>().map_err(|_| NotARange),
            false => Err(NotARange),
        };
        let from = number(from)?;
        if last.is_empty() {
            return Ok(Self { from, to: None });
        }
        let last = number(last)?;
        if last < from {
            return Err(NotARange);
        }
        Ok(Self { from, to: Some(last.saturating_add(1)) })
    }
}

/// A list of protections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Protections(pub Vec<Protection>);

/// Words with commas between them, or `none` alone.
pub(super) fn protections(text: &str) -> Result<Protections, String> {
    if text == "none" {
        return Ok(Protections(Vec::new()));
    }
    let known = || Protection::ALL.iter().map(|one| one.code()).collect::<Vec<_>>().join(", ");
    let words = text.split(',').map(|one| {
        let found = Protection::ALL.iter().find(|known| known.code() == one.trim());
        found
            .copied()
            .ok_or_else(|| format!("{one:?} is none of {}; write \"none\" for no protection", known()))
    });
    words.collect::<Result<_, _>>().map(Protections)
}

/// A moment as people write it: RFC 3339, or a date, which means its first moment in this machine's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct When(pub Moment);

/// A text that is neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "write a date, for instance 2026-08-04, or a time with its zone, for instance 2026-08-04T09:15:00+08:00"
)]
pub(super) struct NotAWhen;

impl FromStr for When {
    type Err = NotAWhen;

    fn from_str(text: &str) -> Result<Self, NotAWhen> {
        if let Ok(moment) = text.parse() {
            return Ok(Self(moment));
        }
        let date: jiff::civil::Date = text.parse().map_err(|_| NotAWhen)?;
        let midnight = date.to_zoned_datetime(jiff::tz::TimeZone::system()).map_err(|_| NotAWhen)?;
        Ok(Self(midnight.timestamp().into()))
    }
}

/// One of our stable words, for instance a kind or a state.
///
/// # Errors
/// When it is none; the error lists those there are.
pub(super) fn word<T: DeserializeOwned>(text: &str) -> Result<T, NotAWord> {
    T::deserialize(StrDeserializer::new(text))
}

/// The place of an entry.
///
/// # Errors
/// When the text is no whole number.
pub(super) fn index(text: &str) -> Result<LedgerIndex, std::num::ParseIntError> {
    text.parse().map(LedgerIndex)
}

/// A text that is more than spaces.
///
/// # Errors
/// When it is not.
pub(super) fn some_text(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("it must say something") } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, State};

    #[test]
    fn ranges_include_both_ends() {
        assert_eq!("0-99".parse(), Ok(ByteRange { from: 0, to: Some(100) }));
        assert_eq!("7-7".parse(), Ok(ByteRange { from: 7, to: Some(8) }));
        assert_eq!("7-".parse(), Ok(ByteRange { from: 7, to: None }));
        for bad in ["", "7", "-7", "9-7", "a-b", "+1-2", "1-2-3", "0x1-2"] {
            assert_eq!(bad.parse::<ByteRange>(), Err(NotARange), "{bad}");
        }
    }

    #[test]
    fn a_date_is_its_first_moment() {
        let When(date) = "2026-08-04".parse().expect("a date");
        let When(time) = "2026-08-04T00:00:00Z".parse().expect("a time");
        // Zones lie within a day of UTC.
        assert!(date.since(time).as_secs() <= 86_400 && time.since(date).as_secs() <= 86_400);
        assert_eq!("yesterday".parse::<When>(), Err(NotAWhen));
    }

    #[test]
    fn words_are_our_codes() {
        assert_eq!(word::<Kind>("video"), Ok(Kind::Video));
        let some = Protections(vec![Protection::Privacy, Protection::Minor]);
        assert_eq!(protections("privacy,minor"), Ok(some));
        assert_eq!(protections("none"), Ok(Protections(Vec::new())));
        assert!(protections("privacy,none").is_err() && protections("").is_err());
        assert_eq!(word::<State>("quarantined"), Ok(State::Quarantined));
        let error = word::<Kind>("film").expect_err("no kind").to_string();
        assert!(error.contains("video"), "{error}");
    }

    #[test]
    fn a_purpose_says_something() {
        assert!(some_text("  ").is_err());
        assert!(some_text("case 7").is_ok());
    }
}
