//! The stage: a folder of its own, a bureau in it, and its server on loopback.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use ureq::Agent;

use super::cast::{BANK, Cast};
use super::story::Story;
use super::{DemoError, UTC_OFFSET_HOURS};
use crate::bureau::{Bureau, Settings};
use crate::http::{Doors, serve};
use crate::kernel::{Env, Month, Time};
use crate::policy::Environment;
use crate::store::Target;

/// The log's name, whatever the port: it stands in every checkpoint.
const ORIGIN: &str = "demo.fivefold.example/log";
/// The residence whose pack applies where no person is known.
const HOME: &str = "US";
/// The port tried first when none was asked for.
const PORT: u16 = 8555;
/// The file by which a folder is known to be a demo's.
const ABOUT: &str = "ABOUT.txt";
/// What it says.
const ABOUT_TEXT: &str = "\
This folder was made by `fivefold demo`. The next `fivefold demo` on it replaces all of this.

Real: the borrowers' credit attributes and whether they went bad, from the data file.
Made up: names, documents, phones, notices, partners, and every record that says
\"synthetic\": true (spending, purchases, ties, rent, phone bills, stays).

bureau.sqlite  the bureau's data          keys/ keys.sqlite  its keys
log/           the public log, as files   partners/ persons/ keys of those who took part
answers/       an answer and its proof    reports/ extract/  what was reported
demo.env       names for scripts          fivefold.toml      for `fivefold serve`
";
/// What a demo makes; the next one takes away exactly these.
const MADE: [&str; 16] = [
    "bureau.sqlite",
    "bureau.sqlite-wal",
    "bureau.sqlite-shm",
    "keys.sqlite",
    "keys.sqlite-wal",
    "keys.sqlite-shm",
    "keys",
    "log",
    "partners",
    "persons",
    "answers",
    "reports",
    "extract",
    "demo.env",
    "fivefold.toml",
    ABOUT,
];

/// A bureau that serves.
pub struct Stage {
    /// The bureau.
    pub bureau: Arc<Bureau>,
    /// Its folder, absolute.
    pub dir: PathBuf,
    address: SocketAddr,
    url: String,
    runtime: Runtime,
    stop: oneshot::Sender<()>,
    server: JoinHandle<io::Result<()>>,
}

impl Stage {
    /// Makes the folder, the bureau and its server.
    ///
    /// # Errors
    /// The folder is somebody else's, the bureau does not start, or the port is taken.
    pub fn open(env: &Env, dir: &Path, port: Option<u16>) -> Result<Stage, DemoError> {
        // The port first: nothing is replaced for a demo that cannot begin.
        let port = free_port(port)?;
        let dir = fresh_folder(dir)?;
        let settings = Settings {
            dir: dir.clone(),
            database: Target::Sqlite { path: dir.join("bureau.sqlite"), keys: false },
            keys: Target::Sqlite { path: dir.join("keys.sqlite"), keys: true },
            origin: ORIGIN.to_string(),
            environment: Environment::Demo,
            licensed: false,
            home: HOME.to_string(),
            policies: None,
            puts_packs_in_force: true,
        };
        let bureau = Arc::new(Bureau::init(env, &settings)?);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|e| DemoError::Serve(e.to_string()))?;
        let doors = Doors {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            public_url: format!("http://127.0.0.1:{port}"),
            tls: None,
            fonts: None,
            terms: crate::http::terms::Terms::default(),
            behind_proxy: false,
        };
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = oneshot::channel();
        let ready = move |address| {
            // Nobody listens any more when opening was given up.
            let _ = tell.send(address);
        };
        let shutdown = async move {
            let _ = stopped.await;
        };
        let server = runtime.spawn(serve(bureau.clone(), doors, ready, shutdown));
        let Ok(address) = runtime.block_on(told) else {
            return Err(ended(runtime.block_on(server)));
        };
        let url = format!("http://{address}");
        Ok(Stage { bureau, dir, address, url, runtime, stop, server })
    }

    /// Where it is served.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops serving: requests in flight finish, the log is published.
    pub fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.runtime.block_on(self.server);
        self.bureau.close();
    }

    /// Serves until Ctrl-C or a request to end.
    pub fn serve_on(self) {
        self.runtime.block_on(async {
            let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        });
        self.stop();
    }

    /// Writes `demo.env` for scripts and `fivefold.toml` for serving the same bureau later.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write_environment(
        &self,
        cast: &Cast,
        story: &Story,
        now: Time,
    ) -> Result<(), DemoError> {
        let key = self.dir.join("partners").join(format!("{BANK}.pem"));
        let period = Month::of(now.date_at(UTC_OFFSET_HOURS));
        let lines = [
            ("FIVEFOLD_URL", self.url.clone()),
            ("FIVEFOLD_KEY", key.display().to_string()),
            ("FIVEFOLD_KEYID", cast.member(BANK)?.key.keyid().to_string()),
            ("FIVEFOLD_SUBJECT", story.lender.subject.clone()),
            ("FIVEFOLD_CONSENT", story.lender.consent.clone()),
            ("FIVEFOLD_SCENARIO", story.lender.scenario.to_string()),
            ("FIVEFOLD_INQUIRY", story.lender.inquiry.clone()),
            ("FIVEFOLD_PERIOD", period.to_string()),
        ];
        let mut text = String::new();
        for (name, value) in lines {
            let _ = writeln!(text, "{name}={value}");
        }
        self.write("demo.env", text.as_bytes())?;
        let config = format!(
            "# Written by `fivefold demo`. `fivefold serve --dir {dir}` serves the same bureau.\n\
             environment = \"demo\"\nhome = \"{HOME}\"\norigin = \"{ORIGIN}\"\n\
             listen = \"{address}\"\n",
            dir = self.dir.display(),
            address = self.address,
        );
        self.write("fivefold.toml", config.as_bytes())?;
        Ok(())
    }

    /// Writes a file below the folder; gives its path.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, DemoError> {
        let path = self.dir.join(name);
        let io = |e| DemoError::Io(path.clone(), e);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(io)?;
        }
        fs::write(&path, bytes).map_err(io)?;
        Ok(path)
    }
}

