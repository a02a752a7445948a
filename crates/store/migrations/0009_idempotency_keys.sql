-- What clients called the runs that they asked for, for a day: who asks again is told of the first run. `request` is
-- SHA-256 of what was asked. The numbers of runs grow with time, so the oldest stand first.
CREATE TABLE idempotency_keys (
  run          INTEGER NOT NULL PRIMARY KEY REFERENCES runs (number) ON DELETE CASCADE,
  workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  key          TEXT    NOT NULL,
  request      TEXT    NOT NULL,
  asked_at     INTEGER NOT NULL,
  UNIQUE (workspace_id, key)
) STRICT;

-- How many of them a workspace has. Counted here, so that no way in which a row goes is forgotten.
ALTER TABLE workspaces ADD COLUMN idempotency_keys INTEGER NOT NULL DEFAULT 0;

CREATE TRIGGER idempotency_key_added AFTER INSERT ON idempotency_keys BEGIN
  UPDATE workspaces SET idempotency_keys = idempotency_keys + 1 WHERE id = new.workspace_id;
END;

CREATE TRIGGER idempotency_key_removed AFTER DELETE ON idempotency_keys BEGIN
  UPDATE workspaces SET idempotency_keys = idempotency_keys - 1 WHERE id = old.workspace_id;
END;
