package container

import (
	"bufio"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"

	"github.com/pierrec/lz4/v4"
)

const (
	pgDumpMagic = "PGDMP"
	// The kinds of a data block.
	pgData, pgBlobs = 1, 3
	// maxPgText bounds a text of the list, in bytes; maxPgName how many of it are kept:
	// PostgreSQL's own names have 63; and maxPgNames the names that are kept.
	maxPgText  = 64 << 20
	maxPgName  = 128
	maxPgNames = 1 << 16
)

// isPgDump knows the custom format: a tar of pg_dump has the same list in a file.
func isPgDump(head []byte, _ string) bool { return len(head) > 10 && head[5] == 1 && head[10] == 1 }

// pgDump passes on the rows of the tables in a dump of PostgreSQL in the custom format
// (src/bin/pg_dump/pg_backup_archiver.c and pg_backup_custom.c). Numbers are a byte for
// the sign and as many bytes as the header says, texts a length and bytes, by version:
//
//	"PGDMP" | version, 3 | bytes of a number, 1 | bytes of an offset, 1 | format, 1 | compression |
//	time, 7 numbers | database, 2 versions, texts | entries of the list, a number | these | blocks
//
// and a block is
//
//	kind, 1 | number of the entry | pieces: length, bytes; 0 ends them
//
// where the pieces are one compressed stream. For large objects, each has its number
// before its pieces, and 0 ends the block.
func (o *opening) pgDump() error {
	in := o.src.stream
	if o.meter.parent != nil { // the list is scanned as raw bytes
		at, size, err := o.random()
		if err != nil {
			return err
		}
		in = bufio.NewReader(io.NewSectionReader(at, 0, size))
	}
	d := &pgDump{opening: o, in: &input{meter: o.meter, r: in}, names: make(map[int64]string)}
	if err := d.list(); err != nil {
		return unexpected(err)
	}
	for {
		start := o.meter.consumed
		kind, err := d.in.ReadByte()
		if err == io.EOF && d.blocks > 0 {
			return fmt.Errorf("%d tables and large objects of the list are missing", d.blocks)
		} else if err == io.EOF {
			return nil
		}
		d.blocks--
		if err != nil {
			return err
		}
		entry := d.number()
		switch {
		case d.err != nil:
			return unexpected(d.err)
		case kind == pgData:
			name := d.names[entry]
			if name == "" {
				name = fmt.Sprint("table ", entry)
			}
			err = d.data(name)
		case kind == pgBlobs:
			err = d.blobs()
		default:
			return errHeader
		}
		if err != nil {
			return err
		}
		o.covered = append(o.covered, Span{start, o.meter.consumed})
	}
}

type pgDump struct {
	*opening
	in      *input
	version int // 1.14: 14
	width   int // of a number
	offset  int // of an offset
	method  byte
	names   map[int64]string // of tables, by the entry
	blocks  int              // that are to come
	err     error
}

// The methods of compression.
const (
	pgNone = iota
	pgZlib
	pgLz4
	pgZstd
)

func (d *pgDump) bytes(n int) []byte {
	b := make([]byte, n)
	if d.err == nil {
		_, d.err = io.ReadFull(d.in, b)
	}
	return b
}

func (d *pgDump) number() int64 {
	b := d.bytes(1 + d.width)
	var n int64
	for i := d.width; i > 0; i-- {
		n = n<<8 | int64(b[i])
	}
	if b[0] != 0 {
		return -n
	}
	return n
}

// text reads a text, and keeps its first bytes.
func (d *pgDump) text() (s string, ok bool) {
	n := d.number()
	if n < 0 || d.err != nil {
		return "", false
	}
	if n > maxPgText {
		d.err = errHeader
		return "", false
	}
	s = string(d.bytes(int(min(n, maxPgName))))
	if n > maxPgName && d.err == nil {
		_, d.err = io.CopyN(io.Discard, d.in, n-maxPgName)
	}
	return s, true
}

// list reads what is before the blocks.
func (d *pgDump) list() error {
	head := d.bytes(11)
	d.version, d.width, d.offset = int(head[6]), int(head[8]), int(head[9])
	if d.err == nil && (d.version < 10 || d.version > 16 || d.width < 1 || d.width > 8 || d.offset > 8) {
		return fmt.Errorf("%w: version 1.%d", errUnsupported, d.version)
	}
	if d.version >= 15 {
		d.method = d.bytes(1)[0]
	} else if d.number() != 0 {
		d.method = pgZlib
	}
	for range 7 {
		d.number()
	}
	for range 3 {
		d.text()
	}
	for n := d.number(); n > 0 && d.err == nil; n-- {
		d.entry()
	}
	return d.err
}

// entry reads an entry of the list.
func (d *pgDump) entry() {
	entry := d.number()
	d.number()          // whether it has data
	var texts [4]string // two ids, name, kind
	for i := range texts {
		texts[i], _ = d.text()
	}
	if d.version >= 11 {
		d.number() // section
	}
	more := 5 // definition, drop, copy, schema, tablespace
	if d.version >= 14 {
		more++ // access method
	}
	var schema string
	for i := range more {
		s, _ := d.text()
		if i == 3 {
			schema = s
		}
	}
	if d.version >= 16 {
		d.number() // kind of relation
	}
	d.text() // owner
	d.text() // with OIDs
	for {
		if _, ok := d.text(); !ok { // of what it depends on
			break
		}
	}
	if hasBlock := d.bytes(1 + d.offset)[0] != 3; hasBlock && d.err == nil {
		d.blocks++
	}
	if texts[3] == "TABLE DATA" && len(d.names) < maxPgNames {
		d.names[entry] = schema + "." + texts[2]
	}
}

func (d *pgDump) blobs() error {
	for {
		id := d.number()
		if id == 0 || d.err != nil {
			return unexpected(d.err)
		}
		if err := d.data(fmt.Sprint("large object ", id)); err != nil {
			return err
		}
	}
}

// data passes on what the next pieces are.
func (d *pgDump) data(name string) error {
	pieces := &pgPieces{d: d}
	in := bufio.NewReader(pieces)
	r := io.Reader(in)
	var err error
	switch d.method {
	case pgNone:
	case pgZlib:
		var head [2]byte
		if _, err = io.ReadFull(in, head[:]); err == nil {
			r = flate.NewReader(in)
		} else if errors.Is(err, io.EOF) {
			r, err = bytes.NewReader(nil), nil // no rows
		}
	case pgLz4:
		r = lz4.NewReader(in)
	case pgZstd:
		var z zstdReader
		if z, err = newZstd(in); err == nil {
			defer z.Close()
			r = z
		}
	default:
		err = fmt.Errorf("%w: method %d", errUnsupported, d.method)
	}
	if err == nil {
		err = d.member(name, r)
	}
	if err != nil {
		if err = d.problem(name, err); err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, pieces); err != nil {
		return unexpected(err)
	}
	return nil
}

// pgPieces yields the bytes of the pieces up to the one that ends them.
type pgPieces struct {
	d    *pgDump
	left int64 // of the current one
	end  bool
}

func (p *pgPieces) Read(b []byte) (int, error) {
	for p.left == 0 {
		if p.end {
			return 0, io.EOF
		}
		p.left = p.d.number()
		if p.d.err != nil {
			return 0, unexpected(p.d.err)
		}
		if p.left < 0 {
			return 0, errHeader
		}
		p.end = p.left == 0
	}
	n, err := p.d.in.Read(b[:min(int64(len(b)), p.left)])
	p.left -= int64(n)
	return n, unexpected(err)
}
