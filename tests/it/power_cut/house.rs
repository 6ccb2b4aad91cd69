//! An archive in this process on a disk whose steps can fail, and what must hold after any of them did.

use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use sealdock::catalog::{Filter, ItemRow, Sight};
use sealdock::daemon::lock::HomeLock;
use sealdock::daemon::{Archive, Making, NewPassphrase, RebuildFrom, Surroundings, make, rebuild};
use sealdock::evidence::{CopyState, Depth, Record};
use sealdock::intake::{HandDeposit, Named, Outcome};
use sealdock::keys::StretchHere;
use sealdock::model::{DepositId, DockName, RawName, Recovered, State};
use sealdock::sys::{Disk, OsEntropy, Step, Steps, SystemClock};

use super::mounts::Mount;

/// Which steps fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// One step, once: a fault of the disk.
    Once,
    /// It and all after it: what a power cut looks like from inside.
    FromThenOn,
}

/// Counts steps and fails the Nth.
pub(super) struct Cut {
    seen: AtomicUsize,
    at: AtomicUsize,
    manner: Manner,
    what: Mutex<String>,
}

impl Cut {
    /// No step fails yet.
    pub(super) fn new(manner: Manner) -> Arc<Self> {
        Arc::new(Self { seen: 0.into(), at: usize::MAX.into(), manner, what: Mutex::default() })
    }

    /// From now on, counts anew.
    pub(super) fn at(&self, step: usize) {
        self.seen.store(0, Ordering::SeqCst);
        self.at.store(step, Ordering::SeqCst);
    }

    pub(super) fn is_reached(&self) -> bool {
        self.seen.load(Ordering::SeqCst) > self.at.load(Ordering::SeqCst)
    }

    /// The step that failed first, for messages.
    pub(super) fn what(&self) -> String {
        self.what.lock().expect("nobody panics").clone()
    }
}

impl Steps for Cut {
    fn before(&self, step: Step<'_>) -> io::Result<()> {
        let seen = self.seen.fetch_add(1, Ordering::SeqCst);
        let at = self.at.load(Ordering::SeqCst);
        if seen == at {
            *self.what.lock().expect("nobody panics") = format!("{step:?}");
        }
        let fails = match self.manner {
            Manner::Once => seen == at,
            Manner::FromThenOn => seen >= at,
        };
        if fails { Err(io::Error::other("cut")) } else { Ok(()) }
    }
}

/// A folder where forcing bytes to the disk costs nothing, as far as there is one: here a step fails before it
/// is taken, so what the disk does with it is of no interest.
pub(super) fn in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a temporary folder")
}

/// The world of this process on a disk.
pub(super) fn world(disk: Disk) -> Surroundings {
    Surroundings {
        disk,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
        stretch: Arc::new(StretchHere),
        probe: PathBuf::from(env!("CARGO_BIN_EXE_sealdock-probe")),
    }
}

pub(super) fn watched(cut: &Arc<Cut>) -> Surroundings {
    world(Disk::watched(Arc::clone(cut) as _))
}

pub(super) fn making(folder: &Path) -> Making {
    Making {
        home: folder.join("home"),
        profile: "plain".to_owned(),
        passphrase: NewPassphrase::Chosen("a passphrase that nobody needs".to_owned().into()),
        shares: folder.join("shares"),
    }
}

pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// An archive, three sources beside it, and an inbox.
pub(super) struct House {
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

/// Fixtures that are deposited: a clip that gets a poster, a document, and a checksum of the clip.
const CLIP: &str = "moov-front.mp4";
const SOURCES: [&str; 3] = ["moov-front.mp4", "moov-front.mp4.md5", "minutes.pdf"];

impl House {
    pub(super) fn new() -> Self {
        let folder = in_memory();
        template().write(folder.path());
        Self { folder, runtime: runtime() }
    }

    /// A copy of a house as it stands.
    pub(super) fn like(other: &Self) -> Self {
        let folder = in_memory();
        Tree::read(other.folder.path()).write(folder.path());
        Self { folder, runtime: runtime() }
    }

    /// Moves the home to an ext4 of so many MiB; `None` where none can be mounted.
    pub(super) fn move_to_disk(&self, mebibytes: u64) -> Option<Mount> {
        let home = self.home();
        let before = self.folder.path().join("before");
        std::fs::rename(&home, &before).expect("renamed");
        let disk = Mount::ext4(&home, mebibytes)?;
        Tree::read(&before).write(&home);
        disk.sync();
        Some(disk)
    }

