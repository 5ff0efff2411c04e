//! Each client through the list: a test a client.

use pointsman_conformance::{client::Name, judge::judge, list::List, run::run};

/// The client does as the list says, and shows what ours shows.
async fn conforms(name: Name) {
    let list = List::read();
    let (theirs, ours) = tokio::join!(run(name, &list), run(name.ours(), &list));
    let told = judge(name, &list, &theirs, &ours);
    assert!(told.is_empty(), "{name} differs:\n{told}");
}

#[tokio::test]
async fn python_5_0_0() {
    conforms(Name::Python5).await;
}

#[tokio::test]
async fn python_4_0_1() {
    conforms(Name::Python4).await;
}

#[tokio::test]
async fn javascript_10_0_0() {
    conforms(Name::JavaScript10).await;
}

#[tokio::test]
async fn javascript_9_2_0() {
    conforms(Name::JavaScript9).await;
}

#[tokio::test]
async fn ours_2024_05_01() {
    alone(Name::Ours2024).await;
}

#[tokio::test]
async fn ours_2022_08_01() {
    alone(Name::Ours2022).await;
}

/// Ours does as the list says; there is none to hold it against but the others.
async fn alone(name: Name) {
    let list = List::read();
    let reports = run(name, &list).await;
    let told = judge(name, &list, &reports, &reports);
    assert!(told.is_empty(), "{name} differs:\n{told}");
}
