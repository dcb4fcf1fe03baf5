package gate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/getpawl/pawl/pkg/forge"
)

// report is one result on the commit, from a commit status or a check run.
type report struct {
	name     string
	state    State
	said     string // the service's word: success, in_progress, skipped, …
	evidence string
}

// checks asks whether every required check reported success on the exact commit.
// An entry of the configuration is a name or a glob; at least one result must
// match it, and all that match must have succeeded. Statuses and check runs of
// the same name must both have succeeded, as GitHub has it for required checks.
func checks(facts Facts) Verdict {
	const name = "checks"
	if facts.Statuses.Err != nil {
		return unknown(name, facts.Statuses.Err)
	}
	if facts.CheckRuns.Err != nil {
		return unknown(name, facts.CheckRuns.Err)
	}
	reports := collect(facts.Statuses.Value, facts.CheckRuns.Value)
	verdict := Verdict{Gate: name, State: Pass}
	var reasons []string
	for _, pattern := range facts.To.Gates.Checks {
		state, reason, evidence := require(pattern, reports)
		if severity(state) > severity(verdict.State) {
			verdict.State = state
		}
		if state != Pass {
			reasons = append(reasons, reason)
		}
		verdict.Evidence = append(verdict.Evidence, evidence...)
	}
	verdict.Reason = strings.Join(reasons, "; ")
	if verdict.State == Pass {
		verdict.Reason = "all succeeded: " + strings.Join(facts.To.Gates.Checks, ", ")
	}
	return verdict
}

// require judges the reports that match one entry of the configuration.
func require(pattern string, reports []report) (State, string, []string) {
	state := Pass
	var reasons, evidence []string
	matched := false
	for _, r := range reports {
		if r.name != pattern && !doublestar.MatchUnvalidated(pattern, r.name) {
			continue
		}
		matched = true
		evidence = append(evidence, r.evidence)
		if severity(r.state) > severity(state) {
			state = r.state
		}
		if r.state != Pass {
			reasons = append(reasons, fmt.Sprintf("%q is %s", r.name, r.said))
		}
	}
	if !matched {
		return Pending, fmt.Sprintf("%q has not reported on this commit", pattern), nil
	}
	return state, strings.Join(reasons, "; "), evidence
}

func collect(statuses []forge.Status, runs []forge.CheckRun) []report {
	var reports []report
	for _, status := range statuses {
		if isOwn(status.Context) {
			continue
		}
		reports = append(reports, report{
			name: status.Context, state: statusState(status.State), said: status.State,
			evidence: fmt.Sprintf("status %q %s, id %d, by %s at %s", status.Context, status.State,
				status.ID, status.Creator, status.Time.UTC().Format(time.RFC3339)),
		})
	}
	for _, run := range runs {
		said := run.Conclusion
		if run.Status != "completed" {
			said = run.Status
		}
		reports = append(reports, report{
			name: run.Name, state: runState(run), said: said,
			evidence: fmt.Sprintf("check run %q %s, id %d, by app %s", run.Name, said, run.ID, run.App),
		})
	}
	slices.SortStableFunc(reports, func(a, b report) int { return strings.Compare(a.name, b.name) })
	return reports
}

// statusState reads a commit status. Only success passes.
// https://docs.github.com/rest/commits/statuses
func statusState(state string) State {
	switch state {
	case "success":
		return Pass
	case "pending":
		return Pending
	case "failure", "error":
		return Fail
	}
	return Unknown
}

// runState reads a check run. Neutral and skipped count as success for GitHub's
// required checks; here they do not, because a job that did not run proved
// nothing about the commit.
// https://docs.github.com/rest/checks/runs
func runState(run forge.CheckRun) State {
	if run.Status != "completed" {
		return Pending
	}
	switch run.Conclusion {
	case "success":
		return Pass
	case "failure", "cancelled", "timed_out", "action_required", "stale", "startup_failure", "neutral", "skipped":
		return Fail
	}
	return Unknown
}
