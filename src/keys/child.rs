//! Stretching in a process of its own, so that the one that seals never holds Argon2's memory.
//!
//! The request is one write on the child's stdin, the answer 32 bytes on its stdout:
//!
//! | bytes | request |
//! |---|---|
//! | 12 | memory in KiB, passes, lanes: three u32, big-endian |
//! | 32 | salt |
//! | rest | passphrase, UTF-8, to the end of the stream |

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::stretch::stretch_bytes;
use super::{Cost, Error, Passphrase, Stretch, Stretched, error::io_at};

/// The hidden command that the child runs.
pub const STRETCH_COMMAND: &str = "stretch-passphrase";

const HEAD: usize = 12 + 32;
/// Head and the longest passphrase: below the 4096 bytes that a pipe takes in one piece (`PIPE_BUF`).
const REQUEST_LIMIT: usize = HEAD + 1024;

/// Runs `<program> stretch-passphrase` for each passphrase.
#[derive(Debug, Clone)]
pub struct StretchInChild {
    /// The program to run, in the daemon itself.
    pub program: PathBuf,
    /// How long it may take before it is killed.
    pub deadline: Duration,
}

impl StretchInChild {
    /// With a deadline of 60 seconds: the largest cost takes about 30 on a slow machine.
    #[must_use]
    pub fn new(program: PathBuf) -> Self {
        Self { program, deadline: Duration::from_secs(60) }
    }
}

impl Stretch for StretchInChild {
    fn stretch(&self, passphrase: &Passphrase, salt: &[u8; 32], cost: Cost) -> Result<Stretched, Error> {
        cost.check()?;
        let mut child = start(&self.program)?;
        let asked = ask(&mut child, &request(passphrase, salt, cost));
        let answered = asked.and_then(|()| await_answer(&mut child, self.deadline));
        // Either it has answered, or it never shall. Reaped in any case, so that no zombie stays.
        let _ = child.kill();
        let _ = child.wait();
        let failed = |what| Error::StretchChild { program: self.program.clone(), what };
        Stretched::copied(&answered.map_err(failed)?)
            .ok_or_else(|| failed("its answer does not have 32 bytes"))
    }
}

fn start(program: &Path) -> Result<Child, Error> {
    Command::new(program)
        .arg(STRETCH_COMMAND)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(io_at("run", program))
}

fn request(passphrase: &Passphrase, salt: &[u8; 32], cost: Cost) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(REQUEST_LIMIT));
    for number in [cost.memory_kib, cost.passes, cost.lanes] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes.extend_from_slice(salt);
    bytes.extend_from_slice(passphrase.expose().as_bytes());
    bytes
}

fn ask(child: &mut Child, request: &[u8]) -> Result<(), &'static str> {
    let mut stdin = child.stdin.take().expect("the child was started with a pipe");
    stdin.write_all(request).map_err(|_| "it did not take the request")
}

/// Waits for the end of the child's output, in a thread that ends with it: killing the child closes the pipe.
fn await_answer(child: &mut Child, deadline: Duration) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    let stdout = child.stdout.take().expect("the child was started with a pipe");
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        // One byte more than an answer has, so that a longer one is noticed.
        let mut bytes = Zeroizing::new(Vec::with_capacity(33));
        let read = stdout.take(33).read_to_end(&mut bytes).map(|_| bytes);
        // The receiver is gone only when the deadline has passed.
        let _ = send.send(read);
    });
    match receive.recv_timeout(deadline) {
        Ok(read) => read.map_err(|_| "its answer could not be read"),
        Err(_) => Err("it did not answer in time"),
    }
}

/// The body of the hidden command: one request from stdin, 32 bytes to stdout.
///
/// # Errors
/// [`Error::StretchChild`] for a request that is none, [`Error::BadCost`], [`Error::Stretch`], [`Error::Io`].
pub fn stretch_stdin_to_stdout() -> Result<(), Error> {
    keep_out_of_core_dumps();
    answer(&mut io::stdin().lock(), &mut io::stdout().lock())
}

