//! The first page: who issues the report, whom it is about, the score and its reasons.

use super::view::{ConsumerView, IDENTITY_LEVELS, Person, Score, ScorePart};
use super::{charts, cut, instant};
use crate::report::document::canvas::Ink;
use crate::report::document::sheet::Sheet;
use crate::report::document::table::{Cell, Column, Row, Table};
use crate::report::document::text::Style;
use crate::report::document::{CONTENT_WIDTH, MARGIN, PAGE_WIDTH};

const LABEL: Style = Style::regular(6.8, Ink::MUTED);
const VALUE: Style = Style::regular(8.8, Ink::BLACK);
const BODY: Style = Style::regular(8.2, Ink::TEXT);
const STRONG: Style = Style::bold(8.2, Ink::BLACK);

/// The head of the first page.
pub(super) fn masthead(sheet: &mut Sheet<'_>, view: &ConsumerView) {
    const NAME: Style = Style::bold(19.0, Ink::ACCENT);
    const TITLE: Style = Style::regular(10.5, Ink::MUTED);
    const NUMBER: Style = Style::bold(9.0, Ink::BLACK);
    let y = sheet.y();
    let right = PAGE_WIDTH - MARGIN;
    charts::mark(sheet.canvas(), (MARGIN + 18.5, y + 20.0), 19.0);
    sheet.put_text(MARGIN + 46.0, y - 1.0, &cut(&view.bureau, 24), &NAME);
    sheet.put_text(MARGIN + 46.0, y + 23.5, "Personal credit report", &TITLE);
    sheet.put_right(right, y, &cut(&view.report_number, 40), &NUMBER);
    sheet.put_right(right, y + 13.5, &instant(view), &LABEL);
    let pack = format!("Rule pack {}", cut(&view.jurisdiction, 24));
    sheet.put_right(right, y + 23.0, &pack, &LABEL);
    if let Some(quota) = &view.quota {
        sheet.put_right(right, y + 32.5, &cut(quota, 60), &LABEL);
    }
    sheet.skip(48.0);
    let y = sheet.y();
    sheet.canvas().rule(MARGIN, y, CONTENT_WIDTH, 1.6, Ink::ACCENT);
    sheet.canvas().rule(MARGIN, y + 2.2, CONTENT_WIDTH, 0.6, Ink::GOLD);
    sheet.skip(13.0);
}

/// Whom the report is about. The box is as high as its texts need.
pub(super) fn identity(sheet: &mut Sheet<'_>, person: &Person) {
    const NAME: Style = Style::bold(15.0, Ink::BLACK);
    const PAD: f32 = 12.0;
    const SPLIT: f32 = 250.0;
    const CHANNELS_MAX: usize = 8;
    let left = MARGIN + PAD;
    let right = MARGIN + SPLIT + PAD;
    let left_width = SPLIT - PAD;
    let right_width = CONTENT_WIDTH - SPLIT - 2.0 * PAD;

    let name = sheet.setter.lines(&cut(&person.display_name, 160), &NAME, left_width);
    let document = sheet.setter.lines(&cut(&person.document, 80), &VALUE, left_width);
    let mut channels = Vec::new();
    for channel in person.channels.iter().take(CHANNELS_MAX) {
        let text = format!("{} · {} · {}", channel.name, channel.source, channel.date);
        channels.extend(sheet.setter.lines(&cut(&text, 200), &BODY, right_width));
    }
    let more = person.channels.len().saturating_sub(CHANNELS_MAX);
    let text = match (more, channels.is_empty()) {
        (0, true) => "nothing on record".to_string(),
        (0, false) => String::new(),
        (more, _) => format!("and {more} more, in report.json"),
    };
    if !text.is_empty() {
        channels.push(sheet.setter.line(&text, &LABEL));
    }

    let lines = |count: usize, style: &Style| count as f32 * style.leading();
    let left_height = LABEL.leading()
        + lines(name.len(), &NAME)
        + 4.0
        + LABEL.leading()
        + lines(document.len(), &VALUE)
        + 4.0
        + LABEL.leading()
        + VALUE.leading();
    let right_height =
        LABEL.leading() + 16.0 + 6.0 + LABEL.leading() + lines(channels.len(), &BODY);
    let height = left_height.max(right_height) + 2.0 * PAD;
    let top = sheet.y();
    sheet.canvas().round_rect(MARGIN, top, CONTENT_WIDTH, height, 4.0, Ink::WASH);

    let mut y = top + PAD;
    sheet.put_text(left, y, "This report is about", &LABEL);
    y += LABEL.leading();
    for line in &name {
        sheet.put(left, y, line, &NAME);
        y += NAME.leading();
    }
    y += 4.0;
    sheet.put_text(left, y, "Identity document", &LABEL);
    y += LABEL.leading();
    for line in &document {
        sheet.put(left, y, line, &VALUE);
        y += VALUE.leading();
    }
    y += 4.0;
    sheet.put_text(left, y, "Year of birth", &LABEL);
    y += LABEL.leading();
    let born = person.birth_year.map_or("not recorded".to_string(), |year| year.to_string());
    sheet.put_text(left, y, &born, &VALUE);

    let mut y = top + PAD;
    sheet.put_text(right, y, "Identity level", &LABEL);
    y += LABEL.leading();
    level(sheet, right, y, person.identity_level);
    y += 16.0 + 6.0;
    sheet.put_text(right, y, "Verified by", &LABEL);
    y += LABEL.leading();
    for line in &channels {
        sheet.put(right, y, line, &BODY);
        y += BODY.leading();
    }
    sheet.skip(height);
}