    /// Nothing is in the vault, in the catalog or on the shelf.
    pub(super) fn holds_nothing(&self) {
        let mut left = Vec::new();
        for folder in ["vault/items", "vault/derived", "vault/tmp", "receipts"] {
            walk_into(&self.home().join(folder), &mut left);
        }
        assert!(left.is_empty(), "{left:?}");
        assert!(self.dump().is_empty());
    }

    pub(super) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The inbox, which is also what is deposited by hand.
    pub(super) fn inbox(&self) -> PathBuf {
        self.folder.path().join("dock")
    }

    /// The archive, opened in a world.
    pub(super) fn open<T>(&self, world: &Surroundings, then: impl AsyncFnOnce(&Archive) -> T) -> Option<T> {
        self.runtime.block_on(async {
            let lock = HomeLock::alone(&self.home()).await.expect("free");
            let archive = tokio::task::block_in_place(|| Archive::open(&lock, world)).ok()?;
            let told = then(&archive).await;
            tokio::task::block_in_place(|| drop(archive));
            Some(told)
        })
    }

    pub(super) fn rebuild(&self, from: RebuildFrom, world: &Surroundings) -> bool {
        self.runtime.block_on(async {
            let lock = HomeLock::alone(&self.home()).await.expect("free");
            tokio::task::block_in_place(|| rebuild(&lock, from, world)).is_ok()
        })
    }

    /// Deposits the three files by hand; `None` where the archive could not be opened or failed.
    pub(super) fn deposit(&self, world: &Surroundings) -> Option<Vec<Outcome>> {
        let wanted = HandDeposit { paths: vec![self.named()], dock: dock("local") };
        self.open(world, async |archive| {
            let (tell, mut told) = tokio::sync::mpsc::channel(16);
            let ended = archive.rooms.intake.deposit(wanted, tell).await;
            let mut outcomes = Vec::new();
            while let Some(outcome) = told.recv().await {
                outcomes.push(outcome);
            }
            ended.ok().map(|()| outcomes)
        })
        .flatten()
    }

    fn named(&self) -> Named {
        let inbox = self.inbox();
        Named { shown: RawName::new(inbox.to_str().expect("UTF-8")), absolute: inbox }
    }

    /// Watches the inbox until everything in it is done, or `enough` says so.
    pub(super) fn take_in(&self, world: &Surroundings, enough: impl Fn() -> bool) -> Option<()> {
        self.open(world, async |archive| {
            let watch = archive.rooms.intake.watch(archive.rooms.intake.inboxes());
            let intake = archive.rooms.intake.clone();
            let probing = tokio::spawn(async move { intake.probe_as_they_come().await });
            let mut waited = Duration::ZERO;
            while !is_done(archive) && !enough() {
                assert!(waited < crate::support::DEADLINE, "the inbox is never done");
                tokio::time::sleep(Duration::from_millis(5)).await;
                waited += Duration::from_millis(5);
            }
            archive.rooms.intake.stop();
            watch.end().await;
            probing.await.expect("no panic");
        })
    }

    /// Everything that `find` and `show` print.
    pub(super) fn dump(&self) -> Vec<String> {
        self.open(&world(Disk::default()), async |archive| dump(archive)).expect("opens")
    }

    /// The sealed files of the vault, or its key files.
    pub(super) fn vault_files(&self, folder: &str, extension: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        walk_into(&self.home().join("vault").join(folder), &mut found);
        found.retain(|path| path.extension().is_some_and(|its| its == extension));
        found
    }
}

fn dump(archive: &Archive) -> Vec<String> {
    let catalog = &archive.rooms.catalog;
    let mut lines = Vec::new();
    let mut items = Vec::new();
    let all = catalog.find((&Filter::default(), &Sight::WHOLE), &mut |row| {
        items.push(row.item);
        lines.push(serde_json::to_string(&row).expect("JSON"));
        ControlFlow::Continue(())
    });
    all.expect("listed");
    for item in items {
        let shown = catalog.show(item, &Sight::WHOLE).expect("asked").expect("known");
        lines.push(serde_json::to_string(&shown).expect("JSON"));
    }
    lines
}

pub(super) fn are_whole(archive: &Archive, when: &str) {
    for row in all_rows(archive) {
        let checked = archive.rooms.evidence.check(&Record::from(&row), Depth::Sealed);
        for copy in checked.unwrap_or_else(|error| panic!("{when}: {}: {error}", row.item)) {
            assert!(matches!(copy.state, CopyState::Whole { .. }), "{when}: {}: {copy:?}", row.item);
        }
    }
    archive.rooms.catalog.verify_ledger(&mut |_| {}).expect("the ledger is whole");
}

fn is_done(archive: &Archive) -> bool {
    let counts = archive.rooms.catalog.counts().expect("counted");
    counts.deposits == SOURCES.len() as u64 && counts.outbox == 0 && counts.unprobed == 0
}

pub(super) fn dock(name: &str) -> DockName {
    name.parse().expect("a name")
}

/// By which way the three files come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Hand,
    Inbox,
}

