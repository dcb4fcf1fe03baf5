package gate

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
)

var errLost = errors.New("502 from the service")

// checkRows are the truth table of the gate. A row has, between bars: the checks
// that are wanted, with @app where one is pinned; settings; what was reported; the
// verdict. Times are minutes from now. A report is
//
//	s:CONTEXT=STATE@CREATOR#ID~MINUTES          a commit status
//	r:NAME=STATUS/CONCLUSION@APP#ID~MINUTES     a check run
//
// The commit came to staging, the environment before, an hour ago, and every report
// is ten minutes old unless it says otherwise.
const checkRows = `
ci | | s:ci=success | pass
ci | | s:ci=pending | pending
ci | | s:ci=failure | fail
ci | | s:ci=error | fail
ci | | s:ci= | unknown
ci | | s:ci=SUCCESS | unknown
ci | | s:ci=ok | unknown
ci | | s:ci=neutral | unknown
ci | | s:ci=skipped | unknown
ci | accept=neutral,skipped | s:ci=skipped | unknown
ci | | r:ci=completed/success | pass
ci | | r:ci=completed/failure | fail
ci | | r:ci=completed/neutral | fail
ci | | r:ci=completed/skipped | fail
ci | | r:ci=completed/cancelled | fail
ci | | r:ci=completed/timed_out | fail
ci | | r:ci=completed/action_required | fail
ci | | r:ci=completed/stale | fail
ci | | r:ci=completed/startup_failure | fail
ci | | r:ci=completed/ | unknown
ci | | r:ci=completed/passed | unknown
ci | | r:ci=completed/Success | unknown
ci | | r:ci=queued/ | pending
ci | | r:ci=in_progress/ | pending
ci | | r:ci=waiting/ | pending
ci | | r:ci=requested/ | pending
ci | | r:ci=pending/ | pending
ci | | r:ci=/ | pending
ci | | r:ci=/success | pending
ci | | r:ci=queued/success | pending
ci | | r:ci=in_progress/failure | pending
ci | accept=neutral | r:ci=completed/neutral | pass
ci | accept=neutral | r:ci=completed/skipped | fail
ci | accept=skipped | r:ci=completed/skipped | pass
ci | accept=skipped | r:ci=completed/neutral | fail
ci | accept=neutral,skipped | r:ci=completed/neutral | pass
ci | accept=neutral,skipped | r:ci=completed/cancelled | fail
ci | accept=neutral,skipped | r:ci=in_progress/skipped | pending
ci | accept=neutral,skipped | r:ci=completed/ | unknown

ci | | | pending
ci | | s:CI=success | pending
ci | | s:ci/test=success | pending
ci | | s:c=success | pending
ci/test | | s:ci=success | pending
ci | | r:ci2=completed/success | pending
ci lint | | s:ci=success | pending
ci lint | | s:ci=success s:lint=success | pass
ci lint | | s:ci=success s:lint=pending | pending
ci lint | | s:ci=failure | fail
ci lint | | s:ci=failure s:lint=huh | fail
ci lint | | s:ci=pending s:lint=huh | unknown
ci lint | | s:ci=success r:lint=completed/success | pass
ci lint | | s:ci=success r:lint=completed/skipped | fail
ci | | s:ci=success s:other=failure | pass
ci | | s:ci=success r:other=completed/failure | pass

ci | | s:ci=success r:ci=completed/success | pass
ci | | s:ci=success r:ci=completed/failure | fail
ci | | s:ci=failure r:ci=completed/success | fail
ci | | s:ci=success r:ci=in_progress/ | pending
ci | | s:ci=pending r:ci=completed/success | pending
ci | | s:ci=success r:ci=completed/huh | unknown
ci | | s:ci=huh r:ci=completed/success | unknown

ci | | s:ci=failure~-20 s:ci=success~-10 | pass
ci | | s:ci=success~-20 s:ci=failure~-10 | fail
ci | | s:ci=success~-10 s:ci=failure~-20 | pass
ci | | s:ci=success~-20 s:ci=pending~-10 | pending
ci | | s:ci=failure#1 s:ci=success#2 | pass
ci | | s:ci=failure#2 s:ci=success#1 | fail
ci | | s:ci=success@a~-20 s:ci=failure@b~-10 | fail
ci | | s:ci=failure@a~-20 s:ci=success@b~-10 | pass
ci | | r:ci=completed/failure@a#1 r:ci=completed/success@a#2 | pass
ci | | r:ci=completed/failure@a#2 r:ci=completed/success@a#1 | fail
ci | | r:ci=completed/success@a#1 r:ci=queued/@a#2~? | pending
ci | | r:ci=completed/success@a#2~-50 r:ci=completed/failure@a#1~-5 | pass
ci | | r:ci=completed/failure@a#1 r:ci=completed/success@b#2 | fail
ci | | r:ci=completed/success@a#1 r:ci=completed/success@b#2 | pass
ci | | r:ci=completed/success@a#1 r:ci=in_progress/@b#2 | pending

ci@actions | | r:ci=completed/success@actions | pass
ci@actions | | r:ci=completed/success@mallory | pending
ci@actions | | r:ci=completed/success@ | pending
ci@actions | | r:ci=completed/failure@actions r:ci=completed/success@mallory | fail
ci@actions | | r:ci=completed/success@actions r:ci=completed/failure@mallory | pass
ci@actions | | r:ci=in_progress/@actions r:ci=completed/success@mallory | pending
ci@actions | | s:ci=success@actions | pass
ci@actions | | s:ci=success@actions[bot] | pass
ci@actions | | s:ci=success@Actions[bot] | pass
ci@actions | | s:ci=success@actions-two | pending
ci@actions | | s:ci=success@mallory | pending
ci@actions | | s:ci=failure@actions~-20 s:ci=success@mallory~-10 | fail
ci@actions | | s:ci=success@actions~-20 s:ci=failure@mallory~-10 | pass
ci@actions | | s:ci=success@actions r:ci=completed/failure@actions | fail
ci@actions ci@flux | | s:ci=success@actions | pending
ci@actions ci@flux | | s:ci=success@actions r:ci=completed/success@flux | pass
ci@actions | timeout=30 pr=-31 | s:ci=success@mallory | fail
a/*@actions | | s:a/b=success@actions s:a/c=success@mallory | pass
a/*@actions | | s:a/b=success@mallory s:a/c=success@mallory | pending

a/* | | s:a/b=success | pass
a/* | | s:a/b=success s:a/c=success | pass
a/* | | s:a/b=success s:a/c=failure | fail
a/* | | s:a/b=success s:a/c=pending | pending
a/* | | s:a/b=success r:a/c=completed/failure | fail
a/* | | s:a/b/c=success | pending
a/** | | s:a/b/c=success | pass
a/** | | s:a/b/c=success s:a/d=failure | fail
a/* | | s:b/a=success | pending
a/* | | s:a=success | pending
{a,b}/c | | s:a/c=success s:b/c=pending | pending
build?(1.22) | | s:build_(1.22)=success | pass
a[b] | | s:a[b]=success | pass
a[b] | | s:ab=failure s:a[b]=success | fail
* | | s:ci=success s:lint=failure | fail
a/* a/b | | s:a/b=success | pass
a/* zz | | s:a/b=success | pending

flux/staging/* | | s:flux/staging/apps=success | pass
flux/staging/* | | s:flux/staging/apps=success~-59 | pass
flux/staging/* | | s:flux/staging/apps=success~-60 | pass
flux/staging/* | | s:flux/staging/apps=success~-61 | pending
flux/staging/* | | s:flux/staging/apps=failure~-61 | pending
flux/staging/* | | s:flux/staging/apps=failure~-59 | fail
flux/staging/* | | s:flux/staging/apps=pending~-61 | pending
flux/staging/* | | s:flux/staging/apps=huh~-61 | unknown
flux/staging/* | | s:flux/staging/a=success~-10 s:flux/staging/b=success~-90 | pending
flux/staging/* | | s:flux/staging/a=success~? | unknown
flux/staging/* | in=? | s:flux/staging/a=success | unknown
flux/staging/* | in=? | s:flux/staging/a=pending | pending
flux/staging/* | in=? | s:flux/staging/a=failure | unknown
flux/staging/* | in=none | s:flux/staging/a=success | unknown
flux/staging/* | in=none landed=-60 | s:flux/staging/a=success | pass
flux/staging/* | in=none landed=-5 | s:flux/staging/a=success | pending
flux/staging/* | in=? landed=-60 | s:flux/staging/a=success | pass
flux/staging/* | in=-5 landed=-60 | s:flux/staging/a=success | pending
flux/*/apps | | s:flux/staging/apps=success~-90 | pending
staging | | s:staging=success~-90 | pending
staging/smoke | | r:staging/smoke=completed/success~-90 | pending
staging/smoke | | r:staging/smoke=completed/success~-5 | pass
staging/smoke | | r:staging/smoke=completed/success~? | unknown
staging/smoke | | r:staging/smoke=in_progress/~? | pending
staging/smoke | in=? | r:staging/smoke=completed/success | unknown
smoke/staging | | s:smoke/staging=success~-90 | pending
smoke-staging | | s:smoke-staging=success~-90 | pass
flux/stagings/a | | s:flux/stagings/a=success~-90 | pass
flux/Staging/a | | s:flux/Staging/a=success~-90 | pass
flux/dev/a | | s:flux/dev/a=success~-9999 | pass
flux/staging/a | from=dev | s:flux/staging/a=success~-90 | pass
ci | in=? | s:ci=success~-9999 | pass
ci | in=none | s:ci=success~? | pass

ci | timeout=30 pr=-29 | | pending
ci | timeout=30 pr=-30 in=-90 | | fail
ci | timeout=30 pr=-90 in=-29 | | pending
ci | timeout=30 pr=-90 in=-30 | | fail
ci | timeout=30 pr=-29 in=-90 | | pending
ci | timeout=30 pr=-31 in=? | | fail
ci | timeout=30 pr=-29 in=? | | pending
ci | timeout=30 pr=none in=-90 | | fail
ci | timeout=30 pr=none in=-29 | | pending
ci | timeout=30 pr=none in=? | | pending
ci | timeout=30 pr=none in=none landed=-31 | | fail
ci | timeout=30 pr=-90 in=-90 | s:ci=pending~-80 | pending
ci | timeout=30 pr=-90 in=-90 | r:ci=queued/~? | pending
ci lint | timeout=30 pr=-90 in=-90 | s:ci=success | fail
ci lint | timeout=90 pr=-80 in=-90 | s:ci=success | pending
flux/staging/* | timeout=30 pr=-90 in=-90 | s:flux/staging/a=success~-95 | pending
ci | pr=-99999 in=-99999 | | pending

ci | statuses=? | r:ci=completed/success | unknown
ci | runs=? | s:ci=success | unknown
ci | statuses=? runs=? | | unknown
ci | statuses=? | r:ci=completed/failure | unknown
ci | runs=? | s:ci=failure | unknown
ci | statuses=unread | r:ci=completed/success | unknown
ci | runs=unread | s:ci=success | unknown
`

