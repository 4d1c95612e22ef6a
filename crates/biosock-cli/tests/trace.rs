//! `biosock connect --trace`, `--trace-svg` and the race as JSON.

mod common;

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Ended, Process, biosock, has, json_lines, refusing, silent, with_two_addresses};
use roxmltree::Document;

/// Runs the command with this width and locale.
fn drawn(args: &[&str], columns: &str, locale: &str) -> Ended {
    let mut command = biosock(args);
    command.env("COLUMNS", columns).env("LC_ALL", locale);
    Process::start(&mut command, Stdio::null()).finish()
}

/// Dials `two.test`, whose first address is silent and whose second answers.
fn outrun(args: &[&str]) -> Option<(Ended, String)> {
    let (silent, _sockets) = silent();
    let port = silent.rsplit_once(':').unwrap().1;
    let listener = TcpListener::bind(format!("127.0.0.2:{port}")).unwrap();
    let target = format!("two.test:{port}");
    let args: Vec<_> = ["connect", "-4"].iter().chain(args).copied().chain([&*target]).collect();
    let mut client = with_two_addresses(&args, Stdio::null())?;
    drop(client.accepted_by(&listener));
    Some((client.finish().ok(), port.to_owned()))
}

fn columns(line: &str) -> usize {
    line.chars().count()
}

/// The column at which a part begins.
fn column_of(line: &str, part: &str) -> usize {
    columns(&line[..line.find(part).unwrap_or_else(|| panic!("'{part}' in: {line}"))])
}

#[test]
fn the_race_is_drawn_in_aligned_rows() {
    let Some((ended, port)) = outrun(&["--trace"]) else { return };
    let lines: Vec<_> = ended.stderr.lines().collect();
    let [lookup, first, second, axis, outcome] = lines[..] else { panic!("{}", ended.stderr) };
    assert!(lookup.starts_with("lookup IPv4 ") && lookup.ends_with("  2 addresses"), "{lookup}");
    assert!(first.starts_with(&format!("127.0.0.1:{port}  ")) && first.ends_with("  no answer"), "{first}");
    assert!(
        second.starts_with(&format!("127.0.0.2:{port}  ")) && second.ends_with("  connected"),
        "{second}"
    );
    assert!(axis.trim_start().starts_with("0 "), "{axis}");
    assert!(outcome.starts_with(&format!("connected to 127.0.0.2:{port} after ")), "{outcome}");

    let plus = column_of(first, " + ");
    for (line, note) in [(lookup, "2 addresses"), (first, "no answer"), (second, "connected")] {
        assert_eq!(column_of(line, " + "), plus, "{}", ended.stderr);
        assert_eq!(column_of(line, note), column_of(first, "no answer"), "{}", ended.stderr);
        assert!(columns(line) <= 80, "{line}");
    }
    // The test's locale is unknown: either glyph of the mark is fine.
    assert!(second.contains('✓') || second.contains('*'), "{second}");
}

#[test]
fn the_locale_decides_whether_the_drawing_is_ascii() {
    let addr = refusing();
    for (locale, unicode) in [("C.UTF-8", true), ("de_DE.utf8", true), ("C", false), ("de_DE", false)] {
        let Ended { stderr, .. } = drawn(&["connect", "--trace", &addr], "80", locale);
        assert_eq!(stderr.contains('✗'), unicode, "{locale}: {stderr}");
        assert_eq!(stderr.is_ascii(), !unicode, "{locale}: {stderr}");
    }
}

#[test]
fn a_failed_race_is_drawn_and_the_message_follows() {
    let addr = refusing();
    let ended = drawn(&["connect", "--trace", &addr], "100", "C");
    assert_eq!(ended.code(), Some(1));
    let (drawing, message) = ended.stderr.split_once("biosock: ").expect("a message");
    assert_eq!(
        message,
        format!(
            "connect to {addr}: connection refused (ECONNREFUSED)\n  \
             hint: nothing listens there; check the port and that the server runs\n"
        )
    );
    let row = drawing.lines().next().unwrap();
    assert!(row.starts_with(&format!("{addr}  ")) && row.contains('='), "{row}");
    assert!(row.ends_with("  connection refused (ECONNREFUSED)"), "{row}");
}

#[test]
fn columns_limits_the_width() {
    let addr = refusing();
    for width in [1, 10, 30, 50, 64, 80, 120, 300] {
        let ended = drawn(&["connect", "--trace", &addr], &width.to_string(), "C.UTF-8");
        let drawing = ended.stderr.split_once("biosock: ").expect("a message").0;
        for line in drawing.lines() {
            assert!(columns(line) <= width.max(3), "{width}: {drawing}");
        }
        let row = drawing.lines().next().unwrap();
        if (40..80).contains(&width) {
            assert!(row.starts_with(&format!("✗ {addr}  ECONNREFUSED")), "{width}: {drawing}");
        }
    }
    // Invalid values are ignored.
    for nonsense in ["", "0", "-3", "x"] {
        let ended = drawn(&["connect", "--trace", &addr], nonsense, "C.UTF-8");
        assert!(ended.stderr.lines().next().is_some_and(|line| (60..=80).contains(&columns(line))));
    }
}

