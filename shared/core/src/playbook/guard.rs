//! The guard before the parser of expressions: keeps out what would exhaust its stack.
//!
//! The CEL parser descends about 20 calls for each bracket and one for each operator of a chain,
//! and a stack that is used up ends the whole process: no error can be caught there. So a scan
//! without recursion, which knows no more of CEL than its quotes and brackets, weighs the deepest
//! way through an expression first. The weights are those of the largest frames, in a build
//! without optimisation: some 35 KiB for an operator and 180 KiB for a bracket, so the heaviest
//! expression that passes needs less than the 2 MiB of a thread's stack.

/// How heavy the deepest way through an expression may be: 6 brackets within one another, or 35
/// operators in a row, or something of each.
pub const EXPRESSION_WEIGHT_MAX: usize = 35;

const OPEN_WEIGHT: usize = 50;
const OPERATOR_WEIGHT: usize = 10;
const SELECT_WEIGHT: usize = 1;

/// Where the expression becomes too deep: the byte of the bracket or operator.
pub(super) fn too_deep(source: &str) -> Option<usize> {
    const MAX: usize = EXPRESSION_WEIGHT_MAX * OPERATOR_WEIGHT;
    // What is open: the weight of the way down to it, and of the chain within it so far.
    let mut below: Vec<usize> = Vec::new();
    let (mut base, mut chain) = (0, 0);
    let mut bytes = source.bytes().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' | b'\'' => skip_text(byte, &mut bytes),
            b'(' | b'[' | b'{' => {
                below.push(base);
                below.push(chain);
                base += chain + OPEN_WEIGHT;
                chain = 0;
            }
            b')' | b']' | b'}' => {
                // What follows, a further call or index, stands upon what was within.
                chain = below.pop().unwrap_or(0) + OPERATOR_WEIGHT;
                base = below.pop().unwrap_or(0);
            }
            // Balanced by the parser into a tree, or beside one another: no deeper.
            b'&' | b'|' | b',' => chain = 0,
            b'.' => chain += SELECT_WEIGHT,
            b'+' | b'-' | b'*' | b'/' | b'%' | b'<' | b'>' | b'=' | b'!' | b'?' | b':' => {
                chain += OPERATOR_WEIGHT;
                // `==`, `!=`, `<=` and `>=` are one.
                bytes.next_if(|(_, next)| b"<>=!".contains(&byte) && *next == b'=');
            }
            b'i' if is_the_word_in(source, at) => chain += OPERATOR_WEIGHT,
            _ => {}
        }
        if base + chain > MAX {
            return Some(at);
        }
    }
    None
}

/// Goes on behind the text in quotes that has begun.
pub(super) fn skip_text(quote: u8, bytes: &mut impl Iterator<Item = (usize, u8)>) {
    while let Some((_, byte)) = bytes.next() {
        if byte == b'\\' {
            bytes.next();
        } else if byte == quote {
            return;
        }
    }
}

fn is_the_word_in(source: &str, at: usize) -> bool {
    let within =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let bytes = source.as_bytes();
    bytes.get(at + 1) == Some(&b'n')
        && !within(bytes.get(at + 2))
        && !within(at.checked_sub(1).and_then(|before| bytes.get(before)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_passes_and_towers_do_not() {
        for fine in [
            "signal.labels.a == 'x' && (signal.severity >= warning || has(signal.labels.b))",
            &["signal.labels.a == 'x'"; 60].join(" || "),
            "signal.labels.exists(k, k.startsWith('z') && signal.labels[k] in ['a', 'b'])",
            "'((((((((((((((((((((((' == signal.source",
        ] {
            assert_eq!(too_deep(fine), None, "{fine}");
        }
        assert_eq!(too_deep(&"(".repeat(100)), Some(7));
        assert_eq!(too_deep(&"1+".repeat(100)), Some(71));
        assert_eq!(too_deep(&"x in ".repeat(100)), Some(177));
        assert_eq!(too_deep(&"f()".repeat(100)), Some(94));
        assert_eq!(too_deep(&"[f((g{}))]".repeat(100)), Some(165));
    }
}
