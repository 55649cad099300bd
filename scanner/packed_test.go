package scanner

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keysweep/finding"
)

// packedIn returns text as a gzip file in base64.
func packedIn(text string, modified time.Time) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.ModTime = modified
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return inBase64(b.String())
}

func inBase64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// wrapped returns s in lines of 76 characters, behind an indentation.
func wrapped(s string) string {
	var b strings.Builder
	for line := range slices.Chunk([]byte(s), 76) {
		fmt.Fprintf(&b, "      %s\n", line)
	}
	return b.String()
}

func TestKeysInGzipInBase64(t *testing.T) {
	k := keysOf(1, 3)[0]
	r := rand.New(rand.NewPCG(1, 1))
	noise := make([]byte, 200<<10)
	for i := range noise {
		noise[i] = base64.StdEncoding.EncodeToString([]byte{byte(r.Uint32())})[0]
	}
	text, zero := "kind: Secret\nstringData:\n  key: "+k+"\n", time.Time{}
	long := text + string(noise)
	lines := strings.Repeat("a line of text\n", windowSize/15-100)
	for _, tt := range []struct{ name, content, encoding, where string }{
		{"as Terraform writes it", `{"user_data": "` + packedIn(text, zero) + `"}`, "base64 gzip", ":1"},
		{"with a time, as gzip writes it", "a: 1\ndata:" + packedIn(text, time.Unix(1700000000, 0)), "base64 gzip", ":2"},
		{"in lines, as cloud-init's files are", "content: !!binary |\n" + wrapped(packedIn(long, zero)), "base64 gzip", ":2"},
		{"behind an escape", `{"data":"content:\n` + packedIn(text, zero) + `"}`, "base64 gzip", ":1"},
		{"in base64 again, as Helm writes it", "release: " + inBase64(packedIn(text, zero)) + "\n", "base64 base64 gzip", ":1"},
		{"in base64 again, with a time", "release: " + inBase64(packedIn(text, time.Unix(1700000000, 0))), "base64 base64 gzip", ":1"},
		{"in base64 of a text that holds it", inBase64("x\n" + packedIn(text, zero)), "base64 base64 gzip", ":1"},
		{"in base64 of a text that holds it, elsewhere", inBase64("content: " + packedIn(text, zero) + "\n"), "base64 base64 gzip", ":1"},
		{"a tar in it", "x=" + packedIn(tarOf(map[string]string{"d/a.env": text}), zero), "base64 gzip", ":1"},
		{"base64 in it", "x=" + packedIn("auth: "+inBase64(k+":"), zero), "base64 gzip base64", ":1"},
		{"across the end of a window", lines + packedIn(long, zero) + "\n", "base64 gzip", fmt.Sprintf(":%d", strings.Count(lines, "\n")+1)},
		{"longer than a window", "a: 1\nx: " + packedIn(strings.Repeat(string(noise), 12)+text, zero) + "\nb: 2\n", "base64 gzip", ":2"},
		{"longer than a window, in lines and in base64 again", "x:\n" + wrapped(inBase64(packedIn(strings.Repeat(string(noise), 6)+text, zero))) + "b: 2\n", "base64 base64 gzip", ":2"},
		{"cut off", "x=" + packedIn(long, zero)[:1000] + "...", "base64 gzip", ":1"},
		{"a word", "xH4sIA" + strings.Repeat("A", 60) + k[:8], "", ""},
		{"nothing behind its head", "H4sIAAAAAAAA", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRepo(t, filepath.Join(t.TempDir(), "r"))
			write(t, filepath.Join(r.dir, "f"), tt.content)
			r.git("add", "-A")
			r.commit("one")
			for _, opts := range []Options{
				{Paths: []string{r.dir}, Tree: true}, {Paths: []string{r.dir}, History: true},
				{Paths: []string{r.dir}, Range: &Range{Include: []string{"HEAD"}}},
				{Paths: []string{"-"}, Stdin: strings.NewReader(tt.content)},
			} {
				res := scanAll(t, opts)
				if len(res.Skipped) > 0 {
					t.Errorf("skipped %v", res.Skipped)
				}
				if tt.encoding == "" {
					if len(res.Findings) > 0 {
						t.Errorf("found %v", res.Findings)
					}
					continue
				}
				if len(res.Findings) != 1 || res.Findings[0].Secret.Reveal() != k || strings.Join(res.Findings[0].Encoding, " ") != tt.encoding {
					t.Fatalf("found %+v", res.Findings)
				}
				if got := places(res); len(got) != 1 || !strings.HasSuffix(got[0], tt.where) {
					t.Errorf("found at %q, want %s", got, tt.where)
				}
				e := res.Findings[0].Listed[0].Excerpt
				if s := e.Before + e.Key + e.After; strings.Contains(s, "H4sI") || strings.Contains(s, "SDRz") {
					t.Errorf("the excerpt shows %q", s)
				}
			}
		})
	}
}

