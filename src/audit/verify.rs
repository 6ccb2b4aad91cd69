//! Checking items one by one, several at once.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::{Audit, Error};
use crate::catalog::{ItemRow, Origin};
use crate::evidence::{self, Copy, CopyState, Custodian, Depth, Record};
use crate::model::{DamageFound, ItemId, PlaceName};

/// Which items to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Every item and derivative.
    All,
    /// These.
    These(Vec<ItemId>),
}

/// How many copies of each item must be whole for a pass. All that are there are read in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Copies {
    /// One.
    Any,
    /// One in every place of the vault.
    Every,
}

/// How deep to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Without keys: every stored byte is the one that was written.
    Sealed,
    /// With keys: and everything opens to its fingerprint.
    Open,
    /// What the keys at hand allow.
    Best,
}

/// The three answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything that was asked for was checked, and is whole.
    Pass,
    /// Something is damaged.
    Fail,
    /// Nothing damaged was found, but not everything was looked at.
    NotChecked,
}

/// One damaged copy of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Which.
    pub item: ItemId,
    /// In which place.
    pub place: PlaceName,
    /// What is wrong, as a stable code.
    pub code: String,
    /// What to do.
    pub what_next: String,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The answer.
    pub result: Verdict,
    /// Originals that were looked at.
    pub items: u64,
    /// Derivatives that were looked at.
    pub derivatives: u64,
    /// Of these, the ones that were only checked without keys though more was wanted.
    pub not_opened: u64,
    /// Bytes read from the disk.
    pub bytes_read: u64,
    /// How the copies in each place are.
    pub places: Vec<PlaceReport>,
    /// Each damaged copy.
    pub failures: Vec<Failure>,
}

/// How the copies in one place are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceReport {
    /// Which.
    pub place: PlaceName,
    /// Copies that are as they were written.
    pub whole: u64,
    /// Copies that are not.
    pub damaged: u64,
    /// Copies that are still to be made.
    pub owed: u64,
    /// Copies that were not looked at, because the place is not there.
    pub away: u64,
}

/// How far a long check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Items done.
    pub items: u64,
    /// Of so many.
    pub of: u64,
    /// Bytes read so far.
    pub bytes_read: u64,
}

/// Items checked at once: enough to keep a disk and two cores busy, few enough to stay small.
const AT_ONCE: usize = 2;

/// Rows fetched at once from the catalog.
const PAGE: usize = 256;

/// What one item gave.
struct Checked {
    copies: Vec<Copy>,
    opened: Opened,
}

impl Checked {
    fn has_damage(&self) -> bool {
        self.copies.iter().any(|copy| matches!(copy.state, CopyState::Damaged(_)))
    }

    fn has_whole(&self) -> bool {
        self.copies.iter().any(|copy| matches!(copy.state, CopyState::Whole { .. }))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Opened {
    Yes,
    No,
}

/// Shared by the workers of one check.
struct Work<'a> {
    audit: &'a Audit,
    mode: Mode,
    custodian: Custodian<'a>,
    queue: Mutex<VecDeque<ItemRow>>,
    tally: Mutex<Tally<'a>>,
}

struct Tally<'a> {
    report: Report,
    wanted: Copies,
    /// Items of which no copy could be looked at.
    out_of_reach: u64,
    of: u64,
    tell: &'a mut (dyn FnMut(Progress) -> ControlFlow<()> + Send),
    ended: Option<Error>,
    stopped: bool,
}

impl Audit {
    /// Checks items against the catalog. `tell` hears of progress and may break off, which makes the answer
    /// "not checked" at best.
    ///
    /// # Errors
    /// Where the catalog fails, or a named item does not exist. Damage is no error but a failure in the report.
    pub fn verify(
        &self,
        (which, mode, wanted): (&Which, Mode, Copies),
        tell: &mut (dyn FnMut(Progress) -> ControlFlow<()> + Send),
    ) -> Result<Report, Error> {
        let custody = self.chair.custody();
        let of = match which {
            Which::These(items) => items.len() as u64,
            Which::All => {
                let counts = self.catalog.counts()?;
                counts.items + counts.derivatives
            }
        };
        let report = Report {
            result: Verdict::Pass,
            items: 0,
            derivatives: 0,
            not_opened: 0,
            bytes_read: 0,
            places: self.evidence.vault().places().map(|place| PlaceReport::of(place.name())).collect(),
            failures: Vec::new(),
        };
        let work = Work {
            audit: self,
            mode,
            custodian: custody.as_deref(),
            queue: Mutex::default(),
            tally: Mutex::new(Tally {
                report,
                wanted,
                out_of_reach: 0,
                of,
                tell,
                ended: None,
                stopped: false,
            }),
        };
        match which {
            Which::These(items) => {
                for page in items.chunks(PAGE) {
                    let rows = page
                        .iter()
                        .map(|item| self.catalog.item(*item)?.ok_or(Error::Unknown(*item)))
                        .collect::<Result<Vec<_>, _>>()?;
                    work.check_page(rows);
                }
            }
            Which::All => self.check_all(&work)?,
        }
        let tally = work.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        tally.finish(self)
    }

    fn check_all(&self, work: &Work<'_>) -> Result<(), Error> {
        let mut after = None;
        loop {
            let rows = self.catalog.items_after(after, PAGE)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some(last.item);
            work.check_page(rows);
            if work.is_over() {
                return Ok(());
            }
        }
    }
}

