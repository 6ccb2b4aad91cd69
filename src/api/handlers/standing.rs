//! How things stand, and what would go wrong.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;

use super::{Rooms, Shared, blocking};
use crate::api::{
    BackupStatus, CustodyState, Diagnosis, InboxStatus, IntakeState, IntakeStatus, LedgerStatus,
    PlaceState, Problem, RestoreStatus, ScrubStatus, SightingStatus, SpaceStatus, Status,
};
use crate::audit::backup;
use crate::catalog::Restorer;
use crate::intake::{self, Intakes, Watched};
use crate::model::{RawName, Reason};
use crate::vault::{Place, Space, Standing};

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
        damaged: counts.damaged,
        items,
        ledger: LedgerStatus {
            size: rooms.catalog.ledger_size(),
            head_time: rooms.catalog.last_entry_at()?,
            epoch: rooms.catalog.epoch(),
        },
        space: space(rooms)?,
        backup: backup(rooms.backups.standing()),
        restore: rooms.catalog.unconfirmed_restore()?.map(|by| RestoreStatus {
            uid: match by {
                Restorer::User(uid) => Some(uid),
                Restorer::Node => None,
            },
        }),
    })
}

fn backup(standing: backup::Standing) -> Option<BackupStatus> {
    let plan = standing.plan?;
    Some(BackupStatus {
        folder: RawName::from(plan.wanted.folder.as_path()),
        every_s: plan.every.as_secs(),
        content: plan.wanted.extent.into(),
        last: standing.last,
        trouble: standing.trouble,
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

fn space(rooms: &Rooms) -> Result<Vec<SpaceStatus>, Problem> {
    rooms.evidence.vault().standings().map(|(place, standing)| place_of(rooms, place, standing)).collect()
}

fn place_of(rooms: &Rooms, place: &Place, standing: Standing) -> Result<SpaceStatus, Problem> {
    let (state, why) = match standing {
        Standing::Whole => (PlaceState::Whole, None),
        Standing::Owing => (PlaceState::Owing, None),
        Standing::Away(fault) => (PlaceState::Away, Some(fault.code().to_owned())),
    };
    // What lies under an unmounted place is another disk.
    let space = if place.is_there() { place.space().ok() } else { None };
    let space = space.unwrap_or(Space { free: 0, total: 0 });
    let round = rooms.catalog.round(place.name())?;
    Ok(SpaceStatus {
        place: RawName::from(place.path()),
        state,
        why,
        free_bytes: space.free,
        total_bytes: space.total,
        floor_bytes: (rooms.floor)(space.total),
        scrub: ScrubStatus { began: round.began, bytes_read: round.bytes },
    })
}
