//! The configuration: defaults, then a file, then the environment, then the command line.
//!
//! Each key of the file is also a variable: `listen` is `FIVEFOLD_LISTEN`, `licence.number` is
//! `FIVEFOLD_LICENCE_NUMBER`. Unknown keys are refused in both. Secrets are named by file path.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env as Variables, Format, Toml};
use figment::value::Value;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::Place;
use super::output::Failure;
use crate::bureau::{Bureau, Settings};
use crate::http::terms::{Deprecation, Licensed, Maintenance, Objectives, Terms};
use crate::kernel::Env;
use crate::ledger::note::is_key_name;
use crate::policy::Environment;
use crate::store::Target;

/// The data directory, where nothing says another.
const DIR: &str = "fivefold-data";
/// The file that is read from the data directory.
pub const FILE: &str = "fivefold.toml";
/// The log's origin, where nothing says another.
pub const ORIGIN: &str = "localhost/log";
/// Where `serve` listens, where nothing says another.
const LISTEN: &str = "127.0.0.1:8555";
/// The residence whose rule pack applies where no person is known.
const HOME: &str = "CN";

/// The licence under which a bureau trades.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// Who granted it.
    pub authority: Text,
    /// Its number.
    pub number: Text,
    /// The rule packs it covers; all of them when absent.
    #[serde(default)]
    pub packs: Vec<String>,
}

/// What the operator promises; of a file only.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    support: Option<String>,
    #[serde(default)]
    objectives: Objectives,
    #[serde(default)]
    maintenance: Vec<Maintenance>,
    #[serde(default)]
    deprecation: Vec<Deprecation>,
}

/// A text. Variables that look like numbers arrive as numbers: they are texts all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(String);

impl std::ops::Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Text, D::Error> {
        match <Value as Deserialize>::deserialize(d)? {
            Value::String(_, text) => Ok(Text(text)),
            number @ Value::Num(..) => match (number.to_u128(), number.to_i128()) {
                (Some(n), _) => Ok(Text(n.to_string())),
                (_, Some(n)) => Ok(Text(n.to_string())),
                _ => Err(D::Error::custom("a text is expected: put it in quotes")),
            },
            _ => Err(D::Error::custom("a text is expected")),
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    dir: Option<Text>,
    database: Option<Text>,
    keys_database: Option<Text>,
    origin: Option<Text>,
    public_url: Option<Text>,
    listen: Option<Text>,
    tls_cert: Option<Text>,
    tls_key: Option<Text>,
    #[serde(default)]
    behind_proxy: bool,
    environment: Option<Environment>,
    licence: Option<Licence>,
    #[serde(default)]
    service: Service,
    home: Option<Text>,
    policies: Option<Text>,
    han_font: Option<Text>,
    log: Option<Text>,
    log_format: Option<Text>,
}

/// The configuration in force.
#[derive(Clone, Debug)]
pub struct Config {
    /// The data directory.
    pub dir: PathBuf,
    /// The database.
    pub database: Target,
    /// The key store.
    pub keys_database: Target,
    /// The log's origin: host and `/log`, no scheme.
    pub origin: String,
    /// What `@target-uri` of signed requests begins with, when it is not what is listened on.
    pub public_url: Option<String>,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Certificate chain and key, PEM.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// A proxy in front speaks TLS.
    pub behind_proxy: bool,
    /// Live, sandbox or demonstration; live when nothing says another.
    pub environment: Option<Environment>,
    /// The licence.
    pub licence: Option<Licence>,
    /// What the operator promises, the licence among it.
    pub terms: Terms,
    /// The residence whose pack applies where no person is known.
    pub home: String,
    /// A folder of rules to use in place of the ones compiled in.
    pub policies: Option<PathBuf>,
    /// A font with Chinese characters.
    pub han_font: Option<PathBuf>,
    /// Which traces are written.
    pub log: String,
    /// Whether traces are JSON.
    pub log_json: bool,
}

fn wrong(text: impl Into<String>) -> Failure {
    Failure::Usage(text.into())
}

/// What `demo.env` sets for clients: not configuration of the bureau.
const OF_CLIENTS: [&str; 8] =
    ["url", "key", "keyid", "subject", "consent", "scenario", "inquiry", "period"];

/// The environment's keys. `FIVEFOLD_TEST_…` belongs to the tests, `FIVEFOLD_STAFF_KEY` to whoever
/// acts.
fn variables() -> Variables {
    let ours = Variables::prefixed("FIVEFOLD_").filter(|key| {
        let clients = OF_CLIENTS.iter().any(|name| key == *name);
        !clients && !key.starts_with("test_") && key != "staff_key"
    });
    ours.map(|key| match key.as_str().split_once('_') {
        Some((group, rest)) if group.eq_ignore_ascii_case("licence") => {
            format!("licence.{rest}").into()
        }
        _ => key.into(),
    })
}

/// Whether a key was set in a file, and in which folder: paths are relative to it.
fn folder_of(figment: &Figment, key: &str) -> Option<PathBuf> {
    let source = figment.find_metadata(key)?.source.as_ref()?;
    Some(source.file_path()?.parent()?.to_path_buf())
}

struct Read {
    figment: Figment,
    keys: Keys,
}

impl Read {
    fn from(file: Option<&Path>) -> Result<Read, Failure> {
        let mut figment = Figment::new();
        if let Some(file) = file {
            figment = figment.merge(Toml::file_exact(file));
        }
        let figment = figment.merge(variables());
        let keys = figment.extract_lossy().map_err(|errors| {
            let lines: Vec<String> = errors.into_iter().map(|e| format!("  {e}")).collect();
            wrong(format!("the configuration is not valid:\n{}", lines.join("\n")))
        })?;
        Ok(Read { figment, keys })
    }

