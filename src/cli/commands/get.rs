//! `get`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::Response;
use http_body_util::BodyExt as _;
use serde::Serialize;
use sha2::Digest as _;

use crate::api::{
    Answer, Code, Line, Problem, Progress, READING_SHA256, READING_SIZE, ReadingRequest, Verified,
    VerifyCopies, VerifyMode, VerifyRequest, routes,
};
use crate::cli::arguments::Get;
use crate::cli::client::Client;
use crate::cli::exit::Exit;
use crate::cli::out::{plain, size};
use crate::cli::progress::Bar;
use crate::cli::session::Session;
use crate::cli::works::Works;
use crate::model::{ItemId, Sha256};

/// What was read.
#[derive(Debug, Serialize)]
struct Got {
    item: ItemId,
    file: String,
    from: u64,
    bytes: u64,
    size: u64,
    sha256: Sha256,
}

/// Reads an original into a file. The file is there whole and checked, or not at all.
pub(super) async fn get<W: Works>(session: &mut Session<'_, W>, get: &Get) -> Result<Exit, Problem> {
    let mut client = session.custodian(get.passphrase_file.as_ref()).await?;
    let request = ReadingRequest {
        purpose: get.purpose.clone(),
        from: get.range.map_or(0, |range| range.from),
        to: get.range.and_then(|range| range.to),
    };
    let path = routes::fill(routes::READING, &get.item);
    let response = match client.post_for(&path, &request).await {
        Ok(response) => response,
        Err(problem) => {
            session.open_custody(&mut client, problem).await?;
            client.post_for(&path, &request).await?
        }
    };
    let whole = Whole::in_headers(&response)?;
    let mut target = Target::open(&get.output)?;
    let bar = Bar::new(session.messages.say("bar-get"));
    let received = receive(response, &mut target, &bar).await;
    drop(bar);
    let received = match received {
        Ok(received) => received,
        Err(problem) if problem.code == Code::Interrupted => {
            return Err(ask_why((session, client), get, problem).await);
        }
        Err(problem) => return Err(problem),
    };
    whole.agrees(&request, &received)?;
    target.keep()?;
    report(
        session,
        get,
        &Got {
            item: get.item,
            file: get.output.display().to_string(),
            from: request.from,
            bytes: received.bytes,
            size: whole.size,
            sha256: whole.sha256,
        },
    );
    Ok(Exit::Done)
}

fn report<W: Works>(session: &mut Session<'_, W>, get: &Get, got: &Got) {
    // The bytes themselves are on standard output; a report would be taken for a part of them.
    if get.output == Path::new("-") {
        return;
    }
    session.print_own(got, |messages| {
        let values = [("file", plain(&got.file).into()), ("size", size(got.bytes).into())];
        vec![messages.tell("get-done", &values)]
    });
}

/// What the headers say of the whole original.
struct Whole {
    size: u64,
    sha256: Sha256,
}

/// What came.
struct Received {
    bytes: u64,
    sha256: Sha256,
}

impl Whole {
    fn in_headers(response: &Response<Body>) -> Result<Self, Problem> {
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let size = header(READING_SIZE).and_then(|value| value.parse().ok());
        let sha256 = header(READING_SHA256).and_then(|value| value.parse().ok());
        match (size, sha256) {
            (Some(size), Some(sha256)) => Ok(Self { size, sha256 }),
            _ => Err(Problem::new(Code::Internal, "the answer does not say what it holds")),
        }
    }

    /// Whether all came that was asked for; of a whole original, whether it is the one that was sealed.
    fn agrees(&self, asked: &ReadingRequest, received: &Received) -> Result<(), Problem> {
        let to = asked.to.map_or(self.size, |to| to.min(self.size));
        if received.bytes != to.saturating_sub(asked.from) {
            return Err(Problem::new(Code::Interrupted, "fewer bytes came than were asked for"));
        }
        if received.bytes == self.size && received.sha256 != self.sha256 {
            return Err(Problem::new(Code::DamagedItem, "the bytes that came have another SHA-256"));
        }
        Ok(())
    }
}

