//! What strangers and furnishers can send to every parser, mutated: bytes flipped, cut, doubled,
//! moved and joined with words of the format. No input ends a parser otherwise than with an answer,
//! and nothing that is signed verifies once it says something else.
//!
//! A corpus lies in `tests/data/corpus`, one folder a target; what this run needs besides it makes
//! itself. `FIVEFOLD_FUZZ_CASES=100000 tests/run --rust --test it -- fuzz::` goes on for longer.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fivefold::bureau::upload::{self, Format, UploadFile};
use fivefold::kernel::Env;
use fivefold::kernel::bytes::sha256;
use fivefold::ledger::checkpoint::Checkpoint;
use fivefold::ledger::note::NoteSigner;
use fivefold::ledger::proof::Proof;
use fivefold::partner::signature::{PublicKey, RequestHead, SigningKey, read_head, sign_request};
use fivefold::policy::Environment;
use fivefold::policy::Rules;
use fivefold::score::Scorecard;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::world::{Human, World, ndjson, year};

/// Mutations of each target, unless `FIVEFOLD_FUZZ_CASES` says otherwise.
const CASES: u32 = 400;
/// Bytes to which an input may grow.
const BYTES_MAX: usize = 1 << 20;

#[allow(clippy::disallowed_methods, reason = "how long a test goes on is no configuration")]
fn cases(share: u32) -> u32 {
    let set = std::env::var("FIVEFOLD_FUZZ_CASES").ok().and_then(|text| text.parse().ok());
    (set.unwrap_or(CASES) / share).max(20)
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }

    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let from = self.below(length + 1);
        let to = (from + self.below(64)).min(length);
        from..to
    }
}

/// One to four changes to a copy of one of `seeds`.
fn mutated(dice: &mut Dice, seeds: &[Vec<u8>], words: &[&str]) -> Vec<u8> {
    let mut input = seeds[dice.below(seeds.len())].clone();
    for _ in 0..1 + dice.below(4) {
        let range = dice.range(input.len());
        match dice.below(7) {
            0 if !input.is_empty() => {
                let at = dice.below(input.len());
                input[at] ^= 1 << dice.below(8);
            }
            1 => drop(input.drain(range)),
            2 => {
                let part = input[range.clone()].to_vec();
                input.splice(range.start..range.start, part.repeat(1 + dice.below(50)));
            }
            3 if !words.is_empty() => {
                let word = words[dice.below(words.len())].as_bytes().to_vec();
                input.splice(range, word);
            }
            4 => {
                let other = &seeds[dice.below(seeds.len())];
                let part = other[dice.range(other.len())].to_vec();
                input.splice(range, part);
            }
            5 => input.truncate(range.start),
            _ => {
                let bytes: Vec<u8> = (0..dice.below(9)).map(|_| dice.below(256) as u8).collect();
                input.splice(range, bytes);
            }
        }
        input.truncate(BYTES_MAX);
    }
    input
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus").join(target);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&dir)
        .unwrap_or_else(|e| panic!("{}: {e}", dir.display()))
        .map(|file| file.expect("a file").path())
        .collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a file")).collect()
}

/// Runs `target` on mutations of what is in the corpus and of `own`. What stops it in the middle is
/// shown, in a form that can be put into the corpus.
fn fuzzed(name: &str, own: Vec<Vec<u8>>, words: &[&str], share: u32, target: impl Fn(&[u8])) {
    let mut seeds = corpus(name);
    seeds.extend(own);
    let mut dice = Dice(seeds.len() as u64);
    for seed in &seeds {
        target(seed);
    }
    for case in 0..cases(share) {
        let input = mutated(&mut dice, &seeds, words);
        let run = std::panic::AssertUnwindSafe(|| target(&input));
        if let Err(cause) = std::panic::catch_unwind(run) {
            let path = std::env::temp_dir().join(format!("fivefold-fuzz-{name}"));
            std::fs::write(&path, &input).expect("kept");
            println!("{name}: case {case} is kept in {}", path.display());
            std::panic::resume_unwind(cause);
        }
    }
}

