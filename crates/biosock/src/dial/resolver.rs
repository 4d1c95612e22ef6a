//! Who turns names into addresses for a dial.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::hosts;
use crate::literal::parse_port;
use crate::sys::{SignalsBlocked, Waker};
use crate::{Domain, Error, ErrorKind, Lookup, Operation, Result, SocketAddr, Syscall, Type};

/// A question that a dial asks.
///
/// ```
/// use biosock::dial::{Question, Resolver, SystemResolver};
/// use biosock::{Domain, Type};
///
/// let question = Question { host: None, service: "80".into(), family: Domain::IPV4, socktype: Type::STREAM };
/// assert_eq!(SystemResolver.resolve(&question)?[0].to_string(), "127.0.0.1:80");
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Question {
    /// The host's name; `None` for the loopback addresses.
    pub host: Option<String>,
    /// The service's name or port.
    pub service: String,
    /// The family whose addresses are wanted; each is asked for apart.
    pub family: Domain,
    /// The type of socket.
    pub socktype: Type,
}

/// Turns names into addresses. A dial asks on a thread of its own for each
/// family, so an implementation may block; a panic of it is a look-up that failed.
/// What is [at hand](Self::at_hand) needs no thread.
///
/// ```
/// use std::sync::Arc;
/// use biosock::dial::{Dialer, Question, Resolver};
/// use biosock::{Domain, Result, SocketAddr};
///
/// /// Knows one name.
/// #[derive(Debug)]
/// struct Fixed;
///
/// impl Resolver for Fixed {
///     fn resolve(&self, question: &Question) -> Result<Vec<SocketAddr>> {
///         Ok(match question.family {
///             Domain::IPV4 => vec!["127.0.0.1:1".parse()?],
///             _ => vec![],
///         })
///     }
/// }
///
/// let failed = Dialer::new().resolver(Arc::new(Fixed)).dial("anything:1").unwrap_err();
/// assert_eq!(failed.report().attempts.len(), 1);
/// ```
pub trait Resolver: Send + Sync + fmt::Debug {
    /// The addresses of one family, in the order to try them (RFC 6724).
    ///
    /// # Errors
    /// Whatever went wrong; the dial goes on with the other family.
    ///
    /// ```
    /// use biosock::dial::{Question, Resolver, SystemResolver};
    /// use biosock::{Domain, Type};
    ///
    /// let question = Question { host: None, service: "no-such".into(), family: Domain::IPV4, socktype: Type::STREAM };
    /// assert!(SystemResolver.resolve(&question).is_err());
    /// ```
    fn resolve(&self, question: &Question) -> Result<Vec<SocketAddr>>;

    /// The addresses where they are at hand, as in a cache, of the question's
    /// family or of both ([`Domain::UNSPEC`]), each in the order to try them: none
    /// where it is known that there are none. A dial that this resolver serves
    /// asks it first, on its caller's thread or the runtime's, so it must not
    /// block; on `None`, as here, [`resolve`](Self::resolve) is asked, on threads.
    ///
    /// ```
    /// use biosock::dial::{Question, Resolver, SystemResolver};
    /// use biosock::{Domain, Type};
    ///
    /// let host = Some("name.of.dns.example".into());
    /// let question = Question { host, service: "80".into(), family: Domain::UNSPEC, socktype: Type::STREAM };
    /// assert!(SystemResolver.at_hand(&question).is_none());
    /// ```
    fn at_hand(&self, question: &Question) -> Option<Vec<SocketAddr>> {
        let _ = question;
        None
    }
}

