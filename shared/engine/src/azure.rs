//! Azure API Management through [`pointsman_apim`]: what its answers mean to the core, and what
//! the core's intents are on the wire.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use jiff::SignedDuration;
use pointsman_apim::{self as apim, error::Done, error::Retry, newer};
use pointsman_core::{
    answer::{Answer, ReconnectAnswer},
    body::Single,
    document::{Intent, Way},
    etag::Etag,
    field::{Change, Field, Property, Value},
    names::{BackendId, BackendName},
    pool::{Member, Pool, Unknown},
    step::Observed,
};
use uuid::Uuid;

use crate::ports::{Clock, ManagementApi, Newest, Sight, Unseen, Writing};

/// The code with which API Management says that it has no such backend.
const NO_RESOURCE: &str = "ResourceNotFound";

/// What Resource Manager says with the same code of a service that it has not.
const NO_SERVICE: &str = "under resource group";

/// Azure API Management, by the client of its operations.
#[derive(Clone)]
pub struct Azure {
    client: apim::Client,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Azure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Azure").field("client", &self.client).finish_non_exhaustive()
    }
}

impl Azure {
    /// Azure, as `client` reaches it.
    #[must_use]
    pub fn new(client: apim::Client, clock: Arc<dyn Clock>) -> Self {
        Self { client, clock }
    }

    fn until(&self, error: &apim::Error) -> Option<jiff::Timestamp> {
        match error.retry() {
            Retry::Again { after } | Retry::Look { after } => {
                after.map(|after| after.moment(self.clock.now()))
            }
            Retry::Never => None,
        }
    }
}

fn call() -> apim::RequestId {
    Uuid::now_v7().into()
}

/// A backend's name as the client takes it. The core's names are within the client's bounds.
fn address(backend: &BackendId) -> Result<apim::BackendId, String> {
    backend.to_string().parse().map_err(|error: apim::id::ArmIdError| error.to_string())
}

/// What a backend shows to the core.
fn sight(backend: apim::Backend) -> Sight {
    let etag = Etag(backend.etag().as_str().to_owned());
    let date = backend.date();
    let observed = match backend.kind() {
        Ok(apim::backend::Kind::Single) => Observed::Shown { etag, body: single(&backend).into() },
        Ok(apim::backend::Kind::Pool) => match pool(&backend) {
            Ok(pool) => Observed::Shown { etag, body: pool.into() },
            Err(why) => Observed::Unreadable { etag, why },
        },
        Err(error) => Observed::Unreadable { etag, why: error.to_string() },
    };
    Sight { observed, date, raw: Some(Arc::new(backend)) }
}

fn pool(backend: &apim::Backend) -> Result<Pool, String> {
    let pool = backend.pool().map_err(|error| error.to_string())?;
    let members = pool.all().iter().map(|member| {
        Ok(Member {
            name: member.id.name().as_str().parse()?,
            weight: value(member.weight),
            priority: value(member.priority),
        })
    });
    let members: Result<Vec<_>, pointsman_core::names::NameError> = members.collect();
    let members = members.map_err(|error| error.to_string())?;
    let pool = Pool::new(members).map_err(|error| error.to_string())?;
    Ok(pool.knowing(unknown(backend)))
}

/// What the core has to know of what nobody has published.
fn unknown(backend: &apim::Backend) -> Unknown {
    let mut unknown = Unknown::default();
    for one in backend.unpublished() {
        match one {
            apim::Unpublished::Sessions => unknown.has_sessions = true,
            apim::Unpublished::LeftOut(members) => {
                let names = members.iter().filter_map(|member| member.as_str().parse().ok());
                unknown.may_be_left_out.extend(names);
            }
            // That is for who watches the statuses.
            apim::Unpublished::PoolAnswers(_) | apim::Unpublished::RuleAnswers { .. } => {}
        }
    }
    unknown
}

fn single(backend: &apim::Backend) -> Single {
    Single::new(Property::ALL.into_iter().filter_map(|one| {
        let value = match property(one).of(backend) {
            apim::property::Stands::Absent => Value::Absent,
            apim::property::Stands::Null => Value::Null,
            apim::property::Stands::Text(text) => Value::Json(text.parse().ok()?),
            apim::property::Stands::Withheld => return None,
        };
        Some((one, value))
    }))
}

const fn property(property: Property) -> apim::property::Property {
    match property {
        Property::CircuitBreaker => apim::property::Property::CircuitBreaker,
        Property::Url => apim::property::Property::Url,
        Property::ValidateCertificateChain => apim::property::Property::ValidateCertificateChain,
        Property::ValidateCertificateName => apim::property::Property::ValidateCertificateName,
        Property::ProxyUrl => apim::property::Property::ProxyUrl,
        Property::Title => apim::property::Property::Title,
        Property::Description => apim::property::Property::Description,
    }
}

