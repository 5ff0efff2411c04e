//! The file: who may use it, what survives, and what a failing disk does.

use std::{fs, path::Path, time::Duration};

use crate::support::{
    World, clock, commit, document, line, number, open, run, series, series_id, wake,
};
use futures_util::future::join_all;
use jiff::Timestamp;
use pointsman_core::notice::Kind;
use pointsman_engine::ports::{Commit, Sent, Store, StoreError};
use pointsman_store::{
    BUSY_TIMEOUT, Database, SqliteStore, make_file,
    messages::{self, Row},
};
use tokio::sync::oneshot;

fn lines(range: std::ops::Range<usize>) -> Commit {
    let lines = range.map(|number| line("eu", &number.to_string())).collect();
    Commit { lines, ..Commit::default() }
}

fn unavailable<T: std::fmt::Debug>(result: &Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Unavailable(_))), "{result:?}");
}

/// Keeps the writer busy until the sender is used or dropped.
async fn occupy(
    database: &Database,
) -> (oneshot::Sender<()>, tokio::task::JoinHandle<Result<(), StoreError>>) {
    let (release, released) = oneshot::channel::<()>();
    let (enter, entered) = oneshot::channel();
    let database = database.clone();
    let job = tokio::spawn(async move {
        database
            .write(move |_| {
                let _ = enter.send(());
                let _ = released.blocking_recv();
                Ok(())
            })
            .await
    });
    entered.await.unwrap();
    (release, job)
}

#[tokio::test]
async fn what_waits_is_committed_together() {
    // So few that tokio lets one task send all of them without a pause.
    const SAVES: usize = 50;
    let world = World::new().await;
    let (release, job) = occupy(world.database()).await;
    let before = world.database().commits();
    let saves = join_all((0..SAVES).map(|number| commit(&world.store, lines(number..number + 1))));
    // Polled in this order: all saves are waiting when the writer is free again.
    let (saved, ()) = tokio::join!(biased; saves, async { drop(release) });
    assert!(saved.iter().all(Result::is_ok));
    job.await.unwrap().unwrap();
    assert_eq!(world.database().commits() - before, 2, "the job's, and one for all saves");
    assert_eq!(world.count("ledger").await, SAVES as i64);
    world.close().await;
}

#[tokio::test]
async fn one_that_is_refused_takes_no_other_with_it() {
    let world = World::new().await;
    let (release, _job) = occupy(world.database()).await;
    let save = |name: &str, number: usize| {
        let save = Commit { series: vec![series(name)], ..lines(number..number + 1) };
        commit(&world.store, save)
    };
    let (first, same, other, ()) =
        tokio::join!(biased; save("a", 1), save("a", 2), save("b", 3), async { drop(release) });
    assert!(first.is_ok() && other.is_ok());
    assert!(matches!(same, Err(StoreError::Conflict)));
    assert_eq!(world.store.history(None, 9).await.unwrap(), [line("eu", "1"), line("eu", "3")]);
    world.close().await;
}

#[tokio::test]
async fn callers_who_go_away_leave_the_others_unharmed() {
    let world = World::new().await;
    let (release, _job) = occupy(world.database()).await;
    let mut saves: Vec<_> = (0..20)
        .map(|number| {
            let store = world.store.clone();
            tokio::spawn(async move { store.commit(&lines(number..number + 1)).await })
        })
        .collect();
    tokio::task::yield_now().await;
    for save in saves.iter().step_by(2) {
        save.abort();
    }
    drop(release);
    let (mut saved, mut aborted) = (0, 0);
    for save in saves.drain(..) {
        match save.await {
            Ok(result) => {
                result.unwrap();
                saved += 1;
            }
            Err(_) => aborted += 1,
        }
    }
    assert_eq!((saved, aborted), (10, 10));
    assert!(world.count("ledger").await >= 10);
    world.close().await;
}

async fn pages_max(database: &Database, pages: i64) {
    run(database, &format!("PRAGMA max_page_count = {pages}")).await;
}

