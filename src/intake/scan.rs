//! One station: an inbox, its desk, and the rounds that keep them together.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::desk::{Desk, Seen};
use super::{Door, InboxPlan, Intake};
use crate::inbox::{Changed, Found, Mode, Stat, Walked, Watcher, Watching, What, walk, walk_beneath};
use crate::model::{Moment, RawName, Reason, State, chain};
use crate::rules::settle::{Hint, SettlePolicy};

/// Events that wait for the next round; one more makes that round a full pass.
const MOST_EVENTS: usize = 4096;

/// Folders that events named and that wait for the next round; one more makes that round a full pass.
const MOST_FOLDERS: usize = 64;

/// An inbox at work.
#[derive(Debug)]
pub(super) struct Station {
    pub(super) plan: InboxPlan,
    events: Option<Watcher>,
    pub(super) wake: tokio::sync::Notify,
    desk: Mutex<Desk>,
    mail: Mutex<Mail>,
    seen: Mutex<LastSeen>,
}

#[derive(Debug, Default)]
struct Mail {
    changed: VecDeque<Changed>,
    folders: Vec<RawName>,
    pass: Pass,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Pass {
    #[default]
    Wanted,
    At(Duration),
}

impl Mail {
    fn put(&mut self, what: What) {
        match what {
            What::File(changed) if self.changed.len() < MOST_EVENTS => self.changed.push_back(changed),
            What::Folder(folder) if self.folders.len() < MOST_FOLDERS => self.folders.push(folder),
            What::File(_) | What::Folder(_) | What::Rescan | What::Blind { .. } => self.pass = Pass::Wanted,
        }
    }

    /// Says when the next pass is due, unless one is wanted at once by now.
    fn put_off(&mut self, until: Duration) {
        if self.pass != Pass::Wanted {
            self.pass = Pass::At(until);
        }
    }
}

/// What was last seen of the inbox as a whole.
#[derive(Debug, Clone, Default)]
pub(super) struct LastSeen {
    pub mode: Option<Mode>,
    pub full_scan: Option<Moment>,
    pub trouble: Option<String>,
}

impl Station {
    /// An inbox that is told of events by this watcher, its own: a storm of them in one inbox keeps no other
    /// waiting.
    pub(super) fn new(plan: InboxPlan, events: Option<Watcher>) -> Self {
        Self {
            plan,
            events,
            wake: tokio::sync::Notify::new(),
            desk: Mutex::default(),
            mail: Mutex::default(),
            seen: Mutex::default(),
        }
    }

    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mail(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, LastSeen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An event about this inbox: it only lowers latency, the next pass would find the same.
    pub(super) fn hear(&self, what: What) {
        // One lock at a time, here and wherever both are wanted: two at once would have to be taken in one
        // order by everybody.
        match what {
            What::Blind { because } => self.seen().mode = Some(Mode::Poll { because }),
            told => self.mail().put(told),
        }
        self.wake.notify_one();
    }

    /// When the next round is due. While the inbox cannot be read, nothing in it can be looked at, however
    /// long it is due.
    pub(super) fn next_round(&self, now: Duration) -> Duration {
        let in_trouble = self.seen().trouble.is_some();
        let mail = self.mail();
        let pass = match mail.pass {
            Pass::Wanted => now,
            Pass::At(at) => at,
        };
        if in_trouble {
            return pass;
        }
        let quiet = mail.changed.is_empty() && mail.folders.is_empty();
        if quiet { pass.min(self.desk().next_due().unwrap_or(pass)) } else { now }
    }
}

impl Intake {
    /// One round: looks at what events named and at what is due, and walks the whole inbox when it is time.
    pub(super) fn round(&self, station: &Station) {
        let door = match station.plan.door() {
            Ok(door) => door,
            Err(error) => return self.inbox_trouble(station, &error),
        };
        let now = self.parts().clock.since_boot();
        let (changed, folders, pass) = {
            let mut mail = station.mail();
            let due = match mail.pass {
                Pass::Wanted => true,
                Pass::At(at) => at <= now,
            };
            if due {
                mail.pass = Pass::At(now + self.parts().bounds.rescan);
            }
            (std::mem::take(&mut mail.changed), std::mem::take(&mut mail.folders), due)
        };
        for Changed { path, hint } in changed {
            self.look(station, &door, (&path, hint));
        }
        let due = station.desk().due(now);
        for path in due {
            self.look(station, &door, (&path, Hint::None));
        }
        if pass {
            self.full_pass(station, &door);
        } else {
            for folder in folders {
                // Trouble with one folder is found again, and told, by the next full pass.
                let _ = walk_beneath(&door.root, &folder, &mut |seen| self.meet(station, &door, &seen));
            }
        }
    }

    fn time_between_passes(&self, mode: &Mode) -> Duration {
        match mode {
            Mode::Events => self.parts().bounds.rescan,
            Mode::Poll { .. } => self.parts().bounds.poll,
        }
    }

    /// The inbox is not there: that says nothing about its files (P12).
    fn inbox_trouble(&self, station: &Station, error: &crate::inbox::Error) {
        let trouble = chain(error);
        let before = station.seen().trouble.replace(trouble.clone());
        if before.as_ref() != Some(&trouble) {
            tracing::error!(dock.name = %station.plan.dock, error = %trouble, "an inbox cannot be read");
        }
        station.mail().pass = Pass::At(self.parts().clock.since_boot() + self.parts().bounds.poll);
    }

