//! The pictures of a validation report, drawn with lines and surfaces only.

use crate::model::validate::calibration::Tenth;
use crate::model::validate::ranking::{Band, Point, Vintage};
use crate::report::document::canvas::Ink;
use crate::report::document::sheet::Sheet;
use crate::report::document::text::Style;

/// Goods, and bads.
pub const GOOD: Ink = Ink(0x2C, 0x7F, 0x66);
/// Bads.
pub const BAD: Ink = Ink(0xB8, 0x4A, 0x3D);
const GRID: Ink = Ink(0xDE, 0xE5, 0xEA);
const AXIS: Ink = Ink(0x8A, 0x98, 0xA5);
const TITLE: Style = Style::bold(7.6, Ink::TEXT);
const TICK: Style = Style::regular(6.0, Ink::MUTED);

/// Where a chart lies: its upper left corner and its size, with title and ticks.
#[derive(Clone, Copy)]
pub struct Place {
    /// Left edge.
    pub x: f32,
    /// Upper edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

/// The area inside a chart's axes, with what its edges stand for.
struct Plot {
    left: f32,
    top: f32,
    width: f32,
    height: f32,
    x: (f32, f32),
    y: (f32, f32),
}

impl Plot {
    /// Draws title, grid and ticks.
    fn new(
        sheet: &mut Sheet<'_>,
        place: Place,
        title: &str,
        x: (f32, f32, &str),
        y: (f32, f32, &str),
    ) -> Plot {
        sheet.put_text(place.x, place.y, title, &TITLE);
        let plot = Plot {
            left: place.x + 26.0,
            top: place.y + 15.0,
            width: place.width - 34.0,
            height: place.height - 38.0,
            x: (x.0, x.1),
            y: (y.0, y.1),
        };
        for i in 0..=4_u8 {
            let share = f32::from(i) / 4.0;
            let value = y.0 + (y.1 - y.0) * share;
            let at = plot.top + plot.height * (1.0 - share);
            sheet.canvas().rule(plot.left, at, plot.width, 0.4, GRID);
            sheet.put_right(plot.left - 3.0, at - 4.2, &tick(value, y.2), &TICK);
            let value = x.0 + (x.1 - x.0) * share;
            let at = plot.left + plot.width * share;
            if !x.2.is_empty() {
                let below = plot.top + plot.height + 2.5;
                sheet.put_centred(at, below, &tick(value, x.2), &TICK);
            }
        }
        let bottom = plot.top + plot.height;
        sheet.canvas().rule(plot.left, bottom, plot.width, 0.6, AXIS);
        plot
    }

    fn at(&self, x: f64, y: f64) -> (f32, f32) {
        let share = |value: f64, ends: (f32, f32)| {
            let span = (ends.1 - ends.0).max(f32::EPSILON);
            ((value as f32 - ends.0) / span).clamp(0.0, 1.0)
        };
        let across = self.left + self.width * share(x, self.x);
        (across, self.top + self.height * (1.0 - share(y, self.y)))
    }

    fn line(&self, sheet: &mut Sheet<'_>, points: &[(f64, f64)], thickness: f32, ink: Ink) {
        let points: Vec<(f32, f32)> = points.iter().map(|(x, y)| self.at(*x, *y)).collect();
        if points.len() > 1 {
            sheet.canvas().stroke(&points, false, thickness, ink);
        }
    }

    /// A bar from `from` to `to` along x, as high as `y`.
    fn bar(&self, sheet: &mut Sheet<'_>, from: f64, to: f64, y: f64, ink: Ink) {
        let (left, top) = self.at(from, y);
        let (right, bottom) = self.at(to, f64::from(self.y.0));
        let width = (right - left - 0.6).max(0.3);
        sheet.canvas().rect(left, top, width, (bottom - top).max(0.0), ink);
    }
}

fn tick(value: f32, form: &str) -> String {
    match form {
        "%" => format!("{:.0} %", value * 100.0),
        ".%" => format!("{:.1} %", value * 100.0),
        _ => format!("{value:.0}"),
    }
}

/// A round number at or above a share, for the end of an axis.
fn ceiling(share: f64) -> f32 {
    let steps = [0.01, 0.02, 0.04, 0.08, 0.12, 0.2, 0.32, 0.4, 0.6, 0.8];
    steps.into_iter().find(|step| f64::from(*step) >= share).unwrap_or(1.0)
}

fn percent(end: f32) -> &'static str {
    if end < 0.08 { ".%" } else { "%" }
}

