package inflate

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

// maxOutput is the most that the oracle decodes.
const maxOutput = 1 << 20

// readers holds zlib readers for the oracle, which is called very often.
var readers sync.Pool

// oracle decodes the stream at the start of src with compress/zlib. It
// returns what it yields, also before an error, and how many bytes it takes.
func oracle(src []byte) (output []byte, n int, err error) {
	r := bytes.NewReader(src) // an io.ByteReader: nothing is read ahead
	z, ok := readers.Get().(io.ReadCloser)
	if ok {
		err = z.(zlib.Resetter).Reset(r, nil)
	} else {
		z, err = zlib.NewReader(r)
	}
	if err != nil {
		return nil, 0, err
	}
	defer readers.Put(z)
	output, err = io.ReadAll(io.LimitReader(z, maxOutput))
	return output, len(src) - r.Len(), err
}

// inflate calls Inflate for size bytes in the midst of a slice, and checks
// that nothing else is written.
func inflate(t testing.TB, d *Decoder, size int, src []byte) ([]byte, int, error) {
	t.Helper()
	const guard = 280 // more than a match
	buf := bytes.Repeat([]byte{0xa5}, guard+size+guard)
	n, err := d.Inflate(buf[guard:guard+size], src)
	checkGuards(t, buf, guard, size)
	if err != nil && !errors.Is(err, ErrCorrupt) {
		t.Errorf("error does not wrap ErrCorrupt: %v", err)
	}
	if err != nil && n != 0 {
		t.Errorf("%d bytes taken in spite of: %v", n, err)
	}
	return buf[guard : guard+size], n, err
}

// prefix is the same for Prefix.
func prefix(t testing.TB, d *Decoder, size int, src []byte) ([]byte, error) {
	t.Helper()
	const guard = 280 // more than a match
	buf := bytes.Repeat([]byte{0xa5}, guard+size+guard)
	n, err := d.Prefix(buf[guard:guard+size], src)
	checkGuards(t, buf, guard, size)
	if err != nil && !errors.Is(err, ErrCorrupt) {
		t.Errorf("error does not wrap ErrCorrupt: %v", err)
	}
	return buf[guard : guard+n], err
}

func checkGuards(t testing.TB, buf []byte, guard, size int) {
	t.Helper()
	untouched := bytes.Repeat([]byte{0xa5}, guard)
	if !bytes.Equal(buf[:guard], untouched) || !bytes.Equal(buf[guard+size:], untouched) {
		t.Fatalf("bytes beside the %d are written", size)
	}
}

// compare decodes src in every way and compares with the oracle.
func compare(t testing.TB, d *Decoder, src []byte) {
	t.Helper()
	want, wantN, wantErr := oracle(src)
	compareWith(t, d, src, want, wantN, wantErr)
}

// compareWith is compare when the oracle has spoken.
func compareWith(t testing.TB, d *Decoder, src, want []byte, wantN int, wantErr error) {
	t.Helper()
	if len(want) == maxOutput {
		return
	}
	if len(src) >= 2 && src[1]&0x20 != 0 {
		// compress/zlib takes the id of the empty dictionary for none.
		want, wantErr = nil, zlib.ErrDictionary
	}

	d.Checksum = true
	got, n, err := inflate(t, d, len(want), src)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%d bytes: error is %v, want %v", len(want), err, wantErr)
	}
	if wantErr == nil {
		if !bytes.Equal(got, want) || n != wantN {
			t.Fatalf("%d bytes: output or number of bytes taken (%d, want %d) differ", len(want), n, wantN)
		}
		if _, _, err := inflate(t, d, len(want)+1, src); !errors.Is(err, errFewer) {
			t.Fatalf("one byte more: error is %v", err)
		}
		if len(want) > 0 {
			if _, _, err := inflate(t, d, len(want)-1, src); !errors.Is(err, errMore) {
				t.Fatalf("one byte less: error is %v", err)
			}
		}
	}

	if crc32.ChecksumIEEE(src)%8 == 0 { // some of them: it takes as long as all else
		compareReader(t, src, want, wantN, wantErr)
	}

	d.Checksum = false
	got, _, err = inflate(t, d, len(want), src)
	if valid := wantErr == nil || wantErr == zlib.ErrChecksum; (err == nil) != valid {
		t.Fatalf("%d bytes without checksum: error is %v, want %v", len(want), err, wantErr)
	} else if valid && !bytes.Equal(got, want) {
		t.Fatalf("%d bytes without checksum: output differs", len(want))
	}

	d.Checksum = true
	for _, size := range []int{0, 1, len(want) / 2, len(want) - 1, len(want), len(want) + 1, len(want) + 100} {
		if size < 0 {
			continue
		}
		got, err := prefix(t, d, size, src)
		switch {
		case size <= len(want) && len(want) > 0: // a bad header is an error at size 0
			if err != nil || !bytes.Equal(got, want[:size]) {
				t.Fatalf("prefix of %d of %d bytes: error is %v, or output differs", size, len(want), err)
			}
		case size > len(want) && wantErr == nil:
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("prefix of %d of %d bytes: error is %v, or output differs", size, len(want), err)
			}
		case size > len(want):
			// At the end of the input compress/flate may wait for more bits
			// than the last symbols need.
			if !bytes.HasPrefix(got, want) || len(got) > len(want) && wantErr != io.ErrUnexpectedEOF {
				t.Fatalf("prefix of %d of %d bytes: %d bytes, want error %v", size, len(want), len(got), wantErr)
			}
			if err == nil && len(got) < size {
				t.Fatalf("prefix of %d of %d bytes: no error, want %v", size, len(want), wantErr)
			}
		}
	}
}

