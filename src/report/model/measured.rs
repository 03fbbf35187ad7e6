//! Parts 6 to 10: what was measured.

use super::charts::{self, Place};
use super::{BOLD, CELL, TEXT, View};
use crate::model::metrics::Interval;
use crate::model::validate::{Figures, Validation};
use crate::report::document::sheet::Sheet;
use crate::report::document::table::{Cell, Column, Row, Table};
use crate::report::document::{CONTENT_WIDTH, MARGIN};

const CHART_HEIGHT: f32 = 168.0;
const GAP: f32 = 18.0;
const HALF: f32 = (CONTENT_WIDTH - GAP) / 2.0;
/// The most characteristics in a table of shifts.
const SHIFTS_MAX: usize = 25;

/// Room for two charts side by side; the left and the right one.
fn two(sheet: &mut Sheet<'_>) -> (Place, Place) {
    sheet.skip(6.0);
    sheet.need(CHART_HEIGHT);
    let y = sheet.y();
    let place = |x: f32| Place { x, y, width: HALF, height: CHART_HEIGHT };
    sheet.skip(CHART_HEIGHT + 4.0);
    (place(MARGIN), place(MARGIN + HALF + GAP))
}

fn nothing(sheet: &mut Sheet<'_>) {
    sheet.paragraph("Not measured: this report was made without a table.", &TEXT);
}

fn interval(i: &Interval, digits: usize) -> String {
    format!("{:.digits$} ({:.digits$} to {:.digits$})", i.value, i.low, i.high)
}

fn text_row(cells: Vec<String>) -> Row<'static> {
    Row::from(cells.into_iter().map(|cell| Cell::text(cell, CELL)).collect::<Vec<_>>())
}

fn figures_row(name: &str, figures: &Figures) -> Row<'static> {
    text_row(vec![
        name.to_string(),
        figures.n.to_string(),
        figures.n_bad.to_string(),
        interval(&figures.auc, 3),
        interval(&figures.ks, 3),
        interval(&figures.log_loss, 4),
    ])
}

/// Part 6.
pub fn results(sheet: &mut Sheet<'_>, view: &View<'_>) {
    const COLUMNS: [Column; 6] = [
        Column::left("Rows", 1.5),
        Column::right("n", 0.7),
        Column::right("bad", 0.6),
        Column::right("AUC (95 %)", 1.6),
        Column::right("KS (95 %)", 1.6),
        Column::right("log loss (95 %)", 1.9),
    ];
    sheet.heading("6  Results: discrimination, rank order, time", 120.0);
    let Some(validation) = view.validation else { return nothing(sheet) };
    let card = view.scorecard;
    let ends = (card.scale.min, card.scale.max);
    let table = Table { columns: &COLUMNS, empty: "none" };
    let times = validation.vintages.iter().filter_map(|v| Some((v.name.as_str(), v.figures?)));
    let all = std::iter::once(("all", validation.validation)).chain(times);
    table.draw(sheet, all.map(|(name, figures)| figures_row(&super::cut(name, 22), &figures)));
    let (left, right) = two(sheet);
    charts::roc(sheet, left, &validation.curve);
    charts::ks(sheet, right, &validation.curve, ends);
    let (left, right) = two(sheet);
    charts::histogram(sheet, left, &validation.histogram, ends);
    charts::bands(sheet, right, &validation.bands);
    let text = match validation.inversions.as_slice() {
        [] => {
            "Rank order: no band has a surely higher bad rate than the band below it.".to_string()
        }
        wrong => format!("Rank order is broken beyond the intervals: {}.", wrong.join("; ")),
    };
    sheet.paragraph(&text, &BOLD);
    let [low, high] = validation.at_the_ends;
    let text = format!("At the lowest score lie {low} rows, at the highest {high}.");
    sheet.paragraph(&text, &TEXT);
    if validation.vintages.len() > 1 {
        sheet.skip(6.0);
        sheet.need(CHART_HEIGHT);
        let y = sheet.y();
        let place = Place { x: MARGIN, y, width: CONTENT_WIDTH, height: CHART_HEIGHT };
        charts::vintages(sheet, place, &validation.vintages);
        sheet.skip(CHART_HEIGHT + 4.0);
    } else {
        sheet.paragraph("Out of time: no column of time was given.", &TEXT);
    }
}

/// Part 7.
pub fn calibration(sheet: &mut Sheet<'_>, view: &View<'_>) {
    sheet.heading("7  Calibration and overrides", CHART_HEIGHT + 12.0);
    let Some(validation) = view.validation else { return nothing(sheet) };
    let found = &validation.calibration;
    sheet.need(CHART_HEIGHT + 6.0);
    let (left, right) = two(sheet);
    charts::calibration(sheet, left, &found.tenths);
    let lines = [
        format!("predicted {:.2} %, observed {:.2} %", found.predicted * 1e2, found.observed * 1e2),
        format!("intercept {:.3} (0), slope {:.3} (1)", found.intercept, found.slope),
        format!(
            "Hosmer–Lemeshow {:.1} on {} degrees, p = {:.3}",
            found.hosmer_lemeshow,
            found.tenths.len(),
            found.p_value
        ),
        format!("largest gap in a tenth: {:.2} percentage points", found.gap * 100.0),
        format!(
            "Brier score = reliability {:.5} - resolution {:.5} + uncertainty {:.5}",
            found.reliability, found.resolution, found.uncertainty
        ),
        "With many rows the test finds small gaps significant: look at the plot and at the largest \
         gap."
            .to_string(),
        "Overrides: not recorded.".to_string(),
    ];
    let mut y = right.y + 14.0;
    for line in lines {
        y += sheet.put_block(right.x, y, right.width, &line, &TEXT) + 3.0;
    }
}

