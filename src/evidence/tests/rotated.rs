//! Bundles of a log whose key was exchanged.

use super::sample::{Log, request, verify_py};
use crate::evidence::json::{self, Json};
use crate::evidence::{Held, verify};
use crate::ledger::LedgerKey;

const NAME: &str = "shop.example/log";

fn key(byte: u8, name: &str) -> LedgerKey {
    LedgerKey::from_bytes(name, &[byte; 32]).unwrap()
}

/// What `old` signs of `new`.
fn named(old: &LedgerKey, new: &LedgerKey, word: &str) -> String {
    let (old_key, new_key) = (old.public(), new.public());
    let text = format!("{}\nverbatim/{word}/v1\n20\n{old_key}\n{new_key}\n", old.public().name());
    old.sign(&text).unwrap()
}

fn keys_json(previous: &[(&LedgerKey, String)]) -> String {
    let previous = previous.iter().map(|(key, statement)| {
        let statement = statement.as_str().into();
        Json::Object(json::object([
            ("statement", statement),
            ("until", 20.into()),
            ("vkey", key.public().to_string().into()),
        ]))
    });
    json::written(&json::object([("previous", Json::List(previous.collect()))])) + "\n"
}

/// The step at which both refuse `log`'s bundle for whoever holds this.
#[track_caller]
fn judged(log: &Log, vkey: Option<&LedgerKey>, checkpoint: Option<String>) -> u8 {
    let mut request = request(&["c2"]);
    request.since = checkpoint.as_ref().map(|_| log.checkpoint(9).note);
    let zip = log.zip("rotated.zip", &request);
    let vkey = vkey.map(|key| format!("{}\n", key.public()));
    let verdict =
        verify(&zip, &Held { vkey: vkey.clone(), checkpoint: checkpoint.clone() }).unwrap();
    let file = log.folder.path().join("held");
    let mut arguments = vec![zip.to_str().unwrap()];
    arguments.extend(vkey.iter().flat_map(|vkey| ["--vkey", vkey.as_str()]));
    if let Some(checkpoint) = checkpoint {
        std::fs::write(&file, checkpoint).unwrap();
        arguments.extend(["--checkpoint", file.to_str().unwrap()]);
    }
    let (code, said) = verify_py(&arguments);
    let step = verdict.failed_step().unwrap_or(0);
    assert_eq!(i32::from(step), if code == 0 { 0 } else { code - 10 }, "{verdict:?}\n{said}");
    assert!(verdict.holds.iter().take(6).all(|sentence| said.contains(sentence)), "{said}");
    step
}

/// Whoever held the first key alone could check nothing after it was exchanged.
#[test]
fn whoever_holds_the_first_key_goes_on_to_the_newest() {
    let (first, second, third) = (key(5, NAME), key(6, NAME), key(7, NAME));
    let rotated = "ledger-key-rotated";
    let mut log = Log::new();
    let of_first = named(&first, &second, rotated);
    let of_second = named(&second, &third, rotated);
    log.succession = Some(keys_json(&[(&first, of_first.clone()), (&second, of_second.clone())]));
    for known in [&first, &second, &third] {
        assert_eq!(judged(&log, Some(known), None), 0);
    }
    assert_eq!(judged(&log, None, None), 0);
    let mut log_of_first = Log::new();
    log_of_first.key = key(5, NAME);
    let old = log_of_first.checkpoint(9);
    // A log whose records are others: leaves have secrets of their own.
    let kept = crate::ledger::Checkpoint::sign(&first, 9, log.checkpoint(9).root).unwrap().note;
    for vkey in [None, Some(&first), Some(&third)] {
        assert_eq!(judged(&log, vkey, Some(kept.clone())), 0);
        assert_eq!(judged(&log, vkey, Some(old.note.clone())), 3);
    }
    // Nobody else can name a successor, nor one of another name, nor a ledger that ended.
    let stranger = key(8, NAME);
    for (what, keys) in [
        ("nothing is said", keys_json(&[])),
        (
            "signed by another",
            keys_json(&[
                (&first, named(&stranger, &second, rotated)),
                (&second, of_second.clone()),
            ]),
        ),
        ("not the next", keys_json(&[(&first, of_first.clone())])),
        ("out of order", keys_json(&[(&second, of_second.clone()), (&first, of_first.clone())])),
        (
            "ended",
            keys_json(&[
                (&first, named(&first, &second, "ledger-ended")),
                (&second, of_second.clone()),
            ]),
        ),
        ("no list", "{\"previous\":{}}\n".to_string()),
        ("no JSON", "previous\n".to_string()),
        (
            "not canonical",
            keys_json(&[(&first, of_first.clone()), (&second, of_second.clone())])
                .replacen(':', ": ", 1),
        ),
        (
            "a line more",
            keys_json(&[(&first, of_first.clone()), (&second, of_second.clone())]) + "\n",
        ),
    ] {
        log.succession = Some(keys);
        assert_eq!(judged(&log, Some(&first), None), 1, "{what}");
        assert_eq!(judged(&log, Some(&third), None), 0, "{what}");
    }
    let elsewhere = key(5, "other.example/log");
    log.succession = Some(keys_json(&[(&elsewhere, named(&elsewhere, &third, rotated))]));
    assert_eq!(judged(&log, Some(&elsewhere), None), 1);
    // Whoever makes a key up can let it name ours: that makes nobody trust the made-up one's past.
    log.key = key(5, NAME);
    log.succession = None;
    assert_eq!(judged(&log, Some(&third), None), 1);
}
