//! The same work on many things at once, on threads, results in order.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How many requests the partners have in flight: enough that the bureau commits many acts at
/// once, as it would with many partners.
pub const IN_FLIGHT: usize = 32;

/// Does `work` for each of `items`, at most `at_once` of them at a time.
///
/// # Errors
/// The first in order of those that happened; what has not begun by then is left undone.
pub fn each<T: Sync, R: Send, E: Send>(
    items: &[T],
    at_once: usize,
    work: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let done: Mutex<Vec<(usize, Result<R, E>)>> = Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..at_once.min(items.len()) {
            scope.spawn(|| {
                while !failed.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { break };
                    let result = work(item);
                    if result.is_err() {
                        failed.store(true, Ordering::Relaxed);
                    }
                    let mut done = done.lock().unwrap_or_else(|e| e.into_inner());
                    done.push((at, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(|e| e.into_inner());
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_and_an_error_stops_the_rest() {
        let items: Vec<u32> = (0..500).collect();
        let doubled = each(&items, 8, |n| Ok::<_, ()>(n * 2)).expect("no error");
        assert_eq!(doubled, items.iter().map(|n| n * 2).collect::<Vec<_>>());
        assert_eq!(each(&items, 8, |n| if *n == 99 { Err(*n) } else { Ok(()) }), Err(99));
    }
}
