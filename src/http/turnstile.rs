//! A turnstile before doors that strangers may use: so many an address, so many in all, and the
//! rest is told when to come again. It lives in memory: a restart forgives one window.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;

use super::Shared;
use crate::error::Problem;
use crate::kernel::Time;

/// Who knocks, as far as an address tells: a household or a data centre's customer has a whole
/// network of the newer addresses, which counts as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Neighbour(IpAddr);

impl Neighbour {
    /// The neighbour at an address.
    pub fn at(address: IpAddr) -> Neighbour {
        let address = match address {
            IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4),
            v4 => v4,
        };
        match address {
            IpAddr::V4(_) => Neighbour(address),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Neighbour(IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)))
            }
        }
    }

    /// Who a request comes from. Behind a proxy that is whom the proxy names last: what stands
    /// before is the sender's own word.
    fn of(headers: &HeaderMap, peer: Option<SocketAddr>, behind_proxy: bool) -> Neighbour {
        let forwarded = || {
            let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
            last.rsplit(',').next()?.trim().parse::<IpAddr>().ok()
        };
        let named = if behind_proxy { forwarded() } else { None };
        let peer = peer.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |peer| peer.ip());
        Neighbour::at(named.unwrap_or(peer))
    }
}

impl FromRequestParts<Shared> for Neighbour {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Shared,
    ) -> Result<Neighbour, Self::Rejection> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
        Ok(Neighbour::of(&parts.headers, peer, app.behind_proxy))
    }
}

/// How many may pass.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Seconds of a window.
    pub window_seconds: i64,
    /// Of one neighbour in a window.
    pub each: u32,
    /// Of all in a window.
    pub all: u32,
}

#[derive(Default)]
struct Counted {
    window: i64,
    all: u32,
    each: BTreeMap<Neighbour, u32>,
}

/// Counts who passes.
pub struct Turnstile {
    rate: Rate,
    counted: Mutex<Counted>,
}

impl Turnstile {
    /// A turnstile at which nobody has passed.
    pub fn new(rate: Rate) -> Turnstile {
        Turnstile { rate, counted: Mutex::default() }
    }

    /// Lets somebody pass, and counts it. Memory is bounded by those who may pass in a window.
    ///
    /// # Errors
    /// `rate_exceeded`, with when the next window begins.
    pub fn pass(&self, who: Neighbour, now: Time) -> Result<(), Problem> {
        let Rate { window_seconds, each, all } = self.rate;
        let window = now.seconds().div_euclid(window_seconds);
        // Counts are whole at each step, so a poisoned lock is usable.
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.window != window {
            *counted = Counted { window, ..Counted::default() };
        }
        let own = counted.each.get(&who).copied().unwrap_or_default();
        if own >= each || counted.all >= all {
            let text = "So many came from there, or from everywhere, that the next ones wait. Try \
                        again as Retry-After says.";
            let left = window_seconds - now.seconds().rem_euclid(window_seconds);
            let seconds = u32::try_from(left).unwrap_or(u32::MAX);
            return Err(Problem::new("rate_exceeded", text).retry_after(seconds));
        }
        counted.each.insert(who, own + 1);
        counted.all += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(text: &str) -> Neighbour {
        Neighbour::at(text.parse().expect("an address"))
    }

    #[test]
    fn one_address_does_not_use_up_what_is_everybodys() {
        let turnstile = Turnstile::new(Rate { window_seconds: 60, each: 2, all: 3 });
        let now = Time::from_micros(1_000_000);
        assert!(turnstile.pass(who("192.0.2.1"), now).is_ok());
        assert!(turnstile.pass(who("192.0.2.1"), now).is_ok());
        let refused = turnstile.pass(who("192.0.2.1"), now).expect_err("a third");
        assert_eq!(
            (refused.code.as_str(), refused.retry_after_seconds),
            ("rate_exceeded", Some(59))
        );
        assert!(turnstile.pass(who("192.0.2.2"), now).is_ok());
        assert!(turnstile.pass(who("192.0.2.3"), now).is_err(), "all have passed");
        assert!(turnstile.pass(who("192.0.2.3"), now.plus_seconds(60)).is_ok());
    }

    #[test]
    fn a_network_is_one_neighbour_and_only_a_proxy_is_believed() {
        assert_eq!(who("2001:db8:1:2::1"), who("2001:db8:1:2:ffff::9"));
        assert_ne!(who("2001:db8:1:2::1"), who("2001:db8:1:3::1"));
        assert_eq!(who("::ffff:192.0.2.1"), who("192.0.2.1"));
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "203.0.113.9, 198.51.100.7".parse().expect("a value"));
        let peer = Some("192.0.2.1:4000".parse().expect("an address"));
        assert_eq!(Neighbour::of(&headers, peer, false), who("192.0.2.1"));
        assert_eq!(Neighbour::of(&headers, peer, true), who("198.51.100.7"));
    }
}
