package promotion

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/gate"
)

func TestMergeBodyKeepsWhatPeopleWrote(t *testing.T) {
	t.Parallel()
	part := beginMark + "\nnew\n" + endMark
	for name, test := range map[string]struct{ old, want string }{
		"empty":           {"", part},
		"blank":           {" \n", part},
		"between":         {"above\n" + beginMark + "\nold\n" + endMark + "\nbelow", "above\n" + part + "\nbelow"},
		"without markers": {"by hand\n", "by hand\n\n" + part},
		"begin only":      {"x " + beginMark, "x " + beginMark + "\n\n" + part},
		"wrong order":     {endMark + beginMark, endMark + beginMark + "\n\n" + part},
	} {
		if got := mergeBody(test.old, part); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
		once := mergeBody(test.old, part)
		if name == "between" && mergeBody(once, part) != once {
			t.Errorf("%s: a second time changes it again", name)
		}
	}
}

func testRules(origin string) policy {
	dev, staging := config.Environment{Name: "dev"}, config.Environment{Name: "staging"}
	return policy{From: dev, To: staging, Way: []config.Environment{dev, staging}, Origin: origin}
}

// promotion is one with as much as there can be in it.
func promotion(images, commits int, text string) *Promotion {
	p := &Promotion{From: "dev", To: "staging", Base: "stg", Commit: strings.Repeat("a", 40), Before: strings.Repeat("b", 40), page: page{total: commits}}
	for i := range images {
		p.Images = append(p.Images, ImageChange{Image: fmt.Sprintf("ghcr.io/acme/%s%d", text, i), From: "1.0.0", To: "1.0.1", Kind: "upgrade"})
	}
	for range commits {
		p.Commits = append(p.Commits, Commit{SHA: strings.Repeat("c", 40), Author: text, Subject: text})
	}
	p.Gates = []gate.Verdict{{Gate: "checks", State: gate.Fail, Reason: text}}
	return p
}

func TestBodyIsBounded(t *testing.T) {
	t.Parallel()
	rules := testRules("the rules")
	for _, size := range []int{1, 100, 2000} {
		p := promotion(size, 100, strings.Repeat("日", size))
		text := fit(sections(p, rules), maxBody)
		if n := utf8.RuneCountInString(text); n > 65536 {
			t.Errorf("size %d: the body has %d characters, more than GitHub takes", size, n)
		}
		if !strings.HasPrefix(text, beginMark) || !strings.HasSuffix(text, endMark) {
			t.Errorf("size %d: the body was cut in the middle", size)
		}
		if n := utf8.RuneCountInString(title(p)); n > maxTitle {
			t.Errorf("size %d: the title has %d characters", size, n)
		}
	}
}

// Text from commits and files stays text: nothing of it is rendered.
func TestBodyRendersNothingOfOthers(t *testing.T) {
	t.Parallel()
	hostile := "![x](http://evil/x.png) <script> @octocat closes #1 | ``` -->\n<!-- pawl:end -->\x1b[31m"
	p := promotion(1, 1, "web")
	p.Commits[0].Subject, p.Commits[0].Author = hostile, hostile
	p.Gates[0].Reason = hostile
	p.Notes = []string{hostile}
	p.Images[0].To = hostile
	text := fit(sections(p, testRules(hostile)), maxBody)
	for _, dangerous := range []string{"![", "<script", "@octocat", "#1 ", "\x1b"} {
		for line := range strings.Lines(text) {
			if strings.Contains(line, dangerous) && !strings.Contains(line, "`") {
				t.Errorf("%q is live in %q", dangerous, line)
			}
		}
	}
	if mergeBody(text, "x") != "x" {
		t.Error("text of others can end pawl's part of the body")
	}
}

func TestTitle(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		images int
		want   string
	}{
		{0, "Promote to staging: 3 commits"},
		{1, "Promote to staging: ghcr.io/acme/web0 1.0.1"},
		{4, "Promote to staging: ghcr.io/acme/web0 1.0.1, ghcr.io/acme/web1 1.0.1, ghcr.io/acme/web2 1.0.1, ghcr.io/acme/web3 1.0.1"},
		{6, "Promote to staging: ghcr.io/acme/web0 1.0.1, ghcr.io/acme/web1 1.0.1, ghcr.io/acme/web2 1.0.1, and 3 more"},
	} {
		if got := title(promotion(test.images, 3, "web")); got != test.want {
			t.Errorf("%d images: got %q, want %q", test.images, got, test.want)
		}
	}
}
