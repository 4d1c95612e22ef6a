//! Runs the conformance cases on one library and prints what each did, a JSON object a line.
//!
//! `probe [--filter TEXT] [--broken HOW] [--cold] LIBRARY [OVERLAY]`: the functions are those
//! of LIBRARY; with an OVERLAY, its `BIO_*` come first and the rest is LIBRARY's. A cold
//! library has not loaded its texts.

mod api;
mod blocked;
mod broken;
mod cases;
mod interpose;
mod names;
mod queue;
mod record;
mod run;
mod starve;
mod world;

use api::Api;
use biosock_conformance::loader::{Library, whose};
use run::{Run, print};
use serde_json::json;
use std::cell::RefCell;
use std::process::ExitCode;

fn main() -> ExitCode {
    names::by_files_alone();
    match Options::parse(std::env::args().skip(1)).and_then(|options| probe(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("probe: {error}");
            ExitCode::from(2)
        }
    }
}

#[derive(Default)]
struct Options {
    filter: Option<String>,
    broken: Option<String>,
    cold: bool,
    libraries: Vec<String>,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--filter" => options.filter = args.next(),
                "--broken" => options.broken = args.next(),
                "--cold" => options.cold = true,
                _ => options.libraries.push(arg),
            }
        }
        if options.libraries.is_empty() || options.libraries.len() > 2 {
            return Err("usage: probe [--filter TEXT] [--broken HOW] [--cold] LIBRARY [OVERLAY]".into());
        }
        Ok(options)
    }
}

fn probe(options: &Options) -> Result<(), String> {
    let mut libraries = Vec::new();
    for path in &options.libraries {
        libraries.push(Library::open(path)?);
    }
    libraries.reverse();
    let mut api = Api::find(&libraries);
    introduce(&api)?;
    if let Some(how) = &options.broken {
        broken::apply(&mut api, how)?;
    }
    if !options.cold {
        start(&api);
    }
    enter_directory()?;
    api::called();
    let filter = options.filter.clone();
    cases::all(&Run { api, filter, done: RefCell::default() });
    leave_directory()
}

/// The first line names the code that is tried.
fn introduce(api: &Api) -> Result<(), String> {
    let address = api.BIO_connect.ok_or("no BIO_connect in this library")? as usize;
    let (file, offset) = whose(address).ok_or("BIO_connect is in no file")?;
    let errors = api.ERR_get_error.ok_or("no ERR_get_error in this library")? as usize;
    let errors = whose(errors).ok_or("ERR_get_error is in no file")?.0;
    let version = api.OpenSSL_version_num.map(|_| format!("{:#x}", api.OpenSSL_version_num()));
    let line = json!({
        "library": file,
        "offset": offset,
        "errors": errors,
        "version": version,
        "numbering": if queue::is_old(api) { "1.1.1" } else { "3" },
        "functions": api.present(),
    });
    print(&line.to_string());
    Ok(())
}

/// Has the library load its texts, so that no case is the first to do so.
fn start(api: &Api) {
    const LOAD_CRYPTO_STRINGS: u64 = 2;
    if api.OPENSSL_init_crypto.is_some() {
        api.OPENSSL_init_crypto(LOAD_CRYPTO_STRINGS, std::ptr::null());
    }
    api.BIO_sock_init();
    api.ERR_clear_error();
}

/// Unix sockets get short relative names, the same in every process.
fn enter_directory() -> Result<(), String> {
    let directory = std::env::temp_dir().join(format!("biosock-probe-{}", std::process::id()));
    std::fs::create_dir_all(&directory).map_err(|e| format!("{}: {e}", directory.display()))?;
    std::env::set_current_dir(&directory).map_err(|e| format!("{}: {e}", directory.display()))
}

fn leave_directory() -> Result<(), String> {
    let directory = std::env::current_dir().map_err(|e| e.to_string())?;
    std::env::set_current_dir("/").map_err(|e| e.to_string())?;
    std::fs::remove_dir_all(&directory).map_err(|e| format!("{}: {e}", directory.display()))
}
