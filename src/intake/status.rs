//! How the inboxes stand, with a watch at work or without.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use serde::Serialize;

use super::desk::Listed;
use super::scan::Station;
use super::{Error, InboxPlan, Intake};
use crate::inbox::{Found, Mode, Seen, walk};
use crate::model::{DockName, Moment, RawName, Reason, State, chain};

/// Whether inboxes are at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    /// They are.
    Yes,
    /// Nobody watches them.
    No,
}

/// How one inbox stands.
#[derive(Debug, Clone, Serialize)]
pub struct InboxStatus {
    /// Who fills it.
    pub dock: DockName,
    /// The folder.
    pub path: PathBuf,
    /// `events`, `poll`, or `missing`.
    pub mode: &'static str,
    /// Why it is polled, or why it cannot be read.
    pub because: Option<String>,
    /// When every file in it was last looked at.
    pub last_full_scan: Option<Moment>,
    /// Files by state.
    pub states: BTreeMap<State, u64>,
    /// Files that are not sealed, by name; a bounded number of them.
    pub open: Vec<OpenFile>,
}

/// A file that is not sealed.
#[derive(Debug, Clone, Serialize)]
pub struct OpenFile {
    /// Relative to the inbox.
    pub path: RawName,
    /// How it stands.
    pub state: State,
    /// Why.
    pub reason: Reason,
    /// Attempts that failed so far.
    pub attempts: u32,
}

impl From<Listed> for OpenFile {
    fn from(listed: Listed) -> Self {
        let Listed { path, state, reason, attempts } = listed;
        Self { path, state, reason, attempts }
    }
}

impl Intake {
    pub(super) fn set_watched(&self, stations: Option<Arc<Vec<Arc<Station>>>>) {
        *self.0.watched.write().unwrap_or_else(PoisonError::into_inner) = stations;
    }

    /// Whether inboxes are at work, and how each of them stands. Without a watch they are walked now.
    ///
    /// # Errors
    /// Where the catalog cannot be asked.
    pub fn inbox_status(&self) -> Result<(Watched, Vec<InboxStatus>), Error> {
        let watched = self.0.watched.read().unwrap_or_else(PoisonError::into_inner).clone();
        match watched {
            Some(stations) => Ok((Watched::Yes, stations.iter().map(|station| at_work(station)).collect())),
            None => {
                let all = self.inboxes().iter().map(|plan| self.at_rest(plan)).collect::<Result<_, _>>()?;
                Ok((Watched::No, all))
            }
        }
    }

    fn at_rest(&self, plan: &InboxPlan) -> Result<InboxStatus, Error> {
        let mut status = InboxStatus {
            dock: plan.dock.clone(),
            path: plan.path.clone(),
            mode: "missing",
            because: None,
            last_full_scan: self.parts().catalog.last_scan(&plan.dock)?,
            states: State::ALL.iter().map(|state| (*state, 0)).collect(),
            open: Vec::new(),
        };
        let door = match plan.door() {
            Ok(door) => door,
            Err(error) => {
                status.because = Some(chain(&error));
                return Ok(status);
            }
        };
        (status.mode, status.because) = words(&door.root.mode());
        let mut failed = None;
        let walked = walk(&door.root, &mut |seen: Seen| match self.state_at_rest(&door, &seen) {
            Ok((state, reason)) => {
                *status.states.entry(state).or_default() += 1;
                if let Some(reason) = reason.filter(|_| status.open.len() < MOST_LISTED) {
                    status.open.push(OpenFile { path: seen.path, state, reason, attempts: 0 });
                }
                ControlFlow::Continue(())
            }
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        });
        if let Err(error) = walked {
            status.because = Some(chain(&error));
        }
        failed.map_or(Ok(status), |error| Err(error.into()))
    }

    fn state_at_rest(
        &self,
        door: &super::Door,
        seen: &Seen,
    ) -> Result<(State, Option<Reason>), crate::catalog::Error> {
        let stat = match &seen.found {
            Found::Refused(reason) => return Ok((State::Refused, Some(*reason))),
            Found::File(stat) => stat,
        };
        if let Some(reason) = self.parts().naming.patterns.ignored(&seen.path) {
            return Ok((State::Ignored, Some(reason)));
        }
        let found = self.known_arrival(&door.root.source(&seen.path, stat))?;
        Ok(found.map_or((State::Waiting, Some(Reason::Stopped)), |row| (row.state(), None)))
    }
}

/// As many as a desk lists.
const MOST_LISTED: usize = 100;

fn words(mode: &Mode) -> (&'static str, Option<String>) {
    match mode {
        Mode::Events => ("events", None),
        Mode::Poll { because } => ("poll", Some(because.clone())),
    }
}

fn at_work(station: &Station) -> InboxStatus {
    let seen = station.seen().clone();
    let (mode, because) = match (seen.trouble, &seen.mode) {
        (Some(trouble), _) => ("missing", Some(trouble)),
        (None, Some(mode)) => words(mode),
        (None, None) => ("events", None),
    };
    let desk = station.desk();
    InboxStatus {
        dock: station.plan.dock.clone(),
        path: station.plan.path.clone(),
        mode,
        because,
        last_full_scan: seen.full_scan,
        states: desk.counts(),
        open: desk.listing().into_iter().map(OpenFile::from).collect(),
    }
}
