//! One conformance run: what a partner's client was asked to do, and what was seen of it here.
//!
//! Every check is judged by what arrived: a client cannot pass by saying that it did. The last
//! complete attempt counts: after a slip the step is done anew, and the step `signed` begins the
//! counting of refusals, clock and nonces anew.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::kernel::Time;
use crate::kernel::bytes::{Digest, hex, sha256, sha256_of};

/// Seconds of clock difference that are well, either way.
pub const SKEW_SECONDS_MAX: i64 = 2;
/// Characters of a nonce at least: 16 random bytes in base64url have 22.
const NONCE_CHARS_MIN: usize = 16;
/// Seconds that a client is told to wait.
pub const BUSY_SECONDS: u32 = 1;
/// Seconds after which a repetition no longer is one.
const REPEAT_SECONDS_MAX: i64 = 120;
/// Pages of the list.
pub const PAGES: u64 = 3;
/// Answers of which the client must tell the genuine ones: a guess is right once in 65,536 times.
pub const ANSWERS: usize = 16;
/// Nonces that are remembered of one run.
const NONCES_MAX: usize = 4_096;
/// Codes of refusals that are remembered.
const REFUSED_MAX: usize = 32;
/// Requests of one attempt that are remembered.
const ATTEMPT_MAX: usize = 64;
/// The body that is to be sent as it is: white space and characters of several bytes.
pub const BODY: &str = "{ \"name\" : \"王小明\",\t\"note\": \"caf\u{e9} \u{2615}\" }";

/// One request as the run needs it.
pub struct Seen<'a> {
    /// When it was signed.
    pub created: Time,
    /// Its nonce.
    pub nonce: &'a str,
    /// Its idempotency key.
    pub key: Option<&'a str>,
    /// The digest of its body.
    pub body: Digest,
    /// When it arrived.
    pub at: Time,
}

/// A request that is to come again.
#[derive(Clone, Debug, PartialEq, Eq)]
struct First {
    key: Option<String>,
    body: Digest,
    nonce: String,
    at: Time,
}

/// A check, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name.
    pub check: &'static str,
    /// Whether it is passed.
    pub passed: bool,
    /// What was seen.
    pub seen: String,
    /// What to do; empty when it is passed.
    pub next: String,
}

/// The run.
#[derive(Debug)]
pub struct Run {
    /// Whose it is.
    pub partner: String,
    /// Until when it is open.
    pub expires: Time,
    requests: u64,
    skew_max: i64,
    nonces: BTreeSet<String>,
    nonce_short: bool,
    nonce_again: bool,
    refused: BTreeSet<String>,
    signed: bool,
    body: Option<bool>,
    once: Vec<First>,
    busy: Vec<First>,
    pages: Vec<u64>,
    answers: Option<Answers>,
    verdict: Option<bool>,
}

/// One attempt at telling genuine answers from forged ones.
#[derive(Debug)]
struct Answers {
    /// Of each answer: its code, and whether its signature holds.
    drawn: Vec<(String, bool)>,
    /// Which of them were asked for.
    told: BTreeSet<usize>,
}

impl Run {
    /// A fresh one.
    pub fn new(partner: &str, expires: Time) -> Run {
        Run {
            partner: partner.to_string(),
            expires,
            requests: 0,
            skew_max: 0,
            nonces: BTreeSet::new(),
            nonce_short: false,
            nonce_again: false,
            refused: BTreeSet::new(),
            signed: false,
            body: None,
            once: Vec::new(),
            busy: Vec::new(),
            pages: Vec::new(),
            answers: None,
            verdict: None,
        }
    }

    /// A request that did not get past the signature layer.
    pub fn refuse(&mut self, code: &str) {
        self.nonce_again |= code == "nonce_seen";
        if self.refused.len() < REFUSED_MAX {
            self.refused.insert(code.to_string());
        }
    }

