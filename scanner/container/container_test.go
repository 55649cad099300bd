package container

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// seen is what a Visitor was given, by the names that lead there.
type seen struct {
	members map[string]string
	names   []string
	raw     map[string]string
	covered map[string][]Span
	notes   []Note
	fail    func(inside []string) error
}

func (s *seen) Member(inside []string, r io.Reader) error {
	if s.fail != nil {
		if err := s.fail(inside); err != nil {
			return err
		}
	}
	b, err := io.ReadAll(r)
	s.members[strings.Join(inside, "!/")] += string(b)
	return err
}

func (s *seen) Name(inside []string, text string) error {
	s.names = append(s.names, strings.Join(inside, "!/")+" "+text)
	return nil
}

func (s *seen) Raw(inside []string, r io.Reader, covered []Span) error {
	b, err := io.ReadAll(r)
	s.raw[strings.Join(inside, "!/")], s.covered[strings.Join(inside, "!/")] = string(b), covered
	return err
}

func (s *seen) Note(n Note) error {
	s.notes = append(s.notes, n)
	return nil
}

// walkAll walks content at random and as a stream, and checks that it is the same.
func walkAll(t *testing.T, b []byte, name string) (*seen, Opened) {
	t.Helper()
	var all [2]*seen
	var opened [2]Opened
	for i, src := range []Source{Bytes(b), Stream(bytes.NewReader(b), int64(len(b)))} {
		s := &seen{members: make(map[string]string), raw: make(map[string]string), covered: make(map[string][]Span)}
		o, err := Walk(context.Background(), NewBudget(Limits{}), src, name, s)
		if err != nil {
			t.Fatal(err)
		}
		all[i], opened[i] = s, o
	}
	if !maps.Equal(all[0].members, all[1].members) || !slices.Equal(all[0].names, all[1].names) {
		t.Errorf("%s: read at random it holds %q, as a stream %q", name, slices.Sorted(maps.Keys(all[0].members)), slices.Sorted(maps.Keys(all[1].members)))
	}
	return all[0], opened[0]
}

// run runs a program in a folder; it must be there.
func run(t testing.TB, dir, command string) {
	t.Helper()
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", command)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "HOME="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
}

// files are in each container that a test makes: in folder d.
var files = map[string]string{
	"d/a.env":             "KEY=one\n",
	"d/sub/big.txt":       strings.Repeat("a line that compresses\n", 20_000) + "KEY=two\n",
	"d/sub/empty":         "",
	"d/name with blanks":  "KEY=three",
	"d/" + long + "/long": "KEY=four\n",
}

var long = strings.Repeat("long-name-", 12) + "x"

func writeFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// made are containers of d, and the programs that write them.
var made = []struct {
	file, command string
	without       string // a name that the format has no room for
}{
	{file: "v7.tar", command: "tar --format=v7 --exclude=long-name-* -cf $1 d", without: long},
	{file: "ustar.tar", command: "tar --format=ustar --exclude=long-name-* -cf $1 d", without: long},
	{file: "gnu.tar", command: "tar --format=gnu -cf $1 d"},
	{file: "pax.tar", command: "tar --format=posix -cf $1 d"},
	{file: "appended.tar", command: "tar -cf $1 d/a.env; tar -cf x d/sub d/name* d/long*; cat x >> $1"},
	{file: "bsd.tar", command: "bsdtar -cf $1 d"},
	{file: "x.tar.gz", command: "tar -czf $1 d"},
	{file: "x.tgz", command: "tar -czf $1 d"},
	{file: "x.tar.bz2", command: "tar -cjf $1 d"},
	{file: "x.tar.xz", command: "tar -cJf $1 d"},
	{file: "x.tar.zst", command: "tar -cf - d | zstd -q -c > $1"},
	{file: "x.tar.lz4", command: "tar -cf - d | lz4 -q -c - > $1"},
	{file: "x.tar.Z", command: "tar -cf - d | compress -c > $1"},
	{file: "x.tar.lzma", command: "tar -cf - d | xz --format=lzma -c > $1"},
	{file: "newc.cpio", command: "find d -type f | cpio --quiet -o -H newc > $1"},
	{file: "crc.cpio", command: "find d -type f | cpio --quiet -o -H crc > $1"},
	{file: "odc.cpio", command: "find d -type f | cpio --quiet -o -H odc > $1"},
	{file: "bin.cpio", command: "find d -type f | cpio --quiet -o -H bin > $1"},
	{file: "x.cpio.gz", command: "find d -type f | cpio --quiet -o -H newc | gzip > $1"},
	{file: "x.zip", command: "zip -q -r $1 d"},
	{file: "stored.zip", command: "zip -q -0 -r $1 d"},
	{file: "bzip2.zip", command: "zip -q -Z bzip2 -r $1 d"},
	{file: "stream.zip", command: "zip -q -r - d | cat > $1"},
	{file: "bsd.zip", command: "bsdtar --format=zip -cf $1 d"},
	{file: "lzma.zip", command: "7zz a -bd -tzip -mm=LZMA $1 d >/dev/null"},
	{file: "7z.zip", command: "7zz a -bd -tzip -mm=Deflate -mx=9 $1 d >/dev/null"},
	{file: "sfx.zip", command: "zip -q -r x.zip d; (printf '#!/bin/sh\\nexit\\n'; cat x.zip) > $1"},
	{file: "zip64.zip", command: "python3 -c 'import os,sys,zipfile\nz=zipfile.ZipFile(sys.argv[1],\"w\",zipfile.ZIP_DEFLATED)\nfor r,_,fs in os.walk(\"d\"):\n  for f in fs:\n    p=os.path.join(r,f)\n    with z.open(zipfile.ZipInfo(p),\"w\",force_zip64=True) as w: w.write(open(p,\"rb\").read())' $1"},
	{file: "x.deb", command: "mkdir -p p/DEBIAN; printf 'Package: x\nVersion: 1\nArchitecture: all\nMaintainer: n <n@example.org>\nDescription: x\n' > p/DEBIAN/control; cp -r d p/; dpkg-deb --root-owner-group -Zxz -b p $1 >/dev/null"},
	{file: "x.rpm", command: "printf 'Name: x\nVersion: 1\nRelease: 1\nSummary: x\nLicense: x\nBuildArch: noarch\n%%description\nx\n%%install\ncp -r '$PWD'/d %%{buildroot}/\n%%files\n/d\n' > x.spec; rpmbuild --quiet --define \"_topdir $PWD/rb\" -bb x.spec >/dev/null 2>&1; cp rb/RPMS/noarch/*.rpm $1"},
	{file: "x.7z", command: "7zz a -bd $1 d >/dev/null"},
	{file: "single.7z", command: "7zz a -bd -ms=off -mhc=off $1 d >/dev/null"},
	{file: "lzma.7z", command: "7zz a -bd -m0=LZMA $1 d >/dev/null"},
	{file: "bzip2.7z", command: "7zz a -bd -m0=BZip2 $1 d >/dev/null"},
	{file: "deflate.7z", command: "7zz a -bd -m0=Deflate $1 d >/dev/null"},
	{file: "copy.7z", command: "7zz a -bd -m0=Copy $1 d >/dev/null"},
	{file: "x86.7z", command: "7zz a -bd -mf=BCJ $1 d >/dev/null"},
	{file: "bsd.7z", command: "bsdtar --format=7zip -cf $1 d"},
	{file: "behind.zip", command: "zip -q -r $1 d; echo something behind >> $1"},
}

// extra is what packages hold besides their files.
var extra = map[string]bool{"debian-binary": true, "control.tar.xz!/./control": true, "control.tar.xz!/./md5sums": true, "control.tar.xz!/./": true, "signature": true, "header": true}

func TestRealArchives(t *testing.T) {
	for _, m := range made {
		t.Run(m.file, func(t *testing.T) {
			t.Parallel()
			dir := writeFiles(t)
			run(t, dir, "set -- "+m.file+"; "+m.command)
			b, err := os.ReadFile(filepath.Join(dir, m.file))
			if err != nil {
				t.Fatal(err)
			}
			s, opened := walkAll(t, b, m.file)
			if opened.Format == "" || len(s.notes) > 0 {
				t.Errorf("opened %v, notes %+v", opened.Format, s.notes)
			}
			want := maps.Clone(files)
			if m.without != "" {
				maps.DeleteFunc(want, func(name, _ string) bool { return strings.Contains(name, m.without) })
			}
			got := make(map[string]string) // by the last name, without what packages add
			for name, text := range s.members {
				if _, of := extra[name]; !of {
					name = name[strings.LastIndex(name, "!/")+1:]
					got[strings.TrimPrefix(strings.TrimPrefix(name, "/"), "./")] = text
				}
			}
			maps.DeleteFunc(got, func(name, _ string) bool {
				return strings.HasSuffix(name, "/") || name == "" || name == "d" || name == "d/sub" || name == "d/"+long
			})
			if !maps.Equal(got, want) {
				t.Errorf("%q, want %q", sizes(got), sizes(want))
			}
			// What is covered is in members, what is not holds none of their text.
			rest := slices.Clone(b)
			for _, span := range opened.Covered {
				clear(rest[span.Start:span.End])
			}
			if bytes.Contains(rest, []byte("KEY=")) && opened.Format != "tar" {
				t.Error("a member is not covered")
			}
			testDepths(t, b, m.file, got)
		})
	}
}

