//! What a command says: data on stdout, talk on stderr, failures with their exit status.

use std::io::{ErrorKind, IsTerminal, Write};
use std::panic::PanicHookInfo;
use std::path::Path;
use std::process::ExitCode;

use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

use crate::bureau::OpenError;
use crate::error::{Problem, Reason};
use crate::store::StoreError;

/// How a command ends.
pub type Done = Result<ExitCode, Failure>;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub enum Failure {
    /// Refused, or a check failed: exit 1.
    Problem(Problem),
    /// Asked in a way that cannot be: exit 2.
    Usage(String),
    /// Whoever read stdout has gone: nothing to say, nobody to say it to.
    NobodyReads,
}

impl Failure {
    /// A failed check or refusal in words.
    pub fn new(code: &str, detail: impl Into<String>) -> Failure {
        Failure::Problem(Problem::new(code, detail))
    }

    /// A file that cannot be read.
    pub fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
        Failure::new("file_unreadable", format!("{} cannot be read: {error}", path.display()))
    }

    /// A file that cannot be written.
    pub fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
        Failure::new("file_unwritable", format!("{} cannot be written: {error}", path.display()))
    }

    /// Tells it on stderr, and gives the exit status.
    pub fn tell(&self) -> ExitCode {
        match self {
            Failure::Problem(problem) => {
                note(&format!("error: {problem}"));
                for policy in &problem.policies {
                    note(&format!("  by policy {policy}"));
                }
                ExitCode::FAILURE
            }
            Failure::Usage(text) => {
                note(&format!("error: {text}"));
                ExitCode::from(2)
            }
            Failure::NobodyReads => ExitCode::SUCCESS,
        }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Failure {
        Failure::Problem(problem)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        let code = match error {
            StoreError::Unreachable(_) | StoreError::Busy(_) | StoreError::Unsure(_) => {
                "database_unavailable"
            }
            StoreError::Full(_) => "disk_full",
            StoreError::Refused(_) => "database_refused",
            StoreError::Schema(_) => "schema_unknown",
            StoreError::Unsafe(_) => "database_unsafe",
            StoreError::Inconsistent(_) => "data_inconsistent",
        };
        Failure::new(code, error.to_string())
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Failure {
        match error {
            OpenError::Refused(problem) => problem.into(),
            OpenError::Store(error) => error.into(),
            OpenError::Key(_) => Failure::new("key_unusable", error.to_string()),
            OpenError::Rules(_) => Failure::new("rules_invalid", error.to_string()),
            OpenError::Score(_) => Failure::new("scorecard_invalid", error.to_string()),
            OpenError::OtherPacks(_) => Failure::new("packs_replaced", error.to_string()),
            OpenError::Environment { .. } => Failure::new("environment_differs", error.to_string()),
            OpenError::Log(_) | OpenError::Publish(_) | OpenError::Io(..) => {
                Failure::new("cannot_start", error.to_string())
            }
        }
    }
}

/// Faults of arguments, as the API would list them.
pub fn invalid(pointer: &str, code: &str, message: impl Into<String>) -> Failure {
    Failure::Problem(Problem::invalid(vec![Reason::new(pointer, code, message)]))
}

/// Writes text to stdout as it is.
pub fn text(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::NobodyReads),
        Err(error) => Err(Failure::unwritable(Path::new("stdout"), &error)),
    }
}

/// Writes one JSON value on a line of its own.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    let line = serde_json::to_string(value)
        .map_err(|e| Failure::new("internal", format!("the result is not JSON: {e}")))?;
    text(&(line + "\n"))
}

/// Writes a table. On a terminal it is folded to its width; in a pipe each row is one line.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> Result<(), Failure> {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_header(header);
    if std::io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    } else {
        table.load_preset(presets::NOTHING);
    }
    for row in rows {
        table.add_row(row.iter().map(|cell| printable(cell)));
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_string()).collect();
    text(&(lines.join("\n") + "\n"))
}

/// Writes names and what they stand for, one a line.
pub fn pairs(rows: &[(&str, String)]) -> Result<(), Failure> {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let lines = rows.iter().map(|(name, value)| format!("{name:width$}  {}\n", printable(value)));
    text(&lines.collect::<String>())
}

/// Names come from outside: no control character of theirs reaches a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Talks, on stderr.
pub fn note(text: &str) {
    // When even stderr is closed there is nobody left to tell.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// A progress bar over `total` things, shown when stderr is a terminal.
pub fn progress(what: &str, total: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {eta}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style).with_message(what.to_string())
}

/// Sends what the program notices about itself to stderr.
///
/// # Errors
/// The filter is not one.
pub fn trace(filter: &str, as_json: bool) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|e| Failure::Usage(format!("log = \"{filter}\" is not a filter: {e}")))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Only the first to come sets it up: a test may run several commands in one process.
    let _ = match as_json {
        true => lines.json().try_init(),
        false => lines.try_init(),
    };
    Ok(())
}

/// Where something stopped in the middle, and nothing of what it was about: the message of a panic
/// may repeat the text that it could not cut.
fn stopped(info: &PanicHookInfo<'_>) -> String {
    let place = info.location().map_or_else(|| "an unknown place".to_string(), ToString::to_string);
    format!("a thread stopped in the middle at {place}; what it did is not recorded")
}

/// From here on a panic tells its place only.
pub fn quiet_panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = stopped(info);
        tracing::error!(place, "please report this");
    }));
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_panic_tells_its_place_and_no_personal_value() {
        static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(|info| {
            TOLD.lock().expect("a list").push(stopped(info));
        }));
        let name = String::from("王小明");
        let cut = std::panic::catch_unwind(|| name[..2].len());
        let message = std::panic::catch_unwind(|| panic!("planted 11010519491231002X"));
        std::panic::set_hook(before);
        assert!(cut.is_err() && message.is_err());
        let told = TOLD.lock().expect("a list").join("\n");
        assert!(told.contains("src/cli/output.rs"), "{told}");
        for planted in ["王小明", "planted", "11010519491231002X"] {
            assert!(!told.contains(planted), "{told}");
        }
    }

    #[test]
    fn control_characters_never_reach_a_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\n"), "a [31mb ");
    }
}
