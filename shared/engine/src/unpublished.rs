//! What nobody has published of a backend, in words, for whoever looks at a playbook by day.

use pointsman_apim::{Unpublished, id::BackendName};

use crate::inspect::Matter;

impl Matter {
    /// That a backend has such a thing; whether the configured version of Azure's interface shows it.
    pub(crate) fn unpublished(of: &Unpublished, is_shown: bool) -> Self {
        let (fields, mut what) = match of {
            Unpublished::Sessions => (
                vec!["pool.sessionAffinity".to_owned()],
                "the pool has `sessionAffinity`: whether sessions stay at a member whose weight becomes 0 is not \
                 published, so that a drain may not move them"
                    .to_owned(),
            ),
            Unpublished::LeftOut(members) => {
                let names: Vec<&str> = members.iter().map(BackendName::as_str).collect();
                let counts = if is_shown {
                    "limits do not count them as certainly serving"
                } else {
                    "limits count them as serving, as they are not seen here"
                };
                let what = format!(
                    "{} may be left out by Azure itself (`preferredCarbonEmission`): when is not published, and \
                     {counts}",
                    names.join(", ")
                );
                let path = |name: &&str| format!("services[{name}].preferredCarbonEmission");
                (names.iter().map(path).collect(), what)
            }
            Unpublished::PoolAnswers(status) => (
                vec!["pool.failureResponse".to_owned()],
                format!(
                    "the pool answers with {} where no member is left (`failureResponse`), and not with 503: \
                     whether a member whose weight is 0 counts as left is not published, and an alert on 503 does \
                     not see that answer",
                    shown(*status)
                ),
            ),
            Unpublished::RuleAnswers { rule, status } => (
                vec![format!("rules[{rule}].failureResponse")],
                format!(
                    "while its breaker is tripped, it answers with {} (`failureResponse` of rule {rule}), and not \
                     with 503: whether a pool then passes it over as before is not published, and an alert on 503 \
                     does not see that answer",
                    shown(*status)
                ),
            ),
        };
        if !is_shown {
            what.push_str("; only a later `azure.apiVersion` than the configured one shows it");
        }
        Self::Unpublished { fields, what }
    }
}

fn shown(status: Option<u64>) -> String {
    status.map_or_else(|| "another status".to_owned(), |status| status.to_string())
}
