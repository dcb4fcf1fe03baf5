package gate

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
)

// approvalRows are the truth table of the gate. A row has, between bars: settings;
// reviews, oldest first; the verdict. One approval is wanted unless it says
// otherwise. A review is LOGIN:WHAT@COMMIT#ID~MINUTES, where WHAT is A for an
// approval, R for a request for changes, C for a comment, D for one that was
// dismissed, and another letter for a word that does not exist; a ! behind the
// login marks a bot. ada, bob and cyd may write, mia maintains, root administers,
// tri may triage, rea may read, non may nothing. In owners= a _ is a space and a ;
// ends the line.
const approvalRows = `
 | | pending
 | ada:A | pass
 | mia:A | pass
 | root:A | pass
 | tri:A | pending
 | rea:A | pending
 | non:A | pending
 | odd:A | pending
role:ada=admin | ada:A | pass
role:ada=none | ada:A | pending
role:ada=ADMIN | ada:A | pending
role:ada= | ada:A | pending
role:ada=? | ada:A | unknown
role:ada=? | bob:A ada:A | unknown
role:ada=? | bob:A ada:R | unknown
role:ada=? | bob:A ada:C | pass
role:ada=? | bob:A ada:D | pass
role:ada=unread | ada:A | unknown
 | eve:A | unknown
 | ada:C | pending
 | ada:D | pending
 | ada:X | pending
 | ada:R | fail
 | ada:A@other | pending
 | ada:A@ | pending
 | ada:A@other bob:A | pass
 | ada!:A | pending
 | ada!:R | fail
bots=ada | ada!:A | pass
bots=ADA | ada!:A | pass
bots=bob | ada!:A | pending
bots=ada author=ada | ada!:A | pending
bots=ada | ada!:A@other | pending
bots=rea | rea!:A | pending
author=ada | ada:A | pending
author=Ada | ada:A | pending
author=ada | ada:A bob:A | pass
author=ada | ada:R bob:A | fail
author= | ada:A | pass
pr=none | | pending
pr=none | ada:A | pending
reviews=? | ada:A | unknown
reviews=unread | ada:A | unknown

 | ada:A ada:C | pass
 | ada:A ada:R | fail
 | ada:R ada:A | pass
 | ada:A ada:D | pending
 | ada:R ada:D | pending
 | ada:R ada:D ada:A | pass
 | ada:D ada:A | pass
 | ada:A ada:D bob:A | pass
 | ada:R ada:C | fail
 | ada:A ada:A@other | pending
 | ada:A@other ada:A | pass
 | ada:A#9~-5 ada:R#1~-9 | pass
 | ada:R#1~-5 ada:A#9~-9 | fail
 | ada:A#1~-5 ada:R#2~-5 | fail
 | ada:R#1~-5 ada:A#2~-5 | pass
 | ada:A bob:R | fail
 | ada:A bob:R bob:A | pass
 | ada:A bob:R bob:D | pass
 | ada:A bob:R@other | fail
 | ada:A bob:R@other bob:A@other | pass
 | ada:A rea:R | pass
 | ada:A tri:R | pass
 | ada:A non:R | pass
role:rea=write | ada:A rea:R | fail

want=2 | ada:A | pending
want=2 | ada:A ada:A | pending
want=2 | ada:A bob:A | pass
want=2 | ada:A bob:A cyd:A | pass
want=2 | ada:A bob:A cyd:R | fail
want=2 | ada:A rea:A | pending
want=2 | ada:A bob!:A | pending
want=2 bots=bob | ada:A bob!:A | pass
want=2 author=bob | ada:A bob:A | pending
want=2 | ada:A bob:A@other | pending
want=2 reviews=? | ada:A bob:A | unknown
want=3 | ada:A bob:A mia:A | pass

duties contrib=dev/dev | ada:A | pass
duties contrib=ada/ada | ada:A | pending
duties contrib=ADA/dev | ada:A | pending
duties contrib=dev/ada | ada:A | pending
duties contrib=dev/web-flow | ada:A | pass
duties contrib=ada/web-flow | ada:A | pending
duties contrib=dev/dev,ada/dev | ada:A | pending
duties contrib=ada/ada | ada:A bob:A | pass
duties contrib=ada/bob | ada:A bob:A cyd:A | pass
duties contrib=ada/bob want=2 | ada:A bob:A cyd:A | pending
duties contrib=ada/ada | ada:R bob:A | fail
duties contrib=/dev | ada:A | unknown
duties contrib=dev/ | ada:A | unknown
duties contrib=? | ada:A | unknown
duties contrib=? | ada:R | unknown
duties contrib=unread | ada:A | unknown
duties contrib=none | ada:A | pass
duties contrib=dev/dev author=ada | ada:A | pending
contrib=ada/ada | ada:A | pass
contrib=? | ada:A | pass

owners=*_@ada changed=a.yaml | ada:A | pass
owners=*_@ada changed=a.yaml | bob:A | pending
owners=*_@ada changed=a.yaml want=0 | ada:A | pass
owners=*_@ada changed=a.yaml want=0 | | pending
owners=*_@ada changed=a.yaml want=2 | ada:A | pending
owners=*_@ada changed=a.yaml want=2 | ada:A bob:A | pass
owners=*_@ADA changed=a.yaml | ada:A | pass
owners=*_@ada_@bob changed=a.yaml | bob:A | pass
owners=*_@ada;*.md_@bob changed=a.yaml,b.md | ada:A | pending
owners=*_@ada;*.md_@bob changed=a.yaml,b.md | ada:A bob:A | pass
owners=*_@ada;*.md changed=b.md | bob:A | pass
owners=/docs/_@ada changed=a.yaml | bob:A | pass
owners=*_@ada changed=a.yaml | ada:A@other bob:A | pending
owners=*_@ada changed=a.yaml author=ada | ada:A bob:A | pending
owners=*_@rea changed=a.yaml | rea:A ada:A | pending
owners=*_@ada changed=a.yaml | ada:A bob:R | fail
owners=*_@ada changed=a.yaml | ada!:A bob:A | pending
owners=*_@ada changed=a.yaml duties contrib=ada/ada | ada:A bob:A | pending
owners=*_@acme/ops team:acme/ops=ada+zoe changed=a.yaml | ada:A | pass
owners=*_@Acme/Ops team:acme/ops=Ada changed=a.yaml | ada:A | pass
owners=*_@acme/ops team:acme/ops=zoe changed=a.yaml | ada:A | pending
owners=*_@acme/ops team:acme/ops=? changed=a.yaml | ada:A | unknown
owners=*_@acme/ops changed=a.yaml | ada:A | unknown
owners=*_@acme/ops_@ada changed=a.yaml | ada:A | pass
owners=*_@ada_@acme/ops team:acme/ops=? changed=a.yaml | bob:A | unknown
owners=*_ada@example.com changed=a.yaml | ada:A | unknown
owners=*_ada@example.com_@ada changed=a.yaml | ada:A | pass
owners=*_@acme/ops changed= | ada:A | pass
owners=!x_@ada changed=a.yaml | ada:A | unknown
owners=[ab]_@ada changed=a.yaml | ada:A | unknown
owners=*_ada changed=a.yaml | ada:A | unknown
owners=? changed=a.yaml | ada:A | unknown
owners=unread changed=a.yaml | ada:A | unknown
owners=none changed=a.yaml | ada:A | fail
owners=*_@ada changed=? | ada:A | unknown
owners=*_@ada changed=unread | ada:A | unknown
owners=? changed=a.yaml | ada:A bob:R | fail
owners=? changed=a.yaml want=2 | ada:A | unknown
`

