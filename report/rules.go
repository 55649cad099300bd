package report

import (
	"fmt"
	"io"
	"strings"

	"keysweep/finding"
	"keysweep/quote"
	"keysweep/rules"
)

// sentAs says how a probe sends the key.
func sentAs(p *rules.Probe) string {
	switch p.Scheme {
	case "":
		return "the header " + p.Header
	case "Basic":
		return "the user name of basic authentication"
	}
	return p.Header + ": " + p.Scheme
}

// ruleRecord is a rule in JSON.
func ruleRecord(r *rules.Rule) object {
	environments, shapes, probe := map[string]string{}, []object{}, object(nil)
	for _, l := range r.Literals {
		environments[l] = r.Environments[l].String()
	}
	for _, s := range r.Shapes {
		shapes = append(shapes, object{{"regex", s.Regex}, {"unique", s.Unique}, {"literals", s.Literals}})
	}
	if p := r.Probe; p != nil {
		address := func(e finding.Environment) *string {
			if u := p.Endpoints[e]; u != nil {
				return absent(u.String())
			}
			return nil
		}
		probe = object{{"auth", sentAs(p)}, {"production", address(finding.Production)}, {"sandbox", address(finding.Sandbox)}}
	}
	return object{
		{"id", r.ID}, {"issuer", absent(r.Issuer)}, {"description", r.Description}, {"literals", r.Literals},
		{"environments", environments}, {"built_in", r.BuiltIn}, {"file", r.File},
		{"body", object{{"alphabet", absent(r.Body.Alphabet)}, {"min", absent(r.Body.Min)}, {"max", absent(r.Body.Max)}, {"regex", absent(r.Body.Regex)}}},
		{"max_score", r.MaxScore}, {"shapes", shapes}, {"samples", len(r.Samples)},
		{"evidence", object{
			{"hosts", r.Naming.Hosts}, {"names", r.Naming.Names}, {"words", r.Naming.Words},
			{"headers", r.Naming.Headers}, {"twins", r.Naming.Twins}, {"not", r.Naming.Not},
		}},
		{"probe", probe}, {"advice", r.Advice}, {"examples", len(r.Examples)}, {"counter_examples", len(r.CounterExamples)},
	}
}

// WriteRules writes a list of rules, each with what its keys start with, or as a JSON object whose
// "rules" are objects with everything that WriteRule shows. Other formats are
// an error.
func WriteRules(w io.Writer, f Format, list []*rules.Rule, opts Options) error {
	opts = opts.withDefaults()
	return textOrJSON(f, "list of rules", func() error { return writeRuleTable(w, list, opts) }, func() error {
		records := []object{}
		for _, r := range list {
			records = append(records, ruleRecord(r))
		}
		return writeDocument(w, opts.redactor(nil), object{{"schema_version", documentVersion}, {"tool", opts.tool()}, {"rules", records}})
	})
}

func writeRuleTable(w io.Writer, list []*rules.Rule, opts Options) error {
	c := newCanvas(w, opts, opts.redactor(nil))
	const ruleLabel, literalLabel = "RULE", "LITERALS"
	id := len(ruleLabel)
	for _, r := range list {
		id = max(id, width(quote.Text(r.ID)))
	}
	c.row(dim, ruleLabel, id+2, dim, literalLabel)
	for _, r := range list {
		var literals []string
		for _, l := range r.Literals {
			literals = append(literals, quote.Text(l))
		}
		words := strings.Join(literals, " ")
		if !r.BuiltIn {
			words += " (of " + quote.Text(r.File) + ")"
		}
		c.row(plain, quote.Text(r.ID), id+2, plain, words)
	}
	return c.w.Flush()
}

// WriteRule writes everything about one rule, for a reader (Text) or as a JSON
// object. Other formats are an error.
func WriteRule(w io.Writer, f Format, r *rules.Rule, opts Options) error {
	opts = opts.withDefaults()
	return textOrJSON(f, "rule", func() error {
		c := newCanvas(w, opts, opts.redactor(nil))
		c.row(plain, "", 0, bold, quote.Text(r.ID))
		for _, fact := range ruleFacts(r) {
			c.label(fact.name, explainWidth, quote.Words(fact.words))
		}
		return c.w.Flush()
	}, func() error { return writeDocument(w, opts.redactor(nil), ruleRecord(r)) })
}

