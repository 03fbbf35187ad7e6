//! The pictures of the report, drawn with lines and surfaces only: the dial, the five-sided
//! diagram, the strip of months. Colour never carries a meaning alone.

use super::view::{DimensionPoints, HISTORY_MONTHS, Scale};
use crate::report::document::canvas::{Canvas, Ink, polar};
use crate::report::document::fonts::Fonts;
use crate::report::document::sheet::Sheet;
use crate::report::document::text::{Setter, Style};

/// From the lowest band to the highest.
const BANDS: [Ink; 5] = [
    Ink(0xB8, 0x4A, 0x3D),
    Ink(0xDB, 0x8A, 0x3C),
    Ink(0xD9, 0xBD, 0x4A),
    Ink(0x7F, 0xAE, 0x62),
    Ink(0x2C, 0x7F, 0x66),
];

/// What a character of a payment history means, and how it looks.
const MONTHS: [(char, &str, Ink, Ink); 8] = [
    ('0', "as agreed", Ink(0xBF, 0xDD, 0xCB), Ink(0x1F, 0x5E, 0x4A)),
    ('1', "1–29 days late", Ink(0xF3, 0xE2, 0xA0), Ink::BLACK),
    ('2', "30–59", Ink(0xEE, 0xBC, 0x6E), Ink::BLACK),
    ('3', "60–89", Ink(0xDF, 0x8F, 0x4C), Ink::BLACK),
    ('4', "90–119", Ink(0xC6, 0x5B, 0x43), Ink::WHITE),
    ('5', "120 and more", Ink(0x9C, 0x35, 0x31), Ink::WHITE),
    ('C', "collection or written off", Ink(0x5E, 0x24, 0x33), Ink::WHITE),
    ('-', "not reported", Ink(0xE6, 0xEB, 0xEF), Ink::MUTED),
];

/// The colour of band `index` of `count`.
fn band_ink(index: usize, count: usize) -> Ink {
    let last = BANDS.len() - 1;
    let place = if count <= 1 { last } else { index * last / (count - 1) };
    BANDS.get(place).copied().unwrap_or(Ink::MUTED)
}

/// `value` as a share of the scale, cut to 0..=1.
fn share(scale: &Scale, value: i32) -> f32 {
    let span = (i64::from(scale.max) - i64::from(scale.min)).max(1);
    let above = (i64::from(value) - i64::from(scale.min)).clamp(0, span);
    above as f32 / span as f32
}

/// The dial: a half circle with the bands, their limits, and a needle where a score is.
pub(super) fn dial(sheet: &mut Sheet<'_>, centre: (f32, f32), scale: &Scale, value: Option<i32>) {
    const LIMIT: Style = Style::regular(6.6, Ink::MUTED);
    const INNER: f32 = 66.0;
    const OUTER: f32 = 86.0;
    let angle = |score: i32| 180.0 - 180.0 * share(scale, score);
    let count = scale.bands.len();
    for (index, band) in scale.bands.iter().enumerate() {
        let end = scale.bands.get(index + 1).map_or(scale.max, |next| next.from);
        let (from, to) = (angle(band.from), angle(end));
        let gap = if end < scale.max { 0.7 } else { 0.0 };
        let ink = if value.is_some() { band_ink(index, count) } else { Ink::RULE };
        sheet.canvas().ring(centre, (INNER, OUTER), (to + gap, from), ink);
    }
    let limits = scale.bands.iter().map(|band| band.from).chain([scale.max]);
    for limit in limits {
        let (x, y) = polar(centre, OUTER + 10.0, angle(limit));
        sheet.put_centred(x, y - 5.0, &limit.to_string(), &LIMIT);
    }
    if let Some(value) = value {
        let at = angle(value);
        let tip = polar(centre, OUTER + 1.5, at);
        let foot = polar(centre, INNER - 16.0, at);
        let side = |offset: f32| polar(foot, 3.6, at + offset);
        sheet.canvas().polygon(&[tip, side(90.0), side(-90.0)], Ink::WHITE);
        let tip = polar(centre, OUTER - 1.0, at);
        let foot = polar(centre, INNER - 15.0, at);
        let side = |offset: f32| polar(foot, 2.5, at + offset);
        sheet.canvas().polygon(&[tip, side(90.0), side(-90.0)], Ink::BLACK);
        sheet.canvas().circle(foot.0, foot.1, 2.5, Ink::BLACK);
    }
}

