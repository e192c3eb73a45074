//! A chat server: what one says all others hear, and who does not read is dropped.
//!
//! The room is a task that owns all there is to own, so there is no lock. Each connection is a task that
//! does two things at once: it tells the room what its client says, and writes what the others said.
//! For that it has a bounded queue. When that is full, because somebody talks much, the room waits for
//! it, but only for a moment: whoever reads so slowly that its queue stays full is dropped, and the
//! others are told. So the memory has a bound, and nobody can hold up a line for longer than that
//! moment; but whoever takes each line just in time brings the room down to its own pace.
//!
//! ```text
//!   client ── lines ─► connection ── events ─► room
//!          ◄─ lines ──            ◄─ lines ───      a bounded queue for each
//! ```
//!
//! ```text
//! cargo run --release -p hob --example chat
//! ```
#![expect(clippy::print_stdout, reason = "an example speaks to its reader")]

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_lite::future;
use hob::io::{AsyncBufRead, AsyncWrite, BufReader};
use hob::net::{OwnedReadHalf, OwnedWriteHalf, Target, TcpListener, TcpStream};
use hob::prelude::*;
use hob::sync::mpsc::{self, Receiver, Sender, TrySendError};
use hob::sync::oneshot;
use hob::time::Instant;

/// How many lines wait for a client at the most.
const LINES_WAITING_MAX: usize = 32;
/// How long the room waits for those whose queues are full.
const GRACE: Duration = Duration::from_millis(100);
/// How many events wait for the room, before those who make them wait too.
const EVENTS_WAITING_MAX: usize = 64;
/// A longer line ends the connection.
const LINE_BYTES_MAX: u64 = 1024;
/// How long a client may take to make room for one line.
const WRITE_TIME: Duration = Duration::from_secs(1);
/// How long to wait after a connection could not be taken, as a rule for want of a descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

const CLOSES: &str = "* the server closes";
const TOO_SLOW: &str = "* you are too slow for this room";

fn main() -> io::Result<()> {
    let evening = async { hob::timeout(Duration::from_secs(2), evening()).await };
    let (heard, summary) = hob::run(evening).expect("an evening takes a moment")?;
    for (name, lines) in ["ann", "bob", "cid"].iter().zip(&heard) {
        println!("{name} heard");
        for line in lines {
            println!("    {line}");
        }
    }
    println!("{summary:?}");

    let [ann, bob, cid] = heard;
    let expected = [
        "* welcome ann, you are the first",
        "* bob joins",
        "* cid joins",
        "bob: good morning, ann. coffee?",
        "cid: for me too, please",
        "* cid leaves",
        CLOSES,
    ];
    assert_eq!(ann, expected);
    let expected = [
        "* welcome bob, here is ann",
        "* cid joins",
        "ann: good morning",
        "cid: for me too, please",
        "* cid leaves",
        CLOSES,
    ];
    assert_eq!(bob, expected);
    let expected = [
        "* welcome cid, here is ann, bob",
        "ann: good morning",
        "bob: good morning, ann. coffee?",
    ];
    assert_eq!(cid, expected);
    let expected = Summary {
        clients: 3,
        lines: 3,
        too_slow: 0,
    };
    assert_eq!(summary, expected);
    Ok(())
}

/// Three clients talk, one leaves, and the server closes. Returns what each has heard.
async fn evening() -> io::Result<([Vec<String>; 3], Summary)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let server = hob::spawn(serve(listener, async move {
        // Told, or nobody is left who could tell.
        let _told = stopped.await;
    }));

    // One after the other, so that each finds those who were there before.
    let ann = Client::join(address, "ann").await?;
    let bob = Client::join(address, "bob").await?;
    // Each waits for the one before, so there is only one way in which it can go.
    let script = [hear("* cid joins"), say("good morning"), hear(CLOSES)];
    let ann = hob::spawn(ann.play(script.into()));
    let script = [
        hear("ann: "),
        say("good morning, ann. coffee?"),
        hear(CLOSES),
    ];
    let bob = hob::spawn(bob.play(script.into()));
    let script = [hear("bob: "), say("for me too, please")];
    let cid = hob::spawn(client(address, "cid", script.into()));

    let cid = cid.await.map_err(io::Error::other)??;
    stop.send(()).expect("the server waits for it");
    let ann = ann.await.map_err(io::Error::other)??;
    let bob = bob.await.map_err(io::Error::other)??;
    let summary = server.await.map_err(io::Error::other)?;
    Ok(([ann, bob, cid], summary))
}

/// What a server has done.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Summary {
    /// Clients that have said who they are.
    pub(crate) clients: usize,
    /// Lines that somebody said.
    pub(crate) lines: usize,
    /// Clients that were dropped because they did not read.
    pub(crate) too_slow: usize,
}

