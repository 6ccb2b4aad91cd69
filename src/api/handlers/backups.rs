//! Making backups, and confirming a restore.

use std::ops::ControlFlow;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::response::Response;

use super::{Rooms, Shared, actor, blocking};
use crate::api::{
    Answer, Asked, BackupMade, BackupRequest, Caller, Code, ConfirmRequest, Failure, ItemsIn, Lines,
    Problem, Progress, RestoreConfirmed,
};
use crate::audit::backup::{Made, Missing, Wanted};
use crate::catalog::Restorer;
use crate::keys::{EscrowKey, Share};
use crate::ledger::Content;
use crate::model::{self, Act, Actor, Witness};

pub(super) async fn make(State(rooms): State<Shared>, Asked(request): Asked<BackupRequest>) -> Response {
    let (mut lines, answer) = Lines::<BackupMade>::open();
    tokio::spawn(async move {
        let worked = blocking(move || {
            let made = make_one(&rooms, request, &lines);
            Ok::<_, Problem>((made, lines))
        });
        match worked.await {
            Ok((Ok(made), back)) => {
                lines = back;
                let _ = lines.result(made).await;
                lines.end().await;
            }
            Ok((Err(problem), lines)) => lines.stop(problem).await,
            Err(problem) => tracing::error!(error = %problem, "a backup stopped"),
        }
    });
    answer
}

fn make_one(
    rooms: &Rooms,
    request: BackupRequest,
    lines: &Lines<BackupMade>,
) -> Result<BackupMade, Problem> {
    if !request.folder.is_absolute() {
        let said = format!("{} is not absolute", request.folder.display());
        return Err(Problem::new(Code::BadRequest, said));
    }
    let wanted = Wanted { folder: request.folder, extent: request.content.into() };
    let made = rooms.backups.make(&wanted, &mut |progress| {
        let (done, bytes) = (progress.items, progress.bytes_read);
        lines.progress(Progress { done, total: Some(progress.of), bytes, total_bytes: None });
        if lines.is_heard() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(told(made))
}

fn told(made: Made) -> BackupMade {
    let missing = made.items.as_ref().map(|items| items.missing.clone()).unwrap_or_default();
    BackupMade {
        result: if missing.is_empty() { Answer::Pass } else { Answer::Fail },
        folder: made.folder,
        state: made.number.0,
        made: made.made,
        ledger_size: made.entries,
        items: made.items.map(|items| ItemsIn { items: items.files / 2, bytes: Some(items.bytes) }),
        copied_files: made.copied_files,
        copied_bytes: made.copied_bytes,
        failures: missing.into_iter().map(failure).collect(),
    }
}

fn failure(missing: Missing) -> Failure {
    let what_next = "keep what is there, and restore the item from another copy".to_owned();
    Failure { item: Some(missing.item), place: None, code: missing.code, what_next }
}

pub(super) async fn confirm(
    State(rooms): State<Shared>,
    caller: ConnectInfo<Caller>,
    Asked(request): Asked<ConfirmRequest>,
) -> Result<Json<RestoreConfirmed>, Problem> {
    blocking(move || confirm_by(&rooms, actor(caller), &request)).await.map(Json)
}

fn confirm_by(rooms: &Rooms, who: Actor, request: &ConfirmRequest) -> Result<RestoreConfirmed, Problem> {
    let nothing = || Problem::new(Code::NothingToConfirm, "this archive waits for no confirmation");
    let restorer = rooms.catalog.unconfirmed_restore()?.ok_or_else(nothing)?;
    let by = match witness(rooms, (&who, restorer), request) {
        Ok(by) => by,
        Err(problem) => {
            let because = problem.code.code().to_owned();
            enter(rooms, who, Act::Refused { action: "confirm_restore".to_owned(), item: None, because })?;
            return Err(problem);
        }
    };
    let epoch = rooms.catalog.epoch();
    enter(rooms, who, Act::RestoreConfirmed(model::RestoreConfirmed { epoch, by }))?;
    Ok(RestoreConfirmed { epoch, by })
}

/// Nobody vouches for their own act: it takes another user, or those who hold the shares.
fn witness(
    rooms: &Rooms,
    (who, restorer): (&Actor, Restorer),
    request: &ConfirmRequest,
) -> Result<Witness, Problem> {
    if !request.shares.is_empty() {
        let shares: Vec<Share> = request.shares.iter().map(|share| Share::new(share)).collect();
        EscrowKey::combine(&rooms.keyring, &shares)?;
        return Ok(Witness::Shares);
    }
    match (who, restorer) {
        (Actor::User { uid, .. }, Restorer::User(by)) if *uid != by => Ok(Witness::AnotherUser),
        _ => {
            let said = "whoever restored an archive does not confirm it; root does, or the escrow shares";
            Err(Problem::new(Code::NeedsAnother, said))
        }
    }
}

fn enter(rooms: &Rooms, who: Actor, act: Act) -> Result<(), Problem> {
    rooms.catalog.record(vec![Content { who, why: None, act }])?;
    Ok(())
}
