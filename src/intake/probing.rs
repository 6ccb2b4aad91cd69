//! Facts about media, after the receipt: the source is probed while it still is the sealed file.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{MutexGuard, PoisonError};

use super::attempt::content;
use super::{Error, Intake};
use crate::catalog::{ItemRow, Origin};
use crate::evidence::Sealing;
use crate::inbox::{OpenSource, Root, Typed};
use crate::ledger::Content;
use crate::model::{
    Act, DerivativeSealed, DerivedFacts, Generation, ItemId, Kind, MediaFacts, MediaProbed, ProbeOutcome,
    Provenance, RawName, Source, chain,
};
use crate::probe::{Poster, Prober, Report};
use crate::seal::Role;

/// Whether a kind of thing may have streams inside.
pub(super) fn is_probed(kind: Kind) -> bool {
    match kind {
        Kind::Video | Kind::Audio | Kind::Image | Kind::Opaque => true,
        Kind::Document | Kind::Sidecar | Kind::Log => false,
    }
}

/// A key file that a custodian's keys opened while it was made.
type Proof = (ItemId, Generation);

/// Facts about a clip, with its poster's entry, that could not be recorded when they were found. At most one
/// for each item in the parser's hands.
pub(super) struct Unentered {
    contents: Vec<Content>,
    proven: Option<Proof>,
}

/// A source opened for the parser.
struct Offered {
    root: Root,
    path: RawName,
    open: OpenSource,
}

impl Intake {
    /// Probes what waits for it, until nothing does. Answers how many were probed.
    ///
    /// # Errors
    /// Where the catalog fails.
    pub async fn probe_all(&self) -> Result<usize, Error> {
        let mut probed = 0;
        loop {
            // One round at a time: `deposit` and the inboxes share the queue, and no file is probed twice.
            let _turn = self.0.probing.lock().await;
            self.see_all_entries_first().await?;
            let batch = self.parts().catalog.unprobed(None, self.parts().bounds.probes_at_once.max(1))?;
            if batch.is_empty() || self.stopping() {
                return Ok(probed);
            }
            probed += batch.len();
            let all = batch.into_iter().map(|(_, item)| self.probe(item));
            futures::future::try_join_all(all).await?;
        }
    }

    /// Probes these items, as far as nobody has yet.
    ///
    /// # Errors
    /// Where the catalog fails.
    pub(super) async fn probe_these(&self, items: &[ItemId]) -> Result<(), Error> {
        for batch in items.chunks(self.parts().bounds.probes_at_once.max(1)) {
            let _turn = self.0.probing.lock().await;
            self.see_all_entries_first().await?;
            let mut due = Vec::new();
            for item in batch {
                if !due.contains(item) && self.parts().catalog.is_unprobed(*item)? {
                    due.push(*item);
                }
            }
            if self.stopping() {
                return Ok(());
            }
            futures::future::try_join_all(due.into_iter().map(|item| self.probe(item))).await?;
        }
        Ok(())
    }

    /// Probes as items come in, until intake stops.
    pub async fn probe_as_they_come(&self) {
        while !self.stopping() {
            if let Err(error) = self.probe_all().await {
                tracing::error!(error = %chain(&error), "media facts could not be recorded");
                tokio::time::sleep(super::watch::TICK).await;
            }
            // Also woken by time: a permit may have been used up by a round that had just ended.
            let _ = tokio::time::timeout(super::watch::TICK, self.0.probes.notified()).await;
        }
    }

    /// Facts and a poster that stand in the ledger alone are due no more, once the catalog has seen them.
    async fn see_all_entries_first(&self) -> Result<(), Error> {
        let this = self.clone();
        let seen = tokio::task::spawn_blocking(move || this.catch_up()).await;
        Ok(seen.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?)
    }

