//! The extract, its verification and the regulator's pack, each against a floor measured here.
//!
//! `cargo bench --bench reports -- ENTRIES PYTHON`: half of the entries are inquiries. PYTHON is an
//! interpreter that has DuckDB; without one its floor is left out. Ratios only: the machine is
//! shared.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a benchmark stops at the first surprise, and reads the clock"
)]

use std::convert::Infallible;
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use fivefold::kernel::bytes::Digest;
use fivefold::kernel::{Env, Time};
use fivefold::ledger::body::{Body, Draft};
use fivefold::ledger::checkpoint::Checkpoint;
use fivefold::ledger::commitment::part_hash;
use fivefold::ledger::leaf::{Leaf, PublicKind};
use fivefold::ledger::note::NoteSigner;
use fivefold::ledger::tree::{CompactRange, HashSource, leaf_hash};
use fivefold::partner::signature::SigningKey;
use fivefold::report::extract::{
    Bounds, ExtractEntry, ExtractInput, ExtractKeys, Manifest, Period, TableSchema, extract,
    write_table,
};
use fivefold::report::verify_export::verify_export;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;

const ORIGIN: &str = "bench.example/log";

/// No hash is ever asked for: the tree begins with the period and ends with it.
struct NoHashes;

impl HashSource for NoHashes {
    fn hash(&self, _: u32, _: u64) -> std::io::Result<Digest> {
        Err(std::io::Error::other("not needed"))
    }
}

fn period() -> Period {
    Period::month("2026-10".parse().unwrap(), 8)
}

fn draft(n: u64) -> Draft {
    let partner = format!("par_{:026}", n % 23);
    if n.is_multiple_of(2) {
        let draft = Draft::new("inquiry", PublicKind::Inquiry)
            .says("inquiry", format!("inq_{n:026}"))
            .says("asker", partner)
            .says("sector", ["bank", "hotel", "landlord"][n as usize % 3])
            .says("scenario", ["credit_application", "tenancy", "account_review"][n as usize % 3])
            .says("form", ["score", "threshold", "not_assessable"][n as usize % 3])
            .says("as_of", "2026-10-02T03:04:05Z")
            .says("basis", "consent")
            .says("pull", "hard")
            .says("rule_pack", json!({"id": "cn", "version": "2026.1", "digest": "cd34"}))
            .says("rule_packs", json!(["cn"]))
            .says("reasons", json!([{"code": "R01", "points_lost": 30}]))
            .counts("band", ["A", "B", "C"][n as usize % 3])
            .counts("model", json!({"id": "cn-base", "version": "1", "digest": "ab12"}));
        return if n % 3 == 2 { draft } else { draft.counts("score", 350 + n % 600) };
    }
    Draft::new("observation", PublicKind::Observation)
        .says("furnisher", partner)
        .says("sector", "bank")
        .says("type", ["account_month", "obligation", "spending"][n as usize % 3])
        .says("dimension", ["credit_history", "performance", "behavior"][n as usize % 3])
        .says("op", "report")
        .says("basis", "consent")
        .says("adverse", n.is_multiple_of(17))
        .says("synthetic", true)
        .says("lag_days", n % 90)
        .says("status", "current")
        .says("days_past_due", "0")
        .says("jurisdiction", "cn")
}

/// Entries made as they are asked for, the same each time.
fn entries(count: u64) -> impl Iterator<Item = Result<ExtractEntry, Infallible>> {
    let (env, _) = Env::fixed(Time::default(), 1);
    let (from, seconds) = (period().from, 31 * 86_400);
    (0..count).map(move |n| {
        let mut draft = draft(n).holds(json!({"person": n}));
        let body = Body::write(&env, &mut draft);
        let at = from.plus_seconds((n * seconds / count) as i64);
        let leaf = Leaf::new(draft.public, at, [7; 32], body.commitment()).to_bytes();
        let personal_hash = part_hash(&body.personal.salt, body.personal.text.as_bytes());
        Ok(ExtractEntry { index: n, leaf, record: body.record, personal_hash })
    })
}

/// The most memory that this process has held, in MiB.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1_024
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let begun = Instant::now();
    let done = work();
    (done, begun.elapsed().as_secs_f64())
}

/// SHA-256 over as many bytes as verification hashes for an entry, in one thread.
fn raw_sha256(count: u64) -> f64 {
    let sizes: Vec<usize> = entries(1_000)
        .map(|entry| {
            let entry = entry.unwrap();
            entry.record.text.len() + entry.record.detail.len() + entry.leaf.len() + 320
        })
        .collect();
    let buffer = vec![7_u8; 1 << 16];
    let begun = Instant::now();
    for n in 0..count {
        let size = sizes[n as usize % sizes.len()];
        std::hint::black_box(ring::digest::digest(&ring::digest::SHA256, &buffer[..size]));
    }
    begun.elapsed().as_secs_f64()
}

/// Our writer over rows in memory, table by table: the seconds of writing alone.
fn rewritten(dir: &Path, out: &Path, names: &[String]) -> f64 {
    let bytes = std::fs::read(dir.join("manifest.json")).unwrap();
    let manifest: Manifest = serde_json::from_slice(&bytes).unwrap();
    let mut seconds = 0.0;
    for table in TableSchema::all().unwrap() {
        if !names.iter().any(|name| *name == table.file.trim_end_matches(".parquet")) {
            continue;
        }
        let file = File::open(dir.join(&table.file)).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let reader = reader.with_batch_size(8_192).build().unwrap();
        let rows: Vec<_> = reader.map(Result::unwrap).collect();
        let written = timed(|| write_table(out, table.clone(), &manifest, &rows).unwrap());
        seconds += written.1;
    }
    seconds
}

