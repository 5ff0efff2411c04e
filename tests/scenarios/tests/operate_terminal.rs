//! `status` and `history` on a terminal: a real one, whose screen is read.

use std::num::NonZeroU16;

use pointsman_scenarios::{
    Forms, World,
    alerts::{Alert, webhook},
    world::{BOUND, DRAIN, Serve, TOKEN, binary},
};
use pty_process::{Command, Pty, Size};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::Child,
};

fn parser(lines: u16, columns: u16) -> vt100::Parser {
    let size = |size| NonZeroU16::new(size).expect("some room");
    vt100::Parser::new(size(lines), size(columns), 0)
}

/// A command on a terminal.
struct Screen {
    pty: Pty,
    child: Child,
    parser: vt100::Parser,
    /// All that was written to it.
    bytes: Vec<u8>,
}

impl Screen {
    fn run(world: &World, columns: u16, arguments: &[&str], env: &[(&str, &str)]) -> Self {
        let (pty, pts) = pty_process::open().expect("a terminal");
        pty.resize(Size::new(24, columns)).expect("it has a size");
        let mut command = Command::new(binary())
            .args(arguments)
            .current_dir(world.folder.path())
            .env("AZURE_TOKEN", world.azure.token())
            .env("SOURCE_TOKEN", TOKEN)
            .env("TERM", "xterm-256color")
            .env_remove("NO_COLOR")
            .env_remove("CI")
            .env_remove("POINTSMAN_CONFIG")
            .kill_on_drop(true);
        for (name, value) in env {
            command = command.env(name, value);
        }
        let child = command.spawn(pts).expect("it can be run");
        Self { pty, child, parser: parser(24, columns), bytes: Vec::new() }
    }

    /// All that was written, as on a terminal that is high enough for it.
    fn whole(&self) -> vt100::Parser {
        let (_, columns) = self.parser.screen().size();
        let mut whole = parser(500, columns.get());
        whole.process(&self.bytes);
        whole
    }

    /// Takes in some of what is written; false where nothing more comes.
    async fn read(&mut self) -> bool {
        let mut buffer = [0; 4096];
        // The other end is closed once the command has ended: Linux says so by an error.
        let read = self.pty.read(&mut buffer).await.unwrap_or(0);
        self.bytes.extend(&buffer[..read]);
        self.parser.process(&buffer[..read]);
        read > 0
    }

    /// Waits until the screen shows it.
    async fn shows(&mut self, text: &str) {
        let shown = async {
            while !self.parser.screen().contents().contains(text) {
                assert!(self.read().await, "it ended: {}", self.parser.screen().contents());
            }
        };
        let waited = tokio::time::timeout(BOUND, shown).await;
        assert!(waited.is_ok(), "in vain: {text}\n{}", self.parser.screen().contents());
    }

    /// Waits until it ends, and gives its exit code.
    async fn ended(&mut self) -> Option<i32> {
        let ended = async {
            while self.read().await {}
            self.child.wait().await.expect("it ends").code()
        };
        tokio::time::timeout(BOUND, ended).await.expect("it ends in time")
    }

    /// Types ctrl-c.
    async fn interrupt(&mut self) {
        self.pty.write_all(b"\x03").await.expect("it can be typed");
    }

    /// How the first character of a text stands out: bold, and in which colour.
    fn style(&self, text: &str) -> (bool, vt100::Color) {
        let screen = self.parser.screen();
        let (_, columns) = screen.size();
        let row = screen.rows(0, columns.get()).position(|row| row.contains(text)).expect(text);
        let line = screen.rows(0, columns.get()).nth(row).expect("a row");
        let column = line.chars().count()
            - line
                .split_once(text)
                .map_or(0, |(before, _)| line.chars().count() - before.chars().count());
        let at = |at: usize| u16::try_from(at).expect("small");
        let cell = screen.cell(at(row), at(column)).expect("a cell");
        (cell.bold(), cell.fgcolor())
    }
}

/// A long name, which is cut in 80 columns and not in 200.
const LONG: &str = "openai-gpt-4o-sweden-central-provisioned-throughput-replica-number-01";

