//! Bodies while they arrive: digested as they come, in memory while they are small, spooled sealed
//! when they are not, and given up when they come too slowly or grow too large.

use std::sync::PoisonError;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::sync::OwnedSemaphorePermit;

use super::Shared;
use crate::bureau::command::upload::AcceptUpload;
use crate::bureau::room::{self, SPOOL_FREE_BYTES_MIN};
use crate::bureau::spool::{BLOCK_BYTES, Spooling};
use crate::error::Problem;
use crate::kernel::bytes::{Digest, Sha256};
use crate::partner::signature::Claimed;

/// Seconds that a body may take, whatever its length.
const BODY_SECONDS_MAX: i64 = 40;
/// Seconds in which something of it must come.
const PART_SECONDS_MAX: u64 = 20;
/// Bytes a second that a body of any length must come to after the first seconds.
const BYTES_PER_SECOND_MIN: u64 = 64 * 1024;
/// Bytes of a body that needs no place of its own in memory.
const SMALL_BYTES_MAX: usize = 1024 * 1024;
/// Large bodies that one sender may have in memory at the same time.
const LARGE_BODIES_EACH_MAX: usize = 4;
/// Seconds to wait for a place.
const PLACE_SECONDS_MAX: u64 = 10;
/// Bytes of an unwelcome body that are read past before the refusal is sent.
const DRAINED_BYTES_MAX: usize = 1024 * 1024;
/// Seconds for that.
const DRAIN_SECONDS_MAX: u64 = 5;

/// How much may come.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the body at most.
    pub bytes: u64,
    /// Bytes of it in memory at most; what is longer is spooled.
    pub memory: usize,
}

/// What is waited for.
pub struct Wanted {
    /// How much may come.
    pub limits: Limits,
    /// What the request's own digest begins with.
    pub head: Vec<u8>,
    /// Who sends it.
    pub whose: String,
    /// Whether the signature covers the body's digest, or what to say to a body that comes.
    pub covered: Result<(), Problem>,
}

/// A place among the large bodies in memory. Each sender has a few at most, so that one who sends
/// slowly does not keep the others out.
pub struct BodyPlace {
    app: Shared,
    whose: String,
    _permit: OwnedSemaphorePermit,
}

impl BodyPlace {
    async fn take(app: &Shared, whose: &str) -> Result<BodyPlace, Problem> {
        let full = || {
            let text = "Too many large bodies arrive at the moment. Try again in a few seconds.";
            Problem::new("overloaded", text).retry_after(5)
        };
        let waiting = app.large_bodies.clone().acquire_owned();
        let wait = Duration::from_secs(PLACE_SECONDS_MAX);
        let permit = tokio::time::timeout(wait, waiting).await;
        let permit = permit.ok().and_then(Result::ok).ok_or_else(full)?;
        let mut senders = app.large_senders.lock().unwrap_or_else(PoisonError::into_inner);
        let held = senders.entry(whose.to_string()).or_default();
        if *held >= LARGE_BODIES_EACH_MAX {
            return Err(full());
        }
        *held += 1;
        Ok(BodyPlace { app: app.clone(), whose: whose.to_string(), _permit: permit })
    }
}

impl Drop for BodyPlace {
    fn drop(&mut self) {
        let mut senders = self.app.large_senders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = senders.get_mut(&self.whose) {
            *held -= 1;
            if *held == 0 {
                senders.remove(&self.whose);
            }
        }
    }
}

/// A body that has arrived whole, and is what its digest says.
pub struct Arrived {
    /// The body; empty when it was spooled.
    pub body: Bytes,
    /// The spooled body, durable.
    pub spooled: Option<Spooling>,
    /// The place that it has in memory, when it is large.
    pub place: Option<BodyPlace>,
    /// SHA-256 of the body.
    pub digest: Digest,
    /// SHA-256 of what `head` began and the body ended.
    pub request: Digest,
}

fn failed(error: &std::io::Error) -> Problem {
    tracing::error!(%error, "an upload could not be spooled");
    Problem::new(
        "database_unavailable",
        "The bureau cannot keep the file at the moment, and nothing was changed. Try again with \
         the same Idempotency-Key.",
    )
    .retry_after(5)
}

fn broken() -> Problem {
    Problem::new("invalid_json", "The body ended before it was complete. Send it again.")
}

fn too_slow() -> Problem {
    let text = "The body came too slowly and was given up. Send it again, in parts if need be.";
    Problem::new("timeout", text).retry_after(1)
}

/// What has come so far.
struct Arriving {
    memory: BytesMut,
    spooling: Option<Spooling>,
    body: Sha256,
    request: Sha256,
    claimed: Option<Claimed>,
    length: u64,
    place: Option<BodyPlace>,
}

