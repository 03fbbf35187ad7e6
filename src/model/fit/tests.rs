//! Properties of whole fits, on small made-up tables.

use std::collections::BTreeMap;

use super::{Method, Order, Run, train_table};
use crate::model::card::ScaleWish;
use crate::model::population::draws::{Draws, logistic_ppm};
use crate::model::table::{Column, Data, MISSING, Table};

/// SYNTHETIC: two numbers that matter, a category that matters, a number that does not.
fn table(rows: usize, seed: u64) -> Table {
    let mut draws = Draws::new(&[seed]);
    let mut columns: [Vec<i64>; 3] = Default::default();
    let (mut words, mut bad) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let [a, b, c] = std::array::from_fn(|_| draws.normal());
        let word = draws.below(4) as u32;
        let risk = a - b / 2 + if word == 3 { 900 } else { 0 } - 1_000;
        bad.push(u32::from(draws.chance(logistic_ppm(risk))) + 1);
        let kept = |value: i64, draws: &mut Draws| if draws.percent(5) { MISSING } else { value };
        for (column, value) in columns.iter_mut().zip([a, b, c]) {
            column.push(kept(value, &mut draws));
        }
        words.push(word + 1);
    }
    let number = |name: &str, values: Vec<i64>| Column {
        name: name.to_string(),
        data: Data::Numbers { values, decimals: 3, words: vec![], doubtful_row: None },
        missing: 0,
        unread: None,
    };
    let word = |name: &str, codes: Vec<u32>, words: &[&str]| Column {
        name: name.to_string(),
        data: Data::Words { codes, words: words.iter().map(|w| w.to_string()).collect() },
        missing: 0,
        unread: None,
    };
    let [a, b, c] = columns;
    let columns = vec![
        number("a", a),
        number("b", b),
        number("c", c),
        word("w", words, &["p", "q", "r", "s"]),
        word("bad", bad, &["no", "yes"]),
    ];
    Table { columns, rows }
}

fn order(method: Method, threads: usize) -> Order {
    Order {
        id: "x".to_string(),
        target: "bad".to_string(),
        positive: None,
        exclude: Vec::new(),
        categorical: Vec::new(),
        special: BTreeMap::new(),
        monotone: BTreeMap::new(),
        monotone_all: false,
        dimensions: BTreeMap::new(),
        method,
        pairs: Some(4),
        like: None,
        neutral: false,
        holdout_permille: 0,
        scale: ScaleWish::default(),
        seed: 7,
        threads,
    }
}

#[test]
fn a_fit_is_the_same_bytes_on_any_number_of_threads() {
    let table = table(1_200, 1);
    for method in [Method::Woe, Method::Boost] {
        let [one, three] = [1, 3]
            .map(|threads| train_table(&table, "d", &order(method, threads)).expect("a fit").text);
        assert_eq!(one, three, "{method:?}");
        let other = Order { seed: 8, ..order(Method::Boost, 2) };
        let other = train_table(&table, "d", &other).expect("a fit").text;
        assert_ne!(one, other, "another seed divides the rows otherwise");
    }
}

#[test]
fn both_methods_find_what_made_the_data() {
    let table = table(3_000, 2);
    for method in [Method::Woe, Method::Boost] {
        let trained = train_table(&table, "d", &order(method, 2)).expect("a fit");
        let cv = trained.splits.iter().find(|(split, _)| *split == "cv").expect("a split").1;
        assert!(cv.auc.value > 0.70, "{method:?}: {}", cv.auc.value);
        assert!(cv.auc.low < cv.auc.value && cv.auc.value < cv.auc.high);
        assert_eq!(trained.characteristics[0].name, "a", "{method:?}");
    }
}

#[test]
fn asked_directions_are_kept_in_every_bin() {
    let table = table(1_500, 3);
    for method in [Method::Woe, Method::Boost] {
        for (run, rises) in [(Run::Auto, false), (Run::Down, false), (Run::Up, true)] {
            let monotone = BTreeMap::from([("a".to_string(), run)]);
            let asked = Order { monotone, ..order(method, 2) };
            let trained = train_table(&table, "d", &asked).expect("a fit");
            let entry = trained.scorecard.characteristics.iter().find(|e| e.name == "a");
            let points: Vec<i32> =
                entry.map_or(Vec::new(), |e| e.bins.iter().map(|bin| bin.points).collect());
            let kept = match rises {
                true => points.is_sorted(),
                false => points.is_sorted_by(|a, b| a >= b),
            };
            assert!(kept, "{method:?} {run:?}: {points:?}");
        }
    }
}

#[test]
fn rows_kept_apart_are_measured_apart() {
    let table = table(1_000, 4);
    let held = Order { holdout_permille: 250, ..order(Method::Woe, 1) };
    let trained = train_table(&table, "d", &held).expect("a fit");
    let n = |name: &str| trained.splits.iter().find(|(s, _)| *s == name).map(|(_, f)| f.n);
    assert_eq!((n("train"), n("holdout")), (Some(750), Some(250)));
}

