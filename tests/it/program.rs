//! The real program: commands that run to their end, and a server that can be killed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;

use serde_json::Value;

/// The program on a bureau's directory, configured by nothing but that directory's own file.
pub fn fivefold(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fivefold"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().to_ascii_uppercase().starts_with("FIVEFOLD_") {
            command.env_remove(name);
        }
    }
    command.arg("--dir").arg(dir).env("NO_PROXY", "127.0.0.1").stdin(Stdio::null());
    command
}

/// Runs a command to its end, which must be a good one, and reads the JSON it prints.
pub fn told(command: &mut Command) -> Value {
    let done = command.arg("--json").output().expect("the program runs");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}: {}\n{said}", done.status);
    serde_json::from_slice(&done.stdout).expect("JSON")
}

/// `fivefold serve` at work; it dies with this value.
pub struct Serving {
    child: Child,
    /// Where it listens.
    pub url: String,
    said: Option<JoinHandle<String>>,
}

impl Serving {
    /// Starts it on a free port, and waits until it says where.
    pub fn start(dir: &Path) -> Serving {
        Serving::start_with(dir, &[])
    }

    /// The same with further arguments.
    pub fn start_with(dir: &Path, more: &[&str]) -> Serving {
        Serving::try_start(dir, more).unwrap_or_else(|| panic!("serve ended at once"))
    }

    /// The same; nothing if it died at once, without a word.
    pub fn try_start(dir: &Path, more: &[&str]) -> Option<Serving> {
        let mut command = fivefold(dir);
        command
            .args(["serve", "--port", "0"])
            .args(more)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program runs");
        let stderr = BufReader::new(child.stderr.take().expect("its stderr"));
        let (tell, address) = mpsc::channel();
        let said = std::thread::spawn(move || {
            let mut said = String::new();
            for line in stderr.lines().map_while(Result::ok) {
                if line.starts_with("fivefold serves ")
                    && let Some((_, at)) = line.rsplit_once(" on ")
                {
                    let _ = tell.send(format!("http://{at}"));
                }
                said.push_str(&line);
                said.push('\n');
            }
            said
        });
        let mut serving = Serving { child, url: String::new(), said: Some(said) };
        // The channel closes when the program ends: then it did not start.
        match address.recv() {
            Ok(url) => serving.url = url,
            Err(_) => {
                let said = serving.said();
                assert!(!more.is_empty() && said.is_empty(), "serve ended at once:\n{said}");
                return None;
            }
        }
        Some(serving)
    }

    fn said(&mut self) -> String {
        self.said.take().map(|said| said.join().expect("text")).unwrap_or_default()
    }

    /// `SIGKILL`, unless it has died by itself already, which is told.
    pub fn end_of_it(mut self) -> bool {
        let died = self.child.try_wait().expect("its state").is_some();
        if !died {
            self.kill();
            return false;
        }
        let said = self.said();
        assert!(!said.contains("panicked"), "{said}");
        true
    }

    /// `SIGKILL`: no goodbye.
    pub fn kill(mut self) {
        self.child.kill().expect("it was running");
        let status = self.child.wait().expect("it has ended");
        let said = self.said();
        assert!(!status.success(), "it had ended before it was killed:\n{said}");
        assert!(!said.contains("panicked"), "{said}");
    }

    /// `SIGTERM`: it ends in order.
    pub fn stop(mut self) {
        let kill = format!("kill -TERM {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status().expect("a shell");
        assert!(sent.success(), "it was running");
        let status = self.child.wait().expect("it has ended");
        let said = self.said();
        assert!(status.success(), "{status}:\n{said}");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
