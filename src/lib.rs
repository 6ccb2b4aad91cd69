//! sealdock: docks deposit, the archive seals, and nobody loses, alters, peeks or shreds without
//! leaving proof.
//!
//! The rooms, in reading order; each names only rooms above it in this list, and never a neighbour on
//! its own floor (`tests/it/architecture.rs` holds the table).

// F0: nouns
pub mod model;
// F1: bytes and decisions
pub mod ledger;
pub mod rules;
pub mod seal;
// F2: the world, one step at a time
pub mod sys;
// F3: the doors to the world
pub mod catalog;
pub mod inbox;
pub mod keys;
pub mod probe;
pub mod vault;
// F4: one item
pub mod evidence;
// F5: use cases
pub mod audit;
pub mod intake;
pub mod reading;
pub mod secrecy;
// F8: the interface of programs
pub mod api;
// F9, F10: wiring and commands
pub mod cli;
pub mod daemon;
