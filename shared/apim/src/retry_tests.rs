use expect_test::expect;
use http::StatusCode;
use proptest::prelude::*;

use super::*;
use crate::error::{CredentialFailure, Done, Garbled, Uncertainty, Withheld, of_answer};
use crate::meta::Ids;
use crate::testing::{answer, call};

fn ids() -> Ids {
    Ids::unanswered(call())
}

fn of(status: u16, headers: &str, code: &str) -> Error {
    let body = match code {
        "" => String::new(),
        code => format!(r#"{{"error":{{"code":"{code}","message":"m"}}}}"#),
    };
    of_answer(crate::answer::Answer::read(call(), &answer(status, headers, body)))
}

fn now() -> jiff::Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn errors() -> Vec<(&'static str, Error)> {
    let unknown = |cause| Error::Unknown { cause, ids: ids() };
    let credential = |passing| {
        let failure = CredentialFailure { message: "m".to_owned(), passing };
        Error::Credential { failure, ids: ids() }
    };
    vec![
        ("429", of(429, "", "")),
        ("409 busy", of(409, "", "PessimisticConcurrencyConflict")),
        ("409 other", of(409, "", "Conflict")),
        ("401", of(401, "", "")),
        ("403", of(403, "", "AuthorizationFailed")),
        ("404", of(404, "", "ResourceNotFound")),
        ("412", of(412, "", "PreconditionFailed")),
        ("412 with a time", of(412, "Retry-After: 1", "PreconditionFailed")),
        ("400", of(400, "", "ValidationError")),
        ("422", of(422, "", "ManagementApiRequestFailed")),
        ("408", of(408, "", "")),
        ("500", of(500, "", "")),
        ("503 with a time", of(503, "Retry-After: 1", "")),
        ("timeout", unknown(Uncertainty::Timeout)),
        ("broken", unknown(Uncertainty::Broken("m".to_owned()))),
        ("not sent", Error::NotSent { plain: "p".to_owned(), cause: "m".to_owned(), ids: ids() }),
        ("no token for now", credential(true)),
        ("no token", credential(false)),
        (
            "unreadable",
            Error::Unreadable { status: StatusCode::OK, reason: Garbled::Empty, ids: ids() },
        ),
        ("paced", Error::Withheld { reason: Withheld::Paced { wait: Duration::ZERO }, ids: ids() }),
        ("endless", Error::Withheld { reason: Withheld::Endless, ids: ids() }),
    ]
}

#[test]
fn what_is_made_again() {
    let shown: String = errors()
        .iter()
        .map(|(name, error)| {
            let again = |kind, attempt| {
                let again = Policy::PATIENT.again(kind, error, attempt, now(), 0);
                if again.is_some() { "again" } else { "-" }
            };
            let (read, write) = (again(Kind::Read, 1), again(Kind::Write, 1));
            let second = again(Kind::Write, 2);
            format!("{name:16} read {read:5} write {write:5} and twice {second}\n")
        })
        .collect();
    expect![[r#"
        429              read again write again and twice again
        409 busy         read again write again and twice again
        409 other        read -     write -     and twice -
        401              read again write again and twice -
        403              read -     write -     and twice -
        404              read -     write -     and twice -
        412              read -     write -     and twice -
        412 with a time  read -     write -     and twice -
        400              read -     write -     and twice -
        422              read -     write -     and twice -
        408              read again write -     and twice -
        500              read again write -     and twice -
        503 with a time  read again write -     and twice -
        timeout          read again write -     and twice -
        broken           read again write -     and twice -
        not sent         read again write again and twice again
        no token for now read -     write -     and twice -
        no token         read -     write -     and twice -
        unreadable       read -     write -     and twice -
        paced            read -     write -     and twice -
        endless          read -     write -     and twice -
    "#]]
    .assert_eq(&shown);
}

#[test]
fn pauses_double_within_their_bound_and_a_named_time_is_kept() {
    let again = |error: &Error, attempt, roll| {
        Policy::PATIENT.again(Kind::Read, error, attempt, now(), roll)
    };
    let busy = of(409, "", "PessimisticConcurrencyConflict");
    let pauses = |roll| (1..5).map(move |n| again(&of(500, "", ""), n, roll).unwrap().as_millis());
    assert_eq!(pauses(0).collect::<Vec<_>>(), [250, 500, 1_000, 2_000]);
    assert_eq!(pauses(u64::MAX).collect::<Vec<_>>(), [500, 1_000, 2_000, 4_000]);
    assert_eq!(again(&busy, 5, 0), None);

    let named = |text: &str| of(429, &format!("Retry-After: {text}"), "");
    let seconds = |error: &Error, roll| again(error, 1, roll).map(|wait| wait.as_millis());
    assert_eq!(seconds(&named("17"), 0), Some(17_000));
    assert_eq!(seconds(&named("17"), u64::MAX), Some(18_700));
    assert_eq!(seconds(&named("Sun, 01 Mar 2026 12:00:20 GMT"), 0), Some(20_000));
    assert_eq!(seconds(&named("30"), u64::MAX), Some(33_000));
    assert_eq!(seconds(&named("34"), 0), None);
}

#[test]
fn once_is_once() {
    for (name, error) in errors() {
        for kind in [Kind::Read, Kind::Write] {
            assert_eq!(Policy::ONCE.again(kind, &error, 1, now(), 0), None, "{name}");
        }
    }
}

proptest! {
    #[test]
    fn whatever_the_policy_no_412_and_no_open_write_is_sent_again(
        attempts in 0..100u32, pause in 0..100_000u64, pause_max in 0..100_000u64,
        attempt in 1..100u32, roll in any::<u64>(),
    ) {
        let pauses = [pause, pause_max].map(Duration::from_millis);
        let policy = Policy { attempts, pause: pauses[0], pause_max: pauses[1] };
        for (name, error) in errors() {
            for kind in [Kind::Read, Kind::Write] {
                let again = policy.again(kind, &error, attempt, now(), roll);
                if name.starts_with("412")
                    || attempt >= ATTEMPTS_MAX
                    || (kind == Kind::Write && error.done() == Done::Unknown)
                {
                    prop_assert_eq!(again, None, "{}", name);
                }
                if let Some(wait) = again {
                    prop_assert!(wait <= pauses[1] + pauses[1] / 10);
                }
            }
        }
    }
}
