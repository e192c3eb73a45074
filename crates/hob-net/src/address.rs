//! Where to connect to or listen at: an address, several, or a name to look up.
//!
//! # Implementation
//!
//! A [`Target`] that is an address already needs no thread. A name goes to the resolver of
//! [`Sys`], which may block, by [`to_thread_as`]; the future [`Resolve`] waits
//! for it. What cannot be a target, such as a missing port, is kept as the error that awaiting gives.

use std::fmt;
use std::future::Future;
use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hob_blocking::{ToThread, to_thread_as};
use hob_core::{JobKind, Sys};

/// Where to connect to or listen at.
///
/// It is made from an address or several, from a pair of host and port, or from text such as
/// `"127.0.0.1:80"`, `"[::1]:80"` and `"localhost:80"`; functions take `impl Into<Target>`. A name is
/// looked up when the future is awaited, on a thread that may block. An address never is.
///
/// # Examples
///
/// ```
/// use hob_net::Target;
/// use std::net::Ipv4Addr;
///
/// assert_eq!(Target::from("localhost:80").to_string(), "localhost:80");
/// assert_eq!(Target::from((Ipv4Addr::LOCALHOST, 80)).to_string(), "127.0.0.1:80");
/// assert_eq!(Target::from(("::1", 80)).to_string(), "[::1]:80");
/// ```
#[derive(Clone, Debug)]
pub struct Target(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Known(Vec<SocketAddr>),
    Name { host: String, port: u16 },
    Malformed { text: String, why: &'static str },
}

impl Target {
    /// From a host, which is a name or the text of an address, and a port.
    fn host(host: &str, port: u16) -> Self {
        let inside = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        let host = inside.filter(|it| it.contains(':')).unwrap_or(host);
        if let Ok(addr) = host.parse::<IpAddr>() {
            return Self::from((addr, port));
        }
        Self(Kind::Name {
            host: host.to_owned(),
            port,
        })
    }

    fn malformed(text: &str, why: &'static str) -> Self {
        Self(Kind::Malformed {
            text: text.to_owned(),
            why,
        })
    }
}

impl From<&str> for Target {
    fn from(text: &str) -> Self {
        if let Ok(addr) = text.parse::<SocketAddr>() {
            return addr.into();
        }
        if let Some(rest) = text.strip_prefix('[') {
            return Self::malformed(text, why_not_bracketed(rest));
        }
        let Some((host, port)) = text.rsplit_once(':') else {
            return Self::malformed(text, "it has no port, as in \"localhost:80\"");
        };
        if host.is_empty() {
            return Self::malformed(text, "it has no host, as in \"localhost:80\"");
        }
        if host.contains(':') {
            return Self::malformed(text, "an IPv6 address goes in brackets, as in \"[::1]:80\"");
        }
        match port.parse() {
            Ok(port) => Self::host(host, port),
            Err(_) => Self::malformed(text, BAD_PORT),
        }
    }
}

impl From<String> for Target {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<&String> for Target {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<(&str, u16)> for Target {
    fn from((host, port): (&str, u16)) -> Self {
        Self::host(host, port)
    }
}

impl From<(String, u16)> for Target {
    fn from((host, port): (String, u16)) -> Self {
        Self::host(&host, port)
    }
}

impl From<(IpAddr, u16)> for Target {
    fn from(addr: (IpAddr, u16)) -> Self {
        SocketAddr::from(addr).into()
    }
}

impl From<(Ipv4Addr, u16)> for Target {
    fn from(addr: (Ipv4Addr, u16)) -> Self {
        SocketAddr::from(addr).into()
    }
}

impl From<(Ipv6Addr, u16)> for Target {
    fn from(addr: (Ipv6Addr, u16)) -> Self {
        SocketAddr::from(addr).into()
    }
}

impl From<SocketAddr> for Target {
    fn from(addr: SocketAddr) -> Self {
        Self(Kind::Known(vec![addr]))
    }
}

impl From<SocketAddrV4> for Target {
    fn from(addr: SocketAddrV4) -> Self {
        SocketAddr::from(addr).into()
    }
}

impl From<SocketAddrV6> for Target {
    fn from(addr: SocketAddrV6) -> Self {
        SocketAddr::from(addr).into()
    }
}

impl From<Vec<SocketAddr>> for Target {
    fn from(addrs: Vec<SocketAddr>) -> Self {
        Self(Kind::Known(addrs))
    }
}

impl From<&[SocketAddr]> for Target {
    fn from(addrs: &[SocketAddr]) -> Self {
        addrs.to_vec().into()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Known(addrs) => {
                for (index, addr) in addrs.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}{addr}")?;
                }
                Ok(())
            }
            Kind::Name { host, port } => write!(f, "{host}:{port}"),
            Kind::Malformed { text, .. } => write!(f, "{text:?}"),
        }
    }
}

/// Waits for the addresses of a [`Target`].
pub(crate) struct Resolve {
    sys: &'static dyn Sys,
    state: State,
}

