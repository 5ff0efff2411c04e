//! Ids for people: cut where they differ.

use std::{
    collections::BTreeSet,
    ops::Bound::{Excluded, Unbounded},
};

/// How much of an id must be shown, and typed, in characters.
pub const ID_CHARS_MIN: usize = 4;

/// The ids among which one is meant.
#[derive(Clone, Debug, Default)]
pub struct Ids(BTreeSet<String>);

impl FromIterator<String> for Ids {
    fn from_iter<I: IntoIterator<Item = String>>(ids: I) -> Self {
        Self(ids.into_iter().collect())
    }
}

impl Ids {
    /// The shortest beginning of an id that is no other's, [`ID_CHARS_MIN`] characters at the least.
    #[must_use]
    pub fn short<'a>(&self, id: &'a str) -> &'a str {
        let common = |other: &String| {
            id.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count()
        };
        // Those that are most like it stand beside it.
        let before = self.0.range::<str, _>((Unbounded, Excluded(id))).next_back();
        let after = self.0.range::<str, _>((Excluded(id), Unbounded)).next();
        let differs = before.into_iter().chain(after).map(|other| common(other) + 1).max();
        id.get(..differs.unwrap_or(0).max(ID_CHARS_MIN)).unwrap_or(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_cut_where_it_is_no_others() {
        let ids = ["abcdefgh", "abcdexyz", "abcdexyw", "q", "zzzzzzzz"];
        let all: Ids = ids.map(str::to_owned).into_iter().collect();
        let short = ids.map(|id| all.short(id));
        assert_eq!(short, ["abcdef", "abcdexyz", "abcdexyw", "q", "zzzz"]);
        assert_eq!(Ids::default().short("abcdefgh"), "abcd");
    }
}