#[test]
fn signature_fields() {
    let (env, _) = Env::fixed("2026-11-20T04:00:00Z".parse().expect("a time"), 1);
    let key = SigningKey::from_seed(&[7; 32]).expect("a key");
    let (method, target) = (Method::POST, "http://bureau.test/v1/inquiries");
    let extra = [(HeaderName::from_static("idempotency-key"), HeaderValue::from_static("k-1"))];
    let sent = sign_request(&key, &method, target, &extra, b"{}", env.now(), "nonce-1");
    let sent = sent.expect("signed");
    let text = |sent: &[(HeaderName, HeaderValue)]| {
        let lines =
            sent.iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().expect("text")));
        lines.collect::<String>().into_bytes()
    };
    let good = text(&sent);
    let words = [
        "sig=",
        ";tag=\"fivefold-request\"",
        "\"@method\"",
        ";req",
        ";tr",
        ";bs",
        ":",
        "\"",
        "(",
        ")",
        ";created=0",
        "?1",
        ", ",
    ];
    let public: PublicKey = key.public();
    fuzzed("signature", vec![good.clone()], &words, 1, |input| {
        let mut headers = HeaderMap::new();
        for line in input.split(|byte| *byte == b'\n') {
            let mut parts = line.splitn(2, |byte| *byte == b':');
            let name = HeaderName::from_bytes(parts.next().unwrap_or_default());
            let value = HeaderValue::from_bytes(parts.next().unwrap_or_default().trim_ascii());
            if let (Ok(name), Ok(value)) = (name, value) {
                headers.append(name, value);
            }
        }
        let head =
            RequestHead { method: &method, target_uri: target, headers: &headers, has_body: true };
        if let Ok(presented) = read_head(head, env.now()) {
            // Whatever verifies says what was signed.
            if presented.verify(&public).is_ok() {
                let idempotency = headers.get("idempotency-key");
                assert_eq!(idempotency.map(HeaderValue::as_bytes), Some(&b"k-1"[..]));
            }
        }
    });
}

#[test]
fn checkpoints_and_proofs() {
    let signer = NoteSigner::from_seed("bureau.test/log", &[7; 32]).expect("a key");
    let keys = [signer.verifier().clone()];
    let checkpoint = Checkpoint { origin: "bureau.test/log".to_string(), size: 7, root: [7; 32] };
    let note = checkpoint.sign(&[&signer]).expect("signed");
    let words = [
        "\n",
        "\n\n",
        "\u{2014} ",
        "bureau.test/log",
        "+",
        "0",
        "-1",
        "99999999999999999999",
        "=",
        "AAAA",
    ];
    fuzzed("checkpoint", vec![note.clone().into_bytes()], &words, 1, |input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        let _ = Checkpoint::parse(text);
        if let Ok(opened) = Checkpoint::open(text, &keys, &[]) {
            assert_eq!(opened.checkpoint, checkpoint, "another checkpoint verifies");
        }
    });
    let world = World::sqlite("fuzzed proofs", "CN", Environment::Demo);
    world.bank();
    world.bureau().publish().expect("published");
    let proof = world.bureau().proof_of(1).expect("a proof");
    let leaf = world.bureau().store.read(|conn| fivefold::ledger::rows::leaves(conn, 1, 2));
    let leaf = leaf.expect("rows").remove(0).leaf;
    let keys = world.bureau().engine.keys.log_verifiers();
    let words = ["c2sp.org/tlog-proof@v1\n", "extra ", "index 0\n", "\n", "\n\n", "AAAA"];
    let shown = Proof::parse(&proof).expect("a proof");
    shown.verify(&leaf, &keys, &[]).expect("it holds");
    fuzzed("proof", vec![proof.into_bytes()], &words, 1, |input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        if let Ok(read) = Proof::parse(text) {
            if read.verify(&leaf, &keys, &[]).is_ok() {
                assert_eq!(read.index, shown.index, "it proves another place");
            }
            assert!(read.verify(b"another entry\n", &keys, &[]).is_err());
        }
    });
}

/// What a file of observations may hold, in either form.
#[test]
fn files_of_observations() {
    let world = World::sqlite("fuzzed files", "CN", Environment::Demo);
    let bank = world.bank();
    let subject = world.enrol(&bank, &Human::nth(1, "CN"));
    let consent = world.furnishing(&bank, &subject);
    let lines = ndjson(&year(&subject, &consent, "a-1"));
    let words = [
        "{",
        "}",
        "[",
        "\"",
        ":",
        ",",
        "null",
        "1e999",
        "-0",
        "\\u0000",
        "\\ud800",
        "\n",
        "\"type\":\"account\"",
        "\"op\":\"delete\"",
        "99999999999999999999",
    ];
    let read = |input: &[u8]| {
        let (engine, now) = (&world.bureau().engine, world.env.now());
        let blob = Arc::new(bytes::Bytes::copy_from_slice(input));
        let file = UploadFile { format: Format::of(input), blob, digest: sha256(input) };
        if let Ok(checked) = upload::check(engine, now, &file, true) {
            let seen = checked.lines.len() as u64 + checked.receipt.rejected;
            assert!(seen <= input.len() as u64 + 1, "more lines than bytes");
        }
    };
    fuzzed("ndjson", vec![lines.into_bytes()], &words, 2, read);
    fuzzed("parquet", Vec::new(), &["PAR1", "\u{15}\u{0}"], 2, read);
}

