//! The ledger from outside: every fixture, the specification's worked example, and judges that are not
//! ours.

mod cases;
mod desk;
mod example;
mod fixtures;
mod judges;
