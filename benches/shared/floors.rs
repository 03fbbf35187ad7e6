//! What is measured against: servers that answer as many bytes as the bureau does, and do less.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use diesel::connection::SimpleConnection;
use diesel::sql_types::Binary;
use diesel::{Connection, PgConnection, RunQueryDsl, SqliteConnection};
use fivefold::kernel::Env;
use fivefold::partner::signature::{
    PublicKey, RequestParts, SigningKey, read_request, sign_response,
};
use tokio::sync::oneshot;

/// Bytes of a typical answer: what the floors answer with.
const ANSWER_BYTES: usize = 2_200;

type Insert = Box<dyn FnMut(&[Row]) + Send>;
type Row = (Vec<u8>, oneshot::Sender<()>);

struct Floor {
    env: Env,
    url: String,
    key: PublicKey,
    own: SigningKey,
    rows: Option<std::sync::mpsc::Sender<Row>>,
}

async fn floor(
    State(floor): State<Arc<Floor>>,
    OriginalUri(uri): OriginalUri,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target = format!("{}{}", floor.url, uri.path());
    let parts =
        RequestParts { method: &method, target_uri: &target, headers: &headers, body: &body };
    let presented = read_request(parts, floor.env.now()).unwrap();
    presented.verify(&floor.key).unwrap();
    if let Some(rows) = &floor.rows {
        let (done, wait) = oneshot::channel();
        rows.send((body.to_vec(), done)).unwrap();
        wait.await.unwrap();
    }
    let answer = vec![b'x'; ANSWER_BYTES];
    let seen = presented.seen(parts);
    let signed =
        sign_response(&floor.own, StatusCode::CREATED, Some(&seen), &answer, floor.env.now());
    let mut response = (StatusCode::CREATED, answer).into_response();
    response.headers_mut().extend(signed.unwrap());
    response
}

async fn bare(_: Bytes) -> Response {
    (StatusCode::CREATED, vec![b'x'; ANSWER_BYTES]).into_response()
}

/// One durable row a request, committed in groups, as the database does it best.
fn committer(path: &Path, postgres: Option<&str>) -> std::sync::mpsc::Sender<Row> {
    let (send, receive) = std::sync::mpsc::channel::<Row>();
    let mut insert: Insert = match postgres {
        None => {
            let mut conn = SqliteConnection::establish(&path.display().to_string()).unwrap();
            conn.batch_execute(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                 CREATE TABLE rows (id INTEGER PRIMARY KEY, body BLOB) STRICT;",
            )
            .unwrap();
            Box::new(move |group| {
                let all = |conn: &mut SqliteConnection| {
                    group.iter().try_for_each(|(body, _)| {
                        diesel::sql_query("INSERT INTO rows (body) VALUES (?)")
                            .bind::<Binary, _>(body)
                            .execute(conn)
                            .map(drop)
                    })
                };
                conn.immediate_transaction(all).unwrap();
            })
        }
        Some(url) => {
            let mut conn = PgConnection::establish(url).unwrap();
            conn.batch_execute(
                "CREATE TABLE IF NOT EXISTS floor (id BIGSERIAL PRIMARY KEY, body BYTEA)",
            )
            .unwrap();
            Box::new(move |group| {
                let all = |conn: &mut PgConnection| {
                    group.iter().try_for_each(|(body, _)| {
                        diesel::sql_query("INSERT INTO floor (body) VALUES ($1)")
                            .bind::<Binary, _>(body)
                            .execute(conn)
                            .map(drop)
                    })
                };
                conn.transaction(all).unwrap();
            })
        }
    };
    std::thread::spawn(move || {
        while let Ok(first) = receive.recv() {
            let mut group = vec![first];
            while let Ok(next) = receive.try_recv() {
                group.push(next);
            }
            insert(&group);
            for (_, done) in group {
                let _ = done.send(());
            }
        }
    });
    send
}

async fn listen(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// The three floors: bare, A, and B with its rows in a file at `path` or in PostgreSQL.
pub async fn open(
    env: &Env,
    asker: PublicKey,
    path: &Path,
    postgres: Option<&str>,
) -> Vec<SocketAddr> {
    let mut addresses = vec![listen(Router::new().route("/v1/inquiries", post(bare))).await];
    for rows in [None, Some(committer(path, postgres))] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Floor {
            env: env.clone(),
            url: format!("http://{address}"),
            key: asker.clone(),
            own: SigningKey::generate(env).unwrap(),
            rows,
        });
        let router = Router::new().route("/v1/inquiries", post(floor)).with_state(state);
        tokio::spawn(async move { axum::serve(listener, router).await });
        addresses.push(address);
    }
    addresses
}
