package scanner

import (
	"context"
	"io"
	"slices"

	"keysweep/finding"
	"keysweep/linehash"
	"keysweep/scanner/gitdb/pack"
	"keysweep/scanner/worktree"
)

// hashLines fills in LineHash of the occurrences in files of the working tree.
func (s *Prepared) hashLines(ctx context.Context) {
	type file struct {
		target, path string
	}
	files := make(map[file][]lineOf)
	for _, f := range s.result.Findings {
		for i := range f.Occurrences {
			if o := &f.Occurrences[i]; o.Source == finding.SourceWorktree {
				k := file{o.Target, o.Path}
				files[k] = append(files[k], lineOf{f.Secret, o})
			}
		}
	}
	if len(files) == 0 {
		return
	}
	j := s.collector.newJudge(ctx)
	for k, lines := range files {
		t := s.targets[slices.IndexFunc(s.targets, func(t *target) bool { return t.Name == k.target })]
		hashFile(ctx, j, t.root, k.path, lines)
	}
}

// lineOf is a line to hash, and the key on it.
type lineOf struct {
	secret     finding.Secret
	occurrence *finding.Occurrence
}

// hashFile reads a file again. A line gets its hash only if the key is still
// where it was; after an error the file is not what it was, and none does.
func hashFile(ctx context.Context, j *judge, root, path string, lines []lineOf) {
	var numbers []int
	for _, l := range lines {
		numbers = append(numbers, l.occurrence.Line)
	}
	defer j.drop()
	var hasher *linehash.Hasher
	err := worktree.Reread(ctx, root, path, func(r io.Reader) error {
		j.drop()
		hasher = linehash.New(numbers)
		return pack.Guard(func() error {
			_, err := j.stream(io.TeeReader(r, hasher), location{})
			return err
		})
	})
	if err != nil {
		return
	}
	hashes := hasher.Finish()
	for _, l := range lines {
		o := l.occurrence
		if slices.ContainsFunc(j.list, func(k candidate) bool {
			return k.match.Secret == l.secret && k.at.line == o.Line && k.at.column == o.Column
		}) {
			o.LineHash = hashes[o.Line]
		}
	}
}
