//! The frame around each page: no script, no font and no picture from anywhere.

use super::document::escaped;

/// The pages there are: path, name.
const PAGES: [(&str, &str); 5] = [
    ("/docs", "Interface"),
    ("/docs/guides", "Guides"),
    ("/docs/dictionary", "Dictionary"),
    ("/docs/errors", "Errors"),
    (SANDBOX, "Sandbox"),
];
/// The page that only a sandbox has.
const SANDBOX: &str = "/docs/sandbox";

const STYLE: &str = include_str!("page.css");

/// A whole page; `here` is the last part of its own path.
pub fn page(title: &str, here: &str, body: &str, sandbox: bool) -> String {
    let own = format!("/docs/{here}");
    let there = PAGES.iter().filter(|(path, _)| sandbox || *path != SANDBOX);
    let links = there.map(|(path, name)| {
        let current = if *path == own { " aria-current=\"page\"" } else { "" };
        format!("<a href=\"{path}\"{current}>{name}</a>")
    });
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{} · Fivefold</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header><a class=\"home\" href=\"/docs\">Fivefold</a><nav>{}</nav></header>\n\
         <main>\n{body}</main>\n</body>\n</html>\n",
        escaped(title),
        links.collect::<String>(),
    )
}
