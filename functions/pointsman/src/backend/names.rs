//! Which backend, or which service, is meant: by the playbook in force, or the configured one.
//!
//! A playbook that cannot be read stops only what needs its names: with a whole Azure path, a note
//! tells of it, and the command goes on.

use pointsman_apim::{BackendId, Scope, ServiceId};
use pointsman_core::playbook::Playbook;
use pointsman_host::{Config, Records};

use crate::{common::Common, failed::Failed, playbook, show};

/// What the playbook calls things; nothing where there is none.
#[derive(Default)]
pub(super) struct Names {
    managed: Vec<(String, BackendId)>,
    services: Vec<(String, ServiceId)>,
    /// Why it is not known what the playbook calls things.
    unread: Option<Failed>,
}

impl Names {
    /// Reads the playbook in force; the configured one, if none was ever published.
    pub(super) async fn read(common: &Common, config: &Config) -> Self {
        let read = Self::try_read(common, config).await;
        read.unwrap_or_else(|why| Self { unread: Some(why), ..Self::default() })
    }

    async fn try_read(common: &Common, config: &Config) -> Result<Self, Failed> {
        let (file, is_there) = common.store(config)?;
        let records = if is_there { Some(Records::open(&file).await?) } else { None };
        let store = records.as_ref().map(|records| &*records.store);
        let loaded = playbook::to_go_by(None, store, config.playbook.as_ref()).await;
        if let Some(records) = records {
            records.close().await;
        }
        loaded?.map_or_else(|| Ok(Self::default()), |loaded| Self::of(&loaded.playbook))
    }

    fn of(playbook: &Playbook) -> Result<Self, Failed> {
        let mut names = Self::default();
        for (alias, backend) in playbook.managed() {
            names.managed.push((alias.to_owned(), backend.to_string().parse()?));
        }
        for (alias, service) in &playbook.services {
            let path = format!(
                "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.ApiManagement/service/{}",
                service.subscription, service.resource_group, service.name
            );
            names.services.push((alias.to_string(), path.parse()?));
        }
        Ok(names)
    }

    /// The backend that is called so. What the playbook calls it goes before what Azure does.
    pub(super) fn backend(&self, text: &str) -> Result<BackendId, Failed> {
        if text.starts_with('/') {
            self.warn();
            return text.parse().map_err(Failed::usage);
        }
        self.known()?;
        if let Some((_, id)) = self.managed.iter().find(|(alias, _)| alias == text) {
            return Ok(id.clone());
        }
        let parts: Vec<&str> = text.split('/').collect();
        let (service, workspace, name) = match parts.as_slice() {
            [name] => (None, None, *name),
            [service, name] => (Some(*service), None, *name),
            [service, workspace, name] => (Some(*service), Some(*workspace), *name),
            _ => {
                return Err(Failed::usage(format_args!(
                    "{text} is not the name of a backend: give a pool of the playbook, service/name, \
                     service/workspace/name or its Azure path"
                )));
            }
        };
        let scope = self.scope(service, workspace)?;
        let name = name.parse().map_err(Failed::usage)?;
        Ok(scope.backend(name))
    }

    /// The service that is called so, or the only one; or a workspace of it.
    pub(super) fn scope(
        &self,
        service: Option<&str>,
        workspace: Option<&str>,
    ) -> Result<Scope, Failed> {
        let service = match service {
            Some(path) if path.starts_with('/') => {
                self.warn();
                path.parse().map_err(Failed::usage)?
            }
            _ => {
                self.known()?;
                self.service(service)?.clone()
            }
        };
        let workspace = workspace.map(str::parse).transpose().map_err(Failed::usage)?;
        Ok(Scope { service, workspace })
    }

    /// Fails where the names of the playbook are not known.
    fn known(&self) -> Result<(), Failed> {
        match &self.unread {
            None => Ok(()),
            Some(why) => Err(why.within(
                "this name is looked up in the playbook, which cannot be read; use its whole Azure path, or \
                 correct the playbook:",
            )),
        }
    }

