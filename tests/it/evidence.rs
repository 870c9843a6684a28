//! Evidence from outside: a clerk makes a bundle of an order, in place or from a server, and anybody
//! checks it, with this program and with Python and openssl alone.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use verbatim::access::TokenRole::{Admin, Analyst, Bot, Customer, Dispute, Human, Importer};

use super::command::{Ran, command, ran};
use super::support::{Data, SHOP, Server, message};

const PHOTO: &[u8] = b"\x89PNG\r\n\x1a\nnot much of a picture";

/// A chat about order A-1: pictures, one of which never came, a note, an edit.
async fn chat(data: &Data, server: &Server) {
    let (carl, anna) =
        (server.http_as(data, "carl", &[Customer]), server.http_as(data, "anna", &[Human]));
    let photo = hex::encode(Sha256::digest(PHOTO));
    assert_eq!(carl.put(&format!("/v1/attachments/{photo}"), PHOTO).await.status, 201);
    let mut open = message("chat 1", "o", "customer", "carl", "");
    open["kind"] = json!("open");
    open["order"] = json!("A-1");
    open.as_object_mut().unwrap().remove("text");
    let mut see = message("chat 1", "m2", "customer", "carl", "=look");
    see["attachments"] = json!([
        {"sha256": photo, "name": "碗.png", "media_type": "image/png", "bytes": PHOTO.len()},
        {"sha256": "ab".repeat(32), "name": "lost.png", "media_type": "image/png", "bytes": 1},
    ]);
    for event in [open, message("chat 1", "m1", "customer", "carl", "the bowl is broken 碗"), see]
    {
        assert_eq!(carl.event(&event).await.status, 200);
    }
    let mut note = message("chat 1", "n", "human", "anna", "careful with carl");
    note["visibility"] = json!("private");
    let mut edit = message("chat 1", "e", "human", "anna", "we refund 263");
    edit["kind"] = json!("edit");
    edit["target"] = json!("m3");
    anna.events(&[note, message("chat 1", "m3", "human", "anna", "we refund 236"), edit]).await;
    anna.events(&[message("elsewhere", "m", "human", "anna", "another chat")]).await;
}

fn export(data: &Data, out: &Path, more: &[&str]) -> Ran {
    let out = out.to_str().unwrap();
    let usual = ["evidence", "export", "--case", "C-7", "--reason", "chargeback", "--out", out];
    data.run([&usual, more].concat())
}

fn vkey(data: &Data) -> String {
    data.succeeds(["evidence", "key", "show"]).lines().next().unwrap().to_string()
}

/// Asks the verifier, which needs no data directory.
fn verify(zip: &Path, more: &[&str]) -> Ran {
    let mut command = command();
    command.args(["evidence", "verify"]).arg(zip).args(more);
    ran(command)
}

/// Both verifiers, with the key from elsewhere.
#[track_caller]
fn assert_holds(zip: &Path, vkey: &str) {
    let ran = verify(zip, &["--vkey", vkey, "--format", "json"]);
    ran.assert_code(0);
    let said = ran.stdout;
    let verdict: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (&verdict["holds"], verdict["steps"].as_array().unwrap().len()),
        (&json!(true), 7),
        "{said}"
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/evidence/texts/verify.py");
    let python =
        Command::new("python3").arg(script).arg(zip).args(["--vkey", vkey]).output().unwrap();
    let said = String::from_utf8_lossy(&python.stdout).into_owned();
    assert!(python.status.success(), "{said}");
}

fn holds(zip: &Path, words: &str) -> bool {
    let bytes = std::fs::read(zip).unwrap();
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}

