package container

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz/lzma"

	"keysweep/scanner/gitdb/inflate"
)

// The methods of zip (APPNOTE.TXT, 4.4.5) that are opened.
const (
	zipStore   = 0
	zipDeflate = 8
	zipBzip    = 12
	zipLzma    = 14
	zipZstd    = 93
	zipXz      = 95
)

// The records of a zip, by what each begins with, and the sizes of their fixed parts.
const (
	zipHeader      = "PK\x03\x04"
	zipEntry       = "PK\x01\x02"
	zip64End       = "PK\x06\x06"
	zip64Locator   = "PK\x06\x07"
	zipHeaderSize  = 30
	zipEntrySize   = 46
	zip64EndSize   = 56
	zipLocatorSize = 20
)

var (
	errZip      = errors.New("no directory of a zip")
	errChecksum = errors.New("another checksum or size than the directory has")
)

// zipFile is a file in a zip, as the directory has it.
type zipFile struct {
	name          string
	texts         [2]string // the comment, and further fields
	flags, method uint16
	sum           uint32
	packed, size  int64
	header        int64 // where its own header is
}

// zipDirectory is where a zip's directory is. It is read an entry at a time: there may
// be millions.
type zipDirectory struct {
	start, end int64
	base       int64 // of the positions in it: what is before the zip
	entries    uint64
}

// zip passes on the files of a zip: those that its directory lists, then those that
// only have a header of their own.
func (o *opening) zip() error {
	_, size, err := o.random()
	if err != nil {
		return err
	}
	z := &zipReader{opening: o, size: size}
	err = z.listed()
	if err != nil && z.ends(err) {
		return err
	}
	for _, list := range [][]Span{o.covered, z.known} {
		slices.SortFunc(list, func(a, b Span) int { return cmp.Compare(a.Start, b.Start) })
	}
	if errU := z.unlisted(); errU != nil {
		return errU
	}
	return err
}

type zipReader struct {
	*opening
	size  int64
	known []Span // the members that the directory lists, with their headers
}

// find returns where the directory is, by the record at the end:
//
//	"PK\x05\x06" | disks, 2, 2 | entries, 2, 2 | size, 4 | position, 4 | comment's length, 2
//
// What does not fit these is in another record before it, which a locator names:
//
//	"PK\x06\x06" | size, 8 | versions, 4 | disks, 4, 4 | entries, 8, 8 | size, 8 | position, 8
//	"PK\x06\x07" | disk, 4 | position, 8 | disks, 4
func (z *zipReader) find() (d zipDirectory, err error) {
	tail := make([]byte, min(z.size, zipEndSize+1<<16))
	if _, err := z.at.ReadAt(tail, z.size-int64(len(tail))); err != nil && err != io.EOF {
		return d, err
	}
	i := lastZipEnd(tail)
	if i < 0 {
		return d, errZip
	}
	end := tail[i:]
	d.end = z.size - int64(len(tail)-i)
	d.entries = uint64(binary.LittleEndian.Uint16(end[10:]))
	length, position := uint64(binary.LittleEndian.Uint32(end[12:])), uint64(binary.LittleEndian.Uint32(end[16:]))
	if binary.LittleEndian.Uint16(end[4:]) != binary.LittleEndian.Uint16(end[6:]) {
		return d, fmt.Errorf("%w: it is one of several volumes", errUnsupported)
	}
	if i >= zipLocatorSize && string(tail[i-zipLocatorSize:i-zipLocatorSize+4]) == zip64Locator {
		if h, start := z.zip64(int64(binary.LittleEndian.Uint64(tail[i-zipLocatorSize+8:])), d.end-zipLocatorSize); h != nil {
			d.end, d.entries = start, binary.LittleEndian.Uint64(h[32:])
			length, position = binary.LittleEndian.Uint64(h[40:]), binary.LittleEndian.Uint64(h[48:])
		}
	}
	if length > uint64(d.end) || position > uint64(d.end) {
		return d, errZip
	}
	// Something may be before the zip that its positions do not count, or the record
	// may not be right behind the directory.
	d.start = d.end - int64(length)
	d.base = d.start - int64(position)
	if length > 0 && (d.base < 0 || !z.has(d.start, zipEntry)) {
		d.start, d.base = int64(position), 0
		if !z.has(d.start, zipEntry) {
			return d, errZip
		}
	}
	return d, nil
}

