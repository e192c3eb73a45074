//! On which of the machine's cores a worker sleeps, and how it wakes on another one.
//!
//! # Implementation
//!
//! Linux wakes a thread on the core where it slept, if that core shares no cache with others, as on many
//! virtual machines; also if the thread that wakes it is running there. Then a scout that was called
//! because there is work for two waits for the one that called it: measured, for most of a millisecond,
//! beside a core that idled. So whoever rouses a worker that slept on this very core first bars it from
//! here, for as long as it takes to wake up. The worker lifts the bar itself.
//!
//! Only a push to an own queue does so, where work is waiting that is to be shared. Two threads that
//! hand a message to and fro are quicker on one core, and are left there.
//!
//! A thread that may run on one core only is left alone, and what was allowed before is allowed again.
//!
//! # References
//!
//! - `sched_setaffinity(2)`, <https://man7.org/linux/man-pages/man2/sched_setaffinity.2.html>
//! - `select_idle_sibling` in the kernel's `kernel/sched/fair.c` looks for an idle core among those that
//!   share a cache.

pub(crate) use self::system::Lodging;

#[cfg(all(target_os = "linux", not(loom)))]
mod system {
    use rustix::thread::{CpuSet, Pid, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity};

    use hob_core::fork::Process;

    use crate::primitive::{AtomicBool, AtomicUsize, Mutex, Ordering, fence, lock};

    /// The worker is awake.
    const NOWHERE: usize = usize::MAX;

    /// Where a worker sleeps.
    #[derive(Default)]
    pub(crate) struct Lodging {
        core: AtomicUsize,
        is_barred: AtomicBool,
        thread: Mutex<Option<Thread>>,
    }

    struct Thread {
        id: Pid,
        /// In a child that was forked it is another process's.
        process: Process,
        /// Where it may run, while it is barred from where it slept.
        allowed: Option<CpuSet>,
    }

    impl Lodging {
        /// This thread moves in.
        pub(crate) fn move_in(&self) {
            *lock(&self.thread) = Some(Thread {
                id: gettid(),
                process: Process::current(),
                allowed: None,
            });
        }

        /// It moves out: nobody bars it from anywhere any more.
        pub(crate) fn move_out(&self) {
            self.wake_up();
            *lock(&self.thread) = None;
        }

        /// This thread is about to sleep.
        pub(crate) fn lie_down(&self) {
            self.core.store(sched_getcpu(), Ordering::Relaxed);
        }

        /// This thread has woken.
        pub(crate) fn wake_up(&self) {
            self.core.store(NOWHERE, Ordering::Relaxed);
            // Pairs with the one in `make_room`: either this sees the bar, or that one sees that nobody
            // sleeps here any more, and lifts it.
            fence(Ordering::SeqCst);
            if !self.is_barred.load(Ordering::Relaxed) {
                return;
            }
            let mut thread = lock(&self.thread);
            self.is_barred.store(false, Ordering::Relaxed);
            if let Some(allowed) = thread.as_mut().and_then(|thread| thread.allowed.take()) {
                allow(None, &allowed);
            }
        }

        /// The worker is about to be woken by this thread, and not to get in its way.
        pub(crate) fn make_room(&self) {
            let here = sched_getcpu();
            if self.core.load(Ordering::Relaxed) != here {
                return;
            }
            // Under the lock: the thread is there as long as it has not moved out.
            if let Some(thread) = &mut *lock(&self.thread)
                && thread.allowed.is_none()
                && thread.process.is_current()
                && let Ok(allowed) = sched_getaffinity(Some(thread.id))
                && allowed.count() > 1
            {
                self.is_barred.store(true, Ordering::Relaxed);
                fence(Ordering::SeqCst);
                if self.core.load(Ordering::Relaxed) != here {
                    // It has woken by itself, perhaps before it could see the bar.
                    self.is_barred.store(false, Ordering::Relaxed);
                    return;
                }
                let mut elsewhere = allowed;
                elsewhere.unset(here);
                allow(Some(thread.id), &elsewhere);
                thread.allowed = Some(allowed);
            }
        }
    }

    /// A system that refuses leaves the thread where it is: it wakes later.
    fn allow(thread: Option<Pid>, cores: &CpuSet) {
        let _stays = sched_setaffinity(thread, cores);
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn who_slept_here_is_sent_away_until_it_wakes() {
            let lodging = Lodging::default();
            let before = sched_getaffinity(None).expect("Linux tells");
            lodging.move_in();
            // The thread may be moved between two steps: try until it was not.
            let barred = (0..1_000).any(|_| {
                lodging.lie_down();
                lodging.make_room();
                lodging.is_barred.load(Ordering::Relaxed)
            });
            let elsewhere = sched_getaffinity(None).expect("as before");
            assert_eq!(barred, before.count() > 1);
            assert_eq!(elsewhere.count(), before.count() - u32::from(barred));
            lodging.make_room();
            lodging.wake_up();
            assert!(sched_getaffinity(None).expect("as before") == before);
            lodging.move_out();
            lodging.lie_down();
            lodging.make_room();
            assert!(
                !lodging.is_barred.load(Ordering::Relaxed),
                "nobody is there"
            );
        }
    }
}

#[cfg(not(all(target_os = "linux", not(loom))))]
mod system {
    /// Where a worker sleeps; other systems find a free core by themselves.
    #[derive(Default)]
    pub(crate) struct Lodging;

    impl Lodging {
        pub(crate) fn move_in(&self) {}
        pub(crate) fn move_out(&self) {}
        pub(crate) fn lie_down(&self) {}
        pub(crate) fn wake_up(&self) {}
        pub(crate) fn make_room(&self) {}
    }
}
