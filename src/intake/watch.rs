//! Inboxes at work: a task for each, one that hands out turns, one that writes receipts, one that probes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use super::desk::Ending;
use super::rota::Rota;
use super::scan::Station;
use super::{InboxPlan, Intake, fate};
use crate::inbox::{Watcher, Woken};
use crate::model::{DockName, RawName, Reason, chain};
use crate::rules::settle::Settled;

/// The longest that anything here waits without looking again.
pub(super) const TICK: Duration = Duration::from_secs(1);

/// Inboxes at work. Dropping it does not stop them; [`Watch::end`] does.
pub struct Watch {
    intake: Intake,
    tasks: JoinSet<()>,
    over: Arc<Over>,
}

/// Tells the tasks of one watch that it is over; intake itself goes on.
#[derive(Debug, Default)]
struct Over {
    said: std::sync::atomic::AtomicBool,
    told: Notify,
}

impl Over {
    fn is_said(&self) -> bool {
        self.said.load(std::sync::atomic::Ordering::SeqCst)
    }

    /// Waits until it is said; at once where it was said already.
    async fn wait(&self) {
        // First the ear, then the look: a word between the two is heard.
        let told = self.told.notified();
        if !self.is_said() {
            told.await;
        }
    }
}

impl Intake {
    /// Puts inboxes to work. Must be called within a tokio runtime.
    #[must_use]
    pub fn watch(&self, plans: Vec<InboxPlan>) -> Watch {
        self.set_inboxes(plans.clone());
        self.release_from_the_start();
        let over = Arc::new(Over::default());
        let turns = Arc::new(Notify::new());
        let mut tasks = JoinSet::new();
        let mut stations = Vec::new();
        for plan in plans {
            let events = start_events(&plan);
            let (watcher, woken) = events.map_or((None, None), |(own, woken)| (Some(own), Some(woken)));
            let station = Arc::new(Station::new(plan, watcher));
            if let Some(woken) = woken {
                tasks.spawn(listen(station.clone(), woken, over.clone()));
            }
            stations.push(station);
        }
        let stations = Arc::new(stations);
        self.set_watched(Some(stations.clone()));
        for station in stations.iter() {
            tasks.spawn(self.clone().tend(station.clone(), turns.clone(), over.clone()));
        }
        tasks.spawn(self.clone().hand_out_turns(stations, turns, over.clone()));
        tasks.spawn(self.clone().keep_delivering(over.clone()));
        Watch { intake: self.clone(), tasks, over }
    }

    async fn tend(self, station: Arc<Station>, turns: Arc<Notify>, over: Arc<Over>) {
        while !over.is_said() && !self.stopping() {
            let (this, at) = (self.clone(), station.clone());
            // A panic in a round is our mistake; the inbox is tended again rather than given up.
            if tokio::task::spawn_blocking(move || this.round(&at)).await.is_err() {
                tracing::error!(dock.name = %station.plan.dock, "a round over an inbox panicked");
                tokio::time::sleep(TICK).await;
            }
            turns.notify_one();
            let now = self.parts().clock.since_boot();
            let wait = station.next_round(now).saturating_sub(now).min(TICK);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = station.wake.notified() => {}
                () = over.wait() => {}
            }
        }
    }

    async fn hand_out_turns(self, stations: Arc<Vec<Arc<Station>>>, turns: Arc<Notify>, over: Arc<Over>) {
        let bounds = self.parts().bounds;
        let rota = Arc::new(std::sync::Mutex::new(Rota::new(bounds.share, bounds.files_at_once)));
        lock(&rota).set_docks(stations.iter().map(|station| station.plan.dock.clone()).collect());
        let mut at_work = JoinSet::new();
        while !over.is_said() && !self.stopping() {
            while at_work.try_join_next().is_some() {}
            if self.may_take() {
                // The rota bounds what is in hand.
                let now = self.parts().clock.since_boot();
                while let Some(turn) = Turn::pick(&rota, &stations, now) {
                    let (this, turns) = (self.clone(), turns.clone());
                    at_work.spawn_blocking(move || {
                        this.take_turn(turn);
                        turns.notify_one();
                    });
                }
            }
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                () = turns.notified() => {}
                () = over.wait() => {}
            }
        }
        // Attempts in hand are finished or abandoned, never cut in half.
        while at_work.join_next().await.is_some() {}
    }

    fn take_turn(&self, mut turn: Turn) {
        let Turn { station, path, settled, .. } = &turn;
        let outcome = match station.plan.door() {
            Ok(door) => self.take(&door, path, settled),
            Err(_) => super::Outcome::waiting(path, Reason::InboxMissing),
        };
        tracing::info!(
            dock.name = %station.plan.dock,
            state = %outcome.state,
            reasons = ?outcome.reasons,
            size_bytes = settled.look().size,
            item.id = outcome.taken.as_ref().map(|taken| taken.item.to_string()),
            deposit.id = outcome.taken.as_ref().map(|taken| taken.deposit.to_string()),
            "a file was tried"
        );
        turn.ending = fate::ending(outcome.state, &outcome.reasons);
        turn.ended = self.parts().clock.since_boot();
    }

    async fn keep_delivering(self, over: Arc<Over>) {
        while !over.is_said() && !self.stopping() {
            let this = self.clone();
            match tokio::task::spawn_blocking(move || this.tidy()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(error = %chain(&error), "receipts wait"),
                Err(_) => tracing::error!("writing receipts panicked"),
            }
            tokio::select! {
                () = tokio::time::sleep(TICK * 5) => {}
                () = over.wait() => {}
            }
        }
    }

    fn tidy(&self) -> Result<(), super::Error> {
        self.deliver_all()?;
        self.release_what_may_go()
    }
}

