//! Parts 1 to 4: what the scorecard is for, what it was made from, and why it should work.

use super::{BOLD, CELL, NOT_RECORDED, SMALL, TEXT, View, cut, status};
use crate::model::metrics::Interval;
use crate::report::document::canvas::Ink;
use crate::report::document::sheet::Sheet;
use crate::report::document::table::{Cell, Column, Row, Table};
use crate::report::document::text::Style;
use crate::report::document::{CONTENT_WIDTH, MARGIN};

/// Uses that no scenario of this bureau has (domain.md 4.1).
const PROHIBITED: &str = "employment, education, marketing, dating; any scenario not listed above";

/// Title, and the figures that a reader looks for first.
pub fn masthead(sheet: &mut Sheet<'_>, view: &View<'_>) {
    const TITLE: Style = Style::bold(18.0, Ink::ACCENT);
    const UNDER: Style = Style::regular(9.5, Ink::MUTED);
    let card = view.scorecard;
    let y = sheet.y();
    sheet.put_text(MARGIN, y, "Validation report", &TITLE);
    sheet.skip(TITLE.leading());
    let y = sheet.y();
    let under =
        format!("{} · version {} · {}", cut(&card.id, 60), card.version, status(card.status));
    sheet.put_text(MARGIN, y, &under, &UNDER);
    sheet.skip(UNDER.leading() + 6.0);
    let Some(validation) = view.validation else {
        sheet.paragraph("Nothing was measured for this report: parts 6 to 10 say so.", &TEXT);
        return;
    };
    let figures = &validation.validation;
    let boxes: [(&str, &Interval, usize); 5] = [
        ("AUC", &figures.auc, 3),
        ("Gini", &figures.gini, 3),
        ("KS", &figures.ks, 3),
        ("Brier score", &figures.brier, 4),
        ("log loss", &figures.log_loss, 4),
    ];
    let width = (CONTENT_WIDTH - 4.0 * 8.0) / 5.0;
    let y = sheet.y();
    for (i, (name, interval, digits)) in boxes.into_iter().enumerate() {
        const FIGURE: Style = Style::bold(15.0, Ink::BLACK);
        let x = MARGIN + i as f32 * (width + 8.0);
        sheet.canvas().round_rect(x, y, width, 54.0, 3.0, Ink::WASH);
        sheet.put_text(x + 8.0, y + 6.0, name, &SMALL);
        sheet.put_text(x + 8.0, y + 15.0, &format!("{:.digits$}", interval.value), &FIGURE);
        let ends = format!("95 %: {:.digits$} to {:.digits$}", interval.low, interval.high);
        sheet.put_text(x + 8.0, y + 38.0, &ends, &Style::regular(6.2, Ink::MUTED));
    }
    sheet.skip(62.0);
    let text = format!(
        "Measured on {}: {} rows, {} of them bad.",
        view.measured_on, figures.n, figures.n_bad
    );
    sheet.paragraph(&text, &TEXT);
    let blocked = validation.blocked_by();
    if !blocked.is_empty() {
        let text = format!(
            "Adverse impact ratio below 0.80 blocks approval, unless a search for a less \
             discriminatory model is filed and two people sign: {}.",
            blocked.join("; ")
        );
        sheet.skip(3.0);
        sheet.paragraph(&text, &Style::bold(8.4, super::charts::BAD));
    }
}

/// Names and what they stand for, one a row.
pub fn pairs(sheet: &mut Sheet<'_>, rows: &[(&str, String)]) {
    const COLUMNS: [Column; 2] = [Column::left("What", 1.0), Column::left("As recorded", 3.4)];
    let table = Table { columns: &COLUMNS, empty: NOT_RECORDED };
    let rows = rows.iter().map(|(name, value)| {
        Row::from(vec![Cell::text(*name, Style::bold(7.2, Ink::TEXT)), Cell::text(value, CELL)])
    });
    table.draw(sheet, rows);
}

/// Part 1.
pub fn purpose(sheet: &mut Sheet<'_>, view: &View<'_>) {
    let card = view.scorecard;
    sheet.heading("1  Purpose, users, prohibited uses, materiality", 90.0);
    let validated = match card.validated_for.is_empty() {
        true => "none: no probability is told in any scenario".to_string(),
        false => card.validated_for.join(", "),
    };
    pairs(
        sheet,
        &[
            ("predicts", card.target.clone()),
            ("validated for", validated),
            ("status", status(card.status).to_string()),
            ("users", NOT_RECORDED.to_string()),
            ("prohibited uses", PROHIBITED.to_string()),
            ("materiality tier", NOT_RECORDED.to_string()),
        ],
    );
}

/// Part 2.
pub fn lineage(sheet: &mut Sheet<'_>, view: &View<'_>) {
    sheet.heading("2  Data: lineage, consent, exclusions, prohibited categories", 70.0);
    let Some(development) = &view.scorecard.development else {
        sheet.paragraph("Nothing was fitted: the points are a professional's judgement.", &TEXT);
        return;
    };
    pairs(
        sheet,
        &[
            ("development rows", format!("{}, {} of them bad", development.rows, development.bads)),
            ("SHA-256 of the table", development.data.clone()),
            ("columns read", view.scorecard.characteristics.len().to_string()),
            ("consent coverage", NOT_RECORDED.to_string()),
            ("exclusions", NOT_RECORDED.to_string()),
            ("prohibited categories", NOT_RECORDED.to_string()),
        ],
    );
}

/// Part 3.
pub fn target(sheet: &mut Sheet<'_>, view: &View<'_>) {
    sheet.heading("3  Target and windows", 60.0);
    let outcome = view.scorecard.development.as_ref().map(|d| &d.outcome);
    let text = match outcome {
        Some([column, value]) => format!("Bad is {column} = {value}."),
        None => format!("Bad is: {}.", view.scorecard.target),
    };
    sheet.paragraph(&text, &TEXT);
    match view.validation.filter(|v| !v.vintages.is_empty()) {
        Some(validation) => {
            let text = format!("{} vintages: see part 6.", validation.vintages.len());
            sheet.paragraph(&text, &TEXT);
        }
        None => sheet.paragraph(
            "Observation and performance windows, vintages, roll rates: not recorded.",
            &TEXT,
        ),
    }
}

/// Part 4.
pub fn theory(sheet: &mut Sheet<'_>, view: &View<'_>) {
    sheet.heading("4  Theory: why each characteristic says something about credit", 60.0);
    const COLUMNS: [Column; 2] = [Column::left("Characteristic", 1.3), Column::left("Why", 3.2)];
    let table = Table { columns: &COLUMNS, empty: NOT_RECORDED };
    let rows = view.scorecard.characteristics.iter().map(|entry| {
        let why = entry.rationale.split_whitespace().collect::<Vec<_>>().join(" ");
        Row::from(vec![Cell::text(entry.name.clone(), CELL), Cell::text(why, CELL)])
    });
    table.draw(sheet, rows);
    let method = view.scorecard.development.as_ref().map(|d| d.method.as_str());
    let method = match method {
        Some("woe") => {
            "Method: optimal binning by exact dynamic programming; weight of evidence; logistic \
             regression, penalised, every coefficient of one sign."
        }
        Some("boost") => {
            "Method: a boosted additive model, one shape for each characteristic and a few two-way \
             tables, averaged over members that were each judged on rows they had not seen, joined \
             to bins."
        }
        _ => "Method: expert judgement.",
    };
    sheet.skip(4.0);
    sheet.paragraph(method, &BOLD);
}