// compareReader reads src through the smallest window.
func compareReader(t testing.TB, src, want []byte, wantN int, wantErr error) {
	t.Helper()
	read := func(size int) ([]byte, int, error) {
		r := newReader(src, uint64(size), historySize+pauseMargin+1)
		got, err := io.ReadAll(r)
		if err != nil && !errors.Is(err, ErrCorrupt) {
			t.Errorf("error does not wrap ErrCorrupt: %v", err)
		}
		n, finished := r.Finish()
		if finished != err {
			t.Fatalf("error at the end is %v, of reading %v", finished, err)
		}
		return got, n, err
	}
	got, n, err := read(len(want))
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%d bytes through a window: error is %v, want %v", len(want), err, wantErr)
	}
	// At the end of the input compress/flate may wait for more bits than the
	// last symbols need.
	if !bytes.Equal(got, want) && wantErr != io.ErrUnexpectedEOF || wantErr == nil && n != wantN {
		t.Fatalf("%d bytes through a window: output or number of bytes taken (%d, want %d) differ", len(want), n, wantN)
	}
	if wantErr != nil {
		return
	}
	if got, _, err := read(len(want) + 1); !errors.Is(err, errFewer) || !bytes.Equal(got, want) {
		t.Fatalf("one byte more through a window: error is %v, or output differs", err)
	}
	if len(want) > 0 {
		if got, _, err := read(len(want) - 1); !errors.Is(err, errMore) || !bytes.Equal(got, want[:len(want)-1]) {
			t.Fatalf("one byte less through a window: error is %v, or output differs", err)
		}
	}
}

func TestLargeStreamsThroughAWindow(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 3))
	noise := make([]byte, 70_000) // which is stored
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	far := slices.Concat(noise[:historySize], noise[:historySize], noise[:historySize-1], noise[:historySize])
	for name, p := range map[string][]byte{"noise": noise, "far matches": far, "source": sourceLike(rnd, 100_000), "zeros": make([]byte, 600_000)} {
		for encoder, encode := range encoders() {
			src := encode(p)
			for _, window := range []int{historySize + pauseMargin + 1, historySize + 1000, 2 * historySize} {
				r := newReader(append(src, "behind"...), uint64(len(p)), window)
				var got []byte
				for buf := make([]byte, 5000); ; {
					n, err := r.Read(buf[:1+rnd.IntN(len(buf))])
					got = append(got, buf[:n]...)
					if err != nil {
						break
					}
				}
				if n, err := r.Finish(); err != nil || n != len(src) || !bytes.Equal(got, p) {
					t.Errorf("%s, %s, window of %d: %d bytes of input, %v", name, encoder, window, n, err)
				}
				r = newReader(src, uint64(len(p)), window)
				if n, err := r.Finish(); err != nil || n != len(src) {
					t.Errorf("%s, %s, window of %d, not read: %d bytes of input, %v", name, encoder, window, n, err)
				}
			}
		}
	}
}