func TestApprovals(t *testing.T) {
	t.Parallel()
	rows := table(t, approvalRows, 3)
	if len(rows) < 80 {
		t.Errorf("the table has %d rows", len(rows))
	}
	for _, row := range rows {
		facts := good()
		facts.To.Gates = config.Gates{Approvals: 1}
		facts.Permissions = map[string]Fact[forge.Permission]{}
		for login, role := range map[string]forge.Permission{"ada": "write", "bob": "write", "cyd": "write", "mia": "maintain",
			"root": "admin", "tri": "triage", "rea": "read", "non": "none", "odd": "owner"} {
			facts.Permissions[login] = Known(role)
		}
		reviewed(t, &facts, row[1])
		configureApprovals(t, &facts, row[0])
		judge(t, row, approvals(facts))
	}
	t.Logf("%d rows", len(rows))
}

func reviewed(t *testing.T, facts *Facts, text string) {
	t.Helper()
	pattern := regexp.MustCompile(`^(\w+)(!?):([A-Z])(@\w*)?(?:#(\d+))?(?:~(-?\d+))?$`)
	states := map[string]forge.ReviewState{"A": forge.Approved, "R": forge.ChangesRequested, "C": forge.Commented, "D": forge.Dismissed}
	var reviews []forge.Review
	for i, word := range strings.Fields(text) {
		m := pattern.FindStringSubmatch(word)
		if m == nil {
			t.Fatalf("%q is no review", word)
		}
		review := forge.Review{ID: int64(i + 1), Author: m[1], Bot: m[2] != "", State: states[m[3]], SHA: sha, Time: ago(t, strconv.Itoa(i-100))}
		if m[4] == "@other" {
			review.SHA = other
		} else if m[4] == "@" {
			review.SHA = ""
		}
		if m[5] != "" {
			review.ID, _ = strconv.ParseInt(m[5], 10, 64)
		}
		if m[6] != "" {
			review.Time = ago(t, m[6])
		}
		reviews = append(reviews, review)
	}
	facts.Reviews = Known(reviews)
}

