//! Keeping the places of the vault alike: noticing when one falls out or comes back, making copies that are owed,
//! mending damage from a good copy. Each is an entry.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::rounds::Rounds;
use super::{Audit, Error, Scrub, by_node};
use crate::catalog::{DamageRow, ItemRow};
use crate::evidence::{self, Copy, CopyState, Depth, Mended, Record};
use crate::model::{
    Act, CopiesMade, DamageFound, DamageRepaired, ItemId, Moment, PlaceBack, PlaceLost, PlaceName, chain,
};
use crate::vault::{Fault, Place, Standing};

/// Says for a disk of so many bytes how much must stay free.
type Floor = Box<dyn Fn(u64) -> u64 + Send>;

/// What the daemon does for its copies in the background, a bounded piece at a time.
pub struct Upkeep {
    audit: Audit,
    floor: Floor,
    rounds: Rounds,
    /// How far the search for missing copies is in each place that owes some.
    searches: HashMap<PlaceName, Search>,
    /// Damage that could not be mended, and when it is tried again.
    given_up: HashMap<(ItemId, PlaceName), Moment>,
    mended_up_to: Option<ItemId>,
}

#[derive(Debug, Clone, Copy)]
struct Search {
    after: Option<ItemId>,
    sealed_without: u64,
    /// Something was found nowhere while another place was away: it may lie there.
    lacks: bool,
    /// Begins again then.
    rests: Option<Moment>,
}

/// How filling a place with some items ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filled {
    /// It has all of them that can be had.
    Through,
    /// The same, and some of them may lie in a place that is away.
    Lacking,
    /// The place took no more, or a stop was heard.
    BrokenOff,
}

/// Items searched for, or mended, in one piece: a piece takes about a second, so that a stop is heard.
const PIECE: usize = CopiesMade::MOST;

/// Damage that no good copy is known for is looked at again after this long: somebody may have brought the file
/// back.
const AGAIN: Duration = Duration::from_secs(3600);

/// Damage remembered as beyond mending. Beyond that many it is tried more often, which costs time and nothing else.
const MOST_GIVEN_UP: usize = 4096;

/// Rest after a piece that found nothing to do.
const REST: Duration = Duration::from_secs(1);

impl Upkeep {
    /// Begins where the last run ended.
    #[must_use]
    pub fn new(audit: Audit, floor: Floor, scrub: Scrub) -> Self {
        Self {
            rounds: Rounds::new(scrub),
            audit,
            floor,
            searches: HashMap::new(),
            given_up: HashMap::new(),
            mended_up_to: None,
        }
    }

    /// Does a piece of what there is to do, and answers how long to rest before the next.
    ///
    /// # Errors
    /// Where the catalog fails. What a place or a copy does wrong is noted and gone on from.
    pub fn work(&mut self, now: Moment, stop: &AtomicBool) -> Result<Duration, Error> {
        self.look_at_places()?;
        let mended = self.mend_some(now, stop)?;
        let made = self.make_copies(now, stop)?;
        let read = self.rounds.read_some(&self.audit, now, stop)?;
        Ok(if mended || made { Duration::ZERO } else { read.unwrap_or(REST) })
    }

    /// Notes in the ledger which places fell out and which came back.
    fn look_at_places(&mut self) -> Result<(), Error> {
        let vault = self.audit.evidence.vault();
        vault.look_at_places(&self.floor);
        let lost: HashMap<PlaceName, String> = self.audit.catalog.lost_places()?.into_iter().collect();
        let mut acts = Vec::new();
        for (place, standing) in vault.standings() {
            let name = place.name();
            match (standing, lost.get(name)) {
                (Standing::Away(fault), known) if known.map(String::as_str) != Some(fault.code()) => {
                    let because = fault.code().to_owned();
                    acts.push(Act::PlaceLost(PlaceLost { place: name.clone(), because }));
                }
                (Standing::Whole | Standing::Owing, Some(_)) => {
                    // What others lack may lie here.
                    self.searches.clear();
                    acts.push(Act::PlaceBack(PlaceBack { place: name.clone() }));
                }
                _ => {}
            }
        }
        if !acts.is_empty() {
            self.audit.catalog.record(acts.into_iter().map(by_node).collect())?;
        }
        Ok(())
    }

