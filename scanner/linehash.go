package scanner

import (
	"context"
	"io"
	"path/filepath"

	"keysweep/finding"
	"keysweep/linehash"
	"keysweep/scanner/gitdb/pack"
	"keysweep/scanner/worktree"
)

// hashLines fills in LineHash of the occurrences in files of the working tree.
// A file is read again, and a line gets its hash only if the key still stands
// where it was.
func (s *scan) hashLines(ctx context.Context) {
	type file struct {
		target int
		path   string
	}
	numbers := make(map[string]int)
	for i := range s.targets {
		if _, ok := numbers[s.targets[i].Name]; !ok {
			numbers[s.targets[i].Name] = i
		}
	}
	type holder struct {
		secret     finding.Secret
		occurrence *finding.Occurrence
	}
	files := make(map[file][]holder)
	for _, f := range s.result.Findings {
		for i := range f.Occurrences {
			if o := &f.Occurrences[i]; o.Source == finding.SourceWorktree {
				k := file{numbers[o.Target], o.Path}
				files[k] = append(files[k], holder{f.Secret, o})
			}
		}
	}
	if len(files) == 0 {
		return
	}
	j := s.collector.newJudge(ctx)
	for k, holders := range files {
		root, err := filepath.Abs(s.targets[k.target].path)
		if err != nil {
			continue
		}
		var lines []int
		for _, h := range holders {
			lines = append(lines, h.occurrence.Line)
		}
		var hasher *linehash.Hasher
		// An error means that the file is not what it was: it has no hashes.
		err = worktree.Reread(ctx, root, k.path, func(r io.Reader) error {
			j.drop()
			hasher = linehash.New(lines)
			return pack.Guard(func() error {
				_, err := j.stream(io.TeeReader(r, hasher), place{})
				return err
			})
		})
		if err == nil {
			type spot struct {
				secret       finding.Secret
				line, column int
			}
			there := make(map[spot]bool, len(j.list))
			for _, s := range j.list {
				there[spot{s.match.Secret, s.place.line, s.place.column}] = true
			}
			hashes := hasher.Finish()
			for _, h := range holders {
				if o := h.occurrence; there[spot{h.secret, o.Line, o.Column}] {
					o.LineHash = hashes[o.Line]
				}
			}
		}
		j.drop()
	}
}