/// A best effort: on a kernel that refuses, the stretching is still right.
fn keep_out_of_core_dumps() {
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

fn answer(from: &mut dyn Read, to: &mut dyn Write) -> Result<(), Error> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(REQUEST_LIMIT + 1));
    from.take(REQUEST_LIMIT as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(io_at("read", Path::new("stdin")))?;
    let (cost, salt, passphrase) = parse(&bytes).ok_or_else(|| Error::StretchChild {
        program: PathBuf::from(STRETCH_COMMAND),
        what: "it was not asked by sealdock",
    })?;
    let stretched = stretch_bytes(passphrase, salt, cost)?;
    to.write_all(stretched.expose()).and_then(|()| to.flush()).map_err(io_at("write", Path::new("stdout")))
}

fn parse(request: &[u8]) -> Option<(Cost, &[u8; 32], &[u8])> {
    if request.len() > REQUEST_LIMIT {
        return None;
    }
    let (numbers, rest) = request.split_first_chunk::<12>()?;
    let (salt, passphrase) = rest.split_first_chunk::<32>()?;
    let number =
        |at: usize| u32::from_be_bytes(numbers[at..at + 4].try_into().expect("four of twelve bytes"));
    let cost = Cost { memory_kib: number(0), passes: number(4), lanes: number(8) };
    (!passphrase.is_empty()).then_some((cost, salt, passphrase))
}

#[cfg(test)]
mod tests {
    use super::super::StretchHere;
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

    fn passphrase() -> Passphrase {
        Passphrase::new("钥匙 123").expect("taken")
    }

    /// A program of the test's own in the child's place. Another process writes it: were it open for
    /// writing here while a neighbouring test forks, running it would fail with `ETXTBSY`.
    fn script(folder: &Path, lines: &str) -> StretchInChild {
        let program = folder.join("program");
        let written = Command::new("/bin/sh")
            .args(["-c", r#"printf '#!/bin/sh\n%s\n' "$1" > "$2" && chmod 700 "$2""#, "sh", lines])
            .arg(&program)
            .status()
            .expect("a shell");
        assert!(written.success());
        StretchInChild::new(program)
    }

    #[test]
    fn the_child_answers_what_this_process_would() {
        let request = request(&passphrase(), &[9; 32], CHEAP);
        let mut out = Vec::new();
        answer(&mut request.as_slice(), &mut out).expect("answered");
        let here = StretchHere.stretch(&passphrase(), &[9; 32], CHEAP).expect("stretched");
        assert_eq!(out, here.expose());
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let mut whole = request(&passphrase(), &[9; 32], CHEAP).to_vec();
        for length in 0..=HEAD {
            assert!(answer(&mut &whole[..length], &mut Vec::new()).is_err(), "{length} bytes");
        }
        whole.resize(REQUEST_LIMIT + 1, b'x');
        assert!(answer(&mut whole.as_slice(), &mut Vec::new()).is_err());
    }

    #[test]
    fn the_request_goes_in_and_the_answer_comes_out() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let seen = folder.path().join("seen");
        let child = script(
            folder.path(),
            &format!(
                "[ \"$1\" = stretch-passphrase ] || exit 9\n[ -z \"$CARGO_MANIFEST_DIR\" ] || exit 8\n/bin/cat > {}\nprintf 0123456789abcdef0123456789abcdef",
                seen.display()
            ),
        );
        let stretched = child.stretch(&passphrase(), &[9; 32], CHEAP).expect("stretched");
        assert_eq!(stretched.expose(), b"0123456789abcdef0123456789abcdef");
        let asked = std::fs::read(&seen).expect("read");
        assert_eq!(asked, **request(&passphrase(), &[9; 32], CHEAP));
    }

    #[test]
    fn a_child_that_fails_is_said_to_have_failed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for lines in
            ["exit 1", "/bin/cat >/dev/null; printf short", "/bin/cat >/dev/null; printf '%033d' 1"]
        {
            let error = script(folder.path(), lines).stretch(&passphrase(), &[9; 32], CHEAP).err();
            assert!(matches!(error, Some(Error::StretchChild { .. })), "{lines}: {error:?}");
        }
        let nowhere = StretchInChild::new(folder.path().join("nowhere"));
        let error = nowhere.stretch(&passphrase(), &[9; 32], CHEAP).err();
        assert!(matches!(error, Some(Error::Io { .. })), "{error:?}");
    }

    #[test]
    fn a_child_that_hangs_is_killed_at_the_deadline() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut child = script(folder.path(), "exec /bin/sleep 600");
        child.deadline = Duration::from_millis(50);
        let error = child.stretch(&passphrase(), &[9; 32], CHEAP).err();
        assert!(matches!(error, Some(Error::StretchChild { .. })), "{error:?}");
    }
}
