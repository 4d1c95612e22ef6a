//! Listeners that another process opened and passed, or that are passed on:
//! socket activation (sd_listen_fds(3)), and from a parent to its child.

use std::env;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::parent_id;
use std::process::{self, Command};

use super::Listeners;
use crate::cause::Refusal;
use crate::{Error, Operation, Result, Socket, Syscall, sys};

/// Which process has listeners for its child, and their descriptors:
/// `PID:FD,FD`. It is of no use to grandchildren, who inherit it too.
const FROM_PARENT: &str = "BIOSOCK_LISTEN_FDS";

/// What a service manager says (sd_listen_fds(3)): for whom, how many, and
/// their names, if they have any.
const FROM_MANAGER: [&str; 3] = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"];

impl Listeners {
    /// Takes over the sockets that a service manager passed to this process
    /// (systemd's socket activation: LISTEN_PID and LISTEN_FDS in the
    /// environment), or its parent by [`pass_to`](Self::pass_to). `None`
    /// where there are none, or they were taken before.
    ///
    /// # Errors
    /// The environment lists no numbers, or one that is no listening socket.
    /// All that was passed is closed then.
    ///
    /// ```
    /// use biosock::listeners::{Listen, Listeners};
    ///
    /// let listeners = match Listeners::passed()? {
    ///     Some(passed) => passed,
    ///     None => Listen::new().listen("localhost:0")?,
    /// };
    /// # assert!(!listeners.sockets().is_empty());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "sd_listen_fds")]
    pub fn passed() -> Result<Option<Self>> {
        let sockets = take(&described()?)?;
        if sockets.is_empty() { Ok(None) } else { Self::take_over(sockets).map(Some) }
    }

    /// As [`passed`](Self::passed), a set for each name that the manager gave
    /// (FileDescriptorName= in systemd.socket(5)), in the order in which they
    /// come. Sockets without a name are called "unknown".
    ///
    /// # Errors
    /// As [`passed`](Self::passed).
    ///
    /// ```
    /// use biosock::listeners::Listeners;
    ///
    /// for (name, listeners) in Listeners::passed_by_name()? {
    ///     println!("{name}: {:?}", listeners.addrs()?);
    /// }
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "sd_listen_fds_with_names")]
    pub fn passed_by_name() -> Result<Vec<(String, Self)>> {
        let described = described()?;
        let mut groups: Vec<(String, Vec<Socket>)> = Vec::new();
        for (name, socket) in described.names.iter().zip(take(&described)?) {
            match groups.iter_mut().find(|(group, _)| group == name) {
                Some((_, sockets)) => sockets.push(socket),
                None => groups.push((name.clone(), vec![socket])),
            }
        }
        groups.into_iter().map(|(name, sockets)| Ok((name, Self::take_over(sockets)?))).collect()
    }

    /// Has a child process inherit the listeners, which takes them by
    /// [`passed`](Self::passed). Both may accept then; a parent that is to
    /// make room for its child drops its own once the child says that it is
    /// there, and no connection is refused in between.
    ///
    /// The process must be a child of this one, or this one itself that goes
    /// on as another program (exec): one in between, such as a shell that
    /// does not exec, hinders it. For programs with other customs there is
    /// [`inheritable`](Self::inheritable).
    ///
    /// # Errors
    /// dup(2)'s.
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
        let copies = self.copies(|fd| fd.try_clone_to_owned())?;
        let numbers: Vec<_> = copies.iter().map(|copy| copy.as_raw_fd().to_string()).collect();
        // What was for this process is not for its child.
        for name in FROM_MANAGER {
            command.env_remove(name);
        }
        command.env(FROM_PARENT, format!("{}:{}", process::id(), numbers.join(",")));
        sys::inherit(command, copies);
        Ok(())
    }

    /// Copies of the descriptors that every child process inherits, in the
    /// sockets' order, for those that are told the numbers in their own way.
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
        let copy = |socket: &Socket| copy(socket.as_fd()).map_err(|error| dup_error(&error));
        self.sockets.iter().map(copy).collect()
    }
}

