//! One archive, open: its rooms wired together. The daemon and every command in its own process open it in
//! this one way.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::backups;
use super::doctor;
use super::lock::HomeLock;
use super::settings::{InboxSettings, Limits, Rate, ReadBackRule, Release, Settings};
use crate::api::{Code, Problem, Rooms};
use crate::audit::Audit;
use crate::catalog::{Catalog, HeadSigner, Opening};
use crate::evidence::{Chair, Evidence, Parts, Wanted};
use crate::inbox::{self, check_overlap, lies_apart};
use crate::intake::{self, Bounds, InboxPlan, Intake, Share};
use crate::keys::{Custody, Keyring, Stretch, StretchInChild, read_unlock};
use crate::model::{Class, Protection};
use crate::probe::{self, Starting};
use crate::reading::Reading;
use crate::rules::naming::Naming;
use crate::secrecy::{self, Secrecy};
use crate::sys::{Clock, Disk, Entropy, OsEntropy, SystemClock};
use crate::vault::{Places, Vault};

/// The media parser lies beside this program.
const PROBE: &str = "sealdock-probe";

/// The world that an archive is opened in: the real one, or one that tests steer.
#[derive(Clone)]
pub struct Surroundings {
    /// Where durable steps go.
    pub disk: Disk,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub entropy: Arc<dyn Entropy>,
    /// Where passphrases are stretched.
    pub stretch: Arc<dyn Stretch>,
    /// The parser of media.
    pub probe: PathBuf,
}

impl Surroundings {
    /// This machine, with programs that lie beside the running one.
    ///
    /// # Errors
    /// Where the running program cannot be found.
    pub fn real() -> Result<Self, Problem> {
        let program = std::env::current_exe().map_err(|error| Problem::of(Code::Internal, &error))?;
        let probe = program.with_file_name(PROBE);
        Ok(Self {
            disk: Disk::default(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(OsEntropy),
            stretch: Arc::new(StretchInChild::new(program)),
            probe,
        })
    }
}

/// An open archive.
pub struct Archive {
    /// Its settings.
    pub settings: Settings,
    /// What answers requests.
    pub rooms: Arc<Rooms>,
}

/// What is opened before the catalog.
pub(super) struct Ground {
    pub settings: Settings,
    pub keyring: Arc<Keyring>,
    pub vault: Vault,
    pub opening: Opening,
}

impl Ground {
    /// Reads settings and keys and finds the vault; the ledger is not touched.
    pub(super) fn open(lock: &HomeLock, world: &Surroundings) -> Result<Self, Problem> {
        let home = lock.home();
        let settings = Settings::load(home).map_err(|error| Problem::of(Code::BadSettings, &error))?;
        check_places(&settings, home)?;
        let keyring = Arc::new(Keyring::open(&home.join("keys"))?);
        let places = Places { home, folders: &settings.vault.copies, least: settings.vault.least_copies };
        let vault = Vault::open(&places, &world.disk)?;
        let opening = opening(home, &keyring, world);
        Ok(Self { settings, keyring, vault, opening })
    }
}

impl Archive {
    /// Opens the archive of a home, puts in order what a crash left, and takes nothing in yet.
    ///
    /// # Errors
    /// What stands in the way, with the next step.
    pub fn open(lock: &HomeLock, world: &Surroundings) -> Result<Self, Problem> {
        let ground = Ground::open(lock, world)?;
        let catalog = Catalog::open(&ground.opening)?;
        let archive = Self::furnish(ground, catalog, (lock.home(), world))?;
        let recovery = archive.rooms.intake.recover()?;
        if recovery != intake::Recovery::default() {
            tracing::warn!(
                swept = recovery.swept,
                recovered = recovery.recovered,
                missing = recovery.missing,
                "the archive had not been closed; it was put in order"
            );
        }
        Ok(archive)
    }

