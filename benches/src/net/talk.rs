//! What the client says, and what it expects to hear.
//!
//! # Implementation
//!
//! An echoed message is a window onto one stretch of noise, at a place that depends on the connection
//! and on the message's number: every byte can be checked, nothing is copied, and an answer that
//! belongs to another connection or to an earlier message is a wrong answer.

use std::io;

use crate::net::plan::{Plan, Service};

/// What a web server answers.
pub(super) const HELLO: &[u8] = b"Hello, World!";

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
const STATUS: &[u8] = b"HTTP/1.1 200 OK\r\n";
const LENGTH: &str = "content-length";

/// At how many places of the noise a message may begin.
const PLACES: usize = 4096;

/// What is said over a connection.
#[derive(Debug)]
pub(super) enum Talk {
    /// What was sent comes back.
    Echo { noise: Vec<u8>, bytes: usize },
    /// A request, and [`HELLO`].
    Http,
}

/// What has been heard of an answer so far.
#[derive(Debug, Default)]
pub(super) struct Heard {
    bytes: usize,
    /// Of a web server's answer: all of it, unless it came in one piece.
    parts: Vec<u8>,
}

impl Talk {
    pub(super) fn new(plan: &Plan) -> Self {
        match plan.service {
            Service::Tcp | Service::Udp | Service::Unix => Self::Echo {
                noise: noise(PLACES + plan.bytes),
                bytes: plan.bytes,
            },
            Service::Http => Self::Http,
        }
    }

    /// The message of that number on that connection.
    pub(super) fn request(&self, connection: usize, number: usize) -> &[u8] {
        match self {
            Self::Echo { noise, bytes } => {
                let place = (connection * 31 + number * 7) % PLACES;
                &noise[place..place + bytes]
            }
            Self::Http => REQUEST,
        }
    }

    /// Checks the next piece of the answer to `request`; `true` when the answer is whole.
    pub(super) fn check(
        &self,
        request: &[u8],
        heard: &mut Heard,
        piece: &[u8],
    ) -> io::Result<bool> {
        match self {
            Self::Echo { .. } => {
                let rest = &request[heard.bytes..];
                if !rest.starts_with(piece) {
                    return Err(wrong("other bytes came back than were sent"));
                }
                heard.bytes += piece.len();
                Ok(piece.len() == rest.len())
            }
            Self::Http if heard.parts.is_empty() && whole(piece)? => Ok(true),
            Self::Http => {
                heard.parts.extend_from_slice(piece);
                whole(&heard.parts)
            }
        }
    }
}

impl Heard {
    /// Forgets the last answer.
    pub(super) fn clear(&mut self) {
        self.bytes = 0;
        self.parts.clear();
    }
}

/// Whether `answer` is all of a web server's answer.
fn whole(answer: &[u8]) -> io::Result<bool> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(false);
    };
    let (head, body) = answer.split_at(end + 4);
    if !head.starts_with(STATUS) {
        return Err(wrong("the status is not 200"));
    }
    let length = head
        .split(|byte| *byte == b'\n')
        .filter_map(|line| str::from_utf8(line).ok()?.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case(LENGTH))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok());
    if length != Some(HELLO.len()) {
        return Err(wrong("the length is not that of the greeting"));
    }
    if !HELLO.starts_with(body) {
        return Err(wrong("the body is not the greeting"));
    }
    Ok(body.len() == HELLO.len())
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Bytes without a pattern (xorshift64).
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::plan::PLANS;

    fn echo() -> Talk {
        Talk::new(&PLANS[0])
    }

    fn answer(talk: &Talk, request: &[u8], pieces: &[&[u8]]) -> io::Result<bool> {
        let mut heard = Heard::default();
        let mut done = false;
        for piece in pieces {
            assert!(!done, "whole before its end");
            done = talk.check(request, &mut heard, piece)?;
        }
        Ok(done)
    }

    fn http(pieces: &[&str]) -> io::Result<bool> {
        let pieces: Vec<_> = pieces.iter().map(|piece| piece.as_bytes()).collect();
        answer(&Talk::Http, REQUEST, &pieces)
    }

    #[test]
    fn an_echo_may_come_in_pieces() {
        let talk = echo();
        let request = talk.request(3, 4);
        assert!(answer(&talk, request, &[request]).unwrap());
        assert!(answer(&talk, request, &[&request[..10], &request[10..]]).unwrap());
        assert!(!answer(&talk, request, &[&request[..63]]).unwrap());
    }

    #[test]
    fn each_wrong_byte_of_an_echo_is_seen() {
        let talk = echo();
        let request = talk.request(0, 0);
        for place in 0..request.len() {
            let mut wrong = request.to_vec();
            wrong[place] ^= 1;
            answer(&talk, request, &[&wrong]).unwrap_err();
            answer(&talk, request, &[&wrong[..30], &wrong[30..]]).unwrap_err();
        }
    }

    #[test]
    fn more_than_was_sent_is_a_wrong_echo() {
        let talk = echo();
        let request = talk.request(0, 0);
        answer(&talk, request, &[&[request, b"!"].concat()]).unwrap_err();
    }

    #[test]
    fn the_echo_of_another_message_is_a_wrong_one() {
        let talk = echo();
        let request = talk.request(5, 5);
        for other in [(5, 4), (5, 6), (4, 5), (6, 5)] {
            answer(&talk, request, &[talk.request(other.0, other.1)]).unwrap_err();
        }
    }

    #[test]
    fn a_greeting_may_come_in_pieces() {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n";
        assert!(http(&[head, "Hello, World!"]).unwrap());
        assert!(http(&["HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\nHello, World!"]).unwrap());
        assert!(
            http(&[
                "HTTP/1.1 200 OK\r\nconte",
                "nt-length: 13\r\n\r\nHello, World!"
            ])
            .unwrap()
        );
        assert!(!http(&[head, "Hello, World"]).unwrap());
        assert!(!http(&["HTTP/1.1 200 OK\r\n"]).unwrap());
    }

    #[test]
    fn a_wrong_greeting_is_seen() {
        http(&["HTTP/1.1 404 Not Found\r\ncontent-length: 13\r\n\r\nHello, World!"]).unwrap_err();
        http(&["HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\nHello, World!"]).unwrap_err();
        http(&["HTTP/1.1 200 OK\r\n\r\nHello, World!"]).unwrap_err();
        http(&["HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\nHello, world!"]).unwrap_err();
        http(&["HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\nHello, World!!"]).unwrap_err();
    }
}