// lastZipEnd returns where in tail the last record of a directory's end is whose
// comment fits; -1: there is none.
func lastZipEnd(tail []byte) int {
	for end := len(tail); ; {
		i := bytes.LastIndex(tail[:end], []byte(zipEnd))
		if i < 0 || isZipEnd(tail[i:]) {
			return i
		}
		end = i + len(zipEnd) - 1
	}
}

// zip64 returns the record of large sizes and where it is: at position, or if that
// does not count what is before the zip, right before the locator.
func (z *zipReader) zip64(position, locator int64) ([]byte, int64) {
	h := make([]byte, zip64EndSize)
	for _, at := range []int64{position, locator - zip64EndSize} {
		if at >= 0 && at <= locator-zip64EndSize && z.has(at, zip64End) {
			if _, err := z.at.ReadAt(h, at); err == nil {
				return h, at
			}
		}
	}
	return nil, 0
}

// has reports whether text is at offset at.
func (z *zipReader) has(at int64, text string) bool {
	b := make([]byte, len(text))
	_, err := z.at.ReadAt(b, at)
	return err == nil && string(b) == text
}

// listed passes on the files that the directory lists.
func (z *zipReader) listed() error {
	d, err := z.find()
	if err != nil {
		return err
	}
	r := bufio.NewReaderSize(io.NewSectionReader(z.at, d.start, d.end-d.start), 64<<10)
	var n uint64
	var queue []*zipMember
	defer func() {
		for _, m := range queue {
			z.close(m)
		}
	}()
	for ended := false; ; {
		for !ended && len(queue) < zipAhead {
			f, err := readZipEntry(r)
			if ended = err != nil; ended {
				break
			}
			f.header += d.base
			queue = append(queue, z.locate(f))
			n++
		}
		if len(queue) == 0 {
			break
		}
		m := queue[0]
		err := z.pass(m)
		z.close(m)
		if queue = queue[1:]; err != nil {
			return err
		}
	}
	// Without the record for large numbers, a number of 16 bits is all there is.
	if uint16(n) != uint16(d.entries) {
		return fmt.Errorf("%d files, the directory should have %d", n, d.entries)
	}
	return nil
}

// readZipEntry reads an entry of the directory.
//
//	"PK\x01\x02" | versions, 4 | flags, 2 | method, 2 | time, 4 | CRC-32, 4 | packed, 4 | size, 4 |
//	lengths of name, further fields and comment, 2 each | disk, 2 | attributes, 6 | position, 4 | these texts
func readZipEntry(r *bufio.Reader) (*zipFile, error) {
	var h [zipEntrySize]byte
	if _, err := io.ReadFull(r, h[:]); err != nil || string(h[:4]) != zipEntry {
		return nil, errZip
	}
	var texts [3]string
	for i := range texts {
		b := make([]byte, binary.LittleEndian.Uint16(h[28+2*i:]))
		if _, err := io.ReadFull(r, b); err != nil {
			return nil, errZip
		}
		texts[i] = string(b)
	}
	f := &zipFile{
		name: texts[0], texts: [2]string{texts[2], texts[1]}, flags: binary.LittleEndian.Uint16(h[8:]), method: binary.LittleEndian.Uint16(h[10:]),
		sum: binary.LittleEndian.Uint32(h[16:]), packed: int64(binary.LittleEndian.Uint32(h[20:])),
		size: int64(binary.LittleEndian.Uint32(h[24:])), header: int64(binary.LittleEndian.Uint32(h[42:])),
	}
	f.zip64([]byte(texts[1]))
	return f, nil
}

