//! How the score is made: every characteristic, what was read of it, which values would have given
//! the same, and the points, so that whoever reads it can add them up.

use super::view::{ScorePart, WorkingRow};
use crate::report::document::canvas::Ink;
use crate::report::document::sheet::Sheet;
use crate::report::document::table::{Cell, Column, Row, Table};
use crate::report::document::text::Style;

const BODY: Style = Style::regular(7.4, Ink::TEXT);
const STRONG: Style = Style::bold(7.4, Ink::BLACK);
const SMALL: Style = Style::regular(6.4, Ink::MUTED);
const TEXT: Style = Style::regular(8.4, Ink::TEXT);
/// Room that the heading asks for, so that it does not stand alone at the foot of a page.
const KEEP: f32 = 90.0;

/// The table; nothing where there is no score.
pub(super) fn draw(sheet: &mut Sheet<'_>, part: &ScorePart) {
    const COLUMNS: [Column; 5] = [
        Column::left("What was looked at", 232.0),
        Column::left("With you", 92.0),
        Column::left("The same points for", 92.0),
        Column::right("Points", 46.0),
        Column::right("On average", 55.0),
    ];
    let ScorePart::Assessed(score) = part else { return };
    sheet.heading("How the score is made", KEEP);
    let total: i64 = score.working.iter().map(|row| i64::from(row.points)).sum();
    let sum = total + i64::from(score.base_points);
    let text = format!(
        "Everybody begins with {} points. What is listed here adds {total}: together {sum}. Whoever \
         finds a value wrong can object to the record behind it, and ask that a person looks again.",
        score.base_points
    );
    sheet.paragraph(&text, &TEXT);
    sheet.skip(4.0);
    let rows = score.working.iter().map(|row| Row::from(cells(row)));
    Table { columns: &COLUMNS, empty: "Nothing was looked at." }.draw(sheet, rows);
}

fn cells(row: &WorkingRow) -> Vec<Cell<'_>> {
    let differs = row.points < row.average;
    vec![
        Cell::Text(vec![(row.what.clone(), BODY), (row.name.clone(), SMALL)]),
        Cell::text(row.value.clone(), BODY),
        Cell::text(row.same_for.clone(), BODY),
        Cell::text(format!("{:+}", row.points), if differs { STRONG } else { BODY }),
        Cell::text(format!("{:+}", row.average), SMALL),
    ]
}
