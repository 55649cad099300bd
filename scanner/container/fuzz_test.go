package container

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
)

func FuzzWalk(f *testing.F) {
	small := zipped(f, map[string][]byte{"a": []byte("KEY"), "b": []byte("x")})
	f.Add(small, "x.zip")
	f.Add(gzipped(f, func(w io.Writer) { _, _ = w.Write(small) }), "x.gz")
	f.Add([]byte("!<arch>\na.o/            0           0     0     644     4         `\nKEY=#1/4            0           0     0     644     8         `\nnameKEY="), "x.a")
	f.Add([]byte("070701"+strings.Repeat("00000000", 6)+"00000004"+strings.Repeat("00000000", 4)+"00000002"+"00000000"+"a\x00KEY="), "x.cpio")
	f.Add([]byte("\x1f\x9d\x90ab\x00c\x01"), "x.Z")
	f.Add([]byte("BZh91AY&SY"), "x.bz2")
	f.Add([]byte("Rar!\x1a\x07\x01\x00"), "x.rar")
	f.Add([]byte("\xed\xab\xee\xdb"+strings.Repeat("\x00", 92)+"\x8e\xad\xe8\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), "x.rpm")
	f.Add([]byte("\x04\x00\x00\x00\x1c\x00\x00\x00\x18\x00\x00\x00\x14\x00\x00\x00{\"files\":{\"a\":{}}}"), "x.asar")
	f.Fuzz(func(t *testing.T, b []byte, name string) {
		limits := Limits{Produced: 16 << 20, Members: 1000}
		var random, stream count
		budget := NewBudget(limits)
		o1, err1 := Walk(context.Background(), budget, Bytes(b), name, &random)
		o2, err2 := Walk(context.Background(), NewBudget(limits), Stream(bytes.NewReader(b), int64(len(b))), name, &stream)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if o1.Format != o2.Format && o1.Format != "zip" || budget.Produced() > limits.Produced+1<<20 {
			t.Errorf("%s and %s, %d bytes", o1.Format, o2.Format, budget.Produced())
		}
		for i, span := range o1.Covered {
			if span.Start < 0 || span.End > int64(len(b)) || span.End < span.Start || i > 0 && span.Start < o1.Covered[i-1].Start {
				t.Errorf("covered %v of %d bytes", o1.Covered, len(b))
			}
		}
	})
}

// fuzzFormat walks what is made of seeds, always as the format id: files that a real
// program wrote, by the commands that write them to $1. mend makes checksums right.
func fuzzFormat(f *testing.F, id formatID, seeds map[string]string, mend ...func([]byte)) {
	dir := f.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o777); err != nil {
		f.Fatal(err)
	}
	for name, text := range map[string]string{"d/a.env": "KEY=one\n", "d/lines": strings.Repeat("a line that compresses, KEY=two\n", 50)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			f.Fatal(err)
		}
	}
	at := 0
	for formats[at].id != id {
		at++
	}
	for name, command := range seeds {
		b := []byte(command)
		if !strings.HasPrefix(command, formats[at].magic) || formats[at].magic == "" {
			run(f, dir, "set -- "+name+"; "+command)
			var err error
			if b, err = os.ReadFile(filepath.Join(dir, name)); err != nil {
				f.Fatal(err)
			}
		}
		f.Add(b)
	}
	allocated := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, mend := range mend {
			b = slices.Clone(b)
			mend(b)
		}
		budget := NewBudget(Limits{Produced: 16 << 20, Members: 1000})
		metrics.Read(allocated)
		before := allocated[0].Value.Uint64()
		w := &walk{ctx: context.Background(), budget: budget, visitor: &count{}}
		for _, src := range []Source{Bytes(b), Stream(bytes.NewReader(b), int64(len(b)))} {
			o := &opening{walk: w, meter: &meter{walk: w, size: src.size}, format: &formats[at], src: src, name: "x"}
			err := o.settle(guarded(func() error { return formats[at].open(o) }))
			if l, ok := err.(*limitError); err != nil && !(ok && l.at == nil) {
				t.Fatal(err)
			}
			if o.spooled != nil {
				o.spooled.close()
			}
			for i, span := range o.covered {
				if span.Start < 0 || span.End > int64(len(b)) || span.End < span.Start || i > 0 && span.Start < o.covered[i-1].Start {
					t.Errorf("covered %v of %d bytes", o.covered, len(b))
				}
			}
		}
		metrics.Read(allocated)
		if n := allocated[0].Value.Uint64() - before; n > 4*maxDictionary+64*uint64(budget.Produced()) {
			t.Errorf("%d bytes of %d were read with %d bytes of memory", budget.Produced(), len(b), n)
		}
		if budget.Produced() > 32<<20+1<<20 {
			t.Errorf("%d bytes", budget.Produced())
		}
	})
}