pub(super) fn dup_error(error: &std::io::Error) -> Error {
    let errno = error.raw_os_error().unwrap_or_default();
    Error::system_call(Operation::Listen, Syscall::Dup, errno, None)
}

/// What the environment says was passed to this process.
#[derive(Debug, Default, PartialEq, Eq)]
struct Described {
    fds: Vec<RawFd>,
    names: Vec<String>,
}

fn described() -> Result<Described> {
    let said = |name| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let (me, parent) = (process::id(), parent_id());
    if let Some(list) = said(FROM_PARENT) {
        if let Some(described) = from_parent(&list, &[me, parent])? {
            return Ok(described);
        }
    }
    let [pid, count, names] = FROM_MANAGER.map(said);
    match (pid, count) {
        (Some(pid), Some(count)) if pid.parse() == Ok(me) => from_manager(&count, names.as_deref()),
        _ => Ok(Described::default()),
    }
}

/// `None` where it is meant for another process.
fn from_parent(list: &str, pids: &[u32]) -> Result<Option<Described>> {
    let bad = || bad_list(FROM_PARENT, list);
    let (pid, fds) = list.split_once(':').ok_or_else(bad)?;
    if !pids.contains(&pid.parse().map_err(|_| bad())?) {
        return Ok(None);
    }
    let fds: Vec<RawFd> = fds.split(',').map(str::parse).collect::<Result<_, _>>().map_err(|_| bad())?;
    // Those below are standard input, output and error; two owners of one
    // would close it twice.
    let is_twice = |at: usize| fds[..at].contains(&fds[at]);
    if fds.iter().any(|&fd| fd < FIRST) || (0..fds.len()).any(is_twice) {
        return Err(bad());
    }
    let names = vec![UNKNOWN.to_owned(); fds.len()];
    Ok(Some(Described { fds, names }))
}

/// SD_LISTEN_FDS_START.
const FIRST: RawFd = 3;
/// What sd_listen_fds_with_names(3) calls a socket without a name.
const UNKNOWN: &str = "unknown";

fn from_manager(count: &str, names: Option<&str>) -> Result<Described> {
    let bad = |value| bad_list(FROM_MANAGER[1], value);
    let number: u16 = count.parse().map_err(|_| bad(count))?;
    let fds: Vec<RawFd> = (FIRST..FIRST + RawFd::from(number)).collect();
    let mut names: Vec<String> =
        names.map_or(Vec::new(), |names| names.split(':').map(String::from).collect());
    names.resize(fds.len(), UNKNOWN.to_owned());
    Ok(Described { fds, names })
}

fn bad_list(variable: &str, value: &str) -> Error {
    Error::refused(Operation::Listen, Refusal::BadHandOver).about(format!("{variable}={value}"))
}

fn take(described: &Described) -> Result<Vec<Socket>> {
    let taken = sys::take_passed(&described.fds).map_err(|(fd, errno)| {
        let error = Error::system_call(Operation::Listen, Syscall::Fcntl, errno.raw_os_error(), None);
        error.about(format!("descriptor {fd}, which was passed"))
    })?;
    Ok(taken.into_iter().map(Socket::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manager_tells_how_many_and_their_names() {
        let described = from_manager("3", Some("http:https")).unwrap();
        assert_eq!(described.fds, [3, 4, 5]);
        assert_eq!(described.names, ["http", "https", "unknown"]);
        assert_eq!(from_manager("0", None).unwrap(), Described::default());
        for bad in ["", "-1", "x", "65536", "3 "] {
            let error = from_manager(bad, None).unwrap_err().to_string();
            assert_eq!(error, format!("listen on LISTEN_FDS={bad}: that is no list of descriptors"));
        }
    }

    #[test]
    fn a_parent_tells_whose_and_which() {
        assert_eq!(from_parent("7:5,9", &[1, 7]).unwrap().unwrap().fds, [5, 9]);
        assert_eq!(from_parent("8:5,9", &[1, 7]).unwrap(), None);
        for bad in ["", "7", "7:", "x:3", "7:3,", "7:2", "7:-1", "7:3,x", "7:3,4,3"] {
            assert!(from_parent(bad, &[7]).is_err(), "{bad}");
        }
    }
}
