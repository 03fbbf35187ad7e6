//! The law as a page: obligation → rule → case, for each pack, with what is not covered said
//! plainly. Made from `policies/obligations.toml`, the annotations of the rules, and the cases.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde::Deserialize;

use super::cases::Report;
use super::embedded;
use super::pack::Mark;
use super::rules::Rules;
use super::source::{Fault, toml_fault};

/// The file of obligations.
pub const OBLIGATIONS: &str = "obligations.toml";

/// What a law asks of a bureau.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Obligation {
    /// Its id.
    pub id: String,
    /// The pack it belongs to.
    pub pack: String,
    /// What is owed, in our words.
    pub duty: String,
    /// The provision.
    pub source: String,
    /// How certain.
    pub mark: Mark,
    /// The rules that see to it.
    #[serde(default)]
    pub rules: Vec<String>,
    /// What in the program sees to it beside rules.
    #[serde(default)]
    pub how: String,
    /// What is not covered.
    #[serde(default)]
    pub missing: String,
}

impl Obligation {
    fn state(&self) -> &'static str {
        let something = !self.rules.is_empty() || !self.how.is_empty();
        match (something, self.missing.is_empty()) {
            (true, true) => "covered",
            (true, false) => "in part",
            (false, _) => "NOT COVERED",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ObligationFile {
    obligation: Vec<Obligation>,
}

/// The text of the obligations in the binary.
pub fn embedded_obligations() -> &'static str {
    embedded::OBLIGATIONS
}

/// The case files in the binary: path and text.
pub fn embedded_cases() -> impl Iterator<Item = (&'static str, &'static str)> {
    embedded::CASES.iter().copied()
}

/// Reads obligations and checks them against the rules: each names rules that there are, and
/// every rule of a pack serves one.
///
/// # Errors
/// Every fault, with file and line.
pub fn read(rules: &Rules, text: &str) -> Result<Vec<Obligation>, Vec<Fault>> {
    let file: ObligationFile =
        toml::from_str(text).map_err(|error| vec![toml_fault(OBLIGATIONS, text, &error)])?;
    let ids = super::cases::rule_ids(rules);
    let mut faults = Vec::new();
    let mut wrong = |needle: &str, message: String| {
        let line = text.lines().position(|line| line.contains(needle)).map_or(1, |at| at + 1);
        faults.push(Fault { file: OBLIGATIONS.to_string(), line, message });
    };
    let mut served: BTreeSet<&str> = BTreeSet::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for one in &file.obligation {
        let needle = format!("id = \"{}\"", one.id);
        if !seen.insert(&one.id) {
            wrong(&needle, format!("`{}` stands twice", one.id));
        }
        if rules.pack(&one.pack).is_none() {
            wrong(&needle, format!("`{}`: there is no pack `{}`", one.id, one.pack));
        }
        if one.rules.is_empty() && one.how.is_empty() && one.missing.is_empty() {
            wrong(&needle, format!("`{}` says neither how it is met nor what is missing", one.id));
        }
        for rule in &one.rules {
            if !ids.contains(rule) {
                wrong(&needle, format!("`{}`: there is no rule `{rule}`", one.id));
            }
            served.insert(rule);
        }
    }
    for id in ids.iter().filter(|id| !id.starts_with("common/")) {
        if !served.contains(id.as_str()) {
            wrong("", format!("no obligation names the rule `{id}`"));
        }
    }
    if faults.is_empty() { Ok(file.obligation) } else { Err(faults) }
}

/// A cell of a table: one line, no bar.
fn cell(text: &str) -> String {
    text.replace('|', "/").replace('\n', " ")
}

/// The page.
pub fn document(rules: &Rules, obligations: &[Obligation], report: &Report) -> String {
    let mut page = String::from(HEAD);
    for pack in rules.packs() {
        let own: Vec<&Obligation> = obligations.iter().filter(|o| o.pack == pack.id).collect();
        let state = |name: &str| own.iter().filter(|o| o.state() == name).count();
        let _ = writeln!(
            page,
            "\n## {}: {} (pack `{}`, version {})\n\n{} obligations: {} covered, {} in part, {} not \
             covered.\n",
            pack.id,
            pack.name,
            pack.id,
            pack.version,
            own.len(),
            state("covered"),
            state("in part"),
            state("NOT COVERED"),
        );
        page.push_str("| obligation | what is owed | source | rules and cases | state |\n");
        page.push_str("| --- | --- | --- | --- | --- |\n");
        for one in &own {
            let _ = writeln!(page, "{}", row(one, report));
        }
    }
    page.push_str(&scenarios(rules));
    page.push_str(&common(rules, report));
    page
}

const HEAD: &str = "\
# The law, and where it stands in the program

Made by `fivefold policy law` from `policies/obligations.toml`, the annotations of the rules and the
case files; a test fails when this page is not what they give. Not legal advice.

A rule is a Cedar policy (`policies/*/*.cedar`), a clock (`retention.toml`) or a deadline
(`remedies.toml`). Each names its provision and how certain it is that the provision says so. What
is marked *unverified* was not read in its source: it governs, but no notice and no filing cites it.
*Own design* is no law. `fivefold policy check` runs every case.
";

fn row(one: &Obligation, report: &Report) -> String {
    let mut met: Vec<String> = Vec::new();
    for rule in &one.rules {
        let cases = report.of(rule).count();
        let plural = if cases == 1 { "" } else { "s" };
        met.push(format!("`{rule}` ({cases} case{plural})"));
    }
    if !one.how.is_empty() {
        met.push(cell(&one.how));
    }
    let state = match one.missing.as_str() {
        "" => one.state().to_string(),
        missing => format!("**{}**: {}", one.state(), cell(missing)),
    };
    format!(
        "| {} | {} | {} | {} | {state} |",
        one.id,
        cell(&one.duty),
        cell(&one.mark.cite(&one.source)),
        met.join("; "),
    )
}

fn scenarios(rules: &Rules) -> String {
    let ids: Vec<&str> = rules.packs().map(|pack| pack.id.as_str()).collect();
    let mut page = String::from(
        "\n## What may be asked\n\nThe thirteen everyday uses are named in the second column. A cell \
         says in which form a pack answers, and whether hard or soft; the person's own file is \
         always open to the person.\n\n| scenario | everyday use |",
    );
    for id in &ids {
        let _ = write!(page, " {id} |");
    }
    page.push_str("\n| --- | --- |");
    for _ in &ids {
        page.push_str(" --- |");
    }
    page.push('\n');
    for scenario in rules.scenarios() {
        let everyday = scenario.everyday.as_deref().unwrap_or("");
        let _ = write!(page, "| `{}` | {everyday} |", scenario.name);
        if let Some(reason) = &scenario.refused {
            let _ = write!(page, " refused everywhere: {} |", cell(reason));
            for _ in ids.iter().skip(1) {
                page.push_str(" refused |");
            }
        } else {
            for id in &ids {
                let text = match scenario.row(id) {
                    Some(row) if row.allowed => {
                        let notice = if row.adverse_action { ", notice" } else { "" };
                        format!("{}, {}{notice}", row.form.name(), row.pull.name())
                    }
                    Some(row) => format!("refused ({})", row.mark.cite(&row.source)),
                    None => "refused".to_string(),
                };
                let _ = write!(page, " {} |", cell(&text));
            }
        }
        page.push('\n');
    }
    page
}

fn common(rules: &Rules, report: &Report) -> String {
    let mut page = String::from(
        "\n## Rules of every pack\n\nWhat holds wherever the person lives; mostly our own design, so \
         that no pack can forget it.\n\n| rule | refusal | source | cases |\n\
         | --- | --- | --- | --- |\n",
    );
    for note in rules.policies().iter().filter(|note| note.id.starts_with("common/")) {
        let code = note.code.as_ref().map_or("permits".to_string(), |code| format!("`{code}`"));
        let source = cell(&note.mark.cite(&note.source));
        let _ = writeln!(
            page,
            "| `{}` | {code} | {source} | {} |",
            note.id,
            report.of(&note.id).count()
        );
    }
    page
}
