//! The public log: checkpoint, tiles, entry bundles, proofs (C2SP).

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::Shared;
use super::openapi::ProblemBody as Refused;
use crate::error::Problem;
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::proof::Proof;
use crate::ledger::rows as ledger_rows;
use crate::ledger::source::DirSource;
use crate::ledger::tile::{CHECKPOINT, Layer, TilePath, TileSource, TiledHashes};

const FOR_EVER: &str = "public, max-age=31536000, immutable";

fn file(app: &Shared, path: &str) -> Result<Vec<u8>, Problem> {
    let source = DirSource::new(app.bureau.log_dir());
    match source.read(path) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(Problem::new("not_found", "The log has no such file (yet).")),
        Err(error) => {
            tracing::error!(%error, "a file of the log does not read");
            Err(Problem::internal())
        }
    }
}

fn sent(bytes: Vec<u8>, media_type: &'static str, cache: &'static str) -> Response {
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

/// `GET /log/checkpoint`
pub async fn checkpoint(State(app): State<Shared>) -> Result<Response, Problem> {
    Ok(sent(file(&app, CHECKPOINT)?, "text/plain; charset=utf-8", "no-cache"))
}

/// `GET /log/tile/…`
pub async fn tile(
    State(app): State<Shared>,
    Path(path): Path<String>,
) -> Result<Response, Problem> {
    let path = format!("tile/{path}");
    // Only paths of tiles reach the file system.
    let tile: TilePath = path
        .parse()
        .map_err(|_| Problem::new("not_found", "Not the path of a tile (c2sp.org/tlog-tiles)."))?;
    let bytes = file(&app, &path)?;
    let media_type = match tile.layer {
        Layer::Entries | Layer::Hashes(_) => "application/octet-stream",
    };
    Ok(sent(bytes, media_type, FOR_EVER))
}

/// The proof that the entry at `index` is in the log, for checking offline. A proof that no
/// checkpoint covers yet is 503 with `Retry-After: 1`.
#[utoipa::path(get, path = "/v1/log/proofs/{index}", tag = "log",
    params(("index" = u64, Path, description = "The entry's index")),
    responses((status = 200, description = "c2sp.org/tlog-proof@v1", content_type = "text/plain"),
        (status = 404, body = Refused, content_type = "application/problem+json"),
        (status = 503, body = Refused, content_type = "application/problem+json")))]
pub async fn proof(
    State(app): State<Shared>,
    Path(index): Path<String>,
) -> Result<Response, Problem> {
    let unknown = || Problem::new("entry_not_found", "The log has no entry of this index.");
    let index: u64 = index.parse().map_err(|_| unknown())?;
    let note = file(&app, CHECKPOINT)?;
    let note = String::from_utf8(note).map_err(|_| Problem::internal())?;
    let size = Checkpoint::read_unverified(&note).map_err(|_| Problem::internal())?.size;
    if index >= size {
        let head =
            app.bureau.store.read(ledger_rows::read_head).map_err(|_| Problem::internal())?;
        return match head.is_some_and(|head| index < head.size) {
            true => Err(Problem::new(
                "not_covered_yet",
                "The entry is on record; its checkpoint comes within a second.",
            )
            .retry_after(1)),
            false => Err(unknown()),
        };
    }
    let source = DirSource::new(app.bureau.log_dir());
    let proof = Proof::make(&TiledHashes::new(&source, size), index, &note).map_err(|error| {
        tracing::error!(%error, "a proof could not be made");
        Problem::internal()
    })?;
    Ok(sent(proof.to_text().into_bytes(), "text/plain; charset=utf-8", "no-cache"))
}
