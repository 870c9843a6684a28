//! Bundles that somebody has tampered with: with the files alone, with a key of their own, or with the
//! key of the log, which is the shop's. Both verifiers judge each, and must say the same.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

use super::sample::{Log, request, verify_py};
use crate::evidence::names::{MANIFEST, SEAL, TAG_MANIFEST};
use crate::evidence::row::Row;
use crate::evidence::seal;
use crate::evidence::zip::{self, Crc, Entry};
use crate::evidence::{Held, Redaction, json, verify};
use crate::ledger::{Checkpoint, LedgerKey};

pub(super) type Files = BTreeMap<String, Vec<u8>>;

const MESSAGES: &str = "data/messages.jsonl";
/// What is evidence, and no statement of whoever made the bundle.
const PROVEN: [&str; 2] = ["data/", "proofs/"];
/// The fewest that are judged.
const MUTANTS_MIN: usize = 700;

/// A bundle that was tampered with.
struct Mutant {
    what: String,
    bytes: Bytes,
    /// Whether it may hold: it says what cannot be proven otherwise.
    may_hold: bool,
}

enum Bytes {
    Zip(Vec<u8>),
    Folder(Files),
}

/// What mutants are made of.
struct Lab {
    log: Log,
    good: Files,
    chance: StdRng,
    mutants: Vec<Mutant>,
}

impl Lab {
    fn new(seed: u64) -> Lab {
        let mut log = Log::new();
        // All attachments are there, so that each can be taken away.
        for bytes in ["photo", "other", "lost"] {
            let sum = hex::encode(Sha256::digest(bytes));
            let path = log.folder.path().join(&sum);
            std::fs::write(&path, bytes).unwrap();
            log.kept.insert(sum, path);
        }
        let mut request = request(&["c-林/1", "c2"]);
        request.redact = vec![Redaction::parse("sender@message:c2/b").unwrap()];
        request.since = Some(log.checkpoint(9).note);
        let zip = std::fs::read(log.zip("good.zip", &request)).unwrap();
        let good = files_of(&zip);
        Lab { log, good, chance: StdRng::seed_from_u64(seed), mutants: Vec::new() }
    }

    fn add(&mut self, what: impl Into<String>, zip: Vec<u8>) {
        self.mutants.push(Mutant { what: what.into(), bytes: Bytes::Zip(zip), may_hold: false });
    }

    /// Files as they are, in a zip of the right form.
    fn add_files(&mut self, what: &str, files: &Files) {
        self.add(format!("{what}, as it is"), pack(files));
    }

    /// Sums made right and sealed by the log's own key: what only the shop can do.
    fn add_sealed(&mut self, what: &str, files: &Files, may_hold: bool) {
        let files = sealed(files.clone(), &self.log.key);
        let what = format!("{what}, sealed again");
        self.mutants.push(Mutant { what, bytes: Bytes::Zip(pack(&files)), may_hold });
    }

    /// As it is, sealed again, and sealed with another key.
    fn add_all(&mut self, what: &str, files: &Files) {
        self.add_files(what, files);
        self.add_sealed(what, files, false);
        self.add(format!("{what}, forged"), pack(&forged(files.clone(), &self.log)));
    }

    /// Another content of one file.
    fn change(&mut self, what: &str, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut files = self.good.clone();
        change(files.get_mut(name).unwrap());
        assert!(files[name] != self.good[name], "{what} changes nothing");
        self.add_all(&format!("{name}: {what}"), &files);
    }

    /// Another text of one file.
    fn replace(&mut self, name: &str, from: &str, to: &str) {
        self.change(&format!("{from:.60} → {to:.60}"), name, |bytes| {
            let text = String::from_utf8(bytes.clone()).unwrap();
            assert!(text.contains(from), "{name} has no {from}");
            *bytes = text.replacen(from, to, 1).into_bytes();
        });
    }

    fn flip_bits(&mut self) {
        for name in self.good.keys().cloned().collect::<Vec<_>>() {
            let is_proven = PROVEN.iter().any(|proven| name.starts_with(proven));
            for _ in 0..5 {
                let mut files = self.good.clone();
                let bytes = files.get_mut(&name).unwrap();
                let (at, bit) =
                    (self.chance.random_range(0..bytes.len()), self.chance.random_range(0..8));
                bytes[at] ^= 1 << bit;
                let what = format!("bit {bit} of byte {at} of {name}");
                self.add_files(&what, &files);
                // Some files are made anew by sealing.
                let is_made = [MANIFEST, TAG_MANIFEST, SEAL].contains(&name.as_str());
                self.add_sealed(&what, &files, is_made || !is_proven);
            }
        }
    }

