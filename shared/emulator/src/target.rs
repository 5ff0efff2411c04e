//! What a request asks for: the operation, and the backend or the collection that it is about.

use crate::{
    address::{Address, Operation, Path},
    name,
    query::decoded,
    service::PROVIDER,
    services::{Services, Unfound},
};
use http::Method;
use std::sync::Arc;

/// What a request's verb and path say together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// One backend, and the operation on it.
    Backend(Operation, Address),
    /// All backends of a service, or of one of its workspaces; the address of one, without its
    /// name.
    Collection(Address),
    /// All subscriptions; or all services of one of them.
    Inventory(Option<String>),
    /// The path goes by a subscription, a resource group or a service that is not there.
    Elsewhere(Unfound),
    /// The path is known, the verb is not.
    WrongVerb,
    /// Nothing that is known here.
    Unknown,
}

impl Target {
    pub(crate) fn read(services: &Services, verb: &Method, path: &str) -> Self {
        let Some(segments) =
            path.trim_matches('/').split('/').map(decoded).collect::<Option<Vec<_>>>()
        else {
            return Self::Unknown;
        };
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let Some(Path { names, workspace, rest }) = Path::read(&segments) else {
            return inventory(&segments, verb);
        };
        let service = match services.find(names) {
            Ok(service) => Arc::clone(service),
            Err(unfound) => return Self::Elsewhere(unfound),
        };
        let [backends, rest @ ..] = rest else { return Self::Unknown };
        if !backends.eq_ignore_ascii_case("backends") {
            return Self::Unknown;
        }
        let in_workspace = workspace.is_some();
        let address = |name: &str| services.home(Address::new(Some(service), workspace, name));
        match rest {
            [] => match *verb {
                Method::GET => Self::Collection(address("")),
                _ => Self::WrongVerb,
            },
            [id] => match Operation::of(verb) {
                Some(operation) => Self::Backend(operation, address(id)),
                None => Self::WrongVerb,
            },
            // Reconnect exists at service level only, in every version of the API.
            [id, verb_name] if !in_workspace && verb_name.eq_ignore_ascii_case("reconnect") => {
                match *verb {
                    Method::POST => Self::Backend(Operation::Reconnect, address(id)),
                    _ => Self::WrongVerb,
                }
            }
            _ => Self::Unknown,
        }
    }

    pub(crate) fn operation(&self) -> Operation {
        match self {
            Self::Backend(operation, _) => *operation,
            Self::Collection(_) => Operation::List,
            Self::Inventory(_) | Self::Elsewhere(_) | Self::WrongVerb | Self::Unknown => {
                Operation::Unknown
            }
        }
    }

    pub(crate) fn backend(&self) -> Option<&Address> {
        match self {
            Self::Backend(_, address) => Some(address),
            Self::Collection(_)
            | Self::Inventory(_)
            | Self::Elsewhere(_)
            | Self::WrongVerb
            | Self::Unknown => None,
        }
    }

    /// Where the backends are that it asks for: an address of which only service and workspace
    /// count.
    pub(crate) fn place(&self) -> Option<&Address> {
        match self {
            Self::Backend(_, address) | Self::Collection(address) => Some(address),
            Self::Inventory(_) | Self::Elsewhere(_) | Self::WrongVerb | Self::Unknown => None,
        }
    }
}

/// The paths above a service at which something is listed.
fn inventory(segments: &[&str], verb: &Method) -> Target {
    let listed = match segments {
        [s] if s.eq_ignore_ascii_case("subscriptions") => None,
        [s, subscription, p, provider, t]
            if s.eq_ignore_ascii_case("subscriptions")
                && p.eq_ignore_ascii_case("providers")
                && provider.eq_ignore_ascii_case(PROVIDER)
                && t.eq_ignore_ascii_case("service") =>
        {
            Some((*subscription).to_owned())
        }
        _ => return Target::Unknown,
    };
    if verb == Method::GET { Target::Inventory(listed) } else { Target::WrongVerb }
}

