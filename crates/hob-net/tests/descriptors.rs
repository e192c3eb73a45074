//! Sockets leave nothing behind. Alone in its file: the count is of the whole process.

use futures_lite::{AsyncReadExt, AsyncWriteExt, future};
use hob_net::{TcpListener, TcpStream};

fn open() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

async fn talk() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (mut client, (mut served, _)) =
        future::try_zip(TcpStream::connect(addr), listener.accept())
            .await
            .unwrap();
    let mut heard = [0; 2];
    let (read, written) = future::zip(client.read(&mut heard), served.write_all(b"hi")).await;
    assert_eq!(read.unwrap(), 2);
    written.unwrap();
    let (_reader, _writer) = client.into_split();
}

/// Each future, dropped while it waits, and a connection that failed.
async fn give_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    assert!(future::poll_once(listener.accept()).await.is_none());
    let begun = future::poll_once(TcpStream::connect(addr)).await;
    drop(begun);
    drop(listener);
    TcpStream::connect(addr).await.unwrap_err();
    TcpListener::bind(vec!["192.0.2.1:1".parse().unwrap()])
        .await
        .unwrap_err();
}

#[test]
fn no_descriptor_is_left_behind() {
    // The first time the poller's own descriptors are opened.
    future::block_on(talk());
    let before = open();
    for _ in 0..50 {
        future::block_on(talk());
        future::block_on(give_up());
    }
    assert_eq!(open(), before);
}
