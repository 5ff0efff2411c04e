//! A file that a person writes: YAML, read into typed values past every error to the next.
//!
//! ```text
//! text ──tree──▶ tree with positions ──decode──▶ wire types
//!          every problem of both is gathered as a [`Wrong`], and told at once as a [`Problem`]
//! ```
//!
//! The playbook and the configuration are both read so. What a kind of file has of its own is its
//! [`Language`]; what its values mean together is for whoever reads it.

mod decode;
mod nearest;
mod node;
mod problem;

pub use decode::{At, Entries, decode};
pub use nearest::{listed, meant};
pub use node::{Node, tree};
pub use problem::{PROBLEMS_MAX, Problem, Wrong, problems, render};

pub(crate) use {
    nearest::nearest,
    problem::{SECRET, clipped},
};

/// What one kind of file has of its own.
pub struct Language {
    /// The fields that a wire type must have: its name, the field, and what to write.
    pub needed: &'static [(&'static str, &'static str, &'static str)],
    /// The wire types of which a single value may stand instead of their fields: their name, and the
    /// field that it is.
    pub short: &'static [(&'static str, &'static str)],
    /// What an entry is called that has exactly one name.
    pub entry: &'static str,
    /// What is wrong, and what to do, where a name is one that the language has room for and that this
    /// version does not know.
    pub unbuilt: fn(&str) -> Option<(String, String)>,
}

impl Language {
    /// The fields that a wire type must have, with what to write.
    fn needed(&self, of: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
        let of_type = self.needed.iter().filter(move |(name, ..)| *name == of);
        of_type.map(|(_, field, help)| (*field, *help))
    }
}
