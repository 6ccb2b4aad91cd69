//! Changing the class of an item.

use axum::Json;
use axum::extract::{ConnectInfo, Path, State};

use super::{Rooms, Shared, actor, blocking, id};
use crate::api::{Asked, Caller, ClassAnswer, ClassOutcome, ClassRequest, Code, Problem, SecondWord};
use crate::catalog::Origin;
use crate::model::{Class, Generation, ItemId};
use crate::secrecy::{Deed, Error, Outcome};

pub(super) async fn set(
    State(rooms): State<Shared>,
    caller: ConnectInfo<Caller>,
    Path(item): Path<String>,
    Asked(request): Asked<ClassRequest>,
) -> Result<Json<ClassAnswer>, Problem> {
    let item: ItemId = id(&item)?;
    blocking(move || {
        let deed = Deed { item, who: actor(caller), why: request.reason.clone() };
        let outcome = rooms.secrecy.set_on(deed, |now| request.on(now));
        answer(&rooms, item, outcome?)
    })
    .await
    .map(Json)
}

pub(super) async fn agree(
    State(rooms): State<Shared>,
    caller: ConnectInfo<Caller>,
    Path(item): Path<String>,
    Asked(word): Asked<SecondWord>,
) -> Result<Json<ClassAnswer>, Problem> {
    let item: ItemId = id(&item)?;
    blocking(move || {
        let outcome = rooms.secrecy.agree(Deed { item, who: actor(caller), why: word.reason });
        answer(&rooms, item, outcome.map_err(|error| of_custody(&rooms, error))?)
    })
    .await
    .map(Json)
}

pub(super) async fn decline(
    State(rooms): State<Shared>,
    caller: ConnectInfo<Caller>,
    Path(item): Path<String>,
    Asked(word): Asked<SecondWord>,
) -> Result<Json<ClassAnswer>, Problem> {
    let item: ItemId = id(&item)?;
    blocking(move || {
        rooms.secrecy.decline(Deed { item, who: actor(caller), why: word.reason })?;
        let (class, generation) = class_of(&rooms, item)?;
        let outcome = ClassOutcome::Declined;
        Ok::<_, Problem>(ClassAnswer { item, outcome, class, generation, proposal: None })
    })
    .await
    .map(Json)
}

fn answer(rooms: &Rooms, item: ItemId, outcome: Outcome) -> Result<ClassAnswer, Problem> {
    let (outcome, proposal) = match outcome {
        Outcome::Set { .. } => (ClassOutcome::Set, None),
        Outcome::Proposed { index } => (ClassOutcome::Proposed, Some(index)),
    };
    // Whoever raised it above the ceiling is told what it has become, and sees it no more.
    let (class, generation) = class_of(rooms, item)?;
    Ok(ClassAnswer { item, outcome, class, generation, proposal })
}

fn class_of(rooms: &Rooms, item: ItemId) -> Result<(Class, Generation), Problem> {
    let row = rooms.catalog.item(item)?.ok_or(Error::Unknown(item))?;
    match row.origin {
        Origin::Original(original) => Ok((original.class, row.generation)),
        Origin::Derivative { parent, .. } => Err(Error::Derivative { item, parent }.into()),
    }
}

/// Keys that are here and locked ask for another next step than keys that are not.
fn of_custody(rooms: &Rooms, error: Error) -> Problem {
    match error {
        Error::SealOnly if rooms.keyring.custody_at_rest() => Problem::of(Code::CustodyClosed, &error),
        error => error.into(),
    }
}
