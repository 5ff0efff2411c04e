use super::*;
use crate::document::Document;

#[test]
fn the_first_gate_that_opens_by_the_clock_is_not_slept_through() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let closed = |(name, until): (&str, Option<i64>)| {
        (OverrideId::derive(&[name]), Closed { why: Held::Paused, until: until.map(at) })
    };
    let gates = Gates([("one", None), ("two", Some(300)), ("three", Some(200))].map(closed).into());
    let backend = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg1/providers/\
                   Microsoft.ApiManagement/service/contoso/backends/pool";
    let mut document = Document::new(backend.parse().unwrap(), at(0));
    for (known, then) in [(None, 200), (Some(250), 200), (Some(100), 100)] {
        document.wake = known.map(at);
        document.wake_by(gates.open());
        assert_eq!(document.wake, Some(at(then)), "{known:?}");
    }
    // A pause ends by a person's hand, and whoever resumes wakes.
    document.wake = None;
    document.wake_by(Gates([closed(("one", None))].into()).open());
    assert_eq!(document.wake, None);
}
