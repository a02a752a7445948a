-- Whether the credentials of a workspace must be sealed. How each may be used is in its record, which nobody can change
-- without its value; this can be changed here.
ALTER TABLE workspaces ADD COLUMN sealing TEXT NOT NULL DEFAULT 'optional'
  CHECK (sealing IN ('optional', 'required'));
ALTER TABLE workspaces ADD COLUMN sealing_at INTEGER;
ALTER TABLE workspaces ADD COLUMN sealing_by TEXT;
