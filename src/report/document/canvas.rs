//! One page as a list of strokes: coordinates in points, `y` down from the top edge.

use printpdf::{
    Color, Line as PdfLine, LinePoint, Op, PaintMode, PdfFontHandle, PdfPage, Point, Polygon,
    PolygonRing, Pt, Rect, Rgb, TextItem, TextRenderingMode, WindingOrder,
};

use super::fonts::{Fonts, Weight};
use super::text::{Line, Style};
use super::{PAGE_HEIGHT, PAGE_WIDTH};

/// A colour: red, green, blue in sRGB (IEC 61966-2-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ink(pub u8, pub u8, pub u8);

impl Ink {
    /// Headings and figures.
    pub const BLACK: Ink = Ink(0x17, 0x25, 0x33);
    /// Running text.
    pub const TEXT: Ink = Ink(0x2E, 0x3D, 0x4B);
    /// What is said beside.
    pub const MUTED: Ink = Ink(0x66, 0x75, 0x84);
    /// Hairlines.
    pub const RULE: Ink = Ink(0xD3, 0xDB, 0xE2);
    /// Backgrounds.
    pub const WASH: Ink = Ink(0xF3, 0xF6, 0xF8);
    /// The house colour.
    pub const ACCENT: Ink = Ink(0x0F, 0x4C, 0x63);
    /// A thin second colour.
    pub const GOLD: Ink = Ink(0xB9, 0x8D, 0x3E);
    /// Something to look at with care.
    pub const WARN: Ink = Ink(0xF3, 0xC0, 0x4B);
    /// The background of such a thing.
    pub const WARN_WASH: Ink = Ink(0xFD, 0xF5, 0xE1);
    /// Paper.
    pub const WHITE: Ink = Ink(0xFF, 0xFF, 0xFF);

    fn color(self) -> Color {
        let part = |v: u8| (f32::from(v) / 255.0 * 1000.0).round() / 1000.0;
        Color::Rgb(Rgb { r: part(self.0), g: part(self.1), b: part(self.2), icc_profile: None })
    }
}

/// One page.
#[derive(Debug, Default)]
pub struct Canvas {
    ops: Vec<Op>,
}

/// Cut to hundredths of a point: finer cannot be seen, and files stay small and alike.
fn pt(value: f32) -> Pt {
    Pt((value * 100.0).round() / 100.0)
}

fn point(x: f32, y: f32, bezier: bool) -> LinePoint {
    LinePoint { p: Point { x: pt(x), y: pt(PAGE_HEIGHT - y) }, bezier }
}

impl Canvas {
    /// A filled rectangle, `x` and `y` its upper left corner.
    pub fn rect(&mut self, x: f32, y: f32, width: f32, height: f32, ink: Ink) {
        self.ops.push(Op::SetFillColor { col: ink.color() });
        self.ops.push(Op::DrawRectangle {
            rectangle: Rect {
                x: pt(x),
                y: pt(PAGE_HEIGHT - y - height),
                width: pt(width),
                height: pt(height),
                mode: Some(PaintMode::Fill),
                winding_order: None,
            },
        });
    }

    /// A filled rectangle with round corners of radius `r`.
    pub fn round_rect(&mut self, x: f32, y: f32, width: f32, height: f32, r: f32, ink: Ink) {
        // the Bézier handle that comes nearest to a quarter circle
        let k = r * 0.447_715;
        let (right, bottom) = (x + width, y + height);
        let corners = [
            [(x + r, y), (right - r, y), (right - k, y), (right, y + k), (right, y + r)],
            [
                (right, y + r),
                (right, bottom - r),
                (right, bottom - k),
                (right - k, bottom),
                (right - r, bottom),
            ],
            [
                (right - r, bottom),
                (x + r, bottom),
                (x + k, bottom),
                (x, bottom - k),
                (x, bottom - r),
            ],
            [(x, bottom - r), (x, y + r), (x, y + k), (x + k, y), (x + r, y)],
        ];
        let mut points = Vec::with_capacity(20);
        for side in corners {
            for (i, (px, py)) in side.into_iter().enumerate() {
                points.push(point(px, py, i == 2 || i == 3));
            }
        }
        self.fill(points, ink);
    }

    /// A filled polygon.
    pub fn polygon(&mut self, corners: &[(f32, f32)], ink: Ink) {
        self.fill(corners.iter().map(|(x, y)| point(*x, *y, false)).collect(), ink);
    }

