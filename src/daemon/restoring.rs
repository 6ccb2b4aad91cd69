//! Bringing an archive back from a backup. The settings come last: without them a folder is no archive, so a
//! restore that was cut short leaves nothing that could be taken for one, and is done again.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::archive::{Archive, Ground, Surroundings, check_places, opening};
use super::backups::format_text;
use super::lock::HomeLock;
use super::of_disk;
use super::settings::{self, Settings};
use crate::api::{Answer, BackupChecked, BackupFault, Code, ItemsIn, Problem, RestoreReport, Unseen};
use crate::audit::Verdict;
use crate::audit::backup::{
    self, CameBack, Checked, Comparison, Fault, Filled, Filling, InBackup, RESTORING_MARK, Shelves, State,
    StateNumber, Tell, compare, highest_epoch, is_unfinished, put_back_missing,
};
use crate::catalog::Catalog;
use crate::inbox::lies_apart;
use crate::intake::Recovery;
use crate::keys::{Certificates, Custody, EscrowKey, Keyring, Passphrase, Share};
use crate::ledger::{Content, SignedHead};
use crate::model::{Act, Actor, Epoch, EpochBegun, OldHead, Sha256};
use crate::sys::FileSystem;
use crate::vault::{Places, Vault};

/// The report of a restore, kept in the home.
const REPORT: &str = "restored.json";

/// A restore to be made.
pub struct Restoring {
    /// The backup.
    pub backup: PathBuf,
    /// Which state of it; the newest where none is named.
    pub state: Option<u32>,
    /// The home to be made.
    pub home: PathBuf,
    /// What opens the node's secrets.
    pub opened_by: OpenedBy,
    /// Settings to use in place of those in the backup.
    pub settings: Option<PathBuf>,
    /// Further folders that hold receipts.
    pub receipts: Vec<PathBuf>,
}

/// What opens a backup.
pub enum OpenedBy {
    /// The custodians' passphrase.
    Passphrase(Zeroizing<String>),
    /// Escrow shares.
    Shares(Vec<Zeroizing<String>>),
}

/// Checks a backup alone.
///
/// # Errors
/// Where it is none, or its manifest is not what was signed.
pub fn check_backup(
    (backup, state): (&Path, Option<u32>),
    tell: &mut Tell<'_>,
) -> Result<BackupChecked, Problem> {
    let state = State::find(backup, state.map(StateNumber))?;
    Ok(told(backup::check(&state, tell)?))
}

fn told(checked: Checked) -> BackupChecked {
    let head = checked.head.head();
    BackupChecked {
        result: match checked.result {
            Verdict::Pass => Answer::Pass,
            Verdict::Fail => Answer::Fail,
            Verdict::NotChecked => Answer::NotChecked,
        },
        archive: checked.archive,
        root: checked.root,
        state: checked.number.0,
        made: checked.made,
        epoch: checked.epoch,
        ledger_size: head.size,
        ledger_root: head.root.to_string(),
        items: match checked.items {
            InBackup::No => None,
            InBackup::Yes { originals, derivatives } => {
                Some(ItemsIn { items: originals + derivatives, bytes: None })
            }
        },
        bytes_read: checked.bytes_read,
        faults: checked.faults.into_iter().map(fault).collect(),
    }
}

fn fault(fault: Fault) -> BackupFault {
    BackupFault { path: fault.path, code: fault.code.to_owned() }
}

/// Brings an archive back.
///
/// # Errors
/// Where the backup is not whole or does not open, the home is not empty, or a step on a disk fails.
pub fn restore(
    restoring: &Restoring,
    world: &Surroundings,
    tell: &mut Tell<'_>,
) -> Result<RestoreReport, Problem> {
    let home = &restoring.home;
    let state = State::find(&restoring.backup, restoring.state.map(StateNumber))?;
    refuse_home(restoring, &state)?;
    let plan = Plan::of(restoring, &state)?;
    let custody = custody(restoring, state.certificates(), world)?;
    let filling = Filling {
        state: &state,
        home,
        custody: &custody,
        places: &plan.places,
        format: &format_text(),
        disk: &world.disk,
    };
    let secrets = filling.open()?;
    filling.mark()?;
    let lock = HomeLock::of_unfinished(home).map_err(|error| super::of_lock(&error))?;
    let filled = filling.fill(&secrets, tell)?;
    let report = go_on((restoring, &state, &plan), (&lock, world), filled)?;
    let bytes = serde_json::to_vec_pretty(&report).map_err(|error| Problem::of(Code::Internal, &error))?;
    write(world, &home.join(REPORT), &bytes)?;
    write(world, &home.join(settings::FILE), plan.text.as_bytes())?;
    let mark = home.join(RESTORING_MARK);
    world.disk.remove(&mark).map_err(|error| of_disk(&mark, &error))?;
    world.disk.sync_folder(home).map_err(|error| of_disk(home, &error))?;
    Ok(report)
}