    /// Goes on searching the places that owe something. Answers whether any search got on.
    fn make_copies(&mut self, now: Moment, stop: &AtomicBool) -> Result<bool, Error> {
        let vault = self.audit.evidence.vault().clone();
        let mut got_on = false;
        for (place, standing) in vault.standings() {
            if standing == Standing::Owing {
                got_on |= self.search_on(place, now, stop)?;
            }
        }
        Ok(got_on)
    }

    fn search_on(&mut self, place: &Place, now: Moment, stop: &AtomicBool) -> Result<bool, Error> {
        let vault = self.audit.evidence.vault().clone();
        let name = place.name();
        let begun =
            Search { after: None, sealed_without: vault.sealed_without(name), lacks: false, rests: None };
        let search = self.searches.get(name).copied().unwrap_or(begun);
        if search.rests.is_some_and(|until| now < until) {
            return Ok(false);
        }
        let rows = self.audit.catalog.items_after(search.after, PIECE)?;
        let Some(last) = rows.last() else {
            if search.lacks {
                // What it lacks lies in places that are away. Not whole; searched again later, or when one is back.
                self.searches.insert(name.clone(), Search { rests: Some(now.plus(AGAIN)), ..begun });
                return Ok(false);
            }
            self.searches.remove(name);
            if vault.note_whole(name, search.sealed_without) {
                tracing::info!(place = %name, "this place of the vault has everything");
            }
            return Ok(true);
        };
        let filled = self.audit.fill(place, &rows, stop)?;
        if filled == Filled::BrokenOff {
            return Ok(false);
        }
        let lacks = search.lacks || filled == Filled::Lacking;
        let search = Search { after: Some(last.item), lacks, rests: None, ..search };
        self.searches.insert(name.clone(), search);
        Ok(true)
    }

    /// Tries to mend some of the damage that stands.
    fn mend_some(&mut self, now: Moment, stop: &AtomicBool) -> Result<bool, Error> {
        let rows = self.audit.catalog.damage_after(self.mended_up_to, PIECE)?;
        self.mended_up_to = if rows.len() == PIECE { rows.last().map(|row| row.item) } else { None };
        let mut mended = false;
        for DamageRow { item, place, .. } in rows {
            let key = (item, place);
            if stop.load(Ordering::Relaxed) || self.given_up.get(&key).is_some_and(|until| now < *until) {
                continue;
            }
            if self.audit.mend(key.0, &key.1, stop)? {
                mended = true;
                self.given_up.remove(&key);
            } else {
                if self.given_up.len() >= MOST_GIVEN_UP {
                    self.given_up.clear();
                }
                self.given_up.insert(key, now.plus(AGAIN));
            }
        }
        Ok(mended)
    }
}

impl Audit {
    /// Remembers for the next run which places lack nothing.
    ///
    /// # Errors
    /// Where the catalog fails.
    pub fn remember_places(&self) -> Result<(), Error> {
        for (place, standing) in self.evidence.vault().standings() {
            let round = self.catalog.round(place.name())?;
            let whole = standing == Standing::Whole;
            if round.whole != whole {
                self.catalog.note_round(place.name().clone(), crate::catalog::Round { whole, ..round })?;
            }
        }
        Ok(())
    }

    /// Takes over what the last run remembered, if it ended cleanly.
    ///
    /// # Errors
    /// Where the catalog fails.
    pub fn recall_places(&self) -> Result<(), Error> {
        if !self.catalog.ended_cleanly() {
            return Ok(());
        }
        let vault = self.evidence.vault();
        for place in vault.places() {
            // What was remembered is of the disk that lay here before.
            if !place.is_new() && self.catalog.round(place.name())?.whole {
                vault.note_whole(place.name(), 0);
            }
        }
        Ok(())
    }