const fn value(setting: apim::Setting) -> Value {
    match setting {
        apim::Setting::Absent => Value::Absent,
        apim::Setting::Null => Value::Null,
        apim::Setting::Number(number) => Value::Number(number),
    }
}

fn wire(value: &Value) -> Result<apim::Setting, String> {
    match value {
        Value::Absent => Ok(apim::Setting::Absent),
        Value::Null => Ok(apim::Setting::Null),
        Value::Number(number) => Ok(apim::Setting::Number(*number)),
        Value::Json(json) => Err(format!("{json} is not a weight or a priority")),
    }
}

/// What an update that was done comes to.
fn written(backend: apim::Backend) -> (Answer, Option<Sight>) {
    let etag = Etag(backend.etag().as_str().to_owned());
    let sight = sight(backend);
    let body = match &sight.observed {
        Observed::Shown { body, .. } => Some(body.clone()),
        Observed::Unreadable { .. } | Observed::Missing => None,
    };
    (Answer::Written { etag, body }, Some(sight))
}

/// What an intent is on the wire.
enum Request {
    Create(apim::put::Draft),
    Delete,
    Update(apim::pool::Patch),
    Replace(apim::put::Draft),
}

/// What an intent is on the wire, on the body it was planned from.
fn request(
    backend: &BackendId,
    raw: Option<&apim::Backend>,
    intent: &Intent,
) -> Result<Request, String> {
    if let Some(declared) = intent.make.as_ref().filter(|_| intent.guard.is_absent()) {
        let body = format!(r#"{{"properties":{}}}"#, declared.whole());
        let draft = apim::put::Draft::parse(body).map_err(|error| error.to_string())?;
        return Ok(Request::Create(draft));
    }
    let raw = raw.ok_or("there is nothing to change")?;
    if intent.deletes() {
        return Ok(Request::Delete);
    }
    if intent.is_empty() {
        return Ok(Request::Update(apim::pool::Patch::empty()));
    }
    let of_pool = |change: &Change| match &change.field {
        Field::Weight(_) | Field::Priority(_) | Field::Membership(_) => true,
        Field::Existence | Field::Property(_) => false,
    };
    if intent.changes.iter().all(of_pool) {
        let edit = pool_edit(backend, raw, intent)?;
        match intent.way {
            Way::Plain | Way::Explicit | Way::Null | Way::Rest => update(Ok(edit.finish())),
            Way::Whole => edit.whole(raw).map(Request::Replace).map_err(|error| error.to_string()),
        }
    } else {
        let edit = single_edit(raw, intent)?;
        match intent.way {
            Way::Plain | Way::Explicit | Way::Null | Way::Rest => update(edit.finish()),
            Way::Whole => edit.whole().map(Request::Replace).map_err(|error| error.to_string()),
        }
    }
}

fn update(edited: Result<apim::pool::Edited, apim::put::DraftError>) -> Result<Request, String> {
    match edited {
        Ok(apim::pool::Edited::Changed(patch)) => Ok(Request::Update(patch)),
        Ok(apim::pool::Edited::Unchanged) => Err("the body would not change".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn pool_edit<'a>(
    backend: &BackendId,
    raw: &'a apim::Backend,
    intent: &Intent,
) -> Result<apim::pool::Edit<'a>, String> {
    let mut edit = apim::pool::Edit::of(raw).map_err(|error| error.to_string())?;
    for change in &intent.changes {
        let named = |member: &BackendName| {
            member.as_str().parse().map_err(|error: apim::name::NameError| error.to_string())
        };
        let edited = match &change.field {
            Field::Weight(member) => edit.weight(&named(member)?, wire(&change.after)?),
            Field::Priority(member) => edit.priority(&named(member)?, wire(&change.after)?),
            Field::Membership(member) => match Member::of(member, &change.after) {
                Some(Member { name, weight, priority }) => {
                    let id = address(&backend.sibling(name))?;
                    edit.add(&id, wire(&weight)?, wire(&priority)?)
                }
                None => Ok(edit.remove(&named(member)?)),
            },
            Field::Existence => return Err("a pool is neither made nor deleted".to_owned()),
            Field::Property(property) => return Err(format!("a pool has no {property}")),
        };
        edited.map_err(|error| error.to_string())?;
    }
    Ok(edit)
}

fn single_edit<'a>(
    raw: &'a apim::Backend,
    intent: &Intent,
) -> Result<apim::property::Edit<'a>, String> {
    let mut edit = apim::property::Edit::of(raw);
    for change in &intent.changes {
        let Field::Property(of) = &change.field else {
            return Err(format!("a Single has no {}", change.field));
        };
        match &change.after {
            Value::Absent | Value::Null => edit.set(property(*of), None),
            Value::Json(json) => edit.set(property(*of), Some(json.as_str())),
            Value::Number(number) => return Err(format!("{number} is not a value of {of}")),
        }
    }
    Ok(edit)
}

