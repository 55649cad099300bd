package scanner

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keysweep/finding"
)

// Builders of containers. A member's name is its key in files.

func zipOf(method uint16, files map[string]string) string {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(mapsKeys(files)) {
		w, _ := z.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		_, _ = w.Write([]byte(files[name]))
	}
	_ = z.Close()
	return b.String()
}

func mapsKeys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func tarOf(files map[string]string) string {
	var b bytes.Buffer
	z := tar.NewWriter(&b)
	for _, name := range slices.Sorted(mapsKeys(files)) {
		_ = z.WriteHeader(&tar.Header{Name: name, Size: int64(len(files[name])), Mode: 0o600})
		_, _ = z.Write([]byte(files[name]))
	}
	_ = z.Close()
	return b.String()
}

func gzipOf(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.String()
}

// places writes where keys are: "source path!/inside:line".
func places(res *finding.Result) (list []string) {
	for _, f := range res.Findings {
		for _, o := range f.Listed {
			list = append(list, fmt.Sprintf("%s %s:%d", o.Source, o.InsideOf(o.Path), o.Line))
		}
	}
	slices.Sort(list)
	return list
}

func TestKeysInContainersAreFoundWhereverContentIsRead(t *testing.T) {
	k := keysOf(1, 3)[0]
	text := "first line\nKEY=" + k + "\n"
	inner := zipOf(zip.Deflate, map[string]string{"config/app.env": text})
	for _, tt := range []struct{ name, content, where string }{
		{"app.log.gz", gzipOf(text), "app.log:2"},
		{"dist.tgz", gzipOf(tarOf(map[string]string{"d/a.env": text, "d/empty": ""})), "d/a.env:2"},
		{"dist.tar", tarOf(map[string]string{"d/a.env": text}), "d/a.env:2"},
		{"deflated.zip", zipOf(zip.Deflate, map[string]string{"a.env": text}), "a.env:2"},
		{"stored.zip", zipOf(zip.Store, map[string]string{"a.env": text}), "a.env:2"},
		{"deep.tar.gz", gzipOf(tarOf(map[string]string{"lib/core.jar": zipOf(zip.Store, map[string]string{"in.zip": inner})})), "lib/core.jar!/in.zip!/config/app.env:2"},
		{"without a suffix", gzipOf(text), "without a suffix:2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRepo(t, filepath.Join(t.TempDir(), "r"))
			r.commit("empty")
			write(t, filepath.Join(r.dir, tt.name), tt.content)
			r.git("add", "-A")
			scan := func(what, source string, opts Options) {
				t.Helper()
				res := scanAll(t, opts)
				path := tt.name
				if source == "stdin" {
					path = ""
				}
				want := []string{fmt.Sprintf("%s %s!/%s", source, path, tt.where)}
				if source == "stdin" && (strings.HasSuffix(tt.name, ".log.gz") || !strings.Contains(tt.name, ".")) {
					want = []string{"stdin !/content:2"}
				}
				if got := places(res); !slices.Equal(got, want) || !res.Complete() || len(res.Skipped) > 0 {
					t.Errorf("%s: %q, want %q, skipped %+v", what, got, want, res.Skipped)
				}
				if len(res.Findings) == 1 && (res.Findings[0].Secret.Reveal() != k || res.Findings[0].Extent != finding.Exact) {
					t.Errorf("%s: another key or extent: %v", what, res.Findings[0].Extent)
				}
			}
			scan("staged", "index", Options{Paths: []string{r.dir}, Staged: &Staged{}})
			r.commit("two")
			scan("tree", "worktree", Options{Paths: []string{r.dir}, Tree: true})
			scan("file", "worktree", Options{Paths: []string{filepath.Join(r.dir, tt.name)}, Tree: true})
			scan("history", "blob", Options{Paths: []string{r.dir}, History: true})
			scan("range", "blob", Options{Paths: []string{r.dir}, Range: &Range{Include: []string{"HEAD"}}})
			scan("standard input", "stdin", Options{Paths: []string{"-"}, Stdin: strings.NewReader(tt.content)})
			res := scanAll(t, Options{Paths: []string{r.dir}, History: true})
			if f := res.Findings[0]; f.InHead != finding.Yes || f.Listed[0].InHead != finding.Yes || f.FirstSeen.Commit == "" {
				t.Errorf("in HEAD: %v and %v, first seen %v", f.InHead, f.Listed[0].InHead, f.FirstSeen)
			}
			none := scanAll(t, Options{Paths: []string{r.dir}, Tree: true, History: true, NoArchives: true})
			if plain := tt.name == "dist.tar" || tt.name == "stored.zip"; len(none.Findings) > 0 != plain {
				t.Errorf("without archives: %q", places(none))
			}
		})
	}
}

