package verify

import (
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// TestNoCoreDumps runs itself again, since it cannot be undone.
func TestNoCoreDumps(t *testing.T) {
	if os.Getenv("KEYSWEEP_TEST_NO_CORE_DUMPS") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestNoCoreDumps$", "-test.v")
		cmd.Env = append(os.Environ(), "KEYSWEEP_TEST_NO_CORE_DUMPS=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	if err := NoCoreDumps(); err != nil {
		t.Fatal(err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil || limit.Cur != 0 || limit.Max != 0 {
		t.Errorf("limit %+v, %v", limit, err)
	}
	if dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || dumpable != 0 {
		t.Errorf("dumpable %d, %v", dumpable, err)
	}
}
