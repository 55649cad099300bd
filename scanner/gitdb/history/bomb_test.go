package history

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/gittest"
)

// bomb writes a pack of n bases with three versions each, of size bytes and with a
// needle, built by copies. The bases are far from each other, so that several workers
// take them.
func bomb(t *testing.T, dir string, n, size int) {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("PACK\x00\x00\x00\x02")
	b.Write(binary.BigEndian.AppendUint32(nil, uint32(36*n)))
	var offsets []int
	add := func(typ byte, base []byte, content []byte) {
		offsets = append(offsets, b.Len())
		c := typ<<4 | byte(len(content)&15)
		for rest := len(content) >> 4; ; rest >>= 7 {
			if rest == 0 {
				b.WriteByte(c)
				break
			}
			b.WriteByte(c | 0x80)
			c = byte(rest & 0x7f)
		}
		b.Write(base)
		z := zlib.NewWriter(&b)
		_, _ = z.Write(content)
		_ = z.Close()
	}
	base := make([]byte, 1<<16)
	for i := range n {
		first := b.Len()
		add(3, nil, base)
		for v := range 3 {
			mark := fmt.Sprint(needle, i, v)
			delta := binary.AppendUvarint(binary.AppendUvarint(nil, uint64(len(base))), uint64(size+len(mark)))
			delta = append(delta, bytes.Repeat([]byte{0x80}, size>>16)...) // copies of 64 KiB
			delta = append(append(delta, byte(len(mark))), mark...)
			var back []byte
			for d := b.Len() - first; ; d = d>>7 - 1 {
				c := byte(d & 0x7f)
				if len(back) > 0 {
					c |= 0x80
				}
				back = append([]byte{c}, back...)
				if d>>7 == 0 {
					break
				}
			}
			add(6, back, delta)
		}
		for k := range 32 {
			add(3, nil, fmt.Append(nil, i, k))
		}
	}
	sum := sha1.Sum(b.Bytes())
	b.Write(sum[:])
	// An index, whose ids are not true: only of what holds a needle this is noticed.
	x := append([]byte("\377tOc"), 0, 0, 0, 2)
	x = append(x, bytes.Repeat(binary.BigEndian.AppendUint32(nil, uint32(len(offsets))), 256)...)
	for i := range offsets {
		x = append(binary.BigEndian.AppendUint64(x, uint64(i)), make([]byte, 12)...)
	}
	x = append(x, make([]byte, 4*len(offsets))...)
	for _, at := range offsets {
		x = binary.BigEndian.AppendUint32(x, uint32(at))
	}
	x = append(x, sum[:]...)
	check := sha1.Sum(x)
	x = append(x, check[:]...)
	for ext, content := range map[string][]byte{"pack": b.Bytes(), "idx": x} {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("pack-%x.%s", sum, ext)), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatIsReadOfAPackThatUnpacksToTooMuchDoesNotDependOnWorkers(t *testing.T) {
	if testing.Short() {
		return // it unpacks a gigabyte, twice
	}
	r := gittest.New(t)
	bomb(t, filepath.Join(r.Dir, ".git/objects/pack"), 10, 64<<20)
	var first *recorder
	for _, workers := range []int{1, 8} {
		_, res, rec := scanRepo(t, r.Dir, workers, gitdb.OpenOptions{})
		for id, content := range rec.objects {
			rec.objects[id] = fmt.Sprintf("%d bytes", len(content))
		}
		tooLarge := false
		for _, s := range res.Skipped {
			tooLarge = tooLarge || s.Reason == finding.ReasonTooLarge
		}
		if !tooLarge || len(rec.objects) == 0 || len(rec.objects) == 30 {
			t.Errorf("%d workers: %d objects, %v", workers, len(rec.objects), res.Skipped)
		}
		if first == nil {
			first = rec
		} else if diff := cmp.Diff(first.objects, rec.objects); diff != "" {
			t.Error(diff)
		}
	}
}
