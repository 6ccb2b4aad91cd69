//! Pure decisions that return their reasons: when a file is settled, what its name says, what lies
//! beside it, how long to wait before the next try, who may do what.
//!
//! No IO, no clock, no randomness: facts and policy come in, a verdict goes out. Promises that only
//! the settle rule makes a [`settle::Settled`], and that no name can do more than give hints (P4).
//! Called by `inbox`, `intake` and `catalog`; the policy data are the files in `config/profiles/`.

pub mod access;
pub mod backoff;
pub mod checksums;
pub mod companions;
mod error;
pub mod kinds;
mod name_clock;
pub mod naming;
pub mod offices;
pub mod settle;

pub use error::Error;
