//! Asks the example `serve`, a file server, what a stranger would ask it.
//!
//! The server is started on a free port, on a folder made for it; its address is read from what it
//! prints. A file beside that folder must never come out of it. Clients that say nothing must be sent
//! away, which takes them ten seconds: they come first, and are looked after last.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::run::{Ran, Run, Stopwatch};
use crate::workspace::Workspace;

/// The example's name.
pub(crate) const NAME: &str = "serve";

const PATIENCE: Duration = Duration::from_secs(10);

/// How long after it came a silent client may still be connected: the server's ten seconds, and some.
const SILENCE_MAX: Duration = Duration::from_secs(13);

/// What silent clients say before they fall silent.
const BEGINNINGS: &[&str] = &["", "GET /hello.txt HTTP/1.1\r\nHost: h"];

const HELLO: &str = "hello from the kitchen\n";
const SECRET: &str = "the family recipe\n";

/// Stands among status codes for a connection that was closed without an answer.
const CLOSED: u16 = 0;

/// One question: what is sent, and which status codes are right.
struct Question {
    /// Without the end of the head, which is the same for all.
    request: &'static str,
    status: &'static [u16],
    /// Lines that the head must have, in small letters.
    head: &'static [&'static str],
    body: Body,
}

/// What follows the head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Body {
    /// The file that says hello.
    Hello,
    /// Nothing.
    Empty,
    /// Whatever it is, it is not the secret.
    NotSecret,
}

/// The answers to who wants out of the folder.
const OUT: &[u16] = &[400, 403, 404];

const QUESTIONS: &[Question] = &[
    question(
        "GET /hello.txt HTTP/1.1",
        &[200],
        &[
            "content-type: text/plain; charset=utf-8",
            "content-length: 23",
        ],
        Body::Hello,
    ),
    question(
        "HEAD /hello.txt HTTP/1.1",
        &[200],
        &["content-length: 23"],
        Body::Empty,
    ),
    question("GET /%68ello%2Etxt HTTP/1.1", &[200], &[], Body::Hello),
    question(
        "GET /room HTTP/1.1",
        &[301],
        &["location: ./room/"],
        Body::NotSecret,
    ),
    question(
        "GET /room/ HTTP/1.1",
        &[200],
        &["content-type: text/html; charset=utf-8"],
        Body::Hello,
    ),
    question("GET /missing.txt HTTP/1.1", &[404], &[], Body::NotSecret),
    question(
        "POST /hello.txt HTTP/1.1",
        &[405],
        &["allow: get, head"],
        Body::NotSecret,
    ),
    question("GET /../secret.txt HTTP/1.1", OUT, &[], Body::NotSecret),
    question("GET //../secret.txt HTTP/1.1", OUT, &[], Body::NotSecret),
    question("GET /%2e%2e/secret.txt HTTP/1.1", OUT, &[], Body::NotSecret),
    question(
        "GET /%2e%2e%2fsecret.txt HTTP/1.1",
        OUT,
        &[],
        Body::NotSecret,
    ),
    // A link that leads out.
    question("GET /link.txt HTTP/1.1", OUT, &[], Body::NotSecret),
    question("GET /link/secret.txt HTTP/1.1", OUT, &[], Body::NotSecret),
    question("this is no HTTP", &[400, CLOSED], &[], Body::NotSecret),
    // After all that it still serves.
    question("GET /hello.txt HTTP/1.1", &[200], &[], Body::Hello),
];

const fn question(
    request: &'static str,
    status: &'static [u16],
    head: &'static [&'static str],
    body: Body,
) -> Question {
    Question {
        request,
        status,
        head,
        body,
    }
}

/// A server that is killed when it is dropped, whatever happened to the questions.
pub(crate) struct Server {
    child: Child,
    /// The program, and the folder that it serves.
    program: String,
    folder: String,
    address: SocketAddr,
    /// The clients that say nothing, since then.
    silent: Vec<TcpStream>,
    since: Stopwatch,
}

impl Drop for Server {
    fn drop(&mut self) {
        kill(&mut self.child);
    }
}

