#!/usr/bin/python3
"""Files of Python packages of Debian: debian.py FOLDER; see small.py."""
import dbm.gnu, io, os, shelve, subprocess, sys, tempfile

import avro.datafile, avro.io, avro.schema, bsddb3, bson, cbor2, lmdb, msgpack, numpy, plyvel, xlwt
from thrift.protocol import TBinaryProtocol, TCompactProtocol
from thrift.transport import TTransport
from thrift.Thrift import TType

from small import put, record


def packed(name, key):
    put("msgpack-python", name, msgpack.packb([record("none"), record(key), record("none")]))
    put("cbor2", name, cbor2.dumps([record("none"), record(key), record("none")]))
    put("pymongo BSON", name, bson.BSON.encode(record(key)))
    schema = avro.schema.parse('{"type":"record","name":"r","fields":[{"name":"provider","type":"string"},{"name":"api_key","type":"string"},{"name":"currency","type":"string"}]}')
    b = io.BytesIO()
    w = avro.datafile.DataFileWriter(b, avro.io.DatumWriter(), schema)
    for k in ("none", key, "other"):
        w.append({"provider": "stripe", "api_key": k, "currency": "eur"})
    w.flush()
    put("Avro file", name, b.getvalue())
    for form, protocol in (("Thrift binary library", TBinaryProtocol.TBinaryProtocol), ("Thrift compact library", TCompactProtocol.TCompactProtocol)):
        b = TTransport.TMemoryBuffer()
        p = protocol(b)
        p.writeStructBegin("r")
        for i, s in enumerate(("stripe", key, "eur"), 1):
            p.writeFieldBegin("f", TType.STRING, i)
            p.writeString(s)
            p.writeFieldEnd()
        p.writeFieldStop()
        p.writeStructEnd()
        put(form, name, b.getvalue())


def arrays(name, key):
    for form, kind in (("NumPy S", "S"), ("NumPy U", "U"), ("NumPy objects", object)):
        b = io.BytesIO()
        numpy.save(b, numpy.array(["x" * len(key), key, "y" * len(key)], dtype=kind), allow_pickle=True)
        put(form, name, b.getvalue())
    book = xlwt.Workbook()
    sheet = book.add_sheet("keys")
    for i, s in enumerate(("provider", "stripe", key, "eur", "2026-01-31")):
        sheet.write(i, 0, s)
    b = io.BytesIO()
    book.save(b)
    put(".xls", name, b.getvalue())


def stores(name, key):
    pairs = [(b"paypal", b"none"), (b"stripe", key.encode()), (b"zone", b"eu")]
    with tempfile.TemporaryDirectory() as d:
        env = lmdb.open(d + "/lmdb")
        with env.begin(write=True) as t:
            for k, v in pairs:
                t.put(k, v)
        env.close()
        put("LMDB", name, open(d + "/lmdb/data.mdb", "rb").read())
        for form, opener in (("Berkeley DB hash", bsddb3.hashopen), ("Berkeley DB btree", bsddb3.btopen)):
            db = opener(d + "/" + form, "c")
            for k, v in pairs:
                db[k] = v
            db.close()
            put(form, name, open(d + "/" + form, "rb").read())
        with dbm.gnu.open(d + "/gdbm", "c") as db:
            for k, v in pairs:
                db[k] = v
        put("GDBM", name, open(d + "/gdbm", "rb").read())
        with shelve.Shelf(dbm.gnu.open(d + "/shelf", "c")) as db:
            db["first"], db["stripe"], db["third"] = "none", record(key), [1, 2]
        put("shelve", name, open(d + "/shelf", "rb").read())
        lines = b"".join(b"+%d,%d:%s->%s\n" % (len(k), len(v), k, v) for k, v in pairs) + b"\n"
        subprocess.run(["cdb", "-c", d + "/cdb", "-"], input=lines, check=True)
        put("cdb", name, open(d + "/cdb", "rb").read())
        db = plyvel.DB(d + "/leveldb", create_if_missing=True)
        for k, v in pairs:
            db.put(k, v)
        db.close()
        log = max((f for f in os.listdir(d + "/leveldb") if f.endswith(".log")), key=lambda f: os.path.getsize(d + "/leveldb/" + f))
        put("LevelDB log", name, open(d + "/leveldb/" + log, "rb").read())


for line in sys.stdin:
    name, key = line.split()
    for generate in (packed, arrays, stores):
        generate(name, key)
