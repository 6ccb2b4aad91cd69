//! The order of arrival, as one number: listings go by it, page after page, without sorting.

use rusqlite::Connection;

use super::{Error, prepared};
use crate::model::Moment;

/// Places for items that arrived in the same microsecond; further ones take those of the next.
const SAME_MICROSECOND: u32 = 11;

/// 2^52 microseconds reach the year 2112; times are this node's own, and what lies outside is moved to
/// the edge.
const LAST_MICROSECOND: i64 = (1 << 52) - 1;

/// The first place for items that arrived at this moment.
pub(in super::super) fn place_of(arrived: Moment) -> i64 {
    arrived.timestamp().as_microsecond().clamp(0, LAST_MICROSECOND) << SAME_MICROSECOND
}

/// A free place for an item that arrived then: the first one after those taken already.
pub(super) fn free_place(db: &Connection, arrived: Moment) -> Result<i64, Error> {
    let mut from = place_of(arrived);
    loop {
        let next = from.saturating_add(1 << SAME_MICROSECOND);
        let taken: Option<i64> =
            prepared(db, "SELECT max(place) FROM items WHERE place >= ?1 AND place < ?2")
                .and_then(|mut ask| ask.query_row([from, next], |row| row.get(0)))
                .map_err(Error::database("place an item"))?;
        match taken {
            None => return Ok(from),
            Some(last) if last + 1 < next => return Ok(last + 1),
            Some(_) => from = next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_the_clock_and_stay_in_range() {
        let early = Moment::from_unix(1_700_000_000, 1_000);
        let late = Moment::from_unix(1_700_000_000, 2_000);
        assert!(place_of(early) < place_of(late));
        assert_eq!(place_of(Moment::from_unix(-1, 0)), 0);
        assert!(place_of(Moment::from_unix(i64::MAX, 0)) > place_of(late));
    }
}
