//! The clients, by name, and how one is asked for a call.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{azure::Azure, list::Call, ours::Ours, report::Said, theirs::Theirs};

/// A client and its version. Ours is named by the version of the API that it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Name {
    /// azure-mgmt-apimanagement, of 2024-05-01.
    #[serde(rename = "python-5.0.0")]
    Python5,
    /// azure-mgmt-apimanagement, of 2022-08-01.
    #[serde(rename = "python-4.0.1")]
    Python4,
    /// @azure/arm-apimanagement, of 2024-05-01.
    #[serde(rename = "javascript-10.0.0")]
    JavaScript10,
    /// @azure/arm-apimanagement, of 2022-08-01.
    #[serde(rename = "javascript-9.2.0")]
    JavaScript9,
    /// pointsman-apim, asking for 2024-05-01.
    #[serde(rename = "ours-2024-05-01")]
    Ours2024,
    /// pointsman-apim, asking for 2022-08-01.
    #[serde(rename = "ours-2022-08-01")]
    Ours2022,
}

impl Name {
    /// As the list has it, and the folders.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Python5 => "python-5.0.0",
            Self::Python4 => "python-4.0.1",
            Self::JavaScript10 => "javascript-10.0.0",
            Self::JavaScript9 => "javascript-9.2.0",
            Self::Ours2024 => "ours-2024-05-01",
            Self::Ours2022 => "ours-2022-08-01",
        }
    }

    /// Ours, of the same version of the API.
    #[must_use]
    pub fn ours(self) -> Self {
        match self {
            Self::Python5 | Self::JavaScript10 | Self::Ours2024 => Self::Ours2024,
            Self::Python4 | Self::JavaScript9 | Self::Ours2022 => Self::Ours2022,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A client that is ready to be asked.
#[derive(Debug)]
pub(crate) enum Client {
    Theirs(Box<Theirs>),
    Ours(Box<Ours>),
}

impl Client {
    /// The client of that name, to be run against that emulator.
    pub(crate) fn start(name: Name, azure: &Azure) -> Self {
        match name {
            Name::Python5 | Name::Python4 | Name::JavaScript10 | Name::JavaScript9 => {
                Self::Theirs(Box::new(Theirs::start(name, azure)))
            }
            Name::Ours2024 => Self::Ours(Box::new(Ours::new(azure, "2024-05-01"))),
            Name::Ours2022 => Self::Ours(Box::new(Ours::new(azure, "2022-08-01"))),
        }
    }

    /// Has it make a call, and gives what it says.
    pub(crate) async fn make(&mut self, call: &Call) -> Said {
        match self {
            Self::Theirs(theirs) => theirs.make(call).await,
            Self::Ours(ours) => ours.make(call).await,
        }
    }

    /// Ends it; it must end well.
    pub(crate) async fn end(self) {
        match self {
            Self::Theirs(theirs) => theirs.end().await,
            Self::Ours(_) => {}
        }
    }
}
