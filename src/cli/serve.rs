//! `serve`: opens the doors and keeps them open until told to close them.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Place;
use super::config::{self, Config};
use super::output::{self, Done, Failure, note};
use super::setup;
use crate::http::{self, Doors};
use crate::policy::Environment;

/// Arguments of `serve`.
#[derive(Args)]
#[command(after_help = "\
The API is described at /docs and /openapi.json, the public log lies under /log. SIGTERM and
SIGINT close the doors: what was begun is answered, recorded and published before the exit.

An address other than the loopback one needs tls_cert and tls_key, or behind_proxy = true.

Examples:
  fivefold serve --dir bureau
  fivefold serve --dir bureau --port 0             any free port; it is printed
  fivefold serve --sandbox --dir sandbox           a sandbox, ready to be tried: /docs/guides
  FIVEFOLD_TLS_CERT=chain.pem FIVEFOLD_TLS_KEY=key.pem fivefold serve --listen 0.0.0.0:443")]
pub struct ServeArgs {
    /// Port on the loopback address; 0 takes a free one
    #[arg(long, value_name = "PORT", conflicts_with = "listen")]
    port: Option<u16>,
    /// Address and port [default: 127.0.0.1:8555]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Die at a named point, the so manyth time: for tests, and in no release
    #[cfg(debug_assertions)]
    #[arg(long, hide = true, value_name = "POINT:TIMES")]
    die_at: Option<String>,
    /// Serve a sandbox: made-up persons only, no licence needed; made when DIR is not there
    #[arg(long)]
    sandbox: bool,
}

/// `fivefold serve`.
pub fn run(place: &Place, args: &ServeArgs) -> Done {
    let mut config = Config::load(place)?;
    if let Some(listen) = &args.listen {
        config.listen = config::listen(listen)?;
    }
    if let Some(port) = args.port {
        config.listen = SocketAddr::from(([127, 0, 0, 1], port));
    }
    output::trace(&config.log, config.log_json)?;
    if args.sandbox {
        // A live one is never opened as a sandbox, whatever says so: `Bureau::open` compares.
        config.environment = Some(Environment::Sandbox);
        if !config.dir.join("keys").exists() {
            config = setup::sandbox(place, config)?;
        }
    }
    output::quiet_panics();
    guard(&config)?;
    #[cfg(debug_assertions)]
    if let Some((point, times)) = args.die_at.as_deref().and_then(|at| at.split_once(':')) {
        crate::store::faults::arm_death(point, times.parse().unwrap_or(1));
    }
    let bureau = Arc::new(config.open_to_serve()?);
    if let Err(error) = bureau.load_sandbox() {
        // A visitor with a published key may have changed a test person: the others are there.
        tracing::error!(%error, "the test persons are not as published: begin the sandbox anew");
    }
    if config.environment() == Environment::Live && !bureau.may_score()? {
        output::note(
            "no approved scorecard is in force, and a demonstration's scores nobody here: questions \
             that need a score are refused until one is promoted (`fivefold model draft`, attest, \
             approve, file, promote) and the bureau is started again",
        );
    }
    let doors = doors(&config);
    let vkey = bureau.engine.keys.log().vkey();
    let (url, environment) = (doors.public_url.clone(), config.environment().name());
    let ready = move |at: SocketAddr| {
        // Port 0 was a wish for a free one: this is the one that was found.
        let url = match url.strip_suffix(":0") {
            Some(head) => format!("{head}:{}", at.port()),
            None => url,
        };
        note(&format!("fivefold serves {url} ({environment}) on {at}\nvkey {vkey}"));
    };
    let served = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let bureau = bureau.clone();
            runtime.block_on(async move {
                let shutdown = shutdown()?;
                let sweeping = tokio::spawn(sweep(bureau.clone()));
                let following = tokio::spawn(follow_keys(bureau.clone()));
                let watching = tokio::spawn(watch(bureau.clone()));
                let served = http::serve(bureau, doors, ready, shutdown).await;
                sweeping.abort();
                following.abort();
                watching.abort();
                served
            })
        }
        Err(error) => Err(error),
    };
    // What was accepted is recorded and published, however the serving ended.
    bureau.close();
    served.map_err(|e| {
        let text = format!("serving on {} ended: {e}", config.listen);
        Failure::new("cannot_serve", text)
    })?;
    note("closed");
    Ok(ExitCode::SUCCESS)
}

