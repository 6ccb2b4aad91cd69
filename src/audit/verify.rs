//! Checking items one by one, several at once.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::{Audit, Error};
use crate::catalog::{ItemRow, Origin};
use crate::evidence::{self, Custodian, Depth, Record};
use crate::model::ItemId;

/// Which items to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Every item and derivative.
    All,
    /// These.
    These(Vec<ItemId>),
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

/// One damaged item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Which.
    pub item: ItemId,
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
    /// Each damaged item.
    pub failures: Vec<Failure>,
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
enum Checked {
    Whole { bytes: u64, opened: Opened },
    Damaged(evidence::Damage),
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
        (which, mode): (&Which, Mode),
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
            failures: Vec::new(),
        };
        let work = Work {
            audit: self,
            mode,
            custodian: custody.as_deref(),
            queue: Mutex::default(),
            tally: Mutex::new(Tally { report, of, tell, ended: None, stopped: false }),
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

    /// Damage is looked at twice: a fault of memory or cable on the way is not a fault of the file.
    fn check(&self, row: &ItemRow) -> Result<Checked, Error> {
        match self.check_once(row) {
            Ok(Checked::Damaged(first)) => {
                tracing::error!(item.id = %row.item, code = %first, "damage; reading once more");
                self.check_once(row)
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
        match self.audit.evidence.check(&Record::from(row), depth) {
            Ok(bytes) => {
                if let (Depth::Open(_), Opened::Yes) = (depth, opened) {
                    self.audit.catalog.mark_proven(row.item, row.generation)?;
                }
                Ok(Checked::Whole { bytes, opened })
            }
            Err(error) => match error.damage() {
                Some(damage) => Ok(Checked::Damaged(damage)),
                None => Err(error.into()),
            },
        }
    }
}

impl Tally<'_> {
    fn take(&mut self, row: &ItemRow, checked: Result<Checked, Error>) {
        match checked {
            Ok(Checked::Whole { bytes, opened }) => {
                self.report.bytes_read += bytes;
                self.report.not_opened += u64::from(opened == Opened::No);
            }
            Ok(Checked::Damaged(damage)) => self.report.failures.push(Failure {
                item: row.item,
                code: damage.code().to_owned(),
                what_next: what_next(damage).to_owned(),
            }),
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

    fn finish(self, audit: &Audit) -> Result<Report, Error> {
        if let Some(error) = self.ended {
            return Err(error);
        }
        let mut report = self.report;
        report.failures.sort_by_key(|failure| failure.item);
        for failure in &report.failures {
            audit.enter_damage(failure.item, &failure.code)?;
        }
        report.result = match (report.failures.is_empty(), self.stopped || report.not_opened > 0) {
            (false, _) => Verdict::Fail,
            (true, true) => Verdict::NotChecked,
            (true, false) => Verdict::Pass,
        };
        Ok(report)
    }
}

/// What a person can do about damage.
fn what_next(damage: evidence::Damage) -> &'static str {
    use evidence::Damage as D;
    match damage {
        D::SealedMissing | D::SealedAltered | D::ContentAltered => {
            "keep the file as it is, stop release at its dock, and restore the sealed file from a copy"
        }
        D::SealedUnreadable => "check the disk (smartctl, dmesg), then verify again",
        D::KeysMissing | D::KeysAltered => {
            "keep what is there, and restore the key file from a copy; the escrow shares do not replace it"
        }
    }
}
