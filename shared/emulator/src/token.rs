//! Tokens: issued by the identity endpoints, checked by Azure Resource Manager.
//!
//! A token is a random-looking word that means something to this emulator only. Expiry goes by
//! the emulator's clock.

use crate::{answer::Answer, clock};
use http::{StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, time::Duration};
use uuid::Uuid;

/// How many tokens are remembered before the expired ones are forgotten.
const TOKENS_KEPT: usize = 4_096;

#[derive(Clone, Serialize, Deserialize)]
struct Token {
    audience: String,
    /// Who asked for it.
    principal: String,
    expires: Timestamp,
}

// No Debug: it would show the tokens.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Tokens {
    issued: HashMap<String, Token>,
    #[serde(skip)]
    seed: u64,
    last: u64,
}

impl Tokens {
    pub(crate) fn new(seed: u64) -> Self {
        Self { issued: HashMap::new(), seed, last: 0 }
    }

    /// Continues with what a file has.
    pub(crate) fn restore(&mut self, kept: Self) {
        *self = Self { seed: self.seed, ..kept };
    }

    /// Gives `principal` a token for `audience` that ends after `lifetime`; and says when that is.
    pub(crate) fn issue(
        &mut self,
        principal: &str,
        audience: &str,
        lifetime: Duration,
        now: Timestamp,
    ) -> (String, Timestamp) {
        if self.issued.len() >= TOKENS_KEPT {
            self.issued.retain(|_, token| now < token.expires);
        }
        self.last += 1;
        let word = format!(
            "emulated.{}.{:016x}{:016x}",
            self.last,
            mixed(self.seed, self.last),
            mixed(self.seed ^ u64::MAX, self.last)
        );
        let expires = clock::later(now, lifetime);
        let audience = audience.trim_end_matches('/').to_owned();
        let token = Token { audience, principal: principal.to_owned(), expires };
        self.issued.insert(word.clone(), token);
        (word, expires)
    }

    /// Makes every issued token invalid, as a rotation of keys does.
    pub(crate) fn revoke(&mut self) {
        self.issued.clear();
    }

    /// Checks the header `Authorization` and says who it is; what is wrong with it comes back as
    /// ARM's 401.
    pub(crate) fn check(
        &self,
        authorization: Option<&str>,
        audiences: &[String],
        now: Timestamp,
    ) -> Result<&str, Answer> {
        let Some(authorization) = authorization else {
            return Err(refused(
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing.",
            ));
        };
        let word = match authorization.split_once(' ') {
            Some((scheme, word)) if scheme.eq_ignore_ascii_case("Bearer") => word.trim(),
            Some(_) | None => {
                return Err(refused(
                    "AuthenticationFailedInvalidHeader",
                    "Authentication failed. The 'Authorization' header is provided in an invalid \
                     format.",
                ));
            }
        };
        let Some(token) = self.issued.get(word) else {
            return Err(refused("InvalidAuthenticationToken", "The access token is invalid."));
        };
        let allowed = |audience: &String| audience.trim_end_matches('/') == token.audience;
        if !audiences.iter().any(allowed) {
            return Err(refused(
                "InvalidAuthenticationTokenAudience",
                &format!(
                    "The access token has been obtained for wrong audience or resource '{}'. It \
                     should exactly match with one of the allowed audiences '{}'.",
                    token.audience,
                    audiences.join("','")
                ),
            ));
        }
        if token.expires <= now {
            return Err(refused(
                "ExpiredAuthenticationToken",
                &format!(
                    "The access token expiry UTC time '{}' is earlier than current UTC time \
                     '{now}'.",
                    token.expires
                ),
            ));
        }
        Ok(&token.principal)
    }
}

fn refused(code: &str, message: &str) -> Answer {
    let error = if code.contains("Invalid") || code.contains("Expired") {
        ", error=\"invalid_token\""
    } else {
        ""
    };
    Answer::manager(StatusCode::UNAUTHORIZED, code, message).with(
        header::WWW_AUTHENTICATE,
        format!("Bearer authorization_uri=\"https://login.microsoftonline.com/common\"{error}"),
    )
}

/// A number that looks random and is the same each time (splitmix64).
pub(crate) fn mixed(seed: u64, number: u64) -> u64 {
    let mut z = seed.wrapping_add(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The UUID of a request.
pub(crate) fn request_id(seed: u64, number: u64) -> String {
    let high = mixed(seed, number.wrapping_mul(2));
    let low = mixed(seed, number.wrapping_mul(2).wrapping_add(1));
    let bytes = Uuid::from_u64_pair(high, low).into_bytes();
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}