    pub(super) fn furnish(
        ground: Ground,
        catalog: Catalog,
        (home, world): (&Path, &Surroundings),
    ) -> Result<Self, Problem> {
        let Ground { settings, keyring, vault, opening: _ } = ground;
        let readback = match settings.vault.readback {
            ReadBackRule::Disk => Wanted::ReadBack,
            ReadBackRule::Off => Wanted::Nothing,
        };
        let chair = Arc::new(chair(home, &keyring, world));
        let evidence = Evidence::new(Parts {
            vault,
            keyring: keyring.clone(),
            entropy: world.entropy.clone(),
            clock: world.clock.clone(),
            readback,
        });
        let limits = settings.limits.clone();
        let intake = Intake::new(intake::Parts {
            evidence: evidence.clone(),
            catalog: catalog.clone(),
            prober: prober(&limits, &world.probe),
            naming: Naming::shipped().map_err(|error| Problem::of(Code::Internal, &error))?,
            chair: chair.clone(),
            clock: world.clock.clone(),
            disk: world.disk.clone(),
            receipts: home.join("receipts"),
            by_hand: arriving(&settings, &settings.profile.inbox.default_classes),
            bounds: bounds(&limits),
        });
        intake.set_inboxes(plans(&settings));
        let floor = floor(&limits);
        let audit = Audit::new(evidence.clone(), catalog.clone(), chair.clone());
        audit.recall_places()?;
        let about = doctor::About {
            home: home.to_owned(),
            settings: settings.clone(),
            probe: world.probe.clone(),
            clock: world.clock.clone(),
        };
        let ground = backups::Ground {
            audit: audit.clone(),
            evidence: evidence.clone(),
            catalog: catalog.clone(),
            keyring: keyring.clone(),
        };
        let wiring = backups::Wiring { home, settings: &settings, intake: &intake, world };
        let classes =
            secrecy::Policy { domains: settings.profile.domains, ceiling: settings.node.max_secrecy };
        let rooms = Rooms {
            backups: backups::furnish(&wiring, ground),
            reading: Reading::new(evidence.clone(), catalog.clone(), chair.clone(), classes.sight()),
            secrecy: Secrecy::new(evidence.clone(), catalog.clone(), chair.clone(), classes),
            audit,
            catalog,
            evidence,
            intake,
            chair,
            keyring,
            stretch: world.stretch.clone(),
            floor,
            doctor: Box::new(move |rooms| doctor::examine(&about, rooms)),
        };
        Ok(Self { settings, rooms: Arc::new(rooms) })
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        self.rooms.intake.stop();
        self.rooms.backups.stop();
        if let Err(error) = self.rooms.audit.remember_places() {
            tracing::warn!(%error, "it is not noted which places of the vault lack nothing");
        }
        self.rooms.catalog.close();
    }
}

/// How much of a disk of so many bytes stays free.
pub(super) fn floor(limits: &Limits) -> Box<dyn Fn(u64) -> u64 + Send + Sync> {
    let limits = limits.clone();
    Box::new(move |total| limits.floor_on(super::settings::ByteSize::of(total)).bytes())
}

/// Signs heads with the node's head key.
struct Signer(Arc<Keyring>);

impl HeadSigner for Signer {
    fn public(&self) -> [u8; 32] {
        self.0.head_public()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign_head(message)
    }

