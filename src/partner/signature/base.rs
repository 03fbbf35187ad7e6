//! The signature base (RFC 9421 section 2.5): the text that is signed.

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use sfv::{
    Dictionary, FieldType, InnerList, Item, ItemSerializer, List, ListEntry, ListSerializer,
};
use sfv::{Parser, StringRef};

use super::component::{Component, Form};
use super::error::SignatureError;
use super::signing::SigningKey;
use super::target::Target;
use crate::kernel::bytes::base64;

/// A request, as far as components are taken from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    pub(super) method: &'a Method,
    pub(super) target: Target<'a>,
    pub(super) headers: &'a HeaderMap,
}

/// The message that a signature covers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Message<'a> {
    Request(Question<'a>),
    Response { status: StatusCode, headers: &'a HeaderMap, request: Option<Question<'a>> },
}

impl Message<'_> {
    /// Writes the value of `component`, which never spans lines and is ASCII.
    fn value(&self, component: &Component<'_>, out: &mut String) -> Result<(), SignatureError> {
        let refused = |reason| Err(SignatureError::refused(component.name, reason));
        match (self, component.of_request) {
            (Message::Request(_), true) => refused("\"req\" belongs in a response"),
            (Message::Response { request: None, .. }, true) => {
                refused("there is no request to take it from")
            }
            (Message::Request(request), false)
            | (Message::Response { request: Some(request), .. }, true) => {
                request.value(component, out)
            }
            (Message::Response { status, headers, .. }, false) => match component.name {
                "@status" => {
                    out.push_str(status.as_str());
                    Ok(())
                }
                name if name.starts_with('@') => refused("a response has no such component"),
                _ => field(headers, component, out),
            },
        }
    }
}

impl Question<'_> {
    fn value(&self, component: &Component<'_>, out: &mut String) -> Result<(), SignatureError> {
        match component.name {
            "@method" => out.push_str(self.method.as_str()),
            "@target-uri" => out.push_str(self.target.as_str()),
            "@authority" => self.target.authority(out),
            "@scheme" => self.target.scheme(out),
            "@request-target" => self.target.request_target(out),
            "@path" => self.target.path(out),
            "@query" => self.target.query(out),
            name => match component.form {
                Form::Named(name) => return self.target.query_param(name, out),
                _ if name.starts_with('@') => {
                    return Err(SignatureError::refused(name, "a request has no such component"));
                }
                _ => return field(self.headers, component, out),
            },
        }
        Ok(())
    }
}

/// Writes the value of a field (section 2.1).
fn field(
    headers: &HeaderMap,
    component: &Component<'_>,
    out: &mut String,
) -> Result<(), SignatureError> {
    let name = component.name;
    if !headers.contains_key(name) {
        let reason = "the message has no such field: send it, or do not cover it";
        return Err(SignatureError::refused(name, reason));
    }
    match component.form {
        Form::Bytes => {
            for (at, line) in headers.get_all(name).iter().enumerate() {
                let bytes = base64(line.as_bytes().trim_ascii());
                out.extend([if at > 0 { ", :" } else { ":" }, &bytes, ":"]);
            }
            Ok(())
        }
        Form::Strict => strict(name, &joined(headers, name)?, out),
        Form::Member(key) => member(name, &joined(headers, name)?, key, out),
        Form::Plain | Form::Named(_) => join(headers, name, out),
    }
}

fn join(headers: &HeaderMap, name: &str, out: &mut String) -> Result<(), SignatureError> {
    for (at, line) in headers.get_all(name).iter().enumerate() {
        let reason = "its value is not ASCII: cover it with \";bs\"";
        let text = line.to_str().map_err(|_| SignatureError::refused(name, reason))?;
        if at > 0 {
            out.push_str(", ");
        }
        out.push_str(text.trim_matches([' ', '\t']));
    }
    Ok(())
}

fn joined(headers: &HeaderMap, name: &str) -> Result<String, SignatureError> {
    let mut text = String::new();
    join(headers, name, &mut text)?;
    Ok(text)
}

/// Fields known to be structured, by their type; `;sf` works for these alone, because the type
/// cannot be told from the text.
const DICTIONARIES: [&str; 8] = [
    "accept-signature",
    "content-digest",
    "priority",
    "repr-digest",
    "signature",
    "signature-input",
    "want-content-digest",
    "want-repr-digest",
];
const LISTS: [&str; 4] = ["accept-ch", "cache-status", "client-cert-chain", "proxy-status"];
const ITEMS: [&str; 1] = ["client-cert"];

