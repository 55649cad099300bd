package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// defaultRefs are the globs of the refs that are fetched unless others are named:
// what a repository's own people write, and HEAD, which may be on no branch.
var defaultRefs = []string{"HEAD", "refs/heads/*", "refs/tags/*", "refs/notes/*"}

// Selection says which refs are fetched. The zero value is the default.
type Selection struct{ globs []string }

// Select reads the globs of --ref: each replaces the default, or adds to it if it
// begins with +. A star stands for any characters, slashes among them.
func Select(globs []string) (Selection, error) {
	var s Selection
	replaces := false
	for _, glob := range globs {
		bare, adds := strings.CutPrefix(glob, "+")
		replaces = replaces || !adds
		if bare != "HEAD" && !strings.HasPrefix(bare, "refs/") || strings.ContainsAny(bare, "?[]{}:^~\\ ") {
			return s, fmt.Errorf("%q is not HEAD, nor the name of refs as refs/heads/* (a * is any text)", glob)
		}
		s.globs = append(s.globs, bare)
	}
	if !replaces {
		s.globs = append(s.globs, defaultRefs...)
	}
	return s, nil
}

// takes reports whether a ref is fetched.
func (s Selection) takes(name string) bool {
	globs := s.globs
	if globs == nil {
		globs = defaultRefs
	}
	return slices.ContainsFunc(globs, func(glob string) bool { return matches(glob, name) })
}

// matches reports whether name matches glob, where * is any text.
func matches(glob, name string) bool {
	first, rest, star := strings.Cut(glob, "*")
	name, ok := strings.CutPrefix(name, first)
	if !ok || !star {
		return ok && name == ""
	}
	parts := strings.Split(rest, "*")
	last := len(parts) - 1
	for _, part := range parts[:last] {
		_, after, found := strings.Cut(name, part)
		if !found {
			return false
		}
		name = after
	}
	return strings.HasSuffix(name, parts[last])
}

// Ref is a ref of the server.
type Ref struct {
	Name string
	ID   string // in hexadecimal digits
}

// Fetched is what a server has and what of it was fetched.
type Fetched struct {
	// Refs are the fetched refs, sorted by name; their names are well-formed.
	Refs []Ref
	// Head is the branch that HEAD names, "" if the server does not say, or HEAD
	// is not on a branch that was fetched. HeadID is what HEAD is.
	Head, HeadID string
	// HeadLeft says that the server has a HEAD, which was not asked for.
	HeadLeft bool
	// Left is the number of refs that were not asked for, and Malformed that of
	// those whose names no ref has.
	Left, Malformed int
	// Shallow are the commits without parents of a server that is shallow itself.
	Shallow []string
	// Final is the address that the server led to, "" if that is the one asked for.
	Final string
}

// Refs writes to w, in an order of its own, what the server at a says of its refs, of HEAD
// and of being shallow: the same bytes as long as a fetch of whatever refs brings the same
// objects. It makes one request, where the protocol has requests. Errors are those of Fetch.
func (c *Client) Refs(ctx context.Context, a *Address, w io.Writer) error {
	t, err := c.open(a)
	if err != nil {
		return c.sentence(ctx, a, t, err)
	}
	session, ar, err := c.discover(ctx, a, t)
	if errors.Is(err, transport.ErrEmptyRemoteRepository) {
		return nil
	}
	if err != nil {
		return c.sentence(ctx, a, t, err)
	}
	defer session.Close()
	for _, name := range slices.Sorted(maps.Keys(ar.References)) {
		fmt.Fprintf(w, "%s %q\n", ar.References[name], name)
	}
	if ar.Head != nil {
		fmt.Fprintf(w, "HEAD %s\n", ar.Head)
	}
	_, err = fmt.Fprintf(w, "%q %s\n", ar.Capabilities.Get(capability.SymRef), ar.Shallows)
	return err
}

// choose fills f with the refs of ar that s takes, and returns their ids.
func (f *Fetched) choose(ar *packp.AdvRefs, s Selection) (wants []plumbing.Hash) {
	wanted := map[plumbing.Hash]struct{}{}
	for _, name := range slices.Sorted(maps.Keys(ar.References)) {
		id := ar.References[name]
		switch {
		case !isRefName(name):
			f.Malformed++
		case !s.takes(name) || id.IsZero():
			f.Left++
		default:
			f.Refs = append(f.Refs, Ref{name, id.String()})
			wanted[id] = struct{}{}
		}
	}
	f.chooseHead(ar, s, wanted)
	for _, id := range ar.Shallows {
		f.Shallow = append(f.Shallow, id.String())
	}
	wants = slices.Collect(maps.Keys(wanted))
	plumbing.HashesSort(wants)
	return wants
}

// chooseHead fills Head and HeadID.
func (f *Fetched) chooseHead(ar *packp.AdvRefs, s Selection, wanted map[plumbing.Hash]struct{}) {
	for _, link := range ar.Capabilities.Get(capability.SymRef) {
		target, ok := strings.CutPrefix(link, "HEAD:")
		if _, shown := ar.References[target]; ok && shown && isRefName(target) && s.takes(target) { // the server may hide it
			f.Head = target
		}
	}
	if ar.Head == nil {
		return
	}
	_, known := wanted[*ar.Head]
	switch {
	case s.takes("HEAD"), known:
		f.HeadID = ar.Head.String()
		wanted[*ar.Head] = struct{}{}
	default:
		f.Head, f.HeadLeft = "", true
		f.Left++
	}
}

// missing returns an error if s names a ref, by no glob, that is not among what f has.
func (f *Fetched) missing(s Selection) error {
	for _, name := range s.globs {
		has := slices.ContainsFunc(f.Refs, func(r Ref) bool { return r.Name == name })
		if !strings.Contains(name, "*") && name != "HEAD" && !has {
			return fmt.Errorf("%w %s (--ref)", errNoRef, name)
		}
	}
	return nil
}

// errNoRef says that the server does not have a ref that the user named.
var errNoRef = errors.New("no ref")

// isRefName reports whether name is one that git allows (git-check-ref-format(1)).
func isRefName(name string) bool {
	if !strings.HasPrefix(name, "refs/") || strings.HasSuffix(name, ".") || len(name) > maxRefName ||
		strings.Contains(name, "..") || strings.Contains(name, "@{") || strings.ContainsAny(name, " ~^:?*[\\") || strings.ContainsFunc(name, isControl) {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part[0] == '.' || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return true
}

// maxRefName is longer than the names of any file system, in bytes.
const maxRefName = 4096
