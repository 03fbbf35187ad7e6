//! Each table under its title, with the name and digest of its SQL.

use super::super::catalogue::{Absent, Report, ReportColumn, ReportRole};
use super::super::grid::{Grid, Value};
use super::super::manifest::Edition;
use super::super::suppress;
use super::words::{Language, Words};
use super::{PackView, number};
use crate::report::document::canvas::Ink;
use crate::report::document::sheet::Sheet;
use crate::report::document::table::{Align, Cell, Column, Row, Table};
use crate::report::document::text::Style;

const BODY: Style = Style::regular(7.0, Ink::TEXT);
/// Small enough that a partner's id stands on one line.
const KEY: Style = Style::regular(6.3, Ink::TEXT);
const FIGURE: Style = Style::regular(7.0, Ink::BLACK);
const FAINT: Style = Style::regular(7.0, Ink::MUTED);
const SOURCE: Style = Style::regular(6.4, Ink::MUTED);

/// The share of the page's width that the column `shown` has.
const SHOWN_SHARE: f32 = 14.0;

pub(super) fn draw(sheet: &mut Sheet<'_>, view: &PackView<'_>) {
    sheet.turn();
    for table in view.tables {
        let title = title(table.report, view.language);
        sheet.heading(title, 70.0);
        about(sheet, table.report, view.language);
        match table.grid {
            Some(grid) => rows(sheet, view, table.report, grid),
            None => {
                sheet.paragraph(view.words().not_public, &FAINT);
            }
        }
    }
}

fn title(report: &Report, language: Language) -> &str {
    match language {
        Language::English => &report.title,
        Language::Chinese => &report.title_zh,
    }
}

/// What the SQL says of itself, its name and its digest.
fn about(sheet: &mut Sheet<'_>, report: &Report, language: Language) {
    if language == Language::English {
        let comment = report.sql.lines().map_while(|line| line.strip_prefix("-- "));
        let text = comment.collect::<Vec<_>>().join(" ");
        sheet.paragraph(&text, &BODY);
    }
    let source = format!("{}.sql, SHA-256 {}", report.name, report.sql_digest());
    sheet.paragraph(&source, &SOURCE);
    sheet.skip(3.0);
}

fn rows(sheet: &mut Sheet<'_>, view: &PackView<'_>, report: &Report, grid: &Grid) {
    let words = view.words();
    let public = view.manifest.edition == Edition::Public
        && report.columns.iter().any(|column| column.role == ReportRole::People);
    let mut columns: Vec<Column<'_>> = Vec::new();
    for column in &report.columns {
        let title = match view.language {
            Language::English => &column.en,
            Language::Chinese => &column.zh,
        };
        let align = if column.role == ReportRole::Key { Align::Left } else { Align::Right };
        columns.push(Column { title, share: f32::from(column.share), align });
    }
    if public {
        columns.push(Column::left(words.shown, SHOWN_SHARE));
    }
    let empty = match report.absent {
        Absent::None => words.none,
        Absent::NotRecorded => words.not_recorded,
    };
    let table = Table { columns: &columns, empty };
    let lines = grid.rows.iter().map(|row| {
        let how = row.get(report.columns.len()).map_or("", Value::text);
        let mut cells: Vec<Cell<'static>> = report
            .columns
            .iter()
            .zip(row)
            .map(|(column, value)| cell(words, column, value, how))
            .collect();
        if public {
            let shown = words.shown_as.iter().find(|(name, _)| *name == how);
            cells.push(Cell::text(shown.map_or("", |(_, text)| *text), FAINT));
        }
        Row::from(cells)
    });
    table.draw(sheet, lines);
}

fn cell(words: &Words, column: &ReportColumn, value: &Value, how: &str) -> Cell<'static> {
    let counts = matches!(column.role, ReportRole::People | ReportRole::Rank);
    match value {
        Value::Int(value) => Cell::text(number(*value), FIGURE),
        Value::Text(text) => Cell::text(text.clone(), KEY),
        Value::None if counts && how == suppress::WITHHELD => Cell::text(words.withheld, FAINT),
        Value::None if column.role == ReportRole::Rank && how == suppress::TOGETHER => {
            Cell::text(words.withheld, FAINT)
        }
        Value::None if column.blank => Cell::text("–", FAINT),
        Value::None => Cell::text(words.not_recorded, FAINT),
    }
}
