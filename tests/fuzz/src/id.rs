//! What names something: ARM ids, names, ETags, addresses of next pages, filters, versions.

use std::{
    fmt::{Debug, Display},
    str::FromStr,
};

use pointsman_apim::{
    BackendId, ETag, Endpoint, RequestId, Scope,
    list::{Filter, NextLink},
    model::{
        members::MemberId,
        scalar::{RuleName, Title, Url},
    },
    name::{BackendName, ResourceGroup, ServiceName, SubscriptionId, WorkspaceName},
    request,
    version::ApiVersion,
};
use uuid::Uuid;

use crate::says;

/// The input is the text of any of them.
pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    again::<BackendName>(text);
    again::<WorkspaceName>(text);
    again::<ServiceName>(text);
    again::<ResourceGroup>(text);
    again::<SubscriptionId>(text);
    again::<ETag>(text);
    again::<ApiVersion>(text);
    again::<Filter>(text);
    again::<RuleName>(text);
    again::<Scope>(text);
    let _: Option<Title> = read(text);
    let _: Option<Url> = read(text);
    if let Some(member) = read::<MemberId>(text) {
        assert_eq!(member.as_str(), text);
        assert!(text.ends_with(member.name().as_str()));
    }

    let endpoint = Endpoint::default();
    let call = RequestId::from(Uuid::nil());
    if let Some(id) = again::<BackendId>(text) {
        // Whatever its names are, they stay within one segment of the address.
        let request = request::get(&endpoint, &id, call).expect("its version has workspaces");
        let segments = request.uri().path().split('/').count();
        assert_eq!(segments, if id.workspace().is_some() { 13 } else { 11 }, "{}", request.uri());
        let lower: String = id.to_string().chars().flat_map(char::to_lowercase).collect();
        let lower: BackendId = lower.parse().expect("it is the same id");
        assert_eq!(lower, id);
    }
    match NextLink::new(&endpoint, text) {
        Err(error) => says(&error),
        Ok(link) => {
            // The token is sent there.
            let request = request::list_next(&link, call);
            let (scheme, authority) = (request.uri().scheme_str(), request.uri().authority());
            assert_eq!(scheme, Some("https"), "{text:?}");
            let authority = authority.expect("an address has a host").as_str();
            let (host, port) = authority.split_once(':').unwrap_or((authority, "443"));
            assert!(host.eq_ignore_ascii_case("management.azure.com"), "{text:?}");
            assert_eq!(port.parse(), Ok(443), "{text:?}");
        }
    }
}

fn read<T: FromStr<Err: Display>>(text: &str) -> Option<T> {
    text.parse().inspect_err(says).ok()
}

/// Reads it, and again what it prints.
fn again<T>(text: &str) -> Option<T>
where
    T: FromStr<Err: Display + Debug> + Display + Debug + PartialEq,
{
    let value: T = read(text)?;
    let printed = value.to_string();
    let found = printed.parse::<T>().expect("what is printed is read");
    assert_eq!(found, value, "{text:?} is printed as {printed:?}");
    Some(value)
}
