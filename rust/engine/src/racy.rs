//! When a file is too young for its times to prove that it did not change.

/// How long after its mtime a file can change again without a trace: with the same size and
/// within the same tick of its file system's clock. The coarsest tick is that of FAT, 2 s.
/// git calls a file that was read earlier than this "racy".
///
/// The fingerprint of a directory with a racy file is not stored, so that the next scan
/// compares the directory again. Everything else that depends on the rule, in Rust and in
/// Python, refers to this value.
pub const RACY_WINDOW_NS: i64 = 2_000_000_000;
