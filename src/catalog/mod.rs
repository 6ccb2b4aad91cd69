//! What we know: ledger files and the view of them in SQLite.
