package reftable_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"reflect"
	"slices"
	"strings"
	"testing"

	"keysweep/scanner/gitdb/gittest"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/reftable"
)

func hexID(n, digits int) string { return fmt.Sprintf("%0*x", digits, n+1) }

// id returns the id that hexID names.
func id(t *testing.T, hex string) oid.ID {
	t.Helper()
	if hex == "" {
		return oid.ID{}
	}
	parsed, ok := oid.Parse([]byte(hex))
	if !ok {
		t.Fatalf("%q is no id", hex)
	}
	return parsed
}

// manyRefs returns n refs of every kind, sorted by name.
func manyRefs(n, digits int) (list []gittest.TableRef) {
	for i := range n {
		ref := gittest.TableRef{Name: fmt.Sprintf("refs/heads/topic/%06d", i)}
		switch i % 5 {
		case 0:
			ref.Target = "refs/heads/main"
		case 1:
			ref.ID, ref.Peeled = hexID(i, digits), hexID(i+n, digits)
		default:
			ref.ID = hexID(i, digits)
		}
		list = append(list, ref)
	}
	return list
}

func manyLogs(n, digits int) (list []gittest.TableLog) {
	for i := range n {
		list = append(list, gittest.TableLog{
			Ref: fmt.Sprintf("refs/heads/b%d", i%7), Index: uint64(i), Old: strings.Repeat("0", digits), New: hexID(i, digits),
			Name: "A U Thor", Email: "a@example.com", Time: 1700000000 + uint64(i), Zone: int16(-480 + i%960), Message: strings.Repeat("m", i%200) + "\n",
		})
	}
	return list
}

// Tables as git, JGit and others write them.
var shapes = map[string]gittest.Table{
	"empty":                    {BlockSize: 4096},
	"one block":                {BlockSize: 4096, Refs: manyRefs(3, 40)},
	"many blocks":              {BlockSize: 4096, Refs: manyRefs(900, 40)},
	"many small blocks":        {BlockSize: 256, Refs: manyRefs(300, 40)},
	"not aligned":              {Refs: manyRefs(900, 40)},
	"a restart for each":       {BlockSize: 4096, Restarts: 1, Refs: manyRefs(300, 40)},
	"one restart":              {BlockSize: 4096, Restarts: 1000, Refs: manyRefs(300, 40)},
	"SHA-256":                  {BlockSize: 4096, SHA256: true, Refs: manyRefs(300, 64), Logs: manyLogs(300, 64)},
	"refs and logs":            {BlockSize: 4096, Least: 17, Refs: manyRefs(300, 40), Logs: manyLogs(900, 40)},
	"only logs":                {BlockSize: 4096, Logs: manyLogs(900, 40)},
	"only logs, not aligned":   {Logs: manyLogs(900, 40)},
	"only logs, SHA-256":       {BlockSize: 512, SHA256: true, Logs: manyLogs(50, 64)},
	"a great update index":     {BlockSize: 4096, Least: 1 << 62, Refs: manyRefs(3, 40), Logs: manyLogs(3, 40)},
	"logs of refs that are no": {BlockSize: 4096, Refs: []gittest.TableRef{{Name: "refs/heads/gone"}}, Logs: manyLogs(3, 40)},
}

func (s shape) open(t *testing.T) *reftable.Table {
	t.Helper()
	table, err := reftable.Open(s.Bytes(), s.format())
	if err != nil {
		t.Fatal(err)
	}
	return table
}

type shape struct{ gittest.Table }

func (s shape) format() oid.Format {
	if s.SHA256 {
		return oid.SHA256
	}
	return oid.SHA1
}

