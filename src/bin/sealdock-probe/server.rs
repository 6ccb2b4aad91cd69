//! The fork server: one child for each file, and its verdict.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::WaitStatus;
use sealdock::probe::wire::{self, Ask, Hello, Verdict};
use sealdock::sys::{Clock as _, SystemClock};

use crate::child::{self, Job};
use crate::fork::{Child, SingleThreaded, in_child};
use crate::walls::{self, Outer};

/// Children at the same time; the daemon asks for fewer. More wait in the socket.
const CHILDREN_MAX: usize = 64;

/// A child at work.
struct Running {
    child: Child,
    verdict: OwnedFd,
    deadline: Duration,
    pace: Pace,
}

struct Server {
    alone: SingleThreaded,
    outer: Outer,
    control: Option<OwnedFd>,
    running: Vec<Running>,
}

/// Serves until the other side of the socket closes. Children that are still at work then are killed.
///
/// # Errors
/// Whatever keeps the server from getting ready.
pub(crate) fn serve() -> io::Result<()> {
    let alone = SingleThreaded::check()?;
    // Away from number 0, so that no library ever takes the socket for its input.
    let control = io::stdin().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    let outer = walls::outer()?;
    wire::send(&control, &Hello { version: wire::VERSION, walls: outer.walls.clone() }, &[])?;
    Server { alone, outer, control: Some(control), running: Vec::new() }.run()
}

impl Server {
    fn run(&mut self) -> io::Result<()> {
        loop {
            self.wait()?;
            self.reap()?;
            if !self.take_ask()? {
                self.running.iter().for_each(|running| running.child.kill());
                return Ok(());
            }
        }
    }

    /// Until a child is gone, an ask is there, or a deadline has passed.
    fn wait(&self) -> io::Result<()> {
        let nearest = self
            .running
            .iter()
            .filter(|running| running.pace == Pace::InTime)
            .map(|running| running.deadline)
            .min();
        let pause = nearest.map(|deadline| deadline.saturating_sub(SystemClock.since_boot()));
        let pause =
            pause.map(|pause| Timespec::try_from(pause).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 }));
        let mut lines: Vec<_> =
            self.running.iter().map(|running| PollFd::new(running.child.handle(), PollFlags::IN)).collect();
        lines.extend(self.listening().map(|control| PollFd::new(control, PollFlags::IN)));
        match poll(&mut lines, pause.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn listening(&self) -> Option<&OwnedFd> {
        self.control.as_ref().filter(|_| self.running.len() < CHILDREN_MAX)
    }

    /// Kills who is overdue; says of whom is gone how it went.
    fn reap(&mut self) -> io::Result<()> {
        let now = SystemClock.since_boot();
        for running in self
            .running
            .iter_mut()
            .filter(|running| running.pace == Pace::InTime && running.deadline <= now)
        {
            running.pace = Pace::Overdue;
            running.child.kill();
        }
        for index in (0..self.running.len()).rev() {
            if is_readable(self.running[index].child.handle())? {
                let Running { child, verdict, pace, .. } = self.running.swap_remove(index);
                deliver(verdict, &verdict_of(child.wait()?, pace));
            }
        }
        Ok(())
    }

    /// Starts a child for an ask, if one is there; `false` when the daemon is gone.
    fn take_ask(&mut self) -> io::Result<bool> {
        let Some(control) = self.listening() else { return Ok(true) };
        if !is_readable(control)? {
            return Ok(true);
        }
        let Some((ask, descriptors)) = wire::receive::<Ask>(control)? else { return Ok(false) };
        let descriptors: [OwnedFd; wire::DESCRIPTORS] =
            descriptors.try_into().map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        self.start(ask, descriptors);
        Ok(true)
    }

    fn start(&mut self, ask: Ask, [file, answer, verdict]: [OwnedFd; wire::DESCRIPTORS]) {
        let deadline = SystemClock.since_boot().saturating_add(Duration::from_millis(ask.deadline_ms));
        let job = Job { ask, file: File::from(file), answer: File::from(answer) };
        let Self { alone, outer, control, running } = self;
        let started = in_child(alone, || {
            // What belongs to the server and to other files closes here, before a media byte is read.
            drop(control.take());
            running.clear();
            child::run(job, outer)
        });
        match started {
            Ok(child) => self.running.push(Running { child, verdict, deadline, pace: Pace::InTime }),
            Err(error) => deliver(verdict, &Verdict::NotStarted { because: error.to_string() }),
        }
    }
}

fn is_readable(descriptor: &OwnedFd) -> io::Result<bool> {
    let mut line = [PollFd::new(descriptor, PollFlags::IN)];
    Ok(poll(&mut line, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))? > 0)
}

/// Whether a child was killed for its deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// It was not.
    InTime,
    /// It was.
    Overdue,
}

/// How a child went.
pub(crate) fn verdict_of(status: WaitStatus, pace: Pace) -> Verdict {
    match (status.terminating_signal(), pace) {
        (Some(libc::SIGKILL), Pace::Overdue) => Verdict::TimedOut,
        (Some(signal), _) => Verdict::Killed { signal },
        (None, _) => Verdict::Ended { code: status.exit_status().unwrap_or(-1) },
    }
}

/// Whoever does not wait for the verdict any more does not miss it.
fn deliver(pipe: OwnedFd, verdict: &Verdict) {
    if let Ok(bytes) = serde_json::to_vec(verdict) {
        let _ = File::from(pipe).write_all(&bytes);
    }
}