/// Serves until `stop` is ready; then says so to all, and returns when the last connection has ended.
// Tests run it in the simulator too.
pub(crate) async fn serve(listener: TcpListener, stop: impl Future<Output = ()>) -> Summary {
    let (room, events) = mpsc::bounded(EVENTS_WAITING_MAX);
    let host = hob::spawn(Room::default().host(events));
    let mut connections = Vec::new();
    let mut stop = pin!(stop);
    for number in 0.. {
        let stopped = async {
            stop.as_mut().await;
            None
        };
        let accepted = async { Some(listener.accept().await) };
        match future::or(stopped, accepted).await {
            None => break,
            Some(Ok((stream, _peer))) => {
                // Those that have ended need not be waited for.
                connections.retain(|connection: &hob::Task<_>| !connection.is_finished());
                connections.push(hob::spawn(connection(number, stream, room.clone())));
            }
            // The connection still waits: let something change before the next try.
            Some(Err(_)) => hob::sleep(ACCEPT_PAUSE).await,
        }
    }
    drop(listener);
    tell_room(&room, Event::Close).await;
    drop(room);
    for connection in connections {
        let ended = connection.await.expect("a connection does not panic");
        // An error says how the client ended it. That is its own business.
        drop(ended);
    }
    host.await.expect("nobody cancels the room")
}

/// Serves one client until it leaves, is dropped, or the room closes.
async fn connection(number: usize, stream: TcpStream, room: Sender<Event>) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let (sender, lines) = mpsc::bounded(LINES_WAITING_MAX);
    tell_room(&room, Event::Came(number, sender)).await;
    let listening = async {
        while let Some(line) = read_line(&mut reader).await? {
            tell_room(&room, Event::Line(number, line)).await;
        }
        Ok(())
    };
    // One of the two ends first, and the other is dropped where it stands.
    let ended = future::or(listening, write_lines(&mut writer, lines)).await;
    // The room hears of it before the client does.
    tell_room(&room, Event::Left(number)).await;
    ended
}

async fn tell_room(room: &Sender<Event>, event: Event) {
    let told = room.send(event).await;
    told.expect("the room is there as long as somebody can tell it something");
}

/// Writes what the room says, until it says no more.
async fn write_lines(
    writer: &mut (impl AsyncWrite + Unpin),
    mut lines: Receiver<Arc<str>>,
) -> io::Result<()> {
    let mut closes = false;
    while let Some(line) = lines.recv().await {
        write_line(writer, &line).await?;
        closes = &*line == CLOSES;
    }
    if !closes {
        write_line(writer, TOO_SLOW).await?;
    }
    Ok(())
}

/// Writes one line, unless the other end does not read.
async fn write_line(writer: &mut (impl AsyncWrite + Unpin), line: &str) -> io::Result<()> {
    let line = format!("{line}\n");
    match hob::timeout(WRITE_TIME, writer.write_all(line.as_bytes())).await {
        Ok(written) => written,
        Err(elapsed) => Err(io::Error::new(io::ErrorKind::TimedOut, elapsed)),
    }
}

/// Reads one line without its end, or `None` at the end of the stream.
async fn read_line(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let mut limited = reader.take(LINE_BYTES_MAX);
    limited.read_until(b'\n', &mut bytes).await?;
    if bytes.pop_if(|last| *last == b'\n').is_some() {
        let line = String::from_utf8_lossy(&bytes);
        // Nobody plays with the terminals of the others.
        return Ok(Some(line.chars().filter(|c| !c.is_control()).collect()));
    }
    if bytes.len() as u64 == LINE_BYTES_MAX {
        let error = io::Error::new(io::ErrorKind::InvalidData, "a line is too long");
        return Err(error);
    }
    // A last line without its end was not finished: nobody said it.
    Ok(None)
}

/// What happens in the room; the number is the connection's.
enum Event {
    Came(usize, Sender<Arc<str>>),
    /// The first is the client's name, unless the room does not like it.
    Line(usize, String),
    Left(usize),
    Close,
}

/// Who is there.
#[derive(Default)]
struct Room {
    is_closed: bool,
    members: BTreeMap<usize, Member>,
    summary: Summary,
}

struct Member {
    /// `None` until it has said who it is.
    name: Option<String>,
    lines: Sender<Arc<str>>,
}

impl Room {
    /// Sees to all events, until there is nobody left who could make one.
    async fn host(mut self, mut events: Receiver<Event>) -> Summary {
        while let Some(event) = events.recv().await {
            match event {
                Event::Came(number, lines) => {
                    self.members.insert(number, Member { name: None, lines });
                    if self.is_closed {
                        self.close().await;
                    }
                }
                Event::Line(number, line) => self.hear(number, line).await,
                Event::Left(number) => self.remove(number).await,
                Event::Close => self.close().await,
            }
        }
        self.summary
    }

    async fn hear(&mut self, number: usize, line: String) {
        // It may have been dropped meanwhile.
        let Some(member) = self.members.get(&number) else {
            return;
        };
        if let Some(name) = &member.name {
            let line = format!("{name}: {line}");
            self.summary.lines += 1;
            self.tell_others(number, line).await;
        } else {
            self.name(number, line).await;
        }
    }

