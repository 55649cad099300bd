package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"keysweep/finding"
	"keysweep/quote"
	"keysweep/rules"
)

// ruleRecord is a rule in JSON.
type ruleRecord struct {
	ID           string            `json:"id"`
	Issuer       *string           `json:"issuer"`
	Description  string            `json:"description"`
	Literals     []string          `json:"literals"`
	Environments map[string]string `json:"environments"`
	BuiltIn      bool              `json:"built_in"`
	File         string            `json:"file"`
	Body         ruleBodyRecord    `json:"body"`
	MaxScore     float64           `json:"max_score"`
	Shapes       []ruleShapeRecord `json:"shapes"`
	Samples      int               `json:"samples"`
	Evidence     ruleEvidence      `json:"evidence"`
	Probe        *probeRecord      `json:"probe"`
	Advice       string            `json:"advice"`
	Examples     int               `json:"examples"`
	Counter      int               `json:"counter_examples"`
}

type ruleBodyRecord struct {
	Alphabet *string `json:"alphabet"`
	Min      *int    `json:"min"`
	Max      *int    `json:"max"`
	Regex    *string `json:"regex"`
}

type ruleShapeRecord struct {
	Regex    string   `json:"regex"`
	Unique   bool     `json:"unique"`
	Literals []string `json:"literals"`
}

type ruleEvidence struct {
	Hosts   []string `json:"hosts"`
	Names   []string `json:"names"`
	Words   []string `json:"words"`
	Headers []string `json:"headers"`
	Twins   []string `json:"twins"`
	Not     []string `json:"not"`
}

type probeRecord struct {
	Auth       string  `json:"auth"`
	Production *string `json:"production"`
	Sandbox    *string `json:"sandbox"`
}

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

func ruleRecordOf(r *rules.Rule) ruleRecord {
	d := r.Details()
	list := func(l []string) []string { return append([]string{}, l...) }
	out := ruleRecord{
		ID: r.ID, Issuer: absent(r.Issuer), Description: r.Description, Literals: list(r.Literals),
		Environments: map[string]string{}, BuiltIn: r.BuiltIn, File: r.File,
		Body:     ruleBodyRecord{absent(d.Alphabet), absent(d.Min), absent(d.Max), absent(d.Regex)},
		MaxScore: d.MaxScore, Shapes: []ruleShapeRecord{}, Samples: d.Samples,
		Evidence: ruleEvidence{list(d.Hosts), list(d.Names), list(d.Words), list(d.Headers), list(d.Twins), list(d.Not)},
		Advice:   r.Advice, Examples: len(r.Examples), Counter: len(r.CounterExamples),
	}
	for _, l := range r.Literals {
		out.Environments[l] = r.Environments[l].String()
	}
	for _, s := range d.Shapes {
		out.Shapes = append(out.Shapes, ruleShapeRecord{s.Regex, s.Unique, list(s.Literals)})
	}
	if p := r.Probe; p != nil {
		out.Probe = &probeRecord{sentAs(p), nil, nil}
		for e, address := range map[finding.Environment]**string{finding.Production: &out.Probe.Production, finding.Sandbox: &out.Probe.Sandbox} {
			if u := p.Endpoints[e]; u != nil {
				*address = absent(u.String())
			}
		}
	}
	return out
}

// WriteRules writes a list of rules, one a line, or as a JSON object whose
// "rules" are objects with everything that WriteRule shows. Other formats are
// an error.
func WriteRules(w io.Writer, f Format, list []*rules.Rule, opts Options) error {
	opts = opts.withDefaults()
	return textOrJSON(f, "list of rules", func() error { return writeRuleTable(w, list, opts) }, func() error {
		out := struct {
			SchemaVersion int          `json:"schema_version"`
			Tool          toolRecord   `json:"tool"`
			Rules         []ruleRecord `json:"rules"`
		}{SchemaVersion, opts.tool(), []ruleRecord{}}
		for _, r := range list {
			out.Rules = append(out.Rules, ruleRecordOf(r))
		}
		return writeDocument(w, out)
	})
}

