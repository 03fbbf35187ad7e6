//! What a reader should see first: computed from the printed tables, never beside them.

use super::super::grid::{Grid, Value};
use super::super::manifest::Edition;
use super::{PackView, number};
use crate::report::document::canvas::Ink;
use crate::report::document::sheet::Sheet;
use crate::report::document::text::Style;
use crate::report::document::{CONTENT_WIDTH, MARGIN};

const BODY: Style = Style::regular(8.6, Ink::TEXT);

/// Fills `{}` after `{}` in.
fn fill(text: &str, values: &[&str]) -> String {
    let mut parts = text.split("{}");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for (place, part) in parts.enumerate() {
        out.push_str(values.get(place).copied().unwrap_or_default());
        out.push_str(part);
    }
    out
}

/// A view of one table by the names of its columns.
struct Seen<'a> {
    grid: &'a Grid,
}

impl<'a> Seen<'a> {
    fn place(&self, name: &str) -> Option<usize> {
        self.grid.columns.iter().position(|(column, _)| column == name)
    }

    fn text(&self, row: &'a [Value], name: &str) -> &'a str {
        self.place(name).and_then(|place| row.get(place)).map_or("", Value::text)
    }

    fn int(&self, row: &[Value], name: &str) -> Option<i64> {
        row.get(self.place(name)?)?.int()
    }

    fn rows(&self) -> impl Iterator<Item = &'a [Value]> + use<'a> {
        self.grid.rows.iter().map(Vec::as_slice)
    }

    fn sum(&self, name: &str, holds: impl Fn(&[Value]) -> bool) -> i64 {
        self.rows().filter(|row| holds(row)).filter_map(|row| self.int(row, name)).sum()
    }
}

fn seen<'a>(view: &'a PackView<'_>, name: &str) -> Option<Seen<'a>> {
    view.grid(name).map(|(_, grid)| Seen { grid })
}

pub(super) fn draw(sheet: &mut Sheet<'_>, view: &PackView<'_>) {
    sheet.heading(view.words().findings, 60.0);
    let mut said = Vec::new();
    // The public edition's tables are incomplete on purpose: nothing is concluded from a gap.
    if view.manifest.edition == Edition::Supervisory {
        disputes(view, &mut said);
        refused(view, &mut said);
        furnishers(view, &mut said);
        fees(view, &mut said);
        said.push((false, view.words().finding.drift.to_owned()));
    }
    reconciled(view, &mut said);
    for (alarming, text) in said {
        let lines = sheet.setter.lines(&text, &BODY, CONTENT_WIDTH - 16.0);
        sheet.need(lines.len() as f32 * BODY.leading() + 4.0);
        let y = sheet.y();
        let ink = if alarming { Ink::WARN } else { Ink::ACCENT };
        sheet.canvas().circle(MARGIN + 4.0, y + 6.2, 2.2, ink);
        for line in &lines {
            let y = sheet.y();
            sheet.put(MARGIN + 14.0, y, line, &BODY);
            sheet.skip(BODY.leading());
        }
        sheet.skip(3.0);
    }
}

fn disputes(view: &PackView<'_>, said: &mut Vec<(bool, String)>) {
    let Some(table) = seen(view, "disputes") else { return };
    let texts = &view.words().finding;
    let late = table.sum("disputes", |row| {
        table.text(row, "measure") == "closed" && table.text(row, "about") == "over deadline"
    });
    let overdue = table.sum("disputes", |row| table.text(row, "measure").starts_with("open past"));
    for (count, [none, some]) in [(late, texts.late_disputes), (overdue, texts.overdue)] {
        let text = if count == 0 { none.to_owned() } else { fill(some, &[&number(count)]) };
        said.push((count > 0, text));
    }
}

fn refused(view: &PackView<'_>, said: &mut Vec<(bool, String)>) {
    let (Some(all), Some(table)) = (seen(view, "inquiries"), seen(view, "refusals")) else {
        return;
    };
    let [none, some] = view.words().finding.refused;
    let count = all.sum("refused", |_| true);
    let most = table.rows().max_by_key(|row| table.int(row, "refused"));
    let code = most.map_or("", |row| table.text(row, "code"));
    let text = if count == 0 { none.to_owned() } else { fill(some, &[&number(count), code]) };
    said.push((false, text));
}

fn furnishers(view: &PackView<'_>, said: &mut Vec<(bool, String)>) {
    let texts = &view.words().finding;
    if let Some(table) = seen(view, "data_quality") {
        let mut whole: Vec<_> = table
            .rows()
            .filter_map(|row| {
                let taken = table.int(row, "index_numerator")?;
                let of = table.int(row, "index_denominator").filter(|of| *of > 0)?;
                Some((table.text(row, "furnisher"), taken, of))
            })
            .collect();
        // a/b < c/d as whole numbers; the name decides between equals
        whole.sort_by(|a, b| {
            let (left, right) =
                (i128::from(a.1) * i128::from(b.2), i128::from(b.1) * i128::from(a.2));
            left.cmp(&right).then(b.0.cmp(a.0))
        });
        match (whole.last(), whole.first()) {
            (Some(best), Some(worst)) => {
                let told = |text, one: &(&str, i64, i64)| {
                    fill(text, &[one.0, &number(one.1), &number(one.2)])
                };
                said.push((false, told(texts.leader, best)));
                if whole.len() > 1 {
                    said.push((worst.1 < worst.2, told(texts.laggard, worst)));
                }
            }
            _ => said.push((false, texts.no_quality.to_owned())),
        }
    }
    if let Some(table) = seen(view, "timeliness") {
        let slow = table.rows().max_by_key(|row| table.int(row, "days_p50"));
        if let Some(row) = slow {
            let days = number(table.int(row, "days_p50").unwrap_or(0));
            let told = [table.text(row, "furnisher"), table.text(row, "type"), &days];
            said.push((false, fill(texts.slow, &told)));
        }
    }
    if let Some(table) = seen(view, "affiliate_concentration") {
        let first = table.rows().find(|row| table.text(row, "role") == "furnisher");
        if let Some(row) = first {
            let count = |name| number(table.int(row, name).unwrap_or(0));
            let told = [table.text(row, "partner"), &count("entries"), &count("of_all")];
            said.push((false, fill(texts.concentration, &told)));
        }
    }
}

fn fees(view: &PackView<'_>, said: &mut Vec<(bool, String)>) {
    let Some(table) = seen(view, "finance_fees") else { return };
    let charged = table.sum("charges", |row| {
        table.text(row, "statutory") == "yes" && table.int(row, "amount_minor") != Some(0)
    });
    if charged > 0 {
        said.push((true, fill(view.words().finding.fees, &[&number(charged)])));
    }
}

fn reconciled(view: &PackView<'_>, said: &mut Vec<(bool, String)>) {
    let Some(table) = seen(view, "reconciliation") else { return };
    let [wrong, right] = view.words().finding.reconciled;
    let one = |name: &str| table.sum("found", |row| table.text(row, "measure") == name);
    let kinds = table.sum("found", |row| {
        let measure = table.text(row, "measure");
        measure.starts_with("entries: ") && measure != "entries: all"
    });
    let log = one("log: end - start");
    let holds = log == kinds && log == one("entries: all");
    let text = if holds { fill(right, &[&number(log)]) } else { wrong.to_owned() };
    said.push((!holds, text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_filled_in_order() {
        assert_eq!(fill("{}, {} of {}", &["a", "1", "2"]), "a, 1 of 2");
        assert_eq!(fill("none", &["a"]), "none");
    }
}
