package promotion

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
)

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
		if !strings.HasPrefix(text, forge.BeginMark) || !strings.HasSuffix(text, forge.EndMark) {
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
	if forge.MergeBody(text, "x") != "x" {
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

// Sections make room in a fixed order, and each with a pointer to what it said.
func TestSectionsMakeRoomInOrder(t *testing.T) {
	t.Parallel()
	p := promotion(30, 30, "web")
	p.Gates[0].Evidence = slices.Repeat([]string{"status by somebody"}, 9)
	p.page.followed = true
	for i := range 30 {
		file := fileChange{path: fmt.Sprintf("base/%d.yaml", i), kind: "changed", reaches: i%2 == 0, counted: true, diff: []string{"+a", "-b", " c", " d"}}
		p.page.files = append(p.page.files, file)
	}
	rules := testRules("the rules")
	signs := []string{"```diff", "to which no kustomization", "status by somebody", "- cccccccccccc", "| `base/0.yaml`", "| `ghcr.io/acme/web0`", "pawl bump ghcr.io/acme/web0:"}
	pointers := []string{"`git diff bbb", "Other files change", "9 more: `pawl verify", "`git log bbb", "`git diff --stat", "--dry-run` does", "set the earlier versions again"}
	whole := fit(sections(p, rules), maxBody)
	gone := 0
	for room := length(whole); room > 0; room -= 50 {
		text := fit(sections(p, rules), room)
		for i, sign := range signs {
			if here := strings.Contains(text, sign); here != (i >= gone) && i != gone {
				t.Fatalf("at %d, %q is there: %v; but %d are gone:\n%s", room, sign, here, gone, text)
			}
		}
		for gone < len(signs) && !strings.Contains(text, signs[gone]) {
			if !strings.Contains(text, pointers[gone]) {
				t.Fatalf("at %d, nothing tells where %q is:\n%s", room, signs[gone], text)
			}
			gone++
		}
		if gone < len(signs) && length(text) > room {
			t.Fatalf("at %d, the text has %d characters", room, length(text))
		}
	}
	if gone != len(signs) {
		t.Errorf("%d of %d made room", gone, len(signs))
	}
	if shortest := length(fit(sections(p, rules), 0)); shortest > 4000 {
		t.Errorf("the shortest page has %d characters", shortest)
	}
}

func TestLength(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"": 0, "a": 1, "日": 1, "🎉": 2, "a\nb": 4, "\xff": 1} {
		if got := length(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestNoRoomForThePage(t *testing.T) {
	t.Parallel()
	rules := testRules("the rules")
	for size, action := range map[int]string{0: ActionUpdate, 60_000: ActionUpdate, maxBody - 100: ActionKeep} {
		p := promotion(400, 1, "web") // some 30,000 characters
		p.open = &forge.PullRequest{Number: 7, Body: strings.Repeat("a", size)}
		p.decide(rules)
		if p.Action != action || (action == ActionKeep) != (len(p.Notes) == 1) || !strings.HasPrefix(p.body, p.open.Body) || length(p.body) > maxBody {
			t.Errorf("%d: %s, notes %q, %d characters", size, p.Action, p.Notes, length(p.body))
		}
	}
}
