-- Group documents are kept by scope: of everything, as before, and of each run of a play. Documents say
-- what those of runs know of them, and which commands they have taken in. A version that knows nothing of
-- that would drop it at its next save; with this step, it refuses to open the file.
DELETE FROM groups WHERE id <> 'all';