// zip64 takes the numbers that have no room in an entry from its further fields: each a
// type of two bytes and a length of two bytes.
func (f *zipFile) zip64(extra []byte) {
	for len(extra) >= 4 {
		kind, length := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		if extra = extra[4:]; length > len(extra) {
			return
		}
		if kind == 1 {
			field := extra[:length]
			for _, n := range []*int64{&f.size, &f.packed, &f.header} {
				if *n == 1<<32-1 && len(field) >= 8 {
					*n, field = int64(binary.LittleEndian.Uint64(field)), field[8:]
				}
			}
			return
		}
		extra = extra[length:]
	}
}

// zipMember is a file that the directory lists, and is passed on soon.
type zipMember struct {
	*zipFile
	data    int64 // where its content is; 0: it has no header
	section *io.SectionReader
	problem Problem // why it is not read
	detail  string
	err     error
	decoder *inflater
	ahead   *ahead // of decoder; nil: it is not read ahead
	buffers [][]byte
}

// zipAhead is how many files of a zip are decoded at once, each to the end of its
// buffers: files are small, and a visitor takes less time than a decoder.
const zipAhead = 4

// locate returns a file of the directory, and begins to decode it.
func (z *zipReader) locate(f *zipFile) *zipMember {
	m := &zipMember{zipFile: f, problem: Damaged}
	var h [zipHeaderSize]byte
	if f.header < 0 || f.header > z.size-zipHeaderSize {
		m.detail = "it is behind the end"
		return m
	}
	if _, m.err = z.at.ReadAt(h[:], f.header); m.err != nil {
		return m
	}
	if string(h[:4]) != zipHeader {
		m.detail = "it has no header"
		return m
	}
	m.data = f.header + zipHeaderSize + int64(binary.LittleEndian.Uint16(h[26:])) + int64(binary.LittleEndian.Uint16(h[28:]))
	switch {
	case f.flags&1 != 0:
		m.problem = Encrypted
		return m
	case f.packed < 0 || m.data > z.size || f.packed > z.size-m.data:
		m.detail = "it is behind the end"
		return m
	}
	m.problem = 0
	if m.section, m.err = z.at.section(m.data, f.packed); m.err == nil && f.method == zipDeflate && f.size > 0 {
		m.decoder = z.inflate(m.section)
		for range 2 {
			m.buffers = append(m.buffers, z.buffer())
		}
		m.ahead = &ahead{r: &zipSum{r: m.decoder, want: f.sum, left: f.size}}
		m.ahead.start(m.buffers)
	}
	return m
}

// close ends the reading ahead of m.
func (z *zipReader) close(m *zipMember) {
	if m.ahead != nil {
		m.ahead.close()
		m.decoder.Close()
		z.buffers = append(z.buffers, m.buffers...)
		m.ahead = nil
	}
}

// buffer returns a buffer to read ahead into, to be appended to buffers.
func (w *walk) buffer() []byte {
	last := len(w.buffers) - 1
	if last < 0 {
		return make([]byte, aheadSize)
	}
	b := w.buffers[last]
	w.buffers = w.buffers[:last]
	return b
}

// pass passes on one file that the directory lists.
func (z *zipReader) pass(m *zipMember) error {
	for _, text := range m.texts {
		if err := z.text(m.name, text); err != nil {
			return err
		}
	}
	if m.data > 0 {
		z.known = append(z.known, Span{m.header, m.data})
	}
	switch {
	case m.err != nil:
		return z.problem(m.name, m.err)
	case m.problem != 0:
		return z.noteMember(m.name, m.problem, m.detail)
	}
	var r io.Reader = m.ahead
	if m.ahead == nil {
		opened, err := z.open(m.method, m.section)
		if err != nil {
			return z.problem(m.name, err)
		}
		if c, ok := opened.(interface{ Close() }); ok {
			defer c.Close()
		}
		r = &zipSum{r: opened, want: m.sum, left: m.size}
	}
	if err := z.member(m.name, r); err != nil {
		return z.problem(m.name, err)
	}
	z.covered = append(z.covered, Span{m.data, m.data + m.packed})
	z.known[len(z.known)-1].End = m.data + m.packed
	return nil
}

