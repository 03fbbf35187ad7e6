//! Whose turn it is to write: writers of one process wait in line for SQLite's single write lock.
//! SQLite itself lets whoever tries at the right moment have it, and under load that is the same
//! one again and again: a checkpoint of the log must not wait behind a thousand batches.

use std::sync::{Condvar, Mutex, PoisonError};

#[derive(Default)]
struct Line {
    /// The number that the next one to come draws.
    next: u64,
    /// Whose turn it is.
    serving: u64,
}

/// A line of writers, first come first served.
#[derive(Default)]
pub struct Turns {
    line: Mutex<Line>,
    changed: Condvar,
}

/// A turn; the next one's begins when it is dropped.
pub struct Turn<'a>(&'a Turns);

impl Turns {
    /// Waits for one's turn.
    pub fn take(&self) -> Turn<'_> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let own = line.next;
        line.next += 1;
        while line.serving != own {
            line = self.changed.wait(line).unwrap_or_else(PoisonError::into_inner);
        }
        Turn(self)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.line.lock().unwrap_or_else(PoisonError::into_inner).serving += 1;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn whoever_comes_second_is_served_second() {
        let turns = Arc::new(Turns::default());
        let stop = Arc::new(AtomicBool::new(false));
        let (greedy, stopped) = (turns.clone(), stop.clone());
        // Takes turn after turn without a pause.
        let busy = std::thread::spawn(move || {
            let mut taken = 0_u64;
            while !stopped.load(Ordering::Relaxed) {
                let _turn = greedy.take();
                taken += 1;
            }
            taken
        });
        for _ in 0..100 {
            drop(turns.take());
        }
        stop.store(true, Ordering::Relaxed);
        assert!(busy.join().is_ok());
        let line = turns.line.lock().expect("whole");
        assert_eq!(line.next, line.serving, "nobody waits");
    }
}