    fn damage_the_zip(&mut self) {
        let good = pack(&self.good);
        for _ in 0..60 {
            let mut zip = good.clone();
            let at = self.chance.random_range(0..zip.len());
            match self.chance.random_range(0..4) {
                0 => zip.truncate(at),
                1 => zip[at] ^= 1 << self.chance.random_range(0..8),
                2 => zip.insert(at, self.chance.random()),
                _ => drop(zip.drain(at..(at + 9).min(good.len()))),
            }
            self.add(format!("zip damaged at {at}"), zip);
        }
        self.add("bytes before the zip", [b"#!/bin/sh\n", good.as_slice()].concat());
        self.add("bytes behind the zip", [good.as_slice(), b"x"].concat());
        self.add("the zip twice", [good.as_slice(), &good].concat());
        self.add("an empty file", Vec::new());
        self.add("not a zip", b"not a zip, but a text that is long enough for one".to_vec());
        let mut comment = good.clone();
        let end = comment.len();
        comment[end - 2..].copy_from_slice(&5_u16.to_le_bytes());
        self.add("a comment", [comment.as_slice(), b"hello"].concat());
        for what in ["compressed", "zip64", "other time", "executable", "extra field", "another's"]
        {
            let zip = odd_zip(&self.good, what);
            self.add(what, zip);
        }
    }

    fn trick_with_names(&mut self) {
        for name in [
            "../evil",
            "data/../evil",
            "/etc/passwd",
            "data//x",
            "./x",
            "DATA/messages.jsonl",
            "data/Messages.jsonl",
            "README.EN.md",
            "data/extra.html",
            "data/attachments/000009.bin",
            "data/attachments/1.bin",
            "data\\messages.jsonl",
            "C:x",
            ".DS_Store",
            "x ",
            "数据",
            "extra.txt\n",
            "data/attachments/000001.bin/x",
            "x\u{0}y",
        ] {
            let mut files = self.good.clone();
            files.insert(name.to_string(), b"evil".to_vec());
            self.add_all(&format!("also `{}`", name.escape_debug()), &files);
        }
        for name in self.good.keys().cloned().collect::<Vec<_>>() {
            let mut files = self.good.clone();
            let bytes = files.remove(&name).unwrap();
            self.add_files(&format!("without {name}"), &files);
            if PROVEN.iter().any(|proven| name.starts_with(proven))
                && name != "proofs/consistency.txt"
            {
                self.add_sealed(&format!("without {name}"), &files, false);
            }
            files.insert(name.to_uppercase(), bytes);
            self.add_files(&format!("{name} in capitals"), &files);
        }
        let good: Vec<(String, Vec<u8>)> = pairs(&self.good);
        let twice = [good.as_slice(), &good[good.len() - 1..]].concat();
        self.add("an entry twice", raw_zip(&twice));
        let reversed: Vec<_> = good.iter().rev().cloned().collect();
        self.add("entries in another order", raw_zip(&reversed));
        let folders = |folder: &str| -> Vec<(String, Vec<u8>)> {
            self.good
                .iter()
                .map(|(name, bytes)| (format!("{folder}{name}"), bytes.clone()))
                .collect()
        };
        let zips: Vec<Vec<u8>> =
            ["", "/", "../", "a/../b/", ".a/", "a b/", &format!("{}/", "a".repeat(250))]
                .map(|folder| raw_zip(&folders(folder)))
                .into();
        for zip in zips {
            self.add("another folder", zip);
        }
        let mut two = good.clone();
        two.push(("zz/README".to_string(), b"x".to_vec()));
        self.add("two folders", raw_zip(&two));
        self.add("no entries", raw_zip(&[]));
    }

    fn move_messages(&mut self) {
        let lines = self.lines(MESSAGES);
        for index in 0..lines.len() {
            let mut dropped = lines.clone();
            dropped.remove(index);
            self.change(&format!("line {index} dropped"), MESSAGES, |bytes| {
                *bytes = dropped.concat().into()
            });
        }
        for index in 1..lines.len() {
            let mut swapped = lines.clone();
            swapped.swap(index - 1, index);
            self.change(&format!("line {index} moved up"), MESSAGES, |bytes| {
                *bytes = swapped.concat().into()
            });
        }
        let doubled = [&lines[..3], &lines[2..]].concat().concat();
        self.change("a line twice", MESSAGES, |bytes| *bytes = doubled.into());
        self.change("no lines", MESSAGES, Vec::clear);
        // The copies follow, so that only order and proof speak against it.
        for name in [MESSAGES, "data/messages.csv", "data/transcript.html"] {
            let mut files = self.good.clone();
            let lines = self.lines(name);
            files.insert(name.to_string(), lines[..lines.len() - 1].concat().into());
            self.add_sealed(&format!("last line of {name} dropped"), &files, false);
        }
    }

