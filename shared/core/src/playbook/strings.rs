//! The functions of text that expressions have beside those of CEL itself: CEL's standard extension
//! for strings, by its names and with its meaning, and `lastSegment` for the end of an id.
//!
//! Positions count characters from 0. Everything is bounded: a function takes and gives at most
//! [`TEXT_BYTES_MAX`], a list that is split off has at most [`PARTS_MAX`] texts, and each takes time
//! linear in its text. The extension that comes with the crate has no such bounds, and a few
//! `replace` after one another would make gigabytes of one label.

use cel::{
    DeclarationError, Env, ExecutionError, add_member_overload,
    common::{
        types::{CelInt, CelList, CelString, LIST_TYPE, STRING_TYPE},
        value::{CowVal, Val},
    },
};

use super::kind::Kind;

/// How long a text may be that a function takes or gives, in bytes: as long as all labels of a
/// signal are together.
const TEXT_BYTES_MAX: usize = 16 << 10;

/// How many texts `split` gives at most. Loops over them may be within one another.
const PARTS_MAX: usize = 256;

/// How a function is written: what is wrong in its use is found when the playbook is read.
pub(super) struct Form {
    pub(super) name: &'static str,
    /// What it is called on.
    pub(super) of: Kind,
    /// What stands in its brackets.
    pub(super) takes: &'static [Kind],
    /// How many of these must stand there.
    pub(super) least: usize,
    pub(super) gives: Kind,
    pub(super) written: &'static str,
}