fn strict(name: &str, text: &str, out: &mut String) -> Result<(), SignatureError> {
    let parser = Parser::new(text);
    let written = if DICTIONARIES.contains(&name) {
        parser.parse::<Dictionary>().ok().and_then(|fields| fields.serialize())
    } else if LISTS.contains(&name) {
        parser.parse::<List>().ok().and_then(|fields| fields.serialize())
    } else if ITEMS.contains(&name) {
        parser.parse::<Item>().ok().map(|item| item.serialize())
    } else {
        let reason = "its structure is not known here: cover it without \";sf\"";
        return Err(SignatureError::refused(name, reason));
    };
    let reason = "it is not the structured field it should be";
    out.push_str(&written.ok_or_else(|| SignatureError::refused(name, reason))?);
    Ok(())
}

fn member(name: &str, text: &str, key: &str, out: &mut String) -> Result<(), SignatureError> {
    let refused = |reason| SignatureError::refused(name, reason);
    let fields: Dictionary =
        Parser::new(text).parse().map_err(|_| refused("it is not a dictionary"))?;
    match fields.get(key).ok_or_else(|| refused("it has no member of that key"))? {
        ListEntry::Item(item) => out.push_str(&item.serialize()),
        ListEntry::InnerList(list) => write_list(list, out),
    }
    Ok(())
}

/// Writes an inner list strictly (RFC 9651 section 4.1.1.1), whatever stands before it.
fn write_list(list: &InnerList, out: &mut String) {
    let mut serializer = ListSerializer::with_buffer(out);
    let mut inner = serializer.inner_list();
    inner.items(&list.items);
    let _ = inner.finish().parameters(&list.params);
}

/// The base of a signature that came from elsewhere. `components` are those of `list`.
pub(super) fn rebuild(
    list: &InnerList,
    components: &[Component<'_>],
    message: &Message<'_>,
) -> Result<String, SignatureError> {
    let mut base = String::with_capacity(512);
    for (item, component) in list.items.iter().zip(components) {
        let _ = ItemSerializer::with_buffer(&mut base)
            .bare_item(&item.bare_item)
            .parameters(&item.params)
            .finish();
        base.push_str(": ");
        message.value(component, &mut base)?;
        base.push('\n');
    }
    base.push_str("\"@signature-params\": ");
    write_list(list, &mut base);
    Ok(base)
}

/// Signs: the values of `Signature-Input` and `Signature`. `params` is the text of the
/// parameters, each with its semicolon.
pub(super) fn sign(
    key: &SigningKey,
    label: &str,
    components: &[Component<'_>],
    params: &str,
    message: &Message<'_>,
) -> Result<[(HeaderName, HeaderValue); 2], SignatureError> {
    let mut list = String::with_capacity(256);
    let mut base = String::with_capacity(512);
    list.push('(');
    for (at, component) in components.iter().enumerate() {
        if at > 0 {
            list.push(' ');
        }
        component.write(&mut list);
        component.write(&mut base);
        base.push_str(": ");
        message.value(component, &mut base)?;
        base.push('\n');
    }
    list.extend([")", params]);
    base.extend(["\"@signature-params\": ", &list]);
    let signature = base64(&key.sign(base.as_bytes()));
    Ok([
        (HeaderName::from_static("signature-input"), value([label, "=", &list, ""])?),
        (HeaderName::from_static("signature"), value([label, "=:", &signature, ":"])?),
    ])
}

fn value(parts: [&str; 4]) -> Result<HeaderValue, SignatureError> {
    let reason = "it cannot be written as a field";
    HeaderValue::try_from(parts.concat())
        .map_err(|_| SignatureError::Malformed { field: "signature-input", reason })
}

/// Writes `text` as a structured field's string.
pub(super) fn quoted(field: &'static str, text: &str) -> Result<String, SignatureError> {
    let reason = "it may hold printable ASCII only";
    let text =
        StringRef::from_str(text).map_err(|_| SignatureError::Malformed { field, reason })?;
    Ok(ItemSerializer::new().bare_item(text).finish())
}
