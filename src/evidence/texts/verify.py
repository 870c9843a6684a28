#!/usr/bin/env python3
"""Checks an evidence bundle with Python 3.8 or later and the command `openssl` 3.0 or later, offline. A bundle that wants to
deceive brings a verify.py that does: take this file from somebody you trust. Exit code: 0 when all seven steps hold, 10 + N
when step N fails, 2 when nothing could be checked."""
import argparse, base64, bisect, collections, contextlib, functools, hashlib, html, json, os, pathlib, re, struct
import subprocess, sys, tempfile, zlib
from datetime import datetime, timedelta
KINDS = """open message edit retract assign handoff queue pause resume resolve reopen tag untag rate_request rate read join
leave call rules hold release erase access""".split()
SHOWN, ABSENT = ["attachments.jsonl", "messages.csv", "messages.jsonl", "transcript.html"], ("damaged", "missing")
USUAL, SAID = ("automatic: false", "origin: live", "visibility: public"), ("conversation", "kind", "shop")
FRAME_LINES, FRAME_SHA256 = 32, "434f4d5427e1c3ca8a71f744bf5c9a0baa7a7386ba7b6a722d2bf7d8e7ac09cc"
UNSEEN = ("[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u200e\u200f"
          "\u2028-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
          "\U000e0000-\U000e0fff]|\u200d(?![\u2190-\u2bff\U0001f000-\U0001faff])")
NAME, BASE64, PLAIN = "[!-*,-~]+", "[A-Za-z0-9+/]+={0,2}", "[A-Za-z0-9][A-Za-z0-9._-]*"
matches = lambda pattern, text: isinstance(text, str) and re.fullmatch(pattern, text)
sha256 = lambda *parts: hashlib.sha256(b"".join(parts)).digest()
shown = lambda text: re.sub(UNSEEN, lambda char: f"<b>U+{ord(char[0]):04X}</b>", html.escape(text).replace("\n", "&#10;"))
node = lambda left, right: sha256(b"\1", left, right)  # RFC 6962
depth = lambda it: 1 + max(map(depth, it.values() if type(it) is dict else it), default=0) if type(it) in (dict, list) else 0
dumps = functools.partial(json.dumps, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
def require(holds, why):
    if not holds: raise ValueError(why)
def unhex(text, count):
    require(matches("[0-9a-f]*", text) and len(text) == 2 * count, f"`{text}` is not {count} bytes in hex")
    return bytes.fromhex(text)
def unbase64(text, count):
    found = base64.b64decode(text + "=" * (-len(text) % 4))
    require(base64.b64encode(found).decode() == text and len(found) == count, f"`{text}` is not {count} bytes in base64")
    return found
def integer(text):
    require(matches("0|[1-9][0-9]{0,15}", text) and int(text) < 2 ** 53, f"`{text}` is not an integer that everybody reads")
    return int(text)
def canonical(text, where):
    """The value of RFC 8785 JSON without fractions: there is one way to write it, so it says the same to every reader."""
    value = json.loads(text, parse_int=integer, parse_float=integer, parse_constant=integer)
    require(type(value) is dict and dumps(value).encode() == text.encode() and depth(value) <= 32, f"{where} is not canonical")
    return value
def unzipped(path):
    """The files of a zip exactly as verbatim writes it: stored, sorted, nothing before, between or behind them."""
    end = len(data := pathlib.Path(path).read_bytes()) - 22
    count, start = struct.unpack_from("<H", data, end + 10)[0], struct.unpack_from("<L", data, end + 16)[0]
    at, central, last, folder, files = 0, start, b"", None, {}
    for _ in range(min(count, 65534)):  # more take zip64
        crc, size, _, length = struct.unpack_from("<LLLH", data, central + 16)
        name = data[central + 46:central + 46 + length]
        fields = struct.pack("<5H3L2H", 10, 0, 0, 0, 0x21, crc, size, size, length, 0)
        head = b"PK\3\4" + fields + name
        entry = b"PK\1\2\x14\3" + fields + struct.pack("<3H2L", 0, 0, 0, 0o100644 << 16, at) + name
        begin, found = at + len(head), re.fullmatch(f"({PLAIN})/((?:{PLAIN}/)*{PLAIN})".encode(), name)
        require(data[at:begin] == head and data[central:central + len(entry)] == entry and begin + size <= start
                and zlib.crc32(data[begin:begin + size]) == crc and name > last and length < 256 and found and
                folder in (None, found[1]), f"the zip is not one that verbatim writes, at {name[:80]!r}")
        folder, files[found[2].decode()] = found[1], lambda begin=begin, size=size: data[begin:begin + size]
        at, central, last = begin + size, central + len(entry), name
    tail = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, end - start, start, 0)
    require(at == start and central == end < 2 ** 32 - 22 and data[end:] == tail, "the zip is not one that verbatim writes")
    return files