    fn take(&mut self, seen: &Seen<'_>) {
        self.requests += 1;
        let skew = (seen.created.seconds() - seen.at.seconds()).abs();
        self.skew_max = self.skew_max.max(skew);
        self.nonce_short |= seen.nonce.chars().count() < NONCE_CHARS_MIN;
        if self.nonces.len() < NONCES_MAX {
            self.nonce_again |= !self.nonces.insert(seen.nonce.to_string());
        }
    }

    /// A request without a body: from here on signatures, clock and nonces are judged anew.
    pub fn signed(&mut self, seen: &Seen<'_>) {
        // A nonce that came before is still known: it never comes again.
        self.requests = 0;
        self.skew_max = 0;
        (self.nonce_short, self.nonce_again) = (false, false);
        self.refused.clear();
        self.take(seen);
        self.signed = true;
    }

    /// The body to be sent as it is.
    pub fn body(&mut self, seen: &Seen<'_>) -> bool {
        self.take(seen);
        let same = seen.body == sha256(BODY.as_bytes());
        self.body = Some(same);
        same
    }

    /// A request that the client is to send twice. Tells which time it is.
    pub fn once(&mut self, seen: &Seen<'_>) -> usize {
        self.take(seen);
        attempted(&mut self.once, seen)
    }

    /// A request that is refused at first. Tells which time it is.
    pub fn busy(&mut self, seen: &Seen<'_>) -> usize {
        self.take(seen);
        attempted(&mut self.busy, seen)
    }

    /// A page of the list, by the last item known.
    pub fn page(&mut self, seen: &Seen<'_>, after: u64) {
        self.take(seen);
        if after == 0 {
            self.pages.clear();
        }
        if self.pages.len() < ATTEMPT_MAX {
            self.pages.push(after);
        }
    }

    /// An answer is asked for: its code, and whether its signature is to hold. The first one
    /// begins a new attempt, drawn from `random`; `None` for one that is not in it.
    pub fn answer(
        &mut self,
        seen: &Seen<'_>,
        place: usize,
        random: &[u8; ANSWERS + 2],
    ) -> Option<(String, bool)> {
        self.take(seen);
        if place == 0 {
            self.answers = Some(Answers { drawn: drawn(random), told: BTreeSet::new() });
            self.verdict = None;
        }
        let answers = self.answers.as_mut()?;
        let (code, genuine) = answers.drawn.get(place)?.clone();
        answers.told.insert(place);
        Some((code, genuine))
    }

    /// The client says which answers were genuine. Each attempt has one word.
    pub fn verdict(&mut self, seen: &Seen<'_>, codes: &BTreeSet<String>) -> bool {
        self.take(seen);
        let right = self.answers.take().is_some_and(|answers| {
            let genuine = answers.drawn.iter().filter(|(_, genuine)| *genuine);
            let genuine: BTreeSet<String> = genuine.map(|(code, _)| code.clone()).collect();
            answers.told.len() == ANSWERS && *codes == genuine
        });
        self.verdict = Some(right);
        right
    }

    /// Every check as it stands.
    pub fn checks(&self) -> Vec<Check> {
        vec![
            self.signing(),
            self.digest(),
            self.clock(),
            self.nonce(),
            self.idempotency(),
            self.retry(),
            self.paging(),
            self.verification(),
        ]
    }

    fn signing(&self) -> Check {
        let refused: Vec<&str> = self.refused.iter().map(String::as_str).collect();
        let passed = self.signed && refused.is_empty();
        let seen = match (refused.is_empty(), self.requests) {
            (false, _) => format!("refused: {}", refused.join(", ")),
            (true, n) => format!("{n} requests, every signature holds"),
        };
        check(
            "signing",
            passed,
            seen,
            "Look the code up at /docs/errors, and GET the step `signed`.",
        )
    }

