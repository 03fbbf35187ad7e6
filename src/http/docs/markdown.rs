//! Our own Markdown as HTML: headings, paragraphs, lists, blocks of code, links, code and strong
//! words. Everything else is text; no markup passes through.

use std::fmt::Write;

use super::document::{anchor, escaped};

/// What a line is part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    None,
    Paragraph,
    Bullets,
    Numbers,
}

struct Writer {
    out: String,
    block: Block,
    /// Whether an item of a list is open.
    item: bool,
}

/// Draws a text.
pub fn to_html(text: &str) -> String {
    let mut writer = Writer { out: String::new(), block: Block::None, item: false };
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let inner = line.trim_start();
        if let Some(info) = inner.strip_prefix("```") {
            let indent = line.len() - inner.len();
            let mut code = String::new();
            for line in lines.by_ref() {
                if line.trim() == "```" {
                    break;
                }
                code +=
                    line.get(indent.min(line.len() - line.trim_start().len())..).unwrap_or(line);
                code.push('\n');
            }
            writer.code(info, &code, indent > 0);
            continue;
        }
        writer.line(line);
    }
    writer.end();
    writer.out
}

impl Writer {
    fn end(&mut self) {
        if self.item {
            self.out.push_str("</li>\n");
            self.item = false;
        }
        self.out.push_str(match self.block {
            Block::None => "",
            Block::Paragraph => "</p>\n",
            Block::Bullets => "</ul>\n",
            Block::Numbers => "</ol>\n",
        });
        self.block = Block::None;
    }

    fn begin(&mut self, block: Block) {
        if self.block == block {
            return;
        }
        self.end();
        self.out.push_str(match block {
            Block::None => "",
            Block::Paragraph => "<p>",
            Block::Bullets => "<ul>\n",
            Block::Numbers => "<ol>\n",
        });
        self.block = block;
    }

    fn entry(&mut self, block: Block, text: &str) {
        self.begin(block);
        if self.item {
            self.out.push_str("</li>\n");
        }
        self.item = true;
        let _ = write!(self.out, "<li>{}", spans(text));
    }

    /// A block of code: what it is stands above it, when it is a file to be saved.
    fn code(&mut self, info: &str, code: &str, inside: bool) {
        if !inside {
            self.end();
        }
        if let Some((_, file)) = info.split_once(' ') {
            let _ =
                write!(self.out, "<p class=\"file\">Save as <code>{}</code></p>", escaped(file));
        }
        let _ = writeln!(self.out, "<pre><code>{}</code></pre>", escaped(code.trim_end()));
    }

    fn line(&mut self, line: &str) {
        let inner = line.trim_start();
        let indented = inner.len() < line.len();
        if inner.is_empty() {
            // An empty line ends a paragraph; a list goes on behind one.
            if self.block == Block::Paragraph {
                self.end();
            }
            return;
        }
        let marks = inner.bytes().take_while(|b| *b == b'#').count();
        if let (1..=3, Some(text)) = (marks, inner.trim_start_matches('#').strip_prefix(' ')) {
            self.end();
            let id = anchor(text);
            let _ = match marks {
                1 => writeln!(self.out, "<h1>{}</h1>", spans(text)),
                n => writeln!(
                    self.out,
                    "<h{n} id=\"{id}\"><a href=\"#{id}\">{}</a></h{n}>",
                    spans(text)
                ),
            };
            return;
        }
        if let Some(text) = inner.strip_prefix("- ") {
            return self.entry(Block::Bullets, text);
        }
        let digits = inner.bytes().take_while(u8::is_ascii_digit).count();
        if let (1.., Some(text)) = (digits, inner[digits..].strip_prefix(". ")) {
            return self.entry(Block::Numbers, text);
        }
        match (self.block, indented) {
            (Block::Bullets | Block::Numbers, true) => {
                let _ = write!(self.out, " {}", spans(inner));
            }
            (Block::Paragraph, _) => {
                let _ = write!(self.out, "\n{}", spans(inner));
            }
            _ => {
                self.begin(Block::Paragraph);
                self.out.push_str(&spans(inner));
            }
        }
    }
}

/// Code, strong words and links within a line.
fn spans(text: &str) -> String {
    let mut out = String::new();
    for (i, part) in text.split('`').enumerate() {
        match i % 2 {
            0 => out.push_str(&links(part)),
            _ => {
                let _ = write!(out, "<code>{}</code>", escaped(part));
            }
        }
    }
    paired(&paired(&out, "**", "strong"), "*", "em")
}

/// Words between two marks, outside code.
fn paired(text: &str, mark: &str, tag: &str) -> String {
    if text.contains("<code>") && text.matches(mark).count() != 2 {
        return text.to_string();
    }
    let parts: Vec<&str> = text.split(mark).collect();
    if parts.len().is_multiple_of(2) {
        return text.to_string();
    }
    let mut out = String::new();
    for (i, part) in parts.iter().enumerate() {
        match i % 2 {
            0 => out.push_str(part),
            _ => {
                let _ = write!(out, "<{tag}>{part}</{tag}>");
            }
        }
    }
    out
}

fn links(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, from)) = rest.split_once('[') {
        let target = from.split_once("](").and_then(|(name, tail)| {
            let (url, after) = tail.split_once(')')?;
            let safe = url.starts_with('/') || url.starts_with("https://");
            (safe && !url.contains('"')).then_some((name, url, after))
        });
        let Some((name, url, after)) = target else {
            let _ = write!(out, "{}[", escaped(before));
            rest = from;
            continue;
        };
        let (before, name, url) = (escaped(before), escaped(name), escaped(url));
        let _ = write!(out, "{before}<a href=\"{url}\">{name}</a>");
        rest = after;
    }
    out + &escaped(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_guides_are_made_of_is_drawn() {
        let text = "# A & B\n\nOne `x < y`\ntwo [RFC](https://a.example/b).\n\n1. first\n   more\n\
                    2. second:\n\n   ```\n   code\n     in\n   ```\n\n3. third\n\n- **a** b\n\n\
                    ```python first.py\nif a < b:\n    pass\n```\n\n## 2. Next\n";
        let html = to_html(text);
        for part in [
            "<h1>A &amp; B</h1>",
            "<p>One <code>x &lt; y</code>\ntwo <a href=\"https://a.example/b\">RFC</a>.</p>",
            "<ol>\n<li>first more</li>\n<li>second:<pre><code>code\n  in</code></pre>",
            "<li>third</li>\n</ol>",
            "<ul>\n<li><strong>a</strong> b</li>\n</ul>",
            "<p class=\"file\">Save as <code>first.py</code></p>",
            "<pre><code>if a &lt; b:\n    pass</code></pre>",
            "<h2 id=\"2--next\"><a href=\"#2--next\">2. Next</a></h2>",
        ] {
            assert!(html.contains(part), "{part}\nin\n{html}");
        }
    }

    #[test]
    fn no_markup_passes_through() {
        let html = to_html("<script>x</script> [a](javascript:alert(1)) [b](https://x\"y)\n");
        assert!(!html.contains("<script") && !html.contains("href"), "{html}");
    }
}
