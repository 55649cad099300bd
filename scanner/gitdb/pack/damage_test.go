package pack

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zlib"

	"keysweep/scanner/gitdb/oid"
)

// packFile is a pack under construction.
type packFile struct {
	bytes.Buffer
	count   uint32
	offsets []int
}

func newPackFile() *packFile {
	p := &packFile{}
	p.WriteString("PACK\x00\x00\x00\x02\x00\x00\x00\x00")
	return p
}

// add appends an entry; base is what is between its header and its stream.
func (p *packFile) add(typ byte, base, content []byte) {
	p.offsets = append(p.offsets, p.Len())
	p.count++
	size := len(content)
	c := typ<<4 | byte(size&15)
	for size >>= 4; size > 0; size >>= 7 {
		p.WriteByte(c | 0x80)
		c = byte(size & 0x7f)
	}
	p.WriteByte(c)
	p.Write(base)
	z := zlib.NewWriter(p)
	_, _ = z.Write(content)
	_ = z.Close()
}

// write finishes the pack and writes it.
func (p *packFile) write(t *testing.T) string {
	t.Helper()
	b := bytes.Clone(p.Bytes())
	binary.BigEndian.PutUint32(b[8:], p.count)
	sum := sha1.Sum(b)
	path := filepath.Join(t.TempDir(), "pack-test.pack")
	if err := os.WriteFile(path, append(b, sum[:]...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func blobID(content string) oid.ID { return oid.NewHasher(oid.SHA1).Sum(oid.Blob, []byte(content)) }

// delta of n base bytes that makes result by one insert.
func insertDelta(base int, result string) []byte {
	return append([]byte{byte(base), byte(len(result))}, insertOp(result)...)
}

func refBase(id oid.ID) []byte { return id[:20] }

func TestPacksThatGitWouldNotWrite(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(p *packFile)
		blobs []string
		fails []string // parts of the failures
	}{
		{"a delta before its base", func(p *packFile) {
			p.add(refDelta, refBase(blobID("base text")), insertDelta(9, "new text"))
			p.add(3, nil, []byte("base text"))
		}, []string{"base text", "new text"}, nil},
		{"a base that is not in the pack", func(p *packFile) {
			p.add(3, nil, []byte("alone"))
			p.add(refDelta, refBase(blobID("elsewhere")), insertDelta(9, "new text"))
		}, []string{"alone"}, []string{"x1: corrupt: its delta base is not in the pack"}},
		{"a delta for a base of another size", func(p *packFile) {
			p.add(3, nil, []byte("base text"))
			p.add(ofsDelta, []byte{byte(p.Len() - p.offsets[0])}, insertDelta(8, "new text"))
		}, []string{"base text"}, []string{"delta is for a base of 8 bytes, base has 9"}},
		{"an offset into the middle of an entry", func(p *packFile) {
			p.add(3, nil, []byte("base text"))
			p.add(ofsDelta, []byte{3}, insertDelta(9, "new text"))
		}, []string{"base text"}, []string{"its delta base is not in the pack"}},
		{"an empty pack", func(*packFile) {}, nil, nil},
		{"the same object twice", func(p *packFile) {
			p.add(3, nil, []byte("twice"))
			p.add(3, nil, []byte("twice"))
		}, []string{"twice"}, nil},
		{"an empty blob", func(p *packFile) { p.add(3, nil, nil) }, []string{""}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := newPackFile()
			c.build(file)
			p, err := openNamed(file.write(t))
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			if !errors.Is(p.IndexErr, ErrUnusable) {
				t.Errorf("IndexErr %v", p.IndexErr)
			}
			got := walkDigests(t, p, 2)
			want := make(map[string]string)
			for _, b := range c.blobs {
				want[blobID(b).String()] = digest("blob", b)
			}
			for id := range got.sums {
				if strings.Trim(id, "0") == "" {
					delete(got.sums, id)
				}
			}
			if diff := cmp.Diff(want, got.sums); diff != "" {
				t.Error(diff)
			}
			if len(got.fails) != len(c.fails) {
				t.Fatalf("failures %q, want %q", got.fails, c.fails)
			}
			for i, f := range c.fails {
				if !strings.Contains(got.fails[i], f) {
					t.Errorf("failure %q, want %q", got.fails[i], f)
				}
			}
		})
	}
}

func TestADeltaCycleIsReportedAndDoesNotHang(t *testing.T) {
	// Only an index can name a cycle: the ids of two deltas that are based on
	// each other are no hash.
	a, b := oid.ID{1}, oid.ID{2}
	file := newPackFile()
	file.add(3, nil, []byte("honest"))
	file.add(refDelta, refBase(b), insertDelta(1, "x"))
	file.add(refDelta, refBase(a), insertDelta(1, "y"))
	path := file.write(t)
	writeIndex(t, path, []oid.ID{blobID("honest"), a, b}, file.offsets)
	p, err := openNamed(path)
	if err != nil || p.IndexErr != nil {
		t.Fatal(err, p.IndexErr)
	}
	defer p.Close()
	got := walkDigests(t, p, 2)
	if len(got.sums) != 1 || len(got.fails) != 2 {
		t.Errorf("objects %v, failures %v", got.sums, got.fails)
	}
}

// writeIndex writes an index beside the pack at path.
func writeIndex(t *testing.T, path string, ids []oid.ID, offsets []int) {
	t.Helper()
	n, order := buildNames(ids, 20)
	b := binary.BigEndian.AppendUint32([]byte(indexMagic), 2)
	for i := range 256 {
		b = binary.BigEndian.AppendUint32(b, n.fanout[i+1])
	}
	b = append(b, n.ids...)
	b = append(b, make([]byte, 4*len(ids))...)
	for _, e := range order {
		b = binary.BigEndian.AppendUint32(b, uint32(offsets[e]))
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, file[len(file)-20:]...)
	sum := sha1.Sum(b)
	if err := os.WriteFile(strings.TrimSuffix(path, ".pack")+".idx", append(b, sum[:]...), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAnIndexThatHidesAnEntryIsFoundOut(t *testing.T) {
	// Two blobs; the index claims one entry fewer and one that spans both.
	file := newPackFile()
	file.add(3, nil, []byte("shown"))
	file.add(3, nil, []byte("hidden"))
	file.add(3, nil, []byte("last"))
	path := file.write(t)
	for _, c := range []struct {
		name    string
		ids     []oid.ID
		offsets []int
	}{
		{"an entry less than the pack declares", []oid.ID{blobID("shown"), blobID("last")}, []int{file.offsets[0], file.offsets[2]}},
		{"an offset twice", []oid.ID{blobID("shown"), blobID("hidden"), blobID("last")}, []int{file.offsets[0], file.offsets[2], file.offsets[2]}},
		{"an offset inside an entry", []oid.ID{blobID("shown"), blobID("hidden"), blobID("last")}, []int{file.offsets[0], file.offsets[1] + 1, file.offsets[2]}},
		{"an offset behind the end", []oid.ID{blobID("shown"), blobID("hidden"), blobID("last")}, []int{file.offsets[0], file.offsets[1], 1 << 20}},
	} {
		t.Run(c.name, func(t *testing.T) {
			writeIndex(t, path, c.ids, c.offsets)
			p, err := openNamed(path)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			if p.IndexErr == nil {
				err := p.Walk(context.Background(), WalkOptions{NewVisitor: func() Visitor { return nothing{} }})
				if !errors.Is(err, ErrUnusable) {
					t.Fatalf("error %v, want ErrUnusable", err)
				}
				return
			}
			if got := walkDigests(t, p, 1); got.sums[blobID("hidden").String()] == "" {
				t.Errorf("the hidden blob was not read: %v", got.sums)
			}
		})
	}
}

func TestAPackCutShortWhileItIsMappedIsAnError(t *testing.T) {
	_, path := packedRepository(t)
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := openNamed(path)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := os.Truncate(path, 5000); err != nil {
		t.Fatal(err)
	}
	err = p.Walk(context.Background(), WalkOptions{Workers: 2, NewVisitor: func() Visitor { return &digests{pack: p, sums: map[string]string{}} }})
	if err == nil {
		err = p.VerifyTrailer(context.Background())
	}
	if !errors.Is(err, ErrCorrupt) {
		t.Errorf("error %v, want ErrCorrupt", err)
	}
}

func TestEveryDamagedByteChangesNothingOrIsReported(t *testing.T) {
	file := newPackFile()
	file.add(3, nil, []byte("a blob that others are built on, somewhat longer"))
	base := blobID("a blob that others are built on, somewhat longer")
	file.add(ofsDelta, []byte{byte(file.Len() - file.offsets[0])}, append([]byte{48, 14}, append(copyOp(0, 8), insertOp("insert")...)...))
	file.add(refDelta, refBase(base), append([]byte{48, 20}, copyOp(4, 20)...))
	file.add(2, nil, []byte("100644 name\x0001234567890123456789"))
	good := file.write(t)
	ids := []oid.ID{base, blobID("a blob insert"), {7}, {9}}
	for _, withIndex := range []bool{false, true} {
		clean, err := os.ReadFile(good)
		if err != nil {
			t.Fatal(err)
		}
		want := damagedWalk(t, clean, ids, file.offsets, withIndex)
		if want.reported || len(want.contents) != 4 {
			t.Fatalf("the undamaged pack: %+v", want)
		}
		step := 1
		if testing.Short() {
			step = 10
		}
		for at := 0; at < len(clean); at += step {
			for _, change := range []func(byte) byte{
				func(b byte) byte { return b ^ 1 }, func(b byte) byte { return b ^ 0x80 }, func(byte) byte { return 0 }, func(byte) byte { return 0xff },
			} {
				bad := bytes.Clone(clean)
				if bad[at] = change(bad[at]); bad[at] == clean[at] {
					continue
				}
				got := damagedWalk(t, bad, ids, file.offsets, withIndex)
				if !got.reported {
					t.Errorf("byte %d: %02x for %02x (with index: %v) is not reported", at, bad[at], clean[at], withIndex)
				}
			}
		}
		for n := 0; n < len(clean); n += step {
			if got := damagedWalk(t, clean[:n], ids, file.offsets, withIndex); !got.reported {
				t.Errorf("cut to %d bytes (with index: %v): not reported", n, withIndex)
			}
		}
	}
}

type damaged struct {
	reported bool
	contents map[string]bool
}

// damagedWalk reads a pack and returns whether anything was reported.
func damagedWalk(t *testing.T, b []byte, ids []oid.ID, offsets []int, withIndex bool) damaged {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pack-bad.pack")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if withIndex && len(b) > 20 {
		writeIndex(t, path, ids, offsets)
	}
	p, err := openNamed(path)
	if err != nil {
		return damaged{reported: true}
	}
	defer p.Close()
	d := &digests{pack: p, sums: make(map[string]string)}
	err = p.Walk(context.Background(), WalkOptions{Workers: 1, NewVisitor: func() Visitor { return d }})
	res := damaged{contents: make(map[string]bool)}
	for _, s := range d.sums {
		res.contents[s] = true
	}
	res.reported = err != nil || len(d.fails) > 0 || p.CutErr != nil || p.VerifyTrailer(context.Background()) != nil || withIndex && p.IndexErr != nil
	return res
}

func TestWhatStandsBeforeADamagedEntryIsRead(t *testing.T) {
	file := newPackFile()
	file.add(3, nil, []byte("first"))
	file.add(3, nil, []byte("second"))
	file.add(3, nil, []byte("third"))
	path := file.write(t)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[file.offsets[2]+3] ^= 0xff
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := openNamed(path)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	got := walkDigests(t, p, 1)
	if p.CutErr == nil || p.CutCount != 1 || len(got.sums) != 2 || len(got.fails) > 0 {
		t.Errorf("cut %v x%d, objects %v, failures %v", p.CutErr, p.CutCount, got.sums, got.fails)
	}
}

// A pack that declares more entries than it has does not make its index seem
// truncated.
func TestAWrongCountIsNotBlamedOnTheIndex(t *testing.T) {
	file := newPackFile()
	file.add(3, nil, []byte("blob"))
	path := file.write(t)
	writeIndex(t, path, []oid.ID{blobID("blob")}, file.offsets)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[8] ^= 0x55
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := openNamed(path)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if p.IndexErr == nil || !strings.Contains(p.IndexErr.Error(), "it lists 1 entries, the pack holds 1426063361") {
		t.Errorf("error %v", p.IndexErr)
	}
}

func TestAnIndexThatNamesAnotherBaseIsFoundOut(t *testing.T) {
	// Two blobs of one length; the index swaps their names, so that the delta
	// would be built on the wrong one.
	file := newPackFile()
	file.add(3, nil, []byte("right base"))
	file.add(3, nil, []byte("wrong base"))
	file.add(refDelta, refBase(blobID("right base")), append([]byte{10, 5}, copyOp(0, 5)...))
	path := file.write(t)
	writeIndex(t, path, []oid.ID{blobID("wrong base"), blobID("right base"), blobID("right")}, file.offsets)
	p, err := openNamed(path)
	if err != nil || p.IndexErr != nil {
		t.Fatal(err, p.IndexErr)
	}
	defer p.Close()
	err = p.Walk(context.Background(), WalkOptions{NewVisitor: func() Visitor { return nothing{} }})
	if !errors.Is(err, ErrUnusable) {
		t.Errorf("error %v, want ErrUnusable", err)
	}
	q, err := OpenWithoutIndex(context.Background(), path, oid.SHA1, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if got := walkDigests(t, q, 1); got.sums[blobID("right").String()] != digest("blob", "right") {
		t.Errorf("objects %v", got.sums)
	}
}

func TestAStreamWhoseChecksumIsWrongIsDamaged(t *testing.T) {
	file := newPackFile()
	file.add(3, nil, []byte("content"))
	file.Bytes()[file.Len()-1] ^= 1 // the last byte of its Adler-32
	path := file.write(t)
	writeIndex(t, path, []oid.ID{blobID("content")}, file.offsets)
	p, err := openNamed(path)
	if err != nil || p.IndexErr != nil {
		t.Fatal(err, p.IndexErr)
	}
	defer p.Close()
	if got := walkDigests(t, p, 1); len(got.fails) != 1 {
		t.Errorf("objects %v, failures %v", got.sums, got.fails)
	}
}

func TestGuardSaysNoMoreOfAPanicThanItsType(t *testing.T) {
	for _, f := range []func(){
		func() { panic("scanned bytes") },
		func() { panic(errors.New("scanned bytes")) },
		func() { var b []byte; _ = b[len(b)] },
	} {
		err := Guard(func() error { f(); return nil })
		if !errors.Is(err, ErrCorrupt) || strings.Contains(err.Error(), "scanned bytes") {
			t.Errorf("error %v", err)
		}
	}
}
