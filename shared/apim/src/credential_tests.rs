use std::collections::HashMap;

use expect_test::{Expect, expect};

use super::*;

fn variables(set: &[(&str, &str)]) -> Variables {
    let set: HashMap<String, String> =
        set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Arc::new(move |name| set.get(name).cloned())
}

fn check(set: &[(&str, &str)], expected: &Expect) {
    let shown = match Way::present(&variables(set)) {
        Ok(way) => format!("{way:?}"),
        Err(failure) => failure.to_string(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn auto_takes_what_is_present() {
    let secret = ("AZURE_CLIENT_SECRET", "hunter2");
    let (tenant, client) = (("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c"));
    let file = ("AZURE_FEDERATED_TOKEN_FILE", "/f");
    let (endpoint, header) = (("IDENTITY_ENDPOINT", "http://e"), ("IDENTITY_HEADER", "hunter2"));
    check(&[], &expect!["MachineOrCli { client_id: None }"]);
    check(&[tenant, client], &expect![[r#"MachineOrCli { client_id: Some("c") }"#]]);
    check(
        &[tenant, client, secret, file, endpoint, header],
        &expect![[r#"ClientSecret { tenant: "t", client_id: "c", secret: *** }"#]],
    );
    check(
        &[tenant, client, file, endpoint, header],
        &expect![[r#"WorkloadIdentity { tenant: "t", client_id: "c", file: "/f" }"#]],
    );
    check(&[endpoint, header], &expect!["ManagedIdentity { client_id: None }"]);
    check(&[endpoint, header, client], &expect![[r#"ManagedIdentity { client_id: Some("c") }"#]]);
    // A half of something was meant, and is not stepped over.
    check(&[secret, client, file], &expect!["the environment has no AZURE_TENANT_ID"]);
    check(&[file, endpoint, header], &expect!["the environment has no AZURE_TENANT_ID"]);
}

#[test]
fn what_may_pass_is_told_from_what_will_not() {
    let http = |status: u16| ErrorKind::HttpResponse {
        status: status.into(),
        error_code: None,
        raw_response: None,
    };
    for (kind, passing) in [
        (ErrorKind::Io, true),
        (ErrorKind::Connection, true),
        (http(503), true),
        (http(429), true),
        (http(400), false),
        (http(401), false),
        (ErrorKind::DataConversion, false),
    ] {
        let name = format!("{kind:?}");
        // As `azure_identity` wraps them.
        let inner = azure_core::Error::with_message(kind, "inner");
        let outer = azure_core::Error::with_error(ErrorKind::Credential, inner, "outer");
        assert_eq!(is_passing(&outer), passing, "{name}");
    }
}

#[test]
fn a_credential_is_not_printed_with_its_secret() {
    let credential = Credential::ClientSecret {
        tenant: "t".to_owned(),
        client_id: "c".to_owned(),
        secret: Secret::new("hunter2"),
    };
    expect![[r#"ClientSecret { tenant: "t", client_id: "c", secret: *** }"#]]
        .assert_eq(&format!("{credential:?}"));
    expect!["Static(***)"].assert_eq(&format!("{:?}", Credential::Static(Secret::new("hunter2"))));
}
