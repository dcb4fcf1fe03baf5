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
	"time"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
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
	Gate     string   `json:"gate"`
	State    State    `json:"state"`
	Reason   string   `json:"reason"`             // one line; may quote untrusted text
	Evidence []string `json:"evidence,omitempty"` // what the answer rests on: who, when, which id
}

// Fact is something that was looked up: a value, or the reason why there is none.
type Fact[T any] struct {
	Value T
	Err   error
}

// Known returns a fact that was read.
func Known[T any](value T) Fact[T] { return Fact[T]{Value: value} }

// Lookup returns the fact that a call read, or failed to read.
func Lookup[T any](value T, err error) Fact[T] { return Fact[T]{Value: value, Err: err} }

// Facts are what the gates of one promotion look at.
type Facts struct {
	Now    time.Time // the service's clock
	From   config.Environment
	To     config.Environment
	Commit string // the SHA that would land
	Head   string // the promotion branch that the SHA calls for: pawl/<to>/<sha12>

	Comparison Fact[forge.Comparison] // the target branch against Commit
	Moves      Fact[[]forge.Move]     // moves of From's branch, newest first
	FromHead   Fact[string]           // where From's branch is now

	PullRequest *forge.PullRequest // nil before it is opened
	Statuses    Fact[[]forge.Status]
	CheckRuns   Fact[[]forge.CheckRun]
	Reviews     Fact[[]forge.Review]
	Permissions map[string]Fact[forge.Permission] // of everyone whose review could count
}

// Evaluate asks every gate. All of them answer, whatever the others say, so that
// a reader sees everything that stands in the way at once.
func Evaluate(facts Facts) []Verdict {
	verdicts := []Verdict{edge(facts), fastForward(facts), earned(facts)}
	if len(facts.To.Gates.Checks) > 0 {
		verdicts = append(verdicts, checks(facts))
	}
	if facts.To.Gates.Approvals > 0 {
		verdicts = append(verdicts, approvals(facts))
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
	return Verdict{Gate: gate, State: Unknown, Reason: "could not find out: " + err.Error()}
}

// Short is the first 12 digits of a SHA, as in the name of a promotion branch.
func Short(sha string) string {
	if len(sha) < 12 {
		return sha
	}
	return sha[:12]
}
