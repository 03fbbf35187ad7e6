//! Where a published log is read from: a directory, or an HTTP server.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};
use ureq::{Agent, Body, http};

use super::tile::{CHECKPOINT, FILE_BYTES_MAX, TilePath, TileSource};

/// How long a connection may take to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one request may take, body included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// How often a request is made before its failure counts.
const ATTEMPTS: u32 = 3;

/// The longest wait between attempts, in seconds, whatever the server asks for.
const WAIT_SECONDS_MAX: u64 = 10;

/// Where systems keep the certificates they trust: Debian and Alpine, Fedora, SUSE, BSD and macOS.
const SYSTEM_ROOTS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Whether a path names a file of a log, and nothing outside it.
fn is_log_path(path: &str) -> bool {
    path == CHECKPOINT || path.parse::<TilePath>().is_ok()
}

/// Reads all of `reader` unless it is larger than any file of a log may be.
fn read_limited(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let message = format!("larger than {FILE_BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    Ok(bytes)
}

/// A log that lies as files in a directory.
#[derive(Clone, Debug)]
pub struct DirSource {
    dir: PathBuf,
}

impl DirSource {
    /// The log whose `checkpoint` lies in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> DirSource {
        DirSource { dir: dir.into() }
    }

    /// The log in `dir`, or in `dir/log` when `dir` is a data directory.
    pub fn find(dir: &Path) -> DirSource {
        let inner = dir.join("log");
        let is_data_dir = !dir.join(CHECKPOINT).is_file() && inner.join(CHECKPOINT).is_file();
        DirSource::new(if is_data_dir { inner } else { dir.to_owned() })
    }

    /// The directory that holds `checkpoint` and `tile`.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

/// `None` in place of the error that there is no such file.
fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl TileSource for DirSource {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        if !is_log_path(path) {
            return Ok(None);
        }
        found(File::open(self.dir.join(path)))?.map(read_limited).transpose()
    }

    fn list(&self) -> io::Result<Option<Vec<String>>> {
        let mut files = Vec::new();
        let mut folders = vec!["tile".to_owned()];
        while let Some(folder) = folders.pop() {
            let Some(entries) = found(fs::read_dir(self.dir.join(&folder)))? else { continue };
            for entry in entries {
                let entry = entry?;
                let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
                let list = if entry.file_type()?.is_dir() { &mut folders } else { &mut files };
                list.push(path);
            }
        }
        Ok(Some(files))
    }
}

/// A log that is served over HTTP or HTTPS.
#[derive(Clone, Debug)]
pub struct HttpSource {
    agent: Agent,
    prefix: String,
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

impl HttpSource {
    /// The log below a URL prefix such as `https://bureau.example/log`. For HTTPS the system's
    /// certificates are trusted.
    ///
    /// # Errors
    /// When it is not an HTTP URL, or the system's certificates are not found.
    pub fn new(prefix: &str) -> io::Result<HttpSource> {
        if !prefix.starts_with("https:") {
            return HttpSource::with_roots(prefix, b"");
        }
        for file in SYSTEM_ROOTS {
            if let Some(pem) = found(fs::read(file))? {
                return HttpSource::with_roots(prefix, &pem);
            }
        }
        Err(io::Error::new(io::ErrorKind::NotFound, "this system has no file of certificates"))
    }

    /// The same, trusting these certificates (PEM) only.
    ///
    /// # Errors
    /// When it is not an HTTP URL, or the PEM text cannot be read.
    pub fn with_roots(prefix: &str, pem: &[u8]) -> io::Result<HttpSource> {
        let prefix = prefix.trim_end_matches('/').to_owned();
        if !prefix.starts_with("http://") && !prefix.starts_with("https://") {
            return Err(invalid(format!("{prefix} is not an http or https URL")));
        }
        let mut roots: Vec<Certificate<'static>> = Vec::new();
        for item in parse_pem(pem) {
            if let PemItem::Certificate(certificate) = item.map_err(io::Error::other)? {
                roots.push(certificate);
            }
        }
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(RootCerts::new_with_certs(&roots))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(3)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(REQUEST_TIMEOUT))
            .accept_encoding("gzip, identity")
            .user_agent(concat!("fivefold/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(HttpSource { agent: config.new_agent(), prefix })
    }

    fn get(&self, url: &str) -> io::Result<Answer> {
        let response = self.agent.get(url).call().map_err(ureq::Error::into_io)?;
        match response.status().as_u16() {
            200 => body(response).map(Answer::Bytes),
            404 | 410 => Ok(Answer::Absent),
            429 | 502..=504 => {
                let wait = header(&response, "retry-after").and_then(|text| text.parse().ok());
                Ok(Answer::Later(response.status(), wait))
            }
            _ => Err(io::Error::other(format!("the server answered {}", response.status()))),
        }
    }
}

/// What a server said to one request.
enum Answer {
    Bytes(Vec<u8>),
    Absent,
    /// Not now: the status, and after how many seconds to ask again, when it said so.
    Later(http::StatusCode, Option<u64>),
}

fn header<'a>(response: &'a http::Response<Body>, name: &str) -> Option<&'a str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}

fn body(mut response: http::Response<Body>) -> io::Result<Vec<u8>> {
    let encoding = header(&response, "content-encoding").unwrap_or("identity").to_owned();
    let reader = response.body_mut().as_reader();
    match encoding.to_ascii_lowercase().as_str() {
        "identity" => read_limited(reader),
        "gzip" => read_limited(MultiGzDecoder::new(reader)),
        other => Err(invalid(format!("the server sent an unknown encoding {other}"))),
    }
}

impl TileSource for HttpSource {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        if !is_log_path(path) {
            return Ok(None);
        }
        let url = format!("{}/{path}", self.prefix);
        let mut attempt = 1;
        loop {
            let (error, wait) = match self.get(&url) {
                Ok(Answer::Bytes(bytes)) => return Ok(Some(bytes)),
                Ok(Answer::Absent) => return Ok(None),
                Ok(Answer::Later(status, wait)) => {
                    (io::Error::other(format!("the server answered {status}")), wait)
                }
                Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(error),
                Err(error) => (error, None),
            };
            if attempt >= ATTEMPTS {
                return Err(error);
            }
            thread::sleep(Duration::from_secs(wait.unwrap_or(0).min(WAIT_SECONDS_MAX)));
            attempt += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    /// Serves one canned answer to each connection, in order; gives the port and then the request
    /// lines that came.
    fn serve(answers: Vec<Vec<u8>>) -> (u16, thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let server = thread::spawn(move || {
            let mut requests = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().expect("a connection");
                let mut lines = BufReader::new(stream.try_clone().expect("a stream")).lines();
                requests.push(lines.next().and_then(Result::ok).unwrap_or_default());
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                // A client that refuses the body may hang up first.
                let _ = stream.write_all(&answer);
            }
            requests
        });
        (port, server)
    }

