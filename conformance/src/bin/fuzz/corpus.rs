//! Inputs that are kept: seeds and finds, in `fuzz/corpus/compare-PART/`.

use crate::parts::Part;
use biosock_conformance::originals::Fallible;
use std::fs;
use std::path::{Path, PathBuf};

fn directory(part: &Part) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(format!("compare-{}", part.name))
}

/// The part's own seeds, then the kept files in the order of their names.
pub(crate) fn load(part: &Part) -> Fallible<Vec<Vec<u8>>> {
    let mut seeds = (part.seeds)();
    let directory = directory(part);
    let Ok(entries) = fs::read_dir(&directory) else {
        return Ok(seeds);
    };
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Fallible<Vec<_>>>()?;
    paths.sort();
    for path in paths {
        seeds.push(fs::read(path)?);
    }
    Ok(seeds)
}

/// Keeps an input under a name made of its content.
pub(crate) fn keep(part: &Part, input: &[u8]) -> Fallible<PathBuf> {
    // FNV-1a, so that the same input has the same name in every run.
    let hash = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let directory = directory(part);
    fs::create_dir_all(&directory)?;
    let path = directory.join(format!("find-{hash:016x}"));
    fs::write(&path, input)?;
    Ok(path)
}