/// The real-name level as bars and in words.
fn level(sheet: &mut Sheet<'_>, x: f32, y: f32, level: u8) {
    let mut at = x;
    for step in 0..IDENTITY_LEVELS {
        let ink = if step < level { Ink::ACCENT } else { Ink::RULE };
        sheet.canvas().round_rect(at, y + 3.0, 26.0, 6.0, 2.0, ink);
        at += 29.0;
    }
    let text = format!("{} of {IDENTITY_LEVELS}", level.min(IDENTITY_LEVELS));
    sheet.put_text(at + 4.0, y, &text, &VALUE);
}

/// The score with its dial and dimensions, or why there is none; then the reasons.
pub(super) fn score(sheet: &mut Sheet<'_>, part: &ScorePart) {
    const CHARTS_HEIGHT: f32 = 168.0;
    sheet.heading("Score", CHARTS_HEIGHT);
    let top = sheet.y();
    let dial = (MARGIN + 116.0, top + 112.0);
    match part {
        ScorePart::Assessed(score) => {
            charts::dial(sheet, dial, &score.scale, Some(score.value));
            value(sheet, dial, score);
            charts::radar(sheet, (MARGIN + 368.0, top + 86.0), &score.dimensions);
            sheet.put_centred(
                MARGIN + 368.0,
                top + CHARTS_HEIGHT - 6.0,
                "share of the points that can be reached in each dimension",
                &LABEL,
            );
            sheet.skip(CHARTS_HEIGHT + 8.0);
            reasons(sheet, score);
        }
        ScorePart::NotAssessable { code, text, scale } => {
            charts::dial(sheet, dial, scale, None);
            const NONE: Style = Style::bold(13.0, Ink::MUTED);
            sheet.put_centred(dial.0, dial.1 - 30.0, "Not assessable", &NONE);
            sheet.put_centred(dial.0, dial.1 - 10.0, &cut(code, 32), &LABEL);
            let (x, width) = (MARGIN + 250.0, CONTENT_WIDTH - 250.0);
            let mut y = top + 30.0;
            y += sheet.put_block(x, y, width, "Why there is no score", &STRONG) + 3.0;
            y += sheet.put_block(x, y, width, &cut(text, 600), &BODY) + 6.0;
            y += sheet.put_block(x, y, width, "This is not a low score.", &BODY);
            sheet.skip((dial.1 + 12.0).max(y) - top);
        }
    }
}

/// The score in figures, inside the dial, and which scorecard made it.
fn value(sheet: &mut Sheet<'_>, dial: (f32, f32), score: &Score) {
    const FIGURE: Style = Style::bold(31.0, Ink::BLACK);
    const BAND: Style = Style::bold(10.5, Ink::ACCENT);
    sheet.put_centred(dial.0, dial.1 - 38.0, &score.value.to_string(), &FIGURE);
    sheet.put_centred(dial.0, dial.1 + 3.0, &cut(&score.band, 24), &BAND);
    let scale = format!("on a scale from {} to {}", score.scale.min, score.scale.max);
    sheet.put_centred(dial.0, dial.1 + 18.5, &scale, &LABEL);
    sheet.put_centred(dial.0, dial.1 + 29.0, &format!("as of {}", cut(&score.as_of, 32)), &LABEL);
}

fn reasons(sheet: &mut Sheet<'_>, score: &Score) {
    const COLUMNS: [Column; 3] = [
        Column::left("Code", 10.0),
        Column::left("What held the score back most", 74.0),
        Column::right("Points lost", 16.0),
    ];
    let table = Table { columns: &COLUMNS, empty: "Nothing held the score back." };
    let rows = score.reasons.iter().map(|reason| {
        Row::from(vec![
            Cell::text(reason.code.clone(), STRONG),
            Cell::text(reason.text.clone(), BODY),
            Cell::text(reason.points_lost.to_string(), STRONG),
        ])
    });
    table.draw(sheet, rows);
    sheet.skip(5.0);
    let model = format!(
        "Scorecard {} {}, digest {}. Points are whole numbers: \
         the same inputs give the same score.",
        score.model, score.model_version, score.model_digest
    );
    sheet.paragraph(&model, &LABEL);
    for remark in &score.remarks {
        sheet.paragraph(remark, &LABEL);
    }
}
