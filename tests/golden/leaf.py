"""Computes the leaves of leaf.json again, by docs/FORMATS.md alone. Exits 1 where one differs."""

import hashlib
import json
import pathlib
import sys


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def commitment(name, canonical, salt):
    salt_of_part = sha256(b"verbatim/salt/v2", name.encode(), salt)[:16]
    return sha256(salt_of_part, canonical.encode())


def leaf(vector, thread, seq, prev):
    salt = bytes.fromhex(vector["salt"])
    parts = [commitment(name, vector[name], salt) for name in ("sender", "body", "meta")]
    return b"".join([
        b"verbatim/leaf/v2",
        thread,
        seq.to_bytes(4, "big"),
        prev,
        vector["received_at_us"].to_bytes(8, "big", signed=True),
        bytes([vector["kind"]]),
        *parts,
    ])


def canonical(value):
    """RFC 8785 for what the parts hold: no floats, and names that sort alike in UTF-8 and UTF-16."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def differences(vectors):
    thread, prev = bytes(16), bytes(32)
    for seq, vector in enumerate(vectors, start=1):
        bytes_of_leaf = leaf(vector, thread, seq, prev)
        hash_of_leaf = sha256(b"\x00", bytes_of_leaf)
        computed = {"thread": thread.hex(), "seq": seq, "prev": prev.hex(),
                    "leaf": bytes_of_leaf.hex(), "hash": hash_of_leaf.hex()}
        for part in ("sender", "body", "meta"):
            computed[part] = canonical(json.loads(vector[part]))
        for name, value in computed.items():
            if vector[name] != value:
                yield f"record {seq}: {name} is {vector[name]}, computed {value}"
        if seq == 1:
            thread = hash_of_leaf[:16]
        prev = hash_of_leaf


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).with_name("leaf.json")
    vectors = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    found = list(differences(vectors))
    for difference in found:
        print(difference)
    print(f"{len(vectors)} leaves, {len(found)} differences")
    sys.exit(1 if found or not vectors else 0)


main()