#[test]
fn on_a_terminal_the_drawing_has_its_width_and_colour() {
    if !has("script") {
        return;
    }
    let addr = refusing();
    let inner = format!("stty cols 50; {} connect --trace {addr}; true", env!("CARGO_BIN_EXE_biosock"));
    for (no_color, coloured) in [("", true), ("1", false)] {
        let mut command = Command::new("script");
        command.args(["-qec", &inner, "/dev/null"]).env("NO_COLOR", no_color).env("TERM", "xterm");
        command.env("LC_ALL", "C.UTF-8").env_remove("COLUMNS");
        let shown = Process::start(&mut command, Stdio::null()).finish().ok().out();
        assert_eq!(shown.contains("\x1b[31m✗\x1b[0m"), coloured, "{shown:?}");
        assert_eq!(shown.contains('\x1b'), coloured, "{shown:?}");
        if !coloured {
            // Two lines per row, since 50 columns are few.
            let mut lines = shown.lines();
            assert_eq!(lines.next().map(|line| line.starts_with(&format!("✗ {addr}  "))), Some(true));
            assert!(lines.take(2).all(|line| columns(line.trim_end()) <= 50), "{shown:?}");
        }
    }
}

#[test]
fn json_has_the_race_as_data() {
    let Some((ended, port)) = outrun(&["--json", "--trace"]) else { return };
    let objects = json_lines(&ended.stderr);
    let events: Vec<_> = objects.iter().map(|object| object["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["race", "connected", "closed"]);
    let race = &objects[0];
    assert_eq!(race["target"], format!("two.test:{port}"));
    assert_eq!(race["winner"], format!("127.0.0.2:{port}"));
    assert!(race["error"].is_null());
    let [lookup] = &race["lookups"].as_array().unwrap()[..] else { panic!("{race}") };
    assert_eq!((&lookup["family"], &lookup["addresses"]), (&"IPv4".into(), &2.into()));
    assert!(lookup["seconds"].is_number() && lookup["error"].is_null());
    let [first, second] = &race["attempts"].as_array().unwrap()[..] else { panic!("{race}") };
    assert_eq!((&first["outcome"], &second["outcome"]), (&"no answer".into(), &"connected".into()));
    let end = |attempt: &serde_json::Value| {
        attempt["started"].as_f64().unwrap() + attempt["seconds"].as_f64().unwrap()
    };
    let seconds = race["seconds"].as_f64().unwrap();
    assert!(end(first) <= seconds + 1e-6 && end(second) <= seconds + 1e-6, "{race}");
}

#[test]
fn failed_lookups_are_reported() {
    let target = "127.0.0.1:no-such-service";
    let ended = drawn(&["connect", "--json", target], "80", "C");
    let race = &json_lines(&ended.stderr)[0];
    let lookups = race["lookups"].as_array().unwrap();
    assert!(lookups.len() == 2 && race["attempts"].as_array().unwrap().is_empty(), "{race}");
    for lookup in lookups {
        assert_eq!(lookup["error"]["symbol"], "EAI_SERVICE");
        assert!(lookup["addresses"].is_null() && lookup["seconds"].is_number(), "{race}");
    }
    assert!(race["winner"].is_null() && race["error"].is_string());

    let drawing = drawn(&["connect", "--trace", target], "80", "C").stderr;
    let failed = |line: &&str| line.starts_with("lookup IPv") && line.ends_with("  EAI_SERVICE");
    assert_eq!(drawing.lines().filter(failed).count(), 2, "{drawing}");
}

/// The content of all elements of a class.
fn texts<'a>(svg: &'a Document<'_>, class: &str) -> Vec<&'a str> {
    let has_class = |node: &roxmltree::Node<'_, '_>| {
        node.attribute("class").is_some_and(|classes| classes.split(' ').any(|it| it == class))
    };
    svg.descendants().filter(has_class).map(|node| node.text().unwrap_or_default()).collect()
}

#[test]
fn the_picture_shows_the_race() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("race.svg");
    let Some((_, port)) = outrun(&["--trace-svg", file.to_str().unwrap()]) else { return };
    let text = fs::read_to_string(&file).unwrap();
    let svg = Document::parse(&text).expect("well-formed");
    assert_eq!(svg.root_element().tag_name().name(), "svg");
    assert_eq!(texts(&svg, "title"), [format!("two.test:{port}")]);
    assert!(texts(&svg, "outcome")[0].starts_with(&format!("connected to 127.0.0.2:{port} after ")));
    assert_eq!(texts(&svg, "winner"), [format!("127.0.0.2:{port}")]);
    assert_eq!(texts(&svg, "label").len(), 2, "a lookup and the silent address");
    assert_eq!((texts(&svg, "connected").len(), texts(&svg, "silent").len()), (1, 1));
    assert_eq!(texts(&svg, "note-silent"), ["no answer"]);
    all_within_the_sheet(&svg);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left behind");
}

/// Checks each rectangle with its width, and the beginning of each text.
fn all_within_the_sheet(svg: &Document<'_>) {
    let number = |node: roxmltree::Node<'_, '_>, name| {
        node.attribute(name).map_or(0.0, |text| text.parse::<f64>().expect("a number"))
    };
    let (width, height) = (number(svg.root_element(), "width"), number(svg.root_element(), "height"));
    for node in svg.descendants().filter(roxmltree::Node::is_element) {
        let (right, bottom) =
            (number(node, "x") + number(node, "width"), number(node, "y") + number(node, "height"));
        assert!((0.0..=width).contains(&right) && (0.0..=height).contains(&bottom), "{node:?}");
    }
}

#[test]
fn a_picture_of_a_failure_is_escaped() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("race.svg");
    let target = r#"unix:/no/<such> & "socket" ]]> \x1b"#;
    let ended = drawn(&["connect", "--trace-svg", file.to_str().unwrap(), target], "80", "C");
    assert_eq!(ended.code(), Some(1));
    let text = fs::read_to_string(&file).unwrap();
    let svg = Document::parse(&text).expect("well-formed");
    assert_eq!(texts(&svg, "title"), [target]);
    assert_eq!(texts(&svg, "outcome"), ["no such file or directory (ENOENT)"]);
    all_within_the_sheet(&svg);
}