    /// Values that are not what they should be, in each file of JSON.
    fn change_json(&mut self) {
        for (name, from, to) in [
            (MESSAGES, "\"seq\":2", "\"seq\":2.0"),
            (MESSAGES, "\"seq\":1,", "\"seq\":true,"),
            (MESSAGES, "\"seq\":2", "\"seq\":2e0"),
            (MESSAGES, "\"seq\":2", "\"seq\":-2"),
            (MESSAGES, "\"seq\":2", "\"seq\":0"),
            (MESSAGES, "\"seq\":2", "\"seq\":02"),
            (MESSAGES, "\"seq\":2", "\"seq\":\"2\""),
            (MESSAGES, "\"seq\":2", "\"seq\":null"),
            (MESSAGES, "\"seq\":2", "\"seq\":NaN"),
            (MESSAGES, "\"seq\":2", "\"seq\":Infinity"),
            (MESSAGES, "\"seq\":2", "\"seq\":4294967298"),
            (MESSAGES, "\"seq\":2", "\"seq\":9007199254740994"),
            (MESSAGES, "\"seq\":2", "\"seq\":99999999999999999999999999999999999999"),
            (MESSAGES, "\"seq\":2", "\"seq\":2,\"seq\":3"),
            (MESSAGES, "\"seq\":2", "\"seq\":3,\"seq\":2"),
            (MESSAGES, "\"seq\":2", "\"seq\": 2"),
            (MESSAGES, "\"kind\":2", "\"kind\":25"),
            (MESSAGES, "\"kind\":2", "\"kind\":0"),
            (MESSAGES, "\"kind\":2", "\"kind\":3"),
            (MESSAGES, "\"kind\":2", "\"kind\":257"),
            (MESSAGES, "\"kind\":1,", "\"kind\":true,"),
            (MESSAGES, "\"received_at_us\":1", "\"received_at_us\":2"),
            (MESSAGES, "\"received_at_us\":1", "\"received_at_us\":99"),
            (MESSAGES, "\"zone\":\"+08:00\"", "\"zone\":\"+00:00\""),
            (MESSAGES, "\"zone\":\"+08:00\"", "\"zone\":\"Asia/Shanghai\""),
            (MESSAGES, "\"zone\":\"+08:00\"", "\"zone\":\"+08:00\\n\""),
            (MESSAGES, "\"zone\":\"+08:00\"", "\"zone\":8"),
            (MESSAGES, "{\"kind\"", "{ \"kind\""),
            (MESSAGES, "{\"kind\"", "{\"a\":1,\"kind\""),
            (MESSAGES, "杯子", "瓶子"),
            (MESSAGES, "杯子", "\\u676f子"),
            (MESSAGES, "杯子", "\\ud800"),
            (MESSAGES, "😀", "\\ud83d\\ude00"),
            (MESSAGES, "236", "263"),
            (MESSAGES, "\"canonical\"", "\"Canonical\""),
            (MESSAGES, "\"canonical\":\"{", "\"canonical\":\" {"),
            (MESSAGES, "\"why\":\"private\"", "\"why\":\"erased\""),
            (MESSAGES, "\"why\":\"private\"", "\"why\":\"\""),
            (MESSAGES, "\"why\":\"private\"", "\"why\":5"),
            (MESSAGES, "\"why\":\"private\"", "\"role\":\"bot\",\"why\":\"private\""),
            (
                MESSAGES,
                "\"role\":\"bot\",\"why\":\"redacted\"",
                "\"role\":\"customer\",\"why\":\"redacted\"",
            ),
            (
                MESSAGES,
                "\"role\":\"bot\",\"why\":\"redacted\"",
                "\"role\":null,\"why\":\"redacted\"",
            ),
            (MESSAGES, "\"role\":\"bot\",\"why\":\"redacted\"", "\"why\":\"redacted\""),
            (MESSAGES, "}\n", "}\r\n"),
            (MESSAGES, "}\n", "}\n\n"),
            (MESSAGES, "}\n", "} \n"),
            (MESSAGES, "{\"kind\"", "\u{feff}{\"kind\""),
            ("data/attachments.jsonl", "\"bytes\":5", "\"bytes\":5.0"),
            ("data/attachments.jsonl", "\"bytes\":5", "\"bytes\":6"),
            ("data/attachments.jsonl", "000001.bin", "000002.bin"),
            ("data/attachments.jsonl", "data/attachments/000001.bin", "missing"),
            ("data/attachments.jsonl", "data/attachments/000001.bin", "gone"),
            (
                "data/attachments.jsonl",
                "data/attachments/000001.bin",
                "data/../data/attachments/000001.bin",
            ),
            ("data/attachments.jsonl", "image/png", "text/html"),
            ("data/attachments.jsonl", "{\"bytes\"", "{\"a\":[],\"bytes\""),
            ("proofs/proof.json", "\"leaves\":[0", "\"leaves\":[1"),
            ("proofs/proof.json", "\"leaves\":[0", "\"leaves\":[3"),
            ("proofs/proof.json", "\"leaves\":[0", "\"leaves\":[false"),
            ("proofs/proof.json", "\"leaves\":[0", "\"leaves\":[0.0"),
            ("proofs/proof.json", "\"leaves\":[0", "\"leaves\":[-0"),
            ("proofs/proof.json", "\"leaves\":[0", "\"leaves\":[0,9007199254740991"),
            ("proofs/proof.json", "\"leaves\":[0,", "\"leaves\":["),
            ("proofs/proof.json", "\"leaves\":[0,3,", "\"leaves\":[3,0,"),
            ("proofs/proof.json", "\"size\":33", "\"size\":34"),
            ("proofs/proof.json", "\"size\":33", "\"size\":33.0"),
            ("proofs/proof.json", "\"size\":33", "\"size\":9007199254740991"),
            ("proofs/proof.json", "\"size\":33", "\"size\":33,\"size\":33"),
            ("proofs/proof.json", "\"hashes\":[", "\"hashes\":[\"00\","),
            ("proofs/proof.json", "{\"hashes\"", "{\"a\":0,\"hashes\""),
            ("proofs/proof.json", "}\n", "}"),
            ("proofs/proof.json", "}\n", "}\n{}\n"),
            ("custody/completeness.json", "\"records\":11", "\"records\":10"),
            ("custody/completeness.json", "\"records\":11", "\"records\":11.0"),
            ("custody/completeness.json", "\"size\":33", "\"size\":32"),
            ("custody/completeness.json", "\"private\":6", "\"private\":3"),
            ("custody/completeness.json", "\"present\":6", "\"present\":5"),
            ("custody/completeness.json", "\"shop\":\"shop\"", "\"shop\":\"other\""),
            ("custody/completeness.json", "\"shop\":\"shop\",", ""),
            ("custody/completeness.json", "\"conversation\":\"c2\"", "\"conversation\":\"c3\""),
            ("custody/completeness.json", "\"conversation\":\"c2\"", "\"conversation\":null"),
            ("custody/completeness.json", "{\"asked\"", "{\"asked\":1,\"asked\""),
            ("custody/completeness.json", "\"asked\":{", "\"asked\":{\"a\":NaN,"),
            ("custody/completeness.json", "\"asked\":{", "\"asked\":{\"a\":1.5,"),
            ("custody/completeness.json", "}\n", "}"),
            ("custody/completeness.json", "}\n", " }\n"),
        ] {
            self.replace(name, from, to);
        }
        for depth in [40, 200, 5_000, 100_000] {
            let deep = format!("\"asked\":{{\"a\":{}{},", "[".repeat(depth), "]".repeat(depth));
            self.replace("custody/completeness.json", "\"asked\":{", &deep);
            let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            self.replace(MESSAGES, "\"seq\":2", &format!("\"seq\":{deep}"));
        }
        for name in [
            MESSAGES,
            "data/attachments.jsonl",
            "proofs/proof.json",
            "custody/completeness.json",
            "proofs/log.vkey",
            "proofs/checkpoint",
        ] {
            self.change("a byte that is no UTF-8", name, |bytes| bytes[3] = 0xff);
            self.change("a byte order mark", name, |bytes| {
                drop(bytes.splice(..0, "\u{feff}".bytes()))
            });
            self.change("something behind it", name, |bytes| bytes.extend(b"{}"));
            self.change("its last line feed gone", name, |bytes| bytes.truncate(bytes.len() - 1));
            self.change("a zero at its end", name, |bytes| bytes.push(0));
        }
    }

