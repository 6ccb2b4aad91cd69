//! The backups of an archive: what they are made of, and the clock that they are made by.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::archive::Surroundings;
use super::settings::{self, BackupContent, BackupSettings, Settings};
use crate::api::{Problem, Rooms};
use crate::audit::backup::{self, Backups, Document, Extent, Parts, Plan, Wanted};
use crate::intake::Intake;
use crate::rules::backoff::backoff;
use crate::sys::Clock;
use crate::{keys, ledger, seal};

/// How often the daemon looks whether a backup is due: a clock that was set is noticed soon enough.
const LOOK: Duration = Duration::from_secs(30);

/// What a vault or a backup is read by when the software is gone (P11).
pub(super) fn format_text() -> String {
    [seal::FORMAT, keys::FORMAT, ledger::FORMAT, backup::FORMAT].join("\n\n---\n\n")
}

/// What a backup of this home is made of besides its rooms.
pub(super) struct Wiring<'a> {
    pub home: &'a Path,
    pub settings: &'a Settings,
    pub intake: &'a Intake,
    pub world: &'a Surroundings,
}

/// The room that makes backups, with the plan of the settings.
pub(super) fn furnish(wiring: &Wiring<'_>, rooms: Ground) -> Backups {
    let Wiring { home, settings, intake, world } = wiring;
    let Ground { audit, evidence, catalog, keyring } = rooms;
    let file = home.join(settings::FILE);
    let profile = settings.profile.text();
    let documents = move || {
        Ok(vec![
            Document { name: settings::FILE, bytes: std::fs::read(&file)? },
            Document { name: "profile.toml", bytes: profile.as_bytes().to_vec() },
            Document { name: "FORMAT.md", bytes: format_text().into_bytes() },
        ])
    };
    let (home, vault, intake) = (home.to_path_buf(), settings.vault.copies.clone(), (*intake).clone());
    let apart = move || {
        let inboxes = intake.inboxes();
        let folders = inboxes.iter().flat_map(|plan| [Some(plan.path.clone()), plan.receipts.clone()]);
        [home.clone()].into_iter().chain(vault.clone()).chain(folders.flatten()).collect()
    };
    let backups = Backups::new(Parts {
        audit,
        evidence,
        catalog,
        keyring,
        disk: world.disk.clone(),
        clock: world.clock.clone(),
        entropy: world.entropy.clone(),
        documents: Box::new(documents),
        apart: Box::new(apart),
        profile: settings.profile.name.clone(),
    });
    backups.plan(settings.backup.as_ref().map(plan));
    backups
}

/// The rooms that a backup draws on.
pub(super) struct Ground {
    pub audit: crate::audit::Audit,
    pub evidence: crate::evidence::Evidence,
    pub catalog: crate::catalog::Catalog,
    pub keyring: Arc<keys::Keyring>,
}

fn plan(settings: &BackupSettings) -> Plan {
    let extent = match settings.content {
        BackupContent::Books => Extent::Books,
        BackupContent::Items => Extent::Items,
    };
    Plan { wanted: Wanted { folder: settings.dir.clone(), extent }, every: settings.every }
}

/// Makes the planned backup whenever it is due. One that fails is logged, remembered for `status` and `doctor`, and
/// tried again later; it takes nothing from intake.
pub(super) async fn keep_time(
    rooms: Arc<Rooms>,
    clock: Arc<dyn Clock>,
    mut stopping: watch::Receiver<bool>,
) {
    loop {
        let rest = match due_in(&rooms.backups, &*clock) {
            Duration::ZERO => match make(&rooms).await {
                Some(rest) => rest,
                None => return,
            },
            due => due.min(LOOK),
        };
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
    }
}

/// Makes the planned backup and answers how long to rest; nothing where it can never be made again.
async fn make(rooms: &Arc<Rooms>) -> Option<Duration> {
    let backups = rooms.backups.clone();
    match tokio::task::spawn_blocking(move || backups.make_planned()).await {
        Ok(Ok(made)) => {
            if let Some(made) = made {
                let (folder, state) = (made.folder.display(), made.number);
                tracing::info!(%folder, %state, copied_bytes = made.copied_bytes, "a backup was made");
            }
            Some(Duration::ZERO)
        }
        Ok(Err(backup::Error::Stopped)) => None,
        Ok(Err(backup::Error::Busy)) => Some(LOOK),
        Ok(Err(error)) => {
            tracing::error!(error = %Problem::from(error), "a backup could not be made; it is tried again");
            Some(backoff(rooms.backups.standing().trouble.map_or(1, |trouble| trouble.attempts)))
        }
        Err(error) => {
            tracing::error!(%error, "making a backup panicked; none are made until the daemon starts again");
            None
        }
    }
}

/// How long until the next backup is due; none ever is where none is planned.
fn due_in(backups: &Backups, clock: &dyn Clock) -> Duration {
    let standing = backups.standing();
    let (Some(plan), now) = (standing.plan, clock.now()) else { return Duration::MAX };
    match standing.last {
        // A clock that was set back puts no backup off.
        Some(last) if last <= now => plan.every.saturating_sub(now.since(last)),
        _ => Duration::ZERO,
    }
}