    fn accepted(&self) -> Vec<[u8; 32]> {
        self.0.head_publics()
    }
}

/// What a catalog of this home is opened with.
pub(super) fn opening(home: &Path, keyring: &Arc<Keyring>, world: &Surroundings) -> Opening {
    Opening {
        home: home.to_owned(),
        disk: world.disk.clone(),
        clock: world.clock.clone(),
        entropy: world.entropy.clone(),
        signer: Arc::new(Signer(keyring.clone())),
        archive: keyring.archive(),
    }
}

/// Inboxes, home and places for receipts lie apart.
pub(super) fn check_places(settings: &Settings, home: &Path) -> Result<(), Problem> {
    let inboxes: Vec<_> =
        settings.inboxes.iter().map(|inbox| (inbox.dock.clone(), inbox.path.clone())).collect();
    let receipts: Vec<_> = settings.inboxes.iter().filter_map(|inbox| inbox.receipts.clone()).collect();
    let places =
        inbox::Places { inboxes: &inboxes, home, receipts: &receipts, vault: &settings.vault.copies };
    check_overlap(&places).map_err(|error| Problem::of(Code::BadSettings, &error))?;
    let Some(backup) = &settings.backup else { return Ok(()) };
    let folders = inboxes.iter().map(|(_, path)| path).chain(&receipts).chain(&settings.vault.copies);
    match folders.map(PathBuf::as_path).chain([home]).find(|other| !lies_apart(&backup.dir, other)) {
        None => Ok(()),
        Some(other) => {
            let (dir, other) = (backup.dir.display(), other.display());
            let said = format!("[backup] dir {dir} and {other} must lie apart; name another folder");
            Err(Problem::new(Code::BadSettings, said))
        }
    }
}

/// A passphrase beside the keys unlocks them when they are first needed.
fn chair(home: &Path, keyring: &Arc<Keyring>, world: &Surroundings) -> Chair {
    let at_rest = keyring.clone();
    let chair = Chair::empty(move || at_rest.custody_at_rest());
    match read_unlock(&home.join("keys")) {
        Ok(None) => {}
        Ok(Some(passphrase)) => {
            let (keyring, stretch) = (keyring.clone(), world.stretch.clone());
            chair.call(move || match Custody::unlock(&keyring, &passphrase, &*stretch) {
                Ok(custody) => Some(custody),
                Err(error) => {
                    tracing::error!(%error, "the passphrase beside the keys does not unlock them");
                    None
                }
            });
        }
        Err(error) => tracing::error!(%error, "the passphrase beside the keys cannot be read"),
    }
    chair
}

fn prober(limits: &Limits, program: &Path) -> Starting {
    Starting {
        program: program.to_owned(),
        limits: probe::Limits {
            memory_bytes: limits.probe_memory.bytes(),
            deadline: limits.probe_deadline,
            read_budget_bytes: limits.probe_read.bytes(),
        },
        at_once: limits.probes_at_once.into(),
    }
}

fn bounds(limits: &Limits) -> Bounds {
    Bounds {
        files_at_once: limits.files_at_once.into(),
        probes_at_once: limits.probes_at_once.into(),
        share: Share {
            files: limits.inbox_files.into(),
            bytes: limits.inbox_bytes.bytes(),
            rate: match limits.inbox_rate {
                Rate::Unlimited => None,
                Rate::PerSecond(bytes) => Some(bytes.bytes()),
            },
        },
        space_floor: limits.space_floor.bytes(),
        rescan: limits.rescan,
        poll: limits.poll,
    }
}

/// The inboxes as intake takes them.
pub(super) fn plans(settings: &Settings) -> Vec<InboxPlan> {
    settings.inboxes.iter().map(|inbox| plan(settings, inbox)).collect()
}

fn arriving(settings: &Settings, protections: &[Protection]) -> intake::Classes {
    let protections = protections.to_vec();
    let domains = settings.profile.domains.of(&Class::protected(protections.clone()));
    intake::Classes { protections, domains }
}

fn plan(settings: &Settings, inbox: &InboxSettings) -> InboxPlan {
    InboxPlan {
        dock: inbox.dock.clone(),
        path: inbox.path.clone(),
        quiet: inbox.quiet,
        release: match settings.releases(inbox) {
            Release::Never => None,
            Release::After(span) => Some(span),
        },
        max_file: inbox.max_file.bytes(),
        classes: arriving(settings, &inbox.default_classes),
        receipts: inbox.receipts.clone(),
    }
}
