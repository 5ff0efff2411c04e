//! The functions of text: what they give, what they refuse, and that they stay within their bounds.

use expect_test::expect;

use super::{HEAD, signal, sound};
use crate::{
    playbook::{
        Template,
        expression::{Expressions, Scene},
        read, render,
    },
    signal::Severity,
};

const ID: &str = "/subscriptions/0/resourceGroups/rg1/providers/Microsoft.Web/sites/EU-1";

/// What an expression gives for an alert whose labels need work, or why it gives nothing.
fn given(expression: &str) -> String {
    let long = "é".repeat(8_192);
    let labels = [("id", ID), ("host", "EU-1.contoso.net:8443"), ("pad", " eu-1\t "), ("e", "")];
    let mut signal = signal(Severity::Info, labels);
    signal.labels.insert("long".to_owned(), long);
    let template = match Template::read(&format!("${{{expression}}}"), &mut Expressions::default())
    {
        Ok(template) => template,
        Err(wrongs) => {
            return wrongs
                .iter()
                .map(|wrong| format!("{}; {}", wrong.message, wrong.help))
                .collect();
        }
    };
    match template.fill(&Scene::of(&signal)) {
        Ok(text) => text,
        Err(fault) => fault.to_string(),
    }
}

#[test]
fn what_a_label_needs_to_become_a_name() {
    for (expression, expected) in [
        ("signal.labels.id.lastSegment()", "EU-1"),
        ("signal.labels.id.split('/')[4].lowerAscii()", "rg1"),
        ("signal.labels.host.split(':')[0].split('.')[0].lowerAscii()", "eu-1"),
        ("signal.labels.host.substring(0, signal.labels.host.indexOf('.'))", "EU-1"),
        ("signal.labels.pad.trim()", "eu-1"),
        ("signal.labels.pad.trim().replace('-', '_').upperAscii()", "EU_1"),
        ("signal.labels.?pool.orValue(signal.labels.host).split('.')[1]", "contoso"),
    ] {
        assert_eq!(given(expression), expected, "{expression}");
    }
}

/// The cases of CEL's own conformance tests where there are any.
#[test]
fn functions_of_text() {
    for (expression, expected) in [
        ("'tacocat'.charAt(3)", "o"),
        ("'tacocat'.charAt(7)", ""),
        ("'©αT'.charAt(1)", "α"),
        ("'tacocat'.indexOf('')", "0"),
        ("'tacocat'.indexOf('ac')", "1"),
        ("'tacocat'.indexOf('none')", "-1"),
        ("'tacocat'.indexOf('a', 3)", "5"),
        ("'tacocat'.indexOf('', 3)", "3"),
        ("'ta©o©αT'.indexOf('©', 3)", "4"),
        ("'ta©o©αT'.indexOf('©α', 5)", "-1"),
        ("'tacocat'.lastIndexOf('')", "7"),
        ("'tacocat'.lastIndexOf('at')", "5"),
        ("'tacocat'.lastIndexOf('none')", "-1"),
        ("'tacocat'.lastIndexOf('', 3)", "3"),
        ("'tacocat'.lastIndexOf('a', 3)", "1"),
        ("'ta©o©αT'.lastIndexOf('©', 3)", "2"),
        ("'ta©o©αT'.lastIndexOf('©', 4)", "4"),
        ("'bananananana'.lastIndexOf('nana', 7)", "6"),
        ("['x', 'y'].join()", "xy"),
        ("['x', 'y', ''].join(', ')", "x, y, "),
        ("[].join('-')", ""),
        ("'a,b'.split(',').map(e, e + '1').join('.')", "a1.b1"),
        ("'a/b/c'.lastSegment()", "c"),
        ("'a/b/c//'.lastSegment()", "c"),
        ("'c'.lastSegment()", "c"),
        ("''.lastSegment() + '///'.lastSegment()", ""),
        ("'TacoCÆt'.lowerAscii()", "tacocÆt"),
        ("'tacoCαt'.upperAscii()", "TACOCαT"),
        ("'12 days 12 hours'.replace('{0}', '2')", "12 days 12 hours"),
        ("'{0} days {0} hours'.replace('{0}', '2')", "2 days 2 hours"),
        ("'{0} days {0} hours'.replace('{0}', '2', 1).replace('{0}', '23')", "2 days 23 hours"),
        ("'abc'.replace('b', 'd', 0) + 'aa'.replace('a', 'b', -1)", "abcbb"),
        ("'1 ©αT taco'.replace('αT', 'o©α')", "1 ©o©α taco"),
        ("'ab'.replace('', '-')", "-a-b-"),
        ("size('hello world'.split(' '))", "2"),
        ("size('hello'.split(' ', 0)) + size(''.split(''))", "0"),
        ("'a b c d'.split(' ', 2)[1]", "b c d"),
        ("'a b'.split(' ', 1)[0]", "a b"),
        ("'a b'.split(' ', -1)[1]", "b"),
        ("'©αT'.split('').join('.')", "©.α.T"),
        ("'©αT'.split('', 2).join('.')", "©.αT"),
        ("',a'.split(',').join(';')", ";a"),
        ("'tacocat'.substring(4)", "cat"),
        ("'tacocat'.substring(7)", ""),
        ("'tacocat'.substring(0, 4)", "taco"),
        ("'ta©o©αT'.substring(2, 6)", "©o©α"),
        ("' \\f\\n\\r\\t\\vtext  '.trim()", "text"),
        ("'\\u2000\\u202f\\u3000text\\u00a0'.trim()", "text"),
    ] {
        assert_eq!(given(expression), expected, "{expression}");
    }
}

