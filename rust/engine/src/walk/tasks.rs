//! The stack of work and the threads that share it.

use std::ffi::CString;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::look::SharedLook;
use super::node::Node;
use crate::pace::{Pace, Requests, Shares};

/// Something for a thread to do.
pub enum Task {
    /// Look at a directory that is open already (the root).
    Look(Arc<Node>),
    /// Open a subdirectory and look at it.
    Open { parent: Arc<Node>, name: CString, is_symlink: bool },
    /// Stat a share of a large directory's files.
    Stat { look: Arc<SharedLook>, share: usize },
}

/// Tasks are taken newest first: a walk goes deep before it goes wide, so that
/// few directories are held open for their children.
pub struct Tasks {
    state: Mutex<State>,
    available: Condvar,
}

struct State {
    stack: Vec<Task>,
    /// Tasks on the stack or in work. None left: the walk is over.
    outstanding: usize,
    idle: usize,
    threads: usize,
    stopped: bool,
    pace: Pace,
}

impl Tasks {
    pub fn new(threads: usize) -> Self {
        Self {
            state: Mutex::new(State {
                stack: Vec::new(),
                outstanding: 0,
                idle: 0,
                threads: 0,
                stopped: false,
                pace: Pace::new(threads),
            }),
            available: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many threads to begin with; they count as started.
    pub fn first_threads(&self) -> usize {
        let mut state = self.lock();
        state.threads = state.pace.first_threads();
        state.threads
    }

    /// Takes requests into account in the middle of a task, and says into what
    /// shares a directory's files should be divided.
    pub fn observe(&self, requests: Requests) -> Shares {
        let mut state = self.lock();
        state.pace.observe(requests);
        state.pace.shares()
    }

    pub fn threads(&self) -> usize {
        self.lock().threads
    }

    /// Counts a thread out and returns how many are left.
    pub fn thread_ended(&self) -> usize {
        let mut state = self.lock();
        state.threads -= 1;
        state.threads
    }

    /// Adds tasks from outside of a task (the first) or in the middle of one.
    pub fn add(&self, tasks: impl IntoIterator<Item = Task>) {
        self.push(&mut self.lock(), tasks);
    }

    fn push(&self, state: &mut State, tasks: impl IntoIterator<Item = Task>) {
        let before = state.stack.len();
        state.stack.extend(tasks);
        let added = state.stack.len() - before;
        state.outstanding += added;
        for _ in 0..added.min(state.idle) {
            self.available.notify_one();
        }
    }

    /// A task, if one is there to be had at once.
    pub fn try_take(&self) -> Option<Task> {
        let mut state = self.lock();
        if state.stopped { None } else { state.stack.pop() }
    }

    /// Waits for a task; `None` once the walk is over or stopped.
    pub fn take(&self) -> Option<Task> {
        let mut state = self.lock();
        loop {
            if state.stopped || state.outstanding == 0 {
                return None;
            }
            if let Some(task) = state.stack.pop() {
                return Some(task);
            }
            state.idle += 1;
            state = self.available.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// Notes that a task is done, what it led to and what it cost. Returns how
    /// many more threads the caller should start; they count as started, or
    /// others would decide to start them, too.
    pub fn done_one(&self, children: Vec<Task>, requests: Requests) -> usize {
        let mut state = self.lock();
        state.pace.observe(requests);
        self.push(&mut state, children);
        state.outstanding -= 1;
        if state.outstanding == 0 {
            self.available.notify_all();
        }
        if state.stopped || state.idle > 0 {
            return 0;
        }
        // The caller takes one task itself; each other thread needs one, too.
        let useful = state.stack.len().saturating_sub(1);
        let more = useful.min(state.pace.wanted_threads().saturating_sub(state.threads));
        state.threads += more;
        more
    }

    /// No task is handed out any more.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        state.stack.clear();
        self.available.notify_all();
    }
}
