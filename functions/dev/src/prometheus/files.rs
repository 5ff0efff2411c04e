//! The configurations of both programs, as anyone would write them for a real gateway; with seconds
//! where minutes would stand, so that one can watch.
//!
//! A member that is drained gets no traffic to be judged by: the alert that fires goes on while the
//! probe of the member fails, and is over once it has been good for a while.

use std::{fmt::Write as _, net::SocketAddr};

use super::super::{watcher::ALERT, world::Side};

/// The files' names.
pub(super) const PROMETHEUS: &str = "prometheus.yml";
pub(super) const RULES: &str = "rules.yml";
pub(super) const ALERTMANAGER: &str = "alertmanager.yml";

/// What Prometheus scrapes.
pub(super) struct Scraped<'a> {
    pub(super) gateway: &'a str,
    pub(super) probe: SocketAddr,
    /// The members that the probe asks.
    pub(super) members: &'a [&'a str],
}

/// What Alertmanager is started with. It is by itself: no other looks for it.
pub(super) const ALERTMANAGER_ARGUMENTS: [&str; 3] =
    ["--config.file=alertmanager.yml", "--storage.path=alertmanager", "--cluster.listen-address="];

/// What Prometheus is started with. The last says how often an alert that goes on is told again.
pub(super) const PROMETHEUS_ARGUMENTS: [&str; 3] = [
    "--config.file=prometheus.yml",
    "--storage.tsdb.path=prometheus",
    "--rules.alert.resend-delay=2s",
];

/// Who is told, and how soon.
pub(super) fn alertmanager(url: &str, bearer_file: &str) -> String {
    format!(
        "\
# Written by `pointsman dev --prometheus`.
route:
  receiver: pointsman
  group_by: [alertname, pool]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 5s
receivers:
- name: pointsman
  webhook_configs:
  - url: {url}
    send_resolved: true
    max_alerts: 1000
    http_config:
      authorization: {{type: Bearer, credentials_file: {bearer_file}}}
"
    )
}

/// What is scraped, and who is told of alerts.
pub(super) fn prometheus(pool: Side, scraped: &Scraped<'_>, alertmanager: &str) -> String {
    let Scraped { gateway, probe, members } = scraped;
    let address = |url: &str| url.strip_prefix("http://").unwrap_or(url).to_owned();
    let mut targets = String::new();
    for backend in *members {
        let _ = write!(
            targets,
            "\n  - targets: [{backend}]\n    labels: {{pool: {pool}, backend: {backend}}}"
        );
    }
    format!(
        "\
# Written by `pointsman dev --prometheus`.
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [{RULES}]
alerting:
  alertmanagers:
  - static_configs: [{{targets: ['{alertmanager}']}}]
scrape_configs:
- job_name: gateway
  static_configs: [{{targets: ['{gateway}']}}]
# As with a blackbox exporter, for which a page of `dev` stands.
- job_name: members
  metrics_path: /probe
  static_configs:{targets}
  relabel_configs:
  - {{source_labels: [__address__], target_label: __param_target}}
  - {{source_labels: [__param_target], target_label: instance}}
  - {{target_label: __address__, replacement: '{probe}'}}
",
        alertmanager = address(alertmanager),
        gateway = address(gateway),
    )
}

/// When an alert fires, and until when.
pub(super) fn rules(pool: Side) -> String {
    let sent = format!("gateway_requests_total{{pool=\"{pool}\", backend!=\"\"");
    format!(
        "\
# Written by `pointsman dev --prometheus`.
groups:
- name: gateway
  rules:
  - alert: {ALERT}
    # Too many errors; or, once it fires, a probe that has failed of late: a member that is drained
    # gets no traffic to be judged by.
    expr: >-
      (
      sum by (pool, backend) (rate({sent}, code=~\"5..\"}}[4s]))
      / sum by (pool, backend) (rate({sent}}}[4s])) > 0.05
      ) or (
      max by (pool, backend) (1 - min_over_time(probe_success{{pool=\"{pool}\"}}[3s])) > 0
      and on (pool, backend) ALERTS{{alertname=\"{ALERT}\", alertstate=\"firing\"}}
      )
    for: 2s
    labels: {{severity: critical}}
    annotations:
      summary: '{{{{ $value | humanizePercentage }}}} of what {{{{ $labels.pool }}}} sends to {{{{ $labels.backend }}}} fails'
"
    )
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_rule_and_what_it_is_fed_by() {
        expect![[r#"
            # Written by `pointsman dev --prometheus`.
            groups:
            - name: gateway
              rules:
              - alert: BackendErrors
                # Too many errors; or, once it fires, a probe that has failed of late: a member that is drained
                # gets no traffic to be judged by.
                expr: >-
                  (
                  sum by (pool, backend) (rate(gateway_requests_total{pool="helped", backend!="", code=~"5.."}[4s]))
                  / sum by (pool, backend) (rate(gateway_requests_total{pool="helped", backend!=""}[4s])) > 0.05
                  ) or (
                  max by (pool, backend) (1 - min_over_time(probe_success{pool="helped"}[3s])) > 0
                  and on (pool, backend) ALERTS{alertname="BackendErrors", alertstate="firing"}
                  )
                for: 2s
                labels: {severity: critical}
                annotations:
                  summary: '{{ $value | humanizePercentage }} of what {{ $labels.pool }} sends to {{ $labels.backend }} fails'
        "#]]
        .assert_eq(&rules(Side::Helped));
        let probe = "127.0.0.1:4".parse().unwrap();
        let members = ["helped-eu", "helped-us"];
        let scraped = Scraped { gateway: "http://127.0.0.1:3", probe, members: &members };
        expect![[r#"
            # Written by `pointsman dev --prometheus`.
            global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
            rule_files: [rules.yml]
            alerting:
              alertmanagers:
              - static_configs: [{targets: ['127.0.0.1:2']}]
            scrape_configs:
            - job_name: gateway
              static_configs: [{targets: ['127.0.0.1:3']}]
            # As with a blackbox exporter, for which a page of `dev` stands.
            - job_name: members
              metrics_path: /probe
              static_configs:
              - targets: [helped-eu]
                labels: {pool: helped, backend: helped-eu}
              - targets: [helped-us]
                labels: {pool: helped, backend: helped-us}
              relabel_configs:
              - {source_labels: [__address__], target_label: __param_target}
              - {source_labels: [__param_target], target_label: instance}
              - {target_label: __address__, replacement: '127.0.0.1:4'}
        "#]]
        .assert_eq(&prometheus(Side::Helped, &scraped, "http://127.0.0.1:2"));
    }
}
