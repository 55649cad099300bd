package inflate

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	kzlib "github.com/klauspost/compress/zlib"
)

// BenchmarkInflate decodes streams like those of packs, each one in turn from
// a slice that goes on behind it. compress/zlib and klauspost's variant are
// reset for each stream, and check the Adler-32; "checksum" does so here.
func BenchmarkInflate(b *testing.B) {
	for _, corpus := range []struct {
		name        string
		make        func(*rand.Rand, int) []byte
		least, most int // bytes of output
		streams     int
	}{
		{"tiny deltas", deltaLike, 20, 60, 4_000},
		{"small deltas", deltaLike, 100, 600, 2_000},
		{"small source", sourceLike, 300, 1_000, 1_000},
		{"source 10 KiB", sourceLike, 8 << 10, 12 << 10, 100},
		{"source 100 KiB", sourceLike, 90 << 10, 110 << 10, 10},
	} {
		rnd := rand.New(rand.NewPCG(13, uint64(corpus.most)))
		var pack []byte
		var offsets, sizes []int
		var total int64
		for range corpus.streams {
			p := corpus.make(rnd, corpus.least+rnd.IntN(corpus.most-corpus.least))
			offsets = append(offsets, len(pack))
			sizes = append(sizes, len(p))
			pack = append(pack, deflate(b, p)...)
			total += int64(len(p))
		}
		pack = append(pack, make([]byte, 20)...)
		dst, one := make([]byte, 128<<10), make([]byte, 1)

		var d, checking Decoder
		checking.Checksum = true
		var src bytes.Reader
		src.Reset(pack)
		std, err := zlib.NewReader(&src)
		if err != nil {
			b.Fatal(err)
		}
		src.Reset(pack)
		klauspost, err := kzlib.NewReader(&src)
		if err != nil {
			b.Fatal(err)
		}
		// read decodes with z, up to the end of the stream.
		read := func(z io.Reader, dst, from []byte) error {
			src.Reset(from)
			if err := z.(zlib.Resetter).Reset(&src, nil); err != nil {
				return err
			}
			if _, err := io.ReadFull(z, dst); err != nil {
				return err
			}
			if n, err := z.Read(one); n != 0 || err != io.EOF {
				return fmt.Errorf("%d bytes more, %w", n, err)
			}
			return nil
		}
		for _, decoder := range []struct {
			name   string
			decode func(dst, src []byte) error
		}{
			{"inflate", func(dst, src []byte) error { _, err := d.Inflate(dst, src); return err }},
			{"inflate checksum", func(dst, src []byte) error { _, err := checking.Inflate(dst, src); return err }},
			{"klauspost", func(dst, src []byte) error { return read(klauspost, dst, src) }},
			{"compress zlib", func(dst, src []byte) error { return read(std, dst, src) }},
		} {
			b.Run(corpus.name+"/"+decoder.name, func(b *testing.B) {
				b.SetBytes(total)
				for b.Loop() {
					for i, at := range offsets {
						if err := decoder.decode(dst[:sizes[i]:sizes[i]], pack[at:]); err != nil {
							b.Fatal(err)
						}
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(offsets)), "ns/stream")
			})
		}
	}
}
