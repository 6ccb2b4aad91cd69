//! Reading every copy again within a period, the longest unread first, at a bounded rate.
//!
//! Items are read in the order of their ids. Ids begin with the moment of sealing, and what is sealed was read back then:
//! so round after round, the next one is always the one that was read the longest time ago.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{Audit, Error};
use crate::catalog::{ItemRow, Round};
use crate::evidence::{self, Looked, Looking, Record};
use crate::model::{Moment, PlaceName};
use crate::vault::{Place, Standing};

/// How often and how fast copies are read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scrub {
    /// Every copy is read once in this time.
    pub period: Duration,
    /// Bytes a second, over all places.
    pub rate: u64,
}

/// How far each place was read through.
pub(super) struct Rounds {
    scrub: Scrub,
    known: HashMap<PlaceName, Round>,
    /// When that was written down last.
    noted: HashMap<PlaceName, Moment>,
    /// The copy in the middle of which the last piece ended.
    under_way: Option<UnderWay>,
    /// When the next piece may be read, and how long the rest before it was.
    rests: Option<(Moment, Duration)>,
}

/// A copy that is being read.
struct UnderWay {
    place: PlaceName,
    row: ItemRow,
    /// Nothing before its first piece.
    looking: Option<Looking>,
    /// It looked damaged once already.
    again: bool,
}

/// How often it is written down how far a round is: a crash makes it read so much again.
const NOTED_EVERY: Duration = Duration::from_secs(60);

/// What one piece reads at most before it rests, of a large file too: small against a second's worth of any disk.
const PIECE_ITEMS: usize = 64;
const PIECE_BYTES: u64 = 8 * 1024 * 1024;

/// The longest rest in one go: places are looked at in between.
const MOST_REST: Duration = Duration::from_secs(1);

impl Scrub {
    /// How many bytes of `total` should have been read by now in a round.
    fn due(&self, total: u64, (began, now): (Moment, Moment)) -> u64 {
        let elapsed = now.since(began).as_millis();
        let due = u128::from(total) * elapsed / self.period.as_millis().max(1);
        u64::try_from(due).unwrap_or(u64::MAX)
    }

    /// Whether a round is late by more than a tenth of the period.
    #[must_use]
    pub fn is_late(&self, round: &Round, now: Moment) -> bool {
        round.began.is_some_and(|began| now.since(began) > self.period + self.period / 10)
    }
}

impl Rounds {
    pub(super) fn new(scrub: Scrub) -> Self {
        Self { scrub, known: HashMap::new(), noted: HashMap::new(), under_way: None, rests: None }
    }

    /// Reads a piece of the place that is furthest behind. Answers how long to rest for it, or nothing where
    /// nothing is due.
    pub(super) fn read_some(
        &mut self,
        audit: &Audit,
        now: Moment,
        stop: &AtomicBool,
    ) -> Result<Option<Duration>, Error> {
        if let Some(left) = self.rest_left(now) {
            return Ok(Some(left));
        }
        let Some((place, round, behind)) = self.next_place(audit, now)? else { return Ok(None) };
        let (round, read) = self.read_on(audit, (&place, round, behind), (now, stop))?;
        self.known.insert(place.name().clone(), round);
        self.note(audit, (place.name(), round), now)?;
        let rest = Duration::from_secs_f64(read as f64 / self.scrub.rate.max(1) as f64);
        self.rests = Some((now.plus(rest), rest));
        Ok(Some(rest.min(MOST_REST)))
    }

    /// How long the rest after the last piece still takes. A clock that was put back does not make it longer.
    fn rest_left(&self, now: Moment) -> Option<Duration> {
        let (until, rest) = self.rests?;
        let left = until.since(now);
        (now < until && left <= rest).then_some(left.min(MOST_REST))
    }

    /// The place that is read next: the one that has a copy under way, or that is furthest behind.
    fn next_place(&mut self, audit: &Audit, now: Moment) -> Result<Option<(Place, Round, u64)>, Error> {
        let total = audit.catalog.counts()?.sealed_bytes;
        let vault = audit.evidence.vault().clone();
        let mut furthest: Option<(Place, Round, u64)> = None;
        let mut is_there = false;
        for (place, standing) in vault.standings() {
            if matches!(standing, Standing::Away(_)) {
                continue;
            }
            let round = self.round(audit, place.name(), now)?;
            if self.under_way.as_ref().is_some_and(|one| one.place == *place.name()) {
                is_there = true;
                furthest = Some((place.clone(), round, u64::MAX));
            }
            let began = round.began.unwrap_or(now);
            // At the end of its time a round ends, also where nothing was to be read.
            let ends = u64::from(now.since(began) >= self.scrub.period);
            let behind = self.scrub.due(total, (began, now)).saturating_sub(round.bytes).max(ends);
            if behind > 0 && furthest.as_ref().is_none_or(|(.., most)| behind > *most) {
                furthest = Some((place.clone(), round, behind));
            }
        }
        if !is_there {
            self.under_way = None;
        }
        Ok(furthest)
    }