    /// Leaves that follow from what stands there, but what stands there is not canonical: readers would
    /// differ in what it says.
    fn commit_to_what_is_not_canonical(&mut self) {
        let lines = self.lines(MESSAGES);
        for body in [
            "{\"text\":\"a\",\"text\":\"b\"}",
            "{\"text\":\"a\", \"x\":1}",
            "{\"text\":1.0}",
            "{\"text\":\"\\u0041\"}",
            "{\"text\":NaN}",
            "{\"text\":\"a\",\"attachments\":[]}",
            "{\"text\":\"a\"}\n",
            "{\"attachments\":{}}",
            "{\"text\":\"\\ud800\"}",
            "{\"text\":99999999999999999999}",
            "[]",
            "\"text\"",
            "null",
            "",
            "\u{feff}{\"text\":\"a\"}",
        ] {
            let mut row: Row = json::read(lines[3].trim_end()).unwrap();
            let salt = crate::evidence::hex_bytes::HexBytes([3; 16]);
            row.parts.body =
                crate::evidence::row::Part::Disclosed { canonical: body.to_string(), salt };
            let line = committed(row);
            self.change(&format!("body {}", body.escape_debug()), MESSAGES, |bytes| {
                let text = String::from_utf8(bytes.clone()).unwrap().replacen(&lines[3], &line, 1);
                *bytes = text.into_bytes();
            });
        }
    }

