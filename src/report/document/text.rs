//! Text as it is set: cleaned, measured, and broken into lines.

use unicode_normalization::UnicodeNormalization;

use super::canvas::Ink;
use super::fonts::{Fonts, Weight};

/// The longest text that is set in one piece, in characters; the rest is cut with an ellipsis.
pub const TEXT_CHARS_MAX: usize = 4_000;

/// From one baseline to the next, in ems.
const LEADING: f32 = 1.36;
/// From the top of a line to its baseline, in ems.
const ASCENT: f32 = 1.02;

/// How a text looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    /// Points per em.
    pub size: f32,
    /// Regular or bold.
    pub weight: Weight,
    /// Colour.
    pub ink: Ink,
}

impl Style {
    /// Running text of a size and colour.
    pub const fn regular(size: f32, ink: Ink) -> Style {
        Style { size, weight: Weight::Regular, ink }
    }

    /// The same, bold.
    pub const fn bold(size: f32, ink: Ink) -> Style {
        Style { size, weight: Weight::Bold, ink }
    }

    /// From one baseline to the next, in points.
    pub fn leading(&self) -> f32 {
        self.size * LEADING
    }

    /// From the top of a line to its baseline, in points.
    pub fn ascent(&self) -> f32 {
        self.size * ASCENT
    }
}

/// Characters that follow each other in one font.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Which of the fonts.
    pub face: usize,
    /// The characters.
    pub text: String,
}

/// One line, ready to draw.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// What it consists of, left to right.
    pub runs: Vec<Run>,
    /// Its width, in points.
    pub width: f32,
}

impl Line {
    fn of(glyphs: &[Placed]) -> Line {
        let end = glyphs.iter().rposition(|g| g.ch != ' ').map_or(0, |last| last + 1);
        let mut line = Line::default();
        for glyph in glyphs.iter().take(end) {
            line.width += glyph.advance;
            match line.runs.last_mut() {
                Some(run) if run.face == glyph.face => run.text.push(glyph.ch),
                _ => line.runs.push(Run { face: glyph.face, text: glyph.ch.to_string() }),
            }
        }
        line
    }
}

struct Placed {
    ch: char,
    face: usize,
    advance: f32,
}

/// Sets text in the given fonts, and remembers whether a character was missing in all of them.
pub struct Setter<'f> {
    /// The fonts.
    pub fonts: &'f Fonts,
    missing: bool,
}

