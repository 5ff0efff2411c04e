//! Places of the world by their time zones, and when a time of day comes there.

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase},
};

/// When a time of day comes somewhere: the first time where it comes twice, and the first one after it where it
/// does not come.
pub(crate) fn moment(at: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(at);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => {
            ambiguous.earlier().ok()
        }
        AmbiguousOffset::Gap { .. } => {
            let before = ambiguous.earlier().ok()?;
            Some(zone.following(before).next()?.timestamp())
        }
    }
}

/// The time zone of this name, from the database that is built in.
///
/// # Errors
/// In words, where there is none.
pub(crate) fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZoneDatabase::bundled().get(name.trim()).map_err(|_| {
        format!("there is no time zone `{name}`: name one as in Europe/Paris, or write UTC")
    })
}
