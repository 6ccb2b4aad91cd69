//! Receipts: the signed answer to a deposit, on which a dock may erase.

use serde::{Deserialize, Serialize};

use crate::model::{
    ArchiveId, DepositId, DockName, Epoch, ItemId, KeyId, LedgerIndex, Moment, RawName, ReadBack, Reason,
    Sha256, State,
};

use super::{Error, Hash, SignedHead, VERSION, canonical, origin, verify_inclusion};

/// The answer to one deposit. The field order is that of the canonical text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The archive that answers.
    pub archive: ArchiveId,
    /// When this node had read the last byte.
    pub arrived_at: Moment,
    /// How many places hold the sealed file.
    pub copies: u32,
    /// The arrival that is answered.
    pub deposit: DepositId,
    /// From which dock.
    pub dock: DockName,
    /// When the entry was made.
    pub entered_at: Moment,
    /// The ledger's epoch.
    pub epoch: Epoch,
    /// The first signed head over the entry: the whole note.
    pub head: String,
    /// The item that holds the bytes.
    pub item: ItemId,
    /// The entry's hash in the tree.
    pub leaf: Hash,
    /// The entry's place in the ledger.
    pub ledger_index: LedgerIndex,
    /// Whether the dock may erase its file; always [`may_erase`] of `readback`.
    pub may_erase: bool,
    /// Where the bytes lay, relative to the inbox.
    pub path: RawName,
    /// From the leaf to the head's root, from the bottom up.
    pub proof: Vec<Hash>,
    /// How the sealed file was read back.
    pub readback: ReadBack,
    /// What a person should know; empty for most.
    pub reasons: Vec<Reason>,
    /// Fingerprint of the sealed file.
    pub sealed_sha256: Sha256,
    /// Fingerprint of the bytes as they were deposited.
    pub sha256: Sha256,
    /// The node key that signs this receipt.
    pub signer: KeyId,
    /// Length of the bytes as they were deposited.
    pub size: u64,
    /// `sealed`, `known` or `quarantined`.
    pub state: State,
    /// The version of this format, 1.
    pub version: u32,
}

/// Whether a dock may erase on a receipt with this read-back: only where the bytes were read from a disk
/// again. What lies in memory is gone with the power.
#[must_use]
pub fn may_erase(readback: ReadBack) -> bool {
    readback == ReadBack::Disk // P2
}

/// Whether a certified node key of this id made this signature over these bytes.
pub type NodeVerify<'a> = dyn Fn(KeyId, &[u8], &[u8; 64]) -> bool + 'a;

/// Whom a check of receipts believes.
#[derive(Clone, Copy)]
pub struct Judge<'a> {
    /// The node keys of the archive.
    pub node: &'a NodeVerify<'a>,
    /// The public head keys of the archive, retired ones included.
    pub heads: &'a [[u8; 32]],
}

impl Receipt {
    /// The longest receipt a reader takes: a path of 4 KiB, a proof of 64 hashes and a note with witnesses
    /// fit many times.
    pub const MAX_BYTES: usize = 256 * 1024;