async fn receive(response: Response<Body>, target: &mut Target, bar: &Bar) -> Result<Received, Problem> {
    let mut body = response.into_body();
    let total_bytes = axum::body::HttpBody::size_hint(&body).exact();
    let mut hash = sha2::Sha256::new();
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Problem::of(Code::Interrupted, &error))?;
        let Ok(data) = frame.into_data() else { continue };
        hash.update(&data);
        bytes += data.len() as u64;
        target.write(&data)?;
        bar.show(&Progress { bytes, total_bytes, ..Progress::default() });
    }
    Ok(Received { bytes, sha256: Sha256(hash.finalize().into()) })
}

/// A reading ends early where the archive meets bytes that are not what was sealed, or where it stops. Which
/// it was, a verification of the item tells.
async fn ask_why<W: Works>(
    (session, mut client): (&Session<'_, W>, Client),
    get: &Get,
    interrupted: Problem,
) -> Problem {
    if !client.is_here() {
        // The connection broke off with the answer.
        let Ok(another) = session.client().await else { return interrupted };
        client = another;
    }
    let request =
        VerifyRequest { items: vec![get.item], mode: VerifyMode::Possible, copies: VerifyCopies::Any };
    let Ok(mut lines) = client.post_lines(routes::VERIFY, &request).await else { return interrupted };
    loop {
        match lines.next().await {
            Ok(Some(Line::Result(raw))) => {
                return match serde_json::from_str::<Verified>(raw.get()) {
                    Ok(verified) if verified.result == Answer::Fail => damaged(&verified),
                    _ => interrupted,
                };
            }
            Ok(Some(_)) => {}
            Err(problem) if problem.code.is_integrity() => return problem,
            Ok(None) | Err(_) => return interrupted,
        }
    }
}

fn damaged(verified: &Verified) -> Problem {
    let codes: Vec<&str> = verified.failures.iter().map(|failure| failure.code.as_str()).collect();
    Problem::new(Code::DamagedItem, format!("the reading stopped at damage: {}", codes.join(", ")))
}

/// Where the bytes go.
enum Target {
    /// A temporary beside the file, renamed when all is there.
    Beside { file: File, temporary: Temporary, wanted: PathBuf },
    /// A pipe, a device, standard output: bytes cannot be taken back.
    Through { file: File, name: PathBuf },
}

/// A file that goes away unless it is kept.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // It may have got its final name; and nothing more can be done here.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Target {
    fn open(path: &Path) -> Result<Self, Problem> {
        Self::try_open(path).map_err(|error| unwritable(path, &error))
    }

    fn try_open(path: &Path) -> io::Result<Self> {
        let name = path.to_owned();
        if path == Path::new("-") {
            let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
            return Ok(Self::Through { file, name });
        }
        if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return Ok(Self::Through { file: OpenOptions::new().write(true).open(path)?, name });
        }
        let mut beside = std::ffi::OsString::from(".");
        beside.push(path.file_name().ok_or(io::ErrorKind::InvalidInput)?);
        beside.push(format!(".part-{}", std::process::id()));
        let temporary = Temporary(path.with_file_name(beside));
        // For its owner alone: the file holds evidence in the clear.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary.0)?;
        Ok(Self::Beside { file, temporary, wanted: name })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        let (file, name) = match self {
            Self::Beside { file, wanted, .. } => (file, wanted),
            Self::Through { file, name } => (file, name),
        };
        file.write_all(bytes).map_err(|error| unwritable(name, &error))
    }

    fn keep(self) -> Result<(), Problem> {
        match self {
            Self::Through { .. } => Ok(()),
            Self::Beside { file, temporary, wanted } => file
                .sync_all()
                .and_then(|()| std::fs::rename(&temporary.0, &wanted))
                .map_err(|error| unwritable(&wanted, &error)),
        }
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Problem {
    Problem::new(Code::UnwritableFile, format!("cannot write {}: {error}", path.display()))
}