    fn path(&self, key: &str, value: &str) -> PathBuf {
        match folder_of(&self.figment, key) {
            Some(folder) => folder.join(value),
            None => PathBuf::from(value),
        }
    }

    fn target(
        &self,
        key: &str,
        value: Option<&str>,
        default: PathBuf,
        keys: bool,
    ) -> Result<Target, Failure> {
        let Some(value) = value else { return Ok(Target::Sqlite { path: default, keys }) };
        match Target::parse(value, keys) {
            Target::Sqlite { path, .. } => {
                Ok(Target::Sqlite { path: self.path(key, &path.to_string_lossy()), keys })
            }
            target => {
                if folder_of(&self.figment, key).is_some() {
                    without_password(key, value)?;
                }
                Ok(target)
            }
        }
    }
}

/// Checks that a database's URL, which others than the bureau may see, holds no password.
///
/// # Errors
/// It does.
pub fn without_password(name: &str, url: &str) -> Result<(), Failure> {
    if !has_password(url) {
        return Ok(());
    }
    Err(wrong(format!(
        "{name} holds a password: keep it in a file of mode 0600 in libpq's format and name that \
         file at the end of the URL, `?passfile=/path/to/file`"
    )))
}

/// Whether a database's URL holds a password.
pub fn has_password(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split(['/', '?']).next().unwrap_or_default();
    let in_user = authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'));
    in_user || url.contains("password=")
}

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// Everything that is wrong with it, as wrong usage.
    pub fn load(place: &Place) -> Result<Config, Failure> {
        let (read, dir) = match &place.config {
            Some(file) => {
                if !file.is_file() {
                    return Err(wrong(format!("{} is not a file", file.display())));
                }
                let read = Read::from(Some(file))?;
                let set = read.keys.dir.as_deref().map(|dir| read.path("dir", dir));
                (read, set)
            }
            None => Config::beside(place)?,
        };
        let dir = place.dir.clone().or(dir).unwrap_or_else(|| PathBuf::from(DIR));
        Config::check(&read, dir)
    }

    /// Without `--config`: the data directory's own file, where the directory is known by argument
    /// or variable.
    fn beside(place: &Place) -> Result<(Read, Option<PathBuf>), Failure> {
        let early: Option<String> =
            variables().iter().find(|(key, _)| key == "dir").map(|(_, value)| value);
        let dir = place.dir.clone().or(early.map(PathBuf::from));
        let dir = dir.unwrap_or_else(|| PathBuf::from(DIR));
        let file = dir.join(FILE);
        let read = Read::from(file.is_file().then_some(file.as_path()))?;
        if folder_of(&read.figment, "dir").is_some() {
            return Err(wrong(format!(
                "{} lies in the data directory and cannot name another: remove `dir` from it",
                file.display()
            )));
        }
        Ok((read, Some(dir)))
    }

