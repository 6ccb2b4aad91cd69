//! What the tests of this room share: leaves, keys, and contents of many kinds.

use std::collections::{BTreeMap, HashMap};

use ed25519_dalek::{Signer as _, SigningKey};
use proptest::prelude::*;

use super::{Content, Contents, Entry, Hash, Head, SignedHead, Tree, Trust, origin};
use crate::model::{
    Act, Actor, ArchiveMade, Epoch, ItemRead, KeyId, LedgerIndex, MediaFacts, MediaProbed, Moment,
    ProbeOutcome, RawName, Reason, StreamFacts, StreamKind, Truncated,
};

pub(super) const ARCHIVE: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
const ITEM: &str = "01890a5d-ac96-7b0c-9d2e-0123456789ab";

/// The leaves of the test vectors that come with Certificate Transparency.
pub(super) fn ct_leaves() -> Vec<Hash> {
    let data: [&[u8]; 8] = [b"", b"\x00", b"\x10", b" !", b"01", b"@ABC", b"PQRSTUVW", b"`abcdefghijklmno"];
    data.into_iter().map(Hash::of_leaf).collect()
}

/// A tree over these leaves, and every hash that became complete.
pub(super) fn grown(leaves: &[Hash]) -> (Tree, HashMap<(u8, u64), Hash>) {
    let mut tree = Tree::new();
    let mut nodes = HashMap::new();
    for leaf in leaves {
        nodes.extend(tree.append(*leaf).into_iter().map(|node| ((node.level, node.index), node.hash)));
    }
    (tree, nodes)
}

/// The root by the letter of RFC 6962, section 2.1.
pub(super) fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::of_nothing(),
        [leaf] => *leaf,
        _ => {
            let mut half = 1;
            while half * 2 < leaves.len() {
                half *= 2;
            }
            Hash::of_children(&naive_root(&leaves[..half]), &naive_root(&leaves[half..]))
        }
    }
}

pub(super) fn head_key() -> SigningKey {
    SigningKey::from_bytes(&[0x11; 32])
}

pub(super) fn node_key() -> SigningKey {
    SigningKey::from_bytes(&[0x22; 32])
}

pub(super) fn public_of(key: &SigningKey) -> [u8; 32] {
    key.verifying_key().to_bytes()
}

pub(super) fn signs(key: &SigningKey) -> impl Fn(&[u8]) -> [u8; 64] {
    |bytes| key.sign(bytes).to_bytes()
}

pub(super) fn at(seconds: i64) -> Moment {
    Moment::from_unix(1_790_000_000 + seconds, 250_000)
}

pub(super) fn by_node(act: Act) -> Content {
    Content { who: Actor::Node, why: None, act }
}

pub(super) fn archive_made() -> Content {
    by_node(Act::ArchiveMade(ArchiveMade {
        archive: ARCHIVE.parse().expect("an id"),
        root: KeyId([9; 8]),
        owner_uid: 1000,
        profile: "plain".to_owned(),
        version: "0.1.0".to_owned(),
    }))
}

pub(super) fn item_read(purpose: &str) -> Content {
    let item = ITEM.parse().expect("an id");
    Content {
        who: Actor::User { name: "owner".to_owned(), uid: 1000 },
        why: Some(purpose.to_owned()),
        act: Act::ItemRead(ItemRead { item, from: 0, to: 1_048_576, purpose: purpose.to_owned() }),
    }
}

pub(super) fn probed(seconds: f64, tags: BTreeMap<String, String>) -> Content {
    let stream = StreamFacts {
        kind: StreamKind::Video,
        codec: "h264".to_owned(),
        duration_s: Some(seconds),
        width: Some(1920),
        height: Some(1080),
        frame_rate: Some(seconds / 3.0),
        rotation: None,
        sample_rate: None,
        channels: None,
        tags: tags.clone(),
    };
    let facts = MediaFacts {
        duration_s: Some(seconds),
        streams: vec![stream],
        truncated: Truncated::No,
        tags,
        ..MediaFacts::without_streams(ProbeOutcome::Probed)
    };
    by_node(Act::MediaProbed(MediaProbed { item: ITEM.parse().expect("an id"), facts }))
}

fn noticed(reason: Reason) -> Content {
    by_node(Act::Noticed { item: ITEM.parse().expect("an id"), reason })
}

fn claimed(name: Vec<u8>) -> Content {
    let claim = crate::model::DigestClaim {
        algorithm: crate::model::ClaimAlgorithm::Md5,
        value: "d41d8cd98f00b204e9800998ecf8427e".to_owned(),
        from: RawName::new(name),
        outcome: crate::model::Outcome::Mismatch,
    };
    by_node(Act::ClaimChecked { item: ITEM.parse().expect("an id"), claim })
}

/// Contents with any text, any bytes in names, any finite number.
pub(super) fn contents() -> impl Strategy<Value = Content> {
    let number = any::<f64>().prop_filter("JSON has finite numbers only", |number| number.is_finite());
    let tags = proptest::collection::btree_map(any::<String>(), any::<String>(), 0..4);
    prop_oneof![
        any::<String>().prop_map(|purpose| item_read(&purpose)),
        (number, tags).prop_map(|(seconds, tags)| probed(seconds, tags)),
        proptest::collection::vec(any::<u8>(), 0..60).prop_map(claimed),
        proptest::sample::select(Reason::ALL).prop_map(noticed),
        Just(by_node(Act::CustodyOpened)),
    ]
}

/// A ledger as it is written: entries, then a head over them, again and again.
#[derive(Debug)]
pub(super) struct Writing {
    pub(super) tree: Tree,
    pub(super) nodes: HashMap<(u8, u64), Hash>,
    pub(super) bytes: Vec<u8>,
    pub(super) epoch: Epoch,
    pub(super) covered: u64,
}

impl Writing {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        let (tree, nodes) = grown(&[]);
        Self { tree, nodes, bytes: Vec::new(), epoch: Epoch(1), covered: 0 }
    }

    /// A ledger that begins with the making of the archive, and a head.
    pub(super) fn begun() -> Self {
        let mut writing = Self::new();
        writing.enter(archive_made());
        writing.sign();
        writing
    }

    pub(super) fn enter(&mut self, content: Content) -> Hash {
        let index = self.tree.size();
        let salt = [u8::try_from(index % 251).expect("small"); 32];
        let seconds = i64::try_from(index).expect("small");
        let entry = Entry::new(LedgerIndex(index), at(seconds), salt, content).expect("writable");
        self.nodes.extend(self.tree.append(entry.leaf()).into_iter().map(|n| ((n.level, n.index), n.hash)));
        self.line(&entry.to_line());
        entry.leaf()
    }

    pub(super) fn sign(&mut self) -> SignedHead {
        let origin = origin(ARCHIVE.parse().expect("an id"), self.epoch);
        let signed =
            SignedHead::sign(Head::of(origin, &self.tree), &public_of(&head_key()), &signs(&head_key()));
        self.line(&signed.to_line(self.covered));
        self.covered = self.tree.size();
        signed
    }

    fn line(&mut self, line: &str) {
        self.bytes.extend_from_slice(line.as_bytes());
        self.bytes.push(b'\n');
    }
}

pub(super) fn trust() -> Trust {
    Trust {
        archive: ARCHIVE.parse().expect("an id"),
        heads: vec![public_of(&head_key())],
        contents: Contents::Whole,
    }
}
