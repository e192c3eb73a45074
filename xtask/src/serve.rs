//! Asks the example `serve`, a file server, what a stranger would ask it.
//!
//! The server is started on a free port, on a folder made for it; its address is read from what it
//! prints. A file beside that folder must never come out of it.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::run::Run;
use crate::workspace::Workspace;

/// The example's name.
pub(crate) const NAME: &str = "serve";

const PATIENCE: Duration = Duration::from_secs(10);
const HELLO: &str = "hello from the kitchen\n";
const SECRET: &str = "the family recipe\n";

/// Stands among status codes for a connection that was closed without an answer.
const CLOSED: u16 = 0;

/// One question: what is sent, and which status codes are right.
struct Question {
    request: &'static str,
    status: &'static [u16],
    /// Whether the body is the file that says hello.
    hello: bool,
}

const QUESTIONS: &[Question] = &[
    Question {
        request: "GET /hello.txt HTTP/1.1\r\nHost: hob\r\nConnection: close\r\n\r\n",
        status: &[200],
        hello: true,
    },
    Question {
        request: "GET /missing.txt HTTP/1.1\r\nHost: hob\r\nConnection: close\r\n\r\n",
        status: &[404],
        hello: false,
    },
    Question {
        request: "GET /../secret.txt HTTP/1.1\r\nHost: hob\r\nConnection: close\r\n\r\n",
        status: &[400, 403, 404],
        hello: false,
    },
    Question {
        request: "GET /%2e%2e/secret.txt HTTP/1.1\r\nHost: hob\r\nConnection: close\r\n\r\n",
        status: &[400, 403, 404],
        hello: false,
    },
    Question {
        request: "GET //../secret.txt HTTP/1.1\r\nHost: hob\r\nConnection: close\r\n\r\n",
        status: &[400, 403, 404],
        hello: false,
    },
    Question {
        request: "this is no HTTP\r\n\r\n",
        status: &[400, CLOSED],
        hello: false,
    },
    // After all that it still serves.
    Question {
        request: "GET /hello.txt HTTP/1.1\r\nHost: hob\r\nConnection: close\r\n\r\n",
        status: &[200],
        hello: true,
    },
];

/// A server that is killed when it is dropped, whatever happened to the questions.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the server, asks, and returns how many questions it answered rightly.
pub(crate) fn check(workspace: &Workspace, program: &str) -> Result<usize, String> {
    let folder = make_folder(&workspace.target).map_err(|error| format!("no folder: {error}"))?;
    let folder = folder.display().to_string();
    let run = Run::new(program).args([folder.as_str(), "127.0.0.1:0"]);
    let mut child = run
        .command(&workspace.root)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start {program}: {error}"))?;
    let stdout = child.stdout.take().expect("stdout is piped");
    let mut server = Server(child);
    let address = read_address(stdout)?;
    for question in QUESTIONS {
        ask(address, question)?;
    }
    if let Ok(Some(status)) = server.0.try_wait() {
        return Err(format!("it ended by itself, with {status}"));
    }
    refuses_bad_arguments(workspace, program, &folder, address)?;
    Ok(QUESTIONS.len())
}

/// A missing folder and a taken port are told, with a failure status and no panic.
fn refuses_bad_arguments(
    workspace: &Workspace,
    program: &str,
    folder: &str,
    taken: SocketAddr,
) -> Result<(), String> {
    let taken = taken.to_string();
    for arguments in [["/no/such/folder", "127.0.0.1:0"], [folder, &taken]] {
        let ran = Run::new(program)
            .args(arguments)
            .limit(PATIENCE)
            .run(&workspace.root);
        let what = arguments.join(" ");
        if ran.success || ran.output.contains("killed:") {
            return Err(format!("`serve {what}` should fail"));
        }
        if ran.output.contains("panicked") {
            let output = ran.output;
            return Err(format!(
                "`serve {what}` should be an error, not a panic: {output}"
            ));
        }
    }
    Ok(())
}

/// Makes a folder to serve, with a secret beside it.
fn make_folder(target: &Path) -> io::Result<PathBuf> {
    let outer = target.join("xtask-serve");
    let folder = outer.join("public");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("hello.txt"), HELLO)?;
    fs::write(outer.join("secret.txt"), SECRET)?;
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
    let request = question.request.lines().next().unwrap_or("");
    let answer = exchange(address, question.request)
        .map_err(|error| format!("no answer to `{request}`: {error}"))?;
    let status = status_of(&answer);
    if !status.is_some_and(|status| question.status.contains(&status)) {
        let expected = question.status;
        return Err(format!(
            "`{request}` should give one of {expected:?}, not: {answer}"
        ));
    }
    if question.hello && !answer.ends_with(HELLO) {
        return Err(format!("`{request}` should give the file, not: {answer}"));
    }
    if answer.contains(SECRET.trim_end()) {
        return Err(format!("`{request}` gave a file outside the folder"));
    }
    Ok(())
}

fn exchange(address: SocketAddr, request: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
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
    fn the_status_is_read() {
        assert_eq!(status_of("HTTP/1.1 404 Not Found\r\n"), Some(404));
        assert_eq!(status_of("nonsense"), None);
        assert_eq!(status_of(""), Some(CLOSED));
    }
}
