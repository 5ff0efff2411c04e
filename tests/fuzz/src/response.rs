//! Answers to every operation, and what is made of them.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use pointsman_apim::{
    Backend, Endpoint, Error, RequestId, Setting,
    answer::{
        ADDITIONAL_CHARS_MAX, ADDITIONAL_MAX, Answer, CODE_CHARS_MAX, Complaint, DETAILS_MAX,
        FOREIGN_CHARS_MAX, MESSAGE_CHARS_MAX, Said,
    },
    error::{Done, Retry},
    meta::{RETRY_AFTER_SECS_MAX, RetryAfter, SERVICE_ID_BYTES_MAX},
    model,
    pool::{Edit, Edited},
    response,
};
use serde_json::Value;
use uuid::Uuid;

use crate::document;

/// The input is an operation with a status, headers, an empty line and the body:
///
/// ```text
/// update 200
/// etag: "AAAAAAAADCE="
///
/// {"properties":{}}
/// ```
pub(crate) fn run(bytes: &[u8]) {
    let Some((operation, answer)) = answer(bytes) else { return };
    let call = RequestId::from(Uuid::from_u128(7));
    let status = answer.status();
    let body = answer.body().clone();
    let error = match operation {
        "list" => match response::list(&Endpoint::default(), call, &answer) {
            Ok(page) => {
                assert_eq!(status, StatusCode::OK);
                page.backends.iter().for_each(document::check);
                let kept: usize = page.backends.iter().map(|backend| backend.body().len()).sum();
                assert!(kept < body.len());
                return;
            }
            Err(error) => error,
        },
        "head" => match response::entity_tag(call, &answer) {
            Ok(_) => return assert_eq!(status, StatusCode::OK),
            Err(error) => error,
        },
        "delete" => match response::delete(call, &answer) {
            Ok(deleted) => return assert!(deleted.was_there || status == StatusCode::NO_CONTENT),
            Err(error) => error,
        },
        "reconnect" => match response::reconnect(call, &answer) {
            Ok(_) => return assert!(status.is_success()),
            Err(error) => error,
        },
        "put" => match response::created(call, answer) {
            Ok(created) => return read(created.backend(), &body),
            Err(error) => error,
        },
        _ => match response::backend(call, answer) {
            Ok(backend) => return read(&backend, &body),
            Err(error) => error,
        },
    };
    refused(&error, status);
}

/// The operation and its answer, if the input has the form of one.
fn answer(bytes: &[u8]) -> Option<(&str, Response<Bytes>)> {
    let mut rest = bytes;
    let mut line = || {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let (line, after) = rest.split_at(end);
        rest = &after[1..];
        Some(line)
    };
    let (operation, status) = str::from_utf8(line()?).ok()?.split_once(' ')?;
    let mut headers = Vec::new();
    loop {
        match line()? {
            [] => break,
            line => headers.push(line),
        }
    }
    let mut response = Response::new(Bytes::copy_from_slice(rest));
    *response.status_mut() = status.parse().ok()?;
    for header in headers {
        let colon = header.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&header[..colon]).ok()?;
        let value = HeaderValue::from_bytes(header[colon + 1..].trim_ascii()).ok()?;
        response.headers_mut().append(name, value);
    }
    Some((operation, response))
}

