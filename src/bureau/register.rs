//! The register of data items, with when each was last used (CN-04).

use std::collections::BTreeMap;

use serde::Serialize;

use super::start::SCORECARD;
use crate::inquiry::rows as inquiry_rows;
use crate::kernel::Time;
use crate::ledger::rows as ledger_rows;
use crate::score::edition::is_edition;
use crate::score::register::{Item, read};
use crate::score::{ScoreError, Scorecard};
use crate::store::{AnyConn, StoreError};

const REGISTER: &str = include_str!("../../policies/register.toml");

/// When something was last used.
#[derive(Debug, Default)]
pub struct LastUses {
    /// Each characteristic: the last inquiry answered under a scorecard that reads it.
    characteristics: BTreeMap<String, Time>,
    /// The last observation taken in: what names records and shows that they are lawful.
    collected: Option<Time>,
}

/// One line of the register.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The fields.
    pub fields: Vec<String>,
    /// Why they are collected.
    pub purpose: String,
    /// What they are for beside scores.
    pub serves: String,
    /// The characteristics of the scorecard in force that use them.
    pub characteristics: Vec<String>,
    /// Whether they are collected for something.
    pub used: bool,
    /// When they were last used.
    pub last_used: Option<Time>,
}

/// When characteristics and records were last used, by the inquiries and entries of a database.
///
/// # Errors
/// The database's, or a kept scorecard that does not read.
pub fn last_uses(conn: &mut AnyConn) -> Result<LastUses, StoreError> {
    let mut cards: Vec<_> = ledger_rows::artefacts(conn)?
        .into_iter()
        // An edition reads nothing that the scorecard does not.
        .filter(|artefact| artefact.kind == "scorecard" && !is_edition(&artefact.name))
        .collect();
    cards.sort_by_key(|artefact| artefact.since_us);
    let mut uses =
        LastUses { collected: ledger_rows::last_of(conn, "observation")?, ..LastUses::default() };
    let ends = cards.iter().skip(1).map(|next| next.since_us).chain([i64::MAX]).collect::<Vec<_>>();
    for (card, end) in cards.iter().zip(ends) {
        let Some(at) = inquiry_rows::last_between(conn, card.since_us, end)? else { continue };
        let scorecard = Scorecard::read(card.content.as_bytes())
            .map_err(|e| StoreError::inconsistent(e.to_string()))?;
        for entry in &scorecard.characteristics {
            uses.characteristics.insert(entry.name.clone(), at);
        }
    }
    Ok(uses)
}

/// The register under the scorecard in force.
///
/// # Errors
/// The register or the scorecard of this program does not read; tests show that they do.
pub fn rows(last: Option<&LastUses>) -> Result<Vec<Row>, ScoreError> {
    let scorecard = Scorecard::load(SCORECARD.as_bytes())?;
    let row = |item: Item| {
        let characteristics: Vec<String> = item.used_by(&scorecard).map(str::to_string).collect();
        let used = item.is_used(&scorecard);
        let computed = last.and_then(|last| {
            characteristics.iter().filter_map(|name| last.characteristics.get(name)).max().copied()
        });
        let served = last.and_then(|last| last.collected).filter(|_| !item.serves.is_empty());
        Row {
            characteristics,
            used,
            last_used: computed.max(served),
            fields: item.fields,
            purpose: item.purpose,
            serves: item.serves,
        }
    };
    Ok(read(REGISTER)?.into_iter().map(row).collect())
}
