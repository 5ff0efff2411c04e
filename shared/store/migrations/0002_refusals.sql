-- What takes no row, so that a text of statements ends where a row would be put here: at the first
-- that did not come to what it had to.
CREATE TABLE refusals (
    refused INTEGER NOT NULL CHECK (false)
) STRICT;
