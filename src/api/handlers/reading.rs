//! Bytes on their way to a reader.

use std::io::{self, Write};

use axum::body::Body;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{Shared, actor, blocking, id};
use crate::api::{Asked, Caller, Code, Problem, READING_SHA256, READING_SIZE, ReadingRequest};
use crate::model::ItemId;
use crate::reading::{Session, Wanted};

/// Segments that wait for a slow reader.
const WAITING: usize = 4;

pub(super) async fn read(
    State(rooms): State<Shared>,
    caller: ConnectInfo<Caller>,
    Path(item): Path<String>,
    Asked(request): Asked<ReadingRequest>,
) -> Result<Response, Problem> {
    let item: ItemId = id(&item)?;
    let session = blocking(move || {
        let row = rooms.catalog.item_seen(item, &rooms.secrecy.sight())?;
        let size = row.ok_or_else(|| no_such(item))?.size;
        let range = request.from..request.to.unwrap_or(size).min(size);
        let wanted = Wanted { item, range: Some(range), purpose: request.purpose, who: actor(caller) };
        rooms.reading.begin(&wanted).map_err(|error| match error.into() {
            // Keys that are here and locked ask for another next step than keys that are not.
            Problem { code: Code::SealOnly, .. } if rooms.keyring.custody_at_rest() => {
                Problem::new(Code::CustodyClosed, "the custodian keys are locked")
            }
            problem => problem,
        })
    });
    Ok(stream(session.await?))
}

fn no_such(item: ItemId) -> Problem {
    Problem::new(Code::NotFound, format!("there is no item {item}"))
}

fn stream(session: Session) -> Response {
    let length = session.range().end - session.range().start;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (HeaderName::from_static(READING_SHA256), session.sha256().to_string()),
        (HeaderName::from_static(READING_SIZE), session.size().to_string()),
    ];
    let (to, from) = mpsc::channel(WAITING);
    tokio::task::spawn_blocking(move || {
        let mut pipe = Pipe(to.clone());
        if let Err(error) = session.write_to(&mut pipe) {
            tracing::error!(error = %error, "a reading broke off");
            // The body ends with an error, so that nobody takes it for whole.
            let _ = to.blocking_send(Err(io::Error::other(error)));
        }
    });
    (headers, Body::from_stream(ReceiverStream::new(from))).into_response()
}

struct Pipe(mpsc::Sender<io::Result<Bytes>>);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes))).map_err(gone)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
