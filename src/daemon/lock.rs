//! The home's lock: one process at a time.
//!
//! It is a kernel lock (`flock(2)`) on `run/lock` and dies with its holder, however that ends. What the
//! file says is only for messages.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::socket;

/// How long a command waits for a daemon that is starting, and `run` for a command.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Time between two looks; short against what a person notices, long against what a look costs.
const PAUSE: Duration = Duration::from_millis(50);

/// Looks at which a daemon must answer, one after the other, before it is taken for one. A child that a killed
/// daemon was just starting holds its lock and its socket until it has become another program.
const LOOKS: u32 = 5;

/// The folder in the home that holds lock and socket.
const FOLDER: &str = "run";

/// Who wants the home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `run`.
    Daemon,
    /// Anything else.
    Command,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Self::Daemon => "daemon",
            Self::Command => "command",
        }
    }
}

/// The home, held. Dropped, it is free.
#[derive(Debug)]
pub struct HomeLock {
    home: PathBuf,
    // Held for its lock alone.
    _file: File,
}

/// The way in that a command found.
#[derive(Debug)]
pub enum Way {
    /// A daemon is up, here.
    Daemon(tokio::net::UnixStream),
    /// None is; the home is ours.
    Own(HomeLock),
}

/// Why a home cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing to lock.
    #[error("{path} is not the home of an archive: it holds no {file}", path = home.display(), file = super::settings::FILE)]
    NoArchive {
        /// What was named.
        home: PathBuf,
    },
    /// A live daemon is a second daemon.
    #[error("a daemon serves {path} already ({holder})", path = home.display())]
    AlreadyRunning {
        /// The home.
        home: PathBuf,
        /// What the lock's file says.
        holder: String,
    },
    /// Somebody kept the lock for longer than [`PATIENCE`].
    #[error("{path} is in use ({holder}), and was for {waited} s", path = home.display(), waited = PATIENCE.as_secs())]
    Busy {
        /// The home.
        home: PathBuf,
        /// What the lock's file says.
        holder: String,
    },
    /// The lock itself.
    #[error("cannot use the lock {path}", path = path.display())]
    Lock {
        /// Its file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl HomeLock {
    /// Takes the home for a daemon; waits up to [`PATIENCE`] for a command to end.
    ///
    /// # Errors
    /// [`Error::AlreadyRunning`] soon, where a live daemon answers.
    pub async fn for_daemon(home: &Path) -> Result<Self, Error> {
        let started = tokio::time::Instant::now();
        let mut answers = 0;
        loop {
            if let Some(lock) = try_lock(home, Role::Daemon)? {
                return Ok(lock);
            }
            if socket::connect(home).await.is_ok() {
                answers += 1;
                if answers == LOOKS {
                    return Err(Error::AlreadyRunning { home: home.to_owned(), holder: holder(home) });
                }
            }
            wait(home, started).await?;
        }
    }

    /// Takes a home on which no daemon may be up, as `rebuild` does; waits as above.
    ///
    /// # Errors
    /// As [`HomeLock::for_daemon`].
    pub async fn alone(home: &Path) -> Result<Self, Error> {
        let started = tokio::time::Instant::now();
        loop {
            match find_way(home).await? {
                Some(Way::Own(lock)) => return Ok(lock),
                Some(Way::Daemon(_)) => {
                    return Err(Error::AlreadyRunning { home: home.to_owned(), holder: holder(home) });
                }
                None => wait(home, started).await?,
            }
        }
    }

    /// Takes a home that is still being made: it has no settings yet, and nobody else knows of it.
    ///
    /// # Errors
    /// [`Error::Busy`] where another command is making it.
    pub fn of_unfinished(home: &Path) -> Result<Self, Error> {
        let busy = || Error::Busy { home: home.to_owned(), holder: holder(home) };
        lock_now(home, Role::Command)?.ok_or_else(busy)
    }

    /// The home that is held.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }
}

/// Finds a command's way in: the daemon where one answers, else the home itself. Waits up to [`PATIENCE`]
/// for a daemon that is starting or stopping, or for another command.
///
/// # Errors
/// [`Error::Busy`] after that, [`Error::NoArchive`] where there is nothing.
pub async fn way_in(home: &Path) -> Result<Way, Error> {
    let started = tokio::time::Instant::now();
    loop {
        if let Some(way) = find_way(home).await? {
            return Ok(way);
        }
        wait(home, started).await?;
    }
}

/// Whether an archive lives in this folder.
#[must_use]
pub fn is_home(folder: &Path) -> bool {
    folder.join(super::settings::FILE).is_file()
}

async fn find_way(home: &Path) -> Result<Option<Way>, Error> {
    if let Ok(stream) = socket::connect(home).await {
        return Ok(Some(Way::Daemon(stream)));
    }
    Ok(try_lock(home, Role::Command)?.map(Way::Own))
}

async fn wait(home: &Path, started: tokio::time::Instant) -> Result<(), Error> {
    if started.elapsed() >= PATIENCE {
        return Err(Error::Busy { home: home.to_owned(), holder: holder(home) });
    }
    tokio::time::sleep(PAUSE).await;
    Ok(())
}

