//! Asking for facts, and keeping somebody there to ask.

use std::fs::File;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::pipe::{PipeFlags, pipe_with};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;

use super::Error;
use super::answer::assemble;
use super::server::Server;
use super::wire::{self, Ask, Poster, Verdict};
use crate::model::{MediaFacts, ProbeOutcome, RawName};

/// A verdict is some fifty bytes.
const VERDICT_MAX: usize = 4096;
/// The server kills at the deadline; if no verdict came this much later, the server itself hangs.
const GRACE: Duration = Duration::from_secs(10);
/// A probe whose server died is tried once more.
const TRIES: u32 = 2;
/// A server that keeps dying is started again after 100 ms, 200 ms, … at most this.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// What a probe of one file may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Memory on top of the parser's own code.
    pub memory_bytes: u64,
    /// From the start of the child to its forced end.
    pub deadline: Duration,
    /// Bytes read from the file, repeated reads counted again.
    pub read_budget_bytes: u64,
}

impl Default for Limits {
    /// 512 MiB decode a 4K frame several times over; 30 s and 512 MiB read to the end of what a recorder
    /// writes in a quarter of an hour. Of longer files the end is read, not the middle.
    fn default() -> Self {
        Self { memory_bytes: 512 << 20, deadline: Duration::from_secs(30), read_budget_bytes: 512 << 20 }
    }
}

/// What a prober needs.
#[derive(Debug, Clone)]
pub struct Starting {
    /// The `sealdock-probe` binary.
    pub program: PathBuf,
    /// For each file.
    pub limits: Limits,
    /// Files probed at the same time; others wait their turn. At least one.
    pub at_once: usize,
}

/// What a probe found.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The facts; trouble with the media is among them.
    pub facts: MediaFacts,
    /// A picture, for video with at least one frame that can be decoded.
    pub poster: Option<Poster>,
}

/// Asks `sealdock-probe` for facts. Restarts it when it dies.
pub struct Prober {
    program: PathBuf,
    limits: Limits,
    seats: Semaphore,
    server: Mutex<Seat>,
}

/// The walls that a parser would stand behind here: those of the server, and those that a child puts up around
/// itself before it reads nothing. Blocks; must be called within the runtime, on a thread that may block.
///
/// # Errors
/// As [`Prober::start`].
pub fn walls_of(program: &Path) -> Result<Vec<String>, Error> {
    let starting = Starting { program: program.to_owned(), limits: Limits::default(), at_once: 1 };
    let prober = Prober::start(starting)?;
    let nothing = File::open("/dev/null").map_err(Error::Line)?;
    let report = tokio::runtime::Handle::current().block_on(prober.probe(nothing, &RawName::new("")));
    Ok(report.facts.walls)
}

/// The server, or when to start it again.
struct Seat {
    server: Option<Arc<Server>>,
    failures: u32,
    not_before: Option<Instant>,
}

impl Prober {
    /// Starts the server and waits until it is ready (some 50 ms; blocks the thread).
    ///
    /// # Errors
    /// [`Error::Run`] or [`Error::NotReady`].
    pub fn start(starting: Starting) -> Result<Self, Error> {
        let server = Server::start(&starting.program)?;
        Ok(Self {
            program: starting.program,
            limits: starting.limits,
            seats: Semaphore::new(starting.at_once.max(1)),
            server: Mutex::new(Seat { server: Some(Arc::new(server)), failures: 0, not_before: None }),
        })
    }

