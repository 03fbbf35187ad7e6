//! The printed table is what the code gives: random scorecards over random rows.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::{Scores, score};
use crate::model::table::{Column, Data, MISSING, Table, WORD_0};
use crate::score::scorecard::Scorecard;

/// Points for the bins that the limits make, one after the other.
fn bins(cuts: &[i64], points: &mut impl Iterator<Item = i32>) -> String {
    let mut out = String::from("bins = [");
    for place in 0..=cuts.len() {
        let from = place.checked_sub(1).map(|i| format!("from = {}, ", cuts[i]));
        let to = cuts.get(place).map(|cut| format!("to = {cut}, "));
        let points = points.next().unwrap_or(0);
        let (from, to) = (from.unwrap_or_default(), to.unwrap_or_default());
        let _ = write!(out, "{{ {from}{to}points = {points} }}, ");
    }
    out + "]\n"
}

/// A scorecard with a column of numbers, one of categories, and a two-way table over both.
fn card(decimals: u32, cuts: &[i64], points: &[i32]) -> Scorecard {
    let mut points = points.iter().copied().cycle();
    let head = "id = \"x\"\nversion = \"1\"\nstatus = \"candidate\"\nvalidated_for = []\n\
        target = \"t\"\n[scale]\nbase_points = 60000\nmin = 350\nmax = 950\npdo = 50\n\
        base_odds = 20\nodds_at = 600\nunit = 100\n[[band]]\nname = \"all\"\nfrom = 350\n";
    let mut text = head.to_string();
    let _ = write!(
        text,
        "[[characteristic]]\nname = \"n\"\nreason = \"N\"\nrationale = \"r\"\nbaseline = {}\n\
         no_data = {}\nnot_applicable = 0\n",
        points.next().unwrap_or(0),
        points.next().unwrap_or(0),
    );
    text += &bins(cuts, &mut points);
    let _ = write!(
        text,
        "[characteristic.column]\nkind = \"numeric\"\ndecimals = {decimals}\n\
         special = [{{ value = \"-9\", points = {} }}, {{ value = \"none\", points = {} }}]\n",
        points.next().unwrap_or(0),
        points.next().unwrap_or(0),
    );
    let _ = write!(
        text,
        "[[characteristic]]\nname = \"w\"\nreason = \"W\"\nrationale = \"r\"\nbaseline = {}\n\
         no_data = {}\nnot_applicable = 0\n[characteristic.column]\nkind = \"category\"\n\
         other = {}\ngroup = [{{ values = [\"a\", \"1.5\"], points = {} }}, \
         {{ values = [\"b\"], points = {} }}]\n",
        points.next().unwrap_or(0),
        points.next().unwrap_or(0),
        points.next().unwrap_or(0),
        points.next().unwrap_or(0),
        points.next().unwrap_or(0),
    );
    let row = |points: &mut dyn Iterator<Item = i32>| {
        let cells: Vec<String> = (0..4).map(|_| points.next().unwrap_or(0).to_string()).collect();
        format!("[{}], ", cells.join(", "))
    };
    let rows: String = (0..cuts.len() + 2).map(|_| row(&mut points)).collect();
    let _ = write!(
        text,
        "[[pair]]\nof = [\"n\", \"w\"]\nreason = \"P\"\nrationale = \"r\"\nbaseline = 0\n\
         axes = [{{ cuts = {cuts:?} }}, {{ groups = [[\"a\"], [\"b\", \"1.5\"]] }}]\n\
         points = [{rows}]\n",
    );
    Scorecard::read(text.as_bytes()).expect("a scorecard")
}

fn table(decimals: u32, numbers: &[i64], words: &[u32]) -> Table {
    let n = Column {
        name: "n".into(),
        data: Data::Numbers {
            values: numbers.to_vec(),
            decimals,
            words: vec!["none".into()],
            doubtful_row: None,
        },
        missing: 0,
        unread: None,
    };
    let w = Column {
        name: "w".into(),
        data: Data::Words {
            codes: words.to_vec(),
            words: ["a", "b", "c", "1.5"].map(String::from).to_vec(),
        },
        missing: 0,
        unread: None,
    };
    Table { columns: vec![n, w], rows: numbers.len() }
}

/// Totals by the definition: each cell looked up in the printed table.
fn by_the_table(card: &Scorecard, table: &Table) -> Vec<i64> {
    let [n, w] = &card.characteristics[..] else { panic!("two characteristics") };
    let total = |row: usize| {
        let cells = [table.columns[0].cell(row), table.columns[1].cell(row)];
        let own = [n.cell_points(cells[0]), w.cell_points(cells[1])];
        let pair = card.pairs[0].cell_points([n, w], cells);
        let points = own.into_iter().chain([pair]).map(|p| i64::from(p.expect("points")));
        i64::from(card.scale.base_points) + points.sum::<i64>()
    };
    (0..table.rows).map(total).collect()
}

fn number() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => -2_000_i64..2_000,
        1 => Just(-9_i64), 1 => Just(-90), 1 => Just(-900),
        1 => Just(MISSING), 1 => Just(WORD_0),
        1 => -1_000_000_000_000_i64..1_000_000_000_000,
    ]
}

proptest! {
    #[test]
    fn what_the_table_says_is_what_the_code_gives(
        card_decimals in 0_u32..4,
        table_decimals in 0_u32..4,
        mut cuts in proptest::collection::vec(-1_500_i64..1_500, 0..12),
        points in proptest::collection::vec(-6_000_i32..6_000, 7..40),
        rows in proptest::collection::vec((number(), 0_u32..5), 1..3_000),
        threads in 1_usize..4,
    ) {
        cuts.sort_unstable();
        cuts.dedup();
        let card = card(card_decimals, &cuts, &points);
        let (numbers, words): (Vec<i64>, Vec<u32>) = rows.into_iter().unzip();
        let table = table(table_decimals, &numbers, &words);
        let found = score(&card, &table, threads).expect("scores");
        prop_assert_eq!(&found.totals, &by_the_table(&card, &table));
        prop_assert_eq!(reasons(&found, 0), expected_reasons(&card, &table));
    }
}

fn reasons(scores: &Scores, row: usize) -> Vec<String> {
    scores.reasons_of(row).map(String::from).collect()
}

/// The losses of the first row, the largest first.
fn expected_reasons(card: &Scorecard, table: &Table) -> Vec<String> {
    let [n, w] = &card.characteristics[..] else { panic!("two characteristics") };
    let cells = [table.columns[0].cell(0), table.columns[1].cell(0)];
    let lost = |points: Option<i32>, baseline: i32| baseline - points.expect("points");
    let mut losses = vec![
        ("N", lost(n.cell_points(cells[0]), n.baseline)),
        ("W", lost(w.cell_points(cells[1]), w.baseline)),
        ("P", lost(card.pairs[0].cell_points([n, w], cells), 0)),
    ];
    losses.retain(|(_, lost)| *lost > 0);
    losses.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    losses.into_iter().map(|(code, _)| code.to_string()).collect()
}