func TestEncodedStreams(t *testing.T) {
	var d Decoder
	junk := bytes.Repeat([]byte{0xff, 0x00, 0x55}, 11)
	for how, encode := range encoders() {
		for what, p := range inputs() {
			t.Run(what+", "+how, func(t *testing.T) {
				src := encode(p)
				for _, s := range [][]byte{src, append(slices.Clip(src), 0), append(slices.Clip(src), junk...)} {
					compare(t, &d, s)
				}
				got, n, err := inflate(t, &d, len(p), append(slices.Clip(src), junk...))
				if err != nil || n != len(src) || !bytes.Equal(got, p) {
					t.Fatalf("%d of %d bytes taken, error %v, or output differs", n, len(src), err)
				}
			})
		}
	}
}

func TestRandomStreams(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	var d Decoder
	for i := range 2_000 {
		src, want := randomStream(rnd)
		if len(want) >= maxOutput {
			continue
		}
		got, n, err := inflate(t, &d, len(want), src)
		if err != nil || n != len(src) || !bytes.Equal(got, want) {
			t.Fatalf("stream %d: %d of %d bytes taken, error %v, or output differs\n%x", i, n, len(src), err, src)
		}
		compare(t, &d, append(src, make([]byte, i&31)...))
		if t.Failed() {
			t.Fatalf("stream %d: %x", i, src)
		}
	}
}

// oddStream is a stream that no encoder writes. fails says with what text it
// fails; none: it is valid.
type oddStream struct {
	name  string
	src   []byte
	fails string
}