fn kill(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Starts the server, with some clients that say nothing.
pub(crate) fn start(workspace: &Workspace, program: &str) -> Result<Server, String> {
    let folder = make_folder(&workspace.target).map_err(|error| format!("no folder: {error}"))?;
    let folder = folder.display().to_string();
    let run = Run::new(program).args([folder.as_str(), "127.0.0.1:0"]);
    let mut child = run
        .command(&workspace.root)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start {program}: {error}"))?;
    let stdout = child.stdout.take().expect("stdout is piped");
    let address = read_address(stdout).inspect_err(|_| kill(&mut child))?;
    let mut server = Server {
        child,
        program: program.to_owned(),
        folder,
        address,
        silent: Vec::new(),
        since: Stopwatch::start(),
    };
    for beginning in BEGINNINGS {
        let silent = connect(address).and_then(|mut stream| {
            stream.write_all(beginning.as_bytes())?;
            Ok(stream)
        });
        server
            .silent
            .push(silent.map_err(|error| format!("no connection: {error}"))?);
    }
    Ok(server)
}

/// Asks a server that was started, and returns how many questions it answered rightly.
pub(crate) fn check(workspace: &Workspace, mut server: Server) -> Result<usize, String> {
    for question in QUESTIONS {
        ask(server.address, question)?;
    }
    keeps_connection(server.address)?;
    refuses_bad_arguments(workspace, &server)?;
    closes_silent(&mut server)?;
    if let Ok(Some(status)) = server.child.try_wait() {
        return Err(format!("it ended by itself, with {status}"));
    }
    Ok(QUESTIONS.len() + 2)
}

/// Two requests on one connection, the second when the first is answered.
fn keeps_connection(address: SocketAddr) -> Result<(), String> {
    let twice = || {
        let mut stream = connect(address)?;
        for _ in 0..2 {
            stream.write_all(b"GET /hello.txt HTTP/1.1\r\nHost: hob\r\n\r\n")?;
            let mut answer = Vec::new();
            while !answer.ends_with(HELLO.as_bytes()) {
                let mut byte = [0];
                stream.read_exact(&mut byte)?;
                answer.extend(byte);
            }
        }
        Ok(())
    };
    twice().map_err(|error: io::Error| format!("no two answers on one connection: {error}"))
}

/// The clients that said nothing, or not enough, have been sent away.
fn closes_silent(server: &mut Server) -> Result<(), String> {
    for (mut client, beginning) in server.silent.drain(..).zip(BEGINNINGS) {
        let left = SILENCE_MAX.saturating_sub(server.since.elapsed());
        let mut rest = Vec::new();
        client
            .set_read_timeout(Some(left.max(Duration::from_millis(1))))
            .and_then(|()| client.read_to_end(&mut rest))
            .map_err(|error| format!("a client that said {beginning:?} is not closed: {error}"))?;
    }
    Ok(())
}

/// A missing folder, a taken port and no arguments are told, with a failure status and no panic.
fn refuses_bad_arguments(workspace: &Workspace, server: &Server) -> Result<(), String> {
    let taken = server.address.to_string();
    for (arguments, named) in [
        (&["/no/such/folder", "127.0.0.1:0"][..], "/no/such/folder"),
        (&[&server.folder, &taken], &taken),
        (&[], "usage"),
    ] {
        let ran = Run::new(&server.program)
            .args(arguments.iter().copied())
            .limit(PATIENCE)
            .run(&workspace.root);
        if let Some(why) = no_refusal(&ran, named) {
            let (what, output) = (arguments.join(" "), &ran.output);
            return Err(format!("`serve {what}` {why}: {output}"));
        }
    }
    Ok(())
}

/// Says why the end of a program was not a refusal that names the culprit.
fn no_refusal(ran: &Ran, named: &str) -> Option<&'static str> {
    if !matches!(ran.code, Some(1 | 2)) {
        Some("should end by itself, with status 1 or 2")
    } else if ran.output.contains("panicked") {
        Some("should be an error, not a panic")
    } else if !ran.output.contains(named) {
        Some("should say what is wrong")
    } else {
        None
    }
}

