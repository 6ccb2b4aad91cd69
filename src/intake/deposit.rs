//! `deposit`: the same intake, once, for files and folders that a person names.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::hands::Hands;
use super::{Classes, Door, DoorRules, Error, Intake, Outcome, Types};
use crate::inbox::{Found, Root, Typed, walk};
use crate::model::{DockName, RawName, Reason, State};
use crate::rules::settle::{Hint, SettlePolicy, Settled, Settling, Sighting, judge};

/// What a person wants to deposit.
#[derive(Debug, Clone)]
pub struct HandDeposit {
    /// Files and folders.
    pub paths: Vec<Named>,
    /// In the name of this dock.
    pub dock: DockName,
}

/// A file or folder that a person named.
#[derive(Debug, Clone)]
pub struct Named {
    /// As it was typed; outcomes speak of it, and of what lies beneath it, in these words.
    pub shown: RawName,
    /// The same from the root.
    pub absolute: PathBuf,
}

impl Named {
    fn beneath(&self, path: &RawName) -> RawName {
        let shown = self.shown.as_bytes();
        let shown = shown.strip_suffix(b"/").unwrap_or(shown);
        RawName::new([shown, b"/", path.as_bytes()].concat())
    }
}

/// A file to take, and how it is called in the answer.
struct Wanted {
    door: Arc<Door>,
    path: RawName,
    settled: Settled,
    shown: RawName,
}

/// Files found and not yet in hand; a walk waits while so many are.
const AHEAD: usize = 64;

/// A file to take, or why there is none to take.
type Next = Result<Wanted, Box<Outcome>>;

impl Intake {
    /// Takes what was named, a line for each file as it ends. Returns when every file has its outcome and its
    /// media facts.
    ///
    /// # Errors
    /// Where the archive as a whole fails; trouble with a file is that file's outcome.
    pub async fn deposit(&self, wanted: HandDeposit, tell: mpsc::Sender<Outcome>) -> Result<(), Error> {
        let (found, mut next) = mpsc::channel::<Next>(AHEAD);
        let this = self.clone();
        let looking = tokio::task::spawn_blocking(move || this.find_all(&wanted, &found));
        let hands = Hands::new(self.parts().bounds.files_at_once);
        let mut at_work = JoinSet::new();
        let mut items = Vec::new();
        while let Some(next) = next.recv().await {
            while let Some(ended) = at_work.try_join_next() {
                items.extend(ended.ok().flatten());
            }
            let size = next.as_ref().map_or(0, |wanted| wanted.settled.look().size);
            let Some(hand) = hands.take(size).await else { break };
            let (this, tell) = (self.clone(), tell.clone());
            at_work.spawn_blocking(move || {
                let outcome = match next {
                    Ok(wanted) => Outcome {
                        path: wanted.shown,
                        ..this.take(&wanted.door, &wanted.path, &wanted.settled)
                    },
                    Err(outcome) => *outcome,
                };
                drop(hand);
                let item = outcome.taken.as_ref().map(|taken| taken.item);
                // The asker may have hung up; what was begun is finished all the same.
                let _ = tell.blocking_send(outcome);
                item
            });
        }
        while let Some(ended) = at_work.join_next().await {
            items.extend(ended.ok().flatten());
        }
        drop(tell);
        if let Err(panic) = looking.await {
            std::panic::resume_unwind(panic.into_panic());
        }
        self.probe_these(&items).await
    }

    fn find_all(&self, wanted: &HandDeposit, found: &mpsc::Sender<Next>) {
        for named in &wanted.paths {
            let next = match Root::typed(wanted.dock.clone(), &named.absolute) {
                Ok(Typed::File { root, name }) => {
                    let door = Arc::new(hand_door(root, &wanted.dock, self.classes_by_hand(&wanted.dock)));
                    self.look_once(&door, &name, named.shown.clone())
                }
                Ok(Typed::Folder(root)) => {
                    self.find_beneath(
                        named,
                        hand_door(root, &wanted.dock, self.classes_by_hand(&wanted.dock)),
                        found,
                    );
                    continue;
                }
                Err(error) => Err(cannot_open(named, &error).into()),
            };
            // Nobody listens any more only where the deposit was given up.
            let _ = found.blocking_send(next);
        }
    }

    fn find_beneath(&self, named: &Named, door: Door, found: &mpsc::Sender<Next>) {
        let door = Arc::new(door);
        let mut meet = |seen: crate::inbox::Seen| {
            let shown = named.beneath(&seen.path);
            let next = match seen.found {
                Found::Refused(reason) => Err(Outcome::refused(&shown, reason).into()),
                Found::File(_) => match self.parts().naming.patterns.ignored(&seen.path) {
                    Some(reason) => Err(Outcome::of(&shown, State::Ignored, reason).into()),
                    None => self.look_once(&door, &seen.path, shown),
                },
            };
            match found.blocking_send(next) {
                Ok(()) if !self.stopping() => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        };
        if let Err(error) = walk(&door.root, &mut meet) {
            let _ = found.blocking_send(Err(cannot_open(named, &error).into()));
        }
    }

    /// One look before; the other is taken after the last byte.
    fn look_once(&self, door: &Arc<Door>, path: &RawName, shown: RawName) -> Next {
        let now = self.parts().clock.since_boot();
        let look = door.root.stat(path).map_err(|refusal| Outcome::of_refusal(&shown, &refusal))?.look(now);
        let sighting = Sighting::begin(look, Hint::None);
        let policy = SettlePolicy { quiet: std::time::Duration::ZERO, ignore: None };
        match judge(&sighting.facts(path), &policy) {
            Settling::Settled(settled) => {
                Ok(Wanted { door: door.clone(), path: path.clone(), settled, shown })
            }
            Settling::Wait { because, .. } | Settling::Leave { because } => {
                Err(Outcome::waiting(&shown, because).into())
            }
        }
    }
}

fn cannot_open(named: &Named, error: &crate::inbox::Error) -> Outcome {
    tracing::warn!(error = %crate::model::chain(error), "a path cannot be deposited");
    let reason = match error {
        crate::inbox::Error::Missing { .. } => Reason::Vanished,
        _ => Reason::Unreadable,
    };
    Outcome::refused(&named.shown, reason)
}

fn hand_door(root: Root, dock: &DockName, classes: Classes) -> Door {
    let rules = DoorRules {
        dock: dock.clone(),
        classes,
        // A person chose the file; only the room in the vault bounds it.
        max_file: u64::MAX,
        types: Types::Any,
    };
    Door { root, rules }
}
