//! The nearest name: what someone who mistyped most likely meant.

use std::fmt;

use strsim::osa_distance;

/// How long a name may be to be compared, in characters; longer ones are no mistyped names.
const NAME_CHARS_MAX: usize = 80;

/// The candidate that is nearest to `name`, where one is near enough to be meant.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let wanted = folded(name);
    let chars = wanted.chars().count();
    if chars > NAME_CHARS_MAX {
        return None;
    }
    let far_max = (chars / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= NAME_CHARS_MAX)
        .map(|candidate| (osa_distance(&wanted, &folded(candidate)), candidate))
        .filter(|(far, _)| *far <= far_max)
        .min_by_key(|(far, _)| *far)
        .map(|(_, candidate)| candidate)
}

/// `did you mean …?` with the nearest of the candidates, or all of them where none is near: then
/// `what` is what they are called, in the plural.
pub fn meant<'a, C>(name: &str, what: &str, candidates: C) -> String
where
    C: IntoIterator<Item = &'a str> + Clone,
{
    match nearest(name, candidates.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => listed(what, candidates),
    }
}

/// `what` and the candidates, such as: `the pools are a, b and c`; the first few of many.
pub fn listed<'a>(what: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN_MAX: usize = 12;
    let mut names = quoted(candidates.into_iter().take(SHOWN_MAX + 1));
    if names.len() > SHOWN_MAX {
        names[SHOWN_MAX] = "others".to_owned();
    }
    match names.split_last() {
        None => format!("there are no {what}"),
        Some((only, [])) => format!("the only one is {only}"),
        Some((last, rest)) => format!("the {what} are {} and {last}", rest.join(", ")),
    }
}

/// Each name as it stands in a message.
pub(super) fn quoted(names: impl IntoIterator<Item: fmt::Display>) -> Vec<String> {
    names.into_iter().map(|name| format!("`{name}`")).collect()
}

/// Letters without case, so that `leastmembers` and `least-members` are near `leastMembers`.
fn folded(name: &str) -> String {
    name.chars().filter(|char| !"-_ ".contains(*char)).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not_guessed() {
        let names = ["leastMembers", "leastShare", "drain", "member"];
        for (typed, meant) in [
            ("leastmembers", Some("leastMembers")),
            ("least-share", Some("leastShare")),
            ("darin", Some("drain")),
            ("memeber", Some("member")),
            ("membr", Some("member")),
            ("pause", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, names), meant, "{typed}");
        }
    }
}
