//! The first act: a maintenance window drains a sound member, and gives it back, by the clock alone.

use super::{Missing, Story, helped};
use crate::{
    functions::WINDOW_LASTS,
    screen::{GOOD, PLAIN},
    world::{PATCHED, Side, Write},
};

impl Story<'_> {
    pub(super) async fn window(&mut self) -> Result<(), Missing> {
        self.screen.title("1  A maintenance window: a member is to be patched");
        self.screen.stage("Nothing is wrong. Soon a maintenance window opens.");
        self.pause_until(self.opens).await;
        self.measured.window.opens = Some(self.opens);
        let (name, length) = (helped(PATCHED), WINDOW_LASTS.as_secs());
        let text = format!("window    open for {length} s: no new requests to {name}");
        self.screen.say(PLAIN, text);

        let drains = |write: &Write| {
            write.backend == Side::Helped.name() && write.weight(PATCHED) == Some(0)
        };
        let drained = self.written("the write that drains the patched member", drains).await?;
        self.measured.window.drained = Some(drained);
        let before = self.got(PATCHED);
        self.screen.stage("The window is open: the others serve for the drained member.");

        let restores = |write: &Write| write.at > drained && self.restores(write);
        let restored = self.written("the end of the maintenance window", restores).await?;
        let [got, beside] = self.got_since(PATCHED, before);
        self.measured.window.restored = Some(restored);
        self.measured.window.got = [got, beside];
        let lost = self.losses().map(|of| of.failures).into_iter().sum::<u64>();
        let text = format!(
            "window    over: {name} got {got} requests, alone-{PATCHED} {beside}; {lost} lost"
        );
        self.screen.say(GOOD, text);
        self.screen.stage("All is as before the window. Soon a member of each pool breaks.");
        Ok(())
    }
}
