//! What is measured without traffic: a start over what was kept, commands in place, an export, and an
//! import that reaches over ten years.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::chat::{Chat, Shop, Size};
use super::report::{Report, round};
use super::server::{PROGRAM, Server, memory_bytes};
use super::{CATCH_UP_TIME_MAX, STATUS_EVERY, bytes_under, mib, send};

const MEMORY_EVERY: Duration = Duration::from_millis(5);
const TEN_YEARS_EVENTS: usize = 60_000;
const TEN_YEARS_DAYS: i64 = 3_650;

/// A start, and each command of which somebody waits for the answer.
pub fn measure(data: &Path, shop: &Shop, report: &mut Report) {
    let started = Instant::now();
    let server = Server::start(data);
    report.add("start, until it listens", ms(started), "ms");
    server.stop();
    let commands: [(&str, &[&str]); 4] = [
        ("sql", &["sql", "select count(*) from events"]),
        ("report", &["report", "summary"]),
        ("search", &["search", "refund"]),
        ("status", &["status"]),
    ];
    for (name, arguments) in commands {
        let started = Instant::now();
        let mut command = in_place(data, shop, arguments);
        let status = command.stdout(Stdio::null()).status().expect("verbatim runs");
        assert!(status.success(), "verbatim {name} failed");
        report.add(format!("in place: {name}"), ms(started), "ms");
    }
    export(data, shop, report);
}

/// All messages of the shop, as Parquet.
fn export(data: &Path, shop: &Shop, report: &mut Report) {
    let file = data.with_extension("messages.parquet");
    let started = Instant::now();
    let mut command = in_place(data, shop, &["export", "messages", "--format", "parquet"]);
    let mut child =
        command.arg("--out").arg(&file).stderr(Stdio::null()).spawn().expect("verbatim runs");
    let memory = peak_memory(&mut child);
    let seconds = started.elapsed().as_secs_f64();
    let messages = shop.kinds.get("message").copied().unwrap_or(0);
    report.add("export: messages", messages, "");
    report.add("export: rate", (messages as f64 / seconds).round(), "messages/s");
    report.add("export: peak memory", mib(memory), "MiB");
    std::fs::remove_file(file).expect("the export made its file");
}

/// Waits for the process to end; the most memory it was seen to have.
fn peak_memory(child: &mut Child) -> u64 {
    let mut peak = 0;
    loop {
        peak = memory_bytes(child, "VmHWM").unwrap_or(0).max(peak);
        if let Some(status) = child.try_wait().expect("it is our child") {
            assert!(status.success(), "verbatim failed");
            return peak;
        }
        std::thread::sleep(MEMORY_EVERY);
    }
}

/// Old transcripts of ten years: how many files they leave, once it is quiet.
pub fn ten_years(data: &Path, report: &mut Report) {
    let chat = Chat::new(&Size {
        seed: 10,
        events: TEN_YEARS_EVENTS,
        shops: 1,
        lanes: 1,
        batch_events: 1_000,
        days: TEN_YEARS_DAYS,
    });
    let server = Server::start(data);
    let mut connection = server.connect(&chat.shops[0].name);
    let started = Instant::now();
    send(&mut connection, &chat.lanes[0]);
    loop {
        let status = server.status(&mut connection);
        if status.stores.iter().all(|store| store.cursor == status.head) {
            break;
        }
        assert!(started.elapsed() < CATCH_UP_TIME_MAX, "the stores do not catch up");
        std::thread::sleep(STATUS_EVERY);
    }
    report.add("ten years: until committed", round(started.elapsed().as_secs_f64(), 2), "s");
    server.settle();
    server.stop();
    report.add("ten years: files", parquet_files(&data.join("archive")), "");
    let bytes = bytes_under(&data.join("archive/events")) as f64 / TEN_YEARS_EVENTS as f64;
    report.add("ten years: archive", round(bytes, 1), "bytes/event");
}

fn parquet_files(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries
        .map(|entry| match entry.path() {
            // Checkpoints of the table's own log hold no rows.
            path if path.ends_with("_delta_log") => 0,
            path if path.is_dir() => parquet_files(&path),
            path => u64::from(path.extension().is_some_and(|extension| extension == "parquet")),
        })
        .sum()
}

fn in_place(data: &Path, shop: &Shop, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).args(["--shop", &shop.name, "--data"]).arg(data);
    command
}

fn ms(started: Instant) -> f64 {
    round(started.elapsed().as_secs_f64() * 1e3, 1)
}
