//! Dialling: from a target to its attempts, and from them to a connection.

use std::time::Instant;

use super::attempts::Attempts;
use super::blocking::{self, Limits};
use super::dialer::Dialer;
use super::lookups::Lookups;
use super::report::{DialError, DialFailure, Outcome, Report};
use super::resolver::Question;
use super::{local_names, reach};
use crate::error::Refusal;
use crate::{Domain, Error, HostServ, Lookup, Operation, Priority, Reason, Socket, SocketAddr};

/// A connection, and how it was made.
///
/// ```
/// # use biosock::{Socket, dial::Dialer};
/// # let listener = Socket::stream_for(&"127.0.0.1:0".parse()?)?;
/// # listener.listen(&"127.0.0.1:0".parse()?)?;
/// let dialed = Dialer::new().dial_addrs(&[listener.local_addr()?])?;
/// assert_eq!(dialed.socket.peer_addr()?, dialed.addr);
/// assert_eq!(dialed.report.attempts.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Dialed<S = Socket> {
    /// The connected socket: blocking unless [`Dialer::nonblocking`] is set; always
    /// non-blocking from `Dialer::dial_async` (feature `tokio`), and one of tokio's
    /// streams from `dial_stream_async`.
    pub socket: S,
    /// The address that won.
    pub addr: SocketAddr,
    /// What was tried, and when.
    pub report: Report,
}

impl Dialer {
    /// Dials `host:service` or `unix:PATH`. Without a host (`:80`) it dials this machine.
    ///
    /// # Errors
    /// A `DialError` with every attempt that was made.
    ///
    /// ```
    /// # use biosock::dial::Dialer;
    /// let failed = Dialer::new().dial("unix:/no/such/socket").unwrap_err();
    /// assert_eq!(failed.to_string(), "dial unix:/no/such/socket: no address answered");
    /// ```
    pub fn dial(&self, target: &str) -> Result<Dialed, DialError> {
        let start = Instant::now();
        let plan = self.plan(target).map_err(|error| unable(target, error))?;
        match &plan {
            Plan::Addrs(addrs) => self.run(start, target, self.attempts(start, addrs, &[]), None),
            Plan::Names(question) => {
                if let Some(addrs) = self.resolver.known(question) {
                    let mut attempts = self.attempts(start, &[], self.settings.families());
                    attempts.answered_together(start.elapsed(), &addrs);
                    return self.run(start, target, attempts, None);
                }
                let (attempts, families) = self.attempts_of(start, question);
                let lookups = Lookups::start(&self.resolver, question, families);
                let lookups = lookups.map_err(|error| unable(target, error))?;
                self.run(start, target, attempts, Some(lookups))
            }
        }
    }

    /// The attempts at a name's addresses, and the families to look up for it: a family
    /// without a way out only if the other has no address.
    pub(super) fn attempts_of(
        &self,
        start: Instant,
        question: &Question,
    ) -> (Attempts<'_>, &'static [Domain]) {
        let every = self.settings.families();
        let asked = if self.asks_the_world(question) { reach::with_way_out(every) } else { every };
        let mut attempts = self.attempts(start, &[], asked);
        if let Some(&family) = every.iter().find(|family| !asked.contains(family)) {
            attempts.defer(Question { family, ..question.clone() });
        }
        (attempts, asked)
    }

    /// Whether the system's resolver is queried for a name that may be of other hosts,
    /// and sockets use the machine's default routing.
    fn asks_the_world(&self, question: &Question) -> bool {
        let own_ways = self.settings.nat64 || self.settings.has_source_or_device();
        self.asks_the_system
            && !own_ways
            && question.host.as_deref().is_some_and(local_names::may_be_elsewhere)
    }

