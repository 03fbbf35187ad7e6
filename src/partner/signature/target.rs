//! The target URI and what is derived from it (RFC 9421 section 2.2).

use super::error::SignatureError;

/// The target URI of a request that came in as `path_and_query` at a bureau known to the world
/// as `public_url`. What a proxy made of scheme, host and port on the way does not matter.
///
/// ```
/// # use fivefold::partner::signature::target_uri;
/// assert_eq!(
///     target_uri("https://bureau.example/", "/v1/events?after=7"),
///     "https://bureau.example/v1/events?after=7"
/// );
/// ```
pub fn target_uri(public_url: &str, path_and_query: &str) -> String {
    let base = public_url.trim_end_matches('/');
    let slash = if path_and_query.starts_with('/') { "" } else { "/" };
    [base, slash, path_and_query].concat()
}

/// An absolute `http` or `https` URI, cut into its parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    text: &'a str,
    scheme: &'a str,
    authority: &'a str,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// Reads an absolute URI.
    pub(super) fn read(text: &'a str) -> Result<Target<'a>, SignatureError> {
        let wrong = |reason| Err(SignatureError::Malformed { field: "@target-uri", reason });
        // Anything else could end a line of the signature base and begin another.
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return wrong("it holds a character that must be percent-encoded");
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return wrong("it is not an absolute URI");
        };
        if text.contains('#') {
            return wrong("a fragment is not sent");
        }
        let (before, query) = match rest.split_once('?') {
            Some((before, query)) => (before, Some(query)),
            None => (rest, None),
        };
        let cut = before.find('/').unwrap_or(before.len());
        let (authority, path) = before.split_at_checked(cut).unwrap_or((before, ""));
        if authority.is_empty() || authority.contains('@') {
            return wrong("it must name a host, and no user");
        }
        Ok(Target { text, scheme, authority, path, query })
    }

    /// The whole URI, as it was given.
    pub(super) fn as_str(&self) -> &'a str {
        self.text
    }

    /// `@scheme`: in lower case.
    pub(super) fn scheme(&self, out: &mut String) {
        out.extend(self.scheme.chars().map(|c| c.to_ascii_lowercase()));
    }

    /// `@authority`: in lower case, without the scheme's default port.
    pub(super) fn authority(&self, out: &mut String) {
        let default = if self.scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
        let host = self.authority.strip_suffix(default).unwrap_or(self.authority);
        let host = host.strip_suffix(':').unwrap_or(host);
        out.extend(host.chars().map(|c| c.to_ascii_lowercase()));
    }

    /// `@path`: never empty, never with the query.
    pub(super) fn path(&self, out: &mut String) {
        out.push_str(if self.path.is_empty() { "/" } else { self.path });
    }

    /// `@query`: with its question mark, which alone stands for no query.
    pub(super) fn query(&self, out: &mut String) {
        out.push('?');
        out.push_str(self.query.unwrap_or(""));
    }

    /// `@request-target` in origin form (RFC 9112 section 3.2.1).
    pub(super) fn request_target(&self, out: &mut String) {
        self.path(out);
        if self.query.is_some() {
            self.query(out);
        }
    }

    /// `@query-param`: the value of the one parameter with this encoded name (section 2.2.8).
    pub(super) fn query_param(&self, name: &str, out: &mut String) -> Result<(), SignatureError> {
        let refused = |reason| Err(SignatureError::refused("@query-param", reason));
        let mut found = None;
        let mut encoded = String::new();
        for pair in self.query.unwrap_or("").split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            encoded.clear();
            encode(key, &mut encoded);
            if encoded == name && found.replace(value).is_some() {
                return refused("the parameter is there more than once: cover \"@query\" instead");
            }
        }
        let Some(value) = found else {
            return refused("the query has no parameter of this name");
        };
        encode(value, out);
        Ok(())
    }
}

/// Decodes form data and encodes it again, one way only (URL standard, sections 1.3 and 5).
fn encode(text: &str, out: &mut String) {
    const HEX: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let decoded = decode(text.as_bytes());
    for &byte in String::from_utf8_lossy(&decoded).as_bytes() {
        if byte.is_ascii_alphanumeric() || b"*-._".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.extend(HEX.get(usize::from(byte >> 4)));
            out.extend(HEX.get(usize::from(byte & 15)));
        }
    }
}

fn decode(text: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|b| char::from(*b).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match (byte, digit(text.get(at)), digit(text.get(at + 1))) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', _, _) => out.push(b' '),
            _ => out.push(byte),
        }
    }
    out
}
