package inflate

import (
	"bufio"
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

// compareDeflated compares what d makes of a raw stream with what compress/flate does,
// and where in the input both end.
func compareDeflated(t *testing.T, d *Deflated, src []byte, wrap func(io.Reader) io.Reader) {
	t.Helper()
	const limit = 1 << 20
	behind := bytes.NewReader(src)
	want, errWant := io.ReadAll(io.LimitReader(flate.NewReader(behind), limit))
	in := bufio.NewReaderSize(wrap(bytes.NewReader(src)), 512)
	d.Reset(in)
	got, err := io.ReadAll(io.LimitReader(d, limit))
	if len(got) == limit && len(want) == limit {
		return
	}
	// A stream may be both not valid and cut: compress/flate refuses a repeated length
	// before it reads how often.
	if (err == nil) != (errWant == nil) || errors.Is(errWant, io.ErrUnexpectedEOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("%x: error %v, want %v", src[:min(len(src), 100)], err, errWant)
	}
	// Before an error, compress/flate may keep back what its window holds.
	if !bytes.HasPrefix(got, want) || err == nil && len(got) != len(want) {
		t.Fatalf("%d bytes of output, want %d, error %v", len(got), len(want), err)
	}
	if rest, _ := io.ReadAll(in); err == nil && (len(rest) != behind.Len() || d.Taken() != int64(len(src)-len(rest))) {
		t.Fatalf("%d bytes are left, %d taken, want %d of %d left", len(rest), d.Taken(), behind.Len(), len(src))
	}
}

// raw returns a zlib stream without its header and checksum, with something behind.
func raw(src []byte) []byte { return append(src[2:len(src)-4:len(src)-4], "behind"...) }

func TestDeflatedIsWhatFlateReads(t *testing.T) {
	rnd := rand.New(rand.NewPCG(21, 22))
	var d Deflated
	var streams [][]byte
	for _, src := range shortStreams() {
		streams = append(streams, raw(src))
	}
	for _, odd := range oddStreams() {
		if len(odd.src) > 6 {
			streams = append(streams, odd.src[2:])
		}
	}
	for range 50 {
		src, _ := randomStream(rnd)
		streams = append(streams, raw(src))
	}
	noise := make([]byte, 150_000) // stored blocks
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	for _, text := range [][]byte{noise, sourceLike(rnd, 700_000), make([]byte, 600_000), bytes.Repeat([]byte("abcdefghi"), 60_000)} {
		streams = append(streams, raw(deflate(t, text)))
	}
	for _, src := range streams {
		compareDeflated(t, &d, src, func(r io.Reader) io.Reader { return r })
		compareDeflated(t, &d, src, iotest.DataErrReader)
		compareDeflated(t, &d, src, iotest.HalfReader)
		if len(src) < 20_000 {
			compareDeflated(t, &d, src, iotest.OneByteReader)
		}
		for _, cut := range []int{0, 1, len(src) / 3, len(src) / 2, max(0, len(src)-7)} {
			compareDeflated(t, &d, src[:cut], iotest.HalfReader)
		}
	}
}

// An error of the input is no end of the stream.
func TestDeflatedReturnsTheErrorOfItsInput(t *testing.T) {
	broken := errors.New("broken")
	src := raw(deflate(t, bytes.Repeat([]byte("abcdefghi"), 5000)))
	var d Deflated
	d.Reset(bufio.NewReader(io.MultiReader(bytes.NewReader(src[:len(src)/2]), iotest.ErrReader(broken))))
	if got, err := io.ReadAll(&d); !errors.Is(err, broken) || len(got) == 0 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func FuzzDeflated(f *testing.F) {
	rnd := rand.New(rand.NewPCG(23, 24))
	for _, src := range shortStreams() {
		f.Add(raw(src))
	}
	for range 10 {
		src, _ := randomStream(rnd)
		f.Add(raw(src))
	}
	f.Add(raw(deflate(f, sourceLike(rnd, 3_000))))
	var d Deflated // used again, so that tables of earlier streams are in it
	f.Fuzz(func(t *testing.T, src []byte) {
		compareDeflated(t, &d, src, func(r io.Reader) io.Reader { return r })
		compareDeflated(t, &d, src, iotest.HalfReader)
	})
}