def unpacked(folder):
    def fail(error): raise error  # a folder that cannot be listed is not empty
    paths = [pathlib.Path(at, name) for at, folders, names in os.walk(folder, onerror=fail) for name in folders + names]
    for at in paths: require(at.is_file() | at.is_dir() and not at.is_symlink() and matches(PLAIN, at.name), f"no bundle has {at}")
    return {path.relative_to(folder).as_posix(): path.read_bytes for path in paths if path.is_file()}
class Key:
    """An Ed25519 key, and the notes (C2SP signed-note) that it signed."""
    def __init__(self, vkey):
        found = matches(f"({NAME})\\+([0-9a-f]{{8}})\\+({BASE64})\n", vkey)
        require(found, f"`{vkey.strip()}` is no key")
        self.line, self.name, self.id, key = vkey, found[1], unhex(found[2], 4), unbase64(found[3], 33)
        y = int.from_bytes(key[1:], "little") % 2 ** 255  # a key of small order would seem to have signed anything
        strong = y * (y * y - 1) * (121665 * y ** 4 - 121666 * (2 * y * y - 1)) % (2 ** 255 - 19) != 0
        require(strong and key[0] == 1 and sha256(self.name.encode(), b"\n", key)[:4] == self.id, f"`{vkey.strip()}` is no key")
        self.der = bytes.fromhex("302a300506032b6570032100") + key[1:]
        self.pem = f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(self.der).decode()}\n-----END PUBLIC KEY-----\n"
    def opened(self, note, where):
        text, _, block = note.rpartition("\n\n")
        found = [matches(f"— ({NAME}) ({BASE64})", line) for line in block.split("\n")[:-1]]
        require(text and all(found) and block.endswith("\n") and len(found) <= 16, f"{where} is not a signed note")
        own = [sig for sig in (unbase64(line[2], 68) for line in found if line[1] == self.name) if sig[:4] == self.id]
        require(len(own) == 1, f"{where} is not signed once by {self.name}")
        with tempfile.TemporaryDirectory() as folder:
            for name, content in ("key", self.pem.encode()), ("text", (text + "\n").encode()), ("signature", own[0][4:]):
                pathlib.Path(folder, name).write_bytes(content)
            command = "openssl pkeyutl -verify -pubin -inkey key -rawin -in text -sigfile signature".split()
            ran = subprocess.run(command, cwd=folder, capture_output=True)
        require(ran.returncode == 0, f"the signature of {self.name} under {where} is false")
        return text + "\n"
    def checkpoint(self, note, where):
        name, size, root, *_ = self.opened(note, where).split("\n")
        require(name == self.name and integer(size) > 0, f"{where} is not a checkpoint of {self.name}")
        return integer(size), unbase64(root, 32)
def succeed(keys, previous):
    """Adds those before the first of the keys, each of which signed that the next one goes on with its log."""
    for said in reversed(previous):
        old, new = Key(said["vkey"] + "\n"), keys[-1]
        text = old.opened(said["statement"], "a statement")
        go_on = f"{new.name}\nverbatim/ledger-key-rotated/v1\n{integer(text.splitlines()[2])}\n{old.line}{new.line}"
        require(text == go_on and old.name == new.name, "a key says otherwise")
        keys.append(old)
