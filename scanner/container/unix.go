package container

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"

	"github.com/nwaples/rardecode/v2"
)

func index(b []byte, text string) int { return bytes.Index(b, []byte(text)) }
func bytesReader(b []byte) io.Reader  { return bytes.NewReader(bytes.Clone(b)) }

var errHeader = errors.New("malformed header")

// ar passes on the files of an archive of ar(5): static libraries, Debian packages.
//
//	"!<arch>\n"
//	name, 16 | time, 12 | owner, 6 | group, 6 | mode, 8 | size, 10, decimal | "`\n"
//	content, filled up to an even length with \n
//
// BSD's long names ("#1/N") are the first N bytes of the content, GNU's ("/N") are in
// the member "//", at N.
func (o *opening) ar() error {
	in := &input{meter: o.meter, r: o.src.stream}
	if _, err := io.CopyN(io.Discard, in, 8); err != nil {
		return err
	}
	var names string
	for {
		var h [60]byte
		if n, err := io.ReadFull(in, h[:]); n == 0 && err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		size, err := strconv.ParseInt(strings.TrimRight(string(h[48:58]), " "), 10, 64)
		if err != nil || size < 0 || h[58] != '`' || h[59] != '\n' {
			return errHeader
		}
		name := strings.TrimRight(string(h[:16]), " ")
		padding := size & 1
		switch {
		case name == "//" && size <= 1<<20:
			var b strings.Builder
			if _, err := io.CopyN(&b, in, size+padding); err != nil {
				return err
			}
			names = b.String()
			continue
		case strings.HasPrefix(name, "#1/"):
			n, err := strconv.ParseInt(name[3:], 10, 64)
			if err != nil || n < 0 || n > size || n > 1<<16 {
				return errHeader
			}
			b := make([]byte, n)
			if _, err := io.ReadFull(in, b); err != nil {
				return err
			}
			name, size = strings.TrimRight(string(b), "\x00"), size-n
		case strings.HasPrefix(name, "/") && len(name) > 1:
			if n, err := strconv.Atoi(name[1:]); err == nil && n >= 0 && n < len(names) {
				name, _, _ = strings.Cut(names[n:], "\n")
			}
		}
		if err := o.forward(strings.TrimSuffix(name, "/"), in, size); err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, in, padding); err != nil && err != io.EOF {
			return err
		}
	}
}

// forward passes on a member that is the next size bytes of in.
func (o *opening) forward(name string, in *input, size int64) error {
	start := in.meter.consumed
	r := &io.LimitedReader{R: in, N: size}
	if err := o.member(name, r); err != nil {
		return err
	}
	if r.N > 0 {
		return io.ErrUnexpectedEOF
	}
	if size > 0 {
		o.covered = append(o.covered, Span{start, start + size})
	}
	return nil
}

// isCpio reports whether a header of one of cpio's flavours comes first: binary in
// either order of bytes, or "070707", "070701", "070702".
func isCpio(head []byte, name string) bool {
	if head[0] == '0' {
		return len(head) >= 76 && (head[5] == '1' || head[5] == '2' || head[5] == '7') && strings.Trim(string(head[6:76]), "0123456789abcdefABCDEF") == ""
	}
	// The old one has only two bytes to know it by.
	return len(head) > 26 && (strings.HasSuffix(name, ".cpio") || name == "")
}

const cpioEnd = "TRAILER!!!"

