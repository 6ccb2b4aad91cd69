//! Acts: what an entry of the ledger says was done. The only things that change the catalog.

use serde::{Deserialize, Serialize};

use super::{
    ArchiveId, Class, DepositFacts, DepositId, DerivedFacts, DigestClaim, Domain, Epoch, Generation,
    ItemId, KeyId, LedgerIndex, Level, MediaFacts, Moment, PlaceName, Principal, Protection, Reason,
    Sha256,
};

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Actor {
    /// The archive itself, acting on its settings.
    Node,
    /// A local user.
    User {
        /// The principal, for instance `owner`.
        name: String,
        /// The local user id.
        uid: u32,
    },
}

/// How a sealed file was read back before its receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadBack {
    /// From the disk, past the page cache.
    Disk,
    /// From a file system that lives in memory and has no disk behind it.
    Memory,
    /// Not at all: nothing may be erased on this receipt.
    Off,
}

/// What is written once about a new item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemSealed {
    /// The item.
    pub item: ItemId,
    /// Its first deposit.
    pub deposit: DepositFacts,
    /// Plaintext length in bytes.
    pub size: u64,
    /// What a court compares.
    pub sha256: Sha256,
    /// Sealed length in bytes.
    pub sealed_size: u64,
    /// What storage staff compare.
    pub sealed_sha256: Sha256,
    /// Protections it arrived with.
    pub protections: Vec<Protection>,
    /// The secrecy level it arrived with, where it has one.
    #[serde(default, skip_serializing_if = "Level::is_none")]
    pub level: Level,
    /// Key domains, in layer order.
    pub domains: Vec<Domain>,
    /// Generation of the key file.
    pub generation: Generation,
    /// SHA-256 of the key file.
    pub keys_sha256: Sha256,
    /// How many places hold it.
    pub copies: u32,
    /// How it was read back.
    pub readback: ReadBack,
    /// Set where the item was catalogued from its own facts and not by its attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovered: Option<Recovered>,
}

/// Why an item was catalogued from its facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovered {
    /// It lay complete in the vault when a crash stopped its attempt.
    Crash,
    /// The ledger was gone.
    Vault,
}

/// The same bytes from the same dock again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownDeposit {
    /// The item that has these bytes.
    pub item: ItemId,
    /// This arrival.
    pub deposit: DepositFacts,
    /// How the item's sealed file was read again before the receipt.
    pub readback: ReadBack,
    /// How many places hold it.
    pub copies: u32,
}

/// Media facts that arrived after the receipt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MediaProbed {
    /// Whose.
    pub item: ItemId,
    /// What was found.
    pub facts: MediaFacts,
}

/// A derivative was sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DerivativeSealed {
    /// The derivative's own id.
    pub item: ItemId,
    /// Where it came from.
    pub derived: DerivedFacts,
    /// Plaintext length in bytes.
    pub size: u64,
    /// Plaintext fingerprint.
    pub sha256: Sha256,
    /// Sealed length in bytes.
    pub sealed_size: u64,
    /// Fingerprint of the sealed file.
    pub sealed_sha256: Sha256,
    /// Key domains, in layer order.
    pub domains: Vec<Domain>,
    /// Generation of the key file.
    pub generation: Generation,
    /// SHA-256 of the key file.
    pub keys_sha256: Sha256,
    /// Set where it was catalogued from its own facts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovered: Option<Recovered>,
}

/// The first entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveMade {
    /// The archive.
    pub archive: ArchiveId,
    /// The root key that certifies all others.
    pub root: KeyId,
    /// The local user who becomes `owner`.
    pub owner_uid: u32,
    /// The profile it was made with.
    pub profile: String,
    /// Version of the software.
    pub version: String,
}

/// A new epoch of the ledger began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochBegun {
    /// The archive.
    pub archive: ArchiveId,
    /// Its root key.
    pub root: KeyId,
    /// Who is `owner`.
    pub owner_uid: u32,
    /// The new epoch.
    pub epoch: Epoch,
    /// Why: `rebuilt_from_vault` or [`EpochBegun::RESTORED`].
    pub because: String,
    /// The head that the ledger goes on from, exactly where it was restored from a backup: what came after it
    /// is lost with the old home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<OldHead>,
}

impl EpochBegun {
    /// The word in `because` for an archive that came back from a backup.
    pub const RESTORED: &'static str = "restored";
}

/// The last head of the epoch before, as an entry names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OldHead {
    /// Entries under it.
    pub size: u64,
    /// The root of their tree.
    pub root: Sha256,
}

/// A restored archive may serve again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoreConfirmed {
    /// The epoch that the restore began.
    pub epoch: Epoch,
    /// On whose word.
    pub by: Witness,
}

/// Who besides the one who acted vouches for an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Witness {
    /// Another local user.
    AnotherUser,
    /// Those who hold the escrow shares.
    Shares,
}

/// Someone read an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemRead {
    /// What.
    pub item: ItemId,
    /// First byte.
    pub from: u64,
    /// Byte after the last.
    pub to: u64,
    /// What for.
    pub purpose: String,
}

/// Damage was found. Written once for one thing, code and place, until it is repaired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DamageFound {
    /// Whose file.
    pub item: ItemId,
    /// What is wrong, as a stable code.
    pub code: String,
    /// In which place of the vault; absent where it is in all of them, or concerns none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<PlaceName>,
}

/// A damaged copy was replaced by a good one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DamageRepaired {
    /// Whose file.
    pub item: ItemId,
    /// What had been wrong, as [`DamageFound`] said.
    pub code: String,
    /// Where.
    pub place: PlaceName,
    /// The place that the good copy came from.
    pub from: PlaceName,
}

