//! What descriptors are ready for is seen before a jump.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use hob::prelude::*;
use hob::reactor::Async;
use hob::time::now;
use hob::timeout;

use crate::HOUR;

fn pair() -> [Async<UnixStream>; 2] {
    let (left, right) = UnixStream::pair().expect("there are descriptors");
    [left, right].map(|end| {
        end.set_nonblocking(true).expect("it can be set");
        Async::new(end).expect("it can be watched")
    })
}

#[hob::test(virtual_time)]
async fn that_is_readable_is_read_before_a_jump() {
    const ROUNDS: u8 = 200;
    let begun = now();
    let [ours, theirs] = pair();
    let echo = hob::spawn(async move {
        for _ in 0..ROUNDS {
            let mut byte = [0];
            theirs
                .read_with(|mut end| end.read_exact(&mut byte))
                .await?;
            theirs.write_with(|mut end| end.write_all(&byte)).await?;
        }
        io::Result::Ok(())
    });
    for round in 0..ROUNDS {
        ours.write_with(|mut end| end.write_all(&[round]))
            .await
            .expect("it is open");
        let mut byte = [0];
        let read = ours.read_with(|mut end| end.read_exact(&mut byte));
        let read = timeout(HOUR, read).await;
        read.expect("no hour has passed").expect("it is open");
        assert_eq!(byte, [round]);
    }
    echo.await.expect("it does not panic").expect("it is open");
    assert_eq!(now(), begun);
}

#[cfg(feature = "net")]
#[hob::test(virtual_time)]
async fn on_loopback_answers_before_a_far_timer() -> io::Result<()> {
    use hob::net::{TcpListener, TcpStream};
    let begun = now();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let echo = hob::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let mut request = [0; 5];
        stream.read_exact(&mut request).await?;
        stream.write_all(&request).await
    });
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"hello").await?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await?;
        io::Result::Ok(answer)
    };
    let answer = timeout(HOUR, exchange).await.expect("no hour has passed")?;
    assert_eq!(&answer, b"hello");
    echo.await.expect("it does not panic")?;
    assert_eq!(now(), begun);
    Ok(())
}
