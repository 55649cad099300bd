package inflate

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/adler32"
	"math/rand/v2"
	"slices"
	"testing"
)

// FuzzInflate compares with compress/zlib: verdict, output, and the number of
// bytes taken, also for a size that is not the stream's.
func FuzzInflate(f *testing.F) {
	for _, odd := range oddStreams() {
		if len(odd.src) < 5_000 {
			f.Add(odd.src, uint16(3))
		}
	}
	for _, src := range shortStreams() {
		f.Add(src, uint16(100))
	}
	rnd := rand.New(rand.NewPCG(11, 12))
	for range 10 {
		src, output := randomStream(rnd)
		f.Add(src, uint16(len(output)))
	}
	f.Add(deflate(f, sourceLike(rnd, 3_000)), uint16(3_000))
	f.Add(deflate(f, make([]byte, 3_000)), uint16(2_999))

	var d Decoder // used again, so that tables of earlier streams are in it
	f.Fuzz(func(t *testing.T, src []byte, size uint16) {
		compare(t, &d, src)

		output, n, err := oracle(src)
		if len(output) == maxOutput {
			return
		}
		if err == zlib.ErrChecksum {
			src = slices.Clone(src)
			binary.BigEndian.PutUint32(src[n-4:], adler32.Checksum(output))
			compare(t, &d, src)
			err = nil
		}
		d.Checksum = true
		ok := err == nil && len(output) == int(size) && src[1]&0x20 == 0
		got, taken, err := inflate(t, &d, int(size), src)
		if (err == nil) != ok || ok && (taken != n || !bytes.Equal(got, output)) {
			t.Fatalf("%d bytes: error is %v, or output or number of bytes taken differ; want valid: %v", size, err, ok)
		}
		got, err = prefix(t, &d, int(size), src)
		if k := min(len(got), len(output)); !bytes.Equal(got[:k], output[:k]) {
			t.Fatalf("prefix of %d bytes: output differs, error %v", size, err)
		}
	})
}
