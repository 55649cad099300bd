package container

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"unicode/utf16"

	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz/lzma"
)

// A 7z archive (7zFormat.txt of the LZMA SDK). Each list of the header begins with a
// byte that names it. Numbers have one to nine bytes: the ones at the start of the
// first say how many more follow, the least significant first.
//
//	"7z" bc af 27 1c | version, 2 | CRC-32 of what follows, 4 | position of the header behind
//	these 32 bytes, 8 | its size, 8 | its CRC-32, 4
//
//	header   01 | 04 streams | 05 files | 00; or 17 and streams, which hold the header packed
//	streams  06 packed: position, number, 09 sizes, 0a sums, 00 |
//	         07 unpacked: 0b number, 0, folders, 0c sizes, 0a sums, 00 |
//	         08 files in folders: 0d numbers, 09 sizes but for each last, 0a sums, 00 | 00
//	folder   coders, each: 1 (bits 0-3: length of the id, 10: several streams, 20: properties) | id |
//	         numbers of streams in and out | properties; pairs of bound streams; packed streams
//	files    number | properties, each: kind, size, bytes: 0e no content, 11 0 names in UTF-16 | 00
type sevenZip struct {
	*opening
	size    int64  // of the archive
	packed  []Span // of the file
	folders []sevenFolder
	files   []sevenFile
}

// sevenFolder is what is packed together.
type sevenFolder struct {
	coders      []sevenCoder
	ins, outs   int
	bound       map[int]int // streams in, to streams out
	sources     []int       // streams in that are packed ones, the first of which is at first
	first       int
	sizes       []int64 // of the streams out
	sum         sevenSum
	contents    []int64 // sizes of the files
	contentSums []sevenSum
}

type sevenSum struct {
	sum   uint32
	known bool
}

type sevenCoder struct {
	id         string
	properties []byte
	in, out    int // the first of its streams
	ins, outs  int
}

type sevenFile struct {
	name  string
	empty bool
}

const (
	sevenHeadSize   = 32
	maxSevenHeader  = 16 << 20
	maxSevenFolders = 1 << 16 // takes some 40 MB
	maxSevenCoders  = 4       // more than 7z writes
	maxSevenStreams = 8
)

// The methods of 7z (Methods.txt of the LZMA SDK) that are opened, and encryption.
const (
	sevenCopy    = "\x00"
	sevenLzma2   = "\x21"
	sevenLzma    = "\x03\x01\x01"
	sevenDeflate = "\x04\x01\x08"
	sevenBzip2   = "\x04\x02\x02"
	sevenZstd    = "\x04\xf7\x11\x01"
	sevenLz4     = "\x04\xf7\x11\x04"
	sevenX86     = "\x03\x03\x01\x03"
	sevenAES     = "\x06\xf1\x07\x01"
)

var errSevenList = largeError("a list of files over 16 MiB, or with more than 65,536 folders") // maxSevenHeader, maxSevenFolders

// sevenzip passes on the files of a 7z archive.
func (o *opening) sevenzip() error {
	at, size, err := o.random()
	if err != nil {
		return err
	}
	var h [sevenHeadSize]byte
	if _, err := at.ReadAt(h[:], 0); err != nil {
		return unexpected(err)
	}
	position, length := binary.LittleEndian.Uint64(h[12:]), binary.LittleEndian.Uint64(h[20:])
	switch {
	case crc32.ChecksumIEEE(h[12:]) != binary.LittleEndian.Uint32(h[8:]):
		return errHeader
	case length == 0:
		return nil // without files
	case position > uint64(size-sevenHeadSize) || length > uint64(size-sevenHeadSize)-position:
		return fmt.Errorf("%w: the list of its files is behind the end", errHeader)
	case length > maxSevenHeader:
		return errSevenList
	}
	header := make([]byte, length)
	if _, err := at.ReadAt(header, sevenHeadSize+int64(position)); err != nil {
		return unexpected(err)
	}
	if crc32.ChecksumIEEE(header) != binary.LittleEndian.Uint32(h[28:]) {
		return errChecksum
	}
	z := &sevenZip{opening: o, size: size}
	for i := 0; len(header) > 0 && header[0] == 0x17; i++ {
		if i == maxSevenCoders {
			return errHeader
		}
		if header, err = z.unpackHeader(header[1:]); err != nil {
			return err
		}
	}
	fields := &sevenFields{b: header}
	if err := z.header(fields); fields.large {
		return errSevenList
	} else if err != nil {
		return err
	}
	return z.pass()
}

