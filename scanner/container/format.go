package container

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"io"
	"strings"

	"keysweep/scanner/document"
)

// format is one kind of container.
type format struct {
	id   formatID
	name string
	// magic is at offset at; "": matches decides alone.
	magic string
	at    int
	// matches, if not nil, decides on the first HeadSize bytes, or all if there are
	// fewer, and the name, in lower case, of what has the magic number.
	matches func(head []byte, name string) bool
	// suffixes are what a compressed file's name ends in, and what the file in it
	// ends in instead: app.log.gz holds app.log, and app.tgz app.tar.
	suffixes [][2]string
	// isStream says that it is a compressed file, which holds one file.
	isStream bool
}

type formatID uint8

const (
	formatGzip formatID = iota + 1
	formatBzip2
	formatXz
	formatLzma
	formatZstd
	formatLz4
	formatCompress
	formatZip
	formatTar
	formatAr
	formatCpio
	formatRPM
	formatAsar
	formatRar
	formatSevenzip
	formatMail
	formatOffice
	formatCompound
	formatRTF
	formatSQLite
	formatPDF
	formatPgDump
	formatPack
	formatBundle
	formatLooseObject
	formatEncrypted
	formatClosed
)

// formats are tried in this order.
var formats = []format{
	{id: formatGzip, name: "gzip", magic: "\x1f\x8b\x08", isStream: true, suffixes: [][2]string{{".gz", ""}, {".tgz", ".tar"}, {".svgz", ".svg"}}},
	{id: formatZip, name: "zip", magic: "PK\x03\x04"},
	{id: formatZip, name: "zip", magic: "PK\x05\x06"}, // without members
	{id: formatZip, name: "zip", magic: "PK\x07\x08PK\x03\x04"},
	{id: formatBzip2, name: "bzip2", magic: "BZh", matches: isBzip2, isStream: true, suffixes: [][2]string{{".bz2", ""}, {".tbz2", ".tar"}, {".tbz", ".tar"}}},
	{id: formatXz, name: "xz", magic: "\xfd7zXZ\x00", isStream: true, suffixes: [][2]string{{".xz", ""}, {".txz", ".tar"}}},
	{id: formatZstd, name: "zstd", magic: "\x28\xb5\x2f\xfd", isStream: true, suffixes: [][2]string{{".zst", ""}, {".zstd", ""}, {".tzst", ".tar"}}},
	{id: formatZstd, name: "zstd", magic: "\x2a\x4d\x18", at: 1, matches: isSkippable, isStream: true, suffixes: [][2]string{{".zst", ""}, {".lz4", ""}}},
	{id: formatLz4, name: "lz4", magic: "\x04\x22\x4d\x18", isStream: true, suffixes: [][2]string{{".lz4", ""}}},
	{id: formatCompress, name: "compress", magic: "\x1f\x9d", matches: isCompress, isStream: true, suffixes: [][2]string{{".z", ""}, {".taz", ".tar"}}},
	{id: formatLzma, name: "lzma", magic: "\x5d\x00\x00", matches: isLzma, isStream: true, suffixes: [][2]string{{".lzma", ""}, {".tlz", ".tar"}}},
	{id: formatTar, name: "tar", matches: isTar},
	{id: formatAr, name: "ar", magic: "!<arch>\n"},
	{id: formatCpio, name: "cpio", magic: "07070", matches: isCpio},
	{id: formatCpio, name: "cpio", magic: "\xc7\x71", matches: isCpio},
	{id: formatCpio, name: "cpio", magic: "\x71\xc7", matches: isCpio},
	{id: formatRPM, name: "rpm", magic: "\xed\xab\xee\xdb"},
	{id: formatAsar, name: "asar", magic: "\x04\x00\x00\x00", matches: isAsar},
	{id: formatRar, name: "rar", magic: "Rar!\x1a\x07"},
	{id: formatSevenzip, name: "7z", magic: "7z\xbc\xaf\x27\x1c"},
	{id: formatMail, name: "mail", matches: document.IsMail},
	{id: formatOffice, name: "office XML", magic: "<", matches: document.IsOfficeXML, isStream: true},
	{id: formatOffice, name: "office XML", magic: "\xef\xbb\xbf<", matches: document.IsOfficeXML, isStream: true},
	{id: formatRTF, name: "RTF", magic: "{\\rtf"},
	{id: formatSQLite, name: "SQLite", magic: "SQLite format 3\x00"},
	{id: formatSQLite, name: "SQLite", magic: "\x37\x7f\x06", matches: document.IsSQLiteLog},
	{id: formatPDF, name: "PDF", matches: document.IsPDF},
	{id: formatPgDump, name: "pg_dump", magic: pgDumpMagic, matches: isPgDump},
	{id: formatPack, name: "git pack", magic: packMagic, matches: isPack},
	{id: formatBundle, name: "git bundle", magic: bundleMagic, matches: isBundle},
	{id: formatLooseObject, name: "git object", magic: "x", matches: isLooseObject, isStream: true},
	// These are not opened.
	{id: formatEncrypted, name: "database", matches: document.IsEncryptedDatabase},
	{id: formatEncrypted, name: "OpenSSL", magic: "Salted__"},
	{id: formatEncrypted, name: "OpenSSL", magic: "U2FsdGVkX1"}, // in base64
	{id: formatEncrypted, name: "OpenPGP", magic: "-----BEGIN PGP MESSAGE-----"},
	{id: formatEncrypted, name: "OpenPGP", matches: isOpenPGP},
	{id: formatEncrypted, name: "age", magic: "age-encryption.org/v1\n"},
	{id: formatEncrypted, name: "age", magic: "-----BEGIN AGE ENCRYPTED FILE-----"},
	{id: formatEncrypted, name: "git-crypt", magic: "\x00GITCRYPT\x00"},
	{id: formatEncrypted, name: "ansible-vault", magic: "$ANSIBLE_VAULT;"},
	{id: formatCompound, name: "compound file", magic: "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"}, // .doc, .xls, .ppt, .msg, .msi
	{id: formatClosed, name: "squashfs", magic: "hsqs"},
	{id: formatClosed, name: "squashfs", magic: "sqsh"},
	{id: formatClosed, name: "cab", magic: "MSCF\x00\x00\x00\x00"},
	{id: formatClosed, name: "lzip", magic: "LZIP\x01"},
	{id: formatClosed, name: "xar", magic: "xar!\x00\x1c"},
	{id: formatClosed, name: "snappy", magic: "\xff\x06\x00\x00sNaPpY"},
	{id: formatClosed, name: "Parquet", magic: "PAR1\x15"}, // and the type of the first page
	{id: formatClosed, name: "Arrow", magic: "ARROW1\x00\x00"},
	{id: formatClosed, name: "Avro", magic: "Obj\x01", matches: func(head []byte, _ string) bool { return !bytes.Contains(head, []byte("avro.codec\x08null")) }},
	{id: formatClosed, name: "Outlook's store", magic: "!BDN"},
	{id: formatClosed, name: "brotli", matches: func(_ []byte, name string) bool { return strings.HasSuffix(name, ".br") }},
}