impl House {
    /// What holds after any fault: sources are kept; every row has its file, whole; the ledger verifies; a
    /// replay shows the same.
    pub(super) fn is_sound(&self, when: &str) {
        for name in SOURCES {
            let kept = std::fs::read(self.inbox().join(name)).expect("the source is kept");
            assert!(kept == template().bytes_of(&Path::new("dock").join(name)), "{when}: {name}");
        }
        let shown = self.open(&world(Disk::default()), async |archive| {
            are_whole(archive, when);
            dump(archive)
        });
        let shown = shown.unwrap_or_else(|| panic!("{when}: it opens again"));
        let copy = Self::like(self);
        assert!(copy.rebuild(RebuildFrom::Ledger, &world(Disk::default())), "{when}: it is rebuilt");
        assert_eq!(copy.dump(), shown, "{when}: a replay shows the same");
    }

    /// A second try finishes and doubles nothing.
    pub(super) fn finishes(&self, way: Way, when: &str) {
        match way {
            Way::Hand => {
                let outcomes = self.deposit(&world(Disk::default())).expect("deposited");
                let is_in = |outcome: &Outcome| matches!(outcome.state, State::Sealed | State::Known);
                assert!(outcomes.iter().all(is_in), "{when}: {outcomes:?}");
                assert_eq!(outcomes.len(), SOURCES.len(), "{when}");
            }
            Way::Inbox => self.take_in(&world(Disk::default()), || false).expect("taken in"),
        }
        self.is_single(way, when);
    }

    /// Each source is one item with one deposit and one receipt, the clip has one poster, and nothing else
    /// lies around.
    fn is_single(&self, way: Way, when: &str) {
        let shelf = match way {
            Way::Hand => self.home().join("receipts"),
            Way::Inbox => self.inbox().join(".receipts"),
        };
        self.open(&world(Disk::default()), async |archive| {
            are_whole(archive, when);
            let catalog = &archive.rooms.catalog;
            let counts = catalog.counts().expect("counted");
            let told = (counts.items, counts.deposits, counts.derivatives, counts.unprobed, counts.outbox);
            assert_eq!(told, (3, 3, 1, 0, 0), "{when}: {counts:?}");
            let rows = all_rows(archive);
            let clip = rows.iter().find(|row| row.is_named(CLIP)).expect("the clip");
            assert_eq!(catalog.derivatives_of(clip.item).expect("asked").len(), 1, "{when}: one poster");
            let mut names = BTreeSet::new();
            for deposit in deposits(archive) {
                let signer = archive.rooms.evidence.keyring().signer();
                let receipt = catalog.receipt(deposit, signer).expect("asked").expect("recorded");
                let written = std::fs::read(shelf.join(format!("{deposit}.json"))).expect("a receipt");
                assert!(written == receipt.to_bytes().expect("whole"), "{when}: the receipt is whole");
                names.extend([format!("{deposit}.json"), format!("{deposit}.json.sig")]);
            }
            let listed = std::fs::read_dir(&shelf).expect("listed");
            let lying: BTreeSet<_> = listed
                .map(|entry| entry.expect("listed").file_name().into_string().expect("UTF-8"))
                .collect();
            assert_eq!(lying, names, "{when}: one receipt a deposit");
        })
        .expect("opens");
        for (folder, extension, count) in
            [("items", "seal", 3), ("items", "keys", 3), ("derived", "seal", 1), ("derived", "keys", 1)]
        {
            let found = self.vault_files(folder, extension);
            assert_eq!(found.len(), count, "{when}: {folder} {extension} {found:?}");
        }
        let mut unfinished = Vec::new();
        walk_into(&self.home().join("vault/tmp"), &mut unfinished);
        assert!(unfinished.is_empty(), "{when}: {unfinished:?}");
    }

