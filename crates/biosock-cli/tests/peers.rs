//! Third-party programs as peers. A missing one is reported as skipped, or is a
//! failure with BIOSOCK_REQUIRE_ALL=1.

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{DEADLINE, Process, biosock, has, run, skip, varied_bytes};

const GET: &[u8] = b"GET /page.txt HTTP/1.0\r\n\r\n";
const PAGE: &str = "a page that a server serves\n";

/// A port that was free a moment ago, for servers that cannot choose one.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits until a server accepts connections, if it does not report that itself.
fn wait_for(port: u16, server: &mut Process) {
    let end = Instant::now() + DEADLINE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(server.is_running() && Instant::now() < end, "no server on port {port}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn page_directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("page.txt"), PAGE).unwrap();
    directory
}

/// Requests the page from a web server, with the command.
fn gets_the_page(port: u16) {
    let answer = run(["connect", &format!("localhost:{port}")], GET).ok().out();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.") && head.contains(" 200 "), "{head}");
    assert_eq!(body, PAGE);
}

#[test]
fn nginx_serves_its_page_to_connect() {
    // On Debian it is not in a user's PATH.
    let nginx = if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" };
    if nginx == "nginx" && !has("nginx") {
        return;
    }
    let (directory, port) = (page_directory(), free_port());
    let (root, config) = (directory.path().display(), directory.path().join("nginx.conf"));
    // As root, its workers would run as another user, who may not read the directory.
    let user = if is_root() { "user root;" } else { "" };
    let text = format!(
        "daemon off; {user} worker_processes 1; pid {root}/pid; error_log {root}/error.log;
         events {{}}
         http {{
           access_log off;
           client_body_temp_path {root}/b; proxy_temp_path {root}/p; fastcgi_temp_path {root}/f;
           uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;
           server {{ listen 127.0.0.1:{port}; root {root}; }}
         }}"
    );
    fs::write(&config, text).unwrap();
    let mut command = Command::new(nginx);
    command.arg("-c").arg(&config).arg("-p").arg(directory.path()).args(["-e", "stderr"]);
    let mut server = Process::start(&mut command, Stdio::null());
    wait_for(port, &mut server);
    gets_the_page(port);
    // Ends the worker too.
    server.signal("TERM");
    server.finish().ok();
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    id.stdout == b"0\n"
}

#[test]
fn python_serves_its_page_to_connect() {
    if !has("python3") {
        return;
    }
    let (directory, port) = (page_directory(), free_port());
    let mut command = Command::new("python3");
    command
        .args(["-m", "http.server", "--bind", "127.0.0.1", &port.to_string()])
        .current_dir(directory.path());
    let mut server = Process::start(&mut command, Stdio::null());
    wait_for(port, &mut server);
    gets_the_page(port);
}

#[test]
fn curl_gets_a_page_from_exec() {
    if !has("curl") {
        return;
    }
    let answer = "while IFS= read -r line && [ \"$line\" != \"$(printf '\\r')\" ]; do :; done; \
                  printf 'HTTP/1.0 200 OK\\r\\nContent-Length: 6\\r\\n\\r\\nhello\\n'";
    let (server, addr) = Process::listen(["127.0.0.1:0", "--exec", answer], Stdio::null());
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--noproxy", "*", &format!("http://{addr}/")]);
    assert_eq!(Process::start(&mut curl, Stdio::null()).finish().ok().out(), "hello\n");
    server.finish().ok();
}

#[test]
fn curl_receives_its_own_bytes_from_echo() {
    if !has("curl") {
        return;
    }
    let (server, addr) = Process::listen([":0", "--echo"], Stdio::null());
    let port = addr.rsplit_once(':').unwrap().1;
    // With telnet://, curl sends its input but never ends its side: it is killed
    // once it has received everything, or by its own time limit.
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--no-buffer", "--noproxy", "*", "--max-time", "60"]);
    curl.arg(format!("telnet://127.0.0.1:{port}")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut curl = curl.spawn().unwrap();
    let said = b"this comes back\n";
    curl.stdin.as_mut().unwrap().write_all(said).unwrap();
    let mut heard = vec![0; said.len()];
    let whole = curl.stdout.as_mut().unwrap().read_exact(&mut heard);
    curl.kill().unwrap();
    curl.wait().unwrap();
    whole.unwrap();
    assert_eq!(heard, said);
    server.finish().ok();
}

#[test]
fn socat_receives_its_own_bytes_from_echo() {
    if !has("socat") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s").display().to_string();
    let sent = varied_bytes(1 << 20);
    for (target, form) in
        [("127.0.0.1:0", "TCP4:"), ("[::1]:0", "TCP6:"), (&*format!("unix:{path}"), "UNIX-CONNECT:")]
    {
        let (server, addr) = Process::listen([target, "--echo"], Stdio::null());
        let peer = format!("{form}{}", addr.trim_start_matches("unix:"));
        // By default socat waits only half a second for the rest after one side's end.
        let mut socat = Command::new("socat");
        let mut socat = Process::start(socat.args(["-t", "60", "-", &peer]), Stdio::piped());
        std::thread::scope(|scope| scope.spawn(|| socat.give(&sent)).join()).unwrap();
        assert!(socat.finish().ok().stdout == sent, "{target}");
        server.finish().ok();
    }
}

#[test]
fn connect_and_socat_exchange_data() {
    if !has("socat") {
        return;
    }
    let port = free_port();
    let mut socat = Command::new("socat");
    socat.args([&format!("TCP4-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork"), "EXEC:tr a-z A-Z"]);
    let mut server = Process::start(&mut socat, Stdio::null());
    wait_for(port, &mut server);
    let answer = run(["connect", "--nodelay", &format!("127.0.0.1:{port}")], b"made loud").ok();
    assert_eq!(answer.out(), "MADE LOUD");
}

/// A key and a certificate for it, made by openssl.
fn certificate(directory: &Path) -> Option<()> {
    let (key, cert) = (directory.join("key.pem"), directory.join("cert.pem"));
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]);
    command.arg("-keyout").arg(key).arg("-out").arg(cert);
    let ended = Process::start(&mut command, Stdio::null()).finish();
    if ended.code() == Some(0) { Some(()) } else { skip("openssl req", &ended.stderr).then_some(()) }
}

