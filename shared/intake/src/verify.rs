//! Whether the sender of a request is who it has to be.
//!
//! Each source has one [`Authentication`], with one accepted secret, or two while it is being
//! rotated: the new one is added here, then set at the sender, then the old one is taken out
//! here, and no delivery is turned away in between. That matters, for some sources drop what
//! was answered with a 401 or 403, and some turn the whole feed off.
//!
//! What is kept is a hash of each credential that is accepted, never the secret. What a sender
//! presents is hashed too, and the hashes are compared in constant time, all of them each time:
//! how long it takes tells neither how many characters were right, nor how long the secret is,
//! nor which of two it was.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, header::AUTHORIZATION};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::secret::Secret;

/// How many secrets a source may have: one, and a second while they are rotated.
pub const SECRETS_MAX: usize = 2;

/// How the sender of one source proves itself.
#[derive(Clone)]
pub struct Authentication {
    scheme: Scheme,
    accepted: Vec<[u8; 32]>,
}

/// The schemes of RFC 6750 and RFC 7617; scheme names have no case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Bearer,
    Basic,
}

/// Why an [`Authentication`] cannot be set up so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationError {
    /// There is no secret, or there are more than a rotation needs.
    #[error("a source has one secret, or {SECRETS_MAX} while they are rotated; here are {found}")]
    Secrets {
        /// How many there are.
        found: usize,
    },
    /// The user's name cannot be sent.
    #[error(
        "`{0}` is not a user name for basic authentication: it holds a colon or a control character"
    )]
    User(String),
}

/// A request is turned away. It does not say why, and the answer must not either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It carries no credential: answered with a 401.
    #[error("a credential is needed")]
    Missing,
    /// It carries one that is not accepted: answered with a 403.
    #[error("not permitted")]
    Wrong,
}

impl Authentication {
    /// `Authorization: Bearer SECRET`.
    ///
    /// # Errors
    /// When there is no secret, or more than [`SECRETS_MAX`].
    pub fn bearer(secrets: &[Secret]) -> Result<Self, AuthenticationError> {
        Self::new(Scheme::Bearer, secrets, |secret| secret.expose().to_owned())
    }

    /// `Authorization: Basic base64(USER:PASSWORD)`.
    ///
    /// # Errors
    /// When there is no password, or more than [`SECRETS_MAX`], or when the user's name holds a
    /// colon or a control character.
    pub fn basic(user: &str, passwords: &[Secret]) -> Result<Self, AuthenticationError> {
        if user.contains(|char: char| char == ':' || char.is_control()) {
            return Err(AuthenticationError::User(user.to_owned()));
        }
        // Encoding what is expected, rather than decoding what came, leaves nothing to parse
        // before the sender is known.
        Self::new(Scheme::Basic, passwords, |password| {
            BASE64_STANDARD.encode(format!("{user}:{}", password.expose()))
        })
    }

    fn new(
        scheme: Scheme,
        secrets: &[Secret],
        credential: impl Fn(&Secret) -> String,
    ) -> Result<Self, AuthenticationError> {
        if !(1..=SECRETS_MAX).contains(&secrets.len()) {
            return Err(AuthenticationError::Secrets { found: secrets.len() });
        }
        let accepted = secrets.iter().map(|secret| hash(credential(secret).as_bytes())).collect();
        Ok(Self { scheme, accepted })
    }

