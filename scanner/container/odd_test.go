package container

import (
	"archive/tar"
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// odd are containers that programs write seldom, and what is noted of them.
var odd = []struct {
	file, command string
	problem       Problem // 0: none; bsdtar and 7zz then read the same
	count         int     // of notes
	not7z         bool    // 7zz does not read it
}{
	{file: "hard.tar", command: "ln d/a.env d/hard; ln -s a.env d/soft; tar -cf $1 d"},
	{file: "bytes.tar", command: "cp d/a.env $'d/\\xff\\xfe'; tar -cf $1 d"},
	{file: "bytes.cpio", command: "cp d/a.env $'d/\\xff\\xfe'; find d -type f | cpio --quiet -o -H newc > $1"},
	{file: "dots.tar", command: "cd d; tar -P -cf ../$1 ./a.env ../d/sub/empty"},
	{file: "ranges.tar", command: "tar --format=posix --sparse -cf $1 d"},
	{file: "old.cpio", command: "find d -type f | cpio --quiet -o -H odc > $1"},
	{file: "lib.a", command: "bsdtar --format=ar -cf $1 -C d a.env 'name with blanks'"},
	{file: "bsd.a", command: "bsdtar --format=arbsd -cf $1 -C d a.env 'name with blanks'"},
	{file: "mtree.zip", command: "bsdtar --format=zip --options zip:compression=store,zip:zip64 -cf $1 d"},
	{file: "sfx.zip", command: "zip -q -r x.zip d; (head -c 70000 /dev/zero; cat x.zip) > $1; zip -q -A $1"},
	{file: "comment.zip", command: "zip -q -r $1 d; printf 'a comment' | zip -q -z $1 >/dev/null"},
	{file: "empty.zip", command: "printf 'PK\\5\\6' > $1; head -c 18 /dev/zero >> $1"},
	{file: "locked.zip", command: "zip -q -P x -r $1 d/a.env 'd/name with blanks'", problem: Encrypted, count: 2},
	{file: "aes.zip", command: "7zz a -bd -px -mem=AES256 -tzip $1 d/a.env >/dev/null", problem: Encrypted, count: 1},
	{file: "split.zip", command: "head -c 300000 /dev/urandom > d/r; { printf 'd\\nd/r\\n'; find d -mindepth 1 ! -name r; } | zip -q -s 64k $1 -@", problem: Damaged, count: 2}, // what is in the last volume is read
	{file: "program.7z", command: "cp $(readlink -f $(which bash)) d/program; 7zz a -bd $1 d >/dev/null"},
	{file: "program.tar.xz", command: "cp $(readlink -f $(which bash)) d/program; tar -cf - d | xz --x86 --lzma2=preset=1 -c > $1", not7z: true}, // 7zz unpacks the xz alone
	{file: "bcj2.7z", command: "cp $(readlink -f $(which bash)) d/program; 7zz a -bd -mf=BCJ2 $1 d/program >/dev/null", problem: Unsupported, count: 1},
	{file: "ppmd.7z", command: "7zz a -bd -m0=PPMd $1 d/a.env d/name* >/dev/null", problem: Unsupported, count: 2},
	{file: "locked.7z", command: "7zz a -bd -px $1 d/a.env d/name* >/dev/null", problem: Encrypted, count: 2},
	{file: "names.7z", command: "7zz a -bd -px -mhe $1 d >/dev/null", problem: Encrypted, count: 1},
	{file: "arm.xz", command: "xz --arm64 --lzma2 -c d/a.env > $1", problem: Unsupported, count: 1},
}

func TestOddArchivesAreReadAsBsdtarAndSevenzipReadThem(t *testing.T) {
	for _, o := range odd {
		t.Run(o.file, func(t *testing.T) {
			t.Parallel()
			dir := writeFiles(t)
			run(t, dir, "set -- "+o.file+"; "+o.command)
			b, err := os.ReadFile(filepath.Join(dir, o.file))
			if err != nil {
				t.Fatal(err)
			}
			s := &seen{members: make(map[string]string), raw: make(map[string]string), covered: make(map[string][]Span)}
			opened, err := Walk(context.Background(), NewBudget(Limits{}), Bytes(b), o.file, s)
			if err != nil {
				t.Fatal(err)
			}
			if opened.Format == "" || len(s.notes) != o.count || o.count > 0 && s.notes[0].Problem != o.problem {
				t.Fatalf("opened %q, notes %+v", opened.Format, s.notes)
			}
			if o.problem != 0 {
				return
			}
			for _, program := range []string{"bsdtar -xPf", "7zz x -bd -y -bso0"} {
				if strings.HasPrefix(program, "7zz") && o.not7z {
					continue
				}
				run(t, dir, "set -- "+o.file+"; rm -rf out; mkdir out; cd out; "+program+" ../$1; find . -type f -links 1 -print0 > ../names")
				names, _ := os.ReadFile(filepath.Join(dir, "names"))
				want := strings.FieldsFunc(string(names), func(c rune) bool { return c == 0 })
				for _, name := range want {
					text, err := os.ReadFile(filepath.Join(dir, "out", name))
					if err != nil {
						t.Fatal(err)
					}
					at := slices.IndexFunc([]string{name, name[2:], "../" + name[2:]}, func(n string) bool { got, ok := s.members[n]; return ok && got == string(text) })
					if at < 0 {
						t.Errorf("%s: %q: %d bytes, not among %q", program, name, len(text), sizes(s.members))
					}
				}
				if len(want) == 0 && o.file != "empty.zip" {
					t.Errorf("%s reads nothing", program)
				}
			}
		})
	}
}

// Writers that write no end of a tar do not fill its last block, either.
func TestATarThatWasCutIsNoted(t *testing.T) {
	var b bytes.Buffer
	z := tar.NewWriter(&b)
	for _, name := range []string{"a", "b"} {
		_ = z.WriteHeader(&tar.Header{Name: name, Size: 6, Mode: 0o600})
		_, _ = z.Write([]byte("KEY=" + name + "\n"))
	}
	content := bytes.Repeat([]byte("KEY=c\n"), tarBlock)[:tarBlock]
	_ = z.WriteHeader(&tar.Header{Name: "c", Size: tarBlock, Mode: 0o600})
	_, _ = z.Write(content)
	_ = z.Close()
	for at, noted := range map[int]bool{3 * tarBlock: true, 3*tarBlock + 5: true, 3*tarBlock + 6: false, 3*tarBlock + 7: true, 4 * tarBlock: true, 6 * tarBlock: true, 7 * tarBlock: false, 8 * tarBlock: false} {
		s := &seen{members: make(map[string]string), raw: make(map[string]string), covered: make(map[string][]Span)}
		if _, err := Walk(context.Background(), NewBudget(Limits{}), Bytes(b.Bytes()[:at]), "x.tar", s); err != nil {
			t.Fatal(err)
		}
		if (len(s.notes) > 0) != noted || s.members["a"] != "KEY=a\n" {
			t.Errorf("%d bytes: notes %+v, members %q", at, s.notes, s.members)
		}
	}
}

// An Avro file whose rows are plain needs no note.
func TestAvroWithoutACodecIsPlain(t *testing.T) {
	for codec, packed := range map[string]bool{"\x08null": false, "\x0edeflate": true, "\x0csnappy": true} {
		if Recognize([]byte("Obj\x01\x04\x14avro.codec"+codec+"\x16avro.schema"), "a.avro") != packed {
			t.Errorf("%q: is packed: %t", codec, !packed)
		}
	}
}
