package remote

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// Forge is the addresses at which a host shows a repository to people, where
// {commit}, {path} and {line} stand for these.
type Forge struct{ File, Commit string }

// forges are the forms of the hosts' addresses, below that of the repository.
var forges = sync.OnceValue(func() map[string]Forge {
	return map[string]Forge{
		"github":    {"/blob/{commit}/{path}#L{line}", "/commit/{commit}"},
		"gitlab":    {"/-/blob/{commit}/{path}#L{line}", "/-/commit/{commit}"},
		"bitbucket": {"/src/{commit}/{path}#lines-{line}", "/commits/{commit}"},
		"gitea":     {"/src/commit/{commit}/{path}#L{line}", "/commit/{commit}"},
		"azure":     {"?version=GC{commit}&path=/{path}&line={line}&lineEnd={line}&lineStartColumn=1&lineEndColumn=200", "/commit/{commit}"},
	}
})

// forgeOf returns the kind of a host that is known, "" for others.
func forgeOf(host string) string {
	switch host {
	case "github.com":
		return "github"
	case "gitlab.com":
		return "gitlab"
	case "bitbucket.org":
		return "bitbucket"
	case "codeberg.org", "gitea.com":
		return "gitea"
	case "dev.azure.com", "ssh.dev.azure.com":
		return "azure"
	}
	return ""
}

// ParseForge reads HOST=KIND, which says of a host that its addresses have the form of
// github, gitlab, bitbucket, gitea (Forgejo too) or azure.
func ParseForge(text string) (host, kind string, err error) {
	host, kind, _ = strings.Cut(text, "=")
	if _, known := forges()[kind]; host == "" || !known {
		return "", "", fmt.Errorf("%q is not HOST=KIND, where KIND is one of %s", text, strings.Join(slices.Sorted(maps.Keys(forges())), ", "))
	}
	return strings.ToLower(host), kind, nil
}

// Forge returns where the repository can be browsed, nil if that is not known. hosts
// has the kinds of further hosts.
func (a *Address) Forge(hosts map[string]string) *Forge {
	host := strings.ToLower(a.Host)
	kind := forgeOf(host)
	if kind == "" {
		if kind = hosts[host]; kind == "" {
			kind = hosts[a.Origin()]
		}
	}
	form, known := forges()[kind]
	if !known {
		return nil
	}
	path := strings.Trim(a.Path, "/")
	if a.Scheme == "git" || a.Scheme == "ssh" {
		path = strings.TrimPrefix((&url.URL{Path: "/" + path}).EscapedPath(), "/")
	}
	path = strings.TrimSuffix(path, ".git")
	if host == "ssh.dev.azure.com" { // v3/ORGANIZATION/PROJECT/REPOSITORY
		parts := strings.Split(path, "/")
		if len(parts) != 4 || parts[0] != "v3" {
			return nil
		}
		host, path = "dev.azure.com", parts[1]+"/"+parts[2]+"/_git/"+parts[3]
	}
	scheme := "https://"
	if a.Scheme == "http" {
		scheme = "http://"
	}
	at := &Address{Host: host}
	port := 0
	if a.Scheme == "http" || a.Scheme == "https" {
		port = a.Port
	}
	base := scheme + at.hostPort(port) + "/" + path
	return &Forge{File: base + form.File, Commit: base + form.Commit}
}
