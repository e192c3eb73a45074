//! What a connection does, outside any runtime.

use std::future::Future;
use std::io;
use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::pin::{Pin, pin};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_lite::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, future};
use hob_net::{TcpListener, TcpStream};

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (client, accepted) = future::try_zip(TcpStream::connect(addr), listener.accept())
        .await
        .unwrap();
    (client, accepted.0)
}

/// A waker that tells of each wake.
struct Tell(mpsc::Sender<()>);

impl Wake for Tell {
    fn wake(self: Arc<Self>) {
        self.0.send(()).unwrap();
    }
}

/// Bytes that differ from those of another seed, and at each place.
fn pattern(seed: u32, len: usize) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// Sends its bytes and hears the other's, both at once.
async fn exchange(stream: &TcpStream, mine: &[u8]) -> io::Result<Vec<u8>> {
    let (mut reader, mut writer) = (stream, stream);
    let send = async {
        writer.write_all(mine).await?;
        writer.close().await
    };
    let mut heard = Vec::new();
    future::try_zip(send, reader.read_to_end(&mut heard)).await?;
    Ok(heard)
}

#[test]
fn a_mebibyte_goes_both_ways_at_once() {
    let (one, two) = (pattern(1, 1 << 20), pattern(2, 1 << 20));
    future::block_on(async {
        let (a, b) = pair().await;
        let (at_a, at_b) = future::try_zip(exchange(&a, &one), exchange(&b, &two))
            .await
            .unwrap();
        assert!(at_a == two && at_b == one, "bytes were lost or changed");
    });
}

#[test]
fn whoever_peeks_displaces_nobody() {
    let (client, mut served) = future::block_on(pair());
    let (reads, read_wakes) = mpsc::channel();
    let (peeks, peek_wakes) = mpsc::channel();
    let (reader, peeker): (Waker, Waker) =
        (Arc::new(Tell(reads)).into(), Arc::new(Tell(peeks)).into());

    let (mut bytes, mut first) = ([0; 8], [0; 1]);
    let read = |buffer: &mut [u8]| {
        Pin::new(&mut &client).poll_read(&mut Context::from_waker(&reader), buffer)
    };
    assert!(read(&mut bytes).is_pending());
    let mut peek = pin!(client.peek(&mut first));
    let polled = peek.as_mut().poll(&mut Context::from_waker(&peeker));
    assert!(polled.is_pending());

    future::block_on(served.write_all(b"both")).unwrap();
    read_wakes.recv().expect("whoever reads is woken");
    peek_wakes.recv().expect("whoever peeks is woken");
    let polled = peek.as_mut().poll(&mut Context::from_waker(&peeker));
    assert!(matches!(polled, Poll::Ready(Ok(1))));
    assert!(matches!(read(&mut bytes), Poll::Ready(Ok(4))));
}

