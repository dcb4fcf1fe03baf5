package config

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

func TestBranchRules(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git to compare with")
	}
	dir := t.TempDir()
	forbidden := regexp.MustCompile(notText + "|" + notBranch)
	for _, branch := range []string{
		"", "dev", "env/dev", "a/b/c", "release-1.2", "1", "@a", "a@", "a@b", "é", "環境", "a_b", "a+b", "a=b", "a%b", "a#b", "a!b", "a'b", `a"b`, "a$b", "a(b)", "a{b}", "a|b", "a;b", "a&b", "a,b", "a<b>",
		"@", "HEAD", "head", "-", "-a", "a-", ".", "..", ".a", "a.", "a.b", "a..b", "a/.b", "a/b.", "a./b", "/", "/a", "a/", "a//b", "a.lock", "a.lock/b", "a/b.lock", "a.locks", ".lock", "a@{b", "a@{", "@{", "{@",
		"a b", " a", "a ", "a\tb", "a\nb", "a\x00b", "a\x7fb", "a~b", "a^b", "a:b", "a?b", "a*b", "a[b", "a]b", `a\b`, `\`,
	} {
		valid := false
		if !strings.ContainsRune(branch, 0) {
			cmd := exec.CommandContext(t.Context(), "git", "check-ref-format", "--branch", branch)
			cmd.Dir = dir
			out, err := cmd.Output()
			valid = err == nil && string(out) == branch+"\n"
		}
		if valid && branch == "@" {
			valid = false
		}
		if got := checkBranch(branch); (got == nil) != valid {
			t.Errorf("%q: Git says valid=%v, checkBranch says %v", branch, valid, got)
		}
		if got := branch != "" && !forbidden.MatchString(branch); got != valid {
			t.Errorf("%q: Git says valid=%v, the schema says valid=%v", branch, valid, got)
		}
	}
}

func TestTextRulesAgree(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		check  func(string) error
		schema string // what the schema refuses
		parts  []string
		exact  bool // the schema says all that the loader says
	}{
		{name: "branch", check: checkBranch, schema: notText + "|" + notBranch, parts: strings.Split("a|.|/|@|{|-|*| |.lock|HEAD|refs|pawl", "|"), exact: true},
		{name: "path", check: checkPath, schema: notText + "|" + notGlob + "|" + notPath, parts: strings.Split(`a|.|/|*|\|!|?| |[b]`, "|")},
		{name: "key path", check: checkKeyPath, schema: notText + "|" + notKeyPath, parts: strings.Split(`a|.|"| |[0]`, "|"), exact: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			refused := regexp.MustCompile(tt.schema)
			for _, text := range words(tt.parts, 4) {
				err := tt.check(text)
				if bySchema := refused.MatchString(text); bySchema && err == nil || tt.exact && !bySchema && err != nil {
					t.Errorf("%q: the schema refuses it: %v; the loader says %v", text, bySchema, err)
				}
			}
		})
	}
}

// words lists all texts that 1 to n of those parts make.
func words(parts []string, n int) []string {
	if n == 0 {
		return nil
	}
	var all []string
	for _, word := range append(words(parts, n-1), "") {
		for _, part := range parts {
			all = append(all, word+part)
		}
	}
	return all
}
