//! `properties.properties.serviceFabricCluster`: a backend that is a service of Service Fabric.

use serde_json::Value;

use super::part::{At, Part, Reader, fields, object, values};

/// The thumbprint's key, as the specification spells it.
const THUMBPRINT: &str = "clientCertificatethumbprint";
/// The same key, as the service spells it in its answers.
const THUMBPRINT_ANSWERED: &str = "clientCertificateThumbprint";

/// A cluster of Service Fabric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Where it is managed.
    pub management_endpoints: Vec<String>,
    /// The id of the client certificate for there.
    pub client_certificate_id: Option<String>,
    /// The thumbprint of it; ignored where there is an id, which the service finds by it.
    pub client_certificate_thumbprint: Option<String>,
    /// How often a partition is looked for; the service makes it 3 where it is not said.
    pub max_partition_resolution_retries: Option<i32>,
    /// Thumbprints of the certificates that it may show.
    pub server_certificate_thumbprints: Option<Vec<String>>,
    /// Names of the certificates that it may show.
    pub server_x509_names: Option<Vec<X509Name>>,
}

/// The name of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct X509Name {
    /// Its common name.
    pub name: Option<String>,
    /// The thumbprint of its issuer.
    pub issuer_thumbprint: Option<String>,
}

/// The object around the cluster, which may have other fields some day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Specifics {
    pub(crate) cluster: Option<Cluster>,
}

object! {
    Specifics { cluster: optional("serviceFabricCluster") }
}

impl Part for Cluster {
    fn read(at: &At<'_>, reader: &mut Reader) -> Option<Self> {
        const BECAUSE: &str = "a cluster is managed somewhere";
        let fields = at.object(reader)?;
        let management_endpoints = match fields.given("managementEndpoints") {
            Some(at) => at.items(reader, 0, usize::MAX),
            None => fields.missing(reader, "managementEndpoints", BECAUSE),
        };
        let client_certificate_id = fields.optional(reader, "clientCertificateId");
        let said = fields.optional(reader, THUMBPRINT);
        let answered = fields.optional(reader, THUMBPRINT_ANSWERED);
        let max_partition_resolution_retries =
            fields.optional(reader, "maxPartitionResolutionRetries");
        let server_certificate_thumbprints =
            fields.list(reader, "serverCertificateThumbprints", 0, usize::MAX);
        let server_x509_names = fields.list(reader, "serverX509Names", 0, usize::MAX);
        Some(Self {
            management_endpoints: management_endpoints?,
            client_certificate_id,
            client_certificate_thumbprint: said.or(answered),
            max_partition_resolution_retries,
            server_certificate_thumbprints,
            server_x509_names,
        })
    }

    fn value(&self) -> Value {
        fields([
            ("managementEndpoints", Some(values(&self.management_endpoints))),
            ("clientCertificateId", self.client_certificate_id.as_ref().map(Part::value)),
            (THUMBPRINT, self.client_certificate_thumbprint.as_ref().map(Part::value)),
            (
                "maxPartitionResolutionRetries",
                self.max_partition_resolution_retries.as_ref().map(Part::value),
            ),
            (
                "serverCertificateThumbprints",
                self.server_certificate_thumbprints.as_deref().map(values),
            ),
            ("serverX509Names", self.server_x509_names.as_deref().map(values)),
        ])
    }
}

object! {
    X509Name {
        name: optional("name"),
        issuer_thumbprint: optional("issuerCertificateThumbprint"),
    }
}
