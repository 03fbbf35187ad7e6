//! The certificate of what was forgotten, as PDF: for the person, and for who checks the bureau.
//!
//! It names nobody. It says what is gone and under which law, carries the bureau's signature, and
//! the proof that the act is in the public log.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::canvas::Ink;
use super::document::finish::Finish;
use super::document::sheet::{Frame, Sheet};
use super::document::table::{Cell, Column, Row, Table};
use super::document::text::Style;
use super::document::{
    Attachment, CONTENT_WIDTH, DocumentError, Fonts, MARGIN, PAGE_HEIGHT, PAGE_WIDTH,
};
use crate::kernel::Time;

const BODY: Style = Style::regular(8.6, Ink::TEXT);
const LABEL: Style = Style::regular(8.0, Ink::MUTED);
const VALUE: Style = Style::regular(8.4, Ink::BLACK);
const SMALL: Style = Style::regular(6.6, Ink::MUTED);

/// What the certificate says, as it is attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateView {
    /// Origin of the log.
    pub origin: String,
    /// Index of the entry.
    pub index: u64,
    /// When it was recorded.
    pub at: Time,
    /// The certificate, byte for byte as it was signed.
    pub certificate_text: String,
    /// Signature over these bytes by the bureau's manifest key, base64.
    pub signature: String,
    /// The key, a JWK.
    pub key: Value,
    /// The entry's leaf.
    pub leaf: String,
    /// The opening of its record.
    pub opening: Value,
    /// The proof that it is in the log, `c2sp.org/tlog-proof@v1`.
    pub proof: String,
}

/// What the members of a certificate are called in print.
const NAMES: [(&str, &str); 12] = [
    ("certificate", "Certificate"),
    ("at", "Forgotten"),
    ("rule_pack", "Rule pack"),
    ("law", "Law"),
    ("extent", "Extent"),
    ("rules", "Rules that applied"),
    ("gone", "Entries whose personal part is gone"),
    ("kept_as_evidence", "Entries kept as evidence"),
    ("restricted", "Entries kept and not used"),
    ("evidence_until", "Evidence is kept until"),
    ("tombstones", "Items that cannot be sent again"),
    ("keys_destroyed", "Keys destroyed"),
];

/// A value in words: ranges as `first – last`.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) if list.is_empty() => "none".to_owned(),
        Value::Array(list) => {
            let one = |value: &Value| match value.as_array().map(Vec::as_slice) {
                Some([first, last]) if first == last => shown(first),
                Some([first, last]) => format!("{} – {}", shown(first), shown(last)),
                _ => shown(value),
            };
            list.iter().map(one).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// The certificate as a PDF file. The same view and fonts give the same bytes.
///
/// # Errors
/// [`DocumentError`].
pub fn render(view: &CertificateView, fonts: &Fonts) -> Result<Vec<u8>, DocumentError> {
    const NAME: Style = Style::bold(13.0, Ink::WHITE);
    const TITLE: Style = Style::bold(22.0, Ink::BLACK);
    let bureau = view.origin.trim_end_matches("/log");
    let mut sheet = Sheet::new(fonts, Frame { top: 58.0, bottom: 58.0 }, 96.0);
    sheet.canvas().rect(0.0, 0.0, PAGE_WIDTH, 58.0, Ink::ACCENT);
    sheet.canvas().rect(0.0, 58.0, PAGE_WIDTH, 2.4, Ink::GOLD);
    sheet.put_text(MARGIN, 21.0, bureau, &NAME);
    sheet.put_text(MARGIN, 92.0, "Certificate of erasure", &TITLE);
    sheet.skip(36.0);
    let text = "Personal parts of the entries below were destroyed with the keys that opened them. \
                The log keeps its commitments to them, so that it can be shown that they were \
                there and that nothing else was changed. This certificate names nobody.";
    sheet.paragraph(text, &BODY);
    sheet.heading("What was forgotten", 60.0);
    let certificate: Value = serde_json::from_str(&view.certificate_text).unwrap_or(Value::Null);
    let columns = [Column::left("Member", 34.0), Column::left("Value", 66.0)];
    let table = Table { columns: &columns, empty: "The certificate cannot be read." };
    let rows = NAMES.iter().filter_map(|(name, title)| {
        let value = certificate.get(name)?;
        Some(Row::from(vec![Cell::text(*title, LABEL), Cell::text(shown(value), VALUE)]))
    });
    table.draw(&mut sheet, rows);
    if let Some(copies) = certificate["copies"].as_str() {
        sheet.skip(8.0);
        sheet.paragraph(copies, &BODY);
    }
    sheet.heading("Where it stands", 60.0);
    let places = [
        ("Log", view.origin.clone()),
        ("Entry", view.index.to_string()),
        ("Recorded", view.at.to_second_text()),
        ("Signature", view.signature.clone()),
    ];
    let rows = places
        .into_iter()
        .map(|(title, value)| Row::from(vec![Cell::text(title, LABEL), Cell::text(value, VALUE)]));
    table.draw(&mut sheet, rows);
    sheet.skip(8.0);
    let text = "certificate.json inside this file holds the signed text, the key, the entry's \
                leaf and opening, and the proof that it is in the log (tlog-proof, checked by \
                fivefold verify proof).";
    sheet.paragraph(text, &BODY);
    let pages = sheet.finish(|setter, canvas, page, of| {
        let foot = PAGE_HEIGHT - 40.0;
        canvas.rule(MARGIN, foot, CONTENT_WIDTH, 0.5, Ink::RULE);
        let line = setter.line(&format!("page {page} of {of}"), &SMALL);
        let x = PAGE_WIDTH - MARGIN - line.width;
        canvas.text(setter.fonts, x, foot + 11.0, &line, &SMALL);
    })?;
    let mut finish = Finish {
        title: format!("{bureau} - certificate of erasure, entry {}", view.index),
        author: bureau.to_owned(),
        subject: "What was forgotten, under which law, and that it is on record".to_owned(),
        language: "en".to_owned(),
        created: view.at,
        attachments: Vec::new(),
    };
    finish.attach(Attachment {
        name: "certificate.json".to_owned(),
        mime: "application/json".to_owned(),
        description: "The certificate as it was signed, and its proof".to_owned(),
        bytes: serde_json::to_vec_pretty(view)?,
        modified: view.at,
    });
    finish.write(pages, fonts)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::report::document::read::PdfFile;

    #[test]
    fn a_certificate_carries_what_was_signed_and_is_the_same_each_time() {
        let text = json!({
            "certificate": "fivefold-erasure/v1", "gone": [[3, 9], [12, 12]], "law": null,
            "kept_as_evidence": [], "keys_destroyed": 1, "copies": "None is left.",
        });
        let view = CertificateView {
            origin: "bureau.example/log".to_owned(),
            index: 40,
            at: Time::from_micros(1_790_000_000_000_000),
            certificate_text: text.to_string(),
            signature: "c2ln".to_owned(),
            key: json!({}),
            leaf: "leaf".to_owned(),
            opening: json!({}),
            proof: "proof".to_owned(),
        };
        let fonts = Fonts::built_in().expect("fonts");
        let pdf = render(&view, &fonts).expect("a PDF");
        assert_eq!(pdf, render(&view, &fonts).expect("a PDF"));
        let files = PdfFile::read(&pdf).and_then(|file| file.attachments()).expect("attachments");
        let attached: CertificateView =
            serde_json::from_slice(&files["certificate.json"]).expect("a view");
        assert_eq!(attached, view);
        assert_eq!(shown(&text["gone"]), "3 – 9, 12");
    }
}