func configureApprovals(t *testing.T, facts *Facts, settings string) {
	t.Helper()
	gates := &facts.To.Gates
	for setting := range strings.FieldsSeq(settings) {
		name, value, _ := strings.Cut(setting, "=")
		kind, who, _ := strings.Cut(name, ":")
		switch {
		case kind == "role":
			facts.Permissions[who] = factOf(value, forge.Permission(value))
		case kind == "team":
			if facts.Teams == nil {
				facts.Teams = map[string]Fact[[]string]{}
			}
			facts.Teams[who] = factOf(value, strings.Split(value, "+"))
		case name == "want":
			gates.Approvals, _ = strconv.Atoi(value)
		case name == "author":
			facts.PullRequest.Author = value
		case name == "bots":
			gates.BotApprovers = []string{value}
		case name == "pr":
			facts.PullRequest = nil
		case name == "reviews":
			facts.Reviews = factOf[[]forge.Review](value, nil)
		case name == "duties":
			gates.SeparateDuties = true
		case name == "contrib":
			facts.Contributors = factOf(value, contributors(value))
		case name == "changed":
			facts.Changes = factOf(value, changed(value))
		case name == "owners":
			gates.CodeOwners = true
			file := OwnersFile{Path: "CODEOWNERS", Content: []byte(strings.NewReplacer("_", " ", ";", "\n").Replace(value))}
			if value == "none" {
				file = OwnersFile{}
			}
			facts.Owners = factOf(value, file)
		default:
			t.Fatalf("%q is no setting", setting)
		}
	}
}

// factOf is a fact that could not be read for ?, and one that nobody asked for for
// unread.
func factOf[T any](text string, value T) Fact[T] {
	switch text {
	case "?":
		return Unread[T](errLost)
	case "unread":
		return Fact[T]{}
	}
	return Known(value)
}

func contributors(text string) []Contributor {
	var list []Contributor
	for pair := range strings.SplitSeq(text, ",") {
		author, committer, found := strings.Cut(pair, "/")
		if found {
			list = append(list, Contributor{SHA: other, Author: author, Committer: committer})
		}
	}
	return list
}

func changed(text string) []Change {
	var list []Change
	for path := range strings.SplitSeq(text, ",") {
		if path != "" {
			list = append(list, Change{Path: path, Old: modeFile, New: modeFile})
		}
	}
	return list
}
