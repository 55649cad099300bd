// Package list says what a sweep scans: it reads files of addresses and paths, and
// asks GitHub, GitLab, and Gitea or Forgejo which repositories an organisation has.
// It sends a token to the API that the token is for, and nowhere else.
package list

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"keysweep/quote"
	"keysweep/remote"
)

// Repository is one repository of a sweep. It holds no credential, so that it may be
// stored and sent.
type Repository struct {
	// Name is how reports name it: the address without user and password, or the
	// path as it was given.
	Name string
	// Target is what is scanned: Name, or the address with the user of ssh.
	Target string
	// Token is HOST=NAME, the environment variable with the password for its
	// address, as audit.ParseToken reads it; "": none.
	Token string `json:",omitempty"`
	// Size is in bytes, as far as the host says; 0 if it is not known.
	Size int64 `json:",omitempty"`

	// Refused is why it is not scanned, and Target is empty then; "": it is.
	Refused string `json:"-"`

	Archived, Fork, Private bool `json:",omitzero"`

	// Pushed is when it last changed, by the host; zero: not known. GitLab and Gitea
	// do not say when a commit was pushed: it is their last activity, which is no
	// earlier.
	Pushed time.Time `json:",omitzero"`
}

// Visibilities of Options.
const (
	Public  = "public"
	Private = "private" // GitLab's internal too
)

// Options says what is listed. The zero value lists nothing.
type Options struct {
	// Files hold an address or a path a line; "-" is Stdin.
	Files []string
	Stdin io.Reader
	// GitHub, GitLab and Gitea are names of organisations, groups (as a/b) or
	// accounts.
	GitHub, GitLab, Gitea []string
	// API is the address of a self-hosted API; "": that of github.com, gitlab.com
	// or gitea.com. It is for one kind of host.
	API string
	// CAFile is a PEM file of further trusted certificates.
	CAFile string
	// TokenEnv are [HOST=]NAME: the environment variable with the token for HOST,
	// else for the API. Without, each host has the variables that its own
	// programs read.
	TokenEnv []string
	Getenv   func(string) string // nil: os.Getenv

	// What is left out of what a host lists.
	NoArchived, NoForks bool
	Visibility          string    // Public, Private; "": both
	PushedSince         time.Time // zero: whenever

	// Say gets a sentence for the user: what is left out, what is waited for. Nil:
	// it is not called.
	Say func(sentence string)
	// Now is the clock; nil: time.Now. Sleep waits; nil: by the clock of the system.
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
}

// Check returns what is wrong with o, before anything is read or asked.
func (o *Options) Check() error {
	kinds := 0
	for _, names := range [][]string{o.GitHub, o.GitLab, o.Gitea} {
		kinds += min(len(names), 1)
		for _, name := range names {
			if strings.Trim(name, "/") == "" || strings.ContainsAny(name, ":?#%\\ ") {
				return fmt.Errorf("%s is not the name of an organisation, group or account", quote.Name(name))
			}
		}
	}
	if kinds == 0 {
		for _, t := range o.TokenEnv {
			if !strings.Contains(t, "=") {
				return fmt.Errorf("--token-env %s is for the API of --github, --gitlab or --gitea: for an address it is HOST=%[1]s", quote.Name(t))
			}
		}
	}
	switch {
	case o.API != "" && kinds != 1:
		return errors.New("--api is the address of one host: it needs exactly one of --github, --gitlab and --gitea")
	case kinds == 0 && len(o.Files) == 0:
		return errors.New("nothing to sweep: --repos, --github, --gitlab or --gitea says what")
	case o.Visibility != "" && o.Visibility != Public && o.Visibility != Private:
		return fmt.Errorf("--visibility: %s is neither %s nor %s", quote.Name(o.Visibility), Public, Private)
	}
	return nil
}

// List returns the repositories of all sources, each once, the largest first; those of
// unknown size follow in the order of the sources. Errors are one sentence each, without
// a token.
func List(ctx context.Context, o Options) ([]Repository, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	o.setDefaults()
	l := &lister{Options: &o, seen: map[string]bool{}}
	for _, name := range o.Files {
		if err := l.readFile(name); err != nil {
			return nil, err
		}
	}
	for _, source := range []struct {
		kind  kind
		names []string
	}{{gitHub, o.GitHub}, {gitLab, o.GitLab}, {gitea, o.Gitea}} {
		if len(source.names) == 0 {
			continue
		}
		if err := l.askHost(ctx, source.kind, source.names); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(l.list, func(a, b Repository) int { return cmp.Compare(b.Size, a.Size) })
	return l.list, nil
}

func (o *Options) setDefaults() {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Say == nil {
		o.Say = func(string) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// lister collects repositories.
type lister struct {
	*Options
	list []Repository
	seen map[string]bool // by identity
}

// add adds r unless it is there already.
func (l *lister) add(identity string, r Repository) {
	if !l.seen[identity] {
		l.seen[identity] = true
		l.list = append(l.list, r)
	}
}

// identity is the same for addresses that differ only in what hosts ignore.
func identity(a *remote.Address) string {
	b := *a
	b.Host = strings.ToLower(b.Host)
	b.Path = strings.TrimSuffix(b.Path, ".git")
	return b.String()
}

// samePath is the same for all paths of a folder that exists.
func samePath(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return path
}