pub(super) const FORMS: [Form; 11] = {
    use Kind::{List, Number, Text};
    const fn form(
        (name, written): (&'static str, &'static str),
        (of, takes, least, gives): (Kind, &'static [Kind], usize, Kind),
    ) -> Form {
        Form { name, of, takes, least, gives, written }
    }
    [
        form(("charAt", "text.charAt(position)"), (Text, &[Number], 1, Text)),
        form(("indexOf", "text.indexOf(part)"), (Text, &[Text, Number], 1, Number)),
        form(("join", "list.join(between)"), (List, &[Text], 0, Text)),
        form(("lastIndexOf", "text.lastIndexOf(part)"), (Text, &[Text, Number], 1, Number)),
        form(("lastSegment", "text.lastSegment()"), (Text, &[], 0, Text)),
        form(("lowerAscii", "text.lowerAscii()"), (Text, &[], 0, Text)),
        form(("replace", "text.replace(old, new)"), (Text, &[Text, Text, Number], 2, Text)),
        form(("split", "text.split(between)"), (Text, &[Text, Number], 1, List)),
        form(("substring", "text.substring(from, to)"), (Text, &[Number, Number], 1, Text)),
        form(("trim", "text.trim()"), (Text, &[], 0, Text)),
        form(("upperAscii", "text.upperAscii()"), (Text, &[], 0, Text)),
    ]
};

/// Adds the functions to `env`.
pub(super) fn extension(env: &mut Env) -> Result<(), DeclarationError> {
    add_member_overload!(env, fn char_at: (CelString, CelInt) -> Result<CelString>)?;
    add_member_overload!(env, fn index_of: (CelString, CelString) -> Result<CelInt>)?;
    add_member_overload!(env, fn index_of_from: (CelString, CelString, CelInt) -> Result<CelInt>,
        name = "indexOf")?;
    // By hand, for it takes any kind of list.
    let separator = vec![STRING_TYPE];
    env.add_member_overload("join", "list.join()", LIST_TYPE, vec![], join)?;
    env.add_member_overload("join", "list.join(string)", LIST_TYPE, separator, join)?;
    add_member_overload!(env, fn last_index_of: (CelString, CelString) -> Result<CelInt>)?;
    add_member_overload!(env, fn last_index_of_from: (CelString, CelString, CelInt) -> Result<CelInt>,
        name = "lastIndexOf")?;
    add_member_overload!(env, fn last_segment: (CelString) -> Result<CelString>)?;
    add_member_overload!(env, fn lower_ascii: (CelString) -> Result<CelString>)?;
    add_member_overload!(env, fn replace: (CelString, CelString, CelString) -> Result<CelString>)?;
    add_member_overload!(env, fn replace_some: (CelString, CelString, CelString, CelInt) -> Result<CelString>,
        name = "replace")?;
    add_member_overload!(env, fn split: (CelString, CelString) -> Result<CelList>)?;
    add_member_overload!(env, fn split_some: (CelString, CelString, CelInt) -> Result<CelList>,
        name = "split")?;
    add_member_overload!(env, fn substring: (CelString, CelInt) -> Result<CelString>)?;
    add_member_overload!(env, fn substring_to: (CelString, CelInt, CelInt) -> Result<CelString>,
        name = "substring")?;
    add_member_overload!(env, fn trim: (CelString) -> Result<CelString>)?;
    add_member_overload!(env, fn upper_ascii: (CelString) -> Result<CelString>)?;
    Ok(())
}

type Text = Result<CelString<'static>, ExecutionError>;
type Number = Result<CelInt, ExecutionError>;
type List = Result<CelList<'static>, ExecutionError>;

fn bounded(function: &str, bytes: usize) -> Result<(), ExecutionError> {
    if bytes <= TEXT_BYTES_MAX {
        return Ok(());
    }
    let message = format!("a text of {bytes} bytes is too long: at most {TEXT_BYTES_MAX}");
    Err(ExecutionError::function_error(function, message))
}

fn taken<'a>(function: &str, text: &'a CelString<'_>) -> Result<&'a str, ExecutionError> {
    bounded(function, text.len())?;
    Ok(text.inner())
}

/// The byte at which the character at `position` begins; the end of the text is a position too.
fn byte_at(function: &str, text: &str, position: &CelInt) -> Result<usize, ExecutionError> {
    let bytes = text.char_indices().map(|(byte, _)| byte).chain([text.len()]);
    let position = *position.inner();
    usize::try_from(position).ok().and_then(|at| bytes.into_iter().nth(at)).ok_or_else(|| {
        let message = format!("there is no position {position} in {text:?}");
        ExecutionError::function_error(function, message)
    })
}

/// The position of the character that begins at a byte; -1 for none.
fn position(text: &str, byte: Option<usize>) -> CelInt {
    let position = byte.map(|byte| text[..byte].chars().count());
    position.and_then(|position| i64::try_from(position).ok()).unwrap_or(-1).into()
}

fn char_at(text: &CelString<'_>, at: &CelInt) -> Text {
    let text = taken("charAt", text)?;
    let rest = &text[byte_at("charAt", text, at)?..];
    Ok(rest.chars().next().map(String::from).unwrap_or_default().into())
}

fn index_of(text: &CelString<'_>, part: &CelString<'_>) -> Number {
    index_of_from(text, part, &0.into())
}

fn index_of_from(text: &CelString<'_>, part: &CelString<'_>, from: &CelInt) -> Number {
    let (text, part) = (taken("indexOf", text)?, taken("indexOf", part)?);
    let from = byte_at("indexOf", text, from)?;
    Ok(position(text, text[from..].find(part).map(|byte| byte + from)))
}

fn last_index_of(text: &CelString<'_>, part: &CelString<'_>) -> Number {
    let (text, part) = (taken("lastIndexOf", text)?, taken("lastIndexOf", part)?);
    Ok(position(text, text.rfind(part)))
}

fn last_index_of_from(text: &CelString<'_>, part: &CelString<'_>, from: &CelInt) -> Number {
    let (text, part) = (taken("lastIndexOf", text)?, taken("lastIndexOf", part)?);
    // What begins there or before it ends no later than this.
    let end = byte_at("lastIndexOf", text, from)? + part.len();
    let until = &text[..text.floor_char_boundary(end)];
    Ok(position(text, until.rfind(part)))
}

fn join<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let mut args = args.into_iter();
    let (list, between) = (args.next(), args.next());
    let between = between.as_ref().map_or(Ok(""), |between| text_of(between.as_ref()))?;
    let list = list.as_ref().and_then(|list| list.as_ref().as_iterable());
    let mut texts = list.ok_or_else(no_text)?.iter();
    let mut joined = String::new();
    let mut first = true;
    while let Some(text) = texts.next() {
        if !std::mem::take(&mut first) {
            joined.push_str(between);
        }
        joined.push_str(text_of(text)?);
        bounded("join", joined.len())?;
    }
    Ok(CowVal::owned(CelString::from(joined)))
}

