-- Runs that did not complete are few and looked for among many. That a run completes, which is most of what is written,
-- costs nothing here, as such a run is in this index at no time.
CREATE INDEX runs_by_status ON runs (workspace_id, status, id) WHERE status NOT IN ('open', 'completed');