/// What is wrong with the names in a path: the parameter, and the words of it.
pub(crate) fn names_wrong(operation: Operation, place: &Address) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    if operation != Operation::List
        && let Err(words) = name::backend(place.name())
    {
        wrong.push(("backendId", words));
    }
    if let Some(Err(words)) = place.workspace().map(name::workspace) {
        wrong.push(("workspaceId", words));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Service;

    fn read(verb: &str, path: &str) -> Target {
        let verb = verb.parse().unwrap();
        Target::read(&Services::new(Service::default(), &[]), &verb, path)
    }

    const BASE: &str = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg1\
                        /providers/Microsoft.ApiManagement/service/contoso-apim";

    #[test]
    fn paths() {
        let eu = Address::from("eu");
        let check = |verb: &str, tail: &str, want: Target| {
            assert_eq!(read(verb, &format!("{BASE}{tail}")), want, "{verb} {tail}");
        };
        check("GET", "/backends/eu", Target::Backend(Operation::Get, eu.clone()));
        check("HEAD", "/backends/EU", Target::Backend(Operation::Head, eu.clone()));
        check("POST", "/backends/eu/reconnect", Target::Backend(Operation::Reconnect, eu));
        check("GET", "/backends/eu/reconnect", Target::WrongVerb);
        check("POST", "/backends/eu", Target::WrongVerb);
        check("GET", "/backends", Target::Collection("".into()));
        check("GET", "/workspaces/w/backends/", Target::Collection("w/".into()));
        check("PUT", "/backends", Target::WrongVerb);
        check(
            "PATCH",
            "/workspaces/team%20a/backends/eu",
            Target::Backend(Operation::Patch, Address::in_workspace("team a", "eu")),
        );
        check("POST", "/workspaces/w/backends/eu/reconnect", Target::Unknown);
        check("GET", "/apis/x", Target::Unknown);
        assert_eq!(read("GET", "/Subscriptions"), Target::Inventory(None));
        assert_eq!(read("PUT", "/subscriptions"), Target::WrongVerb);
        assert_eq!(
            read("GET", "/subscriptions/s/providers/microsoft.apimanagement/service"),
            Target::Inventory(Some("s".to_owned()))
        );
        assert_eq!(read("GET", "/subscriptions/s/providers/Microsoft.Web/sites"), Target::Unknown);
        check("GET", "", Target::Unknown);
        check("GET", "/backends/a%2", Target::Unknown);
    }

    #[test]
    fn the_service_is_compared_without_case() {
        let shouted = format!("{}/BACKENDS/eu", BASE.to_uppercase());
        assert_eq!(read("GET", &shouted), Target::Backend(Operation::Get, "eu".into()));
        let other = format!("{}/backends/eu", BASE.replace("rg1", "rg2"));
        let Target::Elsewhere(unfound) = read("GET", &other) else { panic!("{other} is found") };
        assert_eq!(unfound.code, "ResourceGroupNotFound");
    }

    #[test]
    fn names() {
        let check = |operation, address: Address, want: &[&str]| {
            let wrong = names_wrong(operation, &address);
            let parameters: Vec<_> = wrong.iter().map(|(parameter, _)| *parameter).collect();
            assert_eq!(parameters, want, "{address}");
        };
        let long = "x".repeat(81);
        check(Operation::Get, "eu".into(), &[]);
        check(Operation::Get, long[..80].into(), &[]);
        check(Operation::Get, long.as_str().into(), &["backendId"]);
        check(Operation::List, "".into(), &[]);
        check(Operation::List, Address::in_workspace("a b-c", ""), &[]);
        check(Operation::List, Address::in_workspace(&long, ""), &["workspaceId"]);
        for refused in "*#&+:<>?".chars() {
            check(
                Operation::Put,
                Address::in_workspace(&format!("a{refused}"), "eu"),
                &["workspaceId"],
            );
        }
    }
}
