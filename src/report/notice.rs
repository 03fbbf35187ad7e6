//! An adverse-action notice on paper: what was decided by whom, the reasons, and what the person
//! can do.

use serde_json::Value;

use super::document::canvas::Ink;
use super::document::finish::Finish;
use super::document::sheet::{Frame, Sheet};
use super::document::text::Style;
use super::document::{Attachment, DocumentError, Fonts, MARGIN, PAGE_HEIGHT, PAGE_WIDTH};
use crate::kernel::Time;

const NAME: Style = Style::bold(19.0, Ink::ACCENT);
const TITLE: Style = Style::regular(10.5, Ink::MUTED);
const BODY: Style = Style::regular(9.2, Ink::TEXT);
const STRONG: Style = Style::bold(9.6, Ink::BLACK);
const SMALL: Style = Style::regular(7.0, Ink::MUTED);

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

/// The notice as a PDF file; what it says as data is attached.
///
/// # Errors
/// [`DocumentError`] if the file cannot be written.
pub fn render(notice: &Value, fonts: &Fonts) -> Result<Vec<u8>, DocumentError> {
    let mut sheet = Sheet::new(fonts, Frame { top: 56.0, bottom: 56.0 }, 48.0);
    let y = sheet.y();
    sheet.put_text(MARGIN, y, "Fivefold", &NAME);
    sheet.put_text(MARGIN, y + 25.0, "Notice of a decision made on a credit report", &TITLE);
    sheet.put_right(PAGE_WIDTH - MARGIN, y, text(notice, "notice"), &STRONG);
    sheet.skip(54.0);
    let purpose = &notice["purpose"];
    sheet.paragraph(
        &format!(
            "{} decided on {}: {}. Purpose: {} ({}).",
            text(notice, "decided_by"),
            text(notice, "decided_at"),
            text(notice, "decision"),
            text(purpose, "en"),
            text(purpose, "zh"),
        ),
        &BODY,
    );
    sheet.paragraph(text(notice, "bureau"), &BODY);
    let score = &notice["score"];
    if let Some(value) = score["value"].as_i64() {
        sheet.heading("The score that was used", 30.0);
        let line = format!(
            "{value} of {} to {}, band {}, as of {}, model {}.",
            score["min"],
            score["max"],
            text(score, "band"),
            text(score, "as_of"),
            text(score, "model"),
        );
        sheet.paragraph(&line, &STRONG);
    }
    sheet.heading("What counted most", 40.0);
    for (place, reason) in notice["reasons"].as_array().into_iter().flatten().enumerate() {
        let line = format!("{}. {} ({})", place + 1, text(reason, "en"), text(reason, "code"));
        sheet.paragraph(&line, &STRONG);
        sheet.paragraph(text(reason, "zh"), &BODY);
    }
    let kinds = notice["categories_considered"].as_array();
    let kinds: Vec<&str> = kinds.into_iter().flatten().filter_map(Value::as_str).collect();
    let kinds = kinds.join(", ").replace('_', " ");
    sheet.paragraph(&format!("Categories of data considered: {kinds}."), &BODY);
    sheet.heading("What you can do", 40.0);
    for right in notice["rights"].as_array().into_iter().flatten() {
        let law = right["law"].as_str().map_or_else(String::new, |law| format!(" ({law})"));
        sheet.paragraph(&format!("{}{law}", text(right, "en")), &BODY);
        sheet.paragraph(text(right, "zh"), &BODY);
    }
    if let Some(until) = notice["free_report_until"].as_str() {
        sheet.paragraph(&format!("A further report is free until {until}."), &BODY);
    }
    finish(sheet, notice, fonts)
}

/// The foot of each page, and the file.
fn finish(sheet: Sheet<'_>, notice: &Value, fonts: &Fonts) -> Result<Vec<u8>, DocumentError> {
    let number = text(notice, "notice").to_string();
    let pages = sheet.finish(|setter, canvas, page, of| {
        let foot = PAGE_HEIGHT - 40.0;
        let line = setter.line(&format!("{number} · page {page} of {of}"), &SMALL);
        canvas.text(setter.fonts, MARGIN, foot, &line, &SMALL);
    })?;
    let created: Time = text(notice, "made").parse().unwrap_or_default();
    let mut finish = Finish {
        title: format!("Fivefold - notice {}", text(notice, "notice")),
        author: "Fivefold".to_string(),
        subject: "Notice of a decision made on a credit report".to_string(),
        language: "en".to_string(),
        created,
        attachments: Vec::new(),
    };
    finish.attach(Attachment {
        name: "notice.json".to_string(),
        mime: "application/json".to_string(),
        description: "What this notice says, as data".to_string(),
        bytes: serde_json::to_vec_pretty(notice)?,
        modified: created,
    });
    finish.write(pages, fonts)
}
