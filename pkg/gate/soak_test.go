package gate

import (
	"errors"
	"strings"
	"testing"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
)

// soakRows are the truth table of two gates: an hour in the environment before is
// wanted. A row has, between bars: the moves of the branch before, oldest first;
// settings; the verdict of soak; that of earned. A move is
// MINUTES:FROM>TO:KIND, with C for the commit that is promoted, other letters for
// other commits, and KIND p for push, m for the merge of a pull request, f for
// force, + for creation. The head is where the last move went, unless head= says
// otherwise. landed= is when a pull request with the commit was merged.
const soakRows = `
-90:A>C:p | | pass | pass
-60:A>C:p | | pass | pass
-59:A>C:p | | pending | pass
-1:A>C:p | | pending | pass
0:A>C:p | | pending | pass
-90:A>C:m | | pass | pass
-90:0>C:+ | | pass | pass
-30:0>C:+ | | pending | pass
5:A>C:p | | unknown | pass
5:A>C:p | landed=-90 | unknown | pass
-90:A>C:q | | pass | pass

-90:A>C:p -20:C>D:p | | pass | pass
-90:A>C:p -30:C>D:p | | pass | pass
-90:A>C:p -31:C>D:p | | fail | pass
-80:A>C:p -79:C>D:p | | fail | pass
-80:A>C:p -79:C>D:p -10:D>E:p | | fail | pass
-999:A>C:p -900:C>D:p -10:D>E:p | | pass | pass
-200:A>B:p -150:B>C:p -80:C>D:p | | pass | pass
-200:A>B:p -70:B>C:p | | pass | pass
-90:A>B:p | | unknown | fail
 | head=D | unknown | fail
-90:A>B:p -80:B>D:p | | unknown | fail
-90:C>D:p | | unknown | fail
-90:A>D:p | landed=-80 | unknown | unknown
-90:A>D:p | landed=-80 since=DC | unknown | pass

-200:A>C:p -190:C>D:p -50:D>C:p | | pending | pass
-200:A>C:p -190:C>D:p -70:D>C:p | | pass | pass
-200:A>C:p -130:C>D:p -50:D>C:p | | pass | pass
-200:A>C:p -165:C>D:p -50:D>C:p -20:C>E:p | | fail | pass
-99:A>C:p -70:C>D:p -65:D>C:p -40:C>D:p -35:D>C:p | | pending | pass

-90:A>C:f | | unknown | pass
-30:A>C:f | | unknown | pass
-90:A>C:f | landed=-80 | unknown | pass
-90:A>C:f -20:C>D:p | | unknown | unknown
-90:A>C:f -20:C>D:p | landed=-80 | unknown | unknown
-90:A>C:p -20:C>A:f | | pass | pass
-90:A>C:p -40:C>A:f | | fail | pass
-90:A>C:p -20:C>A:f -10:A>C:p | | pass | pass
-90:A>C:p -40:C>A:f -10:A>C:p | | pending | pass
-90:A>C:p -40:C>A:f -10:A>C:f | | unknown | pass
-90:A>C:p -20:C>A:f -10:A>C:f | | pass | pass
-99:A>B:f -90:B>C:p | | pass | pass
-99:A>B:f | | unknown | unknown
-99:A>B:f | head=C | unknown | pass
-99:A>B:f | head=C landed=-90 | unknown | pass
-99:A>B:f -90:B>D:p | landed=-95 since=DC | unknown | pass

-90:A>C:p -50:B>D:p | | unknown | pass
-90:A>C:p -50:B>D:p | landed=-90 | unknown | pass
-90:A>C:p -50:B>C:p | | pending | pass
-90:A>C:p | head=D | unknown | pass
-200:A>C:p -130:C>D:p -90:A>C:p | head=D | pass | pass
-200:A>C:p -190:C>D:p -90:A>C:p | head=D | unknown | pass
-90:A>B:p | head=C | unknown | pass
-90:A>B:p | head=C landed=-70 | pass | pass
-90:A>B:p | head=C landed=-50 | pending | pass
-90:A>B:p | head=C landed=5 | unknown | pass
-90:A>B:p | head=C landed=? | unknown | pass
-90:A>C:p | head=? | unknown | unknown
-90:A>C:p | head=unread | unknown | unknown
-90:A>C:p -80:C>C:p | | pass | pass
-90:A>C:p -80:C>C:p -40:C>D:p | | fail | pass

 | head=C | unknown | pass
 | head=C landed=-70 | pass | pass
 | head=C landed=-60 | pass | pass
 | head=C landed=-59 | pending | pass
 | head=D landed=-70 | unknown | unknown
 | head=D landed=-70 since=DC | unknown | pass
 | moves=? head=C landed=-70 | pass | pass
 | moves=? head=C landed=-10 | pending | pass
 | moves=? head=C | unknown | pass
 | moves=? head=C landed=? | unknown | pass
 | moves=? head=D landed=-70 | unknown | unknown
 | moves=? head=D landed=-70 since=DC | unknown | pass
 | moves=? head=D landed=-70 since=DMC | unknown | unknown
 | moves=? head=D landed=-70 since=cut | unknown | unknown
 | moves=? head=D landed=-70 since=? | unknown | unknown
 | moves=? head=D landed=-70 since=diverged | unknown | unknown
 | moves=? head=D landed=-70 since=DC rival=-71 | unknown | unknown
 | moves=? head=D landed=-70 since=DC rival=-80 | unknown | pass
 | moves=? head=C landed=-70 rival=-70 | pass | pass
 | moves=? head=D landed=? | unknown | unknown
 | moves=? head=D | unknown | unknown
 | moves=unread head=C | unknown | pass
 | moves=unread head=D | unknown | unknown
 | moves=? head=C landed=-70 base=prod | unknown | pass
 | moves=? head=C landed=-70 closed | unknown | pass
-90:A>D:p | landed=? | unknown | unknown
-90:A>C:p -20:C>D:p | current | pass | fail
-90:A>C:p | current | pass | pass
-90:A>C:p | current head=? | unknown | unknown
`