    fn answer(head: &str, body: &[u8]) -> Vec<u8> {
        let length = body.len();
        let mut out =
            format!("HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n")
                .into_bytes();
        out.extend(body);
        out
    }

    fn loopback(port: u16) -> HttpSource {
        HttpSource::new(&format!("http://127.0.0.1:{port}/log/")).expect("a source")
    }

    #[test]
    fn a_log_is_read_over_http() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(b"squeezed").expect("memory");
        let gzip = gzip.finish().expect("memory");
        let (port, server) = serve(vec![
            answer("200 OK", b"plain"),
            answer("200 OK\r\ncontent-encoding: gzip", &gzip),
            answer("404 Not Found", b"no"),
            answer("503 Busy\r\nretry-after: 0", b""),
            answer("200 OK", b"at last"),
            answer("200 OK", &vec![0; FILE_BYTES_MAX as usize + 1]),
        ]);
        let source = loopback(port);
        let read = |path: &str| source.read(path);
        assert_eq!(read("checkpoint").expect("an answer").as_deref(), Some(&b"plain"[..]));
        assert_eq!(read("tile/0/000").expect("an answer").as_deref(), Some(&b"squeezed"[..]));
        assert_eq!(read("tile/0/001").expect("an answer"), None);
        assert_eq!(read("checkpoint").expect("an answer").as_deref(), Some(&b"at last"[..]));
        assert!(read("tile/entries/000").is_err());
        assert_eq!(read("../secret").expect("no request"), None);
        let requests = server.join().expect("the server");
        assert_eq!(requests[0], "GET /log/checkpoint HTTP/1.1");
        assert_eq!(requests[1], "GET /log/tile/0/000 HTTP/1.1");
    }

    #[test]
    fn a_server_error_is_an_error_and_not_an_absent_file() {
        let (port, server) = serve(vec![answer("500 Oops", b""); ATTEMPTS as usize]);
        assert!(loopback(port).read("checkpoint").is_err());
        server.join().expect("the server");
        assert!(HttpSource::new("ftp://bureau.example").is_err());
    }

    #[test]
    fn https_needs_a_server_that_speaks_it() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            // The client may hang up as soon as it sees that this is not TLS.
            let _ = stream.write_all(&answer("200 OK", b"in clear"));
        });
        let source = HttpSource::with_roots(&format!("https://127.0.0.1:{port}"), b"");
        assert!(source.expect("a source").read("checkpoint").is_err());
        server.join().expect("the server");
    }

    #[test]
    fn a_directory_is_listed_whole_and_left_by_no_path() {
        let dir = tempfile::tempdir().expect("a directory");
        let log = dir.path().join("log");
        fs::create_dir_all(log.join("tile/0/000.p")).expect("folders");
        fs::write(log.join("checkpoint"), "c").expect("a file");
        fs::write(log.join("tile/0/000.p/7"), "t").expect("a file");
        fs::write(dir.path().join("secret"), "s").expect("a file");
        let source = DirSource::find(dir.path());
        assert_eq!(source.dir(), log);
        assert_eq!(source.read("tile/0/000.p/7").expect("a file").as_deref(), Some(&b"t"[..]));
        assert_eq!(source.read("tile/0/000").expect("no file"), None);
        assert_eq!(source.read("../secret").expect("no file"), None);
        assert_eq!(source.list().expect("a list"), Some(vec!["tile/0/000.p/7".to_owned()]));
    }
}
