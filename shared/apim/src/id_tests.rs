use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::endpoint::Endpoint;
use crate::request;
use crate::testing::call;

const SERVICE: &str = "/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1\
                       /providers/Microsoft.ApiManagement/service/contoso";

fn check(text: &str, expected: &Expect) {
    let shown = match text.parse::<BackendId>() {
        Ok(id) => match id.workspace() {
            None => format!("service {} {}", id.service().service, id.backend()),
            Some(workspace) => format!("workspace {workspace} {}", id.backend()),
        },
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn arm_ids_are_read_at_both_levels() {
    check(&format!("{SERVICE}/backends/eu-1"), &expect!["service contoso eu-1"]);
    check(&format!("{SERVICE}/workspaces/wks 1/backends/eu-1"), &expect!["workspace wks 1 eu-1"]);
    check(&format!("{}/BACKENDS/Eu-1", SERVICE.to_uppercase()), &expect!["service CONTOSO Eu-1"]);
}

#[test]
fn what_is_no_arm_id_is_refused_by_the_place() {
    let long = format!("{SERVICE}/backends/{}", "a".repeat(2_000));
    check(&long, &expect!["it is 2130 bytes long, more than 2000"]);
    check(
        "eu-1",
        &expect![[
            r#""eu-1" is where /subscriptions should be: an id reads /subscriptions/{id}/resourceGroups/{name}/providers/Microsoft.ApiManagement/service/{name}[/workspaces/{name}][/backends/{name}]"#
        ]],
    );
    check(
        SERVICE,
        &expect![[
            r#""" is where backends or workspaces should be: an id reads /subscriptions/{id}/resourceGroups/{name}/providers/Microsoft.ApiManagement/service/{name}[/workspaces/{name}][/backends/{name}]"#
        ]],
    );
    check(&format!("{SERVICE}/backends/"), &expect![[r#""" is not a backend name: it is empty"#]]);
    check(
        &format!("{SERVICE}/backends/a/b"),
        &expect![[
            r#""b" is where the end should be: an id reads /subscriptions/{id}/resourceGroups/{name}/providers/Microsoft.ApiManagement/service/{name}[/workspaces/{name}][/backends/{name}]"#
        ]],
    );
    check(
        "/subscriptions/subid/x",
        &expect![[r#""subid" is not a subscription id: it must be a UUID"#]],
    );
}

#[test]
fn a_level_is_not_taken_for_the_other() {
    let at_service = format!("{SERVICE}/backends/eu");
    let in_workspace = format!("{SERVICE}/workspaces/w/backends/eu");
    expect!["it names a backend in a workspace, and one at service level is needed"]
        .assert_eq(&in_workspace.parse::<ServiceBackendId>().unwrap_err().to_string());
    let id: BackendId = at_service.parse().unwrap();
    assert_eq!(at_service.parse().ok(), id.at_service());
    assert_eq!(in_workspace.parse::<BackendId>().unwrap().at_service(), None);
}

/// The path of a request for it.
fn path(id: &BackendId) -> String {
    let request = request::get(&Endpoint::default(), id, call()).unwrap();
    request.uri().path().to_owned()
}

#[test]
fn a_path_is_encoded_and_an_id_is_not() {
    let service: ServiceId = SERVICE.replace("rg1", "rg (é)").parse().unwrap();
    let workspace = Scope { service, workspace: "w%k s".parse().ok() };
    let id = workspace.backend("eu.1".parse().unwrap());
    expect!["/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg%20%28%C3%A9%29/providers/Microsoft.ApiManagement/service/contoso/workspaces/w%25k%20s/backends/eu.1"]
        .assert_eq(&path(&id));
    expect!["/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg (é)/providers/Microsoft.ApiManagement/service/contoso/workspaces/w%k s/backends/eu.1"]
        .assert_eq(&id.to_string());
}

#[test]
fn a_member_is_beside_its_pool() {
    let pool: BackendId = format!("{SERVICE}/workspaces/w/backends/pool").parse().unwrap();
    let eu = pool.scope().backend("eu".parse().unwrap());
    assert_eq!(eu.to_string(), format!("{SERVICE}/workspaces/w/backends/eu"));
}

/// Names that every kind of name takes, in both cases.
fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z][a-zA-Z0-9-]{0,30}[a-zA-Z0-9]"
}

proptest! {
    #[test]
    fn an_id_survives_print_and_parse(
        subscription in any::<u128>(),
        rg in "[a-zA-Z0-9._()é -]{1,90}".prop_filter("a step", |n| n != "." && n != ".."),
        service in name(),
        workspace in proptest::option::of(name()),
        backend in "[^/\\\\?#\\x00-\\x1f\\x7f-\\x9f]{1,80}"
            .prop_filter("a step", |n| n != "." && n != ".."),
    ) {
        let service = ServiceId {
            subscription: uuid::Uuid::from_u128(subscription).to_string().parse().unwrap(),
            resource_group: rg.parse().unwrap(),
            service: service.parse().unwrap(),
        };
        let backend: BackendName = backend.parse().unwrap();
        let workspace = workspace.map(|name| name.parse().unwrap());
        let id = Scope { service, workspace }.backend(backend);
        let again: BackendId = id.to_string().parse().unwrap();
        prop_assert_eq!(&again, &id);
        prop_assert_eq!(again.to_string(), id.to_string());
        // A path is plain ASCII, and takes as many segments as the id has.
        let path = path(&id);
        prop_assert!(path.is_ascii());
        prop_assert_eq!(path.matches('/').count(), id.to_string().matches('/').count());
        prop_assert!(path.parse::<http::uri::PathAndQuery>().is_ok());
    }

    #[test]
    fn ids_are_equal_without_case(backend in name(), workspace in name()) {
        let lower: BackendId =
            format!("{SERVICE}/workspaces/{workspace}/backends/{backend}").parse().unwrap();
        let upper: BackendId = format!(
            "{SERVICE}/workspaces/{}/backends/{}",
            workspace.to_uppercase(),
            backend.to_uppercase()
        )
        .parse()
        .unwrap();
        prop_assert_eq!(&lower, &upper);
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}") {
        if let Ok(id) = text.parse::<BackendId>() {
            prop_assert_eq!(id.to_string().parse::<BackendId>().unwrap(), id);
        }
    }
}