fn legend(sheet: &mut Sheet<'_>, place: Place, entries: &[(&str, Ink)]) {
    let mut right = place.x + place.width - 8.0;
    for (text, ink) in entries.iter().rev() {
        let line = sheet.setter.line(text, &TICK);
        let x = right - line.width;
        sheet.put(x, place.y + 2.0, &line, &TICK);
        sheet.canvas().rect(x - 8.0, place.y + 4.0, 5.0, 5.0, *ink);
        right = x - 16.0;
    }
}

/// The ROC curve.
pub fn roc(sheet: &mut Sheet<'_>, place: Place, curve: &[Point]) {
    let unit = (0.0, 1.0, "%");
    let plot = Plot::new(sheet, place, "ROC: bads caught against goods lost", unit, unit);
    plot.line(sheet, &[(0.0, 0.0), (1.0, 1.0)], 0.6, AXIS);
    let points = curve.iter().map(|p| (p.goods, p.bads));
    let points: Vec<_> = std::iter::once((0.0, 0.0)).chain(points).collect();
    plot.line(sheet, &points, 1.3, Ink::ACCENT);
}

/// The two cumulative distributions, and where they are furthest apart.
pub fn ks(sheet: &mut Sheet<'_>, place: Place, curve: &[Point], ends: (i32, i32)) {
    let across = (ends.0 as f32, ends.1 as f32, "0");
    let plot = Plot::new(sheet, place, "KS: share at or below a score", across, (0.0, 1.0, "%"));
    let of = |share: fn(&Point) -> f64| -> Vec<(f64, f64)> {
        curve.iter().map(|p| (f64::from(p.score), share(p))).collect()
    };
    plot.line(sheet, &of(|p| p.goods), 1.2, GOOD);
    plot.line(sheet, &of(|p| p.bads), 1.2, BAD);
    let gap = |p: &Point| (p.bads - p.goods).abs();
    if let Some(widest) = curve.iter().max_by(|a, b| gap(a).total_cmp(&gap(b))) {
        let x = f64::from(widest.score);
        plot.line(sheet, &[(x, widest.goods), (x, widest.bads)], 0.9, Ink::GOLD);
    }
    legend(sheet, place, &[("good", GOOD), ("bad", BAD)]);
}

/// Scores by outcome: shares of the goods and of the bads in each bar.
pub fn histogram(sheet: &mut Sheet<'_>, place: Place, bars: &[Band], ends: (i32, i32)) {
    let bads: u64 = bars.iter().map(|b| b.bads).sum();
    let goods: u64 = bars.iter().map(|b| b.rows - b.bads).sum();
    let of = |part: u64, whole: u64| part as f64 / (whole as f64).max(1.0);
    let highest = bars.iter().map(|b| of(b.bads, bads).max(of(b.rows - b.bads, goods)));
    let end = ceiling(highest.fold(0.0, f64::max));
    let across = (ends.0 as f32, ends.1 as f32, "0");
    let up = (0.0, end, percent(end));
    let plot = Plot::new(sheet, place, "Scores by outcome: share of each", across, up);
    for bar in bars {
        let from = f64::from(bar.from);
        plot.bar(sheet, from, from + 10.0, of(bar.rows - bar.bads, goods), GOOD);
        plot.bar(sheet, from + 10.0, from + 20.0, of(bar.bads, bads), BAD);
    }
    legend(sheet, place, &[("good", GOOD), ("bad", BAD)]);
}