    fn change_the_copies(&mut self) {
        for (name, from, to) in [
            ("data/messages.csv", "236", "263"),
            ("data/messages.csv", "\"'=SUM", "\"=SUM"),
            ("data/messages.csv", "\u{feff}", ""),
            ("data/messages.csv", "\r\n", "\n"),
            ("data/messages.csv", "private", "erased"),
            ("data/messages.csv", "+08:00", "+09:00"),
            ("data/transcript.html", "236", "263"),
            ("data/transcript.html", "<b>U+202E</b>", "\u{202e}"),
            ("data/transcript.html", "<b>U+202E</b>", ""),
            ("data/transcript.html", "&lt;script", "<script"),
            ("data/transcript.html", "<h1>", "<h1>Refunded. "),
            ("data/transcript.html", "default-src 'none'", "default-src *"),
            ("data/transcript.html", "<td>message<td>", "<td>retract<td>"),
            ("data/transcript.html", "<tr class=\"message\"", "<tr hidden class=\"message\""),
            ("data/transcript.html", "</table>", "<tr><td>9<td>We refund all.</tr>\n</table>"),
            ("data/transcript.html", "attachments/000001.bin", "attachments/000002.bin"),
            ("data/transcript.html", "</html>", "</html><script src=x></script>"),
            ("data/transcript.html", "</html>\n", "</html>\n<!-- -->"),
            ("data/transcript.html", "</html>\n", "</html>"),
            ("data/transcript.html", "+08:00", "+09:00"),
        ] {
            self.replace(name, from, to);
        }
    }

    fn forge_the_proofs(&mut self) {
        let older = self.log.checkpoint(20).note;
        self.change("an older one", "proofs/checkpoint", |bytes| *bytes = older.into());
        let other = LedgerKey::from_bytes("shop.example/log", &[8; 32]).unwrap();
        let root = self.log.newest().root;
        let another = Checkpoint::sign(&other, 33, root).unwrap().note;
        self.change("one of another key", "proofs/checkpoint", |bytes| *bytes = another.into());
        let (larger, false_root) = (
            Checkpoint::sign(&self.log.key, 34, root).unwrap().note,
            Checkpoint::sign(&self.log.key, 33, [7; 32]).unwrap().note,
        );
        self.change("one of another size", "proofs/checkpoint", |bytes| *bytes = larger.into());
        self.change("one of another root", "proofs/checkpoint", |bytes| *bytes = false_root.into());
        let signed = |text: &str| self.log.key.sign(text).unwrap();
        let notes = [
            signed("shop.example/log\n033\nAAAA\n"),
            signed("shop.example/log\n33\n"),
            signed("other.example/log\n33\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n"),
            signed("shop.example/log\n33\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwd=\n"),
            signed("shop.example/log\n+33\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n"),
            signed("shop.example/log\n0\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n"),
            signed(
                "shop.example/log\n99999999999999999999\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n",
            ),
            self.log.newest().note.replace("— ", "- "),
            self.log.newest().note.replace("\n\n", "\n\n\n"),
            self.log.newest().note.replace('\n', "\r\n"),
            self.log.newest().note + "— x y z\n",
            format!("{}\n", self.log.newest().note),
            {
                let note = self.log.newest().note;
                let line = note.lines().last().unwrap();
                format!("{note}{line}\n")
            },
        ];
        for note in notes {
            self.change("no checkpoint", "proofs/checkpoint", |bytes| *bytes = note.into());
        }
        for (from, to) in [
            ("\n9\n", "\n10\n"),
            ("\n9\n", "\n0\n"),
            ("\n9\n", "\n34\n"),
            ("\n9\n", "\n\u{ff19}\n"),
            ("v1", "v2"),
            ("=\n", "=\nAAAA\n"),
            ("=\n", "=\n\n"),
        ] {
            self.replace("proofs/consistency.txt", from, to);
        }
        let vkey = self.log.vkey();
        for line in [
            format!(" {vkey}\n"),
            format!("{vkey}\n\n"),
            vkey.clone(),
            format!("{vkey}\r\n"),
            vkey.replacen('+', "++", 1),
            "x\n".to_string(),
        ] {
            self.change("not the key", "proofs/log.vkey", |bytes| *bytes = line.into());
        }
        let seal = String::from_utf8(self.good[SEAL].clone()).unwrap();
        let mut files = self.good.clone();
        for note in [
            self.log.newest().note,
            self.log.key.sign("verbatim evidence bundle v2\n00\n").unwrap(),
            seal.replacen("=\n", "==\n", 1),
            seal.clone() + "\n",
            seal.replace('\n', "\r\n"),
            seal.replacen("— ", "—  ", 1),
            seal.replace("shop.example", "Shop.example"),
        ] {
            files.insert(SEAL.to_string(), note.into());
            self.add_files("another seal", &files);
        }
    }

