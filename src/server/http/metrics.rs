//! `GET /metrics`: what is counted and measured of the service, as Prometheus reads it. Of the whole
//! service: nothing in it names a shop, and only an admin's token reads it.

use std::fs;
use std::sync::atomic::AtomicU64;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::app::Status;
use crate::model::ErrorKind;
use crate::server::{Problem, Service, Token};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Of the times in `/proc/self/stat`: the same on every Linux.
const TICKS_A_SECOND: u64 = 100;

/// Counts and measures of the service.
#[utoipa::path(
    get, path = "/metrics", tag = "service",
    responses((status = 200, description = "OpenMetrics", content_type = "application/openmetrics-text", body = String)),
)]
pub(super) async fn show(
    State(service): State<Service>,
    Token(_): Token,
) -> Result<Response, Problem> {
    // Sizes are read from the disk.
    let text = tokio::task::block_in_place(|| text(&service));
    let text = text.map_err(|error| Problem::new(ErrorKind::Bug, error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}

/// The registry is made for each reading: what is counted is shared with it, all else is read now.
fn text(service: &Service) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::with_prefix("verbatim");
    add_events(&mut registry, service);
    add_stores(&mut registry, service, &service.status.read(None));
    add_load(&mut registry, service);
    let mut text = String::new();
    encode(&mut text, &registry)?;
    // The names that dashboards of any process know have no prefix of ours.
    let mut registry = Registry::default();
    add_process(&mut registry);
    let mut process = String::new();
    encode(&mut process, &registry)?;
    Ok(text.trim_end_matches("# EOF\n").to_string() + &process)
}

fn add_events(registry: &mut Registry, service: &Service) {
    let (counts, syncs) = (&service.counts, service.relay.syncs());
    registry.register(
        "events_acknowledged",
        "Events kept and acknowledged",
        counts.acknowledged.clone(),
    );
    registry.register(
        "events_repeated",
        "Events kept before, answered with their first ack",
        counts.repeated.clone(),
    );
    registry.register(
        "events_refused",
        "Events refused, by what the sender should do",
        counts.refused.clone(),
    );
    registry.register(
        "sync_events",
        "Events that one sync of the log made durable",
        syncs.events.clone(),
    );
    registry.register_with_unit(
        "sync",
        "Time that one sync of the log took",
        Unit::Seconds,
        syncs.seconds.clone(),
    );
}

fn add_stores(registry: &mut Registry, service: &Service, status: &Status) {
    let log = &status.log;
    gauge(registry, "log_head", "First offset not yet in the log", status.head.0);
    gauge(registry, "log_oldest", "First offset still in the log", log.oldest.0);
    gauge(
        registry,
        "log_scrubbed_to",
        "Old records below it were read and checked",
        log.scrubbed_to.0,
    );
    gauge(
        registry,
        "log_damages",
        "Stretches of the log that are damaged",
        log.damaged.len() as u64,
    );
    gauge(
        registry,
        "log_troubles",
        "Work on the log's old parts that fails",
        log.trouble.len() as u64,
    );
    if let Some(trail) = status.trail {
        gauge(registry, "accesses_waiting", "Accesses that wait to be recorded", trail.waiting);
        let help = "Accesses that could not be recorded, since the start";
        gauge(registry, "accesses_unrecorded", help, trail.unrecorded);
    }
    gauge(
        registry,
        "held",
        "1 while no events are taken for now",
        u64::from(status.held.is_some()),
    );
    let is_ready = service.status.is_ready() && !service.drain.is_cancelled();
    gauge(
        registry,
        "ready",
        "1 while events are taken and every store is open",
        u64::from(is_ready),
    );
    if let Some(bytes) = service.status.free_bytes() {
        gauge(registry, "disk_free_bytes", "Free on the disk of the data directory", bytes);
    }
    type Of<'a> = fn(&'a crate::app::StoreStatus) -> u64;
    let each: [(&str, &str, Of); 9] = [
        ("store_committed", "Every record below it is in the store for good", |store| {
            store.cursor.0
        }),
        ("store_applied", "Every record below it can be asked for", |store| store.applied.0),
        ("store_lag", "Records acknowledged and not yet applied", |store| store.lag),
        ("store_failed", "1 while the store stands still", |store| {
            u64::from(store.failed.is_some())
        }),
        ("store_bytes", "Bytes on the disk", |store| store.bytes),
        ("store_compaction_days_due", "Days that wait for a compaction", |store| {
            store.maintenance.days_due
        }),
        ("store_removed_bytes", "Bytes of files replaced and not yet deleted", |store| {
            store.maintenance.removed_bytes
        }),
        ("store_set_aside_files", "Damaged files that are left out of compactions", |store| {
            store.maintenance.set_aside.len() as u64
        }),
        ("store_maintenance_failed", "1 while the maintenance of its tables fails", |store| {
            u64::from(store.maintenance.failed.is_some())
        }),
    ];
    for (name, help, of) in each {
        let family = Family::<[(&'static str, String); 1], Gauge<u64, AtomicU64>>::default();
        for store in &status.stores {
            family.get_or_create(&[("store", store.name.clone())]).set(of(store));
        }
        registry.register(name, help, family);
    }
}

fn add_load(registry: &mut Registry, service: &Service) {
    let (connections, websockets) = service.connections.count();
    let (queries, exports) = service.sql.running();
    gauge(registry, "connections", "Open connections", connections as u64);
    gauge(registry, "websockets", "Open WebSockets", websockets as u64);
    gauge(registry, "queries_running", "Queries that run now", queries as u64);
    gauge(registry, "exports_running", "Exports and answers in SQL that run now", exports as u64);
    gauge(registry, "searches_running", "Searches that run now", service.search.running() as u64);
}

/// What Linux says of this process; what it does not say is left out.
fn add_process(registry: &mut Registry) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    if let Some(kib) =
        resident.and_then(|text| text.trim().trim_end_matches(" kB").parse::<u64>().ok())
    {
        gauge(registry, "process_resident_memory_bytes", "Memory", kib * 1_024);
    }
    if let Ok(descriptors) = fs::read_dir("/proc/self/fd") {
        // One of them is of this listing.
        let open = (descriptors.count() as u64).saturating_sub(1);
        gauge(registry, "process_open_fds", "Open files and connections", open);
    }
    if let Ok(limit) = rlimit::Resource::NOFILE.get_soft() {
        gauge(registry, "process_max_fds", "Files and connections that may be open", limit);
    }
    if let Some(ticks) = cpu_ticks() {
        let seconds = Counter::<f64, AtomicU64>::default();
        seconds.inc_by(ticks as f64 / TICKS_A_SECOND as f64);
        registry.register("process_cpu_seconds", "CPU time used", seconds);
    }
}

/// CPU time of this process.
fn cpu_ticks() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name in brackets may hold spaces. What follows begins with field 3; 14 and 15 are wanted.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let gauge = Gauge::<u64, AtomicU64>::default();
    gauge.set(value);
    registry.register(name, help, gauge);
}
