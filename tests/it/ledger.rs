//! The ledger from outside: what is acknowledged is signed and can be proved, nothing that was signed
//! is ever contradicted, and a monitor finds whoever does. It is shown an honest service, and others
//! that rewrite, fork, roll back, omit and refuse.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use base64::Engine;
use parking_lot::Mutex;
use serde_json::{Value, json};
use verbatim::access::TokenRole::{Admin, Analyst, Customer, Human};
use verbatim::ledger::multiproof;
use verbatim::ledger::{Checkpoint, LedgerKey, VerifierKey, check_consistency};

use super::command::{Ran, command, ran};
use super::support::{Data, Http, PATIENCE, SHOP, Server, message};

/// Between two looks at something that takes a moment.
const PAUSE: Duration = Duration::from_millis(10);

fn events(from: usize, to: usize) -> Vec<Value> {
    let event = |number: usize| {
        let (conversation, id) = (format!("c{}", number % 7), format!("m{number}"));
        message(&conversation, &id, "human", "anna", &format!("said {number}"))
    };
    (from..to).map(event).collect()
}

/// The key that the ledger of a directory signs with, which a service makes a moment after its start.
fn vkey(data: &Data) -> VerifierKey {
    let since = Instant::now();
    loop {
        let shown = data.run(["evidence", "key", "show"]);
        if shown.code == 0 {
            return VerifierKey::parse(shown.stdout.lines().next().unwrap()).unwrap();
        }
        assert!(since.elapsed() < PATIENCE, "{shown}");
    }
}

/// The first checkpoint of at least so many records.
async fn signed(http: &Http, key: &VerifierKey, size: u64) -> Checkpoint {
    let since = Instant::now();
    loop {
        let answer = http.get("/v1/checkpoint").await;
        // 503 until the ledger is open.
        if answer.status == 200 {
            let note = answer.text();
            let signed = Checkpoint::open(note.as_bytes(), std::slice::from_ref(key)).unwrap();
            if signed.size >= size {
                return signed;
            }
        }
        assert!(since.elapsed() < PATIENCE, "{answer:?}, and {size} are acknowledged");
        tokio::time::sleep(PAUSE).await;
    }
}

fn hash(value: &Value) -> [u8; 32] {
    hex::decode(value.as_str().unwrap()).unwrap().try_into().unwrap()
}