    /// Probes an open file. Its position does not matter and is not moved. `hint` is its name; only the
    /// extension is used, and only to tell broken media from what never was media.
    pub async fn probe(&self, file: File, hint: &RawName) -> Report {
        let _seat = self.seats.acquire().await.expect("the semaphore is never closed");
        let ask = self.ask(hint);
        for _ in 0..TRIES {
            match self.try_once(&file, &ask).await {
                Ok(report) => return report,
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the probe server failed; it is started again"
                ),
            }
        }
        not_probed()
    }

    fn ask(&self, hint: &RawName) -> Ask {
        let millis = self.limits.deadline.as_millis();
        Ask {
            extension: extension_of(hint),
            memory_bytes: self.limits.memory_bytes,
            deadline_ms: u64::try_from(millis).unwrap_or(u64::MAX),
            read_budget_bytes: self.limits.read_budget_bytes,
        }
    }

    async fn try_once(&self, file: &File, ask: &Ask) -> Result<Report, Error> {
        let server = self.server().await?;
        let spoken = tokio::time::timeout(self.limits.deadline + GRACE, exchange(&server, file, ask)).await;
        match spoken.unwrap_or(Err(Error::Stopped)) {
            Ok((answer, verdict)) => {
                self.server.lock().await.failures = 0;
                Ok(assemble(&answer, &verdict, server.walls()))
            }
            Err(error) => {
                self.give_up_on(&server).await;
                Err(error)
            }
        }
    }

    /// The running server, started if there is none and its pause is over.
    async fn server(&self) -> Result<Arc<Server>, Error> {
        let mut seat = self.server.lock().await;
        if let Some(server) = &seat.server {
            return Ok(server.clone());
        }
        if let Some(moment) = seat.not_before {
            tokio::time::sleep_until(moment).await;
        }
        let program = self.program.clone();
        let started = tokio::task::spawn_blocking(move || Server::start(&program)).await;
        match started.unwrap_or(Err(Error::Stopped)) {
            Ok(server) => Ok(seat.server.insert(Arc::new(server)).clone()),
            Err(error) => {
                seat.failed();
                Err(error)
            }
        }
    }

    async fn give_up_on(&self, server: &Arc<Server>) {
        let mut seat = self.server.lock().await;
        // Several probes may find the same server dead; only the first counts.
        if seat.server.as_ref().is_some_and(|current| Arc::ptr_eq(current, server)) {
            seat.server = None;
            seat.failed();
        }
    }
}

impl Seat {
    fn failed(&mut self) {
        let pause = Duration::from_millis(100).saturating_mul(1 << self.failures.min(7));
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(Instant::now() + pause.min(PAUSE_MAX));
    }
}

/// One file, one answer, one verdict. An error means that the server is of no use any more.
async fn exchange(server: &Server, file: &File, ask: &Ask) -> Result<(Vec<u8>, Verdict), Error> {
    let line = |error: std::io::Error| Error::Line(error);
    let (answer, their_answer) = pipe_with(PipeFlags::CLOEXEC).map_err(|error| line(error.into()))?;
    let (verdict, their_verdict) = pipe_with(PipeFlags::CLOEXEC).map_err(|error| line(error.into()))?;
    server.ask(ask, [file.as_fd(), their_answer.as_fd(), their_verdict.as_fd()]).map_err(line)?;
    drop((their_answer, their_verdict));
    let answer = read_bounded(answer, wire::ANSWER_MAX).await.map_err(line)?;
    let verdict = read_bounded(verdict, VERDICT_MAX).await.map_err(line)?;
    let verdict = serde_json::from_slice(&verdict).map_err(|_| Error::Stopped)?;
    Ok((answer, verdict))
}

/// Reads to the end or the bound. Dropping the pipe at the bound stops a child that says too much.
async fn read_bounded(pipe: OwnedFd, bound: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let bound = u64::try_from(bound).unwrap_or(u64::MAX);
    Receiver::from_owned_fd(pipe)?.take(bound).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

fn extension_of(name: &RawName) -> String {
    let name = name.file_name().to_text().to_lowercase();
    let (_, extension) = name.rsplit_once('.').unwrap_or_default();
    let fits = extension.len() <= 16 && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if fits { extension.to_owned() } else { String::new() }
}

fn not_probed() -> Report {
    let outcome = ProbeOutcome::NotProbed { code: "no_prober".to_owned() };
    Report { facts: MediaFacts::without_streams(outcome), poster: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_extensions_are_hints() {
        let hint = |name: &str| extension_of(&RawName::new(name));
        assert_eq!(hint("20260101/A.b.MP4"), "mp4");
        assert_eq!(hint("noextension"), "");
        assert_eq!(hint("a.m p4"), "");
        assert_eq!(hint(&format!("a.{}", "x".repeat(17))), "");
    }

    #[test]
    fn a_missing_program_is_told_at_once() {
        let starting =
            Starting { program: "/nonexistent/probe".into(), limits: Limits::default(), at_once: 1 };
        assert!(matches!(Prober::start(starting), Err(Error::Run { .. })));
    }

    #[test]
    fn a_program_that_says_nothing_is_told_too() {
        let starting = Starting { program: "/bin/true".into(), limits: Limits::default(), at_once: 1 };
        match Prober::start(starting) {
            Err(Error::NotReady { because, .. }) => assert_eq!(because, "it ended at once"),
            other => panic!("{:?}", other.err()),
        }
    }
}
