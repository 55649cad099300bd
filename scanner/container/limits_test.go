package container

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// count counts what a Visitor is given, and keeps nothing.
type count struct {
	members, bytes, raw int64
	notes               []Note
	err                 error
	each                func() // now and then
}

func (c *count) Member(_ []string, r io.Reader) error {
	if c.members++; c.each != nil && c.members%1000 == 1 {
		c.each()
	}
	n, err := io.Copy(io.Discard, r)
	c.bytes += n
	return errors.Join(c.err, err)
}
func (c *count) Name([]string, string) error { return nil }
func (c *count) Raw(_ []string, r io.Reader, _ []Span) error {
	n, err := io.Copy(io.Discard, r)
	c.raw += n
	return err
}
func (c *count) Note(n Note) error { c.notes = append(c.notes, n); return nil }

func gzipped(t testing.TB, write func(w io.Writer)) []byte {
	t.Helper()
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	write(z)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zeros(n int64) func(io.Writer) {
	return func(w io.Writer) { _, _ = io.CopyN(w, zeroReader{}, n) }
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func zipped(t testing.TB, members map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range members {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write(content)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// overlapping returns a zip whose directory names one member n times.
func overlapping(t testing.TB, n int) []byte {
	t.Helper()
	one := zipped(t, map[string][]byte{"x": bytes.Repeat([]byte{0}, 1<<20)})
	end := bytes.LastIndex(one, []byte("PK\x05\x06"))
	directory := int(binary.LittleEndian.Uint32(one[end+16:]))
	out := slices.Clone(one[:directory])
	for range n {
		out = append(out, one[directory:end]...)
	}
	tail := slices.Clone(one[end:])
	binary.LittleEndian.PutUint16(tail[8:], uint16(n))
	binary.LittleEndian.PutUint16(tail[10:], uint16(n))
	binary.LittleEndian.PutUint32(tail[12:], uint32(n*(end-directory)))
	return append(out, tail...)
}

// free is Budget.free in tests, which are not to inflate 256 MiB.
const free = 4 << 20

func TestBombsAreCut(t *testing.T) {
	nested := zipped(t, map[string][]byte{"leaf": []byte("KEY=leaf")})
	for i := range 9 {
		nested = zipped(t, map[string][]byte{fmt.Sprint(i): nested})
	}
	inner, many := gzipped(t, zeros(64<<20)), overlapping(t, 2000)
	manyFiles := gzipped(t, func(w io.Writer) {
		z := tar.NewWriter(w)
		for i := range 5000 {
			_ = z.WriteHeader(&tar.Header{Name: fmt.Sprint(i), Mode: 0o600})
		}
		_ = z.Close()
	})
	again := []byte("KEY=again")
	for range 40 {
		again = gzipped(t, func(w io.Writer) { _, _ = w.Write(again) })
	}
	// Headers that share one stream of deflate, which is long and yields nothing.
	var shared bytes.Buffer
	for i := range 2000 {
		h := make([]byte, zipHeaderSize)
		copy(h, zipHeader)
		h[6], h[8] = 8, zipDeflate
		binary.LittleEndian.PutUint16(h[28:], uint16((2000-i-1)*zipHeaderSize))
		shared.Write(h)
	}
	shared.Write(bytes.Repeat([]byte{0, 0, 0, 0xff, 0xff}, 100_000))
	var xzHead bytes.Buffer
	xzHead.WriteString("\xfd7zXZ\x00\x00\x00")
	_ = binary.Write(&xzHead, binary.LittleEndian, crc32.ChecksumIEEE([]byte{0, 0}))
	block := []byte{2, 0, lzma2Filter, 1, 40, 0, 0, 0}
	xzHead.Write(block)
	_ = binary.Write(&xzHead, binary.LittleEndian, crc32.ChecksumIEEE(block))
	manyFolders := append([]byte{1, 4, 7, 0xb, 0xc1, 1, 0, 0}, make([]byte, 1<<17)...) // 65,537
	sevenHead := func(header []byte, length int) []byte {
		h := append([]byte("7z\xbc\xaf\x27\x1c\x00\x04\x00\x00\x00\x00"), make([]byte, 20)...)
		binary.LittleEndian.PutUint64(h[20:], uint64(length))
		binary.LittleEndian.PutUint32(h[28:], crc32.ChecksumIEEE(header))
		binary.LittleEndian.PutUint32(h[8:], crc32.ChecksumIEEE(h[12:]))
		return append(h, header...)
	}
	for name, tt := range map[string]struct {
		content  []byte
		limits   Limits
		name     string
		produced int64 // at most
		problem  Problem
	}{
		"a flat one":               {content: inner, produced: max(free, maxRatio*int64(len(inner))) + 64<<10, problem: TooLarge},
		"one within another":       {content: zipped(t, map[string][]byte{"a": inner}), produced: free + 2<<20, problem: TooLarge},
		"one compressed 40 times":  {content: again, produced: 1 << 20, problem: TooLarge},
		"streams that share bytes": {content: shared.Bytes(), produced: 1, problem: ReaderFailed},
		"a member many times":      {content: many, produced: max(free, maxRatio*int64(len(many))) + 1<<20, problem: TooLarge},
		"containers without end":   {content: nested, produced: 1 << 20, problem: TooLarge},
		"more bytes than allowed":  {content: gzipped(t, zeros(1<<20)), limits: Limits{Produced: 100_000}, produced: 164 << 10, problem: TooLarge},
		"more members":             {content: manyFiles, limits: Limits{Members: 100}, produced: 4 << 20, problem: TooLarge},
		"folders of a 7z":          {content: sevenHead(manyFolders, len(manyFolders)), problem: TooLarge},
		"a list of a 7z":           {content: sevenHead(make([]byte, maxSevenHeader+1), maxSevenHeader+1), problem: TooLarge},
		"a dictionary of 4 GiB":    {content: xzHead.Bytes(), name: "x.xz", produced: 0, problem: TooLarge},
		"a lzma dictionary of 3 G": {content: append([]byte{0x5d, 0, 0, 0, 0xc0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0}, make([]byte, 20)...), name: "x.lzma", problem: TooLarge},
		"a zstd window of 1 GiB":   {content: []byte("\x28\xb5\x2f\xfd\x00\xa0\x01\x00\x00"), name: "x.zst", problem: TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			b := NewBudget(tt.limits)
			b.free = free
			var c count
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			o, err := Walk(context.Background(), b, Stream(bytes.NewReader(tt.content), int64(len(tt.content))), tt.name, &c)
			if err != nil || o.Format == "" {
				t.Fatalf("%+v, %v", o, err)
			}
			runtime.ReadMemStats(&after)
			allocated := after.TotalAlloc - before.TotalAlloc
			t.Logf("%d bytes: %d produced, %d allocated", len(tt.content), b.Produced(), allocated)
			if allocated > 8<<20+8*uint64(len(tt.content)) { // what is read at random grows in memory, with -race by more
				t.Errorf("%d bytes were allocated", allocated)
			}
			last := len(c.notes) - 1
			if b.Produced() > tt.produced || last < 0 || last > 0 && c.notes[0].Problem != Damaged && c.notes[0].Problem != TooLarge || c.notes[last].Problem != tt.problem {
				t.Errorf("%d bytes, notes %+v", b.Produced(), c.notes)
			}
		})
	}
}

// What comes behind a bomb is read.
func TestABombEndsAloneWhereItIs(t *testing.T) {
	var b bytes.Buffer
	z := tar.NewWriter(&b)
	bomb := gzipped(t, zeros(64<<20))
	for name, content := range map[string][]byte{"a.gz": bomb, "b.gz": gzipped(t, func(w io.Writer) { _, _ = w.Write([]byte("KEY=b")) })} {
		_ = z.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o600})
		_, _ = z.Write(content)
	}
	_ = z.Close()
	b.Write(make([]byte, 8<<20)) // so that the tar itself stays below the ratio
	s := &seen{members: make(map[string]string), raw: make(map[string]string), covered: make(map[string][]Span)}
	budget := NewBudget(Limits{})
	budget.free = free
	if _, err := Walk(context.Background(), budget, Bytes(b.Bytes()), "x.tar", s); err != nil {
		t.Fatal(err)
	}
	if len(s.notes) != 1 || s.notes[0].Problem != TooLarge || !slices.Equal(s.notes[0].Inside, []string{"a.gz"}) || s.members["b.gz!/b"] != "KEY=b" {
		t.Errorf("notes %+v, b %q", s.notes, s.members["b.gz!/b"])
	}
}

func TestTheVisitorsErrorEndsTheWalk(t *testing.T) {
	stop := errors.New("stop")
	var deep bytes.Buffer
	z := tar.NewWriter(&deep)
	content := zipped(t, map[string][]byte{"x": []byte("y")})
	_ = z.WriteHeader(&tar.Header{Name: "a.zip", Size: int64(len(content)), Mode: 0o600})
	_, _ = z.Write(content)
	_ = z.Close()
	for _, b := range [][]byte{deep.Bytes(), content, gzipped(t, zeros(9)), gzipped(t, func(w io.Writer) { _, _ = w.Write(deep.Bytes()) })} {
		c := count{err: stop}
		if _, err := Walk(context.Background(), NewBudget(Limits{}), Bytes(b), "", &c); !errors.Is(err, stop) || len(c.notes) > 0 || c.members != 1 {
			t.Errorf("%v, notes %+v, %d members", err, c.notes, c.members)
		}
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(stop)
	var c count
	if _, err := Walk(ctx, NewBudget(Limits{}), Bytes(gzipped(t, zeros(9))), "", &c); !errors.Is(err, stop) || len(c.notes) > 0 {
		t.Errorf("%v, notes %+v", err, c.notes)
	}
}

type panics struct{}

func (panics) Read([]byte) (int, error) { panic("a decoder") }

type sleeps struct{}

func (sleeps) Read([]byte) (int, error) { return 0, nil }

func TestADecoderThatFailsEndsAlone(t *testing.T) {
	w := &walk{ctx: context.Background(), budget: NewBudget(Limits{}), visitor: &count{}}
	for _, r := range []io.Reader{panics{}, sleeps{}} {
		o := &opening{walk: w, meter: &meter{walk: w}, format: &formats[0]}
		err := o.member("x", r)
		if err := o.settle(err); err != nil {
			t.Errorf("%v", err)
		}
	}
	if notes := w.visitor.(*count).notes; len(notes) != 2 || notes[0].Problem != ReaderFailed || notes[1].Problem != ReaderFailed {
		t.Errorf("%+v", notes)
	}
}

// A container that is cut, or has a wrong byte, says so or yields what it did: never
// less in silence.
func TestDamagedContainers(t *testing.T) {
	text := []byte(strings.Repeat("KEY=one\n", 300))
	var tarred bytes.Buffer
	z := tar.NewWriter(&tarred)
	for i := range 3 {
		_ = z.WriteHeader(&tar.Header{Name: fmt.Sprint("m", i), Size: int64(len(text)), Mode: 0o600})
		_, _ = z.Write(text)
	}
	_ = z.Close()
	for name, b := range map[string][]byte{
		"zip": zipped(t, map[string][]byte{"a": text, "b": text}), "tar": tarred.Bytes(),
		"tar.gz": gzipped(t, func(w io.Writer) { _, _ = w.Write(tarred.Bytes()) }),
	} {
		whole, _ := walkAll(t, b, "x."+name)
		step := max(1, len(b)/400)
		for at := 1; at < len(b); at += step {
			s := &seen{members: make(map[string]string), raw: make(map[string]string), covered: make(map[string][]Span)}
			o, err := Walk(context.Background(), NewBudget(Limits{}), Bytes(b[:at]), "x."+name, s)
			if err != nil {
				t.Fatalf("%s cut at %d: %v", name, at, err)
			}
			if less(s, whole) && len(s.notes) == 0 && o.Format != "" {
				t.Errorf("%s cut at %d: fewer bytes, and no note", name, at)
			}
			broken := slices.Clone(b)
			broken[at] ^= 0x80
			s = &seen{members: make(map[string]string), raw: make(map[string]string), covered: make(map[string][]Span)}
			if _, err := Walk(context.Background(), NewBudget(Limits{}), Bytes(broken), "x."+name, s); err != nil {
				t.Fatalf("%s with another byte at %d: %v", name, at, err)
			}
		}
	}
}

func less(got, want *seen) bool {
	for name, text := range want.members {
		if len(got.members[name]) < len(text) {
			return true
		}
	}
	return false
}

// A sparse file has less bytes in a tar than it yields: what is behind is not its own.
func TestWhatASparseFileLeavesOutIsNotCovered(t *testing.T) {
	dir := t.TempDir()
	run(t, dir, "truncate -s 1M sparse; printf KEY=one >> sparse; printf KEY=two > b; tar --sparse --format=gnu -cf x.tar sparse b; tar --sparse --format=posix -cf y.tar sparse b")
	for _, name := range []string{"x.tar", "y.tar"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		s, opened := walkAll(t, b, name)
		if len(s.members) != 2 || len(s.members["sparse"]) != 1<<20+7 || s.members["b"] != "KEY=two" || len(s.notes) > 0 {
			t.Errorf("%s: %q, notes %+v", name, sizes(s.members), s.notes)
		}
		for _, span := range opened.Covered {
			if span.End > int64(len(b)) || bytes.Contains(b[span.Start:span.End], []byte("ustar")) {
				t.Errorf("%s: covered %v", name, opened.Covered)
			}
		}
	}
}

// A directory of a million entries is read an entry at a time, and what is held to be
// read at random has one limit for all.
func TestMemoryDoesNotGrowWithTheInput(t *testing.T) {
	if testing.Short() {
		return // the race detector takes memory, too
	}
	one := zipped(t, map[string][]byte{"x": nil})
	end := bytes.LastIndex(one, []byte(zipEnd))
	start := bytes.Index(one, []byte(zipEntry))
	directory := slices.Concat(one[:start], bytes.Repeat(one[start:end], 300_000))
	tail := slices.Clone(one[end:])
	binary.LittleEndian.PutUint16(tail[8:], 300_000&0xffff)
	binary.LittleEndian.PutUint16(tail[10:], 300_000&0xffff)
	binary.LittleEndian.PutUint32(tail[12:], uint32(len(directory)-start))
	directory = append(directory, tail...)
	deep := slices.Concat([]byte("#!/bin/sh\n"), make([]byte, 40<<20))
	for range 4 {
		deep = gzipped(t, func(w io.Writer) {
			z := tar.NewWriter(w)
			_ = z.WriteHeader(&tar.Header{Name: "x", Size: int64(len(deep)), Mode: 0o600})
			_, _ = z.Write(deep)
			_ = z.Close()
		})
	}
	for name, content := range map[string][]byte{"a directory of 300,000 entries": directory, "large ones in one another": deep} {
		runtime.GC() // of which the heap may double
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		most := uint64(0)
		c := count{each: func() {
			var now runtime.MemStats
			if runtime.ReadMemStats(&now); now.HeapAlloc > most {
				most = now.HeapAlloc
			}
		}}
		b := NewBudget(Limits{})
		if _, err := Walk(context.Background(), b, Bytes(content), "x", &c); err != nil || c.members == 0 || len(c.notes) > 0 {
			t.Errorf("%s: %v, %d members, notes %+v", name, err, c.members, c.notes)
		}
		if most > before.HeapAlloc+64<<20 || b.spooled.Load() != 0 {
			t.Errorf("%s: %d MiB of heap, %d bytes still held", name, (most-before.HeapAlloc)>>20, b.spooled.Load())
		}
	}
}

func TestALongTextOrTagIsNotHeld(t *testing.T) {
	const office = "<x xmlns='urn:oasis:names:tc:opendocument:x'"
	for _, begin := range []string{office + ">", office + " a='", office + "><!--", office + "><![CDATA["} {
		content := slices.Concat([]byte(begin), bytes.Repeat([]byte("text "), 8<<20))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		c := &count{}
		_, err := Walk(context.Background(), NewBudget(Limits{}), Bytes(content), "x", c)
		runtime.ReadMemStats(&after)
		if allocated := after.TotalAlloc - before.TotalAlloc; err != nil || c.bytes < int64(len(content)-len(begin)) || allocated > 16<<20 {
			t.Errorf("%s: %v, %d bytes, %d MiB allocated", begin, err, c.bytes, allocated>>20)
		}
	}
}
