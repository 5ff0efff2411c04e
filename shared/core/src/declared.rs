//! What a declared backend shall be.
//!
//! The whole is what it is made with; the properties that an override can own of any Single are also what
//! one that is there already is held to. A playbook holds no secret, so that neither does this: a
//! credential stands in it as the name of a named value, or the id of a certificate.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{field::Property, json::Json};

/// What a declared backend shall be: its properties, as Create Or Update takes them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Declared(Json);

impl Declared {
    /// Of properties that were read from a playbook.
    #[must_use]
    pub fn new(properties: &serde_json::Map<String, serde_json::Value>) -> Self {
        Self(Json::from(&serde_json::Value::Object(properties.clone())))
    }

    /// All of it, as it stands under `properties`.
    #[must_use]
    pub const fn whole(&self) -> &Json {
        &self.0
    }

    /// What a backend that is there is held to. A breaker is not among it: its owner may have another, and
    /// there is an effect that tightens it.
    #[must_use]
    pub fn properties(&self) -> BTreeMap<Property, Json> {
        let tree = self.0.tree();
        let of = |property: Property| {
            let value = property.path().split('.').try_fold(&tree, |tree, key| tree.get(key))?;
            Some((property, Json::from(value)))
        };
        let owned = Property::ALL.into_iter().filter(|one| *one != Property::CircuitBreaker);
        owned.filter_map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_that_is_there_is_held_to_what_can_be_owned() {
        let all = serde_json::json!({
            "url": "https://eu-2.example.com", "protocol": "http",
            "tls": {"validateCertificateChain": true}, "credentials": {"certificateIds": ["c"]},
            "circuitBreaker": {"rules": []},
        });
        let declared = Declared::new(all.as_object().unwrap());
        let held = declared.properties();
        let held: Vec<String> = held.iter().map(|(it, value)| format!("{it} {value}")).collect();
        assert_eq!(held, ["url \"https://eu-2.example.com\"", "tls.validateCertificateChain true"]);
        assert_eq!(declared.whole().tree(), all);
    }
}
