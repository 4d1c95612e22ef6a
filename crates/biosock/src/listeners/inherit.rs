//! Listeners passed by and to other processes: socket activation (sd_listen_fds(3)),
//! and from a parent to its child.

use std::env;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::process::{self, Command};

use super::acceptor::Pool;
use super::set::{Listeners, TakeOverError};
use crate::error::Refusal;
use crate::sock::dup_error;
use crate::sys::{self, Passed, Waker, Wrong};
use crate::{Error, Operation, Result, Socket, Syscall};

/// What a parent passed to its child: each descriptor with the inode of its socket,
/// `FD:INODE,FD:INODE;FD:INODE`. What follows the semicolon, if there is one, is not a
/// listener: it carries the nudge by which the acceptors of the set wake each other. A
/// process that inherits the list but not the sockets, such as the child's children,
/// detects by the inodes that the list is for another.
const FROM_PARENT: &str = "BIOSOCK_LISTEN_FDS";

/// What a service manager sets (sd_listen_fds(3)): the process that they are for,
/// their number, and their names, if any.
const FROM_MANAGER: [&str; 3] = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"];

/// What newer ones also set about the process that they are for.
const MANAGER_S_PIDFD: &str = "LISTEN_PIDFDID";

impl Listeners {
    /// The environment variables that [`inherited`](Self::inherited) reads: they are about
    /// this process, so they should be removed for programs that it runs
    /// (`Command::env_remove`). [`pass_to`](Self::pass_to) does that.
    ///
    /// ```
    /// use biosock::listeners::Listeners;
    ///
    /// let mut command = std::process::Command::new("true");
    /// for name in Listeners::INHERITED_ENV {
    ///     command.env_remove(name);
    /// }
    /// ```
    pub const INHERITED_ENV: &'static [&'static str] =
        &[FROM_MANAGER[0], FROM_MANAGER[1], FROM_MANAGER[2], MANAGER_S_PIDFD, FROM_PARENT];

    /// Takes over the sockets passed to this process by a service manager (systemd's
    /// socket activation: LISTEN_PID and LISTEN_FDS in the environment), or by its
    /// parent with [`pass_to`](Self::pass_to). `None` if there are none, or if they
    /// have been taken already.
    ///
    /// Call it before other threads open descriptors. All are checked before any is
    /// taken: a descriptor that this process opened, with FD_CLOEXEC as the standard
    /// library and this one do, is not touched. The environment is unchanged;
    /// [`INHERITED_ENV`](Self::INHERITED_ENV) lists the variables to remove for children of
    /// this process.
    ///
    /// # Errors
    /// The environment contains something other than numbers, or a descriptor that is
    /// not an inherited listening socket, which the error names. The other passed
    /// sockets are then closed.
    ///
    /// ```
    /// use biosock::listeners::{Listen, Listeners};
    ///
    /// let listeners = match Listeners::inherited()? {
    ///     Some(passed) => passed,
    ///     None => Listen::new().listen("localhost:0")?,
    /// };
    /// # assert!(!listeners.sockets().is_empty());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "sd_listen_fds")]
    pub fn inherited() -> Result<Option<Self>> {
        let (sockets, nudge) = take(&described()?)?;
        if sockets.is_empty() { Ok(None) } else { Ok(Some(Self::take_with(sockets, nudge)?)) }
    }

    /// Like [`inherited`](Self::inherited), with a set for each name given by the manager
    /// (FileDescriptorName= in systemd.socket(5)), in order. Sockets without a name are
    /// called "unknown".
    ///
    /// # Errors
    /// Those of [`inherited`](Self::inherited).
    ///
    /// ```
    /// use biosock::listeners::Listeners;
    ///
    /// for (name, listeners) in Listeners::inherited_by_name()? {
    ///     println!("{name}: {:?}", listeners.addrs()?);
    /// }
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "sd_listen_fds_with_names")]
    pub fn inherited_by_name() -> Result<Vec<(String, Self)>> {
        let described = described()?;
        let mut groups: Vec<(String, Vec<Socket>)> = Vec::new();
        let (sockets, mut nudge) = take(&described)?;
        for (name, socket) in described.names.iter().zip(sockets) {
            match groups.iter_mut().find(|(group, _)| group == name) {
                Some((_, sockets)) => sockets.push(socket),
                None => groups.push((name.clone(), vec![socket])),
            }
        }
        // A nudge comes from a parent, whose sockets are one set.
        let take = |(name, sockets)| Ok((name, Self::take_with(sockets, nudge.take())?));
        groups.into_iter().map(take).collect()
    }

    fn take_with(sockets: Vec<Socket>, nudge: Option<Waker>) -> Result<Self, TakeOverError> {
        Self::take_over_with(sockets, || nudge.map_or_else(Pool::new, |nudge| Ok(Pool::with(nudge))))
    }

    /// Lets a child process inherit the listeners, which it takes with
    /// [`inherited`](Self::inherited). Both may then accept; a parent that its child replaces
    /// drops its own set once the child reports that it is running, and no connection is
    /// refused in between. A connection that wakes the parent just as it is stopped
    /// wakes the child instead: they share the set as after fork(2), see
    /// [`accept`](Self::accept).
    ///
    /// The listeners go to the first process that takes them, the child or one that it
    /// runs. For programs with other protocols, use [`inheritable`](Self::inheritable).
    ///
    /// # Errors
    /// Those of dup(2), fstat(2), socketpair(2) and sendmsg(2).
    ///
    /// ```
    /// use std::process::Command;
    /// use biosock::listeners::Listen;
    ///
    /// let listeners = Listen::new().listen("localhost:0")?;
    /// let mut command = Command::new("true");
    /// listeners.pass_to(&mut command)?;
    /// assert!(command.status()?.success());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pass_to(&self, command: &mut Command) -> Result<()> {
        let mut copies = self.copies(|fd| fd.try_clone_to_owned())?;
        copies.push(carrier_of(self.pool.nudge().as_fd())?);
        let pair = |copy: &OwnedFd| Ok(format!("{}:{}", copy.as_raw_fd(), sys::inode(copy.as_fd())?));
        let pairs: Result<Vec<_>, sys::Errno> = copies.iter().map(pair).collect();
        let mut pairs = pairs.map_err(|errno| dup_error(Operation::Listen, &errno.into()))?;
        let nudge = pairs.pop().unwrap_or_default();
        // What was passed to this process is not for its child.
        for name in Self::INHERITED_ENV {
            command.env_remove(name);
        }
        command.env(FROM_PARENT, format!("{};{nudge}", pairs.join(",")));
        sys::inherit(command, copies);
        Ok(())
    }

    /// Copies of the descriptors that every child process inherits, in the sockets'
    /// order, for children that get the numbers in another way.
    ///
    /// # Errors
    /// dup(2)'s.
    ///
    /// ```
    /// # use biosock::listeners::Listen;
    /// assert_eq!(Listen::new().listen("127.0.0.1:0")?.inheritable()?.len(), 1);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn inheritable(&self) -> Result<Vec<OwnedFd>> {
        self.copies(|fd| Ok(sys::inheritable(fd)?))
    }

    fn copies(
        &self,
        copy: impl Fn(std::os::fd::BorrowedFd<'_>) -> std::io::Result<OwnedFd>,
    ) -> Result<Vec<OwnedFd>> {
        self.pool.share();
        let copy =
            |socket: &Socket| copy(socket.as_fd()).map_err(|error| dup_error(Operation::Listen, &error));
        self.sockets.iter().map(copy).collect()
    }
}

