package container

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeSQLite writes databases, and the rows of each, as sqlite3 sees them.
const writeSQLite = `
import json, os, random, sqlite3

r = random.Random(3)
def text(n):
    return "".join(r.choices("abcdefghij KEY=_ä0123456789", k=n))

expected = {}
def make(name, before=(), after=(), without=False, sizes=(0, 1, 20, 90, 300), rows=60):
    db = sqlite3.connect(name)
    db.execute("pragma synchronous=off")
    for sql in before:
        db.execute("pragma " + sql)
    db.execute("create table account(id integer primary key, provider text, api_key text, n real, raw blob)")
    db.execute("create table other(a text primary key, b text)" + (" without rowid" if without else ""))
    db.execute("create index names on account(api_key)")
    for i in range(rows):
        db.execute("insert into account(provider, api_key, n, raw) values(?,?,?,?)", ("p%d" % i, text(r.choice(sizes)), i / 2, text(9).encode()))
        db.execute("insert into other values(?,?)", ("a%d %s" % (i, text(r.choice(sizes))), None))
    db.commit()
    for sql in after:
        db.execute(sql)
    db.commit()
    want = {}
    for id, provider, key, n, raw in db.execute("select * from account"):
        want["account/%d" % id] = " \n".join(["", provider, key, "", raw.decode(), ""])
    values = [a + " \n \n" for a, in db.execute("select a from other")]
    expected[name] = {"rows": want, "other": values, "without": without}
    if "wal" in name:
        os.system("cp " + name + "-wal log; cp " + name + " base")
    db.close()

make("plain.db")
make("small.db", ["page_size=512"])
make("large.db", ["page_size=65536"])
make("le.db", ["encoding='UTF-16le'"])
make("be.db", ["encoding='UTF-16be'"], sizes=(5, 3000))
make("without.db", without=True)
make("overflow.db", sizes=(10, 3000, 5000, 20000), rows=30)
make("overflow512.db", ["page_size=512"], sizes=(10, 400, 500, 5000), without=True)
make("wal.db", ["journal_mode=wal"], sizes=(10, 3000, 9000))
make("freed.db", ["secure_delete=0", "auto_vacuum=0"], ["delete from account where id > 3"], rows=400, sizes=(90,))
b = open("overflow.db", "rb").read()
open("cut.db", "wb").write(b[:len(b) // 2])
open("locked.db", "wb").write(r.randbytes(8192))
open("empty.db", "wb").write(b"SQLite format 3\0")
open("expected.json", "w").write(json.dumps(expected))
`

type sqliteRows struct {
	Rows    map[string]string `json:"rows"`
	Other   []string          `json:"other"`
	Without bool              `json:"without"`
}

// TestSQLite compares with the rows that sqlite3 sees.
func TestSQLite(t *testing.T) {
	dir := python(t, writeSQLite)
	var expected map[string]sqliteRows
	b, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err == nil {
		err = json.Unmarshal(b, &expected)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range expected {
		t.Run(name, func(t *testing.T) {
			file := name
			if name == "wal.db" {
				file = "log"
			}
			b, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				t.Fatal(err)
			}
			s, opened := walkAll(t, b, file)
			if opened.Format != "SQLite" || len(s.notes) > 0 {
				t.Errorf("%s, %+v", opened.Format, s.notes)
			}
			var all strings.Builder
			for _, text := range s.members {
				all.WriteString(text)
				all.WriteByte(0)
			}
			for row, text := range want.Rows {
				switch got := s.members[row]; {
				case file == "log": // no schema says which table it is; there are older versions
					if !strings.Contains(all.String(), text) {
						t.Errorf("no row %q", short(text))
					}
				case got != text:
					t.Errorf("%s: %q, want %q", row, short(got), short(text))
				}
			}
			for _, text := range want.Other {
				if !strings.Contains(all.String(), text) {
					t.Errorf("no row %q", short(text))
				}
			}
			for member := range s.members {
				table, _, _ := strings.Cut(member, "/")
				if known := table == "account" || table == "other" || table == "names" || table == "sqlite_schema" || table == "sqlite_autoindex_other_1"; !known && file != "log" && name != "freed.db" {
					t.Errorf("%s, too", member)
				}
			}
			if freed := strings.Count(all.String(), "p399 \n"); name == "freed.db" && freed != 1 {
				t.Errorf("a freed row was read %d times", freed)
			}
		})
	}
}

