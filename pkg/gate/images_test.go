package gate

import (
	"strings"
	"testing"

	"github.com/getpawl/pawl/pkg/config"
)

// imageRows are the truth table of the gate. A row has, between bars: the versions
// of one image on the target branch; those at the commit; settings; the verdict. A
// version is a tag, @a or @b for digests, or tag@a; - is a reference without a
// version. history= is the order in which the first environment got them, with &
// between those that came together.
const imageRows = `
1.0 | 1.1 | | pass
1.9 | 1.10 | | pass
v1.2 | 1.3 | | pass
1.0 | 1.0 | | pass
1.0-rc.1 | 1.0 | | pass
1.1 | 1.0 | | fail
1.10 | 1.9 | | fail
1.0 | 1.0-rc.1 | | fail
1.1 | 1.0 | downgrade | pass
1.1 | 1.0 | unordered | fail
1.2 | v1.2 | | pass
 | 1.0 | | pass
1.0 | | | pass
 | | | pass
1.0@a | 1.1@b | | pass
1.1@a | 1.0@b | | fail
1.0@a | 1.0@b | | unknown
1.0@a | 1.0@b | history=1.0@a,1.0@b | pass
1.0@a | 1.0@b | history=1.0@b,1.0@a | fail
1.0@a | 1.0@b | history=1.0@a | unknown
1.0@a | 1.0@b | history= | unknown
1.0@a | 1.0@b | history=? | unknown
1.0 | 1.0@a | | pass
1.0@a | 1.0 | | pass
@a | @b | history=@a,@b | pass
@a | @b | history=@b,@a | fail
@a | @b | history=@b,@a downgrade | pass
@a | @b | | unknown
@a | @b | unordered | unknown
@a | @b | unordered history= | pass
@a | @b | unordered history=@b,@a | fail
@a | @b | unordered downgrade | pass
main-1 | main-2 | history=main-1,main-2 | pass
main-1 | main-2 | history=main-2,main-1 | fail
main-1 | main-2 | history=main-2 | unknown
main-1 | main-2 | history=main-1 | unknown
main-1 | main-2 | history=main-1&main-2 | unknown
main-1 | main-2 | history=main-1&main-2 unordered | pass
main-1 | main-2 | history=main-0&main-1,main-2 | pass
main-1 | main-2 | history=main-0&main-2,main-1 | fail
main-1 | main-2 | history=main-2 unordered | pass
main-1 | main-2 | history=? unordered | unknown
main-1 | main-2 | downgrade history= | unknown
main-1 | main-2 | downgrade | unknown
1234567 | 2345678 | history=2345678,1234567 | fail
1.0 | main-1 | history=1.0,main-1 | pass
1.0+a | 1.0+b | history=1.0+a,1.0+b | pass
1.0 2.0 | 2.0 | | pass
1.0 2.0 | 1.0 | | fail
1.0 | 1.0 2.0 | | pass
2.0 | 1.0 2.0 | | fail
1.0 2.0 | 2.0 3.0 | | pass
1.0 2.0 | 1.5 2.0 | | pass
1.0 2.0 | 1.0 1.5 | | fail
1.0 3.0 | 2.0 | | fail
1.0 2.0 | 1.0 2.0 | | pass
main-1 main-2 | main-1 main-2 | | pass

 | latest | | fail
 | LATEST | | fail
 | main | | fail
 | - | | fail
 | stg | | fail
 | dev | | fail
 | release-x | | pass
 | env-x | from=env/x | fail
 | latest | mutable | pass
 | - | mutable | pass
 | latest@a | | pass
 | @a | | pass
latest | latest | | pass
latest | 1.0 | history=latest,1.0 | pass
latest | 1.0 | unordered history= | pass
latest | 1.0 | | unknown
1.0 | latest | history=1.0,latest | fail
1.0 | latest | history=1.0,latest mutable | pass

 | 1.0 | digest | fail
 | 1.0@a | digest | pass
 | @a | digest | pass
 | - | digest | fail
 | latest | digest mutable | fail
1.0 | 1.0 | digest | pass
1.0 | 1.1 | digest | fail
1.0 | 1.1@a | digest | pass

1.0 | 1.1 | back=1.1 | fail
1.0 | 1.1 | back=1.2 | pass
1.0 | 1.1 | back=other:1.1 | pass
1.1 | 1.1 | back=1.1 | fail
1.1 | 1.2 | back=1.1 | pass
1.0 | 1.1@a | back=1.1@b | pass
1.0 | 1.1@a | back=1.1 | fail
1.0 | 1.1@a | back=1.1@a | fail
1.0 | 1.1@a | back=@a | fail
1.0 | 1.1 | back=1.1@a | fail
1.0 | 1.1 | back=? | unknown
1.0 | 1.1 | back=unread | unknown
1.0 | 1.1 | images=? | unknown
1.0 | 1.1 | images=unread | unknown
1.1 | 1.0 | images=? | unknown
1.1 | 1.0 | back=? | unknown
1.0 | 1.1 | back=1.1 downgrade unordered mutable | fail

1.1 | 1.0 | down=1.1>1.0 | pass
1.1 | 1.0 | down=1.2>1.0 | pass
1.2 | 1.1 | down=1.2>1.0 | pass
1.2 | 1.1 | down=1.3>1.0 | pass
1.2 | 1.0 | down=1.1>1.0 | fail
1.1 | 0.9 | down=1.1>1.0 | fail
1.1 | 1.0 | down=1.0>1.1 | fail
1.1 | 1.0 | down= | fail
1.1 | 1.0 | down=? | unknown
1.1 | 1.0 | down=unread | unknown
1.1 | 1.0 | down=unread downgrade | pass
1.0 | 1.1 | down=unread | pass
1.1 | 1.0 | down=1.1>1.0 back=1.0 | fail
1.1@a | 1.0@b | down=1.1@a>1.0@b | pass
1.1@a | 1.0@b | down=1.2>0.9 | pass
1.0@a | 1.0@b | history=1.0@b,1.0@a down=1.0@a>1.0@b | pass
1.0@a | 1.0@b | history=1.0@b,1.0@a down=1.0>1.0 | fail
main-2 | main-1 | history=main-1,main-2 down=main-2>main-1 | pass
main-3 | main-1 | history=main-1,main-2,main-3 down=main-2>main-1 | fail
main-2 | main-1 | history= down=main-2>main-1 | pass
main-2 | main-1 | history= down=main-3>main-1 | unknown
main-2 | main-1 | history= down=main-2>main-0 | unknown
main-2 | main-1 | history= down=main-1>main-2 | unknown
main-2 | main-1 | history= down=? | unknown
main-2 | main-1 | history= down=unread unordered | pass
main-2 | main-1 | history= back=main-1 | fail
main-2 | main-1 | history= down=main-2>main-1 back=main-1 | fail
main-1 1.1 | main-2 1.0 | history= | fail
main-1 main-2 | main-2 main-3 | history=main-1,main-2 | unknown
main-1 main-2 | main-2 main-3 | history=main-1,main-2,main-3 | pass
main-1 main-2 | main-2 | history=main-1,main-2 | pass
main-1 main-2 | main-1 | history=main-1,main-2 | fail
main-1 main-2 | main-1 | history=main-1&main-2 | unknown

1.0 | 1.1 | default | pass
1.1 | 1.0 | default | fail
1.1 | 1.0 | default down=1.1>1.0 | pass
1.1 | 1.0 | default down=? | unknown
main-1 | main-2 | default history= | unknown
main-1 | main-2 | default history= down=main-1>main-2 | pass
main-1 | main-2 | default history=main-2,main-1 | fail
main-1 | main-2 | default history=main-1,main-2 | pass
main-1 | main-2 | default history=? | unknown
main-1 | main-2 | default | unknown
 | latest | default | pass
1.0 | latest | default history= | unknown
1.0 | latest | default history=1.0,latest | pass
latest | 1.0 | default history=1.0,latest | fail
1.0 |  - | default history=1.0 | unknown
latest | latest | default | pass
 | - | default | pass
 | 1.0 | default | pass
1.0 | | default | pass
1.0@a | 1.0@b | default history= | unknown
1.0@a | 1.0@b | default history=1.0@a,1.0@b | pass
@a | @b | default history=@b,@a | fail
1.0 | 1.1 | default back=1.1 | fail
1.1 | 1.1 | default back=1.1 | fail
latest | latest | default back=latest | fail
1.0 | 1.1 | default back=? | unknown
1.0 | 1.1 | default images=? | unknown
`