/// What lies beside the data directory under a name that begins so.
fn beside(data: &Data, begins: &str) -> Vec<PathBuf> {
    let folder = data.beside("x").parent().unwrap().to_path_buf();
    let listed = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    listed.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(begins)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clerk_makes_a_bundle_of_an_order_and_anybody_checks_it() {
    let data = Data::committing_often();
    let server = Server::start(&data);
    chat(&data, &server).await;
    let admin = server.http_as(&data, "boss", &[Admin]);
    admin.caught_up(false).await;
    let since = admin.get("/v1/checkpoint").await.text();
    let (of_server, in_place) = (data.beside("server.zip"), data.beside("place.zip"));
    let (held, key) = tokio::task::block_in_place(|| (data.file("held", since), vkey(&data)));
    tokio::task::block_in_place(|| {
        let ran = export(&data, &of_server, &["--order", "A-1", "--since", held.to_str().unwrap()]);
        // A picture never came: it is said, and the bundle is there.
        ran.assert_code(1);
        assert!(ran.stderr.contains("1 attachments are missing"), "{}", ran.stderr);
        assert_holds(&of_server, &key);
        verify(&of_server, &["--checkpoint", held.to_str().unwrap()]).assert_code(0);
    });
    for words in [
        "the bowl is broken",
        "we refund 236",
        "we refund 263",
        "碗.png",
        "A-1",
        "This bundle has holes",
    ] {
        assert!(holds(&of_server, words), "{words}");
    }
    for words in ["careful with carl", "another chat"] {
        assert!(!holds(&of_server, words), "{words}");
    }
    // That somebody asked is recorded, and the bundle names the record.
    let accesses = admin.get("/v1/access").await.json().to_string();
    assert!(accesses.contains("evidence") && accesses.contains("chargeback"), "{accesses}");
    assert!(holds(&of_server, "\"entry\":{\"leaf\""));
    assert_eq!(server.stop(), 0);
    tokio::task::block_in_place(|| {
        let ran = export(
            &data,
            &in_place,
            &["--conversation", "chat 1", "--with-private", "--allow-missing"],
        );
        ran.assert_code(0);
        assert!(holds(&in_place, "careful with carl"));
        assert_holds(&in_place, &key);
        // One letter of it, and it is refused: by the program, with the step as its exit code.
        let mut bytes = std::fs::read(&in_place).unwrap();
        let at = bytes.windows(13).position(|window| window == b"we refund 236").unwrap();
        bytes[at + 10] = b'9';
        let tampered = data.file("tampered.zip", bytes);
        verify(&tampered, &[]).assert_code(11);
    });
}

/// One command makes what is handed over: the bundle and the document, which names it.
#[tokio::test(flavor = "multi_thread")]
async fn a_pack_is_made_straight_of_an_order_with_its_bundle_beside_it() {
    let data = Data::committing_often();
    let server = Server::start(&data);
    chat(&data, &server).await;
    server.http_as(&data, "boss", &[Admin]).caught_up(false).await;
    tokio::task::block_in_place(|| {
        let pack = |what: [&str; 2], out: &Path, more: &[&str]| {
            let usual =
                ["evidence", "pack", "--case", "C-7", "--words", "bowl", "--format", "json"];
            let out = ["--out", out.to_str().unwrap()];
            data.run([&usual[..], &what, &out, more].concat())
        };
        let (reason, out) = (["--reason", "chargeback"], data.beside("pack"));
        // One file never came: the bundle and the document are there, and the exit code says so.
        let made = pack(["--order", "A-1"], &out, &reason);
        made.assert_code(1);
        let bundle = out.join("C-7.zip");
        verify(&bundle, &["--vkey", &vkey(&data)]).assert_code(0);
        let report: Value = serde_json::from_str(&made.stdout).unwrap();
        assert!(report["messages_shown"].as_u64().unwrap() > 0, "{report}");
        // It is the document of that bundle: made of it again, it is the same.
        let (straight, again) = (out.join("pack.pdf"), data.beside("again.pdf"));
        let usual = ["evidence", "pack", "--case", "C-7", "--words", "bowl"];
        let of = [bundle.to_str().unwrap(), "--out", again.to_str().unwrap()];
        data.run([&usual[..], &of].concat()).assert_code(0);
        assert!(std::fs::read(straight).unwrap() == std::fs::read(&again).unwrap());
        // Both lie side by side also where the document is named.
        let named = data.beside("named.pdf");
        let allowed = [&reason[..], &["--allow-missing"]].concat();
        pack(["--conversation", "chat 1"], &named, &allowed).assert_code(0);
        verify(&named.with_extension("zip"), &[]).assert_code(0);
        // Words that cannot be read, or that no bundle answers, leave nothing behind.
        for words in ["\"bowl", "order:A-1", "(bowl"] {
            let out = data.beside("unread.pdf");
            let ran = data.run([
                "evidence",
                "pack",
                "--case",
                "C-7",
                "--reason",
                "r",
                "--order",
                "A-1",
                "--words",
                words,
                "--out",
                out.to_str().unwrap(),
            ]);
            ran.assert_code(2);
            assert!(!out.exists() && !out.with_extension("zip").exists(), "{words}");
        }
        // Nor do words that nobody said: the bundle stayed, and was in the way of the next try.
        for out in [data.beside("unsaid.pdf"), data.beside("unsaid")] {
            let unsaid = ["--order", "A-1", "--words", "unsaid", "--reason", "r", "--case", "C-7"];
            let out_args = ["--out", out.to_str().unwrap()];
            let ran = data.run([&["evidence", "pack"], &unsaid[..], &out_args].concat());
            ran.assert_code(1);
            ran.assert_stderr_has("no message that the bundle shows has `unsaid`");
            assert!(!ran.stderr.contains("wrote"), "{ran}");
            assert!(!out.exists() && !out.with_extension("zip").exists(), "{ran}");
        }
        // Nothing is made of nothing, nothing without a reason, nothing of a bundle and an order at once.
        let nothing = data.beside("nothing.pdf");
        pack(["--order", "nobody's"], &nothing, &reason).assert_code(1);
        pack(["--order", "A-1"], &nothing, &[]).assert_code(2);
        pack(["--order", "A-1"], &nothing, &[bundle.to_str().unwrap()]).assert_code(2);
        assert!(!nothing.exists() && !nothing.with_extension("zip").exists());
    });
}

/// Where there is nothing, or nothing may be had, there is no file, and the answer tells nothing.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_have_it_gets_nothing() {
    let data = Data::committing_often();
    let server = Server::start(&data);
    chat(&data, &server).await;
    server.http_as(&data, "boss", &[Admin]).caught_up(false).await;
    let body =
        |what: &str, name: &str| json!({what: [name], "case": "C-7", "reason": "r"}).to_string();
    for role in [Customer, Human, Bot, Importer, Analyst] {
        let http = server.http_as(&data, "someone", &[role]);
        for name in ["A-1", "nothing"] {
            http.post("/v1/evidence", "application/json", body("orders", name)).await.problem(403);
        }
    }
    let (here, there) = (
        server.http_as(&data, "dora", &[Dispute]),
        server.http(&data.token("other", "dora", &[Dispute])),
    );
    let answer = here.post("/v1/evidence", "application/json", body("orders", "A-1")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/zip"));
    assert_eq!(answer.header("content-length"), answer.body.len().to_string());
    for (what, name) in [("orders", "A-1"), ("customers", "carl"), ("conversations", "chat 1")] {
        assert_eq!(
            here.post("/v1/evidence", "application/json", body(what, name)).await.status,
            200
        );
        let of_another = there.post("/v1/evidence", "application/json", body(what, name)).await;
        let of_nobody = here.post("/v1/evidence", "application/json", body(what, "nobody's")).await;
        let told = of_another.problem(404)["detail"].to_string();
        assert_eq!(told, of_nobody.problem(404)["detail"].to_string().replace("nobody's", name));
    }
    for (wrong, field) in [
        (json!({"orders": ["A-1"], "case": "", "reason": "r"}), "case"),
        (json!({"orders": ["A-1"], "case": "C-7", "reason": "a\nb"}), "reason"),
        (json!({"orders": ["A-1"], "case": "C-7", "reason": "r", "from": "noon"}), "from"),
        (
            json!({"orders": ["A-1"], "case": "C-7", "reason": "r", "redact": ["body@message:m"]}),
            "redact",
        ),
    ] {
        let answer = here.post("/v1/evidence", "application/json", wrong.to_string()).await;
        assert_eq!(answer.problem(400)["field"], field);
    }
    let unreadable = json!({"orders": ["A-1"], "case": "C-7", "reason": "r", "redact": ["name"]});
    here.post("/v1/evidence", "application/json", unreadable.to_string()).await.problem(400);
    let since = json!({"orders": ["A-1"], "case": "C-7", "reason": "r", "since": "not a note"});
    here.post("/v1/evidence", "application/json", since.to_string()).await.problem(400);
    // The same from the page, whose form is filled in for one conversation.
    let form = here.get("/evidence?conversation=chat%201").await;
    assert!(form.text().contains("value=\"chat 1\""), "{}", form.text());
    // What leads to the form is shown to whoever may ask, and to nobody else.
    let human = server.http_as(&data, "hugh", &[Human]);
    let doors = [
        ("/conversations/chat%201", "/evidence?conversation=chat%201"),
        ("/orders/A-1", "/evidence?order=A-1"),
        ("/orders/A-1?view=chronology", "/evidence?order=A-1"),
        ("/customers/carl", "/evidence?customer=carl"),
    ];
    for (from, to) in doors {
        let link = format!("href=\"{to}\"");
        assert!(here.get(from).await.text().contains(&link), "{from} leads to {to}");
        assert!(!human.get(from).await.text().contains("/evidence?"), "{from}");
        let form = here.get(to).await.text();
        let id = from.split(['/', '?']).nth(2).unwrap().replace("%20", " ");
        assert!(form.contains(&format!("value=\"{id}\"")), "{to} is filled in");
    }
    let typed = "conversation=chat+1&case=C-7&reason=r&without_customer=on";
    let typed_form = "application/x-www-form-urlencoded";
    let answer = here.post("/evidence", typed_form, typed).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/zip"));
    assert!(!answer.body.windows(6).any(|window| window == b"\"carl\""), "who the customer is");
    assert_eq!(here.post("/evidence", typed_form, "conversation=chat+1").await.status, 400);
    assert_eq!(there.post("/evidence", typed_form, typed).await.status, 404);
    let analyst = server.http_as(&data, "ada", &[Analyst]);
    assert_eq!(analyst.post("/evidence", typed_form, typed).await.status, 403);
    tokio::task::block_in_place(|| {
        let out = data.beside("none.zip");
        let ran = export(&data, &out, &["--order", "nobody's"]);
        ran.assert_code(1);
        ran.assert_stderr_has("nothing of order `nobody's`");
        export(&data, &out, &[]).assert_code(2);
        export(&data, &out, &["--order", "A-1", "--since", "/nowhere"]).assert_code(2);
        assert_eq!(beside(&data, "none.zip"), Vec::<PathBuf>::new());
    });
}

/// A mistyped rule hid nothing and said nothing, a range of no day withheld everything, one of two orders was
/// said to be missing without its name, and a second export took the place of what had been sent.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_wrongly_is_said_and_touches_no_file() {
    let data = Data::committing_often();
    let server = Server::start(&data);
    chat(&data, &server).await;
    server.http_as(&data, "boss", &[Admin]).caught_up(false).await;
    tokio::task::block_in_place(|| {
        let out = data.beside("asked.zip");
        let wrong: [(&[&str], i32, &str); 6] = [
            (&["--order", "A-1", "--redact", "body@message:nosuch"], 2, "`body@message:nosuch`"),
            (&["--order", "A-1", "--redact", "body@message:chat 2/m3"], 2, "no record"),
            (&["--order", "A-1", "--from", "2026-01-02", "--to", "2026-01-02"], 2, "later than"),
            (&["--order", "A-1", "--from", "2026-01-03", "--to", "2026-01-02"], 2, "later than"),
            (&[], 2, "name a conversation, an order or a customer"),
            (
                &["--order", "A-1", "--order", "FL999", "--customer", "nobody"],
                1,
                "nothing of order `FL999`, customer `nobody`",
            ),
        ];
        for (asked, code, said) in wrong {
            let ran = export(&data, &out, asked);
            ran.assert_code(code);
            ran.assert_stderr_has(said);
            assert_eq!(beside(&data, "asked.zip"), Vec::<PathBuf>::new(), "{asked:?}");
        }
        let usual = ["--order", "A-1", "--allow-missing"];
        let rule = ["--redact", "body@message:chat 1/m3"];
        let made = export(&data, &out, &[&usual[..], &rule].concat());
        made.assert_code(0);
        made.assert_stderr_has("redacted: 2 parts of 2 records");
        let sent = std::fs::read(&out).unwrap();
        let again = export(&data, &out, &usual);
        again.assert_code(2);
        again.assert_stderr_has("asked.zip` exists; --force");
        assert!(std::fs::read(&out).unwrap() == sent);
        export(&data, &out, &[&usual[..], &["--force"]].concat()).assert_code(0);
        assert!(std::fs::read(&out).unwrap() != sent);
        verify(&out, &["--vkey", "nonsense"]).assert_code(2);
        verify(&out, &["--vkey", out.to_str().unwrap()]).assert_code(2);
        // So it is with documents.
        let (folder, document) = (data.beside("documents"), data.beside("document.pdf"));
        for to in [&folder, &document] {
            let pack = |more: &[&str]| {
                let usual = ["evidence", "pack", out.to_str().unwrap(), "--out"];
                data.run([&usual[..], &[to.to_str().unwrap()], more].concat())
            };
            pack(&[]).assert_code(0);
            let again = pack(&[]);
            again.assert_code(2);
            again.assert_stderr_has(".pdf` exists; --force");
            pack(&["--force"]).assert_code(0);
        }
    });
}

