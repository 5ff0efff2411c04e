use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::endpoint::{ApiVersion, BaseUrl};

fn endpoint(base: &str) -> Endpoint {
    let base: BaseUrl = base.parse().unwrap();
    Endpoint::new(base, ApiVersion::default())
}

#[test]
fn a_next_page_is_on_the_same_server() {
    for (base, link) in [
        ("https://management.azure.com", "https://management.azure.com/subscriptions/x?$skip=1"),
        ("https://management.azure.com", "https://MANAGEMENT.azure.com:443/x"),
        ("https://management.azure.com:443", "https://management.azure.com/x"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/x?y=%20z"),
        ("http://[::1]:8080", "http://[::1]:8080/x"),
        ("https://a.example", "https://a.example/x?$filter=name eq 'é \\ \"'&$skip=1"),
    ] {
        let next = NextLink::new(&endpoint(base), link);
        assert!(next.is_ok(), "{base} {link}: {next:?}");
    }
    for (base, link, error) in [
        ("https://management.azure.com", "https://evil.example/x", NextLinkError::Elsewhere),
        ("https://management.azure.com", "http://management.azure.com/x", NextLinkError::Elsewhere),
        (
            "https://management.azure.com",
            "https://management.azure.com:8443/x",
            NextLinkError::Elsewhere,
        ),
        (
            "https://management.azure.com",
            "https://management.azure.com.evil.example/x",
            NextLinkError::Elsewhere,
        ),
        (
            "https://management.azure.com",
            "https://management.azure.com@evil.example/x",
            NextLinkError::NotAnAddress,
        ),
        ("https://management.azure.com", "/subscriptions/x", NextLinkError::NotAnAddress),
        ("https://management.azure.com", "//evil.example/x", NextLinkError::NotAnAddress),
        ("https://a.example", "https://a.example:44x3/", NextLinkError::NotAnAddress),
        ("https://a.example", "https://a.example:/", NextLinkError::NotAnAddress),
        ("https://management.azure.com", "https://a b/", NextLinkError::NotAnAddress),
        ("https://a.example", "https://a.example\\@evil.example/", NextLinkError::NotAnAddress),
        ("https://a.example", "https://évil.example/", NextLinkError::NotAnAddress),
        ("https://a.example", "https://a.example/x\r\ny", NextLinkError::NotAnAddress),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8081/x", NextLinkError::Elsewhere),
    ] {
        assert_eq!(NextLink::new(&endpoint(base), link), Err(error), "{base} {link}");
    }
    let base = "https://management.azure.com";
    let long = |length: usize| format!("{base}/{}", "x".repeat(length - base.len() - 1));
    assert!(NextLink::new(&endpoint(base), &long(NEXT_LINK_BYTES_MAX)).is_ok());
    let error = NextLink::new(&endpoint(base), &long(NEXT_LINK_BYTES_MAX + 1));
    assert_eq!(error, Err(NextLinkError::TooLong));
}

#[test]
fn a_next_page_is_asked_for_in_an_encoded_address() {
    let link = "https://a.example/x?$filter=name eq 'é'&$skip=1";
    let next = NextLink::new(&endpoint("https://a.example"), link).unwrap();
    assert_eq!(next.as_str(), "https://a.example/x?$filter=name%20eq%20'%C3%A9'&$skip=1");
}

fn check(filter: Result<Filter, QueryError>, expected: &Expect) {
    let shown = filter.map_or_else(|error| error.to_string(), |filter| filter.to_string());
    expected.assert_eq(&shown);
}

#[test]
fn filters() {
    check("".parse(), &expect!["$filter has 0 characters: it must have 1 to 1000"]);
    assert!("é".repeat(1_000).parse::<Filter>().is_ok());
    check(
        "x".repeat(1_001).parse(),
        &expect!["$filter has 1001 characters: it must have 1 to 1000"],
    );
    check("a\r\nb".parse(), &expect!["$filter has a control character at character 2"]);
}

#[test]
fn numbers_are_taken_to_their_bounds() {
    assert!(Top::new(1).is_ok() && Top::new(2_147_483_647).is_ok());
    assert!(Skip::new(0).is_ok() && Skip::new(2_147_483_647).is_ok());
    expect!["$top is 0: it must be 1 to 2147483647"]
        .assert_eq(&Top::new(0).unwrap_err().to_string());
    expect!["$skip is 2147483648: it must be 0 to 2147483647"]
        .assert_eq(&Skip::new(2_147_483_648).unwrap_err().to_string());
}

proptest! {
    #[test]
    fn a_filter_is_one_parameter(text in "[^\\p{Cc}]{1,60}") {
        let query = Query { filter: Some(text.parse().unwrap()), ..Query::default() };
        let parameters = query.parameters();
        let value = parameters.strip_prefix("&$filter=").unwrap();
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~%".contains(&b);
        prop_assert!(value.bytes().all(plain), "{}", value);
        let url = format!("https://a.example/x?api-version=1{parameters}");
        prop_assert!(url.parse::<Uri>().is_ok());
    }
}