    fn damage_attachments(&mut self) {
        let name = |number: usize| seal::attachment_name(number - 1);
        self.change("another photo", &name(1), |bytes| *bytes = b"PHOTO".to_vec());
        self.change("empty", &name(2), Vec::clear);
        let mut swapped = self.good.clone();
        swapped.insert(name(1), self.good[&name(2)].clone());
        swapped.insert(name(2), self.good[&name(1)].clone());
        self.add_all("two photos swapped", &swapped);
        let mut fewer = self.good.clone();
        fewer.remove(&name(3));
        self.add_all("the last photo gone", &fewer);
        let mut more = self.good.clone();
        more.insert(name(4), b"new".to_vec());
        self.add_all("a photo more", &more);
    }

    /// Folders with what no zip of ours can have.
    fn trick_with_folders(&mut self) {
        for name in ["a b.txt", ".x", "é.txt", "data/a b.txt", "custody/.DS_Store"] {
            let mut files = self.good.clone();
            files.insert(name.to_string(), b"evil".to_vec());
            self.add_folder(format!("a folder with `{name}`"), sealed(files, &self.log.key), false);
        }
        for name in [".git/", "a b/", "data/é/", "empty/", "data/empty/"] {
            let mut files = self.good.clone();
            files.insert(name.to_string(), Vec::new());
            // An empty folder is no file that one could miss.
            let may_hold = name.ends_with("empty/");
            self.add_folder(format!("a folder with a folder `{name}`"), files, may_hold);
        }
    }

    fn add_folder(&mut self, what: String, files: Files, may_hold: bool) {
        self.mutants.push(Mutant { what, bytes: Bytes::Folder(files), may_hold });
    }

    /// A part of them as folders, too.
    fn unpack_some(&mut self) {
        let of_folder = self.mutants.iter().enumerate().filter_map(|(index, mutant)| {
            let Bytes::Zip(zip) = &mutant.bytes else { return None };
            let is_of_its_folder = mutant.what.contains("folder") || mutant.what == "two folders";
            let files =
                (index % 6 == 0 && !is_of_its_folder).then(|| try_files_of(zip)).flatten()?;
            let what = format!("{}, unpacked", mutant.what);
            Some(Mutant { what, bytes: Bytes::Folder(files), may_hold: mutant.may_hold })
        });
        let of_folder: Vec<Mutant> = of_folder.collect();
        assert!(of_folder.len() > 50);
        self.mutants.extend(of_folder);
    }

    fn lines(&self, name: &str) -> Vec<String> {
        let text = String::from_utf8(self.good[name].clone()).unwrap();
        text.split_inclusive('\n').map(str::to_string).collect()
    }
}