    fn digest(&self) -> Check {
        let (passed, seen) = match self.body {
            None => (false, "the step `body` was not sent"),
            Some(true) => (true, "the bytes came as they were given"),
            Some(false) => (false, "other bytes came, with a digest of their own"),
        };
        let next = "Send the bytes of the step `body` as they are: no JSON is parsed and written \
                    again, no character set is changed.";
        check("digest", passed, seen.to_string(), next)
    }

    fn clock(&self) -> Check {
        let passed = self.requests > 0 && self.skew_max <= SKEW_SECONDS_MAX;
        let seen = format!("{} s at most", self.skew_max);
        check("clock", passed, seen, "Set the clock by NTP, and sign just before sending.")
    }

    fn nonce(&self) -> Check {
        let passed = self.requests > 1 && !self.nonce_again && !self.nonce_short;
        let seen = match (self.nonce_again, self.nonce_short) {
            (true, _) => "a nonce came twice".to_string(),
            (_, true) => format!("a nonce of fewer than {NONCE_CHARS_MIN} characters"),
            _ => format!("{} different ones", self.nonces.len()),
        };
        let next = "A fresh nonce of 16 random bytes for every request, a repetition too.";
        check("nonce", passed, seen, next)
    }

    fn idempotency(&self) -> Check {
        let (passed, seen) = repeated(&self.once, 0);
        let next = "Send the step `once` twice: the same body and Idempotency-Key, signed anew.";
        check("idempotency", passed, seen, next)
    }

    fn retry(&self) -> Check {
        let (passed, seen) = repeated(&self.busy, i64::from(BUSY_SECONDS));
        let next = "After a 503, wait as Retry-After says; then the same body and Idempotency-Key, \
                    signed anew.";
        check("retry", passed, seen, next)
    }

    fn paging(&self) -> Check {
        let wanted: Vec<u64> = (0..PAGES).collect();
        let passed = self.pages == wanted;
        let seen = format!("{} of {PAGES} pages", self.pages.len());
        let next = "Begin the step `pages` anew: follow `next` until it is null, each page once.";
        check("paging", passed, seen, next)
    }

    fn verification(&self) -> Check {
        let (passed, seen) = match (self.verdict, &self.answers) {
            (Some(true), _) => (true, "every forged answer was told from the genuine ones"),
            (Some(false), _) => (false, "forged answers were believed, or genuine ones were not"),
            (None, Some(_)) => (false, "nothing was said of the answers that were asked for"),
            (None, None) => (false, "the answers were not asked for"),
        };
        let next = "Verify the signature of every answer before reading it. Begin anew at answer \
                    0, ask for all of them, and send the codes of those that hold to `verdict`.";
        check("verification", passed, seen.to_string(), next)
    }
}

fn check(name: &'static str, passed: bool, seen: String, next: &str) -> Check {
    let next = if passed { String::new() } else { next.to_string() };
    Check { check: name, passed, seen, next }
}

/// Adds a request to the attempt that its idempotency key names; another key begins another.
/// Tells which time it is.
fn attempted(attempt: &mut Vec<First>, seen: &Seen<'_>) -> usize {
    if attempt.last().is_some_and(|last| last.key.as_deref() != seen.key) {
        attempt.clear();
    }
    if attempt.len() >= ATTEMPT_MAX {
        attempt.remove(0);
    }
    attempt.push(first(seen));
    attempt.len()
}

/// Codes that say nothing, and for each whether it is genuine; never all of one sort.
fn drawn(random: &[u8; ANSWERS + 2]) -> Vec<(String, bool)> {
    let (bits, rest) = random.split_at(2);
    let mut bits = bits.iter().fold(0u16, |all, byte| (all << 8) | u16::from(*byte));
    if bits == 0 || bits == u16::MAX {
        bits = 0x5A3C;
    }
    let code = |place: usize| hex(&sha256_of(&[rest, &[place as u8]])[..8]);
    (0..ANSWERS).map(|place| (code(place), bits >> place & 1 == 1)).collect()
}

fn first(seen: &Seen<'_>) -> First {
    First {
        key: seen.key.map(str::to_string),
        body: seen.body,
        nonce: seen.nonce.to_string(),
        at: seen.at,
    }
}

