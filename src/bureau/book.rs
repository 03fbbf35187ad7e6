//! A furnisher's accounts as the bureau has them, gathered for the furnisher.

use std::collections::{BTreeMap, BTreeSet};

use super::Bureau;
use super::admission::Admission;
use super::approval::Approval;
use super::command::book::TakeBook;
use super::command::refold::{Circle, Logged, gather};
use super::work::open_identity;
use crate::collect::Fact;
use crate::collect::metro2::Form;
use crate::error::Problem;
use crate::kernel::Month;
use crate::kernel::bytes::{hex, sha256};
use crate::ledger::body::person_key_name;
use crate::ledger::rows as ledger_rows;
use crate::report::metro2::{Book, Holding, Made, write};
use crate::score::live;
use crate::store::StoreError;
use crate::subject::rows::{self as subject_rows, PairwiseRow};

/// Who wants a furnisher's book, of which month and in which form.
pub struct BookOrder {
    /// Which member of staff, and why.
    pub by: Admission,
    /// That another member of staff agrees.
    pub approval: Option<Approval>,
    /// The furnisher, by id.
    pub furnisher: String,
    /// The month.
    pub month: Month,
    /// How the file is written.
    pub form: Form,
}

/// A book, and the entry that says that it was taken.
#[derive(Debug)]
pub struct BookTaken {
    /// The file.
    pub made: Made,
    /// Index of the entry.
    pub index: u64,
}

impl Bureau {
    /// A furnisher's accounts of a month as a Metro 2 file. That it leaves is on record, with both
    /// names, before it is given out.
    ///
    /// # Errors
    /// Refused without a reason and two members of staff; the furnisher is unknown; the database's.
    pub fn take_book(&self, order: &BookOrder) -> Result<BookTaken, Problem> {
        let unread = |error: StoreError| {
            tracing::error!(%error, "a book cannot be gathered");
            Problem::internal()
        };
        let registry = self.registry().map_err(unread)?;
        let name = registry.partners.get(&order.furnisher).map(|partner| partner.name.clone());
        let name = name.ok_or_else(|| {
            Problem::new("partner_not_found", "There is no such partner: `fivefold partner list`.")
        })?;
        let holdings = self.holdings(&order.furnisher).map_err(unread)?;
        let (_, offset) = super::command::refold::terms(&self.engine, &self.engine.home);
        let book = Book {
            furnisher: &name,
            month: order.month,
            today: self.engine.env.now().date_at(offset),
            form: order.form,
        };
        let made = write(&book, &holdings).map_err(|error| {
            tracing::error!(%error, "a book cannot be written");
            Problem::internal()
        })?;
        let taken = self.run(TakeBook {
            admission: order.by.clone(),
            approval: order.approval.clone(),
            furnisher: order.furnisher.clone(),
            month: order.month,
            file: hex(&sha256(&made.bytes)),
            accounts: made.accounts,
        });
        let index = taken.value()?["log"]["index"].as_u64().unwrap_or_default();
        Ok(BookTaken { made, index })
    }

    /// Every account that a furnisher has with every person it names here.
    fn holdings(&self, furnisher: &str) -> Result<Vec<Holding>, StoreError> {
        let mut out = Vec::new();
        let mut after = String::new();
        loop {
            let page = self.store.read(|conn| subject_rows::pairwise_page(conn, &after))?;
            let Some(last) = page.last() else { return Ok(out) };
            after = last.id.clone();
            for row in page.iter().filter(|row| row.partner == furnisher && !row.mismatch) {
                out.extend(self.holdings_of(row)?);
            }
        }
    }

    fn holdings_of(&self, subject: &PairwiseRow) -> Result<Vec<Holding>, StoreError> {
        let read = self.store.read(|conn| {
            let head = ledger_rows::read_head(conn)?.map_or(0, |head| head.size);
            let mut person = subject.person.clone();
            let mut seen = BTreeSet::new();
            let row = loop {
                let row = subject_rows::persons(conn, &[&person])?.into_iter().next();
                let Some(row) = row else { return Ok(None) };
                match &row.merged_into {
                    Some(next) if seen.insert(next.clone()) => person = next.clone(),
                    _ => break row,
                }
            };
            if row.erased_us.is_some() {
                return Ok(None);
            }
            let circle = Circle::of(conn, &person, head)?;
            let mut key = |owner: &str| {
                let name = person_key_name(owner);
                let key = self.keystore().get([name.as_str()])?.remove(&name);
                key.ok_or_else(|| StoreError::inconsistent(format!("the key {name} is gone")))
            };
            let identity = open_identity(&row, &key(&person)?)?;
            let logged = gather(conn, &mut key, &circle, head, &|_| Vec::new())?;
            Ok(Some((identity, logged)))
        })?;
        let Some((identity, mut logged)) = read else { return Ok(Vec::new()) };
        logged.retain(|one| {
            one.furnisher == subject.partner && one.observation.subject == subject.id
        });
        Ok(accounts(&logged)
            .into_iter()
            .map(|(account, months)| Holding { identity: identity.clone(), account, months })
            .collect())
    }
}

type Standing = (
    crate::collect::observation::Account,
    BTreeMap<Month, crate::collect::observation::AccountMonth>,
);

/// The accounts among what was said, with their months, as they stand.
fn accounts(logged: &[Logged]) -> Vec<Standing> {
    let mut accounts = BTreeMap::new();
    let mut months: BTreeMap<String, BTreeMap<Month, _>> = BTreeMap::new();
    for (_, observation) in live(logged.iter().map(|one| one.in_context(0))) {
        match &observation.fact {
            Fact::Account(account) => {
                accounts.insert(account.account_key.clone(), account.clone());
            }
            Fact::AccountMonth(month) => {
                let own = months.entry(month.account_key.clone()).or_default();
                own.insert(month.month, month.clone());
            }
            _ => {}
        }
    }
    let with = |(key, account)| (account, months.remove(&key).unwrap_or_default());
    accounts.into_iter().map(with).collect()
}
