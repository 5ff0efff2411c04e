//! The secrets that a configuration names the places of.

use std::path::Path;

use pointsman_apim::secret::Secret as AzureSecret;
use pointsman_core::form::At;
use pointsman_intake::Secret;

use super::{CONFIG_BYTES_MAX, wire, wrong::Wrong};
use crate::input;

/// The right way to name a secret's place.
pub(super) const PLACE: &str =
    "name its place: `{env: NAME}` for a variable of the environment, or `{file: PATH}`";

/// Where secrets are read from.
#[derive(Clone, Copy)]
pub(super) struct Secrets<'a> {
    /// What paths are relative to.
    pub(super) folder: &'a Path,
    /// Reads the environment.
    pub(super) variable: &'a dyn Fn(&str) -> Option<String>,
}

impl Secrets<'_> {
    /// The secret that is at one of the places that stand `there`.
    pub(super) fn text<T>(&self, there: &At<T>, place: &wire::Place) -> Result<String, Wrong> {
        match place {
            wire::Place::Env(name) if !is_variable(name) => {
                // It may be the secret itself.
                Err(Wrong::at_secret(there, "this names no variable of the environment", PLACE))
            }
            wire::Place::Env(name) => (self.variable)(name).ok_or_else(|| {
                let why = format!("the variable {name} is not set in the environment");
                Wrong::at_secret(there, why, "set it, or name another place")
            }),
            wire::Place::File(path) => {
                let path = self.folder.join(path);
                let text = input::read(&path, CONFIG_BYTES_MAX).map_err(|cause| {
                    let why =
                        format!("the secret's file {} cannot be read: {cause}", path.display());
                    Wrong::at_secret(there, why, "put it there, or name another place")
                })?;
                Ok(text.trim_end_matches(['\r', '\n']).to_owned())
            }
            wire::Place::Not => {
                Err(Wrong::at_secret(there, "this does not say where a secret is", PLACE))
            }
        }
    }

    /// All that are named there; none where what is there is wrong, which then has been said.
    pub(super) fn all(&self, there: &At<wire::Places>) -> Result<Vec<Secret>, Wrong> {
        let secret = |place: &wire::Place| {
            let text = self.text(there, place)?;
            text.parse::<Secret>().map_err(|error| {
                let why = format!("the secret in {} cannot be used: {error}", said(place));
                Wrong::at_secret(there, why, "put another there")
            })
        };
        there.value.iter().flat_map(|wire::Places(places)| places).map(secret).collect()
    }

    /// The one token of those that are named `there`.
    pub(super) fn token(
        &self,
        there: &At<wire::Places>,
        wire::Places(named): &wire::Places,
    ) -> Result<AzureSecret, Wrong> {
        let [place] = named.as_slice() else {
            return Err(Wrong::at_secret(
                there,
                "one token is used, and not a list of them",
                PLACE,
            ));
        };
        let text = self.text(there, place)?;
        if text.trim().is_empty() {
            return Err(Wrong::at_secret(there, "the token is empty", "put one there"));
        }
        Ok(AzureSecret::new(text))
    }
}

/// A secret's place, in words.
pub(super) fn said(place: &wire::Place) -> String {
    match place {
        wire::Place::Env(name) => format!("the variable {name}"),
        wire::Place::File(path) => format!("the file {}", path.display()),
        wire::Place::Not => "it".to_owned(),
    }
}

/// Whether this can be a variable's name, as shells have them.
fn is_variable(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