#[async_trait]
impl ManagementApi for Azure {
    async fn get(&self, backend: &BackendId) -> Result<Sight, Unseen> {
        let address = address(backend).map_err(Unseen::new)?;
        match self.client.get(&address, call()).await {
            Ok(backend) => Ok(sight(backend)),
            // Where the subscription, the group or the service is not found, the address is wrong,
            // and nothing is known of the backend.
            Err(apim::Error::NotFound(answer))
                if answer.code() == NO_RESOURCE && !answer.message().contains(NO_SERVICE) =>
            {
                Ok(Sight { observed: Observed::Missing, date: answer.date, raw: None })
            }
            Err(error) => {
                tracing::warn!("{} could not be read: {}", backend.short(), error.full());
                let waits = matches!(
                    error,
                    apim::Error::Throttled(_)
                        | apim::Error::Withheld { reason: apim::error::Withheld::Paced { .. }, .. }
                );
                Err(Unseen { until: self.until(&error), why: error.plain(), waits })
            }
        }
    }

    async fn newest(&self, backend: &BackendId, seen: &Sight) -> Result<Newest, Unseen> {
        let unseen = Unseen::new;
        let Some(raw) = &seen.raw else { return Err(unseen("there is nothing to compare".into())) };
        let address = address(backend).map_err(unseen)?;
        let newest = self.client.get_newest(&address, call()).await;
        let newest = newest.map_err(|error| unseen(error.plain()))?;
        // That one state has one ETag in every version is nowhere promised.
        if newest.etag() != raw.etag() {
            let again = self.client.get(&address, call()).await;
            let again = again.map_err(|error| unseen(error.plain()))?;
            if again.etag() != raw.etag() {
                return Err(unseen("someone wrote to it between two looks".to_owned()));
            }
        }
        let hidden = newer::hidden_in_arrays(raw.document(), newest.document());
        Ok(Newest { hidden, unpublished: newest.unpublished() })
    }

    fn write(&self, backend: &BackendId, seen: &Sight, intent: &Intent) -> Writing {
        let not_sent = |why: String| -> Writing {
            Box::pin(std::future::ready((Answer::NotSent { why }, None)))
        };
        let raw = seen.raw.clone();
        let asked = address(backend)
            .and_then(|address| Ok((address, request(backend, raw.as_deref(), intent)?, raw)));
        let azure = self.clone();
        match asked {
            Ok((address, Request::Create(draft), _)) => {
                Box::pin(async move { azure.create(&address, &draft).await })
            }
            Ok((address, Request::Update(patch), Some(raw))) => {
                let update = self.client.update(&address, raw.etag(), &patch, call());
                Box::pin(async move { azure.answered(update.await) })
            }
            Ok((address, Request::Delete, Some(raw))) => {
                Box::pin(async move { (azure.delete(&address, &raw).await, None) })
            }
            Ok((_, Request::Update(_) | Request::Replace(_) | Request::Delete, None)) => {
                not_sent("there is nothing to change".to_owned())
            }
            Ok((address, Request::Replace(draft), Some(raw))) => Box::pin(async move {
                if let Err(answer) = azure.loses_nothing(&address, &raw, &draft).await {
                    return (answer, None);
                }
                let replace = azure.client.replace(&address, raw.etag(), &draft, call());
                azure.answered(replace.await)
            }),
            // What cannot be replaced as a whole can be updated still.
            Err(why) if intent.way == Way::Whole => {
                Box::pin(std::future::ready((Answer::Refused { why }, None)))
            }
            Err(why) => not_sent(why),
        }
    }

