// Package remote brings repositories over the network: it speaks git's protocols to
// a server and hands over its refs and one pack. It reads no pack, runs no program,
// and asks no credential helper. With package verify, it is the only one that opens
// connections.
package remote

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Address is where a repository is. It formats without user and password, so that
// none is printed by accident.
type Address struct {
	// Scheme is https, http, git or ssh.
	Scheme string
	// Host has no port; an IPv6 address has no brackets.
	Host string
	// Port is zero if the address names none.
	Port int
	// Path is that on the server: escaped for http and https, plain for the others.
	Path string

	user, password string
	scp            bool // written as HOST:PATH
}

// ErrAddress is wrapped by the errors of addresses that cannot be used.
var ErrAddress = errors.New("not an address of a repository")

// schemePort returns the port of a scheme that is spoken, zero for others.
func schemePort(scheme string) int {
	switch scheme {
	case "https":
		return 443
	case "http":
		return 80
	case "git":
		return 9418
	case "ssh":
		return 22
	}
	return 0
}

// IsAddress reports whether text is an address and no path: SCHEME://…, or
// USER@HOST:PATH where no file has that name.
func IsAddress(text string) bool {
	if scheme, _, ok := strings.Cut(text, "://"); ok {
		return isScheme(scheme)
	}
	if user, host, path := cutSCP(text); user == "" || host == "" || path == "" || strings.ContainsAny(user+host, `/\`) {
		return false
	}
	_, err := os.Lstat(text)
	return err != nil
}

// cutSCP reads USER@HOST:PATH, where the host of IPv6 is in brackets. Empty: there is
// no such part. A user with a password holds a colon.
func cutSCP(text string) (user, host, path string) {
	user, rest, hasUser := strings.Cut(text, "@")
	if !hasUser {
		return "", "", ""
	}
	if inside, after, ok := strings.Cut(strings.TrimPrefix(rest, "["), "]:"); ok && rest[0] == '[' {
		return user, inside, after
	}
	host, path, _ = strings.Cut(rest, ":")
	return user, host, path
}

// isScheme reports whether s is a scheme (RFC 3986 §3.1) of two letters or more: one
// letter is a drive of Windows.
func isScheme(s string) bool {
	for i, c := range []byte(strings.ToLower(s)) {
		if (c < 'a' || c > 'z') && (i == 0 || (c < '0' || c > '9') && !strings.ContainsRune("+-.", rune(c))) {
			return false
		}
	}
	return len(s) > 1
}

// LocalPath returns the path that a file:// address names.
func LocalPath(text string) (path string, ok bool) {
	if scheme, _, _ := strings.Cut(text, "://"); !strings.EqualFold(scheme, "file") {
		return "", false
	}
	u, err := url.Parse(text)
	if err != nil || u.Host != "" && u.Host != "localhost" || u.Path == "" {
		return "", false
	}
	if runtime.GOOS == "windows" && len(u.Path) > 2 && u.Path[2] == ':' { // file:///C:/folder
		return u.Path[1:], true
	}
	return u.Path, true
}

// Parse reads an address. The error wraps ErrAddress, and holds no password.
func Parse(text string) (*Address, error) {
	if !strings.Contains(text, "://") {
		user, host, path := cutSCP(text)
		if strings.Contains(user, ":") {
			return nil, fmt.Errorf("%w: USER@HOST:PATH takes no password", ErrAddress)
		}
		a := &Address{Scheme: "ssh", Host: host, Path: path, user: user, scp: true}
		return a, a.check()
	}
	u, err := url.Parse(text)
	if err != nil { // whose text may hold a password
		return nil, fmt.Errorf("%w: it does not parse as a URL", ErrAddress)
	}
	a := &Address{Scheme: strings.ToLower(u.Scheme), Host: u.Hostname(), Path: u.Path}
	if u.User != nil {
		a.user = u.User.Username()
		a.password, _ = u.User.Password()
	}
	if text := u.Port(); text != "" {
		if a.Port, err = strconv.Atoi(text); err != nil || a.Port < 1 || a.Port > 65535 {
			return nil, fmt.Errorf("%w: %q is no port", ErrAddress, text)
		}
	}
	switch a.Scheme {
	case "http", "https":
		if u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("%w: it ends in a query or fragment", ErrAddress)
		}
		a.Path = strings.TrimRight(u.EscapedPath(), "/")
	case "file":
		return nil, fmt.Errorf("%w: file:// names a path on this machine, as file:///home/me/shop", ErrAddress)
	default: // ~USER is below no root
		a.Path = strings.TrimRight(a.Path, "/")
		if strings.HasPrefix(a.Path, "/~") {
			a.Path = a.Path[1:]
		}
	}
	return a, a.check()
}

// check refuses what no server can be asked for.
func (a *Address) check() error {
	switch {
	case schemePort(a.Scheme) == 0:
		return fmt.Errorf("%w: %s:// is not https, http, git or ssh", ErrAddress, a.Scheme)
	case a.Host == "":
		return fmt.Errorf("%w: it names no host", ErrAddress)
	case strings.HasPrefix(a.Host, "-") || strings.ContainsFunc(a.Host, isControl) || strings.ContainsAny(a.Host, " /\\'\""):
		return fmt.Errorf("%w: its host is none", ErrAddress)
	case strings.Trim(a.Path, "/") == "":
		return fmt.Errorf("%w: it names no repository on %s", ErrAddress, a.Host)
	case strings.ContainsFunc(a.Path, isControl) || strings.ContainsFunc(a.user, isControl):
		return fmt.Errorf("%w: it holds control characters", ErrAddress)
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// String returns the address without user and password, but for the user git of ssh,
// which is no secret and part of how such addresses are written.
func (a *Address) String() string {
	if a == nil {
		return ""
	}
	user := ""
	if a.Scheme == "ssh" && a.user == "git" {
		user = "git@"
	}
	if a.scp {
		return user + a.hostPort(0) + ":" + a.Path
	}
	path := a.Path
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	if a.Scheme == "git" || a.Scheme == "ssh" {
		path = (&url.URL{Path: path}).EscapedPath()
	}
	return a.Scheme + "://" + user + a.hostPort(a.Port) + path
}

// GoString is String: %#v shows no password either.
func (a *Address) GoString() string { return a.String() }

// hostPort returns HOST or HOST:PORT, with the brackets of IPv6.
func (a *Address) hostPort(port int) string {
	host := a.Host
	if strings.Contains(host, ":") {
		host = "[" + strings.ReplaceAll(host, "%", "%25") + "]" // a zone (RFC 6874)
	}
	if port == 0 {
		return host
	}
	return host + ":" + strconv.Itoa(port)
}

// Origin is the host and port that credentials are for, whatever the scheme.
func (a *Address) Origin() string {
	return strings.ToLower(a.hostPort(cmp.Or(a.Port, schemePort(a.Scheme))))
}
