package contract_test

import (
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
)

// small is a description of five paths, in which {ref}, {path} and {basehead} may
// have slashes.
func small() description {
	var d description
	for _, template := range []string{
		"/repos/{owner}/{repo}", "/repos/{owner}/{repo}/commits/{ref}", "/repos/{owner}/{repo}/commits/{ref}/status",
		"/repos/{owner}/{repo}/compare/{basehead}", "/repos/{owner}/{repo}/contents/{path}",
	} {
		spec := &openapi3.Operation{}
		for _, name := range []string{"owner", "repo", "ref", "path", "basehead"} {
			p := openapi3.NewPathParameter(name)
			p.Extensions = map[string]any{"x-multi-segment": name != "owner" && name != "repo"}
			spec.AddParameter(p)
		}
		d.operations = append(d.operations, newOperation("GET", template, spec))
	}
	slices.SortFunc(d.operations, particularFirst)
	return d
}

func TestFind(t *testing.T) {
	t.Parallel()
	d := small()
	for _, tt := range []struct {
		method, path string
		template     string // below /repos/{owner}/{repo}
		last         string // the last parameter
	}{
		{"GET", "/api/v3/repos/acme/config", "", "config"},
		{"GET", "/api/v3/repos/acme/config/commits/heads/dev", "/commits/{ref}", "heads/dev"},
		{"GET", "/api/v3/repos/acme/config/commits/heads%2Fdev", "/commits/{ref}", "heads/dev"},
		{"GET", "/api/v3/repos/acme/config/commits/heads/dev/status", "/commits/{ref}/status", "heads/dev"},
		{"GET", "/api/v3/repos/acme/config/compare/a...b/c", "/compare/{basehead}", "a...b/c"},
		{"GET", "/api/v3/repos/acme/config/contents/a/b.yaml", "/contents/{path}", "a/b.yaml"},
		{"GET", "/api/v3/repos/acme/config/contents", "/contents/{path}", "."},
		{"GET", "/api/v3/repositories/7", "", "name"},
		{"GET", "/api/v3/repositories/7/commits/x", "/commits/{ref}", "x"},

		{"GET", "/repos/acme/config", "none", ""},
		{"PUT", "/api/v3/repos/acme/config", "none", ""},
		{"GET", "/api/v3/repos/acme/config/", "none", ""},
		{"GET", "/api/v3/repos/acme/config/commits/", "none", ""},
		{"GET", "/api/v3/repos/acme/config/other", "none", ""},
		{"GET", "/api/v3/repos/acme/config/commits/%zz", "none", ""},
	} {
		o, values, err := d.find(tt.method, tt.path)
		if err != nil {
			if tt.template != "none" {
				t.Errorf("%s: %v", tt.path, err)
			}
			continue
		}
		got := []string{o.template, values[o.names[len(o.names)-1]]}
		if diff := cmp.Diff([]string{"/repos/{owner}/{repo}" + tt.template, tt.last}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.path, diff)
		}
	}
}