// zipFormat is where a zip is in formats.
const zipFormat = 1

// dmgFormat is a disk image of macOS, which its end shows: it begins as its first part does.
var dmgFormat = format{id: formatClosed, name: "dmg"}

// formatOfEnd returns the format that the end of content shows, nil if it is none. Something may
// be before a zip, as the program that unpacks it; a comment may be behind its directory:
//
//	"PK\x05\x06" | disks, 4 | entries, 2 | entries, 2 | size, 4 | position, 4 | comment's length, 2
func formatOfEnd(r io.ReaderAt, size int64) *format {
	b := make([]byte, min(size, tailSize))
	if _, err := r.ReadAt(b, size-int64(len(b))); err != nil && err != io.EOF {
		return nil
	}
	switch {
	case isDMGEnd(b):
		return &dmgFormat
	case isZipEnd(b):
		return &formats[zipFormat]
	}
	return nil
}

// tailSize is how much of a content's end is searched.
const (
	tailSize   = 1 << 10
	zipEnd     = "PK\x05\x06"
	zipEndSize = 22
	dmgEnd     = "koly\x00\x00\x00\x04\x00\x00\x02\x00" // version 4, 512 bytes
	dmgEndSize = 512
)

func isDMGEnd(b []byte) bool {
	return len(b) >= dmgEndSize && bytes.HasPrefix(b[len(b)-dmgEndSize:], []byte(dmgEnd))
}