    /// Says whether a request comes from who it has to come from.
    ///
    /// # Errors
    /// When there is no credential, or one that is not accepted, or more than one.
    pub fn verify(&self, headers: &HeaderMap) -> Result<(), Denied> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = values.next().ok_or(Denied::Missing)?.as_bytes();
        // Two credentials: which one counts depends on who is asked, so none does.
        if values.next().is_some() {
            return Err(Denied::Wrong);
        }
        let end = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
        let (scheme, credential) = value.split_at(end);
        let presented = hash(credential.trim_ascii());
        let known = self.accepted.iter().fold(Choice::from(0), |known, accepted| {
            known | accepted.as_slice().ct_eq(presented.as_slice())
        });
        let expected = match self.scheme {
            Scheme::Bearer => b"bearer".as_slice(),
            Scheme::Basic => b"basic".as_slice(),
        };
        if bool::from(known) && scheme.eq_ignore_ascii_case(expected) {
            Ok(())
        } else {
            Err(Denied::Wrong)
        }
    }
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}(***)", self.scheme)
    }
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn secrets(texts: &[&str]) -> Vec<Secret> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[track_caller]
    fn check(authentication: &Authentication, sent: &[&str], wanted: Result<(), Denied>) {
        let mut headers = HeaderMap::new();
        for value in sent {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        assert_eq!(authentication.verify(&headers), wanted, "{sent:?}");
    }

    #[test]
    fn bearer() {
        let one = Authentication::bearer(&secrets(&["old-token"])).unwrap();
        check(&one, &["Bearer old-token"], Ok(()));
        check(&one, &["bearer old-token"], Ok(()));
        check(&one, &["BEARER   old-token "], Ok(()));
        check(&one, &[], Err(Denied::Missing));
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer old-toke",
            "Bearer old-token2",
            "Bearer OLD-TOKEN",
            "Bearer old-token old-token",
            "Bearer new-token",
            "old-token",
            "Basic old-token",
            "Bearerold-token",
        ] {
            check(&one, &[wrong], Err(Denied::Wrong));
        }
        check(&one, &["Bearer old-token", "Bearer old-token"], Err(Denied::Wrong));
    }

    #[test]
    fn a_rotation_turns_nothing_away() {
        let (old, new) = ("Bearer old-token", "Bearer new-token");
        let before = Authentication::bearer(&secrets(&["old-token"])).unwrap();
        let during = Authentication::bearer(&secrets(&["new-token", "old-token"])).unwrap();
        let after = Authentication::bearer(&secrets(&["new-token"])).unwrap();
        for (authentication, accepts_old, accepts_new) in [
            (before, Ok(()), Err(Denied::Wrong)),
            (during, Ok(()), Ok(())),
            (after, Err(Denied::Wrong), Ok(())),
        ] {
            check(&authentication, &[old], accepts_old);
            check(&authentication, &[new], accepts_new);
            check(&authentication, &["Bearer new-tokenold-token"], Err(Denied::Wrong));
        }
    }

    #[test]
    fn basic() {
        // The example of RFC 7617, section 2, and the one of its section 2.1, in UTF-8.
        let one = Authentication::basic("Aladdin", &secrets(&["open sesame"])).unwrap();
        check(&one, &["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="], Ok(()));
        check(&one, &["basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="], Ok(()));
        check(&one, &["Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ=="], Err(Denied::Wrong));
        check(&one, &["Basic Aladdin:open sesame"], Err(Denied::Wrong));
        check(&one, &["Basic dGVzdDoxMjPCow=="], Err(Denied::Wrong));
        check(&one, &[], Err(Denied::Missing));

        let two = Authentication::basic("test", &secrets(&["123£", "a:b"])).unwrap();
        check(&two, &["Basic dGVzdDoxMjPCow=="], Ok(()));
        check(&two, &["Basic dGVzdDphOmI="], Ok(()));
        check(&two, &["Basic dGVzdDo="], Err(Denied::Wrong));
    }

    #[test]
    fn what_cannot_work_is_refused_when_it_is_set_up() {
        let refused =
            |result: Result<Authentication, AuthenticationError>| result.unwrap_err().to_string();
        expect_test::expect![[r"
            a source has one secret, or 2 while they are rotated; here are 0
            a source has one secret, or 2 while they are rotated; here are 3
            `a:b` is not a user name for basic authentication: it holds a colon or a control character
        "]]
        .assert_eq(&format!(
            "{}\n{}\n{}\n",
            refused(Authentication::bearer(&[])),
            refused(Authentication::basic("a", &secrets(&["1", "2", "3"]))),
            refused(Authentication::basic("a:b", &secrets(&["1"]))),
        ));
    }

    #[test]
    fn nothing_is_shown() {
        let shown = format!("{:?}", Authentication::basic("user", &secrets(&["pass"])).unwrap());
        assert_eq!(shown, "Basic(***)");
        for denied in [Denied::Missing, Denied::Wrong] {
            let text = format!("{denied} {denied:?}").to_lowercase();
            for hint in ["bearer", "basic", "token", "password", "secret", "user"] {
                assert!(!text.contains(hint), "{text}");
            }
        }
    }
}
