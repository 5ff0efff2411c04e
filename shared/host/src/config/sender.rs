//! A source as its sender: for a test alert, which goes the way that a real one goes.

use std::path::Path;

use pointsman_core::names::SourceName;
use pointsman_intake::Secret;
use serde_saphyr::Spanned;

use super::{CONFIG_BYTES_MAX, Config, ConfigError, PLACE, Secrets, Wrong, name, path, wire};
use crate::input;

/// Where the alerts of a source are sent, and what proves who sends them.
#[derive(Clone, Debug)]
pub struct Sender {
    /// The source's name.
    pub name: SourceName,
    /// The path of its webhook.
    pub path: String,
    /// What proves it.
    pub proof: Proof,
}

/// What proves a sender. The first secret where a source has two: it is the new one.
#[derive(Clone, Debug)]
pub enum Proof {
    /// A bearer token.
    Bearer(Secret),
    /// A user and a password.
    Basic(String, Secret),
}

impl Config {
    /// The sender for a source of the configuration at `at`: of this name, or the first. No secret but
    /// its own is read. None where there is no such source.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn sender(at: &Path, named: Option<&SourceName>) -> Result<Option<Sender>, ConfigError> {
        let file = at.display().to_string();
        let text = input::read(at, CONFIG_BYTES_MAX)
            .map_err(|cause| ConfigError::File { file: file.clone(), cause })?;
        let folder = at.parent().unwrap_or(Path::new(""));
        let variable = |name: &str| std::env::var(name).ok();
        sender(&text, &Secrets { folder, variable: &variable }, named)
            .map_err(|wrong| ConfigError::Problem(wrong.render(&file, &text)))
    }
}

pub(super) fn sender(
    text: &str,
    secrets: &Secrets<'_>,
    named: Option<&SourceName>,
) -> Result<Option<Sender>, Wrong> {
    let file: wire::File = serde_saphyr::from_str(text).map_err(|error| Wrong::form(&error))?;
    for Spanned { value: source, .. } in &file.sources {
        let name = name(source)?;
        if named.is_some_and(|named| *named != name) {
            continue;
        }
        let first = |places: &Spanned<wire::Places>| {
            let none = || Wrong::at_secret(places, "no secret is named here", PLACE);
            secrets.all(places)?.into_iter().next().ok_or_else(none)
        };
        let proof = match (&source.bearer, &source.basic) {
            (Some(bearer), _) => Proof::Bearer(first(bearer)?),
            (None, Some(basic)) => {
                Proof::Basic(basic.value.user.clone(), first(&basic.value.passwords)?)
            }
            (None, None) => {
                let help = "give it `bearer: {env: NAME}`, or `basic: {user: NAME, passwords: {env: NAME}}`";
                return Err(Wrong::at(
                    &source.name,
                    "nothing says how this source proves itself",
                    help,
                ));
            }
        };
        return Ok(Some(Sender { path: path(source)?, name, proof }));
    }
    Ok(None)
}