fn hashes(value: &Value) -> Vec<[u8; 32]> {
    value.as_array().unwrap().iter().map(hash).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_acknowledged_is_signed_and_can_be_proved() {
    let data = Data::committing_often();
    let server = Server::start(&data);
    let http = server.http_as(&data, "anna", &[Human]);
    let acks = http.events(&events(0, 300)).await;
    let key = tokio::task::block_in_place(|| vkey(&data));
    let first = signed(&http, &key, 300).await;
    http.events(&events(300, 1_000)).await;
    let second = signed(&http, &key, 1_000).await;
    assert_eq!(second.origin, key.name());

    let path = format!("/v1/consistency?from={}&to={}", first.size, second.size);
    let proof = hashes(&http.get(&path).await.json()["hashes"]);
    first.check_followed_by(&second, &proof).unwrap();

    for ack in acks.iter().step_by(37) {
        let offset = ack["offset"].as_u64().unwrap();
        for checkpoint in [&first, &second] {
            let path = format!("/v1/proof?offset={offset}&size={}", checkpoint.size);
            let proof = http.get(&path).await.json();
            assert_eq!(proof["leaf"], ack["leaf"]);
            let way: Vec<tlog_tiles::Hash> =
                hashes(&proof["hashes"]).into_iter().map(tlog_tiles::Hash).collect();
            let (root, leaf) = (tlog_tiles::Hash(checkpoint.root), hash(&ack["leaf"]));
            let leaf = tlog_tiles::Hash(leaf);
            tlog_tiles::check_record(&way, checkpoint.size, root, offset, leaf).unwrap();
        }
    }
    // The leaves themselves, by the paths of C2SP.
    let mut leaves = BTreeMap::new();
    for (number, width) in [(0, 256), (1, 256), (2, 256), (3, second.size - 768)] {
        let end = if width == 256 { String::new() } else { format!(".p/{width}") };
        let tile = http.get(&format!("/v1/tile/0/{number:03}{end}")).await;
        assert!(tile.header("cache-control").contains("immutable"));
        for (place, leaf) in (number * 256..).zip(tile.body.chunks(32)) {
            leaves.insert(place, leaf.try_into().unwrap());
        }
    }
    assert_eq!(multiproof::root(second.size, &leaves, &[]), Ok(second.root));
    for (refused, status) in [
        ("/v1/tile/0/004", 404),
        ("/v1/tile/1/000", 404),
        ("/v1/tile/0/3", 404),
        ("/v1/tile/0/../../keys", 404),
        ("/v1/consistency?from=2&to=1", 400),
        ("/v1/consistency?from=1&to=99999999", 404),
        ("/v1/consistency", 400),
        ("/v1/proof?offset=99999999", 404),
        ("/v1/proof?offset=-1", 400),
        ("/v1/proof?offset=1&size=1", 404),
        ("/v1/proof?offset=1&shop=other", 400),
    ] {
        assert_eq!(http.get(refused).await.status, status, "{refused}");
    }
    let status = http.get("/v1/status").await.json();
    assert_eq!(status["ledger"]["origin"], key.name());
    assert_eq!(status["ledger"]["root"], hex::encode(second.root));
    assert_eq!(server.stop(), 0);
}

/// Sizes count the traffic of all shops: who may not see offsets may not see them either.
#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_is_for_tokens_that_see_offsets_unless_it_is_public() {
    let data = Data::committing_often();
    let server = Server::start(&data);
    server.http_as(&data, "anna", &[Human]).events(&events(0, 10)).await;
    let routes = [
        "/v1/checkpoint",
        "/v1/ledger",
        "/v1/consistency?from=0",
        "/v1/proof?offset=0",
        "/v1/tile/0/000",
    ];
    for route in routes {
        assert_eq!(server.http("").without_token().get(route).await.status, 401, "{route}");
        let customer = server.http_as(&data, "carl", &[Customer]);
        assert_eq!(customer.get(route).await.status, 403, "{route}");
        let other = server.http(&data.token("other", "olga", &[Analyst]));
        assert_ne!(other.get(route).await.status, 403, "{route}: one ledger for all shops");
    }
    assert_eq!(server.stop(), 0);
    data.set("commit_interval_ms = 50\n[evidence]\norigin = \"chat.example\"\npublic = true\n");
    // It has a name already.
    let server = Server::start(&data);
    let http = server.http_as(&data, "boss", &[Admin]);
    let failed = |status: &Value| {
        let stores = status["stores"].as_array().unwrap();
        let ledger = stores.iter().find(|store| store["name"] == "ledger").unwrap();
        ledger["failed"].as_str().map(str::to_string)
    };
    let failed = failed(&http.status_once(|status| failed(status).is_some()).await).unwrap();
    assert!(failed.contains("`chat.example`") && failed.contains("new-origin"), "{failed}");
    assert_eq!(server.stop(), 0);
    tokio::task::block_in_place(|| data.succeeds(["evidence", "key", "new-origin"]));
    let server = Server::start(&data);
    let key = tokio::task::block_in_place(|| vkey(&data));
    assert_eq!(key.name(), "chat.example");
    let public = server.http("").without_token();
    signed(&public, &key, 10).await;
    assert_eq!(public.get("/v1/events").await.status, 401, "nothing else is public");
    assert_eq!(server.stop(), 0);
}

