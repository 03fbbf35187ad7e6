//! The file itself: what is on record, who may use it, who asked, what the person can do.

use super::charts;
use super::view::{
    ConsentRow, ConsumerView, InquiryRow, ObligationRow, PublicRecordRow, Tradeline, Weighing,
};
use crate::report::document::MARGIN;
use crate::report::document::canvas::Ink;
use crate::report::document::sheet::Sheet;
use crate::report::document::table::{Cell, Column, Row, Table};
use crate::report::document::text::Style;

const BODY: Style = Style::regular(7.6, Ink::TEXT);
const STRONG: Style = Style::bold(7.6, Ink::BLACK);
const SMALL: Style = Style::regular(6.6, Ink::MUTED);
const TEXT: Style = Style::regular(8.4, Ink::TEXT);
const NOTHING: &str = "Nothing on record.";
/// Room that a heading asks for, so that it does not stand alone at the foot of a page.
const KEEP: f32 = 64.0;

/// Accounts with lenders, each with its strip of months.
pub(super) fn tradelines(sheet: &mut Sheet<'_>, lines: &[Tradeline]) {
    const COLUMNS: [Column; 6] = [
        Column::left("Account", 126.0),
        Column::left("Opened", 52.0),
        Column::right("Limit or amount", 72.0),
        Column::right("Balance", 70.0),
        Column::left("State, worst", 70.0),
        Column::left("24 months, newest right", 127.0),
    ];
    sheet.heading("Accounts", KEEP);
    if !lines.is_empty() {
        charts::legend(sheet, MARGIN);
    }
    let rows = lines.iter().map(|line| {
        let account = format!("{} · {}", line.kind, line.account);
        let mut state = vec![(line.status.clone(), STRONG)];
        if !line.worst.is_empty() {
            state.push((format!("worst {}", line.worst), SMALL));
        }
        let strip = Cell::Paint(
            charts::MONTHS_HEIGHT,
            Box::new(move |fonts, canvas, x, y, width| {
                let ends = (line.history_from.as_str(), line.history_to.as_str());
                charts::months(fonts, canvas, (x, y), width, &line.history, ends);
            }),
        );
        Row {
            cells: vec![
                Cell::Text(vec![(line.furnisher.clone(), STRONG), (account, SMALL)]),
                Cell::text(line.opened.clone(), BODY),
                Cell::text(line.limit.clone(), BODY),
                Cell::text(line.balance.clone(), BODY),
                Cell::Text(state),
                strip,
            ],
            notes: notes(line.dispute.as_deref(), line.statement.as_deref()),
        }
    });
    Table { columns: &COLUMNS, empty: NOTHING }.draw(sheet, rows);
}

/// A dispute and a statement, wherever the item appears (CN-13, CN-15).
fn notes(dispute: Option<&str>, statement: Option<&str>) -> Vec<String> {
    let dispute = dispute.map(|text| format!("Disputed: {text}"));
    let statement = statement.map(|text| format!("The person's statement: {text}"));
    dispute.into_iter().chain(statement).collect()
}

/// Promises other than debts, summed by kind.
pub(super) fn obligations(sheet: &mut Sheet<'_>, rows: &[ObligationRow]) {
    const COLUMNS: [Column; 6] = [
        Column::left("Promise", 110.0),
        Column::left("Reported by", 160.0),
        Column::right("Kept", 45.0),
        Column::right("Late", 45.0),
        Column::right("Broken", 45.0),
        Column::left("Due between", 112.0),
    ];
    sheet.heading("Promises kept", KEEP);
    let rows = rows.iter().map(|row| Row {
        cells: vec![
            Cell::text(row.kind.clone(), STRONG),
            Cell::text(row.furnishers.clone(), BODY),
            Cell::text(row.kept.to_string(), BODY),
            Cell::text(row.late.to_string(), BODY),
            Cell::text(row.broken.to_string(), BODY),
            Cell::text(row.period.clone(), BODY),
        ],
        notes: notes(None, row.statement.as_deref()),
    });
    Table { columns: &COLUMNS, empty: NOTHING }.draw(sheet, rows);
}

/// Judgments, enforcements, penalties.
pub(super) fn public_records(sheet: &mut Sheet<'_>, rows: &[PublicRecordRow]) {
    const COLUMNS: [Column; 5] = [
        Column::left("Record", 100.0),
        Column::left("Published by", 165.0),
        Column::left("Date", 55.0),
        Column::right("Amount", 80.0),
        Column::left("State", 117.0),
    ];
    sheet.heading("Public records", KEEP);
    let rows = rows.iter().map(|row| Row {
        cells: vec![
            Cell::text(row.kind.clone(), STRONG),
            Cell::text(row.authority.clone(), BODY),
            Cell::text(row.date.clone(), BODY),
            Cell::text(row.amount.clone(), BODY),
            Cell::text(row.status.clone(), BODY),
        ],
        notes: notes(row.dispute.as_deref(), row.statement.as_deref()),
    });
    Table { columns: &COLUMNS, empty: NOTHING }.draw(sheet, rows);
}

