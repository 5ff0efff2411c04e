//! Secrets: read where they are needed, and shown nowhere.

use std::{fs, path::Path};

use axum::http::Request;
use expect_test::expect;

use super::{
    Needs, reading,
    secrets::Secrets,
    sender,
    tests::{check, parse, variable},
    wrong,
};

#[test]
fn a_secret_in_the_file_is_refused_and_not_shown() {
    let source = "sources:\n- {name: prom, kind: alertmanager, ";
    check(
        &format!("{source}bearer: s3cret}}"),
        &expect![[r#"
        pointsman.yaml:2:44: this does not say where a secret is
          = name its place: `{env: NAME}` for a variable of the environment, or `{file: PATH}`
    "#]],
    );
    check(
        &format!("{source}bearer: [s3cret]}}"),
        &expect![[r#"
            pointsman.yaml:2:36: this does not say where a secret is
              = name its place: `{env: NAME}` for a variable of the environment, or `{file: PATH}`
        "#]],
    );
    check(
        &format!("{source}bearer: {{s3cret: 1}}}}"),
        &expect![[r#"
            pointsman.yaml:2:36: this does not say where a secret is
              = name its place: `{env: NAME}` for a variable of the environment, or `{file: PATH}`
        "#]],
    );
    check(
        &format!("{source}bearer: {{env: [s3cret]}}}}"),
        &expect![[r#"
            pointsman.yaml:2:36: this does not say where a secret is
              = name its place: `{env: NAME}` for a variable of the environment, or `{file: PATH}`
        "#]],
    );
    check(
        &format!("{source}baerer: s3cret}}"),
        &expect![[r#"
            pointsman.yaml:2:36: there is no field `baerer` here
              |
            2 | - {name: prom, kind: alertmanager, baerer
              |                                    ^^^^^^
              = did you mean `bearer`?

            pointsman.yaml:2:44: this does not say where a secret is
              = name its place: `{env: NAME}` for a variable of the environment, or `{file: PATH}`
        "#]],
    );
    check(
        &format!("{source}basic: {{user: a, passwords: s3cret}}}}"),
        &expect![[r#"
        pointsman.yaml:2:64: this does not say where a secret is
          = name its place: `{env: NAME}` for a variable of the environment, or `{file: PATH}`
    "#]],
    );
    check(
        &format!("{source}basic: s3cret}}"),
        &expect![[r#"
            pointsman.yaml:2:43: this must be a mapping, and there is a single value
              = it has `user`, `passwords`
        "#]],
    );
    check(
        "azure: {credential: token, token: s3cret}",
        &expect![[r#"
        pointsman.yaml:1:35: this does not say where a secret is
          = name its place: `{env: NAME}` for a variable of the environment, or `{file: PATH}`
    "#]],
    );
    check(
        "azure:\n  credential: token\n  token: [s3cret\n",
        &expect![[r#"
            pointsman.yaml:3:10: this is not YAML: unclosed bracket '['
              = look at the indentation, quotes and brackets here and on the line before
        "#]],
    );
}

#[test]
fn only_the_secrets_that_are_needed_are_read() {
    let text = "azure: {credential: token, token: {env: NONE}}\n\
                sources: [{name: prom, kind: alertmanager, bearer: {env: NONE}}]\n";
    let config = parse(text, Needs::Store).expect("no secret is needed for the store");
    assert!(config.azure.credential.is_none() && config.webhooks.is_empty());
    assert_eq!(config.source_names, ["prom".parse().unwrap()]);
    assert!(parse(text, Needs::Azure).unwrap_err().contains("NONE"));
    let text = text.replacen("NONE", "TOKEN", 1);
    let config = parse(&text, Needs::Azure).expect("the sources' secrets are not needed for Azure");
    assert!(config.azure.credential.is_some() && config.webhooks.is_empty());
    assert!(parse(&text, Needs::Everything).is_err());
}

#[test]
fn a_sender_is_found_by_its_name_and_only_its_own_secret_is_read() {
    let text = "sources:\n- {name: one, kind: alertmanager, bearer: [{env: TOKEN}, {env: NONE}]}\n\
                - {name: two, kind: alertmanager, path: /two, bearer: {env: NONE}}\n\
                - {name: three, kind: alertmanager, basic: {user: ann, passwords: {env: TOKEN}}}\n";
    let of = |text: &str, name: Option<&str>| {
        let named = name.map(|name| name.parse().unwrap());
        let secrets = Secrets { folder: Path::new(""), variable: &variable };
        sender::sender(text, secrets, named.as_ref())
            .map_err(|wrongs| wrong::render(wrongs, "file", text))
    };
    let shown = |name| format!("{:?}", of(&text.replace(", {env: NONE}]", "]"), name));
    assert_eq!(
        [shown(None), shown(Some("three")), shown(Some("four"))],
        [
            "Ok(Some(Sender { name: one, path: \"/alerts/one\", proof: Bearer(***), place: \"the variable TOKEN\" }))",
            "Ok(Some(Sender { name: three, path: \"/alerts/three\", proof: \
             Basic(\"ann\", ***), place: \"the variable TOKEN\" }))",
            "Ok(None)",
        ]
    );
    for name in [None, Some("two")] {
        let why = of(text, name).unwrap_err();
        assert!(why.contains("NONE is not set in the environment"), "{why}");
    }
}

#[test]
fn a_secret_in_the_wrong_place_is_not_shown_however_it_is_written() {
    let source = "sources:\n  - name: am\n    kind: alertmanager\n";
    let azure = "azure:\n  credential: token\n";
    for text in [
        format!("{source}    bearer:\n      s3cret\n"),
        format!("{source}    bearer:\n      - s3cret\n"),
        format!("{source}    bearer:\n    - s3cret\n"),
        format!("{source}    bearer: |\n      s3cret\n"),
        format!("{source}    bearer: [\n      s3cret\n    ]\n"),
        format!("{source}    bearer: {{env:\n      \"my s3cret\"}}\n"),
        format!("{source}    basic:\n      s3cret\n"),
        format!("{source}    basic:\n      user: ann\n      passwords:\n        - s3cret\n"),
        format!("{azure}  token:\n    s3cret\n"),
        format!("{azure}  token:\n    env:\n      s3cret.with-dots\n"),
        "azure:\n  endpoint: https://ann:s3cret@example.com\n".to_owned(),
        "azure:\n  endpoint:\n    https://ann:s3cret@example.com\n".to_owned(),
        "azure: s3cret\n".to_owned(),
        "s3cret\n".to_owned(),
    ] {
        let problem = parse(&text, Needs::Everything).expect_err(&text);
        assert!(!problem.contains("s3cret"), "{text}\n{problem}");
        assert!(problem.starts_with("pointsman.yaml:"), "it says where: {problem}");
    }
}

#[test]
fn a_byte_order_mark_before_a_secret_is_skipped_and_utf_16_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let parse = |secret: &[u8]| {
        fs::write(folder.path().join("secret"), secret).unwrap();
        let text = "sources: [{name: am, kind: alertmanager, bearer: {file: secret}}]";
        let secrets = Secrets { folder: folder.path(), variable: &variable };
        reading::read(text, Needs::Everything, secrets)
            .map_err(|wrongs| wrong::render(wrongs, "pointsman.yaml", text))
    };
    let sent = Request::post("/").header("authorization", "Bearer s3cret").body(()).unwrap();
    let config = parse("\u{feff}s3cret\r\n".as_bytes()).unwrap();
    assert!(config.webhooks[0].source.accept(&sent.into_parts().0).is_ok());
    let wide: Vec<u8> = "\u{feff}s3cret".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let problem = parse(&wide).unwrap_err();
    assert!(problem.contains("it is UTF-16; save or send it as UTF-8"), "{problem}");
}

#[test]
fn wherever_a_file_breaks_off_no_secret_in_it_is_shown() {
    let text = "listen: here\nazure: {credential: token, token: s3cret}\nheartbeat: {url: s3cret}\n\
                sources:\n- {name: é, kind: alertmanager, bearer: [s3cret, {env: [s3cret]}], basic: {user: \
                a, passwords: {s3cret: s3cret}}}\n- name: s\n  kind: alertmanager\n  bearer:\n    s3cret\n";
    for end in (1..=text.len()).filter(|end| text.is_char_boundary(*end)) {
        let Err(problem) = parse(&text[..end], Needs::Everything) else { continue };
        assert!(!problem.contains("s3cret"), "{problem}");
    }
    let whole = parse(text, Needs::Everything).unwrap_err();
    assert_eq!(whole.matches("pointsman.yaml:").count(), 6, "{whole}");
}
