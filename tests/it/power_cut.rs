//! The power goes, or the disk says no, at every step there is: nothing is lost, nothing is doubled, and a
//! second try finishes.

mod backups;
mod classes;
mod copies;
mod cuts;
mod faults;
mod house;
mod killed;
mod making;
mod mounts;
mod powerless;
mod twins;
