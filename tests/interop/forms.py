"""forms.py BUNDLE FORM ZIP: whether the files of a form hold what their bundle discloses, judged with nothing of ours.

Mails are read by Python's `email`, zips by `zipfile`, signatures by openssl. VERBATIM_SCHEMAS names a folder with the published
schemas, `rsmf_schema_2_0_0.json` (github relativitydev/rsmf-validator-samples) and `vcon_json_schema.json` (github
ietf-wg-vcon/draft-ietf-vcon-vcon-core); they are not ours to hand on, so without them, or without `jsonschema`, that part is
skipped and said so.
"""

import base64
import email
import email.policy
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import uuid
import zipfile
from collections import Counter
from pathlib import Path

SCHEMAS = {"rsmf": "rsmf_schema_2_0_0.json", "vcon": "vcon_json_schema.json"}
# What people read in a mail is shown by its number where it would not be seen.
PLAIN = set(map(chr, range(0x20, 0x7F))) | {chr(point) for point in range(0x4E00, 0x9FA6)}


def check(holds, what):
    if not holds:
        sys.exit(f"{sys.argv[2]}: {what}")


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Bundle:
    """What the other side may see, by the evidence copy."""

    def __init__(self, path):
        archive = zipfile.ZipFile(path)
        inner = {name.split("/", 1)[1]: name for name in archive.namelist()}
        self.lines = archive.read(inner["data/messages.jsonl"]).decode().splitlines()
        listed = [json.loads(line) for line in archive.read(inner["data/attachments.jsonl"]).decode().splitlines()]
        self.attached = Counter(one["sha256"] for one in listed if one["file"].startswith("data/"))
        self.texts = {}
        for line in self.lines:
            row = json.loads(line)
            body = json.loads(row["parts"]["body"].get("canonical", "{}"))
            self.texts[row["leaf"]] = body.get("text")

    def check(self, lines, texts, attached):
        """What was read of a form: evidence copies, each record's text by its leaf, hashes of files."""
        check(sorted(lines) == sorted(self.lines), "its evidence copies are not the bundle's")
        check(texts.keys() == self.texts.keys(), "its records are not the bundle's")
        for leaf, text in self.texts.items():
            check((text or "") == (texts[leaf] or ""), f"the text of {leaf} is {texts[leaf]!r}, not {text!r}")
        check(attached.keys() == self.attached.keys(), "its files are not those of the bundle")
        for sum, count in self.attached.items():
            check(1 <= attached[sum] <= count, f"{sum} is there {attached[sum]} times")


def schema_of(form):
    folder = os.environ.get("VERBATIM_SCHEMAS")
    if not folder:
        print(f"skipped: the schema of {form}, since VERBATIM_SCHEMAS names no folder with it")
        return None
    try:
        import jsonschema
    except ImportError:
        print(f"skipped: the schema of {form}, since there is no jsonschema")
        return None
    schema = json.loads((Path(folder) / SCHEMAS[form]).read_text())
    checker = jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())
    return schema, checker


def conforms(schema, value, name):
    if schema:
        wrong = [f"{list(error.path)}: {error.message}" for error in schema[1].iter_errors(value)]
        check(not wrong, f"{name} does not conform: {wrong[:3]}")


def undefined(schema, value, path=""):
    """Names in `value` that its schema does not know: Relativity's validator warns of them."""
    if schema.get("type") == "array":
        return [name for item in value for name in undefined(schema["items"], item, path + "[]")]
    if schema.get("type") != "object":
        return []
    known = schema["properties"]
    names = [f"{path}.{name}" for name in value if name not in known]
    return names + [found for name in value if name in known for found in undefined(known[name], value[name], f"{path}.{name}")]


def mail_of(data, name):
    mail = email.message_from_bytes(data, policy=email.policy.default)
    for part in mail.walk():
        check(not part.defects, f"{name}: {part.defects}")
        for header, value in part.items():
            check(not value.defects, f"{name}: {header}: {value.defects}")
            check("\n" not in str(value) and "\r" not in str(value), f"{name}: {header} has lines")
    check(mail["MIME-Version"] == "1.0" and mail["From"].addresses and mail["Date"].datetime and mail["Message-ID"], f"{name} has not the headers of a mail")
    check(all(len(line) <= 998 for line in data.split(b"\r\n")), f"{name} has lines that are too long")
    check(data.count(b"\n") == data.count(b"\r\n"), f"{name} has lines that do not end as those of mails do")
    return mail