    /// Notes that they are not known, where they are not needed.
    fn warn(&self) {
        if let Some(why) = &self.unread {
            let why = why.within("the playbook cannot be read, which does not matter here:");
            show::notes(why.page());
        }
    }

    fn service(&self, text: Option<&str>) -> Result<&ServiceId, Failed> {
        let known = || {
            let names: Vec<String> = self
                .services
                .iter()
                .map(|(alias, id)| format!("{alias} ({})", id.service))
                .collect();
            names.join(", ")
        };
        let Some(text) = text else {
            return match self.services.as_slice() {
                [(_, only)] => Ok(only),
                [] => Err(Failed::usage(
                    "there is no playbook that names a service: give the whole Azure path",
                )),
                _ => Err(Failed::usage(format_args!("name the service too: {}", known()))),
            };
        };
        if let Some((_, id)) = self.services.iter().find(|(alias, _)| alias == text) {
            return Ok(id);
        }
        let called = |id: &ServiceId| id.service.as_str().eq_ignore_ascii_case(text);
        let means: Vec<&ServiceId> =
            self.services.iter().map(|(_, id)| id).filter(|id| called(id)).collect();
        match means.as_slice() {
            [one] => Ok(one),
            [] if self.services.is_empty() => Err(Failed::usage(format_args!(
                "no service is called {text}: there is no playbook that names one; give the whole \
                 Azure path"
            ))),
            [] => Err(Failed::usage(format_args!(
                "no service is called {text}; known are: {}",
                known()
            ))),
            _ => Err(Failed::usage(format_args!(
                "{text} could be any of these; say which: {}",
                known()
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const ONE: &str = "version: 1
services:
  main: {subscription: 00000000-0000-0000-0000-000000000001, resourceGroup: rg, name: contoso}
pools: {chat: {service: main, backend: chat-pool}}
plays: []
";
    const TWO: &str = "version: 1
services:
  main: {subscription: 00000000-0000-0000-0000-000000000001, resourceGroup: rg, name: contoso}
  spare: {subscription: 00000000-0000-0000-0000-000000000001, resourceGroup: rg, name: fabrikam}
pools: {chat: {service: main, backend: chat-pool}}
plays: []
";

    fn check(playbook: Option<&str>, text: &str, expected: &Expect) {
        let names = match playbook {
            Some(text) => Names::of(&pointsman_core::playbook::read(text).unwrap()).unwrap(),
            None => Names::default(),
        };
        let shown = match names.backend(text) {
            Ok(id) => id.to_string().split_off("/subscriptions/00000000-0000-0000-0000-".len()),
            Err(why) => why.to_string(),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn a_backend_is_named_in_any_of_the_ways_and_doubt_is_told() {
        check(
            Some(ONE),
            "chat",
            &expect![[
                r#"000000000001/resourceGroups/rg/providers/Microsoft.ApiManagement/service/contoso/backends/chat-pool"#
            ]],
        );
        check(
            Some(ONE),
            "eu",
            &expect![[
                r#"000000000001/resourceGroups/rg/providers/Microsoft.ApiManagement/service/contoso/backends/eu"#
            ]],
        );
        check(
            Some(TWO),
            "spare/eu",
            &expect![[
                r#"000000000001/resourceGroups/rg/providers/Microsoft.ApiManagement/service/fabrikam/backends/eu"#
            ]],
        );
        check(
            Some(TWO),
            "Contoso/team/eu",
            &expect![[
                r#"000000000001/resourceGroups/rg/providers/Microsoft.ApiManagement/service/contoso/workspaces/team/backends/eu"#
            ]],
        );
        check(Some(TWO), "eu", &expect!["name the service too: main (contoso), spare (fabrikam)"]);
        check(
            Some(ONE),
            "nope/eu",
            &expect!["no service is called nope; known are: main (contoso)"],
        );
        check(
            Some(ONE),
            "a/b/c/d",
            &expect![
                "a/b/c/d is not the name of a backend: give a pool of the playbook, service/name, service/workspace/name or its Azure path"
            ],
        );
        check(
            None,
            "eu",
            &expect!["there is no playbook that names a service: give the whole Azure path"],
        );
    }
}
