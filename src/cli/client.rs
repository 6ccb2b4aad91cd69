//! A client of the API: over the home's socket where a daemon is up, else the same router in this process.
//! Which of the two it is, no command needs to know.

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, Response, Uri, header};
use bytes::{Buf as _, Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::net::UnixStream;
use tower::ServiceExt as _;

use crate::api::{Caller, Code, Line, Problem};
use crate::daemon::Opened;

/// A document or a line that is larger is none of ours.
const LARGEST: usize = 64 << 20;

/// Where requests go.
pub(super) struct Client {
    way: Way,
}

enum Way {
    Socket(SendRequest<Body>),
    // The router, and what must live as long as it answers.
    Here { router: Router, _opened: Opened },
}

/// A JSON document as it came, for `--json`, and as a value, for people.
#[derive(Debug)]
pub(super) struct Document {
    bytes: Bytes,
}

impl Document {
    /// The document's text.
    ///
    /// # Errors
    /// When it is not JSON.
    pub(super) fn raw(&self) -> Result<&RawValue, Problem> {
        serde_json::from_slice(&self.bytes).map_err(|error| not_understood(&error))
    }

    /// The document's value.
    ///
    /// # Errors
    /// When it is something else.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(&self.bytes).map_err(|error| not_understood(&error))
    }
}

impl Client {
    /// Speaks to the daemon at the other end.
    ///
    /// # Errors
    /// When it hangs up.
    pub(super) async fn of_daemon(stream: UnixStream) -> Result<Self, Problem> {
        let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shaken.map_err(|error| interrupted(&error))?;
        // What ends the connection also fails the request on it, which is where it is told.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self { way: Way::Socket(sender) })
    }

    /// Speaks to an archive that is open in this process.
    #[must_use]
    pub(super) fn of_opened(opened: Opened) -> Self {
        Self { way: Way::Here { router: opened.router.clone(), _opened: opened } }
    }

    /// Whether the archive is open in this process, and not in a daemon.
    #[must_use]
    pub(super) fn is_here(&self) -> bool {
        matches!(self.way, Way::Here { .. })
    }

    /// `GET` of one document.
    ///
    /// # Errors
    /// The problem that was answered, or that no whole answer came.
    pub(super) async fn get(&mut self, path: &str) -> Result<Document, Problem> {
        let request = request(Method::GET, path, Body::empty());
        collect(self.send(request).await?).await
    }

    /// `POST` with one document, answered by one.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub(super) async fn post(&mut self, path: &str, body: &impl Serialize) -> Result<Document, Problem> {
        let response = self.post_for(path, body).await?;
        collect(response).await
    }

    /// `POST` with one document, the answer as it comes.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub(super) async fn post_for(
        &mut self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Response<Body>, Problem> {
        let body = serde_json::to_vec(body).map_err(|error| Problem::of(Code::Internal, &error))?;
        self.send(request(Method::POST, path, Body::from(body))).await
    }

    /// `GET` of lines.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub(super) async fn get_lines(&mut self, path: &str) -> Result<LineReader, Problem> {
        let request = request(Method::GET, path, Body::empty());
        self.send(request).await.map(LineReader::new)
    }

    /// `POST` with one document, answered by lines.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub(super) async fn post_lines(
        &mut self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<LineReader, Problem> {
        self.post_for(path, body).await.map(LineReader::new)
    }

    async fn send(&mut self, mut request: Request<Body>) -> Result<Response<Body>, Problem> {
        let response = match &mut self.way {
            Way::Socket(sender) => {
                sender.ready().await.map_err(|error| interrupted(&error))?;
                sender.send_request(request).await.map_err(|error| interrupted(&error))?.map(Body::new)
            }
            Way::Here { router, .. } => {
                let me = Caller::User(rustix::process::geteuid().as_raw());
                request.extensions_mut().insert(ConnectInfo(me));
                let Ok(response) = router.clone().oneshot(request).await;
                response
            }
        };
        if response.status().is_success() { Ok(response) } else { Err(problem_in(response).await) }
    }
}

fn request(method: Method, path: &str, body: Body) -> Request<Body> {
    let uri: Uri = path.parse().expect("our routes are paths, and what is filled in is escaped");
    Request::builder()
        .method(method)
        .uri(uri)
        .header(header::HOST, "sealdock")
        .header(header::CONTENT_TYPE, "application/json")
        .body(body)
        .expect("a method, a path and two constant headers make a request")
}

