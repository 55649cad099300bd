package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode"

	"keysweep/finding"
	"keysweep/quote"
	"keysweep/rules"
)

// sarifRules are the rules of the results. GitHub takes the severity of an
// alert from its rule, and a rule finds production and sandbox keys alike: for
// SARIF they are two rules, the second with ".sandbox" after its id. Rules
// without a result are not listed: no viewer shows them.
type sarifRules struct {
	list  []object // their descriptors
	ids   []string
	index map[sarifRuleKey]int
}

type sarifRuleKey struct {
	id      string
	sandbox bool
}

func sarifRuleOf(f *finding.Finding) sarifRuleKey {
	return sarifRuleKey{f.RuleID, f.Environment == finding.Sandbox}
}

// newSARIFRules lists the rules of findings, in the order of first use.
func newSARIFRules(r *quote.Redactor, opts Options, findings []*finding.Finding) *sarifRules {
	s := &sarifRules{list: []object{}, index: make(map[sarifRuleKey]int)}
	for _, f := range findings {
		k := sarifRuleOf(f)
		if _, ok := s.index[k]; ok {
			continue
		}
		rule := ruleOf(f, opts)
		if rule == nil {
			rule = &rules.Rule{ID: f.RuleID, Environments: map[string]finding.Environment{f.Secret.Prefix(): f.Environment}}
		}
		s.index[k] = len(s.list)
		id, words := ruleDescriptor(r, rule, k.sandbox)
		s.ids, s.list = append(s.ids, id), append(s.list, words)
	}
	return s
}

// of returns the rule of f.
func (s *sarifRules) of(f *finding.Finding) (id string, index int) {
	index = s.index[sarifRuleOf(f)]
	return s.ids[index], index
}

func ruleDescriptor(r *quote.Redactor, rule *rules.Rule, sandbox bool) (id string, words object) {
	id = sarifText(cmp.Or(r.Text(rule.ID), "unknown"))
	what := strings.TrimSuffix(cmp.Or(r.Text(rule.Description), "Secret key"), ".")
	advice := cmp.Or(r.Text(rule.Advice), "Revoke the key at its issuer and use a new one.")
	severity, precision := finding.SeverityHigh, "medium"
	name := nameOf(id, "Rule")
	kind, harm := "key", "Anyone who can read it can use it."
	switch {
	case sandbox:
		severity = finding.SeverityMedium
		id, name, what = id+".sandbox", name+"Sandbox", what+", sandbox"
		kind, harm = "sandbox key", "Anyone who can read it can use the sandbox."
	case slices.Contains(slices.Collect(maps.Values(rule.Environments)), finding.Production):
		severity = finding.SeverityCritical
		what += ", production"
		kind, harm = "production key", "Anyone who can read it can use it, on real accounts and with real money."
	}
	if rule.Issuer != "" {
		precision = "high"
	}
	if issuer := r.Text(cmp.Or(rule.Name, rule.Issuer)); issuer != "" {
		kind = issuer + " " + kind
	}
	kind = "A" + article(kind)[1:] + " " + kind
	const again = "Deleting the key, even from the history of the repository, does not undo the leak."
	const look = "Look through the issuer's logs for use that was not yours since the key was first seen."
	help := append(messageObject(sarifText(advice+" "+again+" "+look)),
		member{"markdown", "1. " + markdownText(sarifText(advice)) + "\n2. " + look + "\n3. " + again + "\n"})
	words = descriptor(id, name, sarifText(what)+".", sarifText(kind+" was found in a file or in Git history. "+harm), help,
		cmp.Or(rule.Docs, rulesURI), sarifSeverities[severity].level)
	return id, append(words, member{"properties", object{ // those that GitHub reads
		{"tags", []string{"security", "secret", "external/cwe/cwe-798"}},
		{"precision", precision}, {"security-severity", sarifSeverities[severity].number},
	}})
}

// descriptor returns a reportingDescriptor: a rule, or a kind of notification.
func descriptor(id, name, short, full string, help object, helpURI, level string) object {
	return object{
		{"id", id}, {"name", name}, {"shortDescription", messageObject(short)}, {"fullDescription", messageObject(full)},
		{"help", help}, {"helpUri", helpURI}, {"defaultConfiguration", object{{"level", level}}},
	}
}

// nameOf returns the name of what id identifies. The two may not be the same,
// letter case aside (SARIF1001 of the validator).
func nameOf(id, kind string) string {
	if name := pascalCase(id); !strings.EqualFold(name, id) {
		return name
	}
	return pascalCase(id) + kind
}

// pascalCase writes an id such as martis-secret-key as MartisSecretKey.
func pascalCase(id string) string {
	name := ""
	for word := range strings.FieldsFuncSeq(id, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		name += capitalised(word)
	}
	return name
}
