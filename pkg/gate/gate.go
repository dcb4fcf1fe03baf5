// Package gate decides whether a commit may enter an environment.
//
// A gate is a pure function: facts in, verdict out. It reads no clock, no
// network and no file, so the same facts always give the same verdict, and
// every decision can be tested and replayed. A fact that could not be read is
// never taken for a good one: the gate that needs it answers [Unknown], and
// unknown blocks like everything else that is not [Pass].
//
// The package does not gather facts and does not act on verdicts; the package
// promotion does both.
package gate

import (
	"fmt"
	"strings"
	"time"
)

// State is the answer of a gate.
type State string

// The four states. Only Pass lets a promotion through.
const (
	Pass    State = "pass"
	Pending State = "pending" // may pass later without anybody changing the promotion
	Fail    State = "fail"    // somebody must act
	Unknown State = "unknown" // the facts could not be read
)

// Verdict is a gate's answer with its reason.
type Verdict struct {
	Gate     string    `json:"gate"`
	State    State     `json:"state"`
	Reason   string    `json:"reason"`             // one line; may quote untrusted text
	Evidence []string  `json:"evidence,omitempty"` // what the answer rests on: who, when, which id
	Until    time.Time `json:"until,omitzero"`     // the earliest time at which a pending gate can pass by waiting; zero when it waits for something else
}

// Evaluate asks every gate. All of them answer, whatever the others say, so that
// a reader sees everything that stands in the way at once.
func Evaluate(facts Facts) []Verdict {
	verdicts := []Verdict{edge(facts), fastForward(facts), earned(facts)}
	rules := facts.To.Gates
	for _, gate := range []struct {
		asked bool
		ask   func(Facts) Verdict
	}{
		{len(rules.Checks) > 0, checks},
		{rules.Approvals > 0 || rules.CodeOwners, approvals},
		{rules.Soak > 0, soak},
		{len(rules.Freeze) > 0, freeze},
		{true, images},
		{rules.Changes != nil, changes},
		{rules.SearchesSecrets(), secrets},
	} {
		if gate.asked {
			verdicts = append(verdicts, gate.ask(facts))
		}
	}
	return verdicts
}

// Overall is the verdict on all gates together: fail if any failed, else
// unknown, else pending, else pass. Without any verdict it is unknown.
func Overall(verdicts []Verdict) State {
	if len(verdicts) == 0 {
		return Unknown
	}
	worst := Pass
	for _, verdict := range verdicts {
		if severity(verdict.State) > severity(worst) {
			worst = verdict.State
		}
	}
	return worst
}

// Of returns the verdict of one gate; an unknown one, if the gate was not asked.
func Of(verdicts []Verdict, name string) Verdict {
	for _, verdict := range verdicts {
		if verdict.Gate == name {
			return verdict
		}
	}
	return Verdict{Gate: name, State: Unknown, Reason: "was not asked"}
}

// Blocking returns the verdicts that are not Pass.
func Blocking(verdicts []Verdict) []Verdict {
	var blocking []Verdict
	for _, verdict := range verdicts {
		if verdict.State != Pass {
			blocking = append(blocking, verdict)
		}
	}
	return blocking
}

func severity(state State) int {
	switch state {
	case Pass:
		return 0
	case Pending:
		return 1
	case Fail:
		return 3
	default: // Unknown, and anything that is none of the four
		return 2
	}
}

func unknown(gate string, err error) Verdict {
	return Verdict{Gate: gate, State: Unknown, Reason: "could not find out: " + legible(err.Error())}
}

// legible replaces bytes that are not UTF-8, so that a verdict reads the same
// after it went through JSON.
func legible(text string) string { return string([]rune(text)) }

// most keeps a list in a message short. Evidence has all of it.
func most(items []string) string {
	const limit = 3
	if len(items) <= limit {
		return strings.Join(items, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(items[:limit], ", "), len(items)-limit)
}

// stamp writes a time as evidence does.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Short is the first 12 digits of a SHA, as in the name of a promotion branch.
func Short(sha string) string {
	if len(sha) < 12 {
		return sha
	}
	return sha[:12]
}
