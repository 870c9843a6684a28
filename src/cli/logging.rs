//! What a process says of itself, on stderr: lines for people, or an object a line for programs. What
//! was sent is never in it, neither texts nor tokens.

use std::fmt;
use std::io::{IsTerminal, Write};
use std::sync::OnceLock;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::app::LogFormat;
use crate::model::Micros;

/// Writes a line to stderr, for whoever started this. That nobody reads it any more is no reason to stop, as it is to
/// `eprintln!`, which panics then: a service whose log has gone must still end in order.
macro_rules! tell {
    ($($words:tt)*) => {
        $crate::cli::logging::write_line(format_args!($($words)*))
    };
}
pub(in crate::cli) use tell;

static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// Begins to log; to be called once.
pub fn start(format: LogFormat) {
    let _ = FORMAT.set(format);
    let filter = EnvFilter::try_from_env("VERBATIM_LOG")
        .unwrap_or_else(|_| EnvFilter::new("warn,verbatim=info"));
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    match format {
        LogFormat::Text => {
            let log = log.with_ansi(std::io::stderr().is_terminal());
            registry.with(log.with_filter(filter_fn(says_no_words))).init();
        }
        LogFormat::Json => {
            registry.with(log.event_format(Lines).with_filter(filter_fn(says_no_words))).init();
            std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a thread panicked")));
        }
    }
}

/// Libraries print what they parse when they are asked for details: frames, headers, statements.
fn says_no_words(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("verbatim") || *metadata.level() <= Level::INFO
}

/// Says what whoever started this waits for.
pub(super) fn say(text: &str) {
    match FORMAT.get() {
        Some(LogFormat::Json) => tracing::info!("{text}"),
        _ => tell!("{text}"),
    }
}

/// Says why this ends.
pub(super) fn complain(text: &str) {
    match FORMAT.get() {
        Some(LogFormat::Json) => tracing::error!("{text}"),
        _ => tell!("error: {text}"),
    }
}

/// What [`tell!`] does.
pub(in crate::cli) fn write_line(line: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// An object a line: `time`, `level`, `target`, `message`, and the event's own fields.
struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        // After the event's own, which must not stand in for them.
        fields.add("time", Micros::now().to_string());
        fields.add("level", metadata.level().as_str().to_lowercase());
        fields.add("target", metadata.target());
        fields.map.entry("message").or_insert_with(|| Value::from(""));
        writeln!(writer, "{}", Value::Object(fields.map))
    }
}

#[derive(Default)]
struct Fields {
    map: Map<String, Value>,
}

impl Fields {
    fn add(&mut self, name: &str, value: impl Into<Value>) {
        self.map.insert(name.to_string(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field.name(), value);
    }
}
