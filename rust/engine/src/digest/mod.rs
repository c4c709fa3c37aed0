//! Digests of whole files, and the quick hash that distinguishes most files.
//!
//! A [`Pool`] opens each file in a way that is safe even if a pipe, a device or a link has
//! replaced it. It reads the file to its end and then checks whether the file changed in the
//! meantime. It never returns digests of content that changed while it was read.
//! Files that are probably equal are compared, which is faster than to digest each.
//!
//! BLAKE3 is a tree hash, so several threads can digest the segments of one large file. The
//! other algorithms exist because people have manifests that use them.

mod algorithm;
mod alike;
mod device_queues;
mod file;
mod job;
mod pool;
mod quick_hash;
mod rate_limiter;
mod reader;
mod segments;

pub use algorithm::{ALGORITHMS, Algorithm, Value};
pub use file::{Expected, FileState, Problem};
pub use job::{Completion, Job};
pub use pool::{Pool, PoolOptions};
pub use quick_hash::{END_BYTES, QuickHasher, end_lengths};