func oddStreams() []oddStream {
	const (
		end   = 256
		three = 257 // a length of 3
	)
	// One literal 'a', lengths of 3, and the end; distance 1.
	abcLit := lens(258, 'a', 2, 'b', 2, end, 2, three, 2)
	abc := canonical(abcLit)
	// Codes of all widths up to 15 bits, so second tables: 'a' has 1 bit.
	deepLit := lens(258, end, 15, three, 15)
	for i := range 14 {
		deepLit['a'+i] = i + 1
	}
	deepDist := lens(30, 15, 15)
	for i := range 15 {
		deepDist[i] = i + 1
	}
	deep, deepD := canonical(deepLit), canonical(deepDist)
	dynamic := func(lit, dist []int) *bitWriter { return newStream().header(1, lit, dist) }
	pre := func(p ...int) []int { return lens(19, p...) }
	x300 := strings.Repeat("x", 300)
	far := strings.Repeat("0123456789abcdef", 2048) // 32768 bytes

	return []oddStream{
		{"no bytes", nil, "truncated"},
		{"header alone", []byte{0x78, 0x9c}, "truncated"},
		{"header of another method", []byte{0x77, 0x85, 3, 0, 0, 0, 0, 1}, "bad header"},
		{"header of method 0", []byte{0x70, 0x03, 3, 0, 0, 0, 0, 1}, "bad header"},
		{"header with a window of 64 KiB", []byte{0x88, 0x1c, 3, 0, 0, 0, 0, 1}, "bad header"},
		{"header with a bad check", []byte{0x78, 0x9d, 3, 0, 0, 0, 0, 1}, "bad header"},
		{"header with a window of 256 bytes", []byte{0x08, 0x1d, 3, 0, 0, 0, 0, 1}, ""},
		{"preset dictionary", []byte{0x78, 0xbb, 1, 2, 3, 4, 3, 0, 0, 0, 0, 1}, "preset dictionary"},
		{"preset dictionary that is empty", []byte{0x78, 0xbb, 0, 0, 0, 1, 3, 0, 0, 0, 0, 1}, "preset dictionary"},

		{"block of type 3", newStream().bits(1, 1).bits(3, 2).sum(""), "bad block type"},
		{"no last block", newStream().stored(0, []byte("a")).buf, "truncated"},
		{"no checksum", fixedBlock("a").code(fixed[end]).buf, "truncated"},
		{"checksum cut off", fixedBlock("a").code(fixed[end]).bytes(0, 0x62, 0).buf, "truncated"},
		{"wrong checksum", fixedBlock("a").code(fixed[end]).sum("b"), "bad checksum"},

		{"empty stored block", newStream().stored(1, nil).sum(""), ""},
		{"stored blocks", newStream().stored(0, []byte("ab")).stored(0, nil).stored(1, []byte("c")).sum("abc"), ""},
		{"stored block of 65535 bytes", newStream().stored(1, []byte(far+far[:32767])).sum(far + far[:32767]), ""},
		{"stored block with a bad complement", newStream().bits(1, 3).bytes(1, 0, 0xfe, 0xfe, 'a').sum("a"), "bad length of a stored block"},
		{"stored block longer than the input", newStream().bits(1, 3).bytes(9, 0, 0xf6, 0xff, 'a').buf, "truncated"},
		{"stored block without length", newStream().bits(1, 3).bytes(9, 0, 0xf6).buf, "truncated"},
		{"stored block behind a fixed one", newStream().bits(0, 1).bits(1, 2).code(fixed['a']).code(fixed[end]).stored(1, []byte("b")).sum("ab"), ""},

		{"empty fixed block", fixedBlock("").code(fixed[end]).sum(""), ""},
		{"many empty fixed blocks", slices.Concat(newStream().buf, bytes.Repeat([]byte{2, 8, 32, 128, 0}, 1000), fixedBlock("").code(fixed[end]).sum("")[2:]), ""},
		{"fixed block with a length of 3 at distance 1", fixedBlock("a").code(fixed[three]).bits(0, 5).code(fixed[end]).sum("aaaa"), ""},
		{"fixed block without end", fixedBlock("abc").buf, "truncated"},
		{"distance beyond the start", fixedBlock("a").code(fixed[three]).code(code{1, 5}).code(fixed[end]).sum("aaaa"), "distance too far back"},
		{"distance beyond the start, far from all ends", fixedBlock(x300).code(fixed[three]).code(code{16, 5}).bits(44, 7).code(fixed[end]).sum(x300 + "xxx" + x300), "distance too far back"},
		{"distance back to the start", fixedBlock(x300).code(fixed[three]).code(code{16, 5}).bits(43, 7).code(fixed[end]).sum(x300 + "xxx"), ""},
		{"distance at the start", fixedBlock("").code(fixed[three]).bits(0, 5).code(fixed[end]).sum("aaa"), "distance too far back"},
		{"length symbol 286", fixedBlock("a").code(fixed[286]).bits(0, 5).code(fixed[end]).sum("a"), "bad symbol"},
		{"length symbol 287", fixedBlock("a").code(fixed[287]).bits(0, 5).code(fixed[end]).sum("a"), "bad symbol"},
		{"length symbol 286, far from all ends", slices.Concat(fixedBlock("a").code(fixed[286]).sum("a"), make([]byte, 99)), "bad symbol"},
		{"distance symbol 30", fixedBlock("a").code(fixed[three]).code(code{30, 5}).code(fixed[end]).sum("aaaa"), "bad symbol"},
		{"distance symbol 31", fixedBlock("a").code(fixed[three]).code(code{31, 5}).code(fixed[end]).sum("aaaa"), "bad symbol"},
		{"length of 258 as symbol 284 and as 285", fixedBlock("a").code(fixed[284]).bits(31, 5).bits(0, 5).code(fixed[285]).bits(0, 5).code(fixed[end]).sum(strings.Repeat("a", 517)), ""},
		{"distance of 32768", newStream().stored(0, []byte(far)).bits(1, 1).bits(1, 2).code(fixed[285]).code(code{29, 5}).bits(8191, 13).code(fixed[end]).sum(far + far[:258]), ""},
		{"distance of 32768, one too far", newStream().stored(0, []byte(far[1:])).bits(1, 1).bits(1, 2).code(fixed[285]).code(code{29, 5}).bits(8191, 13).code(fixed[end]).sum(far), "distance too far back"},

		{"287 literals and lengths", newStream().bits(1, 1).bits(2, 2).bits(30, 5).bits(0, 5).bits(15, 4).buf, "too many code lengths"},
		{"288 literals and lengths", newStream().preHeader(1, 288, 1, flatPre).sum(""), "too many code lengths"},
		{"31 distances", newStream().preHeader(1, 257, 31, flatPre).sum(""), "too many code lengths"},
		{"32 distances", newStream().preHeader(1, 257, 32, flatPre).sum(""), "too many code lengths"},
		{"286 literals and lengths, 30 distances", dynamic(lens(286, 'a', 1, end, 2, 285, 2), lens(30, 0, 1, 29, 1)).code(code{0, 1}).code(code{3, 2}).code(code{0, 1}).code(code{2, 2}).sum(strings.Repeat("a", 259)), ""},

		{"code lengths begin with a repetition", newStream().preHeader(1, 257, 1, pre(16, 1, 18, 1)).bits(0, 1).bits(0, 2).bytes(make([]byte, 200)...).sum(""), "bad code lengths"},
		{"repetition of a zero", newStream().preHeader(1, 257, 1, pre(16, 2, 18, 2, 1, 2, 0, 2)).
			code(code{3, 2}).bits(127, 7).code(code{2, 2}).bits(3, 2).code(code{3, 2}).bits(101, 7).code(code{1, 2}).code(code{0, 2}).
			bits(0, 1).sum(""), ""},
		{"run of zeros that goes on into the distances", newStream().preHeader(1, 258, 2, pre(1, 2, 17, 2, 18, 2, 0, 2)).
			code(code{3, 2}).bits(127, 7).code(code{3, 2}).bits(107, 7).code(code{1, 2}).code(code{2, 2}).bits(0, 3).
			bits(0, 1).sum(""), ""},
		{"repetition that goes on into the distances", newStream().preHeader(1, 258, 3, pre(1, 2, 16, 2, 18, 2, 0, 2)).
			code(code{3, 2}).bits(127, 7).code(code{3, 2}).bits(107, 7).code(code{1, 2}).code(code{2, 2}).bits(0, 2).code(code{0, 2}).
			bits(0, 1).sum(""), ""},
		{"run beyond the last code length", newStream().preHeader(1, 257, 1, pre(1, 2, 17, 2, 18, 2, 0, 2)).
			code(code{3, 2}).bits(127, 7).code(code{3, 2}).bits(107, 7).code(code{1, 2}).code(code{2, 2}).bits(0, 3).
			bits(0, 1).sum(""), "bad code lengths"},
		{"longest run beyond the last code length", newStream().preHeader(1, 286, 30, pre(0, 1, 18, 1)).
			bits(1, 1).bits(127, 7).bits(1, 1).bits(127, 7).code(code{0, 1}).bits(1, 1).bits(127, 7).sum(""), "bad code lengths"},
		{"no code length code", newStream().preHeader(1, 257, 1, pre()).bytes(make([]byte, 100)...).sum(""), "bad code lengths"},
		{"code length code of one symbol", newStream().preHeader(1, 257, 1, pre(18, 1)).bits(0, 1).bits(127, 7).bits(0, 1).bits(109, 7).sum(""), "bad symbol"},
		{"code length code of one symbol, other bit", newStream().preHeader(1, 257, 1, pre(18, 1)).bits(1, 1).bytes(make([]byte, 90)...).sum(""), "bad code lengths"},
		{"code length code of one symbol with 2 bits", newStream().preHeader(1, 257, 1, pre(18, 2)).bytes(make([]byte, 90)...).sum(""), "bad code lengths"},
		{"code length code with too many codes", newStream().preHeader(1, 257, 1, pre(0, 1, 1, 1, 2, 1)).bytes(make([]byte, 90)...).sum(""), "bad code lengths"},
		{"code length code with too few codes", newStream().preHeader(1, 257, 1, pre(0, 1, 1, 2)).bytes(make([]byte, 90)...).sum(""), "bad code lengths"},
		{"code length code with too few codes, enough for what follows", newStream().preHeader(1, 257, 1, pre(1, 2, 18, 2)).
			code(code{1, 2}).bits(127, 7).code(code{1, 2}).bits(107, 7).code(code{0, 2}).code(code{0, 2}).
			bits(0, 1).sum(""), "bad code lengths"},
		{"code length code with codes of 7 bits", newStream().preHeader(1, 257, 1, pre(0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 18, 7, 17, 7)).
			code(code{127, 7}).bits(127, 7).code(code{127, 7}).bits(107, 7).code(code{2, 2}).code(code{0, 1}).
			bits(0, 1).sum(""), ""},
		{"code lengths cut off", newStream().preHeader(1, 257, 1, flatPre).bytes(1, 2, 3).buf, "truncated"},

		{"literal code with too many codes", dynamic(lens(257, 'a', 1, 'b', 1, end, 1), lens(1)).sum(""), "bad code lengths"},
		{"literal code with too many long codes", dynamic(lens(257, 'a', 1, 'b', 2, 'c', 15, 'd', 2, end, 15), lens(1)).sum(""), "bad code lengths"},
		{"literal code with too few codes", dynamic(lens(257, 'a', 1, end, 2), lens(1)).sum(""), "bad code lengths"},
		{"literal code of the end alone", dynamic(lens(257, end, 1), lens(1)).bits(0, 1).sum(""), ""},
		{"literal code of the end alone, other bit", dynamic(lens(257, end, 1), lens(1)).bits(1, 1).bits(0, 1).sum(""), "bad symbol"},
		{"literal code of the end alone with 2 bits", dynamic(lens(257, end, 2), lens(1)).bits(0, 2).sum(""), "bad code lengths"},
		{"literal code without symbols", dynamic(lens(257), lens(1)).bytes(make([]byte, 50)...).sum(""), "bad symbol"},
		{"no end of block", dynamic(lens(257, 'a', 1, 'b', 1), lens(1)).bits(0, 9).sum("aaaaaaaaa"), "corrupt zlib stream"}, // any error: it yields more, or is cut off
		{"codes of 15 bits, distance beyond the start", func() []byte {
			w := dynamic(deepLit, deepDist)
			for i := range 14 {
				w.code(deep['a'+i])
			}
			w.code(deep[three]).code(deepD[3])            // distance 4
			w.code(deep[three]).code(deepD[6]).bits(1, 2) // distance 10
			w.code(deep[three]).code(deepD[9]).bits(0, 3) // distance 25, of 20 bytes
			return w.code(deep[end]).sum("")
		}(), "distance too far back"},
		{"codes of 15 bits", func() []byte {
			w, want := dynamic(deepLit, deepDist), ""
			for range 40 {
				for i := range 14 {
					w.code(deep['a'+i])
					want += string(rune('a' + i))
				}
			}
			for d, n := range []int{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6} {
				w.code(deep[three]).code(deepD[d]).bits(1<<n-1, n)
				from := len(want) - int(distSymbols[d]>>16) - (1<<n - 1)
				for i := range 3 {
					want += want[from+i : from+i+1]
				}
			}
			return w.code(deep[end]).sum(want)
		}(), ""},

		{"one distance code", dynamic(abcLit, lens(1, 0, 1)).code(abc['a']).code(abc[three]).bits(0, 1).code(abc[end]).sum("aaaa"), ""},
		{"one distance code, other bit", dynamic(abcLit, lens(1, 0, 1)).code(abc['a']).code(abc[three]).bits(1, 1).code(abc[end]).sum("aaaa"), "bad symbol"},
		{"one distance code, other bit, far from all ends", slices.Concat(dynamic(abcLit, lens(1, 0, 1)).code(abc['a']).code(abc[three]).bits(1, 1).code(abc[end]).sum("aaaa"), make([]byte, 99)), "bad symbol"},
		{"one distance code, not the first", dynamic(abcLit, lens(2, 1, 1)).code(abc['a']).code(abc['b']).code(abc[three]).bits(0, 1).code(abc[end]).sum("ababa"), ""},
		{"one distance code of 2 bits", dynamic(abcLit, lens(1, 0, 2)).code(abc['a']).code(abc[end]).sum("a"), "bad code lengths"},
		{"no distance code, none used", dynamic(abcLit, lens(1)).code(abc['a']).code(abc[end]).sum("a"), ""},
		{"no distance code, one used", dynamic(abcLit, lens(1)).code(abc['a']).code(abc[three]).bits(0, 1).code(abc[end]).sum("aaaa"), "bad symbol"},
		{"distance code with too many codes", dynamic(abcLit, lens(3, 0, 1, 1, 1, 2, 1)).code(abc['a']).code(abc[end]).sum("a"), "bad code lengths"},
		{"distance code with too few codes", dynamic(abcLit, lens(3, 0, 2, 1, 2, 2, 2)).code(abc['a']).code(abc[end]).sum("a"), "bad code lengths"},
		{"second table after a shorter one", func() []byte {
			// One block leaves entries in the tables that the next must replace.
			w := newStream().header(0, deepLit, deepDist).code(deep['n']).code(deep[end])
			w.header(1, abcLit, lens(1, 0, 1)).code(abc['b']).code(abc[three]).bits(0, 1).code(abc[end])
			return w.sum("nbbbb")
		}(), ""},
	}
}

