//! biosock_report(3): reports of dials.

use std::ffi::{CString, c_char, c_int, c_longlong};
use std::ptr;
use std::time::Duration;

use biosock::dial::{Attempt, DialError, Dialed, LookupReport, Outcome, Report};

use super::convert::c_addr;
use super::handle;
use super::sized_struct::{self, SizedStruct};
use crate::addr::BIO_ADDR;
use crate::c_string::without_nul;
use crate::errno;
use crate::failure::Failure;
use crate::host::Host;
use crate::raise::run;
use crate::sites::site;

/// The report of a dial.
pub struct biosock_report {
    text: CString,
    hint: Option<CString>,
    elapsed: Duration,
    lookups: Vec<(LookupLine, CString)>,
    attempts: Vec<AttemptLine>,
}

/// A lookup without its string.
type LookupLine = (c_int, Option<Duration>, Option<usize>);

struct AttemptLine {
    addr: BIO_ADDR,
    addr_text: CString,
    started: Duration,
    took: Duration,
    outcome: c_int,
    error: c_int,
    text: CString,
}

/// `BIOSOCK_CONNECTED`, `BIOSOCK_FAILED`, `BIOSOCK_NO_ANSWER`
const CONNECTED: c_int = 1;
const FAILED: c_int = 2;
const NO_ANSWER: c_int = 3;

/// One attempt of a dial; biosock_report(3) describes the fields.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the manual page has them")]
pub struct biosock_attempt {
    pub size: usize,
    pub addr: *const BIO_ADDR,
    pub addr_text: *const c_char,
    pub text: *const c_char,
    pub started_us: c_longlong,
    pub took_us: c_longlong,
    pub outcome: c_int,
    pub error: c_int,
}

// SAFETY: it meets the trait's requirements.
unsafe impl SizedStruct for biosock_attempt {
    const NAME: &'static str = "biosock_attempt";
    const INIT: &'static str = "BIOSOCK_ATTEMPT_INIT";
}

/// One lookup of a dial; biosock_report(3) describes the fields.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the manual page has them")]
pub struct biosock_lookup {
    pub size: usize,
    pub text: *const c_char,
    pub took_us: c_longlong,
    pub family: c_int,
    pub found: c_int,
}

// SAFETY: it meets the trait's requirements.
unsafe impl SizedStruct for biosock_lookup {
    const NAME: &'static str = "biosock_lookup";
    const INIT: &'static str = "BIOSOCK_LOOKUP_INIT";
}

impl biosock_report {
    /// A report for the caller to free.
    pub(super) fn of(ended: &Result<Dialed, DialError>) -> *mut Self {
        let report = match ended {
            Ok(dialed) => Self::new(&dialed.report, &dialed.report.to_string(), None),
            Err(error) => {
                let (message, table) = (error.to_string(), error.report().to_string());
                let text = if table.is_empty() { message } else { format!("{message}\n{table}") };
                Self::new(error.report(), &text, error.hint())
            }
        };
        handle::give(report)
    }

    fn new(report: &Report, text: &str, hint: Option<&str>) -> Self {
        Self {
            text: without_nul(text),
            hint: hint.map(without_nul),
            elapsed: report.elapsed,
            lookups: report.lookups.iter().map(lookup_line).collect(),
            attempts: report.attempts.iter().map(attempt_line).collect(),
        }
    }
}

fn lookup_line(LookupReport { family, took, answer, .. }: &LookupReport) -> (LookupLine, CString) {
    let (found, text) = match answer {
        Some(Ok(found)) => (Some(*found), format!("{found} found")),
        Some(Err(error)) => (None, error.why().to_string()),
        None => (None, "no answer".into()),
    };
    ((family.as_raw(), *took, found), without_nul(&text))
}

fn attempt_line(Attempt { addr, started, took, outcome, .. }: &Attempt) -> AttemptLine {
    let (number, error) = match outcome {
        Outcome::Connected => (CONNECTED, None),
        Outcome::Failed(error) => (FAILED, Some(errno::of(error))),
        // C has no others.
        _ => (NO_ANSWER, None),
    };
    AttemptLine {
        addr: c_addr(addr),
        addr_text: without_nul(&addr.to_string()),
        started: *started,
        took: *took,
        outcome: number,
        error: error.unwrap_or(0),
        text: without_nul(&outcome.to_string()),
    }
}

/// Microseconds, which overflow only after 292,000 years.
fn microseconds(time: Duration) -> c_longlong {
    c_longlong::try_from(time.as_micros()).unwrap_or(c_longlong::MAX)
}

