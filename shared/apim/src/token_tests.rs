use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use super::*;

const LIFE_SECS: i64 = 3_600;

/// A source that counts, with a clock that the test sets.
#[derive(Debug, Default)]
struct Counting {
    now: AtomicI64,
    fetches: AtomicUsize,
    forgotten: AtomicUsize,
    /// Fails while this is not zero.
    failing: AtomicUsize,
}

impl Counting {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.now.load(Ordering::SeqCst)).unwrap()
    }

    fn set(&self, seconds: i64) {
        self.now.store(seconds, Ordering::SeqCst);
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl TokenSource for Counting {
    async fn fetch(&self) -> Result<Token, CredentialFailure> {
        let n = self.fetches.fetch_add(1, Ordering::SeqCst) + 1;
        // Lets the others arrive while this one is under way.
        tokio::task::yield_now().await;
        if self.failing.load(Ordering::SeqCst) > 0 {
            return Err(CredentialFailure { message: format!("no {n}"), passing: true });
        }
        let expires = self.now() + Duration::from_secs(LIFE_SECS.unsigned_abs());
        Token::new(&Secret::new(format!("t{n}")), expires)
    }

    fn forget(&self) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
    }
}

fn tokens() -> (Arc<Counting>, Arc<Tokens>) {
    let source = Arc::new(Counting::default());
    let clock = Arc::clone(&source);
    let tokens = Tokens::new(Arc::clone(&source) as Arc<_>, Arc::new(move || clock.now()));
    (source, Arc::new(tokens))
}

fn text(token: &Token) -> &str {
    token.header().to_str().unwrap()
}

/// Waits, with a bound, until there were that many fetches and the last has ended.
async fn fetched(source: &Counting, tokens: &Tokens, count: usize) {
    for _ in 0..1_000 {
        let ended = tokens.state().flight.as_ref().is_none_or(|flight| flight.task.is_finished());
        if source.fetches() == count && ended {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{} fetches, and {count} were waited for", source.fetches());
}

#[tokio::test]
async fn a_storm_makes_one_fetch() {
    let (source, tokens) = tokens();
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let tokens = Arc::clone(&tokens);
            tokio::spawn(async move { text(&tokens.get().await.unwrap()).to_owned() })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), "Bearer t1");
    }
    assert_eq!(source.fetches(), 1);
}

#[tokio::test]
async fn a_storm_shares_a_failure_and_the_next_call_tries_again() {
    let (source, tokens) = tokens();
    source.failing.store(1, Ordering::SeqCst);
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let tokens = Arc::clone(&tokens);
            tokio::spawn(async move { tokens.get().await.map(drop) })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap_err().message, "no 1");
    }
    assert_eq!(source.fetches(), 1);
    source.failing.store(0, Ordering::SeqCst);
    assert_eq!(text(&tokens.get().await.unwrap()), "Bearer t2");
}

#[tokio::test]
async fn a_token_is_renewed_ahead_of_its_end_without_waiting() {
    let (source, tokens) = tokens();
    tokens.get().await.unwrap();
    source.set(LIFE_SECS - 291);
    assert_eq!(text(&tokens.get().await.unwrap()), "Bearer t1");
    assert_eq!(source.fetches(), 1);

    // The old one is given out at once, to everybody, while one task fetches.
    source.set(LIFE_SECS - 290);
    for _ in 0..10 {
        assert_eq!(text(&tokens.get().await.unwrap()), "Bearer t1");
    }
    fetched(&source, &tokens, 2).await;
    assert_eq!(text(&tokens.get().await.unwrap()), "Bearer t2");
}

#[tokio::test]
async fn a_renewal_that_fails_is_tried_again_after_a_pause() {
    let (source, tokens) = tokens();
    tokens.get().await.unwrap();
    source.failing.store(1, Ordering::SeqCst);
    source.set(LIFE_SECS - 200);
    assert_eq!(text(&tokens.get().await.unwrap()), "Bearer t1");
    fetched(&source, &tokens, 2).await;
    for _ in 0..10 {
        assert_eq!(text(&tokens.get().await.unwrap()), "Bearer t1");
    }
    fetched(&source, &tokens, 2).await;

    source.set(LIFE_SECS - 185);
    source.failing.store(0, Ordering::SeqCst);
    assert_eq!(text(&tokens.get().await.unwrap()), "Bearer t1");
    fetched(&source, &tokens, 3).await;
    assert_eq!(text(&tokens.get().await.unwrap()), "Bearer t3");
}

#[tokio::test]
async fn a_token_at_its_end_is_not_given_out() {
    let (source, tokens) = tokens();
    tokens.get().await.unwrap();
    source.set(LIFE_SECS - 30);
    assert_eq!(text(&tokens.get().await.unwrap()), "Bearer t2");
    source.failing.store(1, Ordering::SeqCst);
    source.set(2 * LIFE_SECS);
    assert_eq!(tokens.get().await.unwrap_err().message, "no 3");
}

#[tokio::test]
async fn a_refused_token_is_dropped_once() {
    let (source, tokens) = tokens();
    let old = tokens.get().await.unwrap();
    tokens.reject(&old);
    let new = tokens.get().await.unwrap();
    assert_eq!(text(&new), "Bearer t2");
    // A second call that had gone out with the old one hears of it later.
    tokens.reject(&old);
    assert_eq!(text(&tokens.get().await.unwrap()), "Bearer t2");
    assert_eq!((source.fetches(), source.forgotten.load(Ordering::SeqCst)), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_fetch_has_an_end() {
    #[derive(Debug)]
    struct Silent;
    #[async_trait]
    impl TokenSource for Silent {
        async fn fetch(&self) -> Result<Token, CredentialFailure> {
            std::future::pending().await
        }
    }
    let tokens = Arc::new(Tokens::new(Arc::new(Silent), Arc::new(|| Timestamp::UNIX_EPOCH)));
    let failure = tokens.get().await.unwrap_err();
    assert_eq!(failure.message, "no token came within 30 s");
    assert!(failure.passing);
}

#[test]
fn a_token_is_not_printed() {
    let token = Token::new(&Secret::new("hunter2"), Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(format!("{token:?}"), "Token { header: Sensitive, expires: 1970-01-01T00:00:00Z }");
    let failure = Token::new(&Secret::new("hunter2\n"), Timestamp::UNIX_EPOCH).unwrap_err();
    assert!(!failure.message.contains("hunter2"));
}
