package command

import (
	"crypto/sha256"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
)

// discarded is a process whose output is discarded.
var discarded = Process{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard, Now: time.Now}

// plain makes a test's environment that of a person without a terminal's
// wishes: no CI, no colours asked for.
func plain(t *testing.T) {
	for _, name := range []string{"CI", "PRE_COMMIT", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "CLICOLOR"} {
		t.Setenv(name, "")
	}
	t.Setenv("TERM", "xterm")
}

func TestAPanicTellsWhereAndNotWhat(t *testing.T) {
	key := "sk_live_" + strings.Repeat("x7", 20)
	text := func() (text string) {
		defer func() { text = crash(recover()) }()
		panic(errors.New("reading " + key))
	}()
	if !strings.Contains(text, "*errors.errorString") || !strings.Contains(text, "TestAPanicTells") {
		t.Errorf("type or place missing:\n%s", text)
	}
	if strings.Contains(text, key) || strings.Contains(text, "reading") {
		t.Errorf("the value is printed:\n%s", text)
	}
}

// testKey returns prefix and n characters that look drawn at random, the same
// for the same seed: keys are made when a test runs, so that none is in the
// tree.
func testKey(prefix, seed string, n int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	key := []byte(prefix)
	for block := 0; len(key) < len(prefix)+n; block++ {
		for _, b := range sha256.Sum256([]byte(seed + strconv.Itoa(block))) {
			if int(b) < 4*len(alphabet) && len(key) < len(prefix)+n { // each letter alike
				key = append(key, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(key)
}
