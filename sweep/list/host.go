package list

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"keysweep/quote"
	"keysweep/remote"
)

// kind is a kind of API.
type kind struct {
	name    string
	api     string // its public one
	variant string // of its addresses, below the host
	scheme  string // of the header Authorization
	// tokens are the environment variables that its own programs read; selfHosted
	// those for another host than the public one, nil: the same.
	tokens, selfHosted []string
	list               func(ctx context.Context, h *host, name string) error
}

const nameGitHub = "GitHub"

var (
	// gitHub's variables are those of its program gh.
	gitHub = kind{nameGitHub, "https://api.github.com", "/api/v3", "Bearer",
		[]string{"GH_TOKEN", "GITHUB_TOKEN"}, []string{"GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"}, listGitHub}
	gitLab = kind{"GitLab", "https://gitlab.com", "/api/v4", "Bearer", []string{"GITLAB_TOKEN"}, nil, listGitLab}
	gitea  = kind{"Gitea", "https://gitea.com", "/api/v1", "token", []string{"GITEA_TOKEN"}, nil, listGitea}
)

// host is one API that is asked.
type host struct {
	*lister
	kind
	base     *url.URL // as far as its client library wants it
	variable string   // that holds token
	token    string
	client   *http.Client

	left map[string]int // how many repositories were left out, by reason
}

// askHost lists organisations, groups and accounts of one API.
func (l *lister) askHost(ctx context.Context, k kind, names []string) error {
	h := &host{lister: l, kind: k, left: map[string]int{}}
	var err error
	if h.base, err = parseAPI(cmp.Or(l.API, k.api), k.variant); err != nil {
		return fmt.Errorf("--api: %w", err)
	}
	if err = h.findToken(); err != nil {
		return err
	}
	if h.client, err = newClient(h); err != nil {
		return err
	}
	if h.token == "" {
		l.Say(fmt.Sprintf("Without a token, %s lists public repositories only (%s).", h.base.Host, strings.Join(h.variables(), ", ")))
	}
	for _, name := range names {
		if err := h.kind.list(ctx, h, strings.Trim(name, "/")); err != nil {
			return h.sentence(ctx, name, err)
		}
	}
	for _, reason := range []string{"archived", "forks", "private", "public", "not pushed to since then"} {
		if n := h.left[reason]; n > 0 {
			l.Say(fmt.Sprintf("Left out of what %s lists: %d, %s.", h.base.Host, n, reason))
		}
	}
	return nil
}

// parseAPI reads the address of an API, with or without its variant's path.
func parseAPI(text, variant string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil: // whose text may hold a password
		return nil, errors.New("it does not parse as a URL")
	case u.User != nil:
		return nil, errors.New("it holds a user or password: tokens come from the environment")
	case u.Host == "" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%s is not the address of a host", quote.Name(text))
	case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
		return nil, fmt.Errorf("%s is not https, so no token may be sent there", quote.Name(text))
	}
	u.Path = strings.TrimSuffix(strings.TrimRight(u.Path, "/"), variant)
	u.RawPath = ""
	return u, nil
}

// isLoopback reports whether a host is this machine by its name.
func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}

// cloneHost returns the host of the clone addresses that go with an API: its own, or
// for GitHub the one that its documents name.
func (h *host) cloneHost() string {
	name := strings.ToLower(h.base.Host)
	if h.name == nameGitHub && (name == "api.github.com" || strings.HasPrefix(name, "api.") && strings.HasSuffix(name, ".ghe.com")) {
		return strings.TrimPrefix(name, "api.")
	}
	return name
}

// variables returns the names of the environment variables that may hold the token.
func (h *host) variables() []string {
	clone := h.cloneHost()
	for _, t := range h.TokenEnv {
		host, name, hasHost := strings.Cut(t, "=")
		if !hasHost {
			return []string{t}
		}
		if strings.EqualFold(host, h.base.Host) || strings.EqualFold(host, h.base.Hostname()) || strings.EqualFold(host, clone) {
			return []string{name}
		}
	}
	if h.selfHosted == nil || clone == "github.com" || strings.HasSuffix(clone, ".ghe.com") {
		return h.tokens
	}
	return h.selfHosted
}

func (h *host) findToken() error {
	names := h.variables()
	for _, name := range names {
		if h.token = h.Getenv(name); h.token != "" {
			h.variable = name
			return nil
		}
	}
	for _, t := range h.TokenEnv { // what the user named has to be there
		if _, err := remote.ParseToken(t, h.Getenv); err != nil {
			return fmt.Errorf("--token-env: %w", err)
		}
	}
	return nil
}

// refusedForKey is why nothing with such an address is part of a sweep.
const refusedForKey = "its address holds a key, which a sweep would store (keysweep scan reads it)"

// hosted is what a host says of a repository.
type hosted struct {
	name                    string // for errors
	clone                   string
	size                    int64
	archived, fork, private bool
	pushed                  time.Time
}

// take adds a repository that a host lists, unless it is to be left out.
func (h *host) take(r hosted) error {
	a, err := remote.Parse(r.clone)
	if err != nil || a.Scheme != "https" && a.Scheme != "http" {
		return fmt.Errorf("%s has an address that is neither http nor https", r.name) // quoted by sentence
	}
	reason := ""
	switch {
	case h.NoArchived && r.archived:
		reason = "archived"
	case h.NoForks && r.fork:
		reason = "forks"
	case h.Visibility == Public && r.private:
		reason = "private"
	case h.Visibility == Private && !r.private:
		reason = "public"
	case !h.PushedSince.IsZero() && !r.pushed.IsZero() && r.pushed.Before(h.PushedSince):
		reason = "not pushed to since then"
	}
	id := identity(a)
	if h.seen[id] {
		for i, r := range h.lister.list {
			if r.Token == "" && strings.TrimSuffix(r.Name, ".git") == strings.TrimSuffix(a.String(), ".git") { // a file named it
				h.lister.list[i].Token = h.tokenFor(a)
			}
		}
		return nil
	}
	if reason != "" {
		h.left[reason]++
		h.seen[id] = true
		return nil
	}
	if hidden := quote.HideKeys(a.String()); hidden != a.String() {
		h.add(id, Repository{Name: hidden, Refused: refusedForKey})
		return nil
	}
	h.add(id, Repository{
		Name: a.String(), Target: a.String(), Token: h.tokenFor(a), Size: max(r.size, 0),
		Archived: r.archived, Fork: r.fork, Private: r.private, Pushed: r.pushed,
	})
	return nil
}

// tokenFor returns HOST=NAME if the token of the API may go to a clone address.
func (h *host) tokenFor(a *remote.Address) string {
	clone, err := remote.Parse(h.base.Scheme + "://" + h.cloneHost() + "/x")
	if h.token == "" || err != nil || a.Scheme != "https" || a.Origin() != clone.Origin() {
		return ""
	}
	return a.Origin() + "=" + h.variable
}
