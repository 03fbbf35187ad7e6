//! Putting a bureau together: the first time, and each time after.

use std::path::PathBuf;
use std::sync::Arc;

use super::admission::Admission;
use super::command::governance::{InForce, PACKS};
use super::keys::{BureauKeys, KeyError, clock_is_plausible};
use super::publisher::{Publishing, check_right_edge};
use super::quality::Supplied;
use super::quota::Quotas;
use super::restore::RESTORING;
use super::room::{FREE_BYTES_MIN, Room};
use super::sandbox::Kept;
use super::sequencer::Sequencer;
use super::usage::Counted;
use super::watching::Watched;
use super::{Bureau, Engine, Reply, packs, pin};
use crate::collect::observation::Dimension;
use crate::error::Problem;
use crate::kernel::bytes::hex;
use crate::kernel::{Env, id};
use crate::ledger::publish::{DirStore, PublishError, Publisher};
use crate::ledger::rows::{self as ledger_rows, Head};
use crate::ledger::tree::CompactRange;
use crate::model::governance::Role;
use crate::model::rows as model_rows;
use crate::partner::rows as partner_rows;
use crate::policy::{Environment, Pack, Rules, RulesError};
use crate::score::edition::{Edition, edition};
use crate::score::{ReasonTexts, ScoreError, Scorecard};
use crate::store::checkpoint::Checkpointing;
use crate::store::{AnyConn, KeyStore, Store, StoreError, Target};

/// The scorecard compiled in.
pub(super) const SCORECARD: &str =
    include_str!("../../policies/scorecards/fivefold-general-2.toml");
/// The reason texts compiled in.
const REASONS: &str = include_str!("../../policies/reasons.toml");

/// Where a bureau lies and how it presents itself.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The data directory.
    pub dir: PathBuf,
    /// The database.
    pub database: Target,
    /// The key store.
    pub keys: Target,
    /// The log's origin: a scheme-less URL prefix.
    pub origin: String,
    /// Live, sandbox or demonstration.
    pub environment: Environment,
    /// Whether a licence is configured.
    pub licensed: bool,
    /// The residence whose pack applies where no person is known.
    pub home: String,
    /// A folder of rules to use in place of the ones compiled in.
    pub policies: Option<PathBuf>,
    /// Whether its packs come into force by opening it. A service does that; a command of a new
    /// version that is run beside a service of the old one must not.
    pub puts_packs_in_force: bool,
}

/// Why a bureau does not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rules.
    #[error("the rules are not valid:\n{0}")]
    Rules(#[from] RulesError),
    /// The scorecard or its texts.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// The published log.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The file system.
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
    /// The log as stored contradicts itself or what was published.
    #[error("{0}")]
    Log(String),
    /// It was made as something else.
    #[error(
        "this bureau was made as {} and is asked to open as {}: that never changes. Another \
         environment is another bureau, with a directory, keys, a database and an origin of its \
         own: `fivefold init --dir ANOTHER --environment {}`",
        made.name(), asked.name(), asked.name()
    )]
    Environment {
        /// What it was made as.
        made: Environment,
        /// What the configuration says.
        asked: Environment,
    },
    /// The log stands under other packs, and this is not a service that puts its own in force.
    #[error(
        "the log stands under the rule packs {}, this program knows others: use the program (and \
         the `policies` setting) that serves, or start `fivefold serve` of this one, which puts its \
         packs in force",
        hex(.0)
    )]
    OtherPacks([u8; 32]),
    /// A command at the start was refused.
    #[error(transparent)]
    Refused(#[from] Problem),
}

