//! Writes the ledger of a busy archive, for measuring: entries as docks, probes and readers make them, signed
//! with the archive's own head key. `sealdock rebuild` replays them.
//!
//!     million HOME ITEMS [--files] [--inbox FOLDER DOCK]
//!
//! HOME was made by `sealdock init` and has no daemon. ITEMS originals are added, each with its media facts; one
//! in ten has a checksum beside it, one in fifty arrives a second time, one in fifty is read. With --inbox, the
//! regular files of that folder are entered as what DOCK deposited, and ITEMS may be 0. The sealed files that the
//! entries speak of are not made, or with --files are empty: what is measured is what is known, not what is stored.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use sealdock::keys::Keyring;
use sealdock::ledger::{
    Content, Contents, Entry, Head, Replay, SignedHead, Tree, Trust, origin, sheet_first, sheet_name,
};
use sealdock::model::{
    Act, Actor, ClockClaim, ClockSource, ClockTrust, DepositFacts, DepositId, DockName, Domain, Epoch,
    Generation, ItemId, ItemRead, ItemSealed, Kind, KnownDeposit, LedgerIndex, Level, MediaFacts,
    MediaProbed, Moment, NameHints, ProbeOutcome, RawName, ReadBack, Reason, Sha256, Source, StreamFacts,
    StreamKind, Truncated, Wide,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// As the catalog begins a new file (catalog/books.rs).
const FULL: u64 = 8 * 1024 * 1024;

/// Entries under one head: what a busy archive makes durable at once.
const GROUP: u64 = 300;

/// The first item arrives then, 1 January 2024; the others follow every 94 s, which makes three years of a million.
const BEGIN: i64 = 1_704_067_200;
const BETWEEN: i64 = 94;

const SURNAMES: [&str; 12] = ["王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "欧阳"];
const GIVEN: [&str; 16] = [
    "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "小明", "建国", "秀英", "志强", "桂兰",
    "晓东",
];
const PLACES: [&str; 8] =
    ["城关镇卫生院", "东门小吃店", "人民医院", "第一中学食堂", "西郊游泳馆", "美丽诊所", "宾馆", "水厂"];
const MODELS: [&str; 4] = ["DSJ-A9", "DSJ-V6", "TCL SDV07", "HIKVISION DS-MH2211"];

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: million HOME ITEMS [--files] [--inbox FOLDER DOCK]";
    let home = PathBuf::from(arguments.next().ok_or(usage)?);
    let items: u64 = arguments.next().ok_or(usage)?.parse()?;
    let mut writing = Writing::open(&home)?;
    while let Some(option) = arguments.next() {
        match option.as_str() {
            "--files" => writing.shelf = Some(home.join("vault/items")),
            "--inbox" => {
                let folder = PathBuf::from(arguments.next().ok_or(usage)?);
                let dock = arguments.next().ok_or(usage)?.parse()?;
                writing.enter_folder(&folder, &dock)?;
            }
            _ => return Err(usage.into()),
        }
    }
    for number in 0..items {
        writing.enter_item(number)?;
    }
    let entries = writing.end()?;
    writeln!(std::io::stdout(), "{entries}")?;
    Ok(())
}

/// A ledger that grows.
struct Writing {
    ledger: PathBuf,
    /// Where empty files are made for what is entered.
    shelf: Option<PathBuf>,
    keyring: Keyring,
    tree: Tree,
    epoch: Epoch,
    covered: u64,
    sheet: BufWriter<File>,
    length: u64,
    dice: Dice,
    at: Moment,
}

impl Writing {
    /// Goes on behind what is there, in a new file.
    fn open(home: &Path) -> Outcome<Self> {
        let keyring = Keyring::open(&home.join("keys"))?;
        let ledger = home.join("ledger");
        let trust =
            Trust { archive: keyring.archive(), heads: keyring.head_publics(), contents: Contents::Whole };
        let mut replay = Replay::new(&trust);
        let mut sheets: Vec<LedgerIndex> = std::fs::read_dir(&ledger)?
            .filter_map(|entry| sheet_first(entry.ok()?.file_name().to_str()?))
            .collect();
        sheets.sort_unstable();
        for first in sheets {
            let mut reader = BufReader::new(File::open(ledger.join(sheet_name(first)))?);
            replay.read_file(first, &mut reader, &mut |_| Ok::<_, sealdock::ledger::Error>(()))?;
        }
        let end = replay.finish(1)?;
        let (Some(epoch), None) = (end.epoch, end.torn) else {
            return Err("the ledger does not end with a head".into());
        };
        let next = LedgerIndex(end.tree.size());
        let sheet = BufWriter::new(File::create_new(ledger.join(sheet_name(next)))?);
        Ok(Self {
            ledger,
            shelf: None,
            keyring,
            covered: end.tree.size(),
            tree: end.tree,
            epoch,
            sheet,
            length: 0,
            dice: Dice(0x9e37_79b9_7f4a_7c15),
            at: Moment::from_unix(BEGIN, 0),
        })
    }

    fn enter(&mut self, who: Actor, act: Act) -> Outcome<()> {
        let index = LedgerIndex(self.tree.size());
        let content = Content { who, why: None, act };
        let (entry, line) = Entry::written_down(index, self.at, self.dice.bytes(), content)?;
        self.tree.append(entry.leaf());
        self.line(&line)?;
        if self.tree.size() - self.covered >= GROUP { self.sign() } else { Ok(()) }
    }

    fn sign(&mut self) -> Outcome<()> {
        let head = Head::of(origin(self.keyring.archive(), self.epoch), &self.tree);
        let public = self.keyring.head_public();
        let head = SignedHead::sign(head, &public, &|message| self.keyring.sign_head(message));
        self.line(&head.to_line(self.covered))?;
        self.covered = self.tree.size();
        if self.length < FULL {
            return Ok(());
        }
        let next = self.ledger.join(sheet_name(LedgerIndex(self.covered)));
        self.close_sheet()?;
        self.sheet = BufWriter::new(File::create_new(next)?);
        self.length = 0;
        Ok(())
    }

    fn close_sheet(&mut self) -> Outcome<()> {
        self.sheet.flush()?;
        Ok(self.sheet.get_ref().sync_all()?)
    }

    fn end(mut self) -> Outcome<u64> {
        if self.tree.size() > self.covered {
            self.sign()?;
        }
        self.close_sheet()?;
        Ok(self.tree.size())
    }

    fn line(&mut self, line: &str) -> Outcome<()> {
        self.length += u64::try_from(line.len())? + 1;
        self.sheet.write_all(line.as_bytes())?;
        Ok(self.sheet.write_all(b"\n")?)
    }

    /// One original with what comes after it.
    fn enter_item(&mut self, number: u64) -> Outcome<()> {
        self.at = Moment::from_unix(BEGIN + i64::try_from(number)? * BETWEEN, 0);
        let clip = self.dice.clip(number, self.at);
        let item = self.enter_deposit(clip.facts.clone(), clip.size)?;
        self.enter(Actor::Node, Act::MediaProbed(MediaProbed { item, facts: clip.media }))?;
        if number.is_multiple_of(10) {
            let path = [clip.facts.source.path.as_bytes(), b".md5"].concat();
            let mut facts = self.dice.again(&clip.facts, self.at);
            facts.kind = Kind::Sidecar;
            facts.name_hints = None;
            facts.source = Source { path: RawName::new(path), size: 62, ..facts.source };
            let item = self.enter_deposit(facts, 62)?;
            let facts = MediaFacts::without_streams(ProbeOutcome::NotMedia);
            self.enter(Actor::Node, Act::MediaProbed(MediaProbed { item, facts }))?;
        }
        if number % 50 == 7 {
            let deposit = self.dice.again(&clip.facts, self.at);
            let known = KnownDeposit { item, deposit, readback: ReadBack::Disk, copies: 1 };
            self.enter(Actor::Node, Act::KnownDeposit(known))?;
        }
        if number % 50 == 9 {
            let who = Actor::User { name: "owner".to_owned(), uid: 1000 };
            let purpose = format!("案件 {number} 复核");
            self.enter(who, Act::ItemRead(ItemRead { item, from: 0, to: clip.size, purpose }))?;
        }
        Ok(())
    }

    fn enter_deposit(&mut self, deposit: DepositFacts, size: u64) -> Outcome<ItemId> {
        let item = ItemId::new(self.at, self.dice.bytes());
        if let Some(shelf) = &self.shelf {
            let folder = shelf.join(item.shard());
            std::fs::create_dir_all(&folder)?;
            for ending in ["seal", "1.keys"] {
                File::create_new(folder.join(format!("{item}.{ending}")))?;
            }
        }
        let sealed = ItemSealed {
            item,
            deposit,
            size,
            sha256: Sha256(self.dice.bytes()),
            sealed_size: size + 1200,
            sealed_sha256: Sha256(self.dice.bytes()),
            protections: Vec::new(),
            level: Level::None,
            domains: vec![Domain::General],
            generation: Generation(1),
            keys_sha256: Sha256(self.dice.bytes()),
            copies: 1,
            readback: ReadBack::Disk,
            recovered: None,
        };
        self.enter(Actor::Node, Act::ItemSealed(sealed))?;
        Ok(item)
    }

    /// Files that lie in an inbox, as what a dock deposited.
    fn enter_folder(&mut self, folder: &Path, dock: &DockName) -> Outcome<()> {
        let mut waiting = vec![folder.to_owned()];
        while let Some(at) = waiting.pop() {
            for entry in std::fs::read_dir(&at)? {
                let entry = entry?;
                let (path, metadata) = (entry.path(), entry.metadata()?);
                if metadata.is_dir() {
                    waiting.push(path);
                    continue;
                }
                let moment = |seconds, nanoseconds: i64| -> Outcome<Moment> {
                    Ok(Moment::from_unix(seconds, u32::try_from(nanoseconds)?))
                };
                let source = Source {
                    dock: dock.clone(),
                    path: RawName::from(path.strip_prefix(folder)?),
                    device: Wide(metadata.dev()),
                    inode: Wide(metadata.ino()),
                    size: metadata.size(),
                    modified: moment(metadata.mtime(), metadata.mtime_nsec())?,
                    changed: moment(metadata.ctime(), metadata.ctime_nsec())?,
                };
                let facts = DepositFacts {
                    deposit: DepositId::new(self.at, self.dice.bytes()),
                    source,
                    arrived: self.at,
                    kind: Kind::Document,
                    clocks: Vec::new(),
                    name_hints: None,
                    claims: Vec::new(),
                    reasons: Vec::new(),
                };
                let item = self.enter_deposit(facts, metadata.size())?;
                let facts = MediaFacts::without_streams(ProbeOutcome::NotMedia);
                self.enter(Actor::Node, Act::MediaProbed(MediaProbed { item, facts }))?;
            }
        }
        Ok(())
    }
}

/// What a dock would bring.
struct Clip {
    facts: DepositFacts,
    media: MediaFacts,
    size: u64,
}

/// Chance that falls the same way every time (xorshift64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| u8::try_from(self.roll(256)).expect("below 256"))
    }

    fn one_of<'a>(&mut self, among: &[&'a str]) -> &'a str {
        among[usize::try_from(self.roll(among.len() as u64)).expect("an index")]
    }

    fn clip(&mut self, number: u64, at: Moment) -> Clip {
        let (kind, ending) = match self.roll(20) {
            0..14 => (Kind::Video, "mp4"),
            14..16 => (Kind::Audio, "mp3"),
            16..19 => (Kind::Image, "jpg"),
            _ => (Kind::Document, "pdf"),
        };
        let dock: DockName = format!("station-{:02}", 1 + number % 10).parse().expect("a dock's name");
        let device = format!("DSJ{:03}", self.roll(120));
        let officer = format!("{}{}", self.one_of(&SURNAMES), self.one_of(&GIVEN));
        let text = at.to_string();
        let (date, time) = (text[..10].replace('-', ""), text[11..19].replace(':', ""));
        let place = if self.roll(4) == 0 { format!("_{}", self.one_of(&PLACES)) } else { String::new() };
        let name = format!("{device}_{officer}_{date}_{time}_{number:07}{place}.{ending}");
        let size = 200_000 + self.roll(400_000_000);
        let source = Source {
            dock,
            path: RawName::new(format!("{date}/{name}")),
            device: Wide(2049),
            inode: Wide(number + 100),
            size,
            modified: at,
            changed: at,
        };
        let fields = [("device", device), ("officer", officer), ("date", date), ("time", time)];
        let fields: BTreeMap<String, String> =
            fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect();
        let facts = DepositFacts {
            deposit: DepositId::new(at, self.bytes()),
            source,
            arrived: at,
            kind,
            clocks: vec![
                clock(ClockSource::File, at, ClockTrust::Unknown),
                clock(ClockSource::Arrival, at, ClockTrust::Node),
            ],
            name_hints: Some(NameHints { pattern: "device_officer_time".to_owned(), fields }),
            claims: Vec::new(),
            reasons: if number % 100 == 3 { vec![Reason::ChecksumMismatch] } else { Vec::new() },
        };
        Clip { media: self.media(kind), facts, size }
    }

    fn media(&mut self, kind: Kind) -> MediaFacts {
        let (stream, codec) = match kind {
            Kind::Video => (StreamKind::Video, "h264"),
            Kind::Audio => (StreamKind::Audio, "mp3"),
            Kind::Image => (StreamKind::Video, "mjpeg"),
            _ => return MediaFacts::without_streams(ProbeOutcome::NotMedia),
        };
        let seconds = f64::from(u32::try_from(self.roll(3600)).expect("small"));
        let tags = BTreeMap::from([("model".to_owned(), self.one_of(&MODELS).to_owned())]);
        let stream = StreamFacts {
            kind: stream,
            codec: codec.to_owned(),
            duration_s: Some(seconds),
            width: Some(1920),
            height: Some(1080),
            frame_rate: Some(25.0),
            rotation: None,
            sample_rate: None,
            channels: None,
            tags: BTreeMap::new(),
        };
        MediaFacts {
            container: Some("mov,mp4,m4a,3gp,3g2,mj2".to_owned()),
            duration_s: Some(seconds),
            streams: vec![stream],
            truncated: Truncated::No,
            tags,
            ..MediaFacts::without_streams(ProbeOutcome::Probed)
        }
    }

    /// The same file in another arrival.
    fn again(&mut self, facts: &DepositFacts, at: Moment) -> DepositFacts {
        let mut facts = facts.clone();
        facts.deposit = DepositId::new(at, self.bytes());
        facts.source.inode = Wide(facts.source.inode.0 + 1_000_000_000);
        facts
    }
}

fn clock(from: ClockSource, at: Moment, trust: ClockTrust) -> ClockClaim {
    ClockClaim { from, says: at.to_string(), trust }
}
