//! `replay`: a past answer, computed again.

use std::process::ExitCode;

use clap::Args;

use super::output::{self, Done, Failure};
use super::{Place, Shape, Staff, with_bureau};
use crate::bureau::command::look::LookUp;
use crate::bureau::replay::Replayed;
use crate::store::StoreError;

/// Exit status for an answer whose personal part is gone.
const GONE: u8 = 3;

/// Arguments of `replay`.
#[derive(Args)]
#[command(after_help = "\
The score is computed twice more: from the ledger's entries as they were known then, and from the
vector that was stored with the answer, under the scorecard of then; and the answer is formed again.
The look is on record first.

Exit status: 0 the same bit for bit (or nothing to compute), 1 any difference, 3 gone: the person
was erased.")]
pub struct ReplayArgs {
    /// The inquiry's id: inq_…
    inquiry: String,
    #[command(flatten)]
    staff: Staff,
    #[command(flatten)]
    shape: Shape,
}

/// `fivefold replay INQUIRY`.
pub fn run(place: &Place, args: &ReplayArgs) -> Done {
    let replayed = with_bureau(place, |bureau, config| {
        if let Some(subject) = bureau.shown_in(&args.inquiry).map_err(unknown)? {
            let admission = args.staff.admission(config.environment(), "replay")?;
            bureau.run(LookUp { admission, subject, what: "replay" }).value()?;
        }
        bureau.replay(&args.inquiry).map_err(unknown)
    })?;
    if args.shape.json {
        output::json(&replayed)?;
    } else {
        tell(&replayed)?;
    }
    Ok(match replayed {
        Replayed::Same { .. } | Replayed::NothingToCompute { .. } => ExitCode::SUCCESS,
        Replayed::Differs { .. } => ExitCode::FAILURE,
        Replayed::Gone { .. } => ExitCode::from(GONE),
    })
}

/// An inquiry that is not there is the reader's to correct; everything else is the database's.
pub fn unknown(error: StoreError) -> Failure {
    match error {
        StoreError::Refused(text) => Failure::new("inquiry_not_found", text),
        error => error.into(),
    }
}

fn tell(replayed: &Replayed) -> Result<(), Failure> {
    match replayed {
        Replayed::Same { index, score, known_at, observations } => {
            let score = score.map_or("no score".to_string(), |score| score.to_string());
            output::pairs(&[
                ("replay", "the same".to_string()),
                ("entry", index.to_string()),
                ("score", score),
                ("folded", format!("{observations} observations before entry {known_at}")),
            ])
        }
        Replayed::NothingToCompute { index } => output::pairs(&[
            ("replay", "answered without a score: nothing to compute".to_string()),
            ("entry", index.to_string()),
        ]),
        Replayed::Differs { index, differences } => {
            output::pairs(&[("replay", "DIFFERS".to_string()), ("entry", index.to_string())])?;
            let rows: Vec<Vec<String>> = differences.iter().map(|d| vec![d.clone()]).collect();
            output::table(&["difference"], &rows)
        }
        Replayed::Gone { index, why } => {
            output::pairs(&[("replay", format!("gone: {why}")), ("entry", index.to_string())])
        }
    }
}