    fn look(&self, station: &Station, door: &Door, (path, hint): (&RawName, Hint)) {
        match door.root.stat(path) {
            Ok(stat) => self.see(station, door, (path, &stat, hint)),
            Err(refusal) if refusal.reason == Reason::Vanished => station.desk().forget(path),
            Err(refusal) => {
                let mut desk = station.desk();
                desk.forget(path);
                desk.refuse(path, refusal.reason);
            }
        }
    }

    fn see(&self, station: &Station, door: &Door, (path, stat, hint): (&RawName, &Stat, Hint)) {
        let now = self.parts().clock.since_boot();
        let look = stat.look(now);
        let patterns = &self.parts().naming.patterns;
        let seen = station.desk().see(path, look, hint);
        match seen {
            Seen::Later => return,
            Seen::Familiar => {}
            Seen::New => {
                if let Some(reason) = patterns.ignored(path) {
                    return station.desk().rest(path, &look, (State::Ignored, Some(reason)));
                }
                match self.known_state(&door.root.source(path, stat)) {
                    Ok(Some(state)) => return station.desk().rest(path, &look, (state, None)),
                    Ok(None) => station.desk().take_up(path.clone(), look, hint),
                    Err(error) => {
                        tracing::error!(error = %chain(&error), "the catalog cannot be asked");
                        return;
                    }
                }
            }
        }
        let policy = SettlePolicy { quiet: station.plan.quiet, ignore: Some(patterns) };
        station.desk().judge(path, now, &policy);
    }

    fn full_pass(&self, station: &Station, door: &Door) {
        let began = self.parts().clock.since_boot();
        let mode = station.refresh_events(door);
        let between = self.time_between_passes(&mode);
        station.mail().put_off(self.parts().clock.since_boot() + between);
        station.desk().begin_pass();
        let walked = walk(&door.root, &mut |seen| self.meet(station, door, &seen));
        match walked {
            // Only a pass that saw everything, of an inbox that is still the same, tells what is gone.
            Ok(Walked::Whole) if door.root.still_there() => station.desk().end_pass(),
            Ok(Walked::Partly | Walked::TooMany) => station.desk().end_partial_pass(),
            Ok(Walked::Whole | Walked::Stopped) => {}
            Err(error) => return self.inbox_trouble(station, &error),
        }
        let took = self.parts().clock.since_boot().saturating_sub(began);
        let walk_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(dock.name = %station.plan.dock, walk_ms, "an inbox was walked");
        let now = self.parts().clock.now();
        let mut seen = station.seen();
        seen.mode = Some(mode);
        seen.trouble = None;
        if matches!(walked, Ok(Walked::Stopped)) {
            return;
        }
        seen.full_scan = Some(now);
        drop(seen);
        if let Err(error) = self.parts().catalog.note_scan(station.plan.dock.clone(), now) {
            // Only for those who ask while no daemon runs.
            tracing::debug!(error = %chain(&error), "a scan was not noted");
        }
    }

    fn meet(&self, station: &Station, door: &Door, seen: &crate::inbox::Seen) -> ControlFlow<()> {
        match &seen.found {
            Found::File(stat) => self.see(station, door, (&seen.path, stat, Hint::None)),
            Found::Refused(reason) => station.desk().refuse(&seen.path, *reason),
        }
        if self.stopping() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Station {
    /// Watches first, walks then: what comes between the two is told by the one or seen by the other.
    fn refresh_events(&self, door: &Door) -> Mode {
        let poll = |because: String| Mode::Poll { because };
        match (door.root.mode(), &self.events) {
            (mode @ Mode::Poll { .. }, _) => mode,
            (Mode::Events, None) => poll("this system gives no file events".to_owned()),
            (Mode::Events, Some(watcher)) => match watcher.refresh(0) {
                Ok(Watching::Folders(_)) => Mode::Events,
                Ok(Watching::Poll { because }) => poll(because),
                Err(error) => poll(chain(&error)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn station() -> Station {
        let plan = InboxPlan {
            dock: "dock".parse().expect("a name"),
            path: "/nowhere".into(),
            quiet: Duration::from_secs(10),
            release: None,
            max_file: u64::MAX,
            classes: crate::intake::Classes {
                protections: Vec::new(),
                domains: vec![crate::model::Domain::General],
            },
            receipts: None,
        };
        Station::new(plan, None)
    }

    const NOW: Duration = Duration::from_secs(1);
    const LATER: Duration = Duration::from_secs(9);

    #[test]
    fn an_inbox_that_cannot_be_read_is_not_asked_again_before_its_pass() {
        let station = station();
        station.mail().pass = Pass::At(LATER);
        assert_eq!(station.next_round(NOW), LATER);
        station.hear(What::File(Changed { path: RawName::new("clip.mp4"), hint: Hint::CloseWrite }));
        assert_eq!(station.next_round(NOW), NOW, "an event is looked at once");
        station.seen().trouble = Some("it is not there".to_owned());
        assert_eq!(station.next_round(NOW), LATER);
    }

    #[test]
    fn a_rescan_that_is_wanted_meanwhile_is_not_put_off() {
        let station = station();
        station.mail().pass = Pass::At(NOW);
        station.hear(What::Rescan);
        station.mail().put_off(LATER);
        assert_eq!(station.next_round(NOW), NOW);
    }

    #[test]
    fn more_events_than_are_kept_make_a_pass() {
        let station = station();
        station.mail().pass = Pass::At(LATER);
        for _ in 0..=MOST_EVENTS {
            station.hear(What::File(Changed { path: RawName::new("clip.mp4"), hint: Hint::None }));
        }
        assert_eq!(station.mail().changed.len(), MOST_EVENTS);
        assert_eq!(station.mail().pass, Pass::Wanted);
    }
}
