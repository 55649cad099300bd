package screen

import (
	"os"
	"strings"
	"testing"
)

func TestColorFollowsTheEnvironment(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, tt := range []struct {
		when, variables string
		want            bool
	}{
		{"auto", "", false}, // no terminal
		{"always", "", true},
		{"always", "NO_COLOR=1 CI=true TERM=dumb", true},
		{"never", "FORCE_COLOR=1", false},
		{"auto", "FORCE_COLOR=1", true},
		{"auto", "CLICOLOR_FORCE=1 CI=true", true},
		{"auto", "FORCE_COLOR=0", false},
		{"auto", "FORCE_COLOR=false", false},
		{"auto", "NO_COLOR=1 FORCE_COLOR=1", false},
	} {
		t.Run(tt.when+" "+tt.variables, func(t *testing.T) {
			for _, name := range []string{"NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI", "PRE_COMMIT", "TERM"} {
				t.Setenv(name, "")
			}
			for _, v := range strings.Fields(tt.variables) {
				name, value, _ := strings.Cut(v, "=")
				t.Setenv(name, value)
			}
			if got := UseColor(tt.when, file); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}
