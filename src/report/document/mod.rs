//! A small drawing kit for printed reports: fonts, text, tables, pages, and a finished PDF file.
//!
//! printpdf draws and embeds fonts; lopdf finishes the file ([`finish`]). What is laid out here
//! depends on its input alone: no clock, no random id, no font cache decides a byte, so that the
//! same view gives the same file and a digest of it can be quoted.
//!
//! Lengths are PostScript points (1/72 inch), `x` from the left edge, `y` *down* from the top edge.
//!
//! | to | use |
//! | --- | --- |
//! | load the fonts, once per process | [`Fonts::load`] |
//! | measure and break text | [`text::Setter`] |
//! | draw on one page | [`canvas::Canvas`] |
//! | fill pages from top to bottom | [`sheet::Sheet`] |
//! | print rows under repeated headers | [`table::Table`] |
//! | make the file, attach data to it | [`finish::Finish`] |

pub mod canvas;
pub mod finish;
pub mod fonts;
mod icc;
pub mod read;
pub mod sheet;
pub mod table;
pub mod text;

pub use finish::Attachment;
pub use fonts::Fonts;

/// Width of a page: A4 (ISO 216), in points.
pub const PAGE_WIDTH: f32 = 595.28;
/// Height of a page: A4 (ISO 216), in points.
pub const PAGE_HEIGHT: f32 = 841.89;
/// White space left and right of everything that is not a full-width band, in points.
pub const MARGIN: f32 = 48.0;
/// Width between the margins, in points.
pub const CONTENT_WIDTH: f32 = PAGE_WIDTH - 2.0 * MARGIN;

/// Why a document could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The configured font file cannot be read.
    #[error("font {path} cannot be read: {source}")]
    FontUnreadable {
        /// The file that was named.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A font file is not a TrueType or OpenType font, or is larger than a font is.
    #[error("{path} is not a usable font")]
    FontInvalid {
        /// The file, or the name of the built-in font.
        path: String,
    },
    /// The view asks for more pages than a document may have.
    #[error("the document would have more than {limit} pages")]
    TooLong {
        /// The limit: [`sheet::PAGES_MAX`].
        limit: usize,
    },
    /// The finished file could not be written.
    #[error("the PDF file could not be written: {0}")]
    Write(String),
    /// The view could not be serialised for the attachment.
    #[error("the attached data could not be written: {0}")]
    Data(#[from] serde_json::Error),
}

impl DocumentError {
    /// The stable name of this error.
    pub fn code(&self) -> &'static str {
        match self {
            DocumentError::FontUnreadable { .. } => "font_unreadable",
            DocumentError::FontInvalid { .. } => "font_invalid",
            DocumentError::TooLong { .. } => "document_too_long",
            DocumentError::Write(_) => "document_not_written",
            DocumentError::Data(_) => "document_data_not_written",
        }
    }
}
