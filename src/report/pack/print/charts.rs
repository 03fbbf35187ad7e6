//! Bars, drawn as vectors.

use crate::report::document::canvas::Ink;
use crate::report::document::sheet::Sheet;
use crate::report::document::text::Style;

const LABEL: Style = Style::regular(7.0, Ink::TEXT);
const FIGURE: Style = Style::bold(7.0, Ink::BLACK);
const TITLE: Style = Style::bold(8.0, Ink::BLACK);

/// From one bar to the next, in points.
const STEP: f32 = 15.0;

/// Most bars of one chart; what is beyond them is in the table.
pub(super) const BARS_MAX: usize = 8;

/// Height of a chart with so many bars, in points.
pub(super) fn height(bars: usize) -> f32 {
    TITLE.leading() + 6.0 + bars.max(1) as f32 * STEP
}

/// Horizontal bars, the longest first, at (`x`, `y`), `width` points wide.
pub(super) fn bars(
    sheet: &mut Sheet<'_>,
    at: (f32, f32),
    width: f32,
    title: &str,
    values: &[(String, i64)],
    empty: &str,
) {
    let (x, mut y) = at;
    sheet.put_text(x, y, title, &TITLE);
    y += TITLE.leading() + 6.0;
    let most = values.iter().map(|(_, value)| *value).max().unwrap_or(0).max(1);
    if values.is_empty() {
        sheet.put_text(x, y, empty, &LABEL);
        return;
    }
    let (label_width, figure_width) = (width * 0.42, 44.0);
    let room = width - label_width - figure_width;
    for (label, value) in values.iter().take(BARS_MAX) {
        let cut: String = label.chars().take(24).collect();
        sheet.put_text(x, y, &cut, &LABEL);
        // A drawing, not a figure: the figure stands beside it, exact.
        let length = (room * (*value as f32 / most as f32)).max(0.8);
        sheet.canvas().round_rect(x + label_width, y + 1.5, room, 7.0, 1.5, Ink::WASH);
        let r = 1.5_f32.min(length / 2.0);
        sheet.canvas().round_rect(x + label_width, y + 1.5, length, 7.0, r, Ink::ACCENT);
        sheet.put_right(x + width, y, &super::number(*value), &FIGURE);
        y += STEP;
    }
}
