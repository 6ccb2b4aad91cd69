//! What an error of a room is to whoever asked. Nothing else maps errors to answers.

use super::{Code, Problem};
use crate::evidence::Damage;
use crate::{audit, catalog, evidence, intake, keys, ledger, reading, secrecy, vault};

impl From<catalog::Error> for Problem {
    fn from(error: catalog::Error) -> Self {
        use catalog::Error as E;
        let code = match error.plain() {
            _ if error.is_integrity() => Code::DamagedLedger,
            E::FromTheFuture { .. } => Code::FromTheFuture,
            E::ForeignFileSystem { .. } => Code::WrongFileSystem,
            E::NoLedger { .. } => Code::DamagedLedger,
            E::AlreadyThere { .. } => Code::AlreadyThere,
            E::Unknown { .. } => Code::NotFound,
            E::Stopped { .. } => Code::Stopped,
            E::Io { source, .. } => of_io(source),
            E::Database { .. } | E::Unapplied(_) => Code::DiskError,
            _ => Code::Internal,
        };
        Self::of(code, &error)
    }
}

fn of_io(error: &std::io::Error) -> Code {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Code::NoSpace,
        _ => Code::DiskError,
    }
}

impl From<vault::Error> for Problem {
    fn from(error: vault::Error) -> Self {
        let code = match &error {
            _ if error.is_full() => Code::NoSpace,
            vault::Error::Missing { .. } => Code::DamagedItem,
            vault::Error::NotAPlace { .. }
            | vault::Error::FellOut { because: vault::Fault::Missing, .. } => Code::PlaceMissing,
            vault::Error::Disk { .. } | vault::Error::FellOut { .. } => Code::DiskError,
        };
        Self::of(code, &error)
    }
}

impl From<keys::Error> for Problem {
    fn from(error: keys::Error) -> Self {
        use keys::Error as E;
        let code = match &error {
            E::WrongPassphrase | E::BadPassphrase { .. } => Code::WrongPassphrase,
            E::SealOnly => Code::SealOnly,
            E::MissingShares { .. } => Code::MissingShares,
            E::BadShare { .. } | E::SharesDisagree => Code::BadShare,
            E::WrongArchive { .. } => Code::BadShare,
            E::Exists { .. } | E::Unfinished { .. } => Code::AlreadyThere,
            E::Missing { .. } => Code::DamagedKeys,
            E::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Code::DamagedKeys,
            E::Io { source, .. } => of_io(source),
            _ if error.is_integrity() => Code::DamagedKeys,
            _ => Code::Internal,
        };
        Self::of(code, &error)
    }
}

impl Problem {
    fn code_of(error: &evidence::Error) -> Code {
        use evidence::Error as E;
        match (error.damage(), error) {
            (Some(Damage::KeysMissing | Damage::KeysAltered), _) => Code::DamagedKeys,
            (Some(_), _) => Code::DamagedItem,
            (None, E::SealOnly) => Code::SealOnly,
            (None, E::Stopped) => Code::Stopped,
            (None, _) if error.is_full() => Code::NoSpace,
            (None, E::Source(_) | E::Vault(_) | E::Sink(_)) => Code::DiskError,
            (None, _) => Code::Internal,
        }
    }
}

impl From<evidence::Error> for Problem {
    fn from(error: evidence::Error) -> Self {
        Self::of(Self::code_of(&error), &error)
    }
}

impl From<secrecy::Error> for Problem {
    fn from(error: secrecy::Error) -> Self {
        use secrecy::Error as E;
        match error {
            E::Unknown(_) => Self::of(Code::NotFound, &error),
            E::Derivative { .. } | E::Reason => Self::of(Code::BadRequest, &error),
            E::Same(_) => Self::of(Code::NoChange, &error),
            E::NothingProposed(_) => Self::of(Code::NothingProposed, &error),
            E::NeedsAnother => Self::of(Code::OwnAct, &error),
            E::SealOnly => Self::of(Code::SealOnly, &error),
            E::Evidence { ref source, .. } => {
                let code = Self::code_of(source);
                Self::of(code, &error)
            }
            E::Catalog(error) => error.into(),
        }
    }
}

impl From<reading::Error> for Problem {
    fn from(error: reading::Error) -> Self {
        use reading::Error as E;
        match error {
            E::Unknown(_) => Self::of(Code::NotFound, &error),
            E::Purpose => Self::of(Code::BadRequest, &error),
            E::Range { .. } => Self::of(Code::OutsideRange, &error),
            E::SealOnly => Self::of(Code::SealOnly, &error),
            E::Unconfirmed => Self::of(Code::RestoreUnconfirmed, &error),
            E::Catalog(error) => error.into(),
            E::Evidence { item, source } => {
                let Self { code, detail, .. } = source.into();
                Self::new(code, format!("item {item}: {detail}"))
            }
        }
    }
}

impl From<audit::Error> for Problem {
    fn from(error: audit::Error) -> Self {
        match error {
            audit::Error::Unknown(_) => Self::of(Code::NotFound, &error),
            audit::Error::Catalog(error) => error.into(),
            audit::Error::Evidence(error) => error.into(),
        }
    }
}

impl From<audit::backup::Error> for Problem {
    fn from(error: audit::backup::Error) -> Self {
        use audit::backup::Error as E;
        let code = match &error {
            E::Keys(_) | E::OwnKeys(_) | E::Catalog(_) | E::Vault(_) | E::Audit(_) => {
                return of_lower(error);
            }
            _ if error.is_integrity() => Code::DamagedBackup,
            E::Disk { source, .. } => of_io(source),
            E::NotABackup { .. } => Code::NotABackup,
            E::NotEmpty { .. } => Code::AlreadyThere,
            E::OtherArchive { .. } | E::OtherHistory { .. } => Code::OtherBackup,
            E::FromTheFuture { .. } => Code::NewerBackup,
            E::Overlap { .. } => Code::Overlap,
            E::Busy => Code::Busy,
            E::Stopped => Code::Stopped,
            E::Inbox(_) => Code::DiskError,
            E::Ledger(_) | E::Damaged { .. } => Code::Internal,
        };
        Self::of(code, &error)
    }
}

/// What a room below said, with its own code. Keys that are damaged in a backup are the backup's damage.
fn of_lower(error: audit::backup::Error) -> Problem {
    use audit::backup::Error as E;
    if matches!(error, E::Keys(_)) && error.is_integrity() && !is_of_share(&error) {
        return Problem::of(Code::DamagedBackup, &error);
    }
    match error {
        E::Keys(error) | E::OwnKeys(error) => error.into(),
        E::Catalog(error) => error.into(),
        E::Vault(error) => error.into(),
        E::Audit(error) => error.into(),
        other => Problem::of(Code::Internal, &other),
    }
}

/// A share of another archive is no damage of the backup.
fn is_of_share(error: &audit::backup::Error) -> bool {
    matches!(error, audit::backup::Error::Keys(keys::Error::WrongArchive { .. }))
}

impl From<intake::Error> for Problem {
    fn from(error: intake::Error) -> Self {
        match error {
            intake::Error::Catalog(error) => error.into(),
            intake::Error::Evidence(error) => error.into(),
            intake::Error::Inbox(_) => Self::of(Code::DiskError, &error),
            intake::Error::NoDeposit(_) | intake::Error::Receipt(_) => Self::of(Code::Internal, &error),
        }
    }
}

impl Problem {
    /// A receipt that is not one of this archive, or not what was signed.
    pub(in crate::api) fn of_receipt(error: &ledger::Error) -> Self {
        Self::of(Code::DamagedReceipt, error)
    }
}
