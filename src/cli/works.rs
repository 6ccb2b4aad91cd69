//! What commands need of the daemon room besides its socket. Tests bring their own.

use std::path::Path;

use crate::api::{BackupChecked, Code, Problem, RestoreReport};
use crate::audit::backup::Tell;
use crate::daemon::lock::HomeLock;
use crate::daemon::{self, Made, Making, Opened, RebuildFrom, Rebuilt, Restoring, Surroundings};

/// The works behind the commands.
pub trait Works {
    /// Opens the archive of a home in this process.
    fn open(&self, lock: HomeLock) -> impl Future<Output = Result<Opened, Problem>>;

    /// Makes an archive where nothing is yet.
    fn make(&self, making: Making) -> impl Future<Output = Result<Made, Problem>>;

    /// Is the daemon of a home until it is told to stop.
    fn run(&self, home: &Path) -> impl Future<Output = Result<(), Problem>>;

    /// Makes the catalog of a home anew.
    fn rebuild(&self, lock: HomeLock, from: RebuildFrom) -> impl Future<Output = Result<Rebuilt, Problem>>;

    /// Checks a backup alone.
    fn check_backup(
        &self,
        backup: (&Path, Option<u32>),
        tell: &mut Tell<'_>,
    ) -> impl Future<Output = Result<BackupChecked, Problem>>;

    /// Brings an archive back from a backup.
    fn restore(
        &self,
        restoring: Restoring,
        tell: &mut Tell<'_>,
    ) -> impl Future<Output = Result<RestoreReport, Problem>>;

    /// Argon2id between standard input and standard output.
    ///
    /// # Errors
    /// When it fails; nobody is there to read more than the exit code.
    fn stretch(&self) -> Result<(), Problem>;
}

/// The works of this program: the daemon room, in the real world.
pub struct Real;

impl Works for Real {
    async fn open(&self, lock: HomeLock) -> Result<Opened, Problem> {
        daemon::open(lock, Surroundings::real()?).await
    }

    async fn make(&self, making: Making) -> Result<Made, Problem> {
        let world = Surroundings::real()?;
        blocking(move || daemon::make(&making, &world)).await
    }

    async fn run(&self, home: &Path) -> Result<(), Problem> {
        daemon::run(home, &Surroundings::real()?).await
    }

    async fn rebuild(&self, lock: HomeLock, from: RebuildFrom) -> Result<Rebuilt, Problem> {
        let world = Surroundings::real()?;
        blocking(move || daemon::rebuild(&lock, from, &world)).await
    }

    async fn check_backup(
        &self,
        backup: (&Path, Option<u32>),
        tell: &mut Tell<'_>,
    ) -> Result<BackupChecked, Problem> {
        tokio::task::block_in_place(|| daemon::check_backup(backup, tell))
    }

    async fn restore(&self, restoring: Restoring, tell: &mut Tell<'_>) -> Result<RestoreReport, Problem> {
        let world = Surroundings::real()?;
        tokio::task::block_in_place(|| daemon::restore(&restoring, &world, tell))
    }

    fn stretch(&self) -> Result<(), Problem> {
        Ok(crate::keys::stretch_stdin_to_stdout()?)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => Err(Problem::of(Code::Internal, &error)),
    }
}
