//! Lists, page by page.

use expect_test::expect;

use super::server::{Reply, Server, reply};
use super::*;
use crate::client::pages::Pages;
use crate::id::Scope;
use crate::list::Query;
use crate::testing::SERVICE;

fn page(server: &Server, names: &[&str], next: &str) -> Reply {
    let values: Vec<String> = names.iter().map(|name| format!(r#"{{"name":"{name}"}}"#)).collect();
    let next = match next {
        "" => String::new(),
        path => format!("{}{path}", server.base()),
    };
    let values = values.join(",");
    reply(200, "", format!(r#"{{"value":[{values}],"count":5,"nextLink":"{next}"}}"#))
}

fn scope() -> Scope {
    SERVICE.parse().unwrap()
}

async fn all(mut pages: Pages) -> String {
    let mut shown = String::new();
    loop {
        match pages.next().await {
            Ok(None) => return shown,
            Ok(Some(page)) => {
                let names = page.backends.iter().map(|backend| backend.name().unwrap().to_string());
                shown.push_str(&format!("{}\n", names.collect::<Vec<_>>().join(" ")));
            }
            Err(error) => {
                shown.push_str(&format!("{}\n", error.full()));
                assert!(pages.next().await.unwrap().is_none(), "it goes on after an error");
                return shown;
            }
        }
    }
}

#[tokio::test]
async fn pages_are_followed_to_the_last() {
    let server = Server::start([]).await;
    server.then([
        page(&server, &["a", "b"], "/list?$skip=2"),
        page(&server, &["c", "d"], "/list?$skip=4"),
        page(&server, &["e"], ""),
    ]);
    let client = client(server.endpoint());
    let query = Query { top: Some(crate::list::Top::new(2).unwrap()), ..Query::default() };
    let shown = all(client.pages(&scope(), &query, call())).await;
    expect![[r#"
        a b
        c d
        e
    "#]]
    .assert_eq(&shown);
    expect![[r#"
        GET /subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends?api-version=2024-05-01&$top=2
        GET /list?$skip=2
        GET /list?$skip=4
    "#]].assert_eq(&server.lines());
    assert!(server.heard().iter().all(|heard| heard.headers.contains_key(AUTHORIZATION)));
}

#[tokio::test]
async fn a_circle_is_left() {
    let server = Server::start([]).await;
    server.then([
        page(&server, &["a"], "/list?$skip=1"),
        page(&server, &["b"], "/list?$skip=2"),
        page(&server, &["c"], "/list?$skip=1"),
    ]);
    let client = client(server.endpoint());
    let shown = all(client.pages(&scope(), &Query::default(), call())).await;
    expect![[r#"
        a
        b
        c
        Azure's list does not end: the list has more than 1000 pages, or repeats itself (client-request-id 00000000-0000-0000-0000-000000000007)
    "#]].assert_eq(&shown);
    assert_eq!(server.heard().len(), 3);
}

#[tokio::test]
async fn the_token_does_not_follow_a_link_elsewhere() {
    let other = Server::start([]).await;
    let server = Server::start([page(&other, &["a"], "/list")]).await;
    let client = client(server.endpoint());
    let shown = all(client.pages(&scope(), &Query::default(), call())).await;
    expect![[r#"
        Azure's answer cannot be read (200): its next page is on another server, which must not see the token (client-request-id 00000000-0000-0000-0000-000000000007)
    "#]].assert_eq(&shown);
    assert_eq!((server.heard().len(), other.heard().len()), (1, 0));
}

#[tokio::test]
async fn a_list_without_end_is_stopped() {
    let server = Server::start([]).await;
    let last = crate::list::PAGES_MAX;
    server.then((0..=last).map(|at| page(&server, &["a"], &format!("/list?$skip={at}"))));
    let client = client(server.endpoint());
    let shown = all(client.pages(&scope(), &Query::default(), call())).await;
    assert_eq!(shown.lines().count(), last + 1);
    expect!["Azure's list does not end: the list has more than 1000 pages, or repeats itself (client-request-id 00000000-0000-0000-0000-000000000007)"].assert_eq(shown.lines().last().unwrap());
    assert_eq!(server.heard().len(), last);
}

#[tokio::test]
async fn what_the_credential_can_see_is_listed_on_all_pages() {
    let server = Server::start([]).await;
    let listed = |values: &str, next: &str| {
        let next = format!("{}{next}", server.base());
        reply(200, "", format!(r#"{{"value":[{values}],"nextLink":"{next}"}}"#))
    };
    let last = |values: &str| reply(200, "", format!(r#"{{"value":[{values}]}}"#));
    let (one, two) =
        ("6f1e2d3c-0000-4000-8000-0000000000aa", "6f1e2d3c-0000-4000-8000-0000000000bb");
    let subscription = |id: &str| format!(r#"{{"subscriptionId":"{id}","displayName":"x"}}"#);
    server.then([
        listed(&subscription(one), "/subscriptions?page=2"),
        last(&format!("{},{{}}", subscription(two))),
        last(&format!(r#"{{"id":"{SERVICE}"}},{{"id":"of another kind"}}"#)),
    ]);
    let client = client(server.endpoint());
    let subscriptions = client.subscriptions(call()).await.unwrap();
    let shown: Vec<String> = subscriptions.iter().map(ToString::to_string).collect();
    assert_eq!(shown, [one, two], "what is none is left out");
    let services = client.services(subscriptions[0], call()).await.unwrap();
    assert_eq!(services, [SERVICE.parse().unwrap()]);
    let asked = server.lines();
    assert_eq!(
        asked.lines().collect::<Vec<_>>(),
        [
            "GET /subscriptions?api-version=2022-12-01",
            "GET /subscriptions?page=2",
            "GET /subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/providers\
             /Microsoft.ApiManagement/service?api-version=2024-05-01",
        ]
    );
}
