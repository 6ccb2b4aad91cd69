-- The view. Only apply() writes these tables, live and in replay, so that a replay of the ledger gives
-- the same rows again.

-- One row an entry. `item` is whose history it belongs to.
CREATE TABLE entries (
    idx   INTEGER PRIMARY KEY,
    at    TEXT NOT NULL,
    kind  TEXT NOT NULL,
    item  BLOB,
    leaf  BLOB NOT NULL
) STRICT;
CREATE INDEX entries_of_item ON entries (item, idx) WHERE item IS NOT NULL;

-- Roots of whole subtrees above the leaves, at every fourth level (nodes.rs).
CREATE TABLE nodes (
    level  INTEGER NOT NULL,
    place  INTEGER NOT NULL,
    hash   BLOB NOT NULL,
    PRIMARY KEY (level, place)
) STRICT, WITHOUT ROWID;

-- The newest signed head, and every head that is the first one over a deposit.
CREATE TABLE heads (
    size          INTEGER PRIMARY KEY,
    note          TEXT NOT NULL,
    over_deposit  INTEGER NOT NULL
) STRICT;

-- The ledger files as far as they are applied; `epoch` is that before the first entry, 0 for none.
CREATE TABLE ledger_files (
    first  INTEGER PRIMARY KEY,
    bytes  INTEGER NOT NULL,
    epoch  INTEGER NOT NULL
) STRICT;

-- What the archive says of itself; one row.
CREATE TABLE archive (
    only       INTEGER PRIMARY KEY CHECK (only = 1),
    archive    TEXT NOT NULL,
    root       TEXT NOT NULL,
    owner_uid  INTEGER NOT NULL,
    epoch      INTEGER NOT NULL
) STRICT;

-- Originals. `place` is the order of arrival (apply/order.rs).
CREATE TABLE items (
    place          INTEGER PRIMARY KEY,
    item           BLOB NOT NULL UNIQUE,
    dock           TEXT NOT NULL,
    name           BLOB NOT NULL,
    kind           TEXT NOT NULL,
    size           INTEGER NOT NULL,
    sha256         BLOB NOT NULL,
    sealed_size    INTEGER NOT NULL,
    sealed_sha256  BLOB NOT NULL,
    arrived        TEXT NOT NULL,
    state          TEXT NOT NULL,
    reasons        TEXT NOT NULL,
    protections    TEXT NOT NULL,
    domains        TEXT NOT NULL,
    generation     INTEGER NOT NULL,
    keys_sha256    BLOB NOT NULL,
    copies         INTEGER NOT NULL,
    readback       TEXT NOT NULL,
    recovered      TEXT
) STRICT;
CREATE INDEX items_by_print ON items (sha256);
CREATE INDEX items_by_dock ON items (dock, place);
CREATE INDEX items_by_dock_and_kind ON items (dock, kind, place);
CREATE INDEX items_by_kind ON items (kind, place);
CREATE INDEX items_by_state ON items (state, place) WHERE state <> 'sealed';

CREATE TABLE derivatives (
    item           BLOB PRIMARY KEY,
    parent         BLOB NOT NULL,
    role           TEXT NOT NULL,
    derived        TEXT NOT NULL,
    size           INTEGER NOT NULL,
    sha256         BLOB NOT NULL,
    sealed_size    INTEGER NOT NULL,
    sealed_sha256  BLOB NOT NULL,
    domains        TEXT NOT NULL,
    generation     INTEGER NOT NULL,
    keys_sha256    BLOB NOT NULL,
    recovered      TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX derivatives_of ON derivatives (parent, item);

-- One row an arrival. `base` is the path without its last extension (apply/ties.rs).
CREATE TABLE deposits (
    idx           INTEGER PRIMARY KEY,
    deposit       BLOB NOT NULL UNIQUE,
    item          BLOB NOT NULL,
    arrival       TEXT NOT NULL,
    dock          TEXT NOT NULL,
    path          BLOB NOT NULL,
    base          BLOB NOT NULL,
    kind          TEXT NOT NULL,
    facts         TEXT NOT NULL,
    readback      TEXT NOT NULL,
    copies        INTEGER NOT NULL,
    release       TEXT,
    remove_after  TEXT
) STRICT;
CREATE INDEX deposits_of_item ON deposits (item, idx);
CREATE INDEX deposits_by_path ON deposits (dock, path);
CREATE INDEX deposits_by_base ON deposits (dock, base);
CREATE INDEX deposits_set_aside ON deposits (idx) WHERE release = 'set_aside';

CREATE TABLE media (
    item   BLOB PRIMARY KEY,
    facts  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Claims that were checked after the deposit.
CREATE TABLE claims (
    idx    INTEGER PRIMARY KEY,
    item   BLOB NOT NULL,
    claim  TEXT NOT NULL
) STRICT;
CREATE INDEX claims_of_item ON claims (item, idx);

CREATE TABLE ties (
    clip     BLOB NOT NULL,
    sidecar  BLOB NOT NULL,
    PRIMARY KEY (clip, sidecar)
) STRICT, WITHOUT ROWID;
CREATE INDEX ties_of_sidecar ON ties (sidecar, clip);

CREATE TABLE damage (
    item  BLOB NOT NULL,
    code  TEXT NOT NULL,
    PRIMARY KEY (item, code)
) STRICT, WITHOUT ROWID;

-- Running sums, so that no status counts rows.
CREATE TABLE counters (
    name   TEXT PRIMARY KEY,
    value  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Search words (text.rs makes them); rowid is items.place. Short beginnings of words are kept too, because
-- many words share them: without, a search would gather everything beneath them before its first answer.
-- `marks` are the fields that a search may be narrowed by, so that it need not look at each row.
CREATE VIRTUAL TABLE words USING fts5 (
    name, other, marks,
    content = '', contentless_delete = 1, tokenize = 'ascii', prefix = '1 2 3 4'
);

-- Working tables. They may be lost at any time; what apply() puts into them comes back in a replay.

CREATE TABLE outbox (
    idx      INTEGER PRIMARY KEY,
    deposit  BLOB NOT NULL UNIQUE
) STRICT;

CREATE TABLE unprobed (
    idx   INTEGER PRIMARY KEY,
    item  BLOB NOT NULL UNIQUE
) STRICT;

CREATE TABLE unproven (
    item        BLOB PRIMARY KEY,
    generation  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE scans (
    dock  TEXT PRIMARY KEY,
    at    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE marks (
    name   TEXT PRIMARY KEY,
    value  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
