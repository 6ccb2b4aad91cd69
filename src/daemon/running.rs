//! The daemon: tasks around an open archive, until it is told to stop.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::archive::{Archive, Surroundings, check_places, floor, plans};
use super::lock::HomeLock;
use super::settings::Settings;
use super::signals::{Signals, Wish};
use super::{backups, logging, socket, supervisor};
use crate::api::{Code, Owner, Problem, Rooms, house, router};
use crate::audit::{Proved, Scrub, Upkeep};
use crate::intake::Watch;
use crate::model::chain;
use crate::sys::Clock;

/// How long a daemon whose ledger stopped waits before it opens the archive again: a disk that failed needs a
/// moment, and docks should not wait much longer.
const REST: Duration = Duration::from_secs(2);

/// How often the daemon looks whether the ledger still takes entries, and proves a part of the backlog.
const LOOK: Duration = Duration::from_secs(1);

/// Why serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// Somebody asked for it.
    Stop,
    /// The ledger takes nothing more until it is opened again.
    Reopen,
}

/// Is the daemon of a home until a signal says stop.
///
/// # Errors
/// Where the archive cannot be opened or its socket not served.
pub async fn run(home: &Path, world: &Surroundings) -> Result<(), Problem> {
    let lock = HomeLock::for_daemon(home).await.map_err(|error| super::of_lock(&error))?;
    let settings = Settings::load(home).map_err(|error| Problem::of(Code::BadSettings, &error))?;
    logging::start(settings.log);
    let mut signals = Signals::listen().map_err(|error| Problem::of(Code::Internal, &error))?;
    let mut served = serve(&lock, world, &mut signals).await?;
    while served == Ended::Reopen {
        tracing::error!("the ledger stopped; the archive is opened again");
        if rest(&mut signals).await == Wish::Stop {
            return Ok(());
        }
        served = match serve(&lock, world, &mut signals).await {
            // The disk has not come back yet: docks wait, and so do we.
            Err(problem) if matches!(problem.code, Code::DiskError | Code::NoSpace | Code::Stopped) => {
                tracing::error!(error = %problem, "the archive cannot be opened again yet");
                Ended::Reopen
            }
            outcome => outcome?,
        };
    }
    Ok(())
}

/// Waits a moment, unless a stop is wished.
async fn rest(signals: &mut Signals) -> Wish {
    let over = tokio::time::Instant::now() + REST;
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(over) => return Wish::Reload,
            wish = signals.next() => if wish == Wish::Stop { return wish },
        }
    }
}

async fn serve(lock: &HomeLock, world: &Surroundings, signals: &mut Signals) -> Result<Ended, Problem> {
    let archive = open(lock, world).await?;
    let rooms = archive.rooms.clone();
    let listener = socket::listen(lock).map_err(|error| Problem::of(Code::DiskError, &error))?;
    let owner = Owner(rooms.catalog.owner_uid()?.unwrap_or(rustix::process::geteuid().as_raw()));
    let answers = house(router(rooms.clone()), owner);
    let (stop, stopping) = watch::channel(false);
    let mut told = stopping.clone();
    let until = async move { told_to_stop(&mut told).await };
    let serving = socket::serve(listener, lock, answers, until);
    let working = async {
        let probing = tokio::spawn({
            let rooms = rooms.clone();
            async move { rooms.intake.probe_as_they_come().await }
        });
        let proving = tokio::spawn(prove_backlog(rooms.clone(), stopping.clone()));
        let keeping = tokio::spawn(keep_up(upkeep(&archive), world.clock.clone(), stopping.clone()));
        let backing_up = tokio::spawn(backups::keep_time(rooms.clone(), world.clock.clone(), stopping));
        let watch = rooms.intake.watch(plans(&archive.settings));
        say_ready(&rooms);
        let (ended, watch) = attend(lock.home(), (&archive, watch), signals).await;
        supervisor::stopping();
        tracing::info!("stopping");
        rooms.intake.stop();
        rooms.backups.stop();
        watch.end().await;
        let _ = stop.send(true);
        let _ = probing.await;
        let _ = proving.await;
        let _ = keeping.await;
        let _ = backing_up.await;
        ended
    };
    let (served, ended) = tokio::join!(serving, working);
    served.map_err(|error| Problem::of(Code::DiskError, &error))?;
    close(archive, rooms).await;
    Ok(ended)
}

async fn open(lock: &HomeLock, world: &Surroundings) -> Result<Archive, Problem> {
    let home = lock.home().to_owned();
    tracing::info!(home = %home.display(), version = env!("CARGO_PKG_VERSION"), "opening the archive");
    // Opening reads the ledger and, after a crash, the whole vault.
    tokio::task::block_in_place(|| Archive::open(lock, world))
}

/// The last handle waits for the ledger's writer.
async fn close(archive: Archive, rooms: Arc<Rooms>) {
    drop(rooms);
    let closed = tokio::task::spawn_blocking(move || drop(archive)).await;
    if closed.is_err() {
        tracing::error!("closing the archive panicked");
    }
}