#[test]
fn two_way_tables_stay_within_one_dimension() {
    use crate::collect::observation::Dimension;
    let table = table(1_500, 5);
    let of = |name: &str, dimension| (name.to_string(), dimension);
    let dimensions = BTreeMap::from([
        of("a", Dimension::CreditHistory),
        of("b", Dimension::CreditHistory),
        of("w", Dimension::Identity),
    ]);
    let asked = Order { dimensions, ..order(Method::Boost, 2) };
    let trained = train_table(&table, "d", &asked).expect("a fit");
    assert!(trained.left_out.iter().any(|out| out.name == "c" && out.why == "in no dimension"));
    assert!(trained.scorecard.pairs.iter().all(|p| p.dimension == Some(Dimension::CreditHistory)));
}

/// The same table with its outcomes dealt out anew: nothing says anything about them.
fn shuffled(mut table: Table) -> Table {
    let mut draws = Draws::new(&[77]);
    let Some(Column { data: Data::Words { codes, .. }, .. }) = table.columns.last_mut() else {
        panic!("outcomes")
    };
    for i in (1..codes.len()).rev() {
        codes.swap(i, draws.below(i as u64 + 1) as usize);
    }
    table
}

#[test]
fn noise_is_refused_in_words() {
    for method in [Method::Woe, Method::Boost] {
        let mut noise = shuffled(table(1_200, 6));
        noise.columns.retain(|column| column.name == "c" || column.name == "bad");
        match train_table(&noise, "d", &order(method, 2)) {
            Err(error) => {
                assert_eq!(error.code(), "table_unusable");
                assert!(error.to_string().starts_with("no column says anything"), "{error}");
                assert!(error.to_string().contains("c ("), "{error}");
            }
            // chance may leave a shadow of a pattern; then it is a scorecard that can be read
            Ok(trained) => assert!(!trained.scorecard.characteristics.is_empty()),
        }
    }
}

#[test]
fn a_column_that_tells_the_outcome_is_fitted_and_named() {
    let mut table = table(1_000, 7);
    let bad = match &table.columns.last().expect("outcomes").data {
        Data::Words { codes, .. } => codes.clone(),
        Data::Numbers { .. } => panic!("outcomes"),
    };
    if let Data::Numbers { values, .. } = &mut table.columns[0].data {
        for (row, (value, bad)) in values.iter_mut().zip(bad).enumerate() {
            *value = i64::from(bad) * 1_000 + row as i64 % 500;
        }
    }
    for method in [Method::Woe, Method::Boost] {
        let trained = train_table(&table, "d", &order(method, 2)).expect("a fit");
        let train = trained.splits.iter().find(|(split, _)| *split == "train").expect("a split").1;
        assert!(train.auc.value > 0.999, "{method:?}: {}", train.auc.value);
        assert!(trained.cautions.iter().any(|c| c.starts_with("a: ")), "{:?}", trained.cautions);
    }
}

#[test]
fn a_direction_against_the_data_is_not_forced_in_silence() {
    let table = table(1_500, 3);
    for method in [Method::Woe, Method::Boost] {
        for (run, warned) in [(Run::Up, true), (Run::Down, false), (Run::Auto, false)] {
            let monotone = BTreeMap::from([("a".to_string(), run)]);
            let asked = Order { monotone, ..order(method, 2) };
            let trained = train_table(&table, "d", &asked).expect("a fit");
            let told = trained.cautions.iter().any(|c| c.starts_with("--monotone a=-"));
            assert_eq!(told, warned, "{method:?} {run:?}");
        }
    }
}

#[test]
fn limits_are_printed_with_the_decimals_they_need() {
    let mut table = table(1_500, 8);
    if let Data::Numbers { values, decimals, .. } = &mut table.columns[0].data {
        values.iter_mut().filter(|v| **v != MISSING).for_each(|v| *v *= 1_000_000);
        *decimals = 9;
    }
    for method in [Method::Woe, Method::Boost] {
        let trained = train_table(&table, "d", &order(method, 2)).expect("a fit");
        let entry = trained.scorecard.characteristics.iter().find(|e| e.name == "a");
        let entry = entry.expect("the strongest column");
        let paired = trained.scorecard.pairs.iter().filter_map(|pair| {
            let axis = pair.of.iter().position(|name| name == "a")?;
            Some(pair.axes[axis].cuts.clone())
        });
        let limits: Vec<i64> =
            entry.bins.iter().filter_map(|b| b.to).chain(paired.flatten()).collect();
        assert!(!limits.is_empty());
        let needed = limits.iter().any(|limit| limit % 10 != 0);
        assert!(needed || entry.decimals() == 0, "{method:?}: {limits:?}");
    }
}
