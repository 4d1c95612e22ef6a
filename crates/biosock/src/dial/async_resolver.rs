//! What resolves names for an async dial, without a thread.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::lookups::LookupTask;
use super::resolver::{Question, Resolver};
use crate::{Result, SocketAddr};

/// A lookup in progress. Dropping it abandons the lookup.
///
/// ```
/// use biosock::dial::Resolving;
///
/// let nothing: Resolving<'_> = Box::pin(async { Ok(vec![]) });
/// ```
pub type Resolving<'a> = Pin<Box<dyn Future<Output = Result<Vec<SocketAddr>>> + Send + 'a>>;

/// Resolves names for [`Dialer::dial_async`](super::Dialer::dial_async) (feature
/// `tokio`). The dial itself polls the lookups: none outlives it.
///
/// ```
/// use std::sync::Arc;
/// use biosock::dial::{AsyncResolver, Dialer, Question, Resolving};
/// use biosock::Domain;
///
/// /// Knows one name, and takes its time.
/// struct Fixed;
///
/// impl AsyncResolver for Fixed {
///     fn resolve(&self, question: Question) -> Resolving<'_> {
///         Box::pin(async move {
///             tokio::time::sleep(std::time::Duration::from_millis(1)).await;
///             Ok(match question.family {
///                 Domain::IPV4 => vec!["127.0.0.1:1".parse()?],
///                 _ => vec![],
///             })
///         })
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let failed = Dialer::new().async_resolver(Arc::new(Fixed)).dial_async("anything:1").await.unwrap_err();
/// assert_eq!(failed.report().attempts.len(), 1);
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait AsyncResolver: Send + Sync {
    /// The addresses of one family, in the order to try them; see
    /// [`sort_destinations`](super::sort_destinations).
    ///
    /// # Errors
    /// Any failure; the dial goes on with the other family.
    ///
    /// ```
    /// use biosock::dial::{AsyncResolver, Question, Resolving};
    ///
    /// struct Nobody;
    ///
    /// impl AsyncResolver for Nobody {
    ///     fn resolve(&self, _: Question) -> Resolving<'_> {
    ///         Box::pin(std::future::ready(Ok(vec![])))
    ///     }
    /// }
    /// ```
    fn resolve(&self, question: Question) -> Resolving<'_>;
}

impl fmt::Debug for dyn AsyncResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AsyncResolver")
    }
}

/// Queries a blocking resolver as an async dial does: what it [knows
/// locally](Resolver::known) is returned at once, anything else is looked up on one of
/// biosock's threads ([`lookup_threads`](super::lookup_threads)), which identical
/// questions to the same [`Arc`] share. For an [`AsyncResolver`] that leaves some
/// questions to another resolver, such as service names to the system's.
///
/// # Errors
/// The resolver's; a lookup that panicked, or for which no thread could be started.
///
/// ```
/// use std::sync::Arc;
/// use biosock::dial::{Question, Resolver, SystemResolver, resolve_on_threads};
/// use biosock::{Domain, Type};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let system: Arc<dyn Resolver> = Arc::new(SystemResolver);
/// let question = Question { host: None, service: "80".into(), family: Domain::IPV4, socktype: Type::STREAM };
/// assert_eq!(resolve_on_threads(&system, question).await?[0].to_string(), "127.0.0.1:80");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn resolve_on_threads(resolver: &Arc<dyn Resolver>, question: Question) -> Resolving<'static> {
    let resolver = Arc::clone(resolver);
    Box::pin(async move {
        match resolver.known(&question) {
            Some(found) => Ok(found),
            None => LookupTask::start(&resolver, question).await,
        }
    })
}
