//! How much a connection carries.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use biosock::SocketAddr;
use serde_json::json;

use crate::output::Output;
use crate::text::duration;

/// The size of one read and write.
pub(crate) const BUFFER: usize = 128 * 1024;

/// The bytes moved so far.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    sent: AtomicU64,
    received: AtomicU64,
}

impl Counters {
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    pub(crate) fn add_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn add_received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// How much a connection carried until it was closed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Total {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) took: Duration,
}

impl Total {
    pub(crate) fn report(&self, peer: &SocketAddr, out: &Output) {
        let Self { sent, received, took } = self;
        let event = json!({
            "event": "closed", "peer": peer.to_string(),
            "sent": sent, "received": received, "seconds": took.as_secs_f64(),
        });
        let text = format!("{peer}: {sent} bytes sent, {received} received ({})", duration(*took));
        out.event(&event, out.verbose().then_some(&text));
    }
}
