//! Bytes leave the archive for a reader, after their entry.
//!
//! Knows items and custody, and deliberately nothing of files on the reader's side or of HTTP. Promises: the
//! entry of a reading is durable before its first byte leaves, and so is that of a refusal (P6); damaged
//! bytes are never served (P3); a node without custodian keys opens nothing (P5). Called by `api`.

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use crate::catalog::{Catalog, ItemRow, Sight};
use crate::evidence::{Chair, Evidence, Hurt, OpenItem, Record};
use crate::ledger::Content;
use crate::model::{Act, Actor, DamageFound, ItemId, ItemRead, Sha256};

/// The longest purpose that is written down, in bytes: a paragraph.
pub const LONGEST_PURPOSE: usize = 2000;

/// Opens items for readers.
#[derive(Clone)]
pub struct Reading {
    evidence: Evidence,
    catalog: Catalog,
    chair: Arc<Chair>,
    sight: Sight,
}

/// What somebody wants to read, and what for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// An original or a derivative.
    pub item: ItemId,
    /// Which bytes; `None` for all.
    pub range: Option<Range<u64>>,
    /// What for.
    pub purpose: String,
    /// Who.
    pub who: Actor,
}

/// A reading whose entry is durable.
pub struct Session {
    reading: Reading,
    row: ItemRow,
    range: Range<u64>,
    open: OpenItem,
    /// Changes of classes when it began.
    changes: u64,
}

/// Bytes handed on between two looks whether the item is still there for the reader.
const STRIDE: u64 = 4 << 20;

/// Why nothing is read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such item.
    #[error("there is no item {0}")]
    Unknown(ItemId),
    /// No purpose was stated, or one longer than a paragraph.
    #[error("a reading needs a purpose of 1 to {LONGEST_PURPOSE} bytes")]
    Purpose,
    /// The range lies outside the item.
    #[error("the range {}-{} lies outside the item of {size} bytes", range.start, range.end)]
    Range {
        /// As asked, the end not included.
        range: Range<u64>,
        /// Bytes.
        size: u64,
    },
    /// This node holds no keys that open.
    #[error("the custodian keys are not unlocked here")]
    SealOnly,
    /// The archive came back from a backup, and nobody has confirmed that yet.
    #[error("this archive was restored from a backup, and that is not confirmed yet")]
    Unconfirmed,
    /// The item cannot be opened.
    #[error("item {item} cannot be read")]
    Evidence {
        /// Which.
        item: ItemId,
        /// Why.
        #[source]
        source: crate::evidence::Error,
    },
    /// The catalog failed.
    #[error("the catalog failed")]
    Catalog(#[from] crate::catalog::Error),
}

impl Reading {
    /// Joins the parts. What lies outside the sight is not there.
    #[must_use]
    pub fn new(evidence: Evidence, catalog: Catalog, chair: Arc<Chair>, sight: Sight) -> Self {
        Self { evidence, catalog, chair, sight }
    }

    /// Opens an item and writes the entry. What can be refused is refused here, before any byte.
    ///
    /// # Errors
    /// Why nothing is read.
    pub fn begin(&self, wanted: &Wanted) -> Result<Session, Error> {
        let purpose = wanted.purpose.trim();
        if purpose.is_empty() || purpose.len() > LONGEST_PURPOSE {
            return Err(Error::Purpose);
        }
        // Until the files are open and the entry stands, the item keeps its class and its keys.
        let _stay = self.evidence.classes_stay();
        let changes = self.evidence.class_changes();
        let row = self.catalog.item_seen(wanted.item, &self.sight)?.ok_or(Error::Unknown(wanted.item))?;
        let range = wanted.range.clone().unwrap_or(0..row.size);
        if range.start > range.end || range.end > row.size {
            return Err(Error::Range { range, size: row.size });
        }
        if self.catalog.unconfirmed_restore()?.is_some() {
            self.enter(wanted, refusal(wanted.item, "restore_unconfirmed"))?;
            return Err(Error::Unconfirmed);
        }
        let Some(custody) = self.chair.custody() else {
            self.enter(wanted, refusal(wanted.item, "seal_only"))?;
            return Err(Error::SealOnly);
        };
        let mut hurt = Vec::new();
        let open = self.evidence.open(&Record::from(&row), Some(&custody), &mut hurt);
        self.enter_damage(&row, &hurt)?;
        let open = open.map_err(|source| Error::Evidence { item: wanted.item, source })?;
        let (from, to) = (range.start, range.end);
        let purpose = purpose.to_owned();
        self.enter(wanted, Act::ItemRead(ItemRead { item: wanted.item, from, to, purpose }))?; // P6
        // What the view did not have yet when it was asked, it has now.
        if self.catalog.item_seen(wanted.item, &self.sight)?.is_none() {
            return Err(Error::Unknown(wanted.item));
        }
        Ok(Session { reading: self.clone(), row, range, open, changes })
    }

    fn enter(&self, wanted: &Wanted, act: Act) -> Result<(), Error> {
        self.catalog.record(vec![Content { who: wanted.who.clone(), why: None, act }])?;
        Ok(())
    }

    fn enter_damage(&self, row: &ItemRow, hurt: &[Hurt]) -> Result<(), Error> {
        for Hurt { place, damage } in hurt {
            let place = Some(place.clone());
            let found = DamageFound { item: row.item, code: damage.code().to_owned(), place };
            self.catalog.damage_found(found, row.generation)?;
        }
        Ok(())
    }
}

fn refusal(item: ItemId, because: &str) -> Act {
    Act::Refused { action: "read".to_owned(), item: Some(item), because: because.to_owned() }
}

impl Session {
    /// The bytes that will be written.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// Length of the whole item in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.row.size
    }

    /// Fingerprint of the whole item.
    #[must_use]
    pub fn sha256(&self) -> Sha256 {
        self.row.sha256
    }

    /// Writes the bytes, a segment at a time. Blocks. Damage that is met on the way is entered.
    ///
    /// # Errors
    /// At the first segment that opens in no copy, of which nothing is written; or as the writer.
    pub fn write_to(mut self, into: &mut dyn Write) -> Result<(), Error> {
        let item = self.row.item;
        let read = self.write_on(into);
        self.reading.enter_damage(&self.row, self.open.hurt())?;
        read.map_err(|source| Error::Evidence { item, source })
    }

    /// An item that is cut off meanwhile ends in the middle, as one does whose disk is gone.
    fn write_on(&mut self, into: &mut dyn Write) -> Result<(), crate::evidence::Error> {
        let Range { start: mut at, end } = self.range;
        while at < end {
            let next = end.min(at + STRIDE);
            self.open.read(at..next, into)?;
            at = next;
            if !self.is_still_there() {
                return Err(crate::evidence::Error::Stopped);
            }
        }
        Ok(())
    }

    fn is_still_there(&mut self) -> bool {
        let now = self.reading.evidence.class_changes();
        if now == self.changes {
            return true;
        }
        // Whoever is changing one now is waited for: it might be this one.
        let stay = self.reading.evidence.classes_stay();
        let seen = self.reading.catalog.item_seen(self.row.item, &self.reading.sight);
        drop(stay);
        self.changes = now;
        matches!(seen, Ok(Some(_)))
    }
}
