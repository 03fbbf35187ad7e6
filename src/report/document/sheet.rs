//! Pages filled from top to bottom: a pen that moves down and turns the page.

use super::canvas::{Canvas, Ink};
use super::fonts::Fonts;
use super::text::{Line, Setter, Style};
use super::{CONTENT_WIDTH, DocumentError, MARGIN, PAGE_HEIGHT};

/// The most pages a document has.
pub const PAGES_MAX: usize = 1_000;

/// Where a side of text lies, in points from the edges.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// From the top edge to the first line of a page after the first.
    pub top: f32,
    /// From the bottom edge to the last line.
    pub bottom: f32,
}

/// A place to jump to: a line of the PDF's outline.
#[derive(Clone, Debug)]
pub struct Mark {
    /// What it is called.
    pub title: String,
    /// The page, from 0.
    pub page: usize,
    /// How far down, in points.
    pub y: f32,
}

/// The finished pages.
#[derive(Debug)]
pub struct Pages {
    /// In order.
    pub pages: Vec<Canvas>,
    /// The outline, in order.
    pub marks: Vec<Mark>,
}

/// Pages in the making.
pub struct Sheet<'f> {
    /// Sets the text of all pages.
    pub setter: Setter<'f>,
    frame: Frame,
    pages: Vec<Canvas>,
    page: Canvas,
    marks: Vec<Mark>,
    y: f32,
    full: bool,
}

impl<'f> Sheet<'f> {
    /// An empty first page, the pen at `first_y`.
    pub fn new(fonts: &'f Fonts, frame: Frame, first_y: f32) -> Sheet<'f> {
        Sheet {
            setter: Setter::new(fonts),
            frame,
            pages: Vec::new(),
            page: Canvas::default(),
            marks: Vec::new(),
            y: first_y,
            full: false,
        }
    }

    /// Where the pen is.
    pub fn y(&self) -> f32 {
        self.y
    }

    /// Moves the pen down.
    pub fn skip(&mut self, distance: f32) {
        self.y += distance;
    }

    /// What is left of this page.
    pub fn room(&self) -> f32 {
        PAGE_HEIGHT - self.frame.bottom - self.y
    }

    /// The room on an empty page.
    pub fn page_room(&self) -> f32 {
        PAGE_HEIGHT - self.frame.bottom - self.frame.top
    }

    /// The page that is being filled.
    pub fn canvas(&mut self) -> &mut Canvas {
        &mut self.page
    }

    /// Begins a new page. Past [`PAGES_MAX`] what is drawn is dropped, and finishing fails.
    pub fn turn(&mut self) {
        let page = std::mem::take(&mut self.page);
        if self.pages.len() + 1 < PAGES_MAX {
            self.pages.push(page);
        } else {
            self.full = true;
        }
        self.y = self.frame.top;
    }

    /// Begins a new page unless `height` still fits on this one.
    pub fn need(&mut self, height: f32) {
        if self.room() < height && self.y > self.frame.top {
            self.turn();
        }
    }

    /// Draws a line at `x`, its top at `y`.
    pub fn put(&mut self, x: f32, y: f32, line: &Line, style: &Style) {
        self.page.text(self.setter.fonts, x, y + style.ascent(), line, style);
    }

    /// Draws text on one line at `x`, its top at `y`, and returns its width.
    pub fn put_text(&mut self, x: f32, y: f32, text: &str, style: &Style) -> f32 {
        let line = self.setter.line(text, style);
        self.put(x, y, &line, style);
        line.width
    }

    /// Draws text on one line that ends at `right`.
    pub fn put_right(&mut self, right: f32, y: f32, text: &str, style: &Style) {
        let line = self.setter.line(text, style);
        self.put(right - line.width, y, &line, style);
    }

    /// Draws text on one line around `x`.
    pub fn put_centred(&mut self, x: f32, y: f32, text: &str, style: &Style) {
        let line = self.setter.line(text, style);
        self.put(x - line.width / 2.0, y, &line, style);
    }

    /// Draws text broken to `width` from `y` down, without turning the page; returns its height.
    pub fn put_block(&mut self, x: f32, y: f32, width: f32, text: &str, style: &Style) -> f32 {
        let lines = self.setter.lines(text, style, width);
        let mut down = 0.0;
        for line in &lines {
            self.put(x, y + down, line, style);
            down += style.leading();
        }
        down
    }

    /// The heading of a section. Turns the page unless the heading and `keep` points after it fit.
    pub fn heading(&mut self, title: &str, keep: f32) {
        const STYLE: Style = Style::bold(12.0, Ink::ACCENT);
        self.skip(20.0);
        self.need(STYLE.leading() + 8.0 + keep);
        self.marks.push(Mark { title: title.to_string(), page: self.pages.len(), y: self.y });
        let y = self.y;
        self.put_text(MARGIN, y, title, &STYLE);
        self.skip(STYLE.leading() + 2.5);
        let y = self.y;
        self.canvas().rule(MARGIN, y, CONTENT_WIDTH, 0.6, Ink::RULE);
        self.canvas().rule(MARGIN, y, 28.0, 1.4, Ink::GOLD);
        self.skip(7.0);
    }

    /// A paragraph across the page, continued on the next page where it must.
    pub fn paragraph(&mut self, text: &str, style: &Style) {
        let lines = self.setter.lines(text, style, CONTENT_WIDTH);
        for line in &lines {
            self.need(style.leading());
            let y = self.y;
            self.put(MARGIN, y, line, style);
            self.skip(style.leading());
        }
    }

    /// The pages, after `furnish(setter, canvas, page from 1, of)` has drawn what stands on each
    /// page: it comes last because only now is the number of pages known.
    ///
    /// # Errors
    /// [`DocumentError::TooLong`] if there are more than [`PAGES_MAX`] pages.
    pub fn finish(
        mut self,
        mut furnish: impl FnMut(&mut Setter<'f>, &mut Canvas, usize, usize),
    ) -> Result<Pages, DocumentError> {
        if self.full {
            return Err(DocumentError::TooLong { limit: PAGES_MAX });
        }
        self.pages.push(std::mem::take(&mut self.page));
        let of = self.pages.len();
        for (index, canvas) in self.pages.iter_mut().enumerate() {
            furnish(&mut self.setter, canvas, index + 1, of);
        }
        Ok(Pages { pages: self.pages, marks: self.marks })
    }
}
