//! What can go wrong with an inbox, and with one file in it.

use std::io;
use std::path::PathBuf;

use rustix::io::Errno;

use crate::model::{DockName, RawName, Reason};

/// What can go wrong with an inbox as a whole.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such folder or file: a mount that is gone, or a slip of the pen.
    #[error("{} is not there; mount it or mend its path", path.display())]
    Missing {
        /// As given.
        path: PathBuf,
    },
    /// An inbox must be a folder.
    #[error("{} is not a folder; name a folder as inbox", path.display())]
    NotAFolder {
        /// As given.
        path: PathBuf,
    },
    /// The folder is there and cannot be opened.
    #[error("opening {}", path.display())]
    Open {
        /// As given.
        path: PathBuf,
        /// The system's reason.
        #[source]
        cause: io::Error,
    },
    /// This kernel cannot open files beneath a folder safely.
    #[error("opening files beneath {} needs openat2 (Linux 5.6) and /proc", path.display())]
    Unsupported {
        /// As given.
        path: PathBuf,
        /// The system's reason.
        #[source]
        cause: io::Error,
    },
    /// Two places that must be apart are not.
    #[error("{one} and {other} overlap; give them folders apart from each other")]
    Overlap {
        /// The one, in words.
        one: String,
        /// The other.
        other: String,
    },
    /// Two inboxes of one dock: their sources could not be told apart.
    #[error("dock {dock} has two inboxes; give each its own dock name")]
    SameDock {
        /// The dock.
        dock: DockName,
    },
    /// A receipt could not be put on its shelf.
    #[error("writing {}", path.display())]
    Shelf {
        /// Where.
        path: PathBuf,
        /// The system's reason.
        #[source]
        cause: io::Error,
    },
    /// Something else has the name of a receipt. It is left as it is.
    #[error("{} exists and is not our receipt; move it away", path.display())]
    Occupied {
        /// Where.
        path: PathBuf,
    },
    /// A source could not be moved aside, back or away.
    #[error("moving {path} in its inbox")]
    Release {
        /// Relative to the inbox.
        path: RawName,
        /// The system's reason.
        #[source]
        cause: io::Error,
    },
    /// A source is not what was sealed, so it stays where it is.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Events cannot be had.
    #[error("watching inboxes for events")]
    Watch {
        /// The reason.
        #[source]
        cause: Box<notify::Error>,
    },
    /// No inbox has this number.
    #[error("there is no inbox number {inbox}")]
    NoSuchInbox {
        /// The number.
        inbox: usize,
    },
    /// The thread that watches has ended.
    #[error("the watcher of inboxes has stopped")]
    WatcherStopped,
}

/// Whether the same thing may work later by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It may.
    Later,
    /// Somebody has to change something first.
    Never,
}

impl Error {
    /// Whether trying again makes sense.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::Missing { .. }
            | Self::Open { .. }
            | Self::Release { .. }
            | Self::Watch { .. }
            | Self::WatcherStopped => Retry::Later,
            Self::NotAFolder { .. }
            | Self::Unsupported { .. }
            | Self::Overlap { .. }
            | Self::SameDock { .. }
            | Self::NoSuchInbox { .. }
            | Self::Occupied { .. } => Retry::Never,
            Self::Shelf { cause, .. } => retry_of_shelf(cause),
            Self::Refused(refusal) => refusal.retry(),
        }
    }
}

/// A full or failing disk is mended, and a dock looks for its receipt in one place. What forbids to write, or is
/// no folder of this inbox, stays so until a person changes it.
fn retry_of_shelf(cause: &io::Error) -> Retry {
    use io::ErrorKind as Kind;
    match cause.kind() {
        Kind::PermissionDenied
        | Kind::ReadOnlyFilesystem
        | Kind::Unsupported
        | Kind::NotADirectory
        | Kind::CrossesDevices => Retry::Never,
        _ if cause.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => Retry::Never,
        _ => Retry::Later,
    }
}

/// One file that was not taken, and why. Its neighbours are none the worse for it.
#[derive(Debug, thiserror::Error)]
#[error("{path} was not taken: {reason}")]
pub struct Refusal {
    /// Relative to the inbox.
    pub path: RawName,
    /// Why, as a stable code.
    pub reason: Reason,
    /// What the system said, where it said something.
    #[source]
    pub cause: Option<io::Error>,
}

impl Refusal {
    pub(super) fn new(path: &RawName, reason: Reason) -> Self {
        Self { path: path.clone(), reason, cause: None }
    }

    pub(super) fn of_errno(path: &RawName, errno: Errno) -> Self {
        Self { path: path.clone(), reason: reason_of(errno), cause: Some(errno.into()) }
    }

    pub(super) fn of_io(path: &RawName, cause: io::Error) -> Self {
        let reason =
            cause.raw_os_error().map_or(Reason::ReadError, |raw| reason_of(Errno::from_raw_os_error(raw)));
        Self { path: path.clone(), reason, cause: Some(cause) }
    }

    /// Whether the file may be taken later as it is.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self.reason {
            Reason::Symlink
            | Reason::NotRegular
            | Reason::OtherMount
            | Reason::NameTooLong
            | Reason::TooLarge
            | Reason::HardLink => Retry::Never,
            _ => Retry::Later,
        }
    }
}

/// What the answer of `openat2(2)` means for a file of an inbox.
pub(super) fn reason_of(errno: Errno) -> Reason {
    match errno {
        Errno::NOENT | Errno::NOTDIR | Errno::STALE => Reason::Vanished,
        Errno::LOOP => Reason::Symlink,
        Errno::XDEV => Reason::OtherMount,
        Errno::NAMETOOLONG => Reason::NameTooLong,
        Errno::NXIO | Errno::NODEV | Errno::ISDIR => Reason::NotRegular,
        Errno::ACCESS | Errno::PERM => Reason::Unreadable,
        // Held by another process, raced by a rename, or this process is short of descriptors.
        Errno::BUSY
        | Errno::TXTBSY
        | Errno::AGAIN
        | Errno::MFILE
        | Errno::NFILE
        | Errno::NOMEM
        | Errno::INTR => Reason::Busy,
        _ => Reason::ReadError,
    }
}