fn write(world: &Surroundings, path: &Path, bytes: &[u8]) -> Result<(), Problem> {
    world.disk.write_over(path, bytes, 0o600).map_err(|error| of_disk(path, &error))
}

/// A restore touches nothing that is there, but for what an interrupted one left.
fn refuse_home(restoring: &Restoring, state: &State) -> Result<(), Problem> {
    let home = &restoring.home;
    let there = |what: &str| Problem::new(Code::AlreadyThere, format!("{} {what}", home.display()));
    if !lies_apart(home, &restoring.backup) {
        let said = format!("{} and the backup must lie apart", home.display());
        return Err(Problem::new(Code::Overlap, said));
    }
    if home.join(settings::FILE).exists() {
        return Err(there("is an archive already"));
    }
    let is_empty = match std::fs::read_dir(home) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(there(&format!("cannot be used: {error}"))),
        Ok(mut entries) => entries.next().is_none(),
    };
    if !is_empty && !is_unfinished(home, state) {
        return Err(there("is not empty"));
    }
    let there_now = home.ancestors().find(|path| path.exists()).unwrap_or(home);
    match FileSystem::of(there_now) {
        Ok(FileSystem::Foreign(name)) => {
            let said = format!("{} lies on {name}", home.display());
            Err(Problem::new(Code::WrongFileSystem, said))
        }
        Ok(FileSystem::Local | FileSystem::Memory) => Ok(()),
        Err(error) => Err(of_disk(there_now, &error)),
    }
}

/// What the settings make of the home.
struct Plan {
    text: String,
    settings: Settings,
    /// Places of the vault in the home: they are filled. Others must be there.
    places: Vec<PathBuf>,
}

impl Plan {
    fn of(restoring: &Restoring, state: &State) -> Result<Self, Problem> {
        let unreadable = |path: &Path, why: &dyn std::fmt::Display| {
            Problem::new(Code::UnreadableFile, format!("cannot read {}: {why}", path.display()))
        };
        let text = match &restoring.settings {
            Some(path) => std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?,
            None => String::from_utf8(state.read(settings::FILE)?)
                .map_err(|error| unreadable(&state.file(settings::FILE), &error))?,
        };
        let home = &restoring.home;
        let settings =
            Settings::parse(&text, home).map_err(|error| Problem::of(Code::BadSettings, &error))?;
        check_places(&settings, home)?;
        let (places, elsewhere): (Vec<PathBuf>, Vec<PathBuf>) =
            settings.vault.copies.iter().cloned().partition(|place| lies_in(place, home));
        // P12: a disk that is not mounted is not an empty vault, and is never filled in its stead.
        if let Some(missing) = elsewhere.iter().find(|place| !place.join("FORMAT.md").is_file()) {
            let said = format!(
                "{} of [vault] copies is not there; mount its disk, or name other places in a copy of the \
                 settings and give that with --settings",
                missing.display()
            );
            return Err(Problem::new(Code::PlaceMissing, said));
        }
        Ok(Self { text, settings, places })
    }

    fn shelves(&self, restoring: &Restoring) -> Shelves {
        let inboxes = &self.settings.inboxes;
        let of_settings = inboxes.iter().filter_map(|inbox| inbox.receipts.clone());
        let mut folders: Vec<PathBuf> = of_settings.chain(restoring.receipts.iter().cloned()).collect();
        folders.sort();
        folders.dedup();
        Shelves {
            inboxes: inboxes.iter().map(|inbox| (inbox.dock.clone(), inbox.path.clone())).collect(),
            folders,
        }
    }
}

