//! From true counts to what may be published: no count of persons from 1 to 9 can be read from the
//! public edition, nor found by subtracting what it does say.
//!
//! The rule is chosen so that it can be proved. Counts of one kind stand in a *block*. A row of
//! which any count of persons, or any of its complements (those of a total that are not in a part),
//! lies from 1 to 9 is *withheld*, whole. More rows, the smallest first, are withheld until there
//! are two at least and their sums are each 0 or 10 at least. The withheld rows are published as
//! one, their sums. Whoever knows the true total of every column can learn these sums and nothing
//! else: any way of sharing them out over the withheld rows fits all that is published, one in
//! which a given row has everything as well as one in which it has nothing. Where a whole block
//! is withheld and its sums are still small, the sums are withheld too.
//!
//! A table must not repeat the counts of another along other keys, or subtracting across tables
//! would undo this: tables that would are not in the public edition (`public = false`).

use super::catalogue::{Report, ReportRole};
use super::grid::{Grid, Kind, Value};

/// Counts of persons below this, and above none, are not published.
pub const FEWEST: i64 = 10;

/// Column of a public table that says what was done to a row.
pub const SHOWN: &str = "shown";

/// What stands for the keys of rows that were put together.
const ANY: &str = "*";

/// A row as it stands.
pub const AS_IT_IS: &str = "as it is";
/// Several rows put together.
pub const TOGETHER: &str = "small ones together";
/// Too few to be told.
pub const WITHHELD: &str = "withheld";

/// Which columns are what.
struct Shape {
    block: Vec<usize>,
    keys: Vec<usize>,
    people: Vec<usize>,
    ranks: Vec<usize>,
    /// (part, whole)
    parts: Vec<(usize, usize)>,
}

impl Shape {
    fn of(report: &Report) -> Shape {
        let with = |role: ReportRole| {
            let places = report.columns.iter().enumerate();
            places.filter(move |(_, column)| column.role == role).map(|(place, _)| place).collect()
        };
        let parts = report
            .columns
            .iter()
            .enumerate()
            .filter_map(|(place, column)| Some((place, report.place(column.of.as_deref()?)?)));
        Shape {
            block: report.block.iter().filter_map(|name| report.place(name)).collect(),
            keys: with(ReportRole::Key),
            people: with(ReportRole::People),
            ranks: with(ReportRole::Rank),
            parts: parts.collect(),
        }
    }

    /// Every count of persons that a row tells, and each complement.
    fn counts(&self, row: &[Value]) -> Vec<i64> {
        let at = |place: usize| row.get(place).and_then(Value::int).unwrap_or(0);
        let complements = self.parts.iter().map(|(part, whole)| at(*whole) - at(*part));
        self.people.iter().map(|place| at(*place)).chain(complements).collect()
    }
}

fn few(counts: &[i64]) -> bool {
    counts.iter().any(|count| *count != 0 && *count < FEWEST)
}

/// The public edition of a table: the same columns and one that says of each row whether it stands
/// as it is. A table without counts of persons stands as it is.
pub fn publish(report: &Report, grid: &Grid) -> Grid {
    let shape = Shape::of(report);
    let mut columns = grid.columns.clone();
    columns.push((SHOWN.to_owned(), Kind::Text));
    let mut rows = Vec::new();
    let blocks: Vec<Vec<&Vec<Value>>> = match shape.people.is_empty() {
        true => vec![grid.rows.iter().collect()],
        false => blocks(&shape, grid),
    };
    for block in blocks {
        let withheld = if shape.people.is_empty() { Vec::new() } else { withheld(&shape, &block) };
        for (place, row) in block.iter().enumerate() {
            if !withheld.contains(&place) {
                rows.push(marked((*row).clone(), AS_IT_IS));
            }
        }
        if !withheld.is_empty() {
            let hidden = withheld.iter().filter_map(|place| block.get(*place).copied());
            rows.push(together(&shape, &hidden.collect::<Vec<_>>()));
        }
    }
    let mut grid = Grid { columns, rows };
    unchain(report, &shape, &mut grid);
    grid
}

fn marked(mut row: Vec<Value>, how: &str) -> Vec<Value> {
    row.push(Value::Text(how.to_owned()));
    row
}

