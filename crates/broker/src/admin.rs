//! Health and metrics over HTTP.

mod listener;

use crate::sampler::Sampler;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use listener::Bounded;
use std::net::IpAddr;
use std::sync::atomic::Ordering;

/// A listener that an HTTP server takes as it is; it comes from [`ottla_env::net`].
#[allow(clippy::disallowed_types)]
pub type HttpListener = tokio::net::TcpListener;

#[derive(Debug, Clone)]
pub struct Admin {
    pub sampler: Sampler,
}

/// Serves until the future ends, so many connections at once.
pub async fn serve(
    admin: Admin,
    listener: HttpListener,
    connections: usize,
    stopped: impl Future<Output = ()> + Send + 'static,
) {
    let listener = Bounded::new(listener, connections);
    let routes = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "live\n" }))
        .route("/readyz", get(ready))
        .layer(middleware::from_fn(own_host_only))
        .with_state(admin);
    if let Err(error) = axum::serve(listener, routes).with_graceful_shutdown(stopped).await {
        tracing::error!(error = %error, "the HTTP listener failed");
    }
}

async fn metrics(State(admin): State<Admin>) -> Response {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let sample = admin.sampler.sample().await;
    match admin.sampler.context.metrics.text(&sample) {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn ready(State(admin): State<Admin>) -> Response {
    if admin.sampler.ready.load(Ordering::Acquire) {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "logs are being recovered\n").into_response()
    }
}

/// A page of somebody else that a browser on this machine has open may resolve its own name to this address; then the
/// name in the request is not one of ours.
async fn own_host_only(headers: HeaderMap, request: Request, next: Next) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if is_own(host) {
        next.run(request).await
    } else {
        (StatusCode::MISDIRECTED_REQUEST, "this host name is not served here\n").into_response()
    }
}

fn is_own(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare.is_empty() || bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_localhost_are_own_names() {
        for host in ["", "localhost", "LOCALHOST:9644", "127.0.0.1:9644", "[::1]:9644", "10.0.0.1"] {
            assert!(is_own(host), "{host}");
        }
        for host in ["evil.example", "evil.example:9644", "localhost.evil.example", "[::1].evil.example:1"] {
            assert!(!is_own(host), "{host}");
        }
    }
}
