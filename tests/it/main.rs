//! The one test binary; its modules mirror the rooms.

#![expect(clippy::print_stdout, reason = "tests say what they left out, and why")]

mod architecture;
mod audit;
mod catalog;
mod cli;
mod copies;
mod inbox;
mod intake;
mod keys;
mod ledger;
mod media;
mod power_cut;
mod probe;
mod promises;
mod seal;
mod support;
