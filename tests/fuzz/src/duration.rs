//! ISO 8601 durations, as bodies have them, and the delay of a reconnect.

use std::time::Duration;

use pointsman_apim::duration::{After, AfterError, parse, print};

use crate::says;

/// The input is the text of a duration.
pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let duration = match parse(text) {
        Ok(duration) => duration,
        Err(error) => {
            says(&error);
            assert_eq!(text.parse::<After>(), Err(AfterError::Duration(error)));
            return;
        }
    };
    let printed = print(duration);
    assert_eq!(parse(&printed), Ok(duration), "{text:?} is printed as {printed:?}");
    assert!(text.starts_with('P') && text.is_ascii(), "{text:?} is taken");

    let short = duration < After::MIN.get();
    let exactly = After::even_below_minimum(duration).get() == duration;
    assert!(exactly || !short, "{text:?} is not asked for as it is written");
    match text.parse::<After>() {
        Ok(after) => {
            assert!(!short, "{text:?} is taken for a reconnect");
            let up = after.get().checked_sub(duration);
            assert!(up.is_some_and(|up| up < Duration::from_secs(1)), "{text:?} becomes {after}");
            assert_eq!(after.to_string().parse(), Ok(after));
        }
        Err(error) => {
            says(&error);
            assert!(short, "{text:?} is refused: {error}");
        }
    }
}