#[test]
fn what_a_function_of_text_refuses() {
    let told: String = [
        "'tacocat'.charAt(30)",
        "'tacocat'.charAt(-1)",
        "'tacocat'.indexOf('a', 30)",
        "'tacocat'.lastIndexOf('a', -1)",
        "'tacocat'.substring(40)",
        "'tacocat'.substring(1, 50)",
        "'tacocat'.substring(2, 1)",
        "['a', 1].join()",
        "signal.labels.id.split('/')[90]",
        "'a'.lowerAscii('b')",
        "lastSegment(signal.labels.id)",
        "signal.labels.trim()",
        "signal.labels.id.split(5)[0]",
        "signal.labels.id.replace('a')",
        "signal.labels.id.split('/')",
        "signal.labels.id.lastSegmnt()",
        "signal.labels.id.format(['x'])",
        "strings.quote(signal.labels.id)",
        "signal.labels.map(a, signal.labels.map(b, signal.labels[b].trim()))[0][0]",
    ]
    .map(|expression| format!("{}\n", given(expression)))
    .concat();
    expect![[r#"
        `'tacocat'.charAt(30)` failed in `charAt`: there is no position 30 in "tacocat"
        `'tacocat'.charAt(-1)` failed in `charAt`: there is no position -1 in "tacocat"
        `'tacocat'.indexOf('a', 30)` failed in `indexOf`: there is no position 30 in "tacocat"
        `'tacocat'.lastIndexOf('a', -1)` failed in `lastIndexOf`: there is no position -1 in "tacocat"
        `'tacocat'.substring(40)` failed in `substring`: there is no position 40 in "tacocat"
        `'tacocat'.substring(1, 50)` failed in `substring`: there is no position 50 in "tacocat"
        `'tacocat'.substring(2, 1)` failed in `substring`: the start, 2, is after the end, 1
        `['a', 1].join()` failed in `join`: the list holds something that is not text
        `signal.labels.id.split('/')[90]` failed: the list has nothing at [90]
        `lowerAscii` is not used like this; write text.lowerAscii()
        `lastSegment` is not used like this; write text.lastSegment()
        `trim` is not used like this; write text.trim()
        `split` is not used like this; write text.split(between)
        `replace` is not used like this; write text.replace(old, new)
        this gives a list, and a value must be text or a number; write a value, such as ${signal.labels.backend}
        there is no function `lastSegmnt`; did you mean `lastSegment`?
        there is no function `format`; the functions are `contains`, `startsWith`, `endsWith`, `matches`, `bool`, `hasValue`, `size`, `int`, `uint`, `double`, `string`, `bytes` and others
        there is no variable `strings`; for text, write "strings"; for a label, signal.labels.stringsthere is no function `quote`; the functions are `contains`, `startsWith`, `endsWith`, `matches`, `bool`, `hasValue`, `size`, `int`, `uint`, `double`, `string`, `bytes` and others
        `trim` in a loop within a loop may take minutes; compare with == or startsWith there, or make two plays of it
    "#]].assert_eq(&told);
}

#[test]
fn no_function_of_text_makes_much_of_little() {
    for (expression, expected) in [
        // As much as there may be, and a byte more.
        ("size(signal.labels.long.lowerAscii())", "8192"),
        ("size((signal.labels.long + 'a').trim())", "a text of 16385 bytes is too long"),
        ("size(signal.labels.long.replace('é', 'aa'))", "16384"),
        ("size(signal.labels.long.replace('é', 'ab', 1).replace('ab', 'é'))", "8192"),
        ("size(signal.labels.long.replace('', 'a'))", "a text of 24577 bytes is too long"),
        (
            "size(signal.labels.long.replace('', signal.labels.long))",
            "a text of 134250496 bytes is too long",
        ),
        ("size(signal.labels.long.split(''))", "the result would have more than 256 texts"),
        ("size(signal.labels.long.split('', 256))", "256"),
        ("size(signal.labels.long.split('', 257))", "the result would have more than 256 texts"),
        (
            "size(signal.labels.long.split('', 256).map(e, signal.labels.long).join())",
            "a text of 32768 bytes is too long",
        ),
    ] {
        let given = given(expression);
        assert!(given == expected || given.contains(expected), "{expression}: {given}");
    }
}

#[test]
fn conditions_have_them_too() {
    let playbook = sound(
        r#"
  - name: ids
    when: signal.labels.id.lastSegment().lowerAscii() == "eu-1"
    do: [{drain: {pool: chat, member: "${signal.labels.id.lastSegment()}"}}]
    after: [{reconnect: {backend: "${signal.labels.id.lastSegment()}", after: 2m}}]
"#,
    );
    let matches = playbook.plays_for(&signal(Severity::Info, [("id", ID)]));
    assert_eq!(matches.failed, []);
    let told = format!(
        "{} {}",
        matches.matched[0].effects[0].2, matches.matched[0].after[0].reconnect.name
    );
    assert_eq!(told, "drain eu-1 eu-1");

    let text = format!(
        "{HEAD}plays: [{{name: a, when: 'signal.labels.id.lastSegment()', \
         do: [{{drain: {{pool: chat, member: eu}}}}]}}]\n"
    );
    let problems = render(&read(&text).unwrap_err(), "playbook.yaml", &text);
    assert!(problems.contains("this gives text, not true or false"), "{problems}");
}
