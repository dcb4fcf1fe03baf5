package github

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/forge"
)

func TestReviews(t *testing.T) {
	t.Parallel()
	pending := reviewJSON(3, "alice", "PENDING")
	delete(pending, "submitted_at")
	bot := reviewJSON(2, "renovate[bot]", "COMMENTED")
	app := reviewJSON(5, "app", "APPROVED")
	app["user"] = object{"login": "app", "type": "Bot"}
	deleted := reviewJSON(4, "", "APPROVED")
	deleted["user"], deleted["commit_id"] = nil, nil
	c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		write(w, 200, []object{app, deleted, pending, bot, reviewJSON(1, "bob", "STRANGE")})
	})
	got, err := c.Reviews(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	want := []forge.Review{
		{ID: 1, Author: "bob", State: "STRANGE", SHA: shaA, Time: at("2026-12-01T10:01:00Z")},
		{ID: 2, Author: "renovate[bot]", Bot: true, State: forge.Commented, SHA: shaA, Time: at("2026-12-01T10:02:00Z")},
		{ID: 4, Author: "ghost", State: forge.Approved, Time: at("2026-12-01T10:04:00Z")},
		{ID: 5, Author: "app", Bot: true, State: forge.Approved, SHA: shaA, Time: at("2026-12-01T10:05:00Z")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPermission(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		body string
		want forge.Permission
		err  string
	}{
		{`{"permission":"write","role_name":"maintain"}`, forge.PermissionMaintain, ""},
		{`{"permission":"read","role_name":"triage"}`, forge.PermissionTriage, ""},
		{`{"permission":"write","role_name":"security-team"}`, forge.PermissionWrite, ""},
		{`{"permission":"admin"}`, forge.PermissionAdmin, ""},
		{`{"permission":"none","role_name":""}`, forge.PermissionNone, ""},
		{`{"permission":"superuser","role_name":"security-team"}`, "superuser", "proper permission"},
		{`{}`, "", "proper permission"},
	} {
		c, j := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) { write(w, 200, tt.body) })
		got, err := c.Permission(t.Context(), "renovate[bot]")
		wantText(t, err, tt.err)
		if got != tt.want {
			t.Errorf("%s: got %q", tt.body, got)
		}
		j.wantRequests(t, "GET /collaborators/renovate%5Bbot%5D/permission")
	}
}
