//! Names: of services and backends as Azure knows them, and of the playbook's own parts.
//!
//! Azure compares resource names without case, so those are kept in lower case and compare as
//! equal however they were written. The bounds and patterns are those of the pages of Backend
//! Update and Workspace Backend Create Or Update, api-version 2024-05-01.
//!
//! Each decision copies names by the hundred, so a copy must cost next to nothing.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::text::stored_as_text;

/// Why a text is not a valid name; says which kind of name, the text, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {kind}: {rule}")]
pub struct NameError {
    kind: &'static str,
    text: String,
    rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $rule:literal, $case:expr, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(SmolStr);

        stored_as_text!($name);

        impl $name {
            /// The name's characters.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                let valid: fn(&str) -> bool = $valid;
                if !valid(text) {
                    return Err(NameError { kind: $kind, text: text.to_owned(), rule: $rule });
                }
                let case: fn(&str) -> String = $case;
                Ok(Self(case(text).into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

fn short(text: &str, chars_max: usize) -> bool {
    (1..=chars_max).contains(&text.chars().count())
}

/// The playbook's own names: letters, digits, `-`, `_` and `.`.
fn word(text: &str) -> bool {
    short(text, 80)
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// One segment of an Azure path: nothing that would leave the segment or that Azure forbids.
fn segment(text: &str) -> bool {
    text.chars()
        .all(|char| !char.is_control() && !char.is_whitespace() && !"*#&+:<>?/\\%".contains(char))
        && !text.bytes().all(|byte| byte == b'.')
}

name!(
    /// An Azure subscription's id, a UUID.
    SubscriptionId, "subscription id", "it is a UUID, such as 00000000-0000-0000-0000-000000000000",
    str::to_ascii_lowercase,
    |text| text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
);
name!(
    /// A resource group's name.
    ResourceGroup, "resource group", "it has 1 to 90 letters, digits or ._()- and does not end in a dot",
    str::to_lowercase,
    |text| short(text, 90)
        && text.chars().all(|char| char.is_alphanumeric() || "._()-".contains(char))
        && !text.ends_with('.')
);
name!(
    /// The name of an API Management service.
    ServiceName, "service name", "it has 1 to 50 letters, digits or hyphens, begins with a letter and does not end in a hyphen",
    str::to_ascii_lowercase,
    |text| short(text, 50)
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && text.starts_with(|char: char| char.is_ascii_alphabetic())
        && !text.ends_with('-')
);
name!(
    /// The name of a workspace within a service.
    WorkspaceName, "workspace name", "it has 1 to 80 characters without spaces and none of *#&+:<>?/\\%",
    str::to_lowercase,
    |text| short(text, 80) && segment(text)
);
name!(
    /// The name of a backend: the last segment of its path.
    BackendName, "backend name", "it has 1 to 80 characters without spaces and none of *#&+:<>?/\\%",
    str::to_lowercase,
    |text| short(text, 80) && segment(text)
);
name!(
    /// What the playbook calls a service.
    ServiceAlias, "name", "names have 1 to 80 letters, digits or any of -_.", str::to_owned, word
);
name!(
    /// What the playbook calls a pool.
    PoolAlias, "name", "names have 1 to 80 letters, digits or any of -_.", str::to_owned, word
);
name!(
    /// What the playbook calls a Single.
    BackendAlias, "name", "names have 1 to 80 letters, digits or any of -_.", str::to_owned, word
);
name!(
    /// The name of a play.
    PlayName, "name", "names have 1 to 80 letters, digits or any of -_.", str::to_owned, word
);
name!(
    /// What the playbook calls a maintenance window.
    WindowName, "window's name", "names have 1 to 80 letters, digits or any of -_.", str::to_owned, word
);
name!(
    /// What the playbook calls a freeze.
    FreezeName, "freeze's name", "names have 1 to 80 letters, digits or any of -_.", str::to_owned, word
);
name!(
    /// A tag of the playbook's inventory: what a backend is told apart by, such as its region or its zone.
    TagName, "tag", "tags have 1 to 80 letters, digits or any of -_.", str::to_owned, word
);
name!(
    /// What the configuration calls a source of alerts; senders of one pair share it.
    SourceName, "source name", "names have 1 to 80 letters, digits or any of -_.", str::to_owned, word
);

impl SourceName {
    /// The maintenance windows.
    pub(crate) fn windows() -> Self {
        Self(SmolStr::new_static("window"))
    }

    /// Whoever gives commands by hand.
    pub(crate) fn operators() -> Self {
        Self(SmolStr::new_static("operator"))
    }
}

/// An API Management service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ServiceId {
    /// The subscription it is in.
    pub subscription: SubscriptionId,
    /// The resource group it is in.
    pub resource_group: ResourceGroup,
    /// Its name.
    pub name: ServiceName,
}

/// A backend, Single or Pool, at service or workspace level.
///
/// Written, stored and parsed as its Azure path, in lower case where Azure ignores it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendId {
    /// The service it belongs to.
    pub service: ServiceId,
    /// The workspace it belongs to; none at service level.
    pub workspace: Option<WorkspaceName>,
    /// Its name.
    pub name: BackendName,
}

stored_as_text!(BackendId);

impl BackendId {
    /// Another backend of the same service and workspace.
    #[must_use]
    pub fn sibling(&self, name: BackendName) -> Self {
        Self { name, ..self.clone() }
    }

    /// The short form for people: `service/backend` or `service/workspace/backend`.
    #[must_use]
    pub fn short(&self) -> String {
        match &self.workspace {
            None => format!("{}/{}", self.service.name, self.name),
            Some(workspace) => format!("{}/{workspace}/{}", self.service.name, self.name),
        }
    }
}

impl fmt::Display for BackendId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ServiceId { subscription, resource_group, name } = &self.service;
        write!(
            f,
            "/subscriptions/{subscription}/resourceGroups/{resource_group}\
             /providers/Microsoft.ApiManagement/service/{name}"
        )?;
        if let Some(workspace) = &self.workspace {
            write!(f, "/workspaces/{workspace}")?;
        }
        write!(f, "/backends/{}", self.name)
    }
}

/// Why a text is not the path of a backend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackendIdError {
    /// One of its names is not valid.
    #[error(transparent)]
    Name(#[from] NameError),
    /// It has not the form of a backend's path.
    #[error(
        "`{0}` is not a backend: write /subscriptions/…/resourceGroups/…/providers/\
         Microsoft.ApiManagement/service/…[/workspaces/…]/backends/…"
    )]
    Form(String),
}

