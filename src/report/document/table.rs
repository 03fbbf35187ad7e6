//! Tables that break across pages, with the column heads repeated.

use super::canvas::{Canvas, Ink};
use super::fonts::Fonts;
use super::sheet::Sheet;
use super::text::{Line, Style};
use super::{CONTENT_WIDTH, MARGIN};

const HEAD: Style = Style::bold(6.6, Ink::MUTED);
const EMPTY: Style = Style::regular(8.5, Ink::MUTED);
const NOTE: Style = Style::regular(7.4, Ink::TEXT);
/// White space left and right in a cell.
const PAD_X: f32 = 4.0;
/// White space above and below a row.
const PAD_Y: f32 = 4.0;

/// On which side of its column a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// At the left.
    Left,
    /// At the right, for amounts.
    Right,
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    /// Its head.
    pub title: &'a str,
    /// Its share of the width, against the shares of the others.
    pub share: f32,
    /// The side its texts stand on.
    pub align: Align,
}

impl<'a> Column<'a> {
    /// A column of text.
    pub const fn left(title: &'a str, share: f32) -> Column<'a> {
        Column { title, share, align: Align::Left }
    }

    /// A column of figures.
    pub const fn right(title: &'a str, share: f32) -> Column<'a> {
        Column { title, share, align: Align::Right }
    }
}

/// Draws something in a cell: the fonts, the canvas, left, top, width.
pub type Painter<'a> = Box<dyn Fn(&Fonts, &mut Canvas, f32, f32, f32) + 'a>;

/// What stands in a cell.
pub enum Cell<'a> {
    /// Texts one under the other.
    Text(Vec<(String, Style)>),
    /// A drawing of a given height.
    Paint(f32, Painter<'a>),
}

impl Cell<'_> {
    /// One text.
    pub fn text(text: impl Into<String>, style: Style) -> Cell<'static> {
        Cell::Text(vec![(text.into(), style)])
    }
}

/// A row.
pub struct Row<'a> {
    /// One cell per column.
    pub cells: Vec<Cell<'a>>,
    /// Remarks under the row, across all columns: a dispute, a person's statement.
    pub notes: Vec<String>,
}

impl<'a> From<Vec<Cell<'a>>> for Row<'a> {
    fn from(cells: Vec<Cell<'a>>) -> Row<'a> {
        Row { cells, notes: Vec::new() }
    }
}

/// A table across the width of the page.
pub struct Table<'a> {
    /// The columns.
    pub columns: &'a [Column<'a>],
    /// What is written when there are no rows.
    pub empty: &'a str,
}

enum Set<'a> {
    Lines(Vec<(Line, Style)>),
    Paint(f32, Painter<'a>),
}

/// What of a cell is still to be drawn.
type Rest<'a> = (std::vec::IntoIter<(Line, Style)>, Option<(f32, Painter<'a>)>);

impl Set<'_> {
    fn height(&self) -> f32 {
        match self {
            Set::Lines(lines) => lines.iter().map(|(_, style)| style.leading()).sum(),
            Set::Paint(height, _) => *height,
        }
    }
}