/// Makes a folder to serve, with a secret beside it.
fn make_folder(target: &Path) -> io::Result<PathBuf> {
    let outer = target.join("xtask-serve");
    let folder = outer.join("public");
    // What an earlier run left: links are not made twice.
    let _ = fs::remove_dir_all(&outer);
    fs::create_dir_all(folder.join("room"))?;
    fs::write(folder.join("hello.txt"), HELLO)?;
    fs::write(folder.join("room/index.html"), HELLO)?;
    fs::write(outer.join("secret.txt"), SECRET)?;
    symlink("../secret.txt", folder.join("link.txt"))?;
    symlink("..", folder.join("link"))?;
    Ok(folder)
}

/// Waits for a line with an address in it; what follows is read and thrown away.
fn read_address(stdout: impl Read + Send + 'static) -> Result<SocketAddr, String> {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new()
        .name("server's output".to_owned())
        .spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(address) = address_in(&line) {
                    let _ = sender.send(address);
                }
            }
        })
        .map_err(|error| format!("cannot start a thread: {error}"))?;
    receiver
        .recv_timeout(PATIENCE)
        .map_err(|_| "it printed no address on stdout, such as 127.0.0.1:8080".to_owned())
}

/// Finds `127.0.0.1:PORT` in a line.
fn address_in(line: &str) -> Option<SocketAddr> {
    let rest = &line[line.find("127.0.0.1:")?..];
    let end = rest
        .find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':')
        .unwrap_or(rest.len());
    rest[..end].trim_end_matches(['.', ':']).parse().ok()
}

fn ask(address: SocketAddr, question: &Question) -> Result<(), String> {
    let request = question.request;
    let answer =
        exchange(address, request).map_err(|error| format!("no answer to `{request}`: {error}"))?;
    let status = status_of(&answer);
    if !status.is_some_and(|status| question.status.contains(&status)) {
        let expected = question.status;
        return Err(format!(
            "`{request}` should give one of {expected:?}, not: {answer}"
        ));
    }
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let head = head.to_lowercase();
    if let Some(line) = question.head.iter().find(|line| !has_line(&head, line)) {
        return Err(format!("`{request}` should give `{line}`, not: {head}"));
    }
    let right = match question.body {
        Body::Hello => body == HELLO,
        Body::Empty => body.is_empty(),
        Body::NotSecret => true,
    };
    if !right {
        let expected = question.body;
        return Err(format!("`{request}` should give {expected:?}, not: {body}"));
    }
    if answer.contains(SECRET.trim_end()) {
        return Err(format!("`{request}` gave a file outside the folder"));
    }
    Ok(())
}

fn has_line(head: &str, line: &str) -> bool {
    head.lines().any(|it| it == line)
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn exchange(address: SocketAddr, request: &str) -> io::Result<String> {
    let mut stream = connect(address)?;
    write!(
        stream,
        "{request}\r\nHost: hob\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn status_of(answer: &str) -> Option<u16> {
    if answer.is_empty() {
        return Some(CLOSED);
    }
    let rest = answer.strip_prefix("HTTP/1.1 ")?;
    rest.get(..3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_a_sentence() {
        let expected = Some(SocketAddr::from(([127, 0, 0, 1], 4711)));
        assert_eq!(address_in("127.0.0.1:4711"), expected);
        assert_eq!(address_in("serving x on http://127.0.0.1:4711/"), expected);
        assert_eq!(address_in("Listening on 127.0.0.1:4711."), expected);
        assert_eq!(address_in("starting"), None);
    }

    #[test]
    fn a_signal_or_a_riddle_is_no_refusal() {
        let check = |script: &str, refusal: bool| {
            let ran = Run::new("sh").args(["-c", script]).run(Path::new("/"));
            assert_eq!(no_refusal(&ran, "/no").is_none(), refusal, "{script}");
        };
        check("echo cannot serve /no; exit 1", true);
        check("echo usage: /no; exit 2", true);
        check("echo cannot; exit 1", false);
        check("echo /no panicked; exit 1", false);
        check("echo /no; exit 101", false);
        check("echo /no; exit 0", false);
        check("echo /no; kill -9 $$", false);
    }

    #[test]
    fn the_status_is_read() {
        assert_eq!(status_of("HTTP/1.1 404 Not Found\r\n"), Some(404));
        assert_eq!(status_of("nonsense"), None);
        assert_eq!(status_of(""), Some(CLOSED));
    }
}