func TestExplainLooksIntoGzipInBase64(t *testing.T) {
	k := keysOf(1, 3)[0]
	name := filepath.Join(t.TempDir(), "f")
	write(t, name, "a: 1\nb: "+packedIn("key: "+k+"\nsecond: "+k[:20]+"\n", time.Time{})+"\nc: "+k+" "+inBase64(packedIn(k, time.Time{}))+
		"\nd: "+packedIn(strings.Repeat("0", 2<<20), time.Time{}))
	for line, want := range map[int][]string{
		1: {}, 2: {"4 H4sI base64 gzip " + k, "4 H4sI base64 gzip " + k[:20]}, 3: {"4 sk_live_  " + k, "37 SDRzSUFBQUFBQ base64 base64 gzip " + k},
		4: {"4: a gzip file in base64 may begin here: no key is found in it; not all of one in the file was read: more than 67108864 bytes, or 200 for each of its own"},
	} {
		e, err := Explain(context.Background(), ExplainOptions{What: fmt.Sprint(name, ":", line)}, loadRules(t))
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, k := range e.Keys {
			got = append(got, fmt.Sprint(k.Column, " ", k.Literal, " ", strings.Join(k.Encoding, " "), " ", k.Secret.Reveal()))
		}
		for _, n := range e.NearMisses {
			got = append(got, fmt.Sprint(n.At+1, ": ", n.Why))
		}
		if !slices.Equal(got, want) {
			t.Errorf("line %d: %q, want %q", line, got, want)
		}
	}
}

func TestLimitsOfGzipInBase64(t *testing.T) {
	k := keysOf(1, 3)[0]
	r := rand.New(rand.NewPCG(1, 1))
	noise := make([]byte, 6<<20)
	for i := range noise {
		noise[i] = byte(r.Uint32()) & 0x3f // in fewer bits, so that the key at its end is packed, too
	}
	for _, tt := range []struct{ name, content, detail string }{
		{"200 bytes for each of its own", packedIn(strings.Repeat("0", 2<<20)+k, time.Time{}), "gzip in base64: more than"},
		{"64 MiB", packedIn(string(noise[:400<<10])+strings.Repeat("0", 64<<20)+k, time.Time{}), "gzip in base64: more than"},
		{"the file itself is long", packedIn(string(noise)+k, time.Time{}) + strings.Repeat("\nx", 100<<10), "gzip in base64: a file of more than"},
	} {
		res := scanAll(t, Options{Paths: []string{"-"}, Stdin: strings.NewReader("x: " + tt.content)})
		if len(res.Findings) > 0 || len(res.Skipped) != 1 || res.Skipped[0].Reason != finding.ReasonTooLarge || !strings.Contains(res.Skipped[0].Detail, tt.detail) {
			t.Errorf("%s: found %v, skipped %v", tt.name, res.Findings, res.Skipped)
		}
	}
	content := "x: " + packedIn(k, time.Time{})
	if res := scanAll(t, Options{Paths: []string{"-"}, Stdin: strings.NewReader(content), NoArchives: true}); len(res.Findings) > 0 || len(res.Skipped) > 0 {
		t.Errorf("without archives: found %v, skipped %v", res.Findings, res.Skipped)
	}
}
