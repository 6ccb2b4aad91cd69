//! Receipts against a ledger: what was promised after the backup that this archive came back from.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::Error;
use crate::catalog::Catalog;
use crate::evidence::{Evidence, digest_again};
use crate::inbox::{self, Aside, Root, Shelf, Shelved, put_back, read_shelf};
use crate::keys::Certificates;
use crate::ledger::{Judge, Receipt};
use crate::model::{DepositId, DockName, Epoch, ItemId, Moment, RawName, Sha256, chain};
use crate::sys::Disk;

/// Lost deposits that are told one by one. A day of ten recorders has a few thousand.
const MOST_LOST: usize = 1_000_000;

/// Rows fetched at once from the catalog.
const PAGE: usize = 256;

/// Where receipts are looked for.
#[derive(Debug, Clone, Default)]
pub struct Shelves {
    /// Inboxes; receipts lie in their `.receipts`.
    pub inboxes: Vec<(DockName, PathBuf)>,
    /// Other folders that hold receipts.
    pub folders: Vec<PathBuf>,
}

/// What the receipts say that the ledger does not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison {
    /// Receipts that were believed.
    pub receipts: u64,
    /// Files that are named like receipts and are none of this archive.
    pub strange: Vec<PathBuf>,
    /// Places that could not be looked at, each with the reason.
    pub unseen: Vec<(PathBuf, String)>,
    /// Deposits that the ledger does not have.
    pub lost: Vec<Lost>,
    /// The highest epoch that a receipt was given in.
    pub epoch: Epoch,
}

/// A deposit that was receipted and is not in the ledger: its item is lost with the old home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Which.
    pub deposit: DepositId,
    /// The item that had its bytes.
    pub item: ItemId,
    /// From which dock.
    pub dock: DockName,
    /// Where the bytes lay, relative to the inbox.
    pub path: RawName,
    /// Their length.
    pub size: u64,
    /// Their fingerprint.
    pub sha256: Sha256,
    /// When it was entered.
    pub entered_at: Moment,
    /// Where its receipt lies.
    pub receipt: PathBuf,
    /// Whether the bytes can be had again.
    pub source: Source,
}

/// Whether the source of a lost deposit is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// It lies in its inbox, the same bytes: a rescan takes it in again.
    InInbox,
    /// The archive has these bytes of this dock already, by another deposit.
    InArchive,
    /// It had been set aside and was put back: a rescan takes it in again.
    PutBack,
    /// Something else has its name, or it cannot be read.
    Changed,
    /// It is gone.
    Gone,
    /// Nobody can look: its inbox is not set or not there.
    Unseen,
}

impl Source {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::InInbox => "in_inbox",
            Self::InArchive => "in_archive",
            Self::PutBack => "put_back",
            Self::Changed => "changed",
            Self::Gone => "gone",
            Self::Unseen => "unseen",
        }
    }

    /// Whether the bytes are in the archive, or will be by themselves.
    #[must_use]
    pub fn is_kept(self) -> bool {
        matches!(self, Self::InInbox | Self::InArchive | Self::PutBack)
    }
}

/// Compares every receipt that lies there with the ledger. Sources that wait aside for a lost deposit are put back
/// where they lay, so that they are seen again (P1).
///
/// # Errors
/// Where the catalog fails. A place that cannot be looked at is no error: that says nothing about it (P12).
pub fn compare(
    (archive, certificates): (CameBack<'_>, &Certificates),
    shelves: &Shelves,
    disk: &Disk,
) -> Result<Comparison, Error> {
    let mut found = go_over((Some(archive), certificates), shelves, disk)?;
    found.lost.sort_by(|one, other| {
        (&one.dock, &one.path, one.deposit).cmp(&(&other.dock, &other.path, other.deposit))
    });
    // The same receipt may lie in two places.
    found.lost.dedup_by_key(|lost| lost.deposit);
    Ok(found)
}

/// The highest epoch that a receipt on these shelves was given in: no ledger of this archive may begin it again.
///
/// # Errors
/// None but those of [`compare`] that no catalog is needed for.
pub fn highest_epoch(certificates: &Certificates, shelves: &Shelves, disk: &Disk) -> Result<Epoch, Error> {
    Ok(go_over((None, certificates), shelves, disk)?.epoch)
}

/// Puts back every source that waits aside although the archive lacks its item's sealed file: a rescan takes it in
/// anew (P1). Answers how many.
///
/// # Errors
/// Where the catalog fails. An inbox that is not there keeps what waits in it.
pub fn put_back_missing(archive: CameBack<'_>, shelves: &Shelves, disk: &Disk) -> Result<u64, Error> {
    let (mut after, mut count) = (None, 0);
    loop {
        let rows = archive.catalog.set_aside_after(after, PAGE)?;
        let Some(last) = rows.last() else { return Ok(count) };
        after = Some(last.index);
        for row in rows {
            if !archive.lacks(row.item)? {
                continue;
            }
            let source = &row.facts.source;
            let Some((dock, path)) = shelves.inboxes.iter().find(|(dock, _)| *dock == source.dock) else {
                continue;
            };
            let aside = Aside { path: source.path.clone(), deposit: row.deposit(), source: source.clone() };
            let put = Root::open(dock.clone(), path).and_then(|root| put_back(&root, &aside, disk));
            match put {
                Ok(()) => count += 1,
                Err(error) => tracing::error!(deposit.id = %row.deposit(), error = %chain(&error),
                    "a source that was set aside cannot be put back"),
            }
        }
    }
}

/// The archive that came back: what it knows, and what it has.
#[derive(Clone, Copy)]
pub struct CameBack<'a> {
    /// What it knows.
    pub catalog: &'a Catalog,
    /// What it has.
    pub evidence: &'a Evidence,
}

