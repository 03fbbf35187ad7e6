//! The cover, the summary with its charts, and the last pages: how to verify.

use std::collections::BTreeMap;

use super::super::grid::Value;
use super::super::manifest::Edition;
use super::charts::{self, BARS_MAX};
use super::{PackView, number};
use crate::ledger::checkpoint::Checkpoint;
use crate::report::document::canvas::Ink;
use crate::report::document::sheet::Sheet;
use crate::report::document::table::{Cell, Column, Row, Table};
use crate::report::document::text::Style;
use crate::report::document::{CONTENT_WIDTH, MARGIN, PAGE_HEIGHT, PAGE_WIDTH};

const BODY: Style = Style::regular(8.6, Ink::TEXT);
const LABEL: Style = Style::regular(7.4, Ink::MUTED);
const VALUE: Style = Style::regular(9.4, Ink::BLACK);
const SMALL: Style = Style::regular(6.8, Ink::TEXT);

/// The first page.
pub(super) fn cover(sheet: &mut Sheet<'_>, view: &PackView<'_>) {
    const NAME: Style = Style::bold(13.0, Ink::WHITE);
    const TITLE: Style = Style::bold(30.0, Ink::BLACK);
    const PERIOD: Style = Style::regular(18.0, Ink::ACCENT);
    const EDITION: Style = Style::bold(12.0, Ink::BLACK);
    let (words, manifest) = (view.words(), view.manifest);
    sheet.canvas().rect(0.0, 0.0, PAGE_WIDTH, 70.0, Ink::ACCENT);
    sheet.canvas().rect(0.0, 70.0, PAGE_WIDTH, 2.4, Ink::GOLD);
    sheet.put_text(MARGIN, 27.0, view.bureau(), &NAME);
    let mut y = 150.0;
    y += sheet.put_block(MARGIN, y, CONTENT_WIDTH, view.title(), &TITLE) + 6.0;
    let period = format!("{} · {}", manifest.period.name, view.about());
    y += sheet.put_block(MARGIN, y, CONTENT_WIDTH, &period, &PERIOD) + 22.0;
    let (edition, note) = words.edition(manifest.edition);
    sheet.canvas().rect(MARGIN, y, 3.0, 34.0, Ink::GOLD);
    sheet.put_text(MARGIN + 12.0, y, edition, &EDITION);
    sheet.put_text(MARGIN + 12.0, y + 18.0, note, &BODY);
    y += 62.0;
    let extract = &manifest.extract;
    let complete = if extract.closed { words.closed } else { words.open };
    let span = match extract.end.checked_sub(1).filter(|last| *last >= extract.start) {
        Some(last) => format!("{} – {}", grouped(extract.start), grouped(last)),
        None => "0".to_owned(),
    };
    let checkpoint = Checkpoint::read_unverified(&extract.checkpoint);
    let checkpoint = checkpoint.map_or_else(
        |_| String::new(),
        |c| format!("{}, {}\n{}", c.origin, grouped(c.size), crate::kernel::bytes::base64(&c.root)),
    );
    let from = manifest.period.from.to_second_text();
    let rows = [
        (words.period, format!("{from} – {}", manifest.period.until.to_second_text())),
        (words.jurisdiction, manifest.jurisdiction.clone()),
        (words.made, manifest.generated_at.to_second_text()),
        (words.entries, format!("{span}\n{complete}")),
        (words.checkpoint, checkpoint),
        (words.extract, extract.manifest.clone()),
    ];
    for (label, value) in rows {
        sheet.canvas().rule(MARGIN, y - 5.0, CONTENT_WIDTH, 0.4, Ink::RULE);
        sheet.put_block(MARGIN, y, 130.0, label, &LABEL);
        y += sheet.put_block(MARGIN + 140.0, y, CONTENT_WIDTH - 140.0, &value, &VALUE) + 10.0;
    }
    sheet.canvas().rule(MARGIN, y - 5.0, CONTENT_WIDTH, 0.4, Ink::RULE);
    sheet.put_block(MARGIN, y + 14.0, CONTENT_WIDTH, words.vouched, &BODY);
    sheet.canvas().rect(0.0, PAGE_HEIGHT - 18.0, PAGE_WIDTH, 18.0, Ink::ACCENT);
}

fn grouped(value: u64) -> String {
    number(i64::try_from(value).unwrap_or(i64::MAX))
}

/// The sum of a column over the rows, by another column; what is withheld is not in it.
fn by(view: &PackView<'_>, table: &str, key: &str, value: &str) -> Vec<(String, i64)> {
    let Some((_, grid)) = view.grid(table) else { return Vec::new() };
    let place = |name: &str| grid.columns.iter().position(|(column, _)| column == name);
    let (Some(key), Some(value)) = (place(key), place(value)) else { return Vec::new() };
    let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
    for row in &grid.rows {
        let count = row.get(value).and_then(Value::int).unwrap_or(0);
        if count > 0 {
            *sums.entry(row.get(key).map_or("", Value::text)).or_default() += count;
        }
    }
    let mut sums: Vec<_> = sums.into_iter().map(|(name, n)| (name.to_owned(), n)).collect();
    sums.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    sums.truncate(BARS_MAX);
    sums
}

