//! Every way to alter the PDF of a pack is found, and named.
#![cfg(feature = "engine")]

use std::collections::BTreeMap;

use serde_json::json;
use tempfile::{TempDir, tempdir};

use super::*;
use crate::kernel::{Env, Time};
use crate::ledger::body::{Body, Draft};
use crate::ledger::note::NoteSigner;
use crate::report::extract::testlog::{ORIGIN, TestLog, log_key, log_keys, manifest_key};
use crate::report::extract::{ExtractKeys, to_bytes};
use crate::report::pack::engine::{Beside, run};
use crate::report::pack::grid::Value;
use crate::report::pack::make::{Pack, edit, make};
use crate::report::pack::manifest::{ExtractOf, PACK_FORMAT};

/// A pack to be altered, and what it was made from.
struct Bundle {
    dir: TempDir,
    base: PackManifest,
    counted: Counted,
    truth: Vec<Grid>,
    pack: Pack,
    fonts: Fonts,
}

fn reports() -> &'static [Report] {
    Report::all().expect("definitions")
}

/// The entry that says what was counted, last in the log, and its proof.
fn counted(log: &mut TestLog, size: u64) -> Counted {
    let (env, _) = Env::fixed(Time::default(), 8);
    let mut draft = Draft::new("report_counted", PublicKind::Export)
        .says("period", "2026-10")
        .says("jurisdiction", "cn")
        .says("measures", json!({"persons_enrolled": 120, "persons_with_file": 80}));
    let body = Body::write(&env, &mut draft);
    log.add(size, PublicKind::Export, &body);
    let leaf = String::from_utf8(log.entries[size as usize].leaf.clone()).expect("a leaf");
    let proof = Proof::make(log, size, &log.checkpoint(size + 1)).expect("a proof");
    Counted { index: size, leaf, opening: json!(body.opening()), proof: proof.to_text() }
}

fn bundle(edition: Edition) -> Bundle {
    let mut log = TestLog::new(600);
    let dir = tempdir().expect("a folder");
    let input = log.october(None, 600);
    log.extract(&input, dir.path()).expect("an extract");
    let counted = counted(&mut log, 600);
    let bytes = std::fs::read(dir.path().join(MANIFEST)).expect("a manifest");
    let base = PackManifest {
        format: PACK_FORMAT.to_owned(),
        origin: ORIGIN.to_owned(),
        jurisdiction: "cn".to_owned(),
        home: "cn".to_owned(),
        edition,
        partner: None,
        period: input.period.clone(),
        generated_at: Leaf::parse(counted.leaf.as_bytes()).expect("a leaf").time,
        extract: ExtractOf {
            manifest: hex(&sha256(&bytes)),
            start: input.bounds.start,
            end: input.bounds.end,
            closed: input.bounds.is_closed(),
            checkpoint: input.bounds.checkpoint_end.clone(),
        },
        log_keys: Vec::new(),
        manifest_key: manifest_key().public().to_jwk(),
        files: Vec::new(),
        documents: Vec::new(),
    };
    let grid = counted.grid().expect("a table");
    let beside = Beside { scope: &base.scope(), counted: &grid };
    let truth = run(dir.path(), &beside, reports()).expect("tables");
    let fonts = Fonts::built_in().expect("fonts");
    let pack = made(&base, &counted, &truth, &fonts, &log_key());
    Bundle { dir, base, counted, truth, pack, fonts }
}

fn made(
    base: &PackManifest,
    counted: &Counted,
    truth: &[Grid],
    fonts: &Fonts,
    log: &NoteSigner,
) -> Pack {
    let manifest = manifest_key();
    let keys = ExtractKeys { manifest: &manifest, log: &[log] };
    make(base.clone(), Some(counted), truth, fonts, keys).expect("a pack")
}

impl Bundle {
    fn pdf(&self) -> Vec<u8> {
        self.pack.files["regulator-en.pdf"].clone()
    }

