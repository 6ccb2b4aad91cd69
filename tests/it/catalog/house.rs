//! An archive's home for one test, a signer, and things to record.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use ed25519_dalek::{Signer as _, SigningKey};
use sealdock::catalog::{Catalog, Error, Filter, FoundRow, HeadSigner, Opening, Sight};
use sealdock::ledger::Content;
use sealdock::model::{
    Act, Actor, ArchiveId, ArchiveMade, ClockClaim, ClockSource, ClockTrust, DepositFacts, DepositId,
    DerivativeSealed, DerivedFacts, Domain, Generation, ItemId, ItemSealed, KeyId, Kind, KnownDeposit,
    Level, MediaFacts, MediaProbed, Moment, ProbeOutcome, RawName, ReadBack, Sha256, Source, Wide,
};
use sealdock::sys::{Disk, OsEntropy, SteeredClock};

pub(super) struct Signer(pub(super) SigningKey);

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

pub(super) struct House {
    home: tempfile::TempDir,
    pub(super) clock: Arc<SteeredClock>,
    signer: Arc<Signer>,
}

pub(super) fn noon() -> Moment {
    Moment::from_unix(1_700_000_000, 0)
}

pub(super) fn archive() -> ArchiveId {
    ArchiveId::new(noon(), [7; 10])
}

impl House {
    pub(super) fn new() -> Self {
        Self {
            home: tempfile::tempdir().expect("a temporary folder"),
            clock: Arc::new(SteeredClock::at(noon())),
            signer: Arc::new(Signer(SigningKey::from_bytes(&[9; 32]))),
        }
    }

    /// A house with a catalog in it that has its first entry.
    pub(super) fn furnished() -> (Self, Catalog) {
        let house = Self::new();
        let catalog = Catalog::create(&house.opening(), made()).expect("created");
        (house, catalog)
    }

    pub(super) fn opening(&self) -> Opening {
        self.opening_on(Disk::default())
    }

    pub(super) fn opening_on(&self, disk: Disk) -> Opening {
        Opening {
            home: self.home.path().to_owned(),
            disk,
            clock: Arc::clone(&self.clock) as _,
            entropy: Arc::new(OsEntropy),
            signer: Arc::clone(&self.signer) as _,
            archive: archive(),
        }
    }

    pub(super) fn open(&self) -> Result<Catalog, Error> {
        Catalog::open(&self.opening())
    }

    pub(super) fn path(&self, beneath: &str) -> PathBuf {
        self.home.path().join(beneath)
    }

    pub(super) fn database(&self) -> PathBuf {
        self.path("catalog/catalog.db")
    }

    /// The ledger files, in order.
    pub(super) fn ledger_files(&self) -> Vec<PathBuf> {
        let folder = std::fs::read_dir(self.path("ledger")).expect("listed");
        let mut files: Vec<PathBuf> = folder.map(|entry| entry.expect("listed").path()).collect();
        files.sort();
        files
    }

    pub(super) fn newest_file(&self) -> PathBuf {
        self.ledger_files().pop().expect("a ledger file")
    }

    /// Every row of the view, table by table.
    pub(super) fn dump(&self) -> BTreeMap<String, Vec<String>> {
        let db = rusqlite::Connection::open(self.database()).expect("opens");
        let mut tables = db
            .prepare(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'words%'
                 AND name NOT IN ('scans', 'scrubs', 'marks')",
            )
            .expect("asked");
        let names: Vec<String> =
            tables.query_map([], |row| row.get(0)).and_then(Iterator::collect).expect("answered");
        names.into_iter().map(|name| (name.clone(), rows(&db, &name))).collect()
    }
}

fn rows(db: &rusqlite::Connection, table: &str) -> Vec<String> {
    let mut ask = db.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2")).expect("asked");
    let columns = ask.column_count();
    ask.query_map([], |row| {
        let values: rusqlite::Result<Vec<_>> =
            (0..columns).map(|column| row.get::<_, rusqlite::types::Value>(column)).collect();
        Ok(format!("{:?}", values?))
    })
    .and_then(Iterator::collect)
    .expect("answered")
}

pub(super) fn content(act: Act) -> Content {
    Content { who: Actor::Node, why: None, act }
}

pub(super) fn made() -> Content {
    content(Act::ArchiveMade(ArchiveMade {
        archive: archive(),
        root: KeyId([1; 8]),
        owner_uid: 1000,
        profile: "plain".to_owned(),
        version: "0.1.0".to_owned(),
    }))
}