/// A backend keeps the letter that it came in, also where one weight is changed.
fn read(backend: &Backend, body: &Bytes) {
    assert_eq!(backend.body(), body);
    assert_eq!(backend.etag().to_string().parse().as_ref(), Ok(backend.etag()));
    document::check(backend.document());
    let shown = format!("{backend:?}");
    assert!(shown.contains(&backend.redacted().to_string()));
    if let Ok(properties) = model::read(backend.document())
        // Of a key that stands twice, nobody knows which one counts.
        && let Ok(over) = model::write_into(backend.document(), &properties)
    {
        assert_eq!(over.body(), body);
    }
    let Ok(pool) = backend.pool() else { return };
    let Ok(edit) = Edit::of(backend) else { return };
    assert!(matches!(edit.finish(), Edited::Unchanged));
    for member in pool.all() {
        let mut edit = Edit::of(backend).expect("it was one a moment ago");
        let to = if member.weight == Setting::Number(7) { 8 } else { 7 };
        // Of two with one name, neither is changed.
        if edit.weight(member.id.name(), Setting::Number(to)).is_err() {
            continue;
        }
        let Edited::Changed(patch) = edit.finish() else { panic!("another weight is a change") };
        let mut after = patch.applied_to(backend.document());
        let services = "/properties/pool/services";
        let count = pool.all().len();
        let list = after.pointer_mut(services).and_then(Value::as_array_mut);
        let list = list.expect("an edit sends all of them");
        assert_eq!(list.len(), count);
        // But for that weight, it is what it was.
        let before = backend.raw().pointer(services).and_then(Value::as_array);
        for (after, before) in list.iter_mut().zip(before.expect("it was read")) {
            if after.get("weight") == before.get("weight") {
                assert_eq!(after, before);
                continue;
            }
            assert_eq!(after["weight"], to);
            let fields = after.as_object_mut().expect("a member is an object");
            match before.get("weight") {
                Some(weight) => drop(fields.insert("weight".to_owned(), weight.clone())),
                None => drop(fields.shift_remove("weight")),
            }
            assert_eq!(after, before);
        }
    }
}

/// An error says what it means, to the caller and to the operator, within its bounds.
fn refused(error: &Error, status: StatusCode) {
    crate::says(error);
    crate::says(&error.full());
    let (short, full) = (error.to_string(), error.full());
    assert!(full.starts_with(&short), "{short} is not in {full}");
    assert!(full.contains(&error.ids().call.to_string()), "no id in {full}");
    for id in [&error.ids().request, &error.ids().correlation].into_iter().flatten() {
        assert!(!id.is_empty() && id.len() <= SERVICE_ID_BYTES_MAX);
    }
    match (error.done(), error.retry()) {
        // What may have been done is looked at before it is asked for again.
        (Done::Unknown, retry) => assert!(matches!(retry, Retry::Look { .. }), "{full}"),
        (Done::No, _) => assert!(!status.is_success() && !status.is_server_error(), "{full}"),
    }
    if let Some(answer) = error.answer() {
        bounded(answer);
    }
}

fn bounded(answer: &Answer) {
    if let Some(RetryAfter::In(wait)) = answer.retry_after {
        assert!(wait.as_secs() <= RETRY_AFTER_SECS_MAX);
    }
    // What is cut ends in one more character, which says so.
    let fits = |text: &str, max: usize| assert!(text.chars().count() <= max + 1, "{text:?}");
    match &answer.said {
        Said::Foreign { content_type, text, .. } => {
            content_type.iter().for_each(|text| fits(text, CODE_CHARS_MAX));
            text.iter().for_each(|text| fits(text, FOREIGN_CHARS_MAX));
        }
        Said::Error(Complaint { code, message, target, details, additional }) => {
            assert!(!code.is_empty() || !message.is_empty());
            fits(code, CODE_CHARS_MAX);
            fits(message, MESSAGE_CHARS_MAX);
            target.iter().for_each(|target| fits(target, CODE_CHARS_MAX));
            assert!(details.len() <= DETAILS_MAX && additional.len() <= ADDITIONAL_MAX);
            for detail in details {
                fits(&detail.code, CODE_CHARS_MAX);
                fits(&detail.message, MESSAGE_CHARS_MAX);
                detail.target.iter().for_each(|target| fits(target, CODE_CHARS_MAX));
            }
            for piece in additional {
                fits(&piece.kind, CODE_CHARS_MAX);
                fits(&piece.info, ADDITIONAL_CHARS_MAX);
            }
        }
    }
}