func FuzzGzip(f *testing.F) {
	fuzzFormat(f, formatGzip, map[string]string{"a.gz": "gzip -c d/lines > $1", "b.gz": "gzip -1 -c d/lines > $1; gzip -c d/a.env >> $1"})
}

func FuzzBzip2(f *testing.F) {
	fuzzFormat(f, formatBzip2, map[string]string{"a.bz2": "bzip2 -c d/lines > $1", "b.bz2": "bzip2 -c d/a.env > $1; bzip2 -c d/a.env >> $1"})
}

func FuzzXz(f *testing.F) {
	fuzzFormat(f, formatXz, map[string]string{"a.xz": "xz -c d/lines > $1", "b.xz": "xz -c --block-size=500 --check=sha256 d/lines > $1", "c.xz": "xz -0 -c d/a.env > $1; head -c 4 /dev/zero >> $1; xz -c d/a.env >> $1"})
}

func FuzzLzma(f *testing.F) {
	fuzzFormat(f, formatLzma, map[string]string{"a.lzma": "xz --format=lzma -0 -c d/lines > $1"})
}

func FuzzZstd(f *testing.F) {
	fuzzFormat(f, formatZstd, map[string]string{"a.zst": "zstd -q -c d/lines > $1", "b.zst": "zstd -q -19 -c d/lines > $1; zstd -q -c --no-check d/a.env >> $1"})
}

func FuzzLz4(f *testing.F) {
	fuzzFormat(f, formatLz4, map[string]string{"a.lz4": "lz4 -q -c d/lines > $1", "b.lz4": "lz4 -q -9 -BD -c d/lines > $1; lz4 -q -c d/a.env >> $1"})
}

func FuzzCompress(f *testing.F) {
	fuzzFormat(f, formatCompress, map[string]string{"a.Z": "compress -c d/lines > $1", "b.Z": "compress -b 10 -c d/lines > $1"})
}

func FuzzZip(f *testing.F) {
	fuzzFormat(f, formatZip, map[string]string{
		"a.zip": "zip -q -r $1 d", "b.zip": "zip -q -r - d | cat > $1", "c.zip": "zip -q -Z bzip2 -r $1 d",
		"d.zip": "7zz a -bd -tzip -mm=LZMA $1 d >/dev/null", "e.zip": "bsdtar --format=zip --options zip:zip64 -cf $1 d",
	})
}

func FuzzTar(f *testing.F) {
	fuzzFormat(f, formatTar, map[string]string{
		"a.tar": "tar --format=v7 -cf $1 d", "b.tar": "tar --format=gnu --sparse -cf $1 d", "c.tar": "ln -s a d/l; tar --format=posix -cf $1 d", "d.tar": "tar -cf $1 d/a.env; cat $1 $1 > x; mv x $1",
	})
}

func FuzzAr(f *testing.F) {
	fuzzFormat(f, formatAr, map[string]string{"a.a": "cp d/a.env d/a-name-that-is-long; bsdtar --format=ar -cf $1 -C d a.env a-name-that-is-long", "b.a": "cp d/a.env d/a-name-that-is-long; bsdtar --format=arbsd -cf $1 -C d a.env a-name-that-is-long"})
}

func FuzzCpio(f *testing.F) {
	fuzzFormat(f, formatCpio, map[string]string{
		"a.cpio": "find d -type f | cpio --quiet -o -H newc > $1", "b.cpio": "find d -type f | cpio --quiet -o -H odc > $1",
		"c.cpio": "find d -type f | cpio --quiet -o -H bin > $1", "d.cpio": "find d -type f | cpio --quiet -o -H crc > $1; cat $1 $1 > x; mv x $1",
	})
}

