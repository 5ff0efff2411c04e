//! Our own client, asked for the same.

use std::time::Duration;

use pointsman_apim::{
    After, BackendId, Client, Credential, Draft, ETag, Endpoint, Error, Options, Patch, RequestId,
    Scope, Secret, ServiceId,
    answer::Said as Words,
    client::Retries,
    error::Withheld,
    list::{Query, Skip, Top},
    model,
    put::{Created, Overwrite},
    version::{Feature, NotOffered},
};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    azure::Azure,
    list::{Call, Operation},
    report::Said,
};

/// Our client.
#[derive(Debug)]
pub(crate) struct Ours {
    client: Client,
    subscription: String,
    calls: u128,
}

/// Why a call shows nothing.
enum Nothing {
    /// It was sent, or could have been.
    Error(Box<Error>),
    /// It cannot be said.
    Lacks(&'static str),
    /// It is refused by a type.
    Refused(String),
}

impl From<Error> for Nothing {
    fn from(error: Error) -> Self {
        Self::Error(Box::new(error))
    }
}

/// What a type refuses.
#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn refused(why: impl ToString) -> Nothing {
    Nothing::Refused(why.to_string())
}

impl Ours {
    pub(crate) fn new(azure: &Azure, version: &str) -> Self {
        let base = azure.arm().parse().expect("a loopback address");
        let endpoint = Endpoint::new(base, version.parse().expect("a version"));
        let options = Options { retries: Retries::PATIENT, ..Options::default() };
        let credential = Credential::Static(Secret::new(azure.token()));
        let client = Client::new(endpoint, credential, options).expect("it needs nothing more");
        let [subscription, ..] = azure.service_parts();
        Self { client, subscription: subscription.to_owned(), calls: 0 }
    }

    /// Makes a call, and says what came of it.
    pub(crate) async fn make(&mut self, call: &Call) -> Said {
        self.calls += 1;
        let id = RequestId::from(Uuid::from_u128(self.calls));
        self.made(call, id).await.unwrap_or_else(said)
    }

    async fn made(&self, call: &Call, id: RequestId) -> Result<Said, Nothing> {
        let client = &self.client;
        let scope = self.scope(call)?;
        let body = || call.body.as_ref().map(Value::to_string).unwrap_or_default();
        match call.r#do {
            Operation::List => {
                let mut pages = client.pages(&scope, &query(call)?, id);
                let mut shown = Vec::new();
                while let Some(page) = pages.next().await? {
                    shown.push(page.backends.iter().map(|one| one.raw().clone()).collect());
                }
                Ok(Said { status: Some(200), pages: Some(shown), ..Said::default() })
            }
            Operation::Etag => {
                let tagged = client.entity_tag(&backend(&scope, call)?, id).await?;
                Ok(Said { etag: Some(tagged.etag.as_str().to_owned()), ..status(200) })
            }
            Operation::Get => Ok(shown(200, &client.get(&backend(&scope, call)?, id).await?)),
            Operation::Put => {
                let (to, draft) = (backend(&scope, call)?, Draft::parse(body()).map_err(refused)?);
                let created = match call.if_match.as_deref() {
                    None => client.create(&to, &draft, id).await?,
                    Some("*") => {
                        let leave = Overwrite::whatever_is_there();
                        client.overwrite(&to, leave, &draft, id).await?
                    }
                    Some(etag) => {
                        let etag = etag.parse().map_err(refused)?;
                        return Ok(shown(200, &client.replace(&to, &etag, &draft, id).await?));
                    }
                };
                Ok(match &created {
                    Created::New(backend) => shown(201, backend),
                    Created::Replaced(backend) => shown(200, backend),
                })
            }
            Operation::Retitle => {
                let to = backend(&scope, call)?;
                let seen = client.get(&to, id).await?;
                let mut properties = model::read(seen.document()).map_err(refused)?;
                let title = call.title.as_deref().unwrap_or_default();
                properties.title = Some(title.parse().map_err(refused)?);
                let draft = Draft::over(&seen, &properties).map_err(refused)?;
                Ok(shown(200, &client.replace(&to, seen.etag(), &draft, id).await?))
            }
            Operation::Patch => {
                let to = backend(&scope, call)?;
                let (etag, patch) = (etag(call)?, Patch::parse(body()).map_err(refused)?);
                Ok(shown(200, &client.update(&to, &etag, &patch, id).await?))
            }
            Operation::Delete => {
                let deleted = client.delete(&backend(&scope, call)?, &etag(call)?, id).await?;
                Ok(status(if deleted.was_there { 200 } else { 204 }))
            }
            Operation::Reconnect => {
                let Some(to) = backend(&scope, call)?.at_service() else {
                    return Err(Nothing::Lacks("reconnect"));
                };
                let after = call.after.map(Duration::from_secs);
                let after = after.map_or(After::MIN, After::even_below_minimum);
                client.reconnect(&to, after, id).await?;
                Ok(status(202))
            }
            Operation::Look => panic!("a look is made by no client"),
        }
    }

    fn scope(&self, call: &Call) -> Result<Scope, Nothing> {
        let part = |part: &Option<String>| part.clone().unwrap_or_default();
        let service = ServiceId {
            subscription: self.subscription.parse().map_err(refused)?,
            resource_group: part(&call.resource_group).parse().map_err(refused)?,
            service: part(&call.service).parse().map_err(refused)?,
        };
        let workspace = call.workspace.map(str::parse).transpose().map_err(refused)?;
        Ok(Scope { service, workspace })
    }
}

