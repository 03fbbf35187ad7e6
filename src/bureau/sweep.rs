//! The daily sweep: what falls due without anybody asking for it.

use serde::Serialize;

use super::Bureau;
use super::admission::Admission;
use super::command::Reply;
use super::command::answering::CloseOverdue;
use crate::error::Problem;
use crate::rights::rows as rights_rows;
use crate::store::StoreError;

/// Rows looked at together.
const PAGE: i64 = 200;

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Disputes closed because their clock ran out.
    pub disputes_closed: u64,
}

/// Why a sweep stopped. What it did until then is on record, and the next one goes on.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An act was refused.
    #[error(transparent)]
    Refused(#[from] Problem),
}

impl Bureau {
    /// Does what is due now, each act an entry of its own. It may be called at any time, and
    /// twice as well as once.
    ///
    /// # Errors
    /// [`SweepError`].
    pub fn sweep(&self) -> Result<Swept, SweepError> {
        let mut swept = Swept::default();
        self.close_overdue(&mut swept)?;
        Ok(swept)
    }

    fn close_overdue(&self, swept: &mut Swept) -> Result<(), SweepError> {
        loop {
            let now = self.engine.env.now().micros();
            let due = self.store.read(|conn| rights_rows::overdue(conn, now, PAGE))?;
            if due.is_empty() {
                return Ok(());
            }
            for dispute in due {
                let admission = Admission::operator("sweep", "the time to answer has run out");
                match self.run(CloseOverdue { admission, dispute }) {
                    Reply::Done(_) => swept.disputes_closed += 1,
                    Reply::Refused(problem) => return Err(problem.into()),
                }
            }
        }
    }
}
