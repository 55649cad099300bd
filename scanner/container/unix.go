package container

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/nwaples/rardecode/v2"
)

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

// maxAsarHeader bounds the JSON of an asar, and maxAsarDepth the folders in it.
const (
	maxAsarHeader = 64 << 20
	maxAsarDepth  = 200
)

// asar passes on the files of an archive of Electron's:
//
//	4, 4 | size of what follows up to the contents, 4 | that less 4, 4 | size of the JSON, 4 |
//	JSON, filled up to four bytes | contents
//
// The JSON is read as a stream: a tree of it would be many times its size.
func (o *opening) asar() error {
	at, size, err := o.random()
	if err != nil {
		return err
	}
	var h [16]byte
	if _, err := at.ReadAt(h[:], 0); err != nil {
		return err
	}
	length := int64(binary.LittleEndian.Uint32(h[12:]))
	if length > maxAsarHeader || length > size {
		return fmt.Errorf("%w: %d bytes of JSON", errHeader, length)
	}
	a := &asarReader{opening: o, at: at, size: size, start: 8 + int64(binary.LittleEndian.Uint32(h[4:]))}
	a.json = json.NewDecoder(io.NewSectionReader(at, 16, length))
	err = a.node("", 0)
	slices.SortFunc(o.covered, func(a, b Span) int { return cmp.Compare(a.Start, b.Start) })
	return err
}

type asarReader struct {
	*opening
	json        *json.Decoder
	at          io.ReaderAt
	size, start int64 // of the asar; where the contents start
}

// node reads a file or folder, which is called name.
func (a *asarReader) node(name string, depth int) error {
	if depth > maxAsarDepth {
		return errHeader
	}
	var isFolder, unpacked bool
	var offset string
	var size int64
	err := a.object(func(key string) error {
		switch key {
		case "files":
			isFolder = true
			return a.object(func(child string) error {
				return a.node(strings.TrimPrefix(name+"/"+child, "/"), depth+1)
			})
		case "offset":
			return a.json.Decode(&offset)
		case "size":
			return a.json.Decode(&size)
		case "unpacked":
			return a.json.Decode(&unpacked)
		case "link":
			var link string
			if err := a.json.Decode(&link); err != nil {
				return err
			}
			unpacked = true // it has no content
			return a.text(name, link)
		}
		var other json.RawMessage
		return a.json.Decode(&other)
	})
	if err != nil || isFolder || unpacked {
		return err
	}
	n, err := strconv.ParseInt(offset, 10, 64)
	if err != nil || n < 0 || size < 0 || n > a.size-a.start || size > a.size-a.start-n {
		return a.noteMember(name, Damaged, "it is behind the end")
	}
	if err := a.member(name, io.NewSectionReader(a.at, a.start+n, size)); err != nil {
		return err
	}
	a.covered = append(a.covered, Span{a.start + n, a.start + n + size})
	return nil
}

// object calls value for each key of an object; it reads the value.
func (a *asarReader) object(value func(key string) error) error {
	if t, err := a.json.Token(); err != nil || t != json.Delim('{') {
		return errHeader
	}
	for a.json.More() {
		t, err := a.json.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return errHeader
		}
		if err := value(key); err != nil {
			return err
		}
	}
	_, err := a.json.Token()
	return err
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
