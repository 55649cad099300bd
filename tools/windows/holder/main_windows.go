// Command holder is the other program in tests of the Windows build:
//
//	holder wait                    does nothing
//	holder hold FILE               has a file open that it shares with nobody
//	holder pipe NAME PROGRAM ARG…  runs a program whose standard output is the pipe NAME,
//	                               and prints what it gets
//
// The first two print a line when they are ready, and end with their standard input.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"unsafe"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "holder:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "wait":
	case len(args) == 2 && args[0] == "hold":
		h, err := open(args[1], syscall.GENERIC_READ, nil)
		if err != nil {
			return err
		}
		defer func() { _ = syscall.CloseHandle(h) }()
	case len(args) > 2 && args[0] == "pipe":
		return pipe(args[1], args[2:])
	default:
		return errors.New("holder wait | hold FILE | pipe NAME PROGRAM ARG…")
	}
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

func open(path string, access uint32, attributes *syscall.SecurityAttributes) (syscall.Handle, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	return syscall.CreateFile(name, access, 0, attributes, syscall.OPEN_EXISTING, syscall.FILE_ATTRIBUTE_NORMAL, 0)
}

func pipe(name string, command []string) error {
	const inbound, bytes, readAttributes = 1, 0, 0x80
	path := `\\.\pipe\` + name
	text, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return err
	}
	create := syscall.NewLazyDLL("kernel32.dll").NewProc("CreateNamedPipeW")
	server, _, err := create.Call(uintptr(unsafe.Pointer(text)), inbound, bytes, 1, 1<<20, 1<<20, 0, 0)
	if syscall.Handle(server) == syscall.InvalidHandle {
		return err
	}
	client, err := open(path, syscall.GENERIC_WRITE|readAttributes, nil)
	if err != nil {
		return err
	}
	out := os.NewFile(uintptr(client), path)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	_ = out.Close()
	buf := make([]byte, 64<<10)
	for {
		var n uint32
		err := syscall.ReadFile(syscall.Handle(server), buf, &n, nil)
		if err != nil || n == 0 {
			break
		}
		if _, err := os.Stdout.Write(buf[:n]); err != nil {
			return err
		}
	}
	err = cmd.Wait()
	if _, failed := errors.AsType[*exec.ExitError](err); failed {
		return nil // as it prints
	}
	return err
}
