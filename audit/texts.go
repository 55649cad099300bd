package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"keysweep/config"
	"keysweep/file"
	"keysweep/finding"
	"keysweep/scanner"
)

// Texts judges texts that are in no file of a scan, as what a coding agent reads and
// writes. Only the exceptions in HEAD of a repository count.
type Texts struct {
	Loaded *config.Loaded

	opts   Options
	ofHead *config.Loaded    // if Loaded has a file that the user named; nil: Loaded is of HEAD
	head   *scanner.Prepared // nil: there is no repository that can be read
	top    string            // of its working tree, without links; "" if there is none
}

// OpenTexts reads the rules, and the exceptions of the repository that dir is in; ""
// is none. Those of a file that opts.Sources.Config names count besides. Of opts.Scan, what it says of limits, confidence, reach and the clock
// counts, and of opts.Sources all but Trust. Close what it returns.
func OpenTexts(ctx context.Context, dir string, opts Options) (*Texts, error) {
	t := &Texts{opts: opts}
	trust := &config.Trust{Rev: "HEAD", Name: "HEAD", Anywhere: true, Nothing: true}
	read := func(string, string, int64) ([]byte, error) { return nil, fs.ErrNotExist }
	if top, err := config.Top(dir); dir != "" && err == nil && top != "" {
		o := scanner.Options{Paths: []string{top}, Staged: &scanner.Staged{}, Reach: opts.Scan.Reach, Now: opts.Scan.Now}
		if head, err := scanner.Prepare(o); err == nil { // else it cannot be read, and accepts nothing
			t.head, trust.Nothing = head, false
			read = func(rev, path string, limit int64) ([]byte, error) { return head.ReadFile(ctx, rev, path, limit) }
		}
		if t.top, err = filepath.EvalSymlinks(top); err != nil {
			t.top = ""
		}
	}
	opts.Sources.Trust = trust
	load := func(s config.Sources) (l *config.Loaded, err error) {
		if l, err = s.Load(nil, read); err == nil {
			err = l.Accept(opts.Baseline)
		}
		return l, err
	}
	var err error
	t.Loaded, err = load(opts.Sources)
	if named := opts.Sources; err == nil && named.Config != "" { // counts besides that of HEAD
		named.Config = ""
		t.ofHead, err = load(named)
	}
	if err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// Close closes what was opened.
func (t *Texts) Close() {
	if t.head != nil {
		t.head.Close()
	}
}

// Judge scans a text and marks the keys in it that are accepted. path is the file that
// it is of or is to be in, absolute; "" if there is none. With an error, which says what
// was not read, the result is what was found, or nil.
func (t *Texts) Judge(ctx context.Context, r io.Reader, path string) (*finding.Result, error) {
	opts := t.opts.Scan
	opts.Paths, opts.Stdin = []string{"-"}, r
	p, err := scanner.Prepare(opts)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	res, err := p.Scan(ctx, t.Loaded.Rules, scanner.Accept{})
	if err != nil {
		return nil, err
	}
	if rel, ok := t.rel(path); ok {
		for _, f := range res.Findings {
			for i := range f.Listed {
				f.Listed[i].Source, f.Listed[i].Path = finding.SourceWorktree, rel
			}
		}
	}
	t.mark(res)
	for _, s := range res.Skipped {
		if s.Reason.Class() == finding.ClassIncomplete {
			return res, fmt.Errorf("%s: %s", s.Reason, s.Detail)
		}
	}
	return res, nil
}

// mark marks the keys that are accepted by either configuration.
func (t *Texts) mark(res *finding.Result) {
	t.Loaded.Mark(res)
	if t.ofHead == nil {
		return
	}
	accepted := map[*finding.Finding]*finding.Suppression{}
	for _, f := range res.Findings {
		accepted[f] = f.Suppressed
	}
	t.ofHead.Mark(res)
	for _, f := range res.Findings {
		f.Suppressed = cmp.Or(f.Suppressed, accepted[f])
	}
}

// JudgeFile is Judge of a regular file. The error wraps fs.ErrNotExist if there is no
// such file.
func (t *Texts) JudgeFile(ctx context.Context, path string) (*finding.Result, error) {
	info, err := file.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return &finding.Result{}, nil
	case !info.Mode().IsRegular():
		return nil, file.ErrNotRegular
	}
	if file.InCloud(info) && !t.opts.Sources.Cloud {
		return nil, file.ErrCloud
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return t.Judge(ctx, f, path)
}

// rel returns a path from the top of the repository, '/'-separated; false if it is not
// below it.
func (t *Texts) rel(path string) (string, bool) {
	if path == "" || t.top == "" {
		return "", false
	}
	folder, name := filepath.Split(path)
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		path = filepath.Join(real, name)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", false
	}
	rel, ok := file.Below(t.top, path)
	return strings.ReplaceAll(rel, string(filepath.Separator), "/"), ok
}