/// A directory whose ledger has signed some records, and what was signed.
fn with_ledger() -> (Data, Checkpoint) {
    let data = Data::committing_often();
    let file = data.file("events.ndjson", super::support::lines(&events(0, 600)));
    data.succeeds([PathBuf::from("import"), file]);
    let signed = last_signed(&data);
    assert_eq!(signed.size, 600);
    (data, signed)
}

fn last_signed(data: &Data) -> Checkpoint {
    let note = std::fs::read(data.path().join("keys/ledger.checkpoint")).unwrap();
    Checkpoint::open(&note, &[vkey(data)]).unwrap()
}

/// Taking messages on it would give the offsets of acknowledged records to others, and sign that.
#[test]
fn a_log_that_is_shorter_than_what_was_signed_is_not_served() {
    let (data, _) = with_ledger();
    let (longer, _) = with_ledger();
    let more = longer.file("more.ndjson", super::support::lines(&events(600, 700)));
    longer.succeeds([PathBuf::from("import"), more]);
    // The keys of a directory that went on; stores and log of one that did not.
    for name in ["ledger.key", "ledger.checkpoint", "ledger.keys"] {
        let (from, to) =
            (longer.path().join("keys").join(name), data.path().join("keys").join(name));
        std::fs::copy(from, to).unwrap();
    }
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["rebuild", "ledger"]] {
        let ran = data.run(command);
        ran.assert_code(2);
        ran.assert_stderr_has("has signed 700 records: [600, 700) were acknowledged and are lost");
        ran.assert_stderr_has("evidence key new-origin");
    }
    let audited = data.run(["audit"]);
    audited.assert_code(1);
    assert!(audited.stdout.contains("[600, 700)"), "{audited}");

    // What is gone for good: a new ledger begins, and says what it follows.
    let old = vkey(&data);
    data.succeeds(["evidence", "key", "new-origin"]);
    let shown = data.succeeds(["evidence", "key", "show"]);
    assert!(shown.contains(&format!("before: {old}, up to 700; it signed that its ledger ended")));
    data.succeeds(["rebuild", "ledger"]);
    assert_eq!(last_signed(&data).size, 600);
    assert_ne!(last_signed(&data).origin, old.name());
}

#[test]
fn a_ledger_made_anew_comes_out_as_it_was_signed() {
    let (data, signed) = with_ledger();
    data.succeeds(["rebuild", "ledger"]);
    assert_eq!(last_signed(&data), signed);
    std::fs::remove_dir_all(data.path().join("ledger")).unwrap();
    data.succeeds(["rebuild", "all"]);
    assert_eq!(last_signed(&data), signed);
}

/// What is damaged is found by the audit, also where opening does not look, and mended by making it
/// anew.
#[test]
fn the_audit_finds_each_hash_that_was_changed() {
    for (file, position, offset) in [("hashes-0", 32 * 77, 77), ("hashes-1", 0, 255)] {
        let (data, _) = with_ledger();
        let path = data.path().join("ledger").join(file);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[position] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let report = data.run(["audit", "--format", "json"]);
        report.assert_code(1);
        let report: Value = serde_json::from_str(&report.stdout).unwrap();
        let checks = report["checks"].as_array().unwrap();
        for check in checks {
            let findings = check["findings"].as_array().unwrap();
            if check["store"] == "ledger" {
                assert_eq!(findings[0]["from"], offset, "{file}: {check}");
                assert_eq!(findings.len(), 1, "{check}");
            } else {
                assert!(findings.is_empty(), "{check}");
            }
        }
        data.succeeds(["rebuild", "ledger"]);
    }
}