    /// The bytes of the receipt's file, which its detached signature covers.
    ///
    /// # Errors
    /// [`Error::Contradiction`], [`Error::Unwritable`], [`Error::TooLong`]: a receipt that nobody would
    /// accept is not written.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let bytes = canonical::write(self)?.into_bytes();
        if Self::parse(&bytes)? == *self { Ok(bytes) } else { Err(Error::Unwritable) }
    }

    /// Reads the bytes of a receipt's file; only the one canonical text is taken.
    ///
    /// # Errors
    /// [`Error::TooLong`], [`Error::UnknownVersion`], [`Error::NotJson`], [`Error::NotCanonical`],
    /// [`Error::Contradiction`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(Error::TooLong { bytes: bytes.len(), limit: Self::MAX_BYTES });
        }
        let receipt: Self = canonical::read(bytes, |value| value.get("version")?.as_u64())?;
        receipt.agrees_with_itself()?;
        Ok(receipt)
    }

    fn agrees_with_itself(&self) -> Result<(), Error> {
        if self.version != VERSION {
            return Err(Error::UnknownVersion(self.version.into()));
        }
        if !matches!(self.state, State::Sealed | State::Known | State::Quarantined) {
            return Err(Error::Contradiction("its state is none that earns a receipt"));
        }
        if self.may_erase != may_erase(self.readback) {
            return Err(Error::Contradiction("`may_erase` does not follow from `readback`"));
        }
        if self.copies == 0 {
            return Err(Error::Contradiction("no place holds the item"));
        }
        Ok(())
    }

    /// Checks everything a receipt claims of its own: the node's signature over its bytes, the head's
    /// signature, and that the entry is under that head.
    ///
    /// # Errors
    /// [`Error::BadReceiptSignature`], [`Error::WrongOrigin`], [`Error::BadHeadSignature`], the errors of
    /// [`verify_inclusion`] and [`Receipt::to_bytes`].
    pub fn check(&self, signature: &[u8; 64], judge: Judge<'_>) -> Result<(), Error> {
        if !(judge.node)(self.signer, &self.to_bytes()?, signature) {
            return Err(Error::BadReceiptSignature(self.signer));
        }
        let head = SignedHead::parse(&self.head)?;
        let (wanted, found) = (origin(self.archive, self.epoch), &head.head().origin);
        if *found != wanted {
            return Err(Error::WrongOrigin { wanted, found: found.clone() });
        }
        head.verify(judge.heads)?;
        verify_inclusion(self.leaf, self.ledger_index.0, &self.proof, head.head().tree())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ledger::prove_inclusion;
    use crate::ledger::samples::{ARCHIVE, Writing, at, head_key, item_read, node_key, public_of, signs};
    use ed25519_dalek::{Signature, VerifyingKey};

    const SIGNER: KeyId = KeyId([3; 8]);

    fn receipt() -> Receipt {
        let mut writing = Writing::begun();
        let leaf = writing.enter(item_read("stands for a deposit"));
        writing.enter(item_read("another"));
        let head = writing.sign();
        Receipt {
            archive: ARCHIVE.parse().expect("an id"),
            arrived_at: at(0),
            copies: 1,
            deposit: DepositId::new(at(0), [1; 10]),
            dock: DockName::local(),
            entered_at: at(1),
            epoch: Epoch(1),
            head: head.note().to_owned(),
            item: ItemId::new(at(0), [2; 10]),
            leaf,
            ledger_index: LedgerIndex(1),
            may_erase: true,
            path: RawName::new(b"\xc4\xe3/clip.mp4".to_vec()),
            proof: prove_inclusion(1, 3, &writing.nodes).expect("provable"),
            readback: ReadBack::Disk,
            reasons: vec![Reason::ChecksumMismatch],
            sealed_sha256: Sha256([4; 32]),
            sha256: Sha256([5; 32]),
            signer: SIGNER,
            size: 7,
            state: State::Quarantined,
            version: VERSION,
        }
    }

    /// Signs and checks, with the right keys.
    fn check(receipt: &Receipt) -> Result<(), Error> {
        check_signed(receipt, &signs(&node_key())(&receipt.to_bytes()?))
    }

    fn check_signed(receipt: &Receipt, signature: &[u8; 64]) -> Result<(), Error> {
        let node = |signer: KeyId, bytes: &[u8], signature: &[u8; 64]| {
            let key = VerifyingKey::from_bytes(&public_of(&node_key())).expect("a key");
            signer == SIGNER && key.verify_strict(bytes, &Signature::from_bytes(signature)).is_ok()
        };
        receipt.check(signature, Judge { node: &node, heads: &[public_of(&head_key())] })
    }

    #[test]
    fn a_receipt_reads_back_and_checks() {
        let receipt = receipt();
        let bytes = receipt.to_bytes().expect("writable");
        assert_eq!(Receipt::parse(&bytes).expect("readable"), receipt);
        check(&receipt).expect("in order");
    }

    #[test]
    fn every_false_claim_has_its_own_error() {
        let wrong = |change: fn(&mut Receipt)| {
            let mut receipt = receipt();
            change(&mut receipt);
            check(&receipt).expect_err("wrong").code()
        };
        assert_eq!(wrong(|r| r.signer = KeyId([4; 8])), "bad_receipt_signature");
        assert_eq!(wrong(|r| r.epoch = Epoch(2)), "wrong_origin");
        assert_eq!(wrong(|r| r.archive = ArchiveId::new(at(9), [9; 10])), "wrong_origin");
        assert_eq!(wrong(|r| r.head = r.head.replacen('3', "4", 1)), "wrong_origin");
        assert_eq!(wrong(|r| r.head = r.head.replacen("\n3\n", "\n4\n", 1)), "bad_head_signature");
        assert_eq!(wrong(|r| r.head.clear()), "not_a_note");
        assert_eq!(wrong(|r| r.leaf = Hash([0; 32])), "wrong_proof");
        assert_eq!(wrong(|r| r.ledger_index = LedgerIndex(0)), "wrong_proof");
        assert_eq!(wrong(|r| r.ledger_index = LedgerIndex(3)), "out_of_tree");
        assert_eq!(wrong(|r| r.proof.clear()), "wrong_proof_length");
        assert_eq!(wrong(|r| r.may_erase = false), "contradiction");
        assert_eq!(wrong(|r| r.readback = ReadBack::Off), "contradiction");
        assert_eq!(wrong(|r| r.copies = 0), "contradiction");
        assert_eq!(wrong(|r| r.state = State::Waiting), "contradiction");
        assert_eq!(wrong(|r| r.version = 2), "unknown_version");
        assert_eq!(wrong(|r| r.size = (1 << 53) + 1), "unwritable");
    }

    #[test]
    fn only_bytes_read_from_a_disk_may_be_erased() {
        assert!(may_erase(ReadBack::Disk));
        assert!(!may_erase(ReadBack::Memory));
        assert!(!may_erase(ReadBack::Off));
    }

    #[test]
    fn a_giant_is_not_parsed() {
        let error = Receipt::parse(&vec![b' '; Receipt::MAX_BYTES + 1]).expect_err("too long");
        assert_eq!(error.code(), "too_long");
    }

    proptest! {
        #[test]
        fn any_changed_cut_or_added_byte_is_found(
            at in any::<usize>(), bit in 0..8_u32, added in any::<u8>(),
        ) {
            let bytes = receipt().to_bytes().expect("writable");
            let signature = signs(&node_key())(&bytes);
            let place = at % bytes.len();
            let mut flipped = bytes.clone();
            flipped[place] ^= 1 << bit;
            let mut missing = bytes.clone();
            missing.remove(place);
            let mut more = bytes.clone();
            more.insert(place, added);
            let ended = [&bytes[..], b"\n"].concat();
            for other in [flipped, missing, more, ended].iter().filter(|other| **other != bytes) {
                let outcome = Receipt::parse(other).and_then(|other| check_signed(&other, &signature));
                prop_assert!(outcome.is_err());
            }
            let mut forged = signature;
            forged[at % 64] ^= 1 << bit;
            prop_assert!(check_signed(&receipt(), &forged).is_err());
        }
    }
}
