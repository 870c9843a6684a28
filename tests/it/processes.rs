//! Each question runs in a process of its own: what it takes, nobody else goes without, and it is
//! killed rather than waited for.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use verbatim::access::TokenRole::{Admin, Analyst};

use super::command::command;
use super::disk::Disk;
use super::support::{Data, Http, PATIENCE, SHOP, Server, lines, message};

/// Longest that a process is there whose asker is gone, beside other tests.
const END_TIME: Duration = Duration::from_secs(1);
/// Longest that a small question takes beside large ones.
const SMALL_TIME: Duration = Duration::from_secs(2);

const MANY: &str = "generate_series(1, 2000000)";

/// A question that runs until it is killed.
fn endless() -> String {
    format!("select count(*) from {MANY} a, {MANY} b where (a.value * b.value) % 7 = 3")
}

/// What `/proc` says of a process; `None` once it is gone.
fn stat_of(pid: u32) -> Option<Vec<String>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Behind the name, which may hold anything: the state, the parent, …
    let (_, behind) = stat.rsplit_once(") ")?;
    let fields: Vec<String> = behind.split(' ').map(str::to_string).collect();
    (fields[0] != "Z").then_some(fields)
}

/// The processes of a server, and the CPU time that each has taken.
fn workers_of(server: u32) -> BTreeMap<u32, Duration> {
    let pids = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let name = entry.unwrap().file_name();
        name.to_string_lossy().parse::<u32>().ok()
    });
    pids.filter_map(|pid| {
        let fields = stat_of(pid)?;
        let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        (fields[1] == server.to_string()).then_some((pid, Duration::from_millis(10 * ticks)))
    })
    .collect()
}