func TestDatabasesThatCannotBeReadAreNamed(t *testing.T) {
	dir := python(t, writeSQLite)
	for name, want := range map[string]Problem{"cut.db": Damaged, "locked.db": Encrypted, "empty.db": Damaged} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		s, _ := walkAll(t, b, name)
		if len(s.notes) != 1 || s.notes[0].Problem != want {
			t.Errorf("%s: %+v", name, s.notes)
		}
		if name == "cut.db" && len(s.members) < 5 {
			t.Errorf("%d rows of the part that is there", len(s.members))
		}
	}
}

// Only rows that may hold what is looked for are passed on, also where it is in two pages.
func TestOnlyRowsThatAreWantedAreDecoded(t *testing.T) {
	dir := python(t, "import sqlite3\ndb = sqlite3.connect('x.db')\ndb.execute('create table t(a text)')\n"+
		"for n in range(3900, 4200): db.execute('insert into t values(?)', ('x' * n + 'WANTED' + 'y' * 4000,))\n"+
		"db.execute('insert into t values(?)', ('WANTED, short',))\ndb.execute('insert into t values(?)', ('other',))\ndb.commit()\n")
	b, err := os.ReadFile(filepath.Join(dir, "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	s := &seen{members: make(map[string]string)}
	budget := NewBudget(Limits{Holds: func(b []byte) bool { return bytes.Contains(b, []byte("WANTED")) }})
	o, err := Walk(context.Background(), budget, Bytes(b), "x.db", s)
	if err != nil || len(s.members) != 301 || s.members["t/302"] != "" {
		t.Errorf("%v, %d rows", err, len(s.members))
	}
	covered := int64(0)
	for _, span := range o.Covered {
		covered += span.End - span.Start
	}
	if covered < int64(len(b))*9/10 {
		t.Errorf("%d bytes of %d are covered", covered, len(b))
	}
}

// circular returns a database of which each page but the second has many cells at the same
// place. Each overflows to the second page, which overflows to itself, as long as the file is.
func circular(pages int) []byte {
	const size, local, leafOfATable = 512, 39, 13
	b := make([]byte, pages*size)
	copy(b, "SQLite format 3\x00\x02\x00")
	record := uint64(pages*size - 2*size)
	record -= (record - local) % (size - 4)
	cell := []byte{byte(record>>21) | 0x80, byte(record>>14) | 0x80, byte(record>>7) | 0x80, byte(record & 0x7f), 1}
	cell = append(append(cell, make([]byte, local)...), 0, 0, 0, 2)
	for i := range pages {
		page := b[i*size : (i+1)*size]
		if i == 1 {
			page[3] = 2
			continue
		}
		if i == 0 {
			page = page[100:]
		}
		page[0], page[4] = leafOfATable, 190
		at := size - len(cell)
		for j := range 190 {
			binary.BigEndian.PutUint16(page[8+2*j:], uint16(at))
		}
		copy(b[i*size+at:], cell)
	}
	return b
}

func TestCellsThatOverflowInCircles(t *testing.T) {
	var asked int
	b := circular(1000)
	limits := Limits{Holds: func(b []byte) bool { asked += len(b); return false }}
	s := &seen{members: make(map[string]string), raw: make(map[string]string), covered: make(map[string][]Span)}
	if _, err := Walk(context.Background(), NewBudget(limits), Bytes(b), "x.db", s); err != nil {
		t.Fatal(err)
	}
	if asked > 40<<20 {
		t.Errorf("asked about %d bytes of %d", asked, len(b))
	}
	if len(s.notes) != 1 || s.notes[0].Problem != Damaged {
		t.Errorf("notes %+v", s.notes)
	}
}

// What a schema says of its tables is kept in memory.
func TestALongNameOfATableIsCut(t *testing.T) {
	dir := python(t, `
import sqlite3
db = sqlite3.connect("x.db")
db.execute("create table %s(a)" % ("t" * 1000))
db.execute("insert into %s values('KEY=a')" % ("t" * 1000))
db.commit()
`)
	b, err := os.ReadFile(filepath.Join(dir, "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	s, _ := walkAll(t, b, "x.db")
	if name := strings.Repeat("t", 256) + "/1"; !strings.Contains(s.members[name], "KEY=a") {
		t.Errorf("members %q", s.members)
	}
}