func TestImages(t *testing.T) {
	t.Parallel()
	rows := table(t, imageRows, 4)
	digests := strings.NewReplacer("@a", "@sha256:"+strings.Repeat("a", 64), "@b", "@sha256:"+strings.Repeat("b", 64))
	read := func(text, by string) []string {
		var versions []string
		for version := range strings.SplitSeq(text, by) {
			version = strings.TrimPrefix(digests.Replace(version), "@")
			if version != "" {
				versions = append(versions, strings.TrimPrefix(version, "-"))
			}
		}
		return versions
	}
	for _, row := range rows {
		facts := good()
		facts.To.Gates.Images = &config.ImageRules{}
		facts.Images = Known([]Image{{Name: "api", Now: read(row[0], " "), Next: read(row[1], " ")}})
		for setting := range strings.FieldsSeq(row[2]) {
			name, value, _ := strings.Cut(setting, "=")
			rules := facts.To.Gates.Images
			switch name {
			case "downgrade":
				rules.AllowDowngrade = true
			case "unordered":
				rules.AllowUnordered = true
			case "mutable":
				rules.AllowMutable = true
			case "digest":
				rules.RequireDigest = true
			case "from":
				facts.From.Branch = value
			case "history":
				order := [][]string{}
				for together := range strings.SplitSeq(value, ",") {
					order = append(order, read(together, "&"))
				}
				facts.Introduced = map[string]Fact[[][]string]{"api": factOf(value, order)}
			case "back":
				back := RolledBack{Image: "api", Environment: "prod", Commit: other}
				if image, version, ok := strings.Cut(value, ":"); ok {
					back.Image, value = image, version
				}
				if versions := read(value, ","); len(versions) > 0 {
					back.Version = versions[0]
				}
				facts.RolledBack = factOf(value, []RolledBack{back})
			case "default":
				facts.To.Gates.Images = nil
			case "down":
				if from, to, ok := strings.Cut(value, ">"); ok {
					facts.Lowered = Known([]Lowered{{Image: "api", From: read(from, ",")[0], To: read(to, ",")[0], Commit: other}})
				} else {
					facts.Lowered = factOf[[]Lowered](value, nil)
				}
			case "images":
				facts.Images = factOf[[]Image](value, nil)
			default:
				t.Fatalf("%q is no setting", setting)
			}
		}
		judge(t, row, images(facts))
	}
	t.Logf("%d rows", len(rows))
}