func TestOddStreams(t *testing.T) {
	var d Decoder
	for _, odd := range oddStreams() {
		t.Run(odd.name, func(t *testing.T) {
			for _, more := range []int{0, 1, 7, 8, 40} {
				src := odd.src
				if odd.fails != "truncated" {
					src = slices.Concat(src, make([]byte, more))
				}
				compare(t, &d, src)
				want, _, wantErr := oracle(src)
				d.Checksum = true
				_, _, err := inflate(t, &d, len(want), src)
				_, _, roomyErr := inflate(t, &d, len(want)+1000, src)
				switch {
				case odd.fails == "" && (err != nil || wantErr != nil):
					t.Errorf("error is %v, that of compress/zlib %v", err, wantErr)
				case odd.fails != "" && (err == nil || !strings.Contains(roomyErr.Error(), odd.fails)):
					t.Errorf("error is %v, and %v with room for 1000 bytes more", err, roomyErr)
				}
			}
		})
	}
}

// shortStreams are streams of some hundred bytes of all types of blocks.
func shortStreams() map[string][]byte {
	rnd := rand.New(rand.NewPCG(5, 6))
	m := map[string][]byte{}
	enc := encoders()
	for _, how := range []string{"compress/zlib 0", "compress/zlib 6", "klauspost 1", "flushed", "literals in a fixed block"} {
		m["small source, "+how] = enc[how](sourceLike(rnd, 120))
		m["delta, "+how] = enc[how](deltaLike(rnd, 250))
	}
	m["source"] = enc["compress/zlib 6"](sourceLike(rnd, 900))
	for _, odd := range oddStreams() {
		if odd.fails == "" && len(odd.src) < 1000 {
			m[odd.name] = odd.src
		}
	}
	for i := range 6 {
		for {
			src, _ := randomStream(rnd)
			if len(src) < 1200 {
				m[fmt.Sprintf("random stream %d", i)] = src
				break
			}
		}
	}
	return m
}