#[test]
fn a_dropped_peek_leaves_no_waker() {
    let (client, _served) = future::block_on(pair());
    let (told, _wakes) = mpsc::channel();
    let told = Arc::new(Tell(told));
    let waker = Waker::from(Arc::clone(&told));
    let mut first = [0; 1];
    {
        let peek = pin!(client.peek(&mut first));
        assert!(peek.poll(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!(Arc::strong_count(&told), 3);
    }
    assert_eq!(Arc::strong_count(&told), 2);
}

#[test]
fn a_read_into_nothing_is_ready() {
    let (mut client, _served) = future::block_on(pair());
    let read = future::block_on(future::poll_once(client.read(&mut [])));
    assert_eq!(read.expect("it need not wait").unwrap(), 0);
}

#[test]
fn a_half_closed_connection_still_carries_the_other_way() {
    future::block_on(async {
        let (mut client, mut served) = pair().await;
        client.write_all(b"question").await.unwrap();
        client.close().await.unwrap();

        let mut heard = Vec::new();
        served.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"question");
        assert_eq!(served.read(&mut [0; 1]).await.unwrap(), 0, "the end stays");

        served.write_all(b"answer").await.unwrap();
        drop(served);
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"answer");
        let late = client.write_all(b"late").await.unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_reset_by_the_other_end_reaches_a_waiting_reader() {
    future::block_on(async {
        let (mut client, served) = pair().await;
        served.set_linger(Some(Duration::ZERO)).unwrap();
        let mut buffer = [0; 8];
        let reset = async {
            // By now the read waits: `zip` polls it first.
            drop(served);
        };
        let (read, ()) = future::zip(client.read(&mut buffer), reset).await;
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        client.close().await.expect("nothing is left to close");
    });
}

#[test]
fn shutdown_wakes_the_reader_on_this_side() {
    future::block_on(async {
        let (client, _served) = pair().await;
        let mut reader = &client;
        let mut buffer = [0; 8];
        let shut = async { client.shutdown(Shutdown::Read).unwrap() };
        let (read, ()) = future::zip(reader.read(&mut buffer), shut).await;
        assert_eq!(read.unwrap(), 0);
    });
}

#[test]
fn a_writer_waits_until_there_is_room() {
    future::block_on(async {
        let (client, mut served) = pair().await;
        let mut writer = &client;
        let mut sent = 0;
        while let Some(written) = future::poll_once(writer.write(&[7; 65_536])).await {
            sent += written.unwrap();
        }
        let drain = async {
            let mut heard = 0;
            while heard < sent {
                heard += served.read(&mut [0; 65_536]).await.unwrap();
            }
            heard
        };
        let (more, heard) = future::zip(writer.write(&[8]), drain).await;
        assert_eq!((more.unwrap(), heard), (1, sent));
    });
}

#[test]
fn peeked_bytes_are_still_there() {
    future::block_on(async {
        let (client, mut served) = pair().await;
        let mut first = [0; 2];
        let mut writer = &client;
        let (peeked, written) =
            future::zip(served.peek(&mut first), writer.write_all(b"abc")).await;
        written.unwrap();
        assert!(peeked.unwrap() > 0);
        let mut all = [0; 3];
        served.read_exact(&mut all).await.unwrap();
        assert_eq!(&all, b"abc");
    });
}

#[test]
fn vectored_calls_keep_the_order() {
    future::block_on(async {
        let (mut client, mut served) = pair().await;
        let parts = [
            IoSlice::new(b"one "),
            IoSlice::new(b""),
            IoSlice::new(b"two"),
        ];
        assert_eq!(client.write_vectored(&parts).await.unwrap(), 7);

        let (mut head, mut tail) = ([0; 3], [0; 8]);
        let mut into = [IoSliceMut::new(&mut head), IoSliceMut::new(&mut tail)];
        assert_eq!(served.read_vectored(&mut into).await.unwrap(), 7);
        assert_eq!((&head, &tail[..4]), (b"one", b" two".as_slice()));
    });
}

#[test]
fn more_buffers_than_one_call_takes_are_sent_by_several() {
    let bytes = pattern(3, 5_000);
    future::block_on(async {
        let (mut client, mut served) = pair().await;
        // Registered, so that a short list could be taken for a full socket.
        assert!(future::poll_once(client.read(&mut [0; 1])).await.is_none());
        let mut sent = client.write(&bytes[..1]).await.unwrap();
        while sent < bytes.len() {
            let parts: Vec<_> = bytes[sent..].chunks(1).map(IoSlice::new).collect();
            let written = future::poll_once(client.write_vectored(&parts)).await;
            sent += written.expect("there is room").unwrap();
        }
        let mut heard = vec![0; bytes.len()];
        served.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, bytes);
    });
}

#[test]
fn a_blocking_stream_of_std_no_longer_blocks() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut served, _) = listener.accept().unwrap();
    let mut client = TcpStream::try_from(client).unwrap();
    future::block_on(async {
        assert!(future::poll_once(client.read(&mut [0; 1])).await.is_none());
        served.write_all(b"x").unwrap();
        assert_eq!(client.read(&mut [0; 4]).await.unwrap(), 1);
    });
    let mut std = client.into_std().unwrap();
    assert_eq!(
        std.read(&mut [0; 1]).unwrap_err().kind(),
        io::ErrorKind::WouldBlock,
        "given away as it is: non-blocking"
    );
}

