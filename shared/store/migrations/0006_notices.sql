-- What was noticed and has changed no backend: one row for each kind and subject, however often it comes.
CREATE TABLE notices (
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- Microseconds since 1970.
    first INTEGER NOT NULL,
    latest INTEGER NOT NULL,
    count INTEGER NOT NULL,
    says TEXT NOT NULL,
    PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;