/// The relay goes on; only the ledger stands still until its key is its owner's alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_others_may_read_signs_nothing() {
    let (data, _) = tokio::task::block_in_place(with_ledger);
    let path = data.path().join("keys/ledger.key");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let server = Server::start(&data);
    let http = server.http_as(&data, "anna", &[Human]);
    http.events(&events(600, 610)).await;
    let since = Instant::now();
    let status = loop {
        let status = tokio::task::block_in_place(|| data.run(["status"]));
        if status.code == 1 {
            break status;
        }
        assert!(since.elapsed() < PATIENCE, "{status}");
    };
    assert!(status.stdout.contains("mode 640") && status.stdout.contains("chmod 600"), "{status}");
    assert_eq!(http.get("/v1/checkpoint").await.status, 503);
    assert_eq!(server.stop(), 0);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let server = Server::start(&data);
    let key = tokio::task::block_in_place(|| vkey(&data));
    signed(&server.http_as(&data, "anna", &[Human]), &key, 610).await;
    let secret = std::fs::read_to_string(&path).unwrap();
    let secret: Value = serde_json::from_str(&secret).unwrap();
    let secret = secret["secret"].as_str().unwrap().to_string();
    assert!(!server.stderr().contains(&secret));
    assert_eq!(server.stop(), 0);
}

/// Two directories under one key would sooner or later sign two trees.
#[test]
fn a_backup_has_no_signing_key_and_begins_a_ledger_of_its_own() {
    let (data, signed) = with_ledger();
    let copy = Data::new();
    data.succeeds(["backup", copy.path().to_str().unwrap()]);
    assert!(!copy.path().join("keys/ledger.key").exists());
    let file = copy.file("more.ndjson", super::support::lines(&events(600, 620)));
    copy.succeeds([PathBuf::from("import"), file]);
    let begun = last_signed(&copy);
    assert_eq!(begun.size, 620);
    assert_ne!((&begun.origin, &begun.key), (&signed.origin, &signed.key));
    let keys: Value =
        serde_json::from_str(&copy.succeeds(["evidence", "key", "show", "--format", "json"]))
            .unwrap();
    assert_eq!(keys["previous"][0]["until"], 600);
    assert_eq!(keys["previous"][0]["checkpoint"], signed.note);
}

#[test]
fn openssl_reads_the_key() {
    let (data, signed) = with_ledger();
    let pem =
        data.file("ledger.pem", data.succeeds(["evidence", "key", "show", "--format", "pem"]));
    let (text, signature) = signed.note.split_once("\n\n").unwrap();
    let signature = signature.trim().rsplit_once(' ').unwrap().1;
    let signature = base64::engine::general_purpose::STANDARD.decode(signature).unwrap();
    let text = data.file("text", format!("{text}\n"));
    let signature = data.file("signature", &signature[4..]);
    let mut openssl = std::process::Command::new("openssl");
    openssl.args(["pkeyutl", "-verify", "-pubin", "-rawin", "-inkey"]).arg(pem);
    openssl.arg("-in").arg(text).arg("-sigfile").arg(signature);
    match openssl.output() {
        Ok(said) => assert!(said.status.success(), "{said:?}"),
        Err(error) => println!("without openssl this is not tried: {error}"),
    }
}