// unpackHeader returns the header that these streams hold.
func (z *sevenZip) unpackHeader(streams []byte) ([]byte, error) {
	if err := z.streams(&sevenFields{b: streams}); err != nil {
		return nil, err
	}
	if len(z.folders) != 1 {
		return nil, errHeader
	}
	if z.folders[0].size() > maxSevenHeader {
		return nil, errSevenList
	}
	f := &z.folders[0]
	r, err := z.open(f)
	if err != nil {
		return nil, err
	}
	header, err := io.ReadAll(io.LimitReader(z.meter.output(r), f.size()))
	if err == nil && f.sum.known && crc32.ChecksumIEEE(header) != f.sum.sum {
		err = errChecksum
	}
	z.packed, z.folders = nil, nil
	return header, err
}

// pass passes on the files, folder by folder; first those without content, and the
// folders of the file system, whose names count, too.
func (z *sevenZip) pass() error {
	var names []string
	for _, f := range z.files {
		if !f.empty {
			names = append(names, f.name)
		} else if err := z.member(f.name, bytes.NewReader(nil)); err != nil {
			return err
		}
	}
	for i := range z.folders {
		f := &z.folders[i]
		for len(names) < len(f.contents) {
			names = append(names, "")
		}
		if err := z.folder(f, names[:len(f.contents)]); err != nil {
			return err
		}
		names = names[len(f.contents):]
	}
	return nil
}

// folder passes on the files of a folder, which are called names.
func (z *sevenZip) folder(f *sevenFolder, names []string) error {
	r, err := z.open(f)
	if err == nil {
		if c, ok := r.(interface{ Close() }); ok {
			defer c.Close()
		}
	}
	for i, name := range names {
		if err == nil {
			content := &zipSum{r: io.LimitReader(r, f.contents[i]), want: f.contentSums[i].sum, left: f.contents[i], unknown: !f.contentSums[i].known}
			if err = z.member(name, content); err == nil && content.left > 0 {
				_, err = io.Copy(io.Discard, content)
			}
		}
		if err != nil {
			// What follows in the folder does not decode, either.
			if err := z.problem(name, err); err != nil {
				return err
			}
			if errors.Is(err, errChecksum) {
				err = nil
			}
		}
	}
	if err == nil {
		for i := range f.sources {
			z.covered = append(z.covered, z.packed[f.first+i])
		}
	}
	return nil
}

// size returns how many bytes a folder yields.
func (f *sevenFolder) size() int64 {
	if out := f.main(); out >= 0 {
		return f.sizes[out]
	}
	return 0
}

// main returns the stream out that is bound to nothing; -1: there is none.
func (f *sevenFolder) main() int {
	for out := range f.outs {
		used := false
		for _, o := range f.bound {
			used = used || o == out
		}
		if !used {
			return out
		}
	}
	return -1
}

// open returns a reader of what a folder holds.
func (z *sevenZip) open(f *sevenFolder) (r io.Reader, err error) {
	for _, c := range f.coders {
		if c.id == sevenAES {
			return nil, errEncrypted
		}
	}
	out := f.main()
	if out < 0 {
		return nil, errHeader
	}
	err = guarded(func() error { r, err = z.stream(f, out, 0); return err })
	return r, err
}

// stream returns a reader of the stream out of a folder.
func (z *sevenZip) stream(f *sevenFolder, out, depth int) (io.Reader, error) {
	if depth == maxSevenCoders {
		return nil, errHeader
	}
	for _, c := range f.coders {
		if out < c.out || out >= c.out+c.outs {
			continue
		}
		if c.ins != 1 || c.outs != 1 {
			return nil, fmt.Errorf("%w: method %x", errUnsupported, c.id)
		}
		r, err := z.input(f, c.in, depth)
		if err != nil {
			return nil, err
		}
		return z.decoder(c, r, f.sizes[out])
	}
	return nil, errHeader
}

// input returns a reader of the stream in of a folder.
func (z *sevenZip) input(f *sevenFolder, in, depth int) (io.Reader, error) {
	if out, ok := f.bound[in]; ok {
		return z.stream(f, out, depth+1)
	}
	for i, source := range f.sources {
		if source == in {
			span := z.packed[f.first+i]
			section, err := z.at.section(span.Start, span.End-span.Start)
			if err != nil {
				return nil, err
			}
			return bufio.NewReader(section), nil
		}
	}
	return nil, errHeader
}

