-- A key-encryption key that is retired wraps nothing, and will not again.
ALTER TABLE keks ADD COLUMN retired_at INTEGER;
ALTER TABLE keks ADD COLUMN retired_by TEXT;