func TestChecks(t *testing.T) {
	t.Parallel()
	rows := table(t, checkRows, 4)
	if len(rows) < 120 {
		t.Errorf("the table has %d rows", len(rows))
	}
	for _, row := range rows {
		facts := good()
		facts.From.Name = "staging"
		facts.To.Gates = config.Gates{}
		for check := range strings.FieldsSeq(row[0]) {
			name, app, _ := strings.Cut(check, "@")
			facts.To.Gates.Checks = append(facts.To.Gates.Checks, config.Check{Name: name, App: app})
		}
		reported(t, &facts, row[2])
		configureChecks(t, &facts, row[1])
		judge(t, row, checks(facts))
	}
	t.Logf("%d rows", len(rows))
}

// table takes rows apart at their bars.
func table(t *testing.T, text string, columns int) [][]string {
	t.Helper()
	var rows [][]string
	seen := map[string]bool{}
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		row := strings.Split(line, "|")
		for i := range row {
			row[i] = strings.TrimSpace(row[i])
		}
		if len(row) != columns {
			t.Fatalf("%q has %d columns, want %d", line, len(row), columns)
		}
		if seen[line] {
			t.Errorf("%q is there twice", line)
		}
		seen[line] = true
		rows = append(rows, row)
	}
	return rows
}