/// Looks at a ledger once.
fn look(url: &str, data: &Data, more: &[&str]) -> Ran {
    let mut command = command();
    command.args(["evidence", "monitor", "--once", "--url", url, "--state"]);
    command.arg(data.beside("monitor.json")).args(more);
    tokio::task::block_in_place(|| ran(command))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_service_is_watched_through_growth_restarts_and_another_key() {
    let data = Data::committing_often();
    let server = Server::start(&data);
    let token = data.token(SHOP, "anna", &[Human]);
    let first = server.http(&token).events(&events(0, 300)).await;
    let key = tokio::task::block_in_place(|| vkey(&data));
    signed(&server.http(&token), &key, 300).await;
    let receipts = data.file("receipts.jsonl", super::support::lines(&first));
    let given = key.to_string();
    let receipts = receipts.to_str().unwrap();
    let arguments = ["--token", &token, "--vkey", &given, "--receipts", receipts];
    let seen = look(&server.url, &data, &arguments);
    seen.assert_code(0);
    let seen: Value = serde_json::from_str(&seen.stdout).unwrap();
    assert_eq!((&seen["receipts"], &seen["not_signed_yet"]), (&json!(300), &json!(0)));
    let (url, state) = (server.url.clone(), data.beside("monitor.json"));
    assert_eq!(server.stop(), 0);
    look(&url, &data, &arguments).assert_code(2);
    let unseen: Value = serde_json::from_slice(&std::fs::read(&state).unwrap()).unwrap();
    assert!(unseen["unseen_since"].is_string(), "{unseen}");
    tokio::task::block_in_place(|| data.succeeds(["evidence", "key", "rotate"]));
    let server = Server::start(&data);
    // The address is another one by chance, and the monitor is told.
    look(&server.url, &data, &arguments).assert_code(2);
    let moved = std::fs::read_to_string(&state).unwrap().replace(&url, &server.url);
    std::fs::write(&state, moved).unwrap();
    let new = tokio::task::block_in_place(|| vkey(&data));
    server.http(&token).events(&events(300, 900)).await;
    signed(&server.http(&token), &new, 900).await;
    let seen = look(&server.url, &data, &arguments);
    seen.assert_code(0);
    seen.assert_stderr_has(&new.to_string());
    assert_eq!(server.stop(), 0);
}

/// What a lying service does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    None,
    RollBack,
    Fork,
    Rewrite,
    /// As the one before, with a proof of the tree as it was.
    RewriteWithOldProof,
    Omit,
    OtherKey,
    Refuse,
    Endless,
}

/// A ledger in memory that can be made to lie: the same checkpoints and proofs, from all leaves.
struct Liar {
    key: LedgerKey,
    other: LedgerKey,
    leaves: Vec<[u8; 32]>,
    lie: Lie,
}

fn tree(leaves: &[[u8; 32]]) -> [u8; 32] {
    let all = (0..).zip(leaves.iter().copied()).collect();
    multiproof::root(leaves.len() as u64, &all, &[]).unwrap()
}

fn split(size: usize) -> usize {
    1 << (size - 1).ilog2()
}

/// RFC 6962's proofs, as it defines them.
fn inclusion(leaves: &[[u8; 32]], index: usize) -> Vec<[u8; 32]> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut path, beside) = if index < left.len() {
        (inclusion(left, index), tree(right))
    } else {
        (inclusion(right, index - left.len()), tree(left))
    };
    path.push(beside);
    path
}