// decoder returns a reader of the size bytes that a coder makes of r.
func (z *sevenZip) decoder(c sevenCoder, r io.Reader, size int64) (io.Reader, error) {
	in, ok := r.(*bufio.Reader)
	if !ok {
		in = bufio.NewReader(r)
	}
	switch c.id {
	case sevenCopy:
		return in, nil
	case sevenLzma:
		if len(c.properties) != 5 {
			return nil, errHeader
		}
		if binary.LittleEndian.Uint32(c.properties[1:]) > maxDictionary {
			return nil, errDictionary
		}
		head := binary.LittleEndian.AppendUint64(bytes.Clone(c.properties), uint64(size))
		// Nothing is further back than the start.
		binary.LittleEndian.PutUint32(head[1:], uint32(min(int64(binary.LittleEndian.Uint32(head[1:])), max(size, lzma.MinDictCap))))
		return lzma.ReaderConfig{DictCap: maxDictionary}.NewReader(io.MultiReader(bytes.NewReader(head), in))
	case sevenLzma2:
		if len(c.properties) != 1 || c.properties[0] > 40 {
			return nil, errHeader
		}
		return newLzma2(c.properties[0], size, in)
	case sevenDeflate:
		return z.inflate(in), nil
	case sevenBzip2:
		return bzip2.NewReader(in), nil
	case sevenZstd:
		return newZstd(in)
	case sevenLz4:
		return lz4.NewReader(in), nil
	case sevenX86:
		return &x86Reader{in: in}, nil
	}
	return nil, fmt.Errorf("%w: method %x", errUnsupported, c.id)
}

// sevenFields reads the fields of a header. After an error, all are zero.
type sevenFields struct {
	b   []byte
	bad bool
	// large says that there are more of something than is read.
	large bool
}

func (f *sevenFields) bytes(n int) []byte {
	if n < 0 || n > len(f.b) {
		f.b, f.bad = nil, true
		return nil
	}
	b := f.b[:n]
	f.b = f.b[n:]
	return b
}

