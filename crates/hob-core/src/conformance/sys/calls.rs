//! Claims about single calls: whose descriptors they take, options, names.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::time::Duration;

use super::connection::kind;
use super::net::{Net, Way};
use crate::descriptor::Descriptor;
use crate::sys::{Addr, End, SocketKind, SocketOption};

pub(super) fn a_foreign_descriptor_is_refused(net: &Net) {
    let Some(way) = net.ways().pop() else { return };
    let own = net.open(&way, SocketKind::Stream);
    let foreign = match own.descriptor() {
        Descriptor::Os(_) => vec![Descriptor::Virtual(0), Descriptor::Virtual(u64::MAX)],
        Descriptor::Virtual(_) => {
            let file = File::open("/").expect("the root directory");
            vec![Descriptor::Os(file.into()), Descriptor::Virtual(u64::MAX)]
        }
    };
    for descriptor in foreign {
        assert_refused(net, &descriptor, "a descriptor that is not its own");
        net.sys.close(descriptor);
    }
    // Closing what is not theirs has closed nothing of theirs.
    assert!(net.sys.take_error(own.descriptor()).is_ok());
}

pub(super) fn a_closed_number_is_refused(net: &Net) {
    for way in net.ways() {
        // A number of a kernel's cannot be had after its close.
        let Descriptor::Virtual(number) = net.open(&way, SocketKind::Stream).into_descriptor()
        else {
            return;
        };
        net.sys.close(Descriptor::Virtual(number));
        assert_refused(net, &Descriptor::Virtual(number), "a closed descriptor");
        let next = net.open(&way, SocketKind::Stream);
        assert_refused(net, &Descriptor::Virtual(number), "a closed descriptor");
        drop(next);
    }
}

fn assert_refused(net: &Net, foreign: &Descriptor, what: &str) {
    let sys = net.sys;
    let addr = Addr::Inet(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0));
    let option = SocketOption::ReuseAddress(true);
    let buffers = [IoSlice::new(b"x")];
    let mut byte = [0; 1];
    let answers = [
        ("bind", kind(sys.bind(foreign, &addr))),
        ("listen", kind(sys.listen(foreign, 1))),
        ("accept", kind(sys.accept(foreign))),
        ("connect", kind(sys.connect(foreign, &addr))),
        ("peek", kind(sys.peek(foreign, &mut byte))),
        (
            "recv",
            kind(sys.recv(foreign, &mut [IoSliceMut::new(&mut byte)])),
        ),
        ("send", kind(sys.send(foreign, &buffers))),
        (
            "recv_message",
            kind(sys.recv_message(foreign, &mut [IoSliceMut::new(&mut byte)])),
        ),
        (
            "send_message",
            kind(sys.send_message(foreign, &buffers, Some(&addr))),
        ),
        ("shutdown", kind(sys.shutdown(foreign, Shutdown::Both))),
        ("set_option", kind(sys.set_option(foreign, option))),
        ("option", kind(sys.option(foreign, option))),
        ("take_error", kind(sys.take_error(foreign))),
        ("addr", kind(sys.addr(foreign, End::Local))),
    ];
    for (call, answer) in answers {
        assert_eq!(
            answer,
            Some(io::ErrorKind::InvalidInput),
            "`{call}` refuses {what}"
        );
    }
}

pub(super) fn options_are_read_back(net: &Net) {
    let options = [
        SocketOption::NoDelay(true),
        SocketOption::NoDelay(false),
        SocketOption::Ttl(7),
        SocketOption::Linger(Some(Duration::from_secs(3))),
        SocketOption::Linger(None),
        SocketOption::ReuseAddress(true),
        SocketOption::ReusePort(true),
        SocketOption::KeepAlive(true),
        SocketOption::KeepAlive(false),
    ];
    for ip in net.addresses() {
        let socket = net.open(&Way::Inet(*ip), SocketKind::Stream);
        for option in options {
            match net.sys.set_option(socket.descriptor(), option) {
                // An implementation may lack an option, if it says so.
                Err(error) => assert_eq!(
                    error.kind(),
                    io::ErrorKind::Unsupported,
                    "{option:?} is set, or not supported"
                ),
                Ok(()) => assert_eq!(
                    net.sys.option(socket.descriptor(), option).ok(),
                    Some(option),
                    "an option that was set is read back"
                ),
            }
        }
    }
}

pub(super) fn a_name_is_looked_up(net: &Net) {
    for (text, ip) in [
        ("127.0.0.1", IpAddr::V4(Ipv4Addr::LOCALHOST)),
        ("192.0.2.7", IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))),
        ("::1", IpAddr::V6(Ipv6Addr::LOCALHOST)),
    ] {
        assert_eq!(
            net.sys.lookup(text, 80).ok(),
            Some(vec![SocketAddr::new(ip, 80)]),
            "an address stands for itself"
        );
    }
    let found = net.sys.lookup("localhost", 7).expect("everybody has it");
    assert!(
        !found.is_empty()
            && found
                .iter()
                .all(|addr| addr.ip().is_loopback() && addr.port() == 7),
        "`localhost` is this host, with the port that was asked for: {found:?}"
    );
}

pub(super) fn a_name_that_nobody_has_is_an_error(net: &Net) {
    let found = net.sys.lookup("nobody.invalid", 80);
    assert!(
        found.is_err(),
        "a name without an address is an error: {found:?}"
    );
}
