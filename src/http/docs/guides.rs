//! The guides: Markdown files, drawn as pages; and the clients that they hand out, as they are.

use super::markdown::to_html;

/// The guides: name, title, text.
pub const GUIDES: [(&str, &str, &str); 3] = [
    ("lender", "Lender", include_str!("../../../docs/guides/lender.md")),
    ("landlord", "Landlord platform", include_str!("../../../docs/guides/landlord.md")),
    ("hotel", "Hotel chain", include_str!("../../../docs/guides/hotel.md")),
];

/// The clients: file, text.
const CLIENTS: [(&str, &str); 3] = [
    ("client.sh", include_str!("../../../docs/guides/client.sh")),
    ("client.py", include_str!("../../../docs/guides/client.py")),
    ("client.mjs", include_str!("../../../docs/guides/client.mjs")),
];

/// The list of guides, as a page.
pub fn list() -> String {
    let mut text = String::from(
        "# Guides\n\nFrom nothing to a first signed inquiry in the sandbox, with blocks to copy and \
         run. They are run as they stand in the project's own tests.\n\n",
    );
    for (name, title, _) in GUIDES {
        text += &format!("- [{title}](/docs/guides/{name})\n");
    }
    text += "\nThe clients that they use, to read and to copy:\n\n";
    for (file, _) in CLIENTS {
        text += &format!("- [{file}](/docs/guides/{file})\n");
    }
    to_html(&text)
}

/// A guide or a client by its file name, and whether it is a page.
pub fn find(file: &str) -> Option<(String, bool)> {
    let guide = |name: &str| GUIDES.iter().find(|(own, ..)| *own == name).map(|(.., text)| *text);
    if let Some(text) = guide(file) {
        return Some((to_html(text), true));
    }
    if let Some(text) = file.strip_suffix(".md").and_then(guide) {
        return Some((text.to_string(), false));
    }
    CLIENTS.iter().find(|(own, _)| *own == file).map(|(_, text)| (text.to_string(), false))
}
