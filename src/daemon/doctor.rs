//! What would go wrong, looked for before it does.

use std::collections::HashSet;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::sync::Arc;

use super::settings::{ByteSize, InboxSettings, ReadBackRule, Release, Settings};
use crate::api::{Diagnosis, Finding, Grade, Rooms, Symptom};
use crate::audit::Scrub;
use crate::inbox::{Mode, Root};
use crate::intake::Watched;
use crate::keys::UNLOCK_FILE;
use crate::probe::walls_of;
use crate::sys::{Clock, FileSystem};
use crate::vault::Standing;

/// Without these the media parser could reach for files, sockets or other processes.
const NEEDED_WALLS: [&str; 3] = ["landlock", "seccomp", "rlimits"];

/// What is examined.
pub(super) struct About {
    pub home: PathBuf,
    pub settings: Settings,
    pub probe: PathBuf,
    pub clock: Arc<dyn Clock>,
}

/// Looks at everything; errors first.
pub(super) fn examine(about: &About, rooms: &Rooms) -> Diagnosis {
    let mut findings = Vec::new();
    about_settings(about, &mut findings);
    about_home(about, &mut findings);
    about_inboxes(about, &mut findings);
    about_copies(about, rooms, &mut findings);
    about_custody(about, rooms, &mut findings);
    about_work(about, rooms, &mut findings);
    about_backups(about, rooms, &mut findings);
    findings.sort_by_key(|finding| finding.grade);
    Diagnosis { findings }
}

fn note(findings: &mut Vec<Finding>, grade: Grade, (code, about): (Symptom, &dyn std::fmt::Display)) {
    findings.push(Finding { grade, code, about: about.to_string() });
}

fn about_settings(about: &About, findings: &mut Vec<Finding>) {
    match Settings::load(&about.home) {
        Err(error) => note(findings, Grade::Error, (Symptom::BadSettings, &error)),
        Ok(now) if now != about.settings => {
            note(findings, Grade::Warning, (Symptom::SettingsNotRead, &about.home.display()));
        }
        Ok(_) => {}
    }
    if about.settings.inboxes.is_empty() {
        note(findings, Grade::Warning, (Symptom::NoInbox, &super::settings::FILE));
    }
    if about.settings.vault.readback == ReadBackRule::Off {
        note(findings, Grade::Warning, (Symptom::ReadbackOff, &super::settings::FILE));
    }
    match about.settings.vault.copies.as_slice() {
        [only] => note(findings, Grade::Warning, (Symptom::OneCopy, &only.display())),
        copies => {
            let mut disks = HashSet::new();
            for copy in copies {
                let disk = std::fs::metadata(copy).map(|metadata| metadata.dev());
                if disk.is_ok_and(|disk| !disks.insert(disk)) {
                    note(findings, Grade::Warning, (Symptom::CopiesOnOneDisk, &copy.display()));
                }
            }
        }
    }
}

fn about_home(about: &About, findings: &mut Vec<Finding>) {
    if FileSystem::of(&about.home).is_ok_and(|found| found == FileSystem::Memory) {
        note(findings, Grade::Warning, (Symptom::HomeInMemory, &about.home.display()));
    }
    for secret in [about.home.clone(), about.home.join("keys")] {
        let open = std::fs::metadata(&secret).map(|metadata| metadata.permissions().mode() & 0o077 != 0);
        if open.unwrap_or(false) {
            note(findings, Grade::Warning, (Symptom::OpenSecrets, &secret.display()));
        }
    }
    for copy in &about.settings.vault.copies {
        let Ok(stat) = rustix::fs::statvfs(copy) else { continue };
        let (free, total) = (stat.f_bavail * stat.f_frsize, stat.f_blocks * stat.f_frsize);
        let floor = about.settings.limits.floor_on(ByteSize::of(total)).bytes();
        if free < floor {
            note(findings, Grade::Error, (Symptom::LowSpace, &copy.display()));
        } else if free < floor.saturating_mul(2) {
            note(findings, Grade::Warning, (Symptom::LowSpace, &copy.display()));
        }
    }
}