impl<'f> Setter<'f> {
    /// A setter that has set nothing yet.
    pub fn new(fonts: &'f Fonts) -> Setter<'f> {
        Setter { fonts, missing: false }
    }

    /// Whether some character had to be written as its code point.
    pub fn has_missing(&self) -> bool {
        self.missing
    }

    /// The text on one line, whatever its width. A line feed reads as a space.
    pub fn line(&mut self, text: &str, style: &Style) -> Line {
        let text = clean(text).replace('\n', " ");
        Line::of(&self.place(&text, style))
    }

    /// The text on lines no wider than `width` points (a single wider character stands alone). It
    /// breaks at spaces, after hyphens and slashes and between Chinese characters, elsewhere only
    /// where a word is wider than the line; a line feed begins a new line. Never empty.
    pub fn lines(&mut self, text: &str, style: &Style, width: f32) -> Vec<Line> {
        let text = clean(text);
        let mut lines = Vec::new();
        for paragraph in text.split('\n') {
            let glyphs = self.place(paragraph, style);
            wrap(&glyphs, width, &mut lines);
        }
        lines
    }

    fn place(&mut self, text: &str, style: &Style) -> Vec<Placed> {
        let mut placed = Vec::with_capacity(text.len());
        for ch in text.chars() {
            if self.push(ch, style, &mut placed) {
                continue;
            }
            let instead = match ch {
                '→' => "->".to_string(),
                '←' => "<-".to_string(),
                '≤' => "<=".to_string(),
                '≥' => ">=".to_string(),
                _ => {
                    self.missing = true;
                    format!("[U+{:04X}]", u32::from(ch))
                }
            };
            for ch in instead.chars() {
                self.push(ch, style, &mut placed);
            }
        }
        placed
    }

    fn push(&self, ch: char, style: &Style, placed: &mut Vec<Placed>) -> bool {
        let Some(glyph) = self.fonts.glyph(ch, style.weight) else { return false };
        placed.push(Placed { ch, face: glyph.face, advance: glyph.advance * style.size });
        true
    }
}

fn wrap(glyphs: &[Placed], width: f32, lines: &mut Vec<Line>) {
    let mut start = 0;
    let mut breakable = 0;
    let mut reached = 0.0;
    let mut at = 0;
    while let Some(glyph) = glyphs.get(at) {
        // a space at the end of a line hangs over the edge and is not drawn
        if reached + glyph.advance > width && at > start && glyph.ch != ' ' {
            let cut = if breakable > start { breakable } else { at };
            lines.push(Line::of(glyphs.get(start..cut).unwrap_or_default()));
            start = cut;
            at = cut;
            reached = 0.0;
            continue;
        }
        reached += glyph.advance;
        at += 1;
        if glyphs.get(at).is_some_and(|next| breaks_between(glyph.ch, next.ch)) {
            breakable = at;
        }
    }
    lines.push(Line::of(glyphs.get(start..).unwrap_or_default()));
}

/// Whether a line may end between two characters: a small part of UAX #14, with the Chinese rules
/// on punctuation (GB/T 15834) that a reader would miss first.
fn breaks_between(before: char, after: char) -> bool {
    const NOT_FIRST: &str = "，。、；：！？）》」』】〕〉·…,.;:!?)]}%’”";
    const NOT_LAST: &str = "（《「『【〔〈([{‘“";
    match (before, after) {
        (_, ' ') => false,
        // between two code points that stand for missing characters
        (']', '[') => true,
        (' ', _) => true,
        ('-' | '/', _) => !after.is_ascii_digit(),
        _ if NOT_FIRST.contains(after) || NOT_LAST.contains(before) => false,
        _ => is_ideograph(before) || is_ideograph(after),
    }
}

fn is_ideograph(ch: char) -> bool {
    matches!(u32::from(ch), 0x2E80..=0xA4CF | 0xF900..=0xFAFF | 0xFF00..=0xFF60 | 0x20000..=0x3FFFF)
}

/// The text without what cannot be seen: composed (NFC), controls and tabs as spaces, every kind
/// of space as a space, hyphens as one hyphen, and without zero-width characters, variation
/// selectors and direction marks, which could make a printed name read differently from the
/// recorded one. Line feeds stay. At most [`TEXT_CHARS_MAX`] characters.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // normalisation is bounded by cutting before it: it at most triples the length
    let cut = text.chars().take(TEXT_CHARS_MAX + 1).nfc();
    for (count, ch) in cut.enumerate() {
        if count == TEXT_CHARS_MAX {
            out.push('…');
            break;
        }
        match ch {
            '\n' => out.push('\n'),
            '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' => {}
            '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' => {}
            '\u{E0000}'..='\u{E0FFF}' => {}
            '\u{2010}' | '\u{2011}' => out.push('-'),
            '\u{3000}' => out.push_str("  "),
            '\r' => {}
            ch if ch.is_whitespace() || ch.is_control() => out.push(' '),
            ch => out.push(ch),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STYLE: Style = Style::regular(10.0, Ink::BLACK);

    fn texts(lines: &[Line]) -> Vec<String> {
        lines.iter().map(|l| l.runs.iter().map(|r| r.text.as_str()).collect()).collect()
    }

    #[test]
    fn lines_break_at_spaces_and_a_long_word_is_cut() {
        let fonts = Fonts::built_in().unwrap();
        let mut setter = Setter::new(&fonts);
        let lines = setter.lines("pay as agreed\nsub_0123456789abcdef", &STYLE, 50.0);
        assert_eq!(texts(&lines), ["pay as", "agreed", "sub_0123", "456789ab", "cdef"]);
        assert_eq!(texts(&setter.lines("", &STYLE, 50.0)), [""]);
    }

    #[test]
    fn punctuation_never_begins_a_line_of_chinese() {
        for (before, after, allowed) in
            [('国', '，', false), ('（', '甲', false), ('中', '国', true), ('行', 'A', true)]
        {
            assert_eq!(breaks_between(before, after), allowed, "{before}{after}");
        }
    }

    #[test]
    fn a_character_in_no_font_is_shown_as_its_code_point() {
        let fonts = Fonts::built_in().unwrap();
        let mut setter = Setter::new(&fonts);
        assert_eq!(texts(&[setter.line("王 A", &STYLE)]), ["[U+738B] A"]);
        assert!(setter.has_missing());
    }

    #[test]
    fn what_cannot_be_seen_is_not_set() {
        assert_eq!(clean("a\u{202E}b\u{200B}c\u{A0}d\te\u{AD}"), "abc d e");
        assert_eq!(clean("e\u{301}"), "é");
        assert_eq!(clean(&"x".repeat(TEXT_CHARS_MAX + 9)).chars().count(), TEXT_CHARS_MAX + 1);
    }

    proptest! {
        #[test]
        fn wrapping_loses_nothing_but_spaces_and_keeps_the_width(
            text in "[a-z /\\-é]{0,80}", width in 12.0f32..200.0
        ) {
            let fonts = Fonts::built_in().unwrap();
            let mut setter = Setter::new(&fonts);
            let lines = setter.lines(&text, &STYLE, width);
            prop_assert!(lines.iter().all(|line| line.width <= width + 0.01));
            let set = texts(&lines).concat().replace(' ', "");
            prop_assert_eq!(set, text.replace(' ', ""));
        }
    }
}