/// The last day was within on one page, and not on the other.
#[tokio::test(flavor = "multi_thread")]
async fn both_days_of_a_form_are_within_on_every_page() {
    let data = Data::committing_often();
    let server = Server::start(&data);
    chat(&data, &server).await;
    server.http_as(&data, "boss", &[Admin]).caught_up(false).await;
    let here = server.http_as(&data, "dora", &[Dispute]);
    for page in ["/search", "/evidence"] {
        let html = here.get(page).await.text();
        assert!(html.contains("Days in UTC, both included."), "{page}: {html}");
    }
    let typed = "order=A-1&case=C-7&reason=r&from=2026-01-05&to=";
    let form = "application/x-www-form-urlencoded";
    let answer = here.post("/evidence", form, format!("{typed}2026-01-05")).await;
    assert_eq!(answer.status, 200);
    let asked = b"\"to\":\"2026-01-06\"";
    assert!(answer.body.windows(asked.len()).any(|window| window == asked));
    let answer = here.post("/evidence", form, format!("{typed}2026-01-04")).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("lies before the first"), "{}", answer.text());
}

/// An answer told which of several names there is, of what was found before anything was recorded.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_evidence_and_gets_none_is_recorded() {
    let data = Data::committing_often();
    let server = Server::start(&data);
    chat(&data, &server).await;
    let admin = server.http_as(&data, "boss", &[Admin]);
    admin.caught_up(false).await;
    let dora = server.http_as(&data, "dora", &[Dispute]);
    let asked = json!({"customers": ["carl", "nobody"], "case": "C-7", "reason": "r"}).to_string();
    dora.post("/v1/evidence", "application/json", asked).await.problem(404);
    let since = Instant::now();
    loop {
        let page = admin.get("/v1/access?action=evidence").await.json();
        if let Some(access) = page["accesses"].as_array().unwrap().first() {
            let said = ["sub", "case", "outcome", "rows"].map(|name| access[name].clone());
            assert_eq!(json!(said), json!(["dora", "C-7", "broke_off", 0]));
            assert!(access["query"].as_str().unwrap().contains("nobody"), "{access}");
            return;
        }
        assert!(since.elapsed() < Duration::from_secs(30), "{page}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The names of a zip's files, and its files unpacked into a folder of that name.
fn unpacked(data: &Data, zip: &[u8], name: &str) -> (Vec<String>, PathBuf) {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(zip)).unwrap();
    let names = archive.file_names().map(|name| name.unwrap().to_string());
    let mut names: Vec<String> = names.collect();
    names.sort();
    let folder = data.beside(name);
    archive.extract(&folder).unwrap();
    (names, folder)
}

/// Programs that read no bundle get the same of it, by the same route and right, or of a bundle that is there.
#[tokio::test(flavor = "multi_thread")]
async fn other_programs_get_what_a_bundle_discloses_in_their_own_forms() {
    let data = Data::committing_often();
    let server = Server::start(&data);
    chat(&data, &server).await;
    server.http_as(&data, "boss", &[Admin]).caught_up(false).await;
    let here = server.http_as(&data, "dora", &[Dispute]);
    let bundle =
        |format: &str| json!({"orders": ["A-1"], "case": "C-7", "reason": "r", "format": format});
    for form in ["rsmf", "vcon", "eml"] {
        let asked = bundle(form).to_string();
        let answer = here.post("/v1/evidence", "application/json", asked).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/zip"));
        assert_eq!(answer.header("content-length"), answer.body.len().to_string());
        assert!(answer.header("content-disposition").contains(&format!("C-7-{form}.zip")));
        assert!(answer.header("verbatim-holes").contains("missing"), "a picture never came");
        let (names, _) = unpacked(&data, &answer.body, form);
        let begins = format!("C-7-{form}/000001-chat-1");
        assert!(
            names.iter().all(|name| name.starts_with(&begins) && name.ends_with(form)),
            "{names:?}"
        );
        assert_eq!(names.len(), 1, "{names:?}");
    }
    let unknown = bundle("pdf").to_string();
    here.post("/v1/evidence", "application/json", unknown).await.problem(400);
    let packed = json!({"bundle": bundle("eml")}).to_string();
    let refused = here.post("/v1/evidence/pack", "application/json", packed).await;
    assert_eq!(refused.problem(400)["field"], "bundle.format");

    let [bundle, made, straight] =
        ["of.zip", "made.zip", "straight.zip"].map(|name| data.beside(name));
    tokio::task::block_in_place(|| {
        export(&data, &bundle, &["--order", "A-1", "--allow-missing"]).assert_code(0);
        let paths = [&bundle, &made].map(|path| path.to_str().unwrap());
        let of_bundle =
            ["evidence", "export", "--format", "vcon", "--bundle", paths[0], "--out", paths[1]];
        let ran = data.run(of_bundle.to_vec());
        ran.assert_code(0);
        assert!(ran.stderr.contains("not signed"), "{}", ran.stderr);
        // That a picture never came is said by the exit code, as of a bundle.
        export(&data, &straight, &["--order", "A-1", "--format", "vcon"]).assert_code(1);
        export(&data, &straight, &["--order", "A-1", "--format", "vcon"]).assert_code(2);
        export(&data, &straight, &["--order", "nobody's", "--format", "vcon", "--force"])
            .assert_code(1);
    });
    assert!(std::fs::read(&made).unwrap() == std::fs::read(&straight).unwrap());
    for words in ["the bowl is broken", "we refund 236", "we refund 263", "missing"] {
        assert!(holds(&made, words), "{words}");
    }
    assert!(!holds(&made, "careful with carl"));
}

/// A server makes the document for a bank too, beside the bundle whose hash stands on its pages, in its
/// own zone, and for nobody who may not have the bundle.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_packs_a_bundle_with_its_document() {
    let data = Data::committing_often();
    data.set("zone = \"Asia/Shanghai\"\ncommit_interval_ms = 50\n");
    let server = Server::start(&data);
    chat(&data, &server).await;
    server.http_as(&data, "boss", &[Admin]).caught_up(false).await;
    let here = server.http_as(&data, "dora", &[Dispute]);
    let body = |order: &str, pack: Value| {
        let bundle = json!({"orders": [order], "case": "C-7", "reason": "r"});
        json!({"bundle": bundle, "pack": pack}).to_string()
    };
    let route = "/v1/evidence/pack";
    let asked = body("A-1", json!({"words": "bowl", "context": 0, "profile": "wave"}));
    let answer = here.post(route, "application/json", asked).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/zip"));
    assert_eq!(answer.header("content-length"), answer.body.len().to_string());
    assert!(answer.header("verbatim-holes").contains("missing"), "a picture never came");
    let (names, folder) = unpacked(&data, &answer.body, "packed");
    assert_eq!(names, ["C-7-wave/C-7.zip", "C-7-wave/pack.pdf", "C-7-wave/report.json"]);
    let bundle = folder.join(&names[0]);
    let report: Value =
        serde_json::from_slice(&std::fs::read(folder.join(&names[2])).unwrap()).unwrap();
    assert_eq!((&report["messages_shown"], &report["messages"]), (&json!(1), &json!(3)));
    assert_eq!(report["chosen"], json!(["chat 1/m1"]));
    let hash = hex::encode(Sha256::digest(std::fs::read(&bundle).unwrap()));
    let pdf = folder.join(&names[1]);
    tokio::task::block_in_place(|| {
        assert_holds(&bundle, &vkey(&data));
        let text = Command::new("pdftotext").arg("-layout").arg(&pdf).arg("-").output().unwrap();
        let text = String::from_utf8(text.stdout).unwrap();
        for words in [hash.as_str(), "the bowl is broken 碗", "+08:00", "C-7"] {
            assert!(text.contains(words), "`{words}` is not in {text}");
        }
        for words in ["careful with carl", "we refund"] {
            assert!(!text.contains(words), "`{words}` is in {text}");
        }
        // The same of the bundle by command, which knows case and zone from it, to the byte.
        let again = data.beside("again.pdf");
        let mut pack = command();
        pack.args(["evidence", "pack"]).arg(&bundle).args(["--words", "bowl", "--context", "0"]);
        ran({
            pack.args(["--profile", "wave", "--out"]).arg(&again);
            pack
        })
        .assert_code(0);
        assert!(std::fs::read(&again).unwrap() == std::fs::read(&pdf).unwrap());
    });
    for (order, pack, status) in [
        ("nobody's", json!({}), 404),
        ("A-1", json!({"words": "unsaid"}), 404),
        ("A-1", json!({"messages": ["m1", "n"]}), 404),
        ("A-1", json!({"words": "BOWL", "mode": "exact"}), 404),
        ("A-1", json!({"profile": "paypal"}), 400),
        ("A-1", json!({"context": 1_001}), 400),
        ("A-1", json!({"contexts": 1}), 400),
    ] {
        let answer = here.post(route, "application/json", body(order, pack.clone())).await;
        assert_eq!(answer.status, status, "{order} {pack}: {}", answer.text());
        assert!(!answer.text().contains("careful"), "{}", answer.text());
    }
    // What is refused before a bundle is made is recorded as none.
    let other_case = |words: &str| body("A-1", json!({"words": words})).replace("C-7", "C-8");
    for (words, position) in [("the \"bowl", json!(5)), ("order:A-1", Value::Null)] {
        let answer = here.post(route, "application/json", other_case(words)).await;
        let problem = answer.json();
        assert_eq!((answer.status, &problem["field"]), (400, &json!("words")), "{problem}");
        assert_eq!(problem["position"], position, "{problem}");
    }
    assert_eq!(here.post(route, "application/json", other_case("bowl")).await.status, 200);
    let boss = server.http_as(&data, "boss", &[Admin]);
    boss.caught_up(false).await;
    let made = boss.get("/v1/access?case=C-8&outcome=allowed").await.json();
    assert_eq!(made["accesses"].as_array().unwrap().len(), 1, "{made}");
    let there = server.http(&data.token("other", "dora", &[Dispute]));
    assert_eq!(there.post(route, "application/json", body("A-1", json!({}))).await.status, 404);
    for role in [Customer, Human, Bot, Importer, Analyst] {
        let http = server.http_as(&data, "someone", &[role]);
        http.post(route, "application/json", body("A-1", json!({}))).await.problem(403);
    }
    // From the page.
    let typed = "order=A-1&case=C-7&reason=r&messages=m1,+m3&profile=print&pack=on";
    let form = "application/x-www-form-urlencoded";
    let answer = here.post("/evidence", form, typed).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/zip"));
    let (names, _) = unpacked(&data, &answer.body, "of-page");
    // As browsers ask: the bundle came compressed, without a length, and broke off.
    let asked = here.request(reqwest::Method::POST, "/evidence").body(typed);
    let asked = asked.header("content-type", form).header("accept-encoding", "gzip, deflate, br");
    let by_browser = here.send(asked).await;
    assert_eq!(by_browser.header("content-length"), by_browser.body.len().to_string());
    assert_eq!(unpacked(&data, &by_browser.body, "by-browser").0, names);
    assert_eq!(names, ["C-7-print/C-7.zip", "C-7-print/pack.pdf", "C-7-print/report.json"]);
    let answer = here.post("/evidence", form, typed.replace("m3", "m9")).await;
    assert!(answer.status == 404 && answer.text().contains("`m9`"), "{}", answer.text());
    assert!(answer.text().contains("value=\"m1, m9\""), "what was typed stays");
    let answer =
        here.post("/evidence", form, typed.replace("messages=m1,+m3", "words=(bowl")).await;
    assert!(answer.status == 400 && answer.text().contains("closed by"), "{}", answer.text());
    let answer = here.post("/evidence", form, typed.replace("print", "print&mode=loose")).await;
    assert!(answer.status == 400 && answer.text().contains("loose"), "{}", answer.text());
    let answer = here.post("/evidence", form, typed.replace("print", "paypal")).await;
    assert!(answer.status == 400 && answer.text().contains("paypal"), "{}", answer.text());
}