#[tokio::test]
async fn a_full_disk_is_said_and_survived() {
    let world = World::new().await;
    world.store.commit(&lines(0..10)).await.unwrap();
    let pages = number(world.database(), "PRAGMA page_count").await;
    pages_max(world.database(), pages + 2).await;

    let large = || lines(1_000..3_000);
    unavailable(&world.store.commit(&large()).await);
    // Together with others: it is rolled back with those that ran before it; the rest is tried.
    let (release, _job) = occupy(world.database()).await;
    let (small, full, after, ()) = tokio::join!(biased;
        commit(&world.store, lines(10..11)),
        commit(&world.store, large()),
        commit(&world.store, lines(11..12)),
        async { drop(release) }
    );
    unavailable(&small);
    unavailable(&full);
    after.unwrap();
    assert_eq!(world.count("ledger").await, 11);

    pages_max(world.database(), 1_000_000).await;
    world.store.commit(&large()).await.unwrap();
    world.store.ready().await.unwrap();
    assert_eq!(world.count("ledger").await, 2_011);
    world.close().await;
}

/// The statements of a commit are prepared and kept together.
#[tokio::test]
async fn a_commit_whose_like_has_failed_in_its_middle_is_done_whole() {
    let world = World::new().await;
    let of = |name: &str, bytes: usize| Commit {
        series: vec![series(name)],
        lines: vec![line("eu", &name.repeat(bytes))],
        ..Commit::default()
    };
    world.store.commit(&of("a", 1)).await.unwrap();
    let pages = number(world.database(), "PRAGMA page_count").await;
    for (round, small) in ["b", "c", "d"].into_iter().enumerate() {
        // Of the connection, which may be another by now.
        pages_max(world.database(), pages + 2).await;
        unavailable(&world.store.commit(&of("large", 1 << 20)).await);
        world.store.commit(&of(small, 1)).await.unwrap();
        let kept = i64::try_from(round).unwrap() + 2;
        assert_eq!((world.count("series").await, world.count("ledger").await), (kept, kept));
    }
    world.close().await;
}