    fn verify(&self, pdf: &[u8], over: bool) -> Result<BundleReport, BundleError> {
        let extract = over.then(|| self.dir.path());
        verify_bundle(pdf, &log_keys(), &self.fonts, extract, &mut |_, _| {})
    }

    /// What is said of an altered file: always one line.
    fn refusal(&self, pdf: &[u8], over: bool, what: &str) -> BundleError {
        let error = self.verify(pdf, over).expect_err(what);
        assert!(!error.to_string().contains('\n'), "{error}");
        error
    }

    /// The English PDF that prints these tables, with these files inside.
    fn drawn(&self, grids: &[Option<Grid>], files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
        let tables = printed(reports(), grids);
        let manifest = &self.pack.manifest;
        let view = PackView { manifest, tables: &tables, language: Language::English };
        render(&view, &self.fonts, attachments(files, manifest)).expect("a PDF")
    }

    fn grids(&self) -> Vec<Option<Grid>> {
        edit(reports(), &self.truth, self.base.edition)
    }

    /// With one attached file changed, or taken out.
    fn with(&self, name: &str, bytes: Option<Vec<u8>>) -> Vec<u8> {
        let mut files = self.pack.files.clone();
        match bytes {
            Some(bytes) => files.insert(name.to_owned(), bytes),
            None => files.remove(name),
        };
        self.drawn(&self.grids(), &files)
    }

    fn attached(&self) -> Vec<String> {
        let names = self.pack.files.keys();
        names.filter(|name| !name.ends_with(".pdf")).cloned().collect()
    }
}

/// An edit of a table that changes what it says; which row it changes first.
fn edited(grid: &Grid, kind: usize) -> (Grid, usize) {
    let mut grid = grid.clone();
    let last = grid.rows.len() - 1;
    let row = match kind % 4 {
        0 => {
            grid.rows.remove(last);
            last
        }
        1 => {
            grid.rows.push(grid.rows[last].clone());
            last + 1
        }
        2 if last > 0 => {
            grid.rows.swap(0, last);
            0
        }
        _ => {
            let cell = grid.rows[last].iter_mut().rev().find(|cell| cell.int().is_some());
            match cell {
                Some(cell) => *cell = Value::Int(cell.int().expect("a number") + 1),
                None => grid.rows[last][0] = Value::Text("another".to_owned()),
            }
            last
        }
    };
    (grid, row)
}

#[test]
fn a_pack_verifies_with_the_vkey_alone_and_over_its_extract() {
    for edition in Edition::ALL {
        let bundle = bundle(edition);
        let again = made(&bundle.base, &bundle.counted, &bundle.truth, &bundle.fonts, &log_key());
        assert_eq!(again.files, bundle.pack.files, "the same bytes from the same tables");
        let report = bundle.verify(&bundle.pdf(), false).expect("it verifies");
        assert!(report.redrawn && report.recomputed.is_none());
        let report = bundle.verify(&bundle.pdf(), true).expect("every number is right");
        let computed = report.recomputed.expect("computed again").len();
        match edition {
            Edition::Supervisory => assert_eq!(computed, reports().len()),
            _ => assert!(computed > 10 && computed < report.tables),
        }
        let chinese = &bundle.pack.files["regulator-zh.pdf"];
        assert_eq!(
            bundle.verify(chinese, false).expect("it verifies").document.language,
            "zh-Hans"
        );
    }
}

#[test]
fn a_damaged_file_is_refused() {
    let bundle = bundle(Edition::Supervisory);
    let pdf = bundle.pdf();
    for part in 0..40 {
        let at = (pdf.len() - 1) * part / 39;
        let mut altered = pdf.clone();
        altered[at] ^= 0x10;
        bundle.refusal(&altered, false, &format!("byte {at} altered"));
    }
    for part in 0..8 {
        let cut = pdf.len() * part / 8;
        bundle.refusal(&pdf[..cut], false, &format!("cut at {cut}"));
    }
    let longer = [pdf.as_slice(), b"%more\n"].concat();
    bundle.refusal(&longer, false, "lengthened");
}

