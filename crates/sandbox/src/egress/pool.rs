//! Connections that are kept for the next request: apart for each workspace, and within it for each origin.

use std::sync::Arc;
use std::time::Duration;

use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioTimer;
use moka::sync::Cache;

use super::body::OutgoingBody;
use super::config::EgressConfig;
use super::dial::Dialer;
use super::spawner::Spawner;
use super::tls::Tls;

/// What a response may have in its head, in bytes. Servers and proxies send at most 8 to 32 KiB.
const MAX_HEAD_BYTES: u32 = 64 << 10;
/// What is read of a connection at once, in bytes; of HTTP/1.1 a head is no longer than that.
const READ_BUFFER_BYTES: usize = 256 << 10;
/// Fields that it may have.
const MAX_FIELDS: usize = 256;
/// Workspaces whose connections are kept.
const MAX_WORKSPACES: u64 = 1_000;
/// A window of HTTP/2 for one stream and for a connection, in bytes: 2 MiB at 50 ms is 40 MB/s.
const STREAM_WINDOW_BYTES: u32 = 2 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 8 << 20;

pub(super) type Connections = Client<Dialer, OutgoingBody>;

/// The connections of all workspaces.
pub(super) struct Pool {
    dialer: Dialer,
    workspaces: Cache<String, Connections>,
}

impl Pool {
    pub(super) fn new(config: Arc<EgressConfig>, tls: Arc<Tls>) -> Self {
        let workspaces = Cache::builder()
            .max_capacity(MAX_WORKSPACES)
            .time_to_idle(config.idle + Duration::from_secs(1))
            .build();
        Self {
            dialer: Dialer { config, tls },
            workspaces,
        }
    }

    pub(super) fn dialer(&self) -> &Dialer {
        &self.dialer
    }

    /// The connections of one workspace. They are closed a while after the last request.
    pub(super) fn of(&self, workspace: &str) -> Connections {
        self.workspaces
            .get_with_by_ref(workspace, || self.connections())
    }

    fn connections(&self) -> Connections {
        let config = &self.dialer.config;
        Client::builder(Spawner)
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(config.idle)
            .pool_max_idle_per_host(config.idle_connections)
            .http1_max_buf_size(READ_BUFFER_BYTES)
            .http1_max_headers(MAX_FIELDS)
            .http2_max_header_list_size(MAX_HEAD_BYTES)
            .http2_initial_stream_window_size(STREAM_WINDOW_BYTES)
            .http2_initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .timer(TokioTimer::new())
            .build(self.dialer.clone())
    }
}
