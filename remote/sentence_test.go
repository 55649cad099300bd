package remote

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
)

func TestErrorsOfConnectionsOnWindowsHaveTheSameSentences(t *testing.T) {
	for number, want := range map[syscall.Errno]string{
		10061: "example.org refuses connections", 10054: "example.org closed the connection before the end",
		10065: "there is no way to example.org",
	} {
		if got := words(fmt.Errorf("dial: %w", number), &Address{}, "example.org"); got != want {
			t.Errorf("%d: %q", number, got)
		}
	}
}

func TestAServerThatHangsUpIsOneSentence(t *testing.T) {
	for _, err := range []error{
		fmt.Errorf("write tcp 127.0.0.1:42672->127.0.0.1:9418: write: %w", syscall.ECONNRESET),
		errors.New("sending upload-req message: encoding flush-pkt: write tcp 127.0.0.1:42672->127.0.0.1:9418: write: " + syscall.ECONNRESET.Error()),
		errors.New("write tcp 127.0.0.1:42672->127.0.0.1:9418: write: " + syscall.EPIPE.Error()),
	} {
		if got := words(err, &Address{}, "example.org"); got != "example.org closed the connection before the end" {
			t.Errorf("%v: %q", err, got)
		}
	}
}