/// What was passed to this process, according to the environment.
#[derive(Debug, Default, PartialEq, Eq)]
struct Described {
    fds: Vec<Passed>,
    names: Vec<String>,
    nudge: Option<Passed>,
}

fn described() -> Result<Described> {
    let said = |name| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let me = process::id();
    let [pid, count, names] = FROM_MANAGER.map(said);
    match (pid, count, said(FROM_PARENT)) {
        // It names this process, where a parent's list may have been meant for another.
        (Some(pid), Some(count), _) if pid.parse() == Ok(me) => from_manager(&count, names.as_deref()),
        (_, _, Some(list)) => from_parent(&list),
        _ => Ok(Described::default()),
    }
}

fn from_parent(list: &str) -> Result<Described> {
    let bad = || bad_list(FROM_PARENT, list);
    let pair = |pair: &str| {
        let (fd, inode) = pair.split_once(':')?;
        Some(Passed { fd: fd.parse().ok()?, inode: Some(inode.parse().ok()?) })
    };
    let (listeners, nudge) =
        list.split_once(';').map_or((list, None), |(listeners, nudge)| (listeners, Some(nudge)));
    let all = listeners.split(',').chain(nudge).map(pair);
    let mut fds: Vec<Passed> = all.collect::<Option<_>>().ok_or_else(bad)?;
    // Lower ones are standard input, output and error; two owners of one
    // would close it twice.
    let is_twice = |at: usize| fds[..at].iter().any(|before| before.fd == fds[at].fd);
    if fds.iter().any(|passed| passed.fd < FIRST) || (0..fds.len()).any(is_twice) {
        return Err(bad());
    }
    let nudge = nudge.and_then(|_| fds.pop());
    let names = vec![UNKNOWN.to_owned(); fds.len()];
    Ok(Described { fds, names, nudge })
}