fn text_of<'a>(value: &'a (dyn Val + '_)) -> Result<&'a str, ExecutionError> {
    taken("join", value.downcast_ref::<CelString<'_>>().ok_or_else(no_text)?)
}

fn no_text() -> ExecutionError {
    ExecutionError::function_error("join", "the list holds something that is not text")
}

/// What stands behind the last `/`; a `/` at the very end ends no segment.
fn last_segment(text: &CelString<'_>) -> Text {
    let text = taken("lastSegment", text)?.trim_end_matches('/');
    Ok(text.rsplit('/').next().unwrap_or_default().to_owned().into())
}

fn lower_ascii(text: &CelString<'_>) -> Text {
    Ok(taken("lowerAscii", text)?.to_ascii_lowercase().into())
}

fn upper_ascii(text: &CelString<'_>) -> Text {
    Ok(taken("upperAscii", text)?.to_ascii_uppercase().into())
}

fn trim(text: &CelString<'_>) -> Text {
    Ok(taken("trim", text)?.trim().to_owned().into())
}

fn replace(text: &CelString<'_>, old: &CelString<'_>, new: &CelString<'_>) -> Text {
    replace_some(text, old, new, &(-1).into())
}

/// Replaces the first `most`, or all where that is negative.
fn replace_some(
    text: &CelString<'_>,
    old: &CelString<'_>,
    new: &CelString<'_>,
    most: &CelInt,
) -> Text {
    const NAME: &str = "replace";
    let (text, old, new) = (taken(NAME, text)?, taken(NAME, old)?, taken(NAME, new)?);
    let most = usize::try_from(*most.inner()).unwrap_or(usize::MAX);
    // Before it is made: bounded texts can still make a quarter of a gigabyte.
    let count = text.matches(old).take(most).count();
    bounded(NAME, text.len() - count * old.len() + count * new.len())?;
    Ok(text.replacen(old, new, most).into())
}

fn split(text: &CelString<'_>, between: &CelString<'_>) -> List {
    split_some(text, between, &(-1).into())
}

/// Splits into `most` texts, the last with all that remains, or into all where that is negative.
/// Without anything between them: into characters.
fn split_some(text: &CelString<'_>, between: &CelString<'_>, most: &CelInt) -> List {
    let (text, between) = (taken("split", text)?, taken("split", between)?);
    let most = usize::try_from(*most.inner()).unwrap_or(usize::MAX);
    let (mut parts, mut rest) = (Vec::new(), Some(text).filter(|_| most > 0));
    while let Some(text) = rest {
        if parts.len() == PARTS_MAX {
            let message = format!("the result would have more than {PARTS_MAX} texts");
            return Err(ExecutionError::function_error("split", message));
        }
        let cut = if parts.len() + 1 == most {
            None
        } else if between.is_empty() {
            text.char_indices().nth(1).map(|(end, _)| text.split_at(end))
        } else {
            text.split_once(between)
        };
        let (part, behind) = cut.map_or((text, None), |(part, behind)| (part, Some(behind)));
        rest = behind;
        parts.push(part);
    }
    if between.is_empty() && text.is_empty() {
        parts.clear();
    }
    let boxed = |part: &str| Box::new(CelString::from(part.to_owned())) as Box<dyn Val>;
    Ok(parts.into_iter().map(boxed).collect::<Vec<_>>().into())
}

fn substring(text: &CelString<'_>, from: &CelInt) -> Text {
    let text = taken("substring", text)?;
    Ok(text[byte_at("substring", text, from)?..].to_owned().into())
}

fn substring_to(text: &CelString<'_>, from: &CelInt, to: &CelInt) -> Text {
    let text = taken("substring", text)?;
    let (start, end) = (byte_at("substring", text, from)?, byte_at("substring", text, to)?);
    let part = text.get(start..end).ok_or_else(|| {
        let message = format!("the start, {}, is after the end, {}", from.inner(), to.inner());
        ExecutionError::function_error("substring", message)
    })?;
    Ok(part.to_owned().into())
}