fn duckdb(python: &str, dir: &Path, out: &Path, names: &[String]) -> Option<f64> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/shared/duckdb_copy.py");
    let done = Command::new(python).arg(script).arg(dir).arg(out).args(names).output().ok()?;
    String::from_utf8(done.stdout).ok()?.trim().parse().ok()
}

/// All tables of a period, and both editions with their PDFs.
#[cfg(feature = "engine")]
fn pack(dir: &Path, input: &ExtractInput, manifest: Digest, keys: ExtractKeys<'_>) {
    use fivefold::kernel::bytes::hex;
    use fivefold::report::document::Fonts;
    use fivefold::report::pack::catalogue::Report;
    use fivefold::report::pack::engine::{Beside, run};
    use fivefold::report::pack::make::make;
    use fivefold::report::pack::manifest::{
        Counted, Edition, ExtractOf, PACK_FORMAT, PackManifest,
    };

    let fonts = Fonts::load(None).unwrap();
    let record = json!({"kind": "report_counted", "measures": {"persons_enrolled": 1_000_000}});
    let counted = Counted {
        index: 0,
        leaf: String::new(),
        opening: json!({"record": record.to_string()}),
        proof: String::new(),
    };
    let base = PackManifest {
        format: PACK_FORMAT.to_owned(),
        origin: ORIGIN.to_owned(),
        jurisdiction: "cn".to_owned(),
        home: "cn".to_owned(),
        edition: Edition::Supervisory,
        partner: None,
        period: input.period.clone(),
        generated_at: input.period.until,
        extract: ExtractOf {
            manifest: hex(&manifest),
            start: input.bounds.start,
            end: input.bounds.end,
            closed: false,
            checkpoint: input.bounds.checkpoint_end.clone(),
        },
        log_keys: Vec::new(),
        manifest_key: keys.manifest.public().to_jwk(),
        files: Vec::new(),
        documents: Vec::new(),
    };
    let grid = counted.grid().unwrap();
    let beside = Beside { scope: &base.scope(), counted: &grid };
    let truth = run(dir, &beside, Report::all().unwrap()).unwrap();
    for edition in Edition::ALL {
        make(PackManifest { edition, ..base.clone() }, Some(&counted), &truth, &fonts, keys)
            .unwrap();
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let count: u64 = arguments.next().map_or(200_000, |n| n.parse().expect("a number"));
    let python = arguments.next();
    let log = NoteSigner::from_seed(ORIGIN, &[7; 32]).unwrap();
    let manifest_key = SigningKey::from_seed(&[9; 32]).unwrap();
    let keys = ExtractKeys { manifest: &manifest_key, log: &[&log] };
    let (mut tree, making) = timed(|| {
        let mut tree = CompactRange::default();
        entries(count).for_each(|entry| tree.append(leaf_hash(&entry.unwrap().leaf)));
        tree
    });
    let root = tree.root();
    let end = Checkpoint { origin: ORIGIN.to_owned(), size: count, root }.sign(&[&log]).unwrap();
    tree = CompactRange::default();
    drop(tree);
    let bounds = Bounds::gather(&NoHashes, &mut |_| Ok(Vec::new()), 0..count, None, end).unwrap();
    let keys_known = vec![log.verifier().clone()];
    let input =
        ExtractInput { origin: ORIGIN.into(), period: period(), bounds, log_keys: keys_known };
    let (dir, again) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (report, all) =
        timed(|| extract(&input, entries(count), keys, dir.path(), &mut |_, _| {}).unwrap());
    let extracting = all - making;
    println!("entries                       {count}, made in {making:.1} s each time");
    println!("extract                       {:.0} entries/s", count as f64 / extracting);
    println!("  peak memory by then         {} MiB", peak_mib());
    let (_, verifying) =
        timed(|| verify_export(dir.path(), &input.log_keys, None, &mut |_, _| {}).unwrap());
    let hashing = raw_sha256(count);
    println!("verify export                 {:.0} entries/s", count as f64 / verifying);
    println!("  raw SHA-256, same bytes     {:.0} entries/s", count as f64 / hashing);
    println!("  ratio                       {:.2}", hashing / verifying);
    let names: Vec<String> = report
        .files
        .iter()
        .filter(|file| file.rows > 0)
        .map(|file| file.name.trim_end_matches(".parquet").to_owned())
        .collect();
    let writing = rewritten(dir.path(), again.path(), &names);
    println!("writer stage                  {:.2} s for {}", writing, names.join(", "));
    let floor = python.and_then(|python| duckdb(&python, dir.path(), again.path(), &names));
    match floor {
        Some(floor) => {
            println!("  DuckDB COPY, one thread     {floor:.2} s");
            println!("  writer stage : DuckDB       {:.2}", floor / writing);
            println!("  extract end to end : DuckDB {:.2}", floor / extracting);
        }
        None => println!("  DuckDB COPY                 not measured: no PYTHON with DuckDB named"),
    }
    #[cfg(feature = "engine")]
    {
        let (_, packing) = timed(|| pack(dir.path(), &input, report.manifest, keys));
        let inquiries = count.div_ceil(2);
        println!("monthly pack, both editions   {packing:.1} s for {inquiries} inquiries");
        println!("  peak memory by then         {} MiB", peak_mib());
    }
}