fn total(view: &PackView<'_>, table: &str, value: &str) -> i64 {
    let Some((_, grid)) = view.grid(table) else { return 0 };
    let place = grid.columns.iter().position(|(column, _)| column == value);
    let cells = grid.rows.iter().filter_map(|row| row.get(place?)?.int());
    cells.sum()
}

/// Four figures and four charts.
pub(super) fn summary(sheet: &mut Sheet<'_>, view: &PackView<'_>) {
    const FIGURE: Style = Style::bold(19.0, Ink::ACCENT);
    let words = view.words();
    sheet.heading(words.summary, 100.0);
    sheet.skip(4.0);
    let top = sheet.y();
    let width = (CONTENT_WIDTH - 30.0) / 4.0;
    let (figures, labels) = figures(view);
    for (place, (figure, label)) in figures.into_iter().zip(labels).enumerate() {
        let x = MARGIN + place as f32 * (width + 10.0);
        sheet.canvas().round_rect(x, top, width, 54.0, 4.0, Ink::WASH);
        sheet.put_text(x + 10.0, top + 6.0, &number(figure), &FIGURE);
        sheet.put_text(x + 10.0, top + 34.0, label, &LABEL);
    }
    sheet.skip(72.0);
    let half = (CONTENT_WIDTH - 28.0) / 2.0;
    for pair in charts(view) {
        let bars = pair.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
        sheet.need(charts::height(bars) + 14.0);
        let y = sheet.y();
        for (place, (title, values)) in pair.iter().enumerate() {
            let x = MARGIN + place as f32 * (half + 28.0);
            charts::bars(sheet, (x, y), half, title, values, words.none);
        }
        sheet.skip(charts::height(bars) + 14.0);
    }
}

/// The figures on top, and what they are.
fn figures(view: &PackView<'_>) -> ([i64; 4], [&'static str; 4]) {
    let words = view.words();
    if view.manifest.edition == Edition::Statement {
        let of = |name| total(view, "statement_lines", name);
        let figures = [of("received"), of("accepted"), of("duplicates"), of("rejected")];
        return (figures, words.kpi_statement);
    }
    let extract = &view.manifest.extract;
    let entries = i64::try_from(extract.end - extract.start).unwrap_or(i64::MAX);
    let figures = [
        entries,
        total(view, "supply", "accepted"),
        total(view, "inquiries", "inquiries"),
        total(view, "inquiries", "refused"),
    ];
    (figures, words.kpi)
}

/// A chart: its title, and its bars.
type Chart = (&'static str, Vec<(String, i64)>);

/// The charts, two beside each other.
fn charts(view: &PackView<'_>) -> Vec<[Chart; 2]> {
    let words = view.words();
    if view.manifest.edition == Edition::Statement {
        return vec![[
            (words.chart_types, by(view, "statement_corrections", "type", "accepted")),
            (words.chart_rules, by(view, "statement_rules", "rule", "errors")),
        ]];
    }
    vec![
        [
            (words.chart_products, by(view, "inquiries", "product", "inquiries")),
            (words.chart_bands, bands(view)),
        ],
        [
            (words.chart_supply, by(view, "supply", "dimension", "accepted")),
            (words.chart_refusals, by(view, "refusals", "code", "refused")),
        ],
    ]
}

/// Scored answers by band.
fn bands(view: &PackView<'_>) -> Vec<(String, i64)> {
    let Some((_, grid)) = view.grid("score_distribution") else { return Vec::new() };
    let place = |name: &str| grid.columns.iter().position(|(column, _)| column == name);
    let (Some(measure), Some(band), Some(answers)) =
        (place("measure"), place("band"), place("answers"))
    else {
        return Vec::new();
    };
    let scored =
        grid.rows.iter().filter(|row| row.get(measure).is_some_and(|cell| cell.text() == "scored"));
    let bars =
        scored.filter_map(|row| Some((row.get(band)?.text().to_owned(), row.get(answers)?.int()?)));
    let mut bars: Vec<_> = bars.collect();
    bars.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    bars.truncate(BARS_MAX);
    bars
}

/// How to verify, and the digests of all attached files.
pub(super) fn verify(sheet: &mut Sheet<'_>, view: &PackView<'_>) {
    let words = view.words();
    sheet.heading(words.verify, 120.0);
    for (place, step) in words.how.iter().enumerate() {
        let lines = sheet.setter.lines(step, &BODY, CONTENT_WIDTH - 20.0);
        sheet.need(lines.len() as f32 * BODY.leading() + 4.0);
        let y = sheet.y();
        sheet.put_text(MARGIN + 2.0, y, &format!("{}.", place + 1), &BODY);
        for line in &lines {
            let y = sheet.y();
            sheet.put(MARGIN + 20.0, y, line, &BODY);
            sheet.skip(BODY.leading());
        }
        sheet.skip(4.0);
    }
    sheet.skip(8.0);
    let columns = [
        Column::left(words.file, 30.0),
        Column::right(words.rows, 10.0),
        Column::left(words.digest, 60.0),
    ];
    let table = Table { columns: &columns, empty: words.none };
    let rows = view.manifest.files.iter().map(|file| {
        Row::from(vec![
            Cell::text(file.name.clone(), SMALL),
            Cell::text(file.rows.map_or_else(String::new, grouped), SMALL),
            Cell::text(file.sha256.clone(), SMALL),
        ])
    });
    table.draw(sheet, rows);
}
