//! Answers that arrive line by line: NDJSON whose end is said, so that a cut stream is never taken for a
//! short list.

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{Problem, Progress};

/// The media type of such an answer.
pub const MEDIA_TYPE: &str = "application/x-ndjson";

/// Lines that wait for a slow reader; the writer of the next one waits.
const WAITING: usize = 64;

/// One line of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line<T> {
    /// How far the work is; may be left out at any time.
    Progress(Progress),
    /// One result.
    Result(T),
    /// The work stopped here. The last line.
    Problem(Problem),
    /// The work is done. The last line.
    End {
        /// How many results there were.
        results: u64,
    },
}

/// The reader went away: whatever is still to be said, nobody hears it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the reader of the answer went away")]
pub struct Gone;

/// The writing end. Dropped without [`Lines::end`] or [`Lines::stop`], the reader learns that the answer is
/// not whole.
#[derive(Debug)]
pub struct Lines<T> {
    to: mpsc::Sender<Line<T>>,
    results: u64,
}

impl<T: Serialize + Send + 'static> Lines<T> {
    /// Both ends: one for the work, and the answer that carries what it writes.
    #[must_use]
    pub fn open() -> (Self, Response) {
        let (to, from) = mpsc::channel(WAITING);
        let body = Body::from_stream(ReceiverStream::new(from).map(|line| written(&line)));
        (Self { to, results: 0 }, ([(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response())
    }

    /// Writes one result; waits while the reader is slow.
    ///
    /// # Errors
    /// When the reader went away.
    pub async fn result(&mut self, result: T) -> Result<(), Gone> {
        self.results += 1;
        self.to.send(Line::Result(result)).await.map_err(|_| Gone)
    }

    /// The same from a thread that may block.
    ///
    /// # Errors
    /// When the reader went away.
    pub fn blocking_result(&mut self, result: T) -> Result<(), Gone> {
        self.results += 1;
        self.to.blocking_send(Line::Result(result)).map_err(|_| Gone)
    }

    /// Says how far the work is, unless the reader is behind.
    pub fn progress(&self, progress: Progress) {
        // A reader who is behind, or gone, misses nothing by missing this.
        let _ = self.to.try_send(Line::Progress(progress));
    }

    /// Whether somebody still reads.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        !self.to.is_closed()
    }

    /// Says that all is said.
    pub async fn end(self) {
        let Self { to, results } = self;
        // Nobody is left to tell where the reader is gone.
        let _ = to.send(Line::End { results }).await;
    }

    /// Says that the work stopped, and why.
    pub async fn stop(self, problem: Problem) {
        // As above.
        let _ = self.to.send(Line::Problem(problem)).await;
    }
}

fn written<T: Serialize>(line: &Line<T>) -> Result<Bytes, serde_json::Error> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    Ok(bytes.into())
}
