package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// serveCommand starts a server of the repositories in a folder and sets $NAME to its
// address, which ends in a slash:
//
//	serve NAME daemon FOLDER     git daemon
func serveCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: serve NAME daemon FOLDER")
	}
	folder := ts.MkAbs(args[2])
	switch args[1] {
	case "daemon":
		port := freePort(ts)
		startServer(ts, port, exec.Command("git", "daemon", "--export-all", "--reuseaddr", "--listen=127.0.0.1", "--port="+port, "--base-path="+folder, folder))
		ts.Setenv(args[0], "git://127.0.0.1:"+port+"/")
	default:
		ts.Fatalf("no server %s", args[1])
	}
}

// freePort returns a port that nobody listens on.
func freePort(ts *testscript.TestScript) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	return port
}

// startServer starts a program until the end of the script, and waits until it
// listens on a port of this machine.
func startServer(ts *testscript.TestScript, port string, server *exec.Cmd) {
	server.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "HOME="+ts.Getenv("HOME"))
	stderr, err := server.StderrPipe()
	ts.Check(err)
	ts.Check(server.Start())
	ts.Defer(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	said := make(chan string, 100)
	go func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			select {
			case said <- lines.Text():
			default:
			}
		}
	}()
	for range 500 {
		conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", port), time.Second)
		if err == nil {
			_ = conn.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	var words []string
	for len(said) > 0 {
		words = append(words, <-said)
	}
	ts.Fatalf("%s", fmt.Sprintf("%s does not listen: %s", server.Path, strings.Join(words, "\n")))
}