func writeRuleTable(w io.Writer, list []*rules.Rule, opts Options) error {
	c := newCanvas(w, opts)
	rows := [][]string{{"RULE", "ISSUER", "LITERALS", "ENVIRONMENTS", "FROM"}}
	for _, r := range list {
		from := "built in"
		if !r.BuiltIn {
			from = quote.Text(r.File)
		}
		rows = append(rows, []string{quote.Text(r.ID), quote.Text(cmp.Or(r.Issuer, "–")), quoteAll(r.Literals), environments(r), from})
	}
	c.table(rows)
	return c.w.Flush()
}

func quoteAll(list []string) string {
	var words []string
	for _, s := range list {
		words = append(words, quote.Text(s))
	}
	return strings.Join(words, " ")
}

// environments names where keys of r work, in the order of its literals.
func environments(r *rules.Rule) string {
	var words []string
	for _, l := range r.Literals {
		if e := r.Environments[l].String(); !slices.Contains(words, e) {
			words = append(words, e)
		}
	}
	return strings.Join(words, " ")
}

// table writes rows in columns; the first row is their heading.
func (c *canvas) table(rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], width(cell))
		}
	}
	for n, row := range rows {
		st := plain
		if n == 0 {
			st = dim
		}
		line := ""
		for i, cell := range row {
			line += cell
			if i < len(row)-1 {
				line += strings.Repeat(" ", widths[i]-width(cell)+2)
			}
		}
		c.put(st, line)
		c.write("\n")
	}
}

// WriteRule writes everything about one rule, for a reader (Text) or as a JSON
// object. Other formats are an error.
func WriteRule(w io.Writer, f Format, r *rules.Rule, opts Options) error {
	opts = opts.withDefaults()
	return textOrJSON(f, "rule", func() error {
		c := newCanvas(w, opts)
		c.row(plain, "", 0, bold, quote.Text(r.ID))
		for _, fact := range ruleFacts(r) {
			c.label(fact.name, explainWidth, quote.Words(fact.words))
		}
		return c.w.Flush()
	}, func() error { return writeDocument(w, ruleRecordOf(r)) })
}

// ruleFacts returns what there is to know about r. Facts of one name follow each
// other; without words there is nothing to say.
func ruleFacts(r *rules.Rule) []fact {
	d := r.Details()
	list := []fact{{"what", r.Description}, {"issuer", r.Issuer}}
	add := func(name, words string) { list = append(list, fact{name, words}) }
	for _, l := range r.Literals {
		add("literals", l+", "+r.Environments[l].String())
	}
	if d.Regex != "" {
		add("body", "what "+d.Regex+" describes")
	} else {
		add("body", fmt.Sprintf("%d to %d of %s", d.Min, d.Max, d.Alphabet))
	}
	add("max score", fmt.Sprintf("%s bits per character; a body at or above it is rejected", decimal(d.MaxScore)))
	for _, s := range d.Shapes {
		words := s.Regex
		if len(s.Literals) < len(r.Literals) {
			words += " behind " + strings.Join(s.Literals, " ")
		}
		if s.Unique {
			words += ": no other issuer's keys look like this"
		}
		add("shapes", words)
	}
	if d.Samples > 0 {
		add("samples", count(d.Samples, "body that documentation prints, known by its hash", "bodies that documentation prints, known by their hashes"))
	}
	list = append(list, []fact{
		{"hosts", strings.Join(d.Hosts, " ")},
		{"names", strings.Join(d.Names, " ")},
		{"in words", strings.Join(d.Words, " ")},
		{"headers", strings.Join(d.Headers, " ")},
		{"twins", strings.Join(d.Twins, " ")},
		{"but not", strings.Join(d.Not, " ")},
	}...)
	return append(list, probeFacts(r)...)
}

// probeFacts returns how a key of r is checked, and where the rule is from.
func probeFacts(r *rules.Rule) []fact {
	var list []fact
	if r.Probe == nil {
		list = []fact{{"probe", "none: the keys of this rule cannot be checked"}}
	} else {
		for _, e := range [...]finding.Environment{finding.Production, finding.Sandbox} {
			if address := r.Probe.Endpoints[e]; address != nil {
				list = append(list, fact{"probe", fmt.Sprintf("%s: GET %s with the key as %s", e, address, sentAs(r.Probe))})
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
	c := newCanvas(w, opts)
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
