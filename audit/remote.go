package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"keysweep/config"
	"keysweep/finding"
	"keysweep/quote"
	"keysweep/remote"
	"keysweep/scanner"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
)

// Remote says how repositories at addresses are fetched, and how links to them look.
type Remote struct {
	remote.Options
	// Forges are the kinds of hosts that are not known, by host (see ParseForge).
	Forges map[string]string
}

// ParseForge reads HOST=KIND, which says how the links of a host look.
func ParseForge(text string) (host, kind string, err error) { return remote.ParseForge(text) }

// Addresses replaces those paths of opts that are addresses by what names them in
// reports, without user and password, and lets the scan fetch them as r says. A
// file:// address becomes a path.
func Addresses(opts *scanner.Options, r Remote) error {
	opts.Paths = slices.Clone(opts.Paths)
	opts.Remotes = map[string]*scanner.Remote{}
	var list []*remote.Address
	for i, text := range opts.Paths {
		if path, ok := remote.LocalPath(text); ok {
			opts.Paths[i] = path
		}
		if !remote.IsAddress(opts.Paths[i]) {
			continue
		}
		a, err := remote.Parse(text)
		if err != nil {
			return fmt.Errorf("path %d is %w", i+1, err)
		}
		if opts.Paths[i] = a.String(); opts.Remotes[a.String()] != nil {
			return fmt.Errorf("%s is named twice", quote.Name(a.String()))
		}
		opts.Remotes[a.String()] = &scanner.Remote{}
		if f := a.Forge(r.Forges); f != nil {
			opts.Remotes[a.String()].Web = finding.Web{File: f.File, Commit: f.Commit}
		}
		list = append(list, a)
	}
	if err := remote.CheckTokens(r.Tokens, list); err != nil {
		return fmt.Errorf("--token-env: %w", err)
	}
	if len(list) == 0 {
		return nil
	}
	if p := opts.Progress; p != nil {
		r.Messages = func(line string) { p.Message.Store(line) }
	}
	client, err := remote.NewClient(r.Options)
	if err != nil {
		return err
	}
	for _, a := range list {
		opts.Remotes[a.String()].Fetch = func(ctx context.Context, have []string, w io.Writer) (*scanner.Fetched, error) {
			got, err := client.Fetch(ctx, a, have, w)
			return fetched(got), err
		}
	}
	return nil
}

// SelectRefs reads the globs of the refs that are fetched: each replaces the
// default, or adds to it if it begins with +.
func SelectRefs(globs []string) (remote.Selection, error) { return remote.Select(globs) }

// ParseToken reads [HOST=]NAME, where NAME is an environment variable that holds the
// password for the addresses on HOST, and that get returns.
func ParseToken(text string, get func(string) string) (remote.Token, error) {
	return remote.ParseToken(text, get)
}

// fetched returns what a scan needs to know of f.
func fetched(f *remote.Fetched) *scanner.Fetched {
	if f == nil {
		return nil
	}
	s := &scanner.Fetched{Created: gitdb.Created{Head: f.Head, HeadID: parseID(f.HeadID)}, HeadLeft: f.HeadLeft}
	for _, ref := range f.Refs {
		s.Refs = append(s.Refs, gitdb.Ref{Name: ref.Name, ID: parseID(ref.ID)})
	}
	for _, id := range f.Shallow {
		s.Shallow = append(s.Shallow, parseID(id))
	}
	note := func(format string, args ...any) { s.Notes = append(s.Notes, fmt.Sprintf(format, args...)) }
	if f.Final != "" {
		note("The server led to %s, which was fetched.", quote.Name(f.Final))
	}
	refs := func(n int, why string) {
		switch n {
		case 0:
		case 1:
			note("1 ref of the server was not fetched%s.", why)
		default:
			note("%d refs of the server were not fetched%s.", n, why)
		}
	}
	refs(f.Left, " (--ref 'refs/*' fetches all)")
	refs(f.Malformed, ": no ref may have such a name")
	if f.HeadLeft {
		note("HEAD of the server was not fetched: whether it holds a key is not known (--ref HEAD fetches it, too).")
	}
	note("Objects that no ref reaches, and reflogs, stay on a server: no fetch brings them.")
	return s
}

// noteTheirs says, of each repository that was fetched, how many of its own exceptions
// in its files do not count. Comments that do not count are noted as everywhere.
func (a *Audit) noteTheirs(ctx context.Context) {
	for i := range a.Result.Targets {
		t := &a.Result.Targets[i]
		if !t.Remote || ctx.Err() != nil {
			continue
		}
		n := config.ExceptionsIn(func(rev, path string, limit int64) ([]byte, error) {
			return a.prepared.ReadFetched(ctx, t.Name, rev, path, limit)
		})
		if n > 0 {
			t.Notes = append(t.Notes, fmt.Sprintf("The exceptions in its configuration and baseline do not count (%d): --config and --baseline name files of yours.", n))
		}
	}
}

// parseID returns the id that is written in hexadecimal digits; zero: none.
func parseID(hex string) oid.ID {
	id, _ := oid.Parse([]byte(hex))
	return id
}

// errAddress is the error of a command that reads no address.
var errAddress = errors.New("only keysweep scan reads a repository at an address")

// RefuseAddresses returns an error if one of paths is an address.
func RefuseAddresses(paths []string) error {
	if slices.ContainsFunc(paths, remote.IsAddress) {
		return errAddress
	}
	return nil
}