// judge compares a verdict with the last column of its row.
func judge(t *testing.T, row []string, got Verdict) {
	t.Helper()
	if want := State(row[len(row)-1]); got.State != want {
		t.Errorf("%s: got %s (%s)", strings.Join(row, " | "), got.State, got.Reason)
	}
	if got.Reason == "" {
		t.Errorf("%s: there is no reason", strings.Join(row, " | "))
	}
}

// ago reads minutes from now; ? is the zero time.
func ago(t *testing.T, text string) time.Time {
	t.Helper()
	if text == "?" {
		return time.Time{}
	}
	minutes, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return noon.Add(time.Duration(minutes) * time.Minute)
}

func reported(t *testing.T, facts *Facts, text string) {
	t.Helper()
	pattern := regexp.MustCompile(`^([sr]):(.+)=([A-Za-z_]*)(?:/([A-Za-z_]*))?(?:@([^#~]*))?(?:#(\d+))?(?:~(\?|-?\d+))?$`)
	var statuses []forge.Status
	var runs []forge.CheckRun
	for word := range strings.FieldsSeq(text) {
		m := pattern.FindStringSubmatch(word)
		if m == nil {
			t.Fatalf("%q is no report", word)
		}
		id, _ := strconv.ParseInt(m[6], 10, 64)
		at := noon.Add(-10 * time.Minute)
		if m[7] != "" {
			at = ago(t, m[7])
		}
		if m[1] == "s" {
			statuses = append(statuses, forge.Status{ID: id, Context: m[2], State: m[3], Creator: m[5], Time: at})
			continue
		}
		runs = append(runs, forge.CheckRun{ID: id, Name: m[2], Status: m[3], Conclusion: m[4], App: m[5], Completed: at})
	}
	facts.Statuses, facts.CheckRuns = Known(statuses), Known(runs)
}

