//! One try at sealing a file: opened, judged to be what was settled, sealed, looked at again, named,
//! recorded, answered.

use std::io::Read;

use super::claims::{self, Claims};
use super::pause::{Metered, Reserved};
use super::{Door, Intake, Outcome, Taken, Types, fate};
use crate::catalog::{DepositRow, Origin};
use crate::evidence::{Again, Record, Sealing, Unplaced};
use crate::inbox::{OpenSource, Refusal};
use crate::ledger::Content;
use crate::model::{
    Act, Actor, ClockClaim, ClockSource, ClockTrust, DepositFacts, DepositId, DockName, ItemId, ItemSealed,
    Kind, KnownDeposit, Level, MediaFacts, MediaProbed, Moment, ProbeOutcome, Provenance, RawName,
    ReadBack, Reason, Sha256, Source, State, chain,
};
use crate::rules::naming::Named;
use crate::rules::settle::Settled;
use crate::seal::Role;

/// An item that has its name in the vault and no entry yet, because recording failed. The next attempt on
/// the same source records it instead of sealing again, so that nothing is doubled.
pub(super) struct Unrecorded {
    source: Source,
    contents: Vec<Content>,
}

impl Unrecorded {
    /// Whose bytes wait to be an item; `None` where they are one already.
    fn bytes(&self) -> Option<(DockName, Sha256)> {
        self.contents.iter().find_map(|content| match &content.act {
            Act::ItemSealed(sealed) => Some((sealed.deposit.source.dock.clone(), sealed.sha256)),
            _ => None,
        })
    }
}

/// A source that was opened and judged.
struct Opened {
    open: OpenSource,
    named: Named,
    kind: Kind,
    claims: Claims,
    notices: Vec<Reason>,
}

/// Why an attempt ends without an item; boxed up as the outcome that is told.
type Ended<T> = Result<T, Box<Outcome>>;

impl Intake {
    /// Tries to take one settled file. Blocks; never fails, since every failure is a state of the file.
    pub(super) fn take(&self, door: &Door, path: &RawName, settled: &Settled) -> Outcome {
        let outcome = match self.try_take(door, path, settled) {
            Ok(outcome) => outcome,
            Err(outcome) => *outcome,
        };
        self.learn(outcome.state);
        outcome
    }

    fn try_take(&self, door: &Door, path: &RawName, settled: &Settled) -> Ended<Outcome> {
        let opened = self.open(door, path, settled)?;
        if let Some(outcome) = self.recall(path, &opened.open.source)? {
            return Ok(outcome);
        }
        // A giant that does not fit waits alone: it pauses nobody else.
        let room = self.reserve(opened.open.source.size);
        let room = room.ok_or_else(|| Outcome::waiting(path, Reason::NoSpace))?;
        let mut unplaced = self.seal_source(door, path, (&opened, room))?;
        // P2: the source is looked at again after its last byte was read.
        door.root.check_unchanged(path, &opened.open).map_err(|refusal| waits(path, &refusal))?;
        self.commit(door, path, (&opened, &mut unplaced))
    }

    fn open(&self, door: &Door, path: &RawName, settled: &Settled) -> Ended<Opened> {
        let open = door.root.open_file(path).map_err(|refusal| Outcome::of_refusal(path, &refusal))?;
        if !settled.is_still(&open.source) {
            return Err(Outcome::waiting(path, Reason::Changed).into());
        }
        if open.source.size > door.rules.max_file {
            return Err(Outcome::refused(path, Reason::TooLarge).into());
        }
        let named = self.parts().naming.patterns.classify(path);
        let judged = self.parts().naming.kind_of(path, &named);
        let mut notices = Vec::new();
        if door.rules.types == Types::Expected {
            notices.extend(judged.odd);
        }
        if open.source.size == 0 {
            notices.push(Reason::Empty);
        }
        if open.links > 1 {
            notices.push(Reason::HardLink);
        }
        let claims = match judged.kind {
            Kind::Sidecar => Claims::default(),
            _ => Claims::beside(&door.root, path),
        };
        Ok(Opened { open, named, kind: judged.kind, claims, notices })
    }

