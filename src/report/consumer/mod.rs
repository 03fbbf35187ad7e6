//! The consumer report: the whole file of one person, printed so that the person can read it.
//!
//! [`render`] draws what a [`ConsumerView`] says and nothing else. Every part is always there: a
//! part with nothing in it says "nothing on record", so that its absence cannot be mistaken.

mod charts;
mod file;
mod front;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
pub mod view;
mod working;

pub use view::ConsumerView;

use super::document::canvas::{Canvas, Ink};
use super::document::finish::Finish;
use super::document::sheet::{Frame, Sheet};
use super::document::text::{Setter, Style};
use super::document::{
    Attachment, CONTENT_WIDTH, DocumentError, Fonts, MARGIN, PAGE_HEIGHT, PAGE_WIDTH,
};

/// Height of the band that says that a report is synthetic, in points.
const BAND_HEIGHT: f32 = 20.0;
/// What the band says.
const BAND: &str =
    "SYNTHETIC - an invented person, made for demonstration. This report is about no one.";
/// Said on each page when a character is in none of the fonts.
const MISSING: &str =
    "[U+…] stands for a character that no installed font has; report.json holds it as recorded.";

/// The report as a PDF file. The same view and fonts give the same bytes.
///
/// # Errors
/// [`DocumentError`] if the view makes an endless document or the file cannot be written.
pub fn render(view: &ConsumerView, fonts: &Fonts) -> Result<Vec<u8>, DocumentError> {
    let above = if view.synthetic { BAND_HEIGHT } else { 0.0 };
    let frame = Frame { top: 56.0 + above, bottom: 56.0 };
    let mut sheet = Sheet::new(fonts, frame, 40.0 + above);

    front::masthead(&mut sheet, view);
    front::identity(&mut sheet, &view.person);
    front::score(&mut sheet, &view.score);
    working::draw(&mut sheet, &view.score);
    file::tradelines(&mut sheet, &view.tradelines);
    file::obligations(&mut sheet, &view.obligations);
    file::public_records(&mut sheet, &view.public_records);
    file::disputes(&mut sheet, view);
    file::consents(&mut sheet, &view.consents);
    file::inquiries(&mut sheet, view);
    file::rights(&mut sheet, view);
    file::verification(&mut sheet, view);

    let pages =
        sheet.finish(|setter, canvas, page, of| furniture(setter, canvas, view, page, of))?;
    let mut finish = Finish {
        title: format!("{} - personal credit report {}", view.bureau, view.report_number),
        author: view.bureau.clone(),
        subject: "The file of one person: score, accounts, consents, inquiries".to_string(),
        language: view.language.clone(),
        created: view.generated_at,
        attachments: Vec::new(),
    };
    finish.attach(Attachment {
        name: "report.json".to_string(),
        mime: "application/json".to_string(),
        description: "What this report says, as data".to_string(),
        bytes: serde_json::to_vec_pretty(view)?,
        modified: view.generated_at,
    });
    finish.write(pages, fonts)
}

/// `2026-11-01 08:30:05 UTC`.
fn instant(view: &ConsumerView) -> String {
    view.generated_at.to_second_text().replace('T', " ").replace('Z', " UTC")
}

/// What stands on every page: the synthetic band, the running head, the foot with page numbers.
fn furniture(
    setter: &mut Setter<'_>,
    canvas: &mut Canvas,
    view: &ConsumerView,
    page: usize,
    of: usize,
) {
    const HEAD: Style = Style::bold(7.5, Ink::ACCENT);
    const SMALL: Style = Style::regular(6.6, Ink::MUTED);
    const BAND_STYLE: Style = Style::bold(8.0, Ink::BLACK);
    let fonts = setter.fonts;
    let right = PAGE_WIDTH - MARGIN;
    let mut above = 0.0;
    if view.synthetic {
        above = BAND_HEIGHT;
        canvas.rect(0.0, 0.0, PAGE_WIDTH, BAND_HEIGHT, Ink::WARN);
        let line = setter.line(BAND, &BAND_STYLE);
        canvas.text(fonts, (PAGE_WIDTH - line.width) / 2.0, 13.2, &line, &BAND_STYLE);
    }
    if page > 1 {
        charts::mark(canvas, (MARGIN + 5.0, 33.5 + above), 5.5);
        let line = setter.line(&cut(&view.bureau, 40), &HEAD);
        canvas.text(fonts, MARGIN + 15.0, 36.0 + above, &line, &HEAD);
        let text = format!("Personal credit report {}", cut(&view.report_number, 40));
        let line = setter.line(&text, &SMALL);
        canvas.text(fonts, right - line.width, 36.0 + above, &line, &SMALL);
        canvas.rule(MARGIN, 43.0 + above, CONTENT_WIDTH, 0.5, Ink::RULE);
    }

    let foot = PAGE_HEIGHT - 40.0;
    canvas.rule(MARGIN, foot, CONTENT_WIDTH, 0.5, Ink::RULE);
    let text = format!("{} · {}", cut(&view.report_number, 40), instant(view));
    let line = setter.line(&text, &SMALL);
    canvas.text(fonts, MARGIN, foot + 11.0, &line, &SMALL);
    let line = setter.line(&format!("page {page} of {of}"), &SMALL);
    canvas.text(fonts, right - line.width, foot + 11.0, &line, &SMALL);
    if setter.has_missing() {
        let line = setter.line(MISSING, &SMALL);
        canvas.text(fonts, MARGIN, foot + 20.0, &line, &SMALL);
    }
}

/// At most `chars` characters, for the places that hold one line.
fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_string(),
    }
}
