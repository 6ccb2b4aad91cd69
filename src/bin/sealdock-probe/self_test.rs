//! Tries to leave the sandbox, from inside.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SocketType, socket};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Signal, getppid, kill_process};
use sealdock::probe::wire::Verdict;
use serde::Serialize;

use crate::fork::{SingleThreaded, in_child};
use crate::server::{Pace, verdict_of};
use crate::walls::{self, Allowance, Outer};

/// An attempt to do what no child may; an error is the refusal.
type Attempt = fn(&SingleThreaded) -> io::Result<()>;

const ATTEMPTS: [(&str, Attempt); 9] = [
    ("open_a_file", |_| File::open("/etc/passwd").map(drop)),
    ("make_a_file", |_| File::create("/tmp/sealdock-probe-was-here").map(drop)),
    ("list_a_folder", |_| std::fs::read_dir("/").map(drop)),
    ("make_a_socket", |_| Ok(socket(AddressFamily::INET, SocketType::STREAM, None).map(drop)?)),
    ("start_a_process", |alone| in_child(alone, || 0).map(drop)),
    ("become_a_program", |_| Err(Command::new("/bin/true").exec())),
    ("signal_the_server", |_| {
        let server = getppid().ok_or(io::ErrorKind::NotFound)?;
        Ok(kill_process(server, Signal::CONT)?)
    }),
    ("take_more_memory", |_| {
        let mut bytes = Vec::<u8>::new();
        bytes.try_reserve_exact(2 * MEMORY_BYTES).map_err(io::Error::other)
    }),
    ("go_on_for_ever", |_| {
        loop {
            std::hint::spin_loop();
        }
    }),
];

const MEMORY_BYTES: usize = 64 << 20;
/// Every attempt but the last ends at once; that one ends here.
const DEADLINE: Timespec = Timespec { tv_sec: 0, tv_nsec: 300_000_000 };

#[derive(Serialize)]
struct Findings {
    walls: Vec<String>,
    attempts: BTreeMap<&'static str, Outcome>,
    held: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
enum Outcome {
    /// The attempt came back with an error.
    Refused { by: String },
    /// The child did not live to tell.
    Stopped { how: Verdict },
    /// The attempt succeeded.
    Escaped,
}

/// Runs every attempt in a child of its own, prints what happened, and fails if one succeeded.
///
/// # Errors
/// Whatever keeps a child from being started.
pub(crate) fn run() -> io::Result<ExitCode> {
    let alone = SingleThreaded::check()?;
    let outer = walls::outer()?;
    let mut findings = Findings { walls: outer.walls.clone(), attempts: BTreeMap::new(), held: true };
    for (name, attempt) in ATTEMPTS {
        let (outcome, inner) = try_it(&alone, &outer, attempt)?;
        findings.held &= !matches!(outcome, Outcome::Escaped);
        findings.attempts.insert(name, outcome);
        for wall in inner {
            if !findings.walls.contains(&wall) {
                findings.walls.push(wall);
            }
        }
    }
    writeln!(io::stdout().lock(), "{}", serde_json::to_string_pretty(&findings)?)?;
    Ok(if findings.held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The outcome, and the walls of that child.
fn try_it(alone: &SingleThreaded, outer: &Outer, attempt: Attempt) -> io::Result<(Outcome, Vec<String>)> {
    let (report, child_report) = pipe_with(PipeFlags::CLOEXEC)?;
    let mut report = File::from(report);
    let child = in_child(alone, || {
        let mut report = File::from(child_report);
        let walls = outer.inner(Allowance { memory_bytes: MEMORY_BYTES as u64, processor_s: 2 });
        let told = writeln!(report, "{}", walls.join(" "));
        let outcome = attempt(alone).map_or_else(|error| error.to_string(), |()| "escaped".to_owned());
        i32::from(told.and_then(|()| report.write_all(outcome.as_bytes())).is_err())
    })?;
    let mut line = [PollFd::new(child.handle(), PollFlags::IN)];
    let pace = if poll(&mut line, Some(&DEADLINE))? == 0 { Pace::Overdue } else { Pace::InTime };
    if pace == Pace::Overdue {
        child.kill();
    }
    let verdict = verdict_of(child.wait()?, pace);
    let mut text = String::new();
    report.read_to_string(&mut text)?;
    let (walls, outcome) = text.split_once('\n').unwrap_or_default();
    let outcome = match (verdict, outcome) {
        (Verdict::Ended { .. }, "escaped") => Outcome::Escaped,
        (Verdict::Ended { .. }, refusal) => Outcome::Refused { by: refusal.to_owned() },
        (how, _) => Outcome::Stopped { how },
    };
    Ok((outcome, walls.split_whitespace().map(str::to_owned).collect()))
}
