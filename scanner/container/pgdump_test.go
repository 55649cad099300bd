package container

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// dumpWriter writes a dump in the custom format, as pg_dump does.
type dumpWriter struct{ bytes.Buffer }

func (w *dumpWriter) number(n int32) {
	sign := byte(0)
	if n < 0 {
		sign, n = 1, -n
	}
	w.WriteByte(sign)
	_ = binary.Write(w, binary.LittleEndian, n)
}

func (w *dumpWriter) text(s string) {
	w.number(int32(len(s)))
	w.WriteString(s)
}

// pieces writes b in two pieces, and the end.
func (w *dumpWriter) pieces(b []byte) {
	for _, piece := range [][]byte{b[:len(b)/2], b[len(b)/2:]} {
		if len(piece) > 0 {
			w.number(int32(len(piece)))
			w.Write(piece)
		}
	}
	w.number(0)
}

// dump returns a dump of a table, an empty one, and a large object.
func dump(version, method byte) []byte {
	compress := func(text string) []byte {
		var b bytes.Buffer
		var c io.WriteCloser
		switch method {
		case pgNone:
			return []byte(text)
		case pgZlib:
			c = zlib.NewWriter(&b)
		case pgLz4:
			c = lz4.NewWriter(&b)
		case pgZstd:
			c, _ = zstd.NewWriter(&b)
		}
		_, _ = io.WriteString(c, text)
		_ = c.Close()
		return b.Bytes()
	}
	w := new(dumpWriter)
	w.WriteString(pgDumpMagic)
	w.Write([]byte{1, version, 0, 4, 8, 1})
	if version >= 15 {
		w.WriteByte(method)
	} else {
		w.number(-int32(method))
	}
	for range 7 {
		w.number(1)
	}
	for _, text := range []string{"shop", "15.1", "15.1"} {
		w.text(text)
	}
	entries := []string{"ENCODING", "TABLE DATA", "TABLE DATA", "BLOBS"}
	w.number(int32(len(entries)))
	for i, kind := range entries {
		w.number(int32(10 + i))
		w.number(1)
		w.text("0")
		w.text("0")
		w.text(fmt.Sprint("t", i))
		w.text(kind)
		w.number(3)
		w.text("SELECT 'KEY=definition'")
		w.number(-1)
		w.text("COPY")
		w.text("public")
		w.number(-1)
		if version >= 14 {
			w.text("heap")
		}
		if version >= 16 {
			w.number(0)
		}
		w.text("postgres")
		w.text("false")
		w.text("9")
		w.number(-1)
		w.WriteByte(map[bool]byte{true: 3, false: 2}[kind == "ENCODING"])
		w.Write(make([]byte, 8))
	}
	w.WriteByte(pgData)
	w.number(11)
	w.pieces(compress("1\tKEY=one\n"))
	w.WriteByte(pgData)
	w.number(12)
	w.pieces(nil)
	w.WriteByte(pgBlobs)
	w.number(13)
	w.number(16390)
	w.pieces(compress("KEY=blob"))
	w.number(0)
	return w.Bytes()
}

func TestPgDump(t *testing.T) {
	for version := byte(12); version <= 16; version++ {
		for method := byte(pgNone); method <= pgZstd; method++ {
			if version < 15 && method > pgZlib {
				continue
			}
			b := dump(version, method)
			s, opened := walkAll(t, b, "x.dump")
			want := map[string]string{"public.t1": "1\tKEY=one\n", "public.t2": "", "large object 16390": "KEY=blob"}
			if opened.Format != "pg_dump" || fmt.Sprint(s.members) != fmt.Sprint(want) || len(s.notes) > 0 {
				t.Errorf("1.%d, method %d: opened %q, members %q, notes %+v", version, method, opened.Format, s.members, s.notes)
			}
			for _, span := range opened.Covered {
				if bytes.Contains(b[span.Start:span.End], []byte("definition")) {
					t.Errorf("1.%d: the list is covered", version)
				}
			}
			for cut := range len(b) {
				s := &seen{members: make(map[string]string), raw: make(map[string]string), covered: make(map[string][]Span)}
				o, err := Walk(context.Background(), NewBudget(Limits{}), Bytes(b[:cut]), "x.dump", s)
				if err != nil {
					t.Fatal(err)
				}
				if less(s, &seen{members: want}) && len(s.notes) == 0 && o.Format != "" {
					t.Fatalf("1.%d, method %d, cut at %d: no note, members %q", version, method, cut, s.members)
				}
			}
		}
	}
}

// The list holds functions, views and defaults: in a file they are raw bytes of it.
func TestListOfAPgDumpInAnArchive(t *testing.T) {
	for name, b := range map[string][]byte{
		"zip":  zipped(t, map[string][]byte{"x.dump": dump(14, pgZlib)}),
		"gzip": gzipped(t, func(w io.Writer) { _, _ = w.Write(dump(14, pgZlib)) }),
	} {
		s, _ := walkAll(t, b, "x.dump")
		var raw string
		for _, text := range s.raw {
			raw += text
		}
		if !bytes.Contains([]byte(raw), []byte("KEY=definition")) {
			t.Errorf("%s: raw %q", name, raw)
		}
	}
}

// A list of many long names takes no more memory than their beginnings.
func TestNamesOfAPgDumpAreBounded(t *testing.T) {
	d := &pgDump{opening: &opening{meter: &meter{}}, names: make(map[int64]string), width: 4, version: 14}
	w := new(dumpWriter)
	w.text(strings.Repeat("n", 1<<20))
	w.text("after")
	d.in = &input{meter: d.opening.meter, r: bufio.NewReader(&w.Buffer)}
	s, _ := d.text()
	after, _ := d.text()
	if len(s) != maxPgName || after != "after" || d.err != nil {
		t.Errorf("%d bytes, then %q, %v", len(s), after, d.err)
	}
}
