//! `biosock lookup`.

use biosock::{AddrInfo, Names, SocketAddr, Type};
use serde_json::json;

use crate::args::LookupArgs;
use crate::call::{LOOKUP, NAMES, addresses};
use crate::failure::Result;
use crate::json;
use crate::output::Output;
use crate::table::Table;
use crate::target::Target;
use crate::text::escape;

pub(crate) fn run(args: &LookupArgs, out: &Output) -> Result<()> {
    let rows: Vec<_> = answers(args, out)?.iter().map(|found| Row::new(found, args, out)).collect();
    if out.json() {
        return out.lines(rows.iter().map(Row::json));
    }
    let mut header = vec!["FAMILY", "TYPE", "PROTOCOL", "ADDRESS"];
    header.extend(args.names.then_some(["HOST", "SERVICE"]).into_iter().flatten());
    let mut table = Table::new(&header);
    rows.iter().for_each(|row| table.row(row.cells()));
    out.lines(table.lines())
}

fn answers(args: &LookupArgs, out: &Output) -> Result<Vec<AddrInfo>> {
    let socktype = Type::from(args.socktype);
    if let Some(unix) = args.target.unix_answer(socktype) {
        return Ok(vec![unix]);
    }
    let family = args.family.wanted();
    let lookup = args.target.lookup(family).socktype(socktype);
    let (lookup, passive) = if args.passive { (lookup.passive(), ", passive") } else { (lookup, "") };
    let words = format!("{}, {family} family, {socktype} type{passive}", args.target);
    Ok(out.call(LOOKUP, words, || lookup.run(), |found| addresses(found))?)
}

struct Row {
    found: AddrInfo,
    /// Without the port if no service was given.
    address: String,
    port: Option<u16>,
    /// The names if requested, or why there are none.
    names: Option<Result<Names, String>>,
}

impl Row {
    fn new(found: &AddrInfo, args: &LookupArgs, out: &Output) -> Self {
        let addr = found.addr;
        let with_service = matches!(args.target, Target::Ip { service: Some(_), .. });
        let address = if with_service { addr.to_string() } else { without_port(&addr) };
        let ask = || out.call(NAMES, addr.to_string(), || addr.names(false), described);
        let names = args.names.then(|| ask().map_err(|error| error.why().to_string()));
        Self { found: *found, address, port: addr.port().filter(|_| with_service), names }
    }

    fn cells(&self) -> Vec<String> {
        let AddrInfo { addr, socktype, protocol, .. } = self.found;
        let mut cells =
            vec![addr.family().to_string(), socktype.to_string(), protocol.to_string(), self.address.clone()];
        cells.extend(self.names.iter().flat_map(|names| match names {
            Ok(Names { host, service, .. }) => [host.clone(), service.clone()],
            Err(why) => [format!("({why})"), String::from("-")],
        }));
        cells.iter().map(|cell| escape(cell).into_owned()).collect()
    }

    fn json(&self) -> String {
        let AddrInfo { addr, socktype, protocol, .. } = self.found;
        let names = self.names.as_ref().and_then(|names| names.as_ref().ok());
        json::line(&json!({
            "family": addr.family().to_string(), "type": socktype.to_string(),
            "protocol": protocol.to_string(), "address": self.address,
            "ip": addr.ip().map(|ip| ip.to_string()), "port": self.port,
            "host": names.map(|names| &names.host), "service": names.map(|names| &names.service),
        }))
    }
}

fn described(names: &Names) -> String {
    format!("{}, {}", names.host, names.service)
}

fn without_port(addr: &SocketAddr) -> String {
    let text = addr.to_string();
    match addr {
        SocketAddr::Unix(_) => text,
        _ => text.rsplit_once(':').map_or("", |(host, _)| host).trim_matches(['[', ']']).to_owned(),
    }
}
