//! The nouns of the archive and their state machines.
//!
//! No IO, no clock, no randomness: values come in as arguments. Knows nothing of bytes on disk
//! (`seal`, `ledger`), of decisions (`rules`) or of how things are kept (`catalog`).
//! Everything above uses these words and no others.

mod act;
mod cause;
mod class;
mod deposit;
mod digest;
mod id;
mod media;
mod moment;
mod name;
mod person;
mod reason;

pub use act::{
    Act, Actor, ArchiveMade, ClassSet, CopiesMade, DamageFound, DamageRepaired, DerivativeSealed,
    EpochBegun, ItemRead, ItemSealed, KeysDrilled, KeysMade, KnownDeposit, LoweringProposed, MediaProbed,
    OldHead, PlaceBack, PlaceLost, ReadBack, Recovered, RestoreConfirmed, SourceReleased, Witness,
};
pub use cause::chain;
pub use class::{Class, Domain, Domains, Level, Protection};
pub use deposit::{
    ClockClaim, ClockSource, ClockTrust, DepositFacts, DerivedFacts, DigestClaim, Kind, NameHints, Outcome,
    Provenance, SealedFacts, Source,
};
pub use digest::{ClaimAlgorithm, Fingerprints, NotADigest, Sha256};
pub use id::{ArchiveId, DepositId, Epoch, Generation, ItemId, KeyId, LedgerIndex, NotAnId};
pub use media::{MediaFacts, ProbeOutcome, StreamFacts, StreamKind, Truncated};
pub use moment::{Moment, NotAMoment};
pub use name::{DockName, NotADock, PlaceName, RawName, Wide};
pub use person::{
    Action, Clearance, NotAPrincipal, Principal, PrincipalName, Purpose, Relation, Role, Task,
};
pub use reason::{Reason, State};
