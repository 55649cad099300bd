#!/usr/bin/python3
"""Files of Python's own library: small.py FOLDER, keys on standard input.

Each line of the input is a name and a key. For each, FOLDER/FORMAT/NAME is written: a
record with the key in its middle."""
import datetime, io, marshal, os, pickle, plistlib, py_compile, quopri, sqlite3, struct, sys, tarfile, tempfile, textwrap, zipfile
from email.message import EmailMessage
from email.policy import SMTP

out = sys.argv[1]


def put(form, name, data):
    if isinstance(data, str):
        data = data.encode()
    os.makedirs(f"{out}/{form}", exist_ok=True)
    with open(f"{out}/{form}/{name}", "wb") as f:
        f.write(data)


def record(key):
    return {"id": 4711, "provider": "stripe", "api_key": key, "currency": "eur", "created": "2026-01-31T00:00:00Z"}


def varint(n):
    b = b""
    while n > 127:
        b, n = b + bytes([n & 127 | 128]), n >> 7
    return b + bytes([n])


def text(tag, s):
    return bytes([tag]) + varint(len(s)) + s.encode()


def pickles(name, key):
    for p in range(6):
        put(f"pickle {p}", name, pickle.dumps([record("x" * 12), record(key)], p))


def compiled(name, key):
    with tempfile.TemporaryDirectory() as d:
        with open(d + "/m.py", "w") as f:
            f.write(f"import os\n\nRETRIES = 3\nAPI_KEY = {key!r}\nBASE = 'https://api.example.com'\n\ndef call(path):\n    return BASE + path, API_KEY, {key[:8]!r}\n")
        py_compile.compile(d + "/m.py", d + "/m.pyc", doraise=True)
        put("pyc", name, open(d + "/m.pyc", "rb").read())
    put("marshal", name, marshal.dumps(record(key)))


def tables(name, key):
    for form, wal, delete in (("SQLite rows", False, False), ("SQLite WAL", True, False), ("SQLite freed", False, True)):
        with tempfile.TemporaryDirectory() as d:
            db = sqlite3.connect(d + "/x.db")
            db.execute("pragma secure_delete=0")
            if wal:
                db.execute("pragma journal_mode=wal")
            db.execute("create table account(id integer primary key, provider text, api_key text, created text)")
            rows = [("paypal", "none", "2025-12-24"), ("stripe", key, "2026-01-01T00:00:00Z"), ("adyen", "none", "2026-02-01")]
            db.executemany("insert into account(provider, api_key, created) values(?,?,?)", rows)
            db.commit()
            if delete:
                db.execute("delete from account where provider='stripe'")
                db.commit()
            put(form, name, open(d + ("/x.db-wal" if wal else "/x.db"), "rb").read())
            db.close()
    db = sqlite3.connect(":memory:")
    db.execute("create table secret(value text)")
    db.executemany("insert into secret values(?)", [("first value",), (key,), ("third value",)])
    put("SQLite one column", name, db.serialize())


def plists(name, key):
    put("plist binary", name, plistlib.dumps(record(key), fmt=plistlib.FMT_BINARY))
    put("plist data", name, plistlib.dumps({"config": ("STRIPE=" + key).encode(), "n": 1}))


def by_hand(name, key):
    inner = text(0x0A, "stripe") + text(0x12, key) + text(0x1A, "eur") + b"\x20\x07"
    put("protobuf", name, text(0x0A, "shop") + b"\x12" + varint(len(inner)) + inner + text(0x1A, "2026-01-31"))
    s = lambda t: (bytes([0xA0 | len(t)]) if len(t) < 32 else bytes([0xD9, len(t)])) + t.encode()
    put("MessagePack", name, b"\x84" + b"".join(s(t) for t in ("provider", "stripe", "api_key", key, "currency", "eur", "created", "2026-01-31")))
    s = lambda t: (bytes([0x60 | len(t)]) if len(t) < 24 else bytes([0x78, len(t)])) + t.encode()
    put("CBOR", name, b"\xa4" + b"".join(s(t) for t in ("provider", "stripe", "api_key", key, "currency", "eur", "created", "2026-01-31")))
    s = lambda t: bytes([2 * len(t)]) + t.encode() if len(t) < 64 else varint(2 * len(t)) + t.encode()
    put("Avro", name, varint(2 * 4711) + s("stripe") + s(key) + s("eur") + s("2026-01-31"))
    s = lambda i, t: b"\x0b" + struct.pack(">hi", i, len(t)) + t.encode()
    put("Thrift binary", name, s(1, "stripe") + s(2, key) + s(3, "eur") + b"\x00")
    s = lambda t: b"\x18" + varint(len(t)) + t.encode()
    put("Thrift compact", name, s("stripe") + s(key) + s("eur") + b"\x00")
    s = lambda k, t: b"\x02" + k.encode() + b"\0" + struct.pack("<i", len(t) + 1) + t.encode() + b"\0"
    body = s("provider", "stripe") + s("api_key", key) + s("currency", "eur")
    put("BSON", name, struct.pack("<i", len(body) + 5) + body + b"\0")
    s = lambda t: struct.pack(">H", len(t)) + t.encode()
    put("writeUTF", name, struct.pack(">i", 4711) + s("stripe") + s(key) + s("eur"))
    put("char[n]", name, b"stripe".ljust(16, b"\0") + key.encode() + b"eur\0" + struct.pack("<i", 4711))
    put("u32 length", name, b"".join(struct.pack("<I", len(t)) + t.encode() for t in ("stripe", key, "eur", "live")))


