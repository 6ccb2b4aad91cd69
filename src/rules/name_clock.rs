//! The time in a name, read from the groups of the pattern that matched.

use std::collections::BTreeMap;

use jiff::civil::{Date, Time};

/// Two-digit years from here on belong to the twentieth century (POSIX.1-2017, `strptime`, `%y`).
const PIVOT: i16 = 69;

/// What the clock says, in ISO 8601 and without a zone, since no name tells one:
/// `2019-09-12T09:15:30.123`, or less where the name has less. `None` where there is no date, or one
/// that is not in the calendar.
///
/// Groups read: `ts` (14 digits), or `date` with `time` or `start`, or `yymmdd` with `hhmm` (4 or 6
/// digits); `ms` (3 digits). Anything between the digits is skipped.
pub(super) fn read(fields: &BTreeMap<String, String>) -> Option<String> {
    let digits = |group: &str| -> String {
        fields.get(group).map_or("", String::as_str).chars().filter(char::is_ascii_digit).collect()
    };
    let (date, time) = match digits("ts") {
        whole if whole.len() == 14 => (whole[..8].to_owned(), whole[8..].to_owned()),
        _ if fields.contains_key("yymmdd") => (century(&digits("yymmdd"))?, digits("hhmm")),
        _ if fields.contains_key("time") => (digits("date"), digits("time")),
        _ => (digits("date"), digits("start")),
    };
    let date = calendar_date(&date)?;
    let time = time_of_day(&time, &digits("ms"))?;
    Some(format!("{date}{time}"))
}

fn century(yymmdd: &str) -> Option<String> {
    let year: i16 = yymmdd.get(..2)?.parse().ok()?;
    let century = if year < PIVOT { "20" } else { "19" };
    Some(format!("{century}{yymmdd}"))
}

fn calendar_date(digits: &str) -> Option<Date> {
    if digits.len() != 8 {
        return None;
    }
    let (year, month, day) = (digits[..4].parse().ok()?, number(&digits[4..6])?, number(&digits[6..])?);
    Date::new(year, month, day).ok()
}

/// `T09:15:30.123`, `T09:15:30`, `T09:15`, or nothing where the name holds a date only.
fn time_of_day(digits: &str, millis: &str) -> Option<String> {
    let pair = |at: usize| digits.get(at..at + 2).and_then(number);
    match digits.len() {
        0 => Some(String::new()),
        4 => {
            Time::new(pair(0)?, pair(2)?, 0, 0).ok()?;
            Some(format!("T{}:{}", &digits[..2], &digits[2..]))
        }
        6 => {
            Time::new(pair(0)?, pair(2)?, pair(4)?, 0).ok()?;
            let fraction = if millis.len() == 3 { format!(".{millis}") } else { String::new() };
            Some(format!("T{}:{}:{}{fraction}", &digits[..2], &digits[2..4], &digits[4..]))
        }
        _ => None,
    }
}

fn number(digits: &str) -> Option<i8> {
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(groups: &[(&str, &str)]) -> Option<String> {
        read(&groups.iter().map(|(group, text)| ((*group).to_owned(), (*text).to_owned())).collect())
    }

    #[test]
    fn every_form_is_read() {
        for (groups, wanted) in [
            (&[("ts", "20190912091530")][..], "2019-09-12T09:15:30"),
            (&[("ts", "20190912091530"), ("ms", "123")], "2019-09-12T09:15:30.123"),
            (&[("date", "2019-09-12"), ("time", "09-15-30")], "2019-09-12T09:15:30"),
            (&[("date", "2019-09-12"), ("start", "23.59.10")], "2019-09-12T23:59:10"),
            (&[("date", "20190912"), ("num", "091530")], "2019-09-12"),
            (&[("yymmdd", "190912"), ("hhmm", "0915")], "2019-09-12T09:15"),
            (&[("yymmdd", "991231"), ("hhmm", "235959")], "1999-12-31T23:59:59"),
        ] {
            assert_eq!(says(groups).as_deref(), Some(wanted), "{groups:?}");
        }
    }

    #[test]
    fn what_is_not_in_the_calendar_is_no_claim() {
        for groups in [
            &[("ts", "20190931091530")][..],
            &[("ts", "20190229091530")],
            &[("ts", "20191312091530")],
            &[("ts", "20190912241530")],
            &[("date", "20190912"), ("time", "096130")],
            &[("yymmdd", "190912"), ("hhmm", "09153")],
            &[("mono_ms", "10005")],
            &[],
        ] {
            assert_eq!(says(groups), None, "{groups:?}");
        }
        assert!(says(&[("ts", "20200229091530")]).is_some(), "a leap day is in the calendar");
    }
}
