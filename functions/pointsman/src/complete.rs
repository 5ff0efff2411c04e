//! Completion of names: pools, members, overrides and sources, as the configuration, the playbook and the
//! store have them.
//!
//! A shell asks while a person types. So it is bounded in time, it changes nothing, and what cannot be
//! found out is not offered, without a word.

use std::{
    collections::BTreeSet,
    env,
    path::{Path, PathBuf},
};

use clap::{Arg, Command, builder::StyledStr};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use pointsman_core::{
    field::Field,
    playbook::{self, Playbook},
    pool::Pool,
};
use pointsman_engine::Mode;
use pointsman_host::{
    Config,
    config::Needs,
    input,
    wiring::{Glance, glance, store_file},
};

/// How many names are offered.
const CANDIDATES_MAX: usize = 200;

/// Has the arguments that are names of something completed, in all commands.
pub(crate) fn names(command: Command) -> Command {
    command.mut_args(argument).mut_subcommands(names)
}

fn argument(argument: Arg) -> Arg {
    let candidates: fn() -> Vec<CompletionCandidate> = match argument.get_id().as_str() {
        "backend" => || offer(Known::backends),
        // Of `undo`.
        "what" | "over" => || offer(Known::overrides_and_backends),
        // Of `explain`.
        "anything" => || offer(Known::anything),
        "source" | "from" => || offer(Known::sources),
        "label" => || offer(Known::labels),
        "member" => || offer(|known| known.members().collect()),
        "pool" => || offer(Known::pools),
        "play" => || offer(Known::plays),
        "generation" => || offer(Known::generations),
        _ => return argument,
    };
    argument.add(ArgValueCandidates::new(candidates))
}

/// A name, and what it is.
type Name = (String, Option<String>);

fn offer(of: fn(&Known) -> Vec<Name>) -> Vec<CompletionCandidate> {
    let names = Known::read().map(|known| of(&known)).unwrap_or_default();
    let mut seen = BTreeSet::new();
    let is_typable = |name: &str| !name.contains(|char: char| char.is_control() || char == ' ');
    let names = names.into_iter().filter(|(name, _)| is_typable(name) && seen.insert(name.clone()));
    names
        .take(CANDIDATES_MAX)
        .map(|(name, what)| CompletionCandidate::new(name).help(what.map(StyledStr::from)))
        .collect()
}

/// What is known here.
struct Known {
    config: Config,
    playbook: Option<Playbook>,
    glance: Glance,
}

impl Known {
    fn read() -> Option<Self> {
        let typed: Vec<String> = env::args().collect();
        let config = Config::read(&config_file(&typed), Needs::Store).ok()?;
        let shadow = typed.iter().any(|word| word == "--shadow");
        let file = store_file(&config, if shadow { Mode::Shadow } else { config.mode });
        let glance = glance(&file);
        let configured =
            || input::read(config.playbook.as_deref()?, playbook::PLAYBOOK_BYTES_MAX).ok();
        let text = glance.playbook.clone().map(|(_, text)| text).or_else(configured);
        let playbook = text.and_then(|text| playbook::read(&text).ok());
        Some(Self { config, playbook, glance })
    }

    fn backends(&self) -> Vec<Name> {
        let documents = self.glance.documents.iter();
        let pools = self.pools().into_iter();
        pools.chain(documents.map(|document| (document.backend.short(), None))).collect()
    }

    fn pools(&self) -> Vec<Name> {
        let pools = self.playbook.iter().flat_map(|playbook| &playbook.pools);
        pools.map(|(alias, pool)| (alias.to_string(), Some(pool.backend.short()))).collect()
    }

    fn plays(&self) -> Vec<Name> {
        let plays = self.playbook.iter().flat_map(|playbook| &playbook.plays);
        plays.map(|play| (play.name.to_string(), None)).collect()
    }

    /// The generations before the one in force, the newest first.
    fn generations(&self) -> Vec<Name> {
        let newest = self.glance.playbook.as_ref().map_or(0, |(number, _)| *number);
        (1..newest).rev().take(CANDIDATES_MAX).map(|number| (number.to_string(), None)).collect()
    }

    fn overrides_and_backends(&self) -> Vec<Name> {
        let overrides = self.glance.documents.iter().flat_map(|document| {
            let running = document.overrides.values().filter(|over| !over.has_ended());
            running.map(|over| {
                let what = format!("{}: {}", document.backend.short(), over.effect);
                (over.id.to_string(), Some(what))
            })
        });
        overrides.chain(self.backends()).collect()
    }

    fn sources(&self) -> Vec<Name> {
        self.config.source_names.iter().map(|name| (name.to_string(), None)).collect()
    }

    /// The members that the store and the playbook know of, each with its pool.
    fn members(&self) -> impl Iterator<Item = Name> {
        let seen = self.glance.documents.iter().flat_map(|document| {
            let pool = document
                .sight
                .iter()
                .flat_map(|sight| sight.pool().into_iter().flat_map(Pool::members));
            let touched = document.owned.keys().filter_map(Field::member);
            let members = pool.map(|member| &member.name).chain(touched);
            members.map(|member| (member.clone(), document.backend.short()))
        });
        let named = self.playbook.iter().flat_map(|playbook| {
            playbook.pools.iter().flat_map(|(alias, pool)| {
                let members = playbook.members_named(alias).into_iter();
                members.map(|member| (member, pool.backend.short()))
            })
        });
        let listed = self.glance.members.iter();
        let listed = listed.map(|(pool, member)| (member.clone(), pool.short()));
        let all = seen.chain(listed).chain(named);
        all.map(|(member, pool)| (member.to_string(), Some(format!("a member of {pool}"))))
    }

    fn anything(&self) -> Vec<Name> {
        self.overrides_and_backends().into_iter().chain(self.members()).collect()
    }

    /// The members, as the label by which an alert names them.
    fn labels(&self) -> Vec<Name> {
        let touched = self.members().map(|(member, of)| (format!("backend={member}"), of));
        touched.chain([("backend=".to_owned(), Some("the member that fails".to_owned()))]).collect()
    }
}

/// The configuration that is meant by what is typed.
fn config_file(typed: &[String]) -> PathBuf {
    let after = |at: usize| typed.get(at + 1).cloned();
    let named = typed.iter().enumerate().find_map(|(at, word)| match word.as_str() {
        "--config" => after(at),
        word => word.strip_prefix("--config=").map(str::to_owned),
    });
    let named = named.or_else(|| env::var("POINTSMAN_CONFIG").ok());
    named.map_or_else(|| Path::new("pointsman.yaml").to_owned(), PathBuf::from)
}