def rsmf(files, bundle):
    schema = schema_of("rsmf")
    lines, texts, attached = [], {}, Counter()
    for name, data in files.items():
        check(name.endswith(".rsmf"), f"{name} is no .rsmf")
        mail = mail_of(data, name)
        check(mail["X-RSMF-Version"] == "2.0.0", f"{name} says no version")
        body, *others = list(mail.iter_parts())
        check(body.get_content_type() == "text/plain" and len(others) == 1, f"{name} has {len(others)} attachments")
        part = others[0]
        check(part.get_filename() == "rsmf.zip" and part["Content-Transfer-Encoding"] == "base64", f"{name} has no rsmf.zip")
        check(part["Content-Disposition"].content_disposition == "attachment", f"{name}: rsmf.zip is not attached")
        archive = zipfile.ZipFile(io.BytesIO(part.get_content()))
        check(archive.testzip() is None, f"{name}: rsmf.zip is damaged")
        manifest = json.loads(archive.read("rsmf_manifest.json"))
        conforms(schema, manifest, name)
        if schema:
            check(not undefined(schema[0], manifest), f"{name} has {undefined(schema[0], manifest)}, which no schema knows")
        people = {one["id"] for one in manifest["participants"]}
        check(len(people) == len(manifest["participants"]), f"{name} has participants of one id")
        [conversation] = manifest["conversations"]
        check(set(conversation["participants"]) <= people, f"{name}: a participant of the conversation is none")
        events = manifest["events"]
        ids = Counter(event["id"] for event in events if "id" in event)
        check(not ids or max(ids.values()) == 1, f"{name} has events of one id")
        check(str(len(events)) == mail["X-RSMF-EventCount"] and len(events) <= 10_000, f"{name} counts its events otherwise")
        check(manifest["eventcollectionid"] == mail["X-RSMF-EventCollectionID"], f"{name} names two collections")
        named = {"rsmf_manifest.json"}
        for event in events:
            check(event["conversation"] == conversation["id"], f"{name}: an event of no conversation")
            check(event.get("participant") in people | {None}, f"{name}: an event of nobody")
            check(event.get("parent") in ids.keys() | {None}, f"{name}: an event of no parent")
            for later in event.get("edits", []) + event.get("read_receipts", []):
                check(later["participant"] in people, f"{name}: a change by nobody")
            named |= {one["id"] for one in event.get("attachments", [])}
        check(set(archive.namelist()) == named, f"{name}: the zip has {archive.namelist()}, and {named} are named")
        first, *events = events
        check(first["type"] == "disclaimer" and first["body"], f"{name} does not say first what it is")
        lines += archive.read("messages.jsonl").decode().splitlines()
        for event in events:
            custom = {one["name"]: one["value"] for one in event["custom"]}
            is_body = event["type"] == "message" and "edited_1" not in custom
            texts[custom["leaf"]] = event["body"] if is_body else custom.get("text")
            for one in event.get("attachments", []):
                data = archive.read(one["id"])
                check(len(data) == one["size"], f"{name}: {one['id']} has another size")
                attached[sha256(data)] += 1
        shown = re.findall(r"^- seq .*; leaf ([0-9a-f]{64});", body.get_content(), re.MULTILINE)
        check(shown == [json.loads(line)["leaf"] for line in archive.read("messages.jsonl").decode().splitlines()],
              f"{name}: its text has not each record")
    bundle.check(lines, texts, attached)


def verified(signed, plain, name):
    """The JWS of a vCon, by openssl."""
    [signature] = signed["signatures"]
    protected = json.loads(unpadded(signature["protected"]))
    check(protected == {"alg": "RS256"}, f"{name} is signed by {protected}")
    check(not protected.keys() & signature["header"].keys(), f"{name} names a parameter twice")
    check(unpadded(signed["payload"]) == plain, f"{name} signs something else")
    check(signature["header"]["uuid"] == json.loads(plain)["uuid"], f"{name} names another uuid")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "der").write_bytes(base64.b64decode(signature["header"]["x5c"][0]))
        (folder / "input").write_text(f"{signature['protected']}.{signed['payload']}")
        (folder / "signature").write_bytes(unpadded(signature["signature"]))
        key = subprocess.run(["openssl", "x509", "-inform", "der", "-in", folder / "der", "-pubkey", "-noout"], check=True, capture_output=True)
        (folder / "key").write_bytes(key.stdout)
        told = subprocess.run(["openssl", "dgst", "-sha256", "-verify", folder / "key", "-signature", folder / "signature", folder / "input"],
                              capture_output=True)
        check(b"Verified OK" in told.stdout, f"{name}: the signature does not hold")