/// Whether a path leads into the home, and not out of it again.
fn lies_in(place: &Path, home: &Path) -> bool {
    let inside = place.strip_prefix(home);
    inside.is_ok_and(|inside| inside.components().all(|part| matches!(part, Component::Normal(_))))
}

fn custody(
    restoring: &Restoring,
    certificates: &Certificates,
    world: &Surroundings,
) -> Result<Custody, Problem> {
    match &restoring.opened_by {
        OpenedBy::Passphrase(typed) => {
            Ok(Custody::unlock(certificates, &Passphrase::new(typed)?, &*world.stretch)?)
        }
        OpenedBy::Shares(shares) => {
            let shares: Vec<Share> = shares.iter().map(|share| Share::new(share)).collect();
            Ok(Custody::of_shares(EscrowKey::combine(certificates, &shares)?))
        }
    }
}

/// Begins the new epoch, puts vault and catalog in order, and compares receipts.
fn go_on(
    (restoring, state, plan): (&Restoring, &State, &Plan),
    (lock, world): (&HomeLock, &Surroundings),
    filled: Filled,
) -> Result<RestoreReport, Problem> {
    let home = lock.home();
    let shelves = plan.shelves(restoring);
    let keyring = Arc::new(Keyring::open(&home.join("keys"))?);
    let vault = &plan.settings.vault;
    let places = Places { home, folders: &vault.copies, least: vault.least_copies };
    let vault = Vault::open(&places, &world.disk)?;
    let opening = opening(home, &keyring, world);
    let seen = highest_epoch(state.certificates(), &shelves, &world.disk)?;
    let epoch = state.manifest().epoch.max(seen).next();
    let catalog = Catalog::go_on_in(&opening, epoch, |head| begun(&keyring, head, epoch))?;
    let ground = Ground { settings: plan.settings.clone(), keyring, vault, opening };
    let archive = Archive::furnish(ground, catalog, (home, world))?;
    let recovery = archive.rooms.intake.recover()?;
    let back = CameBack { catalog: &archive.rooms.catalog, evidence: &archive.rooms.evidence };
    put_back_missing(back, &shelves, &world.disk)?;
    let compared = compare((back, state.certificates()), &shelves, &world.disk)?;
    report((home, state, epoch), (filled, recovery), compared)
}

fn begun(keyring: &Keyring, head: &SignedHead, epoch: Epoch) -> Content {
    let uid = rustix::process::geteuid().as_raw();
    let old = head.head();
    let act = Act::EpochBegun(EpochBegun {
        archive: keyring.archive(),
        root: keyring.root(),
        owner_uid: uid,
        epoch,
        because: EpochBegun::RESTORED.to_owned(),
        after: Some(OldHead { size: old.size, root: Sha256(*old.root.as_bytes()) }),
    });
    Content { who: Actor::User { name: "owner".to_owned(), uid }, why: None, act }
}

fn report(
    (home, state, epoch): (&Path, &State, Epoch),
    (filled, recovery): (Filled, Recovery),
    compared: Comparison,
) -> Result<RestoreReport, Problem> {
    let manifest = state.manifest();
    let head =
        SignedHead::parse(&manifest.head).map_err(|error| Problem::of(Code::DamagedBackup, &error))?;
    let is_missing = compared.lost.iter().any(|lost| !lost.source.is_kept());
    let whole = filled.damaged.is_empty() && recovery.missing == 0 && !is_missing;
    let result = match (whole, compared.unseen.is_empty()) {
        (false, _) => Answer::Fail,
        (true, false) => Answer::NotChecked,
        (true, true) => Answer::Pass,
    };
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Ok(RestoreReport {
        result,
        archive: manifest.archive,
        home: home.to_owned(),
        root: manifest.root,
        state: manifest.number.0,
        made: manifest.made,
        ledger_size: head.head().size,
        ledger_root: head.head().root.to_string(),
        epoch,
        items: manifest.items.as_ref().map(|_| ItemsIn { items: filled.items, bytes: Some(filled.bytes) }),
        items_missing: count(recovery.missing),
        items_recovered: count(recovery.recovered),
        damaged: filled.damaged.into_iter().map(fault).collect(),
        receipts: compared.receipts,
        strange_receipts: compared.strange,
        unseen: compared.unseen.into_iter().map(|(path, why)| Unseen { path, why }).collect(),
        lost: compared.lost,
    })
}
