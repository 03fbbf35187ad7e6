//! The one door through which the world enters: the clock and entropy.
//!
//! `clippy.toml` bans the raw calls everywhere else. With both as values a run can be replayed,
//! simulated and compared byte for byte.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::SystemTime;

use ring::rand::{SecureRandom, SystemRandom};

use super::bytes::sha256_of;
use super::time::Time;

/// Says what time it is.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Time;
}

/// Fills buffers with bytes nobody can guess (or, under test, with reproducible ones).
pub trait Entropy: Send + Sync {
    /// Fills `out` entirely.
    fn fill(&self, out: &mut [u8]);
}

/// The clock and the entropy that a part of the program was given.
#[derive(Clone)]
pub struct Env {
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub entropy: Arc<dyn Entropy>,
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Env")
    }
}

impl Env {
    /// The real world: the system's clock and the system's entropy.
    pub fn system() -> Env {
        Env { clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy(SystemRandom::new())) }
    }

    /// A world that starts at `start`, moves only when told to, and repeats itself for a seed.
    pub fn fixed(start: Time, seed: u64) -> (Env, Arc<FixedClock>) {
        let clock = Arc::new(FixedClock(AtomicI64::new(start.micros())));
        let entropy = Arc::new(SeededEntropy { seed, counter: AtomicU64::new(0) });
        (Env { clock: clock.clone(), entropy }, clock)
    }

    /// The current time.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// `N` fresh bytes.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.entropy.fill(&mut out);
        out
    }
}

struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    fn now(&self) -> Time {
        let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Time::from_micros(elapsed.map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX)))
    }
}

struct SystemEntropy(SystemRandom);

impl Entropy for SystemEntropy {
    fn fill(&self, out: &mut [u8]) {
        // Without entropy no key, nonce or salt can be made: stopping is the only safe answer.
        if self.0.fill(out).is_err() {
            std::process::abort();
        }
    }
}

/// A clock that stands still until it is moved.
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// Moves the clock to `time`.
    pub fn set(&self, time: Time) {
        self.0.store(time.micros(), Ordering::SeqCst);
    }

    /// Moves the clock on by `seconds`.
    pub fn advance_seconds(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Time {
        Time::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// SHA-256 in counter mode over a seed: for tests and simulations, never for keys that guard data.
struct SeededEntropy {
    seed: u64,
    counter: AtomicU64,
}

impl Entropy for SeededEntropy {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let n = self.counter.fetch_add(1, Ordering::SeqCst);
            let block = sha256_of(&[&self.seed.to_be_bytes(), &n.to_be_bytes()]);
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_world_repeats_itself() {
        let (a, _) = Env::fixed(Time::from_micros(5), 1);
        let (b, _) = Env::fixed(Time::from_micros(5), 1);
        assert_eq!(a.random::<40>(), b.random::<40>());
        assert_ne!(a.random::<16>(), a.random::<16>());
    }
}
