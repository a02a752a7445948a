//! A socket of `wasi:sockets`, past `wasi:http`.

use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::ip_name_lookup::resolve_addresses;
use wasip2::sockets::network::{IpAddressFamily, IpSocketAddress, Ipv4SocketAddress};
use wasip2::sockets::tcp_create_socket::create_tcp_socket;

/// What came of it, each: a connection to this port of the host's loopback, and the address of a name.
pub(crate) fn tried(port: u16) -> String {
    let network = instance_network();
    let address = IpSocketAddress::Ipv4(Ipv4SocketAddress {
        port,
        address: (127, 0, 0, 1),
    });
    let connecting = create_tcp_socket(IpAddressFamily::Ipv4).and_then(|socket| {
        socket.start_connect(&network, address)?;
        socket.subscribe().block();
        socket.finish_connect().map(drop)
    });
    let name = resolve_addresses(&network, "localhost").and_then(|addresses| {
        addresses.subscribe().block();
        addresses.resolve_next_address().map(drop)
    });
    format!("{connecting:?} {name:?}")
}
