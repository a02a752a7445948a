//! Who is at the other end of a connection, as far as limits go.

use std::net::{IpAddr, Ipv6Addr};

/// An address, or the network that one customer is given of IPv6: who has one address of that has all of them.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Peer(IpAddr);

/// Nobody in particular.
impl Default for Peer {
    fn default() -> Self {
        Self(Ipv6Addr::UNSPECIFIED.into())
    }
}

/// The upper 64 bits of an address of IPv6.
const NETWORK: u128 = !(u64::MAX as u128);

impl Peer {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) if !address.is_loopback() => {
                Self(Ipv6Addr::from_bits(address.to_bits() & NETWORK).into())
            }
            address => Self(address),
        }
    }

    /// Whether it is this machine, and so perhaps a proxy that speaks for many.
    pub(crate) fn is_loopback(self) -> bool {
        self.0.is_loopback()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_ipv6_is_one_peer_and_an_address_of_ipv4_another() {
        let peer = |text: &str| Peer::of(text.parse().unwrap());
        assert_eq!(peer("2001:db8::1"), peer("2001:db8::2:3:4:5"));
        assert_ne!(peer("2001:db8::1"), peer("2001:db8:0:1::1"));
        assert_eq!(peer("::ffff:192.0.2.1"), peer("192.0.2.1"));
        assert_ne!(peer("192.0.2.2"), peer("192.0.2.1"));
        assert!(peer("::1").is_loopback() && peer("127.0.0.1").is_loopback());
        assert!(!peer("::2").is_loopback());
    }
}