/// Rows of the same block, blocks in the order in which they begin.
fn blocks<'a>(shape: &Shape, grid: &'a Grid) -> Vec<Vec<&'a Vec<Value>>> {
    let mut blocks: Vec<(Vec<&Value>, Vec<&Vec<Value>>)> = Vec::new();
    for row in &grid.rows {
        let name: Vec<&Value> = shape.block.iter().filter_map(|place| row.get(*place)).collect();
        match blocks.iter_mut().find(|(known, _)| *known == name) {
            Some((_, rows)) => rows.push(row),
            None => blocks.push((name, vec![row])),
        }
    }
    blocks.into_iter().map(|(_, rows)| rows).collect()
}

/// Which rows of a block are withheld, in order.
fn withheld(shape: &Shape, block: &[&Vec<Value>]) -> Vec<usize> {
    let counts: Vec<Vec<i64>> = block.iter().map(|row| shape.counts(row)).collect();
    let mut hidden: Vec<usize> =
        counts.iter().enumerate().filter(|(_, row)| few(row)).map(|(place, _)| place).collect();
    // The smallest first, so that little is lost; the place decides between equals.
    let mut rest: Vec<usize> = (0..block.len()).filter(|place| !hidden.contains(place)).collect();
    rest.sort_by_key(|place| {
        (counts.get(*place).and_then(|row| row.iter().max().copied()), *place)
    });
    let mut rest = rest.into_iter();
    while !hidden.is_empty() && (hidden.len() < 2 || few(&sums(&counts, &hidden))) {
        let Some(next) = rest.next() else { break };
        hidden.push(next);
    }
    hidden.sort_unstable();
    hidden
}

fn sums(counts: &[Vec<i64>], hidden: &[usize]) -> Vec<i64> {
    let mut sums = vec![0; counts.first().map_or(0, Vec::len)];
    for row in hidden.iter().filter_map(|place| counts.get(*place)) {
        for (sum, count) in sums.iter_mut().zip(row) {
            *sum += count;
        }
    }
    sums
}

/// The withheld rows of a block as one.
fn together(shape: &Shape, rows: &[&Vec<Value>]) -> Vec<Value> {
    let counts: Vec<Vec<i64>> = rows.iter().map(|row| shape.counts(row)).collect();
    let all: Vec<usize> = (0..rows.len()).collect();
    let untold = few(&sums(&counts, &all));
    let mut one = rows.first().map(|row| (*row).clone()).unwrap_or_default();
    for (place, cell) in one.iter_mut().enumerate() {
        if shape.keys.contains(&place) {
            if !shape.block.contains(&place) {
                *cell = Value::Text(ANY.to_owned());
            }
        } else if shape.ranks.contains(&place) || untold {
            *cell = Value::None;
        } else {
            let known: Vec<i64> =
                rows.iter().filter_map(|row| row.get(place).and_then(Value::int)).collect();
            *cell = if known.is_empty() { Value::None } else { Value::Int(known.iter().sum()) };
        }
    }
    marked(one, if untold { WITHHELD } else { TOGETHER })
}