/// Events only lower latency: without them an inbox is still walked on its timer.
fn start_events(plan: &InboxPlan) -> Option<(Watcher, mpsc::Receiver<Woken>)> {
    Watcher::start(vec![(plan.dock.clone(), plan.path.clone())])
        .inspect_err(|error| {
            tracing::warn!(dock.name = %plan.dock, error = %chain(error),
                "no file events; the inbox is walked on a timer");
        })
        .ok()
}

async fn listen(station: Arc<Station>, mut woken: mpsc::Receiver<Woken>, over: Arc<Over>) {
    while !over.is_said() {
        tokio::select! {
            () = over.wait() => {}
            next = woken.recv() => match next {
                Some(Woken { what, .. }) => station.hear(what),
                None => return,
            },
        }
    }
}

fn lock(rota: &std::sync::Mutex<Rota>) -> std::sync::MutexGuard<'_, Rota> {
    rota.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A file in hand. Dropped, however the attempt ended and be it by a panic, the file has its next state and
/// its dock its place again: neither is ever out of play.
struct Turn {
    station: Arc<Station>,
    rota: Arc<std::sync::Mutex<Rota>>,
    path: RawName,
    settled: Settled,
    /// What the rota counts.
    size: u64,
    ending: Ending,
    ended: Duration,
}

impl Turn {
    /// The next file in turn, in hand from now on.
    fn pick(rota: &Arc<std::sync::Mutex<Rota>>, stations: &[Arc<Station>], now: Duration) -> Option<Self> {
        let of = |dock: &DockName| stations.iter().find(|station| station.plan.dock == *dock);
        let mut taken = None;
        lock(rota).pick(now, |dock, allows| {
            let station = of(dock)?;
            let (path, settled) = station.desk().take_if(allows)?;
            let size = settled.look().size;
            taken = Some((station.clone(), path, settled));
            Some(size)
        })?;
        let (station, path, settled) = taken?;
        let size = settled.look().size;
        // What an attempt that never says how it ended leaves behind.
        let ending = Ending::Again(Reason::ReadError);
        Some(Self { station, rota: rota.clone(), path, settled, size, ending, ended: now })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.station.desk().end(&self.path, self.ending, self.ended);
        lock(&self.rota).put_back(&self.station.plan.dock, self.size);
        self.station.wake.notify_one();
    }
}

impl Watch {
    /// Ends the watch; attempts in hand are finished or abandoned first.
    pub async fn end(mut self) {
        self.over.said.store(true, std::sync::atomic::Ordering::SeqCst);
        self.over.told.notify_waiters();
        while self.tasks.join_next().await.is_some() {}
        self.intake.set_watched(None);
    }
}