// cpio passes on the files of a cpio archive (cpio(5)).
func (o *opening) cpio() error {
	in := &input{meter: o.meter, r: o.src.stream}
	for {
		head, err := in.r.Peek(6)
		if len(head) == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		h, err := readCpioHeader(in, head)
		if err != nil {
			return err
		}
		if h.nameSize == 0 || h.nameSize > 1<<16 || h.size < 0 {
			return errHeader
		}
		b := make([]byte, h.nameSize)
		if _, err := io.ReadFull(in, b); err != nil {
			return err
		}
		name := strings.TrimRight(string(b), "\x00")
		if _, err := io.CopyN(io.Discard, in, h.pad(h.length+h.nameSize)); err != nil {
			return err
		}
		if name == cpioEnd {
			break
		}
		if err := o.forward(name, in, h.size); err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, in, h.pad(h.size)); err != nil && err != io.EOF {
			return err
		}
	}
	// An initramfs is several archives, one behind the other, some of them compressed.
	if !o.skipZeros() {
		return nil
	}
	rest, _ := o.src.stream.Peek(HeadSize)
	if f := detect(rest, ""); f != nil {
		return o.inner("", o.inside, o.inside, in, o.meter.depth)
	}
	return o.behind()
}

type cpioHeader struct {
	size, nameSize, length int64
	align                  int64 // 0: nothing is filled up
}

// pad returns how many bytes fill up n bytes.
func (h cpioHeader) pad(n int64) int64 {
	if h.align == 0 {
		return 0
	}
	return (h.align - n%h.align) % h.align
}

func readCpioHeader(in *input, magic []byte) (h cpioHeader, err error) {
	switch m := string(magic); {
	case m == "070701" || m == "070702":
		h = cpioHeader{length: 110, align: 4}
	case m == "070707":
		h = cpioHeader{length: 76}
	case magic[0] == 0xc7 || magic[0] == 0x71:
		h = cpioHeader{length: 26, align: 2}
	default:
		return h, errHeader
	}
	b := make([]byte, h.length)
	if _, err := io.ReadFull(in, b); err != nil {
		return h, err
	}
	number := func(text []byte, base int) int64 {
		n, errN := strconv.ParseInt(string(text), base, 64)
		if errN != nil {
			err = errHeader
		}
		return n
	}
	switch h.length {
	case 110:
		h.size, h.nameSize = number(b[54:62], 16), number(b[94:102], 16)
	case 76:
		h.size, h.nameSize = number(b[65:76], 8), number(b[59:65], 8)
	default:
		order := binary.ByteOrder(binary.LittleEndian)
		if magic[0] == 0x71 {
			order = binary.BigEndian
		}
		// A number of four bytes has its high half first, whatever the order is.
		h.nameSize = int64(order.Uint16(b[20:]))
		h.size = int64(order.Uint16(b[22:]))<<16 | int64(order.Uint16(b[24:]))
	}
	return h, err
}

// rpm passes on the files of an RPM package: behind a lead of 96 bytes, a header of
// signatures and one of the package is a compressed cpio. Texts of the headers (scripts,
// descriptions) are passed on raw.
//
//	header: 8e ad e8 01 | 0, 4 | entries, 4 | bytes, 4 | entries of 16 | bytes
func (o *opening) rpm() error {
	in := &input{meter: o.meter, r: o.src.stream}
	if _, err := io.CopyN(io.Discard, in, 96); err != nil {
		return err
	}
	for i := range 2 {
		var h [16]byte
		if _, err := io.ReadFull(in, h[:]); err != nil {
			return err
		}
		entries, size := int64(binary.BigEndian.Uint32(h[8:])), int64(binary.BigEndian.Uint32(h[12:]))
		if string(h[:4]) != "\x8e\xad\xe8\x01" || entries > 1<<16 || size > 256<<20 {
			return errHeader
		}
		if _, err := io.CopyN(io.Discard, in, entries*16); err != nil {
			return err
		}
		if err := o.forward([]string{"signature", "header"}[i], in, size); err != nil {
			return err
		}
		if i == 0 {
			if _, err := io.CopyN(io.Discard, in, (8-size%8)%8); err != nil {
				return err
			}
		}
	}
	return o.inner("", o.inside, o.inside, in, o.meter.depth)
}