#[test]
fn a_file_altered_removed_or_swapped_inside_is_named() {
    let bundle = bundle(Edition::Supervisory);
    let names = bundle.attached();
    for (place, name) in names.iter().enumerate() {
        let bytes = &bundle.pack.files[name];
        let error = bundle.refusal(&bundle.with(name, None), false, name);
        assert_eq!((error.file(), error.code()), (name.as_str(), "bundle_file_missing"));
        let mut altered = bytes.clone();
        let middle = altered.len() / 2;
        altered[middle] ^= 1;
        let error = bundle.refusal(&bundle.with(name, Some(altered)), false, name);
        assert_eq!(error.file(), name, "one bit: {error}");
        let other = &bundle.pack.files[&names[(place + 1) % names.len()]];
        let error = bundle.refusal(&bundle.with(name, Some(other.clone())), false, name);
        assert_eq!(error.file(), name, "another's content: {error}");
    }
    let error =
        bundle.refusal(&bundle.with("more.parquet", Some(b"x".to_vec())), false, "one more");
    assert_eq!((error.file(), error.code()), ("more.parquet", "bundle_file_unexpected"));
}

#[test]
fn a_table_rewritten_by_another_writer_is_named() {
    let bundle = bundle(Edition::Supervisory);
    for (report, grid) in reports().iter().zip(&bundle.truth) {
        if grid.rows.is_empty() {
            continue;
        }
        let name = format!("{}.parquet", report.name);
        for kind in 0..4 {
            let (grid, _) = edited(grid, kind);
            let bytes = grid.to_parquet(&[]).expect("Parquet");
            let error = bundle.refusal(&bundle.with(&name, Some(bytes)), false, &name);
            assert_eq!((error.file(), error.code()), (name.as_str(), "bundle_digest"));
        }
    }
}

#[test]
fn what_the_bureau_itself_makes_up_is_found_over_the_extract_in_its_row() {
    let bundle = bundle(Edition::Supervisory);
    let mut altered = 0;
    for (place, report) in reports().iter().enumerate() {
        if bundle.truth[place].rows.is_empty() {
            continue;
        }
        let mut truth = bundle.truth.clone();
        let (grid, row) = edited(&truth[place], place);
        if grid == truth[place] {
            continue;
        }
        truth[place] = grid;
        let pack = made(&bundle.base, &bundle.counted, &truth, &bundle.fonts, &log_key());
        let pdf = &pack.files["regulator-en.pdf"];
        // Signed and printed by the bureau itself, it holds together...
        bundle.verify(pdf, false).expect("it holds together");
        // ...but the entries say otherwise.
        let error = bundle.refusal(pdf, true, &report.name);
        assert_eq!(error.file(), format!("{}.parquet", report.name), "{error}");
        assert_eq!((error.code(), error.row()), ("bundle_number", Some(row)), "{error}");
        altered += 1;
    }
    assert!(altered >= 12, "{altered} tables were altered");
}

#[test]
fn another_key_or_a_count_that_no_entry_says_is_refused() {
    let bundle = bundle(Edition::Supervisory);
    let stranger = NoteSigner::from_seed(ORIGIN, &[77; 32]).expect("a key");
    let pack = made(&bundle.base, &bundle.counted, &bundle.truth, &bundle.fonts, &stranger);
    let error = bundle.refusal(&pack.files["regulator-en.pdf"], false, "another key");
    assert_eq!((error.file(), error.code()), (MANIFEST_NOTE, "export_note"));
    let mut counted = bundle.counted.clone();
    let record = counted.opening["record"].as_str().expect("a record").replace("120", "121");
    counted.opening["record"] = record.into();
    let pack = made(&bundle.base, &counted, &bundle.truth, &bundle.fonts, &log_key());
    let error = bundle.refusal(&pack.files["regulator-en.pdf"], false, "another count");
    assert_eq!((error.file(), error.code()), (COUNTED_ENTRY, "bundle_counted"));
    let base = PackManifest { jurisdiction: "us".to_owned(), ..bundle.base.clone() };
    let pack = made(&base, &bundle.counted, &bundle.truth, &bundle.fonts, &log_key());
    let error = bundle.refusal(&pack.files["regulator-en.pdf"], false, "counted elsewhere");
    assert_eq!(error.code(), "bundle_counted");
}