impl Bureau {
    /// Makes the data directory: keys, databases, the log's first entries and checkpoint. What is
    /// there already is left alone.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn init(env: &Env, settings: &Settings) -> Result<Bureau, OpenError> {
        let dir = settings.dir.clone();
        std::fs::create_dir_all(&dir).map_err(|e| OpenError::Io(dir.clone(), e))?;
        BureauKeys::create(env, &dir.join("keys"))?;
        Store::migrate(&settings.database)?;
        Store::migrate(&settings.keys)?;
        let store = Store::open(settings.database.clone())?;
        let head = Head {
            size: 0,
            frontier: CompactRange::new(),
            at: env.now(),
            batch: id::mint(env, "bat"),
            origin: settings.origin.clone(),
        };
        store.writer().write(
            "log.begin",
            |conn| match ledger_rows::lock_head(conn)? {
                Some(_) => Ok(()),
                None => ledger_rows::put_head(conn, &head),
            },
            |_, ()| Ok(false),
        )?;
        Bureau::open(env, settings)
    }

    /// Opens a bureau that [`Bureau::init`] made. Before anything is served the end of the log is
    /// verified, and compared with what was published.
    ///
    /// # Errors
    /// [`OpenError`]: each says what to do.
    pub fn open(env: &Env, settings: &Settings) -> Result<Bureau, OpenError> {
        if settings.dir.join(RESTORING).exists() {
            return Err(OpenError::Log(
                "a restore was begun here and is not finished: run the same `fivefold restore` \
                 again"
                    .to_string(),
            ));
        }
        let bureau = Bureau::begin(env, settings)?;
        bureau.agree_on_packs(settings.puts_packs_in_force)?;
        bureau.settle()?;
        Ok(bureau)
    }

    /// Puts the parts together over what is verified so far; [`Bureau::settle`] comes next.
    pub(super) fn begin(env: &Env, settings: &Settings) -> Result<Bureau, OpenError> {
        let store = Store::open(settings.database.clone())?;
        let head = store.read(ledger_rows::read_head)?;
        let head = head.ok_or_else(|| {
            OpenError::Log("the database has no log: run `fivefold init`".to_string())
        })?;
        if head.origin != settings.origin {
            return Err(OpenError::Log(format!(
                "the log's origin is {}, the configuration says {}: one of them is wrong",
                head.origin, settings.origin
            )));
        }
        if !clock_is_plausible(env.now(), head.at) {
            return Err(OpenError::Log(format!(
                "the clock says {}, the log ends at {}: set the clock before starting",
                env.now(),
                head.at
            )));
        }
        // Both as of one moment: another node may be writing.
        store.snapshot(|conn| match ledger_rows::read_head(conn)? {
            Some(head) => check_right_edge(conn, &head),
            None => Err(StoreError::inconsistent("the log has no head any more")),
        })?;
        let keys = BureauKeys::load(&settings.dir.join("keys"), &settings.origin)?;
        let cards = store.read(Cards::read)?;
        let engine = Arc::new(engine(env, settings, keys, &cards)?);
        let again = engine.clone();
        let again = Arc::new(move || {
            again.keys.refresh().ok()?;
            Some(again.keys.wrapping())
        });
        let keystore = KeyStore::open(settings.keys.clone(), engine.keys.wrapping(), again)?;
        pin::check(&settings.dir, &store, &keystore, settings.environment)?;
        engine.quotas.agree_all(&store.read(partner_rows::load)?);
        let log_dir = settings.dir.join("log");
        let publisher = Publisher::open(
            DirStore::open(&log_dir).map_err(|e| OpenError::Io(log_dir.clone(), e))?,
        )?;
        let publishing = Publishing::start(engine.clone(), store.clone(), publisher)?;
        let wake = publishing.waker();
        let dir = settings.dir.clone();
        let (writer, keys) = (store.writer(), keystore.another());
        let room = Room::under(dir.clone(), FREE_BYTES_MIN);
        let (checkpointing, copied) = Checkpointing::start(&store);
        let committed = move |size| {
            wake.committed(size);
            copied.tell(size);
        };
        let sequencer = Sequencer::start(engine.clone(), writer, keys, room, committed);
        let (counted, supplied) = (Counted::default(), Supplied::default());
        let watched = Watched::default();
        Ok(Bureau {
            engine,
            store,
            dir,
            keystore,
            sequencer,
            _checkpointing: checkpointing,
            publishing,
            counted,
            supplied,
            watched,
        })
    }

    /// Finishes what an end in the middle of something has left, and publishes what is committed.
    pub(super) fn settle(&self) -> Result<(), OpenError> {
        self.settle_keys()?;
        self.destroy_lingering()?;
        self.name_facts()?;
        self.tell_vkey()?;
        self.publish().map_err(OpenError::Log)?;
        Ok(())
    }

    /// Puts this process's packs in force where others are, if it may: before anything is written.
    pub(super) fn agree_on_packs(&self, puts_in_force: bool) -> Result<(), OpenError> {
        let others = self.other_packs()?;
        match others {
            Some(packs) if !puts_in_force => return Err(OpenError::OtherPacks(packs)),
            Some(_) => packs::age_profiles(&self.store)?,
            None => {}
        }
        self.put_in_force(others.is_some())
    }

    /// Records packs and scorecards that are in force for the first time, and packs that are again.
    fn put_in_force(&self, changed: bool) -> Result<(), OpenError> {
        let known = self.store.read(ledger_rows::artefacts)?;
        let known = |digest: &str| known.iter().any(|row| row.digest == digest);
        let rules = hex(&self.engine.rules.digest());
        // the champion's text is kept already, if it is not the one that comes with the program
        let scorecard = Scorecard::load(SCORECARD.as_bytes())?;
        let candidates = [
            (PACKS, "rule packs".to_string(), rules, self.engine.rules.archive()),
            (
                "scorecard",
                format!("{} {}", scorecard.id, scorecard.version),
                hex(&scorecard.digest),
                SCORECARD.to_string(),
            ),
        ];
        let editions = self.engine.editions().iter().map(|edition| {
            let card = &edition.scorecard;
            let name = format!("{} {}", card.id, card.version);
            ("scorecard", name, hex(&card.digest), edition.text.clone())
        });
        for (kind, name, digest, content) in candidates.into_iter().chain(editions) {
            let kept = known(&digest);
            if kept && !(changed && kind == PACKS) {
                continue;
            }
            let content = (!kept).then_some(content);
            let admission = Admission::operator("bureau", "in force from this start on");
            let command = InForce { admission, kind, name, digest, content };
            if let Reply::Refused(problem) = self.run(command) {
                return Err(problem.into());
            }
        }
        Ok(())
    }
}

