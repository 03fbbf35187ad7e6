//! Reading Rust without parsing it.

/// What stands for a character of a literal once it is blanked out: neither space nor word.
pub(crate) const LITERAL: char = '"';

/// One file under `src/`, its path relative to `src/` with `/` between names.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    /// The same characters at the same places, comments and literals blanked out.
    pub(crate) code: Vec<char>,
    /// `code` without what only tests compile.
    pub(crate) production: Vec<char>,
    /// Files that this one declares for tests only: `#[cfg(test)] mod name;`.
    pub(crate) test_modules: Vec<String>,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = blank_literals(text);
        let (production, test_modules) = blank_tests(&code);
        Self { path: path.into(), text: text.into(), code, production, test_modules }
    }

    /// Names of the modules from the crate root down to this file.
    pub(crate) fn module_path(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.path.trim_end_matches(".rs").split('/').collect();
        if names.last() == Some(&"mod") || names == ["lib"] || names == ["main"] {
            names.pop();
        }
        names
    }

    pub(crate) fn stage(&self) -> Option<&str> {
        self.module_path().first().copied()
    }

    /// Whether this is the file, or below it, of a module that only tests compile.
    pub(crate) fn is_in(&self, parent: &Source, module: &str) -> bool {
        let mut prefix = parent.module_path();
        prefix.push(module);
        self.module_path().starts_with(&prefix)
    }

    /// The line of a place in `code`.
    pub(crate) fn line(&self, position: usize) -> usize {
        1 + self.code.iter().take(position).filter(|&&c| c == '\n').count()
    }
}

pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The text with every character of a comment replaced by a space, of a literal by [`LITERAL`].
pub(crate) fn blank_literals(text: &str) -> Vec<char> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = chars.clone();
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        let fresh = at == 0 || !is_word(chars[at - 1]);
        let (length, fill) = match rest {
            ['/', '/', ..] => (rest.iter().take_while(|&&c| c != '\n').count(), ' '),
            ['/', '*', ..] => (block_comment_length(rest), ' '),
            ['"', ..] => (string_length(rest), LITERAL),
            ['b' | 'c', 'r', ..] if fresh && raw_string_length(&rest[1..]) > 0 => {
                (1 + raw_string_length(&rest[1..]), LITERAL)
            }
            ['r', ..] if fresh && raw_string_length(rest) > 0 => (raw_string_length(rest), LITERAL),
            ['\'', '\\', _, ..] => {
                let tail = rest[3..].iter().take_while(|&&c| c != '\'').count();
                (4 + tail, LITERAL)
            }
            ['\'', _, '\'', ..] => (3, LITERAL),
            _ => (1, rest[0]),
        };
        let end = (at + length).min(chars.len());
        out[at..end].iter_mut().filter(|c| **c != '\n').for_each(|c| *c = fill);
        at = end;
    }
    out
}

fn block_comment_length(chars: &[char]) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    while at < chars.len() {
        match chars[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string_length(chars: &[char]) -> usize {
    let mut at = 1;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// Length of `r"…"`, `r#"…"#`, … at the start, or 0 when there is none (`r#type` is a name).
fn raw_string_length(chars: &[char]) -> usize {
    let hashes = chars[1..].iter().take_while(|&&c| c == '#').count();
    let open = 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return 0;
    }
    let closing: Vec<char> = std::iter::once('"').chain(vec!['#'; hashes]).collect();
    let body = &chars[open + 1..];
    let end = body.windows(closing.len()).position(|window| window == closing.as_slice());
    end.map_or(chars.len(), |end| open + 1 + end + closing.len())
}

/// The code with every item under `#[cfg(test)]` blanked out, and the test modules in files of
/// their own.
fn blank_tests(code: &[char]) -> (Vec<char>, Vec<String>) {
    let marker: Vec<char> = "#[cfg(test)]".chars().collect();
    let mut out = code.to_vec();
    let mut modules = Vec::new();
    let starts = code.windows(marker.len()).enumerate().filter(|(_, w)| *w == marker.as_slice());
    for (start, _) in starts {
        let mut item = skip_space(code, start + marker.len());
        while code.get(item) == Some(&'#') {
            item = skip_space(code, closing(code, item + 1) + 1);
        }
        let Some(end) = item_end(code, item) else { continue };
        if code[end] == ';' {
            let declared = words(&code[item..end]);
            let name = declared.iter().skip_while(|word| word.text != "mod").nth(1);
            modules.extend(name.map(|word| word.text.clone()));
        }
        out[start..=end].iter_mut().filter(|c| **c != '\n').for_each(|c| *c = ' ');
    }
    (out, modules)
}

/// The place of the `;` or `}` that ends the item here; `None` for what is not an item.
fn item_end(code: &[char], item: usize) -> Option<usize> {
    const KEYWORDS: [&str; 16] = [
        "pub",
        "mod",
        "fn",
        "async",
        "unsafe",
        "extern",
        "impl",
        "use",
        "struct",
        "enum",
        "const",
        "static",
        "trait",
        "type",
        "union",
        "macro_rules",
    ];
    let word: String = code[item..].iter().take_while(|&&c| is_word(c)).collect();
    if !KEYWORDS.contains(&word.as_str()) {
        return None;
    }
    match body_start(code, item)? {
        (at, '{') => Some(closing(code, at)),
        (at, _) => Some(at),
    }
}

/// The first `{` or `;` from here that does not stand inside brackets or parentheses.
pub(crate) fn body_start(code: &[char], from: usize) -> Option<(usize, char)> {
    let mut at = from;
    while at < code.len() {
        match code[at] {
            '(' | '[' => at = closing(code, at) + 1,
            c @ ('{' | ';') => return Some((at, c)),
            _ => at += 1,
        }
    }
    None
}

/// The place of the bracket that closes the one here (the end of the code if none does).
pub(crate) fn closing(code: &[char], open: usize) -> usize {
    let mut depth = 0usize;
    for (at, c) in code.iter().enumerate().skip(open) {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    code.len().saturating_sub(1)
}

fn skip_space(code: &[char], from: usize) -> usize {
    from + code[from.min(code.len())..].iter().take_while(|c| c.is_whitespace()).count()
}

/// A run of letters, digits and underscores.
pub(crate) struct Word {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) text: String,
}

pub(crate) fn words(code: &[char]) -> Vec<Word> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < code.len() {
        let length = code[at..].iter().take_while(|&&c| is_word(c)).count();
        if length > 0 {
            let text = code[at..at + length].iter().collect();
            found.push(Word { start: at, end: at + length, text });
        }
        at += length.max(1);
    }
    found
}

pub(crate) fn starts_with(code: &[char], at: usize, text: &str) -> bool {
    text.chars().enumerate().all(|(offset, c)| code.get(at + offset) == Some(&c))
}

/// Whether the characters before this place, spaces left out, end with the text.
pub(crate) fn ends_with(code: &[char], at: usize, text: &str) -> bool {
    let before = code[..at].iter().rev().skip_while(|c| c.is_whitespace());
    text.chars().rev().eq(before.take(text.chars().count()).copied())
}
