//! The threads of a walk: each takes a task, does it and adds the tasks that follow from it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use super::directory_scanner::DirectoryScanner;
use super::state::WalkState;

/// Nothing here recurses, and 64 threads should not cost 128 MiB of address space.
const STACK_BYTES: usize = 256 * 1024;

/// Starts a thread, which the caller has already counted. If it cannot be started, it
/// is not counted any more. Returns whether it was started.
pub fn spawn(state: &Arc<WalkState>) -> bool {
    let for_thread = Arc::clone(state);
    let spawned = thread::Builder::new().name("vpo-walk".to_owned()).stack_size(STACK_BYTES).spawn(
        move || {
            let state = for_thread;
            if catch_unwind(AssertUnwindSafe(|| run(&state))).is_err() {
                state.batches.poison();
                state.tasks.stop();
            }
        },
    );
    if spawned.is_err() && state.tasks.thread_ended() == 0 {
        // The other threads had finished before this one failed to start.
        state.batches.finish();
    }
    spawned.is_ok()
}

/// Works on tasks until the walk is over.
fn run(state: &Arc<WalkState>) {
    let mut scanner = DirectoryScanner::new(Arc::clone(state));
    loop {
        let task = match state.tasks.try_take() {
            Some(task) => task,
            None => {
                // The thread is about to wait: its results must not wait with it.
                scanner.flush();
                match state.tasks.take() {
                    Some(task) => task,
                    None => break,
                }
            }
        };
        let children = scanner.run(task);
        let requests = scanner.take_request_stats();
        for _ in 0..state.tasks.complete(children, requests) {
            spawn(state);
        }
    }
    scanner.flush();
    if state.tasks.thread_ended() == 0 {
        state.batches.finish();
    }
}