/// A Metro 2 file in each of its forms: a file is refused as a whole or every consumer of it gets
/// an answer, and none gets two.
#[test]
fn metro2_files() {
    let world = World::sqlite("fuzzed metro 2", "US", Environment::Demo);
    let bank = world.bank();
    let words = [
        "HEADER",
        "TRAILER",
        "0426",
        "0430",
        "0366",
        "J1",
        "J2",
        "K1",
        "K4",
        "L1",
        "N1",
        "11",
        "DA",
        "00000000",
        "999999999",
        "\r\n",
        "\u{1}n\u{0}\u{0}",
    ];
    fuzzed("metro2", Vec::new(), &words, 2, |input| {
        let blob = Arc::new(bytes::Bytes::copy_from_slice(input));
        let file = UploadFile { format: Format::Metro2, blob, digest: sha256(input) };
        let (by, now) = (world.by(&bank), world.env.now());
        if let Ok(checked) = world.bureau().checked(&by, now, &file, true) {
            let seen = checked.lines.len() as u64 + checked.receipt.rejected;
            assert_eq!(seen, checked.receipt.control_totals.count, "a line without an answer");
            let mut numbers: Vec<u64> = checked.lines.iter().map(|(number, _)| *number).collect();
            numbers.extend(checked.receipt.errors.iter().map(|error| error.line));
            numbers.dedup();
            assert!(numbers.len() as u64 <= input.len() as u64 / 4, "more lines than bytes");
        }
    });
}

#[test]
fn scorecards() {
    let words = [
        "[[",
        "]]",
        "[bins]",
        "points = ",
        "-1",
        "9223372036854775807",
        "1e400",
        "nan",
        "\"",
        "'''",
        "=",
        "\n",
        "id = \"x\"",
    ];
    let shipped = include_bytes!("../../policies/scorecards/fivefold-general-2.toml").to_vec();
    fuzzed("scorecard", vec![shipped], &words, 2, |input| {
        let _ = Scorecard::read(input);
        let _ = Scorecard::load(input);
    });
}

#[test]
fn files_of_rules() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let dir = tempfile::tempdir().expect("a directory");
    copy(&rules, dir.path());
    let files = [
        "cn/inquire.cedar",
        "cn/pack.toml",
        "cn/retention.toml",
        "scenarios.toml",
        "categories.toml",
        "schema.cedarschema",
    ];
    let seeds = files.map(|file| (file, std::fs::read(rules.join(file)).expect("a file")));
    let words = [
        "permit",
        "forbid",
        "when { true };",
        "unless",
        "@source(\"x\")",
        "::",
        "[[",
        "]]",
        "= ",
        "\"",
        "\n",
        "9999999999999999999",
    ];
    let mut dice = Dice(1);
    for (file, good) in seeds {
        // A whole folder is read each time, which takes a while.
        for _ in 0..cases(40) {
            let input = mutated(&mut dice, std::slice::from_ref(&good), &words);
            std::fs::write(dir.path().join(file), &input).expect("written");
            let _ = Rules::load(dir.path());
        }
        std::fs::write(dir.path().join(file), good).expect("put back");
        Rules::load(dir.path()).expect("as it was");
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, target).expect("copied");
        }
    }
}

#[cfg(feature = "engine")]
#[test]
fn bundles() {
    use fivefold::report::document::Fonts;
    use fivefold::report::verify_bundle::verify_bundle;
    let fonts = Fonts::load(None).expect("fonts");
    let signer = NoteSigner::from_seed("bureau.test/log", &[7; 32]).expect("a key");
    let keys = [signer.verifier().clone()];
    let words = [
        "obj",
        "endobj",
        "stream",
        "endstream",
        "xref",
        "trailer",
        "<<",
        ">>",
        "/Type /EmbeddedFile",
        "/Length 0",
        "startxref",
        "%%EOF",
        "1 0 R",
    ];
    let printed = include_bytes!("../../docs/models/fivefold-general-2.pdf").to_vec();
    fuzzed("pdf", vec![printed], &words, 2, |input| {
        let refused = verify_bundle(input, &keys, &fonts, None, &mut |_, _| {});
        assert!(refused.is_err(), "nothing here is signed by this key");
    });
}
