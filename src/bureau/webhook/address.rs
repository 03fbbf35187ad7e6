//! To which addresses events may be sent: never into the bureau's own network.
//!
//! The URL is checked when it is set, and the address that its name leads to each time it is used:
//! what is connected to is the address that was checked, so that a name which leads elsewhere a
//! moment later changes nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Uri;
use ureq::config::Config;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Characters of a URL at most.
const URL_CHARS_MAX: usize = 500;

/// Whether anybody on the internet may be meant (IANA special-purpose registries, RFC 6890).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    !(a == 0
        || a == 10
        || a == 127
        || (a == 100 && (64..128).contains(&b))
        || (a == 169 && b == 254)
        || (a == 172 && (16..32).contains(&b))
        || (a == 192 && b == 168)
        || (a == 192 && b == 0 && (c == 0 || c == 2))
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19))
        || (a == 198 && b == 51 && c == 100)
        || (a == 203 && b == 0 && c == 113)
        || a >= 224)
}

fn is_public_v6(v6: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let v4 = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match (a, b) {
        // Mapped and compatible addresses, loopback, unspecified.
        (0, 0) if (c, d, e) == (0, 0, 0) => f == 0xffff && v4(g, h),
        // NAT64 and 6to4 lead to the address within.
        (0x64, 0xff9b) => (c, d, e, f) == (0, 0, 0, 0) && v4(g, h),
        (0x2002, _) => v4(b, c),
        // Teredo, benchmarking, ORCHID, documentation.
        (0x2001, 0..0x200) | (0x2001, 0xdb8) | (0x3fff, _) => false,
        // Everything that is routed on the internet lies here.
        _ => (0x2000..0x4000).contains(&a),
    }
}

/// Checks a URL.
///
/// # Errors
/// What is wrong with it.
pub fn check(url: &str, loopback: bool) -> Result<(), String> {
    let uri: Uri = url.parse().map_err(|_| "not a URL".to_string())?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_string();
    let authority = uri.authority().map(|a| a.as_str()).unwrap_or_default();
    if host.is_empty() || authority.contains('@') || url.chars().count() > URL_CHARS_MAX {
        return Err(format!("a URL of at most {URL_CHARS_MAX} characters, without credentials"));
    }
    let address: Option<IpAddr> = host.parse().ok();
    let local = host == "localhost" || address.is_some_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("http" | "https") if loopback && local => Ok(()),
        Some("https") if local => Err("not at an address of the bureau's own machine".to_string()),
        Some("https") if address.is_some_and(|address| !is_public(address)) => {
            Err("not at a private address".to_string())
        }
        Some("https") => Ok(()),
        _ if loopback => Err("https, or http at a loopback address".to_string()),
        _ => Err("https".to_string()),
    }
}

/// Looks names up, and keeps only addresses that may be connected to.
#[derive(Debug, Default)]
pub struct Guarded {
    inner: DefaultResolver,
    /// Loopback addresses may be connected to as well.
    pub loopback: bool,
}

impl Guarded {
    /// For a bureau whose persons are made up, `loopback`; else only the internet.
    pub fn new(loopback: bool) -> Guarded {
        Guarded { inner: DefaultResolver::default(), loopback }
    }
}

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        let mut kept = self.empty();
        let may = |address: IpAddr| is_public(address) || self.loopback && address.is_loopback();
        for address in found.iter().filter(|address| may(address.ip())) {
            kept.push(*address);
        }
        if kept.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(kept) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_internet_is_public() {
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "192.0.0.8",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "ff02::1",
            "2001:db8::1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "2001::1",
            "::7f00:1",
        ] {
            assert!(!is_public(text.parse().expect("an address")), "{text}");
        }
        for text in [
            "1.1.1.1",
            "100.63.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "198.20.0.1",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2002:101:101::",
        ] {
            assert!(is_public(text.parse().expect("an address")), "{text}");
        }
    }

    #[test]
    fn urls_that_lead_inside_are_refused_when_they_are_set() {
        for (url, live, sandbox) in [
            ("https://bank.example/events", true, true),
            ("http://bank.example/events", false, false),
            ("https://127.0.0.1/x", false, true),
            ("http://127.0.0.1:8080/x", false, true),
            ("http://localhost:8080/x", false, true),
            ("http://[::1]:8080/x", false, true),
            ("https://10.0.0.1/x", false, false),
            ("https://[fd00::1]/x", false, false),
            ("https://169.254.169.254/latest", false, false),
            ("https://user:secret@bank.example/", false, false),
            ("ftp://bank.example/", false, false),
            ("bank.example", false, false),
            ("", false, false),
        ] {
            assert_eq!(check(url, false).is_ok(), live, "{url} in live");
            assert_eq!(check(url, true).is_ok(), sandbox, "{url} in a sandbox");
        }
    }
}
