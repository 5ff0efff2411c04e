//! The servers that scenarios run for real: Prometheus and Alertmanager, and the tool that comes with
//! the first.
//!
//! Their services are not started: a scenario starts its own.

use crate::{
    command::on_path,
    packages::{Need, Needs},
};

/// The servers, by the names that they have in Debian.
pub(crate) const SERVERS: Needs = Needs {
    who: "a scenario runs",
    all: &[
        Need {
            name: "prometheus",
            package: "prometheus",
            is_there: || on_path("prometheus").is_some() && on_path("promtool").is_some(),
        },
        Need {
            name: "prometheus-alertmanager",
            package: "prometheus-alertmanager",
            is_there: || on_path("prometheus-alertmanager").is_some(),
        },
    ],
    elsewhere: "Elsewhere: from https://prometheus.io/download/, on the PATH under these names.",
};
