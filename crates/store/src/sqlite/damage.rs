//! Whether the database is whole, by SQLite's own checks.

use rusqlite::Connection;

use crate::error::StoreError;

use super::SqliteStore;

/// Findings that are told. One is enough to restore a copy; a few say what was hit.
const MAX_FINDINGS: usize = 10;

impl SqliteStore {
    /// What is damaged in the database: in its pages, its indexes, and its references from table to table. Nothing, if
    /// it is whole. Reads all of it: about a second for a gigabyte.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read at all.
    pub async fn damage(&self) -> Result<Vec<String>, StoreError> {
        self.readers.read(damage).await
    }
}

pub(super) fn damage(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let sql = format!("PRAGMA integrity_check({MAX_FINDINGS})");
    let mut findings: Vec<String> = connection
        .prepare(&sql)?
        .query_map((), |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    findings.retain(|finding| finding != "ok");
    let mut references = connection.prepare("PRAGMA foreign_key_check")?;
    let broken = references.query_map((), |row| {
        let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
        Ok(format!(
            "a row of `{table}` refers to a row of `{parent}` that is not there"
        ))
    })?;
    for finding in broken.take(MAX_FINDINGS) {
        findings.push(finding?);
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    async fn check(harm: &str, expected: &[&str]) {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(directory.path(), Timestamp::UNIX_EPOCH).unwrap();
        let connection = Connection::open(directory.path().join("lockstep.db")).unwrap();
        connection
            .pragma_update(None, "foreign_keys", false)
            .unwrap();
        connection.execute_batch(harm).unwrap();
        assert_eq!(store.damage().await.unwrap(), expected);
    }

    #[tokio::test]
    async fn a_new_database_is_whole() {
        check("", &[]).await;
    }

    #[tokio::test]
    async fn a_reference_to_nothing_is_found() {
        let finding = "a row of `workflows` refers to a row of `workspaces` that is not there";
        check("DELETE FROM workspaces", &[finding]).await;
    }

    #[tokio::test]
    async fn a_row_that_breaks_its_rules_is_found() {
        let harm =
            "PRAGMA ignore_check_constraints = ON; UPDATE workflows SET permission = 'every'";
        check(harm, &["CHECK constraint failed in workflows"]).await;
    }
}