// What is in the next cell or paragraph does not continue a key, though it looks like a
// wrapped line.
func TestTheNextCellOfADocumentIsNoPartOfAKey(t *testing.T) {
	keys := keysOf(40, 9)
	const space = ` xmlns="http://schemas.openxmlformats.org/x"`
	dir := t.TempDir()
	for i := 0; i < len(keys); i += 2 {
		k, token := keys[i], strings.TrimPrefix(keys[i+1], "sk_live_")
		content := "<sst" + space + "><si><t>" + k + "</t></si><si><t>" + token + "</t></si></sst>"
		if i%4 == 0 {
			content = `{\rtf1 ` + k + `\cell ` + token + `\cell\row}`
		}
		write(t, filepath.Join(dir, fmt.Sprint(i)), content)
	}
	res := scanAll(t, Options{Paths: []string{dir}, Tree: true})
	for _, f := range res.Findings {
		if !slices.Contains(keys, f.Secret.Reveal()) {
			t.Errorf("%s: %d characters", f.Listed[0].Path, len(f.Secret.Reveal()))
		}
	}
	if len(res.Findings) != len(keys)/2 {
		t.Errorf("%d keys", len(res.Findings))
	}
}

// What no member holds is found in the container's own bytes.
func TestBytesBesideMembersAreScanned(t *testing.T) {
	k := keysOf(2, 4)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.zip"), zipOf(zip.Store, map[string]string{"a.env": "KEY=" + k[0] + "\n"})+"\nKEY="+k[1]+"\n")
	got := places(scanAll(t, Options{Paths: []string{dir}, Tree: true}))
	if len(got) != 2 || got[0] != "worktree a.zip!/a.env:1" || !strings.HasPrefix(got[1], "worktree a.zip:") {
		t.Errorf("%q", got)
	}
}

// A member that cannot be opened is reported, and its bytes are scanned.
func TestWhatCannotBeOpenedIsSaid(t *testing.T) {
	k := keysOf(1, 5)[0]
	encrypted := []byte(zipOf(zip.Store, map[string]string{"a.env": "x", "b.env": "KEY=" + k + "\n"}))
	for _, at := range []int{bytes.Index(encrypted, []byte("PK\x03\x04")) + 6, bytes.Index(encrypted, []byte("PK\x01\x02")) + 8} {
		encrypted[at] |= 1
	}
	for name, tt := range map[string]struct {
		content string
		reason  finding.Reason
		detail  string
		found   bool
	}{
		"a.lz":        {"LZIP\x01" + "KEY=" + k + "\n", finding.ReasonFormat, "a.lz: lzip: not supported", true},
		"a.dmg":       {"KEY=" + k + "\n\x00koly\x00\x00\x00\x04\x00\x00\x02\x00" + strings.Repeat("\x00", 500), finding.ReasonFormat, "a.dmg: dmg: not supported", true},
		"b.dmg":       {"BZh91AY&SY\nKEY=" + k + "\n\x00koly\x00\x00\x00\x04\x00\x00\x02\x00" + strings.Repeat("\x00", 500), finding.ReasonFormat, "b.dmg: dmg: not supported", true},
		"a.pst":       {"!BDN" + "KEY=" + k + "\n", finding.ReasonFormat, "a.pst: Outlook's store: not supported", true},
		"a.parquet":   {"PAR1\x15\x04KEY=" + k + "\n", finding.ReasonFormat, "a.parquet: Parquet: not supported", true},
		"a.feather":   {"ARROW1\x00\x00KEY=" + k + "\n", finding.ReasonFormat, "a.feather: Arrow: not supported", true},
		"a.avro":      {"Obj\x01\x04\x14avro.codec\x0edeflate\x00KEY=" + k + "\n", finding.ReasonFormat, "a.avro: Avro: not supported", true},
		"a.enc":       {"Salted__12345678 KEY=" + k + "\n", finding.ReasonEncrypted, "a.enc: OpenSSL", true},
		"b.enc":       {"U2FsdGVkX18xMjM0NTY3OA==", finding.ReasonEncrypted, "b.enc: OpenSSL", false},
		"a.gpg":       {"\x85\x02\x0c\x0312345678\x01\x0f\xff more", finding.ReasonEncrypted, "a.gpg: OpenPGP", false},
		"b.gpg":       {"\x8c\x0d\x04\x09\x03\x0212345678\xe6\xd2 more", finding.ReasonEncrypted, "b.gpg: OpenPGP", false},
		"a.asc":       {"-----BEGIN PGP MESSAGE-----\n\nhQ==\n", finding.ReasonEncrypted, "a.asc: OpenPGP", false},
		"a.age":       {"age-encryption.org/v1\n-> X25519 a\n", finding.ReasonEncrypted, "a.age: age", false},
		"b.age":       {"-----BEGIN AGE ENCRYPTED FILE-----\nYQ==\n", finding.ReasonEncrypted, "b.age: age", false},
		"crypt.env":   {"\x00GITCRYPT\x00 \x00\xff", finding.ReasonEncrypted, "crypt.env: git-crypt", false},
		"vault.yml":   {"$ANSIBLE_VAULT;1.1;AES256\n6438\n", finding.ReasonEncrypted, "vault.yml: ansible-vault", false},
		"a.7z":        {"7z\xbc\xaf\x27\x1c\x00\x04" + strings.Repeat("\x00", 30) + "KEY=" + k + "\n", finding.ReasonDamagedMember, "a.7z: 7z: malformed header", true},
		"e.zip":       {string(encrypted), finding.ReasonEncrypted, "e.zip!/a.env: zip", true},
		"cut.gz":      {gzipOf(strings.Repeat("KEY="+k+"\n", 2000))[:100], finding.ReasonDamagedMember, "cut.gz: gzip: unexpected EOF", true},
		"cut.tar.gz":  {gzipOf(tarOf(map[string]string{"a": "KEY=" + k + "\n"})[:600]), finding.ReasonDamagedMember, "cut.tar.gz: tar: it ends without its two empty blocks", true},
		"nothing.zip": {"PK\x03\x04 no zip, KEY=" + k + "\n", finding.ReasonDamagedMember, "nothing.zip: zip: no directory of a zip", true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t, filepath.Join(t.TempDir(), "r"))
			write(t, filepath.Join(r.dir, name), tt.content)
			r.commit("one")
			for _, opts := range []Options{{Tree: true}, {History: true}, {Range: &Range{Include: []string{"HEAD"}}}} {
				opts.Paths = []string{r.dir}
				res := scanAll(t, opts)
				if len(res.Skipped) != 1 || res.Skipped[0].Reason != tt.reason || opts.Tree && res.Skipped[0].Detail != tt.detail || !res.Complete() {
					t.Errorf("%+v: skipped %+v", opts.History, res.Skipped)
				}
				if len(res.Findings) == 1 != tt.found {
					t.Errorf("%q", places(res))
				}
			}
		})
	}
}