    fn check(read: &Read, dir: PathBuf) -> Result<Config, Failure> {
        let keys = &read.keys;
        let path =
            |key: &str, value: &Option<Text>| value.as_deref().map(|value| read.path(key, value));
        let tls = match (path("tls_cert", &keys.tls_cert), path("tls_key", &keys.tls_key)) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            _ => return Err(wrong("tls_cert and tls_key belong together: set both or neither")),
        };
        let log_json = match keys.log_format.as_deref() {
            None | Some("text") => false,
            Some("json") => true,
            Some(_) => return Err(wrong("log_format must be text or json")),
        };
        let database =
            read.target("database", keys.database.as_deref(), dir.join("bureau.sqlite"), false)?;
        let keys_database = read.target(
            "keys_database",
            keys.keys_database.as_deref(),
            dir.join("keys.sqlite"),
            true,
        )?;
        Ok(Config {
            database,
            keys_database,
            origin: origin(keys.origin.as_deref().unwrap_or(ORIGIN))?,
            public_url: keys.public_url.as_deref().map(public_url).transpose()?,
            listen: listen(keys.listen.as_deref().unwrap_or(LISTEN))?,
            tls,
            behind_proxy: keys.behind_proxy,
            environment: keys.environment,
            licence: keys.licence.clone(),
            terms: terms(keys)?,
            home: home(keys.home.as_deref().unwrap_or(HOME))?,
            policies: path("policies", &keys.policies),
            han_font: path("han_font", &keys.han_font),
            log: keys.log.as_deref().unwrap_or("info").to_string(),
            log_json,
            dir,
        })
    }

    /// What the bureau needs to know.
    pub fn settings(&self) -> Settings {
        Settings {
            dir: self.dir.clone(),
            database: self.database.clone(),
            keys: self.keys_database.clone(),
            origin: self.origin.clone(),
            environment: self.environment(),
            licensed: self.licence.is_some(),
            home: self.home.clone(),
            policies: self.policies.clone(),
            puts_packs_in_force: false,
        }
    }

    /// Live, unless something says otherwise.
    pub fn environment(&self) -> Environment {
        self.environment.unwrap_or(Environment::Live)
    }

    /// Opens the bureau.
    ///
    /// # Errors
    /// It was never made, or does not open.
    pub fn open(&self) -> Result<Bureau, Failure> {
        self.made()?;
        Ok(Bureau::open(&Env::system(), &self.settings())?)
    }

    /// Opens the bureau to serve: this program's rule packs come into force.
    ///
    /// # Errors
    /// It was never made, or does not open.
    pub fn open_to_serve(&self) -> Result<Bureau, Failure> {
        self.made()?;
        let settings = Settings { puts_packs_in_force: true, ..self.settings() };
        Ok(Bureau::open(&Env::system(), &settings)?)
    }

    /// That there is a bureau: opening an SQLite file that is not there would make an empty one.
    ///
    /// # Errors
    /// There is none.
    pub fn made(&self) -> Result<(), Failure> {
        let lacks = |target: &Target| match target {
            Target::Sqlite { path, .. } => !path.is_file(),
            Target::Postgres { .. } => false,
        };
        if !self.dir.join("keys").is_dir() || lacks(&self.database) || lacks(&self.keys_database) {
            let text = format!(
                "there is no bureau in {}: run `fivefold init --dir {0}`, or name another \
                 directory with --dir",
                self.dir.display()
            );
            return Err(Failure::new("no_bureau", text));
        }
        Ok(())
    }
}

/// The terms of the service.
fn terms(keys: &Keys) -> Result<Terms, Failure> {
    let service = &keys.service;
    if service.maintenance.iter().any(|work| work.from >= work.until) {
        return Err(wrong("[[service.maintenance]] ends before it begins"));
    }
    if service.objectives.availability_permille.is_some_and(|permille| permille > 1000) {
        return Err(wrong("availability_permille is at most 1000"));
    }
    let licence = keys.licence.as_ref().map(|licence| Licensed {
        authority: licence.authority.to_string(),
        number: licence.number.to_string(),
        packs: licence.packs.clone(),
    });
    Ok(Terms {
        licence,
        support: service.support.clone(),
        objectives: service.objectives.clone(),
        maintenance: service.maintenance.clone(),
        deprecations: service.deprecation.clone(),
    })
}

/// Checks an origin.
///
/// # Errors
/// It is not host and `/log`.
pub fn origin(text: &str) -> Result<String, Failure> {
    let host = text.strip_suffix("/log").filter(|host| !host.is_empty());
    if host.is_none() || text.contains("://") || !is_key_name(text) {
        return Err(wrong("origin must be a host name and /log, such as bureau.example/log"));
    }
    Ok(text.to_string())
}