/// Names, consents and answers travel here: never in clear over a network.
fn guard(config: &Config) -> Result<(), Failure> {
    if config.listen.ip().is_loopback() || config.tls.is_some() || config.behind_proxy {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "{} can be reached from outside: set tls_cert and tls_key, or behind_proxy = true if a \
         proxy in front speaks TLS",
        config.listen
    )))
}

fn doors(config: &Config) -> Doors {
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let own = format!("{scheme}://{}", config.listen);
    Doors {
        listen: config.listen,
        public_url: config.public_url.clone().unwrap_or(own),
        tls: config.tls.clone(),
        fonts: config.han_font.clone(),
        terms: config.terms.clone(),
        behind_proxy: config.behind_proxy,
    }
}

/// Seconds between two sweeps.
const SWEEP_SECONDS: u64 = 3600;
/// Sweeps between two looks whether the test persons of a sandbox are up to date.
const SANDBOX_HOURS: u64 = 24;

/// Does what falls due, at the start and then every hour.
async fn sweep(bureau: Arc<crate::bureau::Bureau>) {
    let mut hour = 0_u64;
    let mut hours = tokio::time::interval(std::time::Duration::from_secs(SWEEP_SECONDS));
    loop {
        hours.tick().await;
        // The test persons get the month that has ended; elsewhere this does nothing.
        if hour % SANDBOX_HOURS == SANDBOX_HOURS - 1 {
            let bureau = bureau.clone();
            match tokio::task::spawn_blocking(move || bureau.load_sandbox()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "the test persons are not up to date"),
                Err(error) => tracing::error!(%error, "bringing the test persons in ended"),
            }
        }
        hour += 1;
        let bureau = bureau.clone();
        match tokio::task::spawn_blocking(move || bureau.sweep()).await {
            Ok(Ok(swept)) => tracing::info!(?swept, "swept"),
            Ok(Err(error)) => tracing::error!(%error, "a sweep stopped; the next one goes on"),
            Err(error) => tracing::error!(%error, "a sweep ended"),
        }
    }
}

/// Milliseconds between two looks at the key files.
const KEYS_MS: u64 = 500;

/// Takes up keys that `fivefold keys` rotated.
async fn follow_keys(bureau: Arc<crate::bureau::Bureau>) {
    let mut looks = tokio::time::interval(std::time::Duration::from_millis(KEYS_MS));
    loop {
        looks.tick().await;
        let bureau = bureau.clone();
        match tokio::task::spawn_blocking(move || bureau.refresh_keys()).await {
            Ok(Ok(true)) => {
                tracing::info!("the bureau's keys were rotated: the new ones are in use")
            }
            Ok(Ok(false)) => {}
            Ok(Err(error)) => tracing::error!(%error, "the keys cannot be read again"),
            Err(error) => tracing::error!(%error, "looking at the keys ended"),
        }
    }
}

/// Seconds between two looks whether somebody who is watched has changed.
const WATCH_SECONDS: u64 = 1;

/// Tells askers of changes about whom they watch.
async fn watch(bureau: Arc<crate::bureau::Bureau>) {
    let mut looks = tokio::time::interval(std::time::Duration::from_secs(WATCH_SECONDS));
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let bureau = bureau.clone();
        match tokio::task::spawn_blocking(move || bureau.watch()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, "monitors did not look; the next look goes on")
            }
            Err(error) => tracing::error!(%error, "the watching ended"),
        }
    }
}

/// Ends when the process is asked to stop.
fn shutdown() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate: Signal = signal(SignalKind::terminate())?;
    let mut interrupt: Signal = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("closing: what was begun is finished first");
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn config(listen: &str) -> Config {
        let dir = tempfile::tempdir().expect("a directory");
        let place = Place { dir: Some(dir.path().to_path_buf()), config: None };
        let mut config = Config::load(&place).expect("defaults");
        config.listen = config::listen(listen).expect("an address");
        config
    }

    #[test]
    fn an_outside_address_needs_tls_or_a_proxy() {
        assert!(guard(&config("127.0.0.1:1")).is_ok());
        assert!(guard(&config("[::1]:1")).is_ok());
        let mut outside = config("0.0.0.0:443");
        assert!(matches!(guard(&outside), Err(Failure::Usage(_))));
        outside.behind_proxy = true;
        assert!(guard(&outside).is_ok());
        outside.behind_proxy = false;
        outside.tls = Some((PathBuf::from("c"), PathBuf::from("k")));
        assert!(guard(&outside).is_ok());
        assert_eq!(doors(&outside).public_url, "https://0.0.0.0:443");
    }
}