/// The system's resolver, getaddrinfo(3), by [`Lookup`].
///
/// A name that hosts(5) has is asked for in both families at once, and the
/// other family's addresses are left out: asked for one family alone,
/// getaddrinfo would go on to DNS where the file has the other. Such a name is
/// [at hand](Resolver::at_hand), read from the file without getaddrinfo, where
/// the port is in figures and nsswitch.conf(5) has the file go first.
///
/// ```
/// # use biosock::dial::{Question, Resolver, SystemResolver};
/// # use biosock::{Domain, Type};
/// let question = Question { host: Some("localhost".into()), service: "1".into(), family: Domain::IPV4, socktype: Type::STREAM };
/// assert!(!SystemResolver.resolve(&question)?.is_empty());
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, question: &Question) -> Result<Vec<SocketAddr>> {
        let lookup =
            Lookup::new().service(&question.service).family(question.family).socktype(question.socktype);
        let lookup = question.host.as_ref().map_or(lookup, |host| lookup.host(host));
        let in_hosts = question.host.as_deref().is_some_and(hosts::has);
        let lookup = if in_hosts { lookup.every_family() } else { lookup };
        let of_family =
            |addr: &SocketAddr| question.family == Domain::UNSPEC || addr.family() == question.family;
        Ok(lookup.run()?.into_iter().map(|found| found.addr).filter(of_family).collect())
    }

    fn at_hand(&self, question: &Question) -> Option<Vec<SocketAddr>> {
        // The names of services may be a directory server's to know.
        let port = parse_port(question.service.bytes())?;
        let found = hosts::destinations(question.host.as_deref()?, port, question.family)?;
        hosts::go_first().then_some(found)
    }
}

/// What one look-up gave.
pub(super) type Answer = (Domain, Result<Vec<SocketAddr>>);

/// Look-ups on threads of their own. Dropping this abandons them: a thread
/// ends as soon as its resolver lets it. How many there may be is the system's
/// affair (RLIMIT_NPROC): a thread that cannot be had is a failed look-up.
/// They take no signals, so that the caller's handlers never run on them.
#[derive(Debug)]
pub(super) struct Lookups {
    answers: Receiver<Answer>,
    sender: Sender<Answer>,
    pub(super) waker: Arc<Waker>,
}

impl Lookups {
    /// Asks for each family. A thread that cannot be had is a failed look-up.
    pub(super) fn start(
        resolver: &Arc<dyn Resolver>,
        question: &Question,
        families: &[Domain],
    ) -> Result<Self> {
        let waker = Arc::new(Waker::new()?);
        let (sender, answers) = channel();
        let lookups = Self { answers, sender, waker };
        let _blocked = SignalsBlocked::new();
        for &family in families {
            lookups.spawn(resolver, Question { family, ..question.clone() }, family);
        }
        Ok(lookups)
    }

    /// Asks one question more, whose answer is to have this mark.
    pub(super) fn ask(&self, resolver: &Arc<dyn Resolver>, question: Question, mark: Domain) {
        let _blocked = SignalsBlocked::new();
        self.spawn(resolver, question, mark);
    }

    fn spawn(&self, resolver: &Arc<dyn Resolver>, question: Question, mark: Domain) {
        ask(Arc::clone(resolver), question, mark, self.sender.clone(), Arc::clone(&self.waker));
    }

    /// The answers that have come since.
    pub(super) fn take(&self) -> impl Iterator<Item = Answer> + '_ {
        self.waker.clear();
        self.answers.try_iter()
    }
}

fn ask(
    resolver: Arc<dyn Resolver>,
    question: Question,
    mark: Domain,
    sender: Sender<Answer>,
    waker: Arc<Waker>,
) {
    let for_thread = (sender.clone(), Arc::clone(&waker));
    let started = thread::Builder::new().name("biosock look-up".into()).spawn(move || {
        let (sender, waker) = for_thread;
        // Whoever waits for the answer is to hear of a panic, too.
        let answer = catch_unwind(AssertUnwindSafe(|| resolver.resolve(&question)));
        tell(&sender, &waker, (mark, answer.unwrap_or_else(|_| Err(panicked()))));
    });
    if let Err(error) = started {
        let errno = error.raw_os_error().unwrap_or_default();
        let error = Error::system_call(Operation::Lookup, Syscall::Clone, errno, None);
        tell(&sender, &waker, (mark, Err(error)));
    }
}

pub(super) fn panicked() -> Error {
    Error::from_kind(Operation::Lookup, ErrorKind::LookupFailed).about("by a resolver that panicked")
}

/// A dial that is over hears nothing, and need not.
fn tell(sender: &Sender<Answer>, waker: &Waker, answer: Answer) {
    if sender.send(answer).is_ok() {
        waker.wake();
    }
}
