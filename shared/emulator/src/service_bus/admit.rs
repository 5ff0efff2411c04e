//! Who may use a queue, and how often: SAS, bearer tokens, and the Standard tier's credits.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;

/// The credits that a namespace of the Standard tier has each second. A message sent or received takes one.
pub(crate) const CREDITS_PER_SECOND: u32 = 1_000;

/// The resource that Service Bus takes tokens for.
pub(crate) const AUDIENCE: &str = "https://servicebus.azure.net";

const SAS: &str = "SharedAccessSignature ";

/// The credits of one second.
#[derive(Debug, Default)]
pub(crate) struct Credits {
    second: i64,
    taken: u32,
}

impl Credits {
    /// Takes as many credits; false where this second's are used up. What comes in while there are some is
    /// taken, whatever its size.
    pub(crate) fn take(&mut self, many: u32, now: Timestamp) -> bool {
        if self.second != now.as_second() {
            *self = Self { second: now.as_second(), taken: 0 };
        }
        let free = self.taken < CREDITS_PER_SECOND;
        if free {
            self.taken = self.taken.saturating_add(many);
        }
        free
    }
}

/// Whether a shared access signature is one of these policies', still good, and for that path. Gives nothing
/// where the header is not a signature.
pub(crate) fn is_signed(
    authorization: &str,
    policies: &BTreeMap<String, String>,
    path: &str,
    now: Timestamp,
) -> Option<bool> {
    let fields = authorization.strip_prefix(SAS)?;
    let field = |name: &str| {
        fields.split('&').find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
    };
    let decoded = |name: &str| {
        let value = field(name)?;
        Some(percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned())
    };
    let checked = || {
        let (resource, ends) = (field("sr")?, field("se")?);
        let key = policies.get(&decoded("skn")?)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
        mac.update(format!("{resource}\n{ends}").as_bytes());
        let signature = BASE64_STANDARD.decode(decoded("sig")?).ok()?;
        mac.verify_slice(&signature).ok()?;
        let is_good = now.as_second() < ends.parse().ok()?;
        let resource = decoded("sr")?;
        // It is for its address and all below; the address is that of the service, not of the emulator.
        let (_, resource) = resource.split_once("://")?;
        let resource = resource.split_once('/').map_or("", |(_, path)| path);
        // Some clients sign what they ask for as well.
        let resource = resource.split_once('?').map_or(resource, |(path, _)| path);
        let path = path.trim_start_matches('/');
        Some(
            is_good
                && path.to_lowercase().starts_with(&resource.trim_end_matches('/').to_lowercase()),
        )
    };
    Some(checked().unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_credits_of_a_second_are_used_up_and_come_back_with_the_next() {
        let (mut credits, now) = (Credits::default(), Timestamp::UNIX_EPOCH);
        assert!(credits.take(CREDITS_PER_SECOND - 1, now));
        assert!(credits.take(5, now) && !credits.take(1, now));
        assert!(credits.take(1, now + jiff::SignedDuration::from_secs(1)));
    }
}
