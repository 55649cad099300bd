// Command native stands for a program of Linux under Wine, whose programs cannot wait
// for one: called git.exe, it has the test that listens at KEYSWEEP_NATIVE run git, and
// ends as that did. wine_test.go has the other half.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
)

type request struct {
	Token, Program, Dir string
	Args, Env           []string
	Stdin               []byte
}

type response struct {
	Status         int
	Stdout, Stderr []byte
}

func main() {
	status, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "native:", err)
		status = 127
	}
	os.Exit(status)
}

func run() (status int, err error) {
	address, token, _ := strings.Cut(os.Getenv("KEYSWEEP_NATIVE"), "/")
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer connection.Close()
	q := request{Token: token, Program: strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe"), Args: os.Args[1:], Env: os.Environ()}
	if q.Dir, err = os.Getwd(); err != nil {
		return 0, err
	}
	if q.Stdin, err = io.ReadAll(os.Stdin); err != nil {
		q.Stdin = nil // there is none
	}
	if err := json.NewEncoder(connection).Encode(q); err != nil {
		return 0, err
	}
	var a response
	if err := json.NewDecoder(connection).Decode(&a); err != nil {
		return 0, err
	}
	if _, err := os.Stdout.Write(a.Stdout); err != nil {
		return 0, err
	}
	_, err = os.Stderr.Write(a.Stderr)
	return a.Status, err
}