def vcon(files, bundle):
    schema = schema_of("vcon")
    lines, texts, attached, signed_count = [], {}, Counter(), 0
    plain = {name: data for name, data in files.items() if not name.endswith(".signed.vcon")}
    for name, data in plain.items():
        vcon = json.loads(data)
        conforms(schema, vcon, name)
        check(uuid.UUID(vcon["uuid"]).version == 8, f"{name} has a uuid of another version")
        signed = files.get(name.removesuffix(".vcon") + ".signed.vcon")
        if signed:
            verified(json.loads(signed), data, name)
            signed_count += 1
        parties, dialog = range(len(vcon["parties"])), range(len(vcon["dialog"]))
        for one in vcon["dialog"]:
            check(all(party in parties for party in one.get("parties", [])), f"{name}: a dialog of nobody")
            check(all(event["party"] in parties for event in one.get("party_history", [])), f"{name}: nobody came or went")
            check(("body" in one) == ("encoding" in one) == ("mediatype" in one), f"{name}: a dialog without its encoding")
            if one["type"] == "text":
                texts[one["verbatim"]["leaf"]] = one.get("body")
        for one in vcon["attachments"]:
            check(one["party"] in parties and one["dialog"] in dialog, f"{name}: an attachment of nobody or nothing")
            body = one.get("body")
            if body is None:
                check("lacking" in one["verbatim"], f"{name}: an attachment is not there, and nobody says why")
                continue
            content = {"none": lambda: body.encode(), "base64url": lambda: unpadded(body)}.get(one["encoding"])
            if content:
                digest = base64.urlsafe_b64encode(hashlib.sha512(content()).digest()).decode().rstrip("=")
                check(one["content_hash"] == f"sha512-{digest}", f"{name}: an attachment is not what its hash says")
            if one["encoding"] == "json":
                texts[body["leaf"]] = body.get("text")
            elif one["filename"] == "messages.jsonl":
                lines += body.splitlines()
            else:
                attached[sha256(content())] += 1
    bundle.check(lines, texts, attached)
    if signed_count:
        print(f"{signed_count} signatures hold for openssl")


def eml(files, bundle):
    lines, texts, attached = [], {}, Counter()
    for name, data in files.items():
        mail = mail_of(data, name)
        body, *others = list(mail.iter_parts())
        check(body.get_content_type() == "text/plain", f"{name} has no text")
        names = [part.get_filename() for part in others]
        check(len(set(names)) == len(names) and not any("/" in one or "\\" in one for one in names), f"{name}: {names}")
        copy = others[names.index("messages.jsonl")].get_content().decode().splitlines()
        lines += copy
        for part in others:
            if part.get_filename() != "messages.jsonl":
                check(part["Content-Transfer-Encoding"] == "base64", f"{name}: a file is not in base64")
                content = part.get_payload(decode=True)
                attached[sha256(content)] += 1
        # Blocks of the text: what was written is indented, the last line has the fields.
        for block in body.get_content().replace("\r\n", "\n").split("\n\n")[1:]:
            block = block.strip("\n").split("\n")
            fields = dict(field.split(" ", 1) for field in block[-1].removeprefix("- ").split("; ") if " " in field)
            text = "\n".join(line[4:] for line in block if line.startswith("    "))
            expected = bundle.texts[fields["leaf"]] or ""
            is_plain = set(expected.replace("\n", "")) <= PLAIN
            texts[fields["leaf"]] = text if is_plain else expected
    bundle.check(lines, texts, attached)


def main():
    bundle, form, path = sys.argv[1:]
    archive = zipfile.ZipFile(path)
    files = {name.split("/", 1)[1]: archive.read(name) for name in archive.namelist()}
    check(files and not any("/" in name for name in files), f"it has {list(files)}")
    {"rsmf": rsmf, "vcon": vcon, "eml": eml}[form](files, Bundle(bundle))
    print(f"{len(files)} files of {form} hold what their bundle discloses")


main()
