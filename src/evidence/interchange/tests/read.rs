//! Files of each form read back, with nothing of what wrote them: what a record says in it, and what is beside.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use zip::ZipArchive;

use super::sample::sha256;
use crate::evidence::interchange::Form;

/// A record as a form has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Said {
    pub(super) conversation: String,
    pub(super) seq: u32,
    pub(super) kind: String,
    pub(super) id: String,
    pub(super) received_at: String,
    pub(super) leaf: String,
    pub(super) text: String,
    /// Hashes of its files: of their bytes, where they are there.
    pub(super) files: Vec<String>,
    pub(super) withheld: String,
    /// All else, by name.
    pub(super) fields: BTreeMap<String, String>,
}

/// What the files of a form have together.
#[derive(Default)]
pub(super) struct ReadBack {
    pub(super) names: Vec<String>,
    pub(super) said: Vec<Said>,
    /// The evidence copies, as lines in order.
    pub(super) copy: Vec<String>,
    /// Events of RSMF manifests, vCons as they are, texts of mails.
    pub(super) raw: Vec<Value>,
}

/// A mail, taken apart.
pub(super) struct ReadMail {
    pub(super) headers: Vec<(String, String)>,
    pub(super) text: String,
    pub(super) files: Vec<(String, Vec<u8>)>,
    /// What each file is said to be.
    pub(super) types: Vec<String>,
}

pub(super) fn unzipped(zip: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = ZipArchive::new(Cursor::new(zip)).unwrap();
    let count = archive.len();
    let read = |index: usize| {
        let mut file = archive.by_index(index).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        (file.name().unwrap().to_string(), bytes)
    };
    (0..count).map(read).collect()
}

/// What lies in a zip of this form.
pub(super) fn read(form: Form, zip: &[u8]) -> ReadBack {
    let mut read = ReadBack::default();
    for (name, bytes) in unzipped(zip) {
        read.names.push(name.split_once('/').unwrap().1.to_string());
        match form {
            Form::Rsmf => read.add_rsmf(&bytes),
            Form::Vcon if name.ends_with(".signed.vcon") => {}
            Form::Vcon => read.add_vcon(&bytes),
            Form::Eml => read.add_eml(&bytes),
        }
    }
    read.said.sort();
    read
}

/// Headers of a mail's part until the empty line, unfolded, and what follows.
fn parted(part: &[u8]) -> (Vec<(String, String)>, &[u8]) {
    let end = part.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(part[..end].to_vec()).unwrap();
    let head = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let header = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("header `{line}`"));
        (name.to_string(), value.to_string())
    };
    (head.split("\r\n").map(header).collect(), &part[end + 4..])
}

fn value<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    let named = headers.iter().find(|(other, _)| other == name);
    named.map_or("", |(_, value)| value.as_str())
}

fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let (mut decoded, mut rest) = (Vec::new(), text);
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'=', [b'\r', b'\n', after @ ..]) => rest = after,
            (b'=', [high, low, after @ ..]) => {
                decoded.extend(hex::decode([*high, *low]).unwrap());
                rest = after;
            }
            _ => decoded.push(byte),
        }
    }
    decoded
}

pub(super) fn mail(bytes: &[u8]) -> ReadMail {
    let (headers, body) = parted(bytes);
    let boundary = value(&headers, "Content-Type").split("boundary=\"").nth(1).unwrap();
    let boundary = format!("\r\n--{}", boundary.split('"').next().unwrap());
    let body = [b"\r\n", body].concat();
    let ends: Vec<usize> =
        (0..body.len()).filter(|at| body[*at..].starts_with(boundary.as_bytes())).collect();
    assert!(body[*ends.last().unwrap()..].starts_with(format!("{boundary}--").as_bytes()));
    let (mut text, mut files, mut types) = (String::new(), Vec::new(), Vec::new());
    for pair in ends.windows(2) {
        let part = &body[pair[0] + boundary.len() + 2..pair[1]];
        let (headers, content) = parted(part);
        let decoded = match value(&headers, "Content-Transfer-Encoding") {
            "base64" => {
                let plain: Vec<u8> =
                    content.iter().copied().filter(|byte| !b"\r\n".contains(byte)).collect();
                STANDARD.decode(plain).unwrap()
            }
            "quoted-printable" => quoted_printable(content),
            _ => content.to_vec(),
        };
        let disposition = value(&headers, "Content-Disposition");
        if disposition.is_empty() {
            text = String::from_utf8(decoded).unwrap();
        } else {
            let name = disposition.split("filename=\"").nth(1).unwrap_or(disposition);
            files.push((name.trim_end_matches('"').to_string(), decoded));
            types.push(value(&headers, "Content-Type").to_string());
        }
    }
    ReadMail { headers, text, files, types }
}

