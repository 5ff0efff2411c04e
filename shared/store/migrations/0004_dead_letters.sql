-- A dead letter may have parts: the alerts of one delivery. Null where it has none.
ALTER TABLE letters ADD COLUMN parts TEXT;
-- The oldest are dropped, by their age and by how many there are.
CREATE INDEX letters_by_time ON letters (at);