enum State {
    Start(Target),
    LookingUp {
        name: String,
        job: ToThread<io::Result<Vec<SocketAddr>>>,
    },
    Done,
}

impl Resolve {
    pub(crate) fn new(target: Target, sys: &'static dyn Sys) -> Self {
        Self {
            sys,
            state: State::Start(target),
        }
    }

    /// The addresses, in the order in which they are to be tried.
    ///
    /// # Panics
    ///
    /// Panics if it is polled after it was ready.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Vec<SocketAddr>>> {
        loop {
            if let State::LookingUp { name, job } = &mut self.state {
                let answer = match ready!(Pin::new(job).poll(cx)) {
                    Ok(Ok(addrs)) => Ok(addrs),
                    Ok(Err(error)) => Err(failed(name, error.kind(), &error)),
                    Err(error) => Err(failed(name, io::ErrorKind::Other, &error)),
                };
                self.state = State::Done;
                return Poll::Ready(answer);
            }
            let State::Start(target) = mem::replace(&mut self.state, State::Done) else {
                panic!("`Resolve` was polled after it was ready");
            };
            match target.0 {
                Kind::Known(addrs) => return Poll::Ready(Ok(addrs)),
                Kind::Malformed { text, why } => return Poll::Ready(Err(malformed(&text, why))),
                Kind::Name { host, port } => self.state = self.look_up(host, port),
            }
        }
    }

    fn look_up(&self, host: String, port: u16) -> State {
        let sys = self.sys;
        State::LookingUp {
            name: host.clone(),
            job: to_thread_as(JobKind::Abandon, move || sys.lookup(&host, port)),
        }
    }
}

const BAD_PORT: &str = "its port is no number from 0 to 65535";

/// What is wrong with a text that begins with a bracket, here without it, and is no address.
fn why_not_bracketed(rest: &str) -> &'static str {
    let Some((host, port)) = rest.split_once(']') else {
        return "its bracket is not closed, as in \"[::1]:80\"";
    };
    let (addr, zone) = host.split_once('%').unwrap_or((host, "0"));
    if addr.parse::<Ipv6Addr>().is_err() {
        "only an IPv6 address goes in brackets, as in \"[::1]:80\""
    } else if zone.parse::<u32>().is_err() {
        "its zone is no number, as in \"[fe80::1%2]:80\""
    } else if port.starts_with(':') {
        BAD_PORT
    } else {
        "it has no port, as in \"[::1]:80\""
    }
}

fn malformed(text: &str, why: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("{text:?} is no address: {why}"),
    )
}

fn failed(name: &str, kind: io::ErrorKind, error: &dyn fmt::Display) -> io::Error {
    io::Error::new(kind, format!("cannot look up {name:?}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(target: impl Into<Target>, known: &[&str]) {
        let Kind::Known(addrs) = target.into().0 else {
            panic!("not an address");
        };
        let addrs: Vec<_> = addrs.iter().map(SocketAddr::to_string).collect();
        assert_eq!(addrs, known);
    }

    #[track_caller]
    fn check_malformed(text: &str, reason: &str) {
        let Kind::Malformed { why, .. } = Target::from(text).0 else {
            panic!("{text:?} was taken");
        };
        assert!(why.contains(reason), "{why}");
    }

    #[test]
    fn addresses_need_no_look_up() {
        check("127.0.0.1:80", &["127.0.0.1:80"]);
        check("[::1]:80".to_owned(), &["[::1]:80"]);
        check(("127.0.0.1", 80), &["127.0.0.1:80"]);
        check(("::1".to_owned(), 80), &["[::1]:80"]);
        check(("[::1]", 80), &["[::1]:80"]);
        check("[fe80::1%2]:80", &["[fe80::1%2]:80"]);
        check((Ipv6Addr::LOCALHOST, 80), &["[::1]:80"]);
        let both = [
            SocketAddr::from((Ipv4Addr::LOCALHOST, 1)),
            SocketAddr::from((Ipv6Addr::LOCALHOST, 2)),
        ];
        check(both.as_slice(), &["127.0.0.1:1", "[::1]:2"]);
    }

    #[test]
    fn names_keep_host_and_port() {
        let Kind::Name { host, port } = Target::from("example.org:443").0 else {
            panic!("not a name");
        };
        assert_eq!((host.as_str(), port), ("example.org", 443));
    }

    #[test]
    fn malformed_text_says_why() {
        check_malformed("localhost", "no port");
        check_malformed("", "no port");
        check_malformed(":80", "no host");
        check_malformed("::1:80", "brackets");
        check_malformed("localhost:http", "no number");
        check_malformed("localhost:65536", "no number");
        check_malformed("localhost:", "no number");
        check_malformed("[::1]", "no port");
        check_malformed("[::1]80", "no port");
        check_malformed("[::1", "not closed");
        check_malformed("[::1]:http", "port is no number");
        check_malformed("[::1]:", "port is no number");
        check_malformed("[fe80::1%eth0]:80", "zone is no number");
        check_malformed("[fe80::1%2]", "no port");
        check_malformed("[localhost]:80", "only an IPv6 address");
    }
}
