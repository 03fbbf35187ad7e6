//! The cast: eleven made-up partners of ten trades, each with a key of its own.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::DemoError;
use crate::bureau::Bureau;
use crate::bureau::admission::Admission;
use crate::bureau::command::governance::AddPartner;
use crate::kernel::Env;
use crate::model::population::Sector;
use crate::partner::signature::SigningKey;
use crate::partner::{Contract, Role};

/// The lender with whom everybody has an account; it asks about everyone.
pub const BANK: &str = "bank";
/// Where loans are applied for; knows employer and income.
pub const LENDER: &str = "consumer-lender";
/// A second lender: furnishes nothing, asks.
pub const CREDIT_UNION: &str = "credit-union";
/// Checks who people are.
pub const IDENTITY: &str = "identity";
/// Rents out flats.
pub const LANDLORD: &str = "landlord";
/// A phone company.
pub const TELECOM: &str = "telecom";
/// A payment platform.
pub const PAYMENT: &str = "payment";
/// Books stays.
pub const TRAVEL: &str = "travel";
/// A hotel.
pub const HOTEL: &str = "hotel";
/// A car hire.
pub const CAR_HIRE: &str = "car-hire";
/// Acts for persons, under a mandate.
pub const AGENT: &str = "agent";

/// Short name, name, sector, roles, contracted scenarios.
type Part = (&'static str, &'static str, &'static str, &'static [Role], &'static [&'static str]);

use Role::{Agent, Asker, Enroller, Furnisher, Registrar};

const PARTS: [Part; 11] = [
    (
        BANK,
        "Demo Bank",
        "bank",
        &[Furnisher, Asker, Enroller],
        &["credit_application", "account_review"],
    ),
    (LENDER, "Demo Consumer Lender", "consumer_finance", &[Furnisher, Enroller], &[]),
    (
        CREDIT_UNION,
        "Demo Credit Union",
        "credit_union",
        &[Asker, Enroller],
        &["credit_application"],
    ),
    (IDENTITY, "Demo Identity Verifier", "identity", &[Enroller, Registrar], &[]),
    (LANDLORD, "Demo Landlord", "landlord", &[Furnisher, Asker, Enroller], &["tenancy"]),
    (TELECOM, "Demo Telecom", "telecom", &[Furnisher, Enroller], &[]),
    (PAYMENT, "Demo Payment Platform", "payment", &[Furnisher, Enroller], &[]),
    (TRAVEL, "Demo Travel Platform", "travel", &[Furnisher, Enroller], &[]),
    (HOTEL, "Demo Hotel", "hotel", &[Asker, Enroller], &["hotel_deposit"]),
    (CAR_HIRE, "Demo Car Hire", "car_hire", &[Asker, Enroller], &["car_hire", "identity_check"]),
    (AGENT, "Demo Consumer Agent", "other", &[Agent, Enroller], &[]),
];

/// A partner at work.
pub struct Member {
    /// `par_…`
    pub id: String,
    /// The name it is registered under.
    pub name: &'static str,
    /// Its private key.
    pub key: SigningKey,
}

/// All partners, by short name.
pub struct Cast(BTreeMap<&'static str, Member>);

impl Cast {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The partner with this short name.
    ///
    /// # Errors
    /// There is none: the short names are those of this file.
    pub fn member(&self, name: &str) -> Result<&Member, DemoError> {
        self.0.get(name).ok_or_else(|| DemoError::Answer {
            act: "cast".to_string(),
            what: format!("partner {name}"),
        })
    }
}

/// Who furnishes what a trade knows.
pub fn furnisher(sector: Sector) -> &'static str {
    match sector {
        Sector::Bank => BANK,
        Sector::ConsumerLender => LENDER,
        Sector::Landlord => LANDLORD,
        Sector::Telecom => TELECOM,
        Sector::Payment => PAYMENT,
        Sector::Travel => TRAVEL,
    }
}

/// Makes everybody's key, keeps it under `DIR/partners/`, and registers everybody.
///
/// # Errors
/// A key file cannot be written, or the bureau refuses a partner.
pub fn hire(env: &Env, bureau: &Bureau, dir: &Path) -> Result<Cast, DemoError> {
    let mut cast = BTreeMap::new();
    for (short, name, sector, roles, scenarios) in PARTS {
        let key = new_key(env, &dir.join("partners"), short)?;
        let add = AddPartner {
            admission: Admission::operator("demo", "the cast of a demonstration"),
            name: name.to_string(),
            sector: sector.to_string(),
            roles: roles.to_vec(),
            scenarios: scenarios.iter().map(|s| (s.to_string(), Contract::default())).collect(),
            country: String::new(),
            key: key.public(),
        };
        let added = bureau.run(add).value()?;
        let id = added["partner"].as_str().unwrap_or_default().to_string();
        cast.insert(short, Member { id, name, key });
    }
    Ok(Cast(cast))
}

/// A fresh key, its private half readable by its owner only.
///
/// # Errors
/// It cannot be made or written.
pub fn new_key(env: &Env, folder: &Path, name: &str) -> Result<SigningKey, DemoError> {
    let path = folder.join(format!("{name}.pem"));
    let io = |e| DemoError::Io(path.clone(), e);
    std::fs::create_dir_all(folder).map_err(io)?;
    let key = SigningKey::generate(env).map_err(|e| io(std::io::Error::other(e.to_string())))?;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(io)?;
    file.write_all(key.to_pem().as_bytes()).map_err(io)?;
    let public = folder.join(format!("{name}.pub.pem"));
    std::fs::write(&public, key.public().to_pem()).map_err(|e| DemoError::Io(public, e))?;
    Ok(key)
}
