//! The second pair of eyes: another member of staff agrees to one act of the first.
//!
//! An approval names the bureau, the act, who asks and who agrees, ends within days, and is good
//! for one act. In a live bureau it is signed with the approver's registered key, so that nobody
//! can agree in another's name; elsewhere persons are made up, and a name will do.

use serde_json::{Value, json};

use super::admission::{Admission, Principal};
use super::command::Fault;
use super::rows as admission_rows;
use super::work::Work;
use crate::error::Problem;
use crate::kernel::Time;
use crate::kernel::bytes::{base64, hex, sha256};
use crate::partner::{StaffMember, StaffRole};
use crate::policy::Environment;

/// Days for which an approval may hold at most.
pub const APPROVAL_DAYS_MAX: i64 = 7;

/// The roles whose holders may agree to what others do.
pub const APPROVING: [StaffRole; 3] =
    [StaffRole::Compliance, StaffRole::Administrator, StaffRole::Examiner];

/// That another member of staff agrees.
#[derive(Clone, Debug)]
pub struct Approval {
    /// Who agrees.
    pub by: String,
    /// Until when, and the signature on [`statement`].
    pub signed: Option<(Time, Vec<u8>)>,
}

impl Approval {
    /// The approver, as a record names them.
    pub fn actor(&self) -> String {
        format!("staff:{}", self.by.trim())
    }

    /// What shows it to anybody: its end and the signature, for the record.
    pub fn shown(&self) -> Option<Value> {
        let (until, signature) = self.signed.as_ref()?;
        Some(json!({ "until": until, "signature": base64(signature) }))
    }
}

/// What the approver signs.
pub fn statement(origin: &str, act: &str, asked_by: &str, by: &str, until: Time) -> String {
    format!(
        "fivefold-approval/v1\n{origin}\n{act}\nasked by {asked_by}\napproved by {by}\n{until}\n"
    )
}

/// Whether a second member of staff agreed to `act`. None did, when there is no approval or it is
/// the asker's own. What was signed is spent.
///
/// # Errors
/// The approval does not hold: the problem says why, and what to do. Or the database's.
pub fn agreed(
    work: &mut Work<'_>,
    admission: &Admission,
    act: &str,
    approval: Option<&Approval>,
) -> Result<bool, Fault> {
    let (Some(approval), Principal::Operator { name, .. }) = (approval, &admission.principal)
    else {
        return Ok(false);
    };
    let by = approval.by.trim();
    if by.is_empty() || by == name {
        return Ok(false);
    }
    let live = work.engine.environment == Environment::Live;
    let member = work.registry.staff.get(by).cloned();
    let may = |member: &StaffMember| APPROVING.iter().any(|role| member.holds(*role));
    match (member, &approval.signed) {
        (Some(member), _) if !may(&member) => {
            let why = format!("{by} left, or is none of compliance, administrator, examiner.");
            Err(invalid(&why).into())
        }
        (Some(member), Some(signed)) => {
            let text = signature(work, &member, name, act, signed)?;
            spend(work, by, &text, signed.0)?;
            Ok(true)
        }
        (None, _) if live => Err(invalid(&format!("Nobody called {by} is registered.")).into()),
        (Some(_), None) if live => Err(invalid(&format!(
            "It is not signed: `fivefold staff approve --act '{act}' --for {name} --as {by} \
             --staff-key KEY` makes one."
        ))
        .into()),
        _ => Ok(true),
    }
}

fn invalid(why: &str) -> Problem {
    Problem::new("approval_invalid", format!("The approval does not hold. {why}"))
}

/// Marks what was signed as used, as a nonce is. Not the signature: of one text there can be
/// several that hold.
fn spend(work: &mut Work<'_>, by: &str, text: &str, until: Time) -> Result<(), Fault> {
    let pair = (format!("approval:{by}"), hex(&sha256(text.as_bytes())));
    let asked = [pair.clone()].into();
    let seen =
        work.loaded.nonces.contains(&pair) || !admission_rows::seen(work.conn, &asked)?.is_empty();
    if seen {
        return Err(invalid("It was used before: ask for a new one.").into());
    }
    work.put_nonce(&pair.0, &pair.1, until);
    Ok(())
}

/// What was signed, if it was.
fn signature(
    work: &Work<'_>,
    member: &StaffMember,
    asker: &str,
    act: &str,
    (until, signature): &(Time, Vec<u8>),
) -> Result<String, Problem> {
    if *until <= work.now || *until > work.now.plus_days(APPROVAL_DAYS_MAX) {
        let text = format!("It ends within {APPROVAL_DAYS_MAX} days, and has not ended yet.");
        return Err(invalid(&text));
    }
    let text = statement(&work.engine.origin, act, asker, &member.name, *until);
    match &member.key {
        Some(key) if key.verify(text.as_bytes(), signature) => Ok(text),
        Some(_) => Err(invalid(&format!(
            "{} did not sign this: it must be for the act '{act}', asked by {asker}, here.",
            member.name
        ))),
        None => Err(invalid(&format!("{} has no key on record.", member.name))),
    }
}
