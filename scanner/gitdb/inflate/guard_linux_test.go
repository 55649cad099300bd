package inflate

import (
	"bytes"
	"math/rand/v2"
	"syscall"
	"testing"
)

// TestNothingOutsideIsTouched decodes from and to memory that ends, or
// begins, at a page that must not be touched: a fault ends the test program.
// fast is without the checks of the language.
func TestNothingOutsideIsTouched(t *testing.T) {
	const room = 1 << 16
	// guarded returns a function that places n bytes at the end or start.
	guarded := func() func(n int, end bool) []byte {
		page := syscall.Getpagesize()
		m, err := syscall.Mmap(-1, 0, room+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		if err != nil {
			t.Skip(err)
		}
		t.Cleanup(func() { syscall.Munmap(m) })
		for _, guard := range [][]byte{m[:page], m[page+room:]} {
			if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
				t.Skip(err)
			}
		}
		m = m[page : page+room]
		return func(n int, end bool) []byte {
			if end {
				return m[room-n:]
			}
			return m[:n:n]
		}
	}
	in, out := guarded(), guarded()

	streams := shortStreams()
	rnd := rand.New(rand.NewPCG(15, 16))
	streams["zeros"] = deflate(t, make([]byte, 5_000))
	streams["period of 9"] = deflate(t, bytes.Repeat([]byte("abcdefghi"), 500))
	streams["source of 5,000 bytes"] = deflate(t, sourceLike(rnd, 5_000))
	var d Decoder
	for name, src := range streams {
		want, _, _ := oracle(src)
		for _, end := range []bool{true, false} {
			for n := range len(src) + 1 {
				s := in(n, end)
				copy(s, src)
				dst := out(len(want), end)
				if _, err := d.Inflate(dst, s); (err == nil) != (n == len(src)) {
					t.Fatalf("%s, %d bytes: %v", name, n, err)
				}
				if n == len(src) && !bytes.Equal(dst, want) {
					t.Fatalf("%s: output differs", name)
				}
			}
			s := in(len(src), end)
			copy(s, src)
			for size := range min(len(want), 1_500) {
				dst := out(size, end)
				if _, err := d.Inflate(dst, s); err == nil {
					t.Fatalf("%s: no error for %d bytes", name, size)
				}
				if n, err := d.Prefix(dst, s); err != nil || !bytes.Equal(dst[:n], want[:size]) {
					t.Fatalf("%s: prefix of %d bytes: %v, or output differs", name, size, err)
				}
			}
		}
	}
}
