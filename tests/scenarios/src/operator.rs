//! The operator at the command line: what a command printed, and how it ended.

use serde_json::Value;

use crate::{
    World,
    alerts::{Alert, webhook},
};

/// A command that has ended.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub told: String,
}

impl Ran {
    /// It must have ended so.
    #[must_use]
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    /// Its standard output as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// What it says, wherever, must have this in it.
    #[must_use]
    pub fn says(self, text: &str) -> Self {
        assert!(says(&self.out, text) || says(&self.told, text), "{text} is not in {self:?}");
        self
    }
}

/// Whether an output says this, however its lines are wrapped.
#[must_use]
pub fn says(output: &str, text: &str) -> bool {
    output.contains(text) || output.split_whitespace().collect::<Vec<_>>().join(" ").contains(text)
}

impl World {
    /// Runs a command to its end, however it ends; it must not panic, nor show a secret.
    pub async fn say(&self, arguments: &[&str]) -> Ran {
        let output = self.run(arguments).await;
        let ran = Ran {
            code: output.status.code().expect("it ends by itself"),
            out: String::from_utf8(output.stdout).expect("text"),
            told: String::from_utf8(output.stderr).expect("text"),
        };
        for secret in [self.azure.token().as_str(), crate::world::TOKEN] {
            assert!(!ran.out.contains(secret) && !ran.told.contains(secret), "{ran:?}");
        }
        assert!(!ran.told.contains("panicked"), "{ran:?}");
        ran
    }

    /// Writes a webhook's body into a file of this world, and gives its name.
    pub fn signal_file(&self, alerts: &[Alert]) -> String {
        let path = self.path("signal.json");
        std::fs::write(&path, webhook(alerts).to_string()).expect("a signal is written");
        path.to_str().expect("text").to_owned()
    }

    /// The names of all files in this world's folder.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).expect("it is a folder");
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.expect("an entry").file_name().into_string().expect("text")
        };
        let mut names: Vec<String> = entries.map(name).collect();
        names.sort();
        names
    }

    /// The verbs and paths' ends of the writes that Azure received: `PATCH chat`.
    #[must_use]
    pub fn written(&self) -> Vec<String> {
        self.azure
            .requests()
            .iter()
            .filter(|request| !matches!(request.verb.as_str(), "GET" | "HEAD"))
            .filter(|request| request.backend.is_some())
            .map(|request| {
                format!("{} {}", request.verb, request.path.rsplit('/').next().unwrap_or_default())
            })
            .collect()
    }

    /// Waits until an override of this member has begun, held or ended, as `status` says it.
    pub async fn status_says(&self, text: &str) {
        self.until(text, async |world: &Self| says(&world.ok(&["status"]).await, text)).await;
    }
}