impl Arriving {
    fn new(headers: &HeaderMap, head: &[u8]) -> Result<Arriving, Problem> {
        let claimed = match headers.contains_key("content-digest") {
            true => Some(Claimed::read(headers).map_err(|e| Problem::from(&e))?),
            false => None,
        };
        let mut request = Sha256::new();
        request.update(head);
        Ok(Arriving {
            memory: BytesMut::new(),
            spooling: None,
            body: Sha256::new(),
            request,
            claimed,
            length: 0,
            place: None,
        })
    }

    fn take(&mut self, part: &[u8]) {
        self.body.update(part);
        self.request.update(part);
        if let Some(claimed) = &mut self.claimed {
            claimed.update(part);
        }
        self.memory.extend_from_slice(part);
        self.length += part.len() as u64;
    }

    /// Moves what is in memory to the disk, on a thread that may block.
    async fn spool(&mut self, app: &Shared) -> Result<(), Problem> {
        let (env, dir) = (app.bureau.engine.env.clone(), app.bureau.dir.clone());
        let (spooling, memory) = (self.spooling.take(), self.memory.split());
        let work = move || {
            let mut spooling = match spooling {
                Some(spooling) => spooling,
                None => Spooling::begin(&env, &dir, &AcceptUpload::mint(&env))?,
            };
            spooling.add(&memory)?;
            std::io::Result::Ok(spooling)
        };
        if room::free_bytes(&app.bureau.dir).is_none_or(|free| free < SPOOL_FREE_BYTES_MIN) {
            return Err(room::too_little());
        }
        let done = tokio::task::spawn_blocking(work).await.map_err(|_| Problem::internal())?;
        self.spooling = Some(done.map_err(|e| failed(&e))?);
        // It lies on the disk now.
        self.place = None;
        Ok(())
    }
}

/// Waits for a body; the digests that the headers claim are compared with what came.
///
/// # Errors
/// It is too large, too slow, cut, not covered, or not what its digest says.
pub async fn arrive(
    app: &Shared,
    mut body: Body,
    headers: &HeaderMap,
    wanted: Wanted,
) -> Result<Arrived, Problem> {
    let mut arriving = Arriving::new(headers, &wanted.head)?;
    let began = app.bureau.engine.env.now();
    let pause = Duration::from_secs(PART_SECONDS_MAX);
    while let Some(frame) =
        tokio::time::timeout(pause, body.frame()).await.map_err(|_| too_slow())?
    {
        let Ok(part) = frame.map_err(|_| broken())?.into_data() else { continue };
        if part.is_empty() {
            continue;
        }
        wanted.covered.clone()?;
        if arriving.length + part.len() as u64 > wanted.limits.bytes {
            drain(body).await;
            let limit = wanted.limits.bytes;
            let text = format!("The body is larger than {limit} bytes. Send it in parts.");
            return Err(Problem::new("body_too_large", text).retry_after(1));
        }
        arriving.take(&part);
        let earned = i64::try_from(arriving.length / BYTES_PER_SECOND_MIN).unwrap_or(i64::MAX);
        if app.bureau.engine.env.now() > began.plus_seconds(BODY_SECONDS_MAX + earned) {
            return Err(too_slow());
        }
        let held = arriving.memory.len();
        let spools = arriving.spooling.is_some();
        if held > SMALL_BYTES_MAX && !spools && arriving.place.is_none() {
            arriving.place = Some(BodyPlace::take(app, &wanted.whose).await?);
        }
        if (spools && held >= BLOCK_BYTES) || held > wanted.limits.memory {
            arriving.spool(app).await?;
        }
    }
    arrived(app, arriving).await
}

async fn arrived(app: &Shared, mut arriving: Arriving) -> Result<Arrived, Problem> {
    if let Some(claimed) = arriving.claimed.take() {
        claimed.hold().map_err(|e| Problem::from(&e))?;
    }
    if arriving.spooling.is_some() {
        arriving.spool(app).await?;
    }
    let mut spooled = arriving.spooling;
    if let Some(mut spooling) = spooled.take() {
        let work = move || spooling.finish().map(|()| spooling);
        let done = tokio::task::spawn_blocking(work).await.map_err(|_| Problem::internal())?;
        spooled = Some(done.map_err(|e| failed(&e))?);
    }
    Ok(Arrived {
        body: arriving.memory.freeze(),
        spooled,
        place: arriving.place,
        digest: arriving.body.finish(),
        request: arriving.request.finish(),
    })
}

/// Reads past what a refused client is still sending, a little of it and not for long, so that
/// the refusal reaches it rather than a broken connection.
pub async fn drain(mut body: Body) {
    let mut seen = 0;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, Bytes::len);
            if seen > DRAINED_BYTES_MAX {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(DRAIN_SECONDS_MAX), reading).await;
}