func TestTruncatedStreams(t *testing.T) {
	var d Decoder
	for name, src := range shortStreams() {
		t.Run(name, func(t *testing.T) {
			want, _, _ := oracle(src)
			for n := range src {
				compare(t, &d, src[:n:n])
				if _, _, err := inflate(t, &d, len(want), src[:n:n]); err == nil {
					t.Fatalf("no error if cut to %d of %d bytes", n, len(src))
				}
			}
		})
	}
}

func TestFlippedBits(t *testing.T) {
	var d Decoder
	for name, src := range shortStreams() {
		t.Run(name, func(t *testing.T) {
			want, _, _ := oracle(src)
			src = append(slices.Clip(src), make([]byte, 20)...)
			step := 1
			if testing.Short() {
				step = 7
			}
			for bit := 0; bit < 8*len(src); bit += step {
				src[bit/8] ^= 1 << (bit % 8)
				got, wantN, wantErr := oracle(src)
				compareWith(t, &d, src, got, wantN, wantErr)
				// Also with the size that the stream had.
				d.Checksum = true
				ok := wantErr == nil && len(got) == len(want) && src[1]&0x20 == 0
				if _, n, err := inflate(t, &d, len(want), src); (err == nil) != ok || ok && n != wantN {
					t.Fatalf("bit %d: error is %v, want %v", bit, err, wantErr)
				}
				src[bit/8] ^= 1 << (bit % 8)
			}
		})
	}
}