fn about_copies(about: &About, rooms: &Rooms, findings: &mut Vec<Finding>) {
    let vault = &about.settings.vault;
    let scrub = Scrub { period: vault.scrub, rate: vault.scrub_rate.bytes() };
    for (place, standing) in rooms.evidence.vault().standings() {
        let path = place.path().display();
        match standing {
            Standing::Away(fault) => {
                let said = format!("{path}: {}", fault.code());
                note(findings, Grade::Error, (Symptom::PlaceAway, &said));
            }
            Standing::Owing => note(findings, Grade::Warning, (Symptom::PlaceOwing, &path)),
            Standing::Whole => {}
        }
        let round = rooms.catalog.round(place.name());
        if round.is_ok_and(|round| scrub.is_late(&round, about.clock.now())) {
            note(findings, Grade::Warning, (Symptom::ScrubLate, &path));
        }
    }
    if let Ok(counts) = rooms.catalog.counts()
        && counts.damaged > 0
    {
        note(findings, Grade::Error, (Symptom::Damaged, &counts.damaged));
    }
}

fn about_inboxes(about: &About, findings: &mut Vec<Finding>) {
    for inbox in &about.settings.inboxes {
        let path = inbox.path.display();
        let root = match Root::open(inbox.dock.clone(), &inbox.path) {
            Ok(root) => root,
            Err(error) => {
                let said = format!("{path}: {error}");
                note(findings, Grade::Error, (Symptom::InboxMissing, &said));
                continue;
            }
        };
        if let Mode::Poll { because } = root.mode() {
            let said = format!("{path}: {because}");
            note(findings, Grade::Warning, (Symptom::InboxPolled, &said));
        }
        if !takes_receipts(inbox, &root) {
            note(findings, Grade::Warning, (Symptom::InboxUnwritable, &path));
        }
        if about.settings.releases(inbox) == Release::Never {
            note(findings, Grade::Warning, (Symptom::ReleaseOff, &path));
        }
    }
}

fn takes_receipts(inbox: &InboxSettings, root: &Root) -> bool {
    let shelf = inbox.receipts.clone().unwrap_or_else(|| root.path().to_owned());
    rustix::fs::access(&shelf, rustix::fs::Access::WRITE_OK).is_ok()
}

fn about_custody(about: &About, rooms: &Rooms, findings: &mut Vec<Finding>) {
    let unlock = about.home.join("keys").join(UNLOCK_FILE);
    if unlock.exists() {
        note(findings, Grade::Warning, (Symptom::PassphraseBesideKeys, &unlock.display()));
    }
    if rooms.chair.custody().is_none() {
        note(findings, Grade::Warning, (Symptom::SealOnly, &about.home.display()));
    }
    if let Ok(counts) = rooms.catalog.counts()
        && counts.unproven > 0
    {
        note(findings, Grade::Warning, (Symptom::Unproven, &counts.unproven));
    }
}

fn about_work(about: &About, rooms: &Rooms, findings: &mut Vec<Finding>) {
    if let Ok((Watched::No, _)) = rooms.intake.inbox_status() {
        note(findings, Grade::Warning, (Symptom::NoDaemon, &about.home.display()));
    }
    match walls_of(&about.probe) {
        Err(error) => note(findings, Grade::Warning, (Symptom::NoProber, &error)),
        Ok(walls) => {
            let missing: Vec<&str> =
                NEEDED_WALLS.into_iter().filter(|wall| !walls.iter().any(|found| found == wall)).collect();
            if !missing.is_empty() {
                note(findings, Grade::Warning, (Symptom::WeakWalls, &missing.join(", ")));
            }
        }
    }
}

fn about_backups(about: &About, rooms: &Rooms, findings: &mut Vec<Finding>) {
    if let Ok(Some(_)) = rooms.catalog.unconfirmed_restore() {
        note(findings, Grade::Warning, (Symptom::RestoreUnconfirmed, &about.home.display()));
    }
    let Some(backup) = &about.settings.backup else {
        note(findings, Grade::Warning, (Symptom::NoBackup, &super::settings::FILE));
        return;
    };
    if let Some(trouble) = rooms.backups.standing().trouble {
        note(findings, Grade::Error, (Symptom::BackupFails, &trouble.what));
    }
    // Where it is not there yet, its folder tells.
    let there = backup.dir.ancestors().find_map(|path| std::fs::metadata(path).ok());
    let saved = about.settings.vault.copies.iter().map(PathBuf::as_path).chain([about.home.as_path()]);
    let mut disks = saved.filter_map(|path| std::fs::metadata(path).ok()).map(|metadata| metadata.dev());
    if there.is_some_and(|there| disks.any(|disk| disk == there.dev())) {
        note(findings, Grade::Warning, (Symptom::BackupOnSameDisk, &backup.dir.display()));
    }
}
