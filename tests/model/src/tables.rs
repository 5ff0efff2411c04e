//! Stories in the words of the ledger: what an engineer on call reads the next morning.
//!
//! Each line of a script is one thing that happens; each line of the answer is what was written to
//! the ledger, with the seconds since the beginning, and what the pool is after it.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use pointsman_core::{
    field::{Field, Value},
    signal::{Heard, Severity, Signal},
};

use crate::{
    azure::{Foreign, ReadFault, WriteFault, pool, written},
    world::{Message, World, at, backend, playbook},
};

const PLAYS: &str = "  - name: drain
    when: signal.labels.play == \"drain\"
    do: [{drain: {pool: pool, member: \"${signal.labels.backend}\"}}]
    atMost: 1h
    ramp: {steps: [10%, 50%], every: 2m}
    after: [{reconnect: {backend: \"${signal.labels.backend}\", after: 5m}}]
";

/// Makes ids short and the same in every run: the first becomes #1, and so on.
fn short(text: &str, known: &mut BTreeMap<String, usize>) -> String {
    let is_id = |word: &str| {
        word.len() == 16 && word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'))
    };
    let mut out = Vec::new();
    for word in text.split(' ') {
        let trimmed = word.trim_end_matches([':', ',']);
        if is_id(trimmed) {
            let next = known.len() + 1;
            let number = *known.entry(trimmed.to_owned()).or_insert(next);
            out.push(format!("#{number}{}", &word[trimmed.len()..]));
        } else if let Ok(moment) = trimmed.parse::<jiff::Timestamp>() {
            let seconds = moment.duration_since(at(0)).as_secs();
            out.push(format!("{seconds}s{}", &word[trimmed.len()..]));
        } else {
            out.push(word.to_owned());
        }
    }
    out.join(" ")
}

/// Plays a script against a pool.
fn check(baseline: &str, script: &str, expect: &Expect) {
    let mut world = World::new(pool(baseline), playbook("", PLAYS));
    let mut text = String::new();
    let (mut told, mut known) = (0, BTreeMap::new());
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        text += &format!("> {line}\n");
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |place: usize| words[place].parse::<i64>().unwrap();
        let signal = |heard| Signal {
            series: format!("am/{}", words[1]).parse().unwrap(),
            started: at(number(2)),
            heard,
            severity: Severity::Error,
            labels: BTreeMap::from([
                ("play".to_owned(), "drain".to_owned()),
                ("backend".to_owned(), words[1].to_owned()),
            ]),
            annotations: BTreeMap::new(),
            received: world.now,
        };
        match words[0] {
            "fired" => world.hear(&[signal(Heard::Fired)]),
            "resolved" => world.hear(&[signal(Heard::Resolved { stated: Some(at(number(3))) })]),
            "pass" => world.pass(number(1)),
            "person" => {
                let value = words[2].parse().map_or(Value::Null, Value::Number);
                world.foreign(&Foreign::Set(Field::weight(&words[1].parse().unwrap()), value));
            }
            "removed" => world.foreign(&Foreign::Remove(words[1].parse().unwrap())),
            "added" => {
                let member = pool(&words[1..].join(" ")).members()[0].clone();
                world.foreign(&Foreign::Add(member));
            }
            "until" => world.until(0, words[1]),
            "deliver" => world.deliver(0, &[signal(Heard::Fired)]),
            "run" => world.run(),
            "lost" => world.azure.writes.push_back(match words[1] {
                "done" => WriteFault::LostAfter,
                "undone" => WriteFault::LostBefore,
                late => WriteFault::Late(late.parse().unwrap()),
            }),
            "stale" => {
                let count = usize::try_from(number(1)).unwrap();
                world.azure.reads.extend(std::iter::repeat_n(ReadFault::Stale(1), count));
            }
            "throttled" => world.azure.writes.push_back(WriteFault::Throttled(Some(number(1)))),
            "undo" => {
                world.handle(0, &Message::Undo);
                world.run();
            }
            "published" => {
                world.generations.push(playbook(
                    "",
                    "  - {name: other, when: false, do: [{drain: {pool: pool, member: m9}}]}\n",
                ));
                world.crash(0);
                world.look(0, &backend());
                world.run();
            }
            other => panic!("{other}"),
        }
        for line in &world.store.ledger[told..] {
            let at = line.at.duration_since(at(0)).as_secs();
            text += &format!("{at:>5} {}\n", short(&line.what.to_string(), &mut known));
        }
        told = world.store.ledger.len();
        text += &format!("      = {}\n", world.azure.pool().map(written).unwrap_or_default());
    }
    expect.assert_eq(&text);
    world.check(&["I3", "I4", "I5", "I6", "I9"]).unwrap();
}

#[test]
fn fired_drained_resolved_ramped_reconnected() {
    check(
        "m0 50, m1 30, m2 20",
        "
        fired m0 0
        pass 60
        resolved m0 0 60
        pass 300
        pass 600
    ",
        &expect![[r#"
        > fired m0 0
            0 am/m0 fires since 0s (error)
            0 #1: drain m0, by play drain for am/m0
            0 #1 began
            0 write #2: members/m0/weight 50 -> 0
            0 write #2 is done
              = m0 0, m1 30, m2 20
        > pass 60
              = m0 0, m1 30, m2 20
        > resolved m0 0 60
           60 am/m0 resolved at 60s
           60 #1 ended: its alert resolved
           60 write #3: members/m0/weight 0 -> 5
           60 write #3 is done
           60 #1 has given 10% back
              = m0 5, m1 30, m2 20
        > pass 300
          180 write #4: members/m0/weight 5 -> 25
          180 write #4 is done
          180 #1 has given 50% back
          300 write #5: members/m0/weight 25 -> 50
          300 write #5 is done
          300 #1 is over
          300 contoso/m0 will be reconnected at 600s
              = m0 50, m1 30, m2 20
        > pass 600
          480 asking for a reconnect of contoso/m0 in 2m
          480 the reconnect of contoso/m0 is accepted, due at 600s
              = m0 50, m1 30, m2 20
    "#]],
    );
}

#[test]
fn a_standby_serves_until_its_betters_are_back() {
    check(
        "m0 50@1, m1 30@1, m2 20@2",
        "
        fired m0 0
        fired m1 0
        resolved m0 0 60
        pass 130
        pass 600
        resolved m1 0 1000
        pass 900
    ",
        &expect![[r#"
            > fired m0 0
                0 am/m0 fires since 0s (error)
                0 #1: drain m0, by play drain for am/m0
                0 #1 began
                0 write #2: members/m0/weight 50 -> 0
                0 write #2 is done
                  = m0 0@1, m1 30@1, m2 20@2
            > fired m1 0
                0 am/m1 fires since 0s (error)
                0 #3: drain m1, by play drain for am/m1
                1 #3 began
                1 write #4: members/m1/weight 30 -> 0, members/m2/priority 2 -> 1
                1 write #4 is done
                  = m0 0@1, m1 0@1, m2 20@1
            > resolved m0 0 60
                1 am/m0 resolved at 1s, when that was received: the stated end lay in the future
                4 #1 ended: its alert resolved
                4 write #5: members/m0/weight 0 -> 5
                4 write #5 is done
                4 #1 has given 10% back
                  = m0 5@1, m1 0@1, m2 20@1
            > pass 130
              124 write #6: members/m0/weight 5 -> 25
              124 write #6 is done
              124 #1 has given 50% back
                  = m0 25@1, m1 0@1, m2 20@1
            > pass 600
              244 write #7: members/m0/weight 25 -> 50, members/m2/priority 1 -> 2
              244 write #7 is done
              244 #1 is over
              244 contoso/m0 will be reconnected at 544s
              424 asking for a reconnect of contoso/m0 in 2m
              424 the reconnect of contoso/m0 is accepted, due at 544s
                  = m0 50@1, m1 0@1, m2 20@2
            > resolved m1 0 1000
              734 am/m1 resolved at 734s, when that was received: the stated end lay in the future
              734 #3 ended: its alert resolved
              734 write #8: members/m1/weight 0 -> 3
              734 write #8 is done
              734 #3 has given 10% back
                  = m0 50@1, m1 3@1, m2 20@2
            > pass 900
              854 write #9: members/m1/weight 3 -> 15
              854 write #9 is done
              854 #3 has given 50% back
              974 write #10: members/m1/weight 15 -> 30
              974 write #10 is done
              974 #3 is over
              974 contoso/m1 will be reconnected at 1274s
             1154 asking for a reconnect of contoso/m1 in 2m
             1154 the reconnect of contoso/m1 is accepted, due at 1274s
                  = m0 50@1, m1 30@1, m2 20@2
        "#]],
    );
}

#[test]
fn a_person_writes_over_ours() {
    check(
        "m0 50, m1 30, m2 20",
        "
        fired m0 0
        pass 30
        person m0 25
        pass 60
        resolved m0 0 90
        pass 600
    ",
        &expect![[r#"
        > fired m0 0
            0 am/m0 fires since 0s (error)
            0 #1: drain m0, by play drain for am/m0
            0 #1 began
            0 write #2: members/m0/weight 50 -> 0
            0 write #2 is done
              = m0 0, m1 30, m2 20
        > pass 30
              = m0 0, m1 30, m2 20
        > person m0 25
              = m0 25, m1 30, m2 20
        > pass 60
           60 members/m0/weight: someone else wrote 25 over 0; it is the new baseline, and yielded to by #1
              = m0 25, m1 30, m2 20
        > resolved m0 0 90
           90 am/m0 resolved at 90s
           90 #1 ended: its alert resolved
           90 #1 is over
           90 contoso/m0 will be reconnected at 390s
              = m0 25, m1 30, m2 20
        > pass 600
          270 asking for a reconnect of contoso/m0 in 2m
          270 the reconnect of contoso/m0 is accepted, due at 390s
              = m0 25, m1 30, m2 20
    "#]],
    );
}

#[test]
fn a_person_writes_between_our_read_and_our_write() {
    check(
        "m0 50, m1 30, m2 20",
        "
        deliver m0 0
        until write
        person m0 40
        run
        pass 60
        resolved m0 0 60
        undo
    ",
        &expect![[r#"
            > deliver m0 0
                  = m0 50, m1 30, m2 20
            > until write
                0 am/m0 fires since 0s (error)
                0 #1: drain m0, by play drain for am/m0
                0 #1 began
                0 write #2: members/m0/weight 50 -> 0
                  = m0 50, m1 30, m2 20
            > person m0 40
                  = m0 40, m1 30, m2 20
            > run
                0 write #2 was not done: Azure says that someone else wrote first; decided again
                0 members/m0/weight: someone else wrote 40 over 50; it is the new baseline
                0 write #3: members/m0/weight 40 -> 0
                0 write #3 is done
                  = m0 0, m1 30, m2 20
            > pass 60
                  = m0 0, m1 30, m2 20
            > resolved m0 0 60
               60 am/m0 resolved at 60s
               60 #1 ended: its alert resolved
               60 write #4: members/m0/weight 0 -> 4
               60 write #4 is done
               60 #1 has given 10% back
                  = m0 4, m1 30, m2 20
            > undo
               60 #1 ended: undone by operator: enough
               61 write #5: members/m0/weight 4 -> 40
               61 write #5 is done
               61 #1 is over
                  = m0 40, m1 30, m2 20
        "#]],
    );
}

#[test]
fn an_answer_is_lost_of_a_write_that_was_done() {
    check(
        "m0 50, m1 30, m2 20",
        "
        lost done
        fired m0 0
        pass 60
        undo
    ",
        &expect![[r#"
        > lost done
              = m0 50, m1 30, m2 20
        > fired m0 0
            0 am/m0 fires since 0s (error)
            0 #1: drain m0, by play drain for am/m0
            0 #1 began
            0 write #2: members/m0/weight 50 -> 0
            0 write #2 may or may not have been done: connection reset
              = m0 0, m1 30, m2 20
        > pass 60
            1 write #2 was seen to be done
              = m0 0, m1 30, m2 20
        > undo
           60 #1 ended: undone by operator: enough
           60 write #3: members/m0/weight 0 -> 50
           60 write #3 is done
           60 #1 is over
              = m0 50, m1 30, m2 20
    "#]],
    );
}

#[test]
fn an_answer_is_lost_of_a_write_that_was_not_done() {
    check(
        "m0 50, m1 30, m2 20",
        "
        lost undone
        fired m0 0
        pass 60
        undo
    ",
        &expect![[r#"
        > lost undone
              = m0 50, m1 30, m2 20
        > fired m0 0
            0 am/m0 fires since 0s (error)
            0 #1: drain m0, by play drain for am/m0
            0 #1 began
            0 write #2: members/m0/weight 50 -> 0
            0 write #2 may or may not have been done: connection reset
              = m0 50, m1 30, m2 20
        > pass 60
            1 write #3: members/m0/weight 50 -> 0
            1 write #3 is done
            1 write #2 was seen not to be done
              = m0 0, m1 30, m2 20
        > undo
           60 #1 ended: undone by operator: enough
           60 write #4: members/m0/weight 0 -> 50
           60 write #4 is done
           60 #1 is over
              = m0 50, m1 30, m2 20
    "#]],
    );
}

#[test]
fn a_write_lands_after_its_override_has_ended() {
    check(
        "m0 50, m1 30, m2 20",
        "
        lost 2
        lost undone
        lost undone
        fired m0 0
        undo
        pass 50
        pass 600
    ",
        &expect![[r#"
            > lost 2
                  = m0 50, m1 30, m2 20
            > lost undone
                  = m0 50, m1 30, m2 20
            > lost undone
                  = m0 50, m1 30, m2 20
            > fired m0 0
                0 am/m0 fires since 0s (error)
                0 #1: drain m0, by play drain for am/m0
                0 #1 began
                0 write #2: members/m0/weight 50 -> 0
                0 write #2 may or may not have been done: connection reset
                  = m0 50, m1 30, m2 20
            > undo
                0 #1 ended: undone by operator: enough
                0 #1 is over
                0 write #3: nothing, so that no write without an answer can land any more
                0 write #3 may or may not have been done: connection reset
                  = m0 50, m1 30, m2 20
            > pass 50
                1 write #4: nothing, so that no write without an answer can land any more
                1 write #4 may or may not have been done: connection reset
                2 write #2 was seen to be done
                2 write #5: members/m0/weight 0 -> 50
                2 write #5 is done
                  = m0 50, m1 30, m2 20
            > pass 600
                  = m0 50, m1 30, m2 20
        "#]],
    );
}

#[test]
fn a_write_that_is_not_wanted_any_more_is_kept_from_landing() {
    check(
        "m0 50, m1 30, m2 20",
        "
        lost 100
        fired m0 0
        undo
        pass 50
        pass 600
    ",
        &expect![[r#"
            > lost 100
                  = m0 50, m1 30, m2 20
            > fired m0 0
                0 am/m0 fires since 0s (error)
                0 #1: drain m0, by play drain for am/m0
                0 #1 began
                0 write #2: members/m0/weight 50 -> 0
                0 write #2 may or may not have been done: connection reset
                  = m0 50, m1 30, m2 20
            > undo
                0 #1 ended: undone by operator: enough
                0 #1 is over
                0 write #3: nothing, so that no write without an answer can land any more
                0 write #3 is done
                0 write #2 was seen not to be done
                  = m0 50, m1 30, m2 20
            > pass 50
                  = m0 50, m1 30, m2 20
            > pass 600
                  = m0 50, m1 30, m2 20
        "#]],
    );
}

#[test]
fn a_cache_answers() {
    check(
        "m0 50, m1 30, m2 20",
        "
        fired m0 0
        stale 6
        pass 60
        pass 10
        undo
    ",
        &expect![[r#"
            > fired m0 0
                0 am/m0 fires since 0s (error)
                0 #1: drain m0, by play drain for am/m0
                0 #1 began
                0 write #2: members/m0/weight 50 -> 0
                0 write #2 is done
                  = m0 0, m1 30, m2 20
            > stale 6
                  = m0 0, m1 30, m2 20
            > pass 60
               60 Azure keeps answering with an older state of the backend; tried again at 61s
                  = m0 0, m1 30, m2 20
            > pass 10
                  = m0 0, m1 30, m2 20
            > undo
               70 #1 ended: undone by operator: enough
               70 write #3: members/m0/weight 0 -> 50
               70 write #3 is done
               70 #1 is over
                  = m0 50, m1 30, m2 20
        "#]],
    );
}

#[test]
fn azure_asks_to_wait() {
    check(
        "m0 50, m1 30, m2 20",
        "
        throttled 90
        fired m0 0
        pass 60
        pass 60
        undo
    ",
        &expect![[r#"
        > throttled 90
              = m0 50, m1 30, m2 20
        > fired m0 0
            0 am/m0 fires since 0s (error)
            0 #1: drain m0, by play drain for am/m0
            0 #1 began
            0 write #2: members/m0/weight 50 -> 0
            0 Azure asks to wait until 90s
              = m0 50, m1 30, m2 20
        > pass 60
              = m0 50, m1 30, m2 20
        > pass 60
           90 write #3: members/m0/weight 50 -> 0
           90 write #3 is done
              = m0 0, m1 30, m2 20
        > undo
          120 #1 ended: undone by operator: enough
          120 write #4: members/m0/weight 0 -> 50
          120 write #4 is done
          120 #1 is over
              = m0 50, m1 30, m2 20
    "#]],
    );
}

#[test]
fn a_member_is_taken_out_and_put_back() {
    check(
        "m0 50, m1 30, m2 20",
        "
        fired m0 0
        removed m0
        pass 60
        added m0 70
        pass 60
        resolved m0 0 120
        pass 600
    ",
        &expect![[r#"
            > fired m0 0
                0 am/m0 fires since 0s (error)
                0 #1: drain m0, by play drain for am/m0
                0 #1 began
                0 write #2: members/m0/weight 50 -> 0
                0 write #2 is done
                  = m0 0, m1 30, m2 20
            > removed m0
                  = m1 30, m2 20
            > pass 60
               60 members/m0/weight: what we wrote is gone, with its member or its pool
               60 #1 is held: the pool has no member m0
                  = m1 30, m2 20
            > added m0 70
                  = m1 30, m2 20, m0 70
            > pass 60
              120 #1 is held no more
              120 write #3: members/m0/weight 70 -> 0
              120 write #3 is done
                  = m1 30, m2 20, m0 0
            > resolved m0 0 120
              120 am/m0 resolved at 120s
              121 #1 ended: its alert resolved
              121 write #4: members/m0/weight 0 -> 7
              121 write #4 is done
              121 #1 has given 10% back
                  = m1 30, m2 20, m0 7
            > pass 600
              241 write #5: members/m0/weight 7 -> 35
              241 write #5 is done
              241 #1 has given 50% back
              361 write #6: members/m0/weight 35 -> 70
              361 write #6 is done
              361 #1 is over
              361 contoso/m0 will be reconnected at 661s
              541 asking for a reconnect of contoso/m0 in 2m
              541 the reconnect of contoso/m0 is accepted, due at 661s
                  = m1 30, m2 20, m0 70
        "#]],
    );
}

#[test]
fn the_playbook_has_the_play_no_more() {
    check(
        "m0 50, m1 30, m2 20",
        "
        fired m0 0
        pass 30
        published
        pass 300
    ",
        &expect![[r#"
        > fired m0 0
            0 am/m0 fires since 0s (error)
            0 #1: drain m0, by play drain for am/m0
            0 #1 began
            0 write #2: members/m0/weight 50 -> 0
            0 write #2 is done
              = m0 0, m1 30, m2 20
        > pass 30
              = m0 0, m1 30, m2 20
        > published
           30 #1 ended: the playbook has its play no more
           30 write #3: members/m0/weight 0 -> 5
           30 write #3 is done
           30 #1 has given 10% back
              = m0 5, m1 30, m2 20
        > pass 300
          150 write #4: members/m0/weight 5 -> 25
          150 write #4 is done
          150 #1 has given 50% back
          270 write #5: members/m0/weight 25 -> 50
          270 write #5 is done
          270 #1 is over
              = m0 50, m1 30, m2 20
    "#]],
    );
}

#[test]
fn the_next_group_helps_until_the_first_is_well() {
    check(
        "m0 50, m1 50, m2 -@1, m3 -@1",
        "
        fired m0 0
        pass 10
        fired m1 10
        pass 60
        resolved m0 0 60
        pass 300
        resolved m1 10 300
        pass 600
    ",
        &expect![[r#"
            > fired m0 0
                0 am/m0 fires since 0s (error)
                0 #1: drain m0, by play drain for am/m0
                0 #1 began
                0 write #2: members/m0/weight 50 -> 0
                0 write #2 is done
                  = m0 0, m1 50, m2 -@1, m3 -@1
            > pass 10
                  = m0 0, m1 50, m2 -@1, m3 -@1
            > fired m1 10
               10 am/m1 fires since 10s (error)
               10 #3: drain m1, by play drain for am/m1
               10 #3 began
               10 write #4: members/m1/weight 50 -> 0, members/m2/weight - -> 50, members/m2/priority 1 -> -, members/m3/weight - -> 50, members/m3/priority 1 -> -
               10 write #4 is done
                  = m0 0, m1 0, m2 50, m3 50
            > pass 60
                  = m0 0, m1 0, m2 50, m3 50
            > resolved m0 0 60
               70 am/m0 resolved at 60s
               70 #1 ended: its alert resolved
               70 write #5: members/m0/weight 0 -> 5
               70 write #5 is done
               70 #1 has given 10% back
                  = m0 5, m1 0, m2 50, m3 50
            > pass 300
              190 write #6: members/m0/weight 5 -> 25
              190 write #6 is done
              190 #1 has given 50% back
              310 write #7: members/m0/weight 25 -> 50, members/m2/weight 50 -> -, members/m2/priority - -> 1, members/m3/weight 50 -> -, members/m3/priority - -> 1
              310 write #7 is done
              310 #1 is over
              310 contoso/m0 will be reconnected at 610s
                  = m0 50, m1 0, m2 -@1, m3 -@1
            > resolved m1 10 300
              370 am/m1 resolved at 300s
              370 #3 ended: its alert resolved
              370 write #8: members/m1/weight 0 -> 5
              370 write #8 is done
              370 #3 has given 10% back
                  = m0 50, m1 5, m2 -@1, m3 -@1
            > pass 600
              490 write #9: members/m1/weight 5 -> 25
              490 write #9 is done
              490 #3 has given 50% back
              490 asking for a reconnect of contoso/m0 in 2m
              490 the reconnect of contoso/m0 is accepted, due at 610s
              610 write #10: members/m1/weight 25 -> 50
              610 write #10 is done
              610 #3 is over
              610 contoso/m1 will be reconnected at 910s
              790 asking for a reconnect of contoso/m1 in 2m
              790 the reconnect of contoso/m1 is accepted, due at 910s
                  = m0 50, m1 50, m2 -@1, m3 -@1
        "#]],
    );
}

#[test]
fn a_limit_holds_one_back() {
    check(
        "m0 50, m1 50",
        "
        fired m0 0
        pass 10
        fired m1 10
        pass 10
        resolved m0 0 15
        pass 600
        resolved m1 10 600
        pass 600
    ",
        &expect![[r#"
        > fired m0 0
            0 am/m0 fires since 0s (error)
            0 #1: drain m0, by play drain for am/m0
            0 #1 began
            0 write #2: members/m0/weight 50 -> 0
            0 write #2 is done
              = m0 0, m1 50
        > pass 10
              = m0 0, m1 50
        > fired m1 10
           10 am/m1 fires since 10s (error)
           10 #3: drain m1, by play drain for am/m1
           10 #3 is held: 0 of the pool's members would serve, and the limit is 1
              = m0 0, m1 50
        > pass 10
              = m0 0, m1 50
        > resolved m0 0 15
           20 am/m0 resolved at 15s
           20 #1 ended: its alert resolved
           20 #3 began
           20 write #4: members/m0/weight 0 -> 5, members/m1/weight 50 -> 0
           20 write #4 is done
           20 #1 has given 10% back
              = m0 5, m1 0
        > pass 600
          140 write #5: members/m0/weight 5 -> 25
          140 write #5 is done
          140 #1 has given 50% back
          260 write #6: members/m0/weight 25 -> 50
          260 write #6 is done
          260 #1 is over
          260 contoso/m0 will be reconnected at 560s
          440 asking for a reconnect of contoso/m0 in 2m
          440 the reconnect of contoso/m0 is accepted, due at 560s
              = m0 50, m1 0
        > resolved m1 10 600
          620 am/m1 resolved at 600s
          620 #3 ended: its alert resolved
          620 write #7: members/m1/weight 0 -> 5
          620 write #7 is done
          620 #3 has given 10% back
              = m0 50, m1 5
        > pass 600
          740 write #8: members/m1/weight 5 -> 25
          740 write #8 is done
          740 #3 has given 50% back
          860 write #9: members/m1/weight 25 -> 50
          860 write #9 is done
          860 #3 is over
          860 contoso/m1 will be reconnected at 1160s
         1040 asking for a reconnect of contoso/m1 in 2m
         1040 the reconnect of contoso/m1 is accepted, due at 1160s
              = m0 50, m1 50
    "#]],
    );
}