// isAsar reports whether the sizes before an asar's JSON fit one another.
func isAsar(head []byte, _ string) bool {
	if len(head) < 17 {
		return false
	}
	outer, inner, text := binary.LittleEndian.Uint32(head[4:]), binary.LittleEndian.Uint32(head[8:]), binary.LittleEndian.Uint32(head[12:])
	return outer == inner+4 && inner >= text+4 && inner <= text+8 && head[16] == '{'
}

type asarNode struct {
	Files    map[string]*asarNode `json:"files"`
	Offset   string               `json:"offset"`
	Size     int64                `json:"size"`
	Unpacked bool                 `json:"unpacked"`
	Link     string               `json:"link"`
}

// maxAsarHeader bounds the JSON of an asar, and maxAsarDepth the folders in it.
const (
	maxAsarHeader = 64 << 20
	maxAsarDepth  = 200
)

// asar passes on the files of an archive of Electron's:
//
//	4, 4 | size of what follows up to the contents, 4 | that less 4, 4 | size of the JSON, 4 |
//	JSON, filled up to four bytes | contents
func (o *opening) asar() error {
	at, size, err := o.random()
	if err != nil {
		return err
	}
	var h [16]byte
	if _, err := at.ReadAt(h[:], 0); err != nil {
		return err
	}
	start := 8 + int64(binary.LittleEndian.Uint32(h[4:]))
	length := int64(binary.LittleEndian.Uint32(h[12:]))
	if length > maxAsarHeader || length > size {
		return fmt.Errorf("%w: %d bytes of JSON", errHeader, length)
	}
	text := make([]byte, length)
	if _, err := at.ReadAt(text, 16); err != nil {
		return err
	}
	var root asarNode
	if err := json.Unmarshal(text, &root); err != nil {
		return err
	}
	err = o.asarFolder(&root, "", at, size, start, 0)
	sort.Slice(o.covered, func(i, j int) bool { return o.covered[i].Start < o.covered[j].Start })
	return err
}

func (o *opening) asarFolder(n *asarNode, path string, at io.ReaderAt, size, start int64, depth int) error {
	if depth > maxAsarDepth {
		return errHeader
	}
	names := make([]string, 0, len(n.Files))
	for name := range n.Files {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		f := n.Files[name]
		if f == nil || f.Unpacked {
			continue
		}
		full := strings.TrimPrefix(path+"/"+name, "/")
		if f.Files != nil {
			if err := o.asarFolder(f, full, at, size, start, depth+1); err != nil {
				return err
			}
			continue
		}
		offset, err := strconv.ParseInt(f.Offset, 10, 64)
		if f.Link != "" {
			continue
		}
		if err != nil || offset < 0 || f.Size < 0 || offset > size-start || f.Size > size-start-offset {
			if err := o.noteMember(full, Damaged, "it is behind the end"); err != nil {
				return err
			}
			continue
		}
		if err := o.member(full, io.NewSectionReader(at, start+offset, f.Size)); err != nil {
			return err
		}
		o.covered = append(o.covered, Span{start + offset, start + offset + f.Size})
	}
	return nil
}

// rar passes on the files of a rar, of version 1.5 to 5.
func (o *opening) rar() error {
	in := &input{meter: o.meter, r: o.src.stream}
	var r *rardecode.Reader
	err := guarded(func() (err error) {
		r, err = rardecode.NewReader(in, rardecode.MaxDictionarySize(maxDictionary))
		return err
	})
	for err == nil {
		var h *rardecode.FileHeader
		if err = guarded(func() (err error) { h, err = r.Next(); return err }); err != nil {
			break
		}
		if h.Encrypted {
			err = o.noteMember(h.Name, Encrypted, "")
		} else if !h.IsDir {
			err = o.member(h.Name, r)
		}
	}
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case errors.Is(err, rardecode.ErrArchiveEncrypted), errors.Is(err, rardecode.ErrArchivedFileEncrypted), errors.Is(err, rardecode.ErrBadPassword):
		return errEncrypted
	case errors.Is(err, rardecode.ErrDictionaryTooLarge):
		return errDictionary
	}
	return err
}
