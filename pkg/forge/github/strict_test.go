package github

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/getpawl/pawl/pkg/forge"
)

func personJSON(login string) object { return object{"login": login, "type": "User"} }

func statusJSON(id int, context, state, created string) object {
	return object{"id": id, "context": context, "state": state, "created_at": created, "creator": personJSON("ci")}
}

func runJSON(id int, name, app, status, conclusion string) object {
	run := object{"id": id, "name": name, "head_sha": shaA, "status": status, "conclusion": nil, "app": object{"slug": app}, "started_at": "2026-12-01T10:00:00Z"}
	if conclusion != "" {
		run["conclusion"], run["completed_at"] = conclusion, "2026-12-01T11:00:00Z"
	}
	return run
}

func reviewJSON(id int, login, state string) object {
	return object{"id": id, "user": personJSON(login), "state": state, "commit_id": shaA, "submitted_at": fmt.Sprintf("2026-12-01T10:%02d:00Z", id%60)}
}

func moveJSON(id int, ref, before, after string) object {
	return object{"id": id, "ref": ref, "before": before, "after": after, "activity_type": "push", "timestamp": "2026-12-01T10:00:00Z", "actor": personJSON("alice")}
}

// reads is a good answer for each read, and the fields without which it is worth
// nothing. A path names object keys; 0 stands for the first element of a list.
var reads = []struct {
	method   string
	answer   any
	required []string
}{
	{"Repository", repositoryJSON(), []string{"node_id", "full_name", "default_branch", "html_url", "clone_url"}},
	{"Branch", refJSON("dev", shaA), []string{"ref", "object", "object.type", "object.sha"}},
	{"Compare", compareJSON("ahead", shaA, shaA, 1, 0, commitJSON(shaB, shaA)), []string{
		"status", "ahead_by", "behind_by", "total_commits", "base_commit", "base_commit.sha", "merge_base_commit", "merge_base_commit.sha",
		"commits", "commits.0", "commits.0.sha", "commits.0.commit", "commits.0.commit.committer", "commits.0.commit.committer.date", "commits.0.parents.0.sha"}},
	{"Activity", []object{moveJSON(1, "refs/heads/dev", shaA, shaB)}, []string{"0", "0.id", "0.ref", "0.before", "0.after", "0.activity_type", "0.timestamp"}},
	{"PullRequest", pullJSON(1, "x", "dev"), []string{"number", "title", "state", "created_at", "head", "head.ref", "head.sha", "base", "base.ref", "base.repo", "base.repo.node_id", "base.repo.full_name"}},
	{"PullRequests", []object{pullJSON(1, "x", "dev")}, []string{"0", "0.number", "0.title", "0.state", "0.created_at", "0.head.ref", "0.head.sha", "0.base.ref", "0.base.repo.node_id", "0.base.repo.full_name"}},
	{"Reviews", []object{reviewJSON(1, "bob", "APPROVED")}, []string{"0", "0.id", "0.state", "0.submitted_at"}},
	{"Permission", object{"permission": "write"}, []string{"permission"}},
	{"Statuses", []object{statusJSON(1, "ci", "success", "2026-12-01T10:00:00Z")}, []string{"0", "0.id", "0.context", "0.state", "0.created_at"}},
	{"CheckRuns", object{"total_count": 1, "check_runs": []object{runJSON(1, "build", "actions", "completed", "success")}}, []string{
		"total_count", "check_runs.0", "check_runs.0.id", "check_runs.0.name", "check_runs.0.head_sha", "check_runs.0.status", "check_runs.0.conclusion", "check_runs.0.completed_at"}},
}

// TestMissingFieldIsAnError removes, empties and mistypes each required field.
func TestMissingFieldIsAnError(t *testing.T) {
	t.Parallel()
	mutants := map[string]func(parent object, key string){
		"removed":  func(parent object, key string) { delete(parent, key) },
		"null":     func(parent object, key string) { parent[key] = nil },
		"empty":    func(parent object, key string) { parent[key] = emptied(parent[key]) },
		"mistyped": func(parent object, key string) { parent[key] = []any{[]any{1}} },
	}
	for _, tt := range reads {
		t.Run(tt.method, func(t *testing.T) {
			t.Parallel()
			wantText(t, readMutant(t, tt.method, tt.answer, "", nil), "")
			for _, path := range tt.required {
				for name, mutate := range mutants {
					if name == "removed" && strings.HasSuffix(path, "0") {
						continue // an element that is gone cannot be missed
					}
					err := readMutant(t, tt.method, tt.answer, path, mutate)
					if err == nil || errors.Is(err, forge.ErrNotFound) {
						t.Errorf("%s %s: got %v", path, name, err)
					}
				}
			}
		})
	}
}

// emptied is the zero value of the same JSON type.
func emptied(value any) any {
	switch value.(type) {
	case string:
		return ""
	case float64:
		return -1 // zero is a good number of commits
	case object:
		return object{}
	}
	return []any{}
}

