//! Each rule against code that breaks it: a rule that cannot fail is no rule.

use super::code::blank_literals;
use super::*;

const NONE: [usize; 0] = [];

/// The lines that a rule finds fault with.
fn lines(path: &str, text: &str, rule: fn(&Source) -> Vec<Finding>) -> Vec<usize> {
    rule(&Source::new(path, text)).into_iter().map(|finding| finding.line).collect()
}

fn code(text: &str) -> String {
    blank_literals(text).into_iter().collect()
}

#[test]
fn comments_and_literals_are_blanked_in_place() {
    assert_eq!(code("a /* { /* } */ */ b // c\nd"), "a                 b     \nd");
    assert_eq!(code(r#"f("\"{", 'x', '\'', '"')"#), r#"f(""""", """, """", """)"#);
    assert_eq!(code("r#\"}\"# + br\"{\" + r#type"), "\"\"\"\"\"\" + \"\"\"\"\" + r#type");
    assert_eq!(code("fn f<'a>(x: &'a str)"), "fn f<'a>(x: &'a str)");
    assert_eq!(code("\"a\nb\" c"), "\"\"\n\"\" c");
}

#[test]
fn an_import_from_the_right_is_found() {
    let text = "use crate::kernel::Time;\nuse crate::{error::E, http::{a, b}, score};\n";
    assert_eq!(lines("ledger/tree.rs", text, import_order), [2, 2]);
    assert_eq!(lines("http/mod.rs", text, import_order), NONE);
    assert_eq!(lines("score/mod.rs", "fn f() { crate::cli::run() }", import_order), [1]);
    assert_eq!(lines("score/mod.rs", "// crate::cli\nuse crate::score::x;", import_order), NONE);
    assert_eq!(lines("partner/mod.rs", "use crate::subject::x;", import_order), [1]);
}

#[test]
fn super_leads_to_the_root_too() {
    assert_eq!(lines("ledger/tree.rs", "use super::super::http::x;", import_order), [1]);
    assert_eq!(lines("ledger/tree.rs", "use super::http;", import_order), NONE);
    assert_eq!(lines("ledger/mod.rs", "use super::{kernel, bureau};", import_order), [1]);
    let nested = "mod tests {\n use super::http;\n use super::super::http;\n}";
    assert_eq!(lines("ledger/mod.rs", nested, import_order), [3]);
}

#[test]
fn what_has_no_place_in_the_order_is_found() {
    assert_eq!(lines("utils/mod.rs", "", import_order), [1]);
    assert_eq!(lines("score/mod.rs", "use crate::Error;", import_order), [1]);
    assert_eq!(lines("score/mod.rs", "crate::table! {}", import_order), NONE);
    assert_eq!(lines("lib.rs", "pub mod kernel;", import_order), NONE);
    assert_eq!(lines("main.rs", "fivefold::cli::main()", import_order), NONE);
    assert_eq!(lines("main.rs", "use fivefold::{cli,\n store};", import_order), [2]);
}

#[test]
fn long_files_functions_and_lines_are_found() {
    let file = |count| "\n".repeat(count);
    assert_eq!(lines("kernel/a.rs", &file(FILE_LINES_MAX), file_length), NONE);
    assert_eq!(lines("kernel/a.rs", &file(FILE_LINES_MAX + 1), file_length).len(), 1);

    let function =
        |count| format!("\nfn f(a: [u8; 3]) {{\n{}// c\n\n}}", "g(\"{\");\n".repeat(count));
    assert_eq!(lines("kernel/a.rs", &function(FUNCTION_LINES_MAX), function_length), NONE);
    assert_eq!(lines("kernel/a.rs", &function(FUNCTION_LINES_MAX + 1), function_length), [2]);
    assert_eq!(lines("kernel/a.rs", "trait T { fn f(); }", function_length), NONE);

    let wide = "x".repeat(LINE_COLUMNS_MAX);
    let text = format!("{wide}\n{wide}y\n\"{wide}\",\n// https://{wide}\n// {wide} z\n");
    assert_eq!(lines("kernel/a.rs", &text, line_width), [2, 5]);
}

#[test]
fn a_panic_outside_tests_is_found() {
    let text = "fn f() {\n a.unwrap();\n b\n  .expect(\"c\");\n todo!()\n}\n";
    assert_eq!(lines("kernel/a.rs", text, panics), [2, 4, 5]);
    assert_eq!(lines("kernel/a.rs", "x.map(Option::unwrap)", panics), [1]);
    let harmless = "#[expect(x)] fn f() { a.unwrap_or(b); \"panic!()\" } // .unwrap()";
    assert_eq!(lines("kernel/a.rs", harmless, panics), NONE);
    let tests = "#[cfg(test)]\n#[allow(x)]\nmod tests { fn f() { a.unwrap(); } }\nb.unwrap()";
    assert_eq!(lines("kernel/a.rs", tests, panics), [4]);
}

#[test]
fn a_test_module_in_a_file_of_its_own_is_known() {
    let parent = Source::new("ledger/mod.rs", "#[cfg(test)]\nmod tests;\nmod tree;\n");
    assert_eq!(parent.test_modules, ["tests"]);
    assert!(Source::new("ledger/tests.rs", "").is_in(&parent, "tests"));
    assert!(Source::new("ledger/tests/a.rs", "").is_in(&parent, "tests"));
    assert!(!Source::new("ledger/tree.rs", "").is_in(&parent, "tests"));
}

#[test]
fn diesel_elsewhere_is_found() {
    assert_eq!(lines("policy/mod.rs", "use diesel::prelude::*;", diesel), [1]);
    assert_eq!(lines("policy/rows.rs", "use diesel::prelude::*;", diesel), NONE);
    assert_eq!(lines("store/pool.rs", "use diesel::prelude::*;", diesel), NONE);
}

#[test]
fn a_float_elsewhere_is_found() {
    for bad in ["a: f64", "b as f32", "0.5", "1e9", "2_f64", "3f32", "v.as_f64()"] {
        assert_eq!(lines("score/mod.rs", bad, floats), [1], "{bad}");
        assert_eq!(lines("model/fit.rs", bad, floats), NONE, "{bad}");
    }
    for good in ["pair.0.1", "0..5", "0x1e9", "1.max(2)", "\"0.5\"", "buf64", "f640"] {
        assert_eq!(lines("score/mod.rs", good, floats), NONE, "{good}");
    }
}

#[test]
fn a_migration_for_one_database_only_is_found() {
    let names = |list: &[&str]| list.iter().map(|name| (*name).into()).collect();
    let lists = [("postgres", names(&["1_a", "2_b"])), ("sqlite", names(&["1_a"]))];
    assert_eq!(missing_migrations(&lists), ["migrations/sqlite/2_b/up.sql is missing"]);
    assert!(missing_migrations(&lists[..1]).is_empty());
}