fn backend(scope: &Scope, call: &Call) -> Result<BackendId, Nothing> {
    let name = call.backend.as_deref().unwrap_or_default();
    Ok(scope.backend(name.parse().map_err(refused)?))
}

/// The condition of an Update or a Delete, which ours never make without.
fn etag(call: &Call) -> Result<ETag, Nothing> {
    match call.if_match.as_deref().unwrap_or_default() {
        "*" => Err(Nothing::Lacks("changes unseen")),
        etag => etag.parse().map_err(refused),
    }
}

fn query(call: &Call) -> Result<Query, Nothing> {
    let number = |number: i64| u64::try_from(number).map_err(refused);
    Ok(Query {
        filter: call.filter.as_ref().map(|text| text.parse()).transpose().map_err(refused)?,
        top: call.top.map(|top| Top::new(number(top)?).map_err(refused)).transpose()?,
        skip: call.skip.map(|skip| Skip::new(number(skip)?).map_err(refused)).transpose()?,
    })
}

fn status(status: u16) -> Said {
    Said { status: Some(status), ..Said::default() }
}

fn shown(code: u16, backend: &pointsman_apim::Backend) -> Said {
    let etag = Some(backend.etag().as_str().to_owned());
    Said { etag, backend: Some(backend.raw().clone()), ..status(code) }
}

/// What an error says.
fn said(nothing: Nothing) -> Said {
    let error = match nothing {
        Nothing::Error(error) => *error,
        Nothing::Lacks(what) => return Said { lacks: Some(what.to_owned()), ..Said::default() },
        Nothing::Refused(why) => return Said { refused: Some(why), ..Said::default() },
    };
    if let Some(answer) = error.answer() {
        let targets = match &answer.said {
            Words::Error(complaint) => {
                complaint.details.iter().filter_map(|detail| detail.target.clone()).collect()
            }
            Words::Foreign { .. } => Vec::new(),
        };
        let code = Some(answer.code().to_owned()).filter(|code| !code.is_empty());
        return Said { code, targets, ..status(answer.status.as_u16()) };
    }
    let Error::Withheld { reason: Withheld::NotOffered(NotOffered { feature, .. }), .. } = &error
    else {
        return Said { broken: Some(error.full()), ..Said::default() };
    };
    let lacks = match feature {
        Feature::Workspaces => "workspaces",
        Feature::Pools => "pools",
        Feature::CircuitBreakers => "breakers",
    };
    Said { lacks: Some(lacks.to_owned()), ..Said::default() }
}