func (f *sevenFields) byte() byte {
	if b := f.bytes(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

// is reads a byte if it is kind.
func (f *sevenFields) is(kind byte) bool {
	if len(f.b) == 0 || f.b[0] != kind {
		return false
	}
	f.b = f.b[1:]
	return true
}

func (f *sevenFields) number() int64 {
	first := f.byte()
	var n uint64
	for i, mask := 0, byte(0x80); ; i, mask = i+1, mask>>1 {
		if mask == 0 || first&mask == 0 {
			if mask != 0 {
				n |= uint64(first&(mask-1)) << (8 * i)
			}
			break
		}
		n |= uint64(f.byte()) << (8 * i)
	}
	if n >= 1<<62 {
		f.b, f.bad = nil, true
		return 0
	}
	return int64(n)
}

// count reads how many of something follow, at most a limit. Each takes a bit at least.
func (f *sevenFields) count(limit int64) int {
	n := f.number()
	f.large = f.large || n > limit && n <= int64(len(f.b))
	if n > limit || n > int64(len(f.b))*8+8 {
		f.b, f.bad = nil, true
		return 0
	}
	return int(n)
}

// bits reads n bits, the most significant first.
func (f *sevenFields) bits(n int) []bool {
	list := make([]bool, n)
	for i, b := range f.bytes((n + 7) / 8) {
		for j := 0; j < 8 && i*8+j < n; j++ {
			list[i*8+j] = b&(0x80>>j) != 0
		}
	}
	return list
}

// sums reads n checksums, some of which may be unknown.
func (f *sevenFields) sums(n int) []sevenSum {
	list := make([]sevenSum, n)
	var known []bool
	if f.byte() == 0 {
		known = f.bits(n)
	}
	for i := range list {
		if known == nil || known[i] {
			if b := f.bytes(4); b != nil {
				list[i] = sevenSum{binary.LittleEndian.Uint32(b), true}
			}
		}
	}
	return list
}

// header reads which files there are, and where.
func (z *sevenZip) header(f *sevenFields) error {
	if !f.is(1) {
		return errHeader
	}
	if f.is(2) { // properties of the archive
		for !f.bad && f.byte() != 0 {
			f.bytes(int(f.number()))
		}
	}
	if f.is(3) {
		return fmt.Errorf("%w: additional streams", errUnsupported)
	}
	if f.is(4) {
		if err := z.streams(f); err != nil {
			return err
		}
	}
	if f.is(5) {
		z.readFiles(f)
	}
	if f.bad || !f.is(0) {
		return errHeader
	}
	return nil
}

// streams reads what is packed where, and how.
func (z *sevenZip) streams(f *sevenFields) error {
	if f.is(6) {
		z.readPacked(f)
	}
	if f.is(7) {
		z.readFolders(f)
	}
	for i := range z.folders {
		folder := &z.folders[i]
		folder.contents, folder.contentSums = []int64{folder.size()}, []sevenSum{folder.sum}
	}
	if f.is(8) {
		z.readContents(f)
	}
	if f.bad || !f.is(0) {
		return errHeader
	}
	return nil
}

func (z *sevenZip) readPacked(f *sevenFields) {
	start := f.number()
	n := f.count(maxSevenFolders * maxSevenCoders)
	if f.is(9) {
		at := sevenHeadSize + start
		for range n {
			size := f.number()
			if at > z.size || size > z.size-at {
				f.b, f.bad = nil, true
				return
			}
			z.packed = append(z.packed, Span{at, at + size})
			at += size
		}
	}
	if f.is(0xa) {
		f.sums(n)
	}
	f.bad = f.bad || !f.is(0)
}

func (z *sevenZip) readFolders(f *sevenFields) {
	if !f.is(0xb) {
		f.bad = true
		return
	}
	n := f.count(maxSevenFolders)
	f.bad = f.bad || f.byte() != 0
	first := 0
	for range n {
		if f.bad {
			return
		}
		folder := readSevenFolder(f)
		folder.first = first
		if first += len(folder.sources); first > len(z.packed) {
			f.bad = true
			return
		}
		z.folders = append(z.folders, folder)
	}
	f.bad = f.bad || !f.is(0xc)
	for i := range z.folders {
		folder := &z.folders[i]
		for range folder.outs {
			folder.sizes = append(folder.sizes, f.number())
		}
	}
	if f.is(0xa) {
		for i, sum := range f.sums(len(z.folders)) {
			z.folders[i].sum = sum
		}
	}
	f.bad = f.bad || !f.is(0)
}

func readSevenFolder(f *sevenFields) (folder sevenFolder) {
	for range f.count(maxSevenCoders) {
		flags := f.byte()
		c := sevenCoder{id: string(f.bytes(int(flags & 15))), in: folder.ins, out: folder.outs, ins: 1, outs: 1}
		if flags&0x10 != 0 {
			c.ins, c.outs = f.count(maxSevenStreams), f.count(maxSevenStreams)
		}
		if flags&0x20 != 0 {
			c.properties = f.bytes(f.count(maxSevenHeader))
		}
		folder.ins += c.ins
		folder.outs += c.outs
		folder.coders = append(folder.coders, c)
	}
	for range folder.outs - 1 {
		if folder.bound == nil {
			folder.bound = make(map[int]int)
		}
		in := f.number()
		folder.bound[int(in)] = int(f.number())
	}
	sources := folder.ins - (folder.outs - 1)
	for in := range folder.ins {
		if _, ok := folder.bound[in]; sources == 1 && !ok {
			folder.sources = append(folder.sources, in)
		}
	}
	if sources > 1 {
		for range sources {
			folder.sources = append(folder.sources, int(f.number()))
		}
	}
	f.bad = f.bad || sources < 1 || len(folder.sources) != sources
	return folder
}

// readContents reads which files the folders hold.
func (z *sevenZip) readContents(f *sevenFields) {
	numbers := make([]int, len(z.folders))
	given := f.is(0xd)
	total := 0
	for i := range numbers {
		if numbers[i] = 1; given {
			numbers[i] = f.count(defaultMembers)
		}
		if total += numbers[i]; total > defaultMembers {
			f.b, f.bad = nil, true
		}
	}
	sized := f.is(9)
	unknown := 0
	for i := range z.folders {
		folder := &z.folders[i]
		left := folder.size()
		sizes := make([]int64, 0, min(numbers[i], len(f.b)+1))
		for j := range numbers[i] {
			size := left
			if sized && j < numbers[i]-1 {
				size = f.number()
			}
			if f.bad || size > left {
				f.b, f.bad = nil, true
				return
			}
			left -= size
			sizes = append(sizes, size)
		}
		folder.contents = sizes
		if len(sizes) != 1 || !folder.sum.known {
			unknown += len(sizes)
		}
	}
	var sums []sevenSum
	if f.is(0xa) {
		sums = f.sums(unknown)
	}
	for i := range z.folders {
		folder := &z.folders[i]
		if n := len(folder.contents); n != 1 || !folder.sum.known {
			folder.contentSums = make([]sevenSum, n)
			if sums != nil {
				sums = sums[copy(folder.contentSums, sums):]
			}
		}
	}
	f.bad = f.bad || !f.is(0)
}

func (z *sevenZip) readFiles(f *sevenFields) {
	z.files = make([]sevenFile, f.count(defaultMembers))
	for !f.bad {
		kind := f.byte()
		if kind == 0 {
			return
		}
		p := &sevenFields{b: f.bytes(f.count(maxSevenHeader))}
		switch kind {
		case 0xe:
			for i, empty := range p.bits(len(z.files)) {
				z.files[i].empty = empty
			}
		case 0x11:
			p.bad = p.byte() != 0
			for i := range z.files {
				z.files[i].name = p.name()
			}
		}
		f.bad = f.bad || p.bad
	}
}

// name reads a name in UTF-16, which ends with NUL.
func (f *sevenFields) name() string {
	var units []uint16
	for b := f.bytes(2); b != nil; b = f.bytes(2) {
		u := binary.LittleEndian.Uint16(b)
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units))
}