def archives(name, key):
    env = f"PORT=8080\nSTRIPE_KEY={key}".encode()
    b = io.BytesIO()
    with tarfile.open(fileobj=b, mode="w") as t:
        for n in ("app/.env", "app/second"):
            i = tarfile.TarInfo(n)
            i.size = len(env) if n == "app/.env" else 5
            t.addfile(i, io.BytesIO(env if n == "app/.env" else b"other"))
    put("tar", name, b.getvalue())
    b = io.BytesIO()
    with zipfile.ZipFile(b, "w", zipfile.ZIP_STORED) as z:
        z.writestr("key.txt", key)
        z.writestr("second.txt", "other")
    put("zip stored", name, b.getvalue())


def mail(name, key):
    m = EmailMessage(policy=SMTP)
    m["Subject"], m["From"], m["To"] = "Your key", "a@example.com", "b@example.com"
    m.set_content(f"Hello Jörg,\n\nthe production key is {key}, please keep it safe. It replaces the old one.\n\nRegards\n", cte="quoted-printable")
    put("quoted-printable", name, m.as_bytes())
    put("quoted-printable =3D", name, quopri.encodestring(f"<p>Clé: curl -u {key}: https://api.example.com/v1/charges?limit=1</p>\n".encode()))
    put("wrapped at 72", name, textwrap.fill(f"12:00:01 INFO charge failed for customer 4711 with key {key} and currency eur, will try again later", 72, break_long_words=True) + "\n")


def escapes(name, key):
    every = lambda form: "".join(form % ord(c) for c in key)
    put(r"\xNN", name, f'$k = "{every(chr(92) + "x%02x")}";\n')
    put(r"\uNNNN", name, f'{{"key": "{every(chr(92) + "u%04x")}", "live": true}}\n')
    put(r"\u{NN}", name, f'let k = "{every(chr(92) + "u{%x}")}";\n')
    put("octal", name, f'printf "{every(chr(92) + "%03o")}\\n"\n')
    put("&#NN;", name, f"<value>{every('&#%d;')}</value>\n")
    put("&#xNN;", name, f"<value>{every('&#x%x;')}</value>\n")
    put("%NN", name, f"https://example.com/?key={every('%%%02X')}&x=1\n")
    put("bytes", name, f"static const unsigned char k[] = {{ {', '.join('0x%02x' % ord(c) for c in key)}, 0x00 }};\n")
    put("decimal list", name, f"var k = String.fromCharCode({', '.join(str(ord(c)) for c in key)});\n")
    rows = textwrap.wrap(",".join("%02x,00" % ord(c) for c in key) + ",00,00", 75)
    put(".reg", name, 'Windows Registry Editor Version 5.00\r\n\r\n[HKEY_CURRENT_USER\\Software\\Shop]\r\n"Key"=hex(1):' + "\\\r\n  ".join(rows) + "\r\n")


def colours(name, key):
    for form, e in (("ESC", "\x1b"), (r"\x1b", r"\x1b"), (r"\033", r"\033"), (r"\e", r"\e"), ("#x1B", "#x1B"), ("&#27;", "&#27;"), ("^[", "^["), ("U+FFFD", "\ufffd"), ("dropped", "")):
        put("colours " + form, name, f"12:00:01 {e}[32mINFO{e}[0m using {e}[1;33m{key}{e}[0m for {e}[32mcharges{e}[0m\n")


if __name__ == "__main__":
    for line in sys.stdin:
        name, key = line.split()
        for generate in (pickles, compiled, tables, plists, by_hand, archives, mail, escapes, colours):
            generate(name, key)