func isZipEnd(b []byte) bool {
	at := bytes.LastIndex(b, []byte(zipEnd))
	return at >= 0 && len(b)-at >= zipEndSize && int(binary.LittleEndian.Uint16(b[at+20:])) <= len(b)-at-zipEndSize
}

// open opens a container of format f.
func (f *format) open(o *opening) error {
	switch f.id {
	case formatZip:
		return o.zip()
	case formatTar:
		return o.tar()
	case formatAr:
		return o.ar()
	case formatCpio:
		return o.cpio()
	case formatRPM:
		return o.rpm()
	case formatAsar:
		return o.asar()
	case formatRar:
		return o.rar()
	case formatSevenzip:
		return o.sevenzip()
	case formatMail:
		return o.document(document.Mail)
	case formatOffice:
		return o.transformed(document.OfficeText)
	case formatCompound:
		return o.document(document.CompoundFile)
	case formatRTF:
		return o.document(document.RTF)
	case formatPDF:
		return o.document(document.PDF)
	case formatSQLite:
		return o.document(document.SQLite)
	case formatPgDump:
		return o.pgDump()
	case formatPack:
		return o.gitPack()
	case formatBundle:
		return o.gitBundle()
	case formatEncrypted:
		return errEncrypted
	case formatClosed:
		return errUnsupported
	}
	return o.compressed()
}

// firstBytes are the bytes that magic numbers begin with: most content has another one.
var firstBytes = [256]bool{
	0x1f: true, 'P': true, 'B': true, 0xfd: true, 0x28: true, 0x04: true, 0x5d: true, '!': true, '0': true, 0xc7: true, 0x71: true,
	0xed: true, 'R': true, '7': true, 'h': true, 's': true, '#': true, 'M': true, 'L': true, 'x': true, 'k': true, 0xff: true,
	0x00: true, '$': true, '-': true, 0x84: true, 0x85: true, 0x8c: true, 0xc1: true, 0xc3: true, // encrypted
	'%': true, ' ': true, '\t': true, '\r': true, '\n': true, '<': true, '{': true, 0xef: true, 0xd0: true,
	0x51: true, 0x53: true, 0x54: true, 0x55: true, 0x56: true, 0x57: true, 0x58: true, 0x59: true, 0x5a: true, 0x5b: true, 0x5c: true, 0x5e: true, 0x5f: true,
}

// isOpenPGP reports whether content begins with an encrypted session key, for a public key (version
// 3, id of the key, algorithm) or a passphrase (version 4, cipher, kind of string-to-key), as RFC
// 9580, 4.2 and 5, has them.
func isOpenPGP(head []byte, _ string) bool {
	if len(head) < 16 {
		return false
	}
	body := head[2:]
	if head[0] == 0x85 || head[0] >= 0xc0 && head[1] >= 192 { // two bytes of length
		body = head[3:]
	}
	switch head[0] {
	case 0x84, 0x85, 0xc1:
		return body[0] == 3 && strings.IndexByte("\x01\x02\x10\x12", body[9]) >= 0
	case 0x8c, 0xc3:
		return body[0] == 4 && body[1] >= 1 && body[1] <= 10 && strings.IndexByte("\x00\x01\x03", body[2]) >= 0
	}
	return false
}

// isLetter reports whether c is what a mail begins with.
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// Recognize reports whether content, which is called name, is a container; b is all of
// it. The name may be "".
func Recognize(b []byte, name string) bool {
	return RecognizeHead(b, name) || RecognizeTail(b)
}

// RecognizeHead reports whether content that begins with head is a container.
func RecognizeHead(head []byte, name string) bool {
	return detect(head[:min(len(head), HeadSize)], name) != nil
}

// RecognizeTail reports whether content that ends in tail is a zip with something
// before it, or a disk image.
func RecognizeTail(tail []byte) bool {
	tail = tail[max(0, len(tail)-tailSize):]
	// Index is much faster than LastIndex, and finds nothing in most content.
	return isDMGEnd(tail) || bytes.Contains(tail, []byte(zipEnd)) && isZipEnd(tail)
}

