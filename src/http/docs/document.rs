//! A text with tables, and how it looks as a page and as Markdown.

use std::fmt::Write;

use serde_json::Value;

/// One cell of a table.
#[derive(Clone, Debug)]
pub enum Cell {
    /// Words.
    Text(String),
    /// Something to be typed exactly.
    Code(String),
    /// The name of a row, which can be linked to.
    Name(String),
    /// A word out of few, told apart by colour: its colour and the word.
    Mark(&'static str, String),
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Cell {
        Cell::Text(text.into())
    }

    /// Something to be typed exactly; nothing when empty.
    pub fn code(text: impl Into<String>) -> Cell {
        let text = text.into();
        if text.is_empty() { Cell::Text(text) } else { Cell::Code(text) }
    }

    /// The words alone.
    pub fn to_words(&self) -> String {
        self.words().replace('`', "")
    }

    fn words(&self) -> &str {
        match self {
            Cell::Text(text) | Cell::Code(text) | Cell::Name(text) | Cell::Mark(_, text) => text,
        }
    }
}

/// A part of a document.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// Its heading.
    pub heading: String,
    /// What stands before the table.
    pub text: String,
    /// Names of the columns.
    pub columns: Vec<&'static str>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
    /// What stands behind the table and is typed exactly, such as an example.
    pub example: String,
}

/// A document.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its title.
    pub title: String,
    /// What it is, in a paragraph or two.
    pub lead: Vec<String>,
    /// Its parts.
    pub sections: Vec<Section>,
    /// The same for machines.
    pub data: Value,
}

/// Text that may stand in a page.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// Words in which what stands between back-quotes is to be typed exactly.
pub fn inline(text: &str) -> String {
    let mut out = String::new();
    for (i, part) in text.split('`').enumerate() {
        match i % 2 {
            0 => out.push_str(&escaped(part)),
            _ => {
                let _ = write!(out, "<code>{}</code>", escaped(part));
            }
        }
    }
    out
}

/// The name of a heading or row in a link.
pub fn anchor(text: &str) -> String {
    let lower = text.to_lowercase();
    let kept = lower.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '-' });
    kept.collect::<String>().trim_matches('-').to_string()
}

fn cell_html(section: &str, cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => inline(text),
        Cell::Code(text) => format!("<code>{}</code>", escaped(text)),
        Cell::Name(text) => {
            let (id, text) = (anchor(&format!("{section}-{text}")), escaped(text));
            format!("<code id=\"{id}\"><a href=\"#{id}\">{text}</a></code>")
        }
        Cell::Mark(colour, text) => {
            format!("<span class=\"mark {colour}\">{}</span>", escaped(text))
        }
    }
}

fn cell_markdown(cell: &Cell) -> String {
    let words = cell.words().replace('|', "\\|").replace('\n', " ");
    match cell {
        Cell::Code(_) | Cell::Name(_) => format!("`{words}`"),
        Cell::Text(_) | Cell::Mark(..) => words,
    }
}

impl Document {
    /// The page's content.
    pub fn to_html(&self) -> String {
        let mut out = format!("<h1>{}</h1>\n", escaped(&self.title));
        for text in &self.lead {
            let _ = writeln!(out, "<p class=\"lead\">{}</p>", inline(text));
        }
        if self.sections.len() > 2 {
            let links = self.sections.iter().map(|section| {
                let (id, heading) = (anchor(&section.heading), escaped(&section.heading));
                format!("<a href=\"#{id}\">{heading}</a>")
            });
            let _ = writeln!(out, "<nav class=\"toc\">{}</nav>", links.collect::<String>());
        }
        for section in &self.sections {
            section.write_html(&mut out);
        }
        out
    }

    /// The same as Markdown.
    pub fn to_markdown(&self) -> String {
        let mut out = format!("# {}\n", self.title);
        for text in &self.lead {
            let _ = write!(out, "\n{text}\n");
        }
        for section in &self.sections {
            let _ = write!(out, "\n## {}\n", section.heading);
            if !section.text.is_empty() {
                let _ = write!(out, "\n{}\n", section.text);
            }
            if !section.columns.is_empty() {
                let rule = vec!["---"; section.columns.len()].join(" | ");
                let _ = write!(out, "\n| {} |\n| {rule} |\n", section.columns.join(" | "));
                for row in &section.rows {
                    let cells: Vec<String> = row.iter().map(cell_markdown).collect();
                    let _ = writeln!(out, "| {} |", cells.join(" | "));
                }
            }
            if !section.example.is_empty() {
                let _ = write!(out, "\n```json\n{}\n```\n", section.example);
            }
        }
        out
    }
}

impl Section {
    fn write_html(&self, out: &mut String) {
        let id = anchor(&self.heading);
        let heading = escaped(&self.heading);
        let _ = writeln!(out, "<h2 id=\"{id}\"><a href=\"#{id}\">{heading}</a></h2>");
        if !self.text.is_empty() {
            let _ = writeln!(out, "<p>{}</p>", inline(&self.text));
        }
        if !self.columns.is_empty() {
            let head: String = self.columns.iter().map(|c| format!("<th>{c}</th>")).collect();
            let _ = writeln!(out, "<div class=\"wide\"><table><thead><tr>{head}</tr></thead>");
            for row in &self.rows {
                let cells = row.iter().map(|c| format!("<td>{}</td>", cell_html(&id, c)));
                let _ = writeln!(out, "<tr>{}</tr>", cells.collect::<String>());
            }
            out.push_str("</table></div>\n");
        }
        if !self.example.is_empty() {
            let _ = writeln!(out, "<pre><code>{}</code></pre>", escaped(&self.example));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_shown_can_be_markup() {
        let row = vec![Cell::text("<b>`a|b`"), Cell::code("<i>"), Cell::Name("x y".into())];
        let section = Section {
            heading: "A & B".into(),
            columns: vec!["one", "two", "three"],
            rows: vec![row],
            ..Section::default()
        };
        let document = Document {
            title: "<T>".into(),
            lead: vec!["\"quoted\"".into()],
            sections: vec![section],
            data: Value::Null,
        };
        let html = document.to_html();
        assert!(html.contains("<td>&lt;b&gt;<code>a|b</code></td><td><code>&lt;i&gt;</code></td>"));
        assert!(html.contains("id=\"a---b-x-y\"") && html.contains("&lt;T&gt;"));
        assert!(document.to_markdown().contains("| <b>`a\\|b` | `<i>` | `x y` |"));
    }
}