    /// Copies what a place lacks of these, and enters what was copied.
    fn fill(&self, place: &Place, rows: &[ItemRow], stop: &AtomicBool) -> Result<Filled, Error> {
        let mut items = Vec::new();
        let mut filled = Filled::Through;
        for row in rows {
            let record = Record::from(row);
            if self.evidence.lies_in(&record, place) {
                continue;
            }
            // The ledger says that it lay here: then it was lost here.
            if !self.evidence.owes(place, &record) {
                self.enter_damage(&record, place.name(), evidence::Damage::SealedMissing)?;
                self.mend(row.item, place.name(), stop)?;
                continue;
            }
            match self.evidence.mend(&record, place, stop) {
                Ok(Mended::From(_)) => items.push(row.item),
                Ok(Mended::Whole) => {}
                Err(error) if error.damage().is_some() => {
                    tracing::error!(item.id = %row.item, place = %place.name(), "no whole copy is there to copy from");
                    if self.look_at_copies(&record)?.iter().any(|copy| copy.state == CopyState::Away) {
                        filled = Filled::Lacking;
                    }
                }
                Err(error) => {
                    self.leave_place(place, &error);
                    filled = Filled::BrokenOff;
                    break;
                }
            }
        }
        if !items.is_empty() {
            let (place, of) = (place.name().clone(), self.evidence.vault().places().len());
            tracing::info!(%place, items = items.len(), "copies were made");
            let of = u32::try_from(of).unwrap_or(u32::MAX);
            self.catalog.record(vec![by_node(Act::CopiesMade(CopiesMade { place, of, items }))])?;
        }
        Ok(filled)
    }

    /// A place that does not take a copy takes nothing, until it is seen to be well again.
    fn leave_place(&self, place: &Place, error: &evidence::Error) {
        if !matches!(error, evidence::Error::Stopped) {
            tracing::error!(place = %place.name(), error = %chain(error), "a copy could not be made");
            let fault = if error.is_full() { Fault::Full } else { Fault::Failing };
            self.evidence.vault().set_aside(place.name(), fault);
        }
    }

    /// Reads every copy of an item, and enters what is damaged, place by place.
    pub(super) fn look_at_copies(&self, record: &Record) -> Result<Vec<Copy>, Error> {
        let copies = self.evidence.check(record, Depth::Sealed)?;
        for copy in &copies {
            if let CopyState::Damaged(damage) = copy.state {
                self.enter_damage(record, &copy.place, damage)?;
            }
        }
        Ok(copies)
    }

    pub(super) fn enter_damage(
        &self,
        record: &Record,
        place: &PlaceName,
        damage: evidence::Damage,
    ) -> Result<(), Error> {
        let (code, place) = (damage.code().to_owned(), Some(place.clone()));
        let found = DamageFound { item: record.item, code, place };
        Ok(self.catalog.damage_found(found, record.generation)?)
    }

    /// Mends a damaged copy, and enters it. Answers whether it is whole now.
    pub(super) fn mend(&self, item: ItemId, at: &PlaceName, stop: &AtomicBool) -> Result<bool, Error> {
        let Some(row) = self.catalog.item(item)? else { return Ok(false) };
        let Some(place) = self.evidence.vault().place(at) else { return Ok(false) };
        if !place.is_there() {
            return Ok(false);
        }
        let from = match self.evidence.mend(&Record::from(&row), place, stop) {
            Ok(Mended::From(from)) => from,
            // Somebody brought it back, or the disk reads it again.
            Ok(Mended::Whole) => at.clone(),
            Err(evidence::Error::Stopped) => return Ok(false),
            Err(error) => {
                tracing::error!(item.id = %item, place = %at, error = %chain(&error), "damage was not mended");
                if error.damage().is_none() {
                    self.leave_place(place, &error);
                }
                return Ok(false);
            }
        };
        tracing::warn!(item.id = %item, place = %at, %from, "damage was mended");
        self.note_repaired(item, at, &from)?;
        Ok(true)
    }

    /// Whatever stood against the copy in this place is over.
    pub(super) fn note_repaired(
        &self,
        item: ItemId,
        at: &PlaceName,
        from: &PlaceName,
    ) -> Result<(), Error> {
        let repaired = |row: DamageRow| {
            by_node(Act::DamageRepaired(DamageRepaired {
                item,
                code: row.code,
                place: at.clone(),
                from: from.clone(),
            }))
        };
        let acts: Vec<_> = self.catalog.damage_in(item, at)?.into_iter().map(repaired).collect();
        if !acts.is_empty() {
            self.catalog.record(acts)?;
        }
        Ok(())
    }
}