impl FromStr for BackendId {
    type Err = BackendIdError;

    fn from_str(text: &str) -> Result<Self, BackendIdError> {
        const HEAD: [&str; 5] =
            ["subscriptions", "resourceGroups", "providers", "Microsoft.ApiManagement", "service"];
        let segments: Vec<&str> = text.strip_prefix('/').unwrap_or(text).split('/').collect();
        let form = || BackendIdError::Form(text.to_owned());
        let same = |found: &str, wanted: &str| found.eq_ignore_ascii_case(wanted);
        let [a, subscription, b, group, c, d, e, service, tail @ ..] = segments.as_slice() else {
            return Err(form());
        };
        if ![a, b, c, d, e].into_iter().zip(HEAD).all(|(found, wanted)| same(found, wanted)) {
            return Err(form());
        }
        let (workspace, name) = match tail {
            [backends, name] if same(backends, "backends") => (None, name),
            [workspaces, workspace, backends, name]
                if same(workspaces, "workspaces") && same(backends, "backends") =>
            {
                (Some(workspace.parse()?), name)
            }
            _ => return Err(form()),
        };
        Ok(Self {
            service: ServiceId {
                subscription: subscription.parse()?,
                resource_group: group.parse()?,
                name: service.parse()?,
            },
            workspace,
            name: name.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backends_are_parsed_without_case_and_printed_canonically() {
        let text = "/SUBSCRIPTIONS/00000000-0000-0000-0000-00000000000A/resourcegroups/RG1/providers\
                    /microsoft.apimanagement/service/Contoso/workspaces/Blue/backends/EU-1";
        let id: BackendId = text.parse().unwrap();
        assert_eq!(id.short(), "contoso/blue/eu-1");
        assert_eq!(id.to_string().parse::<BackendId>().unwrap(), id);
        assert_eq!(id.to_string().to_lowercase(), text.to_lowercase());
    }

    #[test]
    fn names_that_would_leave_their_segment_are_refused() {
        for bad in ["", "a/b", "..", "a b", "a?b", "a%2fb", "a\\b", &"x".repeat(81)] {
            assert!(bad.parse::<BackendName>().is_err(), "{bad}");
        }
        assert!("a..b".parse::<BackendName>().is_ok());
        assert!("1a".parse::<ServiceName>().is_err());
        assert!("a-".parse::<ServiceName>().is_err());
    }
}
