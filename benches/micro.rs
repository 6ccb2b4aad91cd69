//! The inner steps of the daemon, each alone: a segment sealed and opened, bytes fingerprinted, an item key
//! wrapped, an entry made, read again, and appended to a ledger on the disk under `TMPDIR`.
//!
//!     cargo bench --bench micro [NAME]

use std::sync::Arc;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use ed25519_dalek::{Signer as _, SigningKey};
use sealdock::catalog::{Catalog, HeadSigner, Opening};
use sealdock::ledger::{Content, Entry, Line};
use sealdock::model::{
    Act, Actor, ArchiveId, ArchiveMade, DepositFacts, DepositId, DockName, Domain, Generation, ItemId,
    ItemSealed, KeyId, Kind, LedgerIndex, Level, Moment, RawName, ReadBack, Sha256, Source, Wide,
};
use sealdock::seal::{self, ItemKey, Place, Plan, Role, SegmentSize};
use sealdock::sys::{Disk, Entropy, OsEntropy, SystemClock};
use sha2::Digest as _;

fn main() {
    divan::main();
}

const SEGMENT: usize = 256 << 10;

fn begin(key: &ItemKey) -> (seal::Header, seal::SegmentSealer) {
    let plan = Plan {
        archive: archive(),
        item: ItemId::from_bytes([1; 16]),
        role: Role::Original,
        segment: SegmentSize::DEFAULT,
        salt: [3; 32],
    };
    seal::begin(plan, key)
}

#[divan::bench]
fn seal_segment(bencher: Bencher<'_, '_>) {
    let key = ItemKey::from_bytes([2; 32]);
    bencher
        .counter(BytesCount::new(SEGMENT))
        .with_inputs(|| (begin(&key).1, sized(vec![7; SEGMENT])))
        .bench_values(|(mut sealer, mut segment)| {
            sealer.seal(&mut segment, Place::Last).expect("one whole segment");
            segment
        });
}

#[divan::bench]
fn open_segment(bencher: Bencher<'_, '_>) {
    let key = ItemKey::from_bytes([2; 32]);
    let (header, mut sealer) = begin(&key);
    let mut sealed = vec![7; SEGMENT];
    sealer.seal(&mut sealed, Place::Last).expect("one whole segment");
    let opener = seal::unlock(&header, &key).expect("its own key");
    bencher.counter(BytesCount::new(SEGMENT)).with_inputs(|| sealed.clone()).bench_values(|mut segment| {
        opener.open(0, Place::Last, &mut segment).expect("what was sealed");
        segment
    });
}

/// Room for the tag, as the pipeline leaves it.
fn sized(mut segment: Vec<u8>) -> Vec<u8> {
    segment.reserve_exact(seal::TAG);
    segment
}

#[divan::bench]
fn hash_segment(bencher: Bencher<'_, '_>) {
    let bytes = vec![7; SEGMENT];
    bencher.counter(BytesCount::new(SEGMENT)).bench(|| sha2::Sha256::digest(black_box(&bytes)));
}

#[divan::bench]
fn make_entry(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(deposit).bench_values(|content| {
        Entry::written_down(LedgerIndex(7), Moment::UNIX_EPOCH, [5; 32], content).expect("writable")
    });
}

#[divan::bench]
fn read_entry(bencher: Bencher<'_, '_>) {
    let entry = Entry::new(LedgerIndex(7), Moment::UNIX_EPOCH, [5; 32], deposit()).expect("writable");
    let line = entry.to_line();
    bencher.bench(|| Line::parse(black_box(line.as_bytes())).expect("its own line"));
}

/// One durable call with so many deeds: the ledger's `fsync`, the view's commit.
#[divan::bench(args = [1, 16, 256], sample_count = 20, sample_size = 1)]
fn append_to_ledger(bencher: Bencher<'_, '_>, deeds: usize) {
    let home = tempfile::tempdir().expect("a temporary folder");
    let catalog = Catalog::create(&opening(&home), made()).expect("a new home");
    let some = || (0..deeds).map(|_| deposit()).collect::<Vec<_>>();
    bencher
        .counter(deeds)
        .with_inputs(some)
        .bench_values(|contents| catalog.record(contents).expect("recorded"));
    catalog.close();
}

struct Signer(SigningKey);

impl HeadSigner for Signer {
    fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    fn accepted(&self) -> Vec<[u8; 32]> {
        vec![self.public()]
    }
}

fn archive() -> ArchiveId {
    ArchiveId::from_bytes([9; 16])
}

fn opening(home: &tempfile::TempDir) -> Opening {
    Opening {
        home: home.path().to_owned(),
        disk: Disk::default(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
        signer: Arc::new(Signer(SigningKey::from_bytes(&[9; 32]))),
        archive: archive(),
    }
}

fn made() -> Content {
    by_node(Act::ArchiveMade(ArchiveMade {
        archive: archive(),
        root: KeyId([9; 8]),
        owner_uid: 1000,
        profile: "plain".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }))
}

fn by_node(act: Act) -> Content {
    Content { who: Actor::Node, why: None, act }
}

/// A clip as a dock brings it, another one each time.
fn deposit() -> Content {
    let entropy: &dyn Entropy = &OsEntropy;
    let at = Moment::from_unix(1_790_000_000, 250_000);
    let inode = u64::from_be_bytes(entropy.bytes());
    let facts = DepositFacts {
        deposit: DepositId::new(at, entropy.bytes()),
        source: Source {
            dock: DockName::local(),
            path: RawName::new(format!("20260921/DSJ01_张三_{inode:016x}.mp4")),
            device: Wide(2049),
            inode: Wide(inode),
            size: 190_000,
            modified: at,
            changed: at,
        },
        arrived: at,
        kind: Kind::Video,
        clocks: Vec::new(),
        name_hints: None,
        claims: Vec::new(),
        reasons: Vec::new(),
    };
    by_node(Act::ItemSealed(ItemSealed {
        item: ItemId::new(at, entropy.bytes()),
        deposit: facts,
        size: 190_000,
        sha256: Sha256(entropy.bytes()),
        sealed_size: 191_200,
        sealed_sha256: Sha256(entropy.bytes()),
        protections: Vec::new(),
        level: Level::None,
        domains: vec![Domain::General],
        generation: Generation(1),
        keys_sha256: Sha256(entropy.bytes()),
        copies: 1,
        readback: ReadBack::Disk,
        recovered: None,
    }))
}