    /// Reads on in one place, a piece of what is due. At the end a new round begins. Answers how many bytes were read.
    fn read_on(
        &mut self,
        audit: &Audit,
        (place, mut round, behind): (&Place, Round, u64),
        (now, stop): (Moment, &AtomicBool),
    ) -> Result<(Round, u64), Error> {
        let most = behind.min(PIECE_BYTES);
        let mut read = 0;
        for _ in 0..PIECE_ITEMS {
            if stop.load(Ordering::Relaxed) || read >= most {
                break;
            }
            let one = match self.under_way.take() {
                Some(one) => one,
                None => match audit.catalog.items_after(round.after, 1)?.pop() {
                    Some(row) => UnderWay { place: place.name().clone(), row, looking: None, again: false },
                    None => return Ok((Round { began: Some(now), after: None, bytes: 0, ..round }, read)),
                },
            };
            let (item, sealed_size) = (one.row.item, one.row.sealed_size);
            let (bytes, left) = read_copy(audit, place, one, stop)?;
            read += bytes;
            if left.is_none() {
                round.after = Some(item);
                round.bytes += sealed_size;
            }
            self.under_way = left;
        }
        Ok((round, read))
    }

    fn note(
        &mut self,
        audit: &Audit,
        (place, round): (&PlaceName, Round),
        now: Moment,
    ) -> Result<(), Error> {
        let known = self.noted.get(place).is_some_and(|at| now.since(*at) < NOTED_EVERY);
        if !known || round.after.is_none() {
            self.noted.insert(place.clone(), now);
            audit.catalog.note_round(place.clone(), round)?;
        }
        Ok(())
    }

    /// The round a place is in. One from the future was begun under a wrong clock, and begins now.
    fn round(&mut self, audit: &Audit, place: &PlaceName, now: Moment) -> Result<Round, Error> {
        let round = match self.known.get(place) {
            Some(round) => *round,
            None => audit.catalog.round(place)?,
        };
        let began = round.began.filter(|began| *began <= now).unwrap_or(now);
        let round = Round { began: Some(began), ..round };
        self.known.insert(place.clone(), round);
        Ok(round)
    }
}

/// Reads a piece of one copy. Answers how many bytes that were, and what is left to do. Damage is looked at twice,
/// entered, and mended where there is a good copy.
fn read_copy(
    audit: &Audit,
    place: &Place,
    mut one: UnderWay,
    stop: &AtomicBool,
) -> Result<(u64, Option<UnderWay>), Error> {
    let record = Record::from(&one.row);
    let (read, looked) = look(audit, place, (&record, &mut one));
    let damage = match looked {
        Ok(Looked::Partly) => return Ok((read, Some(one))),
        Ok(Looked::Whole) => {
            audit.note_repaired(record.item, place.name(), place.name())?;
            return Ok((read, None));
        }
        Err(_) if !one.again => {
            let row = audit.catalog.item(record.item)?;
            return Ok((read, row.map(|row| UnderWay { row, looking: None, again: true, ..one })));
        }
        Err(error) => error.damage(),
    };
    if let Some(damage) = damage
        && audit.evidence.is_damage_in(place, &record, damage)
    {
        tracing::error!(item.id = %record.item, place = %place.name(), code = %damage, "damage was found");
        audit.enter_damage(&record, place.name(), damage)?;
        audit.mend(record.item, place.name(), stop)?;
    }
    // What cannot be read counts as looked at: a bad disk must not hold up the round.
    Ok((read, None))
}

fn look(
    audit: &Audit,
    place: &Place,
    (record, one): (&Record, &mut UnderWay),
) -> (u64, Result<Looked, evidence::Error>) {
    let mut looking = match one.looking.take().map_or_else(|| audit.evidence.begin_check(record, place), Ok)
    {
        Ok(looking) => looking,
        Err(error) => return (0, Err(error)),
    };
    let before = looking.bytes_read();
    let looked = audit.evidence.check_on(&mut looking, PIECE_BYTES);
    let read = looking.bytes_read() - before;
    one.looking = Some(looking);
    (read, looked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_grows_evenly_and_all_is_due_at_the_end() {
        let scrub = Scrub { period: Duration::from_secs(1000), rate: 1 };
        let began = Moment::from_unix(1_800_000_000, 0);
        let due = |seconds| scrub.due(4000, (began, began.plus(Duration::from_secs(seconds))));
        assert_eq!([0, 1, 500, 1000, 2000].map(due), [0, 4, 2000, 4000, 8000]);
        let huge = Scrub { period: Duration::from_millis(1), rate: 1 };
        assert_eq!(huge.due(u64::MAX, (began, began.plus(Duration::from_secs(9)))), u64::MAX);
    }

    #[test]
    fn a_round_is_late_a_tenth_of_its_time_after_its_end() {
        let scrub = Scrub { period: Duration::from_secs(1000), rate: 1 };
        let began = Moment::from_unix(1_800_000_000, 0);
        let round = Round { began: Some(began), ..Round::default() };
        let late = |seconds| scrub.is_late(&round, began.plus(Duration::from_secs(seconds)));
        assert!(!late(1100) && late(1101));
        assert!(!scrub.is_late(&Round::default(), began), "none has begun");
    }
}