/// Checks a public URL; the answer has no slash at its end.
///
/// # Errors
/// It is not an HTTP URL without query.
pub fn public_url(text: &str) -> Result<String, Failure> {
    let url = text.trim_end_matches('/');
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let plain = |host: &str| {
        !host.is_empty() && !host.contains(['?', '#', '@', ' ']) && !host.starts_with('/')
    };
    match host.filter(|host| plain(host)) {
        Some(_) => Ok(url.to_string()),
        None => Err(wrong("public_url must be a URL such as https://bureau.example")),
    }
}

/// Reads an address to listen on: `127.0.0.1:8555`, or a port alone for the loopback address.
///
/// # Errors
/// It is neither.
pub fn listen(text: &str) -> Result<SocketAddr, Failure> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok(SocketAddr::new(IpAddr::from([127, 0, 0, 1]), port));
    }
    text.parse().map_err(|_| wrong("listen must be an address and a port, such as 127.0.0.1:8555"))
}

/// Checks a residence.
///
/// # Errors
/// It is not two capital letters.
pub fn home(text: &str) -> Result<String, Failure> {
    if text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase()) {
        return Ok(text.to_string());
    }
    Err(wrong("home must be a country in two capital letters (ISO 3166), such as CN"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, Failure> {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join(FILE), text).expect("a file");
        Config::load(&Place { dir: Some(dir.path().to_path_buf()), config: None })
    }

    #[test]
    fn a_bare_directory_has_a_configuration() {
        let config = load("").expect("a configuration");
        assert_eq!(config.environment(), Environment::Live);
        assert_eq!(config.origin, "localhost/log");
        assert!(config.listen.ip().is_loopback());
        assert_eq!(
            config.database,
            Target::Sqlite { path: config.dir.join("bureau.sqlite"), keys: false }
        );
        assert!(config.keys_database.is_keys());
    }

    #[test]
    fn keys_that_are_unknown_or_wrong_are_refused_as_usage() {
        for text in [
            "databse = \"x\"",
            "environment = \"test\"",
            "listen = \"somewhere\"",
            "origin = \"https://bureau.example/log\"",
            "origin = \"bureau.example\"",
            "public_url = \"bureau.example\"",
            "tls_cert = \"cert.pem\"",
            "log_format = \"xml\"",
            "home = \"China\"",
            "dir = \"elsewhere\"",
            "database = \"postgres://me:secret@db.example/bureau\"",
            "database = \"postgres://db.example/bureau?password=secret\"",
            "[licence]\nauthority = \"PBoC\"",
            "[service]\nslo = 1",
            "[service.objectives]\navailability_permille = 2000",
            "[[service.maintenance]]\nfrom = \"2026-12-02T00:00:00Z\"\n\
             until = \"2026-12-01T00:00:00Z\"\nwhat = \"x\"",
            "not toml",
        ] {
            match load(text) {
                Err(Failure::Usage(said)) => assert!(!said.contains("secret"), "{said}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn paths_in_a_file_are_relative_to_it() {
        let config = load(
            "database = \"data/b.sqlite\"\npolicies = \"rules\"\nhan_font = \"/f.ttf\"\n\
             public_url = \"https://bureau.example/\"\nlisten = 9000\n\
             [licence]\nauthority = \"PBoC\"\nnumber = 17\npacks = [\"cn\"]\n\
             [service]\nsupport = \"mailto:desk@bureau.example\"\n\
             [service.objectives]\ninquiry_p99_ms = 200\n\
             [[service.deprecation]]\nwhat = \"x\"\nannounced = \"2026-11-01T00:00:00Z\"\n\
             ends = \"2027-05-01T00:00:00Z\"\ninstead = \"y\"\n",
        )
        .expect("a configuration");
        let in_dir = |name: &str| config.dir.join(name);
        assert_eq!(config.database, Target::Sqlite { path: in_dir("data/b.sqlite"), keys: false });
        assert_eq!(config.policies, Some(in_dir("rules")));
        assert_eq!(config.han_font, Some(PathBuf::from("/f.ttf")));
        assert_eq!(config.public_url.as_deref(), Some("https://bureau.example"));
        assert_eq!(config.listen.to_string(), "127.0.0.1:9000");
        assert!(config.settings().licensed);
        assert_eq!(config.terms.licence(&["cn", "us"])["packs"], serde_json::json!(["cn"]));
        assert_eq!(config.terms.objectives.inquiry_p99_ms, Some(200));
        assert_eq!(config.terms.deprecations.len(), 1);
    }
}
