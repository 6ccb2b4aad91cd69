//! Settings, rooms wired together, tasks, shutdown.
//!
//! Knows every room below it and how they are told of one another; deliberately decides nothing about
//! evidence. Promises that one process at a time holds a home, and that a stop is never half.
//! Called by `cli`.

mod archive;
mod backups;
mod doctor;
pub mod lock;
pub mod logging;
mod making;
mod opened;
mod rebuilding;
mod restoring;
mod running;
pub mod settings;
pub mod signals;
pub mod socket;
pub mod supervisor;

pub use archive::{Archive, Surroundings};
pub use making::make;
pub use opened::{Made, Making, NewPassphrase, Opened, RebuildFrom, Rebuilt};
pub use rebuilding::rebuild;
pub use restoring::{OpenedBy, Restoring, check_backup, restore};
pub use running::run;

use crate::api::{Code, Owner, Problem, house, router};

/// Opens the archive of a home in this process, for one command.
///
/// # Errors
/// What stands in the way.
pub async fn open(lock: lock::HomeLock, world: Surroundings) -> Result<Opened, Problem> {
    let opened = tokio::task::spawn_blocking(move || {
        let archive = Archive::open(&lock, &world)?;
        let owner = archive.rooms.catalog.owner_uid()?;
        Ok::<_, Problem>((archive, owner, lock))
    });
    let (archive, owner, lock) =
        opened.await.map_err(|error| Problem::of(Code::Internal, &error)).flatten()?;
    let owner = Owner(owner.unwrap_or(rustix::process::geteuid().as_raw()));
    let router = house(router(archive.rooms.clone()), owner);
    // Dropped in this order: the archive is closed before the home is free.
    Ok(Opened { router, kept: Box::new((archive, lock)) })
}

/// A lock's error as a problem.
#[must_use]
pub fn of_lock(error: &lock::Error) -> Problem {
    let code = match error {
        lock::Error::NoArchive { .. } => Code::NoArchive,
        lock::Error::AlreadyRunning { .. } => Code::AlreadyRunning,
        lock::Error::Busy { .. } => Code::Busy,
        lock::Error::Lock { .. } => Code::DiskError,
    };
    Problem::of(code, error)
}

/// What keeps a file of the home from being written.
fn of_disk(path: &std::path::Path, error: &std::io::Error) -> Problem {
    use std::io::ErrorKind as K;
    let code = match error.kind() {
        K::AlreadyExists => Code::AlreadyThere,
        K::StorageFull | K::QuotaExceeded => Code::NoSpace,
        _ => Code::DiskError,
    };
    Problem::new(code, format!("cannot write {}: {error}", path.display()))
}
