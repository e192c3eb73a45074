//! The system's sockets keep the contract of `Sys`, and the suite notices who does not.

use std::collections::HashMap;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::ManuallyDrop;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, RawFd};
use std::path::PathBuf;
use std::sync::Mutex;
use std::{env, fs, process};

use hob_core::conformance::{self, SysRig};
use hob_core::panic::{contain, discard, message};
use hob_core::sys::{Addr, End, Family, Message, SocketKind, SocketOption};
use hob_core::{Descriptor, Sys};
use hob_net::OsSys;
use hob_reactor::Engine;
use socket2::{SockRef, Type};

/// A directory for sockets, which is removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("hob-net-{}-{name}", process::id()));
        // A run that was killed, under the same number, has left its own.
        let _none = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn a_directory_that_was_left_behind_is_used_again() {
    let left = ManuallyDrop::new(Directory::new("left"));
    fs::write(left.0.join("socket"), "").unwrap();
    let again = Directory::new("left");
    assert_eq!(fs::read_dir(&again.0).unwrap().count(), 0);
}

fn check(name: &str, open: fn() -> io::Result<Engine>) {
    let directory = Directory::new(name);
    let mut addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    // A machine may have no IPv6.
    let v6 = IpAddr::V6(Ipv6Addr::LOCALHOST);
    if TcpListener::bind((v6, 0)).is_ok() {
        addresses.push(v6);
    }
    conformance::sys(|| rig(&OsSys, open, addresses.clone(), Some(directory.0.clone())));
}

fn rig(
    sys: &'static dyn Sys,
    open: fn() -> io::Result<Engine>,
    addresses: Vec<IpAddr>,
    directory: Option<PathBuf>,
) -> SysRig {
    let Engine { reactor, seat } = open().unwrap();
    SysRig {
        sys,
        reactor,
        seat,
        addresses,
        datagrams: true,
        pairs: true,
        directory,
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_system_keeps_the_contract_of_sys_under_epoll() {
    check("epoll", hob_reactor::epoll);
}

#[test]
fn the_system_keeps_the_contract_of_sys_under_polling() {
    check("polling", hob_reactor::polling);
}

/// A sentence of the contract that is broken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fault {
    None,
    TakesForeignOnes,
    ForgetsOptions,
    LosesThePort,
    FindsNobody,
    TellsTheWrongClient,
    RefusesForAnotherReason,
    SharesAddresses,
    HasPeersEverywhere,
    SendsNothing,
    SendsTwice,
    FillsBackwards,
    PeeksAndTakes,
    DislikesEmptyBuffers,
    ClosesBothDirections,
    ResetsWhenClosed,
    WritesIntoTheVoid,
    RepeatsMessages,
    TellsNoTruncation,
    TellsNoSender,
    HearsStrangers,
    SendsToNobody,
    CutsMessages,
}

/// The system's sockets with a fault.
struct Faulty {
    fault: Fault,
    /// The peers of messages that the system does not know as such, for the one who hears strangers.
    peers: Mutex<HashMap<RawFd, Addr>>,
}

impl Faulty {
    fn leak(fault: Fault) -> &'static Self {
        let peers = Mutex::default();
        Box::leak(Box::new(Self { fault, peers }))
    }

    fn peer(&self, socket: &Descriptor) -> Option<Addr> {
        let Descriptor::Os(fd) = socket else {
            return None;
        };
        self.peers.lock().unwrap().get(&fd.as_raw_fd()).cloned()
    }
}

impl Sys for Faulty {
    fn socket(&self, family: Family, kind: SocketKind) -> io::Result<Descriptor> {
        OsSys.socket(family, kind)
    }

    fn pair(&self, kind: SocketKind) -> io::Result<(Descriptor, Descriptor)> {
        OsSys.pair(kind)
    }

    fn bind(&self, socket: &Descriptor, addr: &Addr) -> io::Result<()> {
        if self.fault == Fault::SharesAddresses {
            // A foreign one is refused by the call itself.
            let _foreign = OsSys.set_option(socket, SocketOption::ReusePort(true));
        }
        OsSys.bind(socket, addr)
    }