func TestPrefixDoesNotNeedTheRest(t *testing.T) {
	p := sourceLike(rand.New(rand.NewPCG(7, 8)), 3_000)
	src := deflate(t, p)
	var d Decoder
	if _, err := prefix(t, &d, 0, newStream().bits(1, 1).bits(3, 2).buf); err != nil {
		t.Errorf("no bytes of a bad block: %v", err)
	}
	for n := range src {
		got, err := prefix(t, &d, 20, src[:n:n])
		if !bytes.HasPrefix(p, got) || err == nil && len(got) != 20 {
			t.Fatalf("%d bytes of the stream: %q, %v", n, got, err)
		}
		if n > len(src)/2 && err != nil {
			t.Fatalf("%d of %d bytes of the stream: %v", n, len(src), err)
		}
	}
}

func TestInflateDoesNotAllocate(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 10))
	p := sourceLike(rnd, 20_000)
	src, small := deflate(t, p), fixedBlock("abc").code(fixed[256]).sum("abc")
	dst := make([]byte, len(p))
	var d Decoder
	if n := testing.AllocsPerRun(20, func() {
		if _, err := d.Inflate(dst, src); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Inflate(dst[:3], small); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Prefix(dst[:30], src); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestErrorsSayWhere pins the text of one error.
func TestErrorsSayWhere(t *testing.T) {
	var d Decoder
	src := fixedBlock("abc").code(fixed[257]).code(code{7, 5}).bits(0, 2).code(fixed[256]).sum("abc")
	_, err := d.Inflate(make([]byte, 9), src)
	if want := "corrupt zlib stream: distance too far back (at input byte 8, output byte 3 of 9)"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestTablesAreLargeEnough computes the most entries that any complete code
// takes, as examples/enough.c of zlib does, and decodes with such codes.
func TestTablesAreLargeEnough(t *testing.T) {
	for _, table := range []struct {
		name                string
		symbols, bits, size int
		want                int
	}{
		{"literals and lengths, with two that must not occur", 288, litBits, len(litTable{}), 1334},
		{"distances, with two that must not occur", 32, distBits, len(distTable{}), 402},
	} {
		if got, _ := mostEntries(table.symbols, table.bits); got != table.want || got > table.size {
			t.Errorf("%s: %d entries, want %d, at most %d", table.name, got, table.want, table.size)
		}
	}

	_, litLens := mostEntries(286, litBits)
	_, distLens := mostEntries(30, distBits)
	lit, dist := canonical(litLens), canonical(distLens)
	w := newStream().stored(0, make([]byte, 32768)).header(1, litLens, distLens)
	want := make([]byte, 32768)
	for i := range 256 {
		w.code(lit[i])
		want = append(want, byte(i))
	}
	for i := range 290 {
		sym, d := 257+i%29, i%30
		w.code(lit[sym]).bits(0, int(litSymbols[sym]&63)).code(dist[d]).bits(0, int(distSymbols[d]&63))
		for range litSymbols[sym] >> 16 & 511 {
			want = append(want, want[len(want)-int(distSymbols[d]>>16)])
		}
	}
	src := w.code(lit[256]).sum(string(want))
	var d Decoder
	if got, n, err := inflate(t, &d, len(want), src); err != nil || n != len(src) || !bytes.Equal(got, want) {
		t.Fatalf("%d of %d bytes taken, error %v, or output differs", n, len(src), err)
	}
	compare(t, &d, src)
}

// mostEntries returns the most entries that a complete code of n symbols and
// at most 15 bits takes if the first table is indexed by first bits, and the
// code lengths for which it does. It tries how many codes each length has;
// free is what the second table that is being filled still has room for, in
// codes of the current length.
func mostEntries(n, first int) (int, []int) {
	type state struct{ symbols, left, length, free int }
	type best struct {
		entries, use int
		next         state
	}
	seen := map[state]best{}
	var more func(state) int // entries of the second tables from here on
	more = func(s state) int {
		if s.symbols == 0 {
			return 0
		}
		if m, ok := seen[s]; ok {
			return m.entries
		}
		// use codes of this length leave 2*(left-use) for longer ones, which
		// the other symbols must fill.
		most := best{entries: -1}
		for use := max(0, 2*s.left-s.symbols); use <= min(s.left, s.symbols); use++ {
			left := s.left - use
			if rest := s.symbols - use; left > 0 == (rest == 0) || left > 0 && (s.length == 15 || left<<(15-s.length) < rest) {
				continue
			}
			entries, free := 0, s.free
			if s.length > first {
				for k := use; ; {
					if k <= free {
						free -= k
						break
					}
					k -= free
					free = 1 << (s.length - first)
					entries += free
				}
				if left > 0 && free > 0 {
					// The table is not full: it is doubled.
					entries += 1 << (s.length - first)
				}
			}
			next := state{s.symbols - use, 2 * left, s.length + 1, 2 * free}
			if m := more(next); m >= 0 && entries+m > most.entries {
				most = best{entries + m, use, next}
			}
		}
		seen[s] = most
		return most.entries
	}

	start := state{n, 2, 1, 0}
	entries := 1<<first + more(start)
	var lens []int
	for s := start; s.symbols > 0; s = seen[s].next {
		lens = append(lens, slices.Repeat([]int{s.length}, seen[s].use)...)
	}
	return entries, lens
}