impl Work<'_> {
    fn check_page(&self, rows: Vec<ItemRow>) {
        *self.queue.lock().unwrap_or_else(PoisonError::into_inner) = rows.into();
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| self.work());
            }
        });
    }

    fn work(&self) {
        while !self.is_over() {
            let next = self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(row) = next else { return };
            let checked = self.check(&row);
            self.tally.lock().unwrap_or_else(PoisonError::into_inner).take(&row, checked);
        }
    }

    fn is_over(&self) -> bool {
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.stopped || tally.ended.is_some()
    }

    /// Damage is looked at twice: a fault of memory or cable on the way is not a fault of the file, and an item
    /// whose class changed meanwhile has another key file.
    fn check(&self, row: &ItemRow) -> Result<Checked, Error> {
        match self.check_once(row) {
            Ok(first) if first.has_damage() => {
                let now = self.audit.catalog.item(row.item)?;
                tracing::error!(item.id = %row.item, "damage; reading once more");
                self.check_once(now.as_ref().unwrap_or(row))
            }
            outcome => outcome,
        }
    }

    fn check_once(&self, row: &ItemRow) -> Result<Checked, Error> {
        let (depth, opened) = match (self.mode, self.custodian) {
            (Mode::Sealed, _) => (Depth::Sealed, Opened::Yes),
            (Mode::Open | Mode::Best, None) => (Depth::Sealed, Opened::No),
            (Mode::Open | Mode::Best, custodian) => (Depth::Open(custodian), Opened::Yes),
        };
        let copies = self.audit.evidence.check(&Record::from(row), depth)?;
        let checked = Checked { copies, opened };
        if matches!(depth, Depth::Open(_)) && checked.has_whole() {
            self.audit.catalog.mark_proven(row.item, row.generation)?;
        }
        Ok(checked)
    }
}

impl PlaceReport {
    fn of(place: &PlaceName) -> Self {
        Self { place: place.clone(), whole: 0, damaged: 0, owed: 0, away: 0 }
    }
}

impl Tally<'_> {
    fn take(&mut self, row: &ItemRow, checked: Result<Checked, Error>) {
        match checked {
            Ok(checked) => self.take_copies(row, &checked),
            Err(error) => {
                self.ended.get_or_insert(error);
                return;
            }
        }
        match row.origin {
            Origin::Original(_) => self.report.items += 1,
            Origin::Derivative { .. } => self.report.derivatives += 1,
        }
        let items = self.report.items + self.report.derivatives;
        let (of, bytes_read) = (self.of, self.report.bytes_read);
        if (self.tell)(Progress { items, of, bytes_read }).is_break() {
            self.stopped = true;
        }
    }

    fn take_copies(&mut self, row: &ItemRow, checked: &Checked) {
        let (mut damaged, mut away) = (false, false);
        for (copy, place) in checked.copies.iter().zip(&mut self.report.places) {
            match copy.state {
                CopyState::Whole { read } => {
                    self.report.bytes_read += read;
                    place.whole += 1;
                }
                CopyState::Owed => place.owed += 1,
                CopyState::Away => {
                    place.away += 1;
                    away = true;
                }
                CopyState::Damaged(damage) => {
                    place.damaged += 1;
                    damaged = true;
                    self.report.failures.push(failure(row.item, copy.place.clone(), damage));
                }
            }
        }
        match (checked.has_whole(), damaged, away) {
            (true, ..) => self.report.not_opened += u64::from(checked.opened == Opened::No),
            (false, false, true) => self.out_of_reach += 1,
            // Every place owes it to the others: it is lost.
            (false, false, false) => {
                let lost =
                    |copy: &Copy| failure(row.item, copy.place.clone(), evidence::Damage::SealedMissing);
                self.report.failures.extend(checked.copies.iter().map(lost));
            }
            (false, true, _) => {}
        }
    }

    fn finish(self, audit: &Audit) -> Result<Report, Error> {
        if let Some(error) = self.ended {
            return Err(error);
        }
        let mut report = self.report;
        report.failures.sort_by(|a, b| (a.item, &a.place).cmp(&(b.item, &b.place)));
        for Failure { item, place, code, .. } in &report.failures {
            let (item, place, code) = (*item, Some(place.clone()), code.clone());
            let Some(row) = audit.catalog.item(item)? else { continue };
            audit.catalog.damage_found(DamageFound { item, code, place }, row.generation)?;
        }
        let lacking = report.places.iter().map(|place| place.owed + place.away).sum::<u64>();
        let unseen = self.stopped
            || report.not_opened > 0
            || self.out_of_reach > 0
            || (self.wanted == Copies::Every && lacking > 0);
        report.result = match (report.failures.is_empty(), unseen) {
            (false, _) => Verdict::Fail,
            (true, true) => Verdict::NotChecked,
            (true, false) => Verdict::Pass,
        };
        Ok(report)
    }
}

fn failure(item: ItemId, place: PlaceName, damage: evidence::Damage) -> Failure {
    Failure { item, place, code: damage.code().to_owned(), what_next: what_next(damage).to_owned() }
}

/// What a person can do about damage.
fn what_next(damage: evidence::Damage) -> &'static str {
    use evidence::Damage as D;
    match damage {
        D::SealedMissing | D::SealedAltered | D::ContentAltered => {
            "keep the file as it is, stop release at its dock, and restore the sealed file from a copy"
        }
        D::SealedUnreadable | D::KeysUnreadable => "check the disk (smartctl, dmesg), then verify again",
        D::KeysMissing | D::KeysAltered => {
            "keep what is there, and restore the key file from a copy; the escrow shares do not replace it"
        }
    }
}
