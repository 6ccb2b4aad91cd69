//! Inboxes at work: a task for each, one that hands out turns, one that writes receipts, one that probes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use super::attempt::chain;
use super::rota::Rota;
use super::scan::Station;
use super::{InboxPlan, Intake, fate};
use crate::inbox::{Watcher, Woken};
use crate::model::DockName;

/// The longest that anything here waits without looking again.
pub(super) const TICK: Duration = Duration::from_secs(1);

/// Inboxes at work. Dropping it does not stop them; [`Watch::end`] does.
pub struct Watch {
    intake: Intake,
    tasks: JoinSet<()>,
    over: watch::Sender<bool>,
}

/// Tells the tasks of one watch that it is over; intake itself goes on.
#[derive(Clone)]
struct Over(watch::Receiver<bool>);

impl Over {
    fn is_said(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when it is over, also where that was said before.
    async fn said(&mut self) {
        // The sender is dropped only after it has said so.
        let _ = self.0.wait_for(|over| *over).await;
    }
}

impl Intake {
    /// Puts inboxes to work. Must be called within a tokio runtime.
    #[must_use]
    pub fn watch(&self, plans: Vec<InboxPlan>) -> Watch {
        self.set_inboxes(plans.clone());
        let (end, over) = watch::channel(false);
        let over = Over(over);
        let turns = Arc::new(Notify::new());
        let mut tasks = JoinSet::new();
        let events = start_events(&plans);
        let (watcher, woken) = events.map_or((None, None), |(watcher, woken)| (Some(watcher), Some(woken)));
        let station_of = |(index, plan)| {
            let events = watcher.as_ref().map(|watcher| (Arc::clone(watcher), index));
            Arc::new(Station::new(plan, events))
        };
        let stations: Arc<Vec<_>> = Arc::new(plans.into_iter().enumerate().map(station_of).collect());
        self.set_watched(Some(stations.clone()));
        if let Some(woken) = woken {
            tasks.spawn(listen(stations.clone(), woken, over.clone()));
        }
        for station in stations.iter() {
            tasks.spawn(self.clone().tend(station.clone(), turns.clone(), over.clone()));
        }
        tasks.spawn(self.clone().hand_out_turns(stations, turns, over.clone()));
        tasks.spawn(self.clone().keep_delivering(over));
        Watch { intake: self.clone(), tasks, over: end }
    }

    async fn tend(self, station: Arc<Station>, turns: Arc<Notify>, mut over: Over) {
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
                () = over.said() => {}
            }
        }
    }

    async fn hand_out_turns(self, stations: Arc<Vec<Arc<Station>>>, turns: Arc<Notify>, mut over: Over) {
        let hands = Arc::new(Semaphore::new(self.parts().bounds.files_at_once));
        let rota = Arc::new(std::sync::Mutex::new(Rota::new(self.parts().bounds.share)));
        lock(&rota).set_docks(stations.iter().map(|station| station.plan.dock.clone()).collect());
        let mut at_work = JoinSet::new();
        while !over.is_said() && !self.stopping() {
            while at_work.try_join_next().is_some() {}
            if self.may_take() {
                while let Ok(hand) = hands.clone().try_acquire_owned() {
                    let now = self.parts().clock.since_boot();
                    let Some(station) = pick(&rota, &stations, now) else { break };
                    let (this, rota, turns) = (self.clone(), rota.clone(), turns.clone());
                    at_work.spawn_blocking(move || {
                        this.take_next(&station, &rota);
                        drop(hand);
                        turns.notify_one();
                    });
                }
            }
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                () = turns.notified() => {}
                () = over.said() => {}
            }
        }
        // Attempts in hand are finished or abandoned, never cut in half.
        while at_work.join_next().await.is_some() {}
    }

    fn take_next(&self, station: &Station, rota: &std::sync::Mutex<Rota>) {
        let Some((path, settled)) = station.desk().take() else { return };
        let outcome = match station.plan.door() {
            Ok(door) => self.take(&door, &path, &settled),
            Err(_) => super::Outcome::waiting(&path, crate::model::Reason::InboxMissing),
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
        let now = self.parts().clock.since_boot();
        station.desk().end(&path, fate::ending(outcome.state, &outcome.reasons), now);
        lock(rota).put_back(&station.plan.dock, settled.look().size);
    }

    async fn keep_delivering(self, mut over: Over) {
        while !over.is_said() && !self.stopping() {
            let this = self.clone();
            match tokio::task::spawn_blocking(move || this.tidy()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(error = %chain(&error), "receipts wait"),
                Err(_) => tracing::error!("writing receipts panicked"),
            }
            tokio::select! {
                () = tokio::time::sleep(TICK * 5) => {}
                () = over.said() => {}
            }
        }
    }

    fn tidy(&self) -> Result<(), super::Error> {
        self.deliver_all()?;
        self.release_what_may_go()
    }
}

/// Events only lower latency: without them every inbox is still walked on its timer.
fn start_events(plans: &[InboxPlan]) -> Option<(Arc<Watcher>, mpsc::Receiver<Woken>)> {
    let inboxes = plans.iter().map(|plan| (plan.dock.clone(), plan.path.clone())).collect();
    match Watcher::start(inboxes) {
        Ok((watcher, woken)) => Some((Arc::new(watcher), woken)),
        Err(error) => {
            tracing::warn!(error = %chain(&error), "no file events; inboxes are walked on a timer");
            None
        }
    }
}

async fn listen(stations: Arc<Vec<Arc<Station>>>, mut woken: mpsc::Receiver<Woken>, mut over: Over) {
    loop {
        let next = tokio::select! {
            next = woken.recv() => next,
            () = over.said() => return,
        };
        let Some(Woken { inbox, what }) = next else { return };
        if let Some(station) = stations.get(inbox) {
            station.hear(what);
        }
    }
}

fn lock(rota: &std::sync::Mutex<Rota>) -> std::sync::MutexGuard<'_, Rota> {
    rota.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn pick(rota: &std::sync::Mutex<Rota>, stations: &[Arc<Station>], now: Duration) -> Option<Arc<Station>> {
    let of = |dock: &DockName| stations.iter().find(|station| station.plan.dock == *dock);
    let dock = lock(rota).pick(now, |dock| of(dock)?.desk().next_size())?;
    of(&dock).cloned()
}

impl Watch {
    /// Ends the watch; attempts in hand are finished or abandoned first.
    pub async fn end(mut self) {
        let _ = self.over.send(true);
        while self.tasks.join_next().await.is_some() {}
        self.intake.set_watched(None);
    }
}
