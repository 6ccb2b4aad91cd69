//! `sealdock-probe`: the sandboxed parser, and the only binary that links libav.
//!
//! `--serve` is for the daemon: a fork server on the socket that is its stdin. `FILE` is for people: it asks
//! such a server about one file and prints the facts as JSON. `--self-test` tries to get out of the sandbox.

mod child;
mod demux;
mod filter;
mod fork;
mod parser;
mod poster;
mod self_test;
mod server;
mod source;
mod walls;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use sealdock::model::RawName;
use sealdock::probe::{Limits, Prober, Starting};

const USAGE: &str = "usage: sealdock-probe FILE        print what is known of a media file, as JSON
       sealdock-probe --self-test  try to leave the sandbox, and print what happened
       sealdock-probe --serve      what the daemon runs";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let outcome = match (arguments.next(), arguments.next()) {
        (Some(word), None) => dispatch(&word),
        _ => return complain(USAGE, 2),
    };
    outcome.unwrap_or_else(|error| complain(&format!("sealdock-probe: {error}"), 1))
}

fn dispatch(word: &OsStr) -> io::Result<ExitCode> {
    match word.to_str() {
        Some("--serve") => {
            fork::close_inherited();
            parser::load()?;
            server::serve().map(|()| ExitCode::SUCCESS)
        }
        Some("--self-test") => {
            parser::load()?;
            self_test::run()
        }
        Some("--help" | "-h") => say(USAGE).map(|()| ExitCode::SUCCESS),
        Some(option) if option.starts_with("--") => Ok(complain(USAGE, 2)),
        _ => print_facts(Path::new(word)),
    }
}

/// The way of the daemon, for one file.
fn print_facts(path: &Path) -> io::Result<ExitCode> {
    let file =
        File::open(path).map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
    let program = std::env::current_exe()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        let prober = Prober::start(Starting { program, limits: Limits::default(), at_once: 1 })?;
        Ok::<_, sealdock::probe::Error>(prober.probe(file, &RawName::from(path)).await)
    });
    let report = report.map_err(io::Error::other)?;
    say(&serde_json::to_string_pretty(&report.facts)?).map(|()| ExitCode::SUCCESS)
}

fn say(text: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

fn complain(text: &str, code: u8) -> ExitCode {
    // Without a stderr there is nobody to tell; the code remains.
    let _ = writeln!(io::stderr().lock(), "{text}");
    ExitCode::from(code)
}