async fn world() -> World {
    let world = World::new(DRAIN).await;
    world.azure.put_single(LONG, "http://127.0.0.1:1").expect("a Single");
    let members = [("eu", Some(50), Some(1)), ("us", Some(30), Some(1)), (LONG, Some(20), Some(1))];
    world.azure.put_pool("chat", &members).expect("a pool");
    let playbook = std::fs::read_to_string(world.path("playbook.yaml")).expect("a playbook");
    let playbook = playbook.replace("{leastMembers: 1}", "{leastMembers: 2}");
    std::fs::write(world.path("playbook.yaml"), playbook).expect("it is written");
    world
}

#[tokio::test]
async fn status_is_redrawn_in_place_until_ctrl_c_and_leaves_the_terminal_as_it_was() {
    let world = world().await;
    let serve = world.serve(&[]).await;
    for columns in [80, 200] {
        let mut watch = Screen::run(&world, columns, &["status", "--watch", "--every", "1"], &[]);
        watch.shows("ctrl-c ends").await;
        assert!(watch.parser.screen().alternate_screen() && watch.parser.screen().hide_cursor());
        watch.shows("every backend is as its owner left it").await;
        let _ = world.say(&["pause", "--reason", "a release"]).await.ended(0);
        watch.shows("PAUSED").await;
        assert_eq!(watch.parser.screen().contents().matches("ctrl-c ends").count(), 1);
        let _ = world.say(&["resume"]).await.ended(0);
        let resumed = async {
            while watch.parser.screen().contents().contains("PAUSED") {
                assert!(watch.read().await);
            }
        };
        tokio::time::timeout(BOUND, resumed).await.expect("nothing is left of the last picture");
        watch.interrupt().await;
        assert_eq!(watch.ended().await, Some(0));
        let screen = watch.parser.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor());
        assert!(!screen.contents().contains("ctrl-c ends"), "{}", screen.contents());
    }
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_long_line_goes_on_in_the_next_and_is_not_cut() {
    let world = world().await;
    let serve = world.serve(&[]).await;
    let mut other = webhook(&[Alert::firing("nobody", jiff::Timestamp::now())]);
    other["alerts"][0]["labels"] = json!({"alertname": "Other", "team": "the-last-word"});
    let what = "what is said of it is longer than a terminal is wide, and its end counts: the-end";
    other["alerts"][0]["annotations"] = json!({"summary": what});
    assert_eq!(world.deliver(&serve, &other).await.status, 202);
    world.status_says("no play is for it").await;
    for columns in [40, 80] {
        let mut watch = Screen::run(&world, columns, &["status", "--watch", "--wide"], &[]);
        watch.shows("the-end").await;
        watch.shows("false").await;
        watch.interrupt().await;
        assert_eq!(watch.ended().await, Some(0));
    }
    // Elsewhere a line is whole, however long, so that it can be searched for.
    for command in [&["status"][..], &["history"]] {
        let out = world.ok(command).await;
        assert!(out.contains(": no play is for it: drain-"), "{out}");
        assert!(out.contains("its end counts: the-end)"), "{out}");
    }
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_terminal_has_marks_and_a_table_that_fits_it() {
    let world = world().await;
    let serve = world.serve(&[]).await;
    let now = jiff::Timestamp::now();
    let alerts = [Alert::firing("eu", now), Alert::firing("us", now)];
    assert_eq!(world.send(&serve, &alerts).await, 202);
    world.status_says("held: ").await;
    world.told("is done").await;
    let _ = world.say(&["pause", "--reason", "a release"]).await.ended(0);
    let shown = async |columns, arguments: &[&str], env: &[(&str, &str)]| {
        let mut screen = Screen::run(&world, columns, arguments, env);
        assert_eq!(screen.ended().await, Some(0));
        screen
    };
    let row = |screen: &Screen| {
        let contents = screen.parser.screen().contents();
        let row = contents.lines().find(|line| line.contains(" 20 ") && line.contains("openai"));
        row.map(str::to_owned).unwrap_or_else(|| panic!("no row in {contents}"))
    };
    let narrow = shown(80, &["status"], &[]).await;
    assert!(row(&narrow).contains('…') && row(&narrow).contains('%'), "{}", row(&narrow));
    assert!(row(&narrow).chars().count() <= 80);
    let wide = shown(200, &["status"], &[]).await;
    assert!(row(&wide).contains(LONG), "{}", row(&wide));
    // Bold, and a colour that neither a light nor a dark background swallows.
    for screen in [&narrow, &wide] {
        for word in ["PAUSED", "HELD"] {
            let (bold, colour) = screen.style(word);
            let basic = matches!(colour, vt100::Color::Idx(1..=6));
            assert!(bold && basic, "{word}: {colour:?}");
        }
    }
    let plain = shown(80, &["status"], &[("NO_COLOR", "1")]).await;
    assert!(!plain.bytes.contains(&0x1b), "{:?}", String::from_utf8_lossy(&plain.bytes));
    for env in [[("TERM", "dumb"), ("CI", "")], [("TERM", "dumb"), ("CI", "true")]] {
        let dumb = shown(80, &["status"], &env).await;
        assert!(!dumb.bytes.contains(&0x1b), "{:?}", String::from_utf8_lossy(&dumb.bytes));
    }
    // Elsewhere, a table fits 80 columns, too, unless it is asked for wide.
    let row = |text: String| text.lines().find(|line| line.contains(" 20 ")).map(str::to_owned);
    let piped = row(world.ok(&["status"]).await).expect("a row");
    assert!(piped.contains('…') && piped.chars().count() <= 80, "{piped}");
    assert!(row(world.ok(&["status", "--wide"]).await).expect("a row").contains(LONG));
    assert!(serve.stop().await);
    world.finish();
}

/// An alert that no play is for.
async fn unmatched(world: &World, serve: &Serve, severity: &str, resolved: bool) {
    let now = jiff::Timestamp::now();
    let alert = Alert::firing(&format!("{severity}-{resolved}"), now);
    let mut body = webhook(&[if resolved { alert.resolved(now) } else { alert }]);
    body["alerts"][0]["labels"] = json!({"alertname": "DiskFull", "severity": severity});
    assert_eq!(world.deliver(serve, &body).await.status, 202);
}

#[tokio::test]
async fn what_led_to_nothing_leaves_room_for_the_rest_of_a_small_screen() {
    let world = world().await;
    let serve = world.serve(&[]).await;
    let eu = Alert::firing("eu", jiff::Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&eu)).await, 202);
    world.told("is done").await;
    for severity in ["info", "warning", "error", "critical"] {
        unmatched(&world, &serve, severity, false).await;
        unmatched(&world, &serve, severity, true).await;
    }
    // A repeat that did what it should.
    assert_eq!(world.send(&serve, &[eu]).await, 202);
    let noticed = async |world: &World| {
        let status = world.json(&["status"]).await;
        let kinds = status["noticed"].as_array().expect("a list").clone();
        kinds.iter().any(|it| it["kind"] == "repeated") && kinds.len() == 9
    };
    world.until("all is noticed", noticed).await;
    for columns in [80, 200] {
        let mut screen = Screen::run(&world, columns, &["status", "--utc"], &[]);
        assert_eq!(screen.ended().await, Some(0));
        let whole = screen.whole().screen().contents();
        let (_, nothing) = whole.split_once("what led to nothing").expect("its heading");
        let lines: Vec<&str> = nothing.trim().lines().collect();
        assert!(lines.len() <= 2 * 5 + 2, "{whole}");
        assert!(lines[0].starts_with("prometheus, critical, "), "{whole}");
        assert!(nothing.contains("and 3 more: --wide shows all of it"), "{whole}");
        assert!(nothing.contains("1 repeat of alerts that have their effect"), "{whole}");
        assert!(!nothing.contains("is known already"), "{whole}");
        let mut wide = Screen::run(&world, columns, &["status", "--utc", "--wide"], &[]);
        assert_eq!(wide.ended().await, Some(0));
        let whole = wide.whole().screen().contents();
        assert!(!whole.contains("more: --wide") && !whole.contains('…'), "{whole}");
    }
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn what_waits_under_a_pause_is_promised_for_no_time() {
    let plays = format!("{DRAIN}    ramp: {{steps: [10%, 50%, 100%], every: 10m}}\n");
    let world = World::new(&plays).await;
    let serve = world.serve(&[]).await;
    let eu = Alert::firing("eu", jiff::Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&eu)).await, 202);
    world.weights([0, 30, 20]).await;
    assert_eq!(world.send(&serve, &[eu.resolved(jiff::Timestamp::now())]).await, 202);
    world.status_says("50% at ").await;
    let _ = world.say(&["pause", "--reason", "a release"]).await.ended(0);
    let status = world.json(&["status"]).await;
    assert_eq!(status["backends"][0]["waits"], "paused");
    for columns in [80, 200] {
        for command in [&["status"][..], &["explain", "chat"]] {
            let mut screen = Screen::run(&world, columns, command, &[]);
            assert_eq!(screen.ended().await, Some(0));
            let whole = screen.whole().screen().contents();
            assert!(whole.contains("50% waits, from ") && !whole.contains("50% at "), "{whole}");
            let why = "Pointsman is paused: nothing is given back until `pointsman resume`";
            assert!(whole.contains(why), "{whole}");
        }
    }
    let _ = world.say(&["resume"]).await.ended(0);
    world.status_says("50% at ").await;
    assert!(serve.stop().await);
    world.finish();
}

