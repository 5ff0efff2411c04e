use std::path::Path;

use pointsman_core::names::SourceName;
use pointsman_intake::Secret;

use super::{
    CONFIG_BYTES_MAX, Config, ConfigError, Needs,
    reading::{PROOF, Reading},
    secrets::{PLACE, Secrets, said},
    wire,
    wrong::{self, Wrong},
};
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
    /// Where the secret of that is, in words: `the variable ALERTS_TOKEN`.
    pub place: String,
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
        let secrets = Secrets { folder, variable: &|name| std::env::var(name).ok() };
        sender(&text, secrets, named)
            .map_err(|wrongs| ConfigError::Problem(wrong::render(wrongs, &file, &text)))
    }
}

pub(super) fn sender(
    text: &str,
    secrets: Secrets<'_>,
    named: Option<&SourceName>,
) -> Result<Option<Sender>, Vec<Wrong>> {
    let mut reading = Reading::new(Needs::Everything, secrets);
    let file = reading.file(text);
    let sources = file.sources.and_then(|sources| sources.value).into_iter().flatten();
    let mut senders = sources.filter_map(|source| {
        let source = source.value?;
        let name = reading.name(&source)?;
        named.is_none_or(|named| *named == name).then_some((name, source))
    });
    let found = senders.next();
    drop(senders);
    let sender = found.and_then(|(name, source)| {
        let (path, proof) = (reading.path(&source), proof(&source, secrets));
        let (proof, place) = reading.put(proof?)?;
        Some(Sender { name, path: path?, proof, place })
    });
    if reading.wrongs.is_empty() { Ok(sender) } else { Err(reading.wrongs) }
}

/// What proves this source, and where the secret of that is; none where what is there is wrong, which has
/// been said.
fn proof(source: &wire::Source, secrets: Secrets<'_>) -> Option<Result<(Proof, String), Wrong>> {
    let (places, user) = match (&source.bearer, &source.basic) {
        (Some(bearer), _) => (bearer, None),
        (None, Some(basic)) => {
            let wire::Basic { user, passwords } = basic.value.as_ref()?;
            (passwords, Some(user.value.clone()?))
        }
        (None, None) => {
            let why = "nothing says how this source proves itself";
            return Some(Err(Wrong::at(&source.name, why, PROOF)));
        }
    };
    let wire::Places(named) = places.value.as_ref()?;
    let place = named.first().map(said).unwrap_or_default();
    let first = secrets.all(places).and_then(|secrets| {
        let first = secrets.into_iter().next();
        first.ok_or_else(|| Wrong::at_secret(places, "no secret is named here", PLACE))
    });
    Some(first.map(|secret| {
        let proof = match user {
            Some(user) => Proof::Basic(user, secret),
            None => Proof::Bearer(secret),
        };
        (proof, place)
    }))
}