func TestATableIsReadAsItWasWritten(t *testing.T) {
	for name, table := range shapes {
		t.Run(name, func(t *testing.T) {
			read := shape{table}.open(t)
			var refs, want []reftable.Ref
			if err := read.Refs(func(r reftable.Ref) { refs = append(refs, r) }); err != nil {
				t.Fatal(err)
			}
			for _, r := range table.Refs {
				want = append(want, reftable.Ref{Name: r.Name, ID: id(t, r.ID), Peeled: id(t, r.Peeled), Target: r.Target,
					Deleted: r.ID+r.Target == ""})
			}
			if !reflect.DeepEqual(refs, want) {
				t.Errorf("refs: %d of %d, or they differ", len(refs), len(want))
			}
			for _, r := range want {
				if found, ok, err := read.Find(r.Name); found != r || !ok || err != nil {
					t.Errorf("Find(%s) = %+v, %v, %v", r.Name, found, ok, err)
				}
				for _, other := range []string{r.Name + "/", r.Name[:len(r.Name)-1], "A", "z"} {
					if found, ok, err := read.Find(other); ok || err != nil {
						t.Errorf("Find(%s) = %+v, %v, %v", other, found, ok, err)
					}
				}
			}

			n := 0
			err := read.Logs(func(l reftable.Log) {
				w := table.Logs[n] // Bytes has sorted them
				got := gittest.TableLog{Ref: l.Ref, Index: l.UpdateIndex - table.Least, Old: w.Old, New: l.New.String(), Name: l.Name,
					Email: l.Email, Time: uint64(l.Time), Zone: int16(l.Zone), Message: l.Message}
				if got != w || !l.Old.IsZero() {
					t.Errorf("log %d: %+v, want %+v", n, got, w)
				}
				n++
			})
			if err != nil || n != len(table.Logs) {
				t.Errorf("%d logs of %d, %v", n, len(table.Logs), err)
			}
		})
	}
}

func TestANewerTableHidesAnOlderOne(t *testing.T) {
	open := func(table gittest.Table) *reftable.Table { table.BlockSize = 4096; return shape{table}.open(t) }
	zero := strings.Repeat("0", 40)
	stack := reftable.Stack{
		open(gittest.Table{
			Refs: []gittest.TableRef{{Name: "HEAD", Target: "refs/heads/a"}, {Name: "refs/heads/a", ID: hexID(1, 40)},
				{Name: "refs/heads/b", ID: hexID(2, 40)}, {Name: "refs/heads/c", ID: hexID(3, 40)}},
			Logs: []gittest.TableLog{{Ref: "refs/stash", Index: 1, Old: zero, New: hexID(1, 40), Message: "first"},
				{Ref: "refs/stash", Index: 2, Old: zero, New: hexID(2, 40), Message: "dropped"}},
		}),
		open(gittest.Table{
			Least: 3,
			Refs:  []gittest.TableRef{{Name: "refs/heads/a", ID: hexID(9, 40)}, {Name: "refs/heads/b"}, {Name: "refs/heads/d"}},
		}),
		open(gittest.Table{
			Refs: []gittest.TableRef{{Name: "refs/heads/c", Target: "refs/heads/a"}, {Name: "refs/heads/d", ID: hexID(4, 40)}},
			Logs: []gittest.TableLog{{Ref: "refs/stash", Index: 2}, {Ref: "refs/stash", Index: 7, Old: zero, New: hexID(3, 40), Message: "third"},
				{Ref: "refs/stash", Index: 8, Old: zero, New: zero}, {Ref: "refs/heads/a", Index: 9, Old: zero, New: hexID(3, 40)}},
		}),
	}
	want := []reftable.Ref{
		{Name: "HEAD", Target: "refs/heads/a"}, {Name: "refs/heads/a", ID: id(t, hexID(9, 40))},
		{Name: "refs/heads/c", Target: "refs/heads/a"}, {Name: "refs/heads/d", ID: id(t, hexID(4, 40))},
	}
	refs, err := stack.Refs()
	if err != nil || !slices.Equal(refs, want) {
		t.Errorf("Refs() = %+v, %v", refs, err)
	}
	for _, name := range []string{"HEAD", "refs/heads/a", "refs/heads/b", "refs/heads/c", "refs/heads/d", "refs/heads/e"} {
		i := slices.IndexFunc(want, func(r reftable.Ref) bool { return r.Name == name })
		ref, ok, err := stack.Find(name)
		if err != nil || ok != (i >= 0) || ok && ref != want[i] {
			t.Errorf("Find(%s) = %+v, %v, %v", name, ref, ok, err)
		}
	}
	logs, err := stack.Log("refs/stash")
	if err != nil || len(logs) != 2 || logs[0].Message != "third" || logs[1].Message != "first" {
		t.Errorf("Log() = %+v, %v", logs, err)
	}
}

// sealed writes the checksum of the footer of a table anew.
func sealed(b []byte) []byte {
	footer := 68
	if b[4] == 2 {
		footer = 72
	}
	sum := crc32.ChecksumIEEE(b[len(b)-footer : len(b)-4])
	binary.BigEndian.PutUint32(b[len(b)-4:], sum)
	return b
}