fn trace_into(file: &Path) -> Ended {
    drawn(&["connect", "--trace-svg", file.to_str().unwrap(), &refusing()], "80", "C")
}

#[test]
fn a_picture_replaces_the_previous_one() {
    let directory = tempfile::tempdir().unwrap();
    let (file, link) = (directory.path().join("race.svg"), directory.path().join("link.svg"));
    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&file, &link).unwrap();
    assert!(trace_into(&link).stderr.starts_with("biosock: connect to "));
    assert!(fs::read_to_string(&file).unwrap().starts_with("<svg "));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    // A device is written to, not replaced.
    let ended = trace_into(Path::new("/dev/stderr"));
    let (svg, message) = ended.stderr.split_once("biosock: ").expect("a message");
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && message.starts_with("connect to "));
}

/// It stays the same file, with its owner, mode and other names.
#[test]
fn a_picture_is_written_into_an_existing_file() {
    let directory = tempfile::tempdir().unwrap();
    let (file, other) = (directory.path().join("race.svg"), directory.path().join("other.svg"));
    fs::write(&file, [b'x'; 100_000]).unwrap();
    fs::hard_link(&file, &other).unwrap();
    let may_chown = std::os::unix::fs::chown(&file, Some(12345), Some(12345)).is_ok();
    let before = fs::metadata(&file).unwrap();
    trace_into(&file);
    let after = fs::metadata(&file).unwrap();
    let id = |of: &fs::Metadata| (of.ino(), of.uid(), of.gid(), of.mode(), of.nlink());
    assert_eq!(id(&after), id(&before));
    assert!(!may_chown || after.uid() == 12345);
    let svg = fs::read_to_string(&other).unwrap();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{} bytes", svg.len());
}

#[test]
fn writing_a_picture_into_a_fifo_does_not_wait_for_a_reader() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status();
    assert!(made.expect("mkfifo runs").success());
    let ended = trace_into(&fifo);
    let expected = format!(
        "biosock: write {}: no such device or address (ENXIO)
  hint: nothing reads from this FIFO; start its reader first\n",
        fifo.display()
    );
    assert_eq!((ended.code(), ended.stderr), (Some(1), expected));
    let mut reader = Command::new("cat");
    let reader = Process::start(reader.arg(&fifo), Stdio::null());
    // Until the reader has opened it.
    while trace_into(&fifo).stderr.contains("ENXIO") {}
    assert!(reader.finish().out().ends_with("</svg>\n"));
}

#[test]
fn nothing_is_dialled_if_the_picture_cannot_be_written() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("none/race.svg");
    let ended = drawn(&["connect", "--json", "--trace-svg", file.to_str().unwrap(), &addr], "80", "C");
    let error = &json_lines(&ended.stderr)[0];
    assert_eq!((ended.code(), &error["symbol"]), (Some(1), &"ENOENT".into()));
    assert_eq!(error["message"], format!("write {}: no such file or directory (ENOENT)", file.display()));
    assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
}