impl Table<'_> {
    /// Draws the rows, with the heads on top and again on every new page.
    pub fn draw<'r>(&self, sheet: &mut Sheet<'_>, rows: impl IntoIterator<Item = Row<'r>>) {
        let mut rows = rows.into_iter().peekable();
        if rows.peek().is_none() {
            let y = sheet.y();
            sheet.put_text(MARGIN + PAD_X, y, self.empty, &EMPTY);
            sheet.skip(EMPTY.leading());
            return;
        }
        let edges = self.edges();
        let mut headed = false;
        for row in rows {
            let cells = self.set(sheet, row.cells, &edges);
            let notes: Vec<_> = row
                .notes
                .iter()
                .flat_map(|note| sheet.setter.lines(note, &NOTE, CONTENT_WIDTH - 4.0 * PAD_X))
                .collect();
            let height = row_height(&cells, notes.len());
            let head = if headed { 0.0 } else { HEAD.leading() + 2.0 * PAD_Y };
            if sheet.room() < height + head && height + head <= sheet.page_room() {
                sheet.turn();
                headed = false;
            }
            if !headed {
                self.head(sheet, &edges);
                headed = true;
            }
            self.row(sheet, cells, &edges);
            for line in &notes {
                self.note(sheet, line);
            }
            sheet.skip(if notes.is_empty() { 0.0 } else { PAD_Y });
            let y = sheet.y();
            sheet.canvas().rule(MARGIN, y, CONTENT_WIDTH, 0.4, Ink::RULE);
        }
    }

    /// Left and right edge of each column.
    fn edges(&self) -> Vec<(f32, f32)> {
        let total: f32 = self.columns.iter().map(|column| column.share).sum();
        let mut left = MARGIN;
        let mut edges = Vec::with_capacity(self.columns.len());
        for column in self.columns {
            let right = left + CONTENT_WIDTH * column.share / total;
            edges.push((left, right));
            left = right;
        }
        edges
    }

    fn set<'r>(
        &self,
        sheet: &mut Sheet<'_>,
        cells: Vec<Cell<'r>>,
        edges: &[(f32, f32)],
    ) -> Vec<Set<'r>> {
        let mut set = Vec::with_capacity(cells.len());
        for (cell, (left, right)) in cells.into_iter().zip(edges) {
            set.push(match cell {
                Cell::Paint(height, painter) => Set::Paint(height, painter),
                Cell::Text(texts) => {
                    let mut lines = Vec::new();
                    for (text, style) in texts {
                        let width = right - left - 2.0 * PAD_X;
                        let broken = sheet.setter.lines(&text, &style, width);
                        lines.extend(broken.into_iter().map(|line| (line, style)));
                    }
                    Set::Lines(lines)
                }
            });
        }
        set
    }

    fn head(&self, sheet: &mut Sheet<'_>, edges: &[(f32, f32)]) {
        let y = sheet.y();
        let height = HEAD.leading() + PAD_Y;
        sheet.canvas().rect(MARGIN, y, CONTENT_WIDTH, height, Ink::WASH);
        for (column, (left, right)) in self.columns.iter().zip(edges) {
            let top = y + PAD_Y / 2.0;
            match column.align {
                Align::Left => {
                    sheet.put_text(left + PAD_X, top, column.title, &HEAD);
                }
                Align::Right => sheet.put_right(right - PAD_X, top, column.title, &HEAD),
            }
        }
        sheet.skip(height);
    }

    /// Draws the cells line by line. A row taller than what is left is only reached when it is
    /// taller than a whole page: it goes on under repeated heads.
    fn row(&self, sheet: &mut Sheet<'_>, cells: Vec<Set<'_>>, edges: &[(f32, f32)]) {
        let mut rest: Vec<Rest<'_>> = cells
            .into_iter()
            .map(|cell| match cell {
                Set::Lines(lines) => (lines.into_iter(), None),
                Set::Paint(height, painter) => (Vec::new().into_iter(), Some((height, painter))),
            })
            .collect();
        loop {
            let top = sheet.y() + PAD_Y;
            let room = sheet.room() - 2.0 * PAD_Y;
            let mut lowest: f32 = 0.0;
            for (index, (lines, painter)) in rest.iter_mut().enumerate() {
                let Some((left, right)) = edges.get(index) else { continue };
                let align = self.columns.get(index).map_or(Align::Left, |column| column.align);
                let mut down = 0.0;
                while let Some((_, style)) = lines.as_slice().first() {
                    if down > 0.0 && down + style.leading() > room {
                        break;
                    }
                    let Some((line, style)) = lines.next() else { break };
                    let x = match align {
                        Align::Left => left + PAD_X,
                        Align::Right => right - PAD_X - line.width,
                    };
                    sheet.put(x, top + down, &line, &style);
                    down += style.leading();
                }
                if let Some((height, paint)) = painter.take() {
                    let fonts = sheet.setter.fonts;
                    paint(fonts, sheet.canvas(), left + PAD_X, top, right - left - 2.0 * PAD_X);
                    down = height;
                }
                lowest = lowest.max(down);
            }
            sheet.skip(lowest + 2.0 * PAD_Y);
            if rest.iter().all(|(lines, _)| lines.as_slice().is_empty()) {
                return;
            }
            sheet.turn();
            self.head(sheet, edges);
        }
    }

    fn note(&self, sheet: &mut Sheet<'_>, line: &Line) {
        sheet.need(NOTE.leading());
        let y = sheet.y();
        let height = NOTE.leading() + 0.3;
        sheet.canvas().rect(MARGIN + PAD_X, y, CONTENT_WIDTH - 2.0 * PAD_X, height, Ink::WARN_WASH);
        sheet.canvas().rect(MARGIN + PAD_X, y, 1.6, height, Ink::WARN);
        sheet.put(MARGIN + 2.0 * PAD_X, y, line, &NOTE);
        sheet.skip(NOTE.leading());
    }
}

fn row_height(cells: &[Set<'_>], notes: usize) -> f32 {
    let cells = cells.iter().map(Set::height).fold(0.0, f32::max);
    let notes =
        if notes == 0 { 0.0 } else { (0..notes).map(|_| NOTE.leading()).sum::<f32>() + PAD_Y };
    cells + notes + 2.0 * PAD_Y
}
