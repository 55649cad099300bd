package document

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// An SQLite database (sqlite.org/fileformat2.html) is pages of one size, numbered from 1.
// Rows are cells in the leaves of trees, and in all pages of the trees of indexes:
//
//	page:   type, 1 | free block, 2 | cells, 2 | content's start, 2 | 1 | last child, 4 (inner pages) |
//	        position of each cell, 2 | … | cells          (on page 1, all this begins at 100)
//	cell:   child, 4 (inner pages) | size of the record | row's number (tables) | record | overflow page, 4
//	record: size of the header | type of each column | columns; numbers as varints
//
// What does not fit the page goes on in a list of overflow pages: the next page's number, 4,
// then content. A write-ahead log is a header of 32 bytes, then pages with 24 before each.
//
// Rows are read page by page, whether a tree leads there or not: pages that were freed
// hold rows, too. Only what may hold what is looked for is decoded.

const (
	sqliteMagic     = "SQLite format 3\x00"
	maxPage         = 65_536
	pageLeafTable   = 13
	pageLeafIndex   = 10
	pageInnerTable  = 5
	pageInnerIndex  = 2
	maxRecordHeader = 300_000 // bytes: 32,767 columns
	// maxOwned is of how many pages the table is remembered, and maxTables of how many
	// tables the name, of which maxTableName bytes.
	maxOwned     = 8 << 20
	maxTables    = 50_000
	maxTableName = 256
	// maxFrames is how many pages of a log are found by their number.
	maxFrames = 1 << 20
	// gateOverlap is how much of what was asked about is asked about again with
	// what follows: more than a literal is long.
	gateOverlap = 64
	// cellTimes is how often the bytes of a file may be read as those of a cell: of each
	// row that goes on elsewhere thrice, to name, to ask and to pass it on.
	cellTimes  = 8
	leastCells = 16 << 20
)

var errAgain = errors.New("cells that overlap, or overflow in circles")

// errNotWhole ends a record that cannot be read to its end: its bytes are scanned as
// they are.
var errNotWhole = errors.New("not whole")

// IsSQLiteLog reports whether content that begins with head is a write-ahead log.
func IsSQLiteLog(head []byte, _ string) bool {
	const logHeader = 32
	return len(head) >= logHeader && binary.BigEndian.Uint32(head)&^1 == 0x377f0682 && binary.BigEndian.Uint32(head[4:]) == 3_007_000
}

// IsEncryptedDatabase reports whether content that begins with head is called like a
// database, and random from its first byte.
func IsEncryptedDatabase(head []byte, name string) bool {
	const enough = 4 << 10
	if len(head) < enough || !IsDatabaseName(name) {
		return false
	}
	var counts [256]int
	for _, c := range head[:enough] {
		counts[c]++
	}
	for _, n := range counts { // 16 are expected; a random page fails once in a million
		if n == 0 || n > 45 {
			return false
		}
	}
	return true
}

