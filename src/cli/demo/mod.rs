//! The demonstration: real borrowers through the whole bureau, over the door that partners use.
//!
//! `fivefold demo` makes a bureau in a fresh folder and plays every part against it: partners of
//! ten trades enrol real borrowers, record their consents, send what they know of them and ask
//! about them, all by signed HTTP requests on loopback. What only an operator can do (registering
//! partners, replaying an answer) goes past the door, as it does in life.
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`borrowers`], [`lending_club`], [`taiwan`] | from a row of a data file to a person's file |
//! | `cast` | the partners and their keys |
//! | `stage` | the folder, the bureau and its server |
//! | `client` | a signing and verifying HTTP client, as a partner would write one |
//! | `hall` | the acts that every partner repeats: enrol, record a consent, ask |
//! | `papers` | consents as the artefacts of the contract |
//! | `intake` | everybody enrolled, consented and furnished |
//! | `story` | what is asked, answered, refused, frozen and revoked |
//! | `steps` | the score of everyone; proofs, replay and audits |
//! | `table` | what is printed |

pub mod borrowers;
pub mod lending_club;
pub mod taiwan;

mod cast;
mod client;
mod hall;
mod intake;
mod papers;
mod parallel;
mod stage;
mod steps;
mod story;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};

use self::borrowers::{Borrowers, DataError};
use self::client::Client;
use self::hall::Hall;
use self::lending_club::LendingClub;
use self::stage::Stage;
use self::table::{Data, Run};
use self::taiwan::Taiwan;
use crate::bureau::OpenError;
use crate::error::Problem;
use crate::kernel::{Env, Time};
use crate::model::population::draws::Draws;
use crate::store::StoreError;

/// The loans compiled in, with the notice beside them.
const LOANS: &[u8] = include_bytes!("../../../tests/data/lending-club/loans.csv");
/// The fewest persons that the story needs: each of its turns happens to somebody else.
const SUBJECTS_MIN: u32 = 10;
/// The largest file that `--accounts` reads, in bytes.
const ACCOUNTS_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Offset of the rule pack under which the borrowers live, in hours.
const UTC_OFFSET_HOURS: i8 = -5;

/// `fivefold demo`.
#[derive(Clone, Debug, clap::Args)]
pub struct DemoArgs {
    /// The folder to make; one that an earlier demo made is replaced
    #[arg(long, value_name = "DIR", default_value = "fivefold-demo")]
    pub dir: PathBuf,
    /// How many borrowers of the data file take part
    #[arg(
        long, value_name = "N", default_value_t = 2_000,
        value_parser = clap::value_parser!(u32).range(i64::from(SUBJECTS_MIN)..)
    )]
    pub subjects: u32,
    /// Which borrowers: the same seed picks the same rows
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// The port on 127.0.0.1; without it 8555, or a free one when that is taken
    #[arg(long, value_name = "P")]
    pub port: Option<u16>,
    /// End when the story is told, in place of going on serving
    #[arg(long)]
    pub no_serve: bool,
    /// The UCI file "default of credit card clients" (CSV, may be gzipped) in place of the loans
    #[arg(long, value_name = "FILE")]
    pub accounts: Option<PathBuf>,
}