fn s_server(directory: &Path, port: u16) -> Process {
    let mut command = Command::new("openssl");
    command.args(["s_server", "-accept", &format!("127.0.0.1:{port}"), "-quiet", "-www"]);
    command.current_dir(directory).args(["-key", "key.pem", "-cert", "cert.pem"]);
    Process::start(&mut command, Stdio::null())
}

/// TLS between two openssl processes through biosock on both sides: s_client
/// connects to `listen`, whose command is `connect` to s_server.
#[test]
fn openssl_s_client_through_listen_and_connect_to_s_server() {
    if !has("openssl") {
        return;
    }
    let (directory, port) = (tempfile::tempdir().unwrap(), free_port());
    if certificate(directory.path()).is_none() {
        return;
    }
    let mut server = s_server(directory.path(), port);
    wait_for(port, &mut server);
    let through = format!("exec '{}' connect 127.0.0.1:{port}", env!("CARGO_BIN_EXE_biosock"));
    let (listener, addr) = Process::listen(["127.0.0.1:0", "--exec", &through], Stdio::null());
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &addr, "-quiet", "-verify_return_error", "-CAfile", "cert.pem"]);
    let mut client = Process::start(command.current_dir(directory.path()), Stdio::piped());
    client.write(b"GET / HTTP/1.0\r\n\r\n");
    let page = client.finish();
    assert!(page.out().contains("HTTP/1.0 200 ok"), "{page:?}");
    assert!(page.out().contains("s_server"), "{page:?}");
    listener.finish().ok();
}

/// s_server answers data that is not TLS with an alert record (RFC 8446, section
/// 6), whose bytes arrive unchanged on standard output.
#[test]
fn connect_receives_the_alert_of_openssl_s_server() {
    if !has("openssl") {
        return;
    }
    let (directory, port) = (tempfile::tempdir().unwrap(), free_port());
    if certificate(directory.path()).is_none() {
        return;
    }
    let mut server = s_server(directory.path(), port);
    wait_for(port, &mut server);
    // A handshake record whose first message is not a ClientHello.
    let wrong = [22, 3, 1, 0, 5, 2, 0, 0, 1, 0];
    let mut client = Process::start(&mut biosock(["connect", &format!("127.0.0.1:{port}")]), Stdio::piped());
    client.give(&wrong);
    let heard = client.finish();
    assert_eq!(heard.stdout.first(), Some(&21), "an alert record: {heard:?}");
}