/// Whatever is done to a bundle, both verifiers refuse it, at the same step, and neither falls over.
#[test]
fn both_verifiers_give_the_same_verdict_on_whatever_they_are_given() {
    let seed = std::env::var("VERBATIM_SEED").map_or(rand::random(), |seed| seed.parse().unwrap());
    println!("mutants: VERBATIM_SEED={seed}");
    let mut lab = Lab::new(seed);
    lab.flip_bits();
    lab.damage_the_zip();
    lab.trick_with_names();
    lab.move_messages();
    lab.change_json();
    lab.commit_to_what_is_not_canonical();
    lab.change_the_copies();
    lab.forge_the_proofs();
    lab.damage_attachments();
    lab.unpack_some();
    lab.trick_with_folders();
    let paths: Vec<PathBuf> =
        (0..).zip(&lab.mutants).map(|(index, mutant)| written(&lab.log, index, mutant)).collect();
    let steps = steps_of_python(&lab.log, &paths);
    assert_eq!(steps.len(), paths.len(), "verify.py fell over");
    let held = Held { vkey: Some(format!("{}\n", lab.log.vkey())), checkpoint: None };
    let mut wrong = Vec::new();
    for ((mutant, path), of_python) in lab.mutants.iter().zip(&paths).zip(&steps) {
        let verdict = verify(path, &held).unwrap();
        let step = verdict.failed_step().unwrap_or(0);
        if step != *of_python || (step == 0 && !mutant.may_hold) {
            wrong.push(format!(
                "{}: {step} here ({:?}), {of_python} in Python",
                mutant.what, verdict.refused
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), steps.len(), wrong.join("\n"));
    assert!(steps.len() >= MUTANTS_MIN, "{} mutants", steps.len());
    for step in 1..=7 {
        let count = steps.iter().filter(|found| **found == step).count();
        assert!(count > 2, "step {step} refuses {count}");
    }
    println!("{} mutants, judged alike", steps.len());
    // Words that no terminal takes are shown by their numbers.
    let mut files = lab.good.clone();
    let messages = String::from_utf8(files[MESSAGES].clone()).unwrap();
    let surrogate = messages.replacen("\"salt\":\"", "\"salt\":\"\\ud800", 1);
    files.insert(MESSAGES.to_string(), surrogate.into_bytes());
    let path = lab.log.folder.path().join("surrogate.zip");
    std::fs::write(&path, pack(&sealed(files, &lab.log.key))).unwrap();
    let (code, said) = verify_py(&[path.to_str().unwrap()]);
    assert_eq!((code, said.contains("Traceback")), (14, false), "{said}");
    // As a program: the exit code is the step, and nobody sees a traceback.
    for (path, step) in paths.iter().zip(&steps).step_by(29) {
        let (code, said) = verify_py(&[path.to_str().unwrap(), "--vkey", &lab.log.vkey()]);
        assert_eq!(code, if *step == 0 { 0 } else { 10 + i32::from(*step) }, "{said}");
        assert!(!said.contains("Traceback"), "{said}");
    }
}

/// Whoever makes a log of their own can prove anything by it. That is why the reader's key counts.
#[test]
fn a_forged_bundle_holds_for_its_own_key_alone() {
    let log = Log::new();
    let good = files_of(&std::fs::read(log.zip("good.zip", &request(&["c2"]))).unwrap());
    let path = log.folder.path().join("forged.zip");
    std::fs::write(&path, pack(&forged(good, &log))).unwrap();
    let verdict = verify(&path, &Held::default()).unwrap();
    assert_eq!((verdict.failed_step(), verdict.with_key_of_reader), (None, false), "{verdict:?}");
    let held = Held { vkey: Some(format!("{}\n", log.vkey())), checkpoint: None };
    assert_eq!(verify(&path, &held).unwrap().failed_step(), Some(1));
}

/// Folders can hold what no zip of ours can.
#[test]
fn a_link_is_no_file_of_a_bundle() {
    let log = Log::new();
    let good = files_of(&std::fs::read(log.zip("good.zip", &request(&["c2"]))).unwrap());
    let folder = log.folder.path().join("linked");
    write_folder(&folder, &good);
    let page = folder.join("data/transcript.html");
    std::fs::rename(&page, log.folder.path().join("elsewhere.html")).unwrap();
    std::os::unix::fs::symlink("../../elsewhere.html", &page).unwrap();
    assert_eq!(verify(&folder, &Held::default()).unwrap().failed_step(), Some(1));
    assert_eq!(verify_py(&[folder.to_str().unwrap()]).0, 11);
    let nowhere = log.folder.path().join("nowhere.zip");
    assert!(verify(&nowhere, &Held::default()).is_err());
    assert_eq!(verify_py(&[nowhere.to_str().unwrap()]).0, 2);
}

/// Files made right for the key: manifests and seal.
pub(super) fn sealed(mut files: Files, key: &LedgerKey) -> Files {
    let manifest = |files: &Files, is_listed: &dyn Fn(&str) -> bool| -> Vec<u8> {
        let listed = files.iter().filter(|(name, _)| is_listed(name));
        let lines = listed
            .map(|(name, bytes)| seal::manifest_line(&hex::encode(Sha256::digest(bytes)), name));
        lines.collect::<String>().into_bytes()
    };
    files.insert(MANIFEST.to_string(), manifest(&files, &seal::is_payload));
    files.insert(TAG_MANIFEST.to_string(), manifest(&files, &seal::is_tag_file));
    let sum = hex::encode(Sha256::digest(&files[TAG_MANIFEST]));
    files.insert(SEAL.to_string(), key.sign(&seal::text(&sum)).unwrap().into_bytes());
    files
}

/// Files of a log that somebody made up, with the name of ours.
fn forged(mut files: Files, log: &Log) -> Files {
    let key = LedgerKey::from_bytes("shop.example/log", &[9; 32]).unwrap();
    let newest = log.newest();
    let note = Checkpoint::sign(&key, newest.size, newest.root).unwrap().note;
    files.insert("proofs/checkpoint".to_string(), note.into_bytes());
    files.insert("proofs/log.vkey".to_string(), format!("{}\n", key.public()).into_bytes());
    files.insert("proofs/log.pub.pem".to_string(), key.public().to_pem().into_bytes());
    sealed(files, &key)
}

/// The line of a row whose leaf was made right for what it says.
pub(super) fn committed(mut row: Row) -> String {
    let kind = crate::model::Kind::from_repr(row.kind).unwrap();
    let commitments = crate::model::Commitments(row.parts().map(|(_, part)| match part {
        crate::evidence::row::Part::Disclosed { canonical, salt } => {
            Sha256::digest([&salt.0[..], canonical.as_bytes()].concat()).into()
        }
        crate::evidence::row::Part::Withheld { commitment, .. } => commitment.0,
    }));
    let chain = crate::model::Chain {
        thread: row.thread.0,
        last_seq: crate::model::Seq(row.seq - 1),
        last_leaf: row.prev.0,
    };
    let received_at = crate::model::Micros(row.received_at_us as i64);
    let leaf = crate::model::Leaf { chain: &chain, received_at, kind, commitments: &commitments };
    row.leaf.0 = leaf.hash().0;
    row.line() + "\n"
}

fn pairs(files: &Files) -> Vec<(String, Vec<u8>)> {
    files.iter().map(|(name, bytes)| (format!("case/{name}"), bytes.clone())).collect()
}

pub(super) fn pack(files: &Files) -> Vec<u8> {
    raw_zip(&pairs(files))
}

/// A zip in our form, of entries in whatever order, with whatever names.
pub(super) fn raw_zip(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut zip, mut entries) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let mut crc = Crc::default();
        crc.add(bytes);
        let entry = Entry { name: name.clone(), crc: crc.value(), bytes: bytes.len() as u32 };
        zip.extend(entry.local());
        zip.extend(bytes);
        entries.push(entry);
    }
    zip::write_end(&entries, &mut zip).unwrap();
    zip
}

