//! What a broker of a check counted, asked for at its `/metrics`.

use anyhow::{Context, Result, bail};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Each one is a bug: nothing that a client may do, and no disk, leads to this answer.
const UNKNOWN_ERRORS: &str = "ottla_unknown_server_errors_total";

/// Fails when a request was answered with UNKNOWN_SERVER_ERROR.
pub fn no_unknown_errors(http_port: u16) -> Result<()> {
    let text = read(http_port).context("read the metrics")?;
    let counted = text.lines().find_map(|line| line.strip_prefix(UNKNOWN_ERRORS)?.trim().parse::<f64>().ok());
    match counted {
        Some(0.0) => Ok(()),
        Some(count) => {
            let apis = text.lines().filter(|line| line.contains("UNKNOWN_SERVER_ERROR"));
            bail!("{count} answers were UNKNOWN_SERVER_ERROR: {}", apis.collect::<Vec<_>>().join(" "))
        }
        None => bail!("the metrics have no {UNKNOWN_ERRORS}"),
    }
}

fn read(port: u16) -> Result<String> {
    let mut socket = TcpStream::connect(("127.0.0.1", port))?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes())?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn of(metrics: &'static str) -> Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let server = std::thread::spawn(move || -> Result<()> {
            let (mut socket, _) = listener.accept()?;
            let mut request = [0; 1024];
            let _ = socket.read(&mut request)?;
            Ok(socket.write_all(format!("HTTP/1.1 200 OK\r\n\r\n{metrics}").as_bytes())?)
        });
        let found = no_unknown_errors(port);
        server.join().map_err(|_| anyhow::anyhow!("the server panicked"))??;
        found
    }

    #[test]
    fn one_unknown_error_fails_and_so_do_metrics_without_a_count() {
        assert!(of("ottla_unknown_server_errors_total 0\n").is_ok());
        let counted = "ottla_response_errors_total{api=\"Fetch\",error=\"UNKNOWN_SERVER_ERROR\"} 1\n\
                       ottla_unknown_server_errors_total 1\n";
        assert!(of(counted).is_err_and(|error| error.to_string().contains("api=\"Fetch\"")));
        assert!(of("# EOF\n").is_err());
    }
}
