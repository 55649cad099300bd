package scanner

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"keysweep/file"
	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/lookup"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// explainedRepository is the repository of what is not a file.
type explainedRepository struct {
	*Prepared
	*target
	top  string // Discover's folder
	from string // the folder that ./ is
}

// openRepository opens the repository that the user named, or that of the working
// directory. Close what it returns.
func (e *explainer) openRepository() (*explainedRepository, error) {
	from := cmp.Or(e.opts.Repository, ".")
	if info, err := file.Stat(from); err != nil {
		return nil, fmt.Errorf("%s: %s", quoted(from), plainError(err))
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a folder", quoted(from))
	}
	top, inside, err := gitdb.Discover(from)
	switch {
	case err != nil:
		return nil, errors.New(plainError(err))
	case !inside && e.opts.Repository != "":
		return nil, fmt.Errorf("%s is in no git repository", quoted(from))
	case !inside:
		return nil, errors.New("no such file, and the working directory is in no git repository (--repository names one)")
	}
	repo, err := gitdb.Open(top, e.opts.Reach)
	if err != nil {
		return nil, errors.New(plainError(err))
	}
	t := &target{repo: repo}
	p := &Prepared{opts: Options{FollowAlternates: e.opts.FollowAlternates, Now: e.opts.Now}, targets: []*target{t}, result: &finding.Result{}}
	if _, err = p.lookup(e.ctx, t); err != nil {
		p.Close()
		return nil, err
	}
	return &explainedRepository{p, t, top, from}, nil
}

// readRevision reads a version of a file, or an object that has no path.
func (e *explainer) readRevision(s subject) error {
	r, err := e.openRepository()
	if err != nil {
		return err
	}
	defer r.Close()
	e.out.Revision = s.rev
	asked := s
	if _, isWhole := oid.Parse([]byte(s.rev)); s.rev != "" && !isWhole && finding.Incomplete(r.result.Skipped) {
		// A ref or another id of these digits may be in what was not read.
		return fmt.Errorf("it is not certain what %s names, since something was not read: %s", quoted(s.rev), r.result.Skipped[0].Detail)
	}
	if strings.HasPrefix(s.rev, ":/") {
		commit, err := r.db.Resolve(e.ctx, s.rev)
		if err != nil {
			return err
		}
		s.rev = commit.String()
	}
	id, err := e.versionOf(r, &s)
	if errors.Is(err, lookup.ErrRevision) && s.rev != "" {
		if alone, ok := e.objectAlone(r, s); ok {
			id, err = alone, nil
		}
	}
	if here := filepath.Join(e.opts.Repository, filepath.FromSlash(asked.rev)); errors.Is(err, lookup.ErrRevision) && asked.rev != "" {
		switch _, _, isLine := cutLine(asked.rev + ":" + asked.path); {
		case asked.path != "" && !isLine:
		case e.opts.Repository == "" && asked.path == "":
			err = errors.New("no such file")
		case e.opts.Repository != "" && exists(here):
			err = fmt.Errorf("no revision has this name; of the file, say %s without --repository, or :%s as it is staged", quoted(here), quoted(asked.rev))
		}
	}
	if err != nil {
		return err
	}
	e.out.Object = id.String()
	if err := r.db.Read(e.ctx, id, func(o *pack.Object) error { return e.readObject(r, o, s.inside) }); err != nil {
		return err
	}
	return e.findMerged(r.db, s.rev)
}

// versionOf returns the blob that REV:PATH or :PATH names, with or without LINE. The
// error wraps lookup.ErrRevision if that is none.
func (e *explainer) versionOf(r *explainedRepository, s *subject) (oid.ID, error) {
	stage := 0
	if digit, path, ok := strings.Cut(s.path, ":"); ok && s.rev == "" && len(digit) == 1 && digit[0] >= '0' && digit[0] <= '3' {
		stage, s.path = int(digit[0]-'0'), path // :N:PATH, of a conflict
	}
	find := func(path string) (oid.ID, error) {
		e.out.Path = r.pathFromTop(path)
		entry, err := r.entryAt(e.ctx, r.target, s.rev, e.out.Path, stage)
		if err == nil && (entry.IsTree() || entry.IsSubmodule()) {
			err = fmt.Errorf("%w: %s is no file", lookup.ErrRevision, e.out.Path)
		}
		return entry.ID, err
	}
	id, err := find(s.path)
	if name, line, numbered := cutLine(s.path); err != nil && numbered {
		e.out.Line = line
		id, err = find(name)
	}
	if outer, inside, ok := cutInside(s.path); err != nil && ok {
		last := len(inside) - 1
		if name, line, numbered := cutLine(inside[last]); numbered {
			inside[last], e.out.Line = name, line
		}
		s.inside = inside
		id, err = find(outer)
	}
	return id, err
}

// objectAlone returns the object that OBJECT or OBJECT:LINE names: a blob, a commit or
// a tag.
func (e *explainer) objectAlone(r *explainedRepository, s subject) (id oid.ID, ok bool) {
	name, line, _ := cutLine(s.rev + ":" + s.path)
	if s.path != "" && name != s.rev {
		return id, false
	}
	e.out.Path, e.out.Line = "", line
	id, err := r.db.Resolve(e.ctx, s.rev+"^{object}")
	return id, err == nil
}

// readObject judges an object, or the content that it is a pointer for if that is here.
func (e *explainer) readObject(r *explainedRepository, o *pack.Object, inside []string) error {
	e.out.Source = sources[o.Type]
	switch {
	case o.Type == oid.Tree:
		return fmt.Errorf("%w: %s is a tree", lookup.ErrRevision, e.out.Object)
	case e.out.Revision == "":
		e.out.Source = finding.SourceIndex
	}
	if p := pointerOf(o.Data); p != nil && o.Type == oid.Blob {
		err := p.openKept(e.ctx, o.Data, r.repo.CommonDir, "", func(_ string, kept io.Reader) error { return e.readInside(kept, e.out.Path, inside) })
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	content := o.Stream
	if content == nil {
		content = bytes.NewReader(o.Data)
	}
	return e.readInside(content, e.out.Path, inside)
}

// findMerged notes whether HEAD reaches the commit that rev names: only then does a
// comment beside a key count.
func (e *explainer) findMerged(db *lookup.Database, rev string) error {
	commit, err := db.Resolve(e.ctx, rev+"^{commit}")
	if errors.Is(err, lookup.ErrRevision) {
		return nil // the index, or a tree
	}
	if err != nil {
		return err
	}
	isMerged, skipped, err := db.ReachedFrom(e.ctx, "HEAD", []oid.ID{commit})
	if len(skipped) > 0 {
		return errors.New(skipped[0].Detail)
	}
	for i := range e.out.Keys {
		e.out.Keys[i].Comment.Merged = isMerged(commit)
	}
	return err
}

// pathFromTop returns path as seen from the top of the repository: as it is, or,
// if it begins with ./ or ../, from where the user is.
func (r *explainedRepository) pathFromTop(path string) string {
	if !strings.HasPrefix(path, "./") && !strings.HasPrefix(path, "../") {
		return path
	}
	if below, ok := pathBelow(r.top, filepath.Join(r.from, filepath.FromSlash(path))); ok {
		return below
	}
	return path
}
