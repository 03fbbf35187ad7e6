//! What can be handed to a person or a regulator as a file that stands on its own.

pub mod certificate;
pub mod consumer;
pub mod document;
pub mod extract;
pub mod metro2;
pub mod model;
pub mod notice;
pub mod pack;
pub mod personal;
pub mod verify_bundle;
pub mod verify_export;