    async fn reconnect(&self, backend: &BackendId, after: SignedDuration) -> ReconnectAnswer {
        let refused = |why| ReconnectAnswer::Refused { why };
        let address: Result<apim::ServiceBackendId, _> = backend.to_string().parse();
        let (address, delay) = match (address, after.try_into().map(apim::After::new)) {
            (Ok(address), Ok(Ok(delay))) => (address, delay),
            (Err(error), _) => return refused(error.to_string()),
            (_, Ok(Err(error))) => return refused(error.to_string()),
            (_, Err(error)) => return refused(error.to_string()),
        };
        match self.client.reconnect(&address, delay, call()).await {
            Ok(_) => ReconnectAnswer::Accepted { after },
            Err(apim::Error::NotSent { .. } | apim::Error::Credential { .. }) => {
                ReconnectAnswer::NotSent { why: "Azure could not be reached".to_owned() }
            }
            Err(error) => match (error.done(), error.retry(), self.until(&error)) {
                (Done::Unknown, _, _) => ReconnectAnswer::Unknown { why: error.full() },
                (Done::No, Retry::Again { .. }, until) => ReconnectAnswer::Throttled { until },
                (Done::No, Retry::Look { .. } | Retry::Never, _) => refused(error.full()),
            },
        }
    }
}

impl Azure {
    /// Holds that a replacement takes nothing away that only the newest version shows.
    async fn loses_nothing(
        &self,
        address: &apim::BackendId,
        raw: &apim::Backend,
        draft: &apim::put::Draft,
    ) -> Result<(), Answer> {
        let newest = self.client.get_newest(address, call()).await;
        let newest = newest.map_err(|error| Answer::NotSent { why: error.plain() })?;
        let lost = newer::lost(raw.document(), newest.document(), draft.document());
        if lost.is_empty() {
            return Ok(());
        }
        let why = format!("to replace the whole would take away {}", lost.join(", "));
        Err(Answer::Refused { why })
    }

    /// Makes a backend that was seen not to be there.
    async fn create(
        &self,
        address: &apim::BackendId,
        draft: &apim::put::Draft,
    ) -> (Answer, Option<Sight>) {
        match self.client.create(address, draft, call()).await {
            Ok(apim::put::Created::New(backend)) => written(backend),
            Ok(apim::put::Created::Replaced(backend)) => match written(backend) {
                (Answer::Written { etag, body }, sight) => {
                    (Answer::CameFirst { etag, body }, sight)
                }
                other => other,
            },
            Err(error) => (self.answer(&error), None),
        }
    }

    /// Takes a backend away, unless a pool lists it, which may be anyone's. What Azure itself does then is
    /// not published.
    async fn delete(&self, address: &apim::BackendId, raw: &apim::Backend) -> Answer {
        match self.listed_by(address).await {
            Ok(None) => {}
            Ok(Some(pool)) => {
                let why = format!("pool {pool} lists it, and it is deleted once none does");
                return Answer::Refused { why };
            }
            Err(error) => return Answer::NotSent { why: error.plain() },
        }
        match self.client.delete(address, raw.etag(), call()).await {
            Ok(_) => Answer::Deleted,
            Err(error) => self.answer(&error),
        }
    }

    /// A pool that lists a backend, where one does.
    async fn listed_by(&self, address: &apim::BackendId) -> Result<Option<String>, apim::Error> {
        let mut pages = self.client.pages(address.scope(), &apim::list::Query::default(), call());
        while let Some(page) = pages.next().await? {
            let lists = |one: &&apim::Document| {
                one.pool().is_ok_and(|pool| pool.member(address.backend()).is_some())
            };
            if let Some(pool) = page.backends.iter().find(lists) {
                return Ok(Some(pool.name().map_or_else(|_| "?".to_owned(), |it| it.to_string())));
            }
        }
        Ok(None)
    }

    /// What came of a write.
    fn answered(&self, answer: Result<apim::Backend, apim::Error>) -> (Answer, Option<Sight>) {
        match answer {
            Ok(backend) => written(backend),
            Err(error) => (self.answer(&error), None),
        }
    }

    /// What an error means for a write.
    fn answer(&self, error: &apim::Error) -> Answer {
        let why = match error.answer() {
            Some(_) => error.full(),
            None => {
                tracing::warn!("a write had no answer: {}", error.full());
                error.plain()
            }
        };
        match error {
            apim::Error::PreconditionFailed(_) => Answer::Outrun,
            apim::Error::Throttled(_) | apim::Error::Busy(_) | apim::Error::Withheld { .. } => {
                Answer::Throttled { until: self.until(error) }
            }
            apim::Error::NotSent { .. } | apim::Error::Credential { .. } => Answer::NotSent { why },
            apim::Error::NotFound(_) | apim::Error::Unauthorized(_) | apim::Error::Refused(_) => {
                Answer::Refused { why }
            }
            apim::Error::Unknown { .. } | apim::Error::Unreadable { .. } => {
                Answer::Unknown { why, until: self.until(error) }
            }
        }
    }
}