/// Part 8.
pub fn stability(sheet: &mut Sheet<'_>, view: &View<'_>) {
    const COLUMNS: [Column; 5] = [
        Column::left("Distribution of", 2.0),
        Column::right("PSI / CSI", 0.8),
        Column::right("statistic", 0.9),
        Column::right("p", 0.7),
        Column::left("verdict", 1.3),
    ];
    sheet.heading("8  Stability against development", CHART_HEIGHT + 12.0);
    let Some(validation) = view.validation else { return nothing(sheet) };
    if let Some(psi) = &validation.psi {
        let (left, right) = two(sheet);
        charts::shift(sheet, left, &psi.expected, &psi.actual);
        let text = format!(
            "PSI of the score {:.4}: {}. Customary limits are 0.10 and 0.25; the statistic, PSI \
             times n·m/(n+m), is about chi-square if nothing has moved, and knows how many rows \
             there are.",
            psi.psi,
            psi.verdict()
        );
        sheet.put_block(right.x, right.y + 14.0, right.width, &text, &TEXT);
    } else {
        sheet.paragraph("The scorecard does not say what scores it was developed on.", &TEXT);
    }
    let table = Table { columns: &COLUMNS, empty: "no development rows to compare with" };
    let rows = validation.psi.iter().chain(validation.csi.iter().take(SHIFTS_MAX)).map(|shift| {
        text_row(vec![
            super::cut(&shift.of, 50),
            format!("{:.4}", shift.psi),
            format!("{:.1}", shift.statistic),
            format!("{:.3}", shift.p_value),
            shift.verdict().to_string(),
        ])
    });
    table.draw(sheet, rows);
}

/// Part 9.
pub fn sensitivity(sheet: &mut Sheet<'_>, view: &View<'_>) {
    const COLUMNS: [Column; 5] = [
        Column::left("Dimension or characteristic", 2.0),
        Column::right("share of variance", 1.0),
        Column::right("mean move", 0.8),
        Column::right("largest move", 0.9),
        Column::right("AUC without it", 1.0),
    ];
    sheet.heading("9  Sensitivity: what becomes of scores when something is not known", 80.0);
    let Some(validation) = view.validation else { return nothing(sheet) };
    sheet.paragraph(
        "Not known means the population mean: moves are in score points. The share of a dimension \
         is its covariance with the score over the score's variance; shares sum to one.",
        &TEXT,
    );
    sheet.skip(3.0);
    let table = Table { columns: &COLUMNS, empty: "nothing" };
    let rows = validation.weights.iter().map(|weight| {
        text_row(vec![
            super::cut(&weight.name, 60),
            format!("{:.1} %", weight.share * 100.0),
            format!("{:.1}", weight.moved),
            weight.moved_max.to_string(),
            weight.auc_without.map_or("–".to_string(), |auc| format!("{auc:.4}")),
        ])
    });
    table.draw(sheet, rows);
}

/// Part 10.
pub fn fairness(sheet: &mut Sheet<'_>, view: &View<'_>) {
    sheet.heading("10  Fairness", 60.0);
    let Some(validation) = view.validation else { return nothing(sheet) };
    if validation.fairness.is_empty() {
        sheet.paragraph(
            "Not measured: no protected column was given. That is not evidence of fairness.",
            &BOLD,
        );
        return;
    }
    groups(sheet, validation);
    sheet.skip(3.0);
    sheet.paragraph(
        "Selected is a score at or above the median. AIR is the share selected against the \
         reference group's (gate 0.80), SMD the difference of mean scores in standard deviations \
         (looked at beyond 0.30), gap the difference in the share selected among the good, proxy \
         the AUC by which the scorecard's characteristics tell the group (looked at above 0.60). \
         Protected columns are never fitted to.",
        &TEXT,
    );
}

fn groups(sheet: &mut Sheet<'_>, validation: &Validation) {
    const COLUMNS: [Column; 9] = [
        Column::left("Group", 1.6),
        Column::right("Rows", 0.8),
        Column::right("Bad", 0.8),
        Column::right("predicted", 0.9),
        Column::right("selected", 0.8),
        Column::right("AIR", 0.6),
        Column::right("SMD", 0.6),
        Column::right("gap", 0.7),
        Column::right("proxy", 0.7),
    ];
    for fairness in &validation.fairness {
        sheet.skip(6.0);
        sheet.need(60.0);
        let verdict = if fairness.passes { "passes the gate" } else { "BELOW THE GATE" };
        let text = format!(
            "{}: reference {}, cut-off {}: {verdict}",
            fairness.column, fairness.reference, fairness.cut_off
        );
        sheet.paragraph(&text, &BOLD);
        let table = Table { columns: &COLUMNS, empty: "no group is large enough" };
        let percent = |x: f64| format!("{:.1} %", x * 100.0);
        let rows = fairness.groups.iter().map(|group| {
            text_row(vec![
                super::cut(&group.name, 24),
                group.rows.to_string(),
                percent(group.bad_rate),
                percent(group.predicted),
                percent(group.selected),
                format!("{:.2}", group.air),
                format!("{:+.2}", group.smd),
                format!("{:+.1} %", group.opportunity_gap * 100.0),
                group.proxy_auc.map_or("–".to_string(), |auc| format!("{auc:.2}")),
            ])
        });
        table.draw(sheet, rows);
    }
}
