//! Media facts and pictures, from ffmpeg in a sandboxed child process.
//!
//! This side asks and judges the answer; it maps no media parser and believes nothing that the child says
//! beyond its bounds (P4). The other side is the binary `sealdock-probe`: a small server that forks one
//! child for each file, behind walls, with one descriptor to read. Media that crash, hang or lie are facts
//! about the clip, never errors. Knows nothing of items or receipts; `intake` calls it after a receipt.
//!
//! `wire` and `structure` are public because that binary shares them.

mod answer;
mod bounds;
mod prober;
mod server;
pub mod structure;
pub mod wire;

use std::path::PathBuf;

pub use answer::assemble;
pub use bounds::within_bounds;
pub use prober::{Limits, Prober, Report, Starting, walls_of};
pub use wire::Poster;

/// What can go wrong with the prober itself; trouble with media is never an error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program could not be run.
    #[error("cannot run {}", program.display())]
    Run {
        /// What was to be run.
        program: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The program runs, and did not say that it is ready.
    #[error("{} did not get ready: {because}", program.display())]
    NotReady {
        /// What runs.
        program: PathBuf,
        /// What it did instead.
        because: String,
    },
    /// The program stopped while it was needed.
    #[error("the probe server stopped")]
    Stopped,
    /// The line to the program failed.
    #[error("cannot talk to the probe server")]
    Line(#[source] std::io::Error),
}
