//! How things stand, and what would go wrong.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;

use super::{Rooms, Shared, blocking};
use crate::api::{
    CustodyState, Diagnosis, InboxStatus, IntakeState, IntakeStatus, LedgerStatus, Problem, SightingStatus,
    SpaceStatus, Status,
};
use crate::intake::{self, Intakes, Watched};
use crate::model::{RawName, Reason};

pub(super) async fn status(State(rooms): State<Shared>) -> Result<Json<Status>, Problem> {
    blocking(move || status_of(&rooms)).await.map(Json)
}

pub(super) async fn doctor(State(rooms): State<Shared>) -> Result<Json<Diagnosis>, Problem> {
    blocking(move || Ok::<_, Problem>((rooms.doctor)(&rooms))).await.map(Json)
}

fn status_of(rooms: &Rooms) -> Result<Status, Problem> {
    let (watched, inboxes) = rooms.intake.inbox_status()?;
    let counts = rooms.catalog.counts()?;
    let whole = counts.items.saturating_sub(counts.quarantined);
    let items = BTreeMap::from([
        (crate::model::State::Sealed, whole),
        (crate::model::State::Quarantined, counts.quarantined),
    ]);
    Ok(Status {
        archive: rooms.keyring.archive(),
        intake: intake_of(rooms, watched),
        inboxes: inboxes.into_iter().map(inbox).collect(),
        custody: custody(rooms),
        unproven: counts.unproven,
        items,
        ledger: LedgerStatus {
            size: rooms.catalog.ledger_size(),
            head_time: rooms.catalog.last_entry_at()?,
            epoch: rooms.catalog.epoch(),
        },
        space: space(rooms),
    })
}

/// Whether items can be opened now.
pub(super) fn custody(rooms: &Rooms) -> CustodyState {
    if rooms.chair.custody().is_some() { CustodyState::Open } else { CustodyState::SealOnly }
}

fn intake_of(rooms: &Rooms, watched: Watched) -> IntakeStatus {
    let (state, why) = match (watched, rooms.intake.standing()) {
        (Watched::No, _) => (IntakeState::Stopped, Some("no_daemon".to_owned())),
        (Watched::Yes, Intakes::Paused(reason)) => (IntakeState::Paused, Some(reason.code().to_owned())),
        (Watched::Yes, Intakes::Running) => (IntakeState::Running, None),
    };
    IntakeStatus { state, why }
}

fn inbox(status: intake::InboxStatus) -> InboxStatus {
    let mut reasons: BTreeMap<Reason, u64> = BTreeMap::new();
    for open in &status.open {
        *reasons.entry(open.reason).or_default() += 1;
    }
    let sighting = |open: intake::OpenFile| SightingStatus {
        path: open.path,
        state: open.state,
        reasons: vec![open.reason],
        attempts: open.attempts,
    };
    InboxStatus {
        dock: status.dock,
        path: RawName::from(status.path.as_path()),
        mode: status.mode.to_owned(),
        why: status.because,
        last_full_scan: status.last_full_scan,
        states: status.states,
        reasons,
        sightings: status.open.into_iter().map(sighting).collect(),
    }
}

fn space(rooms: &Rooms) -> Vec<SpaceStatus> {
    let places = rooms.evidence.vault().places();
    let measured = places.iter().filter_map(|place| Some((place, place.space().ok()?)));
    measured
        .map(|(place, space)| SpaceStatus {
            place: RawName::from(place.path()),
            free_bytes: space.free,
            total_bytes: space.total,
            floor_bytes: (rooms.floor)(space.total),
        })
        .collect()
}