    /// Three originals and a poster, marked as brought back, under a later epoch.
    pub(super) fn is_back_from_its_vault(&self, when: &str) {
        self.open(&world(Disk::default()), async |archive| {
            let catalog = &archive.rooms.catalog;
            let counts = catalog.counts().expect("counted");
            assert_eq!((counts.items, counts.derivatives), (3, 1), "{when}");
            // An epoch that was begun is never begun again: a cut may skip a number.
            assert!(catalog.epoch().0 >= 2, "{when}");
            for row in all_rows(archive) {
                let shown = catalog.show(row.item, &Sight::WHOLE).expect("asked");
                let mark = shown.map(|shown| shown.recovered);
                assert!(mark.is_none_or(|mark| mark == Some(Recovered::Vault)), "{when}: {mark:?}");
            }
        })
        .expect("opens");
    }

    /// The ledger and the catalog go, and the vault alone speaks.
    pub(super) fn lose_the_books(&self) {
        for folder in ["ledger", "catalog"] {
            let folder = self.home().join(folder);
            std::fs::remove_dir_all(&folder).expect("removed");
            std::fs::create_dir(&folder).expect("made");
        }
    }
}

trait IsNamed {
    fn is_named(&self, name: &str) -> bool;
}

impl IsNamed for ItemRow {
    fn is_named(&self, name: &str) -> bool {
        match &self.origin {
            sealdock::catalog::Origin::Original(original) => original.name == RawName::new(name),
            sealdock::catalog::Origin::Derivative { .. } => false,
        }
    }
}

fn all_rows(archive: &Archive) -> Vec<ItemRow> {
    archive.rooms.catalog.items_after(None, 100).expect("listed")
}

fn deposits(archive: &Archive) -> Vec<DepositId> {
    let rows = archive.rooms.catalog.deposits_after(None, 100).expect("listed");
    rows.iter().map(sealdock::catalog::DepositRow::deposit).collect()
}

/// A folder tree held in memory: what was made once and every test takes a copy of.
struct Tree {
    folders: Vec<(PathBuf, std::fs::Permissions)>,
    files: Vec<(PathBuf, std::fs::Permissions, Vec<u8>)>,
}

impl Tree {
    fn read(root: &Path) -> Self {
        let mut tree = Self { folders: Vec::new(), files: Vec::new() };
        tree.add(root, Path::new(""));
        tree
    }

    fn add(&mut self, root: &Path, folder: &Path) {
        for entry in std::fs::read_dir(root.join(folder)).expect("listed") {
            let entry = entry.expect("listed");
            let path = folder.join(entry.file_name());
            let metadata = entry.metadata().expect("known");
            if metadata.is_dir() {
                self.folders.push((path.clone(), metadata.permissions()));
                self.add(root, &path);
            } else {
                let bytes = std::fs::read(entry.path()).expect("read");
                self.files.push((path, metadata.permissions(), bytes));
            }
        }
    }

    fn write(&self, to: &Path) {
        for (path, permissions) in &self.folders {
            std::fs::create_dir_all(to.join(path)).expect("made");
            std::fs::set_permissions(to.join(path), permissions.clone()).expect("set");
        }
        for (path, permissions, bytes) in &self.files {
            std::fs::write(to.join(path), bytes).expect("written");
            std::fs::set_permissions(to.join(path), permissions.clone()).expect("set");
        }
    }

    fn bytes_of(&self, path: &Path) -> &[u8] {
        &self.files.iter().find(|(its, ..)| its == path).expect("it is there").2
    }
}

/// One archive that was made once; every test takes a copy.
fn template() -> &'static Tree {
    static MADE: OnceLock<Tree> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = in_memory();
        make(&making(folder.path()), &world(Disk::default())).expect("made");
        let dock = folder.path().join("dock");
        std::fs::create_dir(&dock).expect("made");
        let clip = std::fs::read(fixture(CLIP)).expect("a fixture");
        std::fs::copy(fixture("minutes.pdf"), dock.join("minutes.pdf")).expect("copied");
        let sum = hex::encode(<md5::Md5 as md5::Digest>::digest(&clip));
        std::fs::write(dock.join(CLIP), clip).expect("written");
        std::fs::write(dock.join(SOURCES[1]), format!("{sum}  {CLIP}\n")).expect("written");
        let settings = "[[inbox]]\ndock = \"dock\"\npath = \"../dock\"\nquiet = \"1ms\"\n\
                        [limits]\nfiles_at_once = 1\n";
        let file = folder.path().join("home/sealdock.toml");
        let text = std::fs::read_to_string(&file).expect("read");
        std::fs::write(&file, format!("{text}\n{settings}")).expect("written");
        Tree::read(folder.path())
    })
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/media/valid").join(name)
}

fn walk_into(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("listed").path();
        if path.is_dir() { walk_into(&path, found) } else { found.push(path) }
    }
}
