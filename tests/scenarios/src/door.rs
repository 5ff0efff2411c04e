//! A door before the emulated Azure, which can be shut: connections through it are cut, and new
//! ones refused, as by a host that is down. What is behind it keeps its state.

use std::{net::SocketAddr, sync::Mutex};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// A port that leads to another, while it is open.
#[derive(Debug)]
pub struct Door {
    address: SocketAddr,
    behind: SocketAddr,
    open: Mutex<Option<JoinHandle<()>>>,
}

impl Door {
    /// An open door on a free port.
    pub async fn to(behind: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        let open = Mutex::new(Some(tokio::spawn(lead(listener, behind))));
        Self { address, behind, open }
    }

    /// Where it is, as a URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Shuts it, and waits until it is shut.
    pub async fn shut(&self) {
        let open = self.open.lock().expect("nobody panics with it").take();
        if let Some(open) = open {
            open.abort();
            let _ = open.await;
        }
    }

    /// Opens it again, on the same port.
    pub async fn open(&self) {
        let listener = TcpListener::bind(self.address).await.expect("the port is ours");
        let open = tokio::spawn(lead(listener, self.behind));
        *self.open.lock().expect("nobody panics with it") = Some(open);
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Some(open) = self.open.lock().expect("nobody panics with it").take() {
            open.abort();
        }
    }
}

/// Leads connections through; dropping it cuts them all.
async fn lead(listener: TcpListener, behind: SocketAddr) {
    let mut led = JoinSet::new();
    loop {
        let Ok((mut one, _)) = listener.accept().await else { return };
        led.spawn(async move {
            if let Ok(mut other) = TcpStream::connect(behind).await {
                let _ = one.set_nodelay(true);
                let _ = other.set_nodelay(true);
                let _ = copy_bidirectional(&mut one, &mut other).await;
            }
        });
    }
}