    fn deposit_of(&self, source: &Source, path: &RawName) -> Ended<Option<DepositRow>> {
        self.known_arrival(source).map_err(|error| self.not_recorded(path, &error))
    }

    /// The catalog's trouble, told as the file's: it waits.
    fn not_recorded(&self, path: &RawName, error: &crate::catalog::Error) -> Box<Outcome> {
        tracing::error!(error = %chain(error), "the catalog could not record a deposit");
        self.pause_for(Reason::WriteError);
        Outcome::waiting(path, Reason::WriteError).into()
    }

    fn known_source(&self, path: &RawName, row: &DepositRow) -> Outcome {
        let taken = self.taken(row);
        Outcome { path: path.clone(), state: State::Known, reasons: row.facts.reasons.clone(), taken }
    }

    /// What is told of a recorded deposit; its receipt is written on the way, if it is not yet.
    fn taken(&self, row: &DepositRow) -> Option<Taken> {
        let item = self.parts().catalog.item(row.item).ok().flatten()?;
        Some(Taken {
            item: row.item,
            deposit: row.deposit(),
            size: item.size,
            sha256: item.sha256,
            sealed_sha256: item.sealed_sha256,
            copies: row.copies,
            ledger_index: row.index,
            receipt: self.deliver(row, &item),
        })
    }