// detect returns the format of a content that begins with head, nil if it is none.
func detect(head []byte, name string) *format {
	if len(head) == 0 || !firstBytes[head[0]] && !isLetter(head[0]) && !isTar(head, "") && !strings.HasSuffix(name, ".br") && !document.IsDatabaseName(name) && !document.IsPDFName(name) {
		return nil
	}
	name = strings.ToLower(name)
	for i := range formats {
		f := &formats[i]
		if f.magic != "" && (len(head) < f.at+len(f.magic) || string(head[f.at:f.at+len(f.magic)]) != f.magic) {
			continue
		}
		if f.matches == nil || f.matches(head, name) {
			return f
		}
	}
	return nil
}

// Decompressed returns the name of the file in the compressed file called name, which
// may be "".
func Decompressed(name string) string {
	base := name[strings.LastIndexByte(name, '/')+1:]
	for i := range formats {
		if file := formats[i].without(base); file != base {
			return file
		}
	}
	return cmp.Or(base, "content")
}

// without returns the name of the file that a compressed file holds.
func (f *format) without(name string) string {
	base := name[strings.LastIndexByte(name, '/')+1:]
	for _, suffix := range f.suffixes {
		if n := len(base) - len(suffix[0]); n > 0 && strings.EqualFold(base[n:], suffix[0]) {
			return base[:n] + suffix[1]
		}
	}
	return base
}

// isBzip2 reports whether the block size and the first block's number follow: a text
// may begin with BZh.
func isBzip2(head []byte, _ string) bool {
	return len(head) >= 10 && head[3] >= '1' && head[3] <= '9' &&
		(string(head[4:10]) == "1AY&SY" || string(head[4:10]) == "\x17\x72\x45\x38\x50\x90")
}

// isSkippable reports whether a skippable frame of zstd or lz4 comes first.
func isSkippable(head []byte, name string) bool {
	return head[0]&0xf0 == 0x50 && (strings.HasSuffix(name, ".zst") || strings.HasSuffix(name, ".lz4"))
}

// isCompress reports whether the byte of flags is one that compress writes.
func isCompress(head []byte, _ string) bool {
	return len(head) >= 3 && head[2]&0x60 == 0 && head[2]&0x1f >= 9 && head[2]&0x1f <= 16
}

// isLzma reports whether the header is one that xz accepts as the old format, which has
// no magic number: the usual properties, a dictionary of 2^n or 2^n+2^(n-1) bytes, and
// a size that is unknown or below 2^38.
func isLzma(head []byte, name string) bool {
	if len(head) < 14 || head[13] != 0 {
		return false
	}
	size := binary.LittleEndian.Uint64(head[5:])
	if size != 1<<64-1 && size >= 1<<38 {
		return false
	}
	dictionary := binary.LittleEndian.Uint32(head[1:])
	for n := uint32(1 << 12); n != 0; n <<= 1 {
		if dictionary == n || dictionary == n|n>>1 {
			return strings.HasSuffix(name, ".lzma") || strings.HasSuffix(name, ".tlz") || name == "" || size == 1<<64-1
		}
	}
	return false
}

// isTar reports whether the first header's checksum is right, which the oldest
// flavour has as the others do. A name must come first.
func isTar(head []byte, _ string) bool {
	const sumAt, sumLen = 148, 8
	if len(head) < tarBlock || head[0] == 0 {
		return false
	}
	sum, ok := octal(head[sumAt : sumAt+sumLen])
	if !ok {
		return false
	}
	var unsigned, signed int64
	for i, c := range head[:tarBlock] {
		if i >= sumAt && i < sumAt+sumLen {
			c = ' '
		}
		unsigned += int64(c)
		signed += int64(int8(c))
	}
	return sum == unsigned || sum == signed
}

// octal reads a number as tar and cpio write it: perhaps with spaces before, and
// spaces or NUL behind.
func octal(b []byte) (n int64, ok bool) {
	if b[0] != ' ' && (b[0] < '0' || b[0] > '7') {
		return 0, false
	}
	b = bytes.Trim(b, " \x00")
	for _, c := range b {
		if c < '0' || c > '7' || n >= 1<<59 {
			return 0, false
		}
		n = n<<3 | int64(c-'0')
	}
	return n, len(b) > 0
}
