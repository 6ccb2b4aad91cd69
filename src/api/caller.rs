//! Who is asking.

use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::serve::IncomingStream;
use tokio::net::UnixListener;

use super::{Code, Problem};

/// The local user at the other end, as the kernel says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// This user id.
    User(u32),
    /// The kernel would not say; such a caller gets nothing.
    Unknown,
}

/// The user whom an archive belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner(pub u32);

impl Owner {
    /// Whether this caller may ask at all: the owner, or root, who could read the files anyway.
    #[must_use]
    pub fn admits(self, caller: Caller) -> bool {
        match caller {
            Caller::User(uid) => uid == self.0 || uid == 0,
            Caller::Unknown => false,
        }
    }
}

impl Connected<IncomingStream<'_, UnixListener>> for Caller {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        stream.io().peer_cred().map_or(Self::Unknown, |peer| Self::User(peer.uid()))
    }
}

/// Lets the owner and root through. A request without a caller comes from no transport of ours.
pub(super) async fn admit(State(owner): State<Owner>, request: Request, next: Next) -> Response {
    let caller = request.extensions().get::<ConnectInfo<Caller>>();
    let caller = caller.map_or(Caller::Unknown, |ConnectInfo(caller)| *caller);
    if owner.admits(caller) {
        return next.run(request).await;
    }
    tracing::warn!(caller = ?caller, "refused a caller who is neither the owner nor root");
    Problem::new(Code::NotAllowed, "only the archive's owner and root are answered").into_response()
}