/// Times are of the server's zone, wherever its client runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_shows_times_in_the_servers_zone() {
    let data = Data::committing_often();
    data.set("zone = \"Asia/Shanghai\"\ncommit_interval_ms = 50\n");
    let server = Server::start(&data);
    chat(&data, &server).await;
    let (url, token) = (server.url.clone(), data.token(SHOP, "dora", &[Dispute]));
    let show = |more: &[&str]| {
        let mut show = command();
        show.env("VERBATIM_DATA", data.beside("nowhere"));
        show.args(["show", "chat 1", "--url", &url, "--token", &token]).args(more);
        let shown = tokio::task::block_in_place(|| ran(show));
        shown.assert_code(0);
        shown.stdout
    };
    assert!(show(&[]).contains("+08:00"), "{}", show(&[]));
    let elsewhere = show(&["--zone", "Europe/Paris"]);
    assert!(!elsewhere.contains("+08:00"), "{elsewhere}");
}

/// A key that has signed nothing yet is in its place from the first bundle on, and whoever knows the one
/// before follows.
#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_right_after_another_key_holds() {
    let data = Data::committing_often();
    let server = Server::start(&data);
    chat(&data, &server).await;
    server.http_as(&data, "boss", &[Admin]).caught_up(true).await;
    assert_eq!(server.stop(), 0);
    tokio::task::block_in_place(|| {
        let old = vkey(&data);
        data.succeeds(["evidence", "key", "rotate"]);
        let new = vkey(&data);
        assert_ne!(old, new);
        let out = data.beside("rotated.zip");
        export(&data, &out, &["--order", "A-1", "--allow-missing"]).assert_code(0);
        assert_holds(&out, &new);
        assert_holds(&out, &old);
    });
}