/// Withholds a count that can be told from the one before it in the chain to within a few: of 100
/// persons enrolled 97 with a file tell of three without.
fn unchain(report: &Report, shape: &Shape, grid: &mut Grid) {
    let mut last: Option<i64> = None;
    for name in &report.chain {
        let found = grid.rows.iter_mut().find(|row| row.first().map(Value::text) == Some(name));
        let Some(row) = found else { continue };
        let value = shape.people.first().and_then(|place| row.get(*place)?.int());
        let Some(value) = value else { continue };
        if last.is_some_and(|last| last != value && (last - value).abs() < FEWEST) {
            for place in &shape.people {
                if let Some(cell) = row.get_mut(*place) {
                    *cell = Value::None;
                }
            }
            if let Some(shown) = row.last_mut() {
                *shown = Value::Text(WITHHELD.to_owned());
            }
            continue;
        }
        last = Some(value);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn report(name: &str) -> &'static Report {
        Report::all().expect("definitions").iter().find(|r| r.name == name).expect("a table")
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    /// A table of inquiries: each row is a scenario's hits, no hits and refusals.
    fn inquiries(rows: &[(i64, i64, i64)]) -> Grid {
        let report = report("inquiries");
        let kind = |role| if role == ReportRole::Key { Kind::Text } else { Kind::Int };
        let columns = report.columns.iter().map(|c| (c.name.clone(), kind(c.role))).collect();
        let rows = rows.iter().enumerate().map(|(n, (hit, no_hit, refused))| {
            let keys = [format!("s{n}"), "bank".into(), "hard".into(), "score".into()];
            let counts = [hit + no_hit + refused, *hit, *no_hit, *refused];
            keys.iter().map(|k| text(k)).chain(counts.map(Value::Int)).collect()
        });
        Grid { columns, rows: rows.collect() }
    }

    fn people(row: &[Value]) -> Vec<Option<i64>> {
        row[4..8].iter().map(Value::int).collect()
    }

    #[test]
    fn one_small_row_takes_the_next_smallest_along() {
        let grid = inquiries(&[(100, 20, 0), (40, 15, 0), (3, 0, 0)]);
        let public = publish(report("inquiries"), &grid);
        assert_eq!(public.rows.len(), 2);
        assert_eq!(people(&public.rows[0]), [Some(120), Some(100), Some(20), Some(0)]);
        assert_eq!(people(&public.rows[1]), [Some(58), Some(43), Some(15), Some(0)]);
        assert_eq!(public.rows[1][0], text("*"));
        assert_eq!(public.rows[1][8], text(TOGETHER));
    }

    #[test]
    fn what_is_small_altogether_is_not_told() {
        let public = publish(report("inquiries"), &inquiries(&[(3, 0, 0), (2, 1, 0)]));
        assert_eq!(public.rows.len(), 1);
        assert_eq!(people(&public.rows[0]), [None; 4]);
        assert_eq!(public.rows[0][8], text(WITHHELD));
    }

    #[test]
    fn a_chain_does_not_tell_the_few_who_are_missing() {
        let mut grid = Grid::new(&[
            ("measure", Kind::Text),
            ("basis", Kind::Text),
            ("value", Kind::Int),
            ("entry", Kind::Int),
        ]);
        for (name, value) in
            [("persons_enrolled", 100), ("persons_with_file", 97), ("persons_scorable", 60)]
        {
            grid.rows.push(vec![text(name), text("counted"), Value::Int(value), Value::Int(5)]);
        }
        let public = publish(report("coverage"), &grid);
        let values: Vec<_> = public.rows.iter().map(|row| row[2].int()).collect();
        assert_eq!(values, [Some(100), None, Some(60)]);
    }

    proptest! {
        /// No published count, complement or difference to a known total lies from 1 to 9, and
        /// where rows are put together there are two at least, so that each of them may have
        /// anything from nothing to the whole of the sum.
        #[test]
        fn no_small_count_is_published_or_can_be_found_by_subtraction(
            rows in prop::collection::vec((0i64..40, 0i64..14, 0i64..14), 0..9)
        ) {
            let report = report("inquiries");
            let shape = Shape::of(report);
            let grid = inquiries(&rows);
            let public = publish(report, &grid);
            let as_they_are: Vec<_> =
                public.rows.iter().filter(|row| row[8] == text(AS_IT_IS)).collect();
            for row in &as_they_are {
                prop_assert!(!few(&shape.counts(row)), "{row:?}");
                prop_assert!(grid.rows.iter().any(|r| r[..] == row[..8]), "published as it was");
            }
            let hidden = grid.rows.len() - as_they_are.len();
            prop_assert!(hidden != 1 || as_they_are.is_empty(), "one row alone is its own sum");
            // Whoever knows the true totals subtracts what is published.
            let total = |rows: &mut dyn Iterator<Item = &Vec<Value>>| {
                let counts: Vec<_> = rows.map(|row| shape.counts(row)).collect();
                let all: Vec<_> = (0..counts.len()).collect();
                sums(&counts, &all)
            };
            let told = total(&mut as_they_are.iter().copied());
            let every = total(&mut grid.rows.iter());
            let left: Vec<i64> = every
                .iter()
                .zip(told.iter().chain(std::iter::repeat(&0)))
                .map(|(every, told)| every - told)
                .collect();
            if !as_they_are.is_empty() {
                prop_assert!(!few(&left), "{left:?}");
            }
            // And the sums that are published are right.
            for row in public.rows.iter().filter(|row| row[8] == text(TOGETHER)) {
                prop_assert_eq!(shape.counts(row), left.clone());
            }
        }
    }
}