fn consistency(leaves: &[[u8; 32]], from: usize, is_known: bool) -> Vec<[u8; 32]> {
    if from == leaves.len() {
        return if is_known { Vec::new() } else { vec![tree(leaves)] };
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    if from <= left.len() {
        let mut proof = consistency(left, from, is_known);
        proof.push(tree(right));
        proof
    } else {
        let mut proof = consistency(right, from - left.len(), false);
        proof.push(tree(left));
        proof
    }
}

type Shared = Arc<Mutex<Liar>>;

impl Liar {
    /// The leaves that it says it has.
    fn said(&self) -> Vec<[u8; 32]> {
        let mut leaves = self.leaves.clone();
        match self.lie {
            Lie::RollBack => leaves.truncate(leaves.len() / 2),
            Lie::Rewrite | Lie::RewriteWithOldProof | Lie::Omit => {
                leaves.push([9; 32]);
                leaves[3] = [8; 32];
            }
            Lie::Fork => leaves[3] = [8; 32],
            _ => {}
        }
        leaves
    }

    fn checkpoint(&self) -> String {
        let leaves = self.said();
        let key = if self.lie == Lie::OtherKey { &self.other } else { &self.key };
        Checkpoint::sign(key, leaves.len() as u64, tree(&leaves)).unwrap().note
    }
}

async fn serve_liar(liar: Shared) -> String {
    let asked = |name: &'static str| {
        move |State(liar): State<Shared>, Query(query): Query<BTreeMap<String, usize>>| async move {
            answer(&liar.lock(), name, &query)
        }
    };
    let router = Router::new()
        .route("/v1/checkpoint", get(asked("checkpoint")))
        .route("/v1/ledger", get(asked("ledger")))
        .route("/v1/consistency", get(asked("consistency")))
        .route("/v1/proof", get(asked("proof")))
        .route(
            "/{*rest}",
            get(|Path(rest): Path<String>| async move { (StatusCode::NOT_FOUND, rest) }),
        )
        .with_state(liar);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

fn answer(liar: &Liar, name: &str, query: &BTreeMap<String, usize>) -> axum::response::Response {
    let hex = |hashes: Vec<[u8; 32]>| -> Vec<String> { hashes.iter().map(hex::encode).collect() };
    let leaves = liar.said();
    match name {
        "checkpoint" if liar.lie == Lie::Refuse => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        "checkpoint" if liar.lie == Lie::Endless => "x".repeat(3_000_000).into_response(),
        "checkpoint" => liar.checkpoint().into_response(),
        "ledger" => {
            let key = liar.key.public();
            let keys = json!({"origin": key.name(), "vkey": key.to_string(), "pem": key.to_pem(), "previous": []});
            axum::Json(keys).into_response()
        }
        "consistency" => {
            let of = if liar.lie == Lie::RewriteWithOldProof { &liar.leaves } else { &leaves };
            let hashes = consistency(of, query["from"], true);
            axum::Json(json!({"hashes": hex(hashes)})).into_response()
        }
        _ => {
            let hashes = inclusion(&leaves, query["offset"]);
            axum::Json(json!({"hashes": hex(hashes)})).into_response()
        }
    }
}

fn liar() -> Shared {
    let key = |seed| LedgerKey::from_bytes("liar.example", &[seed; 32]).unwrap();
    let leaves = (0..20).map(|number| [100 + number; 32]).collect();
    Arc::new(Mutex::new(Liar { key: key(1), other: key(2), leaves, lie: Lie::None }))
}

fn receipts_of(leaves: &[[u8; 32]]) -> String {
    let receipt = |(offset, leaf): (usize, &[u8; 32])| {
        json!({"offset": offset, "leaf": hex::encode(leaf), "id": format!("m{offset}"), "seq": 1,
            "received_at": "2026-01-03T02:13:05.25Z"})
    };
    let lines: Vec<Value> = leaves.iter().enumerate().map(receipt).collect();
    super::support::lines(&lines)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_lie_is_found_and_kept_for_others_to_see() {
    let cases = [
        (Lie::None, 0, ""),
        (Lie::RollBack, 1, "rollback"),
        (Lie::Fork, 1, "fork"),
        (Lie::Rewrite, 1, "rewritten"),
        (Lie::RewriteWithOldProof, 1, "rewritten"),
        (Lie::OtherKey, 1, "other_key"),
        (Lie::Refuse, 2, ""),
        (Lie::Endless, 2, ""),
    ];
    for (lie, code, what) in cases {
        let (data, liar) = (Data::new(), liar());
        let url = serve_liar(liar.clone()).await;
        let first = look(&url, &data, &[]);
        first.assert_code(0);
        first.assert_stderr_has("believed at first sight");
        // It grows, honestly, and is followed.
        liar.lock().leaves.push([7; 32]);
        look(&url, &data, &[]).assert_code(0);
        let state = std::fs::read(data.beside("monitor.json")).unwrap();
        liar.lock().lie = lie;
        let second = look(&url, &data, &[]);
        second.assert_code(code);
        let evidence = data.beside("monitor.contradiction.json");
        assert_eq!(evidence.exists(), code == 1, "{lie:?}: {second}");
        if code == 1 {
            let evidence: Value =
                serde_json::from_slice(&std::fs::read(evidence).unwrap()).unwrap();
            assert_eq!(evidence["what"], what, "{lie:?}");
            is_shown(&evidence, liar.lock().key.public());
            assert!(
                std::fs::read(data.beside("monitor.json")).unwrap() == state,
                "{lie:?} is not believed"
            );
        }
        // It still knows what it saw.
        liar.lock().lie = Lie::None;
        look(&url, &data, &[]).assert_code(0);
    }
}

/// What a third party does with the evidence: they have it and the public key, and nothing else.
fn is_shown(evidence: &Value, key: &VerifierKey) {
    let open = |name: &str| {
        Checkpoint::open(evidence[name].as_str().unwrap().as_bytes(), std::slice::from_ref(key))
            .unwrap()
    };
    match evidence["what"].as_str().unwrap() {
        "rollback" => assert!(open("newer").size < open("older").size),
        "fork" => {
            let (older, newer) = (open("older"), open("newer"));
            assert!(older.size == newer.size && older.root != newer.root);
        }
        "rewritten" => {
            let (older, newer) = (open("older"), open("newer"));
            let proof = hashes(&evidence["proof"]);
            let said =
                check_consistency((older.size, older.root), (newer.size, newer.root), &proof);
            assert!(said.is_err());
        }
        "other_key" => {
            let note = evidence["checkpoint"].as_str().unwrap();
            assert!(Checkpoint::open(note.as_bytes(), std::slice::from_ref(key)).is_err());
        }
        other => panic!("{other}"),
    }
}

/// Whoever keeps acks finds what a ledger that looks whole leaves out, changes, or never signs.
#[tokio::test(flavor = "multi_thread")]
async fn receipts_find_what_was_left_out_or_altered() {
    let (data, liar) = (Data::new(), liar());
    let url = serve_liar(liar.clone()).await;
    let leaves = liar.lock().leaves.clone();
    let kept = data.file("kept.jsonl", receipts_of(&leaves));
    let kept = ["--receipts", kept.to_str().unwrap()];
    look(&url, &data, &kept).assert_code(0);
    let evidence = || -> Value {
        let path = data.beside("monitor.contradiction.json");
        let evidence = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        std::fs::remove_file(path).unwrap();
        evidence
    };
    // A message that was acknowledged long ago, and stands nowhere.
    let beyond = data.file("beyond.jsonl", receipts_of(&[leaves.clone(), vec![[6; 32]]].concat()));
    look(&url, &data, &["--receipts", beyond.to_str().unwrap()]).assert_code(1);
    assert_eq!((&evidence()["what"], 20), (&json!("omitted"), leaves.len()));
    // Two messages at one place.
    let twice = [receipts_of(&leaves), receipts_of(&[[6; 32]])].concat();
    let twice = data.file("twice.jsonl", twice);
    look(&url, &data, &["--receipts", twice.to_str().unwrap()]).assert_code(1);
    assert_eq!(evidence()["what"], "doubled");
    // Whoever looks for the first time sees nothing wrong with the ledger, but has its receipts.
    liar.lock().lie = Lie::Omit;
    std::fs::remove_file(data.beside("monitor.json")).unwrap();
    look(&url, &data, &kept).assert_code(1);
    let found = evidence();
    assert_eq!((&found["what"], &found["receipt"]["offset"]), (&json!("omitted"), &json!(3)));

    for (line, named) in
        [("{\"offset\":1}", "leaf"), ("{\"offset\":1,\"leaf\":\"0g\"}", "`0g`"), ("x", "line 1")]
    {
        let bad = data.file("bad.jsonl", line);
        let refused = look(&url, &data, &["--receipts", bad.to_str().unwrap()]);
        refused.assert_code(2);
        refused.assert_stderr_has(named);
    }
    let other = LedgerKey::random("other").unwrap().public().to_string();
    look(&url, &data, &["--vkey", &other]).assert_code(1);
}