/// A bundle that did not arrive is not said to have been handed out.
#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_breaks_off_is_recorded_so() {
    let data = Data::committing_often();
    let server = Server::start(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let film = vec![7_u8; 12 << 20];
    let sha256 = hex::encode(Sha256::digest(&film));
    assert_eq!(admin.put(&format!("/v1/attachments/{sha256}"), film).await.status, 201);
    let mut sent = message("c", "m", "customer", "carl", "look");
    sent["attachments"] =
        json!([{"sha256": sha256, "name": "film", "media_type": "video/mp4", "bytes": 12 << 20}]);
    assert_eq!(admin.event(&sent).await.status, 200);
    let body = json!({"conversations": ["c"], "case": "C-7", "reason": "r"}).to_string();
    let address = server.url.strip_prefix("http://").unwrap();
    let token = data.token(SHOP, "dora", &[Dispute]);
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/evidence HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    client.write_all(head.as_bytes()).await.unwrap();
    let mut begun = [0; 12];
    client.read_exact(&mut begun).await.unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200");
    drop(client);
    let since = Instant::now();
    loop {
        let page = admin.get("/v1/access?action=evidence&outcome=broke_off").await.json();
        if let Some(access) = page["accesses"].as_array().unwrap().first() {
            assert_eq!((&access["sub"], &access["case"]), (&json!("dora"), &json!("C-7")));
            return;
        }
        assert!(since.elapsed() < Duration::from_secs(30), "{page}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