// IsDatabaseName reports whether a file called name is said to be a database.
func IsDatabaseName(name string) bool {
	for _, suffix := range []string{".db", ".db3", ".sqlite", ".sqlite3", ".sqlitedb"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

type sqlite struct {
	file             File
	sink             Sink
	pageSize, usable int
	// Page i of the file, from 0, is at base + i*stride. A log has its number before it.
	base, stride, pages int64
	isLog               bool
	frames              map[uint32]int64 // of a log: where a page is
	order               binary.ByteOrder // of texts in UTF-16; nil: UTF-8, or not known

	block   []byte // pages that were read last
	blockAt int64  // of block in the file
	chain   []byte // scratch of holdsChain
	link    []byte // a page, of holdsChain

	left int64 // bytes that cells may still have, since they may overlap and overflow in circles

	owner  []uint16 // of each page from 1: which of tables; 0: not known
	tables []string
	found  bool // owner and tables were looked for
}

// SQLite passes on the rows of a database or a write-ahead log.
func SQLite(f File, sink Sink) error {
	var head [100]byte
	n, err := f.ReadAt(head[:], 0)
	if err != nil && err != io.EOF {
		return err
	}
	d := &sqlite{file: f, sink: sink}
	if strings.HasPrefix(string(head[:n]), sqliteMagic) {
		err = d.openDatabase(head[:n])
	} else {
		err = d.openLog(head[:n])
	}
	if err != nil {
		return err
	}
	d.pages = (f.Size - d.base) / d.stride
	d.left = leastCells + f.Size*cellTimes
	if d.isLog {
		if err := d.listFrames(); err != nil {
			return err
		}
	}
	if err := d.read(); err != nil {
		return err
	}
	claimed := int64(binary.BigEndian.Uint32(head[28:]))
	if isCurrent := [4]byte(head[24:28]) == [4]byte(head[92:96]); !d.isLog && isCurrent && claimed > d.pages {
		return fmt.Errorf("%d pages of %d", d.pages, claimed)
	}
	return nil
}

func (d *sqlite) setPage(size, reserved int) error {
	if size < 512 || size > maxPage || size&(size-1) != 0 || size-reserved < 480 {
		return fmt.Errorf("a page of %d bytes", size)
	}
	d.pageSize, d.usable = size, size-reserved
	return nil
}

func (d *sqlite) openDatabase(head []byte) error {
	if len(head) < 100 {
		return io.ErrUnexpectedEOF
	}
	size := int(binary.BigEndian.Uint16(head[16:]))
	if size == 1 {
		size = maxPage
	}
	switch binary.BigEndian.Uint32(head[56:]) {
	case 2:
		d.order = binary.LittleEndian
	case 3:
		d.order = binary.BigEndian
	}
	err := d.setPage(size, int(head[20]))
	d.stride = int64(d.pageSize)
	return err
}

func (d *sqlite) openLog(head []byte) error {
	if len(head) < 32 {
		return io.ErrUnexpectedEOF
	}
	d.isLog = true
	size := binary.BigEndian.Uint32(head[8:])
	err := d.setPage(int(min(size, maxPage+1)), 0)
	d.base, d.stride = 32+24, int64(d.pageSize)+24
	return err
}

// listFrames notes where the last version of each page is in a log.
func (d *sqlite) listFrames() error {
	d.frames = make(map[uint32]int64)
	var number [4]byte
	for i := int64(0); i < min(d.pages, maxFrames); i++ {
		at := d.base + i*d.stride
		if _, err := d.file.ReadAt(number[:], at-24); err != nil {
			return err
		}
		d.frames[binary.BigEndian.Uint32(number[:])] = at
	}
	return nil
}

// offset returns where page n is; -1: it is not in the file.
func (d *sqlite) offset(n uint32) int64 {
	if d.isLog {
		if at, ok := d.frames[n]; ok {
			return at
		}
		return -1
	}
	if n == 0 || int64(n) > d.pages {
		return -1
	}
	return int64(n-1) * d.stride
}

// take counts n bytes of a cell.
func (d *sqlite) take(n int) error {
	if d.left -= int64(n); d.left < 0 {
		return errAgain
	}
	return nil
}

// page reads page n to buf.
func (d *sqlite) page(n uint32, buf []byte) error {
	if err := d.take(d.pageSize); err != nil {
		return err
	}
	at := d.offset(n)
	if at < 0 {
		return errNotWhole
	}
	if from := at - d.blockAt; from >= 0 && from+int64(d.pageSize) <= int64(len(d.block)) {
		copy(buf[:d.pageSize], d.block[from:])
		return nil
	}
	if _, err := d.file.ReadAt(buf[:d.pageSize], at); err == io.EOF {
		return errNotWhole
	} else if err != nil {
		return err
	}
	return nil
}

// read reads all pages in turn.
func (d *sqlite) read() error {
	perBlock := max(1, (1<<20)/d.stride)
	block := make([]byte, perBlock*d.stride)
	before := d.stride - int64(d.pageSize) // of each page
	for first := int64(0); first < d.pages; first += perBlock {
		n := min(perBlock, d.pages-first)
		at := d.base + first*d.stride
		b := block[:n*d.stride]
		read, err := d.file.ReadAt(b, at-before)
		if err != nil && err != io.EOF {
			return err
		}
		d.block, d.blockAt = b[:read], at-before
		may := d.file.holds(b)
		for i := range n {
			start := before + i*d.stride
			p := sqlitePage{sqlite: d, b: b[start : start+int64(d.pageSize)], number: uint32(first + i + 1), at: at + i*d.stride}
			if d.isLog {
				p.number = binary.BigEndian.Uint32(b[start-before:])
			}
			if err := p.read(may && d.file.holds(p.b)); err != nil {
				return err
			}
		}
	}
	return nil
}

// sqlitePage is a page as it is read.
type sqlitePage struct {
	*sqlite
	b      []byte
	number uint32
	at     int64 // in the file
}

// cells calls cell for each cell of a page of a tree: its bytes up to the end of the page.
func (p *sqlitePage) cells(cell func(i int, kind byte, at int) error) error {
	head := 0
	if p.number == 1 {
		head = 100
	}
	kind := p.b[head]
	positions := head + 8
	switch kind {
	case pageInnerTable, pageInnerIndex:
		positions += 4
	case pageLeafTable, pageLeafIndex:
	default:
		return nil
	}
	n := int(binary.BigEndian.Uint16(p.b[head+3:]))
	if positions+2*n > p.usable {
		return nil
	}
	for i := range n {
		at := int(binary.BigEndian.Uint16(p.b[positions+2*i:]))
		if at < positions+2*n || at > p.usable-4 {
			continue // damaged, or a free page that was used for something else
		}
		if err := cell(i, kind, at); err != nil {
			return err
		}
	}
	return nil
}

// read passes on the rows of a page. may says whether the page may hold what is looked
// for; where a row goes on elsewhere, that is asked of the whole row.
func (p *sqlitePage) read(may bool) error {
	return p.cells(func(i int, kind byte, at int) error {
		if kind == pageInnerTable {
			return nil
		}
		c, ok := p.cell(kind, at)
		if !ok || !may && c.next == 0 {
			return nil
		}
		if err := p.take(len(c.local)); err != nil {
			return err
		}
		spans := []Span{{p.at + int64(c.start), p.at + int64(c.start+len(c.local))}}
		if c.next == 0 {
			if !p.file.holds(c.local) {
				return nil
			}
		} else {
			var held bool
			var err error
			if spans, held, err = p.holdsChain(c, spans); err != nil || !held {
				if errors.Is(err, errNotWhole) {
					err = nil
				}
				return err
			}
		}
		r, err := newRow(p.sqlite, c)
		if err != nil {
			if errors.Is(err, errNotWhole) {
				err = nil
			}
			return err
		}
		name, err := p.rowName(kind, i, c)
		if err != nil {
			return err
		}
		return p.sink.Part(name, r, spans...)
	})
}

// cell is a record: what of it is in the page, and where it goes on.
type sqliteCell struct {
	local []byte
	start int // of local in the page
	size  int64
	row   int64
	next  uint32 // 0: it is all in local
}

// cell takes a cell apart.
func (p *sqlitePage) cell(kind byte, at int) (c sqliteCell, ok bool) {
	b := p.b[at:p.usable]
	if kind == pageInnerIndex {
		b = b[4:]
	}
	size, n := varint(b)
	b = b[n:]
	if kind == pageLeafTable {
		row, n := varint(b)
		c.row, b = int64(row), b[n:]
	}
	if n == 0 || size > uint64(p.file.Size) {
		return c, false
	}
	c.size, c.start = int64(size), p.usable-len(b)
	u := int64(p.usable)
	most := u - 35
	if kind != pageLeafTable {
		most = (u-12)*64/255 - 23
	}
	local := c.size
	if c.size > most {
		least := (u-12)*32/255 - 23
		if local = least + (c.size-least)%(u-4); local > most {
			local = least
		}
	}
	if local > int64(len(b)) {
		return c, false
	}
	c.local = b[:local]
	if local < c.size {
		if int64(len(b)) < local+4 {
			return c, false
		}
		if c.next = binary.BigEndian.Uint32(b[local:]); c.next == 0 {
			return c, false
		}
	}
	return c, true
}

// holdsChain reports whether a record that goes on in other pages may hold what is looked
// for, and adds these pages to spans.
func (p *sqlitePage) holdsChain(c sqliteCell, spans []Span) ([]Span, bool, error) {
	if p.chain == nil {
		p.chain, p.link = make([]byte, 0, 64<<10), make([]byte, p.pageSize)
	}
	r := &payload{sqlite: p.sqlite, buf: p.link, local: c.local, next: c.next, left: c.size - int64(len(c.local)), visit: func(at int64) {
		if last := &spans[len(spans)-1]; last.End == at {
			last.End += int64(p.pageSize)
		} else {
			spans = append(spans, Span{at, at + int64(p.pageSize)})
		}
	}}
	held := p.file.Holds == nil
	buf := p.chain[:0]
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == nil && len(buf) < cap(buf) {
			continue
		}
		held = held || p.file.holds(buf)
		if err == io.EOF {
			return spans, held, nil
		}
		if err != nil {
			return spans, false, err
		}
		buf = buf[:copy(buf, buf[len(buf)-gateOverlap:])]
	}
}

// payload yields a record from its pages.
type payload struct {
	*sqlite
	local []byte // to be given out
	next  uint32
	left  int64          // bytes behind local
	visit func(at int64) // called for each overflow page; nil: nothing
	buf   []byte
}

func (r *payload) Read(p []byte) (int, error) {
	if len(r.local) == 0 {
		if r.left == 0 {
			return 0, io.EOF
		}
		if r.buf == nil {
			r.buf = make([]byte, r.pageSize)
		}
		at := r.offset(r.next)
		if err := r.page(r.next, r.buf); err != nil {
			return 0, err
		}
		if r.visit != nil {
			r.visit(at)
		}
		r.next = binary.BigEndian.Uint32(r.buf)
		r.local = r.buf[4:r.usable]
		if int64(len(r.local)) > r.left {
			r.local = r.local[:r.left]
		}
		r.left -= int64(len(r.local))
	}
	n := copy(p, r.local)
	r.local = r.local[n:]
	return n, nil
}

// row yields the texts and blobs of a record, a line for each column.
type row struct {
	in      *payload
	order   binary.ByteOrder
	unknown bool       // whether texts are in UTF-16
	columns []rowValue // that are left
	left    int64      // bytes of the current one
	isText  bool       // the current one
	out     []byte
	done    int
	odd     []byte // half of a unit of UTF-16
	err     error
}

type rowValue struct {
	size   int64
	isText bool
	isKept bool
}

// newRow reads the header of a record.
func newRow(d *sqlite, c sqliteCell) (*row, error) {
	r := &row{in: &payload{sqlite: d, local: c.local, next: c.next, left: c.size - int64(len(c.local))}, order: d.order, unknown: d.isLog}
	start := c.local[:min(len(c.local), 9)]
	size, n := varint(start)
	if n == 0 || size > maxRecordHeader || int64(size) > c.size || int(size) < n {
		return nil, errNotWhole
	}
	header := make([]byte, size)
	if _, err := io.ReadFull(r.in, header); err != nil {
		return nil, err
	}
	sum := int64(size)
	for header = header[n:]; len(header) > 0; {
		kind, n := varint(header)
		if n == 0 || kind > 1<<40 {
			return nil, errNotWhole
		}
		header = header[n:]
		v := rowValue{size: [12]int64{0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0}[min(kind, 11)]}
		if kind >= 12 {
			v = rowValue{size: int64(kind-12) / 2, isText: kind&1 == 1, isKept: true}
		}
		sum += v.size
		r.columns = append(r.columns, v)
	}
	if sum != c.size {
		return nil, errNotWhole
	}
	return r, nil
}

func (r *row) Read(p []byte) (int, error) {
	for r.done == len(r.out) {
		if r.err != nil {
			return 0, r.err
		}
		r.out, r.done = r.out[:0], 0
		r.err = r.step()
	}
	n := copy(p, r.out[r.done:])
	r.done += n
	return n, nil
}

// step decodes a piece of a column.
func (r *row) step() error {
	if r.left == 0 {
		if len(r.columns) == 0 {
			return io.EOF
		}
		v := r.columns[0]
		r.columns = r.columns[1:]
		if !v.isKept {
			r.out = append(r.out, cellEnd...)
			_, err := io.CopyN(io.Discard, r.in, v.size)
			return unexpectedEnd(err)
		}
		r.left, r.isText, r.odd = v.size, v.isText, nil
		if v.size == 0 {
			r.out = append(r.out, cellEnd...)
		}
		return nil
	}
	piece := make([]byte, min(r.left, 16<<10))
	n, err := r.in.Read(piece)
	piece = piece[:n]
	r.left -= int64(n)
	if r.isText && r.unknown && n > 1 { // most texts begin with ASCII
		switch {
		case piece[0] == 0:
			r.order = binary.BigEndian
		case piece[1] == 0:
			r.order = binary.LittleEndian
		}
		r.unknown = r.order == nil
	}
	if r.isText && r.order != nil {
		r.out = r.appendUTF16(r.out, piece)
	} else {
		r.out = append(r.out, piece...)
	}
	if r.left == 0 {
		r.out = append(r.out, cellEnd...)
	}
	return unexpectedEnd(err)
}

// unexpectedEnd returns err; the end of a record that has columns left is damage.
func unexpectedEnd(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (r *row) appendUTF16(dst, b []byte) []byte {
	b = append(r.odd, b...)
	for ; len(b) >= 2; b = b[2:] {
		c := rune(r.order.Uint16(b))
		if utf16.IsSurrogate(c) && len(b) >= 4 {
			if pair := utf16.DecodeRune(c, rune(r.order.Uint16(b[2:]))); pair != utf8.RuneError {
				c, b = pair, b[2:]
			}
		}
		dst = utf8.AppendRune(dst, c)
	}
	r.odd = append([]byte(nil), b...)
	return dst
}

// varint reads a number of SQLite's: seven bits in each byte, the highest first, all eight
// in the ninth. n is 0 if it has no end.
func varint(b []byte) (v uint64, n int) {
	for i, c := range b {
		if i == 8 {
			return v<<8 | uint64(c), 9
		}
		v = v<<7 | uint64(c&0x7f)
		if c < 0x80 {
			return v, i + 1
		}
	}
	return 0, 0
}