/// `biosock_report_attempts`: how many attempts there were; 0 for NULL.
///
/// # Safety
///
/// `report` is NULL or not yet freed.
pub unsafe fn biosock_report_attempts(report: *const biosock_report) -> usize {
    // SAFETY: NULL or a live handle.
    unsafe { handle::get(report) }.map_or(0, |report| report.attempts.len())
}

/// `biosock_report_attempt`: the attempt with this index; 1, or 0.
///
/// # Safety
///
/// `report` is NULL or not yet freed; `attempt` is NULL or as large as its `size`
/// says.
pub unsafe fn biosock_report_attempt<H: Host>(
    report: *const biosock_report,
    index: usize,
    attempt: *mut biosock_attempt,
) -> c_int {
    run::<H, _>(site!(c"biosock_report_attempt"), 0, || {
        // SAFETY: NULL or a live handle.
        let report = unsafe { handle::get(report) }.ok_or(Failure::Null("report"))?;
        let line = report.attempts.get(index).ok_or_else(|| none("attempt", index, report.attempts.len()))?;
        let given = biosock_attempt {
            size: size_of::<biosock_attempt>(),
            addr: &raw const line.addr,
            addr_text: line.addr_text.as_ptr(),
            text: line.text.as_ptr(),
            started_us: microseconds(line.started),
            took_us: microseconds(line.took),
            outcome: line.outcome,
            error: line.error,
        };
        // SAFETY: NULL, or as large as it says.
        unsafe { sized_struct::write(attempt, given) }.map(|()| 1)
    })
}

/// `biosock_report_lookups`: how many lookups there were; 0 for NULL.
///
/// # Safety
///
/// `report` is NULL or not yet freed.
pub unsafe fn biosock_report_lookups(report: *const biosock_report) -> usize {
    // SAFETY: NULL or a live handle.
    unsafe { handle::get(report) }.map_or(0, |report| report.lookups.len())
}

/// `biosock_report_lookup`: the lookup with this index; 1, or 0.
///
/// # Safety
///
/// `report` is NULL or not yet freed; `lookup` is NULL or as large as its `size`
/// says.
pub unsafe fn biosock_report_lookup<H: Host>(
    report: *const biosock_report,
    index: usize,
    lookup: *mut biosock_lookup,
) -> c_int {
    run::<H, _>(site!(c"biosock_report_lookup"), 0, || {
        // SAFETY: NULL or a live handle.
        let report = unsafe { handle::get(report) }.ok_or(Failure::Null("report"))?;
        let line = report.lookups.get(index);
        let ((family, took, found), text) =
            line.ok_or_else(|| none("lookup", index, report.lookups.len()))?;
        let given = biosock_lookup {
            size: size_of::<biosock_lookup>(),
            text: text.as_ptr(),
            took_us: took.map_or(-1, microseconds),
            family: *family,
            found: found.map_or(-1, |found| c_int::try_from(found).unwrap_or(c_int::MAX)),
        };
        // SAFETY: NULL, or as large as it says.
        unsafe { sized_struct::write(lookup, given) }.map(|()| 1)
    })
}

fn none(what: &str, index: usize, count: usize) -> Failure {
    Failure::invalid(format_args!("no {what} {index}; there are {count}, counted from 0"))
}

/// `biosock_report_elapsed_us`: how long the dial took, in microseconds; 0 for NULL.
///
/// # Safety
///
/// `report` is NULL or not yet freed.
pub unsafe fn biosock_report_elapsed_us(report: *const biosock_report) -> c_longlong {
    // SAFETY: NULL or a live handle.
    unsafe { handle::get(report) }.map_or(0, |report| microseconds(report.elapsed))
}

/// `biosock_report_text`: the whole report as text; NULL for NULL.
///
/// # Safety
///
/// `report` is NULL or not yet freed.
pub unsafe fn biosock_report_text(report: *const biosock_report) -> *const c_char {
    // SAFETY: NULL or a live handle.
    unsafe { handle::get(report) }.map_or(ptr::null(), |report| report.text.as_ptr())
}

/// `biosock_report_hint`: what to try, or NULL.
///
/// # Safety
///
/// `report` is NULL or not yet freed.
pub unsafe fn biosock_report_hint(report: *const biosock_report) -> *const c_char {
    // SAFETY: NULL or a live handle.
    let hint = unsafe { handle::get(report) }.and_then(|report| report.hint.as_ref());
    hint.map_or(ptr::null(), |hint| hint.as_ptr())
}

/// `biosock_report_free`: frees it and everything obtained from it; NULL is ignored.
///
/// # Safety
///
/// `report` is NULL or not yet freed, and is not used again.
pub unsafe fn biosock_report_free(report: *mut biosock_report) {
    // SAFETY: NULL or a live handle, not used again.
    unsafe { handle::free(report) };
}
