//! Connections to `catalog.db`: one that writes, a few that read, and the schema.

use std::path::Path;
use std::time::Duration;

use r2d2::Pool;
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};

use super::Error;

/// Each step from one released schema to the next; never edited once released.
pub(super) const STEPS: [&str; 3] =
    [include_str!("schema/1.sql"), include_str!("schema/2.sql"), include_str!("schema/3.sql")];

/// The schema this program writes: as many as there are steps.
pub(super) const SCHEMA: i64 = 3;

/// The sealing process stays under 64 MiB resident: 8 MiB of pages for the writer, 1 MiB for each
/// reader. KiB, negative as SQLite wants it.
const WRITER_CACHE: i64 = -8 * 1024;
const READER_CACHE: i64 = -1024;

/// Readers at once. A long listing holds one only while it reads a page.
const READERS: u32 = 4;

/// A checkpoint may hold the file for that long.
const BUSY: Duration = Duration::from_secs(10);

/// Statements kept ready on each connection: about as many as `apply` has.
const STATEMENTS: usize = 64;

pub(super) type Readers = Pool<SqliteConnectionManager>;

/// Opens the writing connection and brings the schema up to date.
///
/// # Errors
/// [`Error::FromTheFuture`] before anything is changed; [`Error::Database`], [`Error::Migration`].
pub(super) fn writer(path: &Path) -> Result<Connection, Error> {
    let mut db = Connection::open(path).map_err(Error::database("open its database"))?;
    refuse_future(&db)?;
    set_up(&db, WRITER_CACHE).map_err(Error::database("set its database up"))?;
    Migrations::new(STEPS.map(M::up).to_vec()).to_latest(&mut db).map_err(Error::Migration)?;
    Ok(db)
}

fn refuse_future(db: &Connection) -> Result<(), Error> {
    let found = db
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(Error::database("read its schema version"))?;
    if found > SCHEMA { Err(Error::FromTheFuture { found, known: SCHEMA }) } else { Ok(()) }
}

fn set_up(db: &Connection, cache: i64) -> rusqlite::Result<()> {
    db.busy_timeout(BUSY)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "secure_delete", true)?;
    db.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)?;
    bound_memory(db, cache)
}

/// Temporary tables stay in memory: in a file they would lie outside the home, in clear. Every sort is
/// bounded by a `LIMIT`.
fn bound_memory(db: &Connection, cache: i64) -> rusqlite::Result<()> {
    // One plan for each statement, whatever is bound to it: else SQLite plans anew at every other call.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "cache_size", cache)?;
    db.pragma_update(None, "mmap_size", 0)?;
    db.pragma_update(None, "temp_store", "MEMORY")
}

/// The readers. They cannot write.
pub(super) fn readers(path: &Path) -> Result<Readers, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let manager = SqliteConnectionManager::file(path).with_flags(flags).with_init(|db| {
        db.busy_timeout(BUSY)?;
        db.set_prepared_statement_cache_capacity(STATEMENTS);
        bound_memory(db, READER_CACHE)?;
        // Every word of the index with the places where it stands; of this connection, and holding nothing.
        db.execute_batch("CREATE VIRTUAL TABLE temp.terms USING fts5vocab (main, words, instance)")?;
        db.pragma_update(None, "query_only", true)
    });
    Pool::builder()
        .max_size(READERS)
        .min_idle(Some(1))
        .test_on_check_out(false)
        .build(manager)
        .map_err(Error::Readers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_step_runs() {
        Migrations::new(STEPS.map(M::up).to_vec()).validate().expect("valid SQL");
        assert_eq!(i64::try_from(STEPS.len()), Ok(SCHEMA));
    }

    #[test]
    fn a_newer_schema_is_refused_and_left_as_it_is() {
        let here = tempfile::tempdir().expect("a temporary folder");
        let path = here.path().join("catalog.db");
        let db = Connection::open(&path).expect("opens");
        db.pragma_update(None, "user_version", SCHEMA + 1).expect("set");
        drop(db);
        let before = std::fs::read(&path).expect("read");
        let error = writer(&path).expect_err("from the future");
        assert!(matches!(error, Error::FromTheFuture { found, .. } if found == SCHEMA + 1));
        assert_eq!(std::fs::read(&path).expect("read"), before);
    }

    #[test]
    fn readers_cannot_write_and_everything_is_synchronous() {
        let here = tempfile::tempdir().expect("a temporary folder");
        let path = here.path().join("catalog.db");
        let db = writer(&path).expect("opens");
        let synchronous: i64 = db.pragma_query_value(None, "synchronous", |row| row.get(0)).expect("asked");
        let secure: i64 = db.pragma_query_value(None, "secure_delete", |row| row.get(0)).expect("asked");
        assert_eq!((synchronous, secure), (2, 1));
        let readers = readers(&path).expect("opens");
        let reader = readers.get().expect("free");
        assert!(reader.execute("DELETE FROM items", []).is_err());
    }
}