/// Whether the second request is the first one again, at least so many seconds later.
fn repeated(sent: &[First], seconds_min: i64) -> (bool, String) {
    let [.., one, two] = sent else {
        return (false, format!("sent {} of 2 times", sent.len()));
    };
    let waited = (two.at.micros() - one.at.micros()) / 1_000_000;
    let seen = if one.key.is_none() {
        "no Idempotency-Key"
    } else if one.key != two.key {
        "the repetition has another Idempotency-Key"
    } else if one.body != two.body {
        "the repetition has another body"
    } else if one.nonce == two.nonce {
        "the repetition was not signed anew"
    } else if waited < seconds_min {
        "the repetition came before Retry-After"
    } else if waited > REPEAT_SECONDS_MAX {
        "the repetition came too late"
    } else {
        return (true, "the same request came again, signed anew".to_string());
    };
    (false, seen.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_micros(seconds * 1_000_000)
    }

    type Fault = fn(&mut Run, &mut Client);

    struct Client {
        serial: u64,
    }

    impl Client {
        fn sends<T>(
            &mut self,
            key: &str,
            body: &str,
            now: i64,
            act: impl FnOnce(&Seen<'_>) -> T,
        ) -> T {
            self.serial += 1;
            let nonce = format!("nonce-of-16-or-more-{}", self.serial);
            let key = (!key.is_empty()).then_some(key);
            act(&Seen {
                created: at(now),
                nonce: &nonce,
                key,
                body: sha256(body.as_bytes()),
                at: at(now),
            })
        }
    }

    fn conforming(run: &mut Run) -> Client {
        let mut client = Client { serial: 0 };
        client.sends("", "", 1, |s| run.signed(s));
        assert!(client.sends("b", BODY, 2, |s| run.body(s)));
        for second in [3, 4] {
            client.sends("o", "{}", second, |s| run.once(s));
        }
        for second in [5, 6] {
            client.sends("u", "{}", second, |s| run.busy(s));
        }
        for page in 0..PAGES {
            client.sends("", "", 7, |s| run.page(s, page));
        }
        told(run, &mut client, |genuine| genuine);
        client
    }

    /// Asks for every answer and says of those that `believed` picks that they are genuine.
    fn told(run: &mut Run, client: &mut Client, believed: impl Fn(bool) -> bool) -> bool {
        let mut codes = BTreeSet::new();
        for place in 0..ANSWERS {
            let random = [7; ANSWERS + 2];
            let answer = client.sends("", "", 8, |s| run.answer(s, place, &random));
            let (code, genuine) = answer.expect("an answer");
            if believed(genuine) {
                codes.insert(code);
            }
        }
        client.sends("v", "{}", 8, |s| run.verdict(s, &codes))
    }

    fn failed(run: &Run) -> Vec<&'static str> {
        let checks = run.checks();
        assert!(checks.iter().all(|check| check.passed == check.next.is_empty()));
        checks.iter().filter(|check| !check.passed).map(|check| check.check).collect()
    }

    #[test]
    fn a_client_that_does_all_of_it_passes_and_one_that_did_nothing_fails_all() {
        let mut run = Run::new("par_1", at(100));
        assert_eq!(failed(&run).len(), run.checks().len());
        conforming(&mut run);
        assert_eq!(failed(&run), Vec::<&str>::new());
    }

    #[test]
    fn each_fault_fails_its_own_check() {
        let faults: [(&str, Fault); 8] = [
            ("signing", |run, _| run.refuse("digest_mismatch")),
            ("digest", |run, c| {
                c.sends("b2", "{\"name\":\"王小明\"}", 9, |s| run.body(s));
            }),
            ("clock", |run, _| {
                let nonce = "a-nonce-of-its-own";
                let body = sha256(BODY.as_bytes());
                run.body(&Seen { created: at(20), nonce, key: None, body, at: at(10) });
            }),
            ("nonce", |run, _| {
                let nonce = "nonce-of-16-or-more-1";
                let body = sha256(BODY.as_bytes());
                run.body(&Seen { created: at(9), nonce, key: None, body, at: at(9) });
            }),
            ("paging", |run, c| c.sends("", "", 9, |s| run.page(s, 2))),
            ("verification", |run, c| assert!(!told(run, c, |_| true))),
            ("verification", |run, c| assert!(!told(run, c, |_| false))),
            ("nonce", |run, _| {
                let body = sha256(BODY.as_bytes());
                run.body(&Seen { created: at(9), nonce: "short", key: None, body, at: at(9) });
            }),
        ];
        for (name, fault) in faults {
            let mut run = Run::new("par_1", at(100));
            let mut client = conforming(&mut run);
            fault(&mut run, &mut client);
            assert_eq!(failed(&run), [name]);
        }
    }

    #[test]
    fn after_any_slip_the_steps_done_anew_pass() {
        let mut run = Run::new("par_1", at(100));
        let mut client = conforming(&mut run);
        run.refuse("digest_mismatch");
        run.refuse("nonce_seen");
        client.sends("b", "{}", 9, |s| run.body(s));
        client.sends("once-2", "{}", 9, |s| run.once(s));
        client.sends("busy-2", "{}", 9, |s| run.busy(s));
        client.sends("", "", 9, |s| run.page(s, 2));
        told(&mut run, &mut client, |_| true);
        assert_eq!(failed(&run).len(), 7, "{:?}", failed(&run));
        client.sends("", "", 10, |s| run.signed(s));
        client.sends("b", BODY, 11, |s| run.body(s));
        for second in [12, 13] {
            client.sends("o3", "{}", second, |s| run.once(s));
        }
        for second in [14, 15] {
            client.sends("u3", "{}", second, |s| run.busy(s));
        }
        for page in 0..PAGES {
            client.sends("", "", 16, |s| run.page(s, page));
        }
        assert!(told(&mut run, &mut client, |genuine| genuine));
        assert_eq!(failed(&run), Vec::<&str>::new());
    }

    #[test]
    fn an_attempt_at_the_answers_has_one_word() {
        let mut run = Run::new("par_1", at(100));
        let mut client = Client { serial: 0 };
        assert!(!client.sends("v", "{}", 1, |s| run.verdict(s, &BTreeSet::new())), "none yet");
        assert!(!told(&mut run, &mut client, |_| true));
        let none = BTreeSet::new();
        assert!(!client.sends("v", "{}", 2, |s| run.verdict(s, &none)), "it is over");
        let drawn = drawn(&[0; ANSWERS + 2]);
        assert!(drawn.iter().any(|(_, genuine)| *genuine));
        assert!(drawn.iter().any(|(_, genuine)| !*genuine));
        let codes: BTreeSet<&String> = drawn.iter().map(|(code, _)| code).collect();
        assert_eq!(codes.len(), ANSWERS);
    }

    #[test]
    fn a_repetition_is_the_same_request_later_and_signed_anew() {
        let one = |key: &str, body: &str, nonce: &str, second: i64| First {
            key: (!key.is_empty()).then(|| key.to_string()),
            body: sha256(body.as_bytes()),
            nonce: nonce.to_string(),
            at: at(second),
        };
        let first = one("k", "b", "n1", 10);
        for (second, passed) in [
            (one("k", "b", "n2", 11), true),
            (one("k", "b", "n2", 10), false),
            (one("k", "b", "n1", 11), false),
            (one("k", "c", "n2", 11), false),
            (one("l", "b", "n2", 11), false),
            (one("k", "b", "n2", 400), false),
        ] {
            assert_eq!(repeated(&[first.clone(), second], 1).0, passed);
        }
        assert!(!repeated(&[one("", "b", "n1", 1), one("", "b", "n2", 3)], 1).0);
    }
}