/// Bad rate by band, with intervals.
pub fn bands(sheet: &mut Sheet<'_>, place: Place, bands: &[Band]) {
    let end = ceiling(bands.iter().filter(|b| b.rows > 0).map(|b| b.rate).fold(0.0, f64::max));
    let count = bands.len().max(1) as f32;
    let across = (0.0, count, "");
    let plot = Plot::new(sheet, place, "Bad rate by band", across, (0.0, end, percent(end)));
    for (i, band) in bands.iter().enumerate() {
        let from = i as f64;
        let middle = plot.at(from + 0.5, 0.0);
        sheet.put_centred(middle.0, middle.1 + 2.5, &band.name, &TICK);
        if band.rows > 0 {
            plot.bar(sheet, from + 0.2, from + 0.8, band.rate, Ink::ACCENT);
            let ends = [(from + 0.5, band.low), (from + 0.5, band.high)];
            plot.line(sheet, &ends, 0.8, Ink::GOLD);
        }
    }
}

/// Predicted against observed, by tenths, with the intervals of the observed.
pub fn calibration(sheet: &mut Sheet<'_>, place: Place, tenths: &[Tenth]) {
    let highest = tenths.iter().map(|t| t.predicted.max(t.observed)).fold(0.0, f64::max);
    let end = ceiling(highest);
    let both = (0.0, end, percent(end));
    let plot = Plot::new(sheet, place, "Calibration: observed against predicted", both, both);
    let end = f64::from(end);
    plot.line(sheet, &[(0.0, 0.0), (end, end)], 0.6, AXIS);
    for tenth in tenths {
        let ends = [(tenth.predicted, tenth.low), (tenth.predicted, tenth.high)];
        plot.line(sheet, &ends, 0.8, Ink::GOLD);
        let (x, y) = plot.at(tenth.predicted, tenth.observed);
        sheet.canvas().circle(x, y, 2.0, Ink::ACCENT);
    }
}

/// Shares by cell, development against now.
pub fn shift(sheet: &mut Sheet<'_>, place: Place, expected: &[f64], actual: &[f64]) {
    let end = ceiling(expected.iter().chain(actual).copied().fold(0.0, f64::max));
    let across = (0.0, expected.len().max(1) as f32, "");
    let title = "Share of rows by tenths of development";
    let plot = Plot::new(sheet, place, title, across, (0.0, end, percent(end)));
    for (i, (expected, actual)) in expected.iter().zip(actual).enumerate() {
        let from = i as f64;
        plot.bar(sheet, from + 0.1, from + 0.5, *expected, AXIS);
        plot.bar(sheet, from + 0.5, from + 0.9, *actual, Ink::ACCENT);
    }
    legend(sheet, place, &[("development", AXIS), ("here", Ink::ACCENT)]);
}

/// Bad rate over time, observed and predicted.
pub fn vintages(sheet: &mut Sheet<'_>, place: Place, vintages: &[Vintage]) {
    let rate = |v: &Vintage| v.bads as f64 / (v.rows as f64).max(1.0);
    let end = ceiling(vintages.iter().map(|v| rate(v).max(v.predicted)).fold(0.0, f64::max));
    let across = (0.0, (vintages.len().max(2) - 1) as f32, "");
    let title = "Bad rate by vintage: observed and predicted";
    let plot = Plot::new(sheet, place, title, across, (0.0, end, percent(end)));
    let of = |value: &dyn Fn(&Vintage) -> f64| -> Vec<(f64, f64)> {
        vintages.iter().enumerate().map(|(i, v)| (i as f64, value(v))).collect()
    };
    plot.line(sheet, &of(&rate), 1.2, BAD);
    plot.line(sheet, &of(&|v| v.predicted), 1.0, Ink::ACCENT);
    let step = vintages.len().div_ceil(6).max(1);
    for (i, vintage) in vintages.iter().enumerate().step_by(step) {
        let (x, y) = plot.at(i as f64, 0.0);
        let name: String = vintage.name.chars().take(10).collect();
        sheet.put_centred(x, y + 2.5, &name, &TICK);
    }
    legend(sheet, place, &[("observed", BAD), ("predicted", Ink::ACCENT)]);
}