impl ReadBack {
    fn add_copy(&mut self, copy: &str) {
        self.copy.extend(copy.lines().map(str::to_string));
    }

    fn add_rsmf(&mut self, bytes: &[u8]) {
        let mail = mail(bytes);
        assert_eq!(value(&mail.headers, "X-RSMF-Version"), "2.0.0");
        let [(name, zip)] = mail.files.as_slice() else { panic!("one attachment") };
        assert_eq!(name, "rsmf.zip");
        let files: BTreeMap<String, Vec<u8>> = unzipped(zip).into_iter().collect();
        let manifest: Value = serde_json::from_slice(&files["rsmf_manifest.json"]).unwrap();
        self.add_copy(str::from_utf8(&files["messages.jsonl"]).unwrap());
        let (first, events) = manifest["events"].as_array().unwrap().split_first().unwrap();
        assert_eq!(first["type"], "disclaimer");
        for event in events {
            let mut said = Said { conversation: text(&event["conversation"]), ..Said::default() };
            said.id = text(&event["id"]);
            let (mut lacking, mut custom) = (Vec::new(), BTreeMap::new());
            for field in event["custom"].as_array().unwrap() {
                custom.insert(text(&field["name"]), text(&field["value"]));
            }
            // That of an edited message is another version, which may be the same.
            if event["type"] == "message" && !custom.contains_key("edited_1") {
                said.text = text(&event["body"]);
            }
            for (name, value) in &custom {
                match name.as_str() {
                    "text" => said.text = value.clone(),
                    name if name.starts_with("file_") => {
                        lacking.extend(value.ends_with("; missing").then(|| sum_in(value)));
                    }
                    _ => {}
                }
            }
            for file in event["attachments"].as_array().into_iter().flatten() {
                let sum = sha256(&files[file["id"].as_str().unwrap()]);
                assert!(text(&file["id"]).starts_with(&sum));
                said.files.push(sum);
            }
            said.files.extend(lacking);
            self.said.push(said.with(custom));
        }
        self.raw.push(manifest);
    }

    fn add_vcon(&mut self, bytes: &[u8]) {
        let vcon: Value = serde_json::from_slice(bytes).unwrap();
        let conversation = text(&vcon["verbatim"]["conversation"]);
        let mut said: BTreeMap<u64, Said> = BTreeMap::new();
        for dialog in vcon["dialog"].as_array().unwrap() {
            if dialog["type"] == "text" {
                let one = of_extension(&conversation, &dialog["verbatim"], text(&dialog["body"]));
                assert_eq!(one.id, text(&dialog["message_id"]));
                said.insert(u64::from(one.seq), one);
            }
        }
        for attachment in vcon["attachments"].as_array().unwrap() {
            if attachment["encoding"] == "json" {
                let body = &attachment["body"];
                let one = of_extension(&conversation, body, text(&body["text"]));
                said.insert(u64::from(one.seq), one);
            } else if attachment["filename"] == "messages.jsonl" {
                self.add_copy(attachment["body"].as_str().unwrap());
            } else {
                let about = &attachment["verbatim"];
                let sum = match attachment["body"].as_str() {
                    Some(body) => sha256(&URL_SAFE_NO_PAD.decode(body).unwrap()),
                    None => text(&about["sha256"]),
                };
                assert_eq!(text(&about["sha256"]), sum);
                said.get_mut(&about["seq"].as_u64().unwrap()).unwrap().files.push(sum);
            }
        }
        self.said.extend(said.into_values());
        self.raw.push(vcon);
    }