/// The nth id of a test.
pub(super) fn item_id(n: u16) -> ItemId {
    ItemId::new(noon(), id_bytes(n))
}

pub(super) fn deposit_id(n: u16) -> DepositId {
    DepositId::new(noon(), id_bytes(n))
}

fn id_bytes(n: u16) -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    bytes
}

pub(super) fn print(n: u16) -> Sha256 {
    let mut bytes = [0xab; 32];
    bytes[..2].copy_from_slice(&n.to_be_bytes());
    Sha256(bytes)
}

pub(super) fn source(n: u16, path: &[u8]) -> Source {
    Source {
        dock: "dock-1".parse().expect("a name"),
        path: RawName::new(path),
        device: Wide(5),
        inode: Wide(u64::MAX - u64::from(n)),
        size: 1000 + u64::from(n),
        modified: Moment::from_unix(1_699_999_000, 123_456_789),
        changed: Moment::from_unix(1_699_999_001, 5),
    }
}

pub(super) fn facts(n: u16, path: &[u8], kind: Kind) -> DepositFacts {
    DepositFacts {
        deposit: deposit_id(n),
        source: source(n, path),
        arrived: noon().plus(std::time::Duration::from_secs(u64::from(n))),
        kind,
        clocks: vec![ClockClaim {
            from: ClockSource::Name,
            says: "2019-09-12T09:15:00".to_owned(),
            trust: ClockTrust::Unknown,
        }],
        name_hints: None,
        claims: Vec::new(),
        reasons: Vec::new(),
    }
}

pub(super) fn item(n: u16, deposit: DepositFacts) -> ItemSealed {
    ItemSealed {
        item: item_id(n),
        size: deposit.source.size,
        deposit,
        sha256: print(n),
        sealed_size: 2000 + u64::from(n),
        sealed_sha256: print(n ^ 0x8000),
        protections: Vec::new(),
        level: Level::None,
        domains: vec![Domain::General],
        generation: Generation(1),
        keys_sha256: print(n ^ 0x4000),
        copies: 1,
        readback: ReadBack::Disk,
        recovered: None,
    }
}

pub(super) fn sealed(n: u16, path: &str, kind: Kind) -> Content {
    content(Act::ItemSealed(item(n, facts(n, path.as_bytes(), kind))))
}

pub(super) fn known(n: u16, of: u16, path: &str) -> Content {
    content(Act::KnownDeposit(KnownDeposit {
        item: item_id(of),
        deposit: facts(n, path.as_bytes(), Kind::Video),
        readback: ReadBack::Disk,
        copies: 1,
    }))
}

pub(super) fn probed(n: u16) -> Content {
    let mut facts = MediaFacts::without_streams(ProbeOutcome::Probed);
    facts.container = Some("matroska,webm".to_owned());
    facts.duration_s = Some(12.5);
    facts.created = Some("2019-09-12T01:15:00Z".to_owned());
    facts.tags.insert("model".to_owned(), "DSJ-执法仪".to_owned());
    content(Act::MediaProbed(MediaProbed { item: item_id(n), facts }))
}

pub(super) fn poster(n: u16, of: u16) -> Content {
    content(Act::DerivativeSealed(DerivativeSealed {
        item: item_id(n),
        derived: DerivedFacts {
            parent: item_id(of),
            parent_sha256: print(of),
            role: "poster".to_owned(),
            tool: "sealdock-probe".to_owned(),
            reason: "to be looked at".to_owned(),
            media_type: "image/jpeg".to_owned(),
            made: noon(),
        },
        size: 10,
        sha256: print(n),
        sealed_size: 20,
        sealed_sha256: print(n ^ 0x8000),
        domains: vec![Domain::General],
        generation: Generation(1),
        keys_sha256: print(n ^ 0x4000),
        recovered: None,
    }))
}

/// The ids that a filter lets through, in order.
pub(super) fn found(catalog: &Catalog, filter: &Filter) -> Vec<ItemId> {
    listed(catalog, filter).into_iter().map(|row| row.item).collect()
}

pub(super) fn listed(catalog: &Catalog, filter: &Filter) -> Vec<FoundRow> {
    let mut rows = Vec::new();
    catalog
        .find((filter, &Sight::WHOLE), &mut |row| {
            rows.push(row);
            ControlFlow::Continue(())
        })
        .expect("found");
    rows
}

pub(super) fn text(words: &str) -> Filter {
    Filter { text: Some(words.to_owned()), ..Filter::default() }
}
