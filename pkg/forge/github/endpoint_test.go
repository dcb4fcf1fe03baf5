package github

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseEndpoint(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, api, graphql, web string }{
		{"", "https://api.github.com/", "https://api.github.com/graphql", "github.com"},
		{"https://api.github.com", "https://api.github.com/", "https://api.github.com/graphql", "github.com"},
		{"https://api.acme.ghe.com/", "https://api.acme.ghe.com/", "https://api.acme.ghe.com/graphql", "acme.ghe.com"},
		{"https://git.acme.io/api/v3", "https://git.acme.io/api/v3/", "https://git.acme.io/api/graphql", "git.acme.io"},
		{"http://127.0.0.1:8080/api/v3/", "http://127.0.0.1:8080/api/v3/", "http://127.0.0.1:8080/api/graphql", "127.0.0.1:8080"},
		{"http://[::1]:80/api/v3", "http://[::1]:80/api/v3/", "http://[::1]:80/api/graphql", "[::1]:80"},
		{"http://localhost/api/v3", "http://localhost/api/v3/", "http://localhost/api/graphql", "localhost"},
	} {
		got, err := parseEndpoint(tt.in)
		if err != nil {
			t.Errorf("%q: %v", tt.in, err)
			continue
		}
		want := []string{tt.api, tt.graphql, tt.web}
		if diff := cmp.Diff(want, []string{got.api.String(), got.graphql, got.web}); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.in, diff)
		}
	}
}

func TestParseEndpointRefuses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"http://api.github.com":        "not https",
		"http://127.0.0.1.evil.io/":    "not https",
		"http://localhost.evil.io/":    "not https",
		"ftp://localhost/":             "not https",
		"api.github.com":               "no host",
		"https://":                     "no host",
		"https://tok@api.github.com":   "credentials",
		"https://api.github.com/?a=b":  "more than",
		"https://api.github.com/#frag": "more than",
		"https://a b/":                 "not a URL",
	} {
		_, err := parseEndpoint(in)
		wantText(t, err, want)
	}
}

func TestSameOrigin(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"https://a.io/x", "https://a.io/y", true},
		{"https://a.io", "https://A.io:443/", true},
		{"https://a.io", "http://a.io", false},
		{"https://a.io", "https://a.io:444", false},
		{"https://a.io", "https://b.a.io", false},
		{"https://a.io", "https://a.io.", false},
		{"http://a.io:80", "http://a.io", true},
	} {
		a, b := mustURL(t, tt.a), mustURL(t, tt.b)
		if got := sameOrigin(a, b); got != tt.want {
			t.Errorf("%s and %s: got %v", tt.a, tt.b, got)
		}
	}
}

func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
