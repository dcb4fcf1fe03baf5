package github

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/forge"
)

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestStatusesAreTheNewest(t *testing.T) {
	t.Parallel()
	c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		write(w, 200, []object{
			statusJSON(2, "ci", "failure", "2026-12-01T10:00:00Z"),
			statusJSON(3, "ci", "success", "2026-12-01T10:00:00Z"),
			statusJSON(9, "ci", "pending", "2026-12-01T09:00:00Z"),
			statusJSON(4, "flux/dev", "weird", "2026-12-01T08:00:00Z"),
			statusJSON(5, "CI", "error", "2026-12-01T08:00:00Z"),
		})
	})
	got, err := c.Statuses(t.Context(), shaA)
	want := []forge.Status{
		{ID: 5, Context: "CI", State: "error", Creator: "ci", Time: at("2026-12-01T08:00:00Z")},
		{ID: 3, Context: "ci", State: "success", Creator: "ci", Time: at("2026-12-01T10:00:00Z")},
		{ID: 4, Context: "flux/dev", State: "weird", Creator: "ci", Time: at("2026-12-01T08:00:00Z")},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestCheckRunsAreTheNewest(t *testing.T) {
	t.Parallel()
	c, j := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		write(w, 200, object{"total_count": 4, "check_runs": []object{
			runJSON(7, "build", "actions", "completed", "success"),
			runJSON(8, "build", "actions", "queued", ""),
			runJSON(6, "build", "actions", "completed", "failure"),
			runJSON(5, "build", "other-app", "completed", "neutral"),
		}})
	})
	got, err := c.CheckRuns(t.Context(), shaA)
	started, completed := at("2026-12-01T10:00:00Z"), at("2026-12-01T11:00:00Z")
	want := []forge.CheckRun{
		{ID: 8, Name: "build", App: "actions", Status: "queued", Started: started},
		{ID: 5, Name: "build", App: "other-app", Status: "completed", Conclusion: "neutral", Started: started, Completed: completed},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	j.wantRequests(t, "GET /commits/"+shaA+"/check-runs?filter=latest&page=1&per_page=100")
}

func TestSetStatus(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		lost  bool   // the first answer
		shown string // the state that reading back shows
		posts int
	}{{"plain", false, "", 1}, {"lost, and made", true, "success", 1}, {"lost, and not made", true, "pending", 2}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			long := strings.Repeat("ü", 139) + "…"
			var bodies []string
			c, _ := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
				shown := statusJSON(1, "pawl/staging", tt.shown, "2026-12-01T10:00:00Z")
				shown["description"] = long
				if r.Method == http.MethodGet {
					write(w, 200, []object{shown})
					return
				}
				data, _ := io.ReadAll(r.Body)
				bodies = append(bodies, strings.TrimSpace(string(data)))
				if tt.lost && len(bodies) == 1 {
					write(w, 502, "")
					return
				}
				write(w, 201, object{"state": "success", "context": "pawl/staging"})
			})
			err := c.SetStatus(t.Context(), shaA, forge.Status{Context: "pawl/staging", State: "success", Description: strings.Repeat("ü", 200), TargetURL: "https://x/y"})
			if err != nil || len(bodies) != tt.posts {
				t.Fatalf("got %v after %d posts", err, len(bodies))
			}
			want := `{"state":"success","target_url":"https://x/y","description":"` + long + `","context":"pawl/staging"}`
			if bodies[0] != want {
				t.Errorf("sent %s", bodies[0])
			}
		})
	}
}

func TestShorten(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", "abcde": "abcde", "abcdef": "abcd…", "üüüüü": "üüüüü", "üüüüüü": "üüüü…"} {
		if got := shorten(in, 5); got != want {
			t.Errorf("%q: got %q", in, got)
		}
	}
}