#[test]
fn statistics_tell_when_a_poller_watches() {
    future::block_on(async {
        let (mut client, _served) = pair().await;
        client.write_all(b"no need to wait").await.unwrap();
        let mut reader = &client;
        assert!(future::poll_once(reader.read(&mut [0; 1])).await.is_none());
        assert!(client.statistics().registered);
        assert!(!client.statistics().readable);
    });
}

#[test]
fn a_dropped_stream_leaves_no_waker() {
    struct Nobody;
    impl Wake for Nobody {
        fn wake(self: Arc<Self>) {}
    }
    let (mut client, _served) = future::block_on(pair());
    let nobody = Arc::new(Nobody);
    let waker = Waker::from(Arc::clone(&nobody));
    let mut cx = Context::from_waker(&waker);
    assert!(
        Pin::new(&mut client)
            .poll_read(&mut cx, &mut [0; 1])
            .is_pending()
    );
    drop(waker);
    assert_eq!(Arc::strong_count(&nobody), 2);
    drop(client);
    assert_eq!(Arc::strong_count(&nobody), 1);
}

/// A waker that tells the test, and holds its caller until the test lets go.
struct Gate {
    woken: mpsc::Sender<()>,
    go_on: std::sync::Mutex<mpsc::Receiver<()>>,
}

impl Wake for Gate {
    fn wake(self: Arc<Self>) {
        self.woken.send(()).unwrap();
        let _released = self.go_on.lock().unwrap().recv();
    }
}

/// The last bytes and the end of the stream come in one event, which is followed by no other: the
/// short read must not make the reader wait for one.
#[test]
fn the_end_that_comes_with_the_last_bytes_is_seen() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let mut served = TcpStream::try_from(listener.accept().unwrap().0).unwrap();

    let (woken, wakes) = mpsc::channel();
    let (release, go_on) = mpsc::channel();
    let gate = Waker::from(Arc::new(Gate {
        woken: woken.clone(),
        go_on: go_on.into(),
    }));
    let mut gated = Context::from_waker(&gate);
    let mut buffer = [0; 16];

    // Hold the poller in our waker, with everything read that was sent so far.
    assert!(poll_read(&mut served, &mut gated, &mut buffer).is_pending());
    client.write_all(b"x").unwrap();
    wakes.recv().unwrap();
    assert_eq!(read_now(&mut served, &gate, &mut buffer[..1]), 1);

    let (open, go_on) = mpsc::channel();
    drop(open);
    let next = Waker::from(Arc::new(Gate {
        woken,
        go_on: go_on.into(),
    }));
    let mut cx = Context::from_waker(&next);
    assert!(poll_read(&mut served, &mut cx, &mut buffer).is_pending());

    // Now both happen before it looks again.
    client.write_all(b"end").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    release.send(()).unwrap();
    wakes.recv().unwrap();

    assert_eq!(read_now(&mut served, &next, &mut buffer), 3);
    assert_eq!(read_now(&mut served, &next, &mut buffer), 0);
}

fn poll_read(
    stream: &mut TcpStream,
    cx: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    Pin::new(stream).poll_read(cx, buffer)
}

#[track_caller]
fn read_now(stream: &mut TcpStream, waker: &Waker, buffer: &mut [u8]) -> usize {
    match poll_read(stream, &mut Context::from_waker(waker), buffer) {
        Poll::Ready(read) => read.unwrap(),
        Poll::Pending => panic!("the reader waits although something is there"),
    }
}

#[test]
fn the_futures_may_move_between_threads() {
    fn check<T: Send + Sync + Unpin>(_: &T) {}
    fn check_io<T: AsyncRead + AsyncWrite + Send + Sync + Unpin>(_: &T) {}
    future::block_on(async {
        let (client, _served) = pair().await;
        check_io(&client);
        check_io(&&client);
        let mut buffer = [0; 1];
        let mut peek = pin!(client.peek(&mut buffer));
        check(&*peek);
        assert!(future::poll_once(peek.as_mut()).await.is_none());
        fn check_future<F: Future + Send + Unpin>(_: F) {}
        check_future(TcpStream::connect("127.0.0.1:1"));
        check_future(TcpListener::bind("127.0.0.1:0"));
    });
}
