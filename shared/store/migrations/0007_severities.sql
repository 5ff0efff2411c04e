-- Notices of alerts are kept apart by how bad these are. Nothing was noted of that before.
CREATE TABLE notices_by_severity (
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- Empty where the notice is of no alert.
    severity TEXT NOT NULL,
    -- Microseconds since 1970.
    first INTEGER NOT NULL,
    latest INTEGER NOT NULL,
    count INTEGER NOT NULL,
    says TEXT NOT NULL,
    PRIMARY KEY (kind, subject, severity)
) STRICT, WITHOUT ROWID;
INSERT INTO notices_by_severity
    SELECT kind, subject, '', first, latest, count, says FROM notices;
DROP TABLE notices;
ALTER TABLE notices_by_severity RENAME TO notices;