func configureChecks(t *testing.T, facts *Facts, settings string) {
	t.Helper()
	facts.PullRequest.Created = noon.Add(-time.Hour)
	for setting := range strings.FieldsSeq(settings) {
		name, value, _ := strings.Cut(setting, "=")
		switch {
		case name == "accept":
			facts.To.Gates.Accept = strings.Split(value, ",")
		case name == "from":
			facts.From.Name = value
		case name == "timeout":
			facts.To.Gates.MissingTimeout = config.Duration(ago(t, value).Sub(noon))
		case name == "pr" && value == "none":
			facts.PullRequest = nil
		case name == "pr":
			facts.PullRequest.Created = ago(t, value)
		case name == "in" && value == "?":
			facts.Moves = Unread[[]forge.Move](errLost)
		case name == "in" && value == "none":
			facts.Moves = Known([]forge.Move{{After: other, Time: noon}})
		case name == "in":
			facts.Moves.Value[0].Time = ago(t, value)
		case name == "landed":
			facts.Landed = Known([]forge.PullRequest{{Number: 3, State: forge.Merged, Base: "dev", HeadSHA: sha, Merged: ago(t, value)}})
		case name == "statuses" && value == "?":
			facts.Statuses.Err = errLost
		case name == "runs" && value == "?":
			facts.CheckRuns.Err = errLost
		case name == "statuses":
			facts.Statuses = Fact[[]forge.Status]{}
		case name == "runs":
			facts.CheckRuns = Fact[[]forge.CheckRun]{}
		default:
			t.Fatalf("%q is no setting", setting)
		}
	}
}
