//! `init` and `migrate`: making a bureau, and keeping its schema in step.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::config::{self, Config, FILE};
use super::output::{self, Done, Failure, note};
use super::{Place, Shape};
use crate::bureau::Bureau;
use crate::kernel::Env;
use crate::policy::Environment;
use crate::store::{SchemaState, Store, Target};

/// Arguments of `init`.
#[derive(Args)]
#[command(after_help = "\
Makes DIR with the bureau's five keys, both databases, the log's first checkpoint and a commented
fivefold.toml. What is there already is left alone, so that it is safe to run twice.

Examples:
  fivefold init --dir bureau
  fivefold init --dir bureau --origin bureau.example/log --home CN \\
      --database 'postgres://fivefold@db.example/bureau?passfile=/etc/fivefold/pgpass'

Without a licence in the configuration the bureau is a sandbox: made-up persons only.")]
pub struct InitArgs {
    /// The log's name for ever: host and /log, no scheme [default: localhost/log]
    #[arg(long, value_name = "HOST/log")]
    origin: Option<String>,
    /// SQLite file or postgres:// URL [default: DIR/bureau.sqlite]
    #[arg(long, value_name = "PATH|URL")]
    database: Option<String>,
    /// The same for the key store, which stays out of backups [default: DIR/keys.sqlite]
    #[arg(long, value_name = "PATH|URL")]
    keys_database: Option<String>,
    /// What signed requests call this server [default: the address it listens on]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// live (needs a licence), sandbox or demo
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// Residence whose rules apply where no person is known, ISO 3166 [default: CN]
    #[arg(long, value_name = "CC")]
    home: Option<String>,
    #[command(flatten)]
    shape: Shape,
}

fn chosen(config: Config, args: &InitArgs) -> Result<Config, Failure> {
    let mut config = config;
    if let Some(origin) = &args.origin {
        config.origin = config::origin(origin)?;
    }
    if let Some(url) = &args.public_url {
        config.public_url = Some(config::public_url(url)?);
    }
    if let Some(home) = &args.home {
        config.home = config::home(home)?;
    }
    if let Some(address) = &args.database {
        config::without_password("--database", address)?;
        config.database = absolute(Target::parse(address, false))?;
    }
    if let Some(address) = &args.keys_database {
        config::without_password("--keys-database", address)?;
        config.keys_database = absolute(Target::parse(address, true))?;
    }
    if let Some(name) = &args.environment {
        let known = Environment::from_name(name);
        config.environment = Some(known.ok_or_else(|| {
            Failure::Usage("--environment must be live, sandbox or demo".to_string())
        })?);
    }
    // Live without a licence would refuse every regulated act: begin as a sandbox and say so.
    let fallback = match config.licence {
        Some(_) => Environment::Live,
        None => Environment::Sandbox,
    };
    let environment = *config.environment.get_or_insert(fallback);
    if environment == Environment::Sandbox && config.origin == config::ORIGIN {
        config.origin = SANDBOX_ORIGIN.to_string();
    }
    Ok(config)
}

/// The origin of a sandbox that nobody named: never that of a live log.
const SANDBOX_ORIGIN: &str = "sandbox.localhost/log";

/// Makes a sandbox where there is nothing yet, with its configuration beside it.
///
/// # Errors
/// It cannot be made.
pub fn sandbox(place: &Place, mut config: Config) -> Result<Config, Failure> {
    if config.origin == config::ORIGIN {
        config.origin = SANDBOX_ORIGIN.to_string();
    }
    Bureau::init(&Env::system(), &config.settings())?.close();
    if place.config.is_none() {
        write_file(&config)?;
    }
    note(&format!("made a sandbox in {}", config.dir.display()));
    Ok(config)
}

/// The file that is written is read from another directory than the one we stand in.
fn absolute(target: Target) -> Result<Target, Failure> {
    match target {
        Target::Sqlite { path, keys } => {
            let path = std::path::absolute(&path).map_err(|e| Failure::unreadable(&path, &e))?;
            Ok(Target::Sqlite { path, keys })
        }
        target => Ok(target),
    }
}