    fn seal_source(
        &self,
        door: &Door,
        path: &RawName,
        (opened, room): (&Opened, Reserved<'_>),
    ) -> Ended<Unplaced> {
        let mut source = Metered { source: &opened.open.file, room };
        let describe = |taken: &crate::evidence::Taken| {
            Provenance::Deposited(self.describe((door, path), opened, taken))
        };
        self.parts()
            .evidence
            .seal(Sealing {
                role: Role::Original,
                source: &mut source as &mut dyn Read,
                // No more than was judged and has room: a file may grow for as long as it is read.
                limit: opened.open.source.size,
                protections: &door.rules.classes.protections,
                domains: &door.rules.classes.domains,
                claims: &opened.claims.algorithms(),
                describe: &describe,
                stop: &self.0.stop,
                chair: &self.parts().chair,
            })
            .map_err(|error| {
                let reason = fate::reason_of(&error);
                if reason != Reason::Stopped {
                    tracing::warn!(error = %chain(&error), reason = %reason, "an attempt was abandoned");
                }
                self.pause_for(reason);
                Box::new(Outcome::waiting(path, reason))
            })
    }

    /// Everything known of the deposit now that its last byte was read.
    fn describe(
        &self,
        (door, path): (&Door, &RawName),
        opened: &Opened,
        taken: &crate::evidence::Taken,
    ) -> DepositFacts {
        let parts = self.parts();
        let arrived = parts.clock.now();
        let claims = opened.claims.judge(&taken.digests, &|| self.stem_of(door, path));
        let mut reasons = opened.notices.clone();
        if claims::contradicted(&claims) {
            reasons.push(Reason::ChecksumMismatch);
        }
        DepositFacts {
            deposit: DepositId::new(arrived, parts.evidence.fresh()),
            source: opened.open.source.clone(),
            arrived,
            kind: opened.kind,
            clocks: clocks(&opened.named, &opened.open.source, arrived),
            name_hints: opened.named.hints.clone(),
            claims,
            reasons,
        }
    }

    /// Names and records, or finds that these bytes are an item already.
    fn commit(
        &self,
        door: &Door,
        path: &RawName,
        (opened, unplaced): (&Opened, &mut Unplaced),
    ) -> Ended<Outcome> {
        let Provenance::Deposited(facts) = unplaced.provenance.clone() else {
            unreachable!("seal_source describes a deposit")
        };
        // One at a time for the same bytes of one dock, or two arrivals would become two items.
        let sha256 = unplaced.taken.sha256;
        let turn = self.0.in_flight.turn((door.rules.dock.clone(), sha256));
        self.see_all_entries(path)?;
        self.record_twin(path, (&door.rules.dock, &sha256))?;
        let twin = self.twin(path, &door.rules.dock, unplaced)?;
        let contents = match twin {
            Some((item, Again { readback, copies })) => vec![content(Act::KnownDeposit(KnownDeposit {
                item,
                deposit: facts.clone(),
                readback,
                copies,
            }))],
            None => {
                let copies = unplaced.place().map_err(|error| {
                    tracing::warn!(error = %chain(&error), "a sealed file could not be named");
                    self.parts().catalog.look_again();
                    let reason = fate::reason_of(&error);
                    self.pause_for(reason);
                    Box::new(Outcome::waiting(path, reason))
                })?;
                self.new_item((unplaced, copies), &facts, door)
            }
        };
        let source = opened.open.source.clone();
        let outcome = self.record(path, Unrecorded { source, contents })?;
        if unplaced.proven
            && let Some(taken) = &outcome.taken
            && taken.item == unplaced.item
        {
            self.mark_proven(taken.item, unplaced.generation);
        }
        // Never two turns at once: checking a checksum takes that of its clip.
        drop(turn);
        self.check_late(door, path, (&facts, &opened.claims));
        Ok(outcome)
    }

    fn new_item(
        &self,
        (unplaced, copies): (&Unplaced, u32),
        facts: &DepositFacts,
        door: &Door,
    ) -> Vec<Content> {
        let sealed = Act::ItemSealed(ItemSealed {
            item: unplaced.item,
            deposit: facts.clone(),
            size: unplaced.taken.size,
            sha256: unplaced.taken.sha256,
            sealed_size: unplaced.sealed_size,
            sealed_sha256: unplaced.sealed_sha256,
            protections: door.rules.classes.protections.clone(),
            level: Level::None,
            domains: door.rules.classes.domains.clone(),
            generation: unplaced.generation,
            keys_sha256: unplaced.keys_sha256,
            copies,
            readback: unplaced.readback,
            recovered: None,
        });
        let mut contents = vec![content(sealed)];
        if !super::probing::is_probed(facts.kind) {
            let facts = MediaFacts::without_streams(ProbeOutcome::NotMedia);
            contents.push(content(Act::MediaProbed(MediaProbed { item: unplaced.item, facts })));
        }
        contents
    }

    /// The item of this dock that has these bytes already, if enough copies are still whole, and how far it was read
    /// back: the receipt speaks of it, not of what was sealed just now. A damaged twin is no reason to throw
    /// good bytes away: then they become an item of their own.
    fn twin(&self, path: &RawName, dock: &DockName, unplaced: &Unplaced) -> Ended<Option<(ItemId, Again)>> {
        let found = self
            .parts()
            .catalog
            .item_with(dock, &unplaced.taken.sha256)
            .map_err(|error| self.not_recorded(path, &error))?;
        let Some(row) = found else { return Ok(None) };
        let before = match &row.origin {
            Origin::Original(original) => original.readback,
            Origin::Derivative { .. } => ReadBack::Off,
        };
        let custody = self.parts().chair.custody();
        match self.parts().evidence.read_again(&Record::from(&row), (before, custody.as_deref())) {
            Ok(again) => Ok(Some((row.item, again))),
            Err(error) => {
                tracing::error!(item.id = %row.item, error = %chain(&error),
                    "known bytes arrived again and their item is damaged; they are sealed anew");
                Ok(None)
            }
        }
    }

    fn record(&self, path: &RawName, unrecorded: Unrecorded) -> Ended<Outcome> {
        match self.parts().catalog.record(unrecorded.contents.clone()) {
            Ok(_) => {
                self.0.probes.notify_one();
                Ok(self.answered(path, &unrecorded.contents))
            }
            Err(error) => {
                let outcome = self.not_recorded(path, &error);
                if error.is_recorded() {
                    self.fell_behind();
                } else {
                    self.parts().catalog.look_again();
                    self.unrecorded().push(unrecorded);
                }
                Err(outcome)
            }
        }
    }

    fn see_all_entries(&self, path: &RawName) -> Ended<()> {
        self.catch_up().map_err(|error| self.not_recorded(path, &error))
    }

    /// Lets the catalog catch up with entries that stand in the ledger alone: until it has, it knows neither sources
    /// nor bytes nor posters of theirs, and each would be made once more.
    pub(super) fn catch_up(&self) -> Result<(), crate::catalog::Error> {
        let mut unseen = self.unseen();
        if *unseen {
            // Recording nothing makes the view even first, or fails.
            self.parts().catalog.record(Vec::new())?;
            *unseen = false;
        }
        Ok(())
    }

    /// An entry stands in the ledger alone.
    pub(super) fn fell_behind(&self) {
        *self.unseen() = true;
    }

    fn unseen(&self) -> std::sync::MutexGuard<'_, bool> {
        self.0.unseen.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn unrecorded(&self) -> std::sync::MutexGuard<'_, Vec<Unrecorded>> {
        self.0.unrecorded.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// What is known of this source already: its deposit, or what an earlier attempt had named and could not
    /// record.
    fn recall(&self, path: &RawName, source: &Source) -> Ended<Option<Outcome>> {
        self.see_all_entries(path)?;
        let is_of_source = |one: &Unrecorded| same_source(&one.source, source);
        let bytes = self.unrecorded().iter().find(|one| is_of_source(one)).and_then(Unrecorded::bytes);
        let _turn = bytes.map(|bytes| self.0.in_flight.turn(bytes));
        match self.take_unrecorded(is_of_source) {
            Some(found) => self.record(path, found).map(Some),
            None => Ok(self.deposit_of(source, path)?.map(|row| self.known_source(path, &row))),
        }
    }

    /// Records an item of these bytes that has its name already, before anybody asks whether there is one. Called
    /// by the holder of their turn.
    fn record_twin(&self, path: &RawName, (dock, sha256): (&DockName, &Sha256)) -> Ended<()> {
        let has_bytes =
            |one: &Unrecorded| one.bytes().is_some_and(|(its, bytes)| its == *dock && bytes == *sha256);
        let found = self.take_unrecorded(has_bytes);
        found.map_or(Ok(()), |found| self.record(path, found).map(drop))
    }

    fn take_unrecorded(&self, is_wanted: impl Fn(&Unrecorded) -> bool) -> Option<Unrecorded> {
        let mut unrecorded = self.unrecorded();
        let at = unrecorded.iter().position(is_wanted);
        at.map(|at| unrecorded.swap_remove(at))
    }

    fn answered(&self, path: &RawName, contents: &[Content]) -> Outcome {
        let facts = contents.iter().find_map(|content| match &content.act {
            Act::ItemSealed(sealed) => Some(&sealed.deposit),
            Act::KnownDeposit(known) => Some(&known.deposit),
            _ => None,
        });
        let row = facts.and_then(|facts| self.parts().catalog.deposit(facts.deposit).ok().flatten());
        match row {
            Some(row) => Outcome {
                path: path.clone(),
                state: row.state(),
                reasons: row.facts.reasons.clone(),
                taken: self.taken(&row),
            },
            // Recorded a moment ago and unreadable now: the next look finds it as known.
            None => Outcome::waiting(path, Reason::WriteError),
        }
    }
}

fn waits(path: &RawName, refusal: &Refusal) -> Box<Outcome> {
    Box::new(Outcome::waiting(path, refusal.reason))
}

/// What the archive does by its own settings.
pub(super) fn content(act: Act) -> Content {
    Content { who: Actor::Node, why: None, act }
}

fn same_source(one: &Source, other: &Source) -> bool {
    Source { device: other.device, ..one.clone() } == *other
}

/// All clock claims, unmerged.
fn clocks(named: &Named, source: &Source, arrived: Moment) -> Vec<ClockClaim> {
    let mut clocks: Vec<ClockClaim> = named.clock.iter().cloned().collect();
    clocks.push(ClockClaim {
        from: ClockSource::File,
        says: source.modified.to_string(),
        trust: ClockTrust::Unknown,
    });
    clocks.push(ClockClaim {
        from: ClockSource::Arrival,
        says: arrived.to_string(),
        trust: ClockTrust::Node,
    });
    clocks
}
