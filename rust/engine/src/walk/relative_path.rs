//! Paths relative to the root of a walk, which are what rules are matched against.

use super::node::Node;

/// `path` relative to `root`, if it is `root` itself or below it.
pub fn strip_root<'a>(path: &'a [u8], root: &[u8]) -> Option<&'a [u8]> {
    let rest = path.strip_prefix(root)?;
    match rest {
        [] => Some(rest),
        [b'/', below @ ..] => Some(below),
        _ if root == b"/" => Some(rest),
        _ => None,
    }
}

/// A directory's path relative to the root, to which names of entries are appended in turn.
pub struct RelativePath {
    path: Vec<u8>,
    directory_len: usize,
}

impl RelativePath {
    /// The path of `node` relative to `root`.
    pub fn of(node: &Node, root: &Node) -> Self {
        let mut path = strip_root(&node.path, &root.path).unwrap_or_default().to_vec();
        if !path.is_empty() {
            path.push(b'/');
        }
        let directory_len = path.len();
        Self { path, directory_len }
    }

    /// The relative path of the directory's entry `name`.
    pub fn with(&mut self, name: &[u8]) -> &[u8] {
        self.path.truncate(self.directory_len);
        self.path.extend_from_slice(name);
        &self.path
    }
}
