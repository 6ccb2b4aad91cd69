//! Keys: listing them, unlocking, locking, and proving that shares open something.

use axum::Json;
use axum::extract::{ConnectInfo, State};

use super::{Rooms, Shared, actor, blocking, standing};
use crate::api::{
    Answer, Asked, Caller, Code, CustodyNow, CustodyState, DrillRequest, Drilled, KeyShown, Keys, Problem,
    UnlockRequest,
};
use crate::evidence::{Occupied, Record};
use crate::keys::{self, Custody, EscrowKey, KeyInfo, KeyState, Passphrase, PrivateHalf, Share};
use crate::ledger::Content;
use crate::model::{Act, Actor, KeysDrilled};

pub(super) async fn list(State(rooms): State<Shared>) -> Result<Json<Keys>, Problem> {
    blocking(move || {
        let keys = rooms.keyring.list().into_iter().map(shown).collect();
        let (archive, custody) = (rooms.keyring.archive(), standing::custody(&rooms));
        Ok::<_, Problem>(Keys { archive, keys, custody })
    })
    .await
    .map(Json)
}

fn shown(key: KeyInfo) -> KeyShown {
    let state = match key.state {
        KeyState::Living => "living",
        KeyState::Retired => "retired",
    };
    let private = match key.private {
        PrivateHalf::Held => "held",
        PrivateHalf::Encrypted => "encrypted",
        PrivateHalf::Absent => "absent",
    };
    KeyShown {
        id: key.id,
        role: key.role.to_string(),
        made: key.made,
        state: state.to_owned(),
        private: private.to_owned(),
    }
}

pub(super) async fn unlock(
    State(rooms): State<Shared>,
    caller: ConnectInfo<Caller>,
    Asked(request): Asked<UnlockRequest>,
) -> Result<Json<CustodyNow>, Problem> {
    blocking(move || match custody(&rooms, &request) {
        Ok(custody) => {
            let why = custody.is_of_shares().then(|| "by the escrow shares".to_owned());
            let content = Content { who: actor(caller), why, act: Act::CustodyOpened };
            rooms.catalog.record(vec![content])?;
            rooms.chair.seat(custody);
            Ok(CustodyNow { custody: CustodyState::Open })
        }
        Err(error) => {
            let problem = Problem::from(error);
            let because = problem.code.code().to_owned();
            enter(
                &rooms,
                actor(caller),
                Act::Refused { action: "unlock".to_owned(), item: None, because },
            )?;
            Err(problem)
        }
    })
    .await
    .map(Json)
}

/// The keys that a passphrase or shares open.
fn custody(rooms: &Rooms, request: &UnlockRequest) -> Result<Custody, keys::Error> {
    if request.shares.is_empty() {
        let passphrase = Passphrase::new(&request.passphrase)?;
        return Custody::unlock(&rooms.keyring, &passphrase, &*rooms.stretch);
    }
    let shares: Vec<Share> = request.shares.iter().map(|share| Share::new(share)).collect();
    Ok(Custody::of_shares(EscrowKey::combine(&rooms.keyring, &shares)?))
}

pub(super) async fn lock(
    State(rooms): State<Shared>,
    caller: ConnectInfo<Caller>,
) -> Result<Json<CustodyNow>, Problem> {
    blocking(move || {
        if rooms.chair.vacate() == Occupied::Yes {
            enter(&rooms, actor(caller), Act::CustodyClosed)?;
        }
        Ok::<_, Problem>(CustodyNow { custody: CustodyState::SealOnly })
    })
    .await
    .map(Json)
}

pub(super) async fn drill(
    State(rooms): State<Shared>,
    caller: ConnectInfo<Caller>,
    Asked(request): Asked<DrillRequest>,
) -> Result<Json<Drilled>, Problem> {
    blocking(move || {
        let item = request.item;
        let none = || Problem::new(Code::NotFound, format!("there is no item {item}"));
        let row = rooms.catalog.item_seen(item, &rooms.secrecy.sight())?.ok_or_else(none)?;
        let shares: Vec<Share> = request.shares.iter().map(|share| Share::new(share)).collect();
        let escrow = EscrowKey::combine(&rooms.keyring, &shares)?;
        let record = Record::from(&row);
        let key = escrow.open(&rooms.keyring, &rooms.evidence.key_file(&record)?)?;
        rooms.evidence.open_with(&record, &key)?;
        let shares = shares.len();
        let count = u8::try_from(shares).unwrap_or(u8::MAX);
        enter(&rooms, actor(caller), Act::KeysDrilled(KeysDrilled { item, shares: count }))?;
        Ok::<_, Problem>(Drilled { result: Answer::Pass, item, shares })
    })
    .await
    .map(Json)
}

fn enter(rooms: &Rooms, who: Actor, act: Act) -> Result<(), Problem> {
    rooms.catalog.record(vec![Content { who, why: None, act }])?;
    Ok(())
}