// open returns a reader of what a file of the method holds.
func (z *zipReader) open(method uint16, r *io.SectionReader) (opened io.Reader, err error) {
	err = guarded(func() error {
		switch method {
		case zipStore:
			opened = r
		case zipDeflate:
			opened = z.inflate(r)
		case zipBzip:
			opened = bzip2.NewReader(bufio.NewReader(r))
		case zipLzma:
			opened, err = zipOpenLzma(r)
		case zipZstd:
			opened, err = newZstd(r)
		case zipXz:
			opened, err = openXz(&input{meter: &meter{walk: z.walk}, r: bufio.NewReader(r)})
		default:
			err = fmt.Errorf("%w: method %d", errUnsupported, method)
		}
		return err
	})
	return opened, err
}

// zipSum reads a file to its end, and compares its checksum and size.
type zipSum struct {
	r    io.Reader
	sum  uint32
	want uint32
	left int64 // may turn negative
	// unknown says that only the size is compared.
	unknown bool
}

func (s *zipSum) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.sum = crc32.Update(s.sum, crc32.IEEETable, p[:n])
	s.left -= int64(n)
	if err == io.EOF && (s.sum != s.want && !s.unknown || s.left != 0) {
		err = errChecksum
	}
	return n, err
}

// problem turns what ends one member into a note, unless it ends the container.
func (o *opening) problem(name string, err error) error {
	var failed *readerError
	var large largeError
	switch {
	case o.ends(err):
		return err
	case errors.As(err, &failed):
		return o.noteMember(name, ReaderFailed, failed.what)
	case errors.Is(err, errEncrypted):
		return o.noteMember(name, Encrypted, "")
	case errors.Is(err, errUnsupported):
		return o.noteMember(name, Unsupported, err.Error())
	case errors.As(err, &large):
		return o.noteMember(name, TooLarge, err.Error())
	}
	return o.noteMember(name, Damaged, err.Error())
}

// ends reports whether err ends the container, not one member.
func (o *opening) ends(err error) bool {
	var limit *limitError
	var visit *visitError
	return errors.As(err, &limit) || errors.As(err, &visit) || o.ctx.Err() != nil || o.at != nil && o.at.left == 0
}

// unlisted passes on the files between those of the directory, found by their own
// headers.
func (z *zipReader) unlisted() error {
	search := &search{at: z.at}
	for _, gap := range gaps(z.known, z.size) {
		for from := gap.Start; from < gap.End; {
			start, ok, err := search.find(from, gap.End, zipHeader)
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			if from, err = z.unlistedFile(start, gap.End); err != nil {
				return err
			}
		}
	}
	return nil
}

