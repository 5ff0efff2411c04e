-- Which series ask for which override: an index over `series`, so that the strongest of them are
-- found without reading all. Written with each save of a series.
CREATE TABLE claims (
    id         TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    severity   INTEGER NOT NULL,
    started    INTEGER NOT NULL,
    series     TEXT    NOT NULL,
    -- When it was claimed, and how long it lasts from then or from when the override began.
    since      INTEGER NOT NULL,
    length     INTEGER NOT NULL,
    PRIMARY KEY (id, generation DESC, severity DESC, started, series)
) STRICT, WITHOUT ROWID;
CREATE INDEX claims_by_series ON claims (series);
-- What a forgotten series asked for is forgotten with it.
CREATE TRIGGER claims_of_forgotten AFTER DELETE ON series BEGIN
    DELETE FROM claims WHERE series = old.id;
END;