// changeRows are the truth table of the gate: what changed, as PATH:OLD>NEW with f
// for a file, x for an executable one, l for a link, s for a submodule, nothing for
// no file and ? for a mode that does not exist; the rules; the verdict.
const changeRows = `
 | | pass
a:f>f | | pass
a:>f | | pass
a:f> | | pass
a:x>x | | pass
a:x> | | pass
a:f>x | | fail
a:x>f | | fail
a:>x | | fail
a:f>x | modes | pass
a:>x | modes | pass
a:>l | | fail
a:l> | | fail
a:l>l | | fail
a:f>l | | fail
a:l>f | | fail
a:l>x | symlinks | fail
a:>l | symlinks | pass
a:l>x | symlinks modes | pass
a:>l | submodules modes policy workflows | fail
a:>s | | fail
a:s>s | | fail
a:s> | | fail
a:s>s | submodules | pass
a:>s | symlinks | fail
a:f>? | | unknown
a:?>f | | unknown
:f>f | | unknown
a:f>? b:>l | | fail
base/a:f>f | allow=base/** | pass
base/a/b:f>f | allow=base/** | pass
dev/a:f>f | allow=base/** | fail
base/a:f>f dev/a:f>f | allow=base/** | fail
base/a:f>f dev/a:f>f | allow=base/**,dev/* | pass
dev/a:f> | allow=base/** | fail
Base/a:f>f | allow=base/** | fail
base/a:>l | allow=base/** | fail
base/a:>l | allow=base/** symlinks | pass
dev/a:>l | allow=base/** symlinks | fail
dev/a:s>s | allow=base/** submodules | fail
base/a:>x | allow=base/** modes | pass
.pawl.yaml:f>f | | fail
.pawl.yaml:f>f | policy | pass
.pawl.yaml:f>f | allow=** | fail
.pawl.yaml:f>f | allow=base/** policy | pass
.pawl.yaml:f> | | fail
.pawl.yaml:f>l | policy | fail
x/.pawl.yaml:f>f | | pass
CODEOWNERS:>f | | fail
.github/CODEOWNERS:f>f | | fail
docs/CODEOWNERS:f>f | | fail
docs/CODEOWNERS:f>f | policy | pass
x/CODEOWNERS:f>f | | pass
.github/CODEOWNERS:f>f | workflows | fail
.github/workflows/a.yml:f>f | | fail
.github/workflows/a.yml:f>f | workflows | pass
.github/workflows/a.yml:f>f | allow=.github/** | fail
.github/workflows/a.yml:f>f | policy | fail
.github/workflows/x/a.yml:>f | | fail
.github/actions/x/action.yml:f>f | | fail
.github/actions/x/action.yml:f>f | allow=base/** workflows | pass
.github/dependabot.yml:f>f | | pass
.github/dependabot.yml:f>f | allow=base/** | fail
a:f>f | changes=? | unknown
a:f>f | changes=unread | unknown
a:>l | changes=? | unknown
`

