//! The emulated Azure, on threads of its own, so that it answers and takes its times whatever the
//! sending side does.

use std::{
    ops::Deref,
    sync::mpsc,
    thread::{self, JoinHandle},
};

use pointsman_emulator::{Emulator, Options};
use tokio::sync::oneshot;

use crate::error::Failed;

/// A running emulator; ended when it is dropped.
pub(crate) struct Azure {
    emulator: Emulator,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Azure {
    pub(crate) fn start() -> Result<Self, Failed> {
        let (started, wait) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("azure".to_owned())
            .spawn(move || serve(&started, stopped))?;
        let emulator = wait.recv().map_err(|_| Failed::new("the emulator did not start"))??;
        Ok(Self { emulator, stop: Some(stop), thread: Some(thread) })
    }
}

fn serve(started: &mpsc::Sender<Result<Emulator, Failed>>, stopped: oneshot::Receiver<()>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            // Nobody waits any more where this fails.
            let _ = started.send(Err(error.into()));
            return;
        }
    };
    runtime.block_on(async {
        match Emulator::start(Options::default()).await {
            Ok(emulator) => {
                let _ = started.send(Ok(emulator.clone()));
                // A sender that was dropped says the same.
                let _ = stopped.await;
                emulator.stop().await;
            }
            Err(error) => {
                let _ = started.send(Err(error.into()));
            }
        }
    });
}

impl Deref for Azure {
    type Target = Emulator;

    fn deref(&self) -> &Emulator {
        &self.emulator
    }
}

impl Drop for Azure {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of its own was printed where it happened.
            let _ = thread.join();
        }
    }
}
