//! The words of disputes and other matters.

use serde::{Deserialize, Serialize};

macro_rules! named {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// The name on the wire.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }

            /// The value with this name.
            pub fn from_name(text: &str) -> Option<$name> {
                match text { $($text => Some($name::$variant),)+ _ => None }
            }
        }
    };
}

named! {
    /// What a person demanded.
    MatterKind {
        /// An objection to items.
        Dispute = "dispute",
        /// The person's own words beside an item.
        Statement = "statement",
        /// That a person looks again at what a machine decided.
        Review = "review",
        /// A complaint about the bureau.
        Complaint = "complaint",
        /// Made by the bureau: an answer was used against the person.
        Notice = "notice",
    }
}

named! {
    /// Why an item is objected to.
    Ground {
        /// It is about somebody else: covers all that came with it.
        NotMine = "not_mine",
        /// It is wrong.
        Inaccurate = "inaccurate",
        /// It lacks something.
        Incomplete = "incomplete",
        /// It is too old.
        Outdated = "outdated",
        /// A thief did it.
        IdentityTheft = "identity_theft",
    }
}

named! {
    /// How one item of a dispute stands.
    ItemState {
        /// Marked, and its furnisher was asked.
        Forwarded = "forwarded",
        /// Replaced by the furnisher.
        Corrected = "corrected",
        /// Taken out.
        Deleted = "deleted",
        /// It is as it was.
        Upheld = "upheld",
        /// It could not be settled, and that stays on record beside it.
        Unresolved = "unresolved",
        /// The person took the objection back.
        Withdrawn = "withdrawn",
    }
}

impl ItemState {
    /// Whether the item is still being looked into.
    pub fn is_open(self) -> bool {
        self == ItemState::Forwarded
    }
}