func FuzzRPM(f *testing.F) {
	spec := "printf 'Name: x\\nVersion: 1\\nRelease: 1\\nSummary: x\\nLicense: x\\nBuildArch: noarch\\n%%description\\nx\\n%%install\\ncp -r '$PWD'/d %%{buildroot}/\\n%%files\\n/d\\n' > x.spec; rpmbuild --quiet --define \"_topdir $PWD/rb\" -bb x.spec >/dev/null 2>&1; cp rb/RPMS/noarch/*.rpm $1"
	fuzzFormat(f, formatRPM, map[string]string{"a.rpm": spec})
}

func FuzzAsar(f *testing.F) {
	json := `{"files":{"a":{"size":3,"offset":"0"},"d":{"files":{"b":{"size":3,"offset":"3","executable":true},"l":{"link":"a"},"u":{"size":9,"unpacked":true}}}}}`
	fuzzFormat(f, formatAsar, map[string]string{"a.asar": asar(json, "KEYxyz")})
}

func FuzzSevenzip(f *testing.F) {
	fuzzFormat(f, formatSevenzip, map[string]string{
		"a.7z": "7zz a -bd $1 d >/dev/null", "b.7z": "7zz a -bd -mhc=off -m0=Copy $1 d >/dev/null", "c.7z": "7zz a -bd -mhc=off -ms=off -mf=BCJ -m0=LZMA $1 d >/dev/null", "d.7z": "7zz a -bd -mhc=off -m0=Deflate $1 d >/dev/null",
	}, func(b []byte) {
		if len(b) < sevenHeadSize {
			return
		}
		position, size := binary.LittleEndian.Uint64(b[12:]), binary.LittleEndian.Uint64(b[20:])
		if behind := uint64(len(b) - sevenHeadSize); position <= behind && size <= behind-position {
			binary.LittleEndian.PutUint32(b[28:], crc32.ChecksumIEEE(b[sevenHeadSize+position:][:size]))
		}
		binary.LittleEndian.PutUint32(b[8:], crc32.ChecksumIEEE(b[12:sevenHeadSize]))
	})
}

func FuzzRar(f *testing.F) {
	fuzzFormat(f, formatRar, map[string]string{"a.rar": storedRar15("a.env", "KEY=one\n"), "b.rar": storedRar5("a.env", "KEY=one\n")})
}

// asar returns an archive of Electron's with this JSON.
func asar(json, contents string) string {
	n := len(json)
	padded := (n + 3) &^ 3
	var b bytes.Buffer
	for _, field := range []int{4, padded + 8, padded + 4, n} {
		_ = binary.Write(&b, binary.LittleEndian, uint32(field))
	}
	b.WriteString(json + strings.Repeat("\x00", padded-n) + contents)
	return b.String()
}

// storedRar15 returns a rar of version 1.5 to 4 with one stored file: no free program
// writes one.
//
//	block: CRC-16, 2 | type, 1 | flags, 2 | size, 2 | …
//	file:  packed, 4 | size, 4 | system, 1 | CRC-32, 4 | time, 4 | version, 1 | method, 1 | name's length, 2 | attributes, 4 | name
func storedRar15(name, content string) string {
	block := func(kind byte, flags uint16, body string) string {
		h := []byte{kind}
		h = binary.LittleEndian.AppendUint16(h, flags)
		h = binary.LittleEndian.AppendUint16(h, uint16(7+len(body)))
		h = append(h, body...)
		return string(binary.LittleEndian.AppendUint16(nil, uint16(crc32.ChecksumIEEE(h)))) + string(h)
	}
	var file []byte
	file = binary.LittleEndian.AppendUint32(file, uint32(len(content)))
	file = binary.LittleEndian.AppendUint32(file, uint32(len(content)))
	file = append(file, 3)
	file = binary.LittleEndian.AppendUint32(file, crc32.ChecksumIEEE([]byte(content)))
	file = append(file, 0, 0, 0, 0, 20, 0x30)
	file = binary.LittleEndian.AppendUint16(file, uint16(len(name)))
	file = append(file, 0, 0, 0, 0)
	return "Rar!\x1a\x07\x00" + block(0x73, 0, "\x00\x00\x00\x00\x00\x00") + block(0x74, 0x8000, string(file)+name) + content + block(0x7b, 0x4000, "")
}

