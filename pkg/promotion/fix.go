package promotion

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
)

// fix says what a person can do next: about the gate that failed first, else about
// what could not be read, else about what is pending.
func (v *Verification) fix() string {
	for _, verdict := range gate.Blocking(v.Gates) {
		if verdict.State == gate.Fail {
			return v.mend(verdict.Gate)
		}
	}
	switch v.State {
	case gate.Unknown:
		return v.unread()
	case gate.Pending:
		return v.wait()
	}
	return ""
}

// mend says what to do about a gate that failed.
func (v *Verification) mend(name string) string {
	again := "pawl promote " + v.To
	switch name {
	case "fast-forward":
		if v.facts.Comparison.Value.Relation == forge.Diverged {
			return heal(v.rules)
		}
	case "checks":
		return fmt.Sprintf("mend it in %s, then: %s", v.From, again)
	case "approvals":
		return "settle the review, then run the same command again"
	case "images":
		return fmt.Sprintf("set a version that may enter: pawl bump IMAGE:VERSION --env %s --push, then: %s; a version that goes down on purpose needs a commit there "+
			`whose last paragraph is "Pawl-Allow-Downgrade: IMAGE FROM TO", as pawl bump --allow-downgrade makes it`, v.first(), again)
	case "changes":
		return fmt.Sprintf("take the change back in %s, then: %s; or allow it under gates.changes on %s", v.From, again, v.rules.To.Branch)
	case "secrets":
		return fmt.Sprintf("replace the secret wherever it is used, since it is known now, take it out of the files in %s, then: %s; gates.secrets: off on %s turns the search off",
			v.From, again, v.rules.To.Branch)
	}
	return "open the promotion of the present commit with: " + again // edge, earned, soak
}

// first is the environment where versions are set.
func (v *Verification) first() string {
	if len(v.rules.Way) == 0 {
		return v.From
	}
	return v.rules.Way[0].Name
}

// unread says what to do about a fact that could not be read. An error about access
// says by itself what the token lacks.
func (v *Verification) unread() string {
	switch why := cause(v.facts, v.Gates); {
	case errors.Is(why, forge.ErrAccess):
		return "give the token what it lacks, then run the same command again: what cannot be read blocks"
	case errors.Is(why, gate.ErrUndecidable):
		return v.decide()
	}
	return "run the same command again: what could not be read blocks, and nothing was changed"
}

// decide says what to do about versions where looking again does not help.
func (v *Verification) decide() string {
	said := "if the version may enter, say so with a commit in " + v.first() + " whose last paragraph is %q, then: pawl promote " + v.To
	if errors.Is(v.facts.RolledBack.Err, gate.ErrUndecidable) {
		return fmt.Sprintf(said, "Release-Of: IMAGE:VERSION")
	}
	return fmt.Sprintf(said, "Pawl-Allow-Downgrade: IMAGE FROM TO") +
		fmt.Sprintf("; or let all such versions in with allowUnordered: true under gates.images of %s on %s", v.To, v.rules.To.Branch)
}

// wait says what ends the waiting, beside time.
func (v *Verification) wait() string {
	fixes := []string{"run the same command again later"}
	if until := opens(v.Gates); !until.IsZero() {
		fixes[0] = "run the same command again after " + until.UTC().Format(time.RFC3339)
	}
	for _, verdict := range gate.Blocking(v.Gates) {
		switch verdict.Gate {
		case "edge":
			fixes = append(fixes, fmt.Sprintf("mark #%d as ready for review", v.Number))
		case "approvals":
			fixes = append(fixes, "ask for a review: pawl promote "+v.To+" --reviewer LOGIN")
		case "freeze":
			fixes = append(fixes, "if it cannot wait: pawl merge "+v.To+" --override freeze --reason TEXT")
		}
	}
	return strings.Join(fixes, "; ")
}
