//! Tests of the catalog from outside: what it promises about ledger files and the view of them.

mod answers;
mod house;
mod ledger_files;
mod power;
mod replay;
mod working;
