package gate

import "fmt"

// secrets asks whether the promotion brings something that looks like a secret. It
// names the place and the rule, never the secret.
func secrets(facts Facts) Verdict {
	const name = "secrets"
	leaks, err := facts.Leaks.Get()
	if err != nil {
		return unknown(name, err)
	}
	if len(leaks) == 0 {
		return Verdict{Gate: name, State: Pass, Reason: "none found in what is added"}
	}
	var places []string
	for _, leak := range leaks {
		places = append(places, fmt.Sprintf("%q line %d: %s", leak.Path, leak.Line, leak.Rule))
	}
	const shown = 50
	return Verdict{Gate: name, State: Fail, Reason: most(places), Evidence: places[:min(len(places), shown)]}
}
