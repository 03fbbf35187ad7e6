//! The pack as PDF: it draws what the tables say, and nothing else.

mod charts;
mod findings;
mod front;
mod tables;
pub mod words;

use super::catalogue::Report;
use super::grid::Grid;
use super::manifest::{Edition, PackManifest};
use crate::report::document::canvas::{Canvas, Ink};
use crate::report::document::finish::Finish;
use crate::report::document::sheet::{Frame, Sheet};
use crate::report::document::text::{Setter, Style};
use crate::report::document::{
    Attachment, CONTENT_WIDTH, DocumentError, Fonts, MARGIN, PAGE_HEIGHT, PAGE_WIDTH,
};
use words::{Language, Words};

/// One table as it is printed.
pub struct Printed<'a> {
    /// What it is.
    pub report: &'a Report,
    /// Its rows; `None` where this edition does not have it.
    pub grid: Option<&'a Grid>,
}

/// What is printed.
pub struct PackView<'a> {
    /// What the pack says of itself; its `documents` are not read.
    pub manifest: &'a PackManifest,
    /// The tables, in their order.
    pub tables: &'a [Printed<'a>],
    /// In which language.
    pub language: Language,
}

impl PackView<'_> {
    fn words(&self) -> &'static Words {
        self.language.words()
    }

    fn grid(&self, name: &str) -> Option<(&Report, &Grid)> {
        let table = self.tables.iter().find(|table| table.report.name == name)?;
        Some((table.report, table.grid?))
    }

    /// What it is.
    fn title(&self) -> &'static str {
        match self.manifest.edition {
            Edition::Statement => self.words().statement,
            Edition::Supervisory | Edition::Public => self.words().title,
        }
    }

    /// The rule pack, or the furnisher.
    fn about(&self) -> &str {
        self.manifest.partner.as_deref().unwrap_or(&self.manifest.jurisdiction)
    }

    /// The bureau's name: the host of its log.
    fn bureau(&self) -> &str {
        self.manifest.origin.trim_end_matches("/log")
    }
}

/// The PDF, with these files attached. The same view, fonts and files give the same bytes.
///
/// # Errors
/// [`DocumentError`].
pub fn render(
    view: &PackView<'_>,
    fonts: &Fonts,
    attachments: Vec<Attachment>,
) -> Result<Vec<u8>, DocumentError> {
    let words = view.words();
    let frame = Frame { top: 58.0, bottom: 58.0 };
    let mut sheet = Sheet::new(fonts, frame, 96.0);
    front::cover(&mut sheet, view);
    sheet.turn();
    front::summary(&mut sheet, view);
    if view.manifest.edition != Edition::Statement {
        findings::draw(&mut sheet, view);
    }
    tables::draw(&mut sheet, view);
    front::verify(&mut sheet, view);
    let pages = sheet.finish(|setter, canvas, page, of| {
        if page > 1 {
            furniture(setter, canvas, view, page, of);
        }
    })?;
    let manifest = view.manifest;
    let (edition, _) = words.edition(manifest.edition);
    let title = format!("{}, {}, {}", view.title(), manifest.period.name, view.about());
    let finish = Finish {
        title: format!("{} - {title} - {edition}", view.bureau()),
        author: view.bureau().to_owned(),
        subject: words.vouched.to_owned(),
        language: view.language.tag().to_owned(),
        created: manifest.generated_at,
        attachments,
    };
    finish.write(pages, fonts)
}

/// What stands on every page after the cover.
fn furniture(
    setter: &mut Setter<'_>,
    canvas: &mut Canvas,
    view: &PackView<'_>,
    page: usize,
    of: usize,
) {
    const HEAD: Style = Style::bold(7.5, Ink::ACCENT);
    const SMALL: Style = Style::regular(6.6, Ink::MUTED);
    let (words, manifest, fonts) = (view.words(), view.manifest, setter.fonts);
    let right = PAGE_WIDTH - MARGIN;
    let line = setter.line(&format!("{} · {}", view.bureau(), view.title()), &HEAD);
    canvas.text(fonts, MARGIN, 36.0, &line, &HEAD);
    let (edition, _) = words.edition(manifest.edition);
    let text = match manifest.edition {
        Edition::Statement => format!("{} · {}", manifest.period.name, view.about()),
        _ => format!("{} · {} · {edition}", manifest.period.name, view.about()),
    };
    let line = setter.line(&text, &SMALL);
    canvas.text(fonts, right - line.width, 36.0, &line, &SMALL);
    canvas.rule(MARGIN, 43.0, CONTENT_WIDTH, 0.5, Ink::RULE);
    let foot = PAGE_HEIGHT - 40.0;
    canvas.rule(MARGIN, foot, CONTENT_WIDTH, 0.5, Ink::RULE);
    let line = setter.line(&manifest.generated_at.to_second_text(), &SMALL);
    canvas.text(fonts, MARGIN, foot + 11.0, &line, &SMALL);
    let (before, between, after) = words.page;
    let line = setter.line(&format!("{before}{page}{between}{of}{after}"), &SMALL);
    canvas.text(fonts, right - line.width, foot + 11.0, &line, &SMALL);
    if setter.has_missing() {
        let line = setter.line(words.missing, &SMALL);
        canvas.text(fonts, MARGIN, foot + 20.0, &line, &SMALL);
    }
}

/// A whole number with its thousands apart.
fn number(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if value < 0 {
        out.push('-');
    }
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let shown = [0, 7, 999, 1_000, -1_234_567, i64::MIN].map(number);
        let wanted = ["0", "7", "999", "1,000", "-1,234,567", "-9,223,372,036,854,775,808"];
        assert_eq!(shown, wanted);
    }
}
