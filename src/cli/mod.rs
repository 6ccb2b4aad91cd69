//! Thin commands, clients of the API.
//!
//! Knows arguments, terminals, languages and exit codes; deliberately nothing of how an archive works.
//! Promises that only what was looked at whole and found as written ends with 0 (P10), and that a cut
//! answer is never taken for a whole one. Called by `main`.

mod arguments;
mod client;
mod commands;
mod exit;
mod help;
mod language;
mod out;
mod progress;
mod session;
mod terminal;
mod values;
mod works;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::FromArgMatches as _;

pub use exit::Exit;
pub use language::{Language, Messages};
pub use terminal::{OwnTerminal, Terminal};
pub use works::{Real, Works};

use crate::api::Problem;
use arguments::{Arguments, Command};
use out::Out;
use session::{Format, Session};

/// How long threads that are still at a disk may take once a command has ended; a part of the 10 s that a
/// stop may take.
const LEFTOVERS: Duration = Duration::from_secs(2);

/// The command of this process, with these works behind it.
pub fn main<W: Works>(works: &W) -> ExitCode {
    let mut err = io::stderr();
    // Two workers: commands wait for disks, and what computes has a pool of its own.
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            say(&mut err, &error.to_string());
            return Exit::Failed.into();
        }
    };
    let world = World {
        arguments: std::env::args_os().collect(),
        environment: &|name| std::env::var(name).ok(),
        out: &mut io::stdout(),
        err: &mut err,
        terminal: &OwnTerminal,
        works,
    };
    let exit = runtime.block_on(run(world));
    runtime.shutdown_timeout(LEFTOVERS);
    exit.into()
}

/// The world around one command.
pub struct World<'a, W> {
    /// The command line, the program's name first.
    pub arguments: Vec<OsString>,
    /// The environment.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// Standard output.
    pub out: &'a mut dyn Write,
    /// Standard error.
    pub err: &'a mut dyn Write,
    /// Where secrets are typed.
    pub terminal: &'a dyn Terminal,
    /// The daemon room.
    pub works: &'a W,
}

/// Does what one command line says.
pub async fn run<W: Works>(world: World<'_, W>) -> Exit {
    let World { arguments, environment, out, err, terminal, works } = world;
    let messages = Messages::of(Language::wanted(&arguments, environment));
    let arguments = match understood(arguments, &messages) {
        Ok(arguments) => arguments,
        Err(error) => return explain(&error, &messages, out, err),
    };
    if let Command::StretchPassphrase = arguments.command {
        return ended(works.stretch(), &messages, err);
    }
    // Answers name paths beneath the home, and a daemon's readers do not stand where it stood.
    let home = match arguments.home.as_deref().and_then(|home| absolute(home).ok()) {
        Some(home) => home,
        None if !arguments.command.needs_home() => PathBuf::new(),
        None => {
            say(err, &messages.say("usage-home"));
            return Exit::Usage;
        }
    };
    let format = if arguments.json { Format::Scripts } else { Format::People };
    let mut session =
        Session { messages: &messages, format, out: Out::to(out), home: &home, works, terminal };
    let outcome = commands::run(&mut session, arguments.command).await;
    finish(session.out, outcome, &messages, err)
}

fn understood(arguments: Vec<OsString>, messages: &Messages) -> Result<Arguments, clap::Error> {
    let matches = help::command(messages).try_get_matches_from(arguments)?;
    Arguments::from_arg_matches(&matches)
}

/// Says what clap says: help and version are results, everything else is a wrong use.
fn explain(error: &clap::Error, messages: &Messages, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    if error.use_stderr() {
        say(err, error.to_string().trim_end());
        say(err, &messages.say("usage-hint"));
        return Exit::Usage;
    }
    say(out, error.to_string().trim_end());
    Exit::Done
}

fn ended(outcome: Result<(), Problem>, messages: &Messages, err: &mut dyn Write) -> Exit {
    match outcome {
        Ok(()) => Exit::Done,
        Err(problem) => tell(&problem, messages, err),
    }
}

/// The exit code; a result that could not be printed is no success.
fn finish(out: Out<'_>, outcome: Result<Exit, Problem>, messages: &Messages, err: &mut dyn Write) -> Exit {
    let exit = match outcome {
        Ok(exit) => exit,
        Err(problem) => tell(&problem, messages, err),
    };
    match out.finish() {
        Err(error) if exit == Exit::Done => {
            say(err, &messages.tell("cannot-print", &[("why", error.to_string().into())]));
            Exit::Failed
        }
        _ => exit,
    }
}

/// One clear sentence, what it is about, and the next step.
fn tell(problem: &Problem, messages: &Messages, err: &mut dyn Write) -> Exit {
    let id = format!("problem-{}", problem.code);
    say(err, &messages.say(&id));
    say(err, &format!("  {}", out::plain(&problem.detail)));
    if let Some(next) = messages.find(&format!("{id}.next"), &[]) {
        say(err, &format!("  {next}"));
    }
    problem.into()
}

/// A line where nobody checks whether it arrived: there is no other place to say that it did not.
fn say(to: &mut dyn Write, text: &str) {
    let _ = writeln!(to, "{text}");
}

/// A path as an absolute one, the links in it untouched.
fn absolute(path: &Path) -> io::Result<PathBuf> {
    std::path::absolute(path)
}

#[cfg(test)]
mod tests;
