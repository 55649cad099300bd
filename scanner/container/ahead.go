package container

import "io"

// ahead reads a member's content in a goroutine of its own once that turns out to be
// long: decoding takes about as long as what a visitor does. It must be closed.
type ahead struct {
	r    io.Reader
	read int // bytes, before the goroutine was started

	full, free chan []byte // nil: not started; neither ever blocks a sender
	buf, rest  []byte      // that is being given out, and what of it is left
	err        error       // of r; read when full is closed, as panicked
	panicked   any
}

const (
	aheadAfter   = 1 << 20
	aheadSize    = 128 << 10
	aheadBuffers = 3
)

func (a *ahead) Read(p []byte) (n int, err error) {
	if a.full == nil {
		if a.read < aheadAfter {
			n, err = a.r.Read(p)
			a.read += n
			return n, err
		}
		a.start()
	}
	for len(a.rest) == 0 {
		if a.buf != nil {
			a.free <- a.buf[:cap(a.buf)]
			a.buf = nil
		}
		b, ok := <-a.full
		if !ok {
			if a.panicked != nil {
				panic(a.panicked) // as if r had been read here
			}
			return 0, a.err
		}
		a.buf, a.rest = b, b
	}
	n = copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

func (a *ahead) start() {
	a.full, a.free = make(chan []byte, aheadBuffers), make(chan []byte, aheadBuffers)
	for range aheadBuffers {
		a.free <- make([]byte, aheadSize)
	}
	go func() {
		defer close(a.full)
		defer func() { a.panicked = recover() }()
		for b := range a.free {
			n := 0
			for n < len(b) && a.err == nil {
				var m int
				m, a.err = a.r.Read(b[n:])
				n += m
			}
			if n > 0 {
				a.full <- b[:n]
			}
			if a.err != nil {
				return
			}
		}
	}()
}

// close waits until r is no longer read.
func (a *ahead) close() {
	if a.full == nil {
		return
	}
	close(a.free)
	for range a.full { // to its end
	}
}
