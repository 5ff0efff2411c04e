//! `properties.properties.serviceFabricCluster`: a backend that is a service of Service Fabric.

use serde_json::Value;

use super::part::{At, Part, fields, object, values};

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

object! {
    Cluster {
        management_endpoints:
            required_list("managementEndpoints", "a cluster is managed somewhere", 0, usize::MAX),
        client_certificate_id: optional("clientCertificateId"),
        client_certificate_thumbprint: either(THUMBPRINT, THUMBPRINT_ANSWERED),
        max_partition_resolution_retries: optional("maxPartitionResolutionRetries"),
        server_certificate_thumbprints: list("serverCertificateThumbprints", 0, usize::MAX),
        server_x509_names: list("serverX509Names", 0, usize::MAX),
    }
}

object! {
    X509Name {
        name: optional("name"),
        issuer_thumbprint: optional("issuerCertificateThumbprint"),
    }
}
