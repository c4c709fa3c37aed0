//! The engine of `vpo`: walks directory trees, probes media files and digests their content.
//!
//! A [`Walk`] reads a tree in parallel, selects files by [`Rules`], and computes a 128-bit
//! [`Fingerprint`] of each directory. It is given the fingerprints of the last scan
//! ([`KnownDirectories`]) and reports only the directories that differ, in columnar
//! [`Batch`]es, while it continues. Errors are data: they never stop a walk.
//!
//! [`probe`] reads the properties of media files, [`digest`] the whole content of files.
//!
//! The engine knows nothing of databases or Python; `rust/python` is the thin layer that
//! converts these types to Python's.

pub mod beneath;
mod completion_queue;
mod concurrency;
pub mod digest;
mod directory_cache;
mod fingerprint;
mod kinds;
pub mod probe;
mod racy;
mod roots;
mod rules;
mod storage;
mod sys;
mod system_names;
mod walk;

pub use directory_cache::DirectoryCache;
pub use fingerprint::{Fingerprint, Fingerprinter};
pub use kinds::Kind;
pub use racy::RACY_WINDOW_NS;
pub use roots::Roots;
pub use rules::{Rules, RulesError, RulesSpec};
pub use storage::{FreshStat, Seen, birth_time, look_at, stat_afresh, storage_of};
pub use sys::{Medium, end_on_bus_error, medium_of, physical_start, set_idle_io};
pub use system_names::SYSTEM_NAMES;
pub use walk::{
    Batch, Directory, DirectoryStatus, Failure, KnownDirectories, NextBatch, Operation, Progress,
    UnvisitedDirectory, Walk, WalkOptions,
};

/// The version of the engine.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
