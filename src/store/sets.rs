//! Set-based reading and writing, written once for both databases.

/// Loads rows of `$table` whose `$column` is one of `$keys`, in chunks.
macro_rules! load_by {
    ($conn:expr, $table:ident, $column:ident, $keys:expr, $row:ty) => {{
        let mut rows: Vec<$row> = Vec::new();
        for chunk in $keys.chunks($crate::store::INSERT_CHUNK_ROWS * 4) {
            rows.extend(match $conn {
                $crate::store::AnyConn::Pg(c) => {
                    $table::table.filter($table::$column.eq_any(chunk)).load::<$row>(c)?
                }
                $crate::store::AnyConn::Sqlite(c) => $table::table
                    .filter($crate::store::one_of($table::$column, chunk))
                    .load::<$row>(c)?,
            });
        }
        rows
    }};
}
pub(crate) use load_by;

/// Inserts `$rows` into `$table`: many in one statement on PostgreSQL; one by one on SQLite, where
/// a statement of many gains nothing and is prepared anew each time.
macro_rules! insert_all {
    ($conn:expr, $table:ident, $rows:expr) => {
        match $conn {
            $crate::store::AnyConn::Pg(c) => {
                for chunk in $rows.chunks($crate::store::INSERT_CHUNK_ROWS) {
                    diesel::insert_into($table::table).values(chunk).execute(c)?;
                }
            }
            $crate::store::AnyConn::Sqlite(c) => {
                for row in $rows.iter() {
                    diesel::insert_into($table::table).values(row).execute(c)?;
                }
            }
        }
    };
}
pub(crate) use insert_all;

/// Inserts each of `$rows` or replaces the row of the same `$key`.
macro_rules! put_all {
    ($conn:expr, $table:ident, $key:ident, $rows:expr) => {
        for row in $rows {
            $crate::store::on_backend!($conn, |c| diesel::insert_into($table::table)
                .values(row)
                .on_conflict($table::$key)
                .do_update()
                .set(row)
                .execute(c))?;
        }
    };
}
pub(crate) use put_all;

/// The next page of `$table` in order of `$key`, after the key of the last row seen.
macro_rules! page_after {
    ($conn:expr, $table:ident, $key:ident, $after:expr, $row:ty) => {
        $crate::store::on_backend!($conn, |c| $table::table
            .filter($table::$key.gt($after))
            .order($table::$key)
            .limit($crate::store::PAGE_ROWS)
            .load::<$row>(c))?
    };
}
pub(crate) use page_after;

/// The rows of `$table` that belong to entries `$from..$to`, in order of the log.
macro_rules! load_between {
    ($conn:expr, $table:ident, $from:expr, $to:expr, $row:ty) => {
        $crate::store::on_backend!($conn, |c| $table::table
            .filter($table::idx.ge($from as i64))
            .filter($table::idx.lt($to as i64))
            .order($table::idx)
            .load::<$row>(c))?
    };
}
pub(crate) use load_between;

/// Writes `$rows` in place of the rows of the same `$key`: two statements for a whole set on
/// PostgreSQL, two a row on SQLite (not REPLACE, which would also delete a row that is in the way
/// of another key). For tables that no other table refers to.
macro_rules! replace_all {
    ($conn:expr, $table:ident, $key:ident, $rows:expr) => {
        match $conn {
            $crate::store::AnyConn::Pg(c) => {
                for chunk in $rows.chunks($crate::store::INSERT_CHUNK_ROWS) {
                    let keys: Vec<_> = chunk.iter().map(|row| row.$key.clone()).collect();
                    diesel::delete($table::table.filter($table::$key.eq_any(&keys))).execute(c)?;
                    diesel::insert_into($table::table).values(chunk).execute(c)?;
                }
            }
            $crate::store::AnyConn::Sqlite(c) => {
                for row in $rows.iter() {
                    diesel::delete($table::table.filter($table::$key.eq(&row.$key))).execute(c)?;
                    diesel::insert_into($table::table).values(row).execute(c)?;
                }
            }
        }
    };
}
pub(crate) use replace_all;
