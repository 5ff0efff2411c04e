//! The stated forms of what is printed with `--json`: `shared/view/schema/view.json`, as checked in.

use std::path::PathBuf;

use serde_json::{Value, json};

/// All forms.
#[derive(Debug)]
pub struct Forms(Value);

impl Forms {
    /// Reads what is checked in.
    #[must_use]
    pub fn read() -> Self {
        let path = "../../shared/view/schema/view.json";
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
        let text = std::fs::read_to_string(path).expect("it is checked in");
        Self(serde_json::from_str(&text).expect("JSON"))
    }

    /// Holds that this has this form, and says which version of it.
    ///
    /// # Panics
    /// When it has not.
    pub fn check(&self, form: &str, shown: &Value) {
        self.check_part(form, shown);
        assert_eq!(shown["version"], 1, "{form}");
    }

    /// The same of what is a part of something else, and so has no version of its own.
    ///
    /// # Panics
    /// When it has another form.
    pub fn check_part(&self, form: &str, shown: &Value) {
        let schema = json!({"$ref": format!("#/$defs/{form}"), "$defs": self.0["$defs"]});
        let schema = jsonschema::validator_for(&schema).expect("a schema");
        let wrong: Vec<String> = schema.iter_errors(shown).map(|why| why.to_string()).collect();
        assert!(wrong.is_empty(), "{form}: {wrong:#?}\n{shown:#}");
        assert!(!schema.is_valid(&json!({"version": 1})), "{form} takes anything");
    }
}
