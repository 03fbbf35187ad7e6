//! Room on the disk: writing stops while there is still some, because a full disk in the middle of
//! a commit, or of a published tile, is harder to mend than a refusal (decisions.md 25).

use std::path::{Path, PathBuf};

use crate::error::Problem;
use crate::kernel::Time;

/// Bytes below which nothing is written any more.
pub const FREE_BYTES_MIN: u64 = 256 * 1024 * 1024;
/// Bytes below which no upload is spooled any more: commands go on for longer than uploads do.
pub const SPOOL_FREE_BYTES_MIN: u64 = 4 * FREE_BYTES_MIN;
/// Seconds for which a look is good.
const LOOK_SECONDS: i64 = 1;

/// How much room there is where the bureau writes.
pub struct Room {
    dir: PathBuf,
    free_bytes_min: u64,
    looked: Option<(Time, bool)>,
}

impl Room {
    /// The room under `dir`, of which so much must stay free.
    pub fn under(dir: PathBuf, free_bytes_min: u64) -> Room {
        Room { dir, free_bytes_min, looked: None }
    }

    /// Whether there is enough, as of a second ago at most.
    pub fn enough(&mut self, now: Time) -> bool {
        match self.looked {
            Some((at, enough)) if now < at.plus_seconds(LOOK_SECONDS) => enough,
            _ => {
                let enough = self.look();
                self.looked = Some((now, enough));
                enough
            }
        }
    }

    fn look(&self) -> bool {
        free_bytes(&self.dir).is_some_and(|free| free >= self.free_bytes_min)
    }
}

/// Bytes that are free under `dir`; `None` when that cannot be seen.
pub fn free_bytes(dir: &Path) -> Option<u64> {
    match rustix::fs::statvfs(dir) {
        Ok(about) => Some(about.f_bavail.saturating_mul(about.f_frsize)),
        Err(error) => {
            tracing::error!(%error, "the room on the disk cannot be seen");
            None
        }
    }
}

/// What everybody is told while there is too little.
pub fn too_little() -> Problem {
    Problem::new(
        "disk_full",
        "The bureau has stopped writing because its disk is nearly full, and nothing was changed. \
         Try again later with the same Idempotency-Key. To the operator: make room, and it goes on \
         by itself.",
    )
    .retry_after(30)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_room_is_seen_and_so_is_enough() {
        let dir = tempfile::tempdir().expect("a directory").keep();
        let now = Time::from_micros(0);
        assert!(Room::under(dir.clone(), 1).enough(now));
        assert!(!Room::under(dir.clone(), u64::MAX).enough(now));
        assert!(!Room::under(dir.join("nowhere"), 1).enough(now));
        std::fs::remove_dir(dir).expect("removed");
    }
}
