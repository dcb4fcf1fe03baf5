package gate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
)

// report is one result on the commit, from a commit status or a check run.
type report struct {
	name     string
	from     string // the app or account
	state    State
	said     string // the service's word: success, in_progress, skipped, …
	at       time.Time
	id       int64
	run      bool
	evidence string
}

// checks asks whether every required check reported success on the exact commit.
// An entry of the configuration is a name or a glob; at least one result must
// match it, and all that match must have succeeded. Statuses and check runs of
// the same name must both have succeeded, as GitHub has it for required checks.
func checks(facts Facts) Verdict {
	const name = "checks"
	statuses, err := facts.Statuses.Get()
	if err != nil {
		return unknown(name, err)
	}
	runs, err := facts.CheckRuns.Get()
	if err != nil {
		return unknown(name, err)
	}
	reports := collect(statuses, runs, facts.To.Gates.Accept)
	verdict := Verdict{Gate: name, State: Pass}
	var reasons, names []string
	for _, check := range facts.To.Gates.Checks {
		state, reason, evidence := require(facts, check, reports)
		if severity(state) > severity(verdict.State) {
			verdict.State = state
		}
		if state != Pass {
			reasons = append(reasons, reason)
		}
		names = append(names, check.Name)
		verdict.Evidence = append(verdict.Evidence, evidence...)
	}
	verdict.Reason = strings.Join(reasons, "; ")
	if verdict.State == Pass {
		verdict.Reason = "all succeeded: " + strings.Join(names, ", ")
	}
	return verdict
}

// require judges the reports that match one entry of the configuration.
func require(facts Facts, check config.Check, reports []report) (State, string, []string) {
	state := Pass
	var reasons, evidence []string
	matched := false
	for _, r := range newest(reports, check) {
		if r.name != check.Name && !doublestar.MatchUnvalidated(check.Name, r.name) {
			continue
		}
		if !r.by(check.App) {
			evidence = append(evidence, r.evidence+", does not count: not by "+check.App)
			continue
		}
		matched = true
		evidence = append(evidence, r.evidence)
		got, reason := r.judge(facts)
		if severity(got) > severity(state) {
			state = got
		}
		if got != Pass {
			reasons = append(reasons, reason)
		}
	}
	if !matched {
		missing, reason := missing(facts, check)
		return missing, reason, evidence
	}
	return state, strings.Join(reasons, "; "), evidence
}

// by says whether the report is from the app or account. The login of an app is its
// short name with a mark behind it.
func (r report) by(app string) bool {
	return app == "" || strings.EqualFold(r.from, app) || strings.EqualFold(r.from, app+"[bot]")
}

// newest keeps the newest status of each name, and the newest check run of each
// name and app. When the entry pins an app, what others reported does not hide its
// reports.
func newest(reports []report, check config.Check) []report {
	type source struct {
		name, from string
		run        bool
	}
	seen := map[source]bool{}
	var kept []report
	for _, r := range reports {
		key := source{r.name, r.from, r.run}
		if !r.run && check.App == "" {
			key.from = ""
		}
		if !seen[key] {
			seen[key] = true
			kept = append(kept, r)
		}
	}
	return kept
}

// judge says what a report means. All environments have the same commits, so a
// report that names the environment before by a segment of its name, such as
// flux/staging/apps, must be from after the commit came there.
func (r report) judge(facts Facts) (State, string) {
	said := fmt.Sprintf("%q is %s", r.name, r.said)
	if !tellsOf(r.name, facts.From) {
		return r.state, said
	}
	if r.state == Pending || r.state == Unknown {
		return r.state, said
	}
	in, err := entered(facts)
	switch {
	case err != nil:
		return Unknown, fmt.Sprintf("%q tells about %s, and when the commit came there is not known: %s", r.name, facts.From.Name, legible(err.Error()))
	case r.at.IsZero():
		return Unknown, fmt.Sprintf("%q does not say when it reported", r.name)
	case r.at.Before(in.at):
		return Pending, fmt.Sprintf("%q is from %s, before the commit came to %s at %s", r.name, stamp(r.at), facts.From.Name, stamp(in.at))
	}
	return r.state, said
}

// tellsOf says whether a name has the environment's name between its slashes.
func tellsOf(name string, env config.Environment) bool {
	return slices.Contains(strings.Split(name, "/"), env.Name)
}

// missing judges an entry that nothing matches: it waits, and fails when it has
// waited for too long, since the pull request was opened and the commit came to the
// environment before.
func missing(facts Facts, check config.Check) (State, string) {
	reason := fmt.Sprintf("%q has not reported on this commit", check.Name)
	timeout := time.Duration(facts.To.Gates.MissingTimeout)
	if timeout == 0 {
		return Pending, reason
	}
	var since time.Time
	if facts.PullRequest != nil {
		since = facts.PullRequest.Created
	}
	if in, err := entered(facts); err == nil && in.at.After(since) {
		since = in.at
	}
	if since.IsZero() {
		return Pending, reason
	}
	if due := since.Add(timeout); facts.Now.Before(due) {
		return Pending, fmt.Sprintf("%s; it has time until %s", reason, stamp(due))
	}
	return Fail, fmt.Sprintf("%s within %s", reason, facts.To.Gates.MissingTimeout)
}

// collect makes reports of statuses and check runs, sorted by name, and the newest
// of a name first: of statuses by time and then by id, of check runs by id, since a
// run that is queued again has no times yet.
func collect(statuses []forge.Status, runs []forge.CheckRun, accept []string) []report {
	var reports []report
	for _, status := range statuses {
		if isOwn(status.Context) {
			continue
		}
		reports = append(reports, report{
			name: status.Context, from: status.Creator, state: statusState(status.State), said: status.State,
			at: status.Time, id: status.ID,
			evidence: fmt.Sprintf("status %q %s, id %d, by %s at %s", status.Context, status.State,
				status.ID, status.Creator, stamp(status.Time)),
		})
	}
	for _, run := range runs {
		said := run.Conclusion
		if run.Status != "completed" {
			said = run.Status
		}
		reports = append(reports, report{
			name: run.Name, from: run.App, state: runState(run, accept), said: said, at: run.Completed, id: run.ID, run: true,
			evidence: fmt.Sprintf("check run %q %s, id %d, by app %s", run.Name, said, run.ID, run.App),
		})
	}
	slices.SortStableFunc(reports, func(a, b report) int {
		order := cmp.Or(strings.Compare(a.name, b.name), compareBool(a.run, b.run))
		if order == 0 && !a.run {
			order = b.at.Compare(a.at)
		}
		return cmp.Or(order, cmp.Compare(b.id, a.id))
	})
	return reports
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
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
// required checks; here they do not unless they are accepted, because a job that
// did not run proved nothing about the commit.
// https://docs.github.com/rest/checks/runs
func runState(run forge.CheckRun, accept []string) State {
	if run.Status != "completed" {
		return Pending
	}
	switch run.Conclusion {
	case "success":
		return Pass
	case "neutral", "skipped":
		if slices.Contains(accept, run.Conclusion) {
			return Pass
		}
		return Fail
	case "failure", "cancelled", "timed_out", "action_required", "stale", "startup_failure":
		return Fail
	}
	return Unknown
}
