//! What may this asker see? Score, band, yes/no, or nothing, and why.
//!
//! [`answer`] turns an assessment and the terms of a permit into the answer's value, least first;
//! [`rows`] keeps answers; [`hard`] counts the inquiries that count.

pub mod answer;
pub mod hard;
pub mod rows;
