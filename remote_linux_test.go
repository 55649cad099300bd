package main

import (
	"net"
	"os"
	"syscall"
	"testing"
)

// Ctrl-C while a server is silent leaves no folder behind.
func TestASignalWhileFetchingLeavesNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	temporary := t.TempDir()
	cmd := invoke(t, "scan", "git://"+l.Addr().String()+"/shop")
	cmd.Env = append(cmd.Env, "TMPDIR="+temporary)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if list, err := os.ReadDir(temporary); err != nil || len(list) != 1 {
		t.Errorf("while it is fetched: %v, %v", list, err)
	} else if info, err := list[0].Info(); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has the mode %v, %v", info.Mode(), err)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != 130 {
		t.Errorf("status %d", status)
	}
	if list, err := os.ReadDir(temporary); err != nil || len(list) > 0 {
		t.Errorf("left behind: %v, %v", list, err)
	}
}
