//! The JSON Schema of all views, which is checked in.

use schemars::{
    JsonSchema, Schema,
    generate::SchemaSettings,
    transform::{RecursiveTransform, Transform},
};
use serde_json::Value;

use crate::{
    explain::Explain,
    generation::{Applied, Checked, GenerationText, Generations},
    history::History,
    plan::Plan,
    printed::{
        BackendBody, BackendChange, BackendList, BackendReconnect, BackendSeen, Failure,
        Initialised, Listening, Note,
    },
    shadow::ShadowReport,
    status::Status,
    told::{ByHand, DeadLetters, Dropped, Released, Retried, Sent, Switched, Undone},
    windows::{SkippedInstance, Windows},
};

/// What `--json` prints.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is asked for")]
enum View {
    /// `pointsman status --json`.
    Status(Box<Status>),
    /// `pointsman explain --json`.
    Explain(Box<Explain>),
    /// `pointsman plan --json`.
    Plan(Box<Plan>),
    /// `pointsman history --json`.
    History(Box<History>),
    /// `pointsman shadow report --json`.
    ShadowReport(Box<ShadowReport>),
    /// `pointsman windows --json`.
    Windows(Box<Windows>),
    /// `pointsman skip --json`.
    SkippedInstance(Box<SkippedInstance>),
    /// `pointsman playbook list --json`.
    Generations(Box<Generations>),
    /// `pointsman playbook show --json`.
    GenerationText(Box<GenerationText>),
    /// `pointsman playbook check --json`.
    Checked(Box<Checked>),
    /// `pointsman playbook apply --json`, and that of `rollback`.
    Applied(Box<Applied>),
    /// `pointsman signal send --json`: one line for a firing, and one for a resolve.
    Sent(Box<Sent>),
    /// `pointsman dead-letters list --json`.
    DeadLetters(Box<DeadLetters>),
    /// `pointsman dead-letters drop --json`.
    Dropped(Box<Dropped>),
    /// `pointsman dead-letters retry --json`.
    Retried(Box<Retried>),
    /// `pointsman pause --json`, and that of `resume`.
    Switched(Box<Switched>),
    /// `pointsman undo --json`.
    Undone(Box<Undone>),
    /// `pointsman drain --json`, and that of `shift`, `promote` and `extend`.
    ByHand(Box<ByHand>),
    /// `pointsman release --json`.
    Released(Box<Released>),
    /// `pointsman init --json`.
    Initialised(Box<Initialised>),
    /// `pointsman serve --json`, once it listens.
    Listening(Box<Listening>),
    /// `pointsman backend list --json`.
    BackendList(Box<BackendList>),
    /// `pointsman backend get --json`.
    BackendBody(Box<BackendBody>),
    /// `pointsman backend set --json`, and that of `put` and `delete`.
    BackendChange(Box<BackendChange>),
    /// `pointsman backend reconnect --json`.
    BackendReconnect(Box<BackendReconnect>),
    /// `pointsman backend watch --json`: one line each.
    BackendSeen(Box<BackendSeen>),
    /// With every command: why it failed, on standard error.
    Failure(Box<Failure>),
    /// With every command: what is said beside what it prints, on standard error.
    Note(Box<Note>),
}

/// The JSON Schema (draft 2020-12) of all that is shown, as it is checked in: indented, with a line break
/// at its end.
#[must_use]
pub fn schema_text() -> String {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<View>();
    RecursiveTransform(never_null).transform(&mut schema);
    format!("{:#}\n", schema.to_value())
}

/// Says that no key is null, as it is left out instead; and puts each comment on one line.
fn never_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(Value::String(description)) = object.get_mut("description") {
        *description = description.replace('\n', " ");
    }
    let null = || Value::from("null");
    if let Some(Value::Array(types)) = object.get("type")
        && let [one, other] = types.as_slice()
        && *other == null()
    {
        let one = one.clone();
        object.insert("type".to_owned(), one);
    }
    if let Some(Value::Array(forms)) = object.get("anyOf")
        && let [Value::Object(one), other] = forms.as_slice()
        && other.get("type") == Some(&null())
    {
        let one = one.clone();
        object.remove("anyOf");
        for (key, value) in one {
            object.entry(key).or_insert(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checked_in_schema_is_the_one_of_the_code() {
        assert!(
            include_str!("../schema/view.json") == schema_text(),
            "schema/view.json is not what the views say: run `cargo xtask generate`"
        );
    }
}
