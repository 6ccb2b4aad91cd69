//! The one test binary; its modules mirror the rooms.

mod architecture;
mod catalog;
mod cli;
mod inbox;
mod intake;
mod keys;
mod ledger;
mod media;
mod power_cut;
mod probe;
mod seal;
mod support;
