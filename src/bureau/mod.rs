//! The composition root: the sequencer, and each use case as one short command that joins stages.
//!
//! [`Bureau::open`] puts the parts together over one data directory:
//!
//! ```text
//! DIR/keys/*.key        the bureau's five keys, readable by the service only
//! DIR/keys.sqlite       wrapped keys of persons and periods, never in a backup
//! DIR/bureau.sqlite     everything else, unless a PostgreSQL is configured
//! DIR/spool/            large uploads on their way, sealed
//! DIR/log/              the C2SP tree as files: checkpoint, tiles, entry bundles, vkey
//! ```

pub mod admission;
pub mod approval;
pub mod asked;
pub mod audit;
pub mod authority;
pub mod backup;
pub mod book;
pub mod command;
pub mod coverage;
pub mod dataset;
pub mod demands;
pub mod dossier;
pub mod extract;
pub mod folded;
pub mod intake;
pub mod keys;
pub mod look;
pub mod matter;
pub mod meters;
pub mod metro2;
pub mod monitor;
pub mod needs;
pub mod packs;
pub mod personal;
mod pin;
pub mod probing;
pub mod publisher;
pub mod quality;
pub mod quota;
pub mod register;
pub mod replay;
pub mod reporting;
pub mod rescore;
pub mod restore;
pub mod room;
pub mod rows;
pub mod sandbox;
pub mod sequencer;
pub mod spool;
pub mod standing;
pub mod start;
pub mod sweep;
pub mod tomb;
pub mod upload;
pub mod usage;
pub mod watching;
pub mod webhook;
pub mod work;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::oneshot;

pub use command::{Answer, Command, Reply};
pub use start::{OpenError, Settings};

use crate::collect::observation::Dimension;
use crate::error::Problem;
use crate::kernel::Env;
use crate::model::governance::Role;
use crate::policy::{Environment, Rules};
use crate::score::edition::Edition;
use crate::score::{ReasonTexts, Scorecard};
use crate::store::checkpoint::Checkpointing;
use crate::store::{KeyStore, Store};
use keys::BureauKeys;
use publisher::Publishing;
use quality::Supplied;
use quota::Quotas;
use sequencer::Sequencer;
use usage::Counted;
use watching::Watched;

/// What does not change while the bureau runs.
pub struct Engine {
    /// Clock and entropy.
    pub env: Env,
    /// The rule packs in force.
    pub rules: Rules,
    /// The bureau's own keys.
    pub keys: BureauKeys,
    /// Live, sandbox or demonstration.
    pub environment: Environment,
    /// Whether a licence is configured.
    pub licensed: bool,
    /// The residence whose pack applies where no person is known.
    pub home: String,
    /// The log's origin.
    pub origin: String,
    /// How much each partner may ask, and has asked.
    pub quotas: Quotas,
    /// In a sandbox: whose records stay as they are published.
    pub kept: sandbox::Kept,
    /// What reason codes mean, in words.
    pub texts: ReasonTexts,
    scorecard: Scorecard,
    /// Its digest, hexadecimal, and whether it is the one that comes with the program.
    in_force: (String, bool),
    /// The champion where a pack has dimensions off.
    editions: Vec<Edition>,
    /// Scorecards that score in shadow, with their digests.
    challengers: Vec<(String, Scorecard)>,
}

/// Names under which no bureau can be reached from outside (RFC 6761).
const OWN_NAMES: [&str; 4] = ["localhost", "test", "example", "invalid"];

impl Engine {
    /// Whether events may be sent to the machine itself: only where its partners are on it, too.
    /// Where strangers register (a public sandbox), an address of ours is none of theirs.
    pub fn sends_to_itself(&self) -> bool {
        let host = self.origin.split(['/', ':']).next().unwrap_or_default();
        let last = host.rsplit('.').next().unwrap_or_default();
        self.environment != Environment::Live && OWN_NAMES.contains(&last)
    }

    /// The scorecard that gives the scores. Whether it still may is asked for every score
    /// ([`standing::as_of`]).
    pub fn champion(&self) -> &Scorecard {
        &self.scorecard
    }

