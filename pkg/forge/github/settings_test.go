package github

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/forge"
)

// What REST leaves out of a branch protection is unread unless GraphQL tells it.
func TestProtectionUnlisted(t *testing.T) {
	t.Parallel()
	rule := func(fields string) string {
		return `{"data": {"repository": {"ref": {"branchProtectionRule": ` + fields + `}, "mergeQueue": null}}}`
	}
	for name, tt := range map[string]struct {
		status  int
		graphql string
		want    forge.Protection
		unread  bool
		err     error
	}{
		"nothing is required": {graphql: rule(`{"requiresDeployments": false, "requiredDeploymentEnvironments": ["left"]}`)},
		"deployments": {graphql: rule(`{"requiresDeployments": true, "requiredDeploymentEnvironments": ["qa", "live"]}`),
			want: forge.Protection{Environments: []string{"qa", "live"}}},
		"a merge queue": {graphql: `{"data": {"repository": {"ref": {"branchProtectionRule": {"requiresDeployments": false}}, "mergeQueue": {"id": "MQ"}}}}`,
			want: forge.Protection{MergeQueue: true}},
		"it is not shown":      {graphql: rule("null"), unread: true},
		"no such branch":       {graphql: `{"data": {"repository": {"ref": null, "mergeQueue": null}}}`, unread: true},
		"a field is not there": {graphql: rule("{}"), unread: true},
		"an old server":        {graphql: `{"errors": [{"message": "Field 'requiresDeployments' doesn't exist on type 'BranchProtectionRule'"}]}`, unread: true},
		"not for this token":   {graphql: `{"data": null, "errors": [{"type": "FORBIDDEN", "message": "Resource not accessible by integration"}]}`, unread: true},
		"no GraphQL":           {status: http.StatusForbidden, graphql: `{"message": "Forbidden"}`, unread: true},
		"the server failed":    {graphql: `{"errors": [{"type": "INTERNAL", "message": "Something went wrong while executing your query."}]}`, err: forge.ErrTransient},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
				body := tt.graphql
				if !strings.HasSuffix(r.URL.Path, "/graphql") {
					body = `{"url": "https://api.github.com/x", "enforce_admins": {"enabled": true}}`
				} else if tt.status != 0 {
					w.WriteHeader(tt.status)
				}
				if _, err := w.Write([]byte(body)); err != nil {
					t.Error(err)
				}
			})
			got, err := c.Protection(t.Context(), "staging")
			if tt.err != nil {
				if !errors.Is(err, tt.err) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || (got.Unread != "") != tt.unread {
				t.Errorf("%+v: %v", got, err)
			}
			got.Unread = ""
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