/// One statement needs no transaction, and must not be done in another's.
#[tokio::test]
async fn what_comes_after_a_refused_write_is_durable_by_itself() {
    let world = World::new().await;
    let save = || Commit { series: vec![series("a")], ..lines(1..2) };
    world.store.commit(&save()).await.unwrap();
    for number in 0..3 {
        let refused = world.store.commit(&save()).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
        let row = Row::new(&wake(&number.to_string()), clock().now()).unwrap();
        let sent = world.database().write(move |conn| messages::insert(conn, &row));
        assert_eq!(sent.await.unwrap(), Sent::Stored);
        // Another connection sees what is committed, and nothing else.
        assert_eq!(world.count("messages").await, number + 1);
    }
    world.close().await;
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_not_ready() {
    let world = World::new().await;
    world.store.ready().await.unwrap();
    let query_only = |on: bool| {
        let pragma = if on { "PRAGMA query_only = ON" } else { "PRAGMA query_only = OFF" };
        run(world.database(), pragma)
    };
    query_only(true).await;
    unavailable(&world.store.ready().await);
    query_only(false).await;
    world.store.ready().await.unwrap();
    world.close().await;
}

/// Copies what a power cut would leave: the file and its log.
fn copy(from: &Path, to: &Path) {
    let log = |path: &Path| path.with_extension("db-wal");
    fs::copy(from, to).unwrap();
    fs::copy(log(from), log(to)).unwrap();
}

#[tokio::test]
async fn what_was_answered_survives_a_crash() {
    let world = World::new().await;
    for number in 0..50 {
        world.store.commit(&lines(number..number + 1)).await.unwrap();
    }
    let copied = world.folder.path().join("copy.db");
    copy(&world.path(), &copied);
    let store = open(copied).await;
    assert_eq!(store.history(None, 99).await.unwrap(), lines(0..50).lines);
    store.commit(&lines(50..51)).await.unwrap();
    store.database().close().await;

    // Dropped while it is open, and opened again beside what is left of the old.
    let (path, folder) = (world.path(), world.folder);
    drop(world.store);
    let store = open(path).await;
    assert_eq!(store.history(None, 99).await.unwrap(), lines(0..50).lines);
    store.database().close().await;
    drop(folder);
}

#[tokio::test]
async fn closing_finishes_what_waits_and_takes_nothing_more() {
    let world = World::new().await;
    let (release, job) = occupy(world.database()).await;
    let (saved, closed, ()) = tokio::join!(biased;
        commit(&world.store, lines(0..1)),
        world.database().close(),
        async { drop(release) }
    );
    saved.unwrap();
    let () = closed;
    job.await.unwrap().unwrap();
    unavailable(&world.store.commit(&lines(1..2)).await);
    unavailable(&world.store.history(None, 9).await);
    world.database().close().await;
    let left: Vec<_> = fs::read_dir(world.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left, ["pointsman.db"], "the log was copied into the file");
    let store = open(world.path()).await;
    assert_eq!(store.history(None, 9).await.unwrap(), lines(0..1).lines);
    store.database().close().await;
}

#[tokio::test]
async fn two_processes_share_the_file() {
    let world = World::new().await;
    let other = open(world.path()).await;
    let saves = (0..100).map(|number| {
        let store = if number % 2 == 0 { &world.store } else { &other };
        commit(store, lines(number..number + 1))
    });
    assert!(join_all(saves).await.iter().all(Result::is_ok));
    assert_eq!(other.history(None, 999).await.unwrap().len(), 100);
    // What one saved, the other cannot overwrite unseen.
    world
        .store
        .commit(&Commit { documents: vec![document("eu")], ..Commit::default() })
        .await
        .unwrap();
    let same = other.commit(&Commit { documents: vec![document("eu")], ..Commit::default() }).await;
    assert!(matches!(same, Err(StoreError::Conflict)));
    other.database().close().await;
    world.close().await;
}

#[tokio::test]
async fn a_lock_that_another_process_keeps_is_waited_for_and_then_said() {
    let world = World::new().await;
    let other = Database::open(&world.path(), Duration::from_millis(20)).await.unwrap();
    let other = SqliteStore::new(other, clock());
    let (release, _job) = occupy(world.database()).await;
    unavailable(&other.commit(&lines(0..1)).await);
    // Reading is never blocked, and neither is opening for it.
    assert_eq!(other.series(&[series_id("a")]).await.unwrap(), []);
    let third = open(world.path()).await;
    assert_eq!(third.history(None, 9).await.unwrap(), []);
    drop(release);
    third.commit(&lines(1..2)).await.unwrap();
    other.commit(&lines(2..3)).await.unwrap();
    third.database().close().await;
    other.database().close().await;
    world.close().await;
}

#[tokio::test]
async fn a_commit_is_synced_to_the_disk_before_it_is_answered() {
    // A power cut cannot be tested here, but that SQLite is set to survive one can.
    let world = World::new().await;
    let told = world.database().write(|conn| {
        let journal: String = conn.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
        let synchronous: i64 = conn.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
        Ok((journal, synchronous))
    });
    // 2 is FULL: in WAL mode, a sync in every commit.
    assert_eq!(told.await.unwrap(), ("wal".to_owned(), 2));
    world.close().await;
}

#[cfg(unix)]
#[test]
fn what_root_makes_beside_a_service_s_store_is_the_service_s() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let folder = tempfile::tempdir().unwrap();
    // Only root can give a folder away; what anyone else makes is his.
    let nobody = 65_534;
    let given = chown(folder.path(), Some(nobody), Some(nobody)).is_ok();
    let path = folder.path().join("made");
    drop(make_file(&path).unwrap());
    let (made, owner) = (fs::metadata(&path).unwrap(), fs::metadata(folder.path()).unwrap());
    assert_eq!(made.uid(), owner.uid());
    if given {
        assert_eq!((made.uid(), made.gid()), (nobody, nobody));
    }
    assert_eq!(made.permissions().mode() & 0o777, 0o600);
    let again = make_file(&path).unwrap_err();
    assert_eq!(again.kind(), std::io::ErrorKind::AlreadyExists);
}

/// Turns the schema's version into what the first files have: rows of a table.
fn versioned_by_table(versions: u32) -> String {
    let rows = (1..=versions).map(|version| {
        format!("INSERT INTO _sqlx_migrations VALUES ({version}, 'it', 0, 1, x'00', 1);")
    });
    format!(
        "PRAGMA user_version = 0;
         CREATE TABLE _sqlx_migrations (
             version BIGINT PRIMARY KEY, description TEXT NOT NULL,
             installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL,
             checksum BLOB NOT NULL, execution_time BIGINT NOT NULL
         );
         {}",
        rows.collect::<String>()
    )
}