def root_of(low, high, leaves, rest):
    """The root over leaves (index, hash), sorted; `rest` gives the hash of each subtree that has none of them."""
    if not leaves or high - low == 1:
        return leaves[0][1] if leaves else next(rest)
    middle = low + (1 << ((high - low - 1).bit_length() - 1))
    split = bisect.bisect_left(leaves, (middle,))
    return node(root_of(low, middle, leaves[:split], rest), root_of(middle, high, leaves[split:], rest))
def roots_of(old, new, old_root, rest):
    """Roots of the tree of `old` leaves and of that of `new` which begins with it; `old_root` where it is known."""
    if old == new:
        return [old_root or next(rest)] * 2
    left = 1 << ((new - 1).bit_length() - 1)
    before, after = roots_of(old, left, old_root, rest) if old <= left else roots_of(old - left, new - left, None, rest)
    other = next(rest)
    return [before, node(after, other)] if old <= left else [node(other, before), node(other, after)]
class Row:
    """A record, from its line in messages.jsonl. A part of it is disclosed with its salt, or is a commitment alone."""
    def __init__(self, line, where):
        row, self.withheld, parts, hashes = canonical(line, where), {}, {}, []
        for name in ("sender", "body", "meta"):
            part, parts[name] = row["parts"][name], {}
            if "salt" in part:
                parts[name], fields = canonical(part["canonical"], where), {"canonical", "salt"}
                hashes.append(sha256(unhex(part["salt"], 16), part["canonical"].encode()))
            else:
                fields = {"commitment", "why", "role"} & {*part} if name == "sender" else {"commitment", "why"}
                self.withheld[name] = part["why"]
                hashes.append(unhex(part["commitment"], 32))
            require({*part} == fields and {*map(type, part.values())} == {str}, f"the {name} of {where} is not one")
        self.__dict__.update(row, **parts, files=parts["body"].get("attachments", []))
        if not self.sender and "role" in row["parts"]["sender"]:
            self.sender = {"role": row["parts"]["sender"]["role"] + "?"}
        leaf = sha256(b"\0verbatim/leaf/v2", unhex(self.thread, 16), self.seq.to_bytes(4, "big"), unhex(self.prev, 32),
                      self.received_at_us.to_bytes(8, "big"), bytes([self.kind]), *hashes).hex()
        require(leaf == self.leaf, f"{where} is not what was committed to at receipt")
        values = self.kind, self.seq, self.received_at_us, self.files, self.zone, *(self.meta.get(name, "") for name in SAID)
        require([*map(type, values)] == [int, int, int, list] + 4 * [str] and len(row) == 8 and len(row["parts"]) == 3
                and self.seq and 0 < self.kind < 25 and self.meta.get("kind", KINDS[self.kind - 1]) == KINDS[self.kind - 1] and
                len(line.encode()) < 4 << 20 and all(type(each.get("sha256")) is str for each in self.files), f"{where} is none")
    def cells(self):
        sign, hours, minutes = matches("([+-])([01][0-9]):([0-5][0-9])", self.zone).groups()
        local = timedelta(microseconds=self.received_at_us, minutes=int(sign + "1") * (int(hours) * 60 + int(minutes)))
        about = [f"{name}: {value if type(value) is str else dumps(value)}" for name, value in sorted(self.meta.items())
                 if name not in SAID]
        return [self.meta.get("conversation", ""), str(self.seq),
                (datetime(1970, 1, 1) + local).isoformat(" ", "microseconds") + self.zone,
                KINDS[self.kind - 1], self.sender["role"] if self.sender else "", self.sender.get("id", ""),
                self.sender.get("name", ""), self.body.get("text", ""),
                "; ".join(file["name"] for file in self.files), "; ".join(each for each in about if each not in USUAL),
                "; ".join(f"{name}: {why}" for name, why in self.withheld.items()), self.leaf]
