-- Whether the code of a step may ask for credentials that it does not name: it computes a key.
ALTER TABLE step_versions ADD COLUMN dynamic INTEGER NOT NULL DEFAULT 0 CHECK (dynamic IN (0, 1));
