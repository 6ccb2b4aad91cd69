//! What an error means for the file it befell: never the end of it.

use super::desk::Ending;
use crate::evidence;
use crate::model::{Reason, State};

/// What went wrong with an attempt, in the words of [`Reason`].
pub(super) fn reason_of(error: &evidence::Error) -> Reason {
    use evidence::Error as E;
    match error {
        E::Source(_) => Reason::ReadError,
        // More bytes than its size said when it was opened.
        E::TooLarge { .. } => Reason::Changed,
        E::Stopped => Reason::Stopped,
        E::ReadBack(_) | E::Damaged(_) | E::Seal(_) => Reason::ReadbackFailed,
        E::Vault(_) if error.is_full() => Reason::NoSpace,
        E::Vault(_) | E::Keys(_) | E::SealOnly | E::Sink(_) => Reason::WriteError,
    }
}

/// Whether the disk under the vault was at fault, and may be mended.
pub(super) fn is_of_the_disk(error: &evidence::Error) -> bool {
    matches!(error, evidence::Error::Vault(_) | evidence::Error::ReadBack(_))
}

/// How a file that was in hand goes on.
pub(super) fn ending(state: State, reasons: &[Reason]) -> Ending {
    let reason = reasons.first().copied();
    match (state, reason) {
        (State::Sealed | State::Known | State::Quarantined, _) => Ending::Rests(state),
        (State::Ignored | State::Refused, Some(reason)) => Ending::LeftAlone(state, reason),
        (State::Ignored | State::Refused, None) => Ending::Rests(state),
        (State::Waiting, Some(Reason::Stopped)) => Ending::Stopped,
        (State::Waiting, Some(Reason::Changed)) => Ending::Changed,
        (State::Waiting, Some(Reason::WriteError) | None) => Ending::Held(Reason::WriteError),
        (State::Waiting, Some(reason)) => Ending::Again(reason),
    }
}

/// Whether a reason speaks of the archive and not of the file: then all intake pauses.
pub(super) fn pauses(reason: Reason) -> bool {
    matches!(reason, Reason::NoSpace | Reason::WriteError | Reason::ReadbackFailed)
}
