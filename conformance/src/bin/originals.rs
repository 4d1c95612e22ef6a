//! Builds the originals named on the command line (all by default) and prints where they are.

use biosock_conformance::originals::{Built, Original};
use std::process::ExitCode;

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    match chosen(&names) {
        Ok(originals) => build_all(&originals),
        Err(name) => {
            eprintln!("originals: no original is named {name:?}: choose from 1.1.1, 3, 4, system");
            ExitCode::from(2)
        }
    }
}

fn chosen(names: &[String]) -> Result<Vec<Original>, &String> {
    if names.is_empty() {
        return Ok(Original::ALL.to_vec());
    }
    names.iter().map(|name| Original::named(name).ok_or(name)).collect()
}

fn build_all(originals: &[Original]) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for one in originals {
        match one.ensure() {
            Ok(built) => report(*one, &built),
            Err(error) => {
                eprintln!("originals: {}: {error}", one.name());
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

fn report(one: Original, built: &Built) {
    let took = built
        .took
        .map_or_else(|| "present".to_owned(), |took| format!("built in {:.0} s", took.as_secs_f64()));
    let name = one.name();
    println!("{name:7} {:8} {took:16} {}", built.version, built.libcrypto.display());
}
