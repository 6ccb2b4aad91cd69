//! Writes ledgers and receipts as a node does, with keys, salts and moments that never change.

use std::collections::HashMap;

use ed25519_dalek::{Signer as _, SigningKey};
use sealdock::ledger::{
    Content, Entry, Hash, Head, Receipt, SignedHead, Tree, may_erase, origin, prove_inclusion,
};
use sealdock::model::{
    Act, Actor, ArchiveId, ArchiveMade, DepositId, DockName, Epoch, EpochBegun, ItemId, ItemRead, KeyId,
    LedgerIndex, Moment, OldHead, RawName, ReadBack, Sha256, State,
};

pub(super) fn archive() -> ArchiveId {
    ArchiveId::new(moment(0), [0xa0; 10])
}

pub(super) fn item() -> ItemId {
    ItemId::new(moment(60), [0xb0; 10])
}

pub(super) fn moment(seconds: i64) -> Moment {
    Moment::from_unix(1_788_249_600 + seconds, 0)
}

/// Signs heads.
pub(super) fn head_key() -> SigningKey {
    SigningKey::from_bytes(&[0x11; 32])
}

/// Signs receipts.
pub(super) fn node_key() -> SigningKey {
    SigningKey::from_bytes(&[0x22; 32])
}

/// Nobody certified it.
pub(super) fn strange_key() -> SigningKey {
    SigningKey::from_bytes(&[0x33; 32])
}

pub(super) fn key_id(key: &SigningKey) -> KeyId {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(key.verifying_key().as_bytes());
    KeyId(digest[..8].try_into().expect("eight of 32 bytes"))
}

pub(super) fn sign_head(head: Head, key: &SigningKey) -> SignedHead {
    SignedHead::sign(head, key.verifying_key().as_bytes(), &|text| key.sign(text).to_bytes())
}

pub(super) fn made(archive: ArchiveId) -> Act {
    Act::ArchiveMade(ArchiveMade {
        archive,
        root: KeyId([0xc0; 8]),
        owner_uid: 1000,
        profile: "plain".to_owned(),
        version: "0.1.0".to_owned(),
    })
}

pub(super) fn begun(epoch: u32) -> Act {
    Act::EpochBegun(EpochBegun {
        archive: archive(),
        root: KeyId([0xc0; 8]),
        owner_uid: 1000,
        epoch: Epoch(epoch),
        because: "rebuilt_from_vault".to_owned(),
        after: None,
    })
}

/// The beginning of an epoch after a restore that names this old head.
pub(super) fn restored(epoch: u32, after: Option<OldHead>) -> Act {
    let Act::EpochBegun(begun) = begun(epoch) else { unreachable!("made above") };
    Act::EpochBegun(EpochBegun { because: EpochBegun::RESTORED.to_owned(), after, ..begun })
}

pub(super) fn read(purpose: &str) -> Act {
    Act::ItemRead(ItemRead { item: item(), from: 0, to: 4096, purpose: purpose.to_owned() })
}

/// A ledger being written.
pub(super) struct Desk {
    pub(super) epoch: Epoch,
    pub(super) tree: Tree,
    pub(super) nodes: HashMap<(u8, u64), Hash>,
    pub(super) leaves: Vec<Hash>,
    pub(super) heads: Vec<SignedHead>,
    pub(super) lines: Vec<String>,
}

impl Desk {
    /// A ledger that begins with this act, under a head.
    pub(super) fn open(first: Act, epoch: u32) -> Self {
        let mut desk = Self {
            epoch: Epoch(epoch),
            tree: Tree::new(),
            nodes: HashMap::new(),
            leaves: Vec::new(),
            heads: Vec::new(),
            lines: Vec::new(),
        };
        desk.enter(first);
        desk.sign();
        desk
    }

    /// Made, read, read, custody closed; heads after the first, the third and the fourth entry. Lines 2, 5
    /// and 7 are the heads.
    pub(super) fn usual() -> Self {
        let mut desk = Self::open(made(archive()), 1);
        desk.enter(read("案件 2026-7"));
        desk.enter(read("复核"));
        desk.sign();
        desk.enter(Act::CustodyClosed);
        desk.sign();
        desk
    }

    pub(super) fn enter(&mut self, act: Act) {
        let who = match &act {
            Act::ItemRead(_) => Actor::User { name: "owner".to_owned(), uid: 1000 },
            _ => Actor::Node,
        };
        let index = self.tree.size();
        let seconds = i64::try_from(index).expect("small") * 60;
        let salt = [u8::try_from(index).expect("small") + 1; 32];
        let content = Content { who, why: None, act };
        let entry = Entry::new(LedgerIndex(index), moment(seconds), salt, content).expect("writable");
        for node in self.tree.append(entry.leaf()) {
            self.nodes.insert((node.level, node.index), node.hash);
        }
        self.leaves.push(entry.leaf());
        self.lines.push(entry.to_line());
    }

    pub(super) fn head(&self) -> Head {
        Head::of(origin(archive(), self.epoch), &self.tree)
    }

    /// The head of everything so far, as a restore names it.
    pub(super) fn old_head(&self) -> OldHead {
        OldHead { size: self.tree.size(), root: Sha256(self.tree.root().0) }
    }

    pub(super) fn sign(&mut self) {
        let signed = sign_head(self.head(), &head_key());
        let after = self.heads.last().map_or(0, |head| head.head().size);
        self.lines.push(signed.to_line(after));
        self.heads.push(signed);
    }

    /// A receipt for entry 1 under the last head.
    pub(super) fn receipt(&self) -> Receipt {
        let head = self.heads.last().expect("signed");
        let size = head.head().size;
        Receipt {
            archive: archive(),
            arrived_at: moment(30),
            copies: 2,
            deposit: DepositId::new(moment(30), [0xd0; 10]),
            dock: "采集站-1".parse::<DockName>().expect("a dock"),
            entered_at: moment(60),
            epoch: self.epoch,
            head: head.note().to_owned(),
            item: item(),
            leaf: self.leaves[1],
            ledger_index: LedgerIndex(1),
            may_erase: may_erase(ReadBack::Disk),
            path: RawName::new("20260901/现场 0915.mp4"),
            proof: prove_inclusion(1, size, &self.nodes).expect("provable"),
            readback: ReadBack::Disk,
            reasons: Vec::new(),
            sealed_sha256: Sha256([0xe1; 32]),
            sha256: Sha256([0xe0; 32]),
            signer: key_id(&node_key()),
            size: 123_456_789,
            state: State::Sealed,
            version: 1,
        }
    }
}
