//! Digests of whole files, and the quick identity that tells most files apart.
//!
//! A [`Pool`] opens each file so that nothing in its place can harm (a pipe, a
//! device, a link), reads it to its end, and looks again whether it changed
//! meanwhile. Digests of content that was changing are never handed out.
//!
//! BLAKE3 is a tree, so threads without a file of their own help with the parts
//! of a large one. The other algorithms are for manifests that people have.

mod algorithm;
mod file;
mod lanes;
mod parts;
mod pool;
mod quick;
mod rate;
mod reading;

pub use algorithm::{Algorithm, Value};
pub use file::{Expected, Problem, Stamp};
pub use pool::{Answer, Job, Pool, PoolOptions};
pub use quick::{QUICK_PART, QuickHasher, parts_of};
