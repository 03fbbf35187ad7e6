//! Part 5: the full table of points, which is the code path itself.

use super::{CELL, SMALL, TEXT};
use crate::report::document::MARGIN;
use crate::report::document::canvas::Canvas;
use crate::report::document::canvas::Ink;
use crate::report::document::fonts::Fonts;
use crate::report::document::sheet::Sheet;
use crate::report::document::table::{Cell, Column, Row, Table};
use crate::report::document::text::Style;
use crate::score::column::{Column as Kind, Decimal};
use crate::score::scorecard::{Bin, Entry, Scorecard};

/// One line of a table.
struct Line {
    bin: String,
    points: i32,
    rows: u64,
    bads: u64,
}

/// The interval of a bin, with its decimals.
fn interval(bin: &Bin, decimals: u32) -> String {
    let text = |digits: i64| Decimal { digits, decimals }.text();
    match (bin.from, bin.to) {
        (Some(from), Some(to)) => format!("{} to below {}", text(from), text(to)),
        (Some(from), None) => format!("{} and more", text(from)),
        (None, Some(to)) => format!("below {}", text(to)),
        (None, None) => "any number".to_string(),
    }
}

fn lines(entry: &Entry) -> Vec<Line> {
    let decimals = entry.decimals();
    let mut out: Vec<Line> = entry
        .bins
        .iter()
        .map(|bin| Line {
            bin: interval(bin, decimals),
            points: bin.points,
            rows: bin.rows,
            bads: bin.bads,
        })
        .collect();
    match &entry.column {
        Some(Kind::Category { group, other, other_rows, other_bads }) => {
            out.extend(group.iter().map(|g| Line {
                bin: super::cut(&g.values.join(", "), 160),
                points: g.points,
                rows: g.rows,
                bads: g.bads,
            }));
            let bin = "any other".to_string();
            out.push(Line { bin, points: *other, rows: *other_rows, bads: *other_bads });
        }
        Some(Kind::Numeric { special, .. }) => out.extend(special.iter().map(|s| Line {
            bin: format!("special: {}", s.value),
            points: s.points,
            rows: s.rows,
            bads: s.bads,
        })),
        None => {}
    }
    out.push(Line {
        bin: "missing".to_string(),
        points: entry.no_data,
        rows: entry.no_data_rows,
        bads: entry.no_data_bads,
    });
    out
}

/// A bar to the left for points lost, to the right for points won.
fn bar(canvas: &mut Canvas, at: (f32, f32), width: f32, share: f32) {
    let middle = at.0 + width / 2.0;
    let length = width / 2.0 * share.abs().min(1.0);
    let (x, ink) = match share < 0.0 {
        true => (middle - length, super::charts::BAD),
        false => (middle, super::charts::GOOD),
    };
    canvas.rect(x, at.1 + 2.0, length.max(0.2), 5.5, ink);
    canvas.rect(middle - 0.2, at.1, 0.4, 9.5, Ink::RULE);
}

/// Part 5.
pub fn tables(sheet: &mut Sheet<'_>, card: &Scorecard) {
    sheet.heading("5  Bins, weight of evidence, points", 80.0);
    let scale = &card.scale;
    let text = format!(
        "score = (base points {} + the points of every line that applies) / {}, rounded, kept \
         within {} to {}. Odds of good to bad are {} : 1 at {} and double every {} points. Bars \
         show points against the mean of everybody, which is weight of evidence on the scale.",
        scale.base_points,
        scale.unit,
        scale.min,
        scale.max,
        scale.base_odds,
        scale.odds_at,
        scale.pdo,
    );
    sheet.paragraph(&text, &TEXT);
    for entry in &card.characteristics {
        characteristic(sheet, entry, scale.unit);
    }
    for pair in &card.pairs {
        two_way(sheet, card, pair);
    }
}

