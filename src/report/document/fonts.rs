//! The fonts a report is set in, read once and shared by every document and thread.

use std::path::Path;

use printpdf::{FontId, ParsedFont, PdfFont, PdfFontMap};

use super::DocumentError;
use crate::kernel::bytes::{Digest, hex, sha256};

/// Regular and bold, compiled in (reports/fonts/README.md).
const REGULAR: &[u8] = include_bytes!("../../../reports/fonts/NotoSans-Regular.ttf");
const BOLD: &[u8] = include_bytes!("../../../reports/fonts/NotoSans-Bold.ttf");

/// Where Debian's fonts-droid-fallback puts its fonts; the first that is there is used.
const KNOWN_HAN_FONTS: [&str; 2] = [
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
    "/usr/share/fonts-droid-fallback/truetype/DroidSansFallback.ttf",
];

/// The largest font file that is read, in bytes.
const FONT_BYTES_MAX: u64 = 64 << 20;

/// Resource names, which are also the six-letter subset tags of ISO 32000-1, 9.6.4. printpdf would
/// draw them from a counter of the process, and the second document would differ from the first.
const NAMES: [&str; 4] = ["FFTEXT", "FFBOLD", "FFHANA", "FFHANB"];

/// How heavy a text is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Running text.
    Regular,
    /// Headings and figures. Characters from a fallback font are thickened by a stroke.
    Bold,
}

/// One character as it will be drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Glyph {
    /// Which of the fonts draws it.
    pub face: usize,
    /// How far it moves the pen, in ems.
    pub advance: f32,
}

/// The parsed fonts. Parse once, share by reference: nothing in it changes afterwards.
pub struct Fonts {
    faces: Vec<Face>,
}

struct Face {
    parsed: ParsedFont,
    digest: Digest,
    units_per_em: f32,
}

impl std::fmt::Debug for Fonts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fonts({} faces)", self.faces.len())
    }
}

impl Fonts {
    /// The built-in fonts, and after them a font with Chinese characters: `han` if it is given,
    /// then the first of Debian's that is installed, as a second chance for characters that the
    /// given one lacks. With none of them the bureau still prints, with code points in brackets.
    ///
    /// # Errors
    /// [`DocumentError::FontUnreadable`] or [`DocumentError::FontInvalid`] if `han` is given and
    /// is no font: a wrong setting is told at the start, not in a person's report.
    pub fn load(han: Option<&Path>) -> Result<Fonts, DocumentError> {
        let mut fonts = Fonts::built_in()?;
        if let Some(path) = han {
            fonts.faces.push(Face::read(path)?);
        }
        let known = KNOWN_HAN_FONTS.iter().map(Path::new).filter(|p| Some(*p) != han);
        if let Some(face) = known.filter_map(|p| Face::read(p).ok()).next() {
            fonts.faces.push(face);
        }
        Ok(fonts)
    }

    /// The built-in fonts only: the same on every machine.
    ///
    /// # Errors
    /// [`DocumentError::FontInvalid`] if the program was built with damaged fonts.
    pub fn built_in() -> Result<Fonts, DocumentError> {
        let faces =
            vec![Face::parse(REGULAR, "NotoSans-Regular")?, Face::parse(BOLD, "NotoSans-Bold")?];
        Ok(Fonts { faces })
    }

    /// Whether a font with Chinese characters was found.
    pub fn has_han(&self) -> bool {
        self.glyph('中', Weight::Regular).is_some()
    }

    /// SHA-256 of each font file, in hex: pages come out the same from the same fonts only.
    pub fn digests(&self) -> Vec<String> {
        self.faces.iter().map(|face| hex(&face.digest)).collect()
    }

    /// How `ch` is drawn, or `None` if no font has it.
    pub fn glyph(&self, ch: char, weight: Weight) -> Option<Glyph> {
        let first = usize::from(weight == Weight::Bold);
        std::iter::once(first).chain(2..self.faces.len()).find_map(|index| {
            let face = self.faces.get(index)?;
            let advance = face.advance(ch)?;
            Some(Glyph { face: index, advance })
        })
    }

    /// Whether the face is one of the built-in ones, which have a bold of their own.
    pub(super) fn is_built_in(&self, face: usize) -> bool {
        face < 2
    }

    /// The name of a face in the document.
    pub(super) fn id(&self, face: usize) -> FontId {
        FontId(NAMES.get(face).unwrap_or(&"FFTEXT").to_string())
    }

    /// The faces as printpdf wants them; the font data itself is shared, not copied.
    pub(super) fn resources(&self) -> PdfFontMap {
        let fonts = self.faces.iter().enumerate();
        let map = fonts.map(|(i, face)| (self.id(i), PdfFont::new(face.parsed.clone())));
        PdfFontMap { map: map.collect() }
    }
}

impl Face {
    fn read(path: &Path) -> Result<Face, DocumentError> {
        let name = path.display().to_string();
        let unreadable =
            |source| DocumentError::FontUnreadable { path: path.display().to_string(), source };
        let size = std::fs::metadata(path).map_err(unreadable)?.len();
        if size > FONT_BYTES_MAX {
            return Err(DocumentError::FontInvalid { path: name });
        }
        Face::parse(&std::fs::read(path).map_err(unreadable)?, &name)
    }

    fn parse(bytes: &[u8], name: &str) -> Result<Face, DocumentError> {
        let invalid = || DocumentError::FontInvalid { path: name.to_string() };
        let parsed = ParsedFont::from_bytes(bytes, 0, &mut Vec::new()).ok_or_else(invalid)?;
        let units_per_em = f32::from(parsed.pdf_font_metrics.units_per_em);
        if units_per_em < 16.0 || parsed.num_glyphs == 0 {
            return Err(invalid());
        }
        Ok(Face { parsed, digest: sha256(bytes), units_per_em })
    }

    fn advance(&self, ch: char) -> Option<f32> {
        let glyph = self.parsed.lookup_glyph_index(u32::from(ch)).filter(|gid| *gid != 0)?;
        Some(f32::from(self.parsed.get_horizontal_advance(glyph)) / self.units_per_em)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fonts_are_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Fonts>();
    }

    #[test]
    fn built_in_fonts_have_latin_greek_cyrillic_and_no_han() {
        let fonts = Fonts::built_in().unwrap();
        for ch in "Aéßőžỹ Ωδ Жя –—“”…€¥₽".chars() {
            for weight in [Weight::Regular, Weight::Bold] {
                assert!(fonts.glyph(ch, weight).is_some_and(|g| g.advance > 0.1), "{ch:?}");
            }
        }
        assert!(!fonts.has_han());
    }

    #[test]
    fn figures_are_of_one_width_so_that_columns_align() {
        let fonts = Fonts::built_in().unwrap();
        for weight in [Weight::Regular, Weight::Bold] {
            let width = |ch| fonts.glyph(ch, weight).unwrap().advance;
            assert!(('0'..='9').all(|ch| width(ch) == width('0')));
        }
    }

    #[test]
    fn a_wrong_font_setting_is_an_error() {
        let missing = Fonts::load(Some(Path::new("/nowhere/font.ttf"))).unwrap_err();
        assert_eq!(missing.code(), "font_unreadable");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"not a font").unwrap();
        assert_eq!(Fonts::load(Some(file.path())).unwrap_err().code(), "font_invalid");
    }
}
