package scanner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keysweep/finding"
	"keysweep/rules"
)

// A file may hold nothing but keys. What does not fit is reported.
func TestMoreCandidatesThanFit(t *testing.T) {
	if testing.Short() {
		return // one goroutine does all of it
	}
	var b strings.Builder
	for i := range maxKeys + 10 {
		fmt.Fprintf(&b, "sk_live_%d\n", 100+i)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := rules.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := prepareAndScan(t.Context(), Options{Paths: []string{dir}, Tree: true}, set)
	if err != nil {
		t.Fatal(err)
	}
	if res.Complete() || res.Rejected != maxKeys || len(res.Skipped) != 1 || res.Skipped[0].Reason != finding.ReasonTooLarge {
		t.Errorf("complete %v, rejected %d, skipped %v", res.Complete(), res.Rejected, res.Skipped)
	}
}

func TestTwoKeysOfALineAreOneOccurrence(t *testing.T) {
	key, err := rules.Expand("{{live}}{{base62:24:a}}")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("a = "+key+" b = "+key+"\nc = "+key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := rules.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := prepareAndScan(t.Context(), Options{Paths: []string{dir}, Tree: true}, set)
	if err != nil || len(res.Findings) != 1 {
		t.Fatalf("%v, %d findings", err, len(res.Findings))
	}
	o := res.Findings[0].Listed
	if len(o) != 2 || o[0].Line != 1 || o[0].Column != 5 || o[1].Line != 2 {
		t.Errorf("%+v", o)
	}
}

// The expression of a rule may take long: the time limit still ends it.
func TestALimitEndsASlowExpression(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte(strings.Repeat("abcd x = y\n", 2<<20/11)), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := rules.Load(nil, rules.File{Name: "slow", Text: []byte("[[rule]]\nid = \"slow\"\nliterals = [\"abcd\"]\nbody = { regex = '^(?s)((.{0,20}){0,20}z)?' }\n")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("the limit"))
	defer cancel()
	res, err := prepareAndScan(ctx, Options{Paths: []string{dir}, Tree: true}, set)
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Skipped) == 0 || res.Skipped[0].Reason != finding.ReasonInterrupted {
		t.Errorf("skipped %v after %v", res.Skipped, res.Duration)
	}
}
