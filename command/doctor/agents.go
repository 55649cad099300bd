package doctor

import (
	"fmt"
	"strings"

	"keysweep/agent"
	"keysweep/command/agents"
	"keysweep/command/hooks"
)

// agents checks, of each coding agent that is there, whether its settings call keysweep:
// those of the working tree at top, "" if there is none, and those of the user.
func (e *examination) agents(top string) {
	places := []string{""}
	if top != "" {
		places = []string{top, ""}
	}
	for _, name := range agent.Names() {
		found := false
		start := len(e.checks)
		registered := 0
		for _, place := range places {
			r, err := agents.In(name, place)
			if err != nil {
				continue
			}
			s, err := r.Look()
			found = found || s.Found
			switch {
			case err != nil:
				e.add(name, Broken, "not known: "+err.Error(), "see who may read it")
			case s.Command != "":
				registered++
				e.registration(r, s, place == "")
			}
		}
		switch {
		case registered > 1:
			e.add(name, Weak, "the settings of the repository and yours both call keysweep, which runs twice", "keysweep uninstall --agent "+name)
		case found && registered == 0 && len(e.checks) == start:
			e.add(name, Well, "in use, and does not call keysweep (keysweep install --agent "+name+")", "")
		}
	}
}

// registration checks one registration.
func (e *examination) registration(r *agents.Registration, s agents.State, user bool) {
	install := e.install + " --agent " + r.Agent
	if user {
		install = "keysweep install --user --agent " + r.Agent
	}
	words := r.Path + " calls keysweep"
	if s.Seconds > 0 {
		words += fmt.Sprintf(", and waits %g s", s.Seconds)
	}
	program := agents.Program(s.Command)
	trusted, known := r.Trusted()
	switch {
	case !executable(program) && (strings.ContainsAny(program, `/\`) || hooks.OnPath() == ""):
		e.add(r.Agent, Broken, r.Path+" calls "+program+", which does not exist: nothing is checked", install)
	case s.Off != "":
		e.add(r.Agent, Broken, words+", and switches hooks off ("+s.Off+")", "take that setting out")
	case len(s.Missing) > 0:
		e.add(r.Agent, Weak, words+", but not for "+strings.Join(s.Missing, ", "), install)
	case s.Seconds > 0 && s.Seconds < leastSeconds:
		e.add(r.Agent, Weak, words+": keysweep may take longer", install)
	case known && !trusted:
		e.add(r.Agent, Weak, words+", and does not trust it, as far as its files say: it is skipped", "start "+r.Agent+", and accept the hook in /hooks")
	default:
		if known {
			words += "; it trusts it"
		}
		if gaps := agent.Find(r.Agent).Gaps; gaps != "" {
			words += "; not covered: " + gaps
		}
		e.add(r.Agent, Well, words, "")
	}
}

// leastSeconds is how long a hook may take, and a little more.
const leastSeconds = 12