/// SD_LISTEN_FDS_START.
const FIRST: RawFd = 3;
/// What sd_listen_fds_with_names(3) calls a socket without a name.
const UNKNOWN: &str = "unknown";

fn from_manager(count: &str, names: Option<&str>) -> Result<Described> {
    let bad = |value| bad_list(FROM_MANAGER[1], value);
    let number: u16 = count.parse().map_err(|_| bad(count))?;
    let fds = (FIRST..FIRST + RawFd::from(number)).map(|fd| Passed { fd, inode: None });
    let fds: Vec<Passed> = fds.collect();
    let mut names: Vec<String> =
        names.map_or(Vec::new(), |names| names.split(':').map(String::from).collect());
    names.resize(fds.len(), UNKNOWN.to_owned());
    Ok(Described { fds, names, nudge: None })
}

fn bad_list(variable: &str, value: &str) -> Error {
    Error::refused(Operation::Listen, Refusal::BadHandOver).about(format_args!("{variable}={value}"))
}

/// The sockets, and the nudge if one was passed.
fn take(described: &Described) -> Result<(Vec<Socket>, Option<Waker>)> {
    if described.fds.is_empty() {
        return Ok((Vec::new(), None));
    }
    let taken = sys::take_passed(&described.fds, described.nudge);
    let (sockets, nudge) = taken.map_err(|(fd, wrong)| {
        let error = match wrong {
            Wrong::NotOpen => {
                let errno = sys::Errno::BADF.raw_os_error();
                Error::system_call(Operation::Listen, Syscall::Fcntl, errno, None)
            }
            wrong => Error::refused(Operation::Listen, Refusal::Passed(wrong)),
        };
        error.about(format_args!("descriptor {fd}, which was passed"))
    })?;
    Ok((sockets.into_iter().map(Socket::from).collect(), nudge.map(Waker::from)))
}

/// A socket that carries this descriptor. All eventfds share one inode, so a child
/// could not identify this one by its number, but it can identify the socket.
fn carrier_of(fd: BorrowedFd<'_>) -> Result<OwnedFd> {
    let failed = |call| {
        move |errno: sys::Errno| Error::system_call(Operation::Listen, call, errno.raw_os_error(), None)
    };
    let (sender, carrier) = sys::socket_pair().map_err(failed(Syscall::SocketPair))?;
    sys::enclose(sender.as_fd(), fd).map_err(failed(Syscall::SendMsg))?;
    Ok(carrier)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manager_passes_the_number_and_the_names() {
        let described = from_manager("3", Some("http:https")).unwrap();
        assert_eq!(described.fds, [3, 4, 5].map(|fd| Passed { fd, inode: None }));
        assert_eq!(described.names, ["http", "https", "unknown"]);
        assert_eq!(from_manager("0", None).unwrap(), Described::default());
        for bad in ["", "-1", "x", "65536", "3 "] {
            let error = from_manager(bad, None).unwrap_err().to_string();
            assert_eq!(error, format!("listen on LISTEN_FDS={bad}: not a list of descriptors"));
        }
    }

    #[test]
    fn a_parent_passes_descriptors_and_inodes() {
        let passed = |fd, inode| Passed { fd, inode: Some(inode) };
        // From an older parent, which passes no nudge.
        let described = from_parent("3:77,9:78").unwrap();
        assert_eq!(described.fds, [passed(3, 77), passed(9, 78)]);
        assert_eq!(described.nudge, None);
        for bad in ["", "7", "7:", "x:3", "7:3,", "2:7", "-1:7", "7:3,x", "7:3,4,3", "7:3,7:3", "7:-1"] {
            assert!(from_parent(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_parent_passes_the_carrier_of_the_nudge() {
        let passed = |fd, inode| Passed { fd, inode: Some(inode) };
        let described = from_parent("5:77,9:78;7:79").unwrap();
        assert_eq!(described.fds, [passed(5, 77), passed(9, 78)]);
        assert_eq!(described.nudge, Some(passed(7, 79)));
        for bad in [";7:3", "7:3;", "7:3;7:4", "7:3;2:4", "7:3;8", "7:3;8:4;9:5", "7:3;8:4,9:5", "7:3,;8:4"] {
            assert!(from_parent(bad).is_err(), "{bad}");
        }
    }
}