    /// The attempts at these addresses and at those that pending lookups will give.
    pub(super) fn attempts(&self, began: Instant, addrs: &[SocketAddr], pending: &[Domain]) -> Attempts<'_> {
        Attempts::new(&self.settings, self.history.as_deref(), began, addrs, pending)
    }

    /// Dials the first of these addresses that answers, in their order but with the
    /// families interleaved.
    ///
    /// # Errors
    /// As [`dial`](Self::dial).
    ///
    /// ```
    /// # use biosock::dial::Dialer;
    /// let failed = Dialer::new().dial_addrs(&["127.0.0.1:1".parse()?, "[::1]:1".parse()?]).unwrap_err();
    /// assert_eq!(failed.report().attempts.len(), 2);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn dial_addrs(&self, addrs: &[SocketAddr]) -> Result<Dialed, DialError> {
        let start = Instant::now();
        let target: Vec<_> = addrs.iter().take(3).map(ToString::to_string).collect();
        let more = if addrs.len() > 3 { ", …" } else { "" };
        let addrs: Vec<_> = addrs.iter().filter(|addr| self.settings.serves(addr)).copied().collect();
        self.run(start, &format!("{}{more}", target.join(", ")), self.attempts(start, &addrs, &[]), None)
    }

    pub(super) fn plan(&self, target: &str) -> Result<Plan, Error> {
        if target.starts_with("unix:") {
            let addr = target.parse()?;
            if !self.settings.serves(&addr) {
                return Err(Error::refused(Operation::Connect, Refusal::OtherFamily).at(&addr));
            }
            return Ok(Plan::Addrs(vec![addr]));
        }
        let HostServ { host, service } = HostServ::parse(target, Priority::Host)?;
        let service = service.name().ok_or_else(|| {
            let at = target.len();
            Error::bad_text(Reason::NoPortDefined, target.as_bytes(), at, "add one, as in localhost:80")
        })?;
        let lookup =
            Lookup::new().service(service).family(self.settings.family).socktype(self.settings.socktype);
        let lookup = host.name().map_or(lookup, |host| lookup.host(host));
        lookup.check_port()?;
        Ok(match lookup.literal() {
            Some(literal) => Plan::Addrs(vec![literal.addr().into()]),
            None => Plan::Names(Question {
                host: host.name().map(String::from),
                service: service.into(),
                family: self.settings.family.into(),
                socktype: self.settings.socktype,
            }),
        })
    }

    fn run(
        &self,
        start: Instant,
        target: &str,
        attempts: Attempts<'_>,
        lookups: Option<Lookups>,
    ) -> Result<Dialed, DialError> {
        let alone = attempts.is_for_one() && self.is_undisturbed();
        let attempts = attempts.blocking(alone);
        let limits = Limits { start, timeout: self.timeout, cancel: self.cancel.as_ref() };
        let (ended, report) = blocking::run(attempts, lookups, &self.resolver, &limits);
        // A socket that was never non-blocking is left as it is.
        self.finish(target, ended, report, alone || self.settings.nonblocking)
    }

    /// Whether a connect may block: nothing interrupts it, and nothing follows it. This
    /// costs no more system calls than a plain connect.
    fn is_undisturbed(&self) -> bool {
        self.timeout.is_none() && self.cancel.is_none() && !self.settings.nat64 && !self.settings.nonblocking
    }

    /// Returns the winner, made blocking unless it is in the right mode already.
    pub(super) fn finish(
        &self,
        target: &str,
        mut ended: Result<Socket, DialFailure>,
        report: Report,
        keep_mode: bool,
    ) -> Result<Dialed, DialError> {
        if let (Ok(socket), false) = (&ended, keep_mode) {
            if let Err(error) = socket.set_nonblocking(false) {
                ended = Err(DialFailure::Unable(error));
            }
        }
        Self::ended(target, ended, report)
    }

    pub(super) fn ended<S>(
        target: &str,
        ended: Result<S, DialFailure>,
        report: Report,
    ) -> Result<Dialed<S>, DialError> {
        let winner = report.attempts.iter().find(|attempt| matches!(attempt.outcome, Outcome::Connected));
        match (ended, winner.map(|attempt| attempt.addr)) {
            (Ok(socket), Some(addr)) => Ok(Dialed { socket, addr, report }),
            (Err(failure), _) => Err(DialError::new(target.into(), failure, report)),
            (Ok(_), None) => Err(DialError::new(target.into(), DialFailure::NoneAnswered, report)),
        }
    }
}

/// What a target means.
#[derive(Debug)]
pub(super) enum Plan {
    Addrs(Vec<SocketAddr>),
    Names(Question),
}

pub(super) fn unable(target: &str, error: Error) -> DialError {
    DialError::new(target.into(), DialFailure::Unable(error), Report::default())
}

#[cfg(test)]
mod tests;
