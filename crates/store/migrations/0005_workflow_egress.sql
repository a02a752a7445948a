-- Where the requests of a workflow may go: the JSON of its rules. It is told to snapshots with the usage permission, and
-- moves the same revision.
ALTER TABLE workflows ADD COLUMN egress TEXT NOT NULL DEFAULT '"all"';
ALTER TABLE workflows ADD COLUMN egress_at INTEGER;
ALTER TABLE workflows ADD COLUMN egress_by TEXT;