/// Objections, and statements of the person that belong to no single item.
pub(super) fn disputes(sheet: &mut Sheet<'_>, view: &ConsumerView) {
    const COLUMNS: [Column; 5] = [
        Column::left("Objection", 138.0),
        Column::left("Against", 140.0),
        Column::left("Received", 56.0),
        Column::left("Answer", 82.0),
        Column::left("State", 101.0),
    ];
    sheet.heading("Objections and statements", KEEP);
    let rows = view.disputes.iter().map(|row| {
        Row::from(vec![
            Cell::text(row.id.clone(), SMALL),
            Cell::text(row.item.clone(), BODY),
            Cell::text(row.received.clone(), BODY),
            Cell::text(row.answer.clone(), BODY),
            Cell::text(row.state.clone(), STRONG),
        ])
    });
    Table { columns: &COLUMNS, empty: "No objection on record." }.draw(sheet, rows);
    for statement in &view.statements {
        sheet.skip(6.0);
        sheet.paragraph(&format!("The person's statement: {statement}"), &TEXT);
    }
}

/// Who was allowed what.
pub(super) fn consents(sheet: &mut Sheet<'_>, rows: &[ConsentRow]) {
    const COLUMNS: [Column; 5] = [
        Column::left("Recipient", 138.0),
        Column::left("Purpose", 125.0),
        Column::left("Given", 58.0),
        Column::left("Ends", 58.0),
        Column::left("State, number", 138.0),
    ];
    sheet.heading("Consents", KEEP);
    let rows = rows.iter().map(|row| {
        Row::from(vec![
            Cell::text(row.recipient.clone(), STRONG),
            Cell::Text(vec![(row.scenario.clone(), BODY), (row.purpose.clone(), SMALL)]),
            Cell::text(row.given.clone(), BODY),
            Cell::text(row.expires.clone(), BODY),
            Cell::Text(vec![(row.state.clone(), STRONG), (row.id.clone(), SMALL)]),
        ])
    });
    Table { columns: &COLUMNS, empty: NOTHING }.draw(sheet, rows);
}

/// Who asked: what can count apart from what never does, and the bureau's own staff.
pub(super) fn inquiries(sheet: &mut Sheet<'_>, view: &ConsumerView) {
    const STAFF: [Column; 4] = [
        Column::left("Date", 90.0),
        Column::left("Who", 110.0),
        Column::left("What was looked at", 150.0),
        Column::left("Why", 167.0),
    ];
    sheet.heading("Who asked: applications for credit", KEEP + 14.0);
    sheet.paragraph("These can count in a score for up to 12 months.", &SMALL);
    sheet.skip(3.0);
    asked(sheet, &view.inquiries, Weighing::Hard);
    sheet.heading("Who asked: everything else", KEEP + 14.0);
    sheet.paragraph("These never count.", &SMALL);
    sheet.skip(3.0);
    asked(sheet, &view.inquiries, Weighing::Soft);
    sheet.heading("Looked up by the bureau's staff", KEEP);
    let rows = view.staff_look_ups.iter().map(|row| {
        Row::from(vec![
            Cell::text(row.date.clone(), BODY),
            Cell::text(row.staff.clone(), STRONG),
            Cell::text(row.content.clone(), BODY),
            Cell::text(row.reason.clone(), BODY),
        ])
    });
    Table { columns: &STAFF, empty: NOTHING }.draw(sheet, rows);
}

fn asked(sheet: &mut Sheet<'_>, rows: &[InquiryRow], weighing: Weighing) {
    const COLUMNS: [Column; 4] = [
        Column::left("Date", 90.0),
        Column::left("Asked by", 150.0),
        Column::left("Purpose", 120.0),
        Column::left("Answer", 157.0),
    ];
    let rows = rows.iter().filter(|row| row.weighing == weighing).map(|row| {
        Row::from(vec![
            Cell::text(row.date.clone(), BODY),
            Cell::Text(vec![(row.asker.clone(), STRONG), (row.id.clone(), SMALL)]),
            Cell::text(row.scenario.clone(), BODY),
            Cell::Text(vec![(row.answer.clone(), BODY), (row.form.clone(), SMALL)]),
        ])
    });
    Table { columns: &COLUMNS, empty: NOTHING }.draw(sheet, rows);
}

/// What the person can do.
pub(super) fn rights(sheet: &mut Sheet<'_>, view: &ConsumerView) {
    const TITLE: Style = Style::bold(8.4, Ink::BLACK);
    sheet.heading("Your rights", KEEP);
    for right in &view.rights {
        sheet.need(TITLE.leading() + 2.0 * TEXT.leading());
        sheet.paragraph(&right.title, &TITLE);
        sheet.paragraph(&right.text, &TEXT);
        sheet.skip(5.0);
    }
}

/// How to check that the report is what the bureau recorded; then the notices.
pub(super) fn verification(sheet: &mut Sheet<'_>, view: &ConsumerView) {
    const COLUMNS: [Column; 2] = [Column::left("Log", 80.0), Column::left("Value", 400.0)];
    sheet.heading("How to check this report", 3.0 * KEEP);
    for paragraph in &view.log.how {
        sheet.paragraph(paragraph, &TEXT);
        sheet.skip(4.0);
    }
    let facts = [
        ("Entries", view.log.entries.clone()),
        ("Origin", view.log.origin.clone()),
        ("Tree size", view.log.size.to_string()),
        ("Root hash", view.log.root.clone()),
        ("Key", view.log.vkey.clone()),
    ];
    let rows = facts
        .into_iter()
        .map(|(name, value)| Row::from(vec![Cell::text(name, STRONG), Cell::text(value, BODY)]));
    Table { columns: &COLUMNS, empty: NOTHING }.draw(sheet, rows);
    if !view.notices.is_empty() {
        sheet.heading("Notices", KEEP);
    }
    for notice in &view.notices {
        sheet.paragraph(notice, &TEXT);
        sheet.skip(4.0);
    }
}
