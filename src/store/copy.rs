//! Whole tables as text, one JSON array a row, the same for both databases: what a backup is made
//! of (decisions.md 8, 9). A copy of one database can be loaded into the other.
//!
//! The database writes and reads the rows itself (`json_array`, `json_each`), so a table needs no
//! code of its own here: its name, and the columns that the database says it has.

use diesel::connection::DefaultLoadingMode;
use diesel::pg::PgRowByRowLoadingMode;
use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types};

use super::{AnyConn, StoreError, on_backend};

/// Every table of the bureau with its key, parents before the rows that refer to them.
pub const TABLES: [(&str, &str); 37] = [
    ("log_head", "id"),
    ("entries", "idx"),
    ("bodies", "idx"),
    ("checkpoints", "size"),
    ("artefacts", "digest"),
    ("models", "digest"),
    ("partners", "id"),
    ("partner_keys", "thumbprint"),
    ("applications", "id"),
    ("conduct", "idx"),
    ("webhooks", "partner"),
    ("dead_letters", "partner, first_event"),
    ("staff", "name"),
    ("alerts", "idx"),
    ("persons", "id"),
    ("lookups", "hmac"),
    ("pairwise", "id"),
    ("person_keys", "thumbprint"),
    ("mandates", "id"),
    ("resolutions", "idx"),
    ("consents", "id"),
    ("facts", "identity"),
    ("data_requests", "id"),
    ("uploads", "id"),
    ("profiles", "person"),
    ("inquiry_marks", "idx"),
    ("inquiries", "id"),
    ("inquiry_outcomes", "inquiry"),
    ("monitors", "id"),
    ("freezes", "id"),
    ("matters", "id"),
    ("contested", "id"),
    ("barred", "id"),
    ("events", "id"),
    ("nonces", "nonce, keyid"),
    ("idempotency", "key, principal"),
    ("batches", "id"),
];

/// Rows loaded with one statement.
pub const LOAD_ROWS: usize = 500;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = sql_types::Text)]
    line: String,
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = sql_types::Text)]
    name: String,
    #[diesel(sql_type = sql_types::Text)]
    kind: String,
}

/// A column: its name, and what the database calls its type, in small letters.
struct Column {
    name: String,
    kind: String,
}

impl Column {
    fn is_bytes(&self) -> bool {
        matches!(self.kind.as_str(), "blob" | "bytea")
    }

    /// The column as JSON; bytes in hexadecimal.
    fn written(&self, postgres: bool) -> String {
        let name = &self.name;
        match (self.is_bytes(), postgres) {
            (false, _) => format!("\"{name}\""),
            (true, true) => format!("encode(\"{name}\", 'hex')"),
            (true, false) => {
                format!("CASE WHEN \"{name}\" IS NOT NULL THEN lower(hex(\"{name}\")) END")
            }
        }
    }

    /// The same read back from place `at` of the array `value`.
    fn read(&self, at: usize, postgres: bool) -> String {
        match (self.is_bytes(), postgres) {
            (true, true) => format!("decode(value ->> {at}, 'hex')"),
            (false, true) => format!("(value ->> {at})::{}", self.kind),
            (true, false) => format!("unhex(json_extract(value, '$[{at}]'))"),
            (false, false) => format!("json_extract(value, '$[{at}]')"),
        }
    }
}

fn columns_of(conn: &mut AnyConn, table: &str) -> Result<Vec<Column>, StoreError> {
    let sql = if conn.is_postgres() {
        "SELECT column_name::text AS name, data_type::text AS kind FROM information_schema.columns \
         WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position"
    } else {
        "SELECT name, type AS kind FROM pragma_table_info(?) ORDER BY cid"
    };
    let rows: Vec<Named> =
        on_backend!(conn, |c| sql_query(sql).bind::<sql_types::Text, _>(table).load(c))?;
    if rows.is_empty() {
        return Err(StoreError::Schema(format!("there is no table {table}")));
    }
    let column = |row: Named| Column { name: row.name, kind: row.kind.to_lowercase() };
    Ok(rows.into_iter().map(column).collect())
}

/// Names of the columns of a table, in their order.
///
/// # Errors
/// The database's, or there is no such table.
pub fn columns(conn: &mut AnyConn, table: &str) -> Result<Vec<String>, StoreError> {
    Ok(columns_of(conn, table)?.into_iter().map(|column| column.name).collect())
}

/// The tables that the database has, the record of its migrations left out.
///
/// # Errors
/// The database's.
pub fn tables(conn: &mut AnyConn) -> Result<Vec<String>, StoreError> {
    let sql = if conn.is_postgres() {
        "SELECT table_name::text AS line FROM information_schema.tables \
         WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY 1"
    } else {
        "SELECT name AS line FROM sqlite_master WHERE type = 'table' ORDER BY 1"
    };
    let rows: Vec<Line> = on_backend!(conn, |c| sql_query(sql).load(c))?;
    let own = |name: &String| !name.starts_with("__diesel") && !name.starts_with("sqlite_");
    Ok(rows.into_iter().map(|row| row.line).filter(own).collect())
}

/// A long read is no mistake here, and a pause between two tables no idle client.
///
/// # Errors
/// The database's.
pub fn without_haste(conn: &mut AnyConn) -> Result<(), StoreError> {
    if conn.is_postgres() {
        conn.batch(
            "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0",
        )?;
    }
    Ok(())
}

/// Gives every row of a table to `each`, in order of its key, a row at a time.
///
/// # Errors
/// The database's, or what `each` answers.
pub fn write_rows(
    conn: &mut AnyConn,
    (table, key): (&str, &str),
    each: &mut dyn FnMut(&str) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let postgres = conn.is_postgres();
    let list: Vec<String> =
        columns_of(conn, table)?.iter().map(|column| column.written(postgres)).collect();
    let list = list.join(", ");
    match conn {
        AnyConn::Pg(c) => {
            let sql = format!(
                "SELECT json_build_array({list})::text AS line FROM \"{table}\" ORDER BY {key}"
            );
            for row in sql_query(sql).load_iter::<Line, PgRowByRowLoadingMode>(c)? {
                each(&row?.line)?;
            }
        }
        AnyConn::Sqlite(c) => {
            let sql = format!("SELECT json_array({list}) AS line FROM \"{table}\" ORDER BY {key}");
            for row in sql_query(sql).load_iter::<Line, DefaultLoadingMode>(c)? {
                each(&row?.line)?;
            }
        }
    }
    Ok(())
}

/// Inserts rows that [`write_rows`] gave, at most [`LOAD_ROWS`] of them; `names` are the columns.
///
/// # Errors
/// The database's: a row is there already, or does not fit.
pub fn read_rows(
    conn: &mut AnyConn,
    table: &str,
    names: &[String],
    lines: &[String],
) -> Result<(), StoreError> {
    let postgres = conn.is_postgres();
    let known = columns_of(conn, table)?;
    let mut values = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let column = known.iter().find(|column| column.name == *name);
        let column = column
            .ok_or_else(|| StoreError::Schema(format!("{table} has no column of that name")))?;
        values.push(column.read(at, postgres));
    }
    let into: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let (into, values) = (into.join(", "), values.join(", "));
    let rows = if postgres { "json_array_elements($1::json)" } else { "json_each(?)" };
    let sql = format!("INSERT INTO \"{table}\" ({into}) SELECT {values} FROM {rows}");
    let all = format!("[{}]", lines.join(","));
    on_backend!(conn, |c| sql_query(sql).bind::<sql_types::Text, _>(&all).execute(c))?;
    Ok(())
}