    fn listen(&self, socket: &Descriptor, backlog: u32) -> io::Result<()> {
        match OsSys.listen(socket, backlog) {
            Err(_) if self.fault == Fault::TakesForeignOnes => Ok(()),
            result => result,
        }
    }

    fn accept(&self, socket: &Descriptor) -> io::Result<(Descriptor, Addr)> {
        let (accepted, client) = OsSys.accept(socket)?;
        match self.fault {
            Fault::TellsTheWrongClient => Ok((accepted, OsSys.addr(socket, End::Local)?)),
            _ => Ok((accepted, client)),
        }
    }

    fn connect(&self, socket: &Descriptor, addr: &Addr) -> io::Result<()> {
        if let (Fault::HearsStrangers, Descriptor::Os(fd)) = (self.fault, socket)
            && SockRef::from(fd).r#type()? == Type::DGRAM
        {
            let mut peers = self.peers.lock().unwrap();
            peers.insert(fd.as_raw_fd(), addr.clone());
            return Ok(());
        }
        OsSys.connect(socket, addr)
    }

    fn recv(&self, socket: &Descriptor, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let is_empty = buffers.iter().all(|buffer| buffer.is_empty());
        match self.fault {
            Fault::FillsBackwards => buffers.reverse(),
            Fault::DislikesEmptyBuffers if is_empty => {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            _ => {}
        }
        OsSys.recv(socket, buffers)
    }

    fn peek(&self, socket: &Descriptor, buffer: &mut [u8]) -> io::Result<usize> {
        let count = OsSys.peek(socket, buffer)?;
        if self.fault == Fault::PeeksAndTakes {
            OsSys.recv(socket, &mut [IoSliceMut::new(&mut [0])])?;
        }
        Ok(count)
    }

    fn send(&self, socket: &Descriptor, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        if let Some(peer) = self.peer(socket) {
            return OsSys.send_message(socket, buffers, Some(&peer));
        }
        match (self.fault, OsSys.send(socket, buffers)) {
            (Fault::SendsTwice, Ok(count)) if count > 1 => Ok(count - 1),
            (Fault::SendsNothing, Err(error)) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            (Fault::WritesIntoTheVoid, Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                Ok(buffers.iter().map(|buffer| buffer.len()).sum())
            }
            (_, result) => result,
        }
    }

    fn recv_message(
        &self,
        socket: &Descriptor,
        buffers: &mut [IoSliceMut<'_>],
    ) -> io::Result<Message> {
        let message = OsSys.recv_message(socket, buffers)?;
        Ok(match self.fault {
            Fault::TellsNoTruncation => Message {
                truncated: false,
                ..message
            },
            Fault::TellsNoSender => Message {
                from: Addr::Unnamed,
                ..message
            },
            _ => message,
        })
    }

    fn send_message(
        &self,
        socket: &Descriptor,
        buffers: &[IoSlice<'_>],
        to: Option<&Addr>,
    ) -> io::Result<usize> {
        let peer = self.peer(socket);
        let to = to.or(peer.as_ref());
        let whole: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        match (self.fault, OsSys.send_message(socket, buffers, to)) {
            (Fault::RepeatsMessages, Ok(_)) => OsSys.send_message(socket, buffers, to),
            (Fault::CutsMessages, Err(_)) if whole > 65_536 => Ok(whole),
            (Fault::SendsToNobody, Err(error))
                if to.is_none() && error.kind() != io::ErrorKind::InvalidInput =>
            {
                Ok(whole)
            }
            (_, result) => result,
        }
    }

    fn shutdown(&self, socket: &Descriptor, how: Shutdown) -> io::Result<()> {
        match self.fault {
            Fault::ClosesBothDirections => OsSys.shutdown(socket, Shutdown::Both),
            _ => OsSys.shutdown(socket, how),
        }
    }

    fn set_option(&self, socket: &Descriptor, option: SocketOption) -> io::Result<()> {
        match (self.fault, option) {
            (Fault::ForgetsOptions, SocketOption::KeepAlive(_)) => {
                OsSys.take_error(socket).map(drop)
            }
            _ => OsSys.set_option(socket, option),
        }
    }

    fn option(&self, socket: &Descriptor, option: SocketOption) -> io::Result<SocketOption> {
        OsSys.option(socket, option)
    }

    fn take_error(&self, socket: &Descriptor) -> io::Result<Option<io::Error>> {
        let error = OsSys.take_error(socket)?;
        Ok(match self.fault {
            Fault::RefusesForAnotherReason => error.map(|_| io::ErrorKind::TimedOut.into()),
            _ => error,
        })
    }

    fn addr(&self, socket: &Descriptor, end: End) -> io::Result<Addr> {
        if let (End::Peer, Some(peer)) = (end, self.peer(socket)) {
            return Ok(peer);
        }
        match OsSys.addr(socket, end) {
            Err(error)
                if self.fault == Fault::HasPeersEverywhere
                    && error.kind() == io::ErrorKind::NotConnected =>
            {
                Ok(Addr::Unnamed)
            }
            result => result,
        }
    }

    fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        match (self.fault, OsSys.lookup(host, port)) {
            (Fault::LosesThePort, Ok(found)) => Ok(found
                .into_iter()
                .map(|addr| SocketAddr::new(addr.ip(), 0))
                .collect()),
            (Fault::FindsNobody, Err(_)) => Ok(Vec::new()),
            (_, result) => result,
        }
    }

    fn close(&self, socket: Descriptor) {
        if self.fault == Fault::ResetsWhenClosed {
            let at_once = SocketOption::Linger(Some(std::time::Duration::ZERO));
            // A foreign one is not closed here.
            let _foreign = OsSys.set_option(&socket, at_once);
        }
        if let Descriptor::Os(fd) = &socket {
            self.peers.lock().unwrap().remove(&fd.as_raw_fd());
        }
        OsSys.close(socket);
    }
}

/// The suite says which sentence is broken.
#[track_caller]
fn check_fault(fault: Fault, sentence: &str) {
    let sys = Faulty::leak(fault);
    let addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let run = || conformance::sys(|| rig(sys, hob_reactor::default, addresses.clone(), None));
    let payload = contain(run).expect_err(&format!("the suite does not notice {fault:?}"));
    let text = message(&payload);
    assert!(text.contains(sentence), "{fault:?} is taken for: {text}");
    discard(payload);
}

#[test]
fn the_suite_notices_faults_of_calls() {
    check_fault(Fault::TakesForeignOnes, "`listen` refuses");
    check_fault(Fault::ForgetsOptions, "read back");
    check_fault(Fault::LosesThePort, "stands for itself");
    check_fault(Fault::FindsNobody, "a name without an address");
}

#[test]
fn the_suite_notices_faults_of_connections() {
    check_fault(Fault::TellsTheWrongClient, "`accept` tells the client's");
    check_fault(Fault::RefusesForAnotherReason, "nobody listens refuses");
    check_fault(Fault::SharesAddresses, "is in use");
    check_fault(Fault::HasPeersEverywhere, "has no peer");
    check_fault(Fault::WritesIntoTheVoid, "sends nothing");
}

#[test]
fn the_suite_notices_faults_of_streams() {
    check_fault(Fault::SendsNothing, "a send moves something");
    check_fault(Fault::SendsTwice, "in order and whole");
    check_fault(Fault::FillsBackwards, "filled in order");
    check_fault(Fault::PeeksAndTakes, "a peek shows what comes next");
    check_fault(Fault::DislikesEmptyBuffers, "an empty recv is no error");
    check_fault(Fault::ClosesBothDirections, "what was sent arrives");
    check_fault(Fault::ResetsWhenClosed, "an end is no error");
}

#[test]
fn the_suite_notices_faults_of_datagrams() {
    check_fault(Fault::RepeatsMessages, "a message arrives whole");
    check_fault(Fault::TellsNoTruncation, "what does not fit is told");
    check_fault(Fault::TellsNoSender, "a message has its sender");
    check_fault(Fault::HearsStrangers, "hears nobody else");
    check_fault(Fault::SendsToNobody, "without an address");
    check_fault(Fault::CutsMessages, "a message that is too long");
}

#[test]
fn a_wrapper_without_a_fault_passes() {
    let addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    conformance::sys(|| {
        rig(
            Faulty::leak(Fault::None),
            hob_reactor::default,
            addresses.clone(),
            None,
        )
    });
}
