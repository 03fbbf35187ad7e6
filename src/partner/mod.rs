//! Who may talk to us, with which keys, in which sector, for which scenarios?
//!
//! [`registry`] holds the partners, [`delivery`] by when their lines are due, [`staff`] those who
//! work for the bureau; [`signature`] is the HTTP message signature profile by which each request
//! shows who sent it and each response that it is ours.

pub mod delivery;
pub mod registry;
pub mod rows;
pub mod signature;
pub mod staff;

pub use delivery::{Cadence, Delivery};
pub use registry::{
    Contract, EXPORT_KINDS, ExportBasis, Kind, Partner, PartnerKey, Quota, Registry, Role,
};
pub use staff::{StaffMember, StaffRole};
