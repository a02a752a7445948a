//! Columns as the types that they were written from. Anything else in them is damage, and is told by its column.

use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::FromSql;

use lockstep_step::{Scope, WorkflowName};

use crate::error::StoreError;

/// Reads typed columns.
pub(super) trait Columns {
    /// A column as SQLite has it.
    fn plain<T: FromSql>(&self, column: usize) -> Result<T, StoreError>;

    /// A name, key, digest or id.
    fn parsed<T: FromStr>(&self, column: usize) -> Result<T, StoreError> {
        let text: String = self.plain(column)?;
        text.parse().map_err(|_| self.damaged(column))
    }

    /// A count or version.
    fn count(&self, column: usize) -> Result<u64, StoreError> {
        u64::try_from(self.plain::<i64>(column)?).map_err(|_| self.damaged(column))
    }

    /// A time.
    fn time(&self, column: usize) -> Result<Timestamp, StoreError> {
        Timestamp::from_microsecond(self.plain(column)?).map_err(|_| self.damaged(column))
    }

    /// A time that need not have come.
    fn optional_time(&self, column: usize) -> Result<Option<Timestamp>, StoreError> {
        let microseconds: Option<i64> = self.plain(column)?;
        microseconds
            .map(Timestamp::from_microsecond)
            .transpose()
            .map_err(|_| self.damaged(column))
    }

    /// A scope, written by [`scope_column`].
    fn scope(&self, column: usize) -> Result<Scope, StoreError> {
        let text: String = self.plain(column)?;
        if text.is_empty() {
            return Ok(Scope::Workspace);
        }
        let name: Result<WorkflowName, _> = text.parse();
        name.map(Scope::Workflow).map_err(|_| self.damaged(column))
    }

    /// The error that names a column.
    fn damaged(&self, column: usize) -> StoreError;
}

impl Columns for Row<'_> {
    fn plain<T: FromSql>(&self, column: usize) -> Result<T, StoreError> {
        self.get(column).map_err(|error| match error {
            rusqlite::Error::SqliteFailure(..) => error.into(),
            _ => self.damaged(column),
        })
    }

    fn damaged(&self, column: usize) -> StoreError {
        let name = self.as_ref().column_name(column).unwrap_or("?");
        StoreError::Corrupt {
            what: format!("column `{name}` holds what it cannot"),
        }
    }
}

/// A time as it is kept: to the microsecond.
pub(super) fn kept_time(at: Timestamp) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(at.as_microsecond())
        .map_err(|error| StoreError::Failed(Box::new(error)))
}

/// The workflow of a scope; empty for the workspace's own, which no workflow's name is.
pub(super) fn scope_column(scope: &Scope) -> &str {
    scope.workflow().map_or("", WorkflowName::as_str)
}

/// A bound of a list: a number that no column can have is beyond all that are there.
pub(super) fn bound_column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A version or count as SQLite has numbers.
pub(super) fn number_column(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|error| StoreError::Failed(Box::new(error)))
}