/// A place of the vault got copies of items that had been sealed without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopiesMade {
    /// The place that has them now.
    pub place: PlaceName,
    /// How many places there were: no item has more copies.
    pub of: u32,
    /// Items and derivatives; at most [`CopiesMade::MOST`].
    pub items: Vec<ItemId>,
}

impl CopiesMade {
    /// Items that one entry names: about 10 kB of text.
    pub const MOST: usize = 256;
}

/// A place of the vault takes nothing more for now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceLost {
    /// Which.
    pub place: PlaceName,
    /// Why, as a stable code: `missing`, `full`, `read_only`, `failing`.
    pub because: String,
}

/// A place of the vault takes sealed files again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceBack {
    /// Which.
    pub place: PlaceName,
}

/// Shares were proved to open a real item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysDrilled {
    /// The item that was opened.
    pub item: ItemId,
    /// How many shares were given.
    pub shares: u8,
}

/// A source left its inbox, one step at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub struct SourceReleased {
    /// Whose source.
    pub deposit: DepositId,
    /// `set_aside`, `removed` or `kept`.
    pub step: String,
    /// When it may be removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remove_after: Option<Moment>,
}

/// An item has another class now. Its key file and those of its derivatives are new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassSet {
    /// Which original.
    pub item: ItemId,
    /// The class it had.
    pub from: Class,
    /// The class it has.
    pub to: Class,
    /// The new key files: of the item, then of each derivative.
    pub keys: Vec<KeysMade>,
    /// The entry in which another person had proposed it; exactly where something was lowered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed: Option<LedgerIndex>,
}

/// A new generation of a key file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysMade {
    /// Whose.
    pub item: ItemId,
    /// Key domains, in layer order.
    pub domains: Vec<Domain>,
    /// Which generation.
    pub generation: Generation,
    /// SHA-256 of the key file.
    pub keys_sha256: Sha256,
}

/// Somebody proposes to lower the class of an item; another person has to agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoweringProposed {
    /// Which original.
    pub item: ItemId,
    /// The class it has.
    pub from: Class,
    /// The class it should have.
    pub to: Class,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub enum Act {
    /// The archive was made.
    ArchiveMade(ArchiveMade),
    /// A new epoch began.
    EpochBegun(EpochBegun),
    /// New bytes became an item.
    ItemSealed(ItemSealed),
    /// Known bytes arrived again.
    KnownDeposit(KnownDeposit),
    /// Facts about media.
    MediaProbed(MediaProbed),
    /// A derivative was sealed.
    DerivativeSealed(DerivativeSealed),
    /// A checksum that came after its file was compared.
    ClaimChecked {
        /// Whose bytes.
        item: ItemId,
        /// The claim with its outcome.
        claim: DigestClaim,
    },
    /// Bytes left the archive for a reader.
    ItemRead(ItemRead),
    /// A known principal was refused.
    Refused {
        /// What was asked for, for instance `read`.
        action: String,
        /// On which item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<ItemId>,
        /// Why, as a stable code.
        because: String,
    },
    /// Custodian keys became usable.
    CustodyOpened,
    /// Custodian keys were put away.
    CustodyClosed,
    /// Damage was found.
    DamageFound(DamageFound),
    /// Damage was repaired.
    DamageRepaired(DamageRepaired),
    /// Missing copies were made.
    CopiesMade(CopiesMade),
    /// A place of the vault fell out.
    PlaceLost(PlaceLost),
    /// It is there again.
    PlaceBack(PlaceBack),
    /// Shares were tried.
    KeysDrilled(KeysDrilled),
    /// A source left its inbox.
    SourceReleased(SourceReleased),
    /// Something a person should know about one item, found after it was sealed.
    Noticed {
        /// The item.
        item: ItemId,
        /// What.
        reason: Reason,
    },
    /// A restored archive was opened again.
    RestoreConfirmed(RestoreConfirmed),
    /// A principal was made or changed; this is what it is now.
    PrincipalSet(Principal),
    /// The class of an item was changed.
    ClassSet(ClassSet),
    /// A lower class was proposed.
    LoweringProposed(LoweringProposed),
    /// A proposal was turned down or withdrawn.
    LoweringDeclined {
        /// The entry in which it was made.
        proposed: LedgerIndex,
    },
}

impl Act {
    /// The word in the entry's `kind`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ArchiveMade(_) => "archive_made",
            Self::EpochBegun(_) => "epoch_begun",
            Self::ItemSealed(_) => "item_sealed",
            Self::KnownDeposit(_) => "known_deposit",
            Self::MediaProbed(_) => "media_probed",
            Self::DerivativeSealed(_) => "derivative_sealed",
            Self::ClaimChecked { .. } => "claim_checked",
            Self::ItemRead(_) => "item_read",
            Self::Refused { .. } => "refused",
            Self::CustodyOpened => "custody_opened",
            Self::CustodyClosed => "custody_closed",
            Self::DamageFound(_) => "damage_found",
            Self::DamageRepaired(_) => "damage_repaired",
            Self::CopiesMade(_) => "copies_made",
            Self::PlaceLost(_) => "place_lost",
            Self::PlaceBack(_) => "place_back",
            Self::KeysDrilled(_) => "keys_drilled",
            Self::SourceReleased(_) => "source_released",
            Self::Noticed { .. } => "noticed",
            Self::RestoreConfirmed(_) => "restore_confirmed",
            Self::PrincipalSet(_) => "principal_set",
            Self::ClassSet(_) => "class_set",
            Self::LoweringProposed(_) => "lowering_proposed",
            Self::LoweringDeclined { .. } => "lowering_declined",
        }
    }
}
