//! Everybody's score at once, a page of persons at a time on every core, in order of the persons;
//! memory does not grow with their number. Nothing here records anything: whoever takes the table
//! out records that first ([`super::command::look::TakeTable`]).

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Condvar, Mutex, PoisonError};

use super::Bureau;
use super::look::Seen;
use crate::kernel::Time;
use crate::store::StoreError;

/// Pages beyond the next one to be taken that are worked on, for each thread.
const PAGES_AHEAD: usize = 4;

type Page = (usize, Vec<String>);
type Scored = (usize, Result<Vec<Seen>, StoreError>);

/// How far the pages are taken: nobody works further ahead than that allows.
#[derive(Default)]
struct Taken {
    pages: Mutex<(usize, bool)>,
    changed: Condvar,
}

impl Taken {
    /// Waits until page `number` is near enough; false when nobody takes any more.
    fn allows(&self, number: usize, ahead: usize) -> bool {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        while !pages.1 && number >= pages.0 + ahead {
            pages = self.changed.wait(pages).unwrap_or_else(PoisonError::into_inner);
        }
        !pages.1
    }

    fn tell(&self, change: impl FnOnce(&mut (usize, bool))) {
        change(&mut self.pages.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }
}

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
        let threads = threads.max(1);
        let (pages, waiting) = channel::<Page>();
        let waiting = Mutex::new(waiting);
        let (scored, done) = channel::<Scored>();
        let taken = Taken::default();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                let scored = scored.clone();
                let waiting = &waiting;
                scope.spawn(move || self.score_pages(waiting, &scored, as_of, known_at));
            }
            drop(scored);
            let so_far = &taken;
            let ahead = threads * PAGES_AHEAD;
            let listed = scope.spawn(move || self.list_pages(pages, so_far, ahead));
            let all = in_order(&done, &mut |seen| {
                take(seen)?;
                so_far.tell(|pages| pages.0 += 1);
                Ok(())
            });
            so_far.tell(|pages| pages.1 = true);
            let listed = listed.join().unwrap_or_else(|_| {
                Err(StoreError::inconsistent("the list of persons ended in the middle"))
            });
            all.and_then(|()| listed.map_err(E::from))
        })
    }

    /// Owns the sender: what waits for pages ends with it.
    fn list_pages(
        &self,
        pages: Sender<Page>,
        taken: &Taken,
        ahead: usize,
    ) -> Result<(), StoreError> {
        let mut after = String::new();
        for number in 0.. {
            let page = self.persons_after(&after)?;
            let Some(last) = page.last() else { break };
            after.clone_from(last);
            if !taken.allows(number, ahead) || pages.send((number, page)).is_err() {
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
