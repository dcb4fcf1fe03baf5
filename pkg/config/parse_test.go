package config

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// testFile is a file, with the problems that the loader finds in it.
type testFile struct {
	name     string
	src      string
	problems []string // without the file's name; none: the file is valid
	beyond   bool     // the schema cannot say what is wrong
}

const env = "version: 1\nenvironments:\n  - name: dev\n    branch: dev\n"

const staging = env + "  - name: staging\n    branch: staging\n"

func testFiles() []testFile {
	return append(gateFiles(), []testFile{
		{name: "smallest", src: env},
		{name: "two environments", src: staging},
		{name: "flow style", src: `{version: 1, environments: [{name: dev, branch: dev}]}`},
		{name: "JSON", src: `{"version": 1, "environments": [{"name": "dev", "branch": "dev"}]}`},
		{name: "document markers", src: "---\n" + env + "...\n"},
		{name: "byte order mark", src: "\ufeff" + env},
		{name: "line ends of Windows", src: strings.ReplaceAll(env, "\n", "\r\n")},
		{name: "a word that YAML 1.1 takes for a boolean", src: "version: 1\nenvironments: [{name: on, branch: yes}]"},
		{name: "a date is text", src: "version: 1\nenvironments: [{name: dev, branch: 2026-01-01}]"},
		{name: "same paths in another order", src: "version: 1\nenvironments:\n  - {name: dev, branch: dev, paths: [a/**, b/**]}\n" +
			"  - {name: staging, branch: staging, paths: [b/**, a/**]}\n"},
		{name: "paths of the first apply to all", src: "version: 1\nenvironments:\n  - {name: dev, branch: dev, paths: [a/**]}\n" +
			"  - {name: staging, branch: staging}\n  - {name: prod, branch: prod, paths: [a/**]}\n"},
		{name: "gates", src: staging + "    gates: {checks: [ci/test, 'flux/dev/*', '*', 'build (1.22, linux)'], approvals: 2}\n"},
		{name: "images", src: env + "images:\n  - name: api\n    repository: ghcr.io/acme/api\n" +
			"    fields: [{file: 'charts/api/values*.yaml', path: server.version}]\n  - {name: db, repository: 'localhost:5000/db'}\n"},

		{name: "empty", src: "", problems: []string{"1:1: the file is empty; it needs at least the keys version and environments"}},
		{name: "comments only", src: "# nothing\n", problems: []string{"1:1: the file is empty; it needs at least the keys version and environments"}},
		{name: "empty document", src: "---\n---\n", beyond: true, problems: []string{"2:1: a second YAML document begins here; the file must hold one"}},
		{name: "null", src: "~", problems: []string{"1:1: the value is missing"}},
		{name: "a list", src: "- a\n", problems: []string{"1:1: this must be a mapping (key: value), not a list (- item)"}},
		{name: "a word", src: "hello", problems: []string{"1:1: this must be a mapping (key: value), not a single value"}},
		{name: "two documents", src: env + "---\n" + env, beyond: true, problems: []string{"5:1: a second YAML document begins here; the file must hold one"}},
		{name: "bad second document", src: env + "---\na: b: c\n", beyond: true,
			problems: []string{"6:1: this is not valid YAML: mapping values are not allowed in this context"}},
		{name: "tab", src: "version: 1\nenvironments:\n\t- name: dev\n", beyond: true,
			problems: []string{"3:1: this is not valid YAML: found character that cannot start any token"}},
		{name: "indentation", src: "version: 1\nenvironments:\n  - name: dev\n   branch: dev\n", beyond: true,
			problems: []string{"3:1: this is not valid YAML: did not find expected '-' indicator"}},
		{name: "missing colon", src: "version: 1\nenvironments:\n  - name: dev\n    branch dev\n    paths: [a]\n", beyond: true,
			problems: []string{"4:1: this is not valid YAML: could not find expected ':'"}},
		{name: "glob without quotes", src: "version: 1\nenvironments:\n  - {name: dev, branch: dev, paths: [**/*.yaml]}\n", beyond: true,
			problems: []string{"3:1: this is not valid YAML: did not find expected alphabetic or numeric character; put a value that begins with * or & in quotes"}},
		{name: "glob that reads as an alias", src: "version: 1\nenvironments:\n  - {name: dev, branch: dev, paths: [*a]}\n", beyond: true,
			problems: []string{"3:38: this is not valid YAML: unknown anchor 'a' referenced; put a value that begins with * or & in quotes"}},
		{name: "not UTF-8", src: env + "# caf\xe9\n", beyond: true, problems: []string{"5:1: the file is not UTF-8 text"}},
		{name: "too long", src: env + strings.Repeat("#", maxBytes), beyond: true,
			problems: []string{"1:1: the file has 131127 bytes; pawl reads at most 131072"}},

		{name: "no version", src: "environments: [{name: dev, branch: dev}]", problems: []string{`1:1: the key "version" is missing`}},
		{name: "another version", src: "version: 2\nenvironments: [{name: dev, branch: dev}]",
			problems: []string{`1:10: version: this must be the number 1, not "2"`}},
		{name: "version in quotes", src: "version: \"1\"\nenvironments: [{name: dev, branch: dev}]",
			problems: []string{`1:10: version: this must be the number 1, not "1"`}},
		{name: "no environments", src: "version: 1\n", problems: []string{`1:1: the key "environments" is missing`}},
		{name: "empty environments", src: "version: 1\nenvironments: []\n",
			problems: []string{"2:15: environments: the list is empty; write at least one item"}},
		{name: "environments without value", src: "version: 1\nenvironments:\n", problems: []string{"2:14: environments: the value is missing"}},
		{name: "environments as a mapping", src: "version: 1\nenvironments:\n  dev: {branch: dev}\n",
			problems: []string{"3:3: environments: this must be a list (- item), not a mapping (key: value)"}},
		{name: "unknown key, near", src: env + "    brnach: x\n",
			problems: []string{`5:5: environments[0]: there is no key "brnach"; did you mean "branch"?`}},
		{name: "unknown key, other case", src: "Version: 1\n" + env,
			problems: []string{`1:1: there is no key "Version"; did you mean "version"?`}},
		{name: "unknown key, far", src: env + "    region: x\n",
			problems: []string{`5:5: environments[0]: there is no key "region"; the keys here are name, branch, paths, gates, requireVerified`}},
		{name: "hostile key", src: env + "\"\\e[31m\\n" + strings.Repeat("x", 100) + "\": 1\n",
			problems: []string{`5:1: there is no key "\x1b[31m\n` + strings.Repeat("x", 54) + `"…; the keys here are version, environments, images`}},
		{name: "key twice", src: env + "    name: prod\n", beyond: true,
			problems: []string{`5:5: environments[0]: the key "name" is here already, on line 3`}},
		{name: "merge key", src: env + "    <<: {name: x}\n",
			problems: []string{"5:5: environments[0]: merge keys are not supported; write the keys out"}},
		{name: "anchor and alias", src: "version: 1\nenvironments:\n  - {name: dev, branch: &b dev}\n  - {name: staging, branch: *b}\n", beyond: true,
			problems: []string{
				"3:25: environments[0].branch: anchors and aliases are not supported; write the value out, or put a text that begins with * or & in quotes",
				"4:29: environments[1].branch: anchors and aliases are not supported; write the value out, or put a text that begins with * or & in quotes",
			}},
		{name: "tag", src: "version: !!int 1\nenvironments: [{name: !dev x, branch: dev}]\n", beyond: true,
			problems: []string{
				"1:10: version: tags are not supported; put a text that begins with ! in quotes",
				"2:23: environments[0].name: tags are not supported; put a text that begins with ! in quotes",
			}},
		{name: "key that is a list", src: env + "[a]: b\n", beyond: true,
			problems: []string{"5:1: this must be a single value, not a list (- item)"}},

		{name: "name missing", src: "version: 1\nenvironments:\n  - branch: dev\n", problems: []string{`3:5: environments[0]: the key "name" is missing`}},
		{name: "name without value", src: "version: 1\nenvironments:\n  - name:\n    branch: dev\n", problems: []string{"3:10: environments[0].name: the value is missing"}},
		{name: "name in capitals", src: "version: 1\nenvironments: [{name: Dev, branch: dev}]",
			problems: []string{`2:23: environments[0].name: "Dev": a name has lower-case letters, digits and dashes only, and does not begin with a dash`}},
		{name: "name as a number", src: "version: 1\nenvironments: [{name: 12, branch: dev}]",
			problems: []string{`2:23: environments[0].name: this must be text; put "12" in quotes`}},
		{name: "name of digits", src: "version: 1\nenvironments: [{name: '12', branch: dev}]",
			problems: []string{`2:23: environments[0].name: "12": a name needs a letter, or it would read as the number of a pull request`}},
		{name: "name too long", src: "version: 1\nenvironments: [{name: " + strings.Repeat("a", 64) + ", branch: dev}]",
			problems: []string{`2:23: environments[0].name: "` + strings.Repeat("a", 60) + `"…: this is longer than 63 characters`}},
		{name: "name twice", src: env + "  - {name: dev, branch: other}\n", beyond: true,
			problems: []string{"5:12: environments[1].name: there is an environment of this name already, on line 3"}},
		{name: "branch twice", src: env + "  - {name: staging, branch: dev}\n", beyond: true, problems: []string{
			"5:29: environments[1].branch: this version of pawl does not support several environments on one branch; there is one on this branch already, on line 4"}},
		{name: "branch with a space", src: "version: 1\nenvironments: [{name: dev, branch: my dev}]",
			problems: []string{`2:36: environments[0].branch: "my dev": the name of a branch cannot contain spaces, control characters or any of ~ ^ : ? * [ \`}},
		{name: "branch of pawl", src: "version: 1\nenvironments: [{name: dev, branch: pawl/dev}]",
			problems: []string{`2:36: environments[0].branch: "pawl/dev": pawl keeps the branches of its pull requests below "pawl/"`}},
		{name: "full ref", src: "version: 1\nenvironments: [{name: dev, branch: refs/heads/dev}]",
			problems: []string{`2:36: environments[0].branch: "refs/heads/dev": write the short name of the branch, without "refs/heads/"`}},
		{name: "another repository", src: env + "    repository: acme/other\n",
			problems: []string{"5:5: environments[0].repository: this version of pawl does not support environments in other repositories; remove the key"}},

		{name: "paths empty", src: env + "    paths: []\n",
			problems: []string{"5:12: environments[0].paths: the list is empty; write at least one item"}},
		{name: "paths as text", src: env + "    paths: base/**\n",
			problems: []string{"5:12: environments[0].paths: this must be a list (- item), not a single value"}},
		{name: "absolute path", src: env + "    paths: [/base/**]\n",
			problems: []string{`5:13: environments[0].paths[0]: "/base/**": paths are relative to the root of the repository: leave out the leading /`}},
		{name: "path that leaves the repository", src: env + "    paths: [base/../../x]\n",
			problems: []string{`5:13: environments[0].paths[0]: "base/../../x": no part of a path can be empty, "." or ".."`}},
		{name: "path that ends in a slash", src: env + "    paths: [base/]\n",
			problems: []string{`5:13: environments[0].paths[0]: "base/": for everything in a folder, write "base/**"`}},
		{name: "path of Windows", src: env + "    paths: ['base\\**']\n",
			problems: []string{`5:13: environments[0].paths[0]: "base\\**": use / between folders`}},
		{name: "two stars in a name", src: env + "    paths: [base/**.yaml]\n", problems: []string{
			`5:13: environments[0].paths[0]: "base/**.yaml": ** stands for folders only when it stands alone between slashes: write **/*.yaml, not **.yaml`}},
		{name: "negated path", src: env + "    paths: ['!base/**']\n",
			problems: []string{`5:13: environments[0].paths[0]: "!base/**": a ! at the beginning does not negate a glob here`}},
		{name: "bad glob", src: env + "    paths: ['base/[a', 'base/{a,b']\n", beyond: true, problems: []string{
			`5:13: environments[0].paths[0]: "base/[a": this is not a valid glob: a bracket or brace is not closed, or is empty`,
			`5:24: environments[0].paths[1]: "base/{a,b": this is not a valid glob: a bracket or brace is not closed, or is empty`,
		}},
		{name: "expensive glob", src: env + "    paths: ['" + strings.Repeat("{a,b}", 9) + "']\n", beyond: true,
			problems: []string{`5:13: environments[0].paths[0]: "{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}": a glob can have at most 16 alternatives in braces`}},
		{name: "too many paths", src: env + "    paths: [" + strings.Repeat("x, ", maxPaths) + "y, z]\n", problems: append(
			twice(1, maxPaths), "5:163: environments[0].paths[50]: the list has 52 items; pawl reads at most 50")},
		{name: "path twice", src: env + "    paths: [a, a]\n", problems: []string{"5:16: environments[0].paths[1]: this is in the list already, on line 5"}},
		{name: "other paths", src: "version: 1\nenvironments:\n  - {name: dev, branch: dev}\n  - {name: staging, branch: staging, paths: [x/**]}\n", beyond: true,
			problems: []string{"4:45: environments[1].paths: the paths differ from those of the environment before; " +
				"this version of pawl does not support copying image versions between paths"}},
		{name: "invisible character", src: env + "    paths: [\"base/\\u202e**\"]\n", beyond: true,
			problems: []string{`5:13: environments[0].paths[0]: "base/\u202e**": control characters, line breaks and invisible characters are not allowed`}},

		{name: "verified", src: env + "    requireVerified: true\n"},
		{name: "not verified", src: env + "    requireVerified: false\n"},
		{name: "verified as a word", src: env + "    requireVerified: yes\n", problems: []string{
			`5:22: environments[0].requireVerified: this must be true or false, not "yes"`}},
		{name: "verified in quotes", src: env + "    requireVerified: 'true'\n", problems: []string{
			`5:22: environments[0].requireVerified: this must be true or false, not "true"`}},
		{name: "gates on the first environment", src: env + "    gates: {approvals: 1}\n", problems: []string{
			"5:12: environments[0].gates: nothing is promoted into the first environment, so its gates would never be asked; put them on the environment that they protect"}},
		{name: "gates without value", src: staging + "    gates:\n", problems: []string{"7:11: environments[1].gates: the value is missing"}},
		{name: "no gate in gates", src: staging + "    gates: {}\n",
			problems: []string{"7:12: environments[1].gates: there are no gates in here; remove the key, or write at least one"}},
		{name: "no checks in checks", src: staging + "    gates: {checks: []}\n",
			problems: []string{"7:21: environments[1].gates.checks: the list is empty; write at least one item"}},
		{name: "empty check", src: staging + "    gates: {checks: ['', ' a']}\n", problems: []string{
			`7:22: environments[1].gates.checks[0]: "": this cannot be empty`,
			`7:26: environments[1].gates.checks[1]: " a": leave out the space at the beginning and at the end`,
		}},
		{name: "too many approvals", src: staging + "    gates: {approvals: 101}\n",
			problems: []string{`7:24: environments[1].gates.approvals: this must be a number from 0 to 100, not "101"`}},
		{name: "negative approvals", src: staging + "    gates: {approvals: -1}\n",
			problems: []string{`7:24: environments[1].gates.approvals: this must be a number from 0 to 100, not "-1"`}},
		{name: "approvals in words", src: staging + "    gates: {approvals: two}\n",
			problems: []string{`7:24: environments[1].gates.approvals: this must be a number from 0 to 100, not "two"`}},
		{name: "octal or not", src: staging + "    gates: {approvals: 010}\n", beyond: true,
			problems: []string{`7:24: environments[1].gates.approvals: this must be a number from 0 to 100, not "010"`}},

		{name: "image with a tag", src: env + "images: [{name: api, repository: 'acme/api:1'}]\n",
			problems: []string{`5:34: images[0].repository: "acme/api:1": leave out the tag and the digest: the versions are in the manifests`}},
		{name: "source", src: env + "images:\n  - {name: a, repository: a, source: acme/api}\n  - {name: b, repository: b, source: 'https://github.com/acme/b.c'}\n"},
		{name: "source elsewhere", src: env + "images:\n  - {name: a, repository: a, source: 'http://x/acme/a'}\n  - {name: b, repository: b, source: 'acme/..'}\n  - {name: c, repository: c, source: 'acme/a/b'}\n", problems: []string{
			`6:38: images[0].source: "http://x/acme/a": write the repository as owner/name, or as https://server/owner/name`,
			`7:38: images[1].source: "acme/..": write the repository as owner/name, or as https://server/owner/name`,
			`8:38: images[2].source: "acme/a/b": write the repository as owner/name, or as https://server/owner/name`}},
		{name: "image name in capitals", src: env + "images: [{name: api, repository: acme/API}]\n",
			problems: []string{`5:34: images[0].repository: "acme/API": repository "acme/API" must be lower case`}},
		{name: "image twice", src: env + "images:\n  - {name: web, repository: nginx}\n  - {name: web, repository: docker.io/library/nginx}\n", beyond: true,
			problems: []string{
				"7:12: images[1].name: there is an image of this name already, on line 6",
				"7:29: images[1].repository: there is an image from this repository already, on line 6",
			}},
		{name: "image without repository", src: env + "images: [{name: api}]\n", problems: []string{`5:10: images[0]: the key "repository" is missing`}},
		{name: "fields", src: env + "images: [{name: a, repository: a, fields: [{file: ../x, path: a..b}, {path: c}]}]\n", problems: []string{
			`5:51: images[0].fields[0].file: "../x": no part of a path can be empty, "." or ".."`,
			`5:63: images[0].fields[0].path: "a..b": no key between dots can be empty`,
			`5:70: images[0].fields[1]: the key "file" is missing`,
		}},
		{name: "field twice", src: env + "images:\n  - {name: a, repository: a, fields: [{file: x, path: y}]}\n  - {name: b, repository: b, fields: [{file: x, path: y}]}\n", beyond: true,
			problems: []string{"7:39: images[1].fields[0]: this field is there already, on line 6"}},

		{name: "everything at once", src: "versiom: 1\nenvironments:\n  - name: Dev\n    branch: a..b\n    gates: {approvals: 1, soak: 1s}\n  - name: dev\n", problems: []string{
			`1:1: there is no key "versiom"; did you mean "version"?`,
			`1:1: the key "version" is missing`,
			`3:11: environments[0].name: "Dev": a name has lower-case letters, digits and dashes only, and does not begin with a dash`,
			`4:13: environments[0].branch: "a..b": the name of a branch cannot contain ".." or "@{", nor end with a dot`,
			"5:12: environments[0].gates: nothing is promoted into the first environment, so its gates would never be asked; put them on the environment that they protect",
			`5:33: environments[0].gates.soak: "1s": write days, hours and minutes: 90m, 24h, 2d or 1d12h`,
			`6:5: environments[1]: the key "branch" is missing`,
		}},
	}...)
}

// twice is what the loader says of the items after the first in a list of the same.
func twice(from, to int) []string {
	var problems []string
	for i := from; i < to; i++ {
		problems = append(problems, fmt.Sprintf("5:%d: environments[0].paths[%d]: this is in the list already, on line 5", 13+3*i, i))
	}
	return problems
}

func TestParseProblems(t *testing.T) {
	t.Parallel()
	for _, file := range testFiles() {
		t.Run(file.name, func(t *testing.T) {
			t.Parallel()
			c, err := Parse("f", []byte(file.src))
			if (c == nil) != (err != nil) {
				t.Errorf("the configuration is %v and the error %v", c, err)
			}
			if diff := cmp.Diff(file.problems, problemsOf(err)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// problemsOf lists the messages of an error, without the file's name.
func problemsOf(err error) []string {
	var texts []string
	for _, p := range listOf(err) {
		texts = append(texts, strings.TrimPrefix(p.Error(), "f:"))
	}
	return texts
}

func listOf(err error) []error {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		return joined.Unwrap()
	}
	if err != nil {
		return []error{err}
	}
	return nil
}

func TestParse(t *testing.T) {
	t.Parallel()
	src := `# yaml-language-server: $schema=https://example.com
version: 1
environments:
  - name: dev
    branch: main
    paths: [apps/**, "infra/*/values.{yaml,yml}"]
  - name: staging
    branch: env/staging
    gates:
      checks: [ci/test, flux/dev/*]
  - name: production
    branch: env/production
    gates: {checks: [flux/staging/*], approvals: 2}
images:
  - name: api
    repository: ghcr.io/acme/api
    fields: [{file: "charts/api/values*.yaml", path: server.version}]
`
	paths := []string{"apps/**", "infra/*/values.{yaml,yml}"}
	want := &Config{
		Version: 1,
		Environments: []Environment{
			{Name: "dev", Branch: "main", Paths: paths},
			{Name: "staging", Branch: "env/staging", Paths: paths, Gates: Gates{Checks: []Check{{Name: "ci/test"}, {Name: "flux/dev/*"}}}},
			{Name: "production", Branch: "env/production", Paths: paths, Gates: Gates{Checks: []Check{{Name: "flux/staging/*"}}, Approvals: 2}},
		},
		Images: []Image{{Name: "api", Repository: "ghcr.io/acme/api",
			Fields: []Field{{File: "charts/api/values*.yaml", Path: "server.version"}}}},
		Source: "a name",
	}
	got, err := Parse("a name", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Parse (-want +got):\n%s", diff)
	}
}

func TestProblemsAreBounded(t *testing.T) {
	t.Parallel()
	_, err := Parse("f", []byte(env+strings.Repeat("? x\n", 10_000)))
	problems := problemsOf(err)
	if len(problems) != maxProblems+1 {
		t.Errorf("%d problems are reported, want %d", len(problems), maxProblems+1)
	}
	last := problems[len(problems)-1]
	if want := "105:3: 9900 more problems from here on"; last != want {
		t.Errorf("the last is %q, want %q", last, want)
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"name", "branch", "paths", "gates", "approvals"}
	for written, want := range map[string]string{
		"anme": "name", "nam": "name", "Name": "name", "brunch": "branch", "path": "paths", "approval": "approvals", "aprovlas": "approvals",
		"n": "", "na": "", "nine": "", "x": "", "": "", "region": "", strings.Repeat("name", 100): "",
	} {
		if got := nearest(written, known); got != want {
			t.Errorf("nearest(%q) = %q, want %q", written, got, want)
		}
	}
}

func TestParseIsFast(t *testing.T) {
	t.Parallel()
	var tags strings.Builder
	for i := range maxBytes / 18 {
		fmt.Fprintf(&tags, "%%TAG !a%d! t:\n", i)
	}
	for name, unit := range map[string]string{
		"different tags": tags.String(), "nested lists": "[", "nested mappings": "{a: ", "items": "- ", "keys": "? ", "comments": "# x\n- a\n", "flow": "{a,",
		"anchors": "- &a b\n", "documents": "---\n", "digits": "1", "tags": "%TAG !a! t:\n", "blank lines": "|\n  \n",
		"unknown keys": "x: 1\n", "environments": "environments: [{name: a, branch: b, paths: [a, b], gates: {checks: [a]}},",
		"aliases": "- &a [*a, *a]\n", "quotes": "'a' ",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := []byte(strings.Repeat(unit, maxBytes/len(unit)))
			start := time.Now()
			if _, err := Parse("f", src); err == nil {
				t.Error("nonsense was accepted")
			}
			if took := time.Since(start); took > patience(5*time.Second) {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// patience is a limit for a machine that does nothing else (PAWL_FULL=1). Elsewhere
// only what never ends is a failure.
func patience(limit time.Duration) time.Duration {
	if os.Getenv("PAWL_FULL") != "" {
		return limit
	}
	return time.Minute
}

func FuzzParse(f *testing.F) {
	for _, file := range testFiles() {
		if len(file.src) < 10_000 {
			f.Add([]byte(file.src))
		}
	}
	message := regexp.MustCompile(`^f:[1-9][0-9]*:[1-9][0-9]*: [^\x00-\x1f\x7f]+$`)
	f.Fuzz(func(t *testing.T, src []byte) {
		start := time.Now()
		c, err := Parse("f", src)
		if took := time.Since(start); took > time.Second {
			t.Errorf("it took %v", took)
		}
		for _, problem := range listOf(err) {
			if !message.MatchString(problem.Error()) {
				t.Errorf("unreadable message %q", problem.Error())
			}
		}
		if err != nil {
			return
		}
		if len(c.Environments) == 0 {
			t.Error("there is no environment")
		}
		for _, e := range c.Environments {
			if checkName(e.Name) != nil || checkBranch(e.Branch) != nil || len(e.Paths) == 0 {
				t.Errorf("invalid environment %+v", e)
			}
			e.Match("base/kustomization.yaml")
		}
	})
}
