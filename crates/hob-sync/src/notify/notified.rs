//! The futures that wait for a notification.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hob_core::task::What;
use pin_project_lite::pin_project;

use crate::notify::Notify;
use crate::wait_queue::Wait;

pin_project! {
    /// The future of [`Notify::notified`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Notified<'a> {
        #[pin]
        wait: Wait<&'a Notify>,
    }
}

pin_project! {
    /// The future of [`Notify::notified_owned`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct NotifiedOwned {
        #[pin]
        wait: Wait<Arc<Notify>>,
    }
}

impl<'a> Notified<'a> {
    #[track_caller]
    pub(super) fn new(notify: &'a Notify, what: What) -> Self {
        let calls = notify.calls();
        Self {
            wait: Wait::new(notify, calls, what),
        }
    }

    /// Joins the line ahead of the first poll, and returns whether it was notified already.
    ///
    /// Then a look at what was to change does not miss a change after it, nor the
    /// [`notify_one`](Notify::notify_one) that tells of it, even if others wait too.
    ///
    /// # Panics
    ///
    /// If the future was ready before.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::pin::pin;
    /// # use std::sync::Mutex;
    /// # use hob_sync::Notify;
    /// # futures_lite::future::block_on(async {
    /// let (jobs, changed) = (Mutex::new(Vec::new()), Notify::new());
    /// let take = async || loop {
    ///     let mut notified = pin!(changed.notified());
    ///     notified.as_mut().enable();
    ///     if let Some(job) = jobs.lock().unwrap().pop() {
    ///         break job;
    ///     }
    ///     notified.await;
    /// };
    /// jobs.lock().unwrap().push("cook");
    /// changed.notify_one();
    /// assert_eq!(take().await, "cook");
    /// # });
    /// ```
    pub fn enable(self: Pin<&mut Self>) -> bool {
        self.project().wait.enable()
    }
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().wait.poll(cx).map(|_| ())
    }
}

impl fmt::Debug for Notified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notified")
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

impl NotifiedOwned {
    #[track_caller]
    pub(super) fn new(notify: Arc<Notify>, what: What) -> Self {
        let calls = notify.calls();
        Self {
            wait: Wait::new(notify, calls, what),
        }
    }

    /// As [`Notified::enable`].
    ///
    /// # Panics
    ///
    /// If the future was ready before.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::pin::pin;
    /// # use std::sync::Arc;
    /// # use hob_sync::Notify;
    /// let notify = Arc::new(Notify::new());
    /// let mut notified = pin!(Arc::clone(&notify).notified_owned());
    /// assert!(!notified.as_mut().enable());
    /// notify.notify_one();
    /// assert!(notified.as_mut().enable());
    /// ```
    pub fn enable(self: Pin<&mut Self>) -> bool {
        self.project().wait.enable()
    }
}

impl Future for NotifiedOwned {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().wait.poll(cx).map(|_| ())
    }
}

impl fmt::Debug for NotifiedOwned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotifiedOwned")
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}