    async fn name(&mut self, number: usize, name: String) {
        let names: Vec<&str> = self.members.values().filter_map(Member::name).collect();
        let admission = match names.as_slice() {
            _ if name.is_empty() => Err("* what is your name?".to_owned()),
            names if names.contains(&name.as_str()) => Err(format!("* somebody else is {name}")),
            [] => Ok(format!("* welcome {name}, you are the first")),
            names => Ok(format!("* welcome {name}, here is {}", names.join(", "))),
        };
        if admission.is_ok()
            && let Some(member) = self.members.get_mut(&number)
        {
            member.name = Some(name.clone());
            self.summary.clients += 1;
            self.tell_others(number, format!("* {name} joins")).await;
        }
        let (Ok(answer) | Err(answer)) = admission;
        self.tell(vec![number], answer).await;
    }

    async fn remove(&mut self, number: usize) {
        if let Some(Member {
            name: Some(name), ..
        }) = self.members.remove(&number)
        {
            self.tell_others(number, format!("* {name} leaves")).await;
        }
    }

    async fn close(&mut self) {
        self.is_closed = true;
        let all: Vec<usize> = self.members.keys().copied().collect();
        self.tell(all, CLOSES.to_owned()).await;
        // Without its sender a queue ends when it is empty.
        self.members.clear();
    }

    /// Tells all who have a name, but for one.
    async fn tell_others(&mut self, except: usize, line: String) {
        let others = self.others(except);
        self.tell(others, line).await;
    }

    /// Puts a line in some queues. Whose queue stays full is dropped, of which the others are told.
    async fn tell(&mut self, numbers: Vec<usize>, line: String) {
        let deadline = Instant::now() + GRACE;
        let mut news = VecDeque::from([(numbers, Arc::<str>::from(line))]);
        while let Some((mut numbers, line)) = news.pop_front() {
            // Only those with full queues are left then.
            numbers.retain(|number| self.is_full_for(*number, &line));
            for number in numbers {
                if self.waits_for(number, &line, deadline).await {
                    continue;
                }
                self.summary.too_slow += 1;
                if let Some(Member {
                    name: Some(name), ..
                }) = self.members.remove(&number)
                {
                    let line = format!("* {name} is too slow for this room");
                    news.push_back((self.others(number), line.into()));
                }
            }
        }
    }

    /// Puts a line in a queue, unless that is full.
    fn is_full_for(&self, number: usize, line: &Arc<str>) -> bool {
        let sent = self.members.get(&number);
        let sent = sent.map(|member| member.lines.try_send(Arc::clone(line)));
        // Whose queue is closed is leaving, and the room will hear of it.
        matches!(sent, Some(Err(TrySendError::Full(_))))
    }

    /// Puts a line in a queue as soon as there is room, or returns `false` at the deadline.
    async fn waits_for(&self, number: usize, line: &Arc<str>, deadline: Instant) -> bool {
        let Some(member) = self.members.get(&number) else {
            return true;
        };
        let send = member.lines.send(Arc::clone(line));
        hob::time::timeout_at(deadline, send).await.is_ok()
    }

    fn others(&self, except: usize) -> Vec<usize> {
        let members = self.members.iter();
        let named = members.filter(|(number, member)| member.name.is_some() && **number != except);
        named.map(|(number, _)| *number).collect()
    }
}

impl Member {
    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

/// A client that has said who it is.
struct Client {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    heard: Vec<String>,
}

/// What a client does.
pub(crate) enum Step {
    /// Waits for a line that begins so.
    Hear(String),
    /// Says a line.
    Say(String),
}

pub(crate) fn hear(begin: impl Into<String>) -> Step {
    Step::Hear(begin.into())
}

pub(crate) fn say(line: impl Into<String>) -> Step {
    Step::Say(line.into())
}

/// Joins a room, does what the script says, leaves, and returns all that it heard.
// Tests run it in the simulator too.
pub(crate) async fn client(
    server: impl Into<Target>,
    name: impl Into<String>,
    script: Vec<Step>,
) -> io::Result<Vec<String>> {
    let name = name.into();
    Client::join(server, &name).await?.play(script).await
}

impl Client {
    /// Connects, says who it is, and waits for the room's answer.
    async fn join(server: impl Into<Target>, name: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(server).await?;
        let (reader, writer) = stream.into_split();
        let mut client = Self {
            reader: BufReader::new(reader),
            writer,
            heard: Vec::new(),
        };
        write_line(&mut client.writer, name).await?;
        client.hear("* ").await?;
        Ok(client)
    }

    /// Does what the script says, leaves, and returns all that it heard.
    async fn play(mut self, script: Vec<Step>) -> io::Result<Vec<String>> {
        for step in script {
            match step {
                Step::Hear(begin) => self.hear(&begin).await?,
                Step::Say(line) => write_line(&mut self.writer, &line).await?,
            }
        }
        // Nothing more to say; but the room may have.
        self.writer.close().await?;
        while let Some(line) = read_line(&mut self.reader).await? {
            self.heard.push(line);
        }
        Ok(self.heard)
    }

    async fn hear(&mut self, begin: &str) -> io::Result<()> {
        loop {
            let line = read_line(&mut self.reader).await?;
            let line = line.ok_or(io::ErrorKind::UnexpectedEof)?;
            let is_it = line.starts_with(begin);
            self.heard.push(line);
            if is_it {
                return Ok(());
            }
        }
    }
}
