package container

import (
	"encoding/binary"
	"io"
)

// x86Reader undoes the filter for programs of x86 that 7z and xz apply before they
// compress (x86.c of liblzma): in what looks like a call or a jump, the address is
// absolute instead of relative. Text is hardly changed by it.
type x86Reader struct {
	in       io.Reader
	position uint32
	mask     uint32 // of the last bytes, which were opcodes
	last     uint32 // where the last opcode was
	buf      [4 << 10]byte
	n, at    int // bytes in buf; how many of them are done and given out
	done     int
	err      error
}

func (x *x86Reader) Read(p []byte) (int, error) {
	for x.at == x.done {
		if x.err != nil && x.at == x.n {
			return 0, x.err
		}
		x.fill()
	}
	n := copy(p, x.buf[x.at:x.done])
	x.at += n
	return n, nil
}

// fill reads on, and filters all but the last four bytes.
func (x *x86Reader) fill() {
	x.n = copy(x.buf[:], x.buf[x.at:x.n])
	x.at, x.done = 0, 0
	for x.err == nil && x.n < len(x.buf) {
		var n int
		n, x.err = x.in.Read(x.buf[x.n:])
		x.n += n
	}
	x.done = x.filter(x.buf[:x.n])
	if x.err != nil {
		x.done = x.n
	}
}

func edge(b byte) bool { return b == 0 || b == 0xff }

// filter returns how many bytes of b it filtered.
func (x *x86Reader) filter(b []byte) int {
	allowed := [8]bool{true, true, true, false, true}
	bit := [8]uint32{0, 1, 2, 2, 3, 3, 3, 3}
	if x.position == 0 {
		x.last = ^uint32(4) // -5
	}
	if x.position-x.last > 5 {
		x.last = x.position - 5
	}
	i := 0
	for len(b)-i > 4 {
		if b[i] != 0xe8 && b[i] != 0xe9 {
			i++
			continue
		}
		at := x.position + uint32(i)
		distance := at - x.last
		x.last = at
		if distance > 5 {
			x.mask = 0
		} else {
			for range distance {
				x.mask = x.mask & 0x77 << 1
			}
		}
		if !edge(b[i+4]) || !allowed[x.mask>>1&7] || x.mask>>1 >= 0x10 {
			x.mask |= 1
			if edge(b[i+4]) {
				x.mask |= 0x10
			}
			i++
			continue
		}
		address := binary.LittleEndian.Uint32(b[i+1:])
		for {
			address -= at + 5
			if x.mask == 0 {
				break
			}
			shift := bit[x.mask>>1&7] * 8
			if !edge(byte(address >> (24 - shift))) {
				break
			}
			address ^= 1<<(32-shift) - 1
		}
		address &= 1<<25 - 1
		if address&(1<<24) != 0 {
			address |= 0xff << 24
		}
		binary.LittleEndian.PutUint32(b[i+1:], address)
		i += 5
		x.mask = 0
	}
	x.position += uint32(i)
	return i
}