func TestLimitsOfContainers(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.gz"), gzipOf(strings.Repeat("0123456789", 100_000)))
	for _, tt := range []struct {
		opts     Options
		reason   finding.Reason
		complete bool
	}{
		{Options{MaxUnpacked: 1000}, finding.ReasonTooLarge, false},
		{Options{MaxUnpacked: 1000, UnopenedNoted: true}, finding.ReasonUnopened, true},
	} {
		tt.opts.Paths, tt.opts.Tree = []string{dir}, true
		res := scanAll(t, tt.opts)
		if len(res.Skipped) != 1 || res.Skipped[0].Reason != tt.reason || res.Complete() != tt.complete {
			t.Errorf("%+v", res.Skipped)
		}
	}
}

// A key that a parent holds in a container is old, wherever a change moves it.
func TestAKeyInAContainerThatAParentHoldsIsOld(t *testing.T) {
	k := keysOf(2, 6)
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	write(t, filepath.Join(r.dir, "a.zip"), zipOf(zip.Deflate, map[string]string{"x": "KEY=" + k[0] + "\n"}))
	r.commit("one")
	write(t, filepath.Join(r.dir, "a.zip"), zipOf(zip.Deflate, map[string]string{"x": "KEY=" + k[0] + "\n", "y": "KEY=" + k[1] + "\n"}))
	write(t, filepath.Join(r.dir, "b.env"), "KEY="+k[0]+"\n")
	r.git("add", "-A")
	if got := places(scanAll(t, Options{Paths: []string{r.dir}, Staged: &Staged{}})); !slices.Equal(got, []string{"index a.zip!/y:1"}) {
		t.Errorf("%q", got)
	}
}

func TestAContainerEndsWithTheScan(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.gz"), []byte(gzipOf(strings.Repeat("0123456789", 1_000_000))), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	res, err := prepareAndScan(ctx, Options{Paths: []string{dir}, Tree: true, Now: fixedClock}, loadRules(t))
	if err == nil && res.Complete() {
		t.Errorf("complete: %+v", res.Skipped)
	}
}

// failsOnce gives its parts, and an error between them.
type failsOnce struct{ parts []string }

func (f *failsOnce) Read(p []byte) (int, error) {
	if len(f.parts) == 0 {
		return 0, io.EOF
	}
	n := copy(p, f.parts[0])
	if f.parts = f.parts[1:]; n == 0 {
		return 0, errors.New("input/output error")
	}
	return n, nil
}

// TestAnErrorInTheFirstBytesIsNotPassedOver: what a container is recognised by is read
// before the rest.
func TestAnErrorInTheFirstBytesIsNotPassedOver(t *testing.T) {
	k := keysOf(2, 3)
	res := scanAll(t, Options{Paths: []string{"-"}, Stdin: &failsOnce{[]string{"A=" + k[0] + "\n", "", "B=" + k[1] + "\n"}}})
	if len(res.Findings) != 1 || res.Complete() {
		t.Errorf("%d keys, %v", len(res.Findings), res.Skipped)
	}
}
