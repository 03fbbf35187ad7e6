//! `Signature-Input` and `Signature`: finding the one signature that is meant.

use http::HeaderMap;
use sfv::visitor::{DictionaryVisitor, EntryVisitor};
use sfv::{BareItem, Dictionary, InnerList, Item, KeyRef, ListEntry, Parser};

use super::SIGNATURE_FIELD_BYTES_MAX;
use super::error::SignatureError;

const INPUT: &str = "signature-input";
const SIGNATURE: &str = "signature";

/// A signature as the two fields carry it.
#[derive(Debug)]
pub(super) struct Signed {
    pub(super) label: String,
    pub(super) list: InnerList,
    pub(super) signature: Vec<u8>,
}

impl Signed {
    /// A string parameter; `None` when there is none of that name.
    pub(super) fn string(&self, name: &'static str) -> Result<Option<&str>, SignatureError> {
        match self.list.params.get(name) {
            None => Ok(None),
            Some(BareItem::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(SignatureError::Malformed { field: name, reason: "it is a string" }),
        }
    }

    /// An integer parameter; `None` when there is none of that name.
    pub(super) fn integer(&self, name: &'static str) -> Result<Option<i64>, SignatureError> {
        match self.list.params.get(name) {
            None => Ok(None),
            Some(BareItem::Integer(number)) => Ok(Some((*number).into())),
            Some(_) => Err(SignatureError::Malformed { field: name, reason: "it is an integer" }),
        }
    }
}

/// The one signature that carries `tag`.
pub(super) fn tagged(headers: &HeaderMap, tag: &'static str) -> Result<Signed, SignatureError> {
    let mut inputs = bounded(headers, INPUT)?;
    let mut labels = inputs.iter().filter(|(_, entry)| has_tag(entry, tag)).map(|(label, _)| label);
    let label = labels.next().ok_or(SignatureError::Missing { tag })?.clone();
    if labels.next().is_some() {
        return Err(SignatureError::Ambiguous { tag });
    }
    let Some(ListEntry::InnerList(list)) = inputs.swap_remove(label.as_str()) else {
        return Err(SignatureError::Missing { tag });
    };
    let signature = match bounded(headers, SIGNATURE)?.swap_remove(label.as_str()) {
        Some(ListEntry::Item(Item { bare_item: BareItem::ByteSequence(bytes), .. })) => bytes,
        Some(_) => {
            let reason = "a signature is a byte sequence: label=:BASE64:";
            return Err(SignatureError::Malformed { field: SIGNATURE, reason });
        }
        None => return Err(SignatureError::Missing { tag }),
    };
    Ok(Signed { label: label.into(), list, signature })
}

fn has_tag(entry: &ListEntry, tag: &str) -> bool {
    // An item where a list belongs is taken in here, so that it is refused and not passed over.
    let params = match entry {
        ListEntry::InnerList(list) => &list.params,
        ListEntry::Item(item) => &item.params,
    };
    matches!(params.get("tag"), Some(BareItem::String(text)) if text.as_str() == tag)
}

fn bounded(headers: &HeaderMap, name: &'static str) -> Result<Dictionary, SignatureError> {
    let length: usize = headers.get_all(name).iter().map(|line| line.len()).sum();
    if length > SIGNATURE_FIELD_BYTES_MAX {
        return Err(SignatureError::Malformed { field: name, reason: "it is too long" });
    }
    dictionary(headers, name)
}

/// The dictionary that all lines of the field `name` make together (RFC 9651 section 4.2).
/// A member named twice is refused: the standard lets the last one win, and a reader that took
/// the first would see another message than the one that was checked.
pub(super) fn dictionary(
    headers: &HeaderMap,
    name: &'static str,
) -> Result<Dictionary, SignatureError> {
    let mut members = Unique { members: Dictionary::new(), twice: false };
    for line in headers.get_all(name) {
        members = Parser::new(line.as_bytes())
            .parse_dictionary_with_visitor(members)
            .map_err(|_| malformed(name))?;
    }
    if members.twice {
        return Err(SignatureError::Malformed { field: name, reason: "a member is there twice" });
    }
    Ok(members.members)
}

fn malformed(field: &'static str) -> SignatureError {
    SignatureError::Malformed { field, reason: "it is not a structured field (RFC 9651)" }
}

struct Unique {
    members: Dictionary,
    twice: bool,
}

impl<'de> DictionaryVisitor<'de> for Unique {
    type Out = Self;
    type Error = std::convert::Infallible;

    fn entry(&mut self, key: &'de KeyRef) -> Result<impl EntryVisitor<'de>, Self::Error> {
        self.twice |= self.members.contains_key(key);
        DictionaryVisitor::entry(&mut self.members, key)
    }

    fn finish(self) -> Result<Self::Out, Self::Error> {
        Ok(self)
    }
}
