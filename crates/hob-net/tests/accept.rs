//! Several tasks that accept from one listener.

use std::collections::HashSet;
use std::io::Read;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::thread;

use futures_lite::{AsyncWriteExt, future};
use hob_net::TcpListener;

const TASKS: usize = 4;
const EACH: usize = 25;

#[test]
fn each_connection_is_taken_by_exactly_one_of_many() {
    let listener = future::block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let addr = listener.local_addr().unwrap();
    let accept_some = || {
        future::block_on(async {
            let mut peers = Vec::new();
            for _ in 0..EACH {
                let (mut stream, peer) = listener.accept().await.unwrap();
                stream.write_all(b"!").await.unwrap();
                peers.push(peer);
            }
            peers
        })
    };
    let (accepted, connected) = thread::scope(|scope| {
        let tasks: Vec<_> = (0..TASKS).map(|_| scope.spawn(accept_some)).collect();
        let connected: HashSet<SocketAddr> = (0..TASKS * EACH).map(|_| greet(addr)).collect();
        let accepted: Vec<SocketAddr> = tasks
            .into_iter()
            .flat_map(|task| task.join().unwrap())
            .collect();
        (accepted, connected)
    });
    assert_eq!(accepted.len(), TASKS * EACH);
    assert_eq!(accepted.into_iter().collect::<HashSet<_>>(), connected);
}

fn greet(addr: SocketAddr) -> SocketAddr {
    let mut client = std::net::TcpStream::connect(addr).unwrap();
    let mut greeting = [0; 1];
    client.read_exact(&mut greeting).unwrap();
    client.local_addr().unwrap()
}

#[test]
fn two_waiters_in_one_task_are_both_served() {
    future::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let both = future::try_zip(listener.accept(), listener.accept());
        let connect = async {
            let one = std::net::TcpStream::connect(addr).unwrap();
            let two = std::net::TcpStream::connect(addr).unwrap();
            (one.local_addr().unwrap(), two.local_addr().unwrap())
        };
        let (accepted, (one, two)) = future::zip(both, connect).await;
        let ((_, first), (_, second)) = accepted.unwrap();
        assert!((first, second) == (one, two) || (first, second) == (two, one));
    });
}

#[test]
fn a_dropped_accept_leaves_no_waker_and_no_connection_behind() {
    struct Nobody;
    impl Wake for Nobody {
        fn wake(self: Arc<Self>) {}
    }
    let listener = future::block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let nobody = Arc::new(Nobody);
    {
        let waker = Waker::from(Arc::clone(&nobody));
        let accept = pin!(listener.accept());
        let polled = accept.poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        assert_eq!(Arc::strong_count(&nobody), 3);
    }
    assert_eq!(Arc::strong_count(&nobody), 1);

    let addr = listener.local_addr().unwrap();
    let client = std::net::TcpStream::connect(addr).unwrap();
    let (_, peer) = future::block_on(listener.accept()).unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
}

#[test]
fn a_blocking_listener_of_std_no_longer_blocks() {
    let std = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listener = TcpListener::try_from(std).unwrap();
    future::block_on(async {
        assert!(future::poll_once(listener.accept()).await.is_none());
    });
    let std = listener.into_std().unwrap();
    assert_eq!(
        std.accept().unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock
    );
}
