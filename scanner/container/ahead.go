package container

import "io"

// ahead reads content in a goroutine of its own: decoding takes about as long as what a
// visitor does. It must be closed.
type ahead struct {
	r    io.Reader
	wait int // bytes to be read before a goroutine is worth it

	full, free chan []byte // nil: not started; neither ever blocks a sender
	buf, rest  []byte      // that is being given out, and what of it is left
	err        error       // of r; read when full is closed, as panicked
	panicked   any
}

const (
	// aheadAfter is how long content is of which that is not known.
	aheadAfter   = 1 << 20
	aheadSize    = 128 << 10
	aheadBuffers = 3
)

func (a *ahead) Read(p []byte) (n int, err error) {
	if a.full == nil {
		if a.wait > 0 {
			n, err = a.r.Read(p)
			a.wait -= n
			return n, err
		}
		buffers := make([][]byte, aheadBuffers)
		for i := range buffers {
			buffers[i] = make([]byte, aheadSize)
		}
		a.start(buffers)
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

// start begins to read into buffers, which are free again when a is closed.
func (a *ahead) start(buffers [][]byte) {
	a.full, a.free = make(chan []byte, len(buffers)), make(chan []byte, len(buffers))
	for _, b := range buffers {
		a.free <- b
	}
	go func() {
		defer close(a.full)
		defer func() { a.panicked = recover() }()
		for b := range a.free {
			n, idle := 0, 0
			for n < len(b) && a.err == nil {
				var m int
				if m, a.err = a.r.Read(b[n:]); m == 0 {
					if idle++; idle > maxIdle && a.err == nil {
						a.err = &readerError{"reads without an end"}
					}
				}
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
