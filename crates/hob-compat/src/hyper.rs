//! hyper on hob: the traits of `hyper::rt`.
//!
//! hyper brings no runtime. It asks for streams ([`HyperIo`]), for somewhere to spawn ([`HobExecutor`],
//! for HTTP/2 only) and for a clock ([`HobTimer`]). Set the timer: without one hyper panics when a
//! timeout is set, and has no timeout for slow headers. [`FuturesIo`] goes the other way, for
//! connections that hyper hands out again, such as `hyper::upgrade::Upgraded`.
//!
//! # Examples
//!
//! A server, a client, one request:
//!
//! ```
//! use std::convert::Infallible;
//!
//! use http_body_util::{BodyExt, Full};
//! use hob::net::{TcpListener, TcpStream};
//! use hob_compat::hyper::{HobTimer, HyperIo};
//! use hyper::body::{Bytes, Incoming};
//! use hyper::service::service_fn;
//! use hyper::{Request, Response};
//!
//! async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
//!     Ok(Response::new(Full::new(Bytes::from_static(b"hello"))))
//! }
//!
//! # hob::run(async {
//! let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
//! let address = listener.local_addr().unwrap();
//! let server = hob::spawn(async move {
//!     let (stream, _peer) = listener.accept().await.unwrap();
//!     hyper::server::conn::http1::Builder::new()
//!         .timer(HobTimer)
//!         .serve_connection(HyperIo::new(stream), service_fn(hello))
//!         .await
//! });
//!
//! let stream = TcpStream::connect(address).await.unwrap();
//! let (mut requests, connection) =
//!     hyper::client::conn::http1::handshake(HyperIo::new(stream)).await.unwrap();
//! let client = hob::spawn(connection);
//! let request = Request::get("/").header("host", "localhost").body(Full::<Bytes>::default()).unwrap();
//! let response = requests.send_request(request).await.unwrap();
//! assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hello");
//!
//! drop(requests);
//! client.await.unwrap().unwrap();
//! server.await.unwrap().unwrap();
//! # });
//! ```

mod executor;
mod futures_io;
mod hyper_io;
mod timer;

pub use self::executor::HobExecutor;
pub use self::futures_io::FuturesIo;
pub use self::hyper_io::HyperIo;
pub use self::timer::HobTimer;