func TestChanges(t *testing.T) {
	t.Parallel()
	rows := table(t, changeRows, 3)
	modes := map[string]string{"": modeNone, "f": modeFile, "x": modeExecutable, "l": modeSymlink, "s": modeSubmodule, "?": "100664"}
	for _, row := range rows {
		facts := good()
		rules := &config.ChangeRules{}
		facts.To.Gates.Changes = rules
		facts.Changes = Known([]Change(nil))
		for change := range strings.FieldsSeq(row[0]) {
			path, kinds, _ := strings.Cut(change, ":")
			before, after, _ := strings.Cut(kinds, ">")
			facts.Changes.Value = append(facts.Changes.Value, Change{Path: path, Old: modes[before], New: modes[after]})
		}
		for setting := range strings.FieldsSeq(row[1]) {
			name, value, _ := strings.Cut(setting, "=")
			switch name {
			case "allow":
				rules.Allow = strings.Split(value, ",")
			case "policy":
				rules.Policy = true
			case "workflows":
				rules.Workflows = true
			case "symlinks":
				rules.Symlinks = true
			case "submodules":
				rules.Submodules = true
			case "modes":
				rules.Modes = true
			case "changes":
				facts.Changes = factOf[[]Change](value, nil)
			default:
				t.Fatalf("%q is no setting", setting)
			}
		}
		judge(t, row, changes(facts))
	}
	t.Logf("%d rows", len(rows))
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	leak := Leak{Path: "base/secret.yaml", Line: 7, Rule: "a plaintext Secret"}
	for name, test := range map[string]struct {
		leaks Fact[[]Leak]
		want  State
	}{
		"none":     {Known([]Leak(nil)), Pass},
		"one":      {Known([]Leak{leak}), Fail},
		"unread":   {Unread[[]Leak](errLost), Unknown},
		"not read": {Fact[[]Leak]{}, Unknown},
		"many":     {Known(make([]Leak, 1000)), Fail},
	} {
		got := secrets(Facts{Leaks: test.leaks})
		if got.State != test.want || got.Reason == "" || len(got.Evidence) > 50 || len(got.Reason) > 300 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	want := `"base/secret.yaml" line 7: a plaintext Secret`
	if got := secrets(Facts{Leaks: Known([]Leak{leak})}); got.Reason != want {
		t.Errorf("the reason is %q, want %q", got.Reason, want)
	}
}