// unlistedFile passes on the file whose header is at start, and returns from where to
// search on.
//
//	"PK\x03\x04" | version, 2 | flags, 2 | method, 2 | time, 4 | CRC-32, 4 | packed, 4 | size, 4 |
//	lengths of the name and the further fields, 2 each | these
func (z *zipReader) unlistedFile(start, end int64) (next int64, err error) {
	next = start + int64(len(zipHeader))
	var h [zipHeaderSize]byte
	if end-start < zipHeaderSize {
		return end, nil
	}
	if _, err := z.at.ReadAt(h[:], start); err != nil {
		return end, err
	}
	flags, method := binary.LittleEndian.Uint16(h[6:]), binary.LittleEndian.Uint16(h[8:])
	packed := int64(binary.LittleEndian.Uint32(h[18:]))
	name := make([]byte, binary.LittleEndian.Uint16(h[26:]))
	data := start + zipHeaderSize + int64(len(name)) + int64(binary.LittleEndian.Uint16(h[28:]))
	sized := flags&8 == 0 && packed <= end-data
	if data >= end || packed == 0 && flags&8 == 0 || method == zipStore && flags&1 == 0 {
		return next, nil // nothing, or what the raw bytes hold
	}
	if _, err := z.at.ReadAt(name, start+zipHeaderSize); err != nil {
		return end, err
	}
	if flags&1 != 0 {
		return next, z.noteMember(string(name), Encrypted, "")
	}
	if sized {
		end = data + packed
	}
	section := io.NewSectionReader(z.at, data, end-data)
	r, err := z.open(method, section)
	if err != nil {
		return next, z.problem(string(name), err)
	}
	if c, ok := r.(interface{ Close() }); ok {
		defer c.Close()
	}
	if err := z.member(string(name), r); err != nil {
		return next, z.problem(string(name), err)
	}
	if i, ok := r.(*inflater); ok { // it need not read all to find its end
		next = max(next, data+i.Taken())
	}
	return next, nil
}

// inflater is a reader of deflate, to be closed.
type inflater struct {
	*inflate.Deflated
	in   *bufio.Reader
	walk *walk
}

func (w *walk) inflate(r io.Reader) *inflater {
	i := &inflater{w.inflater(), w.head(r), w}
	i.Reset(i.in)
	return i
}

// Close gives i's memory to the next file.
func (i *inflater) Close() {
	i.walk.putInflater(i.Deflated)
	i.walk.putHead(i.in)
}

// gaps returns what no span of the sorted list holds.
func gaps(spans []Span, size int64) (list []Span) {
	at := int64(0)
	for _, s := range spans {
		if s.Start > at {
			list = append(list, Span{at, s.Start})
		}
		at = max(at, s.End)
	}
	if at < size {
		list = append(list, Span{at, size})
	}
	return list
}

// search finds texts, each behind the one before, and reads each byte about once.
type search struct {
	at    io.ReaderAt
	buf   []byte
	start int64 // of buf
}

// find returns where text is first between from and end.
func (s *search) find(from, end int64, text string) (int64, bool, error) {
	for end-from >= int64(len(text)) {
		if skip := from - s.start; skip < 0 || skip > int64(len(s.buf)-len(text)) {
			if s.buf == nil {
				s.buf = make([]byte, 64<<10)
			}
			n, err := s.at.ReadAt(s.buf[:cap(s.buf)], from)
			s.buf, s.start = s.buf[:n], from
			if err != nil && err != io.EOF {
				return 0, false, err
			}
			if n < len(text) {
				return 0, false, nil
			}
		}
		b := s.buf[from-s.start:]
		b = b[:min(int64(len(b)), end-from)]
		if i := bytes.Index(b, []byte(text)); i >= 0 {
			return from + int64(i), true, nil
		}
		from += int64(len(b) - len(text) + 1)
	}
	return 0, false, nil
}

// zipOpenLzma reads what zip has before the stream: two bytes of version, and the
// length of the properties, which must be 5; the stream itself lacks the size.
func zipOpenLzma(r io.Reader) (io.Reader, error) {
	var head [9]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, unexpected(err)
	}
	if binary.LittleEndian.Uint16(head[2:]) != 5 {
		return nil, errUnsupported
	}
	if binary.LittleEndian.Uint32(head[5:]) > maxDictionary {
		return nil, errDictionary
	}
	unknown := bytes.Repeat([]byte{0xff}, 8)
	return lzma.ReaderConfig{DictCap: maxDictionary}.NewReader(io.MultiReader(bytes.NewReader(head[4:]), bytes.NewReader(unknown), bufio.NewReader(r)))
}

// newZstd returns a reader of the frames in r, to be closed.
func newZstd(r io.Reader) (zstdReader, error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxDictionary), zstd.WithDecoderLowmem(true))
	return zstdReader{d}, err
}
