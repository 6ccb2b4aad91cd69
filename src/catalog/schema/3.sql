-- Classes change. `class` is their number (Class::number), for the predicate that stands inside every query.
ALTER TABLE items ADD COLUMN level TEXT NOT NULL DEFAULT 'none';
ALTER TABLE items ADD COLUMN term_years INTEGER;
ALTER TABLE items ADD COLUMN class INTEGER NOT NULL DEFAULT 0;
UPDATE items SET class = (
    SELECT coalesce(sum(CASE value
        WHEN 'work' THEN 1 WHEN 'commercial' THEN 2 WHEN 'privacy' THEN 4 WHEN 'minor' THEN 8 WHEN 'informant' THEN 16
    END), 0) FROM json_each(protections)
);

-- Lower classes that wait for another person. `idx` is the entry that proposed it.
CREATE TABLE lowerings (
    idx       INTEGER PRIMARY KEY,
    item      BLOB NOT NULL UNIQUE,
    proposed  TEXT NOT NULL,
    who       TEXT NOT NULL,
    why       TEXT NOT NULL
) STRICT;

-- Who may act; `owner` stands here once something about it was changed.
CREATE TABLE principals (
    name       TEXT PRIMARY KEY,
    uid        INTEGER UNIQUE,
    principal  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
