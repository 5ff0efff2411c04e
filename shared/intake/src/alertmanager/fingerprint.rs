//! Alertmanager's own name for an alert, for bodies that do not carry it.
//!
//! Source: `LabelSet.Fingerprint` of prometheus/common: 64-bit FNV-1a over each name and value in
//! the order of the names, each followed by the byte 255, which UTF-8 never has; printed as 16
//! hexadecimal digits.

use std::collections::BTreeMap;

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;
const SEPARATOR: u8 = 255;

/// What Alertmanager calls the alert that has these labels.
pub(super) fn of(labels: &BTreeMap<String, String>) -> String {
    let hash = labels
        .iter()
        .flat_map(|(name, value)| [name, value])
        .flat_map(|text| text.bytes().chain([SEPARATOR]))
        .fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    format!("{hash:016x}")
}
