//! What is counted of a pool: members, and groups that are switched off.

/// A number of members.
#[derive(Clone, Copy, Default)]
pub(super) struct Count {
    /// With those that Azure itself may leave out.
    pub(super) all: usize,
    /// Without them.
    pub(super) certain: usize,
}

/// Groups, by the numbers of their priorities.
#[derive(Clone, Copy, Default)]
pub(super) struct Numbers([u64; 4]);

impl Numbers {
    pub(super) fn has(self, number: u8) -> bool {
        self.0[usize::from(number) / 64] & (1 << (number % 64)) != 0
    }

    fn insert(&mut self, number: u8) {
        self.0[usize::from(number) / 64] |= 1 << (number % 64);
    }

    fn remove(&mut self, number: u8) {
        self.0[usize::from(number) / 64] &= !(1 << (number % 64));
    }
}

/// The groups that have members of which none serves.
pub(super) fn switched_off(group: &[u8], weight: &[u32]) -> Numbers {
    let mut numbers = Numbers::default();
    group.iter().for_each(|number| numbers.insert(*number));
    let serving = group.iter().zip(weight).filter(|(_, weight)| **weight > 0);
    serving.for_each(|(number, _)| numbers.remove(*number));
    numbers
}