// ruleFacts returns what there is to know about r. Facts of one name follow each
// other; without words there is nothing to say.
func ruleFacts(r *rules.Rule) []fact {
	list := []fact{{"what", r.Description}, {"issuer", r.Issuer}}
	add := func(name, words string) { list = append(list, fact{name, words}) }
	for _, l := range r.Literals {
		add("literals", l+", "+r.Environments[l].String())
	}
	if r.Body.Regex != "" {
		add("body", "what "+r.Body.Regex+" describes")
	} else {
		add("body", fmt.Sprintf("%d to %d of %s", r.Body.Min, r.Body.Max, r.Body.Alphabet))
	}
	add("max score", fmt.Sprintf("%s bits per character; a body at or above it is rejected", decimal(r.MaxScore)))
	for _, s := range r.Shapes {
		words := s.Regex
		if len(s.Literals) < len(r.Literals) {
			words += " behind " + strings.Join(s.Literals, " ")
		}
		if s.Unique {
			words += ": no other issuer's keys look like this"
		}
		add("shapes", words)
	}
	if len(r.Samples) > 0 {
		add("samples", count(len(r.Samples), "body that documentation prints, known by its hash", "bodies that documentation prints, known by their hashes"))
	}
	list = append(list,
		fact{"hosts", strings.Join(r.Naming.Hosts, " ")},
		fact{"names", strings.Join(r.Naming.Names, " ")},
		fact{"in words", strings.Join(r.Naming.Words, " ")},
		fact{"headers", strings.Join(r.Naming.Headers, " ")},
		fact{"twins", strings.Join(r.Naming.Twins, " ")},
		fact{"but not", strings.Join(r.Naming.Not, " ")})
	if r.Probe == nil {
		add("probe", "none: the keys of this rule cannot be checked")
	} else {
		for _, e := range [...]finding.Environment{finding.Production, finding.Sandbox} {
			if address := r.Probe.Endpoints[e]; address != nil {
				add("probe", fmt.Sprintf("%s: GET %s with the key as %s", e, address, sentAs(r.Probe)))
			}
		}
	}
	from := quote.Text(r.File)
	if r.BuiltIn {
		from = "built in (" + from + ")"
	}
	return append(list,
		fact{"advice", r.Advice},
		fact{"examples", count(len(r.Examples), "example", "examples") + ", " + count(len(r.CounterExamples), "counter-example", "counter-examples")},
		fact{"from", from})
}

// WriteProofs writes what became of the examples of rules, and a summary.
func WriteProofs(w io.Writer, list []*rules.Rule, proofs []rules.Proof, opts Options) error {
	opts = opts.withDefaults()
	c := newCanvas(w, opts, opts.redactor(nil))
	failed, counter := 0, 0
	for _, r := range list {
		c.row(plain, "", 0, bold, quote.Text(r.ID)+" of "+quote.Text(r.File))
		if len(r.Examples)+len(r.CounterExamples) == 0 {
			c.row(plain, "", 2, boldYellow, "no examples: nothing shows that it works")
		}
		for _, p := range proofs {
			if p.Rule != r {
				continue
			}
			name := fmt.Sprintf("example %d", p.Number)
			if p.Counter {
				name = fmt.Sprintf("counter-example %d", p.Number)
				counter++
			}
			st, words := plain, "passes"
			if p.Err != nil {
				failed++
				st, words = boldRed, quote.Words("fails: "+p.Err.Error())
			}
			c.row(plain, "  "+name, len("  counter-example 10  "), st, words)
		}
	}
	words := fmt.Sprintf("%s, %s and %s: ", count(len(list), "rule", "rules"),
		count(len(proofs)-counter, "example", "examples"), count(counter, "counter-example", "counter-examples"))
	if failed == 0 {
		c.row(plain, "", 0, bold, words+"all pass.")
	} else {
		c.row(plain, "", 0, boldRed, words+fmt.Sprintf("%d of them %s.", failed, plural(failed, "fails", "fail")))
	}
	return c.w.Flush()
}
