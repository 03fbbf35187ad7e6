//! The validation report of a scorecard: the seventeen parts that a supervisor expects (domain.md
//! 5.4), drawn from the scorecard's file and, where there is one, a [`Validation`].
//!
//! Every part is always there. What nothing here knows is "not recorded", so that its absence
//! cannot be mistaken for a nought.

mod charts;
mod front;
mod measured;
mod points;
mod rest;

use super::document::canvas::{Canvas, Ink};
use super::document::finish::Finish;
use super::document::sheet::{Frame, Sheet};
use super::document::text::{Setter, Style};
use super::document::{
    Attachment, CONTENT_WIDTH, DocumentError, Fonts, MARGIN, PAGE_HEIGHT, PAGE_WIDTH,
};
use crate::kernel::Time;
use crate::model::validate::Validation;
use crate::score::scorecard::{Scorecard, Status};

const TEXT: Style = Style::regular(8.4, Ink::TEXT);
const BOLD: Style = Style::bold(8.4, Ink::TEXT);
const CELL: Style = Style::regular(7.2, Ink::TEXT);
const SMALL: Style = Style::regular(6.8, Ink::MUTED);
/// What stands where nobody has said anything.
const NOT_RECORDED: &str = "not recorded";

/// Everything that a report says.
pub struct View<'a> {
    /// The scorecard.
    pub scorecard: &'a Scorecard,
    /// What was measured, where something was.
    pub validation: Option<&'a Validation>,
    /// What it was measured on, in words.
    pub measured_on: String,
    /// When the report was made.
    pub made_at: Time,
}

/// The report as a PDF file. The same view and fonts give the same bytes.
///
/// # Errors
/// [`DocumentError`] if the view makes an endless document or the file cannot be written.
pub fn render(view: &View<'_>, fonts: &Fonts) -> Result<Vec<u8>, DocumentError> {
    let mut sheet = Sheet::new(fonts, Frame { top: 58.0, bottom: 56.0 }, 44.0);
    front::masthead(&mut sheet, view);
    front::purpose(&mut sheet, view);
    front::lineage(&mut sheet, view);
    front::target(&mut sheet, view);
    front::theory(&mut sheet, view);
    points::tables(&mut sheet, view.scorecard);
    measured::results(&mut sheet, view);
    measured::calibration(&mut sheet, view);
    measured::stability(&mut sheet, view);
    measured::sensitivity(&mut sheet, view);
    measured::fairness(&mut sheet, view);
    rest::all(&mut sheet, view);
    let pages =
        sheet.finish(|setter, canvas, page, of| furniture(setter, canvas, view, page, of))?;
    let mut finish = Finish {
        title: format!("Validation report: {} {}", view.scorecard.id, view.scorecard.version),
        author: "Fivefold model laboratory".to_string(),
        subject: "A scorecard: what it reads, how it was fitted, how good it is".to_string(),
        language: "en".to_string(),
        created: view.made_at,
        attachments: Vec::new(),
    };
    if let Some(validation) = view.validation {
        finish.attach(Attachment {
            name: "validation.json".to_string(),
            mime: "application/json".to_string(),
            description: "What this report says, as data".to_string(),
            bytes: serde_json::to_vec_pretty(validation)?,
            modified: view.made_at,
        });
    }
    finish.write(pages, fonts)
}

/// At most `chars` characters, for the places that hold one line.
fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_string(),
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Demonstration => "demonstration: not for use",
        Status::Candidate => "candidate: not approved",
        Status::Approved => "approved",
        Status::Retired => "retired",
    }
}

/// What stands on every page: the running head, the foot with page numbers.
fn furniture(
    setter: &mut Setter<'_>,
    canvas: &mut Canvas,
    view: &View<'_>,
    page: usize,
    of: usize,
) {
    const HEAD: Style = Style::bold(7.5, Ink::ACCENT);
    let fonts = setter.fonts;
    let right = PAGE_WIDTH - MARGIN;
    if page > 1 {
        let line = setter.line("Validation report", &HEAD);
        canvas.text(fonts, MARGIN, 36.0, &line, &HEAD);
        let line = setter.line(&cut(&view.scorecard.id, 60), &SMALL);
        canvas.text(fonts, right - line.width, 36.0, &line, &SMALL);
        canvas.rule(MARGIN, 43.0, CONTENT_WIDTH, 0.5, Ink::RULE);
    }
    let foot = PAGE_HEIGHT - 40.0;
    canvas.rule(MARGIN, foot, CONTENT_WIDTH, 0.5, Ink::RULE);
    let made = view.made_at.to_second_text().replace('T', " ").replace('Z', " UTC");
    let text = format!("{} · {made}", status(view.scorecard.status));
    let line = setter.line(&text, &SMALL);
    canvas.text(fonts, MARGIN, foot + 11.0, &line, &SMALL);
    let line = setter.line(&format!("page {page} of {of}"), &SMALL);
    canvas.text(fonts, right - line.width, foot + 11.0, &line, &SMALL);
}
