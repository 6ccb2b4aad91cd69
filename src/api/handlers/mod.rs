//! The routes and what answers them: thin, each asks one use case and says what it said.

mod backups;
mod checks;
mod classes;
mod deposits;
mod items;
mod keys;
mod reading;
mod standing;

use std::sync::Arc;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::{get, post};

use super::{Caller, Code, Diagnosis, Problem, routes};
use crate::audit::Audit;
use crate::audit::backup::Backups;
use crate::catalog::Catalog;
use crate::evidence::{Chair, Evidence};
use crate::intake::Intake;
use crate::keys::{Keyring, Stretch};
use crate::model::Actor;
use crate::reading::Reading;
use crate::secrecy::Secrecy;

/// The use cases behind the routes.
pub struct Rooms {
    /// What is known.
    pub catalog: Catalog,
    /// Single items.
    pub evidence: Evidence,
    /// Taking in.
    pub intake: Intake,
    /// Handing out.
    pub reading: Reading,
    /// Classes of items.
    pub secrecy: Secrecy,
    /// Checking.
    pub audit: Audit,
    /// Making backups.
    pub backups: Backups,
    /// The custodian's chair.
    pub chair: Arc<Chair>,
    /// Keys and certificates.
    pub keyring: Arc<Keyring>,
    /// Where passphrases are stretched.
    pub stretch: Arc<dyn Stretch>,
    /// Free bytes below which intake pauses, on a disk of so many bytes.
    pub floor: Box<dyn Fn(u64) -> u64 + Send + Sync>,
    /// What `doctor` notices.
    pub doctor: Box<dyn Fn(&Rooms) -> Diagnosis + Send + Sync>,
}

/// What every handler is given.
pub(super) type Shared = Arc<Rooms>;

/// All routes but those of [`super::house`].
pub fn router(rooms: Shared) -> Router {
    Router::new()
        .route(routes::STATUS, get(standing::status))
        .route(routes::DOCTOR, get(standing::doctor))
        .route(routes::DEPOSITS, post(deposits::deposit))
        .route(routes::ITEMS, get(items::find))
        .route(routes::ITEM, get(items::show))
        .route(routes::READING, post(reading::read))
        .route(routes::CLASS, post(classes::set))
        .route(routes::CLASS_AGREE, post(classes::agree))
        .route(routes::CLASS_DECLINE, post(classes::decline))
        .route(routes::VERIFY, post(checks::verify))
        .route(routes::LEDGER_VERIFY, post(checks::verify_ledger))
        .route(routes::PROOF, get(checks::prove))
        .route(routes::RECEIPT_CHECK, post(checks::check_receipt))
        .route(routes::KEYS, get(keys::list))
        .route(routes::UNLOCK, post(keys::unlock))
        .route(routes::LOCK, post(keys::lock))
        .route(routes::DRILL, post(keys::drill))
        .route(routes::BACKUPS, post(backups::make))
        .route(routes::RESTORE_CONFIRM, post(backups::confirm))
        .with_state(rooms)
}

/// Does something that blocks where that is allowed.
async fn blocking<T: Send + 'static, E: Into<Problem> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome.map_err(Into::into),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => Err(Problem::of(Code::Stopped, &error)),
    }
}

/// Who asks, as entries write it. Only the owner and root get this far; root acts for the owner.
fn actor(ConnectInfo(caller): ConnectInfo<Caller>) -> Actor {
    match caller {
        Caller::User(uid) => Actor::User { name: "owner".to_owned(), uid },
        Caller::Unknown => Actor::Node,
    }
}

fn id<T: std::str::FromStr<Err: std::error::Error>>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error| Problem::of(Code::BadRequest, &error))
}