async fn collect(response: Response<Body>) -> Result<Document, Problem> {
    let body = http_body_util::Limited::new(response.into_body(), LARGEST);
    match body.collect().await {
        Ok(collected) => Ok(Document { bytes: collected.to_bytes() }),
        Err(error) => Err(interrupted(error.as_ref())),
    }
}

async fn problem_in(response: Response<Body>) -> Problem {
    let status = response.status();
    match collect(response).await.and_then(|document| document.read()) {
        Ok(problem) => problem,
        Err(_) => Problem::new(Code::Internal, format!("the answer was {status} without a problem")),
    }
}

fn interrupted(error: &(dyn std::error::Error + 'static)) -> Problem {
    Problem::of(Code::Interrupted, error)
}

fn not_understood(error: &serde_json::Error) -> Problem {
    Problem::new(Code::Internal, format!("the answer was not understood: {error}"))
}

/// Reads an answer of lines to its end, and knows whether it is the end.
#[derive(Debug)]
pub(super) struct LineReader {
    body: Body,
    waiting: BytesMut,
    // Up to here `waiting` holds no end of a line.
    searched: usize,
}

impl LineReader {
    fn new(response: Response<Body>) -> Self {
        Self { body: response.into_body(), waiting: BytesMut::new(), searched: 0 }
    }

    /// The next progress or result; nothing after the end.
    ///
    /// # Errors
    /// The problem that stopped the work, or that the answer ended before its end.
    pub(super) async fn next(&mut self) -> Result<Option<Line<Box<RawValue>>>, Problem> {
        let Some(line) = self.next_line().await? else {
            return Err(Problem::new(Code::Interrupted, "the answer ended before its last line"));
        };
        match serde_json::from_slice(&line).map_err(|error| not_understood(&error))? {
            Line::End { .. } => Ok(None),
            Line::Problem(problem) => Err(problem),
            line @ (Line::Progress(_) | Line::Result(_)) => Ok(Some(line)),
        }
    }

    async fn next_line(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            if let Some(at) = self.waiting[self.searched..].iter().position(|byte| *byte == b'\n') {
                let line = self.waiting.split_to(self.searched + at).freeze();
                self.waiting.advance(1);
                self.searched = 0;
                return Ok(Some(line));
            }
            self.searched = self.waiting.len();
            if self.searched > LARGEST {
                return Err(Problem::new(Code::Internal, "a line of the answer has no end"));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    self.waiting.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
                }
                Some(Err(error)) => return Err(interrupted(&error)),
                None => return Ok(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(pieces: Vec<&'static str>) -> LineReader {
        let pieces = futures::stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>));
        LineReader::new(Response::new(Body::from_stream(pieces)))
    }

    #[tokio::test]
    async fn lines_are_found_however_they_are_cut() {
        let mut reader =
            reader(vec!["{\"res", "ult\":1}\n{\"result\"", ":2}\n", "{\"end\":{\"results\":2}}\n"]);
        for wanted in ["1", "2"] {
            match reader.next().await.expect("a line") {
                Some(Line::Result(value)) => assert_eq!(value.get(), wanted),
                other => panic!("wanted a result, got {other:?}"),
            }
        }
        assert!(reader.next().await.expect("the end").is_none());
    }

    #[tokio::test]
    async fn a_cut_answer_is_never_a_short_list() {
        for pieces in [vec!["{\"result\":1}\n"], vec!["{\"result\":1}\n", "{\"end\""], vec![]] {
            let mut reader = reader(pieces.clone());
            let problem = loop {
                match reader.next().await {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("{pieces:?} was taken for whole"),
                    Err(problem) => break problem,
                }
            };
            assert_eq!(problem.code, Code::Interrupted);
        }
    }

    #[tokio::test]
    async fn a_problem_within_the_lines_is_the_problem() {
        let line = serde_json::to_string(&Line::<()>::Problem(Problem::new(Code::DamagedLedger, "x")));
        let line: &'static str = line.expect("serializes").leak();
        let problem = reader(vec![line, "\n"]).next().await.expect_err("a problem");
        assert_eq!(problem.code, Code::DamagedLedger);
    }
}
