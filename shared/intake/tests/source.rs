//! A source's two steps: its head, and then its body as it came.

#![expect(clippy::unwrap_used, reason = "also what helps a test may panic; clippy only lets tests")]

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use http::{Request, request::Parts};
use jiff::Timestamp;
use pointsman_intake::{
    BODY_BYTES_MAX, Refused, Source, Told, alertmanager::Alertmanager, verify::Authentication,
    verify::Denied,
};

const BODY: &str = include_str!("fixtures/alertmanager-4-refired.json");

fn alertmanager() -> Alertmanager {
    let proof = Authentication::bearer(&["a-token".parse().unwrap()]).unwrap();
    Alertmanager::new("am".parse().unwrap(), proof)
}

fn head(headers: &[(&str, &str)]) -> Parts {
    let request = headers
        .iter()
        .fold(Request::post("/"), |request, (name, value)| request.header(*name, *value));
    request.header("authorization", "Bearer a-token").body(()).unwrap().into_parts().0
}

fn told(headers: &[(&str, &str)], body: &[u8]) -> Result<Told, Refused> {
    let received: Timestamp = "2026-11-21T22:21:00Z".parse().unwrap();
    alertmanager().accept(&head(headers))?(body, received)
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(plain).unwrap();
    packed.finish().unwrap()
}

fn signals(told: Result<Told, Refused>) -> usize {
    let Ok(Told::Alerts(batch)) = told else { panic!("{told:?}") };
    batch.signals.len()
}

fn unreadable(told: Result<Told, Refused>) -> (String, String) {
    let Ok(Told::Unreadable { body, why }) = told else { panic!("{told:?}") };
    (body, why.to_string())
}

#[test]
fn a_stranger_is_denied_by_the_head_alone() {
    let accept = |request: http::request::Builder| {
        alertmanager().accept(&request.body(()).unwrap().into_parts().0).map(drop)
    };
    assert_eq!(accept(Request::post("/")), Err(Refused::Denied(Denied::Missing)));
    let wrong = Request::post("/").header("authorization", "Bearer wrong");
    assert_eq!(accept(wrong), Err(Refused::Denied(Denied::Wrong)));
    // Nobody unknown learns what is read here.
    let packed = Request::post("/").header("content-encoding", "br");
    assert_eq!(accept(packed), Err(Refused::Denied(Denied::Missing)));
}

#[test]
fn a_body_packed_with_gzip_is_read_and_other_packings_are_named() {
    assert_eq!(signals(told(&[], BODY.as_bytes())), 1);
    for named in ["gzip", "x-gzip"] {
        let headers = [("content-encoding", named)];
        assert_eq!(signals(told(&headers, &gzip(BODY.as_bytes()))), 1, "{named}");
    }
    let refused = told(&[("content-encoding", "br")], BODY.as_bytes()).unwrap_err();
    assert_eq!(refused, Refused::Encoding("br".to_owned()));
    assert!(refused.to_string().contains("`br`"), "{refused}");
}

#[test]
fn a_bomb_is_too_large_and_what_is_not_packed_as_it_says_is_kept() {
    let headers = [("content-encoding", "gzip")];
    let bomb = gzip(&vec![b' '; BODY_BYTES_MAX + 1]);
    assert_eq!(told(&headers, &bomb).unwrap_err(), Refused::TooLarge);
    let (body, why) = unreadable(told(&headers, BODY.as_bytes()));
    assert_eq!(body, BODY);
    assert!(why.contains("gzip cannot be unpacked"), "{why}");
    // What is kept is what a person can read.
    let (body, why) = unreadable(told(&headers, &gzip(b"[1, 2]")));
    assert_eq!((&*body, why.contains("a list")), ("[1, 2]", true), "{why}");
}
