//! The engine of `vpo`: looks at directory trees quickly and says what differs.
//!
//! It walks a tree in parallel, selects files by [`Rules`], and gives each
//! directory a 128-bit [`Fingerprint`]. Told the fingerprints of the last look
//! ([`KnownDirectories`]), it reports only directories that differ, in columnar
//! [`Batch`]es, while the walk goes on. Errors are data: they never stop a walk.
//!
//! [`probe`] reads what is in media files, [`digest`] all of their content.
//!
//! It knows nothing of databases and nothing of Python; `rust/python` is the
//! thin layer that turns these types into Python's.

mod answers;
mod batch;
pub mod digest;
mod fingerprint;
mod kinds;
mod known;
mod opening;
mod pace;
mod presence;
pub mod probe;
mod rules;
mod storage;
mod sys;
mod walk;

pub use batch::{Batch, Directory, Failure, Operation};
pub use fingerprint::{Fingerprint, Fingerprinter};
pub use kinds::Kind;
pub use known::KnownDirectories;
pub use presence::{Presence, Unseen};
pub use rules::{Rules, RulesError, RulesSpec};
pub use storage::{born, storage_of};
pub use sys::{Medium, medium_of, physical_start, set_idle_io};
pub use walk::{Next, Progress, Walk, WalkOptions};

/// The version of the engine.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
