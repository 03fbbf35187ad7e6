//! Everybody's score at once, a page of persons at a time on every core, in order of the persons;
//! memory does not grow with their number. Nothing here records anything: whoever takes the table
//! out records that first ([`super::command::look::TakeTable`]).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};

use super::Bureau;
use super::look::Seen;
use crate::kernel::Time;
use crate::store::StoreError;

/// Pages that may wait between the stages.
const PAGES_WAITING: usize = 8;

type Page = (usize, Vec<String>);
type Scored = (usize, Result<Vec<Seen>, StoreError>);

impl Bureau {
    /// The scores of everybody on file, as [`Bureau::look`] gives them, in pages; `take` gets them
    /// in order of the persons' ids.
    ///
    /// # Errors
    /// The database's, something that does not open, or what `take` answers.
    pub fn rescore<E: From<StoreError>>(
        &self,
        as_of: Time,
        known_at: Option<u64>,
        threads: usize,
        take: &mut dyn FnMut(Vec<Seen>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (pages, waiting) = sync_channel::<Page>(PAGES_WAITING);
        let waiting = Mutex::new(waiting);
        let (scored, done) = channel::<Scored>();
        let stopped = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..threads.max(1) {
                let scored = scored.clone();
                let waiting = &waiting;
                scope.spawn(move || self.score_pages(waiting, &scored, as_of, known_at));
            }
            drop(scored);
            let listed = scope.spawn(|| self.list_pages(pages, &stopped));
            let taken = in_order(&done, take);
            stopped.store(true, Ordering::Relaxed);
            let listed = listed.join().unwrap_or_else(|_| {
                Err(StoreError::inconsistent("the list of persons ended in the middle"))
            });
            taken.and_then(|()| listed.map_err(E::from))
        })
    }

    /// Owns the sender: what waits for pages ends with it.
    fn list_pages(&self, pages: SyncSender<Page>, stopped: &AtomicBool) -> Result<(), StoreError> {
        let mut after = String::new();
        for number in 0.. {
            let page = self.persons_after(&after)?;
            let Some(last) = page.last() else { break };
            after.clone_from(last);
            if stopped.load(Ordering::Relaxed) || pages.send((number, page)).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn score_pages(
        &self,
        waiting: &Mutex<Receiver<Page>>,
        scored: &Sender<Scored>,
        as_of: Time,
        known_at: Option<u64>,
    ) {
        loop {
            let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((number, page)) = next else { return };
            // After a failure the receiver is there and nobody listens: the list ends soon.
            let _ = scored.send((number, self.look(&page, as_of, known_at)));
        }
    }
}

fn in_order<E: From<StoreError>>(
    done: &Receiver<Scored>,
    take: &mut dyn FnMut(Vec<Seen>) -> Result<(), E>,
) -> Result<(), E> {
    let mut early = BTreeMap::new();
    let mut next = 0;
    for (number, seen) in done {
        early.insert(number, seen?);
        while let Some(seen) = early.remove(&next) {
            take(seen)?;
            next += 1;
        }
    }
    Ok(())
}
