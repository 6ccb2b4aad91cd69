//! The JSON API: routes, the shapes that travel on them, and the mapping from errors to answers.
//!
//! Knows use cases, and deliberately nothing of sockets, settings or terminals: the same router serves the
//! home's socket, a command in its own process, and later the network. Promises that only the owner and
//! root are answered, and that nothing internal leaves. Served by `daemon`, asked by `cli`.

mod asked;
mod caller;
mod dto;
mod error;
mod handlers;
mod lines;
pub mod routes;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;

pub use asked::{Asked, Sought};
pub use caller::{Caller, Owner};
pub use dto::*;
pub use error::{Code, Problem};
pub use handlers::{Rooms, router};
pub use lines::{Gone, Line, Lines, MEDIA_TYPE as NDJSON};

/// No request body of this API comes near this size: the longest are receipts and lists of paths.
pub const MAX_BODY: usize = 8 << 20;

/// Puts what every answer needs around the routes of the use cases: the check of the caller, a bound on
/// bodies, problems for what is not there, and `/healthz`.
pub fn house(routes: Router, owner: Owner) -> Router {
    routes
        .route(routes::HEALTH, get(healthy))
        .fallback(|| async { Problem::new(Code::NotFound, "no such route") })
        .method_not_allowed_fallback(|| async {
            Problem::new(Code::MethodNotAllowed, "not with this method")
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(axum::middleware::from_fn_with_state(owner, caller::admit))
}

async fn healthy() -> axum::Json<Health> {
    axum::Json(Health { healthy: true })
}

#[cfg(test)]
mod tests;
