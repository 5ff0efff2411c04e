//! Why something in a play could not be decided or filled in.

use super::expression::Fault;
use crate::{
    field::Property,
    names::{BackendId, NameError},
};

/// Why something in a play could not be decided or filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// An expression gave no value that can be used.
    #[error(transparent)]
    Expression(#[from] Fault),
    /// The text is not the name of a backend.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The text is not the name of a pool in the playbook.
    #[error("there is no pool `{name}`: {pools}")]
    NoPool {
        /// What came out.
        name: String,
        /// Which pools there are, or the first few of many.
        pools: String,
    },
    /// The text is not the name of a Single in the playbook.
    #[error("there is no backend `{name}`: {backends}")]
    NoSingle {
        /// What came out.
        name: String,
        /// Which there are, or the first few of many.
        backends: String,
    },
    /// A property of that Single may not be set.
    #[error("`{property}` of `{name}` may not be set: the backend's `may` does not list it")]
    MayNot {
        /// What the playbook calls it.
        name: String,
        /// Which property.
        property: Property,
    },
    /// The playbook does not say what the pool lists.
    #[error("the playbook does not list the pool's members: name its `members`")]
    Unlisted,
    /// No pool lists such a member.
    #[error("no member that a pool lists has {0}")]
    NoneSelected(String),
    /// More members are selected than may be.
    #[error("{count} are selected, and at most {most} may be: nothing is done to any")]
    ManySelected {
        /// How many.
        count: usize,
        /// How many may be.
        most: usize,
    },
    /// What is to be reconnected is a pool, and pools have no Reconnect.
    #[error("`{}` is a pool, and a pool cannot be reconnected: name one of its members", .0.name)]
    ReconnectsPool(Box<BackendId>),
    /// What is to be reconnected is in a workspace, and Azure has Reconnect at service level only.
    #[error("`{}` is in a workspace, and Azure has Reconnect at service level only", .0.name)]
    ReconnectsWorkspace(Box<BackendId>),
}