/// The diagram of the dimensions: on each axis the share reached of the points that can be
/// reached. Fewer than three dimensions make no surface and are only labelled.
pub(super) fn radar(sheet: &mut Sheet<'_>, centre: (f32, f32), dimensions: &[DimensionPoints]) {
    const RADIUS: f32 = 62.0;
    const NAME: Style = Style::bold(7.2, Ink::TEXT);
    const POINTS: Style = Style::regular(6.8, Ink::MUTED);
    const FILL: Ink = Ink(0xD5, 0xE6, 0xEC);
    const GRID: Ink = Ink(0xB4, 0xC3, 0xCE);
    let count = dimensions.len();
    if count == 0 {
        return;
    }
    let angle = |index: usize| 90.0 - 360.0 * index as f32 / count as f32;
    let around = |radius: f32| -> Vec<(f32, f32)> {
        (0..count).map(|index| polar(centre, radius, angle(index))).collect()
    };
    let reached: Vec<_> = dimensions
        .iter()
        .enumerate()
        .map(|(index, d)| polar(centre, RADIUS * reached_share(d), angle(index)))
        .collect();
    if count >= 3 {
        sheet.canvas().polygon(&around(RADIUS), Ink::WASH);
        sheet.canvas().polygon(&reached, FILL);
    }
    for ring in [0.25f32, 0.5, 0.75, 1.0] {
        sheet.canvas().stroke(&around(RADIUS * ring), true, 0.4, GRID);
    }
    for tip in around(RADIUS) {
        sheet.canvas().stroke(&[centre, tip], false, 0.4, GRID);
    }
    if count >= 3 {
        sheet.canvas().stroke(&reached, true, 1.3, Ink::ACCENT);
    }
    for (index, (dimension, at)) in dimensions.iter().zip(&reached).enumerate() {
        sheet.canvas().circle(at.0, at.1, 2.1, Ink::ACCENT);
        let (x, y) = polar(centre, RADIUS + 9.0, angle(index));
        let points = match dimension.of {
            0 => "not used".to_string(),
            of => format!("{} of {of}", dimension.points),
        };
        let name = super::cut(&dimension.name, 24);
        let cos = angle(index).to_radians().cos();
        let top = y - 9.5 - 8.0 * angle(index).to_radians().sin();
        for (line, text, style) in [(0.0, &name, &NAME), (9.2, &points, &POINTS)] {
            match cos {
                c if c > 0.2 => {
                    sheet.put_text(x, top + line, text, style);
                }
                c if c < -0.2 => sheet.put_right(x, top + line, text, style),
                _ => sheet.put_centred(x, top + line, text, style),
            }
        }
    }
}

fn reached_share(dimension: &DimensionPoints) -> f32 {
    if dimension.of <= 0 {
        return 0.0;
    }
    dimension.points.clamp(0, dimension.of) as f32 / dimension.of as f32
}

/// Height of [`months`].
pub(super) const MONTHS_HEIGHT: f32 = 19.0;

/// The strip of months, oldest at the left, each with its letter and colour, and under it the
/// first and the last month.
pub(super) fn months(
    fonts: &Fonts,
    canvas: &mut Canvas,
    at: (f32, f32),
    width: f32,
    history: &str,
    ends: (&str, &str),
) {
    const END: Style = Style::regular(5.4, Ink::MUTED);
    const CELL: f32 = 10.0;
    let mut setter = Setter::new(fonts);
    let step = width / HISTORY_MONTHS as f32;
    let shown = history.chars().count().min(HISTORY_MONTHS);
    let skipped = history.chars().count() - shown;
    let (x, y) = at;
    for (index, month) in history.chars().skip(skipped).enumerate() {
        let (sign, _, ink, letter) = meaning(month);
        let left = x + step * (HISTORY_MONTHS - shown + index) as f32;
        canvas.rect(left, y, step - 0.6, CELL, ink);
        let style = Style::regular(5.2, letter);
        let line = setter.line(&sign.to_string(), &style);
        canvas.text(fonts, left + (step - 0.6 - line.width) / 2.0, y + 6.9, &line, &style);
    }
    let below = y + CELL + 6.2;
    let last = setter.line(&super::cut(ends.1, 10), &END);
    let last_x = x + width - 0.6 - last.width;
    canvas.text(fonts, last_x, below, &last, &END);
    let first = setter.line(&super::cut(ends.0, 10), &END);
    let first_x = x + step * (HISTORY_MONTHS - shown) as f32;
    if first_x + first.width + 3.0 < last_x {
        canvas.text(fonts, first_x, below, &first, &END);
    }
}

/// What the letters of the strips mean, on one line.
pub(super) fn legend(sheet: &mut Sheet<'_>, left: f32) {
    const STYLE: Style = Style::regular(6.6, Ink::MUTED);
    let y = sheet.y();
    let mut x = left;
    for (sign, text, ink, letter) in MONTHS {
        sheet.canvas().rect(x, y + 0.4, 7.0, 8.6, ink);
        sheet.put_centred(x + 3.5, y + 1.0, &sign.to_string(), &Style::regular(5.2, letter));
        x += 10.0;
        x += sheet.put_text(x, y, text, &STYLE) + 9.0;
    }
    sheet.skip(STYLE.leading() + 4.0);
}

fn meaning(month: char) -> (char, &'static str, Ink, Ink) {
    let unknown = ('?', "unknown", Ink::RULE, Ink::BLACK);
    MONTHS.into_iter().find(|(sign, ..)| *sign == month).unwrap_or(unknown)
}

/// The bureau's mark: five blades round a centre, one for each dimension.
pub(super) fn mark(canvas: &mut Canvas, centre: (f32, f32), radius: f32) {
    for blade in 0..5u8 {
        let at = 90.0 + 72.0 * f32::from(blade);
        let ink = if blade == 0 { Ink::GOLD } else { Ink::ACCENT };
        let corners = [
            polar(centre, radius * 0.22, at),
            polar(centre, radius * 0.8, at - 29.0),
            polar(centre, radius, at),
            polar(centre, radius * 0.8, at + 29.0),
        ];
        canvas.polygon(&corners, ink);
    }
}