    async fn probe(&self, item: ItemId) -> Result<(), Error> {
        let kept = self.unentered().remove(&item);
        if let Some(kept) = kept {
            let this = self.clone();
            let entered = tokio::task::spawn_blocking(move || this.enter_report(item, kept)).await;
            return entered.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        }
        let Some(row) = self.parts().catalog.item(item)? else { return Ok(()) };
        let Some(deposit) = self.parts().catalog.first_deposit_of(item)? else { return Ok(()) };
        if !is_probed(deposit.facts.kind) {
            // Brought back after a crash, without the entry that says so.
            return self.record_later(row, without_streams(ProbeOutcome::NotMedia)).await;
        }
        let (this, source) = (self.clone(), deposit.facts.source);
        // An inbox on a disk that hangs must not hold up those who only wait for one another.
        let offered = tokio::task::spawn_blocking(move || this.offer(&source)).await;
        let report = match offered.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())) {
            Err(code) => not_probed(code),
            Ok(offered) => self.look_into(&offered).await,
        };
        self.record_later(row, report).await
    }

    async fn record_later(&self, row: ItemRow, report: Report) -> Result<(), Error> {
        let this = self.clone();
        let recorded = tokio::task::spawn_blocking(move || this.record_report(&row, report)).await;
        recorded.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    /// Opens the source, if it still is what was sealed.
    fn offer(&self, source: &Source) -> Result<Offered, &'static str> {
        let gone = "source_gone";
        let by_hand = source.path.is_absolute();
        let (root, path) = match self.inbox_of(&source.dock) {
            Some(plan) if !by_hand => {
                (Root::open(plan.dock, &plan.path).map_err(|_| gone)?, source.path.clone())
            }
            // Its inbox is no longer set; a path relative to it leads anywhere from here.
            None if !by_hand => return Err(gone),
            _ => match Root::typed(source.dock.clone(), &source.path.to_path()) {
                Ok(Typed::File { root, name }) => (root, name),
                Ok(Typed::Folder(_)) | Err(_) => return Err(gone),
            },
        };
        let open = root.open_file(&path).map_err(|_| gone)?;
        if open.source == *source { Ok(Offered { root, path, open }) } else { Err("source_changed") }
    }

    async fn prober(&self) -> Option<&Prober> {
        let started = self.0.prober.get_or_init(|| async {
            let starting = self.parts().prober.clone();
            // Starting waits for the program to get ready.
            let started = tokio::task::spawn_blocking(move || Prober::start(starting)).await;
            match started.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())) {
                Ok(prober) => Some(prober),
                Err(error) => {
                    tracing::error!(error = %chain(&error), "there will be no facts about media");
                    None
                }
            }
        });
        started.await.as_ref()
    }

    async fn look_into(&self, offered: &Offered) -> Report {
        let Some(prober) = self.prober().await else { return not_probed("no_prober") };
        let Ok(file) = offered.open.file.try_clone() else { return not_probed("no_prober") };
        let report = prober.probe(file, &offered.path).await;
        // Facts read from bytes that changed meanwhile are not facts about the item.
        match offered.root.check_unchanged(&offered.path, &offered.open) {
            Ok(()) => report,
            Err(_) => not_probed("source_changed"),
        }
    }

    fn record_report(&self, row: &ItemRow, report: Report) -> Result<(), Error> {
        let mut contents = Vec::new();
        let mut proven = None;
        // Whoever raises the class of an item raises its posters with it, those that are entered by then.
        let _stay = self.parts().evidence.classes_stay();
        let now = self.parts().catalog.item(row.item)?;
        let row = now.as_ref().unwrap_or(row);
        // A crash may have come between a poster and its facts; then it was brought back already.
        let has_one = !self.parts().catalog.derivatives_of(row.item)?.is_empty();
        if let Some(poster) = report.poster.as_ref().filter(|_| !has_one) {
            match self.seal_poster(row, poster) {
                Ok((sealed, proof)) => {
                    contents.push(sealed);
                    proven = proof;
                }
                Err(error) => {
                    tracing::warn!(item.id = %row.item, error = %chain(&error), "a poster was not sealed");
                    if self.stopping() || super::fate::is_of_the_disk(&error) {
                        // The item stays in the queue, and is probed again with its poster.
                        return Err(error.into());
                    }
                }
            }
        }
        contents.push(content(Act::MediaProbed(MediaProbed { item: row.item, facts: report.facts })));
        self.enter_report(row.item, Unentered { contents, proven })
    }

    /// Enters facts, and the poster that lies in the vault by now. Where that fails they are kept: the next try
    /// enters them instead of making another poster.
    fn enter_report(&self, item: ItemId, report: Unentered) -> Result<(), Error> {
        match self.parts().catalog.record(report.contents.clone()) {
            Ok(_) => {
                // Not before: a proof of something that has no row yet is lost.
                if let Some((poster, generation)) = report.proven {
                    self.mark_proven(poster, generation);
                }
                Ok(())
            }
            Err(error) => {
                self.parts().catalog.look_again();
                if error.is_recorded() {
                    self.fell_behind();
                } else {
                    self.unentered().insert(item, report);
                }
                Err(error.into())
            }
        }
    }

    fn unentered(&self) -> MutexGuard<'_, HashMap<ItemId, Unentered>> {
        self.0.unentered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seals a poster as a derivative, under the keys of its parent's domains.
    fn seal_poster(
        &self,
        row: &ItemRow,
        poster: &Poster,
    ) -> Result<(Content, Option<Proof>), crate::evidence::Error> {
        let derived = DerivedFacts {
            parent: row.item,
            parent_sha256: row.sha256,
            role: "poster".to_owned(),
            tool: format!("sealdock-probe {}", env!("CARGO_PKG_VERSION")),
            reason: "so that people can look before they read".to_owned(),
            media_type: "image/jpeg".to_owned(),
            made: self.parts().clock.now(),
        };
        let mut unplaced = self.parts().evidence.seal(Sealing {
            role: Role::Derivative,
            source: &mut &poster.bytes[..],
            limit: poster.bytes.len() as u64,
            protections: protections_of(row),
            domains: &row.domains,
            claims: &[],
            describe: &|_| Provenance::Derived(derived.clone()),
            stop: &AtomicBool::new(false),
            chair: &self.parts().chair,
        })?;
        unplaced.place().inspect_err(|_| self.parts().catalog.look_again())?;
        let proof = unplaced.proven.then_some((unplaced.item, unplaced.generation));
        let sealed = content(Act::DerivativeSealed(DerivativeSealed {
            item: unplaced.item,
            derived,
            size: unplaced.taken.size,
            sha256: unplaced.taken.sha256,
            sealed_size: unplaced.sealed_size,
            sealed_sha256: unplaced.sealed_sha256,
            domains: row.domains.clone(),
            generation: unplaced.generation,
            keys_sha256: unplaced.keys_sha256,
            recovered: None,
        }));
        Ok((sealed, proof))
    }

    /// Remembers that a custodian's keys opened a key file.
    pub(super) fn mark_proven(&self, item: ItemId, generation: Generation) {
        if let Err(error) = self.parts().catalog.mark_proven(item, generation) {
            // Only a note for ourselves: it will be proved once more.
            tracing::debug!(item.id = %item, error = %chain(&error), "a proof was not noted");
        }
    }
}

fn protections_of(row: &ItemRow) -> &[crate::model::Protection] {
    match &row.origin {
        Origin::Original(original) => original.class.protections(),
        Origin::Derivative { .. } => &[],
    }
}

fn not_probed(code: &str) -> Report {
    without_streams(ProbeOutcome::NotProbed { code: code.to_owned() })
}

fn without_streams(outcome: ProbeOutcome) -> Report {
    Report { facts: MediaFacts::without_streams(outcome), poster: None }
}
