//! Databases for one test each, on the server that `FIVEFOLD_TEST_POSTGRES` names.

use fivefold::kernel::Env;
use fivefold::kernel::bytes::hex;
use fivefold::store::Target;

/// A fresh database, dropped at the end.
pub struct Fresh {
    server: String,
    name: String,
    pub url: String,
}

/// The server to make databases on.
#[expect(clippy::disallowed_methods, reason = "a test is configured by its environment")]
fn server() -> Option<String> {
    std::env::var("FIVEFOLD_TEST_POSTGRES").ok()
}

impl Fresh {
    /// Makes one, where there is a server; `what` is checked.
    pub fn database(what: &str) -> Option<Fresh> {
        let Some(server) = server() else {
            println!("FIVEFOLD_TEST_POSTGRES is not set: {what} was checked on SQLite only");
            return None;
        };
        let name = format!("fivefold_{}", hex(&Env::system().random::<10>()));
        let mut conn = Target::Postgres { url: server.clone(), keys: false }
            .connect()
            .expect("FIVEFOLD_TEST_POSTGRES names a server");
        conn.batch(&format!("CREATE DATABASE {name}")).expect("a database can be made");
        let (front, _) = server.rsplit_once('/').expect("a URL with a database");
        let url = format!("{front}/{name}");
        Some(Fresh { server, name, url })
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let server = Target::Postgres { url: self.server.clone(), keys: false };
        if let Ok(mut conn) = server.connect() {
            let _ = conn.batch(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        }
    }
}