/// Why the demonstration could not go on.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The folder holds something else.
    #[error(
        "{0} is not empty and no demo made it: choose a fresh folder with --dir, or empty this one"
    )]
    Folder(PathBuf),
    /// An earlier demo is at work in the folder.
    #[error("a demo still serves from {0}: stop it, or choose another folder with --dir")]
    StillServing(PathBuf),
    /// A file.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] std::io::Error),
    /// The data file.
    #[error("the data file cannot be used: {0}")]
    Data(#[from] DataError),
    /// The bureau does not start.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The port that was asked for.
    #[error("port {0} on 127.0.0.1 cannot be used ({1}): choose another one, or leave out --port")]
    Port(u16, #[source] std::io::Error),
    /// The server does not start, or stopped.
    #[error("the server: {0}")]
    Serve(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operator's act was refused.
    #[error(transparent)]
    Operator(#[from] Problem),
    /// A request got no answer.
    #[error("{act}: no answer: {why}")]
    NoAnswer {
        /// Method and path.
        act: String,
        /// Why.
        why: String,
    },
    /// A response is not what the bureau signed.
    #[error("{act}: the response's signature does not hold: {why}")]
    Unsigned {
        /// Method and path.
        act: String,
        /// Why.
        why: String,
    },
    /// A request was refused that should not have been.
    #[error("{act}: refused with {status}: {problem}")]
    Refused {
        /// Method and path.
        act: String,
        /// The HTTP status.
        status: u16,
        /// The problem, as text.
        problem: String,
    },
    /// An answer lacks what the contract promises.
    #[error("{act}: the answer has no usable {what}")]
    Answer {
        /// Method and path.
        act: String,
        /// What was looked for.
        what: String,
    },
}

impl DemoError {
    /// The stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            DemoError::Folder(_) => "demo_folder_not_empty",
            DemoError::StillServing(_) => "demo_still_serving",
            DemoError::Io(..) => "file_error",
            DemoError::Data(error) => error.code(),
            DemoError::Open(_) => "bureau_not_started",
            DemoError::Port(..) => "port_taken",
            DemoError::Serve(_) => "server_failed",
            DemoError::Store(_) => "database_failed",
            DemoError::Operator(_) => "operator_refused",
            DemoError::NoAnswer { .. } => "no_answer",
            DemoError::Unsigned { .. } => "response_not_signed",
            DemoError::Refused { .. } => "refused",
            DemoError::Answer { .. } => "answer_malformed",
        }
    }
}

/// Runs the demonstration, and serves until it is interrupted unless told not to. With `json` the
/// result is printed as JSON. The exit code is 1 when a check failed.
///
/// # Errors
/// [`DemoError`]: each says what to do.
pub fn run(args: &DemoArgs, json: bool) -> Result<ExitCode, DemoError> {
    let env = Env::system();
    let (stage, run) = perform(&env, args)?;
    if json {
        println!("{}", table::json(&run));
    } else {
        println!("{}", table::text(&run));
    }
    let code = if run.all_hold() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if args.no_serve {
        stage.stop();
        return Ok(code);
    }
    if !json {
        println!("Serving {} until Ctrl-C. Read {}/docs", stage.url(), stage.url());
    }
    stage.serve_on();
    Ok(code)
}

/// Everything up to the end of the story; the bureau still serves.
fn perform(env: &Env, args: &DemoArgs) -> Result<(Stage, Run), DemoError> {
    let started = env.now();
    let file = read_file(args.accounts.as_deref())?;
    let rows = chosen(file.len(), args.subjects, args.seed);
    let stage = Stage::open(env, &args.dir, args.port)?;
    match play(env, args, &stage, file.as_ref(), &rows, started) {
        Ok(run) => Ok((stage, run)),
        Err(error) => {
            stage.stop();
            Err(error)
        }
    }
}

fn play(
    env: &Env,
    args: &DemoArgs,
    stage: &Stage,
    file: &(dyn Borrowers + Sync),
    rows: &[usize],
    started: Time,
) -> Result<Run, DemoError> {
    let mut timer = Timer { env, last: started };
    let client = Client::open(env, stage.url())?;
    let cast = cast::hire(env, &stage.bureau, &stage.dir)?;
    let setup = timer.lap();
    let as_of = env.now().date_at(UTC_OFFSET_HOURS);
    let hall = Hall { env, client: &client, cast: &cast, stage };
    let intake = intake::everyone(&hall, file, rows, as_of)?;
    let intake_time = timer.lap();
    let accounts = args.accounts.is_some();
    let judged = |number| accounts || !lending_club::is_fitted_to(number);
    let scores = steps::score_everyone(&hall, &intake.people, judged)?;
    let scoring_time = timer.lap();
    let story = story::tell(&hall, &intake.people)?;
    let story_time = timer.lap();
    let checks = steps::check(&hall, &story)?;
    let check_time = timer.lap();
    stage.write_environment(&cast, &story, env.now())?;
    Ok(Run {
        data: Data { accounts: args.accounts.is_some(), rows: file.len(), seed: args.seed },
        dir: stage.dir.clone(),
        url: stage.url().to_string(),
        partners: cast.len(),
        bands: stage.bureau.engine.champion().bands.clone(),
        model: stage.bureau.engine.champion().id.clone(),
        requests: client.calls(),
        intake,
        scores,
        story,
        checks,
        seconds: table::Seconds {
            setup,
            intake: intake_time,
            scoring: scoring_time,
            story: story_time,
            checks: check_time,
            total: table::seconds(started, env.now()),
        },
    })
}

/// Measures one step after the other.
struct Timer<'a> {
    env: &'a Env,
    last: Time,
}

