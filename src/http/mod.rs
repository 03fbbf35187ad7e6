//! The HTTP door. Status codes, media types and headers exist here only.
//!
//! Every request under `/v1` but proofs is signed, and so is every answer to one (`signed`).
//! `routes` has the whole table on one page.

mod applications;
mod arriving;
mod caller;
mod conformance;
mod consents;
mod directory;
pub mod docs;
mod inquiries;
mod known;
mod log;
mod monitors;
mod observations;
mod openapi;
mod operate;
mod persons;
mod problem;
mod rights;
mod routes;
mod sandbox;
mod signed;
mod supply;
pub mod terms;
mod traced;
mod turnstile;
mod usage;
mod webhook;

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;

pub use openapi::openapi;

use crate::bureau::Bureau;
use crate::bureau::intake::Intake;
use crate::bureau::webhook::Sending;
use crate::report::document::Fonts;
use directory::Directory;
use terms::Terms;
use turnstile::Turnstile;

/// Seconds a client has to send its headers.
const HEADER_SECONDS_MAX: u64 = 10;
/// Seconds that connections have to finish after the server was told to stop.
const GRACE_SECONDS: u64 = 20;
/// Large bodies held in memory at the same time.
const LARGE_BODIES_MAX: usize = 16;

/// Where the doors are.
#[derive(Clone, Debug)]
pub struct Doors {
    /// The address to listen on; port 0 picks a free one.
    pub listen: SocketAddr,
    /// What clients call us: `@target-uri` is checked against it, whatever proxy is in front.
    pub public_url: String,
    /// Certificate chain and private key, both PEM.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// A font with Han characters for PDF; well-known places are searched when absent.
    pub fonts: Option<PathBuf>,
    /// What the operator promises.
    pub terms: Terms,
    /// A proxy of ours is in front: it says whom a request comes from.
    pub behind_proxy: bool,
}

/// What the handlers share.
struct App {
    bureau: Arc<Bureau>,
    public_url: String,
    terms: Terms,
    directory: Directory,
    fonts: Fonts,
    large_bodies: Arc<Semaphore>,
    /// How many of them each sender has.
    large_senders: Mutex<BTreeMap<String, usize>>,
    intake: Intake,
    /// Conformance runs, in a sandbox.
    runs: conformance::Runs,
    /// A proxy of ours is in front.
    behind_proxy: bool,
    /// Whoever applies as a small merchant.
    applying: Turnstile,
    /// Whoever looks how an application stands.
    looking: Turnstile,
    /// Whoever registers a key with a sandbox.
    visiting: Turnstile,
    metrics: Option<PrometheusHandle>,
}

type Shared = Arc<App>;

/// Serves until `shutdown` is done, then lets requests in flight finish.
///
/// `public_url` may end in `:0`: the port that was picked takes its place.
///
/// # Errors
/// The address cannot be bound, or certificate and key do not fit.
pub async fn serve(
    bureau: Arc<Bureau>,
    doors: Doors,
    ready: impl FnOnce(SocketAddr) + Send,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let listener = std::net::TcpListener::bind(doors.listen)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let public_url = match doors.public_url.strip_suffix(":0") {
        Some(head) => format!("{head}:{}", address.port()),
        None => doors.public_url.clone(),
    };
    let fonts = Fonts::load(doors.fonts.as_deref()).map_err(std::io::Error::other)?;
    let intake = Intake::start(bureau.clone()).map_err(std::io::Error::other)?;
    let sending = Sending::start(bureau.clone()).map_err(std::io::Error::other)?;
    let app = Arc::new(App {
        directory: Directory::new(bureau.store.clone()),
        bureau,
        public_url,
        terms: doors.terms,
        fonts,
        large_bodies: Arc::new(Semaphore::new(LARGE_BODIES_MAX)),
        large_senders: Mutex::default(),
        intake,
        runs: conformance::Runs::default(),
        behind_proxy: doors.behind_proxy,
        applying: Turnstile::new(applications::APPLYING),
        looking: Turnstile::new(applications::LOOKING),
        visiting: Turnstile::new(sandbox::VISITING),
        metrics: operate::recorder(),
    });
    let service = routes::router(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
    let handle = Handle::new();
    let stop = handle.clone();
    tokio::spawn(async move {
        shutdown.await;
        stop.graceful_shutdown(Some(Duration::from_secs(GRACE_SECONDS)));
    });
    ready(address);
    let served = match doors.tls {
        None => {
            let mut server = axum_server::from_tcp(listener)?.handle(handle);
            timed(server.http_builder());
            server.serve(service).await
        }
        Some((certificate, key)) => {
            // The same provider everywhere; a second installation changes nothing.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let config = RustlsConfig::from_pem_file(certificate, key).await?;
            let mut server = axum_server::from_tcp_rustls(listener, config)?.handle(handle);
            timed(server.http_builder());
            server.serve(service).await
        }
    };
    // The slice at work is finished; the next start goes on with the rest.
    let closing = tokio::task::spawn_blocking(move || {
        sending.close();
        app.intake.close();
    });
    closing.await.map_err(std::io::Error::other)?;
    served
}

fn timed(builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>) {
    let timer = hyper_util::rt::TokioTimer::new();
    builder
        .http1()
        .timer(timer.clone())
        .header_read_timeout(Duration::from_secs(HEADER_SECONDS_MAX));
    builder.http2().timer(timer).max_concurrent_streams(256);
}
