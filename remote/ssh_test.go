//go:build linux

package remote

import (
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sshServer is an OpenSSH server of the user's own, with a home folder for the client.
type sshServer struct {
	port, home, hostKey string
}

// startSSH starts sshd, which lets in the key at home/.ssh/id_ed25519.
func startSSH(t *testing.T) *sshServer {
	t.Helper()
	dir := t.TempDir()
	s := &sshServer{home: filepath.Join(dir, "home")}
	run := func(name string, args ...string) string {
		t.Helper()
		out, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		return string(out)
	}
	ssh := filepath.Join(s.home, ".ssh")
	if err := os.MkdirAll(ssh, 0o700); err != nil {
		t.Fatal(err)
	}
	run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, "host"))
	run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(ssh, "id_ed25519"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, s.port, _ = net.SplitHostPort(l.Addr().String())
	l.Close()
	config := filepath.Join(dir, "config")
	write(t, config, strings.Join([]string{
		"Port " + s.port, "ListenAddress 127.0.0.1", "HostKey " + filepath.Join(dir, "host"), "PidFile none",
		"AuthorizedKeysFile " + filepath.Join(ssh, "id_ed25519.pub"), "StrictModes no", "UsePAM no", "PasswordAuthentication no", "PermitRootLogin yes",
	}, "\n")+"\n")
	if os.Geteuid() == 0 {
		_ = os.MkdirAll("/run/sshd", 0o755) // where it leaves its privileges
	}
	program, err := exec.LookPath("sshd")
	if err != nil {
		program = "/usr/sbin/sshd"
	}
	server := exec.Command(program, "-D", "-e", "-f", config)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	s.hostKey = strings.Join(strings.Fields(read(t, filepath.Join(dir, "host.pub")))[:2], " ")
	for range 250 {
		if conn, err := net.Dial("tcp", "127.0.0.1:"+s.port); err == nil {
			conn.Close()
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Setenv("HOME", s.home)
	t.Setenv("SSH_AUTH_SOCK", "")
	t.Setenv("SSH_KNOWN_HOSTS", "")
	return s
}

// known writes known_hosts with a key for the server.
func (s *sshServer) known(t *testing.T, key string) {
	t.Helper()
	write(t, filepath.Join(s.home, ".ssh", "known_hosts"), "[127.0.0.1]:"+s.port+" "+key+"\n")
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestARepositoryIsFetchedOverSSH(t *testing.T) {
	s := startSSH(t)
	dir := repository(t)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	address := "ssh://" + me.Username + "@127.0.0.1:" + s.port + dir
	fails := func(words ...string) {
		t.Helper()
		_, pack, err := fetchFrom(t, address, Options{})
		if err == nil || len(pack) > 0 {
			t.Fatalf("no error, %d bytes", len(pack))
		}
		for _, w := range words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%v: does not say %q", err, w)
			}
		}
		if strings.Contains(err.Error(), me.Username+"@") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v", err)
		}
		t.Log(err)
	}
	fails("no known_hosts")
	s.known(t, s.hostKey)
	write(t, filepath.Join(s.home, ".ssh", "known_hosts"), "other.example "+s.hostKey+"\n")
	fails("is not in known_hosts")
	other := filepath.Join(t.TempDir(), "other")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other).CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	s.known(t, strings.Join(strings.Fields(read(t, other+".pub"))[:2], " "))
	fails("not the one in known_hosts")
	s.known(t, s.hostKey)
	f, pack, err := fetchFrom(t, address, Options{})
	wantWhole(t, f, pack, err)

	address = "ssh://" + me.Username + "@127.0.0.1:" + s.port + dir + "-absent"
	fails("has no such repository")

	// A host by a name of the user's configuration, as HOST:PATH.
	write(t, filepath.Join(s.home, ".ssh", "config"), "Host shop\n  HostName 127.0.0.1\n  Port "+s.port+"\n  User "+me.Username+"\n")
	f, pack, err = fetchFrom(t, me.Username+"@shop:"+dir, Options{})
	wantWhole(t, f, pack, err)
	f, pack, err = fetchFrom(t, "ssh://shop"+dir, Options{})
	wantWhole(t, f, pack, err)

	// A key that has a passphrase is used through an agent.
	key := filepath.Join(s.home, ".ssh", "id_ed25519")
	clear := read(t, key)
	if out, err := exec.Command("ssh-keygen", "-q", "-a", "1", "-p", "-P", "", "-N", "phrase", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	address = "ssh://" + me.Username + "@127.0.0.1:" + s.port + dir
	fails("~/.ssh/id_ed25519 is encrypted", "ssh-add")
	sock := filepath.Join(t.TempDir(), "agent")
	agent := exec.Command("ssh-agent", "-D", "-a", sock)
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = agent.Process.Kill()
		_ = agent.Wait()
	}()
	t.Setenv("SSH_AUTH_SOCK", sock)
	for range 250 {
		if _, err := os.Stat(sock); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	loose := filepath.Join(t.TempDir(), "key")
	write(t, loose, clear)
	if out, err := exec.Command("ssh-add", "-q", loose).CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	f, pack, err = fetchFrom(t, address, Options{})
	wantWhole(t, f, pack, err)

	// Another key than the one that is let in.
	t.Setenv("SSH_AUTH_SOCK", "")
	write(t, key, read(t, other))
	fails("accepts none of the keys")
}
