//! The halves of a connection.

use futures_lite::{AsyncReadExt, AsyncWriteExt, future};
use hob_net::{TcpListener, TcpStream};

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (client, accepted) = future::try_zip(TcpStream::connect(addr), listener.accept())
        .await
        .unwrap();
    (client, accepted.0)
}

#[test]
fn halves_work_at_the_same_time() {
    future::block_on(async {
        let (client, served) = pair().await;
        let (mut heard, mut say) = client.into_split();
        let (from, mut to) = served.into_split();
        let echo = async {
            futures_lite::io::copy(from, &mut to).await.unwrap();
            drop(to);
        };
        let send = async {
            say.write_all(&[5; 300_000]).await.unwrap();
            say.close().await.unwrap();
        };
        let mut all = Vec::new();
        let ((), (read, ())) =
            future::zip(echo, future::zip(heard.read_to_end(&mut all), send)).await;
        assert_eq!(read.unwrap(), 300_000);
    });
}

#[test]
fn dropping_the_writing_half_ends_the_stream() {
    future::block_on(async {
        let (client, mut served) = pair().await;
        let (mut reader, writer) = client.into_split();
        drop(writer);
        assert_eq!(served.read(&mut [0; 1]).await.unwrap(), 0);
        served.write_all(b"x").await.unwrap();
        assert_eq!(reader.read(&mut [0; 4]).await.unwrap(), 1);
    });
}

#[test]
fn reunited_halves_are_the_stream_again_and_end_nothing() {
    future::block_on(async {
        let (client, mut served) = pair().await;
        let (reader, writer) = client.into_split();
        let mut client = reader.reunite(writer).unwrap();
        client.write_all(b"x").await.unwrap();
        assert_eq!(served.read(&mut [0; 4]).await.unwrap(), 1);
    });
}

#[test]
fn halves_of_two_streams_come_back() {
    future::block_on(async {
        let (client, mut served) = pair().await;
        let (reader, mine) = client.into_split();
        let (other, _served) = pair().await;
        let (_other_reader, writer) = other.into_split();
        let error = reader.reunite(writer).unwrap_err();
        let mut client = error.0.reunite(mine).unwrap();
        client.write_all(b"x").await.unwrap();
        assert_eq!(served.read(&mut [0; 4]).await.unwrap(), 1);
    });
}