impl CameBack<'_> {
    /// Recovery has looked just now, and entered what is missing.
    fn lacks(self, item: ItemId) -> Result<bool, Error> {
        Ok(self.evidence.is_nowhere(&self.catalog.damage_of(item)?))
    }
}

fn go_over(
    (archive, certificates): (Option<CameBack<'_>>, &Certificates),
    shelves: &Shelves,
    disk: &Disk,
) -> Result<Comparison, Error> {
    let heads = certificates.head_publics();
    let mut work = Work { archive, certificates, heads, shelves, disk, found: Comparison::default() };
    for (dock, path) in &shelves.inboxes {
        work.shelf(Root::open(dock.clone(), path), (path, Shelf::InInbox))?;
    }
    for folder in &shelves.folders {
        let nobody: DockName = "receipts".parse().expect("letters");
        work.shelf(Root::open(nobody, folder), (folder, Shelf::Root))?;
    }
    Ok(work.found)
}

struct Work<'a> {
    archive: Option<CameBack<'a>>,
    certificates: &'a Certificates,
    heads: Vec<[u8; 32]>,
    shelves: &'a Shelves,
    disk: &'a Disk,
    found: Comparison,
}

impl Work<'_> {
    fn shelf(
        &mut self,
        root: Result<Root, inbox::Error>,
        (path, shelf): (&Path, Shelf),
    ) -> Result<(), Error> {
        let mut failed = None;
        let read = root.and_then(|root| {
            read_shelf(&root, (shelf, Receipt::MAX_BYTES), &mut |shelved| {
                if failed.is_none() {
                    failed = self.receipt(&root, shelved).err();
                }
            })
        });
        if let Err(error) = read {
            self.found.unseen.push((path.to_owned(), chain(&error)));
        }
        failed.map_or(Ok(()), Err)
    }

    fn receipt(&mut self, root: &Root, shelved: Shelved) -> Result<(), Error> {
        let path = root.path().join(shelved.path.to_path());
        let Some(receipt) = shelved.read.ok().and_then(|read| self.believed(&read)) else {
            self.found.strange.push(path);
            return Ok(());
        };
        self.found.receipts += 1;
        self.found.epoch = self.found.epoch.max(receipt.epoch);
        let Some(archive) = self.archive else { return Ok(()) };
        let known = archive.catalog.deposit(receipt.deposit)?;
        if known.is_some_and(|row| row.item == receipt.item) || self.found.lost.len() == MOST_LOST {
            return Ok(());
        }
        let twin = archive.catalog.item_with(&receipt.dock, &receipt.sha256)?;
        let source = match twin {
            Some(row) if !archive.lacks(row.item)? => Source::InArchive,
            _ => self.source_of(&receipt),
        };
        self.found.lost.push(Lost {
            deposit: receipt.deposit,
            item: receipt.item,
            dock: receipt.dock,
            path: receipt.path,
            size: receipt.size,
            sha256: receipt.sha256,
            entered_at: receipt.entered_at,
            receipt: path,
            source,
        });
        Ok(())
    }

    /// A receipt counts only when it is what this archive signed.
    fn believed(&self, (bytes, signature): &(Vec<u8>, Vec<u8>)) -> Option<Receipt> {
        let signature: &[u8; 64] = signature.as_slice().try_into().ok()?;
        let receipt = Receipt::parse(bytes).ok()?;
        let node = |signer, message: &[u8], signature: &[u8; 64]| {
            self.certificates.verify(signer, message, signature)
        };
        let judge = Judge { node: &node, heads: &self.heads };
        let ours = receipt.archive == self.certificates.archive();
        (ours && receipt.check(signature, judge).is_ok()).then_some(receipt)
    }

    fn source_of(&self, receipt: &Receipt) -> Source {
        let inbox = self.shelves.inboxes.iter().find(|(dock, _)| *dock == receipt.dock);
        let opened = match (receipt.path.is_absolute(), inbox) {
            // By hand: whatever lies there now is a person's to look for.
            (true, _) | (false, None) => return Source::Unseen,
            (false, Some((dock, path))) => Root::open(dock.clone(), path),
        };
        let Ok(root) = opened else { return Source::Unseen };
        match root.open_file(&receipt.path) {
            Ok(open) if holds(&open, receipt) => Source::InInbox,
            looked => match self.put_back(&root, receipt) {
                Some(source) => source,
                None if looked.is_err_and(|refusal| refusal.reason == crate::model::Reason::Vanished) => {
                    Source::Gone
                }
                None => Source::Changed,
            },
        }
    }

    /// Puts the source back where it was set aside; nothing where it was not, or is not what it was.
    fn put_back(&self, root: &Root, receipt: &Receipt) -> Option<Source> {
        let open = Aside::look(root, receipt.deposit).ok()?;
        if !holds(&open, receipt) {
            return None;
        }
        let source = crate::model::Source { path: receipt.path.clone(), ..open.source };
        let aside = Aside { path: receipt.path.clone(), deposit: receipt.deposit, source };
        match put_back(root, &aside, self.disk) {
            Ok(()) => Some(Source::PutBack),
            Err(error) => {
                tracing::error!(deposit.id = %receipt.deposit, error = %chain(&error),
                    "a source that was set aside cannot be put back");
                Some(Source::Unseen)
            }
        }
    }
}

/// Whether a file holds the bytes that a receipt was given for.
fn holds(open: &inbox::OpenSource, receipt: &Receipt) -> bool {
    if open.source.size != receipt.size {
        return false;
    }
    let mut file = (&open.file).take(receipt.size.saturating_add(1));
    digest_again(&mut file, &[]).is_ok_and(|taken| taken.sha256 == receipt.sha256)
}
