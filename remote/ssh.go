package remote

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"github.com/kevinburke/ssh_config"
	"github.com/skeema/knownhosts"
	sshagent "github.com/xanzy/ssh-agent"
	"golang.org/x/crypto/ssh"

	"keysweep/file"
)

// login is how a server is logged in to over ssh: with the keys of the agent, then
// with those in files, and only if known_hosts has the server's own key. It is an
// AuthMethod of go-git.
type login struct {
	user    string
	host    string // HOST:PORT to connect to
	files   []string
	hostErr error // what was wrong with the server's key

	mu        sync.Mutex
	encrypted []string // guarded by mu; key files that need a passphrase
	offered   int      // guarded by mu
}

// sshConfig is what a file of ssh_config(5) says of a host.
type sshConfig []*ssh_config.Config

// readSSHConfig reads the user's configuration and the system's. What the library
// cannot parse is taken for empty: it runs no program for Match.
func readSSHConfig() (list sshConfig) {
	paths := []string{"/etc/ssh/ssh_config"}
	if home, err := os.UserHomeDir(); err == nil {
		paths = slices.Insert(paths, 0, filepath.Join(home, ".ssh", "config"))
	}
	for _, path := range paths {
		text, err := file.Read(path, maxKey)
		if err != nil {
			continue
		}
		if c, err := ssh_config.DecodeBytes(text); err == nil {
			list = append(list, c)
		}
	}
	return list
}

func (s sshConfig) get(host, key string) string {
	for _, c := range s {
		if v, err := c.Get(host, key); err == nil && v != "" {
			return v
		}
	}
	return ""
}

// maxKey bounds a file of a key or of a configuration, in bytes.
const maxKey = 1 << 20

// ignoreSSHConfig makes go-git leave alone what newLogin has read.
var ignoreSSHConfig = sync.OnceFunc(func() { gitssh.DefaultSSHConfig = nil })

// newLogin returns how the server at a is logged in to, and where it is.
func newLogin(a *Address) (l *login, host string, port int) {
	ignoreSSHConfig()
	config := readSSHConfig()
	host = cmp.Or(config.get(a.Host, "HostName"), a.Host)
	port = a.Port
	if n, err := strconv.Atoi(config.get(a.Host, "Port")); err == nil && port == 0 && n > 0 && n < 1<<16 {
		port = n
	}
	port = cmp.Or(port, schemePort("ssh"))
	l = &login{user: cmp.Or(a.user, config.get(a.Host, "User")), host: net.JoinHostPort(host, strconv.Itoa(port))}
	if l.user == "" {
		if u, err := user.Current(); err == nil {
			l.user = u.Username
		}
	}
	home, _ := os.UserHomeDir()
	for _, c := range config {
		list, _ := c.GetAll(a.Host, "IdentityFile")
		for _, path := range list {
			if below, ok := strings.CutPrefix(strings.Trim(path, `"`), "~/"); ok {
				path = filepath.Join(home, below)
			}
			l.files = append(l.files, path)
		}
	}
	for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
		l.files = append(l.files, filepath.Join(home, ".ssh", name))
	}
	return l, host, port
}

// Name implements transport.AuthMethod.
func (l *login) Name() string { return gitssh.PublicKeysCallbackName }

// String implements transport.AuthMethod.
func (l *login) String() string { return l.Name() }

// ClientConfig implements go-git's AuthMethod.
func (l *login) ClientConfig() (*ssh.ClientConfig, error) {
	known, err := gitssh.NewKnownHostsDb()
	if err != nil {
		return nil, errNoKnownHosts
	}
	check := known.HostKeyCallback()
	return &ssh.ClientConfig{
		User:    l.user,
		Timeout: connectTime,
		Auth:    []ssh.AuthMethod{ssh.PublicKeysCallback(l.signers)},
		HostKeyCallback: func(host string, at net.Addr, key ssh.PublicKey) error {
			l.hostErr = check(host, at, key)
			return l.hostErr
		},
		HostKeyAlgorithms: known.HostKeyAlgorithms(l.host),
	}, nil
}

// signers returns the keys that are offered.
func (l *login) signers() (list []ssh.Signer, err error) {
	if agent, _, err := sshagent.New(); err == nil {
		if list, err = agent.Signers(); err != nil {
			list = nil
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.encrypted = nil
	for _, path := range l.files {
		text, err := file.Read(path, maxKey)
		if err != nil {
			continue
		}
		signer, err := ssh.ParsePrivateKey(text)
		if missing, ok := errors.AsType[*ssh.PassphraseMissingError](err); ok {
			if !slices.ContainsFunc(list, func(s ssh.Signer) bool { return samePublicKey(s, missing) }) {
				l.encrypted = append(l.encrypted, path)
			}
			continue
		}
		if err == nil {
			list = append(list, signer)
		}
	}
	l.offered = len(list)
	return list, nil
}

// samePublicKey reports whether s is for the key whose passphrase is missing.
func samePublicKey(s ssh.Signer, missing *ssh.PassphraseMissingError) bool {
	return missing.PublicKey != nil && string(s.PublicKey().Marshal()) == string(missing.PublicKey.Marshal())
}

// errNoKnownHosts says that there is nothing to compare a server's key with.
var errNoKnownHosts = errors.New("no known_hosts")

// words returns the sentence for an error of the login, "" if it is about something
// else.
func (l *login) words(err error, host string) string {
	const connect = "connect to it once with ssh, which shows the key and asks"
	switch {
	case errors.Is(err, errNoKnownHosts):
		return fmt.Sprintf("the key of %s cannot be checked, since there is no known_hosts: %s", host, connect)
	case l.hostErr != nil && knownhosts.IsHostKeyChanged(l.hostErr):
		return fmt.Sprintf("the key of %s is not the one in known_hosts: somebody may be in between", host)
	case l.hostErr != nil && knownhosts.IsHostUnknown(l.hostErr):
		return fmt.Sprintf("the key of %s is not in known_hosts: %s", host, connect)
	case l.hostErr != nil:
		return fmt.Sprintf("the key of %s could not be checked: %s", host, plain(l.hostErr))
	case strings.Contains(err.Error(), "unable to authenticate"):
		return l.refused(host)
	}
	return ""
}

// refused says that no key was accepted.
func (l *login) refused(host string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	words := host + " accepts none of the keys of the ssh agent and in key files"
	if l.offered == 0 {
		words = "there is no key to log in to " + host + " with, neither in an ssh agent nor in a key file"
	}
	if len(l.encrypted) > 0 {
		words += fmt.Sprintf("; %s is encrypted: ssh-add gives it to the agent", plainPath(l.encrypted[0]))
	}
	return words
}

// plainPath returns the path of a key file for a message.
func plainPath(path string) string {
	if home, err := os.UserHomeDir(); err == nil {
		if below, ok := file.Below(home, path); ok {
			return "~/" + filepath.ToSlash(below)
		}
	}
	return path
}
