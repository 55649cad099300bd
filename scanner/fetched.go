package scanner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// Remote is a repository that is not on this disk. A scan brings it to a temporary
// folder through Fetch, which knows the network.
type Remote struct {
	// Web is finding.Target.Web.
	Web finding.Web
	// Fetch writes one pack, with all that the refs it returns reach, to w; nothing,
	// if there are none. With an error it returns what is known, nil if that is
	// nothing; what it wrote is scanned. Errors of w are returned as they are.
	//
	// The server is told of the objects in have, in hexadecimal digits, and leaves out
	// what they reach.
	Fetch func(ctx context.Context, have []string, w io.Writer) (*Fetched, error)
}

// Fetched is what a server says of a repository.
type Fetched struct {
	gitdb.Created
	// HeadLeft says that there is a HEAD, which was not fetched.
	HeadLeft bool
	// Notes are sentences about what was not fetched.
	Notes []string
}

// resolveRemote sets what is scanned of an address.
func (t *target) resolveRemote(opts *Options) error {
	for _, refused := range []struct {
		name string
		set  bool
	}{{"--tree", opts.onlyTree()}, {"--staged", opts.Staged != nil}, {"--ignored", opts.Ignored}} {
		if refused.set {
			return t.errorf("%s: a repository at an address has no working tree and no index here", refused.name)
		}
	}
	t.Kind, t.Remote, t.Web = finding.TargetRepository, true, t.remote.Web
	t.History = t.Scope == finding.ScopeWhole
	return nil
}

// Fetch brings what is at addresses here before Scan does, so that it can be read first.
// The error is ctx's alone.
func (s *Prepared) Fetch(ctx context.Context) error {
	for _, t := range s.targets {
		if t.remote != nil {
			if err := s.fetch(ctx, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// originHead is what a clone notes as the default branch of where it came from.
const originHead = "refs/remotes/origin/HEAD"

// TrustDefaultBranch has the comments count that the default branch of the first target
// reaches (Options.Trusted), and returns it as a revision: what a clone notes as that of
// where it came from, else HEAD.
func (s *Prepared) TrustDefaultBranch() string {
	if repo := s.targets[0].repo; repo != nil {
		for _, ref := range repo.Refs {
			if ref.Name == originHead {
				s.opts.Trusted = ref.ID.String()
				return s.opts.Trusted
			}
		}
	}
	return "HEAD"
}

// fetch brings the repository of t here, once, and opens it. What did not come is noted
// as skipped. The error is ctx's alone; t.repo is nil if nothing came.
func (s *Prepared) fetch(ctx context.Context, t *target) error {
	if t.fetched {
		return nil
	}
	t.fetched = true
	s.opts.Progress.Phase.Store("receiving")
	err := s.receive(ctx, t)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		if t.repo == nil {
			t.failed = err.Error()
		}
		s.skip(finding.Skipped{Reason: finding.ReasonNotFetched, Count: 1, Detail: t.Name + ": " + err.Error(), Target: t.Name})
	}
	return nil
}

func (s *Prepared) receive(ctx context.Context, t *target) (err error) {
	if s.opts.Cache != "" {
		return s.receiveCached(ctx, t)
	}
	if err := t.makeFolder(s.opts.Keep); err != nil {
		return temporary(err)
	}
	if s.opts.Keep == "" {
		// Nothing stays if a second signal ends the process at once.
		context.AfterFunc(ctx, t.removeFetched)
	}
	return s.receiveAll(ctx, t)
}

// receiveAll fetches everything to the folder of t, which is empty.
func (s *Prepared) receiveAll(ctx context.Context, t *target) (err error) {
	packs := filepath.Join(t.folder, filepath.FromSlash(gitdb.PackFolder))
	if err := os.MkdirAll(packs, 0o700); err != nil {
		return temporary(err)
	}
	in, err := pack.Receive(packs, oid.SHA1, s.opts.MaxPack)
	if err != nil {
		return temporary(err)
	}
	got, failed := t.remote.Fetch(ctx, nil, &counted{in, s.opts.Progress})
	s.opts.Progress.Bytes.Add(-in.Size())
	if failed != nil && ctx.Err() == nil {
		failed = s.cutWords(failed)
	}
	if err := in.End(failed); err != nil {
		return temporary(err)
	}
	if ctx.Err() != nil || got == nil || failed != nil && in.Size() == 0 {
		return failed
	}
	t.Notes, t.headLeft = append(t.Notes, got.Notes...), got.HeadLeft
	if in.Size() > 0 {
		t.incoming = in
		if failed != nil {
			failed = fmt.Errorf("%w (the first %d bytes of the pack came, and were scanned)", failed, in.Size())
		}
	}
	if err := gitdb.Create(t.folder, got.Created); err != nil {
		return temporary(err)
	}
	if t.repo, err = gitdb.Open(t.folder, s.opts.Reach); err != nil {
		return temporary(err)
	}
	t.root = t.repo.GitDir
	return failed
}

// cutWords words an error of writing the pack.
func (s *Prepared) cutWords(err error) error {
	if errors.Is(err, pack.ErrLimit) {
		return fmt.Errorf("the pack is larger than %d bytes (--max-pack)", s.opts.MaxPack)
	}
	if _, ok := errors.AsType[*os.PathError](err); ok {
		return temporary(err)
	}
	return err
}

// temporary words an error of the folder that a repository is fetched to.
func temporary(err error) error {
	return fmt.Errorf("the folder for what is fetched: %s", namedError(err))
}

// counted counts what is written.
type counted struct {
	io.Writer
	progress *Progress
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.progress.Bytes.Add(int64(n))
	return n, err
}

// makeFolder makes the folder that t is fetched to: keep, or without that a temporary
// one, which only the user can read.
func (t *target) makeFolder(keep string) (err error) {
	if keep == "" {
		t.folder, err = os.MkdirTemp("", "keysweep-")
		return err
	}
	if err := os.Mkdir(keep, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if !isEmptyFolder(keep) {
		return &fs.PathError{Op: "keep", Path: keep, Err: errors.New("it is not an empty folder")}
	}
	t.folder = keep
	return nil
}

func isEmptyFolder(path string) bool {
	list, err := os.ReadDir(path)
	return err == nil && len(list) == 0
}

// keepFetched makes what t was fetched to a repository that git can read, if the user
// wants it.
func (s *Prepared) keepFetched(ctx context.Context, t *target) {
	if s.opts.Keep == "" && s.opts.Cache == "" || t.repo == nil {
		return
	}
	err := ctx.Err()
	if err == nil && t.incoming.IsCut() {
		err = errors.New("its pack is not whole")
	}
	if err == nil && t.incoming != nil {
		err = t.incoming.WriteIndex(ctx, s.opts.Workers)
	}
	if s.opts.Cache != "" {
		t.kept = (err == nil || t.incoming == nil) && len(t.repo.Shallow) == 0 && !s.isIncomplete(t)
		return
	}
	if err != nil {
		t.note("It was not kept in %s: %s.", quoted(s.opts.Keep), plainError(err))
		return
	}
	t.kept = true
	t.note("It was kept in %s, a bare repository.", quoted(s.opts.Keep))
}

// removeFetched removes the folder that t was fetched to, unless it is kept.
func (t *target) removeFetched() {
	if t.folder != "" && !t.kept {
		_ = os.RemoveAll(t.folder)
	}
}
