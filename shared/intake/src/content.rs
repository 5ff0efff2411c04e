//! How a body was packed for the way.
//!
//! Relays and collectors compress what they pass on. What a body says when it is unpacked is
//! bounded like any other body, and no more than that is ever unpacked of it.

use std::{borrow::Cow, io::Read as _};

use flate2::read::MultiGzDecoder;
use http::{HeaderMap, header::CONTENT_ENCODING};

use crate::{
    batch::{BODY_BYTES_MAX, Unreadable},
    source::Refused,
    text::quote,
};

/// What a body may be packed with, as `Accept-Encoding` has it.
pub const ENCODINGS: &str = "gzip";

/// What a body is packed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Nothing.
    Identity,
    /// gzip, RFC 1952.
    Gzip,
}

impl Encoding {
    /// What the head says of it. Names have no case, and `x-gzip` is an old one (RFC 9110, 8.4.1).
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Refused> {
        let said: Vec<String> = headers
            .get_all(CONTENT_ENCODING)
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase())
            .filter(|name| !matches!(name.as_str(), "" | "identity"))
            .collect();
        match said.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => Ok(Self::Identity),
            ["gzip" | "x-gzip"] => Ok(Self::Gzip),
            _ => Err(Refused::Encoding(quote(&said.join(", ")))),
        }
    }

    /// Unpacks a body.
    pub(crate) fn unpacked(self, body: &[u8]) -> Result<Cow<'_, [u8]>, Unpacking> {
        let unpacked = match self {
            Self::Identity => Cow::Borrowed(body),
            Self::Gzip => {
                let mut unpacked = Vec::new();
                let most = BODY_BYTES_MAX as u64 + 1;
                MultiGzDecoder::new(body)
                    .take(most)
                    .read_to_end(&mut unpacked)
                    .map_err(|error| format!("its gzip cannot be unpacked: {error}"))
                    .map_err(|why| Unpacking::Broken(Unreadable(why)))?;
                Cow::Owned(unpacked)
            }
        };
        if unpacked.len() > BODY_BYTES_MAX { Err(Unpacking::TooLarge) } else { Ok(unpacked) }
    }
}

/// Why a body cannot be unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unpacking {
    /// It is too large, as it came or unpacked.
    TooLarge,
    /// It is not packed as the head says.
    Broken(Unreadable),
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn of(values: &[&str]) -> Result<Encoding, Refused> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(CONTENT_ENCODING, value.parse().unwrap());
        }
        Encoding::of(&headers)
    }

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(plain).unwrap();
        packed.finish().unwrap()
    }

    #[test]
    fn gzip_is_taken_and_what_is_not_is_named() {
        for none in [&[][..], &[""], &["identity"], &["Identity", ""]] {
            assert_eq!(of(none), Ok(Encoding::Identity), "{none:?}");
        }
        for some in [&["gzip"][..], &["GZip"], &["x-gzip"], &["identity, gzip"]] {
            assert_eq!(of(some), Ok(Encoding::Gzip), "{some:?}");
        }
        for (other, named) in [
            (&["br"][..], "br"),
            (&["gzip, gzip"], "gzip, gzip"),
            (&["gzip", "Zstd"], "gzip, zstd"),
        ] {
            assert_eq!(of(other), Err(Refused::Encoding(named.to_owned())), "{other:?}");
        }
    }

    #[test]
    fn a_bomb_is_not_unpacked_beyond_the_bound() {
        let fits = gzip(&vec![b' '; BODY_BYTES_MAX]);
        assert_eq!(Encoding::Gzip.unpacked(&fits).unwrap().len(), BODY_BYTES_MAX);
        let bomb = gzip(&vec![b' '; BODY_BYTES_MAX + 1]);
        assert!(bomb.len() < BODY_BYTES_MAX / 100);
        assert_eq!(Encoding::Gzip.unpacked(&bomb), Err(Unpacking::TooLarge));
        // Also where it is packed in pieces.
        let pieces = [gzip(&vec![b' '; BODY_BYTES_MAX]), gzip(b" ")].concat();
        assert_eq!(Encoding::Gzip.unpacked(&pieces), Err(Unpacking::TooLarge));
    }

    #[test]
    fn what_is_not_gzip_or_broke_off_is_unreadable() {
        let packed = gzip(b"{\"version\": \"4\"}");
        assert_eq!(*Encoding::Gzip.unpacked(&packed).unwrap(), *b"{\"version\": \"4\"}");
        for broken in [b"{}", &packed[..packed.len() - 3], b""] {
            let found = Encoding::Gzip.unpacked(broken);
            assert!(matches!(found, Err(Unpacking::Broken(_))), "{broken:?}: {found:?}");
        }
    }
}