/// The same files in a zip that another program might write.
fn odd_zip(files: &Files, what: &str) -> Vec<u8> {
    if what == "compressed" {
        // The method of the first entry, where both headers say it.
        let mut zip = pack(files);
        zip[8] = 8;
        let first = zip.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
        zip[first + 10] = 8;
        return zip;
    }
    let mut writer = ::zip::ZipWriter::new(Cursor::new(Vec::new()));
    let usual = ::zip::write::SimpleFileOptions::default()
        .compression_method(::zip::CompressionMethod::Stored);
    let options = match what {
        "zip64" => usual.large_file(true),
        "other time" => usual
            .last_modified_time(::zip::DateTime::from_date_and_time(2026, 1, 3, 2, 13, 4).unwrap()),
        "executable" => usual.unix_permissions(0o755),
        _ => usual,
    };
    for (name, bytes) in files {
        writer.start_file(format!("case/{name}"), options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    if what == "extra field" {
        writer.add_directory("case/data", usual).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub(super) fn files_of(zip: &[u8]) -> Files {
    try_files_of(zip).unwrap()
}

/// The files of a zip that is in order, with names that a folder takes.
fn try_files_of(zip: &[u8]) -> Option<Files> {
    let extents = zip::extents(&mut Cursor::new(zip)).unwrap()?;
    let mut files = Files::new();
    for extent in extents {
        let (_, name) = extent.entry.name.split_once('/')?;
        let is_plain =
            |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains('\0');
        let bytes = &zip[extent.begin as usize..][..extent.entry.bytes as usize];
        if !name.split('/').all(is_plain) || name.ends_with("000001.bin/x") {
            return None;
        }
        files.insert(name.to_string(), bytes.to_vec());
    }
    Some(files)
}

/// A name that ends in `/` is that of an empty folder.
fn write_folder(folder: &Path, files: &Files) {
    for (name, bytes) in files {
        let path = folder.join(name);
        if name.ends_with('/') {
            std::fs::create_dir_all(path).unwrap();
            continue;
        }
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// Where a mutant lies.
fn written(log: &Log, index: usize, mutant: &Mutant) -> PathBuf {
    let path = log.folder.path().join(format!("mutant-{index}"));
    match &mutant.bytes {
        Bytes::Zip(zip) => std::fs::write(&path, zip).unwrap(),
        Bytes::Folder(files) => {
            std::fs::create_dir_all(&path).unwrap();
            write_folder(&path, files);
        }
    }
    path
}

/// The step at which verify.py refuses each, 0 where it does not: in one process, which is faster.
fn steps_of_python(log: &Log, paths: &[PathBuf]) -> Vec<u8> {
    let texts = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/evidence/texts");
    let driver = format!(
        "import sys\nsys.path.insert(0, {texts:?})\nimport verify\nfor path in sys.stdin.read().split():\n    step = 1\n    try:\n        for step, _ in enumerate(verify.steps(path, {:?}, None), 2): pass\n        print(0)\n    except OSError: print(99)\n    except Exception: print(step)\n",
        format!("{}\n", log.vkey())
    );
    let mut python = Command::new("python3")
        .args(["-B", "-c", &driver])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let list: Vec<&str> = paths.iter().map(|path| path.to_str().unwrap()).collect();
    python.stdin.take().unwrap().write_all(list.join("\n").as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines().map(|line| line.parse().unwrap()).collect()
}