/// The process that computes, once it has for a while.
async fn busy_worker(server: &Server) -> u32 {
    let before = workers_of(server.pid());
    let deadline = Instant::now() + PATIENCE;
    loop {
        for (pid, used) in workers_of(server.pid()) {
            let before = before.get(&pid).copied().unwrap_or_default();
            if used - before >= Duration::from_millis(300) {
                return pid;
            }
        }
        assert!(Instant::now() < deadline, "nothing computes");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn is_gone_within(pid: u32, time: Duration) -> bool {
    let deadline = Instant::now() + time;
    while stat_of(pid).is_some() {
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    true
}

fn send_signal(name: &str, pid: u32) {
    let sent = Command::new("sh").arg("-c").arg(format!("kill -{name} {pid}")).status().unwrap();
    assert!(sent.success());
}

fn asks(http: &Http, sql: &str) -> tokio::task::JoinHandle<super::support::Answer> {
    let (http, sql) = (http.clone(), sql.to_string());
    tokio::spawn(async move { http.sql(&sql).await })
}

/// What the engine counts was bounded, and each function that makes much of little; eight of those
/// side by side, or a window that holds all before each row, took the whole machine.
#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_much_memory_ends_and_nothing_else_does() {
    let data = Data::new();
    let server = Server::start(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let other = server.http(&data.token("other", "ann", &[Analyst]));
    let sender = server.http_as(&data, "sender", &[Admin]);
    let said: Vec<Value> =
        (0..100).map(|n| message("c", &format!("m{n}"), "customer", "carl", "hello")).collect();
    admin.events(&said).await;
    let pairs = "generate_series(1, 3000) x cross join generate_series(1, 3000) y";
    let column = |name: &str| format!("repeat('{name}', 200000 + cast(x.value as int)) as {name}");
    let columns = ["a", "b", "c", "d", "e", "f", "g", "h"].map(column).join(", ");
    let so_far = "over (order by x.value rows between unbounded preceding and current row)";
    let doubling: String = (1..30)
        .map(|level| format!(", t{level} as (select a.* from t{} a, t{} b)", level - 1, level - 1))
        .collect();
    let hungry = [
        format!("select count(a) from (select array_agg(x.value) {so_far} as a from {pairs})"),
        format!(
            "select count(a) from (select string_agg(repeat('x', 1000), '') {so_far} as a from {pairs})"
        ),
        "select length(repeat('x', 1500000000))".to_string(),
        "select array_length(range(0, 250000000))".to_string(),
        "select array_agg(text || 'x') from messages, generate_series(1, 30000000)".to_string(),
        format!("with t0 as (select * from events){doubling} select count(*) from t29"),
        format!("select {columns} from {pairs}"),
    ];
    // Little, until each row is written with its name: it is streamed, and ends with its reader.
    let endless =
        [format!("select value as {} from generate_series(1, 10000000)", "x".repeat(60_000))];
    let is_over = Arc::new(AtomicBool::new(false));
    let sending = tokio::spawn({
        let is_over = is_over.clone();
        async move {
            let mut acked = 0;
            while !is_over.load(Ordering::Relaxed) {
                let event = message("d", &format!("n{acked}"), "customer", "dora", "hello");
                assert_eq!(sender.event(&event).await.status, 200);
                acked += 1;
            }
            acked
        }
    });
    let mut slowest = Duration::ZERO;
    for two in hungry.chunks(2) {
        let asked: Vec<_> = two.iter().map(|sql| asks(&admin, sql)).collect();
        while asked.iter().any(|asked| !asked.is_finished()) {
            let since = Instant::now();
            assert_eq!(
                other.sql("select count(*) as n from turns").await.json(),
                json!([{"n": 0}])
            );
            slowest = slowest.max(since.elapsed());
        }
        for (asked, sql) in asked.into_iter().zip(two) {
            let answer = asked.await.unwrap();
            let detail = answer.problem(400)["detail"].to_string();
            // Of memory, or of the answer.
            assert!(detail.contains(" MiB"), "{sql}: {detail}");
        }
    }
    for sql in endless {
        let request = admin.request(reqwest::Method::POST, "/v1/sql").body(sql);
        let request = request.bearer_auth(data.token(SHOP, "boss", &[Admin]));
        let (mut answer, mut bytes) = (request.send().await.unwrap(), 0);
        assert_eq!(answer.status(), 200);
        while bytes < 512 << 20 {
            bytes += answer.chunk().await.unwrap().expect("it has no end").len();
        }
    }
    is_over.store(true, Ordering::Relaxed);
    let (acked, peak) = (sending.await.unwrap(), server.memory_mib("VmHWM"));
    println!(
        "beside {} questions: {acked} acks, the slowest small question {slowest:?}, {peak} MiB at most",
        hungry.len()
    );
    assert!(slowest < SMALL_TIME, "{slowest:?}");
    assert!(peak < 400, "{peak} MiB");
    assert!(!server.stderr().contains("panicked"), "{}", server.stderr());
}

/// An analyst closes the tab, a script runs into its time limit. Joins went on for hours, and nothing
/// could end a single long computation: two of them held the threads for everybody's questions.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_ends_with_its_asker_whatever_it_computes() {
    let data = Data::new();
    let server = Server::start(&data);
    let max = server.http_as(&data, "max", &[Analyst]);
    let mia = server.http_as(&data, "mia", &[Analyst]);
    let alike = format!("(select value, value % 1 as one from {MANY})");
    let endless = [
        endless(),
        format!("select count(*) from {alike} a join {alike} b using (one)"),
        format!("select sum(a.value + b.value) from {MANY} a cross join {MANY} b"),
        "with recursive t as (select 1 as n union all select n + 1 from t) select sum(n) from t"
            .to_string(),
        "select levenshtein(repeat('ab', 200000), repeat('ba', 200000))".to_string(),
        "select count(regexp_replace(repeat('ab', 2000) || value, '(a|b|ab)*c', 'x', 'g')) \
         from generate_series(1, 100000000)"
            .to_string(),
    ];
    for sql in endless {
        let asked = asks(&max, &sql);
        let worker = busy_worker(&server).await;
        assert!(!asked.is_finished(), "{sql} is answered");
        let since = Instant::now();
        for _ in 0..2 {
            assert_eq!(mia.sql("select 1 as one").await.json(), json!([{"one": 1}]));
        }
        assert!(since.elapsed() < SMALL_TIME, "beside {sql}: {:?}", since.elapsed());
        asked.abort();
        assert!(is_gone_within(worker, END_TIME).await, "{sql} goes on");
    }
    let boss = server.http_as(&data, "boss", &[Admin]);
    let deadline = Instant::now() + PATIENCE;
    while !boss.get("/metrics").await.text().contains("verbatim_exports_running 0") {
        assert!(Instant::now() < deadline, "a question is still counted");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What ends amid an answer is an error, never a short answer, and of nobody else's question.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_whose_process_is_killed_has_no_answer() {
    let data = Data::new();
    let mut server = Server::start(&data);
    let max = server.http_as(&data, "max", &[Analyst]);
    for (signal, status) in [("KILL", 503), ("ABRT", 400)] {
        let asked = asks(&max, &endless());
        send_signal(signal, busy_worker(&server).await);
        asked.await.unwrap().problem(status);
        assert_eq!(max.sql("select 1 as one").await.json(), json!([{"one": 1}]));
    }
    server.assert_alive();
}

/// Threads of the engine waited for each other for ever: the asker for a minute, and of an export there was no end.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_stands_still_is_ended_and_one_whose_rows_wait_is_not() {
    let data = Data::new();
    let server = Server::start(&data);
    let max = server.http_as(&data, "max", &[Analyst]);
    let asked = asks(&max, &endless());
    // As if it waited for what never comes.
    send_signal("STOP", busy_worker(&server).await);
    let stopped_at = Instant::now();
    let unread = max.request(reqwest::Method::POST, "/v1/sql?format=csv");
    let unread = unread.bearer_auth(data.token(SHOP, "max", &[Analyst]));
    let unread = unread.body("select repeat('x', 1000) as x from generate_series(1, 1000000000)");
    let mut unread = unread.send().await.unwrap();
    assert_eq!(unread.status(), 200);
    let told = asked.await.unwrap().problem(400)["detail"].to_string();
    assert!(told.contains("stood still"), "{told}");
    let stood = stopped_at.elapsed();
    assert!(stood > Duration::from_secs(8), "{stood:?}");
    // The other has done nothing for longer than that, once it had filled what is on its way.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut bytes = 0;
    while bytes < 64 << 20 {
        bytes += unread.chunk().await.unwrap().expect("it has no end").len();
    }
}

/// A sort of two gigabytes, which go to disk.
const SPILLS: &str = "select max(r) from (select row_number() over (order by x) as r from \
    (select concat(uuid(), repeat('x', 1000)) as x from generate_series(1, 2000000)))";

#[tokio::test(flavor = "multi_thread")]
async fn who_needs_more_disk_than_they_may_have_is_told_so_and_nobody_else() {
    let data = Data::new();
    let server = Server::start(&data);
    let max = server.http_as(&data, "max", &[Analyst]);
    let told = max.sql(SPILLS).await.problem(400)["detail"].to_string();
    assert!(told.contains("512 MiB of disk"), "{told}");
    assert!(!server.stderr().contains("ERROR"), "{}", server.stderr());
}

/// What queries spilled went below the reserve, where no message is taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_spills_where_the_disk_is_nearly_full_is_ended() {
    // Less than twice the reserve, 512 MiB, is free from the beginning.
    let Some(disk) = Disk::in_memory(700) else { return };
    let data = Data::new();
    let server = Server::start_as(&data, |command| {
        command.env("TMPDIR", disk.path());
    });
    let max = server.http_as(&data, "max", &[Analyst]);
    let told = max.sql(SPILLS).await.problem(400)["detail"].to_string();
    assert!(told.contains("nearly full"), "{told}");
    assert_eq!(max.sql("select 1 as one").await.json(), json!([{"one": 1}]));
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_whose_process_is_killed_is_no_export() {
    const EVENTS: usize = 40_000;
    let data = Data::new();
    let text = "the parcel came and the cup was broken ".repeat(30);
    let event =
        |n: usize| message(&format!("c{}", n % 50), &format!("m{n}"), "human", "anna", &text);
    let events = data.file("many.ndjson", lines(&(0..EVENTS).map(event).collect::<Vec<_>>()));
    data.succeeds(["import".as_ref(), events.as_os_str()]);
    let server = Server::start(&data);
    let kill_the_worker = || {
        // The one that is behind an export: the others have done nothing.
        let workers = workers_of(server.pid());
        let (worker, _) = workers.iter().max_by_key(|(_, used)| **used).unwrap();
        send_signal("KILL", *worker);
    };
    let max = server.http_as(&data, "max", &[Analyst]);
    let request = max.request(reqwest::Method::GET, "/v1/export/events?format=jsonl");
    let request = request.bearer_auth(data.token(SHOP, "max", &[Analyst]));
    let mut answer = request.send().await.unwrap();
    assert!(answer.chunk().await.unwrap().is_some());
    kill_the_worker();
    let ended = loop {
        match answer.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => break "well",
            Err(_) => break "with an error",
        }
    };
    assert_eq!(ended, "with an error");

    let mut export = command();
    export.args(["export", "events", "--format", "jsonl", "--data"]).arg(data.path());
    let mut export = export.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut rows = std::io::BufReader::new(export.stdout.take().unwrap());
    std::io::BufRead::read_until(&mut rows, b'\n', &mut Vec::new()).unwrap();
    kill_the_worker();
    std::io::copy(&mut rows, &mut std::io::sink()).unwrap();
    assert_eq!(export.wait().unwrap().code(), Some(2));
}

/// Whoever restarts a server would find the machine full of what its predecessor computed.
#[tokio::test(flavor = "multi_thread")]
async fn no_process_outlives_its_server() {
    let data = Data::new();
    let server = Server::start(&data);
    let max = server.http_as(&data, "max", &[Analyst]);
    let request = max.request(reqwest::Method::POST, "/v1/sql").body(endless());
    let asked = tokio::spawn(async move { max.try_send(request).await.is_err() });
    busy_worker(&server).await;
    let workers = workers_of(server.pid());
    assert!(workers.len() > 1, "{workers:?}");
    server.kill();
    for (worker, _) in workers {
        assert!(is_gone_within(worker, 2 * END_TIME).await);
    }
    assert!(asked.await.unwrap(), "it is answered");
}

/// A supervisor signals all processes of a service at once. Questions that run are answered first.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_questions_and_leaves_no_process() {
    let data = Data::new();
    let server = Server::start(&data);
    let max = server.http_as(&data, "max", &[Analyst]);
    let asked = asks(
        &max,
        "select count(*) as n from generate_series(1, 15000) a, generate_series(1, 15000) b \
         where (a.value * b.value) % 7 = 3",
    );
    busy_worker(&server).await;
    let workers = workers_of(server.pid());
    assert!(!asked.is_finished());
    server.terminate();
    workers.keys().for_each(|worker| send_signal("TERM", *worker));
    let answer = asked.await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(tokio::task::block_in_place(|| server.ended()).0, 0);
    for (worker, _) in workers {
        assert!(is_gone_within(worker, END_TIME).await);
    }
}