impl Timer<'_> {
    /// Seconds since the last lap.
    fn lap(&mut self) -> f64 {
        let now = self.env.now();
        table::seconds(std::mem::replace(&mut self.last, now), now)
    }
}

/// A bar on a terminal, nothing elsewhere.
fn progress(length: usize, of: &str) -> ProgressBar {
    let bar = ProgressBar::new(length as u64);
    let template = format!("{{msg:20}} {{bar:40}} {{pos}} of {{len}} {of}, {{eta}} left");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar
}

fn read_file(accounts: Option<&Path>) -> Result<Box<dyn Borrowers + Sync>, DemoError> {
    let Some(path) = accounts else { return Ok(Box::new(LendingClub::read(LOANS)?)) };
    let io = |e| DemoError::Io(path.to_path_buf(), e);
    let length = std::fs::metadata(path).map_err(io)?.len();
    if length > ACCOUNTS_BYTES_MAX {
        let text = format!("it is larger than {ACCOUNTS_BYTES_MAX} bytes");
        return Err(DataError::File(text).into());
    }
    Ok(Box::new(Taiwan::read(&std::fs::read(path).map_err(io)?)?))
}

/// Which rows take part: all, or as many as asked drawn without looking at them, in file order.
fn chosen(rows: usize, subjects: u32, seed: u64) -> Vec<usize> {
    let wanted = (subjects as usize).min(rows);
    let mut order: Vec<usize> = (0..rows).collect();
    let mut draws = Draws::new(&[0xd0, seed]);
    for place in 0..wanted {
        let other = place + draws.below((rows - place) as u64) as usize;
        order.swap(place, other);
    }
    order.truncate(wanted);
    order.sort_unstable();
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_picks_the_same_rows_each_time_and_no_row_twice() {
        let rows = chosen(9_857, 2_000, 1);
        assert_eq!(rows, chosen(9_857, 2_000, 1));
        assert_ne!(rows, chosen(9_857, 2_000, 2));
        assert!(rows.len() == 2_000 && rows.is_sorted_by(|a, b| a < b));
        assert!(rows.last().is_some_and(|row| *row < 9_857));
        assert_eq!(chosen(12, 50, 7), (0..12).collect::<Vec<_>>());
    }

    fn port(stage: &Stage) -> u16 {
        stage.url().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
    }

    #[test]
    fn ten_borrowers_go_through_the_whole_bureau() {
        let dir = tempfile::tempdir().expect("a folder");
        let args = DemoArgs {
            dir: dir.path().join("demo"),
            subjects: SUBJECTS_MIN,
            seed: 3,
            port: Some(0),
            no_serve: true,
            accounts: None,
        };
        let (stage, run) = perform(&Env::system(), &args).expect("a demo");
        let turns = run.story.turns.iter().filter(|turn| !turn.right);
        assert_eq!(turns.map(|turn| turn.learns.as_str()).collect::<Vec<_>>(), Vec::<&str>::new());
        assert!(run.all_hold() && run.checks.len() >= 4);
        assert_eq!((run.intake.people.len(), run.partners), (10, 11));
        // Nothing is refused but ties, one record each, which the law of these persons keeps off.
        assert_eq!(
            run.intake.rejected.iter().collect::<Vec<_>>(),
            [(&"dimension_off".to_string(), &10)]
        );
        assert_eq!(run.intake.accepted + 10, run.intake.real + run.intake.synthetic);
        let scored: u64 = run.scores.bands.values().map(|count| count.persons).sum();
        assert_eq!(scored + run.scores.unscored.values().sum::<u64>(), 10);
        for name in ["demo.env", "fivefold.toml", "answers/lender.tlog-proof", &run.story.report] {
            assert!(stage.dir.join(name).is_file(), "{name}");
        }
        assert!(matches!(
            Stage::open(&Env::system(), &args.dir, Some(0)).err(),
            Some(DemoError::StillServing(_))
        ));
        let taken = Stage::open(&Env::system(), &args.dir, Some(port(&stage)));
        assert!(matches!(taken.err(), Some(DemoError::Port(..))));
        assert!(table::text(&run).contains("outcome"));
        stage.stop();
    }

    #[test]
    fn the_loans_are_compiled_in_whole() {
        let file = LendingClub::read(LOANS).expect("readable");
        assert_eq!(file.len(), 9_857);
    }
}