// storedRar5 returns a rar of version 5 with one stored file. Numbers have seven bits a
// byte.
//
//	block: CRC-32, 4 | size | type | flags | … , with flag 2: size of the data
//	file:  flags (4: CRC-32) | size | attributes | CRC-32, 4 | method | system | name's length | name
func storedRar5(name, content string) string {
	block := func(body []byte) string {
		h := append(binary.AppendUvarint(nil, uint64(len(body))), body...)
		return string(binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(h))) + string(h)
	}
	file := []byte{2, 2}
	file = binary.AppendUvarint(file, uint64(len(content)))
	file = append(file, 4)
	file = binary.AppendUvarint(file, uint64(len(content)))
	file = append(file, 0)
	file = binary.LittleEndian.AppendUint32(file, crc32.ChecksumIEEE([]byte(content)))
	file = append(file, 0, 1, byte(len(name)))
	return "Rar!\x1a\x07\x01\x00" + block([]byte{1, 0, 0}) + block(append(file, name...)) + content + block([]byte{5, 0, 0})
}

func TestStoredFilesOfRarsAreRead(t *testing.T) {
	for _, b := range []string{storedRar15("a.env", "KEY=one\n"), storedRar5("a.env", "KEY=one\n")} {
		s, opened := walkAll(t, []byte(b), "x.rar")
		if opened.Format != "rar" || len(s.notes) > 0 || s.members["a.env"] != "KEY=one\n" {
			t.Errorf("opened %q, %q, notes %+v", opened.Format, s.members, s.notes)
		}
	}
}

// fuzzDocument does the same with files that a script writes.
func fuzzDocument(f *testing.F, id formatID, script string, files ...string) {
	seeds := make(map[string]string)
	dir := python(f, script)
	for _, name := range files {
		seeds[name] = "cat " + filepath.Join(dir, name) + " > $1"
	}
	fuzzFormat(f, id, seeds)
}

func FuzzMail(f *testing.F) {
	fuzzDocument(f, formatMail, writeMails, "attached.eml", "folded.eml", "two.mbox")
}

func FuzzOffice(f *testing.F) {
	fuzzDocument(f, formatOffice, writeOffice, "a.fodt", "open-tag.xml")
}

func FuzzCompound(f *testing.F) {
	fuzzDocument(f, formatCompound, writeOffice, "old.doc", "locked.docx")
}

func FuzzRTF(f *testing.F) { fuzzDocument(f, formatRTF, writeRTF, "a.rtf", "cut.rtf") }

func FuzzSQLite(f *testing.F) {
	fuzzDocument(f, formatSQLite, writeSQLite, "small.db", "overflow512.db", "le.db", "log", "freed.db")
}

func FuzzPDF(f *testing.F) {
	fuzzDocument(f, formatPDF, writePDF, "a.pdf", "updated.pdf", "circular.pdf", "cut.pdf", "places.pdf", "hidden.pdf")
}

func FuzzPack(f *testing.F) {
	const commit = "export GIT_CONFIG_GLOBAL=/dev/null; rm -rf r; git init -q r; cd r; cp ../d/* . 2>/dev/null; git add .; git -c user.name=a -c user.email=a@example.org commit -qm one; "
	fuzzFormat(f, formatPack, map[string]string{"an entry that lies about its size": "PACK\x00\x00\x00\x020000\x99\xf8\x90B" + strings.Repeat("0", 32), "a.pack": commit + "git repack -adfq; cp .git/objects/pack/*.pack ../$1", "b.pack": commit + "(cat lines; echo KEY=x) > x; git add x; git -c user.name=a -c user.email=a@example.org commit -qm two; git repack -adfq; cp .git/objects/pack/*.pack ../$1"})
}

func FuzzPgDump(f *testing.F) {
	seeds := make(map[string]string)
	for method := range pgZstd + 1 {
		seeds[fmt.Sprint(method)] = fmt.Sprintf("base64 -d > $1 <<< %s", base64.StdEncoding.EncodeToString(dump(16, byte(method))))
	}
	fuzzFormat(f, formatPgDump, seeds)
}