fn characteristic(sheet: &mut Sheet<'_>, entry: &Entry, unit: i32) {
    const NAME: Style = Style::bold(8.0, Ink::ACCENT);
    const COLUMNS: [Column; 6] = [
        Column::left("Bin", 2.6),
        Column::right("Rows", 0.8),
        Column::right("Bad", 0.7),
        Column::right("Bad rate", 0.8),
        Column::right("Points", 0.8),
        Column::left("against the mean", 1.8),
    ];
    let lines = lines(entry);
    sheet.skip(8.0);
    // the name, the heads, and a first line of up to five rows of text
    sheet.need(NAME.leading() + 75.0);
    let y = sheet.y();
    let dimension = entry.dimension.map(|d| format!(" · {}", d.name())).unwrap_or_default();
    sheet.put_text(MARGIN, y, &format!("{}{dimension}", super::cut(&entry.name, 80)), &NAME);
    sheet.skip(NAME.leading() + 2.0);
    let most = lines.iter().map(|l| (l.points - entry.baseline).abs()).max().unwrap_or(0).max(unit);
    let table = Table { columns: &COLUMNS, empty: "no bins" };
    let rows = lines.into_iter().map(|line| {
        let share = (line.points - entry.baseline) as f32 / most as f32;
        let rate = match line.rows {
            0 => "–".to_string(),
            rows => format!("{:.1} %", line.bads as f64 * 100.0 / rows as f64),
        };
        let points = format!("{:.2}", f64::from(line.points) / f64::from(unit));
        let paint = move |_: &Fonts, canvas: &mut Canvas, x: f32, y: f32, width: f32| {
            bar(canvas, (x, y), width, share);
        };
        Row::from(vec![
            Cell::text(line.bin, CELL),
            Cell::text(line.rows.to_string(), CELL),
            Cell::text(line.bads.to_string(), CELL),
            Cell::text(rate, CELL),
            Cell::text(points, CELL),
            Cell::Paint(9.5, Box::new(paint)),
        ])
    });
    table.draw(sheet, rows);
}

/// A two-way table as a field of colours, with its highest and lowest points.
fn two_way(sheet: &mut Sheet<'_>, card: &Scorecard, pair: &crate::score::column::Pair) {
    const NAME: Style = Style::bold(8.0, Ink::ACCENT);
    const SIDE: f32 = 13.0;
    let height = pair.points.len() as f32 * SIDE;
    sheet.skip(10.0);
    sheet.need(height + 40.0);
    let y = sheet.y();
    let name = format!("{} (down) and {} (across)", pair.of[0], pair.of[1]);
    sheet.put_text(MARGIN, y, &super::cut(&name, 90), &NAME);
    sheet.skip(NAME.leading() + 2.0);
    let all = || pair.points.iter().flatten().copied();
    let most = all().map(i32::abs).max().unwrap_or(0).max(1) as f32;
    let top = sheet.y();
    for (r, row) in pair.points.iter().enumerate() {
        for (c, points) in row.iter().enumerate() {
            let share = *points as f32 / most;
            let pale = |from: u8, to: u8| {
                (f32::from(from) + (f32::from(to) - f32::from(from)) * share.abs()) as u8
            };
            let to = if share < 0.0 { super::charts::BAD } else { super::charts::GOOD };
            let ink = Ink(pale(0xF3, to.0), pale(0xF6, to.1), pale(0xF8, to.2));
            let (x, y) = (MARGIN + c as f32 * SIDE * 1.6, top + r as f32 * SIDE);
            sheet.canvas().rect(x, y, SIDE * 1.6 - 0.6, SIDE - 0.6, ink);
            let whole = (f64::from(*points) / f64::from(card.scale.unit)).round() as i32;
            let text = whole.to_string();
            sheet.put_centred(x + SIDE * 0.8, y + 2.6, &text, &Style::regular(5.4, Ink::BLACK));
        }
    }
    sheet.skip(height + 3.0);
    let limits = |i: usize| {
        let entry = card.characteristics.iter().find(|e| e.name == pair.of[i]);
        let decimals = entry.map_or(0, Entry::decimals);
        let axis = &pair.axes[i];
        let cuts = axis.cuts.iter().map(|cut| Decimal { digits: *cut, decimals }.text());
        match axis.groups.is_empty() {
            true => format!("limits {}; last: missing", cuts.collect::<Vec<_>>().join(", ")),
            false => {
                let groups = axis.groups.iter().map(|g| super::cut(&g.join("/"), 24));
                format!("{}; any other; missing", groups.collect::<Vec<_>>().join(" | "))
            }
        }
    };
    for (i, way) in ["down", "across"].into_iter().enumerate() {
        let text = format!("{way}: {}", limits(i));
        sheet.paragraph(&super::cut(&text, 400), &SMALL);
    }
}
