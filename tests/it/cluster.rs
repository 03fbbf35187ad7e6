//! A PostgreSQL server of a test's own, that may be stopped, started and starved.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fivefold::store::Target;

/// A server; it ends with this value.
pub struct Cluster {
    bin: PathBuf,
    dir: tempfile::TempDir,
    port: u16,
    mounted: bool,
}

/// Where PostgreSQL's programs are: the newest that Debian has installed.
fn programs() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> =
        folders.filter_map(|folder| Some(folder.ok()?.path().join("bin"))).collect();
    found.retain(|bin| bin.join("initdb").exists());
    found.sort();
    found.pop()
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    id.stdout.trim_ascii() == b"0"
}

impl Cluster {
    /// Starts one, where PostgreSQL's programs are installed; `what` is checked.
    pub fn start(what: &str) -> Option<Cluster> {
        Cluster::on(what, None)
    }

    /// One whose disk has so many megabytes, where a file system may be mounted.
    pub fn with_disk(what: &str, megabytes: u32) -> Option<Cluster> {
        Cluster::on(what, Some(megabytes))
    }

    fn on(what: &str, megabytes: Option<u32>) -> Option<Cluster> {
        let Some(bin) = programs() else {
            println!("PostgreSQL's programs are not installed: {what} was not checked");
            return None;
        };
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = socket.local_addr().expect("an address").port();
        drop(socket);
        // Always under /tmp: every user can get there, and a socket's path must be short.
        let dir = tempfile::Builder::new().prefix("fivefold-pg").tempdir_in("/tmp").expect("a dir");
        let mut cluster = Cluster { bin, dir, port, mounted: false };
        let data = cluster.data();
        std::fs::create_dir(&data).expect("a directory");
        if let Some(megabytes) = megabytes {
            let size = format!("size={megabytes}m");
            let mut mount = Command::new("mount");
            mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&data).stderr(Stdio::null());
            if !mount.status().is_ok_and(|status| status.success()) {
                println!("no file system may be mounted here: {what} was not checked");
                return None;
            }
            cluster.mounted = true;
        }
        if is_root() {
            let mut own = Command::new("chown");
            let done = own.arg("-R").arg("postgres").arg(cluster.dir.path()).status();
            assert!(done.expect("chown runs").success());
        }
        let mut init = cluster.program("initdb");
        init.arg("-D").arg(data.join("data")).args(["-U", "fivefold", "--auth=trust"]);
        init.args(["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--wal-segsize=1"]);
        cluster.run(&mut init);
        cluster.resume();
        Some(cluster)
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("disk")
    }

    /// Where the server keeps its files: filling this up starves it.
    pub fn disk(&self) -> PathBuf {
        self.data()
    }

    /// PostgreSQL refuses to run as root.
    fn program(&self, name: &str) -> Command {
        let program = self.bin.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir("/tmp").stdin(Stdio::null());
        command
    }

    fn run(&self, command: &mut Command) {
        let log = self.dir.path().join("said");
        let out = std::fs::File::create(&log).expect("a file");
        command.stdout(out.try_clone().expect("a handle")).stderr(out);
        let status = command.status().expect("it runs");
        assert!(status.success(), "{command:?}: {}", text_of(&log));
    }

    /// Starts the server.
    pub fn resume(&self) {
        let mut start = self.program("pg_ctl");
        start.arg("start").arg("-D").arg(self.data().join("data")).args(["-w", "-s", "-t", "60"]);
        start.arg("-l").arg(self.data().join("log")).arg("-o").arg(format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} \
             -c max_connections=60 -c shared_buffers=16MB -c min_wal_size=2MB -c max_wal_size=4MB",
            self.port,
            self.dir.path().display()
        ));
        self.run(&mut start);
    }

    /// Starts it again if it has stopped itself.
    pub fn revive(&self) {
        let mut status = self.program("pg_ctl");
        status.arg("status").arg("-D").arg(self.data().join("data"));
        if !status.stdout(Stdio::null()).status().expect("it runs").success() {
            self.resume();
        }
    }

    /// Stops it at once, as a power cut would: it recovers when it starts again.
    pub fn stop(&self) {
        let mut stop = self.program("pg_ctl");
        stop.arg("stop").arg("-D").arg(self.data().join("data")).args(["-m", "immediate", "-s"]);
        self.run(&mut stop);
    }

    /// The address of a database on it.
    pub fn url(&self, name: &str) -> String {
        format!("postgres://fivefold@127.0.0.1:{}/{name}", self.port)
    }

    /// Statements to the server, as its owner.
    pub fn sql(&self, sql: &str) {
        let target = Target::Postgres { url: self.url("postgres"), keys: false };
        target.connect().expect("it answers").batch(sql).expect("done");
    }
}

fn text_of(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = self.program("pg_ctl");
        stop.arg("stop").arg("-D").arg(self.data().join("data")).args(["-m", "immediate", "-s"]);
        let _ = stop.stdout(Stdio::null()).stderr(Stdio::null()).status();
        if self.mounted {
            let _ = Command::new("umount").arg(self.data()).status();
        }
    }
}