/// Why a server ended before it was ready.
fn ended(result: Result<io::Result<()>, tokio::task::JoinError>) -> DemoError {
    DemoError::Serve(match result {
        Ok(Ok(())) => "it ended at once".to_string(),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    })
}

/// The port that was asked for, if it is free; else [`PORT`], or 0 for any while that is taken.
fn free_port(asked: Option<u16>) -> Result<u16, DemoError> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map(|_| port);
    match asked {
        Some(port) => bind(port).map_err(|e| DemoError::Port(port, e)),
        None => Ok(bind(PORT).unwrap_or(0)),
    }
}

/// An empty folder, or one that a demo made, emptied of what it made.
fn fresh_folder(dir: &Path) -> Result<PathBuf, DemoError> {
    let io = |e| DemoError::Io(dir.to_path_buf(), e);
    fs::create_dir_all(dir).map_err(io)?;
    let dir = fs::canonicalize(dir).map_err(io)?;
    let empty = fs::read_dir(&dir).map_err(io)?.next().is_none();
    if !empty && fs::read_to_string(dir.join(ABOUT)).ok().as_deref() != Some(ABOUT_TEXT) {
        return Err(DemoError::Folder(dir));
    }
    if still_serves(&dir) {
        return Err(DemoError::StillServing(dir));
    }
    for name in MADE {
        let path = dir.join(name);
        let removed = match path.is_dir() {
            true => fs::remove_dir_all(&path),
            false => fs::remove_file(&path),
        };
        match removed {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(DemoError::Io(path, e)),
            _ => {}
        }
    }
    fs::write(dir.join(ABOUT), ABOUT_TEXT).map_err(|e| DemoError::Io(dir.join(ABOUT), e))?;
    Ok(dir)
}

/// Whether the server that `demo.env` names shows the very checkpoint that lies in the folder.
fn still_serves(dir: &Path) -> bool {
    let known = fs::read_to_string(dir.join("demo.env")).unwrap_or_default();
    let url = known.lines().find_map(|line| line.strip_prefix("FIVEFOLD_URL="));
    let Some(url) = url.map(str::to_string) else { return false };
    let Ok(here) = fs::read_to_string(dir.join("log/checkpoint")) else { return false };
    let config = Agent::config_builder().timeout_global(Some(Duration::from_secs(2))).build();
    let answer = config.new_agent().get(format!("{url}/log/checkpoint")).call();
    let served = answer.ok().and_then(|mut a| a.body_mut().read_to_string().ok());
    // Checkpoints come while entries come: the first line names the log, the key signs it.
    let log = |text: &str| text.lines().next().map(str::to_string);
    served.is_some_and(|served| {
        served == here || (log(&served) == log(&here) && same_signer(&served, &here))
    })
}

/// Whether the signature lines of two checkpoints name the same key.
fn same_signer(a: &str, b: &str) -> bool {
    let signer = |text: &str| {
        let line = text.lines().find(|line| line.starts_with('\u{2014}')).map(str::to_string)?;
        // The first four bytes of the signature field are the key's id: five characters and more.
        let field = line.split(' ').nth(2)?.get(..5)?.to_string();
        Some(field)
    };
    signer(a).is_some() && signer(a) == signer(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_something_else_in_it_is_left_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("thesis.txt"), "years of work").expect("written");
        assert!(matches!(fresh_folder(dir.path()), Err(DemoError::Folder(_))));
        assert!(dir.path().join("thesis.txt").is_file());
    }

    #[test]
    fn a_demo_is_replaced_and_what_it_did_not_make_stays() {
        let dir = tempfile::tempdir().expect("a folder");
        fresh_folder(dir.path()).expect("fresh");
        for name in ["bureau.sqlite", "notes.txt"] {
            fs::write(dir.path().join(name), "x").expect("written");
        }
        fs::create_dir_all(dir.path().join("log/tile")).expect("made");
        fresh_folder(dir.path()).expect("replaced");
        let there = |name: &str| dir.path().join(name).exists();
        assert!(there("notes.txt") && there(ABOUT));
        assert!(!there("bureau.sqlite") && !there("log"));
    }

    #[test]
    fn two_checkpoints_of_one_key_are_told_from_those_of_another() {
        let note = |size: u32, key: &str| format!("o\n{size}\nroot\n\n\u{2014} o {key}rest\n");
        assert!(same_signer(&note(1, "abcde"), &note(2, "abcde")));
        assert!(!same_signer(&note(1, "abcde"), &note(1, "abcdf")));
        assert!(!same_signer("", ""));
    }
}