func TestSoakAndEarned(t *testing.T) {
	t.Parallel()
	rows := table(t, soakRows, 4)
	if len(rows) < 60 {
		t.Errorf("the table has %d rows", len(rows))
	}
	for _, row := range rows {
		facts := good()
		facts.Moves, facts.FromHead = Known([]forge.Move(nil)), Known(commitOf("Z"))
		facts.To.Gates = config.Gates{Soak: config.Duration(60 * 60e9)}
		moved(t, &facts, row[0])
		configureSoak(t, &facts, row[1])
		verdict := soak(facts)
		judge(t, row[:3], verdict)
		judge(t, row, earned(facts))
		if (verdict.State == Pending) != verdict.Until.After(noon) {
			t.Errorf("%v: %s until %v", row, verdict.State, verdict.Until)
		}
		if verdict.State == Pending {
			facts.Now = verdict.Until
			if got := soak(facts); got.State != Pass {
				t.Errorf("%v: then it is %s (%s)", row, got.State, got.Reason)
			}
		}
	}
	t.Logf("%d rows", len(rows))
}

func commitOf(letter string) string {
	if letter == "C" {
		return sha
	}
	return strings.Repeat(letter, 40)
}

func moved(t *testing.T, facts *Facts, text string) {
	t.Helper()
	kinds := map[string]string{"p": "push", "m": "pr_merge", "q": "merge_queue_merge", "f": "force_push", "+": "branch_creation"}
	var moves []forge.Move
	for i, word := range strings.Fields(text) {
		parts := strings.Split(word, ":")
		from, to, _ := strings.Cut(parts[1], ">")
		moves = append([]forge.Move{{ID: int64(i + 1), Kind: kinds[parts[2]], Actor: "ada", Before: commitOf(from), After: commitOf(to), Time: ago(t, parts[0])}}, moves...)
		facts.FromHead = Known(commitOf(to))
	}
	facts.Moves = Known(moves)
}

func configureSoak(t *testing.T, facts *Facts, settings string) {
	t.Helper()
	landed := forge.PullRequest{Number: 3, State: forge.Merged, Base: "dev", HeadSHA: sha}
	known := false
	for setting := range strings.FieldsSeq(settings) {
		name, value, _ := strings.Cut(setting, "=")
		switch name {
		case "current":
			facts.To.Gates.RequireCurrent = true
		case "moves":
			facts.Moves = factOf[[]forge.Move](value, nil)
		case "head":
			facts.FromHead = factOf(value, commitOf(value))
		case "landed":
			if known = value != "?"; known {
				landed.Merged = ago(t, value)
			}
			facts.Landed = Unread[[]forge.PullRequest](errLost)
		case "base":
			landed.Base = value
		case "closed":
			landed.State = forge.Closed
		case "since":
			facts.Since = since(value)
		case "rival":
			facts.Landed.Value = append(facts.Landed.Value, forge.PullRequest{Number: 4, State: forge.Merged, Base: "dev", HeadSHA: other, Merged: ago(t, value)})
		default:
			t.Fatalf("%q is no setting", setting)
		}
	}
	if known {
		facts.Landed = Known(append(facts.Landed.Value, landed))
	}
}

// since is what lies between the commit C and the head D: nothing, or a merge M
// whose second parent is C.
func since(text string) Fact[forge.Comparison] {
	comparison := forge.Comparison{Relation: forge.Ahead, Base: sha, Head: commitOf("D"), AheadBy: 1,
		Commits: []forge.Commit{{SHA: commitOf("D"), Parents: []string{sha}}}}
	switch text {
	case "?":
		return Unread[forge.Comparison](errors.New("lost"))
	case "DMC":
		comparison.AheadBy = 2
		comparison.Commits = []forge.Commit{{SHA: commitOf("M"), Parents: []string{commitOf("A"), sha}}, {SHA: commitOf("D"), Parents: []string{commitOf("M")}}}
	case "cut":
		comparison.AheadBy = 2
	case "diverged":
		comparison.Relation = forge.Diverged
	}
	return Known(comparison)
}
