-- Damage is known by place, and goes when it is repaired. '' is no place in particular.
CREATE TABLE damage_by_place (
    item   BLOB NOT NULL,
    code   TEXT NOT NULL,
    place  TEXT NOT NULL,
    PRIMARY KEY (item, code, place)
) STRICT, WITHOUT ROWID;
INSERT INTO damage_by_place (item, code, place) SELECT item, code, '' FROM damage;
DROP TABLE damage;
ALTER TABLE damage_by_place RENAME TO damage;

-- Places of the vault that take nothing, as the ledger says.
CREATE TABLE lost_places (
    place    TEXT PRIMARY KEY,
    because  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Working table: how far each place was read through, and whether it lacks nothing. `after` is the item that was
-- read last, `began` the moment when this round began, `bytes` what was read in it.
CREATE TABLE scrubs (
    place  TEXT PRIMARY KEY,
    whole  INTEGER NOT NULL,
    began  TEXT,
    after  BLOB,
    bytes  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
