package github

import (
	"net/http"
	"slices"
	"testing"
)

func TestTeamMembers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		team, body string
		status     int
		want       []string
		err        string
	}{
		{"acme/ops", `[{"login":"ada"},{"login":"bob"}]`, 200, []string{"ada", "bob"}, ""},
		{"acme/ops", `[]`, 200, nil, ""},
		{"acme/ops", `[{"id":1}]`, 200, nil, "proper login"},
		{"acme/ops", `{"message":"Not Found"}`, 404, nil, "the team is not there, or the token needs the permission members: read of the organization"},
		{"acme/ops", `{"message":"Resource not accessible by integration"}`, 403, nil, "members: read of the organization"},
		{"acme", `[]`, 0, nil, `"acme" is not a team`},
		{"acme/../x", `[]`, 0, nil, "is not a team"},
		{"../ops", `[]`, 0, nil, "is not a team"},
	} {
		c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) { write(w, tt.status, tt.body) })
		got, err := c.TeamMembers(t.Context(), tt.team)
		wantText(t, err, tt.err)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s %s: got %q", tt.team, tt.body, got)
		}
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"data":{"viewer":{"login":"release[bot]"}}}`: "release[bot]",
		`{"data":{"viewer":{}}}`:                       "",
		`{"errors":[{"message":"no"}]}`:                "",
	} {
		c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) { write(w, 200, body) })
		got, err := c.Login(t.Context())
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: got %q, %v", body, got, err)
		}
	}
}
