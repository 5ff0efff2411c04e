//! `properties` of a backend, whole.

use serde_json::Value;

use super::breaker::Breaker;
use super::connection::{Protocol, Proxy, Tls};
use super::credentials::Credentials;
use super::fabric::{Cluster, Specifics};
use super::members::Members;
use super::part::{At, Children, Part, fields};
use super::scalar::{Description, ResourceId, Title, Url};
use crate::document::Kind;

/// What the pages of 2024-05-01 say that a backend has.
///
/// It is read from a document and written into one (see [`model`](super)); fields that the pages
/// do not name are not in it, and stay where they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Properties {
    /// Its title.
    pub title: Option<Title>,
    /// Its description.
    pub description: Option<Description>,
    /// Its management URI in another system.
    pub resource_id: Option<ResourceId>,
    /// What the gateway sends to it to authenticate.
    pub credentials: Option<Credentials>,
    /// A proxy before it.
    pub proxy: Option<Proxy>,
    /// What is checked of its certificate.
    pub tls: Option<Tls>,
    /// The cluster that it is in, if it is a service of Service Fabric.
    pub cluster: Option<Cluster>,
    /// What it is.
    pub shape: Shape,
}

/// What a backend is. A pool has no address, no protocol and no breaker of its own, so that what
/// the service would refuse cannot be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// One backend.
    Single {
        /// Its address.
        url: Url,
        /// How it is spoken to.
        protocol: Protocol,
        /// What takes it out of traffic.
        breaker: Option<Breaker>,
    },
    /// A pool of backends.
    Pool(Members),
}

impl Properties {
    /// A backend with nothing but what it must have.
    pub fn of(shape: Shape) -> Self {
        Self {
            title: None,
            description: None,
            resource_id: None,
            credentials: None,
            proxy: None,
            tls: None,
            cluster: None,
            shape,
        }
    }
}

/// Whether it is a pool: by its type, and where it has none, by having a `pool`.
fn kind(at: &At<'_>, fields: &Children<'_>) -> Option<Kind> {
    let Some(kind) = fields.given("type") else {
        let pooled = fields.given("pool").is_some();
        return if pooled && at.is_whole() {
            fields.missing("type", "with a pool it must be Pool")
        } else if pooled {
            Some(Kind::Pool)
        } else {
            at.is_whole().then_some(Kind::Single)
        };
    };
    match kind.text()? {
        text if text.eq_ignore_ascii_case("Single") => Some(Kind::Single),
        text if text.eq_ignore_ascii_case("Pool") => Some(Kind::Pool),
        _ => kind.wrong("Single or Pool"),
    }
}

/// Where what only backends of one kind have is.
pub(super) const SPECIFICS: &str = "properties";

/// Why a pool must have members.
pub(super) const POOL_NEEDED: &str = "a Pool needs it";

/// The words are the service's own.
const NOT_FOR_POOLS: [(&str, &str); 3] = [
    ("url", "Url is not supported for backend pool."),
    ("protocol", "Protocol is not supported for backend pool."),
    ("circuitBreaker", "CircuitBreaker is not supported for backend pool."),
];

impl Part for Properties {
    fn read(at: &At<'_>) -> Option<Self> {
        let fields = at.object()?;
        let title = fields.optional("title");
        let description = fields.optional("description");
        let kind = kind(at, &fields);
        let shape = match kind {
            Some(Kind::Pool) => {
                for (key, words) in NOT_FOR_POOLS {
                    if let Some(at) = fields.given(key) {
                        at.say::<()>(format!("is given: {words}"));
                    }
                }
                fields.required("pool", POOL_NEEDED).map(Shape::Pool)
            }
            Some(Kind::Single) => {
                const BECAUSE: &str = "a Single needs it";
                let url = fields.required("url", BECAUSE);
                let protocol = fields.required("protocol", BECAUSE);
                let breaker = fields.optional("circuitBreaker");
                let _ = fields.optional::<Members>("pool");
                url.zip(protocol).map(|(url, protocol)| Shape::Single { url, protocol, breaker })
            }
            // What it is nobody says: a patch, or a type that is not one of the two. Each field is
            // looked at.
            None => {
                let _ = fields.optional::<Url>("url");
                let _ = fields.optional::<Protocol>("protocol");
                let _ = fields.optional::<Breaker>("circuitBreaker");
                let _ = fields.optional::<Members>("pool");
                None
            }
        };
        let resource_id = fields.optional("resourceId");
        let specifics: Option<Specifics> = fields.optional(SPECIFICS);
        let credentials = fields.optional("credentials");
        let proxy = fields.optional("proxy");
        let tls = fields.optional("tls");
        let cluster = specifics.and_then(|specifics| specifics.cluster);
        let shape = shape?;
        Some(Self { title, description, resource_id, credentials, proxy, tls, cluster, shape })
    }

    fn value(&self) -> Value {
        let (pool, url, protocol, breaker) = match &self.shape {
            Shape::Single { url, protocol, breaker } => {
                (None, Some(url), Some(protocol), breaker.as_ref())
            }
            Shape::Pool(members) => (Some(members), None, None, None),
        };
        let specifics = self.cluster.clone().map(|cluster| Specifics { cluster: Some(cluster) });
        fields([
            ("title", self.title.as_ref().map(Part::value)),
            ("description", self.description.as_ref().map(Part::value)),
            // Not said of a Single: 2022-08-01 has no types.
            ("type", pool.map(|_| "Pool".into())),
            ("url", url.map(Part::value)),
            ("protocol", protocol.map(Part::value)),
            ("circuitBreaker", breaker.map(Part::value)),
            ("pool", pool.map(Part::value)),
            ("resourceId", self.resource_id.as_ref().map(Part::value)),
            (SPECIFICS, specifics.as_ref().map(Part::value)),
            ("credentials", self.credentials.as_ref().map(Part::value)),
            ("proxy", self.proxy.as_ref().map(Part::value)),
            ("tls", self.tls.as_ref().map(Part::value)),
        ])
    }
}
