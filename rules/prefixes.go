package rules

// builtinPrefixes are the literals of the built-in rules, sorted. They are
// listed once more so that what prints a message can hide keys without reading
// the rules; TestPrefixesAreTheLiterals compares the two.
var builtinPrefixes = []string{
	"are_sk_live_", "are_sk_test_",
	"egy_sk_live_", "egy_sk_test_",
	"rk_live_", "rk_test_",
	"sau_sk_live_", "sau_sk_test_",
	"sk-live-", "sk-test-",
	"sk_live_", "sk_org_live_", "sk_org_test_",
	"sk_prod_", "sk_sandbox_", "sk_test_",
}

// Prefixes returns what the keys of the built-in rules start with, in plain
// text, sorted. It reads no rule. Callers must not change it.
func Prefixes() []string { return builtinPrefixes }