/// `fivefold init`.
pub fn init(place: &Place, args: &InitArgs) -> Done {
    let config = chosen(Config::load(place)?, args)?;
    let known = config.dir.join("keys").is_dir();
    let bureau = Bureau::init(&Env::system(), &config.settings())?;
    let written = match &place.config {
        Some(_) => None,
        None => write_file(&config)?,
    };
    let vkey = bureau.engine.keys.log().vkey();
    let size = bureau.published();
    bureau.close();
    if args.shape.json {
        output::json(&json!({
            "dir": config.dir, "origin": config.origin, "vkey": vkey, "entries": size,
            "environment": config.environment(), "configuration": written,
            "made": !known,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let made = if known { "was there already" } else { "made" };
    output::pairs(&[
        ("directory", format!("{} ({made})", config.dir.display())),
        ("database", config.database.shown()),
        ("key store", config.keys_database.shown()),
        ("environment", config.environment().name().to_string()),
        ("origin", config.origin.clone()),
        ("vkey", vkey),
        ("entries", size.to_string()),
    ])?;
    note(&format!(
        "\nKeep {0}/keys and the key store out of the backups of the data.\n\
         Next: fivefold partner add --dir {0} …, then fivefold serve --dir {0}",
        config.dir.display()
    ));
    Ok(ExitCode::SUCCESS)
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_string()).to_string()
}

fn address(target: &Target) -> String {
    match target {
        Target::Sqlite { path, .. } => quoted(&path.to_string_lossy()),
        Target::Postgres { url, .. } => quoted(url),
    }
}

/// A line that sets a key, or shows how to.
fn setting(key: &str, value: Option<String>, example: &str) -> String {
    match value {
        Some(value) => format!("{key} = {value}\n"),
        None => format!("# {key} = {example}\n"),
    }
}

fn file_text(config: &Config) -> String {
    let own = |target: &Target, name: &str| match target {
        Target::Sqlite { path, .. } if *path == config.dir.join(name) => None,
        // A variable may hold a password; the file may not, and the variable goes on to hold.
        Target::Postgres { url, .. } if config::has_password(url) => None,
        target => Some(address(target)),
    };
    let mut out = String::from(
        "# Fivefold. Every key is also a variable: listen is FIVEFOLD_LISTEN.\n\
         # Paths are relative to this file. Unknown keys are refused.\n\n\
         # The log's name, for ever part of its checkpoints.\n",
    );
    out += &format!("origin = {}\n\n", quoted(&config.origin));
    out += "# live needs a licence; sandbox and demo take made-up persons only.\n";
    out += &format!("environment = {}\n\n", quoted(config.environment().name()));
    out += "# The residence whose rules apply where no person is known.\n";
    out += &format!("home = {}\n\n", quoted(&config.home));
    out += "# SQLite file, or a postgres:// URL; a password stands in a file of its own that the\n\
            # URL names: ?passfile=/etc/fivefold/pgpass\n";
    let database = own(&config.database, "bureau.sqlite");
    out += &setting("database", database, "\"postgres://fivefold@db.example/bureau\"");
    out +=
        "# Wrapped keys of persons and periods: another place than the data, never in a backup.\n";
    let keys = own(&config.keys_database, "keys.sqlite");
    out += &setting("keys_database", keys, "\"postgres://fivefold@keys.example/keys\"");
    out += "\n# Another address than the loopback one needs TLS here or a proxy that speaks it.\n";
    out += &setting("listen", None, &quoted(&config.listen.to_string()));
    out += "# What signed requests call this server.\n";
    let url = config.public_url.as_deref().map(quoted);
    out += &setting("public_url", url, "\"https://bureau.example\"");
    out += "# tls_cert = \"tls/chain.pem\"\n# tls_key = \"tls/key.pem\"\n# behind_proxy = true\n\n";
    out += "# A folder of rules in place of the ones compiled in.\n# policies = \"policies\"\n\
            # A font with Chinese characters for reports; Debian's fonts-droid-fallback is found.\n\
            # han_font = \"/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf\"\n\n\
            # What is traced to stderr (a tracing filter), as text or json.\n\
            # log = \"info\"\n# log_format = \"json\"\n";
    out += "\n# The licence under which the bureau trades; a live bureau needs one.\n";
    match &config.licence {
        Some(licence) => {
            out += "[licence]\n";
            out += &format!("authority = {}\n", quoted(&licence.authority));
            out += &format!("number = {}\n", quoted(&licence.number));
        }
        None => out += "# [licence]\n# authority = \"People's Bank of China\"\n# number = \"…\"\n",
    }
    out += "\n# What partners are told at /.well-known/fivefold.\n\
            # [service]\n# support = \"mailto:desk@bureau.example\"\n\
            # [service.objectives]\n# availability_permille = 999\n# inquiry_p99_ms = 200\n\
            # [[service.maintenance]]\n# from = \"2026-12-06T18:00:00Z\"\n\
            # until = \"2026-12-06T19:00:00Z\"\n# what = \"a new release\"\n\
            # [[service.deprecation]]\n# what = \"…\"\n# announced = \"2026-11-01T00:00:00Z\"\n\
            # ends = \"2027-05-01T00:00:00Z\"\n# instead = \"…\"\n";
    out
}

/// Writes the configuration beside what it configures; one that is there is left alone.
fn write_file(config: &Config) -> Result<Option<PathBuf>, Failure> {
    let path = config.dir.join(FILE);
    // A URL may name a user: the service reads it, nobody else.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    match file.and_then(|mut file| file.write_all(file_text(config).as_bytes())) {
        Ok(()) => Ok(Some(path)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(Failure::unwritable(&path, &error)),
    }
}

/// Arguments of `migrate`.
#[derive(Args)]
#[command(after_help = "\
Run it once after installing a newer release, before `serve`. A database of a newer release than
this program is refused. Exit 0 when everything is current, 1 with --check when something is not.")]
pub struct MigrateArgs {
    /// Only say how both schemas stand
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    shape: Shape,
}

/// `fivefold migrate`.
pub fn migrate(place: &Place, args: &MigrateArgs) -> Done {
    let config = Config::load(place)?;
    config.made()?;
    let mut rows = Vec::new();
    let mut values = Vec::new();
    let mut current = true;
    for (name, target) in [("bureau", &config.database), ("keys", &config.keys_database)] {
        let applied = match args.check {
            true => Vec::new(),
            false => Store::migrate(target)?,
        };
        let state = Store::schema_state(target)?;
        current &= state == SchemaState::Current;
        let said = match &state {
            SchemaState::Current if applied.is_empty() => "current".to_string(),
            SchemaState::Current => format!("current, applied {}", applied.join(", ")),
            SchemaState::Behind(n) => format!("{n} migration(s) behind"),
            SchemaState::Unknown(version) => format!("unknown version {version}"),
        };
        values.push(json!({
            "database": name, "at": target.shown(), "current": state == SchemaState::Current,
            "applied": applied, "state": said,
        }));
        rows.push(vec![name.to_string(), target.shown(), said]);
    }
    if args.shape.json {
        output::json(&json!({ "current": current, "databases": values }))?;
    } else {
        output::table(&["database", "at", "schema"], &rows)?;
    }
    match current {
        true => Ok(ExitCode::SUCCESS),
        false => Err(Failure::new(
            "schema_not_current",
            "the schema is not the one this program needs: run `fivefold migrate`, or the \
             release that made it",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_that_init_writes_reads_back_as_what_was_chosen() {
        let dir = tempfile::tempdir().expect("a directory");
        let place = Place { dir: Some(dir.path().to_path_buf()), config: None };
        let args = InitArgs {
            origin: Some("bureau.example/log".to_string()),
            database: Some("postgres://me@db.example/bureau".to_string()),
            keys_database: None,
            public_url: Some("https://bureau.example/".to_string()),
            environment: None,
            home: Some("GB".to_string()),
            shape: Shape { json: false },
        };
        let config = chosen(Config::load(&place).expect("defaults"), &args).expect("a choice");
        assert!(write_file(&config).expect("a file").is_some());
        assert!(write_file(&config).expect("left alone").is_none());
        let read = Config::load(&place).expect("the file");
        assert_eq!(read.settings().origin, "bureau.example/log");
        assert_eq!(read.environment(), Environment::Sandbox);
        assert_eq!((read.database, read.keys_database), (config.database, config.keys_database));
        assert_eq!((read.home.as_str(), read.public_url), ("GB", config.public_url));
    }

    #[test]
    fn a_password_reaches_no_file() {
        let dir = tempfile::tempdir().expect("a directory");
        let place = Place { dir: Some(dir.path().to_path_buf()), config: None };
        let secret = "postgres://me:secret@db.example/bureau";
        let asked = |database: Option<String>| InitArgs {
            origin: None,
            database,
            keys_database: None,
            public_url: None,
            environment: None,
            home: None,
            shape: Shape { json: false },
        };
        let refused = chosen(Config::load(&place).expect("defaults"), &asked(Some(secret.into())));
        assert!(matches!(refused, Err(Failure::Usage(text)) if text.contains("passfile")));
        // As if a variable had set it.
        let mut config = Config::load(&place).expect("defaults");
        config.database = Target::parse(secret, false);
        let config = chosen(config, &asked(None)).expect("a choice");
        assert!(!file_text(&config).contains("secret"));
    }
}
