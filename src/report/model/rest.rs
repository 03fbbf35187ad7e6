//! Parts 11 to 17: explanation, implementation, challengers, limits, monitoring, findings,
//! approvals.

use super::front::pairs;
use super::{BOLD, NOT_RECORDED, TEXT, View, status};
use crate::kernel::bytes::hex;
use crate::model::validate::Validation;
use crate::report::document::sheet::Sheet;

/// Parts 11 to 17.
pub fn all(sheet: &mut Sheet<'_>, view: &View<'_>) {
    explanation(sheet, view.validation);
    implementation(sheet, view.validation);
    sheet.heading("13  Benchmark and challengers", 30.0);
    sheet.paragraph("Not recorded. `fivefold model compare` sets scorecards side by side.", &TEXT);
    limits(sheet, view);
    monitoring(sheet);
    findings(sheet, view);
    approvals(sheet, view);
}

fn explanation(sheet: &mut Sheet<'_>, validation: Option<&Validation>) {
    sheet.heading("11  Explanation: are the reasons the largest losses?", 40.0);
    let text = match validation.map(|v| v.again) {
        Some(again) => format!(
            "{} rows were computed again from the printed table; in {} of them the reasons given \
             were not the four largest losses against the population mean, in order.",
            again.rows, again.reasons_differ
        ),
        None => "Not measured.".to_string(),
    };
    sheet.paragraph(&text, &TEXT);
    sheet.paragraph(
        "Points are additive: the difference between two persons is the difference of their lines \
         in the table, so a change of one characteristic moves the score by what the table says.",
        &TEXT,
    );
}

fn implementation(sheet: &mut Sheet<'_>, validation: Option<&Validation>) {
    sheet.heading("12  Implementation: independent re-score", 40.0);
    let text = match validation.map(|v| v.again) {
        Some(again) => format!(
            "{} rows were computed again, cell by cell from the printed table, missing and special \
             values included: {} totals differ from what the scoring engine gave.",
            again.rows, again.totals_differ
        ),
        None => "Not measured.".to_string(),
    };
    sheet.paragraph(&text, &TEXT);
}

fn limits(sheet: &mut Sheet<'_>, view: &View<'_>) {
    sheet.heading("14  Limits, assumptions, compensating controls", 60.0);
    let mut lines = vec![
        "The scorecard knows what its development rows knew: other products, times and ways of \
         choosing applicants need their own validation."
            .to_string(),
        "Outcomes of applicants who were declined are not seen; nothing was inferred for them."
            .to_string(),
    ];
    if let Some(bads) = view.scorecard.development.as_ref().map(|d| d.bads)
        && bads < 1_500
    {
        lines.push(format!(
            "{bads} bad rows are fewer than the 1,500 that are customary: intervals are wide."
        ));
    }
    for line in lines {
        sheet.paragraph(&format!("• {line}"), &TEXT);
    }
}

fn monitoring(sheet: &mut Sheet<'_>) {
    sheet.heading("15  Monitoring plan, triggers, kill switch", 60.0);
    pairs(
        sheet,
        &[
            (
                "PSI and CSI",
                "monthly: look above 0.10, act above 0.25, if beyond chance".to_string(),
            ),
            (
                "Gini",
                "when outcomes mature: amber at a relative fall of 10 %, red at 20 %".to_string(),
            ),
            (
                "calibration",
                "quarterly: slope outside 0.8 to 1.25, or a gap that matters".to_string(),
            ),
            (
                "mass at the ends",
                "monthly: more than 1 % at the lowest or the highest score".to_string(),
            ),
            ("kill switch", "retire the scorecard: the one before it serves again".to_string()),
        ],
    );
}

fn findings(sheet: &mut Sheet<'_>, view: &View<'_>) {
    sheet.heading("16  Findings", 40.0);
    let mut found = Vec::new();
    if let Some(validation) = view.validation {
        for blocked in validation.blocked_by() {
            found.push(format!("high: adverse impact ratio below 0.80: {blocked}"));
        }
        for wrong in &validation.inversions {
            found.push(format!("high: rank order broken: {wrong}"));
        }
        if validation.again.totals_differ + validation.again.reasons_differ > 0 {
            found.push("high: the engine and the printed table differ".to_string());
        }
        let slope = validation.calibration.slope;
        if !(0.8..=1.25).contains(&slope) {
            found.push(format!("medium: calibration slope {slope:.2}"));
        }
        for shift in validation.psi.iter().chain(&validation.csi) {
            if shift.psi >= 0.25 && shift.p_value <= 0.01 {
                found.push(format!("medium: {} has moved: {:.2}", shift.of, shift.psi));
            }
        }
    }
    match found.as_slice() {
        [] => sheet.paragraph("None by the rules of this report.", &TEXT),
        found => found.iter().for_each(|line| sheet.paragraph(&format!("• {line}"), &BOLD)),
    }
    sheet.paragraph("Owner and date of each: not recorded.", &TEXT);
}

fn approvals(sheet: &mut Sheet<'_>, view: &View<'_>) {
    sheet.heading("17  Approvals, version, digests, independence", 80.0);
    let card = view.scorecard;
    let fitted = card.development.as_ref().map_or("nothing".to_string(), |d| {
        format!("fivefold {}, method {}, seed {}", d.program, d.method, d.seed)
    });
    pairs(
        sheet,
        &[
            ("scorecard", format!("{} {}", card.id, card.version)),
            ("SHA-256 of its file", hex(&card.digest)),
            ("fitted by", fitted),
            ("status", status(card.status).to_string()),
            ("approved by", NOT_RECORDED.to_string()),
            ("validated by, and their independence", NOT_RECORDED.to_string()),
            ("filed with", NOT_RECORDED.to_string()),
        ],
    );
}