/// The texts of the scorecards at work.
struct Cards {
    champion: Option<String>,
    challengers: Vec<String>,
}

impl Cards {
    fn read(conn: &mut AnyConn) -> Result<Cards, StoreError> {
        let at_work = model_rows::at_work(conn)?;
        let kept = if at_work.is_empty() { Vec::new() } else { ledger_rows::artefacts(conn)? };
        let of = |role: Role| {
            let with = at_work.iter().filter(move |(_, own)| own == role.name());
            let texts =
                with.filter_map(|(digest, _)| kept.iter().find(|row| row.digest == *digest));
            texts.map(|row| row.content.clone()).collect::<Vec<_>>()
        };
        Ok(Cards { champion: of(Role::Champion).pop(), challengers: of(Role::Challenger) })
    }
}

fn engine(
    env: &Env,
    settings: &Settings,
    keys: BureauKeys,
    cards: &Cards,
) -> Result<Engine, OpenError> {
    let shipped = Scorecard::load(SCORECARD.as_bytes())?;
    let scorecard = match &cards.champion {
        Some(text) => Scorecard::load(text.as_bytes())?,
        None => shipped.clone(),
    };
    let challengers = cards.challengers.iter().map(|text| {
        let card = Scorecard::load(text.as_bytes())?;
        Ok((hex(&card.digest), card))
    });
    let challengers = challengers.collect::<Result<_, ScoreError>>()?;
    let rules = match &settings.policies {
        Some(dir) => Rules::load(dir)?,
        None => Rules::embedded()?,
    };
    let text = cards.champion.as_deref().unwrap_or(SCORECARD);
    let editions = editions(&rules, text)?;
    Ok(Engine {
        env: env.clone(),
        rules,
        keys,
        environment: settings.environment,
        licensed: settings.licensed,
        home: settings.home.clone(),
        origin: settings.origin.clone(),
        quotas: Quotas::default(),
        kept: Kept::default(),
        texts: ReasonTexts::load(REASONS.as_bytes())?,
        in_force: (hex(&scorecard.digest), scorecard.digest == shipped.digest),
        challengers,
        editions,
        scorecard,
    })
}

/// An edition of the champion for every pack that has dimensions off.
fn editions(rules: &Rules, text: &str) -> Result<Vec<Edition>, ScoreError> {
    let off = |pack: &Pack| -> Vec<Dimension> {
        Dimension::ALL.into_iter().filter(|d| !pack.has_dimension(d.name())).collect()
    };
    let mut sets: Vec<Vec<Dimension>> = rules.packs().map(off).collect();
    sets.retain(|off| !off.is_empty());
    sets.sort_unstable();
    sets.dedup();
    sets.iter().map(|off| edition(text, off)).collect()
}