/// Whether a cell is read on white and on black: it is as the terminal has it, or red, green or magenta.
/// Yellow and cyan are faint on white, and blue on black. A background of our own may be the text's colour.
fn is_readable(cell: &vt100::Cell) -> bool {
    let text = matches!(cell.fgcolor(), vt100::Color::Default | vt100::Color::Idx(1 | 2 | 5));
    text && cell.bgcolor() == vt100::Color::Default && !cell.inverse() && !cell.dim()
}

/// The words that stand out, on a screen that is read everywhere.
fn marked(screen: &vt100::Screen) -> Vec<String> {
    let (lines, columns) = screen.size();
    let mut words = vec![String::new()];
    for (line, column) in
        (0..lines.get()).flat_map(|line| (0..columns.get()).map(move |at| (line, at)))
    {
        let cell = screen.cell(line, column).expect("a cell");
        assert!(is_readable(cell), "{cell:?}");
        if cell.bold() {
            words.last_mut().expect("there is one").push_str(cell.contents());
        } else if words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
    }
    words.pop();
    words
}

#[tokio::test]
async fn every_screen_is_read_on_light_and_on_dark_and_its_lines_are_broken_between_words() {
    let world = world().await;
    let serve = world.serve(&[]).await;
    let now = jiff::Timestamp::now();
    let alerts = ["eu", "us", LONG].map(|name| Alert::firing(name, now));
    assert_eq!(world.send(&serve, &alerts).await, 202);
    world.status_says("held: ").await;
    world.told("is done").await;
    let signal = world.signal_file(&alerts);
    let _ = world.say(&["pause", "--reason", "a release"]).await.ended(0);
    let sent = world.http.post(format!("{}/alerts/prometheus", serve.url));
    let sent = sent.bearer_auth(TOKEN).body("no alert").send().await;
    assert_eq!(sent.expect("an answer").status().as_u16(), 400);
    // A dead letter is trouble.
    let commands: [(&[&str], i32, &[&str]); 4] = [
        (&["status"], 3, &["TROUBLE", "PAUSED", "HELD", "held", "contoso-apim/chat"]),
        (&["explain", "chat"], 0, &["PAUSED", "held", "contoso-apim/chat"]),
        (&["plan", "--signal", &signal], 0, &["PAUSED", "held", "contoso-apim/chat"]),
        (&["history"], 0, &[]),
    ];
    for (arguments, code, words) in commands {
        for columns in [80, 200] {
            // What a terminal says of its background, where it says so: it makes no difference.
            for background in ["0;15", "15;0"] {
                let mut screen =
                    Screen::run(&world, columns, arguments, &[("COLORFGBG", background)]);
                assert_eq!(screen.ended().await, Some(code));
                let whole = screen.whole();
                let stand_out = marked(whole.screen());
                for word in words {
                    assert!(stand_out.iter().any(|one| one == word), "{word}: {stand_out:?}");
                }
                assert_eq!(stand_out.is_empty(), words.is_empty(), "{stand_out:?}");
            }
            let mut plain = Screen::run(&world, columns, arguments, &[("NO_COLOR", "1")]);
            assert_eq!(plain.ended().await, Some(code));
            assert!(!plain.bytes.contains(&0x1b), "{:?}", String::from_utf8_lossy(&plain.bytes));
            let text = String::from_utf8_lossy(&plain.bytes).into_owned();
            for line in text.lines().map(str::trim_end) {
                // Only what is one word, as the path of a backend, and a line of the ledger are ever wider.
                let fits = line.chars().count() <= usize::from(columns);
                let is_whole = words.is_empty() || !line.trim_start().contains(' ');
                assert!(fits || is_whole, "{arguments:?}: {line}");
            }
        }
    }
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn the_help_fits_a_terminal_and_its_examples_are_whole() {
    let world = World::new(DRAIN).await;
    let commands: [&[&str]; 5] =
        [&[], &["undo"], &["status"], &["signal", "send"], &["backend", "set"]];
    for command in commands {
        let mut help =
            Screen::run(&world, 80, &[command, &["--help"]].concat(), &[("NO_COLOR", "1")]);
        assert_eq!(help.ended().await, Some(0));
        let text = String::from_utf8_lossy(&help.bytes).into_owned();
        assert!(text.lines().all(|line| line.trim_end().chars().count() <= 80), "{text}");
        let examples = text.lines().filter(|line| line.starts_with("  pointsman "));
        assert!(examples.count() > 0, "{text}");
    }
    world.finish();
}

#[tokio::test]
async fn what_is_no_terminal_is_not_redrawn() {
    let world = World::new(DRAIN).await;
    let _ = world.say(&["status", "--watch"]).await.ended(1).says("--watch redraws a terminal");
    let _ = world.say(&["status", "--watch", "--json"]).await.ended(1).says("--watch redraws");
    let _ = world.say(&["status", "--every", "3"]).await.ended(2).says("--watch");
    world.finish();
}

#[tokio::test]
async fn history_is_followed_until_ctrl_c() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let mut follow = Screen::run(&world, 200, &["history", "--follow"], &[]);
    let mut json = Screen::run(&world, 200, &["history", "--follow", "--json"], &[]);
    follow.shows("published").await;
    let now = jiff::Timestamp::now();
    assert_eq!(world.send(&serve, &[Alert::firing("eu", now)]).await, 202);
    follow.shows("members/eu/weight 50 -> 0").await;
    json.shows(r#""what":"intended""#).await;
    // What was noticed is no line of the ledger, and comes all the same.
    let mut other = webhook(&[Alert::firing("nobody", now)]);
    other["alerts"][0]["labels"] = json!({"alertname": "Other", "severity": "error"});
    assert_eq!(world.deliver(&serve, &other).await.status, 202);
    follow.shows("prometheus, error, ").await;
    follow.shows("Other: no play is for it").await;
    json.shows(r#"{"kind":"unmatched","source":"prometheus","severity":"error","count":1"#).await;
    // Each has a stated form.
    let (forms, mut kinds) = (Forms::read(), Vec::new());
    for line in String::from_utf8_lossy(&json.bytes).lines() {
        let line: Value = serde_json::from_str(line).expect("a line is whole");
        let form = if line.get("what").is_some() { "Line" } else { "Notice" };
        forms.check_part(form, &line);
        kinds.push(form);
    }
    kinds.dedup();
    assert!(kinds.starts_with(&["Line"]) && kinds.contains(&"Notice"), "{kinds:?}");
    for screen in [&mut follow, &mut json] {
        screen.interrupt().await;
        assert_eq!(screen.ended().await, Some(0));
    }
    assert!(serve.stop().await);
    world.finish();
}
