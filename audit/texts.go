package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"

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
	// accept reads the exceptions, and top finds the working tree without links, "" if
	// there is none, when a key was found.
	accept func() error
	top    func() string
}

// OpenTexts reads the rules of the repository that dir is in, "" being none. Its
// exceptions count, and those of a file that opts.Sources.Config names besides. Of
// opts.Scan, what it says of limits, confidence, reach and the clock counts, and of
// opts.Sources all but Trust. Close what it returns.
func OpenTexts(ctx context.Context, dir string, opts Options) (*Texts, error) {
	trust := &config.Trust{Rev: "HEAD", Name: "HEAD", Anywhere: true, Nothing: true}
	opts.Sources.Trust = trust
	t := &Texts{opts: opts, top: func() string { return "" }}
	read := func(string, string, int64) ([]byte, error) { return nil, fs.ErrNotExist }
	if dir != "" {
		o := scanner.Options{Paths: []string{dir}, Staged: &scanner.Staged{}, Reach: opts.Scan.Reach, Now: opts.Scan.Now}
		if head, err := scanner.Prepare(o); err == nil { // else it cannot be read, and accepts nothing
			t.head, trust.Nothing = head, false
			read = func(rev, path string, limit int64) ([]byte, error) { return head.ReadFile(ctx, rev, path, limit) }
			t.top = sync.OnceValue(func() string {
				real, _ := filepath.EvalSymlinks(head.Top()) // "" with an error
				return real
			})
		}
	}
	var err error
	t.Loaded, err = opts.Sources.Load(nil, read)
	if named := opts.Sources; err == nil && named.Config != "" { // counts besides that of HEAD
		named.Config = ""
		t.ofHead, err = named.Load(nil, read)
	}
	if err != nil {
		t.Close()
		return nil, err
	}
	t.accept = sync.OnceValue(func() error {
		err := t.Loaded.Accept(opts.Baseline)
		if err == nil && t.ofHead != nil {
			err = t.ofHead.Accept(opts.Baseline)
		}
		return err
	})
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
	if len(res.Findings) > 0 {
		if err := t.accept(); err != nil {
			return nil, err
		}
		t.mark(res, path)
	}
	for _, s := range res.Skipped {
		if s.Reason.Class() == finding.ClassIncomplete {
			return res, fmt.Errorf("%s: %s", s.Reason, s.Detail)
		}
	}
	return res, nil
}

// mark marks the keys in the file at path that are accepted by either configuration.
func (t *Texts) mark(res *finding.Result, path string) {
	if rel, ok := t.rel(path); ok {
		for _, f := range res.Findings {
			for i := range f.Listed {
				f.Listed[i].Source, f.Listed[i].Path = finding.SourceWorktree, rel
			}
		}
	}
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
	f, err := file.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return t.Judge(ctx, f, path)
}

// rel returns a path from the top of the repository, '/'-separated; false if it is not
// below it.
func (t *Texts) rel(path string) (string, bool) {
	if path == "" || t.top() == "" {
		return "", false
	}
	folder, name := filepath.Split(path)
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		path = filepath.Join(real, name)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", false
	}
	rel, ok := file.Below(t.top(), path)
	return strings.ReplaceAll(rel, string(filepath.Separator), "/"), ok
}