fn try_lock(home: &Path, role: Role) -> Result<Option<HomeLock>, Error> {
    if !is_home(home) {
        return Err(Error::NoArchive { home: home.to_owned() });
    }
    lock_now(home, role)
}

fn lock_now(home: &Path, role: Role) -> Result<Option<HomeLock>, Error> {
    let path = lock_path(home);
    let failed = |source| Error::Lock { path: path.clone(), source };
    make_folder(&home.join(FOLDER)).map_err(failed)?;
    let mut file = open(&path).map_err(failed)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
        Err(error) => return Err(failed(error.into())),
    }
    // Only for messages: a disk that is full or read-only takes nothing from the lock.
    let _ = file.set_len(0).and_then(|()| writeln!(file, "{} {}", role.word(), std::process::id()));
    Ok(Some(HomeLock { home: home.to_owned(), _file: file }))
}

fn lock_path(home: &Path) -> PathBuf {
    home.join(FOLDER).join("lock")
}

/// Makes the folder, for its owner alone.
fn make_folder(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(_) if folder.is_dir() => return Ok(()), // a read-only disk
        outcome => outcome?,
    }
    let metadata = std::fs::symlink_metadata(folder)?;
    if !metadata.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    if metadata.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
}

/// Opens the lock's file; on a read-only disk an open for reading is lock enough.
fn open(path: &Path) -> io::Result<File> {
    let opened =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    match opened {
        Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => File::open(path),
        outcome => outcome,
    }
}

/// What the lock's file says of its holder.
fn holder(home: &Path) -> String {
    let mut text = String::new();
    // Bounded: the file is ours, but the home may have been in other hands.
    let read = File::open(lock_path(home)).and_then(|file| file.take(64).read_to_string(&mut text));
    match read {
        Ok(_) if !text.trim().is_empty() => format!("{}", text.trim().escape_default()),
        _ => "holder unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> tempfile::TempDir {
        let home = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(home.path().join("sealdock.toml"), "").expect("written");
        home
    }

    #[tokio::test]
    async fn a_folder_without_settings_is_no_archive() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let error = way_in(home.path()).await.expect_err("nothing there");
        assert!(matches!(error, Error::NoArchive { .. }), "{error}");
        assert!(!home.path().join("run").exists(), "nothing may be made there");
    }

    #[tokio::test]
    async fn one_holder_at_a_time_and_free_when_dropped() {
        let home = home();
        let Way::Own(lock) = way_in(home.path()).await.expect("free") else { panic!("no daemon is up") };
        assert!(try_lock(home.path(), Role::Daemon).expect("looked").is_none());
        assert_eq!(holder(home.path()), format!("command {}", std::process::id()));
        drop(lock);
        assert!(try_lock(home.path(), Role::Daemon).expect("looked").is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_waits_its_patience_and_no_longer() {
        let home = home();
        let _held = try_lock(home.path(), Role::Command).expect("looked").expect("free");
        let started = tokio::time::Instant::now();
        let error = way_in(home.path()).await.expect_err("held");
        assert!(matches!(error, Error::Busy { .. }), "{error}");
        assert!(started.elapsed() >= PATIENCE && started.elapsed() < 2 * PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_daemon_waits_for_a_command_to_end() {
        let home = home();
        let held = try_lock(home.path(), Role::Command).expect("looked").expect("free");
        let freed = async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            drop(held);
        };
        let (taken, ()) = tokio::join!(HomeLock::for_daemon(home.path()), freed);
        assert_eq!(taken.expect("taken").home(), home.path());
    }

    #[tokio::test]
    async fn what_a_killed_daemon_was_just_starting_is_no_second_daemon() {
        let home = home();
        let lock = HomeLock::for_daemon(home.path()).await.expect("free");
        let listener = socket::listen(&lock).expect("bound");
        let gone = async {
            tokio::time::sleep(PAUSE * (LOOKS - 3)).await;
            drop((listener, lock));
        };
        let (taken, ()) = tokio::join!(HomeLock::for_daemon(home.path()), gone);
        assert_eq!(taken.expect("taken").home(), home.path());
    }

    #[tokio::test]
    async fn a_live_daemon_is_a_second_daemon() {
        let home = home();
        let lock = HomeLock::for_daemon(home.path()).await.expect("free");
        let _listener = socket::listen(&lock).expect("bound");
        let error = HomeLock::for_daemon(home.path()).await.expect_err("a daemon is up");
        assert!(matches!(error, Error::AlreadyRunning { .. }), "{error}");
        let error = HomeLock::alone(home.path()).await.expect_err("a daemon is up");
        assert!(matches!(error, Error::AlreadyRunning { .. }), "{error}");
        assert!(matches!(way_in(home.path()).await, Ok(Way::Daemon(_))));
    }

    #[tokio::test]
    async fn the_folder_is_the_owners_alone() {
        let home = home();
        let folder = home.path().join("run");
        std::fs::create_dir(&folder).expect("made");
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).expect("set");
        let _lock = HomeLock::for_daemon(home.path()).await.expect("free");
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join("lock"))), (0o700, 0o600));
    }
}
