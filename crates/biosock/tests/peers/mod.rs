//! Peers to dial, and resolvers that know their addresses.

use biosock::dial::{Question, Resolver};
use biosock::listeners::{Listen, Listeners};
use biosock::{Result, Socket, SocketAddr};

pub(crate) fn listeners(target: &str) -> (Listeners, u16) {
    let listeners = Listen::new().listen(target).unwrap();
    let port = listeners.addrs().unwrap()[0].port().unwrap_or_default();
    (listeners, port)
}

/// A port that refuses: bound, so that nothing else has it, and not listening.
pub(crate) fn refusing(any: &str) -> (Socket, SocketAddr) {
    let holder = Socket::stream_for(&any.parse().unwrap()).unwrap();
    holder.bind(&any.parse().unwrap()).unwrap();
    let addr = holder.local_addr().unwrap();
    (holder, addr)
}

/// Knows one address, whatever the name.
#[derive(Debug)]
pub(crate) struct Fixed(pub(crate) SocketAddr);

impl Resolver for Fixed {
    fn resolve(&self, question: &Question) -> Result<Vec<SocketAddr>> {
        Ok(if question.family == self.0.family() { vec![self.0] } else { vec![] })
    }
}