func TestADamagedTableIsRefused(t *testing.T) {
	whole := gittest.Table{BlockSize: 512, Refs: manyRefs(40, 40), Logs: manyLogs(20, 40)}.Bytes()
	set := func(at int, b ...byte) []byte {
		return append(append(slices.Clone(whole[:at]), b...), whole[at+len(b):]...)
	}
	footer := len(whole) - 68
	logs := int(binary.BigEndian.Uint64(whole[footer+24+24:]))
	for name, b := range map[string][]byte{
		"no bytes":                            {},
		"another magic number":                set(0, 'r'),
		"version 3":                           set(4, 3),
		"only a header":                       whole[:24],
		"cut in the footer":                   whole[:len(whole)-1],
		"footer of another header":            sealed(set(footer+8, 9)),
		"wrong checksum":                      set(len(whole)-1, whole[len(whole)-1]^1),
		"a block that ends behind the file":   set(25, 0xff, 0xff, 0xff),
		"a block shorter than its header":     set(25, 0, 0, 3),
		"a block without restarts":            set(24+int(whole[26])<<8+int(whole[27])-24-2, 0, 0),
		"more restarts than records":          set(24+int(whole[26])<<8+int(whole[27])-24-2, 0xff, 0xff),
		"a first key that repeats another":    set(28, 1),
		"a key that goes on behind the block": set(29, 0xff, 0x7f),
		"a number without end":                set(28, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
		"a record of type 7":                  set(30, whole[30]|7),
		"logs behind the end":                 sealed(set(footer+24+24, 0xff)),
		"logs that do not inflate":            set(logs+4, 0xff),
		"logs longer than they inflate to":    set(logs+1, 0xff, 0xff, 0xff),
	} {
		t.Run(name, func(t *testing.T) {
			table, err := reftable.Open(slices.Clone(b), oid.SHA1)
			if err == nil {
				err = table.Refs(func(reftable.Ref) {})
			}
			if err == nil {
				err = table.Logs(func(reftable.Log) {})
			}
			if err == nil {
				t.Error("no error")
			}
		})
	}
	if _, err := reftable.Open(whole, oid.SHA256); err == nil {
		t.Error("a table of SHA-1 ids in a repository of SHA-256 ids is accepted")
	}
	same := gittest.Table{BlockSize: 4096, Refs: []gittest.TableRef{{Name: "a", Target: "x"}, {Name: "a", Target: "y"}}}
	if err := (shape{same}).open(t).Refs(func(reftable.Ref) {}); err == nil {
		t.Error("a ref that is there twice is accepted")
	}
}

// A small table has names as long as it wants, each a byte longer than the last.
func TestWhatIsKeptOfATableIsBounded(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	table := gittest.Table{Restarts: 1000}
	for i := range 200 {
		table.Refs = append(table.Refs, gittest.TableRef{Name: long + fmt.Sprintf("%03d", i), Target: "t"})
	}
	kept := 0
	err := shape{table}.open(t).Refs(func(r reftable.Ref) { kept += len(r.Name) })
	if err == nil || kept > 128<<20 {
		t.Errorf("%d bytes of names are kept, %v", kept, err)
	}
}

func FuzzTable(f *testing.F) {
	for _, table := range shapes {
		if b := table.Bytes(); len(b) < 1<<14 {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 80 && (b[4] == 1 || b[4] == 2) {
			// What is behind the checksums is to be tried.
			head := 24 + 4*int(b[4]-1)
			b = slices.Clone(b)
			copy(b[len(b)-head-44:], b[:head])
			b = sealed(b)
		}
		for _, format := range []oid.Format{oid.SHA1, oid.SHA256} {
			table, err := reftable.Open(b, format)
			if err != nil {
				continue
			}
			var names []reftable.Ref
			err = table.Refs(func(r reftable.Ref) { names = append(names, r) })
			if err == nil {
				for _, r := range names[:min(len(names), 50)] {
					if found, ok, err := table.Find(r.Name); found != r || !ok || err != nil {
						t.Errorf("Refs has %+v, Find %+v, %v, %v", r, found, ok, err)
					}
				}
			}
			table.Logs(func(reftable.Log) {})
		}
	})
}