fn say_ready(rooms: &Rooms) {
    let inboxes = rooms.intake.inboxes().len();
    tracing::info!(
        inboxes,
        ledger.size = rooms.catalog.ledger_size(),
        custody.at_rest = rooms.keyring.custody_at_rest(),
        "ready"
    );
    supervisor::ready(&format!("watching {inboxes} inboxes"));
}

/// Waits for wishes and for trouble.
async fn attend(
    home: &Path,
    (archive, mut watching): (&Archive, Watch),
    signals: &mut Signals,
) -> (Ended, Watch) {
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            wish = signals.next() => match wish {
                Wish::Stop => return (Ended::Stop, watching),
                Wish::Reload => match reload(home, (archive, watching), signals).await {
                    (Some(ended), watch) => return (ended, watch),
                    (None, watch) => watching = watch,
                },
            },
            _ = look.tick() => if archive.rooms.catalog.has_stopped() {
                return (Ended::Reopen, watching);
            },
        }
    }
}

/// Takes over the inboxes of changed settings; bad settings leave everything as it is. Answers `None` for why it
/// ended where it goes on.
async fn reload(
    home: &Path,
    (archive, watching): (&Archive, Watch),
    signals: &mut Signals,
) -> (Option<Ended>, Watch) {
    supervisor::reloading();
    let mut ended = None;
    let watching = match read_again(home, archive) {
        Ok(settings) => {
            ended = end(archive, watching, signals).await;
            // Written again while attempts in hand came to their end.
            let settings = read_again(home, archive).unwrap_or(settings);
            tracing::info!(inboxes = settings.inboxes.len(), "the settings were read again");
            archive.rooms.intake.watch(plans(&settings))
        }
        Err(problem) => {
            tracing::error!(error = %problem, "the settings cannot be used; the old ones stay in force");
            watching
        }
    };
    supervisor::ready(&format!("watching {} inboxes", archive.rooms.intake.inboxes().len()));
    (ended, watching)
}

fn read_again(home: &Path, archive: &Archive) -> Result<Settings, Problem> {
    let settings = Settings::load(home).map_err(|error| Problem::of(Code::BadSettings, &error))?;
    check_places(&settings, home)?;
    if settings.differ_beyond_inboxes(&archive.settings) {
        tracing::warn!("only inboxes were read again; other settings need a restart");
    }
    Ok(settings)
}

/// Ends a watch. Its attempts in hand may take minutes; a wish to stop abandons them.
async fn end(archive: &Archive, watching: Watch, signals: &mut Signals) -> Option<Ended> {
    let mut ending = std::pin::pin!(watching.end());
    let mut ended = None;
    loop {
        tokio::select! {
            () = &mut ending => return ended,
            wish = signals.next() => match wish {
                Wish::Stop => {
                    archive.rooms.intake.stop();
                    ended = Some(Ended::Stop);
                }
                // The settings are read once more when it has ended.
                Wish::Reload => {}
            },
        }
    }
}

/// Works off what no custodian has opened yet, a part at a time.
async fn prove_backlog(rooms: Arc<Rooms>, mut stopping: watch::Receiver<bool>) {
    let mut after = None;
    loop {
        let audit = rooms.audit.clone();
        let proved = tokio::task::spawn_blocking(move || audit.prove_some(after)).await;
        let rest = match proved {
            Ok(Ok(Proved { next, .. })) => {
                after = next;
                if next.is_some() { LOOK / 10 } else { LOOK * 10 }
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "the backlog of unproven key files waits");
                LOOK * 10
            }
            Err(_) => return,
        };
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            () = told_to_stop(&mut stopping) => return,
        }
    }
}

fn upkeep(archive: &Archive) -> Upkeep {
    let vault = &archive.settings.vault;
    let scrub = Scrub { period: vault.scrub, rate: vault.scrub_rate.bytes() };
    Upkeep::new(archive.rooms.audit.clone(), floor(&archive.settings.limits), scrub)
}

/// Keeps the places of the vault alike, and reads every copy again in its time.
async fn keep_up(mut upkeep: Upkeep, clock: Arc<dyn Clock>, mut stopping: watch::Receiver<bool>) {
    let stop = Arc::new(AtomicBool::new(false));
    loop {
        let (now, heed) = (clock.now(), stop.clone());
        let mut working = tokio::task::spawn_blocking(move || {
            let rest = upkeep.work(now, &heed);
            (upkeep, rest)
        });
        let worked = tokio::select! {
            worked = &mut working => worked,
            () = told_to_stop(&mut stopping) => {
                stop.store(true, Ordering::Relaxed);
                working.await
            }
        };
        let Ok((back, rest)) = worked else { return };
        upkeep = back;
        let rest = rest.unwrap_or_else(|error| {
            tracing::warn!(error = %chain(&error), "the copies are not looked after for now");
            LOOK * 10
        });
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            () = told_to_stop(&mut stopping) => return,
        }
    }
}

/// Ends when a stop is wished.
async fn told_to_stop(stopping: &mut watch::Receiver<bool>) {
    // The sender goes only after it has sent.
    let _ = stopping.wait_for(|stop| *stop).await;
}