    /// A filled circle.
    pub fn circle(&mut self, x: f32, y: f32, r: f32, ink: Ink) {
        self.round_rect(x - r, y - r, 2.0 * r, 2.0 * r, r, ink);
    }

    /// Part of a ring round (`x`, `y`), from angle `from` to `to` in degrees, counter-clockwise
    /// from the right.
    pub fn ring(&mut self, centre: (f32, f32), radii: (f32, f32), angles: (f32, f32), ink: Ink) {
        const STEPS: u8 = 24;
        let arc = |radius: f32, step: u8| {
            let share = f32::from(step) / f32::from(STEPS);
            polar(centre, radius, angles.0 + (angles.1 - angles.0) * share)
        };
        let outer = (0..=STEPS).map(|step| arc(radii.1, step));
        let inner = (0..=STEPS).rev().map(|step| arc(radii.0, step));
        let corners: Vec<_> = outer.chain(inner).collect();
        self.polygon(&corners, ink);
    }

    /// A line through the points, `thickness` points wide, closed or open.
    pub fn stroke(&mut self, points: &[(f32, f32)], closed: bool, thickness: f32, ink: Ink) {
        self.ops.push(Op::SetOutlineColor { col: ink.color() });
        self.ops.push(Op::SetOutlineThickness { pt: Pt(thickness) });
        let points = points.iter().map(|(x, y)| point(*x, *y, false)).collect();
        self.ops.push(Op::DrawLine { line: PdfLine { points, is_closed: closed } });
    }

    /// A horizontal hairline.
    pub fn rule(&mut self, x: f32, y: f32, width: f32, thickness: f32, ink: Ink) {
        self.rect(x, y - thickness / 2.0, width, thickness, ink);
    }

    /// A line of text that begins at `x` and stands on `baseline`.
    pub fn text(&mut self, fonts: &Fonts, x: f32, baseline: f32, line: &Line, style: &Style) {
        if line.runs.is_empty() {
            return;
        }
        let color = style.ink.color();
        self.ops.push(Op::StartTextSection);
        self.ops.push(Op::SetFillColor { col: color.clone() });
        let pos = Point { x: pt(x), y: pt(PAGE_HEIGHT - baseline) };
        self.ops.push(Op::SetTextCursor { pos });
        for run in &line.runs {
            let font = PdfFontHandle::External(fonts.id(run.face));
            self.ops.push(Op::SetFont { font, size: pt(style.size) });
            // fallback fonts come in one weight: a thin outline stands in for bold
            let thicken = style.weight == Weight::Bold && !fonts.is_built_in(run.face);
            if thicken {
                self.ops.push(Op::SetOutlineColor { col: color.clone() });
                self.ops.push(Op::SetOutlineThickness { pt: pt(style.size * 0.02) });
                self.ops.push(Op::SetTextRenderingMode { mode: TextRenderingMode::FillStroke });
            }
            self.ops.push(Op::ShowText { items: vec![TextItem::Text(run.text.clone())] });
            if thicken {
                self.ops.push(Op::SetTextRenderingMode { mode: TextRenderingMode::Fill });
            }
        }
        self.ops.push(Op::EndTextSection);
    }

    pub(super) fn into_page(self) -> PdfPage {
        let mut page = PdfPage::new(printpdf::Mm(0.0), printpdf::Mm(0.0), self.ops);
        let paper = Rect::from_wh(Pt(PAGE_WIDTH), Pt(PAGE_HEIGHT));
        page.media_box = paper.clone();
        page.trim_box = paper.clone();
        page.crop_box = paper;
        page
    }

    fn fill(&mut self, points: Vec<LinePoint>, ink: Ink) {
        self.ops.push(Op::SetFillColor { col: ink.color() });
        self.ops.push(Op::DrawPolygon {
            polygon: Polygon {
                rings: vec![PolygonRing { points }],
                mode: PaintMode::Fill,
                winding_order: WindingOrder::NonZero,
            },
        });
    }
}

/// The point at `radius` from `centre` towards `degrees`, counter-clockwise from the right.
pub fn polar(centre: (f32, f32), radius: f32, degrees: f32) -> (f32, f32) {
    let (sin, cos) = degrees.to_radians().sin_cos();
    (centre.0 + radius * cos, centre.1 - radius * sin)
}
