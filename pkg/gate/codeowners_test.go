package gate

import (
	"strings"
	"testing"
)

// ownerRows say which pattern matches which path: PATTERN | PATH | yes or no. A _ is
// a space. The first rows are what GitHub's documentation says of its examples.
// https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners#example-of-a-codeowners-file
const ownerRows = `
* | a | yes
* | a/b/c.go | yes
*.js | a.js | yes
*.js | a/b/c.js | yes
*.js | a.jsx | no
/build/logs/ | build/logs/a | yes
/build/logs/ | build/logs/b/c | yes
/build/logs/ | x/build/logs/a | no
/build/logs/ | build/logs | no
docs/* | docs/getting-started.md | yes
docs/* | docs/build-app/troubleshooting.md | no
docs/* | x/docs/a.md | no
apps/ | apps/a | yes
apps/ | x/apps/a/b | yes
apps/ | apps | no
apps/ | myapps/a | no
/docs/ | docs/a/b | yes
/docs/ | a/docs/b | no
**/logs | build/logs/a | yes
**/logs | scripts/logs/a | yes
**/logs | deeply/nested/logs/a/b | yes
**/logs | logs/a | yes
**/logs | logs | yes
**/logs | mylogs/a | no
/apps/github | apps/github/x | yes
/apps/github | apps/githubs/x | no

/* | a | yes
/* | a/b | no
/*/ | a/b | yes
/*/ | a | no
/a | a | yes
/a | a/b | yes
/a | b/a | no
a | b/a | yes
a | b/a/c | yes
a | ab | no
a/b | a/b | yes
a/b | a/b/c | yes
a/b | x/a/b | no
/a/b/ | a/b/c/d | yes
a/*/c | a/b/c | yes
a/*/c | a/b/x/c | no
a/*/c | a/c | no
a/**/c | a/c | yes
a/**/c | a/b/c | yes
a/**/c | a/b/x/c | yes
a/**/c | a/b/x/c/d | yes
a/**/c | b/a/c | no
a/** | a/b | yes
a/** | a/b/c | yes
a/** | a | no
a/** | b/a/c | no
**/a/** | x/a/y | yes
**/a/** | x/a | no
** | a/b | yes
**/* | a/b | yes
**/docs/* | x/docs/a | yes
**/docs/* | x/docs/a/b | no
a/*.md | a/b.md | yes
a/*.md | a/b/c.md | no
a* | abc | yes
a* | x/abc/d | yes
*a*b* | xaxbx | yes
*a*b* | xbxax | no
a?c | abc | yes
a?c | ac | no
a?c | a/c | no
a?c | aéc | yes
a?? | aé | no
*é | aé | yes
A | a | no
a.b | axb | no
a+b | a+b | yes
a\_b | a_b | yes
a\*b | a*b | yes
a\*b | axb | no
a\?b | axb | no
.github/ | .github/workflows/x | yes
.github/* | .github/CODEOWNERS | yes
*.y*ml | a/b.yaml | yes
*.y*ml | a/b.yml | yes
a**b | axxb | yes
a**b | ax/xb | no
`

func TestOwnersPatterns(t *testing.T) {
	t.Parallel()
	rows := table(t, ownerRows, 3)
	for _, row := range rows {
		pattern, path := strings.ReplaceAll(row[0], "_", " "), strings.ReplaceAll(row[1], "_", " ")
		rules, err := parseOwners(OwnersFile{Path: "CODEOWNERS", Content: []byte(pattern + " @ada\n")})
		if err != nil || len(rules) != 1 {
			t.Errorf("%s: %d rules, %v", row[0], len(rules), err)
			continue
		}
		if got := len(ownersOf(rules, path)) > 0; got != (row[2] == "yes") {
			t.Errorf("%s matches %s: %v", row[0], row[1], got)
		}
	}
	t.Logf("%d rows", len(rows))
}

func TestOwnersFile(t *testing.T) {
	t.Parallel()
	const file = "\ufeff# the owners\r\n\r\n*  @all\t@acme/all # of everything\r\n*.js @js #no space\n/apps/ @octocat\n/apps/github\n" +
		"  docs/my\\ file.md docs@example.com\n#*.go @go\nlast @a_b-c"
	for path, want := range map[string]string{
		"a": "@all @acme/all", "x/a.js": "@js", "apps/a": "@octocat", "apps/github/a": "", "apps/github": "",
		"docs/my file.md": "docs@example.com", "a.go": "@all @acme/all", "x/last": "@a_b-c",
	} {
		rules, err := parseOwners(OwnersFile{Path: "CODEOWNERS", Content: []byte(file)})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(ownersOf(rules, path), " "); got != want {
			t.Errorf("%s belongs to %q, want %q", path, got, want)
		}
	}
	if got := strings.Join(OwnerTeams(OwnersFile{Content: []byte(file + "\n* @Acme/All @acme/a.b")}), " "); got != "acme/a.b acme/all" {
		t.Errorf("the teams are %q", got)
	}
}

// GitHub drops a line that it cannot read. Here nothing is decided by such a file.
func TestOwnersFileIsRefused(t *testing.T) {
	t.Parallel()
	for content, reason := range map[string]string{
		"!a @b":                        "CODEOWNERS:1: a pattern cannot be negated",
		"a @b\n[a-z].go @b":            "CODEOWNERS:2: a pattern cannot have ranges of characters",
		"\\#a @b":                      "CODEOWNERS:1: a pattern cannot begin with an escaped #",
		"a b":                          `CODEOWNERS:1: "b" is neither an account, a team nor an e-mail address`,
		"a @":                          `CODEOWNERS:1: "@" is neither an account, a team nor an e-mail address`,
		"a @b/c/d":                     `CODEOWNERS:1: "@b/c/d" is neither an account, a team nor an e-mail address`,
		"a b@c":                        `CODEOWNERS:1: "b@c" is neither an account, a team nor an e-mail address`,
		"/ @b":                         `CODEOWNERS:1: the pattern "/" matches nothing`,
		"a//b @b":                      `CODEOWNERS:1: the pattern "a//b" is malformed`,
		"a***b @b":                     `CODEOWNERS:1: the pattern "a***b" is malformed`,
		"a\\":                          `CODEOWNERS:1: the pattern "a\\" is malformed`,
		"a \xff":                       "CODEOWNERS is not UTF-8 text",
		strings.Repeat("#", maxOwners): "CODEOWNERS has 3145728 bytes, and GitHub reads less than 3145728",
	} {
		_, err := parseOwners(OwnersFile{Path: "CODEOWNERS", Content: []byte(content)})
		if err == nil || err.Error() != reason {
			t.Errorf("%.20q: %v, want %s", content, err, reason)
		}
	}
}

func FuzzOwners(f *testing.F) {
	f.Add("/a/**/b?*.go @ada\n", "a/x/b.go")
	f.Add("*\\ a @ada/b c@d.e # x", "a b/c")
	f.Fuzz(func(t *testing.T, content, path string) {
		rules, err := parseOwners(OwnersFile{Content: []byte(content)})
		if err != nil {
			return
		}
		for _, rule := range rules {
			if len(rule.pattern) == 0 {
				t.Errorf("a rule without a pattern in %q", content)
			}
		}
		ownersOf(rules, path)
	})
}