// readMutant calls a method whose answer was changed at a path.
func readMutant(t *testing.T, method string, good any, path string, mutate func(object, string)) error {
	t.Helper()
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if mutate == nil || path != "clone_url" {
			good = withCloneURL(good, "http://"+r.Host+"/acme/config.git")
		}
		root := object{"root": copyJSON(t, good)}
		if mutate != nil {
			change(root, "root."+path, mutate)
		}
		write(w, 200, root["root"])
	})
	return calls[method](t.Context(), c)
}

func withCloneURL(answer any, url string) any {
	if repository, ok := answer.(object); ok && repository["default_branch"] != nil {
		repository["clone_url"] = url
	}
	return answer
}

func copyJSON(t *testing.T, value any) any {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Error(err)
	}
	var duplicate any
	if err := json.Unmarshal(data, &duplicate); err != nil {
		t.Error(err)
	}
	return duplicate
}

// change applies mutate at a path.
func change(parent object, path string, mutate func(object, string)) {
	key, rest, more := strings.Cut(path, ".")
	if !more {
		mutate(parent, key)
		return
	}
	list, isList := parent[key].([]any)
	if !isList {
		change(parent[key].(object), rest, mutate)
		return
	}
	element := object{"0": list[0]}
	change(element, rest, mutate)
	list[0] = element["0"]
}

func TestInconsistentAnswers(t *testing.T) {
	t.Parallel()
	merged := pullJSON(1, "x", "dev")
	merged["merged"], merged["merged_at"] = true, "2026-12-01T10:00:00Z"
	undated := pullJSON(1, "x", "dev")
	undated["state"], undated["merged"] = "closed", true
	renumbered := pullJSON(2, "x", "dev")
	for _, tt := range []struct {
		method string
		answer any
		want   string
	}{
		{"Compare", compareJSON("ahead", shaC, shaC, 1, 0, commitJSON(shaB)), "base_commit.sha"},
		{"Compare", compareJSON("ahead", shaA, shaC, 1, 0, commitJSON(shaB)), "status"},
		{"Compare", compareJSON("ahead", shaA, shaA, 1, 1, commitJSON(shaB)), "status"},
		{"Compare", compareJSON("behind", shaA, shaA, 0, 1), "status"},
		{"Compare", compareJSON("identical", shaA, shaA, 0, 0), "status"},
		{"Compare", compareJSON("sideways", shaA, shaA, 1, 0), "status"},
		{"Compare", compareJSON("ahead", shaA, shaA, 2, 0, commitJSON(shaB)), "lists 1 commits where there are 2"},
		{"PullRequest", merged, "state"},
		{"PullRequest", undated, "merged_at"},
		{"PullRequest", renumbered, "number"},
		{"CheckRuns", object{"total_count": 1, "check_runs": []object{{"id": 1, "name": "x", "status": "queued", "head_sha": shaB}}}, "head_sha"},
	} {
		wantText(t, readMutant(t, tt.method, tt.answer, "", nil), tt.want)
	}
}

// FuzzAnswer feeds any body to every read: no panic, and what is returned without
// an error is complete.
func FuzzAnswer(f *testing.F) {
	for i, tt := range reads {
		var body bytes.Buffer
		if err := json.NewEncoder(&body).Encode(tt.answer); err != nil {
			f.Fatal(err)
		}
		f.Add(i, body.String())
	}
	for i := range reads {
		for _, body := range []string{"null", "[null]", "{}", "[]", `[{}]`, `"x"`, `{"check_runs":[null]}`, `{"commits":[null]}`, `{"head":null}`} {
			f.Add(i, body)
		}
	}
	f.Fuzz(func(t *testing.T, which int, body string) {
		if which < 0 {
			which = -(which + 1)
		}
		c := client(t, &journal{}, func(o *Options) {
			o.Transport = roundTripper(func(req *http.Request) (*http.Response, error) { return answer(req, 200, body), nil })
			o.MaxWait = -1
		})
		switch reads[which%len(reads)].method {
		case "Branch":
			if sha, err := c.Branch(context.Background(), "dev"); err == nil && !isSHA(sha) {
				t.Errorf("%q is a branch at %q", body, sha)
			}
		case "PullRequest":
			if pull, err := c.PullRequest(context.Background(), 1); err == nil && (!isSHA(pull.HeadSHA) || pull.State == "" || pull.Number != 1) {
				t.Errorf("%q is %+v", body, pull)
			}
		case "CheckRuns":
			runs, err := c.CheckRuns(context.Background(), shaA)
			for _, run := range runs {
				if err == nil && (run.Name == "" || run.Status == "" || run.Status == "completed" && run.Conclusion == "") {
					t.Errorf("%q is %+v", body, run)
				}
			}
		case "Compare":
			got, err := c.Compare(context.Background(), shaA, shaB, 5)
			if err == nil && (got.Base != shaA || got.Head != shaB || len(got.Commits) != min(got.AheadBy, 5)) {
				t.Errorf("%q is %+v", body, got)
			}
		default:
			_ = calls[reads[which%len(reads)].method](context.Background(), c)
		}
	})
}