#[tokio::test]
async fn a_file_of_the_first_schema_is_brought_up_to_date() {
    let world = World::new().await;
    world.store.commit(&lines(0..1)).await.unwrap();
    let back = "DROP TABLE refusals;
        DROP TRIGGER claims_of_forgotten;
        DROP TABLE claims;
        DROP TABLE notices;
        DROP INDEX letters_by_time;
        ALTER TABLE letters DROP COLUMN parts;
        INSERT INTO letters (id, at, source, reason, body)
            VALUES ('k3v', 0, 'am', 'no JSON', '{')";
    run(world.database(), back).await;
    run(world.database(), &versioned_by_table(1)).await;
    world.database().close().await;
    let store = open(world.path()).await;
    store.commit(&lines(1..2)).await.unwrap();
    let one = || Commit { documents: vec![document("eu")], ..Commit::default() };
    store.commit(&one()).await.unwrap();
    assert!(matches!(store.commit(&one()).await, Err(StoreError::Conflict)));
    assert_eq!(store.history(None, 9).await.unwrap(), lines(0..2).lines);
    let letter = &store.dead_letters(9).await.unwrap()[0];
    assert_eq!((&*letter.id, &*letter.body, letter.parts.kept.len()), ("k3v", "{", 0));
    store.database().close().await;
}

#[tokio::test]
async fn what_was_noticed_before_severities_were_is_kept() {
    let world = World::new().await;
    run(world.database(), "DROP TABLE notices").await;
    run(world.database(), include_str!("../../migrations/0006_notices.sql")).await;
    let notice = "INSERT INTO notices VALUES ('unmatched', 'am', 1000000, 2000000, 7, 'no play')";
    run(world.database(), notice).await;
    run(world.database(), "PRAGMA user_version = 6").await;
    world.database().close().await;
    let store = open(world.path()).await;
    let notices = store.notices().await.unwrap();
    let notice = notices.get(Kind::Unmatched, "am").unwrap();
    let second = |second| Timestamp::from_second(second).unwrap();
    assert_eq!((notice.first, notice.latest), (second(1), second(2)));
    assert_eq!((notice.count, &*notice.says), (7, "no play"));
    store.database().close().await;
}

#[tokio::test]
async fn many_processes_may_make_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.db");
    let stores = join_all((0..4).map(|_| open(path.clone()))).await;
    for (number, store) in stores.iter().enumerate() {
        store.commit(&lines(number..number + 1)).await.unwrap();
    }
    assert_eq!(stores[0].history(None, 9).await.unwrap().len(), 4);
    for store in &stores {
        store.database().close().await;
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_used_is_refused_with_words() {
    async fn refused(path: &Path) -> String {
        let error = Database::open(path, BUSY_TIMEOUT).await.map(drop).unwrap_err();
        error.to_string()
    }
    let world = World::new().await;
    let folder = world.folder.path().to_owned();

    run(world.database(), "PRAGMA user_version = 999").await;
    let path = world.path();
    world.database().close().await;
    let newer = "was written by a newer version of Pointsman: its schema is 999, and this version \
                 knows up to 7; run the newer version";
    let said = refused(&path).await;
    assert!(said.ends_with(newer), "{said}");

    let foreign = folder.join("foreign.db");
    let connection = rusqlite::Connection::open(&foreign).unwrap();
    connection.execute_batch("CREATE TABLE birds (name TEXT)").unwrap();
    drop(connection);
    assert!(refused(&foreign).await.contains("not one of Pointsman's"));

    let text = folder.join("text.db");
    fs::write(&text, "not a database, and long enough to look like one ".repeat(40)).unwrap();
    assert!(refused(&text).await.contains("file is not a database"));
    assert!(refused(&folder).await.contains("it is not a file"));
    assert!(refused(Path::new("")).await.contains("it is empty"));
    assert!(refused(&text.join("below").join("it.db")).await.contains("cannot be made"));
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made/here/pointsman.db");
    let store = open(path.clone()).await;
    store.commit(&lines(0..1)).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for file in [path.clone(), path.with_extension("db-wal"), path.with_extension("db-shm")] {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    store.database().close().await;
}