// testDepths walks an archive that is in up to five others: its members are found as
// deep as archives are opened, and then the archive is named.
func testDepths(t *testing.T, b []byte, file string, want map[string]string) {
	name := file
	for depth := 1; depth <= maxDepth; depth++ {
		if b, name = zipped(t, map[string][]byte{name: b}), fmt.Sprint(depth, ".zip"); depth%2 == 0 {
			b, name = gzipped(t, func(w io.Writer) { _, _ = w.Write(b) }), name+".gz"
		}
		s := &seen{members: make(map[string]string), raw: make(map[string]string), covered: make(map[string][]Span)}
		if _, err := Walk(context.Background(), NewBudget(Limits{}), Bytes(b), name, s); err != nil {
			t.Fatal(err)
		}
		inner := 1 // archives that the file is
		if strings.HasSuffix(file, ".deb") {
			inner = 2
		}
		if depth+inner > maxDepth {
			if len(s.notes) == 0 || s.notes[0].Problem != TooLarge {
				t.Errorf("in %d archives: notes %+v", depth, s.notes)
			}
			continue
		}
		found := 0
		for inside, text := range s.members {
			i := strings.LastIndex(inside, "!/") + 2
			if w, ok := want[strings.TrimPrefix(strings.TrimPrefix(inside[i:], "/"), "./")]; ok && w == text {
				found++
			}
		}
		if found < len(want) || len(s.notes) > 0 {
			t.Errorf("in %d archives: %d of %d members, notes %+v", depth, found, len(want), s.notes)
		}
	}
}

func sizes(m map[string]string) (list []string) {
	for name, text := range m {
		list = append(list, fmt.Sprintf("%s: %d", name, len(text)))
	}
	slices.Sort(list)
	return list
}

// compressed are files of one text.
var compressions = map[string]string{
	"f.txt.gz":       "gzip -c f.txt",
	"two.txt.gz":     "gzip -c f.txt; gzip -c f.txt",
	"stdin.txt.gz":   "gzip -1 < f.txt",
	"every.txt.gz":   "python3 -c 'import sys, zlib\nb = open(\"f.txt\", \"rb\").read()\nz = zlib.compressobj(9, 8, -15)\nsys.stdout.buffer.write(b\"\\x1f\\x8b\\x08\\x1f\" + bytes(6) + b\"\\x02\\0ab\" + b\"name\\0comment\\0\" + b\"xx\" + z.compress(b) + z.flush() + zlib.crc32(b).to_bytes(4, \"little\") + len(b).to_bytes(4, \"little\"))'",
	"f.txt.bz2":      "bzip2 -c f.txt",
	"two.txt.bz2":    "bzip2 -c f.txt; bzip2 -c f.txt",
	"f.txt.xz":       "xz -c f.txt",
	"blocks.txt.xz":  "xz -c --block-size=4000 f.txt",
	"two.txt.xz":     "xz -c f.txt; head -c 8 /dev/zero; xz -c f.txt",
	"sha256.txt.xz":  "xz -c --check=sha256 f.txt",
	"nocheck.txt.xz": "xz -c --check=none f.txt",
	"f.txt.lzma":     "xz -c --format=lzma f.txt",
	"f.txt.zst":      "zstd -q -c f.txt",
	"two.txt.zst":    "zstd -q -c f.txt; printf '\\x50\\x2a\\x4d\\x18\\x04\\0\\0\\0abcd'; zstd -q -c f.txt",
	"skip.txt.zst":   "printf '\\x51\\x2a\\x4d\\x18\\x04\\0\\0\\0abcd'; zstd -q -c f.txt",
	"f.txt.lz4":      "lz4 -q -c f.txt",
	"two.txt.lz4":    "lz4 -q -c f.txt; lz4 -q -c f.txt",
	"f.txt.Z":        "compress -c f.txt",
	"bits.txt.Z":     "compress -b 10 -c f.txt",
}

func TestCompressedFiles(t *testing.T) {
	var text strings.Builder
	for i := range 30_000 { // of which compress clears its table
		fmt.Fprintf(&text, "%x line %d\n", i*i*7919, i)
	}
	for name, command := range compressions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "f.txt"), []byte(text.String()), 0o666); err != nil {
				t.Fatal(err)
			}
			run(t, dir, "("+command+") > out")
			b, err := os.ReadFile(filepath.Join(dir, "out"))
			if err != nil {
				t.Fatal(err)
			}
			s, opened := walkAll(t, b, "dir/"+name)
			inner := name[:strings.LastIndexByte(name, '.')]
			want := text.String()
			if strings.HasPrefix(name, "two") {
				want += want
			}
			if texts := strings.Join(s.names, ","); name == "every.txt.gz" && texts != "every.txt ab,every.txt name,every.txt comment" {
				t.Errorf("texts %q", texts)
			}
			if opened.Format == "" || len(s.notes) > 0 || len(s.members) != 1 || s.members[inner] != want {
				t.Errorf("opened %q, notes %+v, members %q, want %q: %d", opened.Format, s.notes, sizes(s.members), inner, len(want))
			}
		})
	}
}