/// The PDF with something painted over one page.
fn repainted(pdf: &[u8], page: u32) -> Vec<u8> {
    let mut doc = lopdf::Document::load_mem(pdf).expect("a PDF");
    let id = doc.get_pages()[&page];
    let mut content = doc.get_page_content(id);
    content.extend_from_slice(b"\n1 0 0 rg 100 100 50 50 re f\n");
    doc.change_page_content(id, content).expect("changed");
    let mut bytes = Vec::new();
    doc.save_to(&mut bytes).expect("saved");
    bytes
}

#[test]
fn a_page_that_prints_something_else_is_named() {
    let bundle = bundle(Edition::Supervisory);
    let mut grids = bundle.grids();
    let place = reports().iter().position(|r| r.name == "inquiries").expect("a table");
    let grid = grids[place].as_mut().expect("a table");
    grid.rows[0][4] = Value::Int(7_777);
    let pdf = bundle.drawn(&grids, &bundle.pack.files);
    let error = bundle.refusal(&pdf, false, "another number is printed");
    // A glyph that no page had is numbered among the others: every page may differ then.
    assert!(error.to_string().contains(" of regulator-en.pdf is not the one"), "{error}");
    for page in [1, 3] {
        let error = bundle.refusal(&repainted(&bundle.pdf(), page), false, "an edited page");
        assert!(error.to_string().contains(&format!("page {page} of")), "{error}");
    }
    // The bureau signs the pages that it printed wrongly: drawing the tables again tells.
    let mut manifest = bundle.pack.manifest.clone();
    let read = PdfFile::read(&pdf).expect("a PDF").page_digests();
    let (pages, embedded) = read.expect("pages");
    manifest.documents[0].embedded = hex(&embedded);
    manifest.documents[0].pages = pages.iter().map(|digest| hex(digest)).collect();
    let bytes = to_bytes(&manifest).expect("a manifest");
    let note = crate::report::extract::sign_note(PACK_FORMAT, ORIGIN, &bytes, &[&log_key()]);
    let jws = crate::report::extract::sign_jws(&bytes, &manifest_key()).expect("a JWS");
    let mut files = bundle.pack.files.clone();
    files.insert(MANIFEST.to_owned(), bytes);
    files.insert(MANIFEST_NOTE.to_owned(), note.expect("a note").into_bytes());
    files.insert(MANIFEST_JWS.to_owned(), jws.into_bytes());
    let error = bundle.refusal(&bundle.drawn(&grids, &files), false, "signed, and wrong");
    assert!(error.to_string().contains("does not print what the attached tables say"), "{error}");
}

#[test]
fn another_extract_is_not_taken_for_the_one_it_was_computed_from() {
    let bundle = bundle(Edition::Supervisory);
    let other = tempdir().expect("a folder");
    let log = TestLog::new(590);
    log.extract(&log.october(None, 590), other.path()).expect("an extract");
    let over = |dir: &Path| {
        verify_bundle(&bundle.pdf(), &log_keys(), &bundle.fonts, Some(dir), &mut |_, _| {})
    };
    assert_eq!(over(other.path()).expect_err("another").code(), "bundle_other_extract");
    let file = bundle.dir.path().join("inquiries.parquet");
    let mut bytes = std::fs::read(&file).expect("bytes");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).expect("written");
    let error = over(bundle.dir.path()).expect_err("altered");
    assert!(error.to_string().contains("inquiries.parquet"), "{error}");
}