    /// The scorecard under packs that have these dimensions on: the champion, or its edition
    /// without those that are off.
    pub fn scorecard_for(&self, on: &[String]) -> &Scorecard {
        let is_off = |dimension: &Dimension| !on.iter().any(|name| name == dimension.name());
        let off: Vec<Dimension> = Dimension::ALL.into_iter().filter(is_off).collect();
        let own = self.editions.iter().find(|edition| edition.without == off);
        own.map_or(&self.scorecard, |edition| &edition.scorecard)
    }

    /// The scorecard for who lives there.
    pub fn scorecard_of(&self, residence: &str) -> &Scorecard {
        let pack = authority::pack_of(residence).and_then(|id| self.rules.pack(id));
        pack.map_or(&self.scorecard, |pack| self.scorecard_for(&pack.dimensions))
    }

    /// The champion's editions.
    pub fn editions(&self) -> &[Edition] {
        &self.editions
    }

    /// Whether the champion may give scores, as `models` (digests and roles) stand: it is the one
    /// that was promoted; or none was, and this is no live bureau, and it is the program's own.
    pub fn may_score(&self, models: &[(String, String)]) -> bool {
        let champion = models.iter().find(|(_, role)| role == Role::Champion.name());
        match champion {
            Some((digest, _)) => *digest == self.in_force.0,
            None => self.environment != Environment::Live && self.in_force.1,
        }
    }

    /// Challengers that stand so still.
    pub fn challengers<'e>(
        &'e self,
        models: &'e [(String, String)],
    ) -> impl Iterator<Item = &'e (String, Scorecard)> {
        self.challengers.iter().filter(|(digest, _)| {
            let stands = (digest, Role::Challenger.name());
            models.iter().any(|(d, role)| (d, role.as_str()) == stands)
        })
    }
}

/// A bureau at work.
pub struct Bureau {
    /// What does not change.
    pub engine: Arc<Engine>,
    /// The database, for reading.
    pub store: Store,
    /// Where everything lies.
    pub dir: PathBuf,
    keystore: KeyStore,
    sequencer: Sequencer,
    /// Ends with the bureau, after the sequencer.
    _checkpointing: Checkpointing,
    publishing: Publishing,
    /// Usage of the periods asked for lately.
    counted: Counted,
    /// What furnishers sent in the periods asked for lately.
    supplied: Supplied,
    /// How far the watching has come.
    watched: Watched,
}

impl Bureau {
    /// Hands a command to the sequencer. The reply comes when the act is on record.
    pub fn submit(&self, command: impl Command + 'static) -> oneshot::Receiver<Reply> {
        self.sequencer.submit(Box::new(command))
    }

    /// Runs a command and waits for its reply, from a thread that may block.
    pub fn run(&self, command: impl Command + 'static) -> Reply {
        let gone = || Reply::Refused(Problem::internal());
        self.submit(command).blocking_recv().unwrap_or_else(|_| gone())
    }

    /// The same, from asynchronous code.
    pub async fn act(&self, command: impl Command + 'static) -> Reply {
        let gone = || Reply::Refused(Problem::internal());
        self.submit(command).await.unwrap_or_else(|_| gone())
    }

    /// A handle on the key store for another thread.
    pub fn keystore(&self) -> KeyStore {
        self.keystore.another()
    }

    /// Publishes what is committed and waits until a checkpoint covers it.
    ///
    /// # Errors
    /// Why it could not be published.
    pub fn publish(&self) -> Result<u64, String> {
        self.publishing.now()
    }

    /// How many entries the newest published checkpoint covers.
    pub fn published(&self) -> u64 {
        self.publishing.size()
    }

    /// Why publishing stands still, if it does: an operator must look.
    pub fn trouble(&self) -> Option<String> {
        self.publishing.trouble()
    }

    /// The directory of the published log.
    pub fn log_dir(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// Finishes what is waiting, publishes it and stops.
    pub fn close(&self) {
        self.sequencer.close();
        if let Err(error) = self.publishing.now() {
            tracing::error!(%error, "the last entries are not published; the next start will");
        }
        self.publishing.close();
    }
}