    fn add_eml(&mut self, bytes: &[u8]) {
        let mail = mail(bytes);
        let sums: Vec<String> = mail.files.iter().map(|(_, bytes)| sha256(bytes)).collect();
        let (_, copy) = mail.files.iter().find(|(name, _)| name == "messages.jsonl").unwrap();
        self.add_copy(str::from_utf8(copy).unwrap());
        let conversation = value(&mail.headers, "X-Verbatim-Conversation");
        for block in mail.text.split("\r\n\r\n").skip(1) {
            let mut said = Said { conversation: conversation.to_string(), ..Said::default() };
            let (mut written, mut custom) = (Vec::new(), BTreeMap::new());
            for line in block.split("\r\n").filter(|line| !line.is_empty()) {
                if let Some(text) = line.strip_prefix("    ") {
                    written.push(text);
                } else if let Some(file) = line.strip_prefix("- file: ") {
                    let sum = sum_in(file);
                    assert_eq!(sums.contains(&sum), !file.ends_with("; missing"), "{file}");
                    said.files.push(sum);
                } else if let Some(fields) = line.strip_prefix("- seq ") {
                    let fields = format!("seq {fields}");
                    for field in fields.split("; ") {
                        // What people read is no format: a name may have a semicolon in it.
                        if let Some((name, value)) = field.split_once(' ') {
                            custom.insert(name.to_string(), value.to_string());
                        }
                    }
                }
            }
            said.id = custom.get("id").cloned().unwrap_or_default();
            said.text = written.join("\n");
            self.said.push(said.with(custom));
        }
        self.raw.push(mail.text.into());
    }
}

impl Said {
    /// With what stands in fields of any order.
    fn with(mut self, mut fields: BTreeMap<String, String>) -> Said {
        let mut taken = |name: &str| fields.remove(name).unwrap_or_default();
        self.seq = taken("seq").parse().unwrap();
        self.kind = taken("kind");
        self.received_at = taken("received_at");
        self.leaf = taken("leaf");
        self.withheld = taken("withheld");
        fields.retain(|name, _| {
            let is_about_others = ["file_", "edited_", "retracted_", "read_"]
                .iter()
                .any(|begin| name.starts_with(begin));
            name != "text" && !is_about_others
        });
        self.fields = fields;
        self.files.sort();
        self
    }
}

/// A record by what a vCon says of it beside the draft's parameters.
fn of_extension(conversation: &str, extension: &Value, text_of: String) -> Said {
    let mut fields = BTreeMap::new();
    for (name, value) in extension["meta"].as_object().unwrap() {
        if !["conversation", "shop", "kind"].contains(&name.as_str()) {
            fields.insert(name.clone(), text(value));
        }
    }
    for (name, value) in extension["sender"].as_object().unwrap() {
        fields.insert(format!("sender_{name}"), text(value));
    }
    let withheld = extension["withheld"].as_object();
    let withheld: Vec<String> = ["sender", "body", "meta"]
        .iter()
        .filter_map(|part| Some(format!("{part}: {}", text(withheld?.get(*part)?))))
        .collect();
    for name in ["seq", "kind", "received_at", "leaf", "prev"] {
        fields.insert(name.to_string(), text(&extension[name]));
    }
    fields.insert("withheld".to_string(), withheld.join(", "));
    let id = text(&extension["meta"]["id"]);
    let said =
        Said { conversation: conversation.to_string(), id, text: text_of, ..Said::default() };
    said.with(fields)
}

/// A value as a text.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The hash that a line about a file names.
fn sum_in(line: &str) -> String {
    line.split("sha256 ").nth(1).unwrap().chars().take(64).collect()
}
