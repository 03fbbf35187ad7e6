//! The words that observations choose from, each with its name on the wire.

use serde::{Deserialize, Serialize};

macro_rules! named {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every value, in the order of the dictionary.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

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
    /// How a debt is repaid (Metro 2 field 8).
    Portfolio {
        /// A fixed schedule of payments.
        Instalment = "instalment",
        /// A limit used and repaid at will.
        Revolving = "revolving",
        /// Secured on a home.
        Mortgage = "mortgage",
        /// Due in full each period.
        Open = "open",
        /// A lease.
        Lease = "lease",
        /// Pay later, a few small instalments.
        PayLater = "pay_later",
    }
}

named! {
    /// The person's part in an account.
    PartyRole {
        /// Alone.
        Sole = "sole",
        /// With others.
        Joint = "joint",
        /// Stands in for another's debt.
        Guarantor = "guarantor",
        /// May use it, does not owe.
        AuthorisedUser = "authorised_user",
    }
}

named! {
    /// Why an account was closed.
    CloseReason {
        /// Paid to the end.
        Paid = "paid",
        /// At the person's wish.
        ByConsumer = "by_consumer",
        /// By the lender.
        ByLender = "by_lender",
        /// Settled for less than owed.
        SettledLess = "settled_less",
        /// Written off.
        ChargedOff = "charged_off",
        /// Sold or transferred to another creditor.
        Transferred = "transferred",
    }
}

named! {
    /// The account's state at the date of information (Metro 2 field 17A, coarsened).
    AccountStatus {
        /// As agreed.
        Current = "current",
        /// Past due; `dpd` says by how much.
        Late = "late",
        /// With a collector.
        Collection = "collection",
        /// Written off.
        ChargedOff = "charged_off",
        /// Settled for less than owed.
        SettledLess = "settled_less",
        /// Closed, nothing owed.
        Closed = "closed",
        /// Passed to another creditor.
        Transferred = "transferred",
    }
}

impl AccountStatus {
    /// Whether the status itself says that the debt was not repaid as agreed.
    pub fn is_adverse(self) -> bool {
        matches!(
            self,
            AccountStatus::Late
                | AccountStatus::Collection
                | AccountStatus::ChargedOff
                | AccountStatus::SettledLess
        )
    }
}

named! {
    /// Kinds of public record.
    PublicRecordKind {
        /// A civil judgment for a sum.
        Judgment = "judgment",
        /// Enforcement of a judgment.
        Enforcement = "enforcement",
        /// Bankruptcy or insolvency.
        Bankruptcy = "bankruptcy",
        /// An administrative penalty.
        AdministrativePenalty = "administrative_penalty",
        /// A tax lien.
        TaxLien = "tax_lien",
    }
}

named! {
    /// Kinds of payment.
    PaymentKind {
        /// Household and other bills.
        Bill = "bill",
        /// Purchases.
        Purchase = "purchase",
        /// Transfers out.
        Transfer = "transfer",
        /// Money put in.
        TopUp = "top_up",
    }
}

named! {
    /// Kinds of promise.
    ObligationKind {
        /// A bill.
        Bill = "bill",
        /// Rent.
        Rent = "rent",
        /// Gas, water, electricity.
        Utility = "utility",
        /// Phone or data, paid afterwards.
        Telecom = "telecom",
        /// A deposit to be made good.
        Deposit = "deposit",
        /// A booking to be honoured.
        Booking = "booking",
        /// A thing to be brought back.
        Return = "return",
    }
}

named! {
    /// What became of a promise.
    Promise {
        /// Not due yet.
        Open = "open",
        /// Kept in time.
        Kept = "kept",
        /// Kept, but late.
        Late = "late",
        /// Not kept.
        Broken = "broken",
    }
}

named! {
    /// The restricted categories of Reg 14 paragraph 2 (CN-02).
    CapacityCategory {
        /// Income.
        Income = "income",
        /// Deposits.
        Deposits = "deposits",
        /// Securities.
        Securities = "securities",
        /// Commercial insurance.
        Insurance = "insurance",
        /// Real estate.
        RealEstate = "real_estate",
        /// Tax paid.
        Tax = "tax",
    }
}

named! {
    /// How an identity was checked (PBC 2015 No. 43 speaks of external channels).
    Channel {
        /// A bank card of the person.
        Card = "card",
        /// A photo of the document.
        DocumentPhoto = "document_photo",
        /// A face compared with the document.
        Face = "face",
        /// The issuing authority's record.
        Authority = "authority",
        /// A utility bill.
        UtilityBill = "utility_bill",
        /// A travel ticket in the real name.
        Ticket = "ticket",
        /// The phone operator's real-name record.
        Telecom = "telecom",
        /// The employer's or school's confirmation.
        Employer = "employer",
        /// In person, face to face.
        InPerson = "in_person",
        /// Questions answered: recorded, and counts for nothing.
        Questionnaire = "questionnaire",
    }
}

named! {
    /// What a tenure is about.
    TenureKind {
        /// Home address.
        Address = "address",
        /// Phone number.
        Phone = "phone",
        /// Employer.
        Employer = "employer",
    }
}

named! {
    /// Events that change how a person may be scored at all.
    StatusKind {
        /// The person died.
        Death = "death",
        /// The person cannot act for themself.
        Incapacity = "incapacity",
        /// Insolvency proceedings.
        Insolvency = "insolvency",
        /// The identity was stolen.
        IdentityTheft = "identity_theft",
    }
}
