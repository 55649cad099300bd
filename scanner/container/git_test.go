package container

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFilesOfGit(t *testing.T) {
	const repository = `git init -q r; cd r; git config user.email a@example.org; git config user.name a
		seq 1 4000 > f; git add f; git commit -qm one
		(seq 1 4000; echo KEY=two) > f; git commit -qam 'KEY=message'
		echo KEY=three > g; git add g; git commit -qm three; git tag -am KEY=tag v1; git branch KEY=ref; `
	for name, tt := range map[string]struct {
		command string // $1 is the file
		want    []string
		notes   []Problem
	}{
		"x.pack":               {"git repack -adfq; cp .git/objects/pack/*.pack $1", []string{"KEY=two", "KEY=message", "KEY=three", "KEY=tag"}, []Problem{NoHistory}},
		"x.bundle":             {"git bundle create -q $1 --all", []string{"KEY=two", "KEY=message", "KEY=three", "KEY=tag", "KEY=ref"}, []Problem{NoHistory}},
		"v3.bundle":            {"git bundle create -q --version=3 $1 --all", []string{"KEY=two", "KEY=message", "KEY=three", "KEY=tag", "KEY=ref"}, []Problem{NoHistory}},
		"thin.bundle":          {"git bundle create -q $1 HEAD~2..HEAD", []string{"KEY=message", "KEY=two", "KEY=three"}, []Problem{NoHistory, Damaged}},
		"thin.pack":            {"printf 'HEAD\\n^HEAD~2\\n' | git pack-objects -q --stdout --thin --delta-base-offset --revs > $1", []string{"KEY=message", "KEY=two", "KEY=three"}, []Problem{NoHistory, Damaged}},
		"chain.pack":           {"seq 1 3000 > c0; for i in $(seq 9); do sed \"${i}00s/.*/$i KEY=chain$i/\" c$((i-1)) > c$i; done; for i in $(seq 0 9); do git hash-object -w c$i; done | git pack-objects -q --stdout > $1", []string{"KEY=chain9"}, []Problem{NoHistory}},
		"behind.zip":           {"git repack -adfq; (cat .git/objects/pack/*.pack; echo KEY=behind) > x.pack; zip -q $1 x.pack", []string{"KEY=two", "KEY=behind"}, []Problem{NoHistory, Damaged}},
		"sha256.pack":          {"git init -q --object-format=sha256 s; cd s; seq 1 400 > f; git add f; git -c user.name=a -c user.email=a@example.org commit -qm one; (seq 1 400; echo KEY=two) > f; git -c user.name=a -c user.email=a@example.org commit -qam two; git repack -adfq; cp .git/objects/pack/*.pack $1", []string{"KEY=two"}, []Problem{NoHistory}},
		"sha256.bundle":        {"git init -q --object-format=sha256 s; cd s; echo KEY=two > f; git add f; git -c user.name=a -c user.email=a@example.org commit -qm one; git bundle create -q $1 --all", []string{"KEY=two"}, []Problem{NoHistory}},
		"packed.tar":           {"git repack -adq; tar -cf $1 .git", []string{"KEY=two", "KEY=message", "KEY=three", "KEY=tag", "KEY=ref"}, []Problem{NoHistory}},
		"loose.tar.gz":         {"tar -czf $1 .git", []string{"KEY=two", "KEY=message", "KEY=three", "KEY=tag", "KEY=ref"}, nil},
		"in.pack":              {"git bundle create -q ../in --all; zip -q ../in.zip ../in; cp ../in.zip .; git add in.zip; git commit -qm zip; git repack -adfq; cp .git/objects/pack/*.pack $1", []string{"KEY=two", "KEY=ref"}, []Problem{NoHistory, NoHistory}},
		"cut.pack":             {"git repack -adfq; head -c -40 .git/objects/pack/*.pack > $1", []string{"KEY=message"}, []Problem{NoHistory, Damaged}},
		"cut within an object": {"printf 'x\\nKEY=early\\n' > h; seq 1 90000 >> h; git hash-object -w h | git pack-objects -q --stdout > p; head -c 5000 p > \"$1\"", []string{"KEY=early"}, []Problem{NoHistory, Damaged}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			run(t, dir, "set -- '"+filepath.Join(dir, name)+"'; export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null; "+repository+tt.command)
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			s, opened := walkAll(t, b, name)
			wanted := &seen{members: make(map[string]string), raw: make(map[string]string), covered: make(map[string][]Span)}
			limits := Limits{Holds: func(b []byte) bool { return bytes.Contains(b, []byte("KEY=")) }}
			if _, err := Walk(context.Background(), NewBudget(limits), Bytes(b), name, wanted); err != nil {
				t.Fatal(err)
			}
			for _, s := range []*seen{s, wanted} {
				var all strings.Builder
				for inside, text := range s.members {
					all.WriteString(inside + " " + text)
				}
				all.WriteString(strings.Join(s.names, " "))
				all.WriteString(s.raw["x.pack"])
				for _, want := range tt.want {
					if !strings.Contains(all.String(), want) {
						t.Errorf("%s was not passed on", want)
					}
				}
			}
			if len(wanted.members) >= len(s.members) && strings.HasSuffix(name, ".pack") {
				t.Errorf("%d of %d objects were passed on", len(wanted.members), len(s.members))
			}
			var notes []Problem
			for _, n := range s.notes {
				notes = append(notes, n.Problem)
			}
			if opened.Format == "" || len(notes) != len(tt.notes) {
				t.Fatalf("opened %q, notes %+v", opened.Format, s.notes)
			}
			for i, n := range notes {
				if n != tt.notes[i] {
					t.Errorf("notes %+v", s.notes)
				}
			}
		})
	}
}

// What is called like an object, but is none, is a file like others.
func TestAFileCalledLikeAnObjectOfGit(t *testing.T) {
	name := "objects/ab/" + strings.Repeat("c", 38)
	for _, content := range []string{"xKEY=a", "x\x9cKEY=a", "x\x01"} {
		s := &seen{members: make(map[string]string), raw: make(map[string]string), covered: make(map[string][]Span)}
		opened, err := Walk(context.Background(), NewBudget(Limits{}), Bytes([]byte(content)), name, s)
		if err != nil || opened.Format != "" {
			t.Errorf("%q: opened as %q, %v", content, opened.Format, err)
		}
	}
}

// What a pack inflates to counts before it is known what is in it.
func TestAPackThatInflatesToMuchIsCut(t *testing.T) {
	dir := t.TempDir()
	run(t, dir, "export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null; git init -q .; echo KEY=a > a; head -c 64M /dev/zero > z; git add .; git -c user.name=a -c user.email=a@example.org commit -qm one; git repack -adfq; cp .git/objects/pack/*.pack x.pack")
	b, err := os.ReadFile(filepath.Join(dir, "x.pack"))
	if err != nil {
		t.Fatal(err)
	}
	budget := NewBudget(Limits{})
	budget.free = free
	s := &seen{members: make(map[string]string), raw: make(map[string]string), covered: make(map[string][]Span)}
	if _, err := Walk(context.Background(), budget, Bytes(b), "x.pack", s); err != nil {
		t.Fatal(err)
	}
	if budget.Produced() > max(free, maxRatio*int64(len(b)))*2+1<<20 || len(s.notes) == 0 || s.notes[len(s.notes)-1].Problem != TooLarge {
		t.Errorf("%d of %d bytes, notes %+v", budget.Produced(), len(b), s.notes)
	}
}