def steps(path, vkey, held):
    files = unpacked(path) if os.path.isdir(path) else unzipped(path)
    read = lambda name: bytes(files[name]()).decode()
    lines = lambda name: re.findall("(.*)\n|(?s:.+)", read(name))  # what follows the last line feed is an empty line
    names, payload = sorted(files), sorted(name for name in files if name.startswith("data/"))
    bins = {f"data/attachments/{index + 1:06}.bin" for index in range(len(payload) - len(SHOWN))}
    right = {*payload} == bins | {"data/" + name for name in SHOWN} and len({name.lower() for name in names}) == len(names)
    require(right, "files are missing, or are there that a bundle does not have")
    sums = {name: hashlib.sha256(files[name]()).hexdigest() for name in names}
    tags = [name for name in names if name not in payload + ["bundle.sig", "tagmanifest-sha256.txt"]]
    for manifest, listed in ("manifest-sha256.txt", payload), ("tagmanifest-sha256.txt", tags):
        wanted, found = [f"{sums[name]}  {name}" for name in listed] + [""], read(manifest).split("\n")
        require(found == wanted, f"`{min({*wanted} - {*found}, default=manifest)[66:]}` is not what {manifest} says")
    keys, seal = [key := Key(read("proofs/log.vkey"))], f"verbatim evidence bundle v1\n{sums['tagmanifest-sha256.txt']}\n"
    with contextlib.suppress(Exception): succeed(keys, canonical(*lines("proofs/keys.json"), "keys.json")["previous"])
    require(not vkey or vkey in [each.line for each in keys], f"it is sealed by `{key.line.strip()}`, not by the key you gave")
    require(read("proofs/log.pub.pem") == key.pem, "proofs/log.pub.pem is another key than proofs/log.vkey")
    require(key.opened(read("bundle.sig"), "bundle.sig") == seal, "bundle.sig seals another bundle")
    whose = ", which only the bundle says" if not vkey else "" if vkey == key.line else ", which yours named its successor"
    yield f"the {len(names)} files are what {key.name} sealed (SHA-256 of its key: {sha256(key.der).hex()}{whose})"
    size, root = key.checkpoint(read("proofs/checkpoint"), "proofs/checkpoint")
    yield f"{key.name} signed a log of {size} records"
    old, result = None, "no earlier checkpoint was given to compare with"
    if "proofs/consistency.txt" in files:
        title, count, old_root, *hashes = lines("proofs/consistency.txt")
        old, rest = (integer(count), unbase64(old_root, 32)), (unbase64(each, 32) for each in hashes)
        grown = title == "verbatim consistency v1" and 0 < old[0] <= size and roots_of(old[0], size, old[1], rest)
        require(grown == [old[1], root] and not [*rest], f"the log does not go on from its first {old[0]} records")
        result = f"the log goes on from its first {old[0]} records"
    if held is not None:
        signer = next((each for each in keys if base64.b64encode(each.id)[:5].decode() in held), key)
        known = signer.checkpoint(held, "the checkpoint that you gave")
        require(known in (old, (size, root)), f"nothing shows that the log goes on from your {known[0]} records")
        result = f"the log goes on from your {known[0]} records, which stand as they stood"
    yield result
    rows = [Row(line, f"line {number}") for number, line in enumerate(lines("data/messages.jsonl"), 1)]
    named = [dict(file, leaf=row.leaf) for row in rows for file in row.files]
    listed = [canonical(line, "attachments.jsonl") for line in lines("data/attachments.jsonl")]
    for file, row in zip(named, listed):
        file["file"] = row["file"]
        require(row["file"] in ABSENT or sums[row["file"]] == row["sha256"], f"`{row['file']}` is not what a message names")
    require(list(map(dumps, named)) == lines("data/attachments.jsonl") and rows
            and bins == {row["file"] for row in listed} - {*ABSENT}, "attachments.jsonl lists other files than the messages")
    yield f"the {len(rows)} records are what was committed to at receipt"
    proof = canonical(*lines("proofs/proof.json"), "proofs/proof.json")
    leaves, hashes, rest = proof["leaves"], proof["hashes"], (unhex(each, 32) for each in proof["hashes"])
    right = [*map(type, (hashes, leaves, proof["size"], *leaves))] == [list, list, int] + len(rows) * [int] and len(proof) == 3
    require(right and proof["size"] == size > max(leaves) and len({*leaves}) == len(rows), "the proof is of other records")
    found = root_of(0, size, sorted(zip(leaves, (bytes.fromhex(row.leaf) for row in rows))), rest)
    require(found == root and not [*rest], "the records are not in the log that was signed")
    yield "they are all in that log"
    said, chats = canonical(*lines("custody/completeness.json"), "completeness.json"), []
    for number, row in enumerate(rows, 1):
        if row.seq == 1: chats.append({"conversation": None, "last_leaf": "0" * 64, "records": 0, "thread": "0" * 32})
        chat, name = chats[-1], row.meta.get("conversation", chats[-1]["conversation"])
        follows = (row.seq, row.prev, row.thread) == (chat["records"] + 1, chat["last_leaf"], chat["thread"])
        require(follows and chat["conversation"] in (None, name) and row.meta.get("shop", said["shop"]) == said["shop"],
                f"line {number} does not follow the line before it")
        chat.update(conversation=name, last_leaf=row.leaf, records=row.seq, thread=row.leaf[:32] if row.seq < 2 else row.thread)
    counts = [collections.Counter(words) for words in ((why for row in rows for why in row.withheld.values()),
              (row["file"] if row["file"] in ABSENT else "present" for row in listed),
              (why for row in rows for why in {*row.withheld.values()}))]
    told = ", ".join(f"{count} as {why}" for why, count in sorted(counts[2].items())) or "none"
    erased = [row.leaf for row in rows if "erased" in row.withheld.values()]
    wanted = dict(said, checkpoint={"origin": key.name, "size": size}, conversations=chats, files=counts[1], withheld=counts[0],
                  holes=[f"{count} attachments are {word}" for word, count in sorted(counts[1].items()) if word in ABSENT],
                  erased=[dict(each, leaf=leaf) for each, leaf in zip(said["erased"], erased)])
    require(dumps(wanted) == dumps(said) and len(erased) == len(said["erased"]), "completeness.json counts something else")
    yield f"no record of {len(chats)} conversations is missing up to the last one here (records with parts withheld: {told})"
    table = ["conversation seq received_at kind role sender name text files about withheld leaf".split()]
    page, rest = lines("data/transcript.html"), iter(listed)
    for number, row in enumerate(rows, FRAME_LINES):
        cells = list(map(shown, plain := row.cells()))
        table.append([re.sub("^(?=[-=+@;\t\r\n＝＋－＠])", "'", cell) for cell in plain])
        links = [(next(rest)["file"].replace("data/", ""), shown(file["name"])) for file in row.files]
        cells[8] = "<br>".join(f'<a href="{path}"><img src="{path}" alt="">{name}</a>' for path, name in links)
        line = f'<tr class="{cells[3]}" id="{cells[11]}"><td>' + "<td>".join(cells[:11]) + "</tr>"
        require(page[number] == line, f"data/transcript.html says something else of record {cells[1]} of {cells[0]}")
    table = "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\r\n" for cells in table)
    require("\ufeff" + table == read("data/messages.csv"), "data/messages.csv says something else")
    frame = "\n".join(page[:FRAME_LINES] + page[FRAME_LINES + len(rows):])
    require(sha256(frame.encode()).hex() == FRAME_SHA256, "the frame of data/transcript.html says something else")
    yield "the table and the transcript say the same as data/messages.jsonl"
def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", nargs="?", default=os.path.dirname(os.path.abspath(__file__)), help="zip or folder")
    parser.add_argument("--vkey", help="the key of the log, or a file with it, from elsewhere than the bundle")
    parser.add_argument("--checkpoint", help="a file with a checkpoint of the log that you kept")
    sys.stdout.reconfigure(errors="backslashreplace")
    given, number, text = parser.parse_args(), 0, lambda path: pathlib.Path(path).read_bytes().decode()
    try:
        key, held = given.vkey, None if given.checkpoint is None else text(given.checkpoint)
        vkey, number = key is not None and Key((text(key) if os.path.isfile(key) else key).strip(" \t\r\n") + "\n").line, 1
        for number, sentence in enumerate(steps(given.bundle, vkey, held), 2):
            print(f"step {number - 1} holds: {sentence}")
    except Exception as error:
        if number == 0 or isinstance(error, OSError): sys.exit(print(f"nothing could be checked: {error}") or 2)
        sys.exit(print(f"step {number} FAILS: {error}") or 10 + number)
if __name__ == "__main__": main()
