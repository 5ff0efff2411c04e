//! Prints the JSON Schema of what is shown: `cargo xtask generate` checks it in.

fn main() {
    print!("{}", pointsman_view::schema_text());
}
